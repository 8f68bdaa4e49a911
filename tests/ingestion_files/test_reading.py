"""Whole files: every record is accepted or kept with its reason, or the file is refused in one line."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configuration.entities import ENTITIES
from configuration.errors import ConfigurationError, MalformedData, SourceError
from configuration.model import FileMapping
from ingestion.files import files_of
from ingestion.files.readers import SourceFile
from ingestion.files.reading import LINEAGE, Counts, read, schema_of

HEAD = "Id,Name,Amount\n"


def workbook(rows: list[list[Any]], sheets: tuple[str, ...] = ("Deals",)) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        act()
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.fix
    return line


def test_a_row_has_exactly_the_canonical_columns_and_its_lineage(read_file: Any) -> None:
    outcome = read_file(HEAD + "1,Planner,10.50\n")
    (row,) = outcome.rows
    assert list(row) == [*ENTITIES["deals"], *LINEAGE]
    assert (row["deal_id"], row["amount"], row["currency"], row["row_number"]) == ("1", "10.50", "EUR", "2")
    assert (row["system"], row["mapping_name"], row["mapping_hash"], row["file_name"]) == (
        "crm",
        "deals",
        "hash",
        "deals.csv",
    )
    # What the export does not have is not invented.
    assert row["created_at"] is row["stage_label"] is row["is_deleted"] is None


def test_values_nulls_constants_and_flags(read_file: Any) -> None:
    outcome = read_file(
        "No,From,Phase,Kind\n1,google,New,Select\n2,Google,WON,test lead\n3,testone,other,\n4,n/a,,x\n",
        name="leads.csv",
        entity="leads",
        currency=None,
        columns={"lead_id": "No", "source_label": "From", "stage_label": "Phase", "status_label": "Kind"},
        constants={"country": "CZ"},
        values={"source_label": {"google": "Google"}, "stage_label": {"new": "lead", "won": "customer", "Other": None}},
        null_values=["Select", "N/A"],
        flags={"is_test": [{"column": "From", "equals": "TESTONE"}, {"column": "Kind", "contains": "Test"}]},
    )
    assert outcome.column("source_label") == ["Google", "Google", "testone", None]
    assert outcome.column("stage_label") == ["lead", "customer", None, None]
    assert outcome.column("status_label") == [None, "test lead", None, "x"]
    assert outcome.column("country") == ["CZ"] * 4
    assert outcome.column("is_test") == ["false", "true", "true", "false"]
    assert outcome.column("is_converted") == [None] * 4
    assert outcome.counts.unmapped == {"source_label": {"testone": 1}}
    assert outcome.counts.nulled == {"status_label": 1, "source_label": 1}


def test_a_constant_that_does_not_fit_is_a_mistake_of_configuration(read_file: Any) -> None:
    for section in ({"constants": {"close_date": "01/02/2026"}}, {"values": {"amount": {"nothing": "zero"}}}):
        with pytest.raises(ConfigurationError, match=r"saleshouse.yml sources.files.deals\."):
            read_file(HEAD + "1,a,1\n", **section)


@pytest.mark.fault(15)
def test_a_truncated_json_line_is_quarantined(read_file: Any) -> None:
    lines = '{"Id": "1", "Name": "a", "Amount": 1.10}\n{"Id": "2", "Name": "b", "Am\n[1]\n{"Id": 1, "Id": 2}\n'
    outcome = read_file(lines, name="deals.jsonl")
    assert outcome.column("amount") == ["1.10"]
    assert outcome.rejected == [
        ("2", "not a whole JSON record"),
        ("3", "not a JSON record of keys and values"),
        ("4", "a key stands twice in one record"),
    ]
    assert json.loads(outcome.rows[1]["rejected_record"] or "") == ['{"Id": "2", "Name": "b", "Am']


@pytest.mark.fault(16)
def test_bytes_outside_the_encoding_are_quarantined_and_shown(read_file: Any) -> None:
    outcome = read_file(HEAD.encode() + "1,Černý,1\n2,".encode() + b"\xe9t\xe9,1\n3,c,1\n")
    assert outcome.column("deal_name") == ["Černý", "c"]
    assert outcome.rejected == [("3", "bytes that do not fit the encoding")]
    assert "\\\\udce9" in (outcome.rows[1]["rejected_record"] or "")


@pytest.mark.fault(17)
def test_encodings_are_detected_by_their_mark_or_must_be_declared(read_file: Any) -> None:
    text = HEAD + "1,Žluťoučký kůň,1\n2,Müller,2\n"
    names = ["Žluťoučký kůň", "Müller"]
    for encoding in ("utf-8-sig", "utf-16"):
        assert read_file(text.encode(encoding)).column("deal_name") == names
    assert read_file(text.encode("utf-16-be"), encoding="utf-16-be").column("deal_name") == names
    assert read_file(text.encode("cp1250"), encoding="cp1250").column("deal_name") == names
    assert "looks like UTF-16 without a mark" in refusal(lambda: read_file(text.encode("utf-16-le")))
    line = refusal(lambda: read_file(text.encode("cp1250")))
    assert "2 lines are not utf-8 and 0 are" in line
    assert "encoding: cp1252" in line


@pytest.mark.fault(19)
def test_ragged_lines_are_quarantined(read_file: Any) -> None:
    outcome = read_file(HEAD + "1,a,1\n2,b\n3,c,3,4\n\n4,d,4\n")
    assert outcome.column("deal_id") == ["1", "4"]
    reason = "the line has not as many fields as the header (3)"
    assert outcome.rejected == [("3", reason), ("4", reason)]
    assert json.loads(outcome.rows[2]["rejected_record"] or "") == ["3", "c", "3", "4"]


def test_a_stray_quote_does_not_swallow_the_lines_behind_it(read_file: Any) -> None:
    outcome = read_file(HEAD + '1,a,1\n2,"b,2\n3,c,3\n4,"12"" screen, ""flat""",4\n5,"two\nlines",5\n6,"x"y,6\n7,g,7\n')
    assert outcome.column("deal_id") == ["1", "3", "4", "5", "7"]
    assert outcome.column("deal_name")[2:4] == ['12" screen, "flat"', "two\nlines"]
    assert [number for number, _ in outcome.rejected] == ["3", "8"]
    assert read_file(HEAD + '1,"a,1\n2,b,2\n').rejected == [("2", "a quote is opened and never closed")]


