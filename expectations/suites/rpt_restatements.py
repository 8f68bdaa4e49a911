"""What a reader of `rpt_restatements` is promised: all restatements, summed by figure and cause."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_restatements"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per restated figure and cause."""
    return [
        *rules.keyed(["measure", "period_start", "cause"], floor=0),
        rules.between("size_rank", 1),
        rules.rows(
            "all_restatements",
            "select coalesce(told.measure, made.measure) as measure, told.difference, made.difference as expected from "
            "(select measure, sum(difference) as difference from {batch} group by all) as told full join "
            "(select measure, sum(difference) as difference from fct_restatements group by all) as made "
            "on told.measure = made.measure where told.difference is distinct from made.difference",
            expected="the differences of fct_restatements",
        ),
    ]
