"""Runs all suites on a candidate and says whether it may be published.

What belongs here: discovery of suites, running them, the verdict. What does not: the rules (suites/), and what follows
from a verdict (publishing/, dagster_project/). The candidate is opened read-only; rows come to Python only as samples
of what broke a rule, 20 at most, with free text masked. A rule that gives no result counts as broken.
"""

import importlib
import json
import os
import pkgutil
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from configuration.environment import quiet
from configuration.errors import GateFailed
from configuration.paths import Home
from expectations import rules
from expectations.context import CANDIDATE, SCHEMA, GateContext, gather, release_database, tables

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

    from configuration.model import Settings
    from expectations.engine import Engine
    from warehouse.stores import RunContext

SAMPLE_ROWS = 20
# A line names so many broken promises; the verdict names all.
NAMED = 3

# Columns whose text is a word of a known list or a key of ours: everything else may be about a person.
_PLAIN = re.compile(
    r""".*_key | .*_id | .*_at | .*_reason | .*_type | .*_basis | stage | .*_stage | source | source_system | entity
    | object | status | direction | channel | channel_group | currency | reporting_currency | reporting_timezone
    | method | level | part | measure | funnel | milestone | pipeline_label | pipeline_purpose
    | stage_label | source_label | label | remark | segment | kind | platform
    | temperature | reason | mart | missing | code_version | close_day_rule | headline_amount
    | fiscal_.*_label | month_label | medium | device | country""",
    re.VERBOSE,
)
# Keys that are made of a person, and free text that a person typed.
_PERSONAL = frozenset({"visitor_id", "user_id", "session_key", "person_key", "lost_reason"})
_ADDRESS = re.compile(r"[^\s@:]+@[^\s@]+")


@dataclass(frozen=True)
class Check:
    """One rule's result. `severity`: block or warn. `observed`: offending rows, rows for a row count, or an error."""

    suite: str
    mart: str
    check: str
    severity: str
    passed: bool
    observed: int | str | None
    expected: str
    sample_rows: list[dict[str, Any]] = field(default_factory=list)
    sql: str | None = None


@dataclass(frozen=True)
class Verdict:
    """All checks of one candidate. It passed when no blocking check broke. `judged_at`: UTC, ISO text."""

    run_id: str
    as_of: date
    known_at: int
    live_release: str | None
    passed: bool
    checks: list[Check]
    seconds: float
    judged_at: str = ""

    @property
    def broken(self) -> list[Check]:
        """Blocking checks that broke, in order of suites."""
        return [check for check in self.checks if not check.passed and check.severity == "block"]

    @property
    def warnings(self) -> list[Check]:
        """Checks that broke and only warn."""
        return [check for check in self.checks if not check.passed and check.severity == "warn"]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return asdict(self) | {"as_of": self.as_of.isoformat()}


def discover() -> dict[str, ModuleType]:
    """The suites: each module of expectations/suites by its name."""
    from expectations import suites

    names = sorted(info.name for info in pkgutil.iter_modules(suites.__path__))
    return {name: importlib.import_module(f"expectations.suites.{name}") for name in names}


def suites() -> dict[str, str]:
    """Mart by suite, without importing Great Expectations."""
    return {name: module.MART for name, module in discover().items()}


