"""What a reader of `fct_slip_rates` is promised: rates from sums, and the sums are those of the deals."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_slip_rates"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, level and member."""
    return [
        *rules.basics(context, MART, ["period_type", "period_start", "level", "member"], floor=0),
        rules.filled("unknown_deals", "is_complete", "period_end", "closing_date"),
        rules.accepted("period_type", ("week", "month", "quarter")),
        rules.accepted("level", ("total", "team", "owner", "segment", "pipeline")),
        rules.none("unknown_only_where_history_lacks", "due_deals is null and unknown_deals = 0"),
        rules.none(
            "no_rate_before_the_end", "not is_complete and (slip_rate is not null or slipped_deals is not null)"
        ),
        rules.none(
            "rate_from_its_sums",
            "abs(slip_rate - slipped_deals / nullif(due_deals, 0)) > 0.000001 "
            "or abs(slip_rate_value - slipped_amount / nullif(due_amount, 0)) > 0.000001",
        ),
        rules.rows(
            "levels_are_the_deals",
            "select rates.period_type, rates.period_start, rates.level from (select period_type, period_start, level, "
            "sum(due_deals) as due_deals, sum(slipped_deals) as slipped_deals from {batch} "
            "where due_deals is not null group by all) as rates "
            "inner join (select period_type, period_start, count(*) as due_deals, "
            "count(*) filter (where is_complete and outcome in ('still_open', 'closed_later')) as slipped_deals "
            "from fct_deal_slips group by all) as slips "
            "on rates.period_type = slips.period_type and rates.period_start = slips.period_start "
            "where rates.due_deals <> slips.due_deals or rates.slipped_deals <> slips.slipped_deals",
            expected="each level adds up to the deals that were due",
        ),
    ]
