"""The command line. Each command imports the rooms it needs when it runs, so `--help` answers at once.

What belongs here: words, options, exit codes. What does not: work; every command calls one function of a room.
"""

import errno
import json
import os
import re
import sqlite3
import sys
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from configuration.errors import LandingError, SaleshouseError
from configuration.paths import Home

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="A sales warehouse: CRM, ads and web events to tested marts, gated releases and a manager's report.",
)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def main() -> None:
    """Runs a command; an error of ours is one line on stderr, further mistakes a line each, and its own exit code."""
    try:
        app()
    except SaleshouseError as exc:
        _tell(exc)
    except Exception as exc:
        refused = _refused_by_the_disk(exc)
        if refused is None:
            raise
        _tell(refused)


def _tell(error: SaleshouseError) -> NoReturn:
    for line in (str(error), *error.others):
        err.print(f"[bold red]error[/] {_plain(line)}", highlight=False)
    sys.exit(error.exit_code)


def _refused_by_the_disk(exc: BaseException | None) -> LandingError | None:
    """A full or read-only disk below the home, whoever met it first: the orchestrator's own databases are there too."""
    while exc is not None:
        numbers = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
        if (isinstance(exc, OSError) and exc.errno in numbers) or (
            isinstance(exc, sqlite3.OperationalError) and re.search("full|readonly|unable to open|disk I/O", str(exc))
        ):
            return LandingError(
                str(exc),
                where=str(Home.from_environment().root),
                effect="nothing was published, the live release stays",
                fix="free some space there or make the folder writable, and run again",
            )
        exc = exc.__cause__ or exc.__context__
    return None


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@app.command()
def demo(
    scale: Annotated[
        float | None,
        typer.Option(min=0.005, max=50, help="Size of the simulated company; 1.0, the default, is 20,000 contacts."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed is another company; the default is 7.")] = None,
) -> None:
    """Start the simulated company's vendors on this machine and run the whole path over them."""
    from dagster_project import demo as demonstration

    demonstration.run(Home.from_environment(), scale=scale, seed=seed, console=out)


@app.command()
def run(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to report; default yesterday.")
    ] = None,
    extract: Annotated[bool, typer.Option(help="Ask the sources for what is new first.")] = True,
    baseline: Annotated[
        str | None, typer.Option(help="The release to compare closed months with; default the live one.")
    ] = None,
) -> None:
    """Extract what is new, build, judge, publish a release and its report."""
    from configuration.model import load
    from dagster_project import days, headless

    # Here and not where runs start: the simulated company's days are not those of this machine's clock.
    settings = load()
    published = headless.run(
        Home.from_environment(),
        as_of=days.checked(as_of.date() if as_of else days.yesterday(settings), settings),
        extract=extract,
        console=out,
        baseline=baseline,
    )
    out.print(f"report   {published.report}")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the live release: id, day, rows, checks, rejects, freshness."""
    from publishing import reading

    state = reading.status(Home.from_environment())
    if as_json:
        typer.echo(json.dumps(state, indent=2, default=str))
        return
    _print_status(state)


def _print_status(state: dict[str, Any]) -> None:
    out.print(f"release  {state['release']}   as of {state['as_of']}   known loads {state['known_at']}")
    checks = state["checks"]
    # What is live has passed the gate, so what failed in it is a warning.
    out.print(f"checks   {checks['passed']} passed, {checks['failed']} with a warning")
    for failure in checks["failures"]:
        out.print(f"[yellow]warning[/]  {_plain(failure)}", highlight=False)
    table = Table("mart", "rows", box=None)
    for mart, rows in state["rows"].items():
        table.add_row(mart, f"{rows:,}")
    _print_table(table)
    columns = ("source", "entity", "fetched", "staged", "rejected", "of the last load", "duplicate", "newest record")
    table = Table(*columns, box=None)
    for row in state["freshness"]:
        # A release of an earlier version does not tell it.
        rejected, read = row.get("last_rows_rejected"), row.get("last_rows_staged")
        last = "-" if rejected is None or read is None else f"{rejected:,} of {rejected + read:,}"
        table.add_row(
            row["source"], row["entity"], f"{row['rows_fetched']:,}", f"{row['rows_staged']:,}",
            f"{row['rows_rejected']:,}", last, f"{row['rows_duplicate']:,}",
            str(row["last_record_at"] or "-"),
        )  # fmt: skip
    _print_table(table)


def _print_table(table: Table) -> None:
    """A terminal folds what it has no room for into the next line; a file or a pipe takes whole lines."""
    for column in table.columns:
        column.overflow = "fold"
    if out.is_terminal:
        out.print(table)
        return
    widest = out.measure(table, options=out.options.update(max_width=10_000)).maximum
    Console(soft_wrap=True, width=max(out.width, widest), file=out.file).print(table)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One query; marts are found without a prefix.")],
    fmt: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Ask the live release a question in SQL, read-only."""
    from publishing import reading

    _print_rows(*reading.query(Home.from_environment(), query), fmt)


def _print_rows(columns: list[str], rows: list[tuple[Any, ...]], fmt: Format) -> None:
    if fmt is Format.JSON:
        typer.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=_written))
    elif fmt is Format.CSV:
        import csv

        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([None if value is None else _written(value) for value in row] for row in rows)
    else:
        table = Table(*columns, box=None)
        for row in rows:
            table.add_row(*("" if value is None else _plain(_written(value)) for value in row))
        _print_table(table)


