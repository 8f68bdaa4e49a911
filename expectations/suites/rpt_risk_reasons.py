"""What a reader of `rpt_risk_reasons` is promised: each reason once, with the deals that show it."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_risk_reasons"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per sign of risk, one for the deals at risk and one for all open deals."""
    return [
        *rules.keyed(["reason"], floor=0),
        rules.filled("reason_order", "deals"),
        rules.between("deals", 0),
        rules.rows(
            "deals_at_risk_are_open_deals",
            "select at_risk.deals, open.deals as open_deals from {batch} as at_risk "
            "inner join {batch} as open on open.reason = 'open' "
            "where at_risk.reason = 'any' and (at_risk.deals > open.deals "
            "or at_risk.deals > (select sum(deals) from {batch} where reason not in ('any', 'open')))",
            expected="no more deals at risk than open ones, and than signs",
        ),
    ]
