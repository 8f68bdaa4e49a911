"""What a reader of `dim_campaigns` is promised: each campaign once, on a paid channel, with a name."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_campaigns"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per campaign of a platform."""
    return [
        *rules.basics(context, MART, ["campaign_key"], floor=context.floor("ad_days", "ad_group_days")),
        rules.references("channel", "dim_channels"),
        rules.filled("platform", "campaign_id", "channel"),
        rules.pattern("currency", "[A-Z]{3}"),
        rules.none("days_in_order", "last_day < first_day"),
    ]
