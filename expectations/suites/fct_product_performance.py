"""What a reader of `fct_product_performance` is promised: products add up to the pipeline and the bookings."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_product_performance"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per product and month; open deals without a date have no month."""
    booked = "from fct_deals where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')"
    return [
        *rules.basics(context, MART, ["product_member"], floor=0, nullable=["month_start"]),
        rules.references("product_key", "dim_products"),
        rules.filled("product_name", "open_reporting", "won_reporting"),
        rules.between("win_rate", 0, 1),
        rules.between("discount_rate", -100, 1, severity="warn"),
        rules.none("counted_deals_are_deals", "won_deals_in_rate > won_deals or lost_deals_in_rate > lost_deals"),
        rules.none(
            "rate_is_won_by_closed",
            "(win_rate is null) <> (won_deals_in_rate + lost_deals_in_rate = 0) "
            "or abs(win_rate * (won_deals_in_rate + lost_deals_in_rate) - won_deals_in_rate) > 0.001",
        ),
        rules.none(
            "whole_months",
            "month_start between (select min(month_start) from dim_dates) and (select max(date_day) from dim_dates) "
            "and month_start not in (select month_start from dim_dates)",
        ),
        rules.rows(
            "products_are_the_deals",
            "select sums.*, deals.* from "
            "(select sum(open_reporting) as open_products, sum(won_reporting) as won_products from {batch}) as sums, "
            "(select sum(amount_reporting) filter (where status = 'open') as open_deals, "
            f"sum(amount_reporting) filter (where status = 'won') as won_deals {booked}) as deals "
            "where coalesce(open_products, 0) <> coalesce(open_deals, 0) "
            "or coalesce(won_products, 0) <> coalesce(won_deals, 0)",
            expected="the pipeline and bookings of all deals",
        ),
    ]
