"""What a reader of `rpt_origins` is promised: each origin once, its share of converted leads with its interval."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_origins"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per breakdown and value over leads without a creation date."""
    return [
        *rules.keyed(["breakdown"], nullable=["channel", "source_label", "source_detail"], floor=0),
        rules.filled("leads", "converted", "size_rank"),
        rules.none("converted_within_leads", "converted < 0 or converted > leads or leads < 1"),
        rules.none("rate_is_converted_of_leads", "abs(conversion_rate - converted / nullif(leads, 0)) > 0.000001"),
        rules.none("rate_in_its_interval", "conversion_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
    ]
