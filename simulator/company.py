"""A company that never existed, whole: its people, deals, web visitors, ads and plans over several years.

What belongs here: the tables of `Company` and the order in which they come about. What does not: how vendors serve
them (hubspot.py, google_ads.py, ga4.py, exports.py) and what the marts must say about them (truth/).

The whole horizon is generated at once. Every value belongs to a record and a purpose (draws.py), never to a running
random stream, so the same seed and scale give the same company, and what happened before a moment does not depend on
what is asked of later ones: an `end` some months later only adds rows that happen later.

In all tables times are naive UTC (datetime64[ms]), days are midnights, ids are text and missing text is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from simulator import clock
from simulator.amounts import make_amounts, say_paid_once
from simulator.catalogue import make_line_items, make_products
from simulator.contracts import make_contracts
from simulator.feedback import make_feedback, withdrawn
from simulator.leads import (
    account_changes,
    contact_changes,
    make_activities,
    make_deal_contacts,
    make_deletions,
    make_merges,
    without_afterlife,
)
from simulator.links import make_link_moves, no_moves
from simulator.people import (
    CHANNEL_EFFECTS,
    make_accounts,
    make_contacts,
    make_owner_moves,
    make_owners,
    names_of,
)
from simulator.selling import PIPELINES, Log, creators, make_deals, stages_table
from simulator.spending import (
    AD_ACCOUNTS,
    make_ad_days,
    make_addressable,
    make_budgets,
    make_campaigns,
    make_holidays,
    make_rates,
    make_targets,
)
from simulator.splits import make_deal_splits
from simulator.submissions import make_submissions
from simulator.web import make_web

SEED, SCALE = 7, 1.0
START, END = date(2023, 7, 1), date(2026, 12, 31)


@dataclass(frozen=True)
class Company:
    """The tables of the company's own event log; see the functions that make them for what a row is."""

    owners: pd.DataFrame
    owner_moves: pd.DataFrame
    accounts: pd.DataFrame
    contacts: pd.DataFrame
    deals: pd.DataFrame
    deal_contacts: pd.DataFrame
    deal_splits: pd.DataFrame
    changes: pd.DataFrame
    merges: pd.DataFrame
    deletions: pd.DataFrame
    activities: pd.DataFrame
    pipelines: pd.DataFrame
    stages: pd.DataFrame
    products: pd.DataFrame
    line_items: pd.DataFrame
    ad_accounts: pd.DataFrame
    campaigns: pd.DataFrame
    ad_groups: pd.DataFrame
    ad_days: pd.DataFrame
    events: pa.Table
    orders: pd.DataFrame
    targets: pd.DataFrame
    rates: pd.DataFrame
    budgets: pd.DataFrame
    holidays: pd.DataFrame
    addressable_accounts: pd.DataFrame
    contracts: pd.DataFrame
    feedback: pd.DataFrame
    forecast_submissions: pd.DataFrame
    channel_effects: pd.DataFrame
    link_moves: pd.DataFrame = field(default_factory=no_moves)


_PUBLIC = {
    "owners": [
        "owner_id", "user_id", "first_name", "last_name", "email", "team", "manager_id", "kind", "active_from",
        "left_at",
    ],
    "accounts": [
        "account_id", "name", "domain", "industry", "country", "employee_count", "segment", "owner_id",
        "parent_account_id", "created_at",
    ],
    "contacts": [
        "contact_id", "account_id", "first_name", "last_name", "email", "country", "job_title", "created_at",
        "source_label", "source_detail", "lead_source", "visitor_id", "gclid", "owner_id", "purchase_timeframe",
        "is_test", "true_channel", "true_campaign_id",
    ],
    "deals": [
        "deal_id", "name", "account_id", "pipeline_id", "deal_type", "created_at", "created_by", "is_imported",
        "said_paid_once", "true_channel",
    ],
    "campaigns": ["campaign_id", "customer_id", "name", "channel_type", "status", "start_date", "true_channel"],
}  # fmt: skip


