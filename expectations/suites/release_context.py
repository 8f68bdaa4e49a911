"""What a reader of `release_context` is promised: one row that says which day and which loads the release shows."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "release_context"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row."""
    return [
        rules.row_count("row_floor", 1, 1),
        rules.filled(
            "run_id", "as_of", "as_of_end", "known_at", "reporting_currency", "reporting_timezone", "code_version"
        ),
        rules.none(
            "is_this_run",
            f"as_of <> date '{context.as_of}' or as_of_end <> timestamp '{context.as_of_end}' "
            f"or known_at <> {context.known_at}",
            expected=f"the day {context.as_of} at watermark {context.known_at}",
        ),
        rules.accepted("close_day_rule", ("crm_close_date", "stage_event")),
        rules.accepted("headline_amount", ("amount", "tcv", "acv", "arr")),
        rules.pattern("reporting_currency", "[A-Z]{3}"),
    ]
