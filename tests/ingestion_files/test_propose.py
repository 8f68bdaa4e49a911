"""Proposed mappings: what is concluded is said, what is open stays open, and what is printed can be loaded."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration.errors import ConfigurationError, SourceError
from configuration.model import FileMapping
from ingestion.files.propose import Proposal, propose


def proposal(folder: Path, name: str, content: str | bytes, **keys: Any) -> Proposal:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return propose(path, **keys)


def loaded(found: Proposal) -> FileMapping:
    (document,) = yaml.load(found.yaml, Loader=yaml.BaseLoader)
    return FileMapping.model_validate(document)


def test_a_clear_export_is_mapped_whole(tmp_path: Path) -> None:
    content = (
        "Deal ID;Deal name;Stage;Pipeline;Betrag;Deal value;Currency;Create date;Expected close date\n"
        "1;Müller;Won;Main;x;1.234,50;EUR;2026-01-05T10:00:00Z;31.01.2026\n"
        "2;Böhm;New;Main;y;99,90;CZK;2026-01-06T10:00:00Z;01.02.2026\n"
    )
    found = proposal(tmp_path, "deals.csv", content.encode("cp1252"))
    mapping = loaded(found)
    assert (mapping.entity, mapping.delimiter, mapping.encoding) == ("deals", ";", "cp1252")
    assert (mapping.decimal, mapping.thousands) == (",", ".")
    assert mapping.dates == {"close_date": "d.m.Y"}
    assert found.columns == {
        "deal_id": "Deal ID",
        "deal_name": "Deal name",
        "pipeline_label": "Pipeline",
        "stage_label": "Stage",
        "amount": "Deal value",
        "currency": "Currency",
        "close_date": "Expected close date",
        "created_at": "Create date",
    }
    assert found.unmapped == ["Betrag"]
    assert found.open_points == []
    assert found.rows[0] == {
        "deal_id": "1",
        "deal_name": "Müller",
        "pipeline_label": "Main",
        "stage_label": "Won",
        "amount": "1234.50",
        "currency": "EUR",
        "close_date": "2026-01-31",
        "created_at": "2026-01-05 10:00:00",
    }
    for said in ("encoding cp1252", "delimiter ;", "dates d.m.Y for close_date: 31.01.2026", "decimal ,"):
        assert any(said in note for note in found.notes), said


def test_the_parts_of_an_amount_are_told_apart(tmp_path: Path) -> None:
    content = (
        "Deal ID,Value,Total contract value,ACV,Annual recurring revenue,One-time fee,Currency\n1,9,27,9,8,3,EUR\n"
    )
    found = proposal(tmp_path, "deals.csv", content)
    assert found.columns == {
        "deal_id": "Deal ID",
        "amount": "Value",
        "tcv": "Total contract value",
        "acv": "ACV",
        "arr": "Annual recurring revenue",
        "one_time_amount": "One-time fee",
        "currency": "Currency",
    }


@pytest.mark.fault(25)
def test_an_open_date_order_is_asked_for(tmp_path: Path) -> None:
    content = "Deal ID,Created,Close date\n1,2026-01-05 10:00,01/02/2026\n2,2026-01-06 11:00,03/04/2026\n"
    found = proposal(tmp_path, "deals.csv", content)
    assert "# dates: for close_date declare: d/m/Y or m/d/Y" in found.yaml
    assert "# timezone:" in found.yaml
    assert loaded(found).dates == {}
    assert found.rows[0] == {"deal_id": "1", "close_date": None, "created_at": None}
    assert len(found.open_points) == 2


def test_one_columns_order_does_not_settle_another_columns(tmp_path: Path) -> None:
    content = "Deal ID,Created,Close date\n1,31/01/2026,01/02/2026\n2,30/01/2026,03/04/2026\n"
    found = proposal(tmp_path, "deals.csv", content)
    assert loaded(found).dates == {"created_at": "d/m/Y"}
    assert found.rows[0]["close_date"] is None


def test_dates_of_both_orders_are_told(tmp_path: Path) -> None:
    found = proposal(tmp_path, "deals.csv", "Deal ID,Close date\n1,31/01/2026\n2,01/31/2026\n")
    assert any("mixes both orders" in point for point in found.open_points)


@pytest.mark.fault(24)
def test_an_open_decimal_sign_is_asked_for(tmp_path: Path) -> None:
    found = proposal(tmp_path, "deals.csv", 'Deal ID,Amount,Currency\n1,"1,234",EUR\n2,"5,678",EUR\n')
    assert "# decimal: declare '.' or ','" in found.yaml
    assert found.rows[0]["amount"] is None
    found = proposal(tmp_path, "deals.csv", 'Deal ID,Amount,Currency\n1,"1,234",EUR\n2,"5,678.90",EUR\n')
    assert (loaded(found).decimal, loaded(found).thousands) == (".", ",")
    assert found.rows[0]["amount"] == "1234"


def test_signs_of_currencies_and_percents_are_declared(tmp_path: Path) -> None:
    header = "Opportunity ID,Amount,Probability (%)\n"
    found = proposal(tmp_path, "deals.csv", header + '1,"$1,006.00",40%\n2,-$5.00,5 %\n')
    mapping = loaded(found)
    assert (mapping.currency_sign, mapping.thousands, mapping.in_percent) == ("$", ",", ())
    assert "# currency: the currency of the amounts, for which $ stands" in found.yaml
    assert [(row["amount"], row["win_probability"]) for row in found.rows] == [("1006.00", "0.4"), ("-5.00", "0.05")]
    found = proposal(tmp_path, "deals.csv", header + "1,5.00 EUR,40\n2,6.50 EUR,5\n")
    assert (loaded(found).currency_sign, loaded(found).in_percent) == ("EUR", ("win_probability",))
    assert [(row["amount"], row["win_probability"]) for row in found.rows] == [("5.00", "0.4"), ("6.50", "0.05")]


def test_amounts_in_several_currencies_need_a_column_for_them(tmp_path: Path) -> None:
    found = proposal(tmp_path, "deals.csv", "Deal ID,Amount\n1,$5.00\n2,\u20ac6.00\n")
    assert loaded(found).currency_sign is None
    assert found.rows[0]["amount"] is None
    assert any("amounts bear $, \u20ac" in point for point in found.open_points)


def test_what_is_needed_and_not_there_is_a_line_to_fill_in(tmp_path: Path) -> None:
    found = proposal(tmp_path, "ads.csv", "Date,Campaign,Impressions,Clicks,Cost\n2026-01-01,Brand,10,1,0.50\n")
    assert found.entity == "ad_days"
    assert "    # platform: needed" in found.yaml
    assert "# currency:" in found.yaml
    assert found.rows[0]["spend"] == "0.50"
    assert "platform is needed and no column looks like it" in found.open_points


def test_placeholders_and_words_for_choices_are_proposed_and_told(tmp_path: Path) -> None:
    content = "Activity Id,Type,Owner\n1,Meetings,Select\n2,call,7\n3,Lunch,Select\n"
    found = proposal(tmp_path, "activities.csv", content)
    mapping = loaded(found)
    assert mapping.null_values == ("Select",)
    assert mapping.values == {"kind": {"Meetings": "meeting"}}
    assert any("Lunch must become one of meeting, call, email, task" in point for point in found.open_points)


def test_json_lines_excel_and_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from openpyxl import Workbook

    lines = '{"id": 9007199254740993, "email": "a@b.example"}\n{"id": 2, "job_title": "CFO"}\n'
    found = proposal(tmp_path, "contacts.jsonl", lines)
    assert found.columns == {"contact_id": "id", "email": "email", "job_title": "job_title"}
    assert found.rows[0]["contact_id"] == "9007199254740993"
    book = Workbook()
    assert book.active is not None
    book.active.append(["Company ID", "Company name", "Number of employees"])
    book.active.append(["c1", "Acme", 50])
    book.save(tmp_path / "accounts.xlsx")
    assert propose(tmp_path / "accounts.xlsx").rows == [
        {"account_id": "c1", "account_name": "Acme", "employee_count": "50"}
    ]
    pq.write_table(pa.table({"Lead ID": ["x"], "Lead Source": ["Fair"]}), tmp_path / "leads.parquet")
    assert propose(tmp_path / "leads.parquet").columns == {"lead_id": "Lead ID", "source_label": "Lead Source"}


def test_headers_that_mean_something_to_yaml_survive(tmp_path: Path) -> None:
    content = "Deal ID,Deal name,Amount: #1,null\n1,a,2,3\n"
    found = proposal(tmp_path, "deals.csv", content)
    assert loaded(found).columns["deal_id"] == "Deal ID"
    content = '"Deal ID","${HOME}: #stage stage"\n1,New\n'
    proposal(tmp_path, "deals.csv", content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Pipeline of June;;\nDeal ID;Amount;Stage\n1;5;Won\n", "if the header stands lower"),
        ("Deal ID,amount,Amount\n1,5,6\n", "amount, Amount differ by capital letters only"),
        ("Deal ID,Amount,Amount\n1,5,6\n", "the header has Amount more than once"),
    ],
)
def test_a_header_that_no_run_would_take_is_told(tmp_path: Path, content: str, says: str) -> None:
    assert any(says in point for point in proposal(tmp_path, "deals.csv", content).open_points)


def test_what_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        propose(tmp_path / "gone.csv")
    (tmp_path / "deals.csv").write_text("Id\n1\n")
    with pytest.raises(SourceError, match=r"a folder; of its files these can be mapped: deals\.csv"):
        propose(tmp_path)
    with pytest.raises(SourceError, match="empty"):
        proposal(tmp_path, "empty.csv", "")
    with pytest.raises(SourceError, match="no rows"):
        proposal(tmp_path, "head.csv", "Id,Name\n")
    with pytest.raises(SourceError, match="names no column"):
        proposal(tmp_path, "low.csv", ",,\nDeal ID,Amount,Stage\n1,5,Won\n")
    with pytest.raises(ConfigurationError, match="'offers' is not an entity"):
        proposal(tmp_path, "a.csv", "Id\n1\n", entity="offers")
