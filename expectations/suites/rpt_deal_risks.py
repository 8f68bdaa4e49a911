"""What a reader of `rpt_deal_risks` is promised: open deals only, each once, as many reasons as signs."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_deal_risks"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per open deal with the signs of risk it shows."""
    return [
        *rules.keyed(["deal_key"], floor=0),
        rules.filled("reasons", "stage", "is_past_close_date", "is_idle", "is_without_contact"),
        rules.none(
            "reasons_are_the_signs",
            "reasons <> is_past_close_date::int + is_idle::int + is_older_than_won::int + is_pushed_twice::int "
            "+ is_amount_cut::int + is_without_next_step::int "
            "+ is_single_contact::int + is_without_contact::int",
        ),
        rules.rows(
            "of_open_deals",
            "select risks.deal_key from {batch} as risks anti join "
            "(select deal_key from fct_deals where status = 'open' and not is_excluded) as deals "
            "on risks.deal_key = deals.deal_key",
            expected="deals that are open and count",
        ),
    ]
