"""What the simulated company spends on ads, and what it plans: targets, budgets, exchange rates, its market.

What belongs here: ad accounts, campaigns and their days, and the tables of finance. What does not: the leads that ads
bring (people.py chooses each lead's campaign; the days below follow those leads).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from simulator import clock, draws, words
from simulator.draws import Bools, Floats, Ints, Keys
from simulator.people import SEASON, monthly_weight

AD_ACCOUNTS = pd.DataFrame.from_records(
    [
        ("1002003001", "Aldergate Europe", "EUR", "Europe/Prague"),
        ("1002003002", "Aldergate North America", "USD", "America/New_York"),
    ],
    columns=["customer_id", "name", "currency", "time_zone"],
)
# account, name, kind, begins after days, ends after days, weight among its channel's leads, clicks per lead,
# cost of a click in the account's currency. The last display campaign burns money: many clicks, hardly a lead.
_CAMPAIGNS: list[tuple[int, str, str, int, int | None, float, float, float]] = [
    (0, "Brand | Search | EU", "SEARCH", -200, None, 2.2, 12.0, 0.7),
    (0, "Planning software | Search | EU", "SEARCH", -200, None, 3.0, 34.0, 2.4),
    (0, "Competitors | Search | DACH", "SEARCH", 150, 760, 0.8, 55.0, 4.1),
    (0, "Planning software | Search | DACH", "SEARCH", 420, None, 1.6, 36.0, 2.9),
    (1, "Brand | Search | US", "SEARCH", -100, None, 0.9, 14.0, 1.1),
    (1, "Planning software | Search | US", "SEARCH", 60, None, 1.8, 42.0, 4.6),
    (0, "Retargeting | Display | EU", "DISPLAY", -200, None, 3.0, 70.0, 0.45),
    (0, "Planner guide | Display | EU", "DISPLAY", 300, 900, 1.4, 110.0, 0.5),
    (1, "Retargeting | Display | US", "DISPLAY", 60, None, 1.2, 80.0, 0.6),
    (1, "Prospecting | Display | US", "DISPLAY", 330, None, 0.35, 1700.0, 1.05),
]
_CZECH_HOLIDAYS = [
    (1, 1, "New Year's Day"), (5, 1, "Labour Day"), (5, 8, "Liberation Day"), (7, 5, "Cyril and Methodius Day"),
    (7, 6, "Jan Hus Day"), (9, 28, "Czech Statehood Day"), (10, 28, "Independence Day"),
    (11, 17, "Freedom and Democracy Day"), (12, 24, "Christmas Eve"), (12, 25, "Christmas Day"),
    (12, 26, "Second Day of Christmas"),
]  # fmt: skip
_GROUPS = {"SEARCH": ["Exact", "Phrase", "Broad"], "DISPLAY": ["Topics", "Audiences"]}


def make_campaigns(start: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """campaigns (public columns, `end_date`, `lead_weight`, `clicks_per_lead`, `click_cost`) and ad_groups."""
    campaigns, groups = [], []
    for number, (account, name, kind, begin, end, weight, clicks, cost) in enumerate(_CAMPAIGNS):
        campaign_id = str(20_100_400_100 + 37 * number)
        campaigns.append(
            {
                "campaign_id": campaign_id,
                "customer_id": AD_ACCOUNTS["customer_id"].iloc[account],
                "name": name,
                "channel_type": kind,
                "status": "ENABLED" if end is None else "PAUSED",
                "start_date": pd.Timestamp(start + timedelta(days=begin)),
                "true_channel": "paid_search" if kind == "SEARCH" else "display",
                "end_date": pd.NaT if end is None else pd.Timestamp(start + timedelta(days=end)),
                "lead_weight": weight,
                "clicks_per_lead": clicks,
                "click_cost": cost,
            }
        )
        for position, group in enumerate(_GROUPS[kind]):
            groups.append(
                (str(150_200_300_000 + 1000 * number + 7 * position), campaign_id, f"{group} {name.split(' | ')[0]}")
            )
    frame = pd.DataFrame.from_records(campaigns)
    for column in ("start_date", "end_date"):
        frame[column] = frame[column].astype("datetime64[s]")
    return frame, pd.DataFrame.from_records(groups, columns=["ad_group_id", "campaign_id", "name"])


def make_ad_days(
    seed: int,
    scale: float,
    campaigns: pd.DataFrame,
    ad_groups: pd.DataFrame,
    contacts: pd.DataFrame,
    start: date,
    end: date,
) -> pd.DataFrame:
    """One row per ad group and day of the account's own calendar on which it was shown."""
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    months = days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    weekday = clock.weekdays(days)
    level = monthly_weight(months) * 20_000 * scale / 30.4
    leads = contacts.loc[contacts["true_campaign_id"].notna(), ["true_campaign_id", "created_at"]]
    zone_of = dict(zip(AD_ACCOUNTS["customer_id"], AD_ACCOUNTS["time_zone"], strict=True))
    share_of = {"paid_search": 0.17, "display": 0.05}
    frames = []
    for campaign in campaigns.to_dict("records"):
        rivals = campaigns.loc[campaigns["true_channel"] == campaign["true_channel"], "lead_weight"].sum()
        begins, ends = np.datetime64(campaign["start_date"], "D"), campaign["end_date"]
        runs = (days >= begins) & (True if pd.isna(ends) else days < np.datetime64(ends, "D"))
        expected = level * share_of[campaign["true_channel"]] * campaign["lead_weight"] / rivals
        mine = leads.loc[leads["true_campaign_id"] == campaign["campaign_id"], "created_at"]
        lead_days = (
            clock.local_days(mine.to_numpy().astype("datetime64[ms]"), zone_of[campaign["customer_id"]])
            if len(mine)
            else days[:0]
        )
        lead_days = lead_days[(lead_days >= days[0]) & (lead_days <= days[-1])]
        counts = np.bincount((lead_days - days[0]).astype(np.int64), minlength=len(days))
        groups = ad_groups.loc[ad_groups["campaign_id"] == campaign["campaign_id"], "ad_group_id"].tolist()
        shares = np.array([0.5, 0.3, 0.2][: len(groups)])
        shares = shares / shares.sum()
        for group, share in zip(groups, shares, strict=True):
            keys = np.asarray(days.astype(np.int64) + int(group) * 100_000).astype(np.uint64)
            hum = np.exp(0.25 * draws.normal(seed, "ad noise", keys))
            idle = np.where(weekday >= 5, 0.55 if campaign["channel_type"] == "SEARCH" else 0.8, 1.1)
            wanted = expected * campaign["clicks_per_lead"] * share * hum * idle
            clicks = np.floor(wanted + draws.uniform(seed, "ad clicks", keys)).astype(np.int64)
            rate = (0.055 if campaign["channel_type"] == "SEARCH" else 0.006) * np.exp(
                0.2 * draws.normal(seed, "ad rate", keys)
            )
            impressions = clicks + np.floor(
                (wanted + 0.4 * scale**0.5) / rate * (1 - rate) + draws.uniform(seed, "ad views", keys)
            ).astype(np.int64)
            price = (
                campaign["click_cost"]
                * 1.03 ** ((months - months[0]) / 12)
                * np.exp(0.1 * draws.normal(seed, "ad price", keys))
            )
            micros = np.round(clicks * price * 1e6 / 10_000).astype(np.int64) * 10_000
            claim = 1.15 if campaign["channel_type"] == "SEARCH" else 2.6
            conversions = np.round(counts * share * claim * np.exp(0.2 * draws.normal(seed, "ad claim", keys)), 2)
            shown = runs & (impressions > 0)
            frames.append(
                pd.DataFrame(
                    {
                        "customer_id": campaign["customer_id"],
                        "campaign_id": campaign["campaign_id"],
                        "ad_group_id": group,
                        "date": days[shown].astype("datetime64[s]"),
                        "impressions": impressions[shown],
                        "clicks": clicks[shown],
                        "cost_micros": micros[shown],
                        "conversions": conversions[shown],
                        "conversions_value": np.round(conversions * 140.0, 2)[shown],
                        "restate_days": (1 + draws.below(seed, "restated", keys, 14))[shown],
                    }
                )
            )
    return pd.concat(frames, ignore_index=True).sort_values(
        ["customer_id", "date", "campaign_id", "ad_group_id"], ignore_index=True
    )


