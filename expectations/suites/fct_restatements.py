"""What a reader of `fct_restatements` is promised: parts that sum to what has changed, of figures that are today's."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_restatements"
CAUSES = (
    *("late_win", "late_loss", "late_record", "late_ad_cost", "reopen", "amount_edit", "date_edit", "delete"),
    *("restore", "merge", "exchange_rate", "pipeline_change", "exclusion_change", "definition_change"),
)


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per figure, record and cause; a first release restates nothing."""
    return [
        *rules.keyed(["restatement_key"], floor=0),
        rules.accepted("measure", ("won_amount", "won_deals", "lost_deals", "leads_created", "mqls", "spend")),
        rules.accepted("cause", CAUSES),
        rules.none("closed_months_only", f"last_day(period_start) > date '{context.as_of}'"),
        rules.none("something_has_changed", "difference = 0"),
        rules.rows(
            "differences_sum_to_the_whole",
            "select measure, period_start, any_value(new_value) - any_value(old_value) as whole, "
            "sum(difference) as parts from {batch} group by all "
            "having any_value(new_value) - any_value(old_value) <> sum(difference) "
            "or count(distinct new_value) > 1 or count(distinct old_value) > 1",
            expected="the parts of each figure sum to new - old",
        ),
        rules.rows(
            "new_values_are_the_figures",
            "select restated.*, figures.* from "
            "(select distinct measure, period_start, new_value from {batch} "
            "where measure in ('won_amount', 'won_deals', 'lost_deals')) as restated "
            "left join (select period_start, "
            "sum(amount_reporting) filter (where status = 'won') as won_amount, "
            "count(*) filter (where status = 'won') as won_deals, "
            "count(*) filter (where status = 'lost') as lost_deals "
            "from fct_closed_figures where is_counted group by all) as figures using (period_start) "
            "where restated.new_value <> coalesce(case restated.measure when 'won_amount' then figures.won_amount "
            "when 'won_deals' then figures.won_deals else figures.lost_deals end, 0)",
            expected="the sums of fct_closed_figures",
        ),
    ]
