"""What the marts must say about the simulated company at one moment, computed from its own event log.

What belongs here: each definition of a mart, once more and by other means: plain Python and pandas over the log, no
SQL, nothing of the product. What does not: how vendors show the log, and the comparison with a release (verify.py).

Two moments matter. `as_of_end` is the instant at which the day `as_of` ends where the company reports: fields that keep
a history are read just before it, and records made later do not exist. `now` is when the vendors were asked: fields
without a history (names of accounts, next steps, whether an owner has left), merges, deletions, restorations and
restated ad figures are what could be known then. A deletion that was undone before `now` leaves no trace at a vendor.

Readings of the definitions that are not spelled out elsewhere:
- Entering an exit (lost, disqualified, recycled) is a step forward, however far; leaving one is a step backward. A
  skip is a step forward by more than one canonical stage; a change of pipeline is a transfer whatever the stages.
- A stage counts as entered at the first visit to it or to a later stage, so a deal that begins late has skipped.
- At the instant of a change the new value holds: a date that moves in the instant of the close does not move while
  open. A date that was cleared and set again has moved from where it was before.
- A deal that was lost once and is not now has no reason of loss.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from simulator import clock
from simulator.company import Company
from simulator.draws import Times

SOURCE, PLATFORM = "hubspot", "google_ads"
DEAL_STAGES = {
    "prospecting": 1, "qualification": 2, "meeting": 3, "proposal": 4, "negotiation": 5, "closing": 6, "won": 7,
    "lost": 90,
}  # fmt: skip
LEAD_STAGES = {
    "suspect": 1, "lead": 2, "mql": 3, "sql_lead": 4, "opportunity": 5, "customer": 6, "disqualified": 90,
    "recycled": 91,
}  # fmt: skip
EXIT = 90
LIFECYCLE = {
    "subscriber": "suspect", "lead": "lead", "marketingqualifiedlead": "mql", "salesqualifiedlead": "sql_lead",
    "opportunity": "opportunity", "customer": "customer",
}  # fmt: skip
STATUS_EXITS = {"UNQUALIFIED": "disqualified", "RECYCLED": "recycled"}
TEMPERATURE = {"now": "hot", "within 2 months": "warm", "no time frame": "cold"}
PAID = {"paid_search", "paid_social", "display"}
BULK = 50
Z = 1.959963984540054  # the 97.5th percentile of the normal distribution


@dataclass(frozen=True)
class Moment:
    """Which day is told, what was known, and the company's conventions."""

    as_of: date
    now: pd.Timestamp  # naive UTC
    zone: str = "Europe/Prague"
    close_day: str = "stage_event"  # or crm_close_date

    @property
    def as_of_end(self) -> pd.Timestamp:
        """Naive UTC, exclusive."""
        return clock.day_start((pd.Timestamp(self.as_of) + pd.Timedelta(days=1)).date(), self.zone)


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero, as ledgers do."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def absent(value: object) -> bool:
    """True for each of the ways in which a table says that there is no value."""
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _key(identifier: object) -> str | None:
    return None if absent(identifier) else f"{SOURCE}:{identifier}"


def _days(start: pd.Timestamp, end: pd.Timestamp) -> Decimal:
    # Times carry milliseconds at most, so the quotient is exact enough for six places.
    milliseconds = round((end - start) / pd.Timedelta(milliseconds=1))
    return rounded(Decimal(milliseconds) / Decimal(clock.DAY), 6)


def _text(value: object) -> str | None:
    return None if absent(value) or value == "" else str(value)


