"""What a reader of `fct_forecast_submissions` is promised: calls of the past, and errors that are differences."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast_submissions"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per call; a company whose people call nothing has none."""
    grain = ("origin", "period_type", "period_start", "level", "member", "category", "submitted_on")
    return [
        *rules.keyed(["submission_key"], floor=0),
        rules.unique(*grain),
        rules.filled("amount", "amount_reporting", "currency", "period_end", "days_left", "is_newest"),
        rules.accepted("origin", ("file", "crm")),
        rules.accepted("period_type", ("month", "quarter")),
        rules.accepted("level", ("total", "team", "owner")),
        rules.accepted("category", ("commit", "best_case", "pipeline", "weighted")),
        rules.none("not_of_a_later_day", f"submitted_on > date '{context.as_of}'"),
        rules.none("period_in_order", "period_end < period_start"),
        rules.none("error_is_the_difference", "error_reporting <> amount_reporting - actual_frozen"),
        rules.none("frozen_after_the_end", f"actual_frozen is not null and period_end >= date '{context.as_of}'"),
        rules.rows(
            "one_newest_call",
            "select origin, period_type, period_start, level, member, category from {batch} where is_newest "
            "group by all having count(*) <> 1",
            expected="one call of each kind is the newest",
        ),
    ]
