"""Whatever the sources change about closed months, the restatements name it and sum to it.

A CRM, an ad platform and a list of rates are edited at random, also in their past, and read again and again; every
reading is a release that is set against the one before. What has changed is then found once more by adding up both
tables of closed figures here, in Python.
"""

import json
import random
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from configuration.paths import REPOSITORY
from warehouse.baselines import COLUMNS, Baseline

from .conftest import Lake

# The models alone: what dbt tests of them is tested by the other builds.
FIGURES = (*("--resource-type", "model", "--resource-type", "seed", "--select"), "+fct_restatements")
START = datetime(2026, 1, 5, 9)
MEASURES = {
    "won_amount": ("outcome", "won", True),
    "won_deals": ("outcome", "won", False),
    "lost_deals": ("outcome", "lost", False),
    "leads_created": ("creation", "created", False),
    "mqls": ("qualification", "qualified", False),
    "spend": ("spend", "spent", True),
}
STAGES = {"open": "Discovery", "won": "Closed won", "lost": "Closed lost", "odd": "Signed"}
Row = dict[str, str | None]
Values = dict[tuple[str, date], dict[str, Decimal]]


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Company:
    """A handful of deals, contacts, ad days and rates, any of which changes at any time, also in its past."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.deals: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []
        self.ads: dict[date, int] = {}
        self.rates = {START.date() - timedelta(days=200): "0.9"}

    def pass_days(self, days: int) -> None:
        for _ in range(days):
            self.now += timedelta(days=1)
            self.ads[self.now.date()] = self.chance.randint(1, 90) * 10_000
            for _ in range(self.chance.randint(1, 3)):
                self.now += timedelta(minutes=self.chance.randint(1, 200))
                self.chance.choice([self._deal, self._deal, self._contact, self._edit, self._edit, self._odd])()

    def _record(self, records: list[dict[str, Any]], **fields: str) -> None:
        created = self.now - timedelta(days=self.chance.choice([0, 0, 0, 35, 60]))
        record: dict[str, Any] = {"id": str(100 + len(records)), "created": created, "gone": None, "merged": []}
        record["history"] = {name: {created: value} for name, value in fields.items()}
        records.append(record)

    def _deal(self) -> None:
        currency = self.chance.choice(["EUR", "USD"])
        self._record(self.deals, dealstage="open", amount=str(self.chance.randint(1, 999)), deal_currency_code=currency)
        # Some are told as won on the day on which they are first told.
        if self.chance.random() < 0.5:
            self._set(self.deals[-1], "dealstage", self.chance.choice(["won", "won", "lost"]), late=True)

    def _contact(self) -> None:
        self._record(self.contacts, lifecyclestage="lead")
        if self.chance.random() < 0.5:
            self._set(self.contacts[-1], "lifecyclestage", "marketingqualifiedlead", late=True)

    def _set(self, record: dict[str, Any], name: str, value: str, *, late: bool = False) -> None:
        moment = self.now - timedelta(days=self.chance.choice([0, 1, 30, 50]) if late else 0)
        record["history"].setdefault(name, {})[max(moment, record["created"] + timedelta(hours=1))] = value

    def _edit(self) -> None:
        if self.deals:
            deal = self.chance.choice(self.deals)
            name = self.chance.choice(["dealstage", "dealstage", "amount", "deal_currency_code"])
            values = {"dealstage": ["open", "won", "won", "lost"], "amount": ["", "12.34", "500"]}
            value = self.chance.choice(values.get(name, ["EUR", "USD"]))
            self._set(deal, name, value, late=self.chance.random() < 0.7)

    def _odd(self) -> None:
        """Deletes or restores, merges, restates an ad day, or corrects a rate."""
        records = self.chance.choice([self.deals, self.contacts])
        living = [record for record in records if record["gone"] != "merged"]
        kind = self.chance.choice(["delete", "merge", "ad", "rate"])
        if kind == "delete" and living:
            record = self.chance.choice(living)
            record["gone"] = None if record["gone"] else self.now
        elif kind == "merge" and len(living) > 2:
            survivor, merged = self.chance.sample(living, 2)
            survivor["merged"] += [merged["id"], *merged["merged"]]
            merged["gone"] = "merged"
        elif kind == "ad" and self.ads:
            self.ads[self.chance.choice(list(self.ads))] = self.chance.randint(0, 90) * 10_000
        elif kind == "rate":
            day = self.now.date() - timedelta(days=self.chance.randint(0, 60))
            self.rates[day] = self.chance.choice(["0.7", "0.8", "0.95"])

    def _row(self, record: dict[str, Any]) -> Row:
        history = {name: sorted(told.items(), reverse=True) for name, told in record["history"].items()}
        told = {
            name: [{"value": value, "timestamp": text(moment), "sourceType": "CRM_UI"} for moment, value in changes]
            for name, changes in history.items()
        }
        gone = record["gone"]
        return {
            "id": record["id"],
            "created_at": text(record["created"]),
            "createdate": text(record["created"]),
            "updated_at": text(self.now),
            "archived": "true" if gone else "false",
            "archived_at": text(gone) if gone else None,
            "hs_merged_object_ids": ";".join(record["merged"]) or None,
            "properties_with_history": json.dumps(told),
            **{name: changes[0][1] for name, changes in history.items()},
        }

    def land(self, lake: Lake) -> None:
        fetched_at = text(self.now)
        deals = [self._row(deal) | {"pipeline": "p"} for deal in self.deals if deal["gone"] != "merged"]
        contacts = [self._row(contact) for contact in self.contacts if contact["gone"] != "merged"]
        lake.land("hubspot", {"deals": deals, "contacts": contacts}, fetched_at)
        window = {"window_start": str(min(self.ads)), "window_end": str(max(self.ads) + timedelta(days=1))}
        ad_days: list[Row] = [
            {
                "customer_id": "1", "campaign_id": "c", "ad_group_id": "g", "date": str(day), "cost_micros": str(cost),
                "impressions": "1", "clicks": "1", "conversions": "0", "conversions_value": "0",
                "currency_code": "USD", "time_zone": "Europe/Prague", **window,
            }
            for day, cost in self.ads.items()
        ]  # fmt: skip
        lake.land("google_ads", {"ad_group_days": ad_days}, fetched_at)
        rates: list[Row] = [
            {
                "rate_date": str(day), "rate_to_reporting": rate, "row_number": str(number), "currency": "USD",
                "kind": "daily", "system": "finance", "mapping_name": "rates", "file_name": "rates.csv",
            }
            for number, (day, rate) in enumerate(sorted(self.rates.items()), start=1)
        ]  # fmt: skip
        lake.land("files", {"rates": rates}, fetched_at)


def land_stages(lake: Lake, fetched_at: str, **mapped: str) -> None:
    told = [{"id": key, "label": label, "metadata": {"isClosed": "false"}} for key, label in STAGES.items()]
    lake.land("hubspot", {"pipelines": [{"id": "p", "label": "Selling", "stages": json.dumps(told)}]}, fetched_at)
    map_stages(lake, fetched_at, **mapped)


def map_stages(lake: Lake, fetched_at: str, **mapped: str) -> None:
    meanings = {"open": "meeting", "won": "won", "lost": "lost"} | mapped
    stages: list[Row] = [
        {"object": "deal", "stage_label": STAGES[key], "stage": stage, "file_name": "stages.csv", "row_number": str(n)}
        for n, (key, stage) in enumerate(meanings.items(), start=1)
    ]
    purpose: Row = {"pipeline_label": "Selling", "purpose": "new_business", "file_name": "p.csv", "row_number": "1"}
    lake.land("mappings", {"stages": stages, "pipelines": [purpose]}, fetched_at)


def figures(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        return connection.execute(f"from read_parquet('{path}')").to_arrow_table().to_pylist()


def added_up(rows: list[dict[str, Any]], closed_to: date) -> Values:
    """(measure, month) -> what each record adds to it, of months that end by `closed_to`."""
    values: Values = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for measure, (family, status, is_amount) in MEASURES.items():
            if not row["is_counted"] or (row["family"], row["status"]) != (family, status):
                continue
            month: date = row["period_start"]
            if (month + timedelta(days=32)).replace(day=1) > closed_to + timedelta(days=1):
                continue
            values[measure, month][row["record_key"]] += (row["amount_reporting"] or 0) if is_amount else 1
    return values


def require_whole(lake: Lake, baseline: Baseline, sealed: Baseline) -> list[dict[str, Any]]:
    """Checks that the restatements are the difference of the two tables, figure by figure and record by record."""
    closed_to = min(baseline.as_of, sealed.as_of)
    old, new = added_up(figures(baseline.figures), closed_to), added_up(figures(sealed.figures), closed_to)
    expected: dict[tuple[str, date, str], Decimal] = {}
    for figure in {*old, *new}:
        for record in {*old[figure], *new[figure]}:
            difference = new[figure][record] - old[figure][record]
            if difference:
                expected[*figure, record] = difference
    found = lake.rows("from fct_restatements order by all")
    told: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
    for row in found:
        figure = (row["measure"], row["period_start"])
        told[*figure, row["record_key"]] += row["difference"]
        assert row["difference"] != 0
        assert row["old_value"] == sum(old[figure].values())
        assert row["new_value"] == sum(new[figure].values())
    assert {key: value for key, value in told.items() if value} == expected
    for row in lake.rows(
        "select any_value(new_value - old_value) as whole, sum(difference) as parts "
        "from fct_restatements group by measure, period_start"
    ):
        assert row["whole"] == row["parts"]
    return found


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_differences_sum_to_the_whole_after_any_sequence_of_edits(lake: Lake, seed: int) -> None:
    company = Company(seed)
    land_stages(lake, text(START))
    company.pass_days(70)
    company.land(lake)
    as_of = company.now.date()
    baseline = lake.sealed(lake.build(as_of=as_of, selection=FIGURES))
    assert lake.rows("from fct_restatements") == []
    causes: set[str] = set()
    for passes in (0, 25, 40):
        for _ in range(12):
            company._edit()
            company._odd()
        company.pass_days(passes)
        company.land(lake)
        # Without a day passing only what is known has changed: the same day, told again.
        as_of += timedelta(days=passes)
        sealed = lake.sealed(lake.build(as_of=as_of, selection=FIGURES, baseline=baseline))
        causes |= {row["cause"] for row in require_whole(lake, baseline, sealed)}
        before, baseline = baseline, sealed
    # From raw alone the release comes out the same, with its restatements.
    incremental, restated = lake.contents(), lake.rows("from fct_restatements order by all")
    lake.build(as_of=as_of, selection=FIGURES, baseline=before, full_refresh=True)
    assert lake.contents() == incremental
    assert lake.rows("from fct_restatements order by all") == restated
    assert causes >= {"late_win", "late_ad_cost", "amount_edit", "merge", "reopen", "exchange_rate", "late_record"}
    assert "definition_change" not in causes


def test_a_changed_mapping_is_a_cause_of_its_own(lake: Lake) -> None:
    company = Company(5)
    company.pass_days(70)
    signed = company.deals[0]
    company._set(signed, "amount", "77")
    signed["history"]["dealstage"] = {signed["created"]: "odd"}
    signed["gone"] = None
    land_stages(lake, text(START), odd="proposal")
    company.land(lake)
    as_of = company.now.date()
    baseline = lake.sealed(lake.build(as_of=as_of, selection=FIGURES))

    # Afterwards the company says that "Signed" is won, and the CRM tells of other things.
    map_stages(lake, text(company.now), odd="won")
    company.pass_days(3)
    company.land(lake)
    sealed = lake.sealed(lake.build(as_of=as_of, selection=FIGURES, baseline=baseline))
    rows = require_whole(lake, baseline, sealed)
    key = f"hubspot:{signed['id']}"
    by_definition = {row["record_key"] for row in rows if row["cause"] == "definition_change"}
    assert by_definition == {key}
    assert {row["cause"] for row in rows if row["record_key"] == key} == {"definition_change"}
    assert {row["cause"] for row in rows} > {"definition_change"}
    # What was built again for it is gone, and the baseline's own pair would still be what it was.
    assert not (lake.home.db / "rebuilding").exists()
    again = lake.sealed(lake.build(as_of=as_of, known_at=baseline.known_at, selection=FIGURES))
    assert sorted(map(str, figures(again.figures))) == sorted(map(str, figures(baseline.figures)))


def test_a_changed_setting_is_told_apart_from_what_the_source_changed(lake: Lake) -> None:
    company = Company(6)
    company.pass_days(70)
    for deal in company.deals:
        deal["history"]["closedate"] = {deal["created"]: text(deal["created"] - timedelta(days=31))}
    land_stages(lake, text(START))
    company.land(lake)
    as_of = company.now.date()
    baseline = lake.sealed(lake.build(as_of=as_of, selection=FIGURES))
    settings = lake.settings
    by_date = settings.company.model_copy(update={"close_day": "crm_close_date"})
    changed = replace(lake, settings=settings.model_copy(update={"company": by_date}))
    sealed = changed.sealed(changed.build(as_of=as_of, selection=FIGURES, baseline=baseline))
    rows = require_whole(changed, baseline, sealed)
    assert {row["cause"] for row in rows} == {"definition_change"}
    assert {row["measure"] for row in rows} == {"won_amount", "won_deals", "lost_deals"}


def test_figures_of_another_schema_are_read_as_far_as_they_go(lake: Lake, tmp_path: Path) -> None:
    company = Company(7)
    company.pass_days(70)
    land_stages(lake, text(START))
    company.land(lake)
    as_of = company.now.date()
    candidate = lake.build(as_of=as_of, selection=FIGURES)
    baseline = lake.sealed(candidate)
    older = tmp_path / "older.parquet"
    with duckdb.connect() as connection:
        # Without columns of today, with one of its own, counts as another type, and no word of spend.
        connection.execute(
            "copy (select figure_key, record_key, family, status, is_counted, period_start, 'x' as owner_key, "
            f"cast(amount_reporting as double) as amount_reporting from read_parquet('{baseline.figures}') "
            f"where family <> 'spend') to '{older}'"
        )
    old_schema = replace(baseline, figures=older, definitions="another")
    lake.build(as_of=as_of, selection=FIGURES, baseline=old_schema)
    assert lake.rows("from fct_restatements") == []
    assert lake.rows("select count(*) filter (family = 'spend') > 0 as told from fct_closed_figures") == [
        {"told": True}
    ]


def test_the_columns_that_are_read_are_those_of_the_contract() -> None:
    contract = yaml.safe_load((REPOSITORY / "dbt/models/marts/quality/_restatements.yml").read_text())
    columns = {column["name"]: column["data_type"] for column in contract["models"][0]["columns"]}
    assert columns == COLUMNS