def _column(values: Iterable[object]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Values of any type as a column that leaves them as they are."""
    listed = list(values)
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column


def _table(records: list[dict[str, Any]], columns: str) -> pd.DataFrame:
    """Records as a table; one without records still has the columns that are asked of it."""
    return pd.DataFrame.from_records(records) if records else pd.DataFrame(columns=columns.split())


def _moment(value: pd.Timestamp) -> pd.Timestamp | None:
    """A time from a table, where a missing one is NaT."""
    return None if pd.isna(value) else value


@dataclass(frozen=True)
class Visit:
    """One stay of a deal or a lead in a stage."""

    stage: str
    order: int
    direction: str
    entered_at: pd.Timestamp
    exited_at: pd.Timestamp | None
    stage_id: str = ""
    pipeline_id: str = ""
    user_id: str | None = None


def directed(stages: Iterable[tuple[int, str]]) -> list[str]:
    """The direction of each visit of a record, given (order of the stage, pipeline) in order of time."""
    found: list[str] = []
    before: tuple[int, str] | None = None
    for order, pipeline in stages:
        if before is None:
            found.append("first")
        elif pipeline != before[1]:
            found.append("transfer")
        elif order >= EXIT:
            found.append("forward")
        elif order < before[0]:
            found.append("backward")
        elif order > before[0] + 1:
            found.append("skip")
        else:
            found.append("forward")
        before = (order, pipeline)
    return found


@dataclass
class World:
    """The log as it is read at one moment; each part is computed when it is first asked for."""

    company: Company
    moment: Moment
    end: pd.Timestamp = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.moment.as_of_end

    # --- what exists ---------------------------------------------------------------------------------------------

    @cached_property
    def survivor(self) -> dict[tuple[str, str], str]:
        """(object, merged id) -> the id at the end of its chain."""
        merges = self.company.merges
        merges = merges.loc[merges["at"] < self.moment.now]
        into = {
            (kind, old): new
            for kind, old, new in zip(merges["object"], merges["merged_id"], merges["survivor_id"], strict=True)
        }
        ends = {}
        for kind, old in into:
            end = old
            while (kind, end) in into:
                end = into[kind, end]
            ends[kind, old] = end
        return ends

    def surviving(self, kind: str, identifier: object) -> str | None:
        """The id that stands for a record today; None for none."""
        return None if absent(identifier) else self.survivor.get((kind, str(identifier)), str(identifier))

    @cached_property
    def deleted(self) -> dict[tuple[str, str], pd.Timestamp]:
        """(object, id) -> when it was deleted, for those that lie deleted at the end of the day, as known now."""
        rows = self.company.deletions
        rows = rows.loc[(rows["at"] < self.end) & ~(rows["restored_at"] < self.moment.now)]
        return {(kind, str(i)): at for kind, i, at in zip(rows["object"], rows["record_id"], rows["at"], strict=True)}

    def existing(self, table: pd.DataFrame, kind: str, identifier: str) -> pd.DataFrame:
        """Records made before the end of the day and not merged away by now."""
        merged = {old for found, old in self.survivor if found == kind}
        return table.loc[(table["created_at"] < self.end) & ~table[identifier].isin(list(merged))]

    def history(
        self, kind: str, name: str, until: pd.Timestamp
    ) -> dict[str, list[tuple[pd.Timestamp, str | None, str | None]]]:
        """record -> its (moment, value, user) of one field before `until`, in order."""
        rows = self.company.changes
        rows = rows.loc[(rows["object"] == kind) & (rows["field"] == name) & (rows["at"] < until)].sort_values(
            "at", kind="stable"
        )
        found: dict[str, list[tuple[pd.Timestamp, str | None, str | None]]] = {}
        for record, at, value, user in zip(rows["record_id"], rows["at"], rows["value"], rows["user_id"], strict=True):
            found.setdefault(record, []).append((at, _text(value), _text(user)))
        return found

    def latest(self, kind: str, name: str, until: pd.Timestamp) -> dict[str, str | None]:
        """record -> the value of one field just before `until`."""
        return {record: changes[-1][1] for record, changes in self.history(kind, name, until).items()}

    def day(self, at: pd.Timestamp) -> date:
        """The calendar day of a moment where the company reports."""
        return at.tz_localize("UTC").tz_convert(ZoneInfo(self.moment.zone)).date()

    # --- money ---------------------------------------------------------------------------------------------------

    @cached_property
    def _rates(self) -> dict[tuple[str, str], tuple[Times, list[Decimal]]]:
        rates = self.company.rates
        today = pd.Timestamp(self.day(self.moment.now))
        known = rates.loc[(rates["kind"] == "plan") | (rates["rate_date"] < today)].sort_values("rate_date")
        found = {}
        for (currency, kind), rows in known.groupby(["currency", "kind"]):
            values = [rounded(Decimal(str(value)), 9) for value in rows["rate_to_reporting"]]
            found[str(currency), str(kind)] = (rows["rate_date"].to_numpy().astype("datetime64[D]"), values)
        return found

    def rate(self, currency: str, day: date, kind: str = "daily") -> Decimal:
        """The latest rate on or before a day."""
        days, values = self._rates[currency, kind]
        return values[int(np.searchsorted(days, np.datetime64(day), side="right")) - 1]

    # --- deals ---------------------------------------------------------------------------------------------------

    @cached_property
    def stage_of(self) -> dict[str, tuple[str, str, str, Decimal]]:
        """stage id -> pipeline id, label, canonical stage, probability."""
        rows = self.company.stages
        return {
            stage: (pipeline, label, true, Decimal(str(chance)))
            for stage, pipeline, label, true, chance in zip(
                rows["stage_id"],
                rows["pipeline_id"],
                rows["label"],
                rows["true_stage"],
                rows["probability"],
                strict=True,
            )
        }

    @cached_property
    def purpose_of(self) -> dict[str, str]:
        return dict(zip(self.company.pipelines["pipeline_id"], self.company.pipelines["purpose"], strict=True))

    @cached_property
    def deals_existing(self) -> pd.DataFrame:
        return self.existing(self.company.deals, "deal", "deal_id")

    @cached_property
    def deal_visits(self) -> dict[str, list[Visit]]:
        """deal -> its visits, in order."""
        ids = set(self.deals_existing["deal_id"])
        found: dict[str, list[Visit]] = {}
        for deal, changes in self.history("deal", "stage", self.end).items():
            if deal not in ids:
                continue
            entries: list[tuple[pd.Timestamp, str, str | None]] = []
            for at, stage_id, user in changes:
                if stage_id is not None and (not entries or entries[-1][1] != stage_id):
                    entries.append((at, stage_id, user))
            stages = [self.stage_of[stage_id] for _, stage_id, _ in entries]
            ways = directed((DEAL_STAGES[stage[2]], stage[0]) for stage in stages)
            exits: list[pd.Timestamp | None] = [*(at for at, _, _ in entries[1:]), None]
            found[deal] = [
                Visit(stage[2], DEAL_STAGES[stage[2]], way, at, exited, stage_id, stage[0], user)
                for (at, stage_id, user), stage, way, exited in zip(entries, stages, ways, exits, strict=True)
            ]
        return found

    @cached_property
    def primary_contact(self) -> dict[str, str]:
        """deal -> the surviving id of its first contact."""
        rows = self.company.deal_contacts
        rows = rows.loc[rows["position"] == 0]
        return {
            deal: str(self.surviving("contact", contact))
            for deal, contact in zip(rows["deal_id"], rows["contact_id"], strict=True)
        }

    @cached_property
    def test_contacts(self) -> set[str]:
        rows = self.company.contacts
        return set(rows.loc[rows["is_test"].to_numpy(dtype=bool), "contact_id"])

    @cached_property
    def test_accounts(self) -> set[str]:
        rows = self.company.accounts
        return set(rows.loc[rows["domain"] == "aldergate.example", "account_id"])

    @cached_property
    def fct_deals(self) -> pd.DataFrame:
        """One row per deal."""
        values = {
            name: self.latest("deal", name, self.end)
            for name in ("owner_id", "currency", "amount", "close_date", "forecast_category")
        }
        today = {name: self.latest("deal", name, self.moment.now) for name in ("next_step", "lost_reason")}
        dates = self.history("deal", "close_date", self.end)
        segment = dict(zip(self.dim_accounts["account_key"], self.dim_accounts["segment"], strict=True))
        channel_of = dict(zip(self.leads["lead_id"], self.leads["channel"], strict=True))
        campaign_of = dict(zip(self.leads["lead_id"], self.leads["campaign_key"], strict=True))
        labels = dict(zip(self.company.pipelines["pipeline_id"], self.company.pipelines["label"], strict=True))
        records = []
        for deal in self.deals_existing.to_dict("records"):
            deal_id, created = deal["deal_id"], deal["created_at"]
            visits = self.deal_visits[deal_id]
            last = visits[-1]
            pipeline, label, stage, chance = self.stage_of[last.stage_id]
            status = stage if stage in ("won", "lost") else "open"
            closed_at = last.entered_at if status != "open" else None
            stage_close = self.day(closed_at) if closed_at is not None else None
            stated = values["close_date"].get(deal_id)
            close_date = date.fromisoformat(stated) if stated else None
            close_day = None
            if closed_at is not None:
                close_day = (close_date or stage_close) if self.moment.close_day == "crm_close_date" else stage_close
            currency = values["currency"].get(deal_id)
            text = values["amount"].get(deal_id)
            amount = rounded(Decimal(text), 2) if text else None
            rate_day = close_day or self.moment.as_of
            contact = self.primary_contact.get(deal_id)
            contact = contact if contact in channel_of else None
            account = self.surviving("company", deal["account_id"])
            pushed = self._pushes(dates.get(deal_id, []), visits)
            deleted = self.deleted.get(("deal", deal_id))
            is_test = (
                self.purpose_of[pipeline] == "test" or contact in self.test_contacts or account in self.test_accounts
            )
            reason = "deleted" if deleted is not None else "test" if is_test else None
            zero_day = status == "won" and stage_close == self.day(created)
            counts = closed_at is not None and status == "won" and not deal["is_imported"] and not zero_day
            records.append(
                {
                    "deal_key": _key(deal_id),
                    "account_key": _key(account),
                    "contact_key": _key(contact),
                    "lead_key": _key(contact),
                    "owner_key": _key(values["owner_id"].get(deal_id)),
                    "campaign_key": campaign_of.get(contact) if contact else None,
                    "stage_key": f"{SOURCE}:deal:{pipeline}:{last.stage_id}",
                    "deal_id": deal_id,
                    "deal_name": deal["name"],
                    "pipeline_id": pipeline,
                    "pipeline_label": labels[pipeline],
                    "pipeline_purpose": self.purpose_of[pipeline],
                    "stage_label": label,
                    "stage": stage,
                    "status": status,
                    "deal_type": _text(deal["deal_type"]),
                    "segment": segment.get(_key(account), "unknown"),
                    "channel": channel_of[contact] if contact else "unattributed",
                    "currency": currency,
                    "forecast_category": values["forecast_category"].get(deal_id),
                    "next_step": today["next_step"].get(deal_id),
                    "lost_reason": today["lost_reason"].get(deal_id) if status == "lost" else None,
                    "exclusion_reason": reason,
                    "history_basis": "field_history",
                    "amount": amount,
                    "amount_reporting": None
                    if amount is None or not currency
                    else rounded(amount * self.rate(currency, rate_day), 2),
                    "amount_plan_rate": None
                    if amount is None or not currency
                    else rounded(amount * self.rate(currency, rate_day, "plan"), 2),
                    "win_probability": rounded(chance, 6),
                    "pushes": len(pushed),
                    "pushed_days": sum(pushed),
                    "reopens": sum(
                        before.stage in ("won", "lost") and after.stage not in ("won", "lost")
                        for before, after in pairwise(visits)
                    ),
                    "cycle_days": _days(created, closed_at) if counts and closed_at is not None else None,
                    "age_days": _days(created, closed_at if closed_at is not None else self.end),
                    "is_excluded": reason is not None,
                    "is_deleted": deleted is not None,
                    "is_zero_day_win": zero_day,
                    "is_qualified": any(2 <= visit.order < EXIT for visit in visits),
                    "created_date": self.day(created),
                    "close_date": close_date,
                    "stage_close_date": stage_close,
                    "close_day": close_day,
                    "created_at": created,
                    "closed_at": closed_at,
                    "deleted_at": deleted,
                }
            )
        return _table(records, "deal_key contact_key pipeline_purpose status is_excluded amount_reporting created_at")

    @staticmethod
    def _pushes(changes: list[tuple[pd.Timestamp, str | None, str | None]], visits: list[Visit]) -> list[int]:
        """By how many days each push moved the close date."""
        found = []
        before: str | None = None
        for at, after, _ in changes:
            if after is None:
                continue
            current = [visit for visit in visits if visit.entered_at <= at][-1:]
            if before is not None and after > before and current and current[0].stage not in ("won", "lost"):
                found.append((date.fromisoformat(after) - date.fromisoformat(before)).days)
            before = after
        return found

    @cached_property
    def fct_deal_stage_visits(self) -> pd.DataFrame:
        """One row per deal and visit."""
        owners = self.history("deal", "owner_id", self.end)
        together: dict[tuple[int, str], set[str]] = {}
        for deal, visits in self.deal_visits.items():
            for visit in visits:
                if visit.user_id is not None:
                    together.setdefault((int(visit.entered_at.timestamp()), visit.user_id), set()).add(deal)
        records = []
        for deal, visits in self.deal_visits.items():
            for number, visit in enumerate(visits, start=1):
                holding = [value for at, value, _ in owners.get(deal, []) if at <= visit.entered_at]
                is_open = visit.exited_at is None
                crowd = together.get((int(visit.entered_at.timestamp()), visit.user_id or ""), set())
                records.append(
                    {
                        "deal_key": _key(deal),
                        "visit_no": number,
                        "owner_key": _key(holding[-1]) if holding else None,
                        "stage_key": f"{SOURCE}:deal:{visit.pipeline_id}:{visit.stage_id}",
                        "pipeline_id": visit.pipeline_id,
                        "stage_label": self.stage_of[visit.stage_id][1],
                        "stage": visit.stage,
                        "history_basis": "field_history",
                        "direction": visit.direction,
                        "stage_order": visit.order,
                        "days_in_stage": _days(
                            visit.entered_at, self.end if visit.exited_at is None else visit.exited_at
                        ),
                        "is_open": is_open,
                        "is_completed": not is_open,
                        "is_bulk_update": len(crowd) >= BULK,
                        "entered_at": visit.entered_at,
                        "exited_at": visit.exited_at,
                    }
                )
        return _table(records, "deal_key visit_no stage_key is_bulk_update entered_at")

    # --- leads ---------------------------------------------------------------------------------------------------

    @cached_property
    def contacts_existing(self) -> pd.DataFrame:
        return self.existing(self.company.contacts, "contact", "contact_id")

    @cached_property
    def lead_visits(self) -> dict[str, list[Visit]]:
        """lead -> its visits; lifecycle changes and exits by status on one line of time."""
        lifecycles = self.history("contact", "lifecycle", self.end)
        statuses = self.history("contact", "lead_status", self.end)
        found: dict[str, list[Visit]] = {}
        for lead in self.contacts_existing["contact_id"]:
            moments = [(at, "lifecycle", value) for at, value, _ in lifecycles.get(lead, [])]
            moments += [(at, "status", value) for at, value, _ in statuses.get(lead, [])]
            found[lead] = lead_timeline(sorted(moments, key=lambda entry: entry[0]))
        return found

    @cached_property
    def leads(self) -> pd.DataFrame:
        """One row per lead without what its deals tell."""
        owners = self.latest("contact", "owner_id", self.end)
        campaign_names = set(self.company.campaigns["name"])
        lifecycles = self.latest("contact", "lifecycle", self.end)
        records = []
        for row in self.contacts_existing.to_dict("records"):
            lead = row["contact_id"]
            visits = self.lead_visits[lead]
            exit_visit = visits[-1] if visits and visits[-1].order >= EXIT else None
            deleted = self.deleted.get(("contact", lead))
            reason = "deleted" if deleted is not None else "test" if row["is_test"] else None
            own = _text(row["lead_source"])
            email = _text(row["email"])
            detail = _text(row["source_detail"])
            paid = row["true_channel"] in PAID and detail in campaign_names
            record = {
                "lead_key": _key(lead),
                "person_key": email.lower() if email else _key(lead),
                "contact_key": _key(lead),
                "account_key": _key(self.surviving("company", row["account_id"])),
                "owner_key": _key(owners.get(lead)),
                "campaign_key": f"{PLATFORM}:{row['true_campaign_id']}" if paid else None,
                "lead_id": lead,
                "channel": row["true_channel"],
                "source_label": own or _text(row["source_label"]),
                "source_detail": detail,
                "lifecycle_stage": LIFECYCLE[str(lifecycles[lead])],
                "temperature": TEMPERATURE.get(str(row["purchase_timeframe"])),
                "exit_reason": exit_visit.stage if exit_visit else None,
                "exclusion_reason": reason,
                "history_basis": "field_history",
                "is_excluded": reason is not None,
                "is_deleted": deleted is not None,
                "created_date": self.day(row["created_at"]),
                "created_at": row["created_at"],
                "exited_at": exit_visit.entered_at if exit_visit else None,
            }
            for stage in ("mql", "sql_lead", "opportunity", "customer"):
                reached = [v.entered_at for v in visits if LEAD_STAGES[stage] <= v.order < EXIT]
                record[f"is_{stage}"] = bool(reached)
                record[f"{stage}_at"] = reached[0] if reached else None
            records.append(record)
        return _table(
            records,
            "lead_id lead_key contact_key person_key account_key owner_key campaign_key channel exclusion_reason "
            "is_deleted is_excluded created_at",
        )

    @cached_property
    def fct_leads(self) -> pd.DataFrame:
        """One row per lead with its deals counted."""
        deals = self.fct_deals
        deals = deals.loc[~deals["is_excluded"] & deals["contact_key"].notna()].sort_values("created_at", kind="stable")
        first: dict[str, str] = {}
        count: dict[str, int] = {}
        wins: dict[str, int] = {}
        amount: dict[str, Decimal] = {}
        for key, deal_key, status, money in zip(
            deals["contact_key"], deals["deal_key"], deals["status"], deals["amount_reporting"], strict=True
        ):
            first.setdefault(key, deal_key)
            count[key] = count.get(key, 0) + 1
            if status == "won":
                wins[key] = wins.get(key, 0) + 1
                amount[key] = amount.get(key, Decimal("0.00")) + (money or Decimal(0))
        leads = self.leads.copy()
        leads["first_deal_key"] = [first.get(key) for key in leads["contact_key"]]
        leads["deals_count"] = [count.get(key, 0) for key in leads["contact_key"]]
        leads["won_deals_count"] = [wins.get(key, 0) for key in leads["contact_key"]]
        leads["won_amount_reporting"] = _column(amount.get(key, Decimal("0.00")) for key in leads["contact_key"])
        return leads

    @cached_property
    def fct_lead_stages(self) -> pd.DataFrame:
        """One row per lead and visit."""
        records = [
            {
                "lead_key": _key(lead),
                "visit_no": number,
                "stage": visit.stage,
                "stage_order": visit.order,
                "direction": visit.direction,
                "days_in_stage": _days(visit.entered_at, self.end if visit.exited_at is None else visit.exited_at),
                "is_open": visit.exited_at is None,
                "entered_at": visit.entered_at,
                "exited_at": visit.exited_at,
            }
            for lead, visits in self.lead_visits.items()
            for number, visit in enumerate(visits, start=1)
        ]
        return pd.DataFrame.from_records(records)

    # --- dimensions ----------------------------------------------------------------------------------------------

    @cached_property
    def dim_owners(self) -> pd.DataFrame:
        """One row per owner. HubSpot tells queues from people, but not integrations from people."""
        rows = self.company.owners
        rows = rows.loc[rows["active_from"] < self.end]
        name = rows["first_name"] + " " + rows["last_name"]
        active = ~(rows["left_at"] < self.moment.now)
        kind = rows["kind"].where(rows["kind"] != "integration", "person")
        return pd.DataFrame(
            {
                "owner_key": SOURCE + ":" + rows["owner_id"],
                "owner_id": rows["owner_id"],
                "owner_name": name,
                "email": rows["email"],
                "team": rows["team"],
                "kind": kind,
                "rollup_owner_name": name.where(active & (kind == "person"), "Unassigned"),
                "is_active": active,
            }
        )

    @cached_property
    def dim_accounts(self) -> pd.DataFrame:
        """One row per account; accounts keep no history, so name and owner are as known now."""
        rows = self.existing(self.company.accounts, "company", "account_id")
        names, owners = (self.latest("company", name, self.moment.now) for name in ("name", "owner_id"))
        ids = rows["account_id"]
        deleted = [self.deleted.get(("company", i)) for i in ids]
        test = ids.isin(list(self.test_accounts))
        reason = [
            "deleted" if gone is not None else "test" if is_test else None
            for gone, is_test in zip(deleted, test, strict=True)
        ]
        return pd.DataFrame(
            {
                "account_key": SOURCE + ":" + ids,
                "owner_key": [_key(owners.get(i)) for i in ids],
                "parent_account_key": [_key(self.surviving("company", parent)) for parent in rows["parent_account_id"]],
                "account_id": ids,
                "account_name": [names[i] for i in ids],
                "domain": rows["domain"],
                "industry": rows["industry"],
                "country": rows["country"],
                "segment": rows["segment"],
                "employee_count": rows["employee_count"],
                "is_deleted": [gone is not None for gone in deleted],
                "is_excluded": [why is not None for why in reason],
                "exclusion_reason": reason,
                "created_at": rows["created_at"],
                "deleted_at": deleted,
            }
        )

    @cached_property
    def dim_contacts(self) -> pd.DataFrame:
        """One row per contact."""
        leads = self.leads
        rows = self.contacts_existing.reset_index(drop=True)
        return pd.DataFrame(
            {
                **{name: leads[name] for name in ("contact_key", "person_key", "account_key", "owner_key")},
                "contact_id": rows["contact_id"],
                "visitor_id": rows["visitor_id"],
                "full_name": rows["first_name"] + " " + rows["last_name"],
                "email": rows["email"].str.lower(),
                "country": rows["country"],
                "job_title": rows["job_title"],
                **{name: leads[name] for name in ("exclusion_reason", "is_deleted", "is_excluded", "created_at")},
                "deleted_at": [self.deleted.get(("contact", i)) for i in rows["contact_id"]],
            }
        )

    @cached_property
    def dim_campaigns(self) -> pd.DataFrame:
        """One row per campaign that has begun."""
        rows = self.company.campaigns
        rows = rows.loc[rows["start_date"] <= pd.Timestamp(self.moment.as_of)]
        accounts = self.company.ad_accounts.set_index("customer_id")
        days = self.fct_ad_performance_daily.groupby("campaign_id")["date_day"].agg(["min", "max"])
        return pd.DataFrame(
            {
                "campaign_key": PLATFORM + ":" + rows["campaign_id"],
                "platform": PLATFORM,
                "ad_account_id": rows["customer_id"],
                "campaign_id": rows["campaign_id"],
                "campaign_name": rows["name"],
                "channel_type": rows["channel_type"],
                "channel": rows["true_channel"],
                "status": rows["status"],
                "currency": [accounts.loc[i, "currency"] for i in rows["customer_id"]],
                "first_day": [days["min"].get(i) for i in rows["campaign_id"]],
                "last_day": [days["max"].get(i) for i in rows["campaign_id"]],
            }
        )

    @cached_property
    def dim_stages(self) -> pd.DataFrame:
        """One row per stage of a deal pipeline."""
        labels = dict(zip(self.company.pipelines["pipeline_id"], self.company.pipelines["label"], strict=True))
        return pd.DataFrame.from_records(
            [
                {
                    "stage_key": f"{SOURCE}:deal:{pipeline}:{stage_id}",
                    "pipeline_id": pipeline,
                    "pipeline_label": labels[pipeline],
                    "pipeline_purpose": self.purpose_of[pipeline],
                    "stage_id": stage_id,
                    "stage_label": label,
                    "stage": stage,
                    "stage_order": DEAL_STAGES[stage],
                    "win_probability": rounded(chance, 6),
                    "is_won": stage == "won",
                    "is_lost": stage == "lost",
                    "is_mapped": True,
                }
                for stage_id, (pipeline, label, stage, chance) in self.stage_of.items()
            ]
        )

    # --- funnels -------------------------------------------------------------------------------------------------

    @cached_property
    def _travellers(self) -> list[Traveller]:
        """Leads and new-business deals, those left out of figures left out."""
        found = []
        leads = self.leads
        for row in leads.loc[~leads["is_excluded"]].to_dict("records"):
            visits = self.lead_visits[row["lead_id"]]
            found.append(Traveller("lead", row["channel"], row["created_at"], visits, _moment(row["exited_at"])))
        deals = self.fct_deals
        chosen = deals.loc[~deals["is_excluded"] & (deals["pipeline_purpose"] == "new_business")]
        for row in chosen.to_dict("records"):
            lost_at = _moment(row["closed_at"]) if row["status"] == "lost" else None
            found.append(
                Traveller("deal", row["channel"], row["created_at"], self.deal_visits[row["deal_id"]], lost_at)
            )
        return found

    @cached_property
    def _bulk_visits(self) -> set[tuple[str, pd.Timestamp]]:
        rows = self.fct_deal_stage_visits
        rows = rows.loc[rows["is_bulk_update"]]
        return set(zip(rows["stage_key"], rows["entered_at"], strict=True))

    @cached_property
    def fct_funnel_stages(self) -> pd.DataFrame:
        """One row per funnel, stage, month of entry and channel."""
        cells: dict[tuple[str, str, date, str], list[Traveller]] = {}
        for traveller in self._travellers:
            for stage in STEPS[traveller.funnel]:
                entered = traveller.reached(stage)
                if entered is not None:
                    month = self.day(entered).replace(day=1)
                    cells.setdefault((traveller.funnel, stage, month, traveller.channel), []).append(traveller)
        records = []
        for (funnel, stage, month, channel), members in cells.items():
            last = stage == STEPS[funnel][-1]
            order = ORDERS[funnel][stage]
            progressed = sum(traveller.furthest > order for traveller in members)
            exited = sum(traveller.furthest <= order and traveller.exited_at is not None for traveller in members)
            stays = sorted(
                float(_days(visit.entered_at, visit.exited_at))
                for traveller in members
                for visit in traveller.visits
                if visit.stage == stage and visit.exited_at is not None and not self._is_bulk(visit)
            )
            low, high = (None, None) if last else wilson(progressed, len(members))
            records.append(
                {
                    "funnel": funnel,
                    "stage": stage,
                    "entry_month": month,
                    "channel": channel,
                    "entities_entered": len(members),
                    "entities_progressed": progressed,
                    "entities_exited": exited,
                    "entities_open": len(members) - progressed - exited,
                    "conversion_rate": None if last else progressed / len(members),
                    "wilson_low": low,
                    "wilson_high": high,
                    "median_days_completed": float(np.median(stays)) if stays else None,
                    "completed_visits": len(stays),
                }
            )
        return pd.DataFrame.from_records(records)

    def _is_bulk(self, visit: Visit) -> bool:
        return (f"{SOURCE}:deal:{visit.pipeline_id}:{visit.stage_id}", visit.entered_at) in self._bulk_visits

    @cached_property
    def fct_conversions_cohort(self) -> pd.DataFrame:
        """One row per funnel, month of creation, channel and milestone."""
        cells: dict[tuple[str, date, str, str], list[Traveller]] = {}
        groups: dict[tuple[str, str, str], list[tuple[float, bool]]] = {}
        for traveller in self._travellers:
            month = self.day(traveller.created_at).replace(day=1)
            for stage in MILESTONES[traveller.funnel]:
                cells.setdefault((traveller.funnel, month, traveller.channel, stage), []).append(traveller)
                at = traveller.reached(stage)
                outcome = at if at is not None else traveller.exited_at
                wait = (outcome if outcome is not None else self.end) - traveller.created_at
                days = max(wait / pd.Timedelta(days=1), 0.0)
                groups.setdefault((traveller.funnel, traveller.channel, stage), []).append((days, outcome is not None))
        horizon = {group: ninetieth(waits) for group, waits in groups.items()}
        records = []
        for (funnel, month, channel, stage), members in cells.items():
            reached = sum(traveller.reached(stage) is not None for traveller in members)
            low, high = wilson(reached, len(members))
            typical = horizon[funnel, channel, stage]
            month_end = (pd.Timestamp(month) + pd.offsets.MonthEnd(0)).date()
            records.append(
                {
                    "funnel": funnel,
                    "cohort_month": month,
                    "channel": channel,
                    "milestone": stage,
                    "cohort_size": len(members),
                    "reached": reached,
                    "conversion_rate": reached / len(members),
                    "wilson_low": low,
                    "wilson_high": high,
                    "p90_days_to_outcome": typical,
                    "is_mature": typical is not None and (self.moment.as_of - month_end).days >= typical,
                }
            )
        return pd.DataFrame.from_records(records)

    # --- web and ads ---------------------------------------------------------------------------------------------

    @cached_property
    def events(self) -> pd.DataFrame:
        """Events of days up to `as_of` that the export held at `now`, in order of time."""
        table = self.company.events
        day = np.asarray(table["event_day"].cast("int32").to_numpy())
        late = np.asarray(table["late_days"].to_numpy()).astype(np.int64)
        today = (self.day(self.moment.now) - date(1970, 1, 1)).days
        as_of = (self.moment.as_of - date(1970, 1, 1)).days
        rows = np.flatnonzero((day <= as_of) & (day + late < today))
        frame: pd.DataFrame = table.take(rows).to_pandas()
        return frame.sort_values("event_at", kind="stable", ignore_index=True)

    @cached_property
    def fct_sessions(self) -> pd.DataFrame:
        """One row per session."""
        events = self.events
        key = events["visitor_id"].astype(object) + ":" + events["session_id"].astype(str).astype(object)
        events = events.assign(session_key=key)
        grouped = events.groupby("session_key", sort=False, observed=True)
        sessions = grouped.agg(
            visitor_id=("visitor_id", "first"), source=("source", "first"), medium=("medium", "first"),
            campaign=("campaign", "first"), gclid=("gclid", "first"), landing_page=("page_location", "first"),
            device=("device", "first"), country=("country", "first"), events=("name", "size"),
            is_engaged=("is_engaged", "max"), started_at=("event_at", "min"), ended_at=("event_at", "max"),
        )  # fmt: skip

        def counted(name: str) -> pd.Series:
            return (
                events.loc[events["name"] == name].groupby("session_key").size().reindex(sessions.index, fill_value=0)
            )

        sessions["page_views"] = counted("page_view")
        sessions["has_add_to_cart"] = counted("add_to_cart") > 0
        spent = grouped["engagement_ms"].sum().fillna(0).astype("int64")
        sessions["engagement_seconds"] = _column(Decimal(int(value)) / 1000 for value in spent)
        bought = events.loc[(events["name"] == "purchase") & events["transaction_id"].notna()]
        bought = bought.drop_duplicates("transaction_id", keep="first")
        purchases: dict[str, list[tuple[Decimal, Decimal, str]]] = {}
        for session, revenue, currency, at in zip(
            bought["session_key"], bought["revenue"], bought["currency"], bought["event_at"], strict=True
        ):
            money = rounded(Decimal(revenue), 2)
            reporting = rounded(money * self.rate(str(currency), self.day(at)), 2)
            purchases.setdefault(session, []).append((money, reporting, str(currency)))
        own = [purchases.get(session, []) for session in sessions.index]
        zero = Decimal("0.00")
        sessions["purchases"] = [len(list_) for list_ in own]
        sessions["revenue"] = _column(sum((money for money, _, _ in list_), zero) for list_ in own)
        sessions["revenue_reporting"] = _column(sum((money for _, money, _ in list_), zero) for list_ in own)
        sessions["currency"] = [list_[0][2] if list_ else None for list_ in own]
        sessions["has_purchase"] = sessions["purchases"] > 0
        sessions["is_bot"] = (sessions["page_views"] >= 30) & (spent.to_numpy() == 0)
        sessions["channel"] = [
            session_channel(medium, click) for medium, click in zip(sessions["medium"], sessions["gclid"], strict=True)
        ]
        starts = sessions["started_at"].to_numpy().astype("datetime64[ms]")
        sessions["session_date"] = pd.Series(
            clock.local_days(starts, self.moment.zone).astype(object), index=sessions.index, dtype=object
        )
        contacts = self.dim_contacts.loc[self.dim_contacts["visitor_id"].notna()].set_index("visitor_id")
        for name in ("contact_key", "person_key"):
            sessions[name] = contacts[name].reindex(sessions["visitor_id"].astype(object)).to_numpy()
        return sessions.reset_index()

    @cached_property
    def fct_ad_performance_daily(self) -> pd.DataFrame:
        """One row per ad group and day of its account, as reported at `now`."""
        rows = self.company.ad_days
        rows = rows.loc[(rows["date"] <= pd.Timestamp(self.moment.as_of)) & (rows["impressions"] > 0)]
        accounts = self.company.ad_accounts.set_index("customer_id")
        today = {i: self._account_day(str(zone)) for i, zone in accounts["time_zone"].items()}
        channel = dict(zip(self.company.campaigns["campaign_id"], self.company.campaigns["true_channel"], strict=True))
        names = dict(zip(self.company.ad_groups["ad_group_id"], self.company.ad_groups["name"], strict=True))
        records = []
        for row in rows.to_dict("records"):
            day, customer = row["date"].date(), row["customer_id"]
            currency = str(accounts.loc[customer, "currency"])
            part = min(1.0, ((today[customer] - day).days + 1) / row["restate_days"])
            spend = Decimal(int(row["cost_micros"])) / Decimal(1_000_000)
            records.append(
                {
                    "campaign_key": f"{PLATFORM}:{row['campaign_id']}",
                    "platform": PLATFORM,
                    "ad_account_id": customer,
                    "campaign_id": row["campaign_id"],
                    "ad_group_id": row["ad_group_id"],
                    "ad_group_name": names[row["ad_group_id"]],
                    "channel": channel[row["campaign_id"]],
                    "currency": currency,
                    "impressions": row["impressions"],
                    "clicks": row["clicks"],
                    "spend": rounded(spend, 6),
                    "spend_reporting": rounded(spend * self.rate(currency, day), 6),
                    "conversions_claimed": round(row["conversions"] * part, 2),
                    "conversion_value_claimed": round(row["conversions_value"] * part, 2),
                    "date_day": day,
                }
            )
        return _table(records, "campaign_key campaign_id channel spend_reporting date_day")

    def _account_day(self, zone: str) -> date:
        return self.moment.now.tz_localize("UTC").tz_convert(ZoneInfo(zone)).date()

    @cached_property
    def fct_campaign_roi_monthly(self) -> pd.DataFrame:
        """One row per campaign and month with spend or leads; leads of no campaign stand in a row per paid channel."""
        zero = Decimal(0)
        spend: dict[tuple[str, str, date], Decimal] = {}
        days = self.fct_ad_performance_daily
        for key, channel, day, money in zip(
            days["campaign_key"], days["channel"], days["date_day"], days["spend_reporting"], strict=True
        ):
            cell = (key, channel, day.replace(day=1))
            spend[cell] = spend.get(cell, zero) + money
        leads = self.fct_leads
        leads = leads.loc[~leads["is_excluded"] & leads["channel"].isin(list(PAID))]
        known = set(self.dim_campaigns["campaign_key"])
        brought: dict[tuple[str, str, date], list[dict[Hashable, Any]]] = {}
        for row in leads.to_dict("records"):
            campaign = row["campaign_key"] if row["campaign_key"] in known else "unattributed"
            brought.setdefault((campaign, row["channel"], row["created_date"].replace(day=1)), []).append(row)
        names = dict(zip(self.dim_campaigns["campaign_key"], self.dim_campaigns["campaign_name"], strict=True))
        records = []
        for cell in sorted(spend.keys() | brought.keys()):
            key, channel, month = cell
            cost, rows = spend.get(cell, zero), brought.get(cell, [])
            count = {name: sum(bool(row[f"is_{name}"]) for row in rows) for name in ("mql", "sql_lead", "opportunity")}
            wins = sum(row["won_deals_count"] for row in rows)
            customers = sum(row["won_deals_count"] > 0 for row in rows)
            amount = sum((row["won_amount_reporting"] for row in rows), zero)
            records.append(
                {
                    "campaign_key": key,
                    "channel": channel,
                    "campaign_name": names.get(key),
                    "month_start": month,
                    "spend_reporting": cost,
                    "leads": len(rows),
                    "mqls": count["mql"],
                    "sql_leads": count["sql_lead"],
                    "opportunities": count["opportunity"],
                    "won_deals": wins,
                    "won_amount_reporting": amount,
                    "cost_per_lead": _quotient(cost, len(rows)),
                    "cost_per_mql": _quotient(cost, count["mql"]),
                    "cost_per_sql_lead": _quotient(cost, count["sql_lead"]),
                    "media_cac": _quotient(cost, customers),
                    "roas": _quotient(amount, cost),
                }
            )
        return pd.DataFrame.from_records(records)

    @cached_property
    def fct_targets(self) -> pd.DataFrame:
        """One row per month, level and member; a seller who has not started yet goes by e-mail."""
        rows = self.company.targets
        planned = (
            self.moment.now.tz_localize("UTC").tz_convert(ZoneInfo(self.moment.zone)) + pd.Timedelta(days=31)
        ).year
        rows = rows.loc[rows["period_start"].dt.year <= planned]
        key_of = dict(zip(self.dim_owners["email"], self.dim_owners["owner_key"], strict=True))
        return pd.DataFrame.from_records(
            [
                {
                    "level": row["level"],
                    "member": key_of.get(row["member"], row["member"]) if row["level"] == "owner" else row["member"],
                    "measure": row["measure"],
                    "period_start": row["period_start"].date(),
                    "amount_reporting": rounded(
                        Decimal(str(row["amount"])) * self.rate(row["currency"], row["period_start"].date(), "plan"), 2
                    ),
                }
                for row in rows.to_dict("records")
            ]
        )


STEPS = {
    "lead": ["suspect", "lead", "mql", "sql_lead", "opportunity", "customer"],
    "deal": ["prospecting", "qualification", "meeting", "proposal", "negotiation", "closing", "won"],
}
MILESTONES = {"lead": STEPS["lead"][2:], "deal": STEPS["deal"][1:]}
ORDERS = {"lead": LEAD_STAGES, "deal": DEAL_STAGES}


@dataclass(frozen=True)
class Traveller:
    """A lead or a deal on its way through a funnel; `exited_at` is set while it is out."""

    funnel: str
    channel: str
    created_at: pd.Timestamp
    visits: list[Visit]
    exited_at: pd.Timestamp | None

    def reached(self, stage: str) -> pd.Timestamp | None:
        """When it first came to `stage` or past it."""
        order = ORDERS[self.funnel][stage]
        return next((visit.entered_at for visit in self.visits if order <= visit.order < EXIT), None)

    @property
    def furthest(self) -> int:
        return max((visit.order for visit in self.visits if visit.order < EXIT), default=0)


def lead_timeline(moments: list[tuple[pd.Timestamp, str, str | None]]) -> list[Visit]:
    """A lead's visits from its ordered (moment, 'lifecycle' or 'status', value).

    A status that is no exit does nothing unless it ends one: then the lead is back in its lifecycle stage.
    """
    entries: list[tuple[pd.Timestamp, str]] = []
    lifecycle: str | None = None
    out = False
    for at, kind, value in moments:
        stage: str | None = None
        if kind == "lifecycle":
            lifecycle = LIFECYCLE.get(value or "", lifecycle)
            stage = LIFECYCLE.get(value or "")
        elif value in STATUS_EXITS:
            stage, out = STATUS_EXITS[value], True
        elif out:
            stage, out = lifecycle, False
        if stage is not None and (not entries or entries[-1][1] != stage):
            entries.append((at, stage))
    ways = directed((LEAD_STAGES[stage], "") for _, stage in entries)
    exits: list[pd.Timestamp | None] = [*(at for at, _ in entries[1:]), None]
    return [
        Visit(stage, LEAD_STAGES[stage], way, at, exited)
        for (at, stage), way, exited in zip(entries, ways, exits, strict=True)
    ]


def session_channel(medium: object, click: object) -> str:
    """The channel of a session by its medium and ad click."""
    word = "" if absent(medium) else str(medium).lower()
    if not absent(click) or word in ("cpc", "ppc", "paidsearch"):
        return "paid_search"
    groups = {
        "display": ("display", "cpm", "banner"),
        "paid_social": ("paid_social", "paidsocial"),
        "email": ("email",),
        "organic_social": ("social",),
        "organic_search": ("organic",),
        "referral": ("referral",),
        "direct": ("(none)", "(direct)"),
        "partner": ("affiliate", "partner"),
    }
    return next((channel for channel, mediums in groups.items() if word in mediums), "unknown")


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share = successes / trials
    centre = share + Z * Z / (2 * trials)
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    scale = 1 + Z * Z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def ninetieth(waits: list[tuple[float, bool]]) -> float | None:
    """The wait within which nine tenths have had an outcome, the others censored (Kaplan and Meier 1958)."""
    share, at_risk = 1.0, len(waits)
    ordered = sorted(waits)
    place = 0
    while place < len(ordered):
        days = ordered[place][0]
        group = [outcome for wait, outcome in ordered[place : _after(ordered, place)]]
        if sum(group):
            share *= 1 - sum(group) / at_risk
            if share <= 0.1 + 1e-9:
                return days
        at_risk -= len(group)
        place += len(group)
    return None


def _after(ordered: list[tuple[float, bool]], place: int) -> int:
    """The first position behind the group of equal waits that begins at `place`."""
    end = place
    while end < len(ordered) and ordered[end][0] == ordered[place][0]:
        end += 1
    return end


def _quotient(amount: Decimal, count: Decimal | int) -> Decimal | None:
    return None if count == 0 else amount / Decimal(count)
