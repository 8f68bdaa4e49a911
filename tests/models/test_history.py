"""What is built load by load equals what is built at once, whatever came in between.

The loads are drawn at random from a few records that are edited, deleted, restored, merged, told twice and sometimes
unreadable, since it is the combinations that break incremental code.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import CRM, EVERYTHING, Lake

START = datetime(2026, 1, 5, 9)
SELECTION = (*CRM, "+fct_deal_line_items", "+fct_deal_splits", "+fct_activities")
STAGES = ["s1", "s2", "s3", "won", "lost"]
PIPELINES = [
    {
        "id": "p",
        "label": "Sales pipeline",
        "stages": json.dumps(
            [
                {"id": "s1", "label": "Discovery", "metadata": {"isClosed": "false", "probability": "0.2"}},
                {"id": "s2", "label": "Demo", "metadata": {"isClosed": "false", "probability": "0.4"}},
                {"id": "s3", "label": "Something new", "metadata": {"isClosed": "false", "probability": "0.6"}},
                {"id": "won", "label": "Closed won", "metadata": {"isClosed": "true", "probability": "1.0"}},
                {"id": "lost", "label": "Closed lost", "metadata": {"isClosed": "true", "probability": "0.0"}},
            ]
        ),
    }
]
Row = dict[str, str | None]


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Crm:
    """A CRM of a few deals and contacts that changes at random and is asked for what it knows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.deals: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        # Lines of deals have a chance of their own, so that deals and contacts live as they would without them.
        self.chance = random.Random(seed + 100)
        self.lines: dict[str, dict[str, Any]] = {}
        # So have splits: deal -> its parts (owner, share) and the moment of the agreement.
        self.luck = random.Random(seed + 200)
        self.splits: dict[str, tuple[list[tuple[str, str]], datetime]] = {}
        # And links, which move without a trace: to one of three companies, and between records.
        self.ties = random.Random(seed + 300)
        self.calls: dict[str, dict[str, Any]] = {}
        self.taken_back: set[str] = set()
        # And merges of deals, some of which only the list of the survivor tells, not its history.
        self.fate = random.Random(seed + 400)

    def pass_a_day(self) -> None:
        self.now += timedelta(days=1)
        for _ in range(self.random.randint(1, 5)):
            self.now += timedelta(minutes=self.random.randint(1, 90))
            self.random.choice([self._contact, self._deal, self._edit, self._edit, self._bin, self._merge])()
            self._line()
            self._split()
            self._tie()
            self._absorb()

    def _tie(self) -> None:
        """A call is written down, or something is linked to something else or to nothing."""
        people, deals = list(self.contacts), list(self.deals)
        if people and deals and (not self.calls or self.ties.random() < 0.3):
            self._new(self.calls, "3", contact=self.ties.choice(people), deal=self.ties.choice(deals), firm=None)
        linked = [*self.contacts.values(), *self.deals.values(), *self.calls.values(), *self.lines.values()]
        if not linked:
            return
        record = self.ties.choice(linked)
        if "contact" in record:
            record["contact"] = self.ties.choice([*people, None])
        if "quantity" in record["history"] or (record.get("deal") and "contact" in record):
            record["deal"] = self.ties.choice([*deals, None])
        record["firm"] = self.ties.choice(["1", "2", "3", None])
        record["touched"] = self.now

    def linked(self, record: dict[str, Any]) -> str:
        """Links as HubSpot sends them: a record in the bin is linked to nothing, and a merged one is its survivor."""
        merged = {old: contact["id"] for contact in self.contacts.values() for old in contact["merged"]}
        found = {"contacts": record.get("contact"), "deals": record.get("deal"), "companies": record.get("firm")}
        while found["contacts"] in merged:
            found["contacts"] = merged[str(found["contacts"])]
        for target, records in (("contacts", self.contacts), ("deals", self.deals)):
            if found[target] and records[str(found[target])]["archived"]:
                found[target] = None
        return json.dumps({target: {"results": [{"id": one}]} for target, one in found.items() if one})

    def _split(self) -> None:
        """A deal is split, split anew, split in a way that does not add up, or split no more."""
        if self.deals and self.luck.random() < 0.5:
            deal = self.luck.choice(list(self.deals))
            parts = self.luck.choice([["1"], ["0.5", "0.5"], ["0.33333333"] * 3, ["0.7", "0.2"], ["0.9", "0.4"], []])
            self.splits[deal] = ([(self.luck.choice("abcd"), share) for share in parts], self.now)

    def _new(self, records: dict[str, dict[str, Any]], first: str, **more: Any) -> dict[str, Any]:
        record = {"id": f"{first}{len(records):03}", "created": self.now, "archived": None, "merged": [], "gone": False}
        record |= more | {"touched": self.now, "history": {}}
        records[record["id"]] = record
        return record

    def _set(self, record: dict[str, Any], name: str, value: str) -> None:
        history = record["history"].setdefault(name, [])
        history.insert(0, {"value": value, "timestamp": text(self.now), "sourceType": "CRM_UI"})
        record["touched"] = self.now

    def _contact(self) -> None:
        contact = self._new(self.contacts, "1", email=f"c{len(self.contacts)}@buyer.example")
        self._set(contact, "lifecyclestage", "lead")

    def _deal(self) -> None:
        contacts = [contact["id"] for contact in self.contacts.values() if not contact["gone"]]
        deal = self._new(self.deals, "2", contact=self.random.choice([*contacts, None]))
        self._set(deal, "dealstage", "s1")
        self._set(deal, "amount", str(self.random.randint(1, 9000)))

    def _edit(self) -> None:
        records = [r for r in [*self.deals.values(), *self.contacts.values()] if not r["gone"]]
        if not records:
            return
        record = self.random.choice(records)
        if record["id"] in self.deals and record is self.deals[record["id"]]:
            name = self.random.choice(["dealstage", "amount", "closedate"])
            value = {
                "dealstage": self.random.choice(STAGES),
                "amount": self.random.choice(["", "12.30", "4000"]),
                "closedate": text(self.now + timedelta(days=self.random.randint(-20, 90))),
            }[name]
            self._set(record, name, value)
        else:
            self._set(record, "hs_lead_status", self.random.choice(["NEW", "UNQUALIFIED", "RECYCLED"]))

    def _line(self) -> None:
        """A line is entered, altered, lost, removed or brought back."""
        if self.deals and (not self.lines or self.chance.random() < 0.4):
            line = self._new(self.lines, "4", deal=self.chance.choice(list(self.deals)))
            self._set(line, "quantity", str(self.chance.randint(1, 5)))
            self._set(line, "amount", str(self.chance.randint(1, 3000)))
        elif self.lines:
            line = self.chance.choice(list(self.lines.values()))
            name, value = self.chance.choice(
                [("amount", "12.30"), ("quantity", "7"), ("line_outcome", "lost"), ("line_outcome", ""), ("", "")]
            )
            if name:
                self._set(line, name, value)
            else:
                line["archived"] = None if line["archived"] else self.now

    def _bin(self) -> None:
        records = [r for r in [*self.deals.values(), *self.contacts.values()] if not r["gone"]]
        if records:
            record = self.random.choice(records)
            # Restored, it may look exactly as before the deletion.
            record["archived"] = None if record["archived"] else self.now
            self.taken_back.add(f"hubspot:{record['id']}")

    def _merge(self) -> None:
        contacts = [contact for contact in self.contacts.values() if not contact["gone"]]
        if len(contacts) > 1:
            survivor, merged = self.random.sample(contacts, 2)
            survivor["merged"].append(merged["id"])
            survivor["touched"] = self.now
            merged["gone"] = True
            self.taken_back.add(f"hubspot:{merged['id']}")

    def _absorb(self) -> None:
        deals = [deal for deal in self.deals.values() if not deal["gone"] and not deal["archived"]]
        if len(deals) > 3 and self.fate.random() < 0.15:
            survivor, merged = self.fate.sample(deals, 2)
            survivor["merged"] += [merged["id"], *merged["merged"]]
            survivor["touched"] = self.now
            if self.fate.random() < 0.5:
                self._set(survivor, "hs_merged_object_ids", ";".join(survivor["merged"]))
            merged["gone"] = True
            self.taken_back.add(f"hubspot:{merged['id']}")

    def _row(self, record: dict[str, Any]) -> Row:
        latest = {name: changes[0]["value"] for name, changes in record["history"].items()}
        return {
            "id": record["id"],
            "created_at": text(record["created"]),
            "createdate": text(record["created"]),
            "updated_at": text(record["touched"]),
            "archived": "true" if record["archived"] else "false",
            "archived_at": text(record["archived"]) if record["archived"] else None,
            "properties_with_history": json.dumps(record["history"]),
            **latest,
            "hs_merged_object_ids": ";".join(record["merged"]) or None,
        }

    def fetched(self) -> dict[str, list[Row]]:
        """A fetch: most records, some twice, now and then one that cannot be read."""
        deals, contacts = [], []
        for deal in self.deals.values():
            if deal["gone"]:
                continue
            row = self._row(deal) | {"deal_currency_code": "EUR", "pipeline": "p", "associations": self.linked(deal)}
            deals += [row] * self.random.choice([0, 1, 1, 2])
        for contact in self.contacts.values():
            if not contact["gone"]:
                row = self._row(contact) | {"email": contact["email"], "associations": self.linked(contact)}
                contacts += [row] * self.random.choice([0, 1, 1])
        if self.random.random() < 0.3 and deals:
            deals.append(deals[0] | {"id": "77", "amount": "1e400"})
        lines = []
        for line in self.lines.values():
            row = self._row(line) | {"associations": self.linked(line)}
            row.pop("hs_merged_object_ids")
            lines += [row] * self.chance.choice([0, 1, 1, 2])
        return {
            "deals": deals,
            "contacts": contacts,
            "line_items": lines,
            "deal_splits": self._told_splits(),
            "companies": [
                {"id": firm, "name": firm, "created_at": text(START), "createdate": text(START)} for firm in "123"
            ],
            "calls": [self._call(call) for call in self.calls.values() for _ in range(self.ties.choice([0, 1, 1, 2]))],
        }

    def _call(self, call: dict[str, Any]) -> Row:
        at = text(call["created"])
        return {
            "id": call["id"], "created_at": at, "hs_timestamp": at, "updated_at": text(call["touched"]),
            "archived": "false", "direction": "OUTBOUND", "status": "COMPLETED", "associations": self.linked(call),
        }  # fmt: skip

    def _told_splits(self) -> list[Row]:
        rows: list[Row] = []
        for deal, (parts, at) in self.splits.items():
            written = {"createdAt": text(at), "updatedAt": text(at), "archived": False}
            listed = [
                {"id": str(n), "properties": {"hubspot_owner_id": owner, "hs_deal_split_percentage": share}} | written
                for n, (owner, share) in enumerate(parts)
            ]
            rows += [{"id": deal, "splits": json.dumps(listed)}] * self.luck.choice([0, 1, 1, 2])
        return rows


