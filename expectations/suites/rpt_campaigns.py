"""What a reader of `rpt_campaigns` is promised: each campaign once per window, ranked by spend, no cost per nothing."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_campaigns"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per window and campaign."""
    return [
        *rules.keyed(["window_name", "campaign_key"], floor=0),
        rules.filled("campaign_name", "channel", "spend_rank", "leads"),
        rules.none(
            "counts_not_negative", "impressions < 0 or clicks < 0 or spend_reporting < 0 or leads < 0 or mqls > leads"
        ),
        rules.none(
            "no_cost_per_nothing",
            "(leads = 0 and cost_per_lead is not null) or (clicks = 0 and cost_per_click is not null)",
            expected="NULL where the denominator is zero",
        ),
    ]
