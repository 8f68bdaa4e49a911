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
        *_known(
            context,
            "integrations_known",
            context.integration_owners,
            _OWNERS,
            "every name of company.integration_owners is an owner's e-mail, name or id",
        ),
        *_known(
            context,
            "calendar_owners_known",
            context.calendar_owners,
            _OWNERS,
            "every owner of company.business_hours.calendars is an owner's e-mail, name or id",
        ),
        *_known(
            context,
            "calendar_teams_known",
            context.calendar_teams,
            "from dim_owner_teams where label = lower(team)",
            "every team of company.business_hours.calendars is one that a source lists",
        ),
    ]


_OWNERS = "from {batch} where label in (lower(owner_id), lower(owner_key), lower(owner_name), lower(email))"


def _known(context: GateContext, check: str, names: tuple[str, ...], among: str, expected: str) -> list["Expectation"]:
    """Names of saleshouse.yml that nobody has: an old watermark may not know them yet, so they are told, no more."""
    if not names or not context.floor("owners"):
        return []
    # Coded, since a name may hold what Great Expectations and SQLAlchemy read in a query.
    listed = ", ".join(f"(decode(unhex('{name.encode().hex()}')))" for name in names)
    return [
        rules.rows(
            check,
            f"select label from (values {listed}) as named (label) where not exists (select 1 {among})",
            severity="warn",
            expected=expected,
        )
    ]
