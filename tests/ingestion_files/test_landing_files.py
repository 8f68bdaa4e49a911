"""Which files are due, and that nothing lands twice or half."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from configuration.errors import ConfigurationError, MalformedData, SourceError
from configuration.model import Settings, load
from configuration.paths import Home
from ingestion import files, landing, mappings
from ingestion.landing import Window

CONFIGURATION = """\
company: {name: Aldergate, reporting_timezone: Europe/Prague, reporting_currency: EUR}
start_date: 2023-07-01
mappings:
  {stages: stages.csv, channels: channels.csv, pipelines: pipelines.csv, loss_reasons: loss_reasons.csv,
   creator_kinds: creator_kinds.csv}
sources:
  files:
    - {name: deals, entity: deals, system: crm, path: exports/deals*.csv, columns: {deal_id: Id, stage_label: Phase}}
    - {name: reps, entity: owners, system: crm, path: exports/reps.csv, columns: {owner_id: No}}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "saleshouse.yml").write_text(CONFIGURATION)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/deals_1.csv").write_text("Id,Phase\n1,New\n2,Won\n")
    (tmp_path / "exports/reps.csv").write_text("No\n7\n")
    (tmp_path / "stages.csv").write_text("object,source_system,pipeline_label,stage_label,stage,valid_from\n")
    (tmp_path / "channels.csv").write_text("source_system,label,detail,channel,valid_from\n,Fair,,trade_show,\n")
    (tmp_path / "pipelines.csv").write_text("source_system,pipeline_label,purpose,valid_from\n")
    (tmp_path / "loss_reasons.csv").write_text("source_system,label,reason,valid_from\n")
    (tmp_path / "creator_kinds.csv").write_text("source_system,role,team,channel,kind,valid_from\n")
    return load(tmp_path / "saleshouse.yml")


def window(memory: dict[str, Any] | None = None) -> Window:
    return Window(datetime(2026, 6, 18, tzinfo=UTC), memory=dict(memory or {}))


def landed(settings: Settings, at: Window) -> dict[str, list[dict[str, Any]]]:
    found = {
        entity: [row for table in tables for row in table.to_pylist()]
        for entity, tables in files.resources(settings, at).items()
    }
    return {entity: rows for entity, rows in found.items() if rows}


def test_a_file_lands_once_and_again_when_its_bytes_or_its_mapping_change(settings: Settings, tmp_path: Path) -> None:
    first = window()
    assert {entity: len(rows) for entity, rows in landed(settings, first).items()} == {
        "deals": 2,
        "owners": 1,
        "readings": 2,
    }
    # The memory is JSON, as the landing keeps it.
    memory = json.loads(json.dumps(first.memory))
    assert landed(settings, window(memory)) == {}

    (tmp_path / "exports/deals_2.csv").write_text("Id,Phase\n3,New\n")
    second = window(memory)
    rows = landed(settings, second)
    assert [row["file_name"] for row in rows["deals"]] == ["deals_2.csv"]

    (tmp_path / "exports/deals_1.csv").write_text("Id,Phase\n1,Won\n")
    third = window(second.memory)
    rows = landed(settings, third)
    assert [(row["file_name"], row["stage_label"]) for row in rows["deals"]] == [("deals_1.csv", "Won")]
    assert "owners" not in rows

    text = CONFIGURATION.replace("stage_label: Phase}", "stage_label: Phase}, values: {stage_label: {Won: won}}")
    (tmp_path / "saleshouse.yml").write_text(text)
    changed = load(tmp_path / "saleshouse.yml")
    rows = landed(changed, window(third.memory))
    assert [row["stage_label"] for row in rows["deals"]] == ["won", "New"]
    assert files.mapping_hash(changed) != files.mapping_hash(settings)


@pytest.mark.fault(59)
def test_what_is_due_does_not_hang_on_any_clock(settings: Settings, tmp_path: Path) -> None:
    first = window()
    landed(settings, first)
    path = tmp_path / "exports/deals_1.csv"
    os.utime(path, (0, 0))
    assert landed(settings, window(first.memory)) == {}
    path.write_text("Id,Phase\n1,Lost\n")
    os.utime(path, (0, 0))
    assert landed(settings, window(first.memory)).keys() == {"deals", "readings"}


