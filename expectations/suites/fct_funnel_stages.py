"""What a reader of `fct_funnel_stages` is promised: who entered has progressed, exited or is open; rates are theirs."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_funnel_stages"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per funnel, stage, month of entry and part of the company."""
    return [
        *rules.basics(
            context,
            MART,
            ["funnel", "stage", "dimension", "member"],
            nullable=["entry_month"],
            floor=context.floor("leads", "deals"),
        ),
        rules.filled("entities_entered", "entities_progressed", "entities_exited", "entities_open"),
        rules.accepted("funnel", ("lead", "deal")),
        *rules.funnel_parts(ALL_CHANNELS, ["funnel", "stage", "entry_month"], "entities_entered"),
        rules.none(
            "entered_is_progressed_exited_or_open",
            "entities_entered <> entities_progressed + entities_exited + entities_open",
        ),
        rules.none("counts_not_negative", "least(entities_progressed, entities_exited, entities_open) < 0"),
        rules.none(
            "rate_is_progressed_of_entered",
            "abs(conversion_rate - entities_progressed / nullif(entities_entered, 0)) > 0.000001",
        ),
        rules.none("rate_in_its_interval", "conversion_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
        rules.none("interval_within_0_and_1", "wilson_low < 0 or wilson_high > 1"),
        rules.between("median_days_completed", 0),
        rules.between("p90_days_to_outcome", 0),
        rules.none("mature_by_a_known_age", "is_mature and p90_days_to_outcome is null"),
        rules.none("entered_by_the_day", f"entry_month > date '{context.as_of}'"),
    ]
