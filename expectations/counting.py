"""A rule's first question: how many rows break it. Most rules are kept, and then their rows need no second query.

What belongs here: that expectation. What does not: the rules (rules.py), and fetching rows for a verdict (runner.py).
"""

from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation

if TYPE_CHECKING:
    from great_expectations.execution_engine.execution_engine import ExecutionEngine
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration


class UnexpectedRowCount(UnexpectedRowsExpectation):
    """`UnexpectedRowsExpectation` without the rows: it succeeds when the query returns none, and observes how many."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)
    _told: "ExpectationConfiguration | None" = PrivateAttr(default=None)

    @property
    def configuration(self) -> "ExpectationConfiguration":
        """Made once: a rule does not change, and Great Expectations asks some thirty times for each."""
        if self._told is None:
            self._told = super().configuration
        return self._told

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: "ExecutionEngine[Any] | None" = None,
    ) -> dict[str, Any]:
        count = metrics["unexpected_rows_query.row_count"]
        return {"success": count == 0, "result": {"observed_value": count}}
