"""What a reader of `rpt_coverage` is promised: open and due against what is missing, none of a met target."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_coverage"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per kind of period and period."""
    return [
        *rules.keyed(["period_type", "period_start"], floor=0),
        rules.accepted("period_type", ("month", "quarter")),
        rules.filled("period_label", "same_day", "is_current"),
        rules.none("no_coverage_of_a_met_target", "coverage is not null and coalesce(missing, 0) <= 0"),
        rules.none("coverage_is_open_by_missing", "abs(coverage - open_due / nullif(missing, 0)) > 0.000001"),
        rules.none("day_in_its_period", "same_day not between period_start and period_end"),
    ]
