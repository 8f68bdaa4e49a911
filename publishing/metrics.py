"""Asking the live release for metrics by name: MetricFlow writes the query, the release answers it read-only.

What belongs here: lists of metrics and of what they can be grouped by, and rows for a question. What does not: what
a metric means (dbt/models/semantic/). A release carries its own definitions, so an old one answers as it was built.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from configuration.errors import ReleaseError
from configuration.paths import Home
from publishing import reading, release

if TYPE_CHECKING:
    from metricflow.engine.metricflow_engine import MetricFlowEngine

# Behind `metric_time__`; weeks begin on Monday, quarters in January, those of the company where it says.
GRAINS = ("day", "week", "company_week", "month", "fiscal_month", "quarter", "fiscal_quarter", "year", "fiscal_year")
_NAME_OR_TEXT = re.compile(r"'(?:[^']|'')*'|\b[a-z][a-z_]*\b(?!\s*\()")


@dataclass(frozen=True)
class Metric:
    """A metric, and what it can be grouped by besides the day that it is counted on, `metric_time__<grain>`."""

    name: str
    description: str
    group_by: list[str]


def list_metrics(home: Home) -> list[Metric]:
    """All metrics of the live release. Raises ReleaseError when there is no release or it has none."""
    engine = _engine(release.require_live(home))
    listed = []
    for metric in engine.list_metrics():
        names = {dimension.granularity_free_dunder_name for dimension in metric.dimensions}
        # What is two steps away (lead__owner__team) works and would only make the list long.
        near = {name for name in names if name.count("__") == 1}
        listed.append(Metric(metric.name, metric.description or "", sorted(near | _entities(engine, [metric.name]))))
    return sorted(listed, key=lambda metric: metric.name)


def query(
    home: Home,
    metrics: Sequence[str],
    *,
    by: Sequence[str] = (),
    where: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
    order: Sequence[str] = (),
    limit: int | None = None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of metrics of the live release, grouped by `by` and, unless told otherwise, ordered by it.

    `start` and `end` (both inclusive) bound `metric_time`, the day that each metric is counted on. Raises
    ReleaseError when there is no release or it cannot answer.
    """
    statement = sql(home, metrics, by=by, where=where, start=start, end=end, order=order, limit=limit)
    columns, rows = reading.query(home, statement, command="saleshouse metric")
    return columns, [tuple(map(_plain, row)) for row in rows]


def sql(
    home: Home,
    metrics: Sequence[str],
    *,
    by: Sequence[str] = (),
    where: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
    order: Sequence[str] = (),
    limit: int | None = None,
) -> str:
    """The statement that answers the question, for a BI tool to run on the release; see `query`."""
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest
    from metricflow.engine.metricflow_engine import OutputColumnOrderMode as Columns

    engine = _engine(release.require_live(home))
    known = {metric.name for metric in engine.list_metrics()}
    unknown = [name for name in metrics if name not in known]
    if unknown or not metrics:
        raise _refused(f"there is no metric {unknown[0]}" if unknown else "no metric is named")
    bounds = [("metric_time__day >= ", start), ("metric_time__day <= ", end)]
    conditions = [*where, *(f"{text}'{day.isoformat()}'" for text, day in bounds if day)]
    try:
        request = MetricFlowQueryRequest.create(
            metric_names=list(metrics),
            group_by_names=list(by),
            where_constraints=[_condition(one, _entities(engine, metrics)) for one in conditions] or None,
            order_by_names=list(order or by),
            limit=limit,
            output_column_order_mode=Columns.TYPE_GROUPED,
        )
        return str(engine.explain(request).sql_statement.sql)
    except Exception as exc:
        raise _refused(_first_reason(exc)) from exc


def _condition(text: str, entities: set[str]) -> str:
    """Names in MetricFlow's own form: `deal__segment = 'mid'` is `{{ Dimension('deal__segment') }} = 'mid'`."""

    def named(match: re.Match[str]) -> str:
        name = match[0]
        first, _, rest = name.partition("__")
        if first == "metric_time" and rest:
            return f"{{{{ TimeDimension('metric_time', '{rest}') }}}}"
        if rest:
            return f"{{{{ Dimension('{name}') }}}}"
        return f"{{{{ Entity('{name}') }}}}" if name in entities else name

    return text if "{{" in text else _NAME_OR_TEXT.sub(named, text)


def _entities(engine: "MetricFlowEngine", metrics: Sequence[str]) -> set[str]:
    return {entity.name for entity in engine.entities_for_metrics(list(metrics))}


def _engine(live: release.Release) -> "MetricFlowEngine":
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    class Dialect:
        """All that MetricFlow asks of a client as long as it only writes statements."""

        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

    try:
        text = live.semantics.read_text(encoding="utf-8")
    except OSError as exc:
        raise ReleaseError(
            "the live release was made without metrics",
            where=str(live.semantics),
            effect="there is nothing to ask",
            fix="make a new one with `saleshouse run`",
        ) from exc
    manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=text)
    return MetricFlowEngine(SemanticManifestLookup(manifest), Dialect())  # type: ignore[arg-type]


def _first_reason(exc: Exception) -> str:
    """The first thing that MetricFlow says, without all that could have been meant."""
    words = " ".join(str(exc).split())
    metric = re.search(r"available group-by-items for \w+\('(\w+)'\)", words)
    given = re.search(r"Object Builder Input: \w+\('([^']+)'", words) or re.search(r"Query Input: (\S+)", words)
    if metric and given:
        return f"{metric[1]} cannot be asked by {given[1]}"
    return words.split("Message: ")[1 if "Message: " in words else 0].split(". ")[0][:200]


def _refused(what: str) -> ReleaseError:
    return ReleaseError(
        what,
        where="saleshouse metric",
        effect="nothing was read",
        fix="`saleshouse metric` without a name lists the metrics and what each can be grouped by",
    )


def _plain(value: Any) -> Any:
    """Truncated days come back as midnights."""
    return value.date() if isinstance(value, datetime) and value.time() == time() else value
