"""What a reader of `rpt_pipeline_changes` is promised: movements of two weeks that lead from opening to closing."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_pipeline_changes"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per week, movement and rank."""
    return [
        *rules.keyed(["period_start", "movement", "size_rank"], floor=0),
        rules.between("size_rank", 0, 3),
        rules.rows(
            "movements_lead_to_the_closing",
            "select period_start, sum(if(movement = 'closing', -1, 1) * amount_reporting) as left_over "
            "from {batch} where size_rank = 0 group by period_start having left_over <> 0",
            expected="opening and movements sum to the closing",
        ),
        rules.rows(
            "the_weeks_of_the_waterfall",
            "select told.period_start from {batch} as told left join fct_pipeline_waterfall as waterfall "
            "on waterfall.period_type = 'week' and waterfall.view_name = 'all_open' and waterfall.level = 'total' "
            "and told.period_start = waterfall.period_start where told.size_rank = 0 and told.movement = 'closing' "
            "and told.amount_reporting is distinct from waterfall.closing_amount",
            expected="the closing of fct_pipeline_waterfall",
        ),
    ]
