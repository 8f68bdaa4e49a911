"""How our one-line errors cross the orchestrator: as a failure of the step, and kept for the command line.

What belongs here: that crossing. What does not: the errors' wording.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from configuration.errors import SaleshouseError, Unreachable

_last: list[SaleshouseError] = []


def remember(error: SaleshouseError) -> None:
    """Keeps the error that a person at a terminal is to be told."""
    _last[:] = [error]


def last() -> SaleshouseError | None:
    """The error remembered last, if any; asking forgets it."""
    return _last.pop() if _last else None


@contextmanager
def told() -> Iterator[None]:
    """Turns an error of ours into a failure of the step; only an unreachable vendor is worth a second try."""
    try:
        yield
    except SaleshouseError as exc:
        remember(exc)
        raise dg.Failure(str(exc), allow_retries=isinstance(exc, Unreachable)) from exc
