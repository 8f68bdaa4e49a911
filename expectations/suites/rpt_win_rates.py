"""What a reader of `rpt_win_rates` is promised: won of won and lost, with its interval."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_win_rates"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per window."""
    return [
        *rules.keyed(["window_name"], floor=0),
        rules.filled("won_deals", "lost_deals", "first_day", "last_day"),
        rules.none("rate_is_won_of_closed", "abs(win_rate - won_deals / nullif(won_deals + lost_deals, 0)) > 0.000001"),
        rules.none("no_rate_of_nothing", "won_deals + lost_deals = 0 and win_rate is not null"),
        rules.none("rate_in_its_interval", "win_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
        rules.none("closed_by_the_day", f"last_day > date '{context.as_of}' or last_day < first_day"),
    ]
