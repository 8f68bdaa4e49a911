"""What a reader of `fct_quota_attainment` is promised: each quota beside what was won in its own measure."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_quota_attainment"

# Which part of a deal each measure counts.
MEASURES = {
    "bookings": "amount",
    "tcv": "tcv",
    "acv": "acv",
    "arr": "arr",
    "one_time_amount": "one_time_amount",
}


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner, team or company, measure and month."""
    booked = "status = 'won' and not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')"
    # Marts do not tell the team of a day whose team is only assumed, so what teams won is compared with coverage.
    sides = {
        "owner": ("coalesce(owner_key, 'unassigned')", f"fct_deal_splits where kind = 'revenue' and {booked}"),
        "company": ("'company'", f"fct_deals where {booked}"),
    }
    credited = " union all ".join(
        f"select '{level}' as level, {member} as member, '{measure}' as measure, close_day, {part}_plan_rate as worth "
        f"from {deals}"
        for level, (member, deals) in sides.items()
        for measure, part in MEASURES.items()
    )
    unconverted = " or ".join(
        f"(quotas.measure = '{measure}' and deals.{part} is not null and deals.{part}_plan_rate is null)"
        for measure, part in MEASURES.items()
    )
    return [
        *rules.basics(context, MART, ["level", "member", "measure", "month_start"], floor=0),
        rules.accepted("level", ("owner", "team", "company")),
        rules.filled("quota_stated", "quota", "won_plan_rate", "won_deals"),
        rules.none("owners_are_named", "level = 'owner' and (owner_key is null or rollup_owner_name is null)"),
        rules.none("owners_are_the_member", "owner_key is distinct from case when level = 'owner' then member end"),
        rules.none("asked_whole_but_of_owners", "level <> 'owner' and (ramp_share <> 1 or quota <> quota_stated)"),
        rules.accepted("measure", MEASURES),
        rules.between("quota", 0),
        rules.between("ramp_share", 0, 1),
        rules.none("quota_within_stated", "quota > quota_stated"),
        rules.none("attainment_is_won_of_quota", "abs(attainment - won_plan_rate / nullif(quota, 0)) > 0.000001"),
        rules.rows(
            "won_is_credited_in_the_measure",
            "select quotas.level, quotas.member, quotas.measure, quotas.month_start, "
            "any_value(quotas.won_plan_rate) as won, sum(parts.worth) as credited "
            "from {batch} as quotas left join dim_dates as dates "
            f"on quotas.month_start = dates.month_start and dates.date_day <= date '{context.as_of}' "
            f"left join ({credited}) as parts on quotas.measure = parts.measure and quotas.level = parts.level "
            "and quotas.member = parts.member and dates.date_day = parts.close_day where quotas.level <> 'team' "
            "group by quotas.level, quotas.member, quotas.measure, quotas.month_start "
            "having any_value(quotas.won_plan_rate) <> coalesce(sum(parts.worth), 0)",
            expected="what fct_deal_splits credits the owner with in the month, of the company what its deals are "
            "worth, in the quota's measure",
        ),
        rules.rows(
            "a_deal_counts_with_one_team",
            "select teams.measure, teams.month_start, teams.won_deals, count(deals.deal_key) as deals from "
            "(select measure, month_start, sum(won_deals) as won_deals from {batch} where level = 'team' group by all) "
            "as teams left join dim_dates as dates on teams.month_start = dates.month_start "
            f"and dates.date_day <= date '{context.as_of}' left join (select * from fct_deals where {booked}) as deals "
            "on dates.date_day = deals.close_day group by all having teams.won_deals > count(deals.deal_key)",
            expected="no more deals of all teams than were won in the month",
        ),
        rules.rows(
            "bookings_are_those_of_coverage",
            "select quotas.* from {batch} as quotas inner join fct_coverage_pacing as coverage "
            "on coverage.period_type = 'month' and quotas.month_start = coverage.period_start "
            "and replace(quotas.level, 'company', 'total') = coverage.level "
            "and (quotas.level = 'company' or quotas.member = coverage.member) "
            "where quotas.level <> 'owner' and quotas.measure = 'bookings' "
            "and (quotas.quota is distinct from coverage.target_reporting or (coverage.is_current "
            "and (quotas.won_plan_rate <> coverage.won_plan_rate or quotas.won_deals <> coverage.won_deals)))",
            expected="the target of fct_coverage_pacing, and in the current month what it says was won",
        ),
        rules.rows(
            "bookings_are_those_of_the_month",
            "select quotas.* from {batch} as quotas inner join fct_rep_months as months using (owner_key, month_start) "
            "where quotas.measure = 'bookings' and (quotas.quota is distinct from months.quota "
            "or quotas.won_plan_rate <> months.won_plan_rate)",
            expected="quota and bookings of fct_rep_months",
        ),
        rules.rows(
            "plan_rate_where_there_is_a_quota",
            "select deals.deal_key, deals.currency, deals.close_day from fct_deals as deals "
            "inner join dim_dates as dates on deals.close_day = dates.date_day "
            "inner join (select distinct measure, month_start from {batch}) as quotas "
            "on dates.month_start = quotas.month_start "
            f"where deals.status = 'won' and not deals.is_excluded and ({unconverted})",
            expected="a plan rate for what is won in a month with a quota, or it would not count towards it",
        ),
        rules.none("by_the_day", f"month_start > date '{context.as_of}'"),
    ]
