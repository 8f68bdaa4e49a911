"""What a reader of `fct_funnel_velocity` is promised: how long visits take, and at most one slowest stage."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_funnel_velocity"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per funnel, stage, month of entry and part."""
    return [
        *rules.basics(
            context,
            MART,
            ["funnel", "stage", "dimension", "member", "entry_month"],
            floor=0,
        ),
        rules.filled("visits", "completed_visits", "censored_visits", "entities_entered", "is_slowest"),
        rules.accepted("funnel", ("lead", "deal")),
        rules.accepted("dimension", ("all", "channel", "segment")),
        rules.none("visits_are_over_or_censored", "visits <> completed_visits + censored_visits"),
        rules.none("regression_in_range", "regression_rate not between 0 and 1"),
        rules.none("quantiles_in_order", "survival_median_days > p90_days or median_days_completed < 0"),
        rules.rows(
            "one_slowest",
            "select funnel, dimension, member, entry_month from {batch} where is_slowest "
            "group by all having count(*) > 1",
            expected="at most one slowest stage per month and part",
        ),
        rules.rows(
            "channels_are_all",
            "select funnel, stage, entry_month from {batch} group by all "
            "having sum(visits) filter (dimension = 'all') <> sum(visits) filter (dimension = 'channel') "
            "or sum(visits) filter (dimension = 'all') <> sum(visits) filter (dimension = 'segment')",
            expected="channels and segments each add up to all visits",
        ),
        rules.none("entered_by_the_day", f"entry_month > date '{context.as_of}'"),
    ]
