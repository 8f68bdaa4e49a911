"""Visits to the web site."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd

from simulator import clock
from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent, column, rounded
from simulator.truth.people import People


class Web(People):
    """What visitors did."""

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
        sessions["engagement_seconds"] = column(Decimal(int(value)) / 1000 for value in spent)
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
        sessions["revenue"] = column(sum((money for money, _, _ in list_), zero) for list_ in own)
        sessions["revenue_reporting"] = column(sum((money for _, money, _ in list_), zero) for list_ in own)
        sessions["currency"] = [list_[0][2] if list_ else None for list_ in own]
        sessions["has_purchase"] = sessions["purchases"] > 0
        sessions["is_bot"] = (sessions["page_views"] >= 30) & (spent.to_numpy() == 0)
        sessions["channel"] = [
            session_channel(*told)
            for told in zip(sessions["medium"], sessions["source"], sessions["gclid"], strict=True)
        ]
        starts = sessions["started_at"].to_numpy().astype("datetime64[ms]")
        sessions["session_date"] = pd.Series(
            clock.local_days(starts, self.moment.zone).astype(object), index=sessions.index, dtype=object
        )
        contacts = self.dim_contacts.loc[self.dim_contacts["visitor_id"].notna()].set_index("visitor_id")
        for name in ("contact_key", "person_key"):
            sessions[name] = contacts[name].reindex(sessions["visitor_id"].astype(object)).to_numpy()
        return sessions.reset_index()


def session_channel(medium: object, source: object, click: object) -> str:
    """The channel of a session by its medium, source and ad click: a code on a poster hangs at a fair."""
    word = "" if absent(medium) else str(medium).lower()
    if not absent(click) or word in ("cpc", "ppc", "paidsearch"):
        return "paid_search"
    if not word:
        return "not_stated"
    if (word, source) == ("qr", "poster"):
        return "trade_show"
    groups = {
        "display": ("display", "cpm", "banner"),
        "paid_social": ("paid_social", "paidsocial"),
        "email": ("email",),
        "organic_social": ("social",),
        "organic_search": ("organic",),
        "referral": ("referral",),
        "direct": ("(none)", "(direct)"),
        "partner": ("affiliate", "partner"),
        "unknown": ("(not set)",),
    }
    return next((channel for channel, mediums in groups.items() if word in mediums), "unmapped")


COMPARISONS = [
    Comparison(
        "fct_sessions", ("session_key",),
        measures(
            text="contact_key person_key visitor_id channel source medium campaign landing_page device country "
            "currency",
            count="events page_views purchases", money="revenue revenue_reporting", number="engagement_seconds",
            flag="is_engaged is_bot has_add_to_cart has_purchase", day="session_date", time="started_at ended_at",
        ),
    ),
]  # fmt: skip
