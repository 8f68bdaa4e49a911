"""What a reader of `fct_forecast` is promised: parts that add up, ranges in order, what is won equal to the deals."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, method, level, member and part, as of the day reported."""
    grain = ("as_of", "period_type", "period_start", "method", "level", "member", "measure", "part")
    return [
        *rules.basics(context, MART, ["forecast_key"], floor=context.floor("deals")),
        rules.filled("as_of", "period_type", "period_start", "period_end", "method", "level", "part", "expected"),
        rules.unique(*grain),
        rules.accepted("period_type", ("month", "quarter")),
        rules.accepted("method", ("crm_view", "stage_yield", "seasonal_naive")),
        rules.accepted("level", ("total", "owner", "pipeline")),
        rules.accepted("part", ("won", "open", "not_created", "renewals")),
        rules.none("as_of_the_day", f"as_of <> date '{context.as_of}'"),
        rules.none("period_in_order", "period_end < period_start"),
        rules.none("range_in_order", "p10 > p50 or p50 > p90"),
        rules.between("chance_of_target", 0, 1),
        rules.rows(
            "levels_add_up",
            "select * from (select period_type, period_start, method, measure, part, "
            "sum(expected) filter (where level = 'total') as of_total, "
            "sum(expected) filter (where level = 'owner') as of_owners from {batch} group by all) "
            "where of_owners is not null and abs(of_total - of_owners) > 0.01",
            expected="owners' expected sums equal the total",
        ),
    ]
