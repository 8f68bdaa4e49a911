"""Deals with their visits to stages, and what leads became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import (
    BULK,
    DEAL_STAGES,
    EXIT,
    SOURCE,
    Visit,
    absent,
    column,
    days_between,
    directed,
    key_of,
    rounded,
    table,
    text_of,
)
from simulator.truth.people import People

LOSSES = {
    "Price": "price", "No decision": "no_decision", "Competitor": "competitor", "No budget": "no_budget",
    "Missing feature": "product_gap", "Timing": "timing", "Champion left": "no_contact", "Entered twice": "duplicate",
}  # fmt: skip


def _close_day_flag(status: str, stated: date | None, event: date | None, today: date) -> str | None:
    """How the CRM's close date deviates from the day on which the deal went to its outcome."""
    if status == "open" or stated is None:
        return None
    if status == "won" and stated > today:
        return "future_dated"
    if event is None or stated == event:
        return None
    return "back_dated" if stated < event else "dated_later"


class Deals(People):
    """What was sold, or may be."""

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
    def lines_of_deals(self) -> dict[str, list[dict[str, Any]]]:
        """deal -> its lines at the end of the day, in the order of their ids.

        To a deal that lay deleted when its links were read the vendor links nothing, so its lines are unknown.
        """
        values = {name: self.latest("line_item", name, self.end) for name in ("quantity", "price", "amount", "outcome")}
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        rows = self.company.line_items
        rows = rows.loc[rows["created_at"] < self.end].sort_values("line_item_id", kind="stable")
        for row in rows.to_dict("records"):
            line = row["line_item_id"]
            deal = self.surviving("deal", row["deal_id"])
            if deal is None or deal in self.deals_gone or ("line_item", line) in self.deleted:
                continue
            told = {name: values[name].get(line) for name in values}
            found[deal].append(
                {
                    "line_item_id": line,
                    "product_key": key_of(row["product_id"]),
                    "line_name": text_of(row["name"]),
                    "billing_frequency": text_of(row["billing_frequency"]) or "one_time",
                    "quantity": None if told["quantity"] is None else Decimal(told["quantity"]),
                    "unit_price": None if told["price"] is None else Decimal(told["price"]),
                    "amount": None if told["amount"] is None else rounded(Decimal(told["amount"]), 2),
                    "is_in_deal_amount": told["outcome"] != "lost",
                }
            )
        return found

    def _paid_once(self, deal: str) -> Decimal | None:
        """What the lines that were ordered say is paid once; None where none was."""
        ordered = [line for line in self.lines_of_deals.get(deal, []) if line["is_in_deal_amount"]]
        once = [line["amount"] for line in ordered if line["billing_frequency"] == "one_time"]
        return sum(once, Decimal("0.00")) if ordered and None not in once else None

    def paid_once_as_said(self, system: str) -> pd.DataFrame:
        """One row per deal of which a CRM with a field for it is told what is paid once; it goes before the lines."""
        said = dict(zip(self.company.deals["deal_id"], self.company.deals["said_paid_once"], strict=True))
        records = []
        for deal in self.fct_deals.to_dict("records"):
            if absent(said[deal["deal_id"]]) or deal["is_deleted"]:
                continue
            once, day = Decimal(said[deal["deal_id"]]), deal["close_day"] or self.moment.as_of
            records.append(
                {
                    "deal_key": f"{system}:{deal['deal_id']}",
                    "one_time_amount": once,
                    "one_time_amount_reporting": rounded(once * self.rate(deal["currency"], day, "daily"), 2),
                    "one_time_amount_plan_rate": rounded(once * self.rate(deal["currency"], day, "plan"), 2),
                }
            )
        return table(records, "deal_key")

    @cached_property
    def fct_deals(self) -> pd.DataFrame:
        """One row per deal."""
        values = {
            name: self.latest("deal", name, self.end)
            for name in (
                *("owner_id", "currency", "amount", "tcv", "acv", "arr", "close_date", "forecast_category"),
                *("next_step", "lost_reason"),
            )
        }
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
            # A date that somebody stated has no hour.
            by_date = self.moment.close_day == "crm_close_date" and close_date is not None
            currency = values["currency"].get(deal_id)
            moneys: dict[str, Decimal | None] = {
                name: rounded(Decimal(text), 2) if (text := values[name].get(deal_id)) else None
                for name in ("amount", "tcv", "acv", "arr")
            }
            moneys["one_time_amount"] = self._paid_once(deal_id)
            rate_day = close_day or self.moment.as_of
            contact = self.primary_contact.get(deal_id)
            contact = contact if contact in channel_of else None
            account = self.surviving("company", deal["account_id"])
            pushed = self._pushes(dates.get(deal_id, []), visits)
            deleted = self.deleted.get(("deal", deal_id))
            is_test = (
                self.purpose_of[pipeline] == "test" or contact in self.test_contacts or account in self.test_accounts
            )
            gone = "merged" if deal_id in self.deals_merged else "deleted"
            lost_reason = values["lost_reason"].get(deal_id) if status == "lost" else None
            loss_reason = LOSSES.get(lost_reason, "unmapped") if lost_reason else None
            double = "duplicate" if loss_reason == "duplicate" else None
            reason = gone if deleted is not None else "test" if is_test else double
            zero_day = status == "won" and close_day == self.day(created)
            age = self._days_until(
                created, closed_at if closed_at is not None else self.end, close_day if by_date else None
            )
            qualified = next((visit.entered_at for visit in visits if 2 <= visit.order < EXIT), None)
            reject = None
            if status == "won":
                reject = "imported" if deal["is_imported"] else "zero_day" if zero_day else None
                reject = "closed_before_created" if age < 0 else reject
            counts = status == "won" and reject is None
            worked = None
            if counts and qualified is not None and closed_at is not None:
                worked = self._days_until(qualified, closed_at, close_day if by_date else None)
            records.append(
                {
                    "deal_key": key_of(deal_id),
                    "account_key": key_of(account),
                    "contact_key": key_of(contact),
                    "lead_key": key_of(contact),
                    "owner_key": key_of(values["owner_id"].get(deal_id)),
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
                    "deal_type": text_of(deal["deal_type"]),
                    "segment": segment.get(key_of(account), "unknown"),
                    "channel": channel_of[contact] if contact else "unattributed",
                    "currency": currency,
                    "forecast_category": values["forecast_category"].get(deal_id),
                    "next_step": values["next_step"].get(deal_id),
                    "lost_reason": lost_reason,
                    "loss_reason": loss_reason,
                    "exclusion_reason": reason,
                    "history_basis": "field_history",
                    **moneys,
                    **{
                        f"{name}_{at}": rounded(money * self.rate(currency, rate_day, kind), 2)
                        if money is not None and currency
                        else None
                        for name, money in moneys.items()
                        for at, kind in (("reporting", "daily"), ("plan_rate", "plan"))
                    },
                    "win_probability": rounded(chance, 6),
                    "pushes": len(pushed),
                    "pushed_days": sum(days for _, days in pushed),
                    "reopens": sum(
                        before.stage in ("won", "lost") and after.stage not in ("won", "lost")
                        for before, after in pairwise(visits)
                    ),
                    "close_day_flag": _close_day_flag(status, close_date, stage_close, self.moment.as_of),
                    "close_day_gap_days": (close_date - stage_close).days if close_date and stage_close else None,
                    "backward_moves": sum(visit.direction == "backward" for visit in visits),
                    "cycle_reject_reason": reject,
                    "cycle_days": age if counts else None,
                    "cycle_days_from_qualified": None if worked is None or worked < 0 else worked,
                    "age_days": age,
                    "is_excluded": reason is not None,
                    "is_deleted": deleted is not None,
                    "is_zero_day_win": zero_day,
                    "is_imported": deal["is_imported"],
                    "is_qualified": any(2 <= visit.order < EXIT for visit in visits),
                    "created_date": self.day(created),
                    "close_date": close_date,
                    "stage_close_date": stage_close,
                    "close_day": close_day,
                    "created_at": created,
                    "closed_at": closed_at,
                    "close_event_at": None if by_date else closed_at,
                    "deleted_at": deleted,
                }
            )
        sold: dict[str | None, dict[str, Any]] = {}
        for row in sorted(records, key=lambda row: (row["close_day"] or date.max, row["created_at"], row["deal_key"])):
            if row["status"] == "won" and row["pipeline_purpose"] == "new_business" and not row["is_excluded"]:
                sold.setdefault(row["account_key"], row)
        for row in records:
            first = sold.get(row["account_key"]) if row["account_key"] else None
            before = first is not None and first["close_day"] <= row["created_date"]
            follows = before and row["pipeline_purpose"] in ("renewal", "upsell")
            row["original_deal_key"] = first["deal_key"] if first is not None and follows else None
        return table(
            records, "deal_key contact_key lead_key pipeline_purpose status is_excluded amount_reporting created_at"
        )

    def _days_until(self, begin: pd.Timestamp, end: pd.Timestamp, date_stated: date | None) -> Decimal:
        """The days to a moment, or to a date that somebody stated, which are whole ones."""
        return days_between(begin, end) if date_stated is None else Decimal((date_stated - self.day(begin)).days)

    @staticmethod
    def _pushes(
        changes: list[tuple[pd.Timestamp, str | None, str | None]], visits: list[Visit]
    ) -> list[tuple[pd.Timestamp, int]]:
        """When each push moved the close date, and by how many days."""
        found = []
        before: str | None = None
        for at, after, _ in changes:
            if after is None:
                continue
            current = [visit for visit in visits if visit.entered_at <= at][-1:]
            if before is not None and after > before and current and current[0].stage not in ("won", "lost"):
                found.append((at, (date.fromisoformat(after) - date.fromisoformat(before)).days))
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

        def is_bulk(visit: Visit) -> bool:
            return len(together.get((int(visit.entered_at.timestamp()), visit.user_id or ""), set())) >= BULK

        records = []
        for deal, visits in self.deal_visits.items():
            for number, visit in enumerate(visits, start=1):
                holding = [value for at, value, _ in owners.get(deal, []) if at <= visit.entered_at]
                is_open = visit.exited_at is None
                records.append(
                    {
                        "deal_key": key_of(deal),
                        "visit_no": number,
                        "owner_key": key_of(holding[-1]) if holding else None,
                        "stage_key": f"{SOURCE}:deal:{visit.pipeline_id}:{visit.stage_id}",
                        "pipeline_id": visit.pipeline_id,
                        "stage_label": self.stage_of[visit.stage_id][1],
                        "stage": visit.stage,
                        "history_basis": "field_history",
                        "direction": visit.direction,
                        "stage_order": visit.order,
                        "days_in_stage": days_between(
                            visit.entered_at, self.end if visit.exited_at is None else visit.exited_at
                        ),
                        "is_open": is_open,
                        "is_completed": not is_open,
                        "is_bulk_update": is_bulk(visit),
                        "is_in_velocity": not any(is_bulk(one) for one in visits[number - 1 : number + 1]),
                        "entered_at": visit.entered_at,
                        "exited_at": visit.exited_at,
                    }
                )
        return table(records, "deal_key visit_no stage_key is_bulk_update entered_at")

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

    @cached_property
    def fct_leads(self) -> pd.DataFrame:
        """One row per lead with its deals counted."""
        deals = self.fct_deals
        deals = deals.loc[~deals["is_excluded"] & deals["contact_key"].notna()].sort_values("created_at", kind="stable")
        first: dict[str, str] = {}
        count: dict[str, int] = {}
        wins: dict[str, int] = {}
        amount: dict[str, Decimal] = {}
        unknown: dict[str, int] = {}
        for key, deal_key, status, money in zip(
            deals["contact_key"], deals["deal_key"], deals["status"], deals["amount_reporting"], strict=True
        ):
            first.setdefault(key, deal_key)
            count[key] = count.get(key, 0) + 1
            if status == "won":
                wins[key] = wins.get(key, 0) + 1
                unknown[key] = unknown.get(key, 0) + absent(money)
                amount[key] = amount.get(key, Decimal("0.00")) + (money or Decimal(0))
        leads = self.leads.copy()
        leads["recycled_from_lead_key"] = column(self._recycled(leads, self.fct_deals))
        leads["first_deal_key"] = [first.get(key) for key in leads["contact_key"]]
        leads["deals_count"] = [count.get(key, 0) for key in leads["contact_key"]]
        leads["won_deals_count"] = [wins.get(key, 0) for key in leads["contact_key"]]
        leads["won_deals_without_amount"] = [unknown.get(key, 0) for key in leads["contact_key"]]
        leads["won_amount_reporting"] = column(amount.get(key, Decimal("0.00")) for key in leads["contact_key"])
        # What a migration brought, and what it brought along, happened nobody knows when.
        reached = ("mql_at", "sql_lead_at", "opportunity_at", "customer_at")
        for name in ("created_date", "created_at", "exited_at", "episode_started_at", *reached):
            leads[name] = column(
                None
                if brought and (name.startswith("created") or absent(value) or value < self.brought_until)
                else value
                for brought, value in zip(leads["is_imported"], leads[name], strict=True)
            )
        return leads

    def _recycled(self, leads: pd.DataFrame, deals: pd.DataFrame) -> list[str | None]:
        """Per lead the last earlier record of the person that had been given up by then; None for none."""
        by_person: dict[str, list[dict[Hashable, Any]]] = {}
        for lead in leads.to_dict("records"):
            by_person.setdefault(lead["person_key"], []).append(lead)
        again = {lead["lead_key"] for found in by_person.values() if len(found) > 1 for lead in found}
        deals = deals.loc[~deals["is_excluded"].astype(bool) & deals["lead_key"].isin(list(again))]
        own: dict[str, list[dict[Hashable, Any]]] = {}
        for deal in deals.to_dict("records"):
            own.setdefault(deal["lead_key"], []).append(deal)

        def given_up(lead: dict[Hashable, Any], at: pd.Timestamp) -> bool:
            visits = [visit for visit in self.lead_visits[lead["lead_id"]] if visit.entered_at <= at]
            begun = [deal for deal in own.get(lead["lead_key"], []) if deal["created_at"] <= at]
            lost = [deal for deal in begun if deal["status"] == "lost" and deal["closed_at"] <= at]
            return bool(visits and visits[-1].order >= EXIT) or (bool(begun) and len(lost) == len(begun))

        found: list[str | None] = []
        for lead in leads.to_dict("records"):
            at = lead["created_at"]
            before = [
                one
                for one in by_person[lead["person_key"]]
                if one["created_at"] < at and not one["is_excluded"] and given_up(one, at) and not lead["is_imported"]
            ]
            last = max(before, key=lambda one: (one["created_at"], one["lead_key"]), default=None)
            found.append(None if last is None else str(last["lead_key"]))
        return found


