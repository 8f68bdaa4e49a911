"""What a reader of `dim_campaigns` is promised: each campaign once, with a channel, and a member for none."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_campaigns"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per campaign of a platform, and one for what belongs to none."""
    return [
        *rules.basics(context, MART, ["campaign_key"], floor=context.floor("ad_days")),
        rules.references("channel", "dim_channels"),
        rules.filled("platform", "campaign_id", "channel"),
        rules.pattern("currency", "[A-Z]{3}"),
        rules.rows(
            "has_a_member_for_none",
            "select count(*) as members from {batch} where campaign_key = 'unattributed' having count(*) <> 1",
            expected="one row `unattributed`",
        ),
        rules.none("days_in_order", "last_day < first_day"),
    ]
