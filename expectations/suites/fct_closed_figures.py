"""What a reader of `fct_closed_figures` is promised: the records that it counts add up to the months of the report."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_closed_figures"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per record and kind of figure. Months before the first record of a kind are unknown to the report."""
    return [
        *rules.basics(context, MART, ["figure_key"], floor=context.floor("deals", "contacts", "leads", "ad_days")),
        rules.accepted("status", ("won", "lost", "open", "created", "qualified", "spent", "merged")),
        rules.accepted("family", ("outcome", "creation", "qualification", "spend")),
        rules.none("left_out_says_why", "is_counted <> (left_out_reason is null)"),
        rules.none("counted_has_a_month", "is_counted and (period_start is null or figure_day is null)"),
        rules.none(
            "closed_months_have_ended",
            f"is_closed <> (is_counted and last_day(figure_day) <= date '{context.as_of}')",
        ),
        rules.rows(
            "months_are_the_reports",
            "select months.month_start, months.won_reporting, months.won_deals, months.leads, months.mqls, "
            "months.spend_reporting, figures.* exclude (month_start) from rpt_monthly as months "
            # The report's months are the company's, those of closed figures the calendar's.
            "left join (select coalesce(dates.month_start, batch.period_start) as month_start, "
            "sum(amount_reporting) filter (where status = 'won') as won_amount, "
            "count(*) filter (where status = 'won') as won, "
            "count(*) filter (where family = 'creation') as created, "
            "count(*) filter (where family = 'qualification') as qualified, "
            "round(sum(amount_reporting) filter (where family = 'spend'), 2) as spent "
            "from {batch} as batch left join dim_dates as dates on batch.figure_day = dates.date_day "
            "where is_counted group by all) as figures on months.month_start = figures.month_start "
            # A month that is going on may hold wins that are dated in its future.
            "where not months.is_current and ("
            "months.won_reporting <> coalesce(figures.won_amount, 0) or months.won_deals <> coalesce(figures.won, 0) "
            "or months.leads <> coalesce(figures.created, 0) or months.mqls <> coalesce(figures.qualified, 0) "
            "or months.spend_reporting <> coalesce(figures.spent, 0))",
            expected="bookings, leads, MQLs and spend of rpt_monthly",
        ),
    ]
