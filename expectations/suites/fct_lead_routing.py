"""What a reader of `fct_lead_routing` is promised: each assignment once, and each open lead in one owner's load."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_lead_routing"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead and assignment. A company may assign nothing, so there is no floor."""
    return [
        *rules.basics(context, MART, ["lead_key", "assignment_no"], floor=0),
        rules.references("lead_key", "fct_leads"),
        rules.references("owner_key", "dim_owners"),
        rules.filled("owner_key", "channel", "routing", "history_basis", "is_held", "is_in_load", "is_excluded"),
        rules.accepted("routing", ("first", "handed_over", "returned", "migrated")),
        rules.accepted("temperature", ("hot", "warm", "cold")),
        rules.between("owner_open_leads_before", 0),
        rules.between("hours_from_creation", 0),
        rules.between("days_held", 0),
        rules.none(
            "migrated_has_no_times", "routing = 'migrated' and coalesce(hours_from_creation, days_held) is not null"
        ),
        rules.none("held_until_released", "is_held <> (released_at is null) or released_at < assigned_at"),
        rules.none("in_load_if_held_and_counted", "is_in_load and (not is_held or is_excluded)"),
        rules.none("known_by_the_day", f"greatest(assigned_at, released_at) >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "one_load_per_lead",
            "select lead_key from {batch} where is_in_load group by all having count(*) > 1",
            expected="a lead is in the load of one owner",
        ),
        rules.rows(
            "held_by_the_leads_owner",
            "select routing.lead_key from {batch} as routing inner join fct_leads as leads "
            "on routing.lead_key = leads.lead_key "
            "where routing.is_held and routing.owner_key is distinct from leads.owner_key",
            expected="who holds a lead is its owner",
        ),
    ]
