"""What a reader of `fct_forecast_bridge` is promised: rows that lead from the commit to the forecast, to the cent."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_forecast_bridge"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, line and deal; without a commit there is no bridge."""
    return [
        *rules.keyed(["bridge_key"], floor=0),
        rules.filled("commit_source", "line", "reason", "commit_reporting", "expected", "difference"),
        rules.accepted("line", ("deal", "won", "won_later", "without_deal", "not_created")),
        rules.accepted("commit_source", ("file_total", "file_team", "file_owner", "crm")),
        rules.none("difference_is_one", "difference <> expected - commit_reporting"),
        rules.none("deals_have_a_key", "(line = 'deal') <> (deal_key is not null)"),
        rules.rows(
            "ends_at_the_forecast",
            "select bridge.*, of_forecast from (select period_type, period_start, sum(expected) as of_bridge "
            "from {batch} group by all) as bridge, lateral (select sum(expected) as of_forecast from fct_forecast "
            "where method = 'saleshouse' and level = 'total' and fct_forecast.period_type = bridge.period_type "
            "and fct_forecast.period_start = bridge.period_start) where of_bridge is distinct from of_forecast",
            expected="the rows of a period sum to the forecast",
        ),
        rules.rows(
            "begins_at_the_commit",
            "select bridge.*, of_commit from (select period_type, period_start, commit_source, "
            "sum(commit_reporting) as of_bridge from {batch} group by all) as bridge, lateral (select "
            "sum(amount_reporting) as of_commit from fct_forecast_submissions as calls where category = 'commit' "
            "and is_newest and calls.period_type = bridge.period_type and calls.period_start = bridge.period_start "
            "and case bridge.commit_source when 'crm' then origin = 'crm' and level = 'total' else origin = 'file' "
            "and level = replace(bridge.commit_source, 'file_', '') end) where of_bridge is distinct from of_commit",
            expected="the rows of a period sum to the commit",
        ),
    ]
