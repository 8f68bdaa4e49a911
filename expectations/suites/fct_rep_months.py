"""What a reader of `fct_rep_months` is promised: bookings that are the deals' and rates of its own counts."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_rep_months"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner and month."""
    return [
        *rules.basics(context, MART, ["owner_key", "month_start"], floor=context.floor("owners", "deals")),
        rules.accepted("team_history_basis", ("landed_version", "assumed_current")),
        rules.filled("rollup_owner_name", "won_plan_rate", "won_reporting", "won_deals", "lost_deals", "is_active"),
        rules.accepted("peer_basis", ("team", "company")),
        rules.rows(
            "bookings_are_the_deals",
            "select * from "
            "(select sum(won_deals) as won_deals, sum(won_reporting) as won_reporting, "
            "sum(won_deals_without_amount) as without_amount from {batch}) as reps "
            "cross join (select count(*) as deals, coalesce(sum(amount_reporting), 0) as amount, "
            "count(*) - count(amount_reporting) as unknown from fct_deals "
            "where not is_excluded and status = 'won' and pipeline_purpose in ('new_business', 'renewal', 'upsell') "
            "and close_day between (select min(month_start) from {batch}) "
            f"and date '{context.as_of}') as sold "
            "where reps.won_deals <> sold.deals or reps.won_reporting <> sold.amount or without_amount <> unknown",
            expected="as many won deals, as many of them without an amount, and the same amount as fct_deals",
        ),
        rules.none("attainment_is_won_of_quota", "abs(attainment - won_plan_rate / nullif(quota, 0)) > 0.000001"),
        rules.none(
            "activities_are_per_working_day",
            "abs(activities_per_working_day - (calls + emails + tasks_done + meetings_held) / nullif(working_days, 0)) "
            "> 0.000001",
        ),
        rules.between("ramp_share", 0, 1),
        rules.none("quota_within_stated", "quota > quota_stated or (quota is null) <> (quota_stated is null)"),
        rules.none(
            "trailing_rate_is_won_of_closed",
            "abs(trailing_win_rate - trailing_won_deals / nullif(trailing_closed_deals, 0)) > 0.000001",
        ),
        rules.none(
            "shrunk_lies_between_own_and_others",
            "trailing_win_rate_shrunk not between least(trailing_win_rate, peer_win_rate) - 1e-6 "
            "and greatest(trailing_win_rate, peer_win_rate) + 1e-6",
        ),
        rules.none(
            "open_deals_of_this_month_only",
            "open_deals is not null and month_start not in "
            f"(select month_start from dim_dates where date_day = date '{context.as_of}')",
        ),
        rules.none("by_the_day", f"month_start > date '{context.as_of}'"),
    ]
