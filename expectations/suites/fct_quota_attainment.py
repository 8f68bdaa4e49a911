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
    """One row per owner, measure and month."""
    credited = " union all ".join(
        f"select '{measure}' as measure, coalesce(owner_key, 'unassigned') as owner_key, close_day, "
        f"{part}_plan_rate as worth from fct_deal_splits where kind = 'revenue' and status = 'won' and not is_excluded "
        "and pipeline_purpose in ('new_business', 'renewal', 'upsell')"
        for measure, part in MEASURES.items()
    )
    unconverted = " or ".join(
        f"(quotas.measure = '{measure}' and deals.{part} is not null and deals.{part}_plan_rate is null)"
        for measure, part in MEASURES.items()
    )
    return [
        *rules.basics(context, MART, ["owner_key", "measure", "month_start"], floor=0),
        rules.filled("rollup_owner_name", "quota_stated", "quota", "won_plan_rate", "won_deals"),
        rules.accepted("measure", MEASURES),
        rules.between("quota", 0),
        rules.between("ramp_share", 0, 1),
        rules.none("quota_within_stated", "quota > quota_stated"),
        rules.none("attainment_is_won_of_quota", "abs(attainment - won_plan_rate / nullif(quota, 0)) > 0.000001"),
        rules.rows(
            "won_is_credited_in_the_measure",
            "select quotas.owner_key, quotas.measure, quotas.month_start, any_value(quotas.won_plan_rate) as won, "
            f"sum(parts.worth) as credited from {{batch}} as quotas left join dim_dates as dates "
            f"on quotas.month_start = dates.month_start and dates.date_day <= date '{context.as_of}' "
            f"left join ({credited}) as parts on quotas.measure = parts.measure and quotas.owner_key = parts.owner_key "
            "and dates.date_day = parts.close_day group by quotas.owner_key, quotas.measure, quotas.month_start "
            "having any_value(quotas.won_plan_rate) <> coalesce(sum(parts.worth), 0)",
            expected="what fct_deal_splits credits the owner with in the month, in the quota's measure",
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
