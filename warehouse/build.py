"""From the raw lake to a candidate: prepares the stores, lets dbt build and test, returns what happened.

What belongs here: the order of those steps and the translation of settings into what models read. What does not:
the steps themselves (stores.py, dbt_runner.py) and what happens to a candidate afterwards (expectations/, publishing/).
"""

import hashlib
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from configuration.model import WEEKDAYS, Settings
from configuration.paths import REPOSITORY, Home
from ingestion import landing, ledger
from warehouse import baselines, dbt_runner, stores

# What dbt, and the orchestrator, call all nodes.
_EVERYTHING = "fqn:*"
_FIGURES_ONLY = ("--resource-type", "model", "--resource-type", "seed", "--select", f"+{baselines.FIGURES}")


@dataclass(frozen=True)
class Candidate:
    """A built, not yet judged candidate: its context and dbt's results.

    `repairs`: what was repaired before the build; `settled`: staging models that stood and had nothing new to read.
    """

    context: stores.RunContext
    result: dbt_runner.BuildResult
    repairs: list[str]
    settled: list[str]


def code_version() -> str:
    """The commit, or a hash of the models where there is no git checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        return described.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        digest = hashlib.sha256()
        for path in sorted((REPOSITORY / "dbt").rglob("*.sql")):
            digest.update(path.read_bytes())
        return "models-" + digest.hexdigest()[:12]


def run_context(
    home: Home,
    settings: Settings,
    *,
    as_of: date,
    run_id: str,
    known_at: int | None = None,
    baseline_release: str | None = None,
) -> stores.RunContext:
    """Resolves the watermark and the settings that models read into the one row of this run."""
    company = settings.company
    return stores.RunContext(
        run_id=run_id,
        as_of=as_of,
        known_at=stores.watermark(home) if known_at is None else known_at,
        reporting_timezone=company.reporting_timezone,
        reporting_currency=company.reporting_currency,
        fiscal_year_start_month=company.fiscal_year_start_month,
        first_weekday=company.first_weekday_number,
        close_day_rule=company.close_day,
        headline_amount=company.headline_amount,
        start_date=settings.start_date,
        baseline_release=baseline_release,
        code_version=code_version(),
    )


def build(
    home: Home,
    settings: Settings,
    context: stores.RunContext,
    *,
    manifest: Any = None,
    full_refresh: bool = False,
    selection: Sequence[str] = (),
    unit_tests: bool = False,
    on_event: Callable[[Any], None] | None = None,
    baseline: baselines.Baseline | None = None,
) -> Candidate:
    """Builds the candidate of one run, its closed figures compared with those of `baseline`.

    Where rows have come to mean something else since the baseline, its day and watermark are built again first, so that
    this is told apart from what the sources have changed. Raises LandingError for damaged raw files and BuildError when
    dbt fails.
    """
    manifest = dbt_runner.parse(home) if manifest is None else manifest
    by_raw, tables = dbt_runner.consumers(manifest)
    rules = _rules(settings)
    if full_refresh:
        home.history.unlink(missing_ok=True)
    landing.declare(home)
    context = replace(context, definitions=definitions(home, settings, context, manifest))

    with ExitStack() as open_files:
        figures = None
        if baseline is not None and baseline.definitions != context.definitions:
            again = rebuilt(home, home.db / "rebuilding", baseline, settings, context, manifest)
            figures = open_files.enter_context(again)
        prepared = stores.prepare(home, context, by_raw, tables, rules, baseline, figures)
        dbt_runner.write_semantics(manifest, home.semantics)
        # Whoever names models has them built.
        settled = prepared.settled if not selection or _EVERYTHING in selection else []
        result = dbt_runner.build(
            home, manifest, selection=selection, without=settled, unit_tests=unit_tests, on_event=on_event
        )
        dbt_runner.write_comments(manifest, home.candidate)
    return Candidate(context, result, prepared.repairs, settled)


def stage_ahead(
    home: Home,
    settings: Settings,
    context: stores.RunContext,
    manifest: Any,
    sources: Iterable[str],
    on_event: Callable[[Any], None] | None = None,
) -> list[str]:
    """Reads into history what these sources have landed, which a build would do first, and returns a line per repair.

    For who waits for another source anyway: history is the same whenever a load is read into it. Raises what `build`
    raises, which will say the same.
    """
    by_raw, tables = dbt_runner.consumers(manifest)
    landing.declare(home)
    prepared = stores.prepare(home, context, by_raw, tables, _rules(settings))
    names = [name for name in dbt_runner.history_of(manifest, sources) if name not in prepared.settled]
    if names:
        dbt_runner.build(home, manifest, selection=["--resource-type", "model", "--select", *names], on_event=on_event)
    return prepared.repairs


def rebuilt(
    home: Home,
    root: Path,
    baseline: baselines.Baseline,
    settings: Settings,
    context: stores.RunContext,
    manifest: Any,
) -> AbstractContextManager[Path]:
    """The baseline's closed figures, built again from raw by this code and these settings in a home at `root`."""
    by_raw, tables = dbt_runner.consumers(manifest)

    def build_again(old: Home, old_context: stores.RunContext) -> None:
        stores.prepare(old, old_context, by_raw, tables, _rules(settings))
        dbt_runner.build(old, manifest, selection=_FIGURES_ONLY)

    return baselines.rebuilt(home, root, baseline, context, build_again)