@pytest.mark.fault(27)
def test_a_new_column_is_told_by_the_readings(settings: Settings, tmp_path: Path) -> None:
    first = window()
    assert {row["new_columns"] for row in landed(settings, first)["readings"]} == {"[]"}
    (tmp_path / "exports/deals_1.csv").write_text("Id,Phase,Mood\n1,New,good\n")
    (reading,) = landed(settings, window(first.memory))["readings"]
    assert (reading["new_columns"], reading["ignored_columns"]) == ('["Mood"]', '["Mood"]')


def test_a_bad_file_lands_nothing_and_the_next_run_repeats(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "exports/deals_1.csv"
    path.write_text("Id\n1\n")
    home = Home(tmp_path / "var")
    now = datetime(2026, 6, 18, tzinfo=UTC)
    with pytest.raises(MalformedData, match="the column 'Phase' is not there"):
        landing.land(home, "files", settings, now=now)
    assert not list((home.raw / "files").glob("owners/1*.parquet"))
    path.write_text("Id,Phase\n1,New\n")
    assert landing.land(home, "files", settings, now=now).rows["deals"] == 1
    assert landing.land(home, "files", settings, now=now).rows["deals"] == 0


def test_a_file_of_which_no_row_fits_is_refused_and_a_single_one_is_kept(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "exports/deals_1.csv"
    path.write_text("Id,Phase\n" + ",New\n" * 4)
    home = Home(tmp_path / "var")
    now = datetime(2026, 6, 18, tzinfo=UTC)
    assert landing.land(home, "files", settings, now=now).rows["deals"] == 4
    path.write_text("Id,Phase\n" + ",New\n" * 5)
    with pytest.raises(MalformedData, match="none of its 5 rows fits the mapping; 5 for: deal_id: empty"):
        landing.land(home, "files", settings, now=now)
    path.write_text("Id,Phase\n" + ",New\n" * 5 + "1,New\n")
    assert landing.land(home, "files", settings, now=now).rows["deals"] == 6


def translated(settings: Settings, at: Window) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [row for table in tables for row in table.to_pylist()]
        for name, tables in mappings.resources(settings, at).items()
    }


def test_mapping_files_land_whole_when_they_changed(settings: Settings, tmp_path: Path) -> None:
    first = window()
    found = translated(settings, first)
    assert found["channels"] == [
        {
            "source_system": None,
            "label": "Fair",
            "detail": None,
            "channel": "trade_show",
            "valid_from": None,
            "file_name": "channels.csv",
            "row_number": "2",
        }
    ]
    assert translated(settings, window(first.memory))["channels"] == []
    before = mappings.mapping_hash(settings)
    (tmp_path / "channels.csv").write_text(
        "\ufeffsource_system;label;detail;channel;valid_from\r\ncrm;Fair;Brno;Other_Event;2026-01-01\r\n;Fair;;trade_show;\r\n"
    )
    assert mappings.mapping_hash(settings) != before
    rows = translated(settings, window(first.memory))["channels"]
    assert [(row["channel"], row["valid_from"]) for row in rows] == [
        ("other_event", "2026-01-01"),
        ("trade_show", None),
    ]


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        ("stages", "deal,,,Demo,meetting,", "stages.csv row 2: the stage 'meetting' is unknown"),
        ("stages", "deal,,,Demo,mql,", "stages.csv row 2: the stage 'mql' is unknown"),
        ("stages", "lead,,,Hot,meeting,", "the stage 'meeting' is unknown"),
        ("stages", "case,,,Hot,lead,", "the object 'case' is unknown"),
        ("stages", "deal,,,,won,", "stage_label is empty"),
        ("stages", "deal,,,A,won,\ndeal,,,a,lost,", "stages.csv row 3: says the same labels as row 2"),
        (
            "stages",
            "deal,,,A,won,2026-01-01\ndeal,,,A,won,2026-01-01",
            "stages.csv row 3: says the same labels as row 2",
        ),
        ("channels", ",Fair,,direct,\n,fair,,referral,", "channels.csv row 3: says the same labels as row 2"),
        (
            "pipelines",
            ",A,test,2026-01-01\n,A,renewal,2026-01-01",
            "pipelines.csv row 3: says the same labels as row 2",
        ),
        ("stages", "deal,,,A,won,01/02/2026", "valid_from '01/02/2026' is no day"),
        ("stages", "deal,,,A,won", "5 fields where the header has 6"),
        ("channels", ",Fair,,fair,", "channels.csv row 2: the channel 'fair' is unknown"),
        ("pipelines", ",Main,sales,", "pipelines.csv row 2: the purpose 'sales' is unknown"),
        ("pipelines", ',"Main,test,', "not valid CSV"),
        ("loss_reasons", ",Dear,costs,", "loss_reasons.csv row 2: the reason 'costs' is unknown"),
        ("creator_kinds", ",,Sales,,rep,", "creator_kinds.csv row 2: the kind 'rep' is unknown"),
        ("creator_kinds", "crm,,,,ae,", "role, team and channel are empty"),
        ("creator_kinds", ",,,fair,ae,", "the channel 'fair' is unknown"),
    ],
)
def test_a_mistake_in_a_mapping_file_is_told_with_its_row(
    settings: Settings, tmp_path: Path, name: str, row: str, says: str
) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text(path.read_text().partition("\n")[0] + f"\n{row}\n")
    with pytest.raises(ConfigurationError) as caught:
        translated(settings, window())
    assert says in str(caught.value)
    assert "the live release stays" in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"row [123]"):
        mappings.check(settings)


