"""What a reader of `fct_renewals_due` is promised: contracts that end within ninety days, red where one is lost."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_renewals_due"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per contract; there may be none to renew."""
    day = f"date '{context.as_of}'"
    return [
        *rules.keyed(["contract_key"], floor=0),
        rules.references("renewal_deal_key", "fct_deals", "deal_key"),
        rules.filled("customer_key", "renewal_date", "mrr", "mrr_reporting"),
        rules.accepted("health", ("green", "amber", "red")),
        rules.between("days_to_renewal", 1, 90),
        rules.none("days_are_counted_from_the_day", f"days_to_renewal <> renewal_date - {day}"),
        rules.none(
            "due_within_its_days", "days_to_renewal > due_within_days or days_to_renewal <= due_within_days - 30"
        ),
        rules.none("who_leaves_is_red", "is_notice_given and not is_renewed and health <> 'red'"),
        rules.none("notice_by_the_day", f"notice_date > {day}"),
    ]
