"""The company's log as it was at one moment: what existed, what a field was, what a currency was worth.

What belongs here: what every area reads. What does not: any mart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from simulator import clock
from simulator.company import START, Company
from simulator.draws import Times
from simulator.fiscal import fiscal_periods
from simulator.truth.calendar import Calendar, Span

SOURCE, PLATFORM = "hubspot", "google_ads"
DEAL_STAGES = {
    "prospecting": 1, "qualification": 2, "meeting": 3, "proposal": 4, "negotiation": 5, "closing": 6, "won": 7,
    "lost": 90,
}  # fmt: skip
LEAD_STAGES = {
    "suspect": 1, "lead": 2, "mql": 3, "sql_lead": 4, "opportunity": 5, "customer": 6, "disqualified": 90,
    "recycled": 91, "duplicate": 92, "spam": 93,
}  # fmt: skip
EXIT = 90
# What a past day has as it had landed for it where the source keeps no history.
TOLD = {"company", "contact", "deal", "feedback_submission"}
LIFECYCLE = {
    "subscriber": "suspect", "lead": "lead", "marketingqualifiedlead": "mql", "salesqualifiedlead": "sql_lead",
    "opportunity": "opportunity", "customer": "customer",
}  # fmt: skip
STATUS_EXITS = {"UNQUALIFIED": "disqualified", "RECYCLED": "recycled", "DUPLICATE": "duplicate", "SPAM": "spam"}
NO_LEADS = {"duplicate", "spam"}
TEMPERATURE = {"now": "hot", "within 2 months": "warm", "no time frame": "cold"}
PAID = {"paid_search", "paid_social", "display"}
BULK = 50
# What the company says of itself: what its CRM dates on these days was brought over from the one before.
MIGRATION = date(2023, 7, 1), date(2023, 9, 3)
Z = 1.959963984540054  # the 97.5th percentile of the normal distribution


@dataclass(frozen=True)
class Moment:
    """Which day is told, what was known, and the company's conventions."""

    as_of: date
    now: pd.Timestamp  # naive UTC
    zone: str = "Europe/Prague"
    close_day: str = "stage_event"  # or crm_close_date
    headline: str = "amount"  # or tcv, acv, arr: what the company means by a deal's amount
    # For which instants the CRM was asked, in order of landing (naive UTC); once and now where nobody says.
    landed: tuple[pd.Timestamp, ...] = ()
    # Whether the company reports by finance's calendar of weeks (fiscal.py).
    by_weeks: bool = False

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


def key_of(identifier: object) -> str | None:
    return None if absent(identifier) else f"{SOURCE}:{identifier}"


def days_between(start: pd.Timestamp, end: pd.Timestamp) -> Decimal:
    # Times carry milliseconds at most, so the quotient is exact enough for six places.
    milliseconds = round((end - start) / pd.Timedelta(milliseconds=1))
    return rounded(Decimal(milliseconds) / Decimal(clock.DAY), 6)


def text_of(value: object) -> str | None:
    return None if absent(value) or value == "" else str(value)


