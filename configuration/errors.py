"""The project's exceptions: one base, one line each.

    SaleshouseError
    ├── ConfigurationError        saleshouse.yml or a mapping file is wrong
    ├── SourceError               a vendor or an exported file could not be read
    │   ├── AuthenticationError   token missing, wrong or expired
    │   ├── PermissionMissing     the token works but lacks a scope
    │   ├── Unreachable           network, DNS, TLS or a server that stays down
    │   └── MalformedData         an answer or a file that is not what it claims to be
    ├── LandingError              raw lake or its ledger is damaged or cannot be written
    ├── RunLocked                 another run is going on
    ├── BuildError                dbt could not build the candidate
    ├── GateFailed                the candidate broke a promise; the live release stays
    ├── ReleaseError              a release could not be sealed, found or pointed at
    └── Stopped                   somebody interrupted the run

What belongs here: the shape of an error. What does not: its wording, which stands where it is raised.
"""

from collections.abc import Sequence
from typing import Self


class SaleshouseError(Exception):
    """Says in one line what failed, where, with which effect, and what to do next.

    `others`: a line each of further mistakes that the same effort mends.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str, effect: str, fix: str, others: Sequence[str] = ()) -> None:
        self.what, self.where, self.effect, self.fix = (" ".join(part.split()) for part in (what, where, effect, fix))
        self.others = tuple(others)
        super().__init__(f"{self.where}: {self.what} - {self.effect}; {self.fix}")

    @classmethod
    def together(cls, mistakes: Sequence[tuple[str, str, str]], *, effect: str, then: str = "") -> Self:
        """One error of several mistakes (what, where, fix): the first says how many there are, the next four follow.

        `then`: what to do once all are mended.
        """
        (what, where, fix), *more = mistakes
        told = f"{what} (and {len(more)} more)" if more else what
        others = [" ".join(f"{place}: {wrong} - {mend}".split()) for wrong, place, mend in more[:4]]
        return cls(told, where=where, effect=effect, fix=f"{fix}, {then}" if then else fix, others=others)


class ConfigurationError(SaleshouseError):
    """`saleshouse.yml`, an environment variable or a mapping file is wrong."""

    exit_code = 2


class SourceError(SaleshouseError):
    """A vendor's interface or an exported file could not be read."""

    exit_code = 3


class AuthenticationError(SourceError):
    """The credential is missing, wrong or expired."""


class PermissionMissing(SourceError):
    """The credential works but lacks a scope."""


class Unreachable(SourceError):
    """The other side cannot be reached or stays down after all retries."""


class MalformedData(SourceError):
    """An answer or a file is not what it claims to be."""


class LandingError(SaleshouseError):
    """The raw lake or its ledger cannot be written or is damaged."""

    exit_code = 4


class RunLocked(SaleshouseError):
    """Another process is running a build in the same home."""

    exit_code = 5


class BuildError(SaleshouseError):
    """dbt could not build the candidate."""

    exit_code = 6


class GateFailed(SaleshouseError):
    """The candidate broke a promise to readers; the previous release stays live."""

    exit_code = 7


class ReleaseError(SaleshouseError):
    """A release could not be sealed, found or pointed at."""

    exit_code = 8


class Stopped(SaleshouseError):
    """Somebody interrupted the run."""

    exit_code = 130
