"""What a reader of `fct_lead_scores` is promised: each lead that counts, with a chance or why it has none."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_lead_scores"

REASONS = (
    *("brought_by_migration", "no_creation_date", "no_stage_history", "reached_at_capture"),
    *("too_few_leads", "too_few_outcomes"),
)


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead that counts, as of the day."""
    return [
        *rules.basics(context, MART, ["lead_key"], floor=0),
        rules.filled("target", "horizon_days", "as_of", "known_at_capture"),
        rules.accepted("target", ("opportunity", "won")),
        rules.accepted("grade", ("A", "B", "C", "D")),
        rules.accepted("outcome", ("reached", "missed", "open")),
        rules.accepted("not_scored_reason", REASONS),
        rules.none("chance_is_a_chance", "probability < 0 or probability > 1 or chance_left > probability"),
        rules.none(
            "scored_or_told_why",
            "(probability is null) <> (not_scored_reason is not null) or (probability is null) <> (grade is null) "
            "or (probability is null) <> (model_version is null)",
        ),
        rules.none("no_reason_without_a_score", "probability is null and reason_1 is not null"),
        rules.none(
            "reasons_in_order",
            "abs(reason_2_effect) > abs(reason_1_effect) or abs(reason_3_effect) > abs(reason_2_effect) "
            "or reason_1_reached > reason_1_leads or (reason_1 is null and reason_2 is not null)",
        ),
        rules.none("as_of_the_day", f"as_of <> date '{context.as_of}' or created_date > as_of"),
        rules.none(
            "called_if_there_is_a_chance_left",
            "(call_rank is not null) <> (chance_left is not null) or (call_rank is not null and outcome = 'missed')",
        ),
        rules.rows(
            "every_lead",
            "select leads.lead_key from fct_leads as leads anti join {batch} as scores "
            "on leads.lead_key = scores.lead_key where not leads.is_excluded "
            "union all select scores.lead_key from {batch} as scores anti join fct_leads as leads "
            "on scores.lead_key = leads.lead_key",
            expected="every lead that counts, and no other",
        ),
    ]
