"""The kinds of rule that suites are written in, each a Great Expectations expectation that runs as SQL in DuckDB.

What belongs here: how a rule is asked. What does not: which mart is asked what (suites/). All but the row counts are
`UnexpectedRowsExpectation` queries: they name the offending rows, know regular expressions, and cost 4 ms where the
column expectations, which reflect the table and resolve a graph of metrics each, cost 30. Rows are counted first and
fetched where there are any. A range, a set and a pattern pass over NULL; `filled` says where NULL is wrong. In a
condition braces are doubled and a colon is not followed by a letter, because Great Expectations and SQLAlchemy read
those.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from expectations.context import COMPARABLE_ROWS, GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["block", "warn"]


def rows(check: str, query: str, *, severity: Severity = "block", expected: str = "no such rows") -> "Expectation":
    """The query, in which {batch} stands for the mart, returns no row."""
    from great_expectations.expectations.metadata_types import FailureSeverity

    from expectations.counting import UnexpectedRowCount

    return UnexpectedRowCount(
        # A query about other tables only would make Great Expectations print a warning.
        unexpected_rows_query=query if "{batch}" in query else f"{query} /* {{batch}} */",
        severity=FailureSeverity.CRITICAL if severity == "block" else FailureSeverity.WARNING,
        meta={"check": check, "severity": severity, "expected": expected},
    )


def with_rows(rule: "Expectation") -> "Expectation | None":
    """The same rule, asked for the offending rows as well; None of one that is no query."""
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation

    query = getattr(rule, "unexpected_rows_query", None)
    return query and UnexpectedRowsExpectation(unexpected_rows_query=query, severity=rule.severity, meta=rule.meta)


def none(check: str, condition: str, *, severity: Severity = "block", expected: str | None = None) -> "Expectation":
    """No row of the mart satisfies the condition."""
    query = f"select * from {{batch}} where {condition}"
    return rows(check, query, severity=severity, expected=expected or f"no row where {' '.join(condition.split())}")


def row_count(check: str, minimum: int, maximum: int | None = None) -> "Expectation":
    """The mart has at least (and at most) so many rows; an empty table fails any minimum above 0."""
    from great_expectations.expectations.core.expect_table_row_count_to_be_between import (
        ExpectTableRowCountToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    expected = f"at least {minimum} rows" + (f", at most {maximum}" if maximum is not None else "")
    return ExpectTableRowCountToBeBetween(
        min_value=minimum,
        max_value=maximum,
        severity=FailureSeverity.CRITICAL,
        meta={"check": check, "severity": "block", "expected": expected},
    )


def basics(
    context: GateContext, mart: str, key: Iterable[str], *, floor: int, nullable: Iterable[str] = ()
) -> list["Expectation"]:
    """What the suite of a mart opens with: `keyed`, and rows not fallen against the live release."""
    before = context.live_rows.get(mart, 0) if context.compares else 0
    fallen = (
        [row_count("rows_against_live", math.ceil(before * (1 - context.row_drop_block)))]
        if before >= COMPARABLE_ROWS
        else []
    )
    return [*keyed(key, floor=floor, nullable=nullable), *fallen]


def keyed(key: Iterable[str], *, floor: int, nullable: Iterable[str] = ()) -> list["Expectation"]:
    """What every suite opens with: the row floor and a key that is one.

    Grain: one row per `key` and `nullable` columns. The floor is 0 only where the company has no such data.
    """
    columns = list(key)
    return [row_count("row_floor", floor), filled(*columns, check="key_filled"), unique(*columns, *nullable)]


def filled(*columns: str, check: str = "filled") -> "Expectation":
    """None of the columns is NULL in any row."""
    condition = " or ".join(f"{column} is null" for column in columns)
    return none(check, condition, expected=f"{', '.join(columns)} filled in every row")


def unique(*columns: str) -> "Expectation":
    """No two rows share the columns' values; NULL counts as a value."""
    listed = ", ".join(columns)
    return rows(
        f"{'_and_'.join(columns)}_unique",
        f"select {listed}, count(*) as row_count from {{batch}} group by all having count(*) > 1",
        expected=f"one row per {listed}",
    )


def references(column: str, mart: str, key: str | None = None) -> "Expectation":
    """Where the column is filled, `mart` has a row with that `key` (the column's own name unless given)."""
    key = key or column
    return rows(
        f"{column}_known",
        f"select given.* from {{batch}} as given anti join {mart} as known on given.{column} = known.{key} "
        f"where given.{column} is not null",
        expected=f"every {column} stands in {mart}",
    )


def accepted(column: str, values: Iterable[str], *, severity: Severity = "block") -> "Expectation":
    """The column holds one of the values, or NULL."""
    listed = ", ".join(f"'{value}'" for value in values)
    return none(f"{column}_accepted", f"{column} not in ({listed})", severity=severity)


def funnel_parts(channels: Iterable[str], by: Iterable[str], count: str) -> list["Expectation"]:
    """Per group of `by` the rows of dimension all, those of the channels and those of the segments count the same."""
    listed = ", ".join(f"'{channel}'" for channel in channels)
    parts = " or ".join(
        f"sum({count}) filter (dimension = 'all') is distinct from sum({count}) filter (dimension = '{dimension}')"
        for dimension in ("channel", "segment")
    )
    return [
        accepted("dimension", ("all", "channel", "segment")),
        none("channel_accepted", f"dimension = 'channel' and member not in ({listed})"),
        rows(
            "parts_are_all",
            f"select {', '.join(by)} from {{batch}} group by all having {parts}",
            expected="channels and segments each add up to all",
        ),
    ]


def between(
    column: str, low: str | int, high: str | int | None = None, *, severity: Severity = "block"
) -> "Expectation":
    """low <= column <= high where it is filled; bounds may be expressions."""
    condition = f"{column} < {low}" + (f" or {column} > {high}" if high is not None else "")
    return none(f"{column}_in_range", condition, severity=severity)


def pattern(column: str, expression: str, *, severity: Severity = "block") -> "Expectation":
    """The column matches the regular expression in full where it is filled."""
    doubled = expression.replace("{", "{{").replace("}", "}}")
    return none(f"{column}_shape", f"not regexp_full_match({column}, '{doubled}')", severity=severity)