COMPARISONS = [
    Comparison(
        "dim_stages", ("stage_key",),
        measures(
            text="pipeline_id pipeline_label pipeline_purpose stage_id stage_label stage", count="stage_order",
            number="win_probability", flag="is_won is_lost is_mapped",
        ),
        "object = 'deal' and source_system = 'hubspot'",
    ),
    Comparison(
        "fct_leads", ("lead_key",),
        measures(
            text="person_key contact_key account_key owner_key campaign_key first_deal_key "
            "recycled_from_lead_key lead_id channel "
            "source_label source_detail lifecycle_stage temperature exit_reason exit_label exclusion_reason "
            "history_basis",
            money="won_amount_reporting",
            count="deals_count won_deals_count won_deals_without_amount episodes disqualifications recycles",
            flag="is_mql is_sql_lead is_opportunity is_customer is_excluded is_deleted is_imported",
            day="created_date",
            time="created_at mql_at sql_lead_at opportunity_at customer_at exited_at episode_started_at",
        ),
    ),
    Comparison(
        "fct_deals", ("deal_key",),
        measures(
            text="account_key contact_key lead_key owner_key campaign_key stage_key original_deal_key deal_id "
            "deal_name pipeline_id pipeline_label pipeline_purpose stage_label stage status deal_type segment channel "
            "currency forecast_category next_step lost_reason loss_reason exclusion_reason history_basis "
            "close_day_flag cycle_reject_reason",
            money=" ".join(
                f"{money} {money}_reporting {money}_plan_rate"
                for money in ("amount", "tcv", "acv", "arr", "one_time_amount")
            ),
            number="win_probability cycle_days cycle_days_from_qualified age_days",
            count="pushes pushed_days reopens backward_moves close_day_gap_days",
            flag="is_excluded is_deleted is_zero_day_win is_qualified is_imported",
            day="created_date close_date stage_close_date close_day",
            time="created_at closed_at close_event_at deleted_at",
        ),
    ),
    Comparison(
        "fct_deal_stage_visits", ("deal_key", "visit_no"),
        measures(
            text="owner_key stage_key pipeline_id stage_label stage history_basis direction", count="stage_order",
            number="days_in_stage", flag="is_open is_completed is_bulk_update is_in_velocity",
            time="entered_at exited_at",
        ),
    ),
]  # fmt: skip
