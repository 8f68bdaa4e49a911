"""Owners, accounts, contacts, and the leads that contacts are."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import (
    EXIT,
    LEAD_STAGES,
    LIFECYCLE,
    NO_LEADS,
    PAID,
    PLATFORM,
    SOURCE,
    STATUS_EXITS,
    TEMPERATURE,
    Log,
    Visit,
    days_between,
    directed,
    key_of,
    table,
    text_of,
)


@dataclass(frozen=True)
class TeamPeriod:
    """From which day on an owner was seen in a team and below a manager, where the source tells managers; without a day
    it is what is assumed of the time before.
    """

    since: date | None
    team: str | None
    manager: str | None = None


class People(Log):
    """Who there is."""

    @cached_property
    def landings(self) -> list[tuple[date, pd.Timestamp]]:
        """The day that each landing tells of, and the instant; of a past day those that were made for it."""
        asked = self.moment.landed or (self.moment.now,)
        is_past = any(at >= self.end + pd.Timedelta(days=1) for at in asked)
        found: list[tuple[date, pd.Timestamp]] = []
        for at in asked:
            told = self.day(at - pd.Timedelta(milliseconds=1))
            # Whoever asks for an earlier day later is told what is so by then.
            found.append((max([told, *(day for day, _ in found)]), max([at, *(earlier for _, earlier in found)])))
        return found if is_past else [(min(day, self.moment.as_of), at) for day, at in found]

    @cached_property
    def team_periods(self) -> dict[str, list[TeamPeriod]]:
        """owner's key -> what successive landings could see; HubSpot tells no managers, so teams alone."""
        return {str(key_of(owner)): periods for owner, periods in self.places(tells_managers=False).items()}

    def places(self, *, tells_managers: bool) -> dict[str, list[TeamPeriod]]:
        """owner -> what successive landings could see of a source that tells managers, or does not."""
        moves = self.company.owner_moves
        found: dict[str, list[TeamPeriod]] = {}
        for owner in self.company.owners.to_dict("records"):
            told: dict[date, tuple[str | None, str | None]] = {}
            for day, at in self.landings:
                if owner["active_from"] < at:
                    past = moves.loc[(moves["owner_id"] == owner["owner_id"]) & (moves["at"] < at)]
                    place = past.iloc[-1] if len(past) else owner
                    told[day] = (text_of(place["team"]), text_of(place["manager_id"]) if tells_managers else None)
            if not told:
                continue
            periods = [TeamPeriod(None, *next(iter(told.values())))]
            for day, place in told.items():
                if day <= self.moment.as_of and (len(periods) == 1 or (periods[-1].team, periods[-1].manager) != place):
                    periods.append(TeamPeriod(day, *place))
            found[owner["owner_id"]] = periods
        return found

    def team_period(self, owner: object, day: date) -> TeamPeriod | None:
        """The period of an owner that a day lies in; None for who is in no list."""
        before = [one for one in self.team_periods.get(str(owner), []) if one.since is None or one.since <= day]
        return before[-1] if before else None

    def team_on(self, owner: object, day: date) -> str | None:
        """The team that sums show a day's figures of an owner under."""
        period = self.team_period(owner, day)
        return None if period is None else period.team

    def team_seen(self, owner: object, day: date) -> str | None:
        """The same where it was seen and is not only assumed."""
        period = self.team_period(owner, day)
        return None if period is None or period.since is None else period.team

    @cached_property
    def test_contacts(self) -> set[str]:
        rows = self.company.contacts
        return set(rows.loc[rows["is_test"].to_numpy(dtype=bool), "contact_id"])

    @cached_property
    def test_accounts(self) -> set[str]:
        rows = self.company.accounts
        return set(rows.loc[rows["domain"] == "aldergate.example", "account_id"])

    @cached_property
    def dim_merged_records(self) -> pd.DataFrame:
        """One row per record that another took over."""
        records = [
            {
                "object": "account" if kind == "company" else kind,
                "record_key": key_of(old),
                "survivor_key": key_of(end),
                "merged_at": at,
            }
            for (kind, old), (end, at) in self.merged.items()
        ]
        return table(records, "object record_key survivor_key merged_at")

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
    def _origins(self) -> dict[str, dict[Hashable, Any]]:
        """Survivor -> the earliest of the contacts merged into it that had been read and says where it came from."""
        contacts = self.company.contacts.set_index("contact_id", drop=False)
        merges = self.company.merges
        merges = merges.loc[(merges["object"] == "contact") & (merges["at"] < self.moment.now)]
        found: dict[str, dict[Hashable, Any]] = {}
        for old, at in zip(merges["merged_id"], merges["at"], strict=True):
            row = contacts.loc[old].to_dict()
            survivor = str(self.surviving("contact", old))
            earlier = survivor not in found or row["created_at"] < found[survivor]["created_at"]
            says = text_of(row["lead_source"]) or text_of(row["source_label"])
            if says and earlier and self.last_read(row["created_at"], at) is not None:
                found[survivor] = row
        return found

    @cached_property
    def leads(self) -> pd.DataFrame:
        """One row per lead without what its deals tell."""
        owners = self.latest("contact", "owner_id", self.end)
        campaign_names = set(self.company.campaigns["name"])
        lifecycles = self.latest("contact", "lifecycle", self.end)
        statuses = self.history("contact", "lead_status", self.end)
        records = []
        for row in self.contacts_existing.to_dict("records"):
            lead = row["contact_id"]
            visits = self.lead_visits[lead]
            exit_visit = visits[-1] if visits and visits[-1].order >= EXIT else None
            deleted = self.deleted.get(("contact", lead))
            reason = "deleted" if deleted is not None else "test" if row["is_test"] else None
            if reason is None and exit_visit is not None and exit_visit.stage in NO_LEADS:
                reason = exit_visit.stage
            # Nobody is merged into somebody younger, so what a survivor says of itself is the earliest.
            says = text_of(row["lead_source"]) or text_of(row["source_label"])
            origin = row if says else self._origins.get(lead, row)
            own = text_of(origin["lead_source"])
            email = text_of(row["email"])
            detail = text_of(origin["source_detail"])
            paid = origin["true_channel"] in PAID and detail in campaign_names
            record = {
                "lead_key": key_of(lead),
                "person_key": email.lower() if email else key_of(lead),
                "contact_key": key_of(lead),
                "account_key": key_of(self.surviving("company", row["account_id"])),
                "owner_key": key_of(owners.get(lead)),
                "campaign_key": f"{PLATFORM}:{origin['true_campaign_id']}" if paid else None,
                "lead_id": lead,
                "channel": origin["true_channel"],
                "source_label": own or text_of(origin["source_label"]),
                "source_detail": detail,
                "lifecycle_stage": LIFECYCLE[str(lifecycles[lead])],
                "temperature": TEMPERATURE.get(str(row["purchase_timeframe"])),
                "exit_reason": exit_visit.stage if exit_visit else None,
                "exit_label": next(value for at, value, _ in statuses[lead] if at == exit_visit.entered_at)
                if exit_visit
                else None,
                "episodes": 1 + sum(a.order >= EXIT > b.order for a, b in pairwise(visits)),
                "disqualifications": sum(visit.stage in {"disqualified", *NO_LEADS} for visit in visits),
                "recycles": sum(visit.stage == "recycled" for visit in visits),
                "episode_started_at": [
                    b.entered_at
                    for a, b in zip([None, *visits], visits, strict=False)
                    if a is None or a.order >= EXIT > b.order
                ][-1],
                "exclusion_reason": reason,
                "history_basis": "field_history",
                "is_excluded": reason is not None,
                "is_deleted": deleted is not None,
                "is_imported": self.is_brought(row["created_at"]),
                "created_date": self.day(row["created_at"]),
                "created_at": row["created_at"],
                "exited_at": exit_visit.entered_at if exit_visit else None,
            }
            for stage in ("mql", "sql_lead", "opportunity", "customer"):
                reached = [v.entered_at for v in visits if LEAD_STAGES[stage] <= v.order < EXIT]
                record[f"is_{stage}"] = bool(reached)
                record[f"{stage}_at"] = reached[0] if reached else None
            records.append(record)
        return table(
            records,
            "lead_id lead_key contact_key person_key account_key owner_key campaign_key channel exclusion_reason "
            "is_deleted is_excluded is_imported created_at",
        )

    @cached_property
    def fct_lead_stages(self) -> pd.DataFrame:
        """One row per lead and visit."""
        records = [
            {
                "lead_key": key_of(lead),
                "visit_no": number,
                "stage": visit.stage,
                "stage_order": visit.order,
                "direction": visit.direction,
                "days_in_stage": days_between(
                    visit.entered_at, self.end if visit.exited_at is None else visit.exited_at
                ),
                "is_open": visit.exited_at is None,
                "entered_at": visit.entered_at,
                "exited_at": visit.exited_at,
            }
            for lead, visits in self.lead_visits.items()
            for number, visit in enumerate(visits, start=1)
        ]
        return pd.DataFrame.from_records(records)

    @cached_property
    def dim_owners(self) -> pd.DataFrame:
        """One row per owner. HubSpot tells queues from people; which user is an integration the company says."""
        rows = self.company.owners
        rows = rows.loc[rows["active_from"] < self.end]
        name = rows["first_name"] + " " + rows["last_name"]
        active = ~(rows["left_at"] < self.end)
        kind = rows["kind"]
        keys = SOURCE + ":" + rows["owner_id"]
        return pd.DataFrame(
            {
                "owner_key": keys,
                "owner_id": rows["owner_id"],
                "owner_name": name,
                "email": rows["email"],
                "team": [self.team_seen(owner, self.moment.as_of) for owner in keys],
                "kind": kind,
                "rollup_owner_name": name.where(active & (kind == "person"), "Unassigned"),
                "is_active": active,
            }
        )

    @cached_property
    def dim_accounts(self) -> pd.DataFrame:
        """One row per account, which keep no history: the name is as known now and the owner as told for the day."""
        rows = self.existing(self.company.accounts, "company", "account_id")
        names = self.latest("company", "name", self.moment.now)
        until = {i: self.told_until(at) for i, at in zip(rows["account_id"], rows["created_at"], strict=True)}
        owners_at = {at: self.latest("company", "owner_id", at) for at in set(until.values()) if at is not None}
        owners = {i: owners_at[at].get(i) for i, at in until.items() if at is not None}
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
                "owner_key": [key_of(owners.get(i)) for i in ids],
                "parent_account_key": [
                    key_of(self.surviving("company", parent)) for parent in rows["parent_account_id"]
                ],
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
        # What is no lead is a contact still.
        reason = leads["exclusion_reason"].where(~leads["exclusion_reason"].isin(NO_LEADS), None)
        return pd.DataFrame(
            {
                **{name: leads[name] for name in ("contact_key", "person_key", "account_key", "owner_key")},
                "contact_id": rows["contact_id"],
                "visitor_id": rows["visitor_id"],
                "full_name": rows["first_name"] + " " + rows["last_name"],
                "email": rows["email"].str.lower(),
                "country": rows["country"],
                "job_title": rows["job_title"],
                "exclusion_reason": reason,
                "is_excluded": reason.notna(),
                **{name: leads[name] for name in ("is_deleted", "created_at")},
                "deleted_at": [self.deleted.get(("contact", i)) for i in rows["contact_id"]],
            }
        )


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


COMPARISONS = [
    Comparison(
        "dim_owners", ("owner_key",),
        measures(text="owner_id owner_name email team kind rollup_owner_name", flag="is_active"),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_accounts", ("account_key",),
        measures(
            text="owner_key parent_account_key account_id account_name domain industry country segment "
            "exclusion_reason",
            count="employee_count", flag="is_deleted is_excluded", time="created_at deleted_at",
        ),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_merged_records", ("object", "record_key"),
        measures(text="survivor_key", time="merged_at"),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_contacts", ("contact_key",),
        measures(
            text="person_key account_key owner_key contact_id visitor_id full_name email country job_title "
            "exclusion_reason",
            flag="is_deleted is_excluded", time="created_at deleted_at",
        ),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "fct_lead_stages", ("lead_key", "visit_no"),
        measures(
            text="stage direction", count="stage_order", number="days_in_stage", flag="is_open",
            time="entered_at exited_at",
        ),
    ),
]  # fmt: skip
