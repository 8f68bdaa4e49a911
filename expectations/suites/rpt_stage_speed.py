"""What a reader of `rpt_stage_speed` is promised: each stage once, quartiles in order, at most one slowest."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_stage_speed"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per stage of new business."""
    return [
        *rules.keyed(["stage"], floor=0),
        rules.filled("stage_order", "completed", "open_deals", "is_slowest"),
        rules.none("quartiles_in_order", "median_days < 0 or p75_days < median_days or survival_median_days < 0"),
        rules.none("no_median_of_nothing", "completed = 0 and median_days is not null"),
        rules.rows(
            "one_slowest",
            "select stage, median_days from {batch} where is_slowest qualify count(*) over () > 1",
            expected="at most one slowest stage",
        ),
    ]