@pytest.mark.fault(20)
@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", HEAD, HEAD + "\n\n"])
def test_an_empty_file_is_refused(read_file: Any, content: str) -> None:
    line = refusal(lambda: read_file(content))
    assert "files.deals: deals.csv" in line
    assert "the live release stays" in line


@pytest.mark.fault(20)
def test_an_empty_workbook_is_refused(read_file: Any) -> None:
    refusal(lambda: read_file(workbook([["Id", "Name", "Amount"]]), name="deals.xlsx"))
    refusal(lambda: read_file(workbook([]), name="deals.xlsx"))


@pytest.mark.fault(21)
def test_a_wrong_type_far_down_is_quarantined(read_file: Any) -> None:
    lines = [f"{number},n,{number}.5" for number in range(30_000)]
    lines[25_000] = "25000,n,a lot"
    outcome = read_file(HEAD + "\n".join(lines) + "\n")
    assert (outcome.counts.accepted, outcome.counts.rejected) == (29_999, 1)
    assert outcome.rejected == [("25002", "amount: not a number with decimal sign '.'")]
    assert json.loads(outcome.rows[25_000]["rejected_record"] or "") == {"Id": "25000", "Name": "n", "Amount": "a lot"}
    assert outcome.rows[25_000]["deal_id"] is None


@pytest.mark.fault(22)
def test_numbers_that_are_none_are_quarantined(read_file: Any) -> None:
    assert read_file(HEAD + "1,a,NaN\n2,b,inf\n3,c,1e400\n4,d,1\n").column("deal_id") == ["4"]
    lines = '{"Id":1,"Name":"","Amount":NaN}\n{"Id":2,"Name":"","Amount":1e400}\n{"Id":3,"Name":"","Amount":2.50}\n'
    assert read_file(lines, name="deals.jsonl").column("amount") == ["2.50"]


