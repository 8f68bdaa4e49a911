"""What a reader of `rpt_leads_to_call` is promised: at most three open leads per owner, the best chance first."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_leads_to_call"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead that is to be called first."""
    return [
        *rules.keyed(["lead_key"], floor=0),
        rules.filled("owner_name", "chance_left", "owner_rank"),
        rules.between("owner_rank", 1, 3),
        rules.unique("owner_name", "owner_rank"),
        rules.rows(
            "best_chance_first",
            "select * from (select *, lag(chance_left) over (partition by owner_name order by owner_rank) as better "
            "from {batch}) where chance_left > better",
            expected="each owner's leads by their chance",
        ),
        rules.rows(
            "leads_to_be_worked",
            "select calls.lead_key from {batch} as calls anti join fct_lead_scores as scores "
            "on calls.lead_key = scores.lead_key and scores.call_rank is not null",
            expected="leads of fct_lead_scores that are to be called",
        ),
    ]
