"""What a reader of `fct_rep_stage_conversions` is promised: rates of their counts, and at most one hint per owner."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_rep_stage_conversions"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner and stage."""
    return [
        *rules.basics(context, MART, ["owner_key", "stage"], floor=0),
        rules.filled("decided", "progressed", "is_coaching_hint"),
        rules.accepted("peer_basis", ("team", "company")),
        rules.none("progressed_within_decided", "progressed < 0 or progressed > decided or decided < 1"),
        rules.none("rate_is_progressed_of_decided", "abs(conversion_rate - progressed / decided) > 0.000001"),
        rules.none(
            "shrunk_lies_between_own_and_others",
            "conversion_rate_shrunk not between least(conversion_rate, peer_conversion_rate) - 1e-6 "
            "and greatest(conversion_rate, peer_conversion_rate) + 1e-6",
        ),
        rules.rows(
            "one_hint_per_owner",
            "select owner_key from {batch} where is_coaching_hint group by owner_key having count(*) > 1",
            expected="at most one stage per owner",
        ),
        # The interval is at least as wide as one comparison's.
        rules.none(
            "a_hints_interval_excludes_the_others",
            "is_coaching_hint and coalesce(interval_high >= peer_conversion_rate or interval_high < wilson_high, true)",
        ),
        rules.rows(
            "comparisons_are_counted",
            "select comparisons from {batch} where comparisons is not null group by all "
            "having comparisons <> (select count(comparisons) from {batch})",
            expected="each comparison knows how many were made",
        ),
    ]
