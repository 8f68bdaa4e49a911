"""How our one-line errors cross the orchestrator: as a failure of the step, and kept for the command line.

What belongs here: that crossing. What does not: the errors' wording.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from configuration.errors import SaleshouseError, Stopped, Unreachable

_last: list[SaleshouseError] = []


def remember(error: SaleshouseError) -> None:
    """Keeps the error that a person at a terminal is to be told."""
    _last[:] = [error]


def last() -> SaleshouseError | None:
    """The error remembered last, if any; asking forgets it."""
    return _last.pop() if _last else None


def stopped() -> Stopped:
    """What a person is told who has interrupted a run."""
    return Stopped(
        "the run was interrupted",
        where="run",
        effect="nothing was published, the live release stays",
        fix="start it again, it goes on from what has landed",
    )


@contextmanager
def told() -> Iterator[None]:
    """Turns an error of ours into a failure of the step; only an unreachable vendor is worth a second try.

    An interruption is one of ours too, or a step that may be tried again would be.
    """
    try:
        yield
    except SaleshouseError as exc:
        remember(exc)
        raise dg.Failure(str(exc), allow_retries=isinstance(exc, Unreachable)) from exc
    except DagsterExecutionInterruptedError as exc:
        error = stopped()
        remember(error)
        raise dg.Failure(str(error), allow_retries=False) from exc
