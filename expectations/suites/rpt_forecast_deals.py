"""What a reader of `rpt_forecast_deals` is promised: the largest open deals with the chances of the forecast."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_forecast_deals"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal, at most 25."""
    return [
        *rules.keyed(["deal_key"], floor=0),
        rules.filled("deal_id", "owner_name", "value_rank", "likeliest_month"),
        rules.between("value_rank", 1, 25),
        rules.between("chance_in_all", 0, "1.000001"),
        rules.none("a_part_of_all", "chance_in_quarter > chance_in_all or chance_in_month > chance_in_all"),
    ]
