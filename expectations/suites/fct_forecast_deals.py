"""What a reader of `fct_forecast_deals` is promised: chances that are chances, and deals that make up the forecast."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast_deals"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per open deal and month; a company without open deals or history has none."""
    return [
        *rules.keyed(["deal_key", "month_start"], floor=0),
        rules.filled("owner_member", "team", "segment", "pipeline", "part", "expected", "as_of"),
        rules.accepted("part", ("open", "renewals")),
        rules.between("chance", 0, 1),
        rules.none("won_of_those_like_it", "won_like_it > deals_like_it"),
        rules.rows(
            "won_once",
            "select deal_key from {batch} group by deal_key having sum(chance) > 1.000001",
            expected="the chances of a deal's months add up to at most 1",
        ),
        rules.rows(
            "only_open_deals",
            "select deal_key from {batch} where deal_key not in (select deal_key from fct_deals where status = 'open')",
            expected="each deal is open",
        ),
        rules.rows(
            "within_the_forecast",
            "select * from (select month_start, sum(expected) as of_deals, (select sum(expected) from fct_forecast "
            "where method = 'saleshouse' and level = 'total' and period_type = 'month' and period_start = month_start "
            "and part in ('open', 'renewals')) as of_forecast from {batch} where part = 'open' group by month_start) "
            "where of_deals > of_forecast",
            expected="what is expected of open deals is part of the forecast",
        ),
    ]
