"""What a reader of `rpt_deals_at_risk` is promised: at most 25 deals, highest value first, each with a reason."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_deals_at_risk"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal of those with the highest value at risk."""
    return [
        *rules.keyed(["deal_key"], floor=0),
        rules.row_count("at_most_25", 0, 25),
        rules.filled("value_rank", "reasons"),
        rules.unique("value_rank"),
        rules.between("reasons", 1),
        rules.rows(
            "among_the_deals_with_risks",
            "select at_risk.deal_key from {batch} as at_risk anti join rpt_deal_risks as risks "
            "on at_risk.deal_key = risks.deal_key",
            expected="deals of rpt_deal_risks",
        ),
    ]
