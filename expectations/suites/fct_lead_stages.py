"""What a reader of `fct_lead_stages` is promised: visits of leads in order, each ending where the next begins."""

from typing import TYPE_CHECKING

from configuration.entities import LEAD_STAGES
from expectations import rules
from expectations.context import CONTACTS_AS_LEADS, GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_lead_stages"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead and visit. Leads without history have none, so only history gives a floor."""
    return [
        *rules.basics(context, MART, ["lead_key", "visit_no"], floor=context.floor(CONTACTS_AS_LEADS)),
        rules.references("lead_key", "fct_leads"),
        rules.accepted("history_basis", ("field_history", "assumed_current")),
        rules.filled("stage", "stage_order", "direction", "is_open"),
        rules.accepted("stage", (*LEAD_STAGES, "unmapped")),
        rules.accepted("direction", ("first", "forward", "backward", "skip")),
        rules.between("days_in_stage", 0),
        rules.none("exit_after_entry", "exited_at < entered_at"),
        rules.none("entered_by_the_day", f"entered_at >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "visits_tile",
            "select * from (select lead_key, visit_no, exited_at, "
            "lead(entered_at) over (partition by lead_key order by visit_no) as next_entered_at from {batch}) "
            "where next_entered_at <> exited_at or (next_entered_at is not null and exited_at is null)",
            expected="each visit ends where the next begins",
        ),
        rules.rows(
            "at_most_one_open_visit",
            "select lead_key, count(*) filter (where is_open) as open_visits from {batch} group by lead_key "
            "having count(*) filter (where is_open) > 1",
            expected="at most one open visit per lead",
        ),
        rules.rows(
            "visits_have_their_lead",
            "select visits.lead_key, visits.visit_no, visits.stage from {batch} as visits anti join fct_leads as leads "
            "on visits.lead_key = leads.lead_key",
            expected="every visit belongs to a lead",
        ),
    ]
