"""What a reader of `fct_deal_days` is promised: what each open deal looked like at the end of each day."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_days"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal and day. A company whose source keeps no history of stages has none."""
    return [
        *rules.basics(context, MART, ["deal_key", "date_day"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.filled("stage_key", "pipeline_id", "stage", "status"),
        rules.accepted("stage", (*DEAL_STAGES, "unmapped")),
        rules.accepted("status", ("open", "won", "lost")),
        rules.none("days_are_over", f"date_day > date '{context.as_of}'"),
        rules.none("amounts_converted", "amount is not null and currency is not null and amount_reporting is null"),
        rules.rows(
            "open_deals_stand_today",
            "select deals.deal_key from fct_deals as deals anti join "
            f"(select deal_key from {{batch}} where status = 'open' and date_day = date '{context.as_of}') as days "
            "on deals.deal_key = days.deal_key "
            "where deals.status = 'open' and not deals.is_deleted and deals.history_basis <> 'assumed_current'",
            expected="a row of the day for each open deal",
        ),
    ]
