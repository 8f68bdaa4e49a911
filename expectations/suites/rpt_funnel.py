"""What a reader of `rpt_funnel` is promised: who entered has progressed, exited or is open, and rates are theirs."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_funnel"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per funnel, stage, part of the company and basis of its cohorts."""
    return [
        *rules.keyed(
            ["funnel", "stage", "dimension", "member", "cohort_basis"],
            floor=context.floor("leads", "deals"),
        ),
        rules.accepted("dimension", ("all", "segment")),
        rules.rows(
            "segments_are_all",
            "select funnel, stage, cohort_basis from {batch} group by all having sum(entities_entered) filter "
            "(dimension = 'all') is distinct from sum(entities_entered) filter (dimension = 'segment')",
            expected="segments add up to all",
        ),
        rules.accepted("cohort_basis", ("dated", "undated")),
        rules.accepted("funnel", ("lead", "deal")),
        rules.filled("stage_order", "entities_entered", "entities_progressed", "entities_exited", "entities_open"),
        rules.none(
            "entered_is_progressed_exited_or_open",
            "entities_entered <> entities_progressed + entities_exited + entities_open and not is_last",
        ),
        rules.none("progressed_have_entered", "mature_progressed > mature_entered or young_progressed > young_entered"),
        rules.none("rate_in_its_interval", "conversion_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
    ]
