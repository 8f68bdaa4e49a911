"""What a reader of `rpt_monthly` is promised: the current month last, bookings those of the deals."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_monthly"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per month."""
    return [
        *rules.keyed(["month_start"], floor=1),
        rules.filled("month_label", "is_current"),
        rules.rows(
            "one_current_month",
            "select * from (select count(*) filter (where is_current) as current_months, "
            "max(month_start) filter (where is_current) as current_month, max(month_start) as last_month from {batch}) "
            "where current_months <> 1 or current_month <> last_month",
            expected="the current month once, as the last one",
        ),
        rules.rows(
            "bookings_are_the_deals",
            "select months.month_start, months.won_reporting, coalesce(sum(deals.amount_reporting), 0) as won_of_deals "
            "from {batch} as months left join (select distinct month_start, month_end from dim_dates) as ends "
            "on months.month_start = ends.month_start left join fct_deals as deals "
            "on deals.close_day between ends.month_start and ends.month_end and deals.status = 'won' "
            "and not deals.is_excluded and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell') "
            f"and deals.close_day <= date '{context.as_of}' "
            "group by all having months.won_reporting <> coalesce(sum(deals.amount_reporting), 0)",
            expected="the amount of the deals won in the month",
        ),
    ]
