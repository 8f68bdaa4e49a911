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
    ]
