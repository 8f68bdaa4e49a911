"""What a reader of `fct_targets` is promised: one target per month, level and member, in the reporting currency."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_targets"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per month, level, member and measure."""
    return [
        *rules.basics(context, MART, ["target_key"], floor=context.floor("targets")),
        rules.filled("level", "measure", "period_start", "amount_reporting"),
        rules.unique("level", "member", "measure", "period_start"),
        rules.accepted("level", ("company", "team", "owner", "creator_kind")),
        rules.accepted("measure", ("bookings", "pipeline_created")),
        rules.between("amount_reporting", 0),
        rules.none("whole_months", "period_start <> date_trunc('month', period_start)"),
    ]
