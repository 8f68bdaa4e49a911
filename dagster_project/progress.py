"""What a person at a terminal sees while a run goes on; silent unless the command line listens."""

import time
from collections.abc import Callable

Listener = Callable[[str], None]
_listeners: list[Listener] = []
_QUIET_SECONDS = 4.0
_spoken = [float("-inf")]


def listen(listener: Listener) -> None:
    """Sends every later line of progress to `listener`."""
    _listeners.append(listener)


def say(line: str) -> None:
    """Tells all listeners one line."""
    for listener in _listeners:
        listener(line)


def report_progress(source: str, entity: str, rows: int) -> None:
    """The callback that landing calls as rows arrive; a line every few seconds is enough to see that it moves."""
    now = time.monotonic()
    if now - _spoken[0] >= _QUIET_SECONDS:
        _spoken[0] = now
        say(f"{source}: {rows:,} {entity} so far")
