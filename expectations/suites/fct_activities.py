"""What a reader of `fct_activities` is promised: each once, with an outcome of its kind, and nothing ahead is over."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_activities"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per activity."""
    return [
        *rules.basics(
            context,
            MART,
            ["activity_key"],
            floor=context.floor("activities"),
        ),
        rules.references("owner_key", "dim_owners"),
        rules.accepted("exclusion_reason", ("deleted", "test")),
        rules.accepted("team_history_basis", ("landed_version", "assumed_current")),
        rules.accepted(
            "outcome",
            (
                "held",
                "no_show",
                "cancelled",
                "rescheduled",
                "scheduled",
                "connected",
                "left_message",
                "no_answer",
                "busy",
                "wrong_number",
                "sent",
                "bounced",
                "done",
                "open",
                "other",
            ),
        ),
        rules.filled("activity_id", "source_system", "kind", "is_planned", "is_past", "is_deleted", "is_excluded"),
        rules.accepted("kind", ("meeting", "call", "email", "task")),
        rules.accepted("direction", ("outbound", "inbound")),
        rules.none(
            "outcome_of_its_kind",
            "outcome not in ('scheduled', 'cancelled', 'rescheduled') and case kind "
            "when 'meeting' then outcome not in ('held', 'no_show') "
            "when 'call' then outcome not in "
            "('connected', 'left_message', 'no_answer', 'busy', 'wrong_number', 'other') "
            "when 'email' then outcome not in ('sent', 'bounced', 'other') else outcome not in ('done', 'open') end",
            expected="an outcome of its kind",
        ),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("ahead_is_not_over", "(is_planned and is_past) or (not is_past and is_human_outbound)"),
        rules.none("assumed_team_is_not_told", "team_history_basis = 'assumed_current' and team is not null"),
        rules.none("written_down_by_the_day", f"created_at >= timestamp '{context.as_of_end}'"),
    ]
