"""What a reader of `dim_owner_teams` is promised: each owner's periods tile all time, the last one lasts."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_owner_teams"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner and period."""
    return [
        *rules.basics(context, MART, ["owner_key"], nullable=["valid_from"], floor=context.floor("owners")),
        rules.references("owner_key", "dim_owners"),
        rules.filled("history_basis", "is_current"),
        rules.accepted("history_basis", ("landed_version", "assumed_current")),
        rules.none("current_lasts", "is_current <> (valid_to is null)"),
        rules.none(
            "assumed_only_before_the_first_landing", "(valid_from is null) <> (history_basis = 'assumed_current')"
        ),
        rules.none(
            "assumed_place_is_not_told",
            "history_basis = 'assumed_current' and (team is not null or manager_key is not null)",
        ),
        rules.rows(
            "periods_tile",
            "select * from (select owner_key, valid_to, lead(valid_from) over "
            "(partition by owner_key order by valid_from nulls first) as next_valid_from from {batch}) "
            "where valid_to is distinct from next_valid_from",
            expected="each period ends where the next begins",
        ),
    ]
