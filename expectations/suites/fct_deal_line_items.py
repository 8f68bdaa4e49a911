"""What a reader of `fct_deal_line_items` is promised: the lines of a deal and what they do not tell add up to it."""

from typing import TYPE_CHECKING

from configuration.entities import PIPELINE_PURPOSES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_line_items"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per line, residual and sum taken back; deals without an amount and lines have none."""
    return [
        *rules.basics(context, MART, ["line_key"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.references("product_key", "dim_products"),
        rules.accepted("history_basis", ("field_history", "landed_version", "assumed_current")),
        rules.accepted("line_kind", ("line", "residual", "without_amount")),
        rules.accepted("line_status", ("open", "won", "lost")),
        rules.accepted("pipeline_purpose", PIPELINE_PURPOSES),
        rules.none("a_residual_is_of_no_product", "line_kind <> 'line' and product_key is not null"),
        rules.none("what_is_not_ordered_is_lost", "not is_in_deal_amount and line_status <> 'lost'"),
        rules.none("amounts_converted", "amount is not null and currency is not null and amount_reporting is null"),
        rules.none("list_amounts_are_quantity_times_price", "abs(quantity * unit_price - list_amount) > 0.005"),
        rules.rows(
            "lines_add_up_to_the_deal",
            "select deals.deal_key, deals.amount_reporting, sum(lines.amount_reporting) as lines_reporting "
            "from fct_deals as deals "
            "left join (from {batch} where is_in_deal_amount) as lines on deals.deal_key = lines.deal_key "
            "group by all having coalesce(sum(lines.amount_reporting), 0) is distinct from "
            "coalesce(deals.amount_reporting, 0)",
            expected="per deal the same amount in the reporting currency, nothing without an amount",
        ),
    ]