@pytest.mark.fault(25)
def test_undeclared_dates_stop_the_file_and_mixed_ones_are_quarantined(read_file: Any) -> None:
    content = "Id,Closed\n1,01/02/2026\n2,25/12/2026\n3,12/25/2026\n"
    columns = {"deal_id": "Id", "close_date": "Closed"}
    line = refusal(lambda: read_file(content, columns=columns))
    assert "column 'Closed' holds dates that are not YYYY-MM-DD and no order is declared" in line
    assert "declare dates: d/m/Y or m/d/Y" in line
    outcome = read_file(content, columns=columns, dates="d/m/Y")
    assert outcome.column("close_date") == ["2026-02-01", "2026-12-25"]
    assert outcome.rejected == [("4", "close_date: no such day as d/m/Y, but one with day and month swapped")]


@pytest.mark.fault(26)
def test_a_huge_field_and_a_deep_record_are_quarantined(read_file: Any) -> None:
    huge = "x" * 10_000_000
    for content in (f"2,{huge},1", f'2,"{huge}",1'):
        outcome = read_file(HEAD + f"1,a,1\n{content}\n3,c,1\n")
        assert outcome.column("deal_id") == ["1", "3"]
        assert len(outcome.rows[1]["rejected_record"] or "") < 2_000
        assert "characters" in (outcome.rows[1]["rejected_record"] or "")
    deep = '{"Id": 2, "Name": ' + "[" * 1_000 + "]" * 1_000 + ', "Amount": 1}'
    brackets = '{"Id": 3, "Name": "' + "[" * 1_000 + '", "Amount": 1}'
    outcome = read_file(f'{{"Id": 1, "Name": {{"a": [1]}}, "Amount": 1}}\n{deep}\n{brackets}\n', name="deals.jsonl")
    assert outcome.column("deal_id") == ["1", "3"]
    assert outcome.column("deal_name")[0] == '{"a": [1]}'
    assert outcome.rejected == [("2", "nested deeper than 100")]


@pytest.mark.fault(27)
def test_a_new_column_is_noted(read_file: Any) -> None:
    outcome = read_file("Id,Name,Amount,Mood,\n1,a,1,good,\n")
    assert outcome.counts.ignored_columns == ["Mood"]
    assert outcome.counts.accepted == 1


@pytest.mark.fault(28)
def test_a_mapped_column_that_is_gone_stops_the_file(read_file: Any) -> None:
    line = refusal(lambda: read_file("Id,Name\n1,a\n"))
    assert "files.deals: deals.csv line 1: the column 'Amount' is not there; there is 'Id', 'Name'" in line
    assert "the whole header is one column" in refusal(lambda: read_file("Id;Name;Amount\n1;a;1\n"))
    assert "no line has the key 'Amount'" in refusal(lambda: read_file('{"Id": 1, "Name": "a"}\n', name="deals.jsonl"))
    refusal(lambda: read_file(HEAD + "1,a,1\n", flags={"is_deleted": [{"column": "Gone", "equals": "x"}]}))


@pytest.mark.fault(29)
def test_a_type_that_changed_is_quarantined_row_by_row(read_file: Any) -> None:
    outcome = read_file(HEAD + "1,a,high\n2,b,low\n")
    assert outcome.counts.rejected == 2


@pytest.mark.fault(30)
def test_names_that_differ_by_case_only_are_never_mixed_up(read_file: Any) -> None:
    content = "Id,Name,Amount,amount\n1,a,1,2\n"
    assert read_file(content).column("amount") == ["1"]
    assert read_file(content, columns={"deal_id": "Id", "amount": "amount"}).column("amount") == ["2"]
    line = refusal(lambda: read_file(content, columns={"deal_id": "Id", "amount": "AMOUNT"}))
    assert "there is 'Amount', 'amount'" in line
    assert "mind capital letters" in line
    assert "2 times" in refusal(lambda: read_file("Id,Name,Amount,Amount\n1,a,1,2\n"))


@pytest.mark.fault(36)
def test_an_amount_without_a_currency_is_quarantined(read_file: Any) -> None:
    columns = {"deal_id": "Id", "amount": "Amount", "currency": "Cur"}
    content = "Id,Amount,Cur\n1,5,EUR\n2,5,\n3,,\n"
    outcome = read_file(content, columns=columns, currency=None)
    assert outcome.rejected == [("3", "amount: without a currency")]
    assert outcome.column("deal_id") == ["1", "3"]
    assert read_file(content, columns=columns, currency="CZK").column("currency") == ["EUR", "CZK", "CZK"]


