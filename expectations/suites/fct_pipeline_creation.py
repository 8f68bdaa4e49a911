"""What a reader of `fct_pipeline_creation` is promised: the new business that was created, told once at each level."""

from typing import TYPE_CHECKING

from configuration.entities import CREATOR_KINDS
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_pipeline_creation"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per month, level and member; a company may have created nothing yet."""
    kinds = ", ".join(f"'{kind}'" for kind in (*CREATOR_KINDS, "unmapped", "not_stated"))
    return [
        *rules.basics(context, MART, ["month_start", "level", "member"], floor=0),
        rules.accepted("level", ("total", "creator_kind", "owner")),
        rules.none("kinds_are_known", f"level = 'creator_kind' and member not in ({kinds})"),
        rules.none("attainment_is_created_of_target", "abs(attainment - created_reporting / target_reporting) > 1e-6"),
        rules.none("parts_within_the_whole", "greatest(amountless_deals, qualified_deals, won_deals) > created_deals"),
        rules.none("by_the_day", f"month_start > date '{context.as_of}'"),
        rules.rows(
            "levels_are_the_deals",
            "with deals as (select coalesce(month_start, date_trunc('month', created_date)) as month_start, "
            "count(*) as deals, coalesce(sum(amount_reporting), 0) as amount "
            "from fct_deals left join dim_dates on created_date = date_day where not is_excluded and not is_imported "
            "and pipeline_purpose = 'new_business' and created_date is not null group by all), "
            "levels as (select month_start, level, sum(created_deals) as deals, sum(created_reporting) as amount "
            "from {batch} group by all having sum(created_deals) > 0) "
            "select month_start, level, levels.deals, deals.deals as created, levels.amount, deals.amount as told "
            "from (from deals cross join (select unnest(['total', 'creator_kind', 'owner']) as level)) as deals "
            "full join levels using (month_start, level) "
            "where levels.deals is distinct from deals.deals or levels.amount is distinct from deals.amount",
            expected="in each month and level the new business of fct_deals that was created in it",
        ),
    ]
