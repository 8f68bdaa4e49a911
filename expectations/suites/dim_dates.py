"""What a reader of `dim_dates` is promised: every day once, without a gap, beyond the day reported."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_dates"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per day."""
    return [
        *rules.basics(context, MART, ["date_day"], floor=365),
        rules.filled("fiscal_year", "fiscal_quarter", "fiscal_month", "month_start", "quarter_start", "is_working_day"),
        rules.rows(
            "no_day_missing",
            "select min(date_day) as first_day, max(date_day) as last_day, count(*) as days from {batch} "
            "having count(*) <> max(date_day) - min(date_day) + 1",
            expected="as many days as lie between the first and the last",
        ),
        rules.rows(
            "reported_day_inside",
            f"select max(date_day) as last_day from {{batch}} having max(date_day) < date '{context.as_of}'",
            expected=f"days up to {context.as_of} and beyond",
        ),
        rules.between("fiscal_quarter", 1, 4),
        rules.between("fiscal_month", 1, 12),
        rules.between("day_of_week", 1, 7),
        rules.accepted("fiscal_basis", ("calendar_file", "configuration")),
        rules.none("month_contains_its_day", "date_day not between month_start and month_end"),
        rules.none("quarter_contains_its_month", "month_start < quarter_start or month_end > quarter_end"),
        rules.none("month_begins_in_its_year", "month_start < fiscal_year_start"),
        rules.rows(
            "months_of_the_calendar",
            "select * from {batch} where fiscal_basis = 'configuration' "
            "and not exists (select 1 from {batch} where fiscal_basis = 'calendar_file') "
            "and (month_start <> date_trunc('month', date_day) "
            "or quarter_end <> last_day(quarter_start + interval 2 month))",
            expected="months of the calendar where the company lists no periods",
        ),
        rules.rows(
            "fiscal_periods_reach_ahead",
            "select max(date_day) as listed_to from {batch} where fiscal_basis = 'calendar_file' "
            f"having max(date_day) < date '{context.as_of}' + 100",
            severity="warn",
            expected="fiscal periods for a hundred days after the reported day, where the company lists them",
        ),
        rules.none("holidays_are_off", "is_holiday and is_working_day"),
        rules.rows(
            "holidays_of_the_year_listed",
            f"select {context.as_of.year} as calendar_year, max(calendar_year) as last_year from {{batch}} "
            f"where is_holiday having max(calendar_year) < {context.as_of.year}",
            severity="warn",
            expected="holidays of the reported year, where any are listed",
        ),
        rules.pattern("month_label", r"\d{4}-\d{2}"),
    ]