def test_a_needed_column_that_is_empty_is_quarantined(read_file: Any) -> None:
    assert read_file(HEAD + ",a,1\n2,b,1\n").rejected == [("2", "deal_id: empty")]


@pytest.mark.fault(67)
def test_a_column_named_like_a_statement_is_a_name(read_file: Any) -> None:
    name = "x'); drop table deals; --\""
    quoted = '"' + name.replace('"', '""') + '"'
    outcome = read_file(f"Id,{quoted}\n1,a\n", columns={"deal_id": "Id", "deal_name": name})
    assert outcome.column("deal_name") == ["a"]


@pytest.mark.fault(68)
@pytest.mark.parametrize("member", ["../../evil.txt", "/etc/evil", "xl\\..\\..\\evil"])
def test_a_workbook_with_paths_that_lead_out_is_refused(read_file: Any, member: str) -> None:
    content = io.BytesIO(workbook([["Id", "Name", "Amount"], [1, "a", 1]]))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(zipfile.ZipInfo(member), "evil")
    assert "which no Excel file has" in refusal(lambda: read_file(content.getvalue(), name="deals.xlsx"))


@pytest.mark.fault(69)
def test_a_symbolic_link_out_of_the_folder_is_refused(tmp_path: Path, read_file: Any) -> None:
    (tmp_path / "secret.csv").write_text(HEAD + "1,a,1\n")
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "deals.csv").symlink_to(tmp_path / "secret.csv")
    mapping = FileMapping(
        name="deals", entity="deals", system="crm", path=str(folder / "*.csv"), columns={"deal_id": "Id"}
    )
    assert "a symbolic link leads out of the folder" in refusal(lambda: files_of(mapping))
    content = io.BytesIO(workbook([["Id", "Name", "Amount"], [1, "a", 1]]))
    with zipfile.ZipFile(content, "a") as archive:
        link = zipfile.ZipInfo("xl/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "which no Excel file has" in refusal(lambda: read_file(content.getvalue(), name="deals.xlsx"))


@pytest.mark.fault(70)
def test_archives_and_bombs_are_refused(read_file: Any) -> None:
    import gzip

    assert "this is a gzip archive, not csv" in refusal(lambda: read_file(gzip.compress(HEAD.encode())))
    assert "not a format that is read" in refusal(lambda: read_file(gzip.compress(b"x"), name="deals.csv.gz"))
    content = io.BytesIO(workbook([["Id", "Name", "Amount"], [1, "a", 1]]))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"0" * 120_000_000)
    assert "how a zip bomb looks" in refusal(lambda: read_file(content.getvalue(), name="deals.xlsx"))


