"""What a reader of `fct_customer_segments` is promised: each customer once, in quintiles that are about fifths."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_customer_segments"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per customer; a company may have none yet."""
    return [
        *rules.basics(context, MART, ["customer_key"], floor=0),
        rules.references("account_key", "dim_accounts"),
        rules.references("contact_key", "dim_contacts"),
        rules.filled("motion", "segment", "frequency", "mrr_reporting"),
        rules.accepted("motion", ("b2c", "b2b", "enterprise", "saas", "unknown")),
        *(rules.between(f"{name}_quintile", 1, 5) for name in ("recency", "frequency", "monetary")),
        rules.between("recency_days", 0),
        rules.none("no_purchase_no_quintile", "(frequency = 0) <> (recency_quintile is null)"),
        rules.none("last_is_not_before_first", "last_purchase_date < first_purchase_date"),
        rules.rows(
            "later_is_not_worse",
            "select one.customer_key, other.customer_key as beaten from "
            "(select recency_quintile, max(recency_days) as oldest, max(customer_key) as customer_key from {batch} "
            "where frequency > 0 group by all) as one inner join "
            "(select recency_quintile, min(recency_days) as latest, max(customer_key) as customer_key from {batch} "
            "where frequency > 0 group by all) as other "
            "on one.recency_quintile > other.recency_quintile and one.oldest >= other.latest",
            expected="in a higher quintile customers who all bought later",
        ),
    ]
