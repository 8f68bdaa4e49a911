"""Any company's files: read as documented, and one line for what is wrong with them."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from configuration.errors import MalformedData
from dagster_project.cli import app
from forecasting import folder
from simulator.worlds import Company
from tests.forecasting.conftest import company_of

FILES = {
    "deals.csv": "deal_id,created,owner,kind\nD1,2026-01-05,Ada,new\nD2,2026-02-01,Ben,renewal\n",
    "history.csv": "deal_id,day,field,value\nD1,2026-01-05,stage,talk\nD1,2026-01-05,amount,100.50\n"
    "D1,2026-01-09,stage,done\nD2,2026-02-01,close_date,2026-03-01\n",
    "stages.csv": "stage,stage_order,outcome\ntalk,1,open\ndone,2,won\n",
}


def written(where: Path, **changed: str | None) -> Path:
    """The files, some of them with other text or none."""
    for name, text in FILES.items():
        text = changed.get(name.removesuffix(".csv"), text)  # type: ignore[assignment]
        if text is not None:
            (where / name).write_text(text, encoding="utf-8")
    return where


def test_the_files_are_read_as_states(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        given = folder.read(connection, written(tmp_path))
        states = connection.execute(
            f"select deal_key, valid_from::text, valid_until::text, status, stage, amount::text, owner "
            f"from {given.inputs.states} order by 1, 2"
        ).fetchall()
    assert given.deals == 2
    assert str(given.as_of) == "2026-02-01"
    assert states == [
        ("D1", "2026-01-05", "2026-01-09", "open", "talk", "100.50", "Ada"),
        ("D1", "2026-01-09", None, "won", "done", "100.50", "Ada"),
        ("D2", "2026-02-01", None, "open", None, None, "Ben"),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"history": None}, "history.csv: the file is missing"),
        ({"deals": "id,created\nD1,2026-01-05\n"}, "deals.csv: the column deal_id is missing"),
        ({"deals": FILES["deals.csv"].replace("2026-02-01", "01/02/2026")},
         r"deals.csv row 3: created: '01/02/2026' is no day - nothing is tested; write days as 2026-01-31"),
        ({"deals": FILES["deals.csv"] + "D1,2026-03-01,Ada,new\n"},
         r"row 2: deal_id: 'D1' is there more than once \(and 1 more\)"),
        ({"deals": FILES["deals.csv"].replace("renewal", "upsell")}, "row 3: kind: 'upsell' is no kind"),
        ({"history": FILES["history.csv"].replace("100.50", "1.234,50")}, "history.csv"),
        ({"history": FILES["history.csv"].replace("100.50", "nan")}, "row 3: value: 'nan' is no amount"),
        ({"history": FILES["history.csv"].replace("talk", "chat")},
         "row 2: value: 'chat' is a stage that stages.csv does not"),
        ({"history": FILES["history.csv"] + "D9,2026-02-01,stage,talk\n"}, "row 6: deal_id: 'D9' is not in deals.csv"),
        ({"history": FILES["history.csv"].replace("close_date", "closes")}, "row 5: field: 'closes' is no field"),
        ({"history": "deal_id,day,field,value\n"}, "there is no change in it"),
        ({"stages": FILES["stages.csv"].replace("won", "booked")}, "outcome: 'booked' is no outcome"),
        ({"stages": FILES["stages.csv"].replace("won", "lost")}, "no stage is won"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path, changed: dict[str, str | None], said: str) -> None:
    with duckdb.connect() as connection, pytest.raises(MalformedData, match=said) as caught:
        folder.read(connection, written(tmp_path, **changed))
    assert "\n" not in str(caught.value)


def export(company: Company, where: Path) -> Path:
    """A generated company as the documented files."""
    company.deals.to_csv(where / "deals.csv", index=False, date_format="%Y-%m-%d")
    company.stages.to_csv(where / "stages.csv", index=False)
    company.activities.to_csv(where / "activities.csv", index=False, date_format="%Y-%m-%d")
    history = company.history.assign(close_date=company.history["close_date"].dt.strftime("%Y-%m-%d"))
    long = history.melt(["deal_id", "day", "order_no"], ["stage", "amount", "close_date", "owner", "team"], "field")
    long = long.dropna(subset=["value"]).sort_values(["deal_id", "day", "order_no"])
    long[["deal_id", "day", "field", "value"]].to_csv(where / "history.csv", index=False, date_format="%Y-%m-%d")
    return where


def test_the_command_tests_a_folder_and_prints_the_scores(tmp_path: Path) -> None:
    company = company_of("tiny", scale=1.5, months=20)
    found = CliRunner().invoke(app, ["backtest", "--data", str(export(company, tmp_path)), "--format", "json"])
    assert found.exit_code == 0, found.output
    rows = {(row["forecast"], row["method"]): row for row in json.loads(found.stdout)}
    assert rows["next month", "saleshouse"]["n"] > 5
    assert rows["next month", "saleshouse"]["wape"] > 0
    assert rows["next three months", "crm_haircut"]["coverage"] is None
    assert any(name.endswith("days left") for name, _ in rows)


def test_a_folder_with_too_little_history_is_told_so(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["backtest", "--data", str(written(tmp_path))])
    assert found.exit_code == 0, found.output
    assert "not enough history" in found.output
