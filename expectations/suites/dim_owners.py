"""What a reader of `dim_owners` is promised: each owner once, and one who has left counts as Unassigned."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_owners"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner."""
    return [
        *rules.basics(context, MART, ["owner_key"], floor=context.floor("owners")),
        rules.filled("owner_id", "source_system", "rollup_owner_name", "is_active"),
        rules.accepted("kind", ("person", "queue", "integration")),
        rules.none(
            "others_roll_up_to_unassigned",
            "(kind <> 'person' or not is_active) and rollup_owner_name <> 'Unassigned'",
        ),
        *_integrations_known(context),
    ]


def _integrations_known(context: GateContext) -> list["Expectation"]:
    if not context.integration_owners or not context.floor("owners"):
        return []
    # Coded, since a name may hold what Great Expectations and SQLAlchemy read in a query.
    listed = ", ".join(f"(decode(unhex('{name.encode().hex()}')))" for name in context.integration_owners)
    return [
        rules.rows(
            "integrations_known",
            f"select label from (values {listed}) as named (label) where not exists (select 1 from {{batch}} "
            "where label in (lower(owner_id), lower(owner_key), lower(owner_name), lower(email)))",
            severity="warn",
            expected="every name of company.integration_owners is an owner's e-mail, name or id",
        )
    ]
