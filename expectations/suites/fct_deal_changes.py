"""What a reader of `fct_deal_changes` is promised: real changes, leading to where each deal stands."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_changes"
CHANGES = (
    "created", "won", "lost", "reopened", "moved", "amount", "close_date", "forecast_category", "owner", "deleted",
    "restored",
)  # fmt: skip


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal, day and kind of change. A company whose source keeps no history of stages has none."""
    return [
        *rules.basics(context, MART, ["deal_key", "date_day", "change"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.filled("stage_key", "pipeline_id", "stage", "status"),
        rules.accepted("change", CHANGES),
        rules.accepted("stage", (*DEAL_STAGES, "unmapped")),
        rules.accepted("status", ("open", "won", "lost", "deleted")),
        rules.none("a_change_is_one", "old_value is not distinct from new_value"),
        rules.none("outcome_is_the_status", "change in ('won', 'lost', 'deleted') and change <> status"),
        rules.none("amounts_converted", "amount is not null and currency is not null and amount_reporting is null"),
        rules.none("days_are_over", f"date_day > date '{context.as_of}'"),
        rules.rows(
            "created_once_and_first",
            "select deal_key from {batch} group by deal_key having count(*) filter (where change = 'created') <> "
            "cast(deal_key not in (select deal_key from fct_deal_stage_visits where seen_at is not null) as integer) "
            "or min(date_day) <> min(date_day) filter (where change = 'created')",
            expected="each deal begins with its creation, and one that was there before it was first seen has none",
        ),
        rules.rows(
            "last_change_is_where_the_deal_stands",
            "select deals.deal_key, deals.stage_key, changes.stage_key as changed_to from fct_deals as deals "
            "inner join (select deal_key, max_by(stage_key, date_day) as stage_key from {batch} group by all) changes "
            "on deals.deal_key = changes.deal_key "
            "where not deals.is_deleted and deals.stage_key <> changes.stage_key",
            expected="the stage of the deal",
        ),
    ]
