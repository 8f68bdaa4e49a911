"""What is compared of one mart.

What belongs here: the form of such a list; the lists stand beside the truths that they name. What does not: comparing
(verify.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """A mart, the columns that name its rows, the measures by kind, and a condition on the release's rows."""

    mart: str
    key: tuple[str, ...]
    measures: dict[str, str]
    where: str = "true"


def measures(**kinds: str) -> dict[str, str]:
    """Measures by name, from names by kind: `measures(money="amount", count="deals won_deals")`."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}
