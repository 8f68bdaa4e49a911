"""What a reader of `fct_forecast_scoreboard` is promised: ratios of the sums beside them, shares that are shares."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast_scoreboard"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per basis, method, how far ahead, and level; a young company has nothing to score yet."""
    grain = ("basis", "method", "origin_kind", "period_type", "horizon", "weeks_left", "level")
    return [
        *rules.keyed(["score_key"], floor=0),
        rules.unique(*grain),
        rules.filled("basis", "method", "origin_kind", "period_type", "level", "horizon", "forecasts", "periods"),
        rules.accepted("basis", ("backtest", "published", "called")),
        rules.accepted("origin_kind", ("month_end", "within_month")),
        rules.accepted("period_type", ("month", "quarter", "next_three")),
        rules.accepted("level", ("total", "team", "owner", "segment", "pipeline")),
        rules.between("coverage", 0, 1),
        rules.none("weeks_only_within_a_month", "(weeks_left is null) <> (origin_kind = 'month_end')"),
        rules.none("as_many_ranges_at_most", "ranges > forecasts or periods > forecasts"),
        rules.none("bias_within_the_miss", "abs(bias) > wape + 0.000001"),
        rules.none(
            "miss_is_the_ratio",
            "level = 'total' and actual_sum > 0 "
            "and wape * actual_sum::double > absolute_error_sum + 0.01 + actual_sum * 1e-8",
        ),
    ]
