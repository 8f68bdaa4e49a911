"""What a reader of `fct_quality_results` is promised: every landed verdict whole, each check once."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_quality_results"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per run, suite and check; the first run has no verdict before it."""
    return [
        *rules.keyed(["result_key"], floor=0),
        rules.filled("run_id", "suite", "check_name", "is_passed"),
        rules.accepted("severity", ("block", "warn")),
        rules.none("known_at_the_watermark", f"load_number > {context.known_at}"),
        rules.none("not_of_a_later_day", f"as_of > date '{context.as_of}'"),
        rules.rows(
            "passed_without_a_blocking_check",
            "select run_id, any_value(is_verdict_passed) as is_verdict_passed, "
            "count(*) filter (where is_blocking) as blocking from {batch} group by run_id "
            "having any_value(is_verdict_passed) = (count(*) filter (where is_blocking) > 0)",
            expected="a verdict passed exactly if no blocking check broke",
        ),
        rules.none("no_release_of_a_blocked_run", "release_id is not null and not is_verdict_passed"),
    ]