def verdicts(runs: int, random_: random.Random) -> list[Row]:
    """What a landing tells of the runs so far: new ones, and earlier ones again with the release that came of them."""
    rows: list[Row] = []
    for run in range(1, runs + 1):
        if run == runs or random_.random() < 0.5:
            shared: Row = {
                "run_id": f"run-{run}", "as_of": "2026-03-01", "known_at": str(run), "suite": "fct_deals",
                "release": f"2026-03-01.00{run}" if run < runs else None, "verdict_passed": "true", "mart": "fct_deals",
            }  # fmt: skip
            rows += [shared | {"check_name": name, "passed": "true", "severity": "block"} for name in ("filled", "key")]
    return rows


def forecasts(runs: int) -> list[Row]:
    """What the newest release has published, one part of it twice by a crash."""
    shared: Row = {
        "release": f"2026-03-01.00{runs}", "run_id": f"run-{runs}", "known_at": str(runs), "method": "saleshouse",
        "period_type": "month", "level": "total", "member": "total", "measure": "bookings", "as_of": "2026-03-01",
        "period_start": "2026-03-01", "period_end": "2026-03-31", "sealed_at": f"2026-03-02T0{runs}:00:00+00:00",
    }  # fmt: skip
    return [shared | {"part": part, "expected": f"{runs}.50"} for part in ("won", "open", "open")] if runs else []


