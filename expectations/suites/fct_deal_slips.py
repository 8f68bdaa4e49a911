"""What a reader of `fct_deal_slips` is promised: a deal that was due once per period, slipped as its outcome says."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_slips"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period and deal. A company whose source keeps no history of close dates has none."""
    return [
        *rules.basics(context, MART, ["period_type", "period_start", "deal_key"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.filled("pipeline_id", "segment", "outcome", "pushes", "pushed_days", "is_complete", "period_end"),
        rules.accepted("period_type", ("week", "month", "quarter")),
        rules.accepted("outcome", ("still_open", "closed_later", "won", "lost", "deleted")),
        rules.none(
            "slipped_is_its_outcome", "is_complete and is_slipped <> (outcome in ('still_open', 'closed_later'))"
        ),
        rules.none("slipped_at_the_end_only", "(is_slipped is null) = is_complete"),
        rules.none("complete_is_over", f"is_complete <> (period_end <= date '{context.as_of}')"),
        rules.none("pushes_have_days", "pushed_days < pushes"),
    ]
