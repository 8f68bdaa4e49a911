"""What a reader of `rpt_win_loss` is promised: rates of its own counts, of the deals that win rates count."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_win_loss"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per reason and competitor; a company may have closed nothing in twelve months."""
    return [
        *rules.keyed(["breakdown", "member"], floor=0),
        rules.accepted("breakdown", ("reason", "competitor")),
        rules.none("rate_is_won_of_closed", "abs(win_rate - won_deals / nullif(won_deals + lost_deals, 0)) > 0.000001"),
        rules.none("rate_in_its_interval", "win_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
        rules.rows(
            "reasons_are_all_losses",
            "select sum(lost_deals) filter (where breakdown = 'reason') as of_reasons, "
            "sum(lost_deals) filter (where member = 'total') as lost_deals from {batch} "
            "having coalesce(of_reasons, 0) <> coalesce(sum(lost_deals) filter (where member = 'total'), 0)",
            expected="as many losses by reason as there are",
        ),
    ]