LINKS = {
    "deal": "select deal_key, contact_key, account_key from fct_deals",
    "contact": "select contact_key, account_key, owner_key from dim_contacts",
    "activity": "select activity_key, contact_key, deal_key, account_key from fct_activities",
    "line": "select line_key, deal_key, product_key from fct_deal_line_items where line_key is not null",
}


def links(lake: Lake) -> dict[tuple[str, str], tuple[str | None, ...]]:
    """(kind, key) -> what a record is linked to."""
    rows = {kind: [tuple(row.values()) for row in lake.rows(query)] for kind, query in LINKS.items()}
    return {(kind, row[0]): row[1:] for kind, found in rows.items() for row in found}


@pytest.mark.parametrize(
    ("seed", "selection"),
    [
        (1, SELECTION),
        pytest.param(2, EVERYTHING, marks=pytest.mark.slow),
        pytest.param(3, EVERYTHING, marks=pytest.mark.slow),
    ],
)
def test_load_by_load_equals_at_once(lakes: Callable[[], Lake], seed: int, selection: tuple[str, ...]) -> None:
    stepwise, at_once = lakes(), lakes()
    crm = Crm(seed)
    days = []
    for number in range(4):
        for _ in range(6):
            crm.pass_a_day()
        fetched: dict[str, list[Row]] = crm.fetched() | ({"pipelines": PIPELINES} if number == 0 else {})
        days.append(crm.now.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/Prague")).date())
        for lake in (stepwise, at_once):
            lake.land("hubspot", fetched, text(crm.now), asked=crm.now.isoformat() + "+00:00")
            said = {"verdicts": verdicts(number, random.Random(seed + number)), "forecasts": forecasts(number)}
            lake.land("quality", said, text(crm.now))
        if number == 2:
            stepwise.read_ahead("quality")
            ahead = stepwise.staged("stg_quality__verdicts")
        if number != 1:
            stepwise.build(selection=selection)
        if number == 2:
            # The build has found nothing to add to what was read ahead of it.
            assert ahead >= 4
            assert stepwise.staged("stg_quality__verdicts") == ahead
    at_once.build(selection=selection)
    left, right = stepwise.contents(), at_once.contents()
    assert left == right
    assert len(left["fct_deals"]) > 3
    assert stepwise.rows("select count(*) as deals from fct_deals where exclusion_reason = 'merged'")[0]["deals"] > 0
    assert len(left["fct_quality_results"]) == 6
    assert len(left["fct_forecast_ledger"]) == 6
    assert sum("residual" not in row for row in left["fct_deal_line_items"]) > 3
    # Whatever was agreed, the parts of a deal are the deal.
    assert (
        stepwise.rows(
            "select deal_key from fct_deals as deals left join fct_deal_splits as parts using (deal_key) "
            "where parts.kind = 'revenue' group by deal_key, deals.amount having sum(parts.share) <> 1 "
            "or sum(parts.amount) is distinct from deals.amount or count(*) filter (where parts.is_counted) <> 1"
        )
        == []
    )
    assert len(left["fct_deal_splits"]) > len(left["fct_deals"])
    # What is told again with every fetch must not be stored again.
    assert stepwise.staged("stg_hubspot__field_changes") == at_once.staged("stg_hubspot__field_changes")
    # The past is the same too: what was known on the day of the third load, asked today.
    links_now = links(stepwise)
    early = stepwise.build(as_of=days[2], known_at=5, selection=selection)
    assert not early.result.broken
    first, links_then = stepwise.contents(), links(stepwise)
    at_once.build(as_of=days[2], known_at=5, full_refresh=True, selection=selection)
    assert first == at_once.contents()
    # With everything known since, that day shows the links that had landed for it, but for what a deletion, its
    # restoration or a merge has changed, which restatements tell, and for links to what had not landed itself by then.
    at_once.build(as_of=days[2], selection=selection)
    moved = {key for key, told in links_then.items() if key in links_now and told != links_now[key]}
    told_since = links(at_once)
    other = {key for key in links_then.keys() & told_since.keys() if told_since[key] != links_then[key]}
    known_then = {record for _, record in links_then}
    for key in other:
        if not {key[1], *links_then[key], *told_since[key]} & crm.taken_back:
            pairs = zip(links_then[key], told_since[key], strict=True)
            differing = [(then, since) for then, since in pairs if then != since]
            assert all(then is None and since not in known_then for then, since in differing), (key, differing)
    assert len(moved - other) > 3
    assert len({kind for kind, _ in moved - other}) > 2
