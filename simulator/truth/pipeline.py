"""How the open pipeline went from one amount to the next: each deal told day by day and period by period.

What belongs here: the waterfall with its ledger, and the days of deals. What does not: what became of leads.

A deal is replayed change by change; its place in a period is read off that replay with the words of the definition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator import clock
from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import key_of, rounded, table

SOLD = {"new_business", "renewal", "upsell"}
TRACKED = {
    "owner_id": "owner", "amount": "amount", "currency": "currency", "close_date": "close_date",
    "forecast_category": "category", "forecast_probability": "probability",
}  # fmt: skip
WAYS_IN = ("created", "reopened", "pulled_in", "pushed_in", "overdue_redated", "date_set")
WAYS_OUT = ("pushed_out", "pulled_earlier", "date_cleared", "won", "lost", "deleted")


@dataclass(frozen=True)
class Standing:
    """A deal between two of its changes; `status` is open, won, lost or gone."""

    since: pd.Timestamp
    status: str = "open"
    stage_id: str = ""
    pipeline: str = ""
    owner: str | None = None
    amount: str | None = None
    currency: str | None = None
    close_date: str | None = None
    category: str | None = None
    probability: str | None = None

    @property
    def due(self) -> date | None:
        return date.fromisoformat(self.close_date) if self.close_date else None


@dataclass(frozen=True)
class Period:
    """A week, month or quarter; `last` is its last day that is over."""

    kind: str
    start: date
    end: date
    before: date
    last: date


class Pipeline(Deals):
    """What lay in the pipeline, and what moved it."""

    @cached_property
    def lives(self) -> dict[str, list[Standing]]:
        """deal -> its standings in order. A close is preceded by one of no length, still open."""
        histories = {field: self.history("deal", field, self.end) for field in TRACKED}
        found = {}
        for deal in self.deals_existing.to_dict("records"):
            deal_id = deal["deal_id"]
            changes: dict[pd.Timestamp, dict[str, str | None]] = defaultdict(dict)
            for visit in self.deal_visits[deal_id]:
                status = visit.stage if visit.stage in ("won", "lost") else "open"
                changes[visit.entered_at] |= {
                    "status": status, "stage_id": visit.stage_id, "pipeline": visit.pipeline_id
                }  # fmt: skip
            for field, name in TRACKED.items():
                for at, value, _ in histories[field].get(deal_id, []):
                    changes[max(at, deal["created_at"])][name] = value
            gone = self.deleted.get(("deal", deal_id))
            absence = self.absences.get(deal_id, (pd.Timestamp.max, pd.Timestamp.max))
            # Of a deal that came back nothing is seen while it lay deleted.
            left_at, back_at = max(absence[0], deal["created_at"]), absence[1]
            moments = {*changes, left_at, back_at} if deal_id in self.absences else {*changes}
            life: list[Standing] = []
            before: Standing | None = None
            for at in sorted(moments):
                if gone is not None and at >= gone:
                    break
                changed: dict[str, Any] = changes.get(at, {})
                after = replace(before or Standing(at), **changed, since=at)
                was_open = before is None or before.status == "open"
                if left_at <= at < back_at:
                    life += [replace(after, status="gone")] if at == left_at else []
                    before = after
                    continue
                if after.status != "open" and was_open and not (before is None and deal["is_imported"]):
                    kept = before or after
                    life.append(replace(after, status="open", stage_id=kept.stage_id, pipeline=kept.pipeline))
                life.append(after)
                before = after
            if gone is not None and life:
                life.append(replace(life[-1], status="gone", since=gone))
            found[deal_id] = life
        return found

    @cached_property
    def pipeline_deals(self) -> dict[str, tuple[str, pd.Timestamp]]:
        """deal that counts as pipeline -> segment and creation."""
        segment = dict(zip(self.dim_accounts["account_key"], self.dim_accounts["segment"], strict=True))
        found = {}
        for deal in self.deals_existing.to_dict("records"):
            account = self.surviving("company", deal["account_id"])
            tested = self.primary_contact.get(deal["deal_id"]) in self.test_contacts or account in self.test_accounts
            if self.purpose_of[self.deal_visits[deal["deal_id"]][-1].pipeline_id] in SOLD and not tested:
                found[deal["deal_id"]] = (segment.get(key_of(account), "unknown"), deal["created_at"])
        return found

    @cached_property
    def entered_twice(self) -> dict[str, pd.Timestamp]:
        """deal that was entered twice -> when that was told."""
        rows = self.fct_deals.loc[self.fct_deals["exclusion_reason"] == "duplicate"]
        return dict(zip(rows["deal_id"], rows["closed_at"], strict=True))

    def ended_as(self, deal_id: str, standing: Standing) -> str:
        """As what a deal is no longer open: who was entered twice is not lost but gone."""
        told = self.entered_twice.get(deal_id)
        gone = standing.status == "gone" or (told is not None and standing.since >= told)
        return "deleted" if gone else standing.status

    def midnight(self, day: date) -> pd.Timestamp:
        """The instant at which a day begins where the company reports, in UTC."""
        return clock.day_start(day, self.moment.zone)

    def value(self, standing: Standing, day: date) -> Decimal:
        """In the reporting currency at the rate of the day; nothing without an amount."""
        if not standing.amount or not standing.currency:
            return Decimal(0)
        return rounded(rounded(Decimal(standing.amount), 2) * self.rate(standing.currency, day), 2)

    @cached_property
    def pipeline_periods(self) -> list[Period]:
        """Weeks from Monday, and the company's months and quarters, up to the day."""
        first, found = self.day(self.deals_existing["created_at"].min()), []
        for week in pd.period_range(first, self.moment.as_of, freq="W-SUN"):
            start, end = week.start_time.date(), week.end_time.date()
            found.append(Period("week", start, end, start - timedelta(days=7), min(end, self.moment.as_of)))
        for kind in ("month", "quarter"):
            for span in self.calendar.periods(kind, first, self.moment.as_of):
                before = self.calendar.period_of(kind, span.start - timedelta(days=1)).start
                found.append(Period(kind, span.start, span.end, before, min(span.end, self.moment.as_of)))
        return found

    def _moves(self, deal_id: str, created: pd.Timestamp, period: Period, due: bool) -> Iterator[tuple[Any, ...]]:
        """(movement, standing that names the place, standing that names the amount, worth, team) of one deal."""
        life = self.lives[deal_id]
        opens, ends = self.midnight(period.start), self.midnight(period.last + timedelta(days=1))

        def counts(standing: Standing) -> bool:
            date_fits = standing.due is not None and period.start <= standing.due <= period.end
            return standing.status == "open" and (date_fits or not due)

        earlier = [standing for standing in life if standing.since < opens]
        during = [standing for standing in life if opens <= standing.since < ends]
        if not earlier and not during:
            return
        first = earlier[-1] if earlier else None
        last = (earlier + during)[-1]
        stood = first is not None and counts(first)
        members = ([first] if first is not None and stood else []) + [each for each in during if counts(each)]
        if not members:
            return
        stands = counts(last)
        if stood:
            came, came_on = members[0], period.start - timedelta(days=1)
        else:
            came_on = self.day(members[0].since)
            came = [each for each in members if self.day(each.since) == came_on][-1]
        left = members[-1]
        if stands:
            left_on = period.last
        else:
            following = during[_place(during, left) + 1]
            left_on = self.day(following.since)
        team_before = self.team_on(key_of(came.owner), came_on)
        team = self.team_on(key_of(left.owner), left_on)
        began, later, ended = self.value(came, came_on), self.value(came, left_on), self.value(left, left_on)
        if stood:
            yield "opening", came, came, began, team_before
            if (came.owner, came.pipeline, team_before) != (left.owner, left.pipeline, team):
                yield "transferred_out", came, came, -began, team_before
                yield "transferred_in", left, came, began, team
        elif created >= opens or first is None:
            yield "created", left, came, began, team
        elif first.status != "open":
            yield "reopened", left, came, began, team
        elif first.due is None:
            yield "date_set", left, came, began, team
        elif first.due > period.end:
            yield "pulled_in", left, came, began, team
        else:
            yield "pushed_in" if first.due >= period.before else "overdue_redated", left, came, began, team
        if later != began:
            yield "exchange_rate", left, came, later - began, team
        if ended != later:
            yield "increased" if ended > later else "decreased", left, left, ended - later, team
        if stands:
            yield "closing", left, left, ended, team
        elif last.status != "open":
            yield self.ended_as(deal_id, last), left, left, -ended, team
        elif last.due is None:
            yield "date_cleared", left, left, -ended, team
        else:
            yield "pushed_out" if last.due > period.end else "pulled_earlier", left, left, -ended, team

    @cached_property
    def fct_pipeline_movements(self) -> pd.DataFrame:
        """One row per period, view, deal and movement."""
        records = []
        for deal_id, (segment, created) in self.pipeline_deals.items():
            life = self.lives[deal_id]
            if not life:
                continue
            over = self.day(life[-1].since) if life[-1].status != "open" else self.moment.as_of
            begun = self.day(life[0].since)
            for period in self.pipeline_periods:
                if period.end < begun or period.start > over:
                    continue
                for view in ("all_open", "due_in_period"):
                    due = view == "due_in_period"
                    for movement, place, money, worth, team in self._moves(deal_id, created, period, due):
                        records.append(
                            {
                                "period_type": period.kind,
                                "period_start": period.start,
                                "view_name": view,
                                "deal_key": key_of(deal_id),
                                "movement": movement,
                                "owner_key": key_of(place.owner),
                                "pipeline_id": place.pipeline,
                                "team": team,
                                "segment": segment,
                                "amount": rounded(Decimal(money.amount), 2) if money.amount else None,
                                "amount_reporting": worth,
                                "period_end": period.end,
                                "closing_date": period.last,
                            }
                        )
        return table(records, "period_type period_start view_name deal_key movement owner_key amount_reporting")

    @cached_property
    def fct_pipeline_waterfall(self) -> pd.DataFrame:
        """One row per period, view, level and member."""
        owners = self.dim_owners.set_index("owner_key").to_dict("index")
        sums: dict[tuple[Any, ...], dict[str, Any]] = {}
        names = ["opening", *WAYS_IN, "increased", "decreased", *WAYS_OUT, "transferred", "exchange_rate", "closing"]
        for row in self.fct_pipeline_movements.to_dict("records"):
            owner = owners.get(row["owner_key"], {})
            seller = owner.get("kind") == "person" and owner.get("is_active")
            members = {
                "total": "total",
                "team": row["team"] or "unassigned",
                "owner": row["owner_key"] if seller else "unassigned",
                "segment": row["segment"],
                "pipeline": row["pipeline_id"],
            }
            movement = "transferred" if row["movement"].startswith("transferred") else row["movement"]
            for level, member in members.items():
                key = (row["period_type"], row["period_start"], row["view_name"], level, member)
                if key not in sums:
                    sums[key] = dict(
                        zip(["period_type", "period_start", "view_name", "level", "member"], key, strict=True)
                    )
                    sums[key] |= {f"{name}_amount": Decimal(0) for name in names}
                    sums[key] |= {f"{name}_deals": 0 for name in ("opening", *WAYS_IN, *WAYS_OUT, "closing")}
                sums[key][f"{movement}_amount"] += row["amount_reporting"]
                if f"{movement}_deals" in sums[key]:
                    sums[key][f"{movement}_deals"] += 1
        return pd.DataFrame.from_records(list(sums.values()))

    @cached_property
    def fct_deal_days(self) -> pd.DataFrame:
        """One row per deal and day of being open, and its closing days."""
        records = []
        for deal_id, life in self.lives.items():
            ends: dict[date, Standing] = {}
            for number, standing in enumerate(life):
                ends[self.day(standing.since)] = standing
                following = life[number + 1].since if number + 1 < len(life) else self.end
                if standing.status == "open":
                    day = self.day(standing.since)
                    while self.midnight(day + timedelta(days=1)) <= following:
                        ends[day] = standing
                        day += timedelta(days=1)
            closes = {
                self.day(after.since)
                for before, after in zip([None, *life], life, strict=False)
                if after.status in ("won", "lost") and (before is None or before.status not in (after.status, "gone"))
            }
            for day, standing in ends.items():
                if standing.status == "gone" or (standing.status != "open" and day not in closes):
                    continue
                stage = self.stage_of[standing.stage_id]
                known = standing.amount and standing.currency
                records.append(
                    {
                        "deal_key": key_of(deal_id),
                        "date_day": day,
                        "owner_key": key_of(standing.owner),
                        "pipeline_id": standing.pipeline,
                        "stage": stage[2],
                        "status": standing.status,
                        "forecast_category": standing.category,
                        "currency": standing.currency,
                        "amount": rounded(Decimal(standing.amount), 2) if standing.amount else None,
                        "amount_reporting": self.value(standing, day) if known else None,
                        "close_date": standing.due,
                    }
                )
        return table(records, "deal_key date_day")


def _place(standings: list[Standing], wanted: Standing) -> int:
    """Where the very standing is; -1 for one from before."""
    return next((number for number, standing in enumerate(standings) if standing is wanted), -1)


COMPARISONS = [
    Comparison(
        "fct_deal_days", ("deal_key", "date_day"),
        measures(
            text="owner_key pipeline_id stage status forecast_category currency", money="amount amount_reporting",
            day="close_date",
        ),
    ),
    Comparison(
        "fct_pipeline_movements", ("period_type", "period_start", "view_name", "deal_key", "movement"),
        measures(
            text="owner_key pipeline_id team segment", money="amount amount_reporting",
            day="period_end closing_date",
        ),
    ),
    Comparison(
        "fct_pipeline_waterfall", ("period_type", "period_start", "view_name", "level", "member"),
        measures(
            money=" ".join(
                f"{name}_amount"
                for name in (
                    "opening", *WAYS_IN, "increased", "decreased", *WAYS_OUT, "transferred", "exchange_rate", "closing",
                )
            ),
            count=" ".join(f"{name}_deals" for name in ("opening", *WAYS_IN, *WAYS_OUT, "closing")),
        ),
    ),
]  # fmt: skip
