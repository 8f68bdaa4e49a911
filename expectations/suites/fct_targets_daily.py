"""What a reader of `fct_targets_daily` is promised: shares by day that sum to the target to the cent."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_targets_daily"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per target and day."""
    return [
        *rules.basics(context, MART, ["target_key", "date_day"], floor=context.floor("targets")),
        rules.filled("level", "member", "measure", "amount_reporting"),
        rules.between("amount_reporting", 0),
        rules.rows(
            "days_sum_to_the_target",
            "select targets.target_key, targets.amount_reporting, sum(days.amount_reporting) as days_sum "
            "from fct_targets as targets left join {batch} as days on targets.target_key = days.target_key "
            "where targets.period_start between (select min(date_day) from dim_dates) "
            "and (select max(date_day) from dim_dates) "
            "group by all having targets.amount_reporting is distinct from sum(days.amount_reporting)",
            expected="the days of a target sum to it",
        ),
    ]
