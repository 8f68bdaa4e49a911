"""What a reader of `rpt_bottlenecks` is promised: the published forecast as its base, a figure or a reason for none."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_bottlenecks"
NOTES = ("not_enough_history", "no_stage_history", "too_few_deals", "nothing_won")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per pipeline and stage; a company may have no stages."""
    return [
        *rules.keyed(["pipeline", "stage"], floor=0),
        rules.accepted("point_note", (*NOTES, "nearly_all_come_on")),
        rules.accepted("day_note", (*NOTES, "shorter_than_a_day")),
        rules.none(
            "a_figure_or_a_reason",
            "(point_note is null) <> (point_reporting is not null) "
            "or (day_note is null) <> (day_reporting is not null)",
        ),
        rules.none("more_is_not_less", "least(point_reporting, day_reporting) < least(base_reporting, 0)"),
        rules.none("range_in_order", "point_p10 > point_p90 or day_p10 > day_p90"),
        rules.none("rate_in_its_interval", "conversion_rate not between wilson_low - 1e-6 and wilson_high + 1e-6"),
        rules.rows(
            "base_is_the_forecast",
            "select told.pipeline, base_reporting, expected from (select * from {batch}) as told, lateral (select "
            "coalesce(sum(expected), 0) as expected from fct_forecast where method = 'saleshouse' and level = "
            "'pipeline' and member = told.pipeline and part <> 'won' "
            "and fct_forecast.period_start = told.period_start "
            "and fct_forecast.period_end = told.period_end) where base_reporting <> expected",
            expected="what the published forecast expects beyond what is won, to the cent",
        ),
    ]
