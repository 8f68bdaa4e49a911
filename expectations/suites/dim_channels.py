"""What a reader of `dim_channels` is promised: the closed list of channels, each once and in a group."""

from typing import TYPE_CHECKING

from configuration.entities import CHANNELS
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_channels"

ALL_CHANNELS = (*CHANNELS, "not_stated", "unmapped", "unattributed")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per channel."""
    listed = ", ".join(f"('{channel}')" for channel in ALL_CHANNELS)
    return [
        *rules.basics(context, MART, ["channel"], floor=len(ALL_CHANNELS)),
        rules.filled("channel_name", "channel_group", "sort_order", "is_paid"),
        rules.accepted("channel", ALL_CHANNELS),
        rules.accepted("channel_group", ("paid", "owned", "earned", "outbound", "relationship", "unknown")),
        rules.rows(
            "list_is_whole",
            f"select known.channel from (values {listed}) as known (channel) "
            "where known.channel not in (select channel from {batch} where channel is not null)",
            expected="every channel of the vocabulary",
        ),
        rules.none("paid_is_the_paid_group", "is_paid <> (channel_group = 'paid')"),
    ]