_RATES = {"USD": (0.921, 0.022), "GBP": (1.164, 0.016), "CZK": (0.0405, 0.014)}


def make_rates(seed: int, start: date, end: date) -> pd.DataFrame:
    """Daily rates on working days (a central bank's calendar) and one plan rate per year and currency."""
    days = np.arange(np.datetime64(start - timedelta(days=75)), np.datetime64(end) + 1)
    working = days[clock.weekdays(days) < 5]
    records = []
    for currency, (level, swing) in _RATES.items():
        number = int.from_bytes(currency.encode(), "big")
        phase = 6.28 * draws.one(seed, "rate phase", number)
        serial = working.astype(np.int64).astype(np.float64)
        wave = np.sin(serial / 97.0 + phase) + 0.5 * np.sin(serial / 31.0 + 2 * phase)
        jitter = draws.normal(seed, "rate", (working.astype(np.int64) + number * 1000).astype(np.uint64))
        values = np.round(level * np.exp(swing * wave + 0.0025 * jitter), 6)
        records += [(day, currency, value, "daily") for day, value in zip(working, values, strict=True)]
        for year in range(start.year, end.year + 1):
            plan = round(level * (1 + 0.01 * (draws.one(seed, "plan rate", number + year) - 0.5)), 4)
            records.append((np.datetime64(date(year, 1, 1)), currency, plan, "plan"))
    rates = pd.DataFrame.from_records(records, columns=["rate_date", "currency", "rate_to_reporting", "kind"])
    euro = [(day, "EUR", 1.0, "daily") for day in working]
    euro += [(np.datetime64(date(year, 1, 1)), "EUR", 1.0, "plan") for year in range(start.year, end.year + 1)]
    rates = pd.concat([rates, pd.DataFrame.from_records(euro, columns=list(rates.columns))], ignore_index=True)
    rates["rate_date"] = rates["rate_date"].astype("datetime64[s]")
    return rates.sort_values(["kind", "rate_date", "currency"], ignore_index=True)


