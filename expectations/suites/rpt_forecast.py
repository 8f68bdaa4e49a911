"""What a reader of `rpt_forecast` is promised: the total is the sum of its parts, and it is the forecast."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_forecast"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, method and part, and one for the parts together."""
    return [
        *rules.keyed(["period_type", "period_start", "method", "part"], floor=context.floor("deals")),
        rules.filled("period_label", "expected", "is_current", "period_end"),
        rules.accepted("part", ("won", "open", "not_created", "renewals", "total")),
        rules.rows(
            "total_is_the_sum",
            "select * from (select period_type, period_start, method, "
            "sum(expected) filter (where part = 'total') as in_total, "
            "sum(expected) filter (where part <> 'total') as of_parts from {batch} group by all) "
            "where in_total is null or in_total <> of_parts",
            expected="the parts' expected sums equal the total",
        ),
    ]