def test_damaged_encrypted_and_mistaken_workbooks_are_refused(read_file: Any) -> None:
    whole = workbook([["Id", "Name", "Amount"], [1, "a", 1]])
    for content in (
        whole[: len(whole) // 2],
        b"PK\x03\x04" + b"x" * 200,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        HEAD.encode(),
    ):
        refusal(lambda content=content: read_file(content, name="deals.xlsx"))
    parts = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(parts, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            new.writestr(member.filename, data[: len(data) // 2] if "sheet1" in member.filename else data)
    assert "damaged" in refusal(lambda: read_file(parts.getvalue(), name="deals.xlsx"))
    line = refusal(lambda: read_file(workbook([["Id"]], ("One", "Two")), name="deals.xlsx"))
    assert "no sheet is declared; the file has One, Two" in line
    assert "there is no sheet 'Three'" in refusal(lambda: read_file(whole, name="deals.xlsx", sheet="Three"))


def test_a_workbook_keeps_types_and_never_evaluates(read_file: Any) -> None:
    from datetime import date, datetime

    rows = [
        ["Id", "Name", "Amount", "Closed", "Made", None],
        [9007199254740993, "big", 1234.5, None, None, None],
        ["002", "=1+1", "1.234,50", date(2026, 2, 1), datetime(2026, 7, 1, 12, 30), None],
        [3, "formula", "=2*3", None, None, None],
        [4, "#REF!", 1, None, None, None],
        [None, None, None, None, None, None],
        [5, "long", 1, None, None, "beyond"],
        [6.0, "when", 1, "soon", None, None],
    ]
    outcome = read_file(
        workbook(rows),
        name="deals.xlsx",
        decimal=",",
        thousands=".",
        timezone="Europe/Prague",
        dates="d.m.Y",
        columns={
            "deal_id": "Id",
            "deal_name": "Name",
            "amount": "Amount",
            "close_date": "Closed",
            "created_at": "Made",
        },
    )
    assert outcome.column("deal_id") == ["002"]
    assert outcome.column("deal_name") == ["=1+1"]
    assert outcome.column("amount") == ["1234.50"]
    assert outcome.column("close_date") == ["2026-02-01"]
    assert outcome.column("created_at") == ["2026-07-01 10:30:00"]
    assert dict(outcome.rejected) == {
        "2": "deal_id: a number beyond 2^53 has lost digits in this format; export the column as text",
        "4": "amount: not a number with decimal sign ',' and thousands sign '.'",
        "5": "a cell holds an Excel error",
        "7": "the row is longer than the header (5)",
        "8": "close_date: not a date written as d.m.Y",
    }


def test_parquet_keeps_types(read_file: Any) -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "Id": pa.array([2**60, 2]),
            "Name": pa.array(["a", None]),
            "Amount": pa.array([Decimal("1.10"), None], pa.decimal128(18, 2)),
            "Made": pa.array([datetime(2026, 7, 1, 12, tzinfo=UTC), None], pa.timestamp("ns", "Europe/Prague")),
        }
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    columns = {"deal_id": "Id", "deal_name": "Name", "amount": "Amount", "created_at": "Made"}
    outcome = read_file(content.getvalue(), name="deals.parquet", columns=columns)
    assert outcome.column("deal_id") == [str(2**60), "2"]
    assert outcome.column("amount") == ["1.10", None]
    assert outcome.column("created_at") == ["2026-07-01 12:00:00", None]
    whole = content.getvalue()
    for broken in (whole[:-30], whole[:4] + b"\0" * 200 + whole[-8:], HEAD.encode()):
        refusal(lambda broken=broken: read_file(broken, name="deals.parquet", columns=columns))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text(HEAD + "1,a,1\n")
    mapping = FileMapping(name="deals", entity="deals", system="crm", path=str(path), columns={"deal_id": "Id"})
    tables = read(mapping, files_of(mapping)[0], Counts(), mapping_hash="")
    next(tables)
    with path.open("a") as stream:
        stream.write("2,b,2\n")
    assert "changed while it was read" in refusal(lambda: list(tables))


def test_a_path_without_files_is_told(tmp_path: Path) -> None:
    mapping = FileMapping(
        name="d", entity="deals", system="crm", path=str(tmp_path / "*.csv"), columns={"deal_id": "I"}
    )
    (tmp_path / "~$deals.csv").write_text("lock")
    assert "no file matches the path" in refusal(lambda: files_of(mapping))


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(FIELDS, min_size=1, max_size=4), min_size=1, max_size=8))
def test_of_proper_csv_every_record_is_accepted_or_kept(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["Id", "Name", "Amount"], *rows])
    counts = Counts()
    mapping = FileMapping(
        name="any",
        entity="deals",
        system="crm",
        path=str(path),
        currency="EUR",
        columns={"deal_id": "Id", "deal_name": "Name", "amount": "Amount"},
    )
    tables = list(read(mapping, SourceFile(path, "any.csv", ""), counts, mapping_hash=""))
    assert counts.fetched == counts.accepted + counts.rejected == len(rows)
    assert all(table.schema == schema_of("deals") for table in tables)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_kept_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"Id,Name\n1,a\n" + content)
    mapping = FileMapping(name="any", entity="deals", system="crm", path=str(path), columns={"deal_id": "Id"})
    counts = Counts()
    try:
        rows = sum(t.num_rows for t in read(mapping, SourceFile(path, "any.csv", ""), counts, mapping_hash=""))
    except MalformedData:
        return
    assert rows == counts.fetched == counts.accepted + counts.rejected
