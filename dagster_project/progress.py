"""What a person at a terminal sees while a run goes on; silent unless the command line listens."""

from collections.abc import Callable

Listener = Callable[[str], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Sends every later line of progress to `listener`."""
    _listeners.append(listener)


def say(line: str) -> None:
    """Tells all listeners one line."""
    for listener in _listeners:
        listener(line)


def report_progress(source: str, entity: str, rows: int) -> None:
    """The callback that landing calls as rows arrive."""
    say(f"{source}: {rows:,} {entity}")
