"""What a reader of `fct_pipeline_movements` is promised: a ledger in which each deal's rows add up."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_pipeline_movements"
IN = ("created", "reopened", "pulled_in", "pushed_in", "overdue_redated", "date_set")
OUT = ("pushed_out", "pulled_earlier", "date_cleared", "won", "lost", "deleted")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, view, deal and movement. Without a history of stages there is none."""
    return [
        *rules.basics(
            context, MART, ["period_type", "period_start", "view_name", "deal_key", "movement"], floor=0
        ),
        rules.references("deal_key", "fct_deals"),
        rules.filled("pipeline_id", "segment", "amount_reporting", "period_end", "closing_date"),
        rules.accepted("period_type", ("week", "month", "quarter")),
        rules.accepted("view_name", ("all_open", "due_in_period")),
        rules.accepted(
            "movement",
            (
                "opening", *IN, "increased", "decreased", "transferred_in", "transferred_out", "exchange_rate",
                *OUT, "closing",
            ),
        ),
        rules.none("no_later_than_the_day", f"closing_date > date '{context.as_of}'"),
        rules.rows(
            "deals_add_up",
            "select period_type, period_start, view_name, deal_key from {batch} group by all having "
            "sum(case when movement = 'closing' then -amount_reporting else amount_reporting end) <> 0",
            expected="opening and movements of each deal add up to its closing",
        ),
        rules.rows(
            "one_way_in_and_out",
            "select period_type, period_start, view_name, deal_key from {batch} group by all having "
            f"count(*) filter (where movement in {('opening', *IN)}) <> 1 or "
            f"count(*) filter (where movement in {('closing', *OUT)}) <> 1",
            expected="each deal comes in once and ends once per period and view",
        ),
    ]  # fmt: skip