def _written(value: Any) -> str:
    """A decimal in plain digits: 0 of nine places calls itself 0E-9."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


@app.command()
def metric(
    names: Annotated[
        list[str] | None, typer.Argument(help="Metrics, such as bookings win_rate; none lists all.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="What to group by: metric_time__month, deal__segment, channel, ...")
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="A condition: \"deal__segment = 'mid'\".")] = None,
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day counted.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day counted.")] = None,
    order: Annotated[
        list[str] | None, typer.Option(help="What to order by, downwards with a minus: -bookings; default --by.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    fmt: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the statement instead of its rows.")] = False,
) -> None:
    """Ask the live release for metrics by name, with one meaning everywhere, read-only."""
    from publishing import metrics

    home = Home.from_environment()
    if not names:
        _print_metrics(metrics.list_metrics(home), metrics.GRAINS, fmt)
        return
    asked = metrics.query if not show_sql else metrics.sql
    answer = asked(
        home, names, by=by or (), where=where or (), order=order or (), limit=limit,
        start=start.date() if start else None, end=end.date() if end else None,
    )  # fmt: skip
    if isinstance(answer, str):
        typer.echo(answer)
    else:
        _print_rows(*answer, fmt)


def _print_metrics(listed: list[Any], grains: tuple[str, ...], fmt: Format) -> None:
    if fmt is not Format.TABLE:
        rows = [(one.name, one.description, " ".join(one.group_by)) for one in listed]
        _print_rows(["metric", "description", "group_by"], rows, fmt)
        return
    _print_rows(["metric", "description"], [(one.name, one.description) for one in listed], fmt)
    together: dict[tuple[str, ...], list[str]] = {}
    for one in listed:
        together.setdefault(tuple(one.group_by), []).append(one.name)
    out.print(f"\nAll can be grouped by {', '.join(f'metric_time__{grain}' for grain in grains)}.")
    for group_by, names in together.items():
        if group_by:
            out.print(f"\n{', '.join(names)}\n[dim]by {', '.join(group_by)}[/]", highlight=False)


@app.command()
def diff(
    older: Annotated[str, typer.Argument(help="A sealed release; see the releases folder.")],
    newer: Annotated[str, typer.Argument(help="The release to set against it.")],
    fmt: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Show which figures of closed months one release says differently from another, by record and cause."""
    from configuration.model import load
    from dagster_project import difference

    found = difference.difference(Home.from_environment(), load(), older, newer)
    for note in found.notes:
        err.print(f"[yellow]note[/]     {_plain(note)}", highlight=False)
    if fmt is not Format.TABLE:
        _print_rows(list(found.rows[0]) if found.rows else [], [tuple(row.values()) for row in found.rows], fmt)
    elif found.rows:
        values = ("old_value", "new_value", "difference")
        told = [
            (
                *(f"{row['period_start']:%Y-%m}", row["measure"], row["cause"], row["record_key"]),
                *(f"{row[value].normalize():f}" for value in values),
            )
            for row in found.rows
        ]
        _print_rows(["month", "measure", "cause", "record", "old", "new", "difference"], told, fmt)
    else:
        out.print(f"{newer} says of closed months what {older} said", highlight=False)


