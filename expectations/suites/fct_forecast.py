"""What a reader of `fct_forecast` is promised: views that add up, ranges in order, what is won equal to the deals."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast"
METHODS = ("saleshouse", "trailing_three", "seasonal_naive", "crm_view", "crm_haircut")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, method, level, member and part, as of the day reported."""
    grain = ("as_of", "period_type", "period_start", "method", "level", "member", "measure", "part")
    return [
        *rules.basics(context, MART, ["forecast_key"], floor=context.floor("deals")),
        rules.filled("as_of", "period_type", "period_start", "period_end", "method", "level", "part", "expected"),
        rules.unique(*grain),
        rules.accepted("period_type", ("month", "quarter")),
        rules.accepted("method", METHODS),
        rules.accepted("level", ("total", "team", "owner", "segment", "pipeline")),
        rules.accepted("part", ("won", "open", "not_created", "renewals")),
        rules.none("as_of_the_day", f"as_of <> date '{context.as_of}'"),
        rules.none("period_in_order", "period_end < period_start"),
        rules.none("range_in_order", "p10 > p50 or p50 > p90"),
        rules.between("chance_of_target", 0, 1),
        rules.rows(
            "levels_add_up",
            "select period_type, period_start, method, part from (select period_type, period_start, method, part, "
            "level, sum(expected) as of_level from {batch} group by all) group by all "
            "having count(distinct of_level) > 1 or count(*) <> 5",
            expected="teams, owners, segments and pipelines each sum to the total, to the cent",
        ),
        rules.rows(
            "quarters_are_their_months",
            "select quarters.forecast_key from {batch} as quarters inner join {batch} as months on "
            "months.period_type = 'month' and quarters.method = months.method and quarters.level = months.level "
            "and quarters.member = months.member and quarters.part = months.part "
            "and months.period_start between quarters.period_start and quarters.period_end "
            "where quarters.period_type = 'quarter' group by quarters.forecast_key, quarters.expected "
            "having count(*) = 3 and sum(months.expected) <> quarters.expected",
            expected="a quarter whose months are all told is their sum",
        ),
        rules.rows(
            "won_is_booked",
            "select told.*, booked from (select period_type, period_start, period_end, method, sum(expected) as won "
            "from {batch} where level = 'total' and part = 'won' group by all) as told, lateral (select "
            "coalesce(sum(amount_reporting), 0) as booked from fct_deals where status = 'won' and not is_excluded "
            f"and pipeline_purpose in ('new_business', 'renewal', 'upsell') and close_day <= date '{context.as_of}' "
            "and close_day between told.period_start and told.period_end) where won <> booked",
            expected="what is won is what was booked",
        ),
        rules.rows(
            "owners_won_their_splits",
            "select told.period_type, told.period_start, told.method, told.member, told.won, "
            "coalesce(sum(splits.amount_reporting), 0) as of_splits "
            "from (select period_type, period_start, period_end, method, member, sum(expected) as won "
            "from {batch} where level = 'owner' and part = 'won' group by all) as told left join (select "
            "parts.close_day, parts.amount_reporting, case when owners.kind = 'person' and owners.is_active "
            "then owners.owner_key else 'unassigned' end as member from fct_deal_splits as parts "
            "left join dim_owners as owners on parts.owner_key = owners.owner_key where parts.kind = 'revenue' "
            "and parts.status = 'won' and not parts.is_excluded and parts.pipeline_purpose in "
            f"('new_business', 'renewal', 'upsell') and parts.close_day <= date '{context.as_of}') as splits "
            "on splits.member = told.member and splits.close_day between told.period_start and told.period_end "
            "group by all having told.won <> of_splits",
            expected="what is won by an owner is the sum of the owner's parts of deals",
        ),
    ]
