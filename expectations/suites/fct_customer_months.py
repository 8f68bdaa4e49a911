"""What a reader of `fct_customer_months` is promised: recurring revenue that moves by named causes alone."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_customer_months"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per customer and month; a company may have no contracts that recur."""
    return [
        *rules.basics(context, MART, ["customer_key", "month_start"], floor=context.floor("contracts")),
        rules.references("account_key", "dim_accounts"),
        rules.filled("movement", "segment", "opening_mrr", "closing_mrr", "cohort_month"),
        rules.accepted("movement", ("new", "expansion", "contraction", "churn", "resurrection", "unchanged")),
        rules.between("opening_mrr", 0),
        rules.between("closing_mrr", 0),
        rules.none(
            "movements_add_up",
            "opening_mrr + new_mrr + expansion_mrr - contraction_mrr - churn_mrr + resurrection_mrr <> closing_mrr",
        ),
        rules.none("new_once", "(movement = 'new') <> (month_start = cohort_month)"),
        rules.none("whole_months", "month_start <> date_trunc('month', month_start)"),
        rules.rows(
            "what_closes_opens",
            "select * from (select *, lag(closing_mrr) over customer as closing_before, "
            "lag(month_start) over customer as month_before from {batch} "
            "window customer as (partition by customer_key order by month_start)) where opening_mrr <> "
            "case when month_before = month_start - interval 1 month then closing_before else 0 end",
            expected="each month opens with what closed the month before",
        ),
    ]