@app.command()
def report(
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print where the live release's report is."""
    from publishing import release

    path = release.require_live(Home.from_environment()).report
    typer.echo(path)
    if open_it:
        typer.launch(path.as_uri())


@app.command()
def doctor() -> None:
    """Check settings, secrets, sources, disk and the live release, one line each."""
    from dagster_project import doctor as examination

    findings = examination.examine(Home.from_environment())
    for finding in findings:
        mark = "[green]ok[/]  " if finding.ok else "[bold red]fail[/]"
        out.print(f"{mark} {_plain(finding.line)}", highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command("map")
def map_file(
    file: Annotated[Path, typer.Argument(help="A CSV, Excel, JSON lines or Parquet export.")],
    entity: Annotated[str | None, typer.Option(help="What a row is: leads, deals, ad_days, ...")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of an Excel file that has several.")] = None,
) -> None:
    """Propose a mapping for an exported file, and show ten mapped rows and what is left over."""
    from ingestion.files import propose

    proposal = propose.propose(file, entity=entity, sheet=sheet)
    typer.echo(proposal.yaml)
    table = Table(*proposal.columns, box=None)
    for row in proposal.rows:
        table.add_row(*("" if value is None else _plain(value) for value in row.values()))
    _print_table(table)
    for line in proposal.notes:
        out.print(f"[dim]concluded[/]  {_plain(line)}", highlight=False)
    for line in proposal.unmapped:
        out.print(f"[yellow]not mapped[/] {_plain(line)}", highlight=False)
    for line in proposal.open_points:
        out.print(f"[bold yellow]to declare[/] {_plain(line)}", highlight=False)


@app.command()
def backtest(
    data: Annotated[Path, typer.Option(help="A folder of CSV files, a home or a raw lake; see docs/forecast.md.")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that counts; default that of the history.")
    ] = None,
    fmt: Annotated[Format, typer.Option("--format", help="How the scores are printed.")] = Format.TABLE,
) -> None:
    """Forecast a company's past months again, each from what was known then, and say how far off that was."""
    import duckdb

    from dagster_project import backtesting
    from forecasting import backtest as past

    with duckdb.connect() as connection:
        given = backtesting.read(connection, data, as_of.date() if as_of else None)
        result = past.run(connection, given.as_of, given.inputs)
    if fmt is Format.TABLE:
        out.print(f"{given.deals:,} deals, {given.changes:,} changes up to {given.as_of}", highlight=False)
        for line in past.in_words(result):
            out.print(line, highlight=False)
    columns, rows = past.printed(result)
    if rows or fmt is not Format.TABLE:
        _print_rows(columns, rows, fmt)


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000) -> None:
    """Open the orchestrator's web interface with its schedule and alert running."""
    from configuration.environment import quiet
    from dagster_project import instance

    quiet()
    home = Home.from_environment()
    os.environ["DAGSTER_HOME"] = str(instance.prepare(home))
    os.environ["SALESHOUSE_HOME"] = str(home.root)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "dagster_project.definitions", "-p", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - our own command, no shell


@app.command()
def rollback(release_id: Annotated[str, typer.Argument(help="A sealed release; see the releases folder.")]) -> None:
    """Point readers back to an earlier release."""
    from dagster_project.resources import run_lock
    from publishing import release

    home = Home.from_environment()
    with run_lock(home):
        release.rollback(home, release_id)
    out.print(f"live     {release_id}")
