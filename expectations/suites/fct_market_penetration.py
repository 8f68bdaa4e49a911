"""What a reader of `fct_market_penetration` is promised: parts of the market that add up to it."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_market_penetration"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row for the market, per segment and per country; a company may keep no list."""
    return [
        *rules.keyed(["level", "member"], floor=context.floor("addressable_accounts")),
        rules.accepted("level", ("total", "segment", "country")),
        rules.between("penetration_rate", 0, 1),
        rules.none(
            "won_are_known_are_listed",
            "known_accounts > addressable_accounts or won_accounts + pipeline_accounts > known_accounts",
        ),
        rules.rows(
            "parts_add_up",
            "with total as (select sum(addressable_accounts) as addressable, sum(won_accounts) as won from {batch} "
            "where level = 'total') select level, sum(addressable_accounts) as addressable_sum, "
            "sum(won_accounts) as won_sum from {batch} group by all having "
            "addressable_sum <> (select addressable from total) or won_sum <> (select won from total)",
            expected="the same sums by segment, by country and in all",
        ),
    ]
