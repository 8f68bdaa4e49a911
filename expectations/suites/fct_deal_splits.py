"""What a reader of `fct_deal_splits` is promised: each deal divided without a rest and counted once."""

from typing import TYPE_CHECKING

from configuration.entities import PIPELINE_PURPOSES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deal_splits"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per deal, kind of credit and owner."""
    return [
        *rules.basics(context, MART, ["split_key"], floor=context.floor("deals")),
        rules.unique("deal_key", "kind", "owner_key"),
        rules.accepted("kind", ("revenue", "overlay")),
        rules.accepted("split_status", ("undivided", "complete", "short", "excessive")),
        rules.accepted("pipeline_purpose", PIPELINE_PURPOSES),
        rules.none("revenue_says_how_it_was_split", "(kind = 'revenue') <> (split_status is not null)"),
        rules.none("share_in_range", "share <= 0 or share > 1.001"),
        rules.rows(
            "parts_sum_to_the_deal",
            "select deals.deal_key, parts.share, deals.amount_reporting, parts.amount_reporting as of_parts "
            "from fct_deals as deals left join (select deal_key, sum(share) as share, sum(amount) as amount, "
            "sum(amount_reporting) as amount_reporting, sum(amount_plan_rate) as amount_plan_rate, "
            "count(*) filter (where is_counted) as counted "
            "from {batch} where kind = 'revenue' group by all) as parts on deals.deal_key = parts.deal_key "
            "where parts.share is distinct from 1 or parts.counted <> 1 or parts.amount is distinct from deals.amount "
            "or parts.amount_reporting is distinct from deals.amount_reporting "
            "or parts.amount_plan_rate is distinct from deals.amount_plan_rate",
            expected="of each deal shares of 1 in all, its amounts to the cent, counted once",
        ),
        rules.none("overlay_counts_no_deal", "kind = 'overlay' and is_counted"),
        rules.none(
            "agreed_parts_reach_100",
            "split_status in ('short', 'excessive') and is_counted and not is_excluded",
            severity="warn",
            expected="no split whose parts fall short of 100 % or exceed it",
        ),
    ]
