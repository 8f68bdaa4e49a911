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
    ]
