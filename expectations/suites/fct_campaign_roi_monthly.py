"""What a reader of `fct_campaign_roi_monthly` is promised: all spend and each lead once; no cost per nothing."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_campaign_roi_monthly"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per campaign and month, and per paid channel and month for no campaign; undated leads have no month."""
    return [
        *rules.basics(
            context,
            MART,
            ["campaign_key", "channel"],
            nullable=["month_start"],
            floor=context.floor("ad_days"),
        ),
        rules.references("campaign_key", "dim_campaigns"),
        rules.filled("leads", "won_deals"),
        rules.accepted("channel", ALL_CHANNELS),
        rules.none(
            "counts_not_negative", "least(spend_reporting, leads, mqls, sql_leads, opportunities, won_deals) < 0"
        ),
        rules.none(
            "without_amount_are_won",
            "won_deals_without_amount not between 0 and won_deals "
            "or (won_deals_without_amount = won_deals and won_amount_reporting <> 0)",
        ),
        rules.none("funnel_narrows", "mqls > leads or sql_leads > mqls or opportunities > sql_leads"),
        rules.none(
            "no_cost_per_nothing",
            "(leads = 0 and cost_per_lead is not null) or (mqls = 0 and cost_per_mql is not null) "
            "or (sql_leads = 0 and cost_per_sql_lead is not null) "
            "or (coalesce(spend_reporting, 0) = 0 and roas is not null) "
            "or (spend_reporting is null and cost_per_lead is not null)",
            expected="NULL where the denominator is zero or spend is unknown",
        ),
        rules.none(
            "paid_back_if_the_margin_is",
            "(payback_months is not null) <> (paid_back_on is not null) or payback_months < 0 "
            "or (paid_back_on is not null and (coalesce(spend_reporting, 0) = 0 or gross_margin_reporting is null))",
        ),
        rules.rows(
            "spend_is_of_channels_with_ads",
            "select months.* from {batch} as months left join (select channel, date_trunc('month', min(date_day)) "
            "as first_month from fct_ad_performance_daily where spend_reporting is not null group by all) as covered "
            "on months.channel = covered.channel where months.campaign_key = 'unattributed' "
            "and (months.spend_reporting is null) = coalesce(months.month_start >= covered.first_month, false)",
            expected="leads of no campaign have spend 0 where the channel's ads are read, none elsewhere",
        ),
        rules.rows(
            "spend_is_all_spend",
            "select * from (select (select coalesce(sum(spend_reporting), 0) from {batch}) as of_months, "
            "(select coalesce(sum(spend_reporting), 0) from fct_ad_performance_daily) as of_days) "
            "where abs(of_months - of_days) > 0.01 + 0.000001 * of_days",
            expected="the months' spend equals the days'",
        ),
    ]
