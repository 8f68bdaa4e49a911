"""What a reader of `rpt_source_to_revenue` is promised: all leads and all deals once, and steps that narrow."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_source_to_revenue"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per month and channel. A company may have no lead and no deal, so the floor follows the leads."""
    return [
        *rules.basics(context, MART, ["channel"], nullable=["cohort_month"], floor=context.floor("leads")),
        rules.filled("leads", "deals", "won_deals", "won_amount_reporting", "is_unattributed"),
        rules.accepted("channel", ALL_CHANNELS),
        rules.none(
            "steps_narrow",
            "mqls > leads or sql_leads > mqls or opportunities > sql_leads or customers > opportunities "
            "or leads_with_deal > leads or least(leads, customers, open_deals, won_deals, lost_deals) < 0",
        ),
        rules.none(
            "deals_are_open_won_or_lost",
            "deals <> open_deals + won_deals + lost_deals or won_deals_without_amount > won_deals",
        ),
        rules.none(
            "unattributed_has_no_leads",
            "is_unattributed <> (channel = 'unattributed') or (is_unattributed and leads > 0)",
        ),
        rules.none(
            "days_not_negative",
            "least(median_days_to_mql, median_days_mql_to_sql_lead, median_days_to_deal, median_days_deal_to_won, "
            "median_days_lead_to_won) < 0",
        ),
        rules.rows(
            "adds_up_to_all_deals",
            "select * from (select (select coalesce(sum(won_amount_reporting), 0) from {batch}) as of_sources, "
            "(select coalesce(sum(amount_reporting), 0) from fct_deals where status = 'won' and not is_excluded) "
            "as of_deals, (select coalesce(sum(deals), 0) from {batch}) as source_deals, "
            "(select count(*) from fct_deals where not is_excluded) as all_deals) "
            "where of_sources <> of_deals or source_deals <> all_deals",
            expected="number and won amount of the deals, the unattributed ones among them",
        ),
        rules.rows(
            "adds_up_to_all_leads",
            "select * from (select (select coalesce(sum(leads), 0) from {batch}) as of_sources, "
            "(select count(*) from fct_leads where not is_excluded) as of_leads) where of_sources <> of_leads",
            expected="number of the leads that count",
        ),
    ]
