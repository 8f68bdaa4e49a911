"""What a reader of `rpt_channels` is promised: the total is the sum of its channels; no cost per nothing."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_channels"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per window and channel, and one for all channels together."""
    return [
        *rules.keyed(["window_name", "channel"], floor=0),
        rules.filled("leads", "mqls", "won_deals", "is_total"),
        rules.none(
            "funnel_narrows",
            "mqls > leads or sql_leads > mqls or opportunities > sql_leads or customers > opportunities",
        ),
        rules.none(
            "no_cost_per_nothing",
            "(leads = 0 and cost_per_lead is not null) or (clicks = 0 and cost_per_click is not null) "
            "or (mqls = 0 and cost_per_mql is not null)",
            expected="NULL where the denominator is zero",
        ),
        rules.rows(
            "all_time_has_all_leads",
            "select * from (select coalesce(sum(leads), 0) as leads_told, (select count(*) from fct_leads "
            "where not is_excluded and created_date is not null) as leads_of_mart "
            "from {batch} where is_total and window_name = 'all_time') where leads_told <> leads_of_mart",
            expected="as many leads as fct_leads has with a day",
        ),
        rules.rows(
            "total_is_the_sum",
            "select * from (select window_name, sum(leads) filter (where is_total) as leads_in_total, "
            "sum(leads) filter (where not is_total) as leads_of_channels, "
            "coalesce(sum(spend_reporting) filter (where is_total), 0) as spend_in_total, "
            "coalesce(sum(spend_reporting) filter (where not is_total), 0) as spend_of_channels, "
            "sum(won_amount_reporting) filter (where is_total) as won_in_total, "
            "sum(won_amount_reporting) filter (where not is_total) as won_of_channels "
            "from {batch} group by all) "
            "where leads_in_total <> leads_of_channels or abs(spend_in_total - spend_of_channels) > 0.5 "
            "or won_in_total <> won_of_channels",
            expected="leads, spend and what was won of the channels sum to the total, but for cents of spend",
        ),
        rules.none(
            "return_is_of_spend",
            "(won_with_spend_reporting is null) <> (spend_reporting is null) "
            "or abs(roas::double * spend_reporting - won_with_spend_reporting) > 0.01 + 0.01 * abs(roas)",
            expected="ROAS is what leads since the first month of known spend have won / spend",
        ),
    ]
