"""What a reader of `fct_forecast_ledger` is promised: published forecasts as they were, none of a later day or load."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast_ledger"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per published row; the first release has no forecast before it."""
    grain = ("run_id", "period_type", "period_start", "method", "level", "member", "measure", "part")
    return [
        *rules.keyed(grain, floor=0),
        rules.filled("release_id", "expected", "as_of", "period_end", "is_last_of_day"),
        rules.none("known_at_the_watermark", f"load_number > {context.known_at}"),
        rules.none("not_of_a_later_day", f"as_of > date '{context.as_of}'"),
        rules.none("range_in_order", "p10 > p50 or p50 > p90"),
        rules.rows(
            "one_run_is_the_last_of_a_day",
            "select as_of, count(distinct run_id) as runs from {batch} where is_last_of_day group by as_of "
            "having count(distinct run_id) <> 1",
            expected="one run of each day is scored",
        ),
    ]
