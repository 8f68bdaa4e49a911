"""Files that people export: the finance department's lists, and the same company out of another CRM ("Kontor").

What belongs here: column names, words, date orders, decimal signs and encodings of exported files. What does not:
reading them. A CRM export knows the present and the moves between stages; it lacks deleted and merged records, the
history of amounts and close dates, and web sessions. Merged records' references name the survivor.

    finance/  targets, rates, budgets, holidays, addressable_accounts, contracts, feedback, deal_splits,
              forecast_submissions: UTF-8, ';', d.m.Y, decimal comma
    export/   owners.csv        UTF-8, ';', moments d.m.Y H:M:S.mmm in UTC
              accounts.csv      Windows-1252, ';', thousands point, moments in UTC
              contacts.csv      Windows-1252, ';', moments in UTC
              leads.csv         Windows-1252, ';', local moments with their offset (an hour in autumn occurs twice)
              deals.xlsx        real date and number cells, moments in UTC
              products.csv      UTF-8, ';', decimal comma, moments in UTC
              line_items.csv    UTF-8, ';', decimal comma, moments in UTC
              deal_splits.csv   UTF-8, ';', decimal comma, days
              stage_changes.csv UTF-8, ';', local moments with their offset
              activities.csv    Windows-1252, ';', local moments with their offset, decimal comma
              ad_days.csv       UTF-8, ',', m/d/Y, thousands comma, decimal point
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from simulator import fold
from simulator.company import Company
from simulator.fiscal import fiscal_periods
from simulator.fold import texts
from simulator.google_ads import reported_days
from simulator.links import as_linked
from simulator.people import placed

ZONE = ZoneInfo("Europe/Prague")

LIFECYCLE = {
    "subscriber": "Newsletter",
    "lead": "Interested",
    "marketingqualifiedlead": "Warmed up",
    "salesqualifiedlead": "Handed to sales",
    "opportunity": "Negotiating",
    "customer": "Buyer",
    "evangelist": "Buyer who recommends",
    "other": "Other",
}
# A lead status that takes the lead off its path; Kontor keeps one phase for both.
EXITS = {"UNQUALIFIED": "Dropped", "RECYCLED": "Worked again", "DUPLICATE": "There already", "SPAM": "Rubbish"}
ORIGINS = {
    "ORGANIC_SEARCH": "Search engine",
    "PAID_SEARCH": "Search ad",
    "EMAIL_MARKETING": "Mailing",
    "SOCIAL_MEDIA": "Social network",
    "PAID_SOCIAL": "Social ad",
    "REFERRALS": "Link from a site",
    "AI_REFERRALS": "AI assistant",
    "OTHER_CAMPAIGNS": "Other campaign",
    "DIRECT_TRAFFIC": "Typed address",
    "OFFLINE": "Entered by hand",
}
ROLES = {"Inside Sales": "Development", "Marketing": "Marketer"}
KINDS = {"meeting": "Visit", "call": "Phone call", "email": "Mail", "task": "To do"}
OWNER_KINDS = {"person": "Person", "queue": "Queue", "integration": "Robot"}
DEAL_PHASES = {
    "prospecting": "First contact",
    "qualification": "Need checked",
    "meeting": "Appointment",
    "proposal": "Offer out",
    "negotiation": "Terms",
    "closing": "Signature",
    "won": "Order",
    "lost": "Gone",
}
BILLING = {"annually": "per year", "monthly": "per month", None: "once"}

Row = Sequence[Any]


def write_finance(company: Company, now: datetime, folder: Path) -> list[Path]:
    """Plans up to the end of the year (the next one's from December on), rates up to yesterday; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = fold.aware(now).astimezone(ZONE)
    planned = (moment + timedelta(days=31)).year
    targets = company.targets[_year(company.targets["period_start"]) <= planned]
    budgets = company.budgets[_year(company.budgets["period_start"]) <= planned]
    holidays = company.holidays[_year(company.holidays["holiday_date"]) <= planned]
    rates = company.rates
    days = pd.to_datetime(rates["rate_date"])
    is_plan = rates["kind"] == "plan"
    rates = rates[(is_plan & (days.dt.year <= planned)) | (~is_plan & (days < pd.Timestamp(moment.date())))]
    files = [
        _csv(folder / "targets.csv", *_plain(targets, {"period_start": _day, "amount": _money})),
        _csv(folder / "rates.csv", *_plain(rates, {"rate_date": _day, "rate_to_reporting": _comma})),
        _csv(folder / "budgets.csv", *_plain(budgets, {"period_start": _day, "amount": _money})),
        _csv(folder / "holidays.csv", *_plain(holidays, {"holiday_date": _day})),
        _csv(folder / "fiscal_periods.csv", *_plain(fiscal_periods(), {"period_start": _day, "period_end": _day})),
        _csv(folder / "addressable_accounts.csv", *_plain(company.addressable_accounts, {})),
        _csv(folder / "feedback.csv", *_plain(_answered(company, moment), {"answered_date": _day})),
        _csv(folder / "forecast_submissions.csv", *_plain(_submitted(company, moment), _SUBMISSION_CELLS)),
        _csv(folder / "contracts.csv", *_plain(_signed(company, moment), _CONTRACT_CELLS)),
        _csv(folder / "deal_splits.csv", *_plain(_noted(company, moment), {"valid_from": _day})),
    ]
    return [path for path in files if path is not None]


def _answered(company: Company, moment: datetime) -> pd.DataFrame:
    """Answers that the survey tool was given on earlier days."""
    rows = company.feedback[company.feedback["answered_date"] < pd.Timestamp(moment.date())]
    return rows.loc[rows["contact_id"].isna(), ["feedback_id", "kind", "score", "account_id", "answered_date"]]


def _submitted(company: Company, moment: datetime) -> pd.DataFrame:
    """Calls of earlier days."""
    return company.forecast_submissions[company.forecast_submissions["submitted_on"] < pd.Timestamp(moment.date())]


def _signed(company: Company, moment: datetime) -> pd.DataFrame:
    """Contracts that were signed before the day, and the notices that were given."""
    today = pd.Timestamp(moment.date())
    contracts = company.contracts[company.contracts["signed_date"] < today]
    return contracts.assign(notice_date=contracts["notice_date"].where(contracts["notice_date"] < today))


def _noted(company: Company, moment: datetime) -> pd.DataFrame:
    """What finance has noted of earlier days: overlay credit, and splits that the CRM does not know."""
    rows = company.deal_splits[company.deal_splits["noted_in"] == "finance"]
    days = _days(rows)
    rows = rows.assign(valid_from=days, percent=[_percent(share) for share in texts(rows["share"])])
    rows = rows[days < pd.Timestamp(moment.date())]
    return rows[["deal_id", "owner_id", "kind", "percent", "valid_from"]]


def _days(splits: pd.DataFrame) -> "pd.Series[Any]":
    """The company's own day of each agreement."""
    local = pd.DatetimeIndex(splits["agreed_at"]).tz_localize("UTC").tz_convert(ZONE).tz_localize(None)
    return pd.Series(local.normalize(), index=splits.index)


def _percent(share: str | None) -> str:
    return _comma(f"{(Decimal(str(share)) * 100).normalize():f}")


def write_export(company: Company, now: datetime, folder: Path) -> list[Path]:
    """The CRM's export as it stands at `now`; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    state = _State(company, now)
    files = [
        _csv(folder / "owners.csv", *_owners(state)),
        _csv(folder / "accounts.csv", *_accounts(state), encoding="cp1252"),
        _csv(folder / "contacts.csv", *_contacts(state), encoding="cp1252"),
        _csv(folder / "leads.csv", *_leads(state), encoding="cp1252"),
        _workbook(folder / "deals.xlsx", "Deals", *_deals(state)),
        _csv(folder / "products.csv", *_products(state)),
        _csv(folder / "line_items.csv", *_line_items(state)),
        _csv(folder / "deal_splits.csv", *_deal_splits(state)),
        _csv(folder / "stage_changes.csv", *_stage_changes(state)),
        _csv(folder / "activities.csv", *_activities(state), encoding="cp1252"),
        _csv(folder / "ad_days.csv", *_ad_days(state), delimiter=","),
    ]
    return [path for path in files if path is not None]


# ------------------------------------------------------------------------------------------------- the CRM's export


class _State:
    """The company at one moment, as every file of the export needs it."""

    def __init__(self, company: Company, now: datetime) -> None:
        self.now, self.moment = now, fold.naive(now)
        self.company = as_linked(company, self.moment)
        self.survivors = fold.survivors(company, now)
        self.gone = {
            kind: {record_id for record_id, (_, restored) in found.items() if restored is None}
            for kind, found in fold.deletions(company, now).items()
        }
        self.people = fold.current(company, now, "contact")
        self.firms = fold.current(company, now, "company")
        self.deals = fold.current(company, now, "deal")
        self.phases = phases_of_deals(company)
        self.timelines = _timelines(company, now)

    def held(self, table: pd.DataFrame, key: str, kind: str) -> pd.DataFrame:
        """Records that exist: created before now, neither deleted nor merged away."""
        ids = table[key].astype(str)
        absent = self.gone.get(kind, set()) | set(self.survivors.get(kind, {}))
        return table[(table["created_at"] < self.moment) & ~ids.isin(list(absent))]

    def now_called(self, kind: str, ids: Iterable[str | None]) -> list[str | None]:
        """References with survivors in the place of merged records."""
        alias = self.survivors.get(kind, {})
        return [i if i is None else alias.get(i, i) for i in ids]


def phases_of_deals(company: Company) -> dict[tuple[str, str], str]:
    """(pipeline id, stage id) -> Kontor's phase: the pipeline's initial, the stage's number and a word of its own."""
    processes = dict(zip(texts(company.pipelines["pipeline_id"]), processes_of_deals(company).values(), strict=True))
    found = {}
    for pipeline, stage, label, order, true_stage in zip(
        texts(company.stages["pipeline_id"]),
        texts(company.stages["stage_id"]),
        texts(company.stages["label"]),
        company.stages["display_order"].tolist(),
        texts(company.stages["true_stage"]),
        strict=True,
    ):
        word = DEAL_PHASES.get(str(true_stage), str(label))
        found[str(pipeline), str(stage)] = f"{str(processes[pipeline])[:1]}{int(order)} {word}"
    return found


def processes_of_deals(company: Company) -> dict[str, str]:
    """Pipeline id -> Kontor's name of the process."""
    words = {
        "new_business": "Acquisition",
        "renewal": "Renewing",
        "upsell": "Extension",
        "onboarding": "Start-up",
        "test": "Trial runs",
    }
    return {
        str(pipeline): words.get(str(purpose), str(label))
        for pipeline, purpose, label in zip(
            texts(company.pipelines["pipeline_id"]),
            texts(company.pipelines["purpose"]),
            texts(company.pipelines["label"]),
            strict=True,
        )
    }


def _timelines(company: Company, now: datetime) -> dict[str, list[tuple[pd.Timestamp, str]]]:
    """Contact -> its phases in order: the lifecycle, an exit while the status says so, and the way back from it."""
    rows = fold.changes(company, now, "contact")
    rows = rows[rows["field"].isin(["lifecycle", "lead_status"])]
    found: dict[str, list[tuple[pd.Timestamp, str]]] = {}
    lifecycle: dict[str, str] = {}
    exited: set[str] = set()
    for contact, name, value, at in zip(
        texts(rows["record_id"]), texts(rows["field"]), texts(rows["value"]), rows["at"].tolist(), strict=True
    ):
        contact = str(contact)
        phase: str | None = None
        if name == "lifecycle" and value:
            phase = lifecycle[contact] = LIFECYCLE.get(value, value)
        elif name == "lead_status" and value in EXITS:
            phase = EXITS[value]
            exited.add(contact)
        elif name == "lead_status" and contact in exited:
            phase = lifecycle.get(contact)
            exited.discard(contact)
        timeline = found.setdefault(contact, [])
        if phase is not None and (not timeline or timeline[-1][1] != phase):
            timeline.append((pd.Timestamp(at), phase))
    return found


def _owners(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.company.owners[state.company.owners["active_from"] < state.moment]
    rows = placed(rows, state.company.owner_moves, state.moment)
    names = [
        " ".join(part for part in pair if part)
        for pair in zip(texts(rows["first_name"]), texts(rows["last_name"]), strict=True)
    ]
    return ["Rep No", "Rep", "Mail", "Group", "Job", "Reports to", "Rep type", "Works here", "Since"], zip(
        texts(rows["owner_id"]),
        names,
        texts(rows["email"]),
        texts(rows["team"]),
        [team and ROLES.get(team, "Seller") for team in texts(rows["team"])],
        texts(rows["manager_id"]),
        [OWNER_KINDS[str(kind)] for kind in texts(rows["kind"])],
        ["no" if left else "yes" for left in (rows["left_at"] < state.moment).tolist()],
        _utc(rows["active_from"]),
        strict=True,
    )


def _accounts(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.held(state.company.accounts, "account_id", "companies")
    ids = [str(i) for i in texts(rows["account_id"])]
    employees = [None if n is None else f"{int(float(n)):,}".replace(",", ".") for n in texts(rows["employee_count"])]
    header = ["Firm No", "Firm", "Web domain", "Branch", "Land", "Staff", "Rep No", "Parent firm", "Entered on"]
    return header, zip(
        ids,
        [state.firms.get(i, {}).get("name") or name for i, name in zip(ids, texts(rows["name"]), strict=True)],
        texts(rows["domain"]),
        texts(rows["industry"]),
        texts(rows["country"]),
        employees,
        [state.firms.get(i, {}).get("owner_id", o) for i, o in zip(ids, texts(rows["owner_id"]), strict=True)],
        state.now_called("companies", texts(rows["parent_account_id"])),
        _utc(rows["created_at"]),
        strict=True,
    )


def _contacts(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.held(state.company.contacts, "contact_id", "contacts")
    ids = [str(i) for i in texts(rows["contact_id"])]
    header = ["Person No", "Person", "E-mail", "Firm No", "Rep No", "Path", "Origin", "Origin detail", "Web id"]
    header += ["Click id", "Land", "Position", "Wants to buy", "Entered on"]
    return header, zip(
        ids,
        _full_names(rows),
        texts(rows["email"]),
        state.now_called("companies", texts(rows["account_id"])),
        _rep_of_people(state, rows),
        [LIFECYCLE.get(v, v) if (v := state.people.get(i, {}).get("lifecycle")) else None for i in ids],
        _origins(rows),
        texts(rows["source_detail"]),
        texts(rows["visitor_id"]),
        texts(rows["gclid"]),
        texts(rows["country"]),
        texts(rows["job_title"]),
        texts(rows["purchase_timeframe"]),
        _utc(rows["created_at"]),
        strict=True,
    )


def _leads(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.held(state.company.contacts, "contact_id", "contacts")
    ids = [str(i) for i in texts(rows["contact_id"])]
    accounts = state.company.accounts
    names = dict(zip(texts(accounts["account_id"]), texts(accounts["name"]), strict=True))
    firms = state.now_called("companies", texts(rows["account_id"]))
    header = ["Lead No", "Person No", "Firm No", "Rep No", "Person", "E-mail", "Firm", "Origin", "Origin detail"]
    header += ["Phase", "Wants to buy", "Land", "Entered on"]
    return header, zip(
        ids,
        ids,
        firms,
        _rep_of_people(state, rows),
        _full_names(rows),
        texts(rows["email"]),
        [i and (state.firms.get(i, {}).get("name") or names.get(i)) for i in firms],
        _origins(rows),
        texts(rows["source_detail"]),
        [state.timelines[i][-1][1] if state.timelines.get(i) else None for i in ids],
        texts(rows["purchase_timeframe"]),
        texts(rows["country"]),
        _local(rows["created_at"].tolist()),
        strict=True,
    )


def _deals(state: _State) -> tuple[list[str], Iterable[Row]]:
    company = state.company
    rows = state.held(company.deals, "deal_id", "deals")
    ids = [str(i) for i in texts(rows["deal_id"])]
    values = [state.deals.get(i, {}) for i in ids]
    pipelines = [v.get("pipeline") or p for v, p in zip(values, texts(rows["pipeline_id"]), strict=True)]
    chance = {
        (str(pipeline), str(stage)): float(probability)
        for pipeline, stage, probability in zip(
            company.stages["pipeline_id"], company.stages["stage_id"], company.stages["probability"], strict=True
        )
    }
    places = [(str(pipeline), str(v.get("stage"))) for pipeline, v in zip(pipelines, values, strict=True)]
    processes = processes_of_deals(company)
    first = company.deal_contacts.sort_values("position", kind="stable").drop_duplicates("deal_id")
    primary = dict(zip(texts(first["deal_id"]), texts(first["contact_id"]), strict=True))
    header = ["Deal No", "Deal", "Firm No", "Person No", "Rep No", "Process", "Phase", "Value", "Contract", "Per year"]
    header += ["Recurring", "Set-up", "Curr.", "Expected on"]
    header += ["Sort", "Gone because", "Against", "Outlook", "Next step", "Chance", "Entered by", "Entered on"]
    rep_of = dict(zip(texts(company.owners["user_id"]), texts(company.owners["owner_id"]), strict=True))
    return header, zip(
        ids,
        [v.get("name") or name for v, name in zip(values, texts(rows["name"]), strict=True)],
        state.now_called("companies", texts(rows["account_id"])),
        state.now_called("contacts", [primary.get(i) for i in ids]),
        [v.get("owner_id") for v in values],
        [processes.get(str(pipeline)) for pipeline in pipelines],
        [state.phases.get(place) for place in places],
        *(
            [float(money) if (money := v.get(name)) else None for v in values]
            for name in ("amount", "tcv", "acv", "arr")
        ),
        [None if once is None else float(once) for once in texts(rows["said_paid_once"])],
        [v.get("currency") for v in values],
        [datetime.fromisoformat(day[:10]).date() if (day := v.get("close_date")) else None for v in values],
        texts(rows["deal_type"]),
        [v.get("lost_reason") for v in values],
        [v.get("competitor") for v in values],
        [v.get("forecast_category") for v in values],
        [v.get("next_step") for v in values],
        [chance.get(place) for place in places],
        [rep_of.get(user) for user in texts(rows["created_by"])],
        [pd.Timestamp(at).to_pydatetime() for at in rows["created_at"].tolist()],
        strict=True,
    )


def _products(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.held(state.company.products, "product_id", "products")
    return ["Item No", "Item", "Code", "Charged", "Price", "Entered on"], zip(
        texts(rows["product_id"]),
        texts(rows["name"]),
        texts(rows["sku"]),
        [BILLING[frequency] for frequency in texts(rows["billing_frequency"])],
        [_money(price) for price in rows["price"].tolist()],
        _utc(rows["created_at"]),
        strict=True,
    )


def _line_items(state: _State) -> tuple[list[str], Iterable[Row]]:
    company = state.company
    rows = state.held(company.line_items, "line_item_id", "line_items")
    # A line goes with its deal.
    deals = state.now_called("deals", texts(rows["deal_id"]))
    gone = state.gone.get("deals", set())
    rows = rows.assign(deal=pd.Series(deals, index=rows.index, dtype=object))
    rows = rows[[deal not in gone for deal in deals]]
    values = fold.current(company, state.now, "line_item")
    currency = {i: value.get("currency") for i, value in state.deals.items()}
    found = [values.get(str(i), {}) for i in texts(rows["line_item_id"])]
    header = ["Line No", "Deal No", "Item No", "Text", "Charged", "Kept", "Pieces", "Each", "Sum", "Curr."]
    header += ["Entered on"]
    return header, zip(
        texts(rows["line_item_id"]),
        texts(rows["deal"]),
        texts(rows["product_id"]),
        texts(rows["name"]),
        [BILLING[frequency] for frequency in texts(rows["billing_frequency"])],
        ["no" if value.get("outcome") == "lost" else None for value in found],
        [_comma(value["quantity"]) for value in found],
        [_comma(value["price"]) for value in found],
        [_comma(value["amount"]) for value in found],
        [currency.get(str(deal)) for deal in texts(rows["deal"])],
        _utc(rows["created_at"]),
        strict=True,
    )


def _deal_splits(state: _State) -> tuple[list[str], Iterable[Row]]:
    """The parts of each deal's newest split; a split goes with its deal."""
    held = set(texts(state.held(state.company.deals, "deal_id", "deals")["deal_id"]))
    rows = state.company.deal_splits
    rows = rows[(rows["noted_in"] == "crm") & (rows["agreed_at"] < state.moment)]
    rows = rows[rows["agreed_at"] == rows.groupby("deal_id")["agreed_at"].transform("max")]
    rows = rows[rows["deal_id"].isin(list(held))]
    return ["Deal No", "Rep No", "Part", "Agreed on"], zip(
        texts(rows["deal_id"]),
        texts(rows["owner_id"]),
        [_percent(share) for share in texts(rows["share"])],
        [_day(day) for day in _days(rows)],
        strict=True,
    )


def _stage_changes(state: _State) -> tuple[list[str], Iterable[Row]]:
    return ["Of", "No", "Phase", "Moved on"], [*_deal_moves(state), *_lead_moves(state)]


def _deal_moves(state: _State) -> list[Row]:
    """Stages carry their pipeline's initial, so the pipeline that a deal was in at that time is needed with them."""
    held = set(texts(state.held(state.company.deals, "deal_id", "deals")["deal_id"]))
    rows = fold.changes(state.company, state.now, "deal")
    rows = rows[rows["field"].isin(["stage", "pipeline"])]
    # At one moment the pipeline counts before the stage that lies in it.
    rows = rows.assign(rank=(rows["field"] == "stage").astype(int)).sort_values(["at", "rank"], kind="stable")
    initial = dict(zip(texts(state.company.deals["deal_id"]), texts(state.company.deals["pipeline_id"]), strict=True))
    pipeline: dict[str, str | None] = {}
    moves = []
    for deal, name, value, at in zip(
        texts(rows["record_id"]), texts(rows["field"]), texts(rows["value"]), rows["at"].tolist(), strict=True
    ):
        if name == "pipeline":
            pipeline[str(deal)] = value
        elif deal in held:
            place = (str(pipeline.get(str(deal)) or initial[deal]), str(value))
            moves.append((deal, state.phases.get(place) or value, at))
    stamps = _local([at for _, _, at in moves])
    return [("Deal", deal, phase, stamp) for (deal, phase, _), stamp in zip(moves, stamps, strict=True)]


def _lead_moves(state: _State) -> list[Row]:
    held = texts(state.held(state.company.contacts, "contact_id", "contacts")["contact_id"])
    moves = [(lead, phase, at) for lead in held for at, phase in state.timelines.get(str(lead), [])]
    stamps = _local([at for _, _, at in moves])
    return [("Lead", lead, phase, stamp) for (lead, phase, _), stamp in zip(moves, stamps, strict=True)]


def _activities(state: _State) -> tuple[list[str], Iterable[Row]]:
    rows = state.company.activities
    rows = rows[rows["created_at"] < state.moment]
    happened = (rows["at"] < state.moment).tolist()
    header = ["Activity No", "Type", "Rep No", "Person No", "Deal No", "Firm No", "Subject", "Way", "Result", "Done"]
    header += ["Seconds", "Takes place on", "Entered on"]
    return header, zip(
        texts(rows["activity_id"]),
        [KINDS[str(kind)] for kind in texts(rows["kind"])],
        texts(rows["owner_id"]),
        state.now_called("contacts", texts(rows["contact_id"])),
        state.now_called("deals", texts(rows["deal_id"])),
        state.now_called("companies", texts(rows["account_id"])),
        texts(rows["subject"]),
        [None if way is None else "in" if way == "inbound" else "out" for way in texts(rows["direction"])],
        [result if done else None for result, done in zip(texts(rows["outcome"]), happened, strict=True)],
        ["yes" if bool(c) and done else "no" for c, done in zip(rows["is_completed"].tolist(), happened, strict=True)],
        [None if s is None else str(int(float(s))) for s in texts(rows["duration_seconds"])],
        _local(rows["at"].tolist()),
        _local(rows["created_at"].tolist()),
        strict=True,
    )


def _ad_days(state: _State) -> tuple[list[str], Iterable[Row]]:
    company = state.company
    header = ["Platform", "Account", "Campaign No", "Campaign", "Ad group No", "Ad group", "Network", "State", "Day"]
    header += ["Shown", "Clicked", "Cost", "Currency", "Conversions", "Conversion value"]
    found: list[Row] = []
    for account, currency, zone in zip(
        texts(company.ad_accounts["customer_id"]),
        texts(company.ad_accounts["currency"]),
        texts(company.ad_accounts["time_zone"]),
        strict=True,
    ):
        local = fold.aware(state.now).astimezone(ZoneInfo(str(zone)))
        days = reported_days(company.ad_days[company.ad_days["customer_id"].astype(str) == account], local)
        groups = company.ad_groups.astype({"ad_group_id": str, "campaign_id": str})
        campaigns = company.campaigns.astype({"campaign_id": str}).drop(columns="customer_id")
        days = days.merge(groups.rename(columns={"name": "group"}), left_on="ad_group.id", right_on="ad_group_id")
        days = days.merge(campaigns, on="campaign_id")
        found += zip(
            ["google_ads"] * len(days),
            [account] * len(days),
            days["campaign_id"].tolist(),
            days["name"].tolist(),
            days["ad_group_id"].tolist(),
            days["group"].tolist(),
            days["channel_type"].tolist(),
            days["status"].tolist(),
            [f"{day[5:7]}/{day[8:10]}/{day[:4]}" for day in days["segments.date"].tolist()],
            [f"{n:,}" for n in days["metrics.impressions"].tolist()],
            [f"{n:,}" for n in days["metrics.clicks"].tolist()],
            [f"{Decimal(n) / 1_000_000:,.6f}" for n in days["metrics.cost_micros"].tolist()],
            [currency] * len(days),
            [f"{n:,.2f}" for n in days["metrics.conversions"].tolist()],
            [f"{n:,.2f}" for n in days["metrics.conversions_value"].tolist()],
            strict=True,
        )
    return header, found


def _full_names(rows: pd.DataFrame) -> list[str]:
    return [
        " ".join(part for part in pair if part)
        for pair in zip(texts(rows["first_name"]), texts(rows["last_name"]), strict=True)
    ]


def _rep_of_people(state: _State, rows: pd.DataFrame) -> list[str | None]:
    pairs = zip(texts(rows["contact_id"]), texts(rows["owner_id"]), strict=True)
    return [state.people.get(str(i), {}).get("owner_id", first) for i, first in pairs]


def _origins(rows: pd.DataFrame) -> list[str | None]:
    """The company's own word for the source where someone entered one, else Kontor's word for what was tracked."""
    pairs = zip(texts(rows["lead_source"]), texts(rows["source_label"]), strict=True)
    return [own or (label and ORIGINS.get(label, label)) for own, label in pairs]


# ------------------------------------------------------------------------------------------------- cells and files


def _utc(column: "pd.Series[Any]") -> list[str]:
    """d.m.Y H:M:S.mmm in UTC."""
    return [text and f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:]}" for text in fold.moments(column)]


def _local(moments: Sequence[Any]) -> list[str]:
    """d.m.Y H:M:S.mmm+hh:mm in the company's zone."""
    utc = pd.DatetimeIndex(list(moments))
    local = utc.tz_localize("UTC").tz_convert(ZONE).tz_localize(None)
    minutes = ((local - utc) // pd.Timedelta(minutes=1)).tolist()
    return [
        f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:]}+{offset // 60:02d}:{offset % 60:02d}"
        for text, offset in zip(fold.moments(local.to_series()), minutes, strict=True)
    ]


def _year(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return pd.to_datetime(column).dt.year


def _day(value: Any) -> str:
    return f"{pd.Timestamp(value):%d.%m.%Y}"


def _money(value: Any) -> str:
    return _comma(f"{Decimal(str(value)):.2f}")


def _comma(value: Any) -> str:
    return str(value).replace(".", ",")


_SUBMISSION_CELLS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("period_start", "submitted_on"), _day),
    "amount": _money,
}
_CONTRACT_CELLS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("signed_date", "start_date", "end_date", "renewal_date", "notice_date"), _day),
    "amount": _money,
}


def _plain(table: pd.DataFrame, written: dict[str, Callable[[Any], str]]) -> tuple[list[str], Iterable[Row]]:
    """A table with its own column names; `written` says how some columns are written."""
    columns = []
    for name in table.columns:
        missing, values = table[name].isna().tolist(), table[name].tolist()
        write = written.get(str(name), str)
        columns.append([None if gone else write(value) for value, gone in zip(values, missing, strict=True)])
    return [str(name) for name in table.columns], zip(*columns, strict=True)


def _csv(
    path: Path, header: list[str], rows: Iterable[Row], *, encoding: str = "utf-8", delimiter: str = ";"
) -> Path | None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return _replace(path, text.getvalue().encode(encoding))


def _workbook(path: Path, sheet: str, header: list[str], rows: Iterable[Row]) -> Path | None:
    """Text stays text, also where it begins like a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)
    page.append(header)

    def cell(value: Any) -> Any:
        if isinstance(value, str) and value[:1] == "=":
            text = WriteOnlyCell(page, value)
            text.data_type = "s"
            return text
        return value

    for row in rows:
        page.append([cell(value) for value in row])
    content = io.BytesIO()
    book.save(content)
    return _replace(path, _timeless(content))


def _timeless(content: io.BytesIO) -> bytes:
    """The workbook without the moments of its writing, so that the same rows are the same file."""
    settled = io.BytesIO()
    with zipfile.ZipFile(content) as written, zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED) as book:
        for entry in written.infolist():
            part = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2020-01-01T00:00:00Z", written.read(entry))
            info = zipfile.ZipInfo(entry.filename)
            info.compress_type = zipfile.ZIP_DEFLATED
            book.writestr(info, part if entry.filename == "docProps/core.xml" else written.read(entry))
    return settled.getvalue()


def _replace(path: Path, content: bytes) -> Path | None:
    """A reader sees the old file or the new one; a file whose content is the same is left alone (None)."""
    if path.exists() and path.read_bytes() == content:
        return None
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
    return path
