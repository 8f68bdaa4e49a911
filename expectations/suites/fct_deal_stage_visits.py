"""What a reader of `fct_deal_stage_visits` is promised: visits that tile each deal's life without gap or overlap."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_stage_visits"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal and visit."""
    return [
        *rules.basics(context, MART, ["deal_key", "visit_no"], floor=context.floor("deals")),
        rules.references("deal_key", "fct_deals"),
        rules.references("owner_key", "dim_owners"),
        rules.references("stage_key", "dim_stages"),
        rules.filled("stage", "stage_order", "direction", "history_basis", "is_open", "is_completed"),
        rules.accepted("stage", (*DEAL_STAGES, "unmapped")),
        rules.accepted("direction", ("first", "forward", "backward", "skip", "transfer")),
        rules.accepted("history_basis", ("field_history", "landed_version", "assumed_current")),
        rules.between("days_in_stage", 0),
        rules.none("no_bulk_update_in_velocity", "is_bulk_update and is_in_velocity"),
        rules.none("exit_after_entry", "exited_at < entered_at"),
        rules.none(
            "only_assumed_and_first_seen_have_no_entry",
            "entered_at is null and history_basis <> 'assumed_current' and (seen_at is null or visit_no > 1)",
        ),
        rules.none(
            "seen_where_it_landed",
            "seen_at is not null and (entered_at is not null or history_basis <> 'landed_version')",
        ),
        rules.none("entered_by_the_day", f"entered_at >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "visits_tile",
            "select * from (select deal_key, visit_no, exited_at, "
            "lead(entered_at) over (partition by deal_key order by visit_no) as next_entered_at from {batch}) "
            "where next_entered_at <> exited_at or (next_entered_at is not null and exited_at is null)",
            expected="each visit ends where the next begins",
        ),
        rules.rows(
            "one_open_visit",
            "select deal_key, count(*) filter (where is_open) as open_visits from {batch} group by deal_key "
            "having count(*) filter (where is_open) <> 1",
            expected="exactly one open visit per deal",
        ),
        rules.rows(
            "every_deal_visits",
            "select deals.deal_key, deals.stage from fct_deals as deals anti join {batch} as visits "
            "on deals.deal_key = visits.deal_key",
            expected="at least one visit per deal",
        ),
    ]
