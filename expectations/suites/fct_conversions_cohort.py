"""What a reader of `fct_conversions_cohort` is promised: rates of whole cohorts, falling from step to step."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_conversions_cohort"

MILESTONES = {
    "lead": ("mql", "sql_lead", "opportunity", "customer"),
    "deal": ("qualification", "meeting", "proposal", "negotiation", "closing", "won"),
}


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per funnel, month of creation, part of the company and milestone."""
    return [
        *rules.basics(
            context,
            MART,
            ["funnel", "dimension", "member", "milestone"],
            nullable=["cohort_month"],
            floor=context.floor("leads", "deals"),
        ),
        rules.filled("cohort_size", "reached", "is_mature"),
        rules.accepted("funnel", MILESTONES),
        rules.accepted("milestone", (*MILESTONES["lead"], *MILESTONES["deal"])),
        *rules.funnel_parts(ALL_CHANNELS, ["funnel", "milestone", "cohort_month"], "cohort_size"),
        rules.none("reached_within_the_cohort", "reached < 0 or reached > cohort_size or cohort_size < 1"),
        rules.none("rate_is_reached_of_cohort", "abs(conversion_rate - reached / nullif(cohort_size, 0)) > 0.000001"),
        rules.none("rate_in_its_interval", "conversion_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
        rules.none(
            "incidences_share_one_cohort",
            "reached_incidence < 0 or exited_incidence < 0 or reached_incidence + exited_incidence > 1 + 1e-6",
        ),
        rules.between("p90_days_to_outcome", 0),
        rules.none("created_by_the_day", f"cohort_month > date '{context.as_of}'"),
    ]
