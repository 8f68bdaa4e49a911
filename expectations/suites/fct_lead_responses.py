"""What a reader of `fct_lead_responses` is promised: no time without an answer, and no waiting after one."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_lead_responses"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead and assignment. A company may assign nothing, so there is no floor."""
    return [
        *rules.basics(context, MART, ["lead_key", "assignment_no"], floor=0),
        rules.references("lead_key", "fct_leads"),
        rules.references("owner_key", "dim_owners"),
        rules.filled("owner_key", "response_status", "sla_hours", "is_excluded"),
        rules.accepted("response_status", ("answered", "waiting", "handed_on", "not_measured")),
        rules.accepted("sla_status", ("met", "missed", "open")),
        rules.between("business_hours_from_assignment", 0, "clock_hours_from_assignment"),
        rules.between("business_hours_waiting", 0, "clock_hours_waiting"),
        rules.none("answered_has_its_moment", "(response_status = 'answered') <> (first_response_at is not null)"),
        rules.none(
            "untouched_is_no_zero",
            "response_status <> 'answered' and coalesce(business_hours_from_assignment, clock_hours_from_assignment, "
            "business_hours_from_creation, clock_hours_from_creation) is not null",
        ),
        rules.none("known_by_the_day", f"greatest(assigned_at, first_response_at) >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "assignments_have_their_lead",
            "select responses.lead_key from {batch} as responses anti join fct_leads as leads "
            "on responses.lead_key = leads.lead_key",
            expected="every assignment belongs to a lead",
        ),
    ]
