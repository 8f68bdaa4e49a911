"""What a reader of `rpt_forecast_bridge` is promised: reasons that add up to the whole difference."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_forecast_bridge"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period type and reason, and one for all; without a commit there is none."""
    return [
        *rules.keyed(["period_type", "reason"], floor=0),
        rules.filled("commit_source", "commit_reporting", "expected", "difference"),
        rules.rows(
            "total_is_the_sum",
            "select period_type from {batch} group by period_type "
            "having sum(difference) filter (where reason = 'total') is distinct from "
            "sum(difference) filter (where reason <> 'total')",
            expected="the reasons' differences equal the total",
        ),
    ]
