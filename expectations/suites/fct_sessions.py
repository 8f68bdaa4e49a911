"""What a reader of `fct_sessions` is promised: each visit to the site once, its purchases counted, bots flagged."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_sessions"

# A surge of bots is shown, not hidden: the sessions stay, flagged.
BOT_SHARE_WARN = 0.2


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per session."""
    return [
        *rules.basics(context, MART, ["session_key"], floor=context.floor("web_events")),
        rules.references("contact_key", "dim_contacts"),
        rules.filled(
            "visitor_id", "channel", "events", "page_views", "is_bot", "is_engaged", "has_purchase", "started_at"
        ),
        rules.accepted("channel", ALL_CHANNELS),
        rules.pattern("currency", "[A-Z]{3}"),
        rules.none("counts_add_up", "events < 1 or page_views < 0 or page_views > events or purchases < 0"),
        rules.between("engagement_seconds", 0),
        rules.none("ends_after_start", "ended_at < started_at"),
        rules.none("purchase_has_its_flag", "has_purchase <> (coalesce(purchases, 0) > 0)"),
        rules.none("revenue_needs_a_purchase", "coalesce(revenue, 0) <> 0 and not has_purchase"),
        rules.none("revenue_converted", "revenue is not null and revenue_reporting is null"),
        rules.none("started_by_the_day", f"started_at >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "bot_share",
            "select * from (select count(*) as sessions, count(*) filter (where is_bot) as bots from {batch}) "
            f"where bots > {BOT_SHARE_WARN} * sessions",
            severity="warn",
            expected=f"at most {BOT_SHARE_WARN:.0%} of sessions by bots",
        ),
    ]