def column(values: Iterable[object]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Values of any type as a column that leaves them as they are."""
    listed = list(values)
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column


def table(records: list[dict[str, Any]], columns: str) -> pd.DataFrame:
    """Records as a table; one without records still has the columns that are asked of it."""
    return pd.DataFrame.from_records(records) if records else pd.DataFrame(columns=columns.split())


def moment_of(value: pd.Timestamp) -> pd.Timestamp | None:
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


def quotient(amount: Decimal, count: Decimal | int) -> Decimal | None:
    return None if count == 0 else amount / Decimal(count)


@dataclass
class Log:
    """The log as it is read at one moment; each part is computed when it is first asked for."""

    company: Company
    moment: Moment
    end: pd.Timestamp = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.moment.as_of_end
        self._link()
        self._choose_the_amount()
        deals = self.company.deals
        brought = deals["is_imported"].astype(bool) | deals["created_at"].map(self.is_brought).astype(bool)
        self.company = replace(self.company, deals=deals.assign(is_imported=brought))

    def _choose_the_amount(self) -> None:
        """Lets the history of a deal's amount be that of the one that the company counts."""
        if self.moment.headline == "amount":
            return
        rows = self.company.changes
        of_deals = rows["object"] == "deal"
        chosen = rows.loc[of_deals & (rows["field"] == self.moment.headline)].assign(field="amount")
        kept = rows.loc[~(of_deals & (rows["field"] == "amount"))]
        self.company = replace(self.company, changes=pd.concat([kept, chosen], ignore_index=True))

    def _link(self) -> None:
        """Puts the links in place that the day shows."""
        tables = {}
        for kind, table, link in (
            ("contact", "contacts", "account_id"),
            ("activity", "activities", "deal_id"),
            ("line_item", "line_items", "deal_id"),
        ):
            rows = getattr(self.company, table)
            created = dict(zip(rows[f"{kind}_id"], rows["created_at"], strict=True))
            moves = self.company.link_moves
            moves = moves.loc[(moves["object"] == kind) & moves["record_id"].isin(list(created))].sort_values("at")
            moved = {
                record: linked
                for record, at, linked in zip(moves["record_id"], moves["at"], moves["linked_id"], strict=True)
                if at < self.links_read_of(created[record])
            }
            linked_now = [moved.get(record, linked) for record, linked in zip(created, rows[link], strict=True)]
            if moved:
                tables[table] = rows.assign(**{link: column(linked_now)})
        self.company = replace(self.company, **tables)

    @cached_property
    def links_read_at(self) -> pd.Timestamp:
        """When the CRM was asked for the links that the day shows.

        Nobody tells since when a link is there: a past day has what had landed for it (a run asks for a day on the
        morning after), before the first landing what is so now.
        """
        told = self.landed_for_the_day
        return min(self.moment.now, max(told) + pd.Timedelta(hours=8)) if self.is_past_day and told else self.moment.now

    @cached_property
    def is_past_day(self) -> bool:
        """Whether the CRM was asked for a later day too."""
        return any(at >= self.end + pd.Timedelta(days=1) for at in self.moment.landed)

    @cached_property
    def landed_for_the_day(self) -> list[pd.Timestamp]:
        """The instants for which the CRM was asked that tell of the day or of one before."""
        return [at for at in self.moment.landed if self.day(at - pd.Timedelta(milliseconds=1)) <= self.moment.as_of]

    def links_read_of(self, created_at: pd.Timestamp) -> pd.Timestamp:
        """The same of one record: what was not there yet when it was asked has the links that it has now."""
        return self.links_read_at if created_at < self.links_read_at else self.moment.now

    def told_until(self, created_at: pd.Timestamp) -> pd.Timestamp | None:
        """Until when a value without history is known of a record; None: of a past day nothing had landed."""
        asked = self.links_read_at
        if created_at < asked < self.moment.now:
            return asked
        return None if self.is_past_day else self.moment.now

    @cached_property
    def brought_until(self) -> pd.Timestamp:
        """The end of the migration."""
        return clock.day_start(MIGRATION[1] + timedelta(days=1), self.moment.zone)

    def is_brought(self, created_at: pd.Timestamp) -> bool:
        """Whether a record came by the migration."""
        return clock.day_start(MIGRATION[0], self.moment.zone) <= created_at < self.brought_until

    @cached_property
    def calendar(self) -> Calendar:
        """The months that the company reports by."""
        listed = [
            Span(start.date(), end.date(), year * 12 + month - 1)
            for year, month, start, end in fiscal_periods().itertuples(index=False)
        ]
        told = (date(START.year, 1, 1), date(self.moment.as_of.year + 2, 12, 31))
        return Calendar(tuple(listed) if self.moment.by_weeks else (), told)

    def last_read(self, created_at: pd.Timestamp, until: pd.Timestamp) -> pd.Timestamp | None:
        """When the CRM was asked last while a record was there."""
        asked = self.moment.landed or (self.moment.now,)
        return max((at for at in asked if created_at < at <= until), default=None)

    @cached_property
    def _takeovers(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp | None]]:
        """Deal that another took over -> since when a survivor that was read says so, and when it was read last."""
        created = dict(zip(self.company.deals["deal_id"], self.company.deals["created_at"], strict=True))
        rows = self.company.merges
        rows = rows.loc[(rows["object"] == "deal") & (rows["at"] < self.moment.now)]
        into = dict(zip(rows["merged_id"], zip(rows["survivor_id"], rows["at"], strict=True), strict=True))
        found = {}
        for deal, (survivor, at) in into.items():
            told = at
            while survivor in into and self.last_read(told, into[survivor][1]) is None:
                survivor, told = into[survivor]
            found[deal] = told, self.last_read(created[deal], at)
        return found

    @cached_property
    def deals_merged(self) -> dict[str, pd.Timestamp]:
        """Deal that had been read before another took it over, by the end of the day -> when that was."""
        return {
            deal: at for deal, (at, last_read) in self._takeovers.items() if last_read is not None and at < self.end
        }

    @cached_property
    def _survivors(self) -> dict[tuple[str, str], str]:
        """(object, id) -> the id at the end of its chain of merges."""
        merges = self.company.merges
        merges = merges.loc[merges["at"] < self.moment.now]
        into = {
            (kind, old): new
            for kind, old, new in zip(merges["object"], merges["merged_id"], merges["survivor_id"], strict=True)
            # A deal that was read is one of its own until it is merged; people and companies never were two.
            if kind != "deal" or self._takeovers[old][1] is None or old in self.deals_merged
        }
        ends = {}
        for kind, old in into:
            end = old
            while (kind, end) in into:
                end = into[kind, end]
            ends[kind, old] = end
        return ends

    @cached_property
    def merged(self) -> dict[tuple[str, str], tuple[str, pd.Timestamp | None]]:
        """(object, id) of what is merged by the end of the day -> who survives it, and of a deal since when."""
        told = {("deal", deal): at for deal, (at, _) in self._takeovers.items()}
        return {
            record: (end, told.get(record))
            for record, end in self._survivors.items()
            if record not in told or told[record] < self.end
        }

    def surviving(self, kind: str, identifier: object) -> str | None:
        """The id that stands for a record today; None for none."""
        return None if absent(identifier) else self._survivors.get((kind, str(identifier)), str(identifier))

    @cached_property
    def deleted(self) -> dict[tuple[str, str], pd.Timestamp]:
        """(object, id) -> when it was deleted, for those that lie deleted at the end of the day, as known now."""
        rows = self.company.deletions
        # Who read it for the day has seen it lie deleted, whatever came later.
        told = rows["object"].map(lambda kind: self.links_read_at if kind in TOLD else self.moment.now)
        lay_deleted = (rows["at"] < told) & ~(rows["restored_at"] < told)
        rows = rows.loc[(rows["at"] < self.end) & (lay_deleted | ~(rows["restored_at"] < self.moment.now))]
        found = {(kind, str(i)): at for kind, i, at in zip(rows["object"], rows["record_id"], rows["at"], strict=True)}
        return found | {("deal", deal): at for deal, at in self.deals_merged.items()}

    @cached_property
    def absences(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        """deal -> from when to when it lay deleted, for those that came back and were read in between.

        That a deal is back counts from the beginning of the day that the next reading tells of.
        """
        found = {}
        readings = self.landed_for_the_day if self.is_past_day else self.moment.landed
        rows = self.company.deletions
        rows = rows.loc[(rows["object"] == "deal") & (rows["at"] < self.end)]
        for deal, at, restored in zip(rows["record_id"].astype(str), rows["at"], rows["restored_at"], strict=True):
            after = [read for read in readings if read > restored]
            if ("deal", deal) in self.deleted or not after or not any(at < read <= restored for read in readings):
                continue
            told = self.day(after[0] - pd.Timedelta(milliseconds=1))
            back = clock.day_start(min(told, self.moment.as_of), self.moment.zone)
            if at < back:
                found[deal] = (at, back)
        return found

    def gone(self, created_at: pd.Timestamp) -> set[tuple[str, str]]:
        """(object, id) of what lay deleted when a record's links were read: the vendor links nothing to it."""
        return self.gone_at[self.links_read_of(created_at)]

    @cached_property
    def gone_at(self) -> dict[pd.Timestamp, set[tuple[str, str]]]:
        """Moment at which the CRM was asked -> (object, id) of what lay deleted."""
        found = {}
        for moment in {*self.moment.landed, self.links_read_at, self.moment.now}:
            rows = self.company.deletions
            rows = rows.loc[(rows["at"] < moment) & ~(rows["restored_at"] < moment)]
            found[moment] = set(zip(rows["object"], rows["record_id"].astype(str), strict=True))
        return found

    @cached_property
    def deals_gone(self) -> set[str]:
        """Deals that lay deleted when their own links were read."""
        deals = self.company.deals
        return {
            deal
            for deal, created in zip(deals["deal_id"], deals["created_at"], strict=True)
            if ("deal", deal) in self.gone(created)
        }

    @cached_property
    def _activities_moved(self) -> dict[str, list[pd.Timestamp]]:
        moves = self.company.link_moves.loc[self.company.link_moves["object"] == "activity"]
        return {str(activity): list(rows["at"]) for activity, rows in moves.groupby("record_id")}

    def gone_for(self, activity: dict[Any, Any]) -> set[tuple[str, str]]:
        """(object, id) of what lay deleted when an activity was read; unchanged since, it is asked for again only with
        its deal, when that left the bin.
        """
        until = self.links_read_of(activity["created_at"])
        changes = (activity["created_at"], activity["at"], *self._activities_moved.get(activity["activity_id"], ()))
        changed_at = max(at for at in changes if at < until)
        asked = sorted(at for at in self.moment.landed if at <= until)
        read_at = min((at for at in asked if changed_at < at), default=until)
        deal = ("deal", str(activity["deal_id"]))
        back = [at for before, at in pairwise(asked) if deal in self.gone_at[before] and deal not in self.gone_at[at]]
        return self.gone_at[max([read_at, *back])]

    def existing(self, table: pd.DataFrame, kind: str, identifier: str) -> pd.DataFrame:
        """Records made before the end of the day and not merged away, but for deals that were read before."""
        merged = {old for found, old in self._survivors if found == kind and old not in self.deals_merged}
        return table.loc[(table["created_at"] < self.end) & ~table[identifier].isin(list(merged))]

    def history(
        self, kind: str, name: str, until: pd.Timestamp
    ) -> dict[str, list[tuple[pd.Timestamp, str | None, str | None]]]:
        """record -> its (moment, value, user) of one field before `until`, in order.

        What a deal did between its last reading and its merge nobody was told.
        """
        rows = self.company.changes
        rows = rows.loc[(rows["object"] == kind) & (rows["field"] == name) & (rows["at"] < until)]
        reads = {deal: read for deal, (_, read) in self._takeovers.items() if read is not None}
        if kind == "deal" and reads:
            last_read = rows["record_id"].map(reads)
            rows = rows.loc[last_read.isna() | (rows["at"] < last_read)]
        rows = rows.sort_values("at", kind="stable")
        found: dict[str, list[tuple[pd.Timestamp, str | None, str | None]]] = {}
        for record, at, value, user in zip(rows["record_id"], rows["at"], rows["value"], rows["user_id"], strict=True):
            found.setdefault(record, []).append((at, text_of(value), text_of(user)))
        return found

    def latest(self, kind: str, name: str, until: pd.Timestamp) -> dict[str, str | None]:
        """record -> the value of one field just before `until`."""
        return {record: changes[-1][1] for record, changes in self.history(kind, name, until).items()}

    def day(self, at: pd.Timestamp) -> date:
        """The calendar day of a moment where the company reports."""
        return at.tz_localize("UTC").tz_convert(ZoneInfo(self.moment.zone)).date()

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
