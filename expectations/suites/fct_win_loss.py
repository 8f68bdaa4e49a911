"""What a reader of `fct_win_loss` is promised: each closed deal once, where it was decided and how long it took."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES, LOSS_REASONS, PIPELINE_PURPOSES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_win_loss"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per closed deal; a company may have closed none yet."""
    return [
        *rules.basics(context, MART, ["deal_key"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.references("closed_from_stage_key", "dim_stages", "stage_key"),
        rules.accepted("status", ("won", "lost")),
        rules.accepted("pipeline_purpose", PIPELINE_PURPOSES),
        rules.accepted("closed_from_stage", (*DEAL_STAGES, "unmapped")),
        rules.accepted("loss_reason", (*LOSS_REASONS, "unmapped")),
        rules.none("a_stated_reason_has_a_meaning", "(lost_reason is null) <> (loss_reason is null)"),
        rules.between("days_to_close", 0),
        rules.between("days_in_closing_stage", 0),
        rules.none("closed_from_another_stage", "closed_from_stage = status"),
        rules.none("the_won_have_no_reason", "lost_reason is not null and status <> 'lost'"),
        rules.rows(
            "every_closed_deal",
            "select coalesce(deals.deal_key, closed.deal_key) as deal_key, deals.status, "
            "closed.status as listed from (from fct_deals where status <> 'open') as deals "
            "full join {batch} as closed on deals.deal_key = closed.deal_key "
            "where deals.status is distinct from closed.status "
            "or deals.amount_reporting is distinct from closed.amount_reporting",
            expected="the won and lost deals of fct_deals, at their amounts",
        ),
    ]
