"""What a reader of `fct_ad_performance_daily` is promised: each day of each ad group once, its spend convertible."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_ad_performance_daily"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per platform, ad account, campaign, ad group and day."""
    return [
        *rules.basics(context, MART, ["ad_day_key"], floor=context.floor("ad_days")),
        rules.references("campaign_key", "dim_campaigns"),
        rules.filled("campaign_key", "platform", "campaign_id", "channel"),
        rules.accepted("channel", ALL_CHANNELS),
        rules.pattern("currency", "[A-Z]{3}"),
        rules.none("counts_not_negative", "impressions < 0 or clicks < 0 or spend < 0 or conversions_claimed < 0"),
        rules.none("clicks_within_impressions", "clicks > impressions", severity="warn"),
        rules.none("spend_converted", "spend is not null and spend_reporting is null"),
        rules.none("day_by_the_day", f"date_day > date '{context.as_of}'"),
        rules.rows(
            "campaigns_known",
            "select days.campaign_key, days.platform, count(*) as row_count from {batch} as days "
            "anti join dim_campaigns as campaigns on days.campaign_key = campaigns.campaign_key group by all",
            expected="every day belongs to a campaign of dim_campaigns",
        ),
    ]