def test_several_mistakes_of_a_mapping_file_are_a_line_each(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "channels.csv"
    labels = "abcdefg"
    path.write_text(path.read_text().partition("\n")[0] + "".join(f"\n,{label},,fair," for label in labels) + "\n")
    with pytest.raises(ConfigurationError) as caught:
        translated(settings, window())
    assert "channels.csv row 2: the channel 'fair' is unknown (and 6 more) - " in str(caught.value)
    assert [line.partition(" - ")[0][-43:] for line in caught.value.others] == [
        f"channels.csv row {row}: the channel 'fair' is unknown"[-43:] for row in (3, 4, 5, 6)
    ]


def test_lists_that_a_company_does_not_keep_land_nothing(settings: Settings) -> None:
    kept = settings.mappings.model_copy(update={"loss_reasons": None, "creator_kinds": None})
    without = settings.model_copy(update={"mappings": kept})
    found = translated(without, window())
    assert (found["loss_reasons"], found["creator_kinds"], len(found["channels"])) == ([], [], 1)
    assert mappings.mapping_hash(without) != mappings.mapping_hash(settings)


def test_a_mapping_file_that_is_gone_strange_or_emptied_is_told(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "channels.csv"
    path.write_text("label,channel\n")
    with pytest.raises(ConfigurationError, match="the header is label,channel"):
        translated(settings, window())
    path.write_bytes(b"source_system,label,detail,channel,valid_from\n,Caf\xe9,,direct,\n")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        translated(settings, window())
    path.write_text("source_system,label,detail,channel,valid_from\n")
    assert translated(settings, window())["channels"] == []
    with pytest.raises(ConfigurationError, match="has no rows any more"):
        translated(settings, Window(datetime(2026, 6, 18, tzinfo=UTC), landed_rows={"channels": 1}))
    path.unlink()
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        translated(settings, window())


def test_the_companys_own_mapping_files_are_sound() -> None:
    from configuration.paths import REPOSITORY

    assert "stages" in mappings.check(load(REPOSITORY / "saleshouse.yml"))


def test_doctor_asks_for_every_file(settings: Settings, tmp_path: Path) -> None:
    assert files.check(settings) == "deals (1), reps (1)"
    (tmp_path / "exports/reps.csv").unlink()
    with pytest.raises(SourceError, match="no file matches the path"):
        files.check(settings)
