"""What a reader of `fct_coverage_pacing` is promised: bookings are the deals', no coverage of a met target."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_coverage_pacing"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, level and member."""
    return [
        *rules.basics(context, MART, ["period_type", "period_start", "level", "member"], floor=2),
        rules.filled("period_label", "elapsed_working_days", "working_days", "is_current", "same_day"),
        rules.accepted("period_type", ("month", "quarter")),
        rules.accepted("level", ("total", "team", "owner")),
        rules.between("pacing_share", 0, severity="warn"),
        rules.none("no_coverage_of_a_met_target", "coverage is not null and is_target_met is distinct from false"),
        rules.none("met_says_so", "is_target_met <> (won_plan_rate >= target_reporting)"),
        rules.none("coverage_is_open_by_missing", "abs(coverage - open_due / nullif(missing, 0)) > 0.000001"),
        rules.none("missing_is_target_less_won", "missing <> target_reporting - won_plan_rate"),
        rules.none("unknown_is_no_zero", "unknown_deals > 0 and open_due is not null"),
        rules.none("day_in_its_period", "same_day not between period_start and period_end"),
        rules.rows(
            "one_current_period",
            "select period_type from {batch} where level = 'total' and is_current "
            f"and same_day = date '{context.as_of}' group by all having count(*) <> 1",
            expected="one month and one quarter",
        ),
        rules.rows(
            "bookings_are_the_deals",
            "select * from (select coverage.period_type, coverage.period_start, coverage.won_reporting, "
            "coverage.won_plan_rate, (select struct_pack(reporting := coalesce(sum(deals.amount_reporting), 0), "
            "plan_rate := coalesce(sum(deals.amount_plan_rate), 0)) from fct_deals as deals where "
            "deals.status = 'won' and not deals.is_excluded "
            "and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell') "
            "and deals.close_day between coverage.period_start and coverage.same_day) as of_deals "
            "from fct_coverage_pacing as coverage where coverage.level = 'total') "
            "where coalesce(won_reporting, 0) <> of_deals.reporting "
            "or coalesce(won_plan_rate, 0) <> of_deals.plan_rate",
            expected="the amount of the deals won up to the day",
        ),
    ]
