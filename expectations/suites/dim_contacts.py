"""What a reader of `dim_contacts` is promised: each contact once, with a person, and what is excluded says why."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_contacts"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per surviving contact."""
    return [
        *rules.basics(context, MART, ["contact_key"], floor=context.floor("contacts")),
        rules.references("account_key", "dim_accounts"),
        rules.references("owner_key", "dim_owners"),
        rules.accepted("exclusion_reason", ("deleted", "test")),
        rules.filled("person_key", "contact_id", "source_system", "is_deleted", "is_excluded"),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("deleted_is_excluded", "is_deleted and not is_excluded"),
        rules.pattern("email", r"[^@\s]+@[^@\s]+", severity="warn"),
        rules.none("created_by_the_day", f"created_at >= timestamp '{context.as_of_end}'"),
    ]
