"""What a reader of `fct_carts` is promised: each cart once, in one state, and no purchase's money twice."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_carts"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per cart. A site may have no shop, so there is no floor."""
    return [
        *rules.basics(context, MART, ["cart_key"], floor=0),
        rules.references("contact_key", "dim_contacts"),
        rules.filled("visitor_id", "channel", "status", "additions", "is_abandoned", "is_recovered", "is_excluded"),
        rules.accepted("channel", ALL_CHANNELS),
        rules.accepted("status", ("purchased", "recovered", "abandoned", "open")),
        rules.accepted("exclusion_reason", ("bot", "test")),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none(
            "state_is_one",
            "is_abandoned <> (status in ('abandoned', 'recovered')) or is_recovered <> (status = 'recovered') "
            "or (abandoned_at is not null) <> is_abandoned "
            "or (purchased_at is not null) <> (status in ('purchased', 'recovered'))",
        ),
        rules.none("additions_counted", "additions < 1 or last_added_at < first_added_at"),
        rules.between("hours_to_purchase", 0, 168),
        rules.none("nothing_earned_without_purchase", "purchased_at is null and revenue_reporting is not null"),
        rules.none("known_by_the_day", f"greatest(last_added_at, purchased_at) >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "transaction_earned_once",
            "select transaction_id from {batch} where transaction_id is not null and revenue_reporting is not null "
            "group by all having count(*) > 1",
            expected="a transaction is the money of one cart",
        ),
    ]