def make_budgets(seed: int, campaigns: pd.DataFrame, ad_days: pd.DataFrame) -> pd.DataFrame:
    """One row per campaign and month in which it runs: what was set aside, about what is spent."""
    spent = ad_days.assign(month=ad_days["date"].to_numpy().astype("datetime64[M]").astype("datetime64[s]"))
    sums = spent.groupby(["campaign_id", "month"], as_index=False)["cost_micros"].sum()
    known = sums.merge(campaigns[["campaign_id", "customer_id", "true_channel"]], on="campaign_id")
    known = known.merge(AD_ACCOUNTS[["customer_id", "currency"]], on="customer_id")
    keys = np.array(
        [hash_key(f"{c}{m}") for c, m in zip(known["campaign_id"], known["month"], strict=True)], dtype=np.uint64
    )
    factor = 0.9 + 0.25 * draws.uniform(seed, "budget", keys)
    amount = np.maximum(np.round(known["cost_micros"] / 1e6 * factor / 50) * 50, 50.0)
    return pd.DataFrame(
        {
            "period_start": known["month"],
            "campaign_id": known["campaign_id"],
            "channel": known["true_channel"],
            "amount": amount,
            "currency": known["currency"],
        }
    )


def make_holidays(start: date, end: date) -> pd.DataFrame:
    """Public holidays of the Czech Republic, where the company sits, and those of Germany's that differ."""
    records: list[tuple[str, date, str]] = []
    for year in range(start.year, end.year + 1):
        easter = _easter(year)
        records += [("CZ", date(year, month, day), name) for month, day, name in _CZECH_HOLIDAYS]
        records += [
            ("CZ", easter - timedelta(days=2), "Good Friday"),
            ("CZ", easter + timedelta(days=1), "Easter Monday"),
            ("DE", date(year, 10, 3), "German Unity Day"),
            ("DE", easter + timedelta(days=39), "Ascension Day"),
        ]
    rows = pd.DataFrame.from_records(sorted(records), columns=["region", "holiday_date", "name"])
    rows["holiday_date"] = pd.to_datetime(rows["holiday_date"]).astype("datetime64[s]")
    return rows.sort_values(["holiday_date", "region"], ignore_index=True)


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm printed in Nature, 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


