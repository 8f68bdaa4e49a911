"""What a reader of `dim_accounts` is promised: each company once, its segment known, what is excluded says why."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_accounts"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per surviving account."""
    return [
        *rules.basics(context, MART, ["account_key"], floor=context.floor("accounts")),
        rules.accepted("exclusion_reason", ("deleted", "test")),
        rules.filled("account_id", "source_system", "segment", "is_deleted", "is_excluded"),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("deleted_is_excluded", "is_deleted and not is_excluded"),
        rules.between("employee_count", 0),
        rules.none("not_its_own_parent", "parent_account_key = account_key"),
        rules.none("created_by_the_day", f"created_at >= timestamp '{context.as_of_end}'"),
    ]
