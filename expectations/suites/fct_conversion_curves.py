"""What a reader of `fct_conversion_curves` is promised: shares that grow and leave room for those who wait."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_conversion_curves"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per funnel, stage, month of entry, part of the company and number of days."""
    return [
        *rules.basics(
            context,
            MART,
            ["funnel", "stage", "dimension", "member", "entry_month", "horizon_days"],
            floor=0,
        ),
        rules.filled("cohort_size", "is_complete"),
        rules.accepted("funnel", ("lead", "deal")),
        *rules.funnel_parts(ALL_CHANNELS, ["funnel", "stage", "entry_month", "horizon_days"], "cohort_size"),
        rules.none("shares_not_negative", "least(progressed_incidence, exited_incidence) < 0"),
        rules.none("shares_within_one", "progressed_incidence + exited_incidence > 1.000001"),
        rules.none("complete_is_known", "is_complete and progressed_incidence is null"),
        rules.rows(
            "shares_grow",
            "select * from (select *, lag(progressed_incidence) over by_days as progressed_before, "
            "lag(exited_incidence) over by_days as exited_before from {batch} "
            "window by_days as (partition by funnel, stage, dimension, member, entry_month order by horizon_days)) "
            "where progressed_incidence < progressed_before - 1e-6 or exited_incidence < exited_before - 1e-6",
            expected="shares that never fall as days pass",
        ),
        rules.none("entered_by_the_day", f"entry_month > date '{context.as_of}'"),
    ]