def _public(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The table without its latent columns, text as text."""
    chosen = frame[_PUBLIC[name]].copy()
    for column in chosen.columns:
        if chosen[column].dtype == object:
            chosen[column] = chosen[column].astype("str")
    return chosen.reset_index(drop=True)


def generate(
    seed: int = SEED, scale: float = SCALE, start: date = START, end: date = END, web_scale: float | None = None
) -> Company:
    """The company from `start` to the end of the day `end`; `scale` 1.0 is about 20,000 contacts, 6,000 deals and a
    million web events in three years. `web_scale` is the factor of visitors who stay unknown, when it is not `scale`.
    """
    until = clock.day_start(pd.Timestamp(end + pd.Timedelta(days=1)).date())
    months = np.arange(clock.month_index(start), clock.month_index(end) + 1)
    owners = make_owners(seed, scale, start)
    accounts, account_stream = make_accounts(seed, scale, months, owners)
    accounts["key"] = account_stream.key
    campaigns, ad_groups = make_campaigns(start)
    contacts, contact_stream = make_contacts(
        seed, scale, months, owners, accounts, account_stream, campaigns, start, end
    )
    contacts["key"] = contact_stream.key
    log = Log()
    contact_names = names_of(contacts)
    deals, _ = make_deals(
        seed, scale, months, owners, accounts, contacts, contact_names, log, until, account_stream.month
    )
    contact_changes(seed, contacts, deals, owners, log)
    account_changes(seed, accounts, owners, log)
    merges = make_merges(seed, accounts, contacts, deals, until)
    deletions = make_deletions(seed, accounts, contacts, deals, merges, until)
    changes = without_afterlife(log.table(until), merges, deletions)
    deals["created_by"] = creators(seed, deals, changes, owners)
    deals["said_paid_once"] = say_paid_once(seed, deals)
    contracts = make_contracts(seed, accounts, deals, changes, until)
    feedback = make_feedback(seed, contracts, contacts, until)
    products, retired = make_products(until)
    line_items, line_changes, removed = make_line_items(seed, deals, changes, stages_table(), until)
    amounts = make_amounts(seed, deals, line_items, line_changes, removed, until)
    events, orders = make_web(seed, scale if web_scale is None else web_scale, months, contacts, campaigns, until)
    ad_days = make_ad_days(seed, scale, campaigns, ad_groups, contacts, start, end)
    activities = make_activities(seed, contacts, deals, owners, until)
    gone = pd.concat([deletions, removed], ignore_index=True)
    linked = {"contacts": contacts, "activities": activities, "line_items": line_items}
    return Company(
        owners=_public("owners", owners.loc[owners["active_from"] < until]),
        owner_moves=make_owner_moves(seed, owners, until),
        accounts=_public("accounts", accounts.loc[accounts["created_at"] < until]),
        contacts=_public("contacts", contacts.loc[contacts["created_at"] < until]),
        deals=_public("deals", deals.loc[deals["created_at"] < until]),
        deal_contacts=make_deal_contacts(seed, deals, contacts, contact_stream, until),
        deal_splits=make_deal_splits(seed, deals, owners, until),
        changes=pd.concat([changes, line_changes, without_afterlife(amounts, merges, deletions)], ignore_index=True),
        merges=merges,
        deletions=pd.concat([gone, retired, withdrawn(seed, feedback, until)], ignore_index=True),
        activities=activities,
        pipelines=PIPELINES.copy(),
        stages=stages_table(),
        products=products,
        line_items=line_items,
        ad_accounts=AD_ACCOUNTS.copy(),
        campaigns=_public("campaigns", campaigns),
        ad_groups=ad_groups,
        ad_days=ad_days,
        events=events,
        orders=orders,
        targets=make_targets(seed, scale, owners, deals, start, end),
        rates=make_rates(seed, start, end),
        budgets=make_budgets(seed, campaigns, ad_days),
        holidays=make_holidays(start, end),
        addressable_accounts=make_addressable(seed, scale, accounts, start),
        contracts=contracts,
        feedback=feedback,
        forecast_submissions=make_submissions(seed, owners, changes, merges, deletions, start, until),
        channel_effects=CHANNEL_EFFECTS.copy(),
        link_moves=without_afterlife(make_link_moves(seed, linked, until), merges, gone),
    )