def hash_key(text: str) -> int:
    """A stable 64-bit key of a text."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def make_targets(
    seed: int, scale: float, owners: pd.DataFrame, deals: pd.DataFrame, start: date, end: date
) -> pd.DataFrame:
    """Monthly bookings targets in EUR: owners (member = e-mail), teams as their sums, the company as the teams' sum.

    What recurs is asked of Enterprise and its sellers, in USD; the company is asked for contracts' total value, too.
    The plan knows the trend and the season and has some idea of the month itself, as those who plan do.
    """
    months = np.arange(np.datetime64(start, "M"), np.datetime64(end, "M") + 1)
    closed = deals["closed"].to_numpy().astype("datetime64[ms]")
    counted = (
        deals["won"].to_numpy(dtype=bool)
        & ~np.isnat(closed)
        & (deals["kind"].to_numpy() <= 2)
        & (deals["duplicate_of"].to_numpy() < 0)
    )
    place = (closed[counted].astype("datetime64[M]") - months[0]).astype(np.int64)
    inside = (place >= 0) & (place < len(months))
    seller = deals["owner_position"].to_numpy()[counted][inside]
    booked = np.zeros((len(months), len(owners)))
    np.add.at(booked, (place[inside], seller), deals["final_eur"].to_numpy()[counted][inside])
    total = booked.sum(axis=1)
    # Trailing averages only: a month's target must not depend on months that follow it.
    trend = np.array([total[max(0, n - 5) : n + 1].mean() for n in range(len(months))])
    noise = 0.93 + 0.14 * draws.uniform(seed, "target", months.astype(np.int64).astype(np.uint64))
    season = SEASON[months.astype(np.int64) % 12] ** 0.5
    wanted = (0.5 * np.clip(total, 0.7 * trend, 1.35 * trend) + 0.53 * trend * season) * noise
    wanted = np.maximum(wanted, 3_000.0)
    team = owners["team"].to_numpy(dtype=object)
    carries = np.isin(team, ["Small Business", "Mid-Market", "Enterprise", "Customer Success"])
    weight_of = {"Small Business": 0.6, "Mid-Market": 1.0, "Enterprise": 1.7, "Customer Success": 0.8}
    joined = owners["active_from"].to_numpy().astype("datetime64[M]")
    left = owners["left_at"].to_numpy().astype("datetime64[M]")
    records: list[tuple[np.datetime64, str, str, str, str, float, str]] = []
    for number, month in enumerate(months):
        present: Bools = carries & (joined <= month) & (np.isnat(left) | (left > month))
        base: Floats = present * np.array([weight_of.get(name, 0.0) for name in team])
        own = booked[number] * present
        shares = 0.55 * base / base.sum() + 0.45 * (own / own.sum() if own.sum() > 0 else base / base.sum())
        amounts = np.maximum(np.round(wanted[number] * shares / 500) * 500, 500.0) * present
        for row in np.flatnonzero(present):
            records.append((month, "month", "owner", owners["email"].iloc[row], "bookings", amounts[row], "EUR"))
            if team[row] == "Enterprise":
                # Who sells to the largest is also asked for what recurs, in the currency that they think in.
                recurring = np.round(amounts[row] * 0.7 / 500) * 500 + 500
                records.append((month, "month", "owner", owners["email"].iloc[row], "arr", recurring, "USD"))
        for name in weight_of:
            amount = amounts[team == name].sum()
            if amount > 0:
                records.append((month, "month", "team", name, "bookings", amount, "EUR"))
                if name == "Enterprise":
                    records.append((month, "month", "team", name, "arr", np.round(amount * 0.7 / 500) * 500, "USD"))
        records.append((month, "month", "company", "Aldergate", "bookings", amounts.sum(), "EUR"))
        records.append((month, "month", "company", "Aldergate", "tcv", np.round(amounts.sum() * 1.3), "EUR"))
        # Who is to create how much pipeline: the trend alone, since nobody knows the month.
        for kind, part in (("sdr", 0.4), ("ae", 0.5), ("marketing", 0.06), ("partner", 0.04)):
            planned = 95e6 * scale * float(monthly_weight(np.array([month.astype(np.int64) + 1970 * 12]))[0]) * part
            amount = max(round(planned / 1_000) * 1_000.0, 1_000.0)
            records.append((month, "month", "creator_kind", kind, "pipeline_created", amount, "EUR"))
    columns = ["period_start", "period_type", "level", "member", "measure", "amount", "currency"]
    targets = pd.DataFrame.from_records(records, columns=columns)
    targets["period_start"] = targets["period_start"].astype("datetime64[s]")
    return targets


def make_addressable(seed: int, scale: float, accounts: pd.DataFrame, start: date) -> pd.DataFrame:
    """The market: some of the accounts known by the first year's end, and firms that nobody has spoken to yet."""
    keys: Keys = accounts["key"].to_numpy().astype(np.uint64)
    real = ~(accounts["is_test"] | accounts["is_junk"]).to_numpy(dtype=bool) & (accounts["duplicate_of"].to_numpy() < 0)
    known = (accounts["created_at"] < pd.Timestamp(start + timedelta(days=365))).to_numpy(dtype=bool)
    listed = real & known & draws.chance(seed, "listed", keys, 0.8)
    own = accounts.loc[listed, ["segment", "country", "name", "domain"]].rename(columns={"name": "account_name"})
    own = own.loc[own["segment"] != "unknown"]
    number = np.arange(int(9_000 * scale) + 20).astype(np.uint64)
    country = np.asarray(words.COUNTRIES, dtype=object)[
        draws.pick(seed, "market country", number, words.COUNTRY_WEIGHTS)
    ]
    segment = np.asarray(["small", "mid", "enterprise"], dtype=object)[
        draws.pick(seed, "market size", number, [0.6, 0.32, 0.08])
    ]
    heads: Ints = draws.below(seed, "market head", number, len(words.FIRM_HEADS))
    tails: Ints = draws.below(seed, "market tail", number, len(words.FIRM_TAILS))
    names = [
        f"{words.FIRM_TAILS[t].title()}{words.FIRM_HEADS[h].lower()} {words.FIRM_SUFFIXES[c][0]}"
        for h, t, c in zip(heads, tails, country, strict=True)
    ]
    domains = [
        f"{words.FIRM_TAILS[t]}{words.FIRM_HEADS[h].lower()}{n}.{words.TOP_LEVELS[c]}"
        for n, (h, t, c) in enumerate(zip(heads, tails, country, strict=True))
    ]
    others = pd.DataFrame({"segment": segment, "country": country, "account_name": names, "domain": domains})
    return pd.concat([own, others], ignore_index=True)