def run(
    candidate: Path,
    *,
    live: Path | None,
    settings: "Settings",
    context: "RunContext",
) -> Verdict:
    """Judges the candidate, comparing with the live release (its folder or database) when there is one.

    History and the raw ledger are those of the home the candidate lies in (`<home>/db/next/marts.duckdb`). A candidate
    without them cannot be reconciled, so it fails. Raises GateFailed when the candidate or the live release cannot be
    opened at all.
    """
    started = time.monotonic()
    quiet()
    import duckdb

    from expectations.engine import attached

    home = Home(candidate.parent.parent.parent)
    files = {CANDIDATE: candidate}
    if live is not None:
        files["live"] = release_database(live)
    if home.history.exists():
        files["history"] = home.history
    try:
        with attached(files) as engine:
            has_ledger = _offer_ledger(engine, home, context.known_at)
            facts = gather(engine.connection, settings=settings, run=context, live=live, has_ledger=has_ledger)
            marts = tables(engine.connection, CANDIDATE, SCHEMA)
            checks = _run_suites(engine, discover(), facts, marts)
    except (duckdb.Error, OSError) as exc:
        raise GateFailed(
            str(exc).splitlines()[0],
            where=f"gate {candidate}",
            effect="the candidate could not be judged, the live release stays",
            fix="see that no other program holds the file, then `saleshouse run`",
        ) from exc
    return Verdict(
        run_id=context.run_id,
        as_of=context.as_of,
        known_at=context.known_at,
        live_release=facts.live_release,
        passed=all(check.passed for check in checks if check.severity == "block"),
        checks=checks,
        seconds=round(time.monotonic() - started, 3),
        judged_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def write(home: Home, verdict: Verdict) -> Path:
    """Keeps the verdict as verdicts/<run_id>.json, whole or not at all. Returns its path.

    Raises GateFailed when the disk refuses: what cannot be shown afterwards does not count as judged.
    """
    path = home.verdicts / f"{verdict.run_id}.json"
    unfinished = path.with_suffix(".json.part")
    try:
        home.verdicts.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(verdict.to_dict(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as exc:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise GateFailed(
            f"the verdict cannot be written ({exc.strerror or exc})",
            where=str(path),
            effect="nothing was published, the live release stays",
            fix="free some space or check the disk, then `saleshouse run`",
        ) from exc
    return path


def require(verdict: Verdict, written: Path) -> None:
    """Raises GateFailed, naming the first broken promises and the verdict's file, unless the verdict passed."""
    if verdict.passed:
        return
    # A mart that has shrunk is most often the consequence of another broken promise, so it is named last.
    broken = sorted(verdict.broken, key=lambda one: one.check == "rows_against_live")
    named = "; ".join(
        f"{one.mart}.{one.check}: {one.observed}{_labels(one)} (expected {one.expected})" for one in broken[:NAMED]
    )
    more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    raise GateFailed(
        named + more,
        where="gate",
        effect="nothing was published, the live release stays",
        fix=f"look at the rows in {written}, mend the source or the mapping, then `saleshouse run`",
    )


def _labels(check: Check) -> str:
    """The first labels that broke a rule about labels: what is to be mapped."""
    labels = [f"'{row['label']}'" for row in check.sample_rows if row.get("label")]
    return f", {', '.join(labels[:NAMED])}" if labels else ""


def _offer_ledger(engine: "Engine", home: Home, known_at: int) -> bool:
    """Makes `memory.main.raw_ledger` (source, entity, rows) from the ledger's files. Returns whether there are any."""
    from ingestion import ledger

    landed: dict[tuple[str, str], int] = {}
    for load in ledger.read(home):
        if load.load_number <= known_at:
            for name, entity in load.entities.items():
                landed[load.source, name] = landed.get((load.source, name), 0) + entity.rows
    engine.connection.execute("create table memory.main.raw_ledger (source text, entity text, row_count bigint)")
    if landed:
        engine.connection.executemany(
            "insert into memory.main.raw_ledger values (?, ?, ?)", [[*name, rows] for name, rows in landed.items()]
        )
    return bool(landed)


def _run_suites(
    engine: "Engine", suites: Mapping[str, ModuleType], facts: GateContext, marts: Iterable[str]
) -> list[Check]:
    import great_expectations as gx
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource, TableAsset

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # All assets at once: for each that is added later the whole project is written as YAML, twice.
    assets = [
        TableAsset(name=name, table_name=module.MART, batch_definitions=[BatchDefinition(name="all")])
        for name, module in suites.items()
        if module.MART in marts
    ]
    source = context.data_sources.add_sql(
        SQLDatasource(name="gate", connection_string=engine.url, create_temp_table=False, assets=assets)
    )
    checks: list[Check] = []
    for name, module in suites.items():
        expectations = module.expectations(facts)
        if module.MART not in marts:
            checks.append(Check(name, module.MART, "mart_exists", "block", False, "no such table", "the mart exists"))
            continue
        batch = source.get_asset(name).get_batch_definition("all").get_batch()
        results = _validate(batch, name, expectations)
        broken = [one for one in expectations if not (found := results.get(one.meta["check"])) or not found.success]
        asked_again = [rule for rule in map(rules.with_rows, broken) if rule is not None]
        if asked_again:
            results |= _validate(batch, name, asked_again)
        checks += [_check(name, module.MART, one, results.get(one.meta["check"])) for one in expectations]
    guarded = {module.MART for module in suites.values()}
    checks += [
        Check("unguarded", mart, "has_a_suite", "warn", False, "no suite", "a suite in expectations/suites")
        for mart in sorted(set(marts) - guarded)
    ]
    return checks


def _validate(batch: "Batch", name: str, expectations: list["Expectation"]) -> dict[str, Any]:
    """Results by name of the check."""
    from great_expectations import ExpectationSuite

    outcome = batch.validate(ExpectationSuite(name=name, expectations=expectations), result_format="COMPLETE")
    return {
        result.expectation_config.meta["check"]: result
        for result in outcome.results
        if result.expectation_config and result.expectation_config.meta
    }


def _check(suite: str, mart: str, expectation: "Expectation", result: Any) -> Check:
    meta = expectation.meta or {}
    passed = result is not None and result.success is True
    query = getattr(expectation, "unexpected_rows_query", None)
    sql = " ".join(query.replace("{batch}", mart).replace("{{", "{").replace("}}", "}").split()) if query else None
    observed: int | str | None = "no result"
    sample: list[dict[str, Any]] = []
    if result is not None:
        observed = result.result.get("observed_value")
        if observed is None:
            observed = _first_exception(result.exception_info) or "no result"
            passed = False
        if not passed:
            sample = [
                mask(row) for row in (result.result.get("details") or {}).get("unexpected_rows", [])[:SAMPLE_ROWS]
            ]
    return Check(
        suite=suite,
        mart=mart,
        check=meta["check"],
        severity=meta["severity"],
        passed=passed,
        observed=observed,
        expected=meta["expected"],
        sample_rows=sample,
        sql=sql,
    )


def _first_exception(info: Mapping[str, Any] | None) -> str | None:
    """Great Expectations gives one exception, or one per metric; its first line names the column or table."""
    for entry in [info, *(info or {}).values()]:
        if isinstance(entry, Mapping) and entry.get("exception_message"):
            return " ".join(str(entry["exception_message"]).splitlines()[:1])
    return None


def mask(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row fit to be kept in a verdict: keys, ids, vocabulary, numbers and times stay, other text loses its end."""
    return {column: _masked(column, value) for column, value in row.items()}


def _masked(column: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, date | datetime):
        shown = value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
        return shown.isoformat()
    text = str(value)
    if not isinstance(value, str):
        return text
    if _PLAIN.fullmatch(column) and column not in _PERSONAL:
        return _ADDRESS.sub("***", text)
    return f"{text[:1]}***" if text else text
