"""What a reader of `fct_deal_health` is promised: every open deal once, each flag with what it is read from."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_health"
FLAGS = (
    "past_close_date", "idle", "older_than_won", "pushed_twice", "amount_cut", "without_next_step", "single_contact",
    "without_contact",
)  # fmt: skip


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per open deal."""
    counted = " + ".join(f"coalesce(is_{flag}, false)::int" for flag in FLAGS)
    return [
        *rules.basics(context, MART, ["deal_key"], floor=0),
        rules.references("deal_key", "fct_deals"),
        rules.filled("stage_key", "stage", "reasons", "is_past_close_date"),
        rules.none("reasons_are_the_flags", f"reasons <> {counted}"),
        rules.none("reasons_are_named", "(reasons = 0) <> (reasons_named is null)"),
        rules.none("past_its_date_by_days", "is_past_close_date <> (days_past_close is not null)"),
        rules.none(
            "cut_by_an_amount", "amount_cut_reporting <= 0 or (amount_cut_reporting is not null and not is_amount_cut)"
        ),
        rules.none("single_is_one", "is_single_contact <> (contacts = 1)"),
        rules.none("nothing_past_is_to_come", f"next_activity_at < date '{context.as_of}'"),
        rules.rows(
            "every_open_deal",
            "select deals.deal_key from fct_deals as deals full outer join fct_deal_health as health "
            "on deals.deal_key = health.deal_key where (health.deal_key is null and deals.status = 'open' "
            "and not deals.is_excluded and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell')) "
            "or (health.deal_key is not null and (deals.status is distinct from 'open' or deals.is_excluded))",
            expected="the open deals that count, and no other",
        ),
    ]
