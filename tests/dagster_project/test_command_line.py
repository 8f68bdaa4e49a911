"""The command line answers at once and tells every mistake in one line."""

import errno
import re
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from typer.main import get_command

from configuration.errors import ConfigurationError
from configuration.paths import REPOSITORY
from dagster_project import cli, demo
from dagster_project.cli import app

HEAVY = ("dagster", "dbt", "duckdb", "pandas", "great_expectations", "dlt", "pyarrow", "altair", "pydantic", "yaml")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from dagster_project.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0, result.output; "
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "dagster_project.cli" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("command", ["status", "report", "sql", "metric"])
def test_without_a_release_the_next_command_is_named(command: str, tmp_path: object) -> None:
    arguments = [command, *(["select 1"] if command == "sql" else [])]
    done = subprocess.run(
        [sys.executable, "-c", "from dagster_project.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        env={"SALESHOUSE_HOME": str(tmp_path), "PATH": "/usr/bin"},
        check=False,
    )
    assert done.returncode == 8
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "saleshouse run" in done.stderr


def test_every_command_that_a_line_names_is_one() -> None:
    """Errors and pages tell what to run next in backticks."""
    rooms = ("configuration", "dagster_project", "expectations", "forecasting", "ingestion", "publishing", "warehouse")
    texts = [path for room in rooms for path in (REPOSITORY / room).rglob("*.py")]
    texts += [*(REPOSITORY / "docs").glob("*.md"), *REPOSITORY.glob("*.md")]
    named = {name for path in texts for name in re.findall(r"`saleshouse ([a-z]+)", path.read_text())}
    assert {"run", "doctor"} <= named
    assert named <= set(get_command(app).commands)  # type: ignore[attr-defined]


def test_a_home_holds_the_days_of_one_simulated_company(tmp_path: Path) -> None:
    kept = demo._company({}, tmp_path, scale=0.02, seed=None)
    assert kept == {"scale": 0.02, "seed": 7}
    assert demo._company(kept | {"next": "2026-06-19"}, tmp_path, scale=None, seed=None) == kept
    with pytest.raises(ConfigurationError, match=r"--seed 7.*SALESHOUSE_HOME"):
        demo._company(kept, tmp_path, scale=0.02, seed=8)


def test_further_mistakes_are_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    mistakes = [("is empty", f"stages.csv row {row}", "fill it in") for row in range(2, 9)]
    with pytest.raises(SystemExit):
        cli._tell(ConfigurationError.together(mistakes, effect="nothing was landed"))
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "error stages.csv row 2: is empty (and 6 more) - nothing was landed; fill it in"
    assert others == [f"error stages.csv row {row}: is empty - fill it in" for row in (3, 4, 5, 6)]


def test_a_pipe_takes_whole_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "out", Console(soft_wrap=True, width=20))
    cli._print_rows(["a", "b"], [("long " * 12 + "end", "beside")], cli.Format.TABLE)
    assert any("end" in line and "beside" in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("fmt", list(cli.Format))
def test_decimals_are_plain_digits(fmt: cli.Format, capsys: pytest.CaptureFixture[str]) -> None:
    cli._print_rows(["rate"], [(Decimal("0E-9"),)], fmt)
    assert "0.000000000" in capsys.readouterr().out


def test_a_disk_that_takes_nothing_is_told_in_one_line(tmp_path: Path) -> None:
    told = cli._refused_by_the_disk(PermissionError(errno.EROFS, "Read-only file system", str(tmp_path)))
    assert told is not None
    assert told.exit_code == 4
    step = RuntimeError("the step failed")
    step.__cause__ = sqlite3.OperationalError("database or disk is full")
    assert "disk is full" in str(cli._refused_by_the_disk(step))
    assert cli._refused_by_the_disk(ValueError("a mistake of ours")) is None
