"""What a reader of `rpt_headline` is promised: bookings are those of the deals, the pipeline's parts add up."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_headline"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per kind of period that the day lies in."""
    return [
        *rules.keyed(["period_type"], floor=2),
        rules.filled("period_label", "currency", "has_deals", "as_of", "period_start", "period_end"),
        rules.none("bookings_of_deals_filled", "has_deals and (won_reporting is null or won_deals is null)"),
        rules.accepted("period_type", ("month", "quarter")),
        rules.none(
            "as_of_the_day", f"as_of <> date '{context.as_of}' or as_of not between period_start and period_end"
        ),
        rules.none(
            "pipeline_is_due_overdue_dateless_or_later",
            "open_pipeline <> open_due + overdue_open + dateless_open + later_open",
        ),
        rules.rows(
            "counted_towards_the_target_as_covered",
            "select headline.period_type from {batch} as headline left join fct_coverage_pacing as coverage "
            "on coverage.level = 'total' and headline.period_type = coverage.period_type "
            "and headline.period_start = coverage.period_start "
            "where headline.won_plan_rate is distinct from coverage.won_plan_rate or abs(headline.attainment "
            "- headline.won_plan_rate / nullif(headline.target_reporting, 0)) > 0.000001",
            expected="what is booked at plan rate, and its share of the target, as in fct_coverage_pacing",
        ),
        rules.none("no_coverage_of_a_met_target", "is_target_met and coverage is not null"),
        rules.rows(
            "bookings_are_the_deals",
            "select * from (select headline.period_type, headline.won_reporting, headline.won_deals, "
            "(select coalesce(sum(deals.amount_reporting), 0) from fct_deals as deals where deals.status = 'won' "
            "and not deals.is_excluded and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell') "
            "and deals.close_day between headline.period_start and headline.as_of) as won_of_deals "
            "from rpt_headline as headline) "
            "where won_reporting <> won_of_deals",
            expected="the amount of the deals won in the period",
        ),
    ]
