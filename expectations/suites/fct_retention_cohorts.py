"""What a reader of `fct_retention_cohorts` is promised: rates of sums, kept customers among those who were there."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_retention_cohorts"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per basis, cohort and month, and one per basis and month for all cohorts."""
    return [
        *rules.basics(context, MART, ["basis", "level", "month_start"], floor=0, nullable=["cohort_month"]),
        rules.accepted("basis", ("contracts", "purchases")),
        rules.accepted("level", ("cohort", "total")),
        rules.none("a_cohort_has_its_month", "(level = 'total') <> (cohort_month is null)"),
        rules.none("active_are_customers", "customers_active > customers or customers_repeat > customers"),
        rules.none("kept_were_there", "customers_kept > customers_year_ago or mrr_kept > mrr_year_ago"),
        rules.between("grr", 0, 1),
        rules.none("net_is_not_below_gross", "nrr < grr"),
        rules.rows(
            "total_is_the_sum",
            "select basis, month_start, "
            "sum(case level when 'total' then customers else -customers end) as customers_left, "
            "sum(case level when 'total' then mrr else -mrr end) as mrr_left "
            "from {batch} group by all having customers_left <> 0 or mrr_left <> 0",
            expected="the total of all cohorts of a month",
        ),
    ]
