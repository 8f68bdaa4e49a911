"""What a reader of `dim_products` is promised: each product once, with a name and a price that can be one."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_products"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per product; a company may keep no list."""
    return [
        *rules.basics(context, MART, ["product_key"], floor=context.floor("products")),
        rules.filled("product_id", "source_system", "is_deleted"),
        rules.between("unit_price", 0),
        rules.none("deleted_says_when_or_not", "deleted_at is not null and not is_deleted"),
        rules.none("recurring_is_charged_more_than_once", "is_recurring and billing_frequency = 'one_time'"),
    ]