def definitions(home: Home, settings: Settings, context: stores.RunContext, manifest: Any) -> str:
    """What decides how this run's rows become closed figures."""
    code = dbt_runner.code_of(manifest, baselines.FIGURES)
    return baselines.definitions(context, code, _rules(settings), ledger.read(home))


def _text(value: bool | int | None) -> str:
    return "" if value is None else str(value).lower()


def _rules(settings: Settings) -> dict[str, stores.Rule]:
    temperature = settings.company.temperature
    hours = settings.company.business_hours
    calendars = list(enumerate(hours.calendars, start=1))
    attribution, scoring = settings.company.attribution, settings.company.lead_score
    return {
        "work_calendars": stores.Rule(
            ("calendar_no", "timezone"),
            [("0", ""), *((str(number), calendar.timezone or "") for number, calendar in calendars)],
        ),
        "calendar_members": stores.Rule(
            ("calendar_no", "level", "name"),
            [
                (str(number), level, name.lower())
                for number, calendar in calendars
                for level, names in (("team", calendar.teams), ("owner", calendar.owners))
                for name in names
            ],
        ),
        "business_hours": stores.Rule(
            ("calendar_no", "day_of_week", "opens_minute", "closes_minute"),
            [
                (str(number), str(WEEKDAYS.index(day) + 1), str(span.opens), str(span.closes))
                for number, weekly in [(0, hours.weekly), *((number, one.weekly) for number, one in calendars)]
                for day, span in (weekly or hours.weekly).items()
            ],
        ),
        "holiday_regions": stores.Rule(
            ("calendar_no", "region"),
            [
                (str(number), region)
                for number, region in [
                    (0, hours.holiday_region),
                    *((number, one.holiday_region or hours.holiday_region) for number, one in calendars),
                ]
                if region
            ],
        ),
        "response_sla": stores.Rule(("hours",), [(str(hours.response_sla_hours),)]),
        "deal_health": stores.Rule(("idle_days",), [(str(settings.company.idle_days),)]),
        "quota_ramp": stores.Rule(
            ("months_after_start", "share"),
            [(str(month), str(share)) for month, share in enumerate(settings.company.quota_ramp)],
        ),
        "margin_rules": stores.Rule(
            ("gross_margin",),
            [] if settings.company.gross_margin is None else [(str(settings.company.gross_margin),)],
        ),
        "cart_rules": stores.Rule(("abandoned_after_hours",), [(str(settings.company.cart_abandoned_after_hours),)]),
        "attribution_rules": stores.Rule(
            ("lookback_days", "half_life_days"), [(str(attribution.lookback_days), str(attribution.half_life_days))]
        ),
        "attribution_events": stores.Rule(("event",), [(event,) for event in dict.fromkeys(attribution.events)]),
        "attribution_purposes": stores.Rule(
            ("purpose",), [(purpose,) for purpose in dict.fromkeys(attribution.purposes)]
        ),
        "lead_score_rules": stores.Rule(
            ("target", "horizon_days", "method"), [(scoring.target, str(scoring.horizon_days), scoring.method)]
        ),
        "test_email_domains": stores.Rule(
            ("domain",), [(domain.lower(),) for domain in settings.test_records.email_domains]
        ),
        "motion_rules": stores.Rule(
            (
                *("rule_number", "motion", "segment", "industry", "minimum_employees", "has_account"),
                "has_contract",
            ),
            [
                (
                    *(str(number), rule.motion, segment.lower(), industry.lower()),
                    *(_text(value) for value in (rule.minimum_employees, rule.has_account, rule.has_contract)),
                )
                for number, rule in enumerate(settings.company.motions, start=1)
                for segment in rule.segments or ("",)
                for industry in rule.industries or ("",)
            ],
        ),
        "migrations": stores.Rule(
            ("source_system", "first_day", "last_day", "source_types"),
            [
                (one.source, str(one.first_day), str(one.last_day), " ".join(one.source_types).upper())
                for one in settings.company.migrations
            ],
        ),
        "feedback_minimum": stores.Rule(("answers",), [(str(settings.company.feedback_minimum_answers),)]),
        "forecast_rules": stores.Rule(("frozen_after_days",), [(str(settings.company.actuals_frozen_after_days),)]),
        "test_names": stores.Rule(("name",), [(name.lower(),) for name in settings.test_records.names]),
        "integration_owners": stores.Rule(("name",), [(name.lower(),) for name in settings.company.integration_owners]),
        "temperature_labels": stores.Rule(
            ("label", "temperature"),
            [(label.lower(), "hot") for label in temperature.hot]
            + [(label.lower(), "warm") for label in temperature.warm],
        ),
    }
