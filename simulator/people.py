"""Who works at the simulated company, whom it knows, and how those people move through the lead lifecycle.

What belongs here: owners, accounts, contacts and their latent qualities. What does not: deals (selling.py), the web
(web.py), money plans (planning.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from simulator import clock, draws, words
from simulator.draws import Floats, Ints, Keys, Objects, Times

GROWTH = 1.016  # per month
SEASON = np.array([0.95, 1.0, 1.1, 1.02, 1.04, 1.06, 0.82, 0.72, 1.1, 1.12, 1.1, 0.82])
NOMINAL_MONTHS = 36  # scale 1.0 is reached over the first three years
NOMINAL_START = date(2023, 7, 1)


def monthly_weight(months: Ints) -> Floats:
    """Each month's share of the nominal three years' volume; months beyond them go on growing."""
    nominal = clock.month_index(NOMINAL_START) + np.arange(NOMINAL_MONTHS)

    def raw(index: Ints) -> Floats:
        return np.asarray(GROWTH ** (index - nominal[0]) * SEASON[index % 12])

    return np.asarray(raw(months) / raw(nominal).sum())


@dataclass(frozen=True)
class Stream:
    """Records that come into being month by month: `key` names each for ever, `month` is its month's number."""

    key: Keys
    month: Ints

    @property
    def size(self) -> int:
        return len(self.key)

    def before(self, months: Ints) -> Ints:
        """How many records of this stream came before each given month."""
        return np.searchsorted(self.month, months, side="left").astype(np.int64)


def stream(seed: int, purpose: str, months: Ints, total: float, weights: Floats | None = None) -> Stream:
    """A stream with `total` records over the nominal three years."""
    shares = monthly_weight(months) if weights is None else weights
    rounding = draws.uniform(seed, f"count/{purpose}", months.astype(np.uint64))
    counts = np.floor(total * shares + rounding).astype(np.int64)
    month = np.repeat(months, counts)
    position = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return Stream(((month.astype(np.uint64) << np.uint64(32)) | position.astype(np.uint64)), month)


def moments_in_month(seed: int, purpose: str, keys: Keys, months: Ints) -> Times:
    """A moment per record, evenly within its month."""
    first = clock.month_first(months).astype("datetime64[ms]")
    following = clock.month_first(months + 1).astype("datetime64[ms]")
    share = draws.uniform(seed, purpose, keys)
    return first + clock.milliseconds(share * (following - first).astype(np.int64))


# --- owners ---------------------------------------------------------------------------------------------------------

TEAMS = {
    "Inside Sales": 5,
    "Small Business": 4,
    "Mid-Market": 7,
    "Enterprise": 4,
    "Customer Success": 4,
    "Marketing": 2,
}
COACHED_TEAM, COACHED_POSITION = "Mid-Market", 1


def make_owners(seed: int, scale: float, start: date) -> pd.DataFrame:
    """One row per owner, with the latent `skill` (added to the log-odds of winning), `pace` and `is_coached`."""
    records: list[dict[str, object]] = []
    used: set[str] = set()
    for team_number, (team, base) in enumerate(TEAMS.items()):
        count = max(3 if base > 2 else 1, round(base * min(scale, 40.0) ** 0.5))
        for position in range(count):
            key = 1000 * team_number + position
            quits = team == "Small Business" and position == 2  # whatever the size of the company, somebody leaves
            founding = position < max(2, round(count * 0.6)) or team == "Marketing" or quits
            joined = pd.Timestamp(start) - pd.Timedelta(days=200 + 40 * position)
            if not founding:
                joined = pd.Timestamp(start) + pd.Timedelta(days=int(60 + 900 * draws.one(seed, "joined", key)))
            joined = joined.normalize() + pd.Timedelta(hours=7)
            leaves = quits or (position >= 2 and draws.one(seed, "leaves", key) < 0.3)
            left = joined + pd.Timedelta(days=int(330 + 700 * draws.one(seed, "left", key)), hours=9)
            attempt = 0
            while True:
                country = words.COUNTRIES[int(5 * draws.one(seed, f"owner country {attempt}", key))]
                first = _one_of(words.FIRST_NAMES[country], draws.one(seed, f"owner first {attempt}", key))
                last = _one_of(words.LAST_NAMES[country], draws.one(seed, f"owner last {attempt}", key))
                if f"{first} {last}" not in used:
                    break
                attempt += 1
                if attempt > 50:
                    last = f"{last}-{position}"
                    break
            used.add(f"{first} {last}")
            is_coached = team == COACHED_TEAM and position == COACHED_POSITION
            spread = float(draws.normal(seed, "skill", np.array([key], dtype=np.uint64))[0])
            records.append(
                {
                    "owner_id": str(61_000_100 + key * 7),
                    "user_id": str(9_500_100 + key * 11),
                    "first_name": first,
                    "last_name": last,
                    "email": f"{_plain(first)}.{_plain(last)}@aldergate.example",
                    "team": team,
                    # Whoever founded a team leads it.
                    "manager_id": str(61_000_100 + 1000 * team_number * 7) if position else None,
                    "kind": "person",
                    "active_from": joined,
                    "left_at": left if leaves and not is_coached else pd.NaT,
                    "skill": -0.35 if is_coached else 0.3 * spread,
                    "pace": 1.15 if is_coached else float(np.exp(0.12 * spread)),
                    "is_coached": is_coached,
                }
            )
    founded = pd.Timestamp(start) - pd.Timedelta(days=400)
    for name, kind, number in (("Inbound Queue", "queue", 1), ("Data Sync", "integration", 2)):
        first, last = name.split()
        records.append(
            {
                "owner_id": str(61_900_000 + number),
                "user_id": str(9_900_000 + number),
                "first_name": first,
                "last_name": last,
                "email": f"{first.lower()}.{last.lower()}@aldergate.example",
                "team": None,
                "manager_id": None,
                "kind": kind,
                "active_from": founded,
                "left_at": pd.NaT,
                "skill": 0.0,
                "pace": 1.0,
                "is_coached": False,
            }
        )
    owners = pd.DataFrame.from_records(records)
    for column in ("active_from", "left_at"):
        owners[column] = owners[column].astype("datetime64[ms]")
    return owners


# Somebody changes team in the afternoon of the demo's second day, so that its second run has something to tell.
REORGANISED = pd.Timestamp("2026-06-18 12:30")
NEXT_TEAM = {
    "Inside Sales": "Small Business",
    "Small Business": "Mid-Market",
    "Mid-Market": "Enterprise",
    "Enterprise": "Mid-Market",
    "Customer Success": "Mid-Market",
}


def make_owner_moves(seed: int, owners: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row per change of an owner's team or manager: `at`, and the place from then on.

    It is a change on paper: accounts and deals are given out, and targets set, by the team in which somebody began.
    """
    leader = {
        team: owner for team, owner, boss in zip(owners["team"], owners["owner_id"], owners["manager_id"], strict=True)
        if not pd.isna(team) and pd.isna(boss)
    }  # fmt: skip
    staying = owners["left_at"].isna() | (owners["left_at"] > REORGANISED)
    sellers = owners["team"].isin(["Mid-Market", "Enterprise", "Small Business"]) & owners["manager_id"].notna()
    here = sellers & staying & (owners["active_from"] < REORGANISED) & ~owners["is_coached"]
    reorganised = owners.loc[here, "owner_id"].iloc[0] if here.any() else None
    records: list[tuple[str, pd.Timestamp, str, str | None]] = []
    for row in owners.loc[owners["manager_id"].notna() & ~owners["is_coached"]].to_dict("records"):
        owner, team = str(row["owner_id"]), str(row["team"])
        key = int(owner)
        last = until if pd.isna(row["left_at"]) else min(until, row["left_at"])
        found: list[tuple[pd.Timestamp, str]] = []
        if owner == reorganised:
            found.append((REORGANISED, "move"))
        elif draws.one(seed, "owner moves", key) < 0.6:
            # Within a span of its own, whatever the horizon: what happened must not depend on what is still to come.
            first = row["active_from"] + pd.Timedelta(days=120 + int(900 * draws.one(seed, "owner moves when", key)))
            found.append((first.normalize() + pd.Timedelta(hours=10), "move"))
            if draws.one(seed, "owner returns", key) < 0.4:
                later = 60 + int(200 * draws.one(seed, "owner returns when", key))
                found.append((found[0][0] + pd.Timedelta(days=later), "return"))
        elif draws.one(seed, "owner reports to another", key) < 0.5:
            found.append((pd.Timestamp("2026-06-18 09:15"), "manager"))
        for at, kind in found:
            if row["active_from"] < at < last:
                place = NEXT_TEAM.get(team, team) if kind == "move" else team
                boss = leader["Enterprise"] if kind == "manager" else leader[place]
                records.append((owner, at, place, boss))
    moves = pd.DataFrame.from_records(records, columns=["owner_id", "at", "team", "manager_id"])
    moves["at"] = moves["at"].astype("datetime64[ms]")
    return moves.sort_values(["at", "owner_id"], kind="stable").reset_index(drop=True)


def placed(owners: pd.DataFrame, moves: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """The owners with the team and manager that they had just before a moment."""
    latest = moves.loc[moves["at"] < moment].drop_duplicates("owner_id", keep="last").set_index("owner_id")
    found = owners.copy()
    moved = found["owner_id"].isin(latest.index)
    for column in ("team", "manager_id"):
        found.loc[moved, column] = found.loc[moved, "owner_id"].map(latest[column])
    return found


def _one_of(text: str, share: float) -> str:
    options = text.split()
    return options[int(share * len(options))]


_PLAIN = str.maketrans("áäãåàâçéëêèíîïñóöôõøúüůýšžßÁÉÍŠŽÉÖÜ", "aaaaaaceeeeiiinooooouuuyszsAEISZEOU")


def _plain(name: str) -> str:
    return name.translate(_PLAIN).lower().replace(" ", "")


def owners_at(owners: pd.DataFrame, team: str, moments: Times, share: Floats) -> Ints:
    """For each moment the position in `owners` of a member of `team` who works there then (`share` chooses)."""
    members = np.flatnonzero((owners["team"] == team).to_numpy())
    joined = owners["active_from"].to_numpy().astype("datetime64[ms]")[members]
    left = owners["left_at"].to_numpy().astype("datetime64[ms]")[members]
    chosen = np.zeros(len(moments), dtype=np.int64)
    months = moments.astype("datetime64[M]").astype(np.int64)
    for month in np.unique(months):
        rows = np.flatnonzero(months == month)
        first = np.datetime64(int(month), "M").astype("datetime64[ms]")
        following = np.datetime64(int(month) + 1, "M").astype("datetime64[ms]")
        present = (joined <= first) & (np.isnat(left) | (left >= following))
        present[0] = True  # the founder of each team stays
        pool = members[present]
        chosen[rows] = pool[(share[rows] * len(pool)).astype(np.int64)]
    return chosen


# --- accounts -------------------------------------------------------------------------------------------------------


def make_accounts(seed: int, scale: float, months: Ints, owners: pd.DataFrame) -> tuple[pd.DataFrame, Stream]:
    """One row per account in order of its stream: the public columns, and `duplicate_of` (a position or -1), `is_junk`,
    `is_test`.

    The first month also holds the accounts that a migration brought along.
    """
    weights = monthly_weight(months)
    weights[0] += 0.14
    born = stream(seed, "accounts", months, 6_000 * scale + 12, weights)
    key, size = born.key, born.size
    created = moments_in_month(seed, "account created", key, born.month)
    created = clock.at_work(created, draws.uniform(seed, "account hour", key))
    country = np.asarray(words.COUNTRIES, dtype=object)[draws.pick(seed, "account country", key, words.COUNTRY_WEIGHTS)]
    kind = draws.pick(seed, "account size", key, [0.48, 0.38, 0.14])
    medians = np.array([18.0, 140.0, 1400.0])[kind]
    low, high = np.array([2, 50, 500])[kind], np.array([49, 499, 40_000])[kind]
    employees = np.clip(draws.lognormal(seed, "employees", key, medians, 0.7).astype(np.int64), low, high)
    unknown = draws.chance(seed, "employees unknown", key, 0.05)
    position = np.arange(size)
    earlier = born.before(born.month)
    is_duplicate = draws.chance(seed, "account duplicate", key, 0.025) & (earlier > 8)
    duplicate_of = np.where(
        is_duplicate, 2 + draws.below(seed, "account original", key, np.maximum(earlier - 2, 1)), -1
    )
    previous = np.maximum.accumulate(np.where(is_duplicate, position, -1))
    previous = np.r_[-1, previous[:-1]]
    chained = is_duplicate & draws.chance(seed, "account chain", key, 0.3) & (previous >= 0)
    chained &= born.month > born.month[np.maximum(previous, 0)]
    duplicate_of = np.where(chained, previous, duplicate_of)
    is_test = position < 2
    is_junk = draws.chance(seed, "account junk", key, 0.015) & ~is_duplicate & ~is_test & (position > 5)

    heads = np.asarray(words.FIRM_HEADS, dtype=object)[draws.below(seed, "firm head", key, len(words.FIRM_HEADS))]
    tails = np.asarray(words.FIRM_TAILS, dtype=object)[draws.below(seed, "firm tail", key, len(words.FIRM_TAILS))]
    suffix_share = draws.uniform(seed, "firm suffix", key)
    town = draws.below(seed, "firm number", key, 10_000)
    names: list[str] = []
    domains: list[str | None] = []
    seen: dict[str, int] = {}
    for row in range(size):
        stem = f"{heads[row]}{tails[row]}"
        times = seen.get(stem, 0)
        seen[stem] = times + 1
        if times:
            second = words.FIRM_HEADS[(int(town[row]) + times) % len(words.FIRM_HEADS)]
            stem = f"{stem} {second}" if times < 40 else f"{stem} {second} {times}"
        options = words.FIRM_SUFFIXES[country[row]]
        names.append(f"{stem} {options[int(suffix_share[row] * len(options))]}")
        domains.append(f"{stem.lower().replace(' ', '-')}.{words.TOP_LEVELS[country[row]]}")
    no_domain = draws.chance(seed, "domain unknown", key, 0.06)
    for row in np.flatnonzero(no_domain).tolist():
        domains[row] = None
    for row in np.flatnonzero(duplicate_of >= 0).tolist():
        original = int(duplicate_of[row])
        names[row] = names[original].rsplit(" ", 1)[0]
        country[row], employees[row], unknown[row] = country[original], employees[original], unknown[original]
    names[0], names[1] = "Test Account (do not use)", "Test Account 2"
    domains[0] = domains[1] = "aldergate.example"

    size_band = np.where(employees < 50, "small", np.where(employees < 500, "mid", "enterprise")).astype(object)
    team_of = {"small": "Small Business", "mid": "Mid-Market", "enterprise": "Enterprise"}
    owner = np.zeros(size, dtype=np.int64)
    share = draws.uniform(seed, "account owner", key)
    for band, team in team_of.items():
        rows = np.flatnonzero(size_band == band)
        owner[rows] = owners_at(owners, team, created[rows], share[rows])
    has_parent = (draws.chance(seed, "has parent", key, 0.05)) & (earlier > 8) & (duplicate_of < 0) & ~is_test
    parent = 2 + draws.below(seed, "parent", key, np.maximum(earlier - 2, 1))
    usable_parent = has_parent & (duplicate_of[parent] < 0) & ~is_junk[parent] & ~is_junk
    ids = np.array([str(7_800_100_000 + 3 * n) for n in range(size)], dtype=object)
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "name": np.array(names, dtype=object),
            "domain": np.array(domains, dtype=object),
            "industry": np.asarray(words.INDUSTRIES, dtype=object)[
                draws.below(seed, "industry", key, len(words.INDUSTRIES))
            ],
            "country": country,
            "employee_count": pd.array(np.where(unknown, 0, employees), dtype="Int64"),
            "segment": np.where(unknown, "unknown", size_band).astype(object),
            "owner_id": owners["owner_id"].to_numpy(dtype=object)[owner],
            "parent_account_id": draws.given(usable_parent, ids[parent]),
            "created_at": created,
            "size_band": size_band,
            "duplicate_of": duplicate_of,
            "is_junk": is_junk,
            "is_test": is_test,
        }
    )
    accounts.loc[unknown, "employee_count"] = pd.NA
    for column in ("domain", "industry", "parent_account_id"):
        accounts[column] = accounts[column].astype(object)
    accounts.loc[draws.chance(seed, "industry unknown", key, 0.08), "industry"] = None
    return accounts, born


# --- contacts -------------------------------------------------------------------------------------------------------

# The true effect of each channel: how many leads it brings, and what it adds to the log-odds of becoming an MQL, of an
# MQL becoming sales-qualified, and of a deal being won. Nothing downstream may read these but the truth.
CHANNEL_EFFECTS = pd.DataFrame.from_records(
    [
        ("organic_search", 0.19, 0.15, 0.05, 0.05),
        ("paid_search", 0.17, 0.05, 0.0, -0.05),
        ("display", 0.05, -0.9, -0.5, -0.45),
        ("paid_social", 0.08, -0.35, -0.15, -0.2),
        ("organic_social", 0.05, -0.1, 0.0, 0.0),
        ("email", 0.07, 0.2, 0.1, 0.1),
        ("referral", 0.06, 0.9, 0.5, 0.7),
        ("direct", 0.09, 0.25, 0.1, 0.1),
        ("trade_show", 0.05, -0.2, 0.1, 0.15),
        ("webinar", 0.05, 0.35, 0.1, 0.1),
        ("other_event", 0.015, 0.0, 0.0, 0.0),
        ("purchased_list", 0.035, -1.3, -0.8, -0.9),
        ("partner", 0.025, 0.8, 0.5, 0.55),
        ("existing_customer", 0.01, 1.2, 0.7, 0.9),
        ("inbound_content", 0.035, 0.3, 0.0, -0.05),
        ("live_chat", 0.015, 0.7, 0.2, 0.2),
        ("recycled", 0.005, 0.2, 0.0, -0.1),
        ("unknown", 0.02, -0.2, 0.0, 0.0),
        ("not_stated", 0.015, -0.2, 0.0, 0.0),
    ],
    columns=["channel", "share", "mql_effect", "sql_effect", "win_effect"],
)
# channel -> HubSpot's source, its detail, the company's own `lead_source` field
LABELS: dict[str, list[tuple[str | None, str | None, str | None]]] = {
    "organic_search": [("ORGANIC_SEARCH", "Unknown keywords (SSL)", None), ("ORGANIC_SEARCH", "bing", None)],
    "paid_search": [("PAID_SEARCH", None, None)],
    "display": [("OTHER_CAMPAIGNS", None, None)],
    "paid_social": [
        ("PAID_SOCIAL", "LinkedIn | Planner leads", None),
        ("PAID_SOCIAL", "LinkedIn | Operations heads", None),
        ("PAID_SOCIAL", "Facebook | Webinar", None),
    ],
    "organic_social": [("SOCIAL_MEDIA", "LinkedIn", None), ("SOCIAL_MEDIA", "YouTube", None)],
    "email": [("EMAIL_MARKETING", "Monthly newsletter", None), ("EMAIL_MARKETING", "Product update", None)],
    "referral": [
        ("REFERRALS", "softwarecompare.example", None),
        ("OFFLINE", None, "Customer referral"),
        ("AI_REFERRALS", "assistant.example", None),
    ],
    "direct": [("DIRECT_TRAFFIC", "www.aldergate.example/", None)],
    "trade_show": [("OFFLINE", "IMPORT", "Trade show")],
    "webinar": [("ORGANIC_SEARCH", None, "Webinar"), ("EMAIL_MARKETING", "Webinar invitation", "Webinar")],
    "other_event": [("OFFLINE", None, "Breakfast seminar")],
    "purchased_list": [("OFFLINE", "IMPORT", "Bought list")],
    "partner": [("OFFLINE", None, "Partner")],
    "existing_customer": [("OFFLINE", None, "Existing customer")],
    "inbound_content": [("ORGANIC_SEARCH", None, "White paper"), ("SOCIAL_MEDIA", "LinkedIn", "White paper")],
    "live_chat": [("DIRECT_TRAFFIC", None, "Live chat")],
    "recycled": [("OFFLINE", None, "Old lead reopened")],
    "unknown": [("OFFLINE", "CRM_UI", None), ("OFFLINE", "INTEGRATION", None)],
    "not_stated": [(None, None, None)],
}
WEB_CHANNELS = {
    "organic_search", "paid_search", "display", "paid_social", "organic_social", "email", "direct", "webinar",
    "inbound_content", "live_chat",
}  # fmt: skip
TIMEFRAMES = ["now", "within 2 months", "no time frame"]


def make_contacts(
    seed: int,
    scale: float,
    months: Ints,
    owners: pd.DataFrame,
    accounts: pd.DataFrame,
    account_stream: Stream,
    campaigns: pd.DataFrame,
    start: date,
    end: date,
) -> tuple[pd.DataFrame, Stream]:
    """One row per contact in order of its stream: the public columns, and the latent `fit`, `duplicate_of`, `is_junk`,
    `account_position`, `owner_position`, `country`, `is_shopper`, `is_imported`, and the moments `mql_at`, `sql_at`,
    `opportunity_at` (missing where never reached)."""
    born = stream(seed, "contacts", months, 20_000 * scale)
    key, size = born.key, born.size
    position = np.arange(size)
    effects = CHANNEL_EFFECTS
    channel_number = draws.pick(seed, "channel", key, list(effects["share"]))
    created = moments_in_month(seed, "contact created", key, born.month)
    is_web = np.isin(channel_number, np.flatnonzero(effects["channel"].isin(WEB_CHANNELS)))
    worked = clock.at_work(created, draws.uniform(seed, "contact hour", key))
    created = np.where(is_web & draws.chance(seed, "web hours", key, 0.45), created, worked)
    # People sign up on the nights when clocks change as well.
    for night in clock.daylight_nights(start, end):
        rows = np.flatnonzero((born.month == clock.month_index(night)) & is_web)[:3]
        hours = np.array([0.4, 1.3, 2.2])[: len(rows)]
        created[rows] = np.datetime64(night, "ms") + clock.milliseconds(hours * clock.HOUR + rows * 977)

    is_test = draws.chance(seed, "test contact", key, 0.006) | (position == 3)
    earlier = born.before(born.month)
    is_duplicate = draws.chance(seed, "contact duplicate", key, 0.03) & (earlier > 5) & ~is_test
    # A colleague meets the same person again some weeks later, so the original is a recent one.
    duplicate_of = np.where(
        is_duplicate,
        np.maximum(
            earlier - 1 - draws.below(seed, "contact original", key, np.maximum(np.minimum(earlier, 900), 1)), 0
        ),
        -1,
    )
    previous = np.maximum.accumulate(np.where(is_duplicate, position, -1))
    previous = np.r_[-1, previous[:-1]] if size else previous
    chained = is_duplicate & (previous >= 0) & draws.chance(seed, "contact chain", key, 0.3)
    chained &= born.month > born.month[np.maximum(previous, 0)] if size else chained
    duplicate_of = np.where(chained, previous, duplicate_of)
    duplicate_of = np.where(is_test[np.maximum(duplicate_of, 0)], -1, duplicate_of) if size else duplicate_of
    is_duplicate = duplicate_of >= 0

    # Which firm: recent ones more often; never one of the accounts that lead nowhere.
    known = account_stream.before(born.month)
    redirected = _usable_accounts(accounts)
    share = draws.uniform(seed, "contact account", key)
    account = redirected[np.clip((known * share**0.7).astype(np.int64), 0, max(len(accounts) - 1, 0))]
    is_shopper = draws.chance(seed, "shopper", key, 0.06) & is_web & ~is_duplicate
    alone = is_shopper | draws.chance(seed, "no account", key, 0.05)
    account = np.where(alone | (known < 6), -1, account)
    account = np.where(is_test, position % 2, account)
    for row in np.flatnonzero(is_duplicate).tolist():
        account[row] = account[duplicate_of[row]]
    account_country = accounts["country"].to_numpy(dtype=object)[np.maximum(account, 0)]
    country = np.where(
        account >= 0,
        account_country,
        np.asarray(words.COUNTRIES, dtype=object)[draws.pick(seed, "contact country", key, words.COUNTRY_WEIGHTS)],
    )

    first = np.empty(size, dtype=object)
    last = np.empty(size, dtype=object)
    first_share, last_share = draws.uniform(seed, "first name", key), draws.uniform(seed, "last name", key)
    for name in words.COUNTRIES:
        rows = np.flatnonzero(country == name)
        language = words.NAMES_LIKE.get(name, name)
        firsts = np.asarray(words.FIRST_NAMES[language].split(), dtype=object)
        lasts = np.asarray(words.LAST_NAMES[language].split(), dtype=object)
        first[rows] = firsts[(first_share[rows] * len(firsts)).astype(np.int64)]
        last[rows] = lasts[(last_share[rows] * len(lasts)).astype(np.int64)]
    for row in np.flatnonzero(is_duplicate).tolist():
        first[row], last[row] = first[duplicate_of[row]], last[duplicate_of[row]]
    first[is_test] = "Test"

    channel = effects["channel"].to_numpy(dtype=object)[channel_number]
    label_share = draws.uniform(seed, "label", key)
    source = np.empty(size, dtype=object)
    detail = np.empty(size, dtype=object)
    own_source = np.empty(size, dtype=object)
    for name, options in LABELS.items():
        for number, (label, data, own) in enumerate(options):
            rows = np.flatnonzero((channel == name) & ((label_share * len(options)).astype(np.int64) == number))
            source[rows], detail[rows], own_source[rows] = label, data, own
    campaign = np.empty(size, dtype=object)
    campaign_share = draws.uniform(seed, "campaign", key)
    local_day = clock.local_days(created) if size else np.empty(0, dtype="datetime64[D]")
    for name in ("paid_search", "display"):
        rows = np.flatnonzero(channel == name)
        chosen = choose_campaign(campaigns, name, local_day[rows], campaign_share[rows])
        campaign[rows] = campaigns["campaign_id"].to_numpy(dtype=object)[chosen]
        detail[rows] = campaigns["name"].to_numpy(dtype=object)[chosen]

    domains = accounts["domain"].to_numpy(dtype=object)[np.maximum(account, 0)]
    private = ["posta.example", "mailbox.example", "inbox.example"]
    no_email = draws.chance(seed, "no email", key, 0.04) & ~is_web
    other_mail = draws.chance(seed, "duplicate mail", key, 0.6)
    capitals = draws.chance(seed, "capital mail", key, 0.03)
    emails: list[str | None] = []
    taken: set[str] = set()
    for row in range(size):
        if is_test[row]:
            emails.append(f"test.{row}@aldergate.example")
            continue
        if no_email[row] or (is_duplicate[row] and not other_mail[row]):
            emails.append(None)
            continue
        domain = domains[row] if account[row] >= 0 and domains[row] is not None and not is_duplicate[row] else None
        if domain is None:
            domain = private[int(first_share[row] * 977) % 3]
        base = f"{_plain(first[row])}.{_plain(last[row])}"
        address = f"{base}@{domain}"
        if address in taken:
            address = f"{base}{row}@{domain}"
        taken.add(address)
        emails.append(address.title() if capitals[row] else address)

    visitor = np.empty(size, dtype=object)
    tracked = np.flatnonzero(is_web & draws.chance(seed, "tracked", key, 0.85) & ~is_duplicate & ~is_test)
    seconds = created.astype("datetime64[s]").astype(np.int64) - 40 - draws.below(seed, "first visit", key, 30 * 86_400)
    # The month in which somebody becomes a contact is also the first in which they are seen.
    opening = clock.month_first(born.month).astype("datetime64[s]").astype(np.int64) + 6 * 3600
    seconds = np.maximum(
        seconds, np.minimum(opening + draws.below(seed, "first seen", key, 7200), seconds + 20_000_000)
    )
    client = 100_000_000 + draws.below(seed, "client id", key, 1_900_000_000)
    visitor[tracked] = [f"{n}.{s}" for n, s in zip(client[tracked], seconds[tracked], strict=True)]
    gclid = np.empty(size, dtype=object)
    clicked = tracked[channel[tracked] == "paid_search"]
    words_of_click = draws.bits(seed, "gclid", key)
    gclid[clicked] = [f"Cj0KCQjw{value:016x}" for value in words_of_click[clicked]]

    band = accounts["size_band"].to_numpy(dtype=object)[np.maximum(account, 0)]
    inside = owners_at(owners, "Inside Sales", created, draws.uniform(seed, "lead owner", key))
    queue = int(np.flatnonzero(owners["kind"].to_numpy() == "queue")[0])
    in_queue = draws.chance(seed, "in queue", key, 0.06)
    owner = np.where(in_queue, queue, inside)

    # The lifecycle. Fit is a person's own; it also drives what becomes of their deals.
    fit = draws.normal(seed, "fit", key)
    size_lift = np.where(account < 0, -0.7, np.where(band == "small", -0.1, np.where(band == "mid", 0.15, 0.1)))
    mql_odds = -0.62 + effects["mql_effect"].to_numpy()[channel_number] + 0.8 * fit + size_lift
    sql_odds = 0.45 + effects["sql_effect"].to_numpy()[channel_number] + 0.6 * fit
    opportunity_odds = 1.1 + 0.5 * fit
    may = ~is_shopper & ~is_test
    is_mql = may & draws.chance(seed, "is mql", key, _logistic(mql_odds))
    is_sql = is_mql & draws.chance(seed, "is sql", key, _logistic(sql_odds))
    is_opportunity = is_sql & draws.chance(seed, "is opportunity", key, _logistic(opportunity_odds))
    # Inside sales answers more slowly in summer and at the turn of the year: one clock for all steps of a lead.
    month_of_year = born.month % 12
    sluggish = np.where(np.isin(month_of_year, [6, 7, 11]), 1.5, 1.0) * np.exp(0.25 * draws.normal(seed, "slow", key))
    to_mql = draws.lognormal(seed, "to mql", key, 6.0 * sluggish, 1.1) * clock.DAY
    to_mql = np.where(draws.chance(seed, "asked for a demo", key, 0.12), 0.0, to_mql)
    mql_at = created + clock.milliseconds(to_mql)
    sql_at = mql_at + clock.milliseconds(draws.lognormal(seed, "to sql", key, 4.0 * sluggish, 0.9) * clock.DAY)
    opportunity_at = sql_at + clock.milliseconds(draws.lognormal(seed, "to opp", key, 5.0 * sluggish, 0.8) * clock.DAY)
    sql_at = clock.at_work(sql_at, draws.uniform(seed, "sql hour", key)) if size else sql_at
    sql_at = np.maximum(sql_at, mql_at + np.timedelta64(5, "m"))
    opportunity_at = clock.at_work(opportunity_at, draws.uniform(seed, "opp hour", key)) if size else opportunity_at
    opportunity_at = np.maximum(opportunity_at, sql_at + np.timedelta64(7, "m"))

    big = draws.chance(seed, "big id", key, 0.25)
    ids = [str(9_007_199_254_740_993 + n) if b else str(25_000_000_000 + 7 * n) for n, b in enumerate(big)]
    timeframe = np.asarray([*TIMEFRAMES, None], dtype=object)[
        np.where(
            is_sql,
            draws.pick(seed, "time frame sql", key, [0.4, 0.35, 0.15, 0.1]),
            draws.pick(seed, "time frame", key, [0.06, 0.12, 0.32, 0.5]),
        )
    ]
    titles = np.asarray(words.JOB_TITLES, dtype=object)[draws.below(seed, "job", key, len(words.JOB_TITLES))]
    contacts = pd.DataFrame(
        {
            "contact_id": np.array(ids, dtype=object),
            "account_id": draws.given(account >= 0, accounts["account_id"].to_numpy(dtype=object)[account]),
            "first_name": first,
            "last_name": last,
            "email": np.array(emails, dtype=object),
            "country": country,
            "job_title": draws.given(~is_shopper & ~draws.chance(seed, "no job", key, 0.1), titles),
            "created_at": created,
            "source_label": source,
            "source_detail": detail,
            "lead_source": own_source,
            "visitor_id": visitor,
            "gclid": gclid,
            "owner_id": owners["owner_id"].to_numpy(dtype=object)[owner],
            "purchase_timeframe": timeframe,
            "is_test": is_test,
            "true_channel": channel,
            "true_campaign_id": campaign,
            "fit": fit,
            "account_position": account,
            "owner_position": owner,
            "duplicate_of": duplicate_of,
            "is_shopper": is_shopper,
            "is_imported": np.isin(channel, ["not_stated", "purchased_list"]),
            "mql_at": np.where(is_mql, mql_at, clock.NEVER),
            "sql_at": np.where(is_sql, sql_at, clock.NEVER),
            "opportunity_at": np.where(is_opportunity, opportunity_at, clock.NEVER),
        }
    )
    return contacts, born


def _usable_accounts(accounts: pd.DataFrame) -> Ints:
    """Each account's position, or the nearest earlier one that is neither junk nor a test."""
    position = np.arange(len(accounts))
    usable = ~(accounts["is_junk"] | accounts["is_test"]).to_numpy()
    return np.maximum(np.maximum.accumulate(np.where(usable, position, 0)), 2)


def choose_campaign(campaigns: pd.DataFrame, channel: str, days: Times, share: Floats) -> Ints:
    """For each day the position of a campaign of `channel` that runs then, by its `lead_weight`."""
    members = np.flatnonzero((campaigns["true_channel"] == channel).to_numpy())
    begins = campaigns["start_date"].to_numpy().astype("datetime64[D]")[members]
    ends = campaigns["end_date"].to_numpy().astype("datetime64[D]")[members]
    running = (days[:, None] >= begins[None, :] + 3) & (np.isnat(ends)[None, :] | (days[:, None] < ends[None, :]))
    weights = running * campaigns["lead_weight"].to_numpy(dtype=np.float64)[members][None, :]
    edges = np.cumsum(weights, axis=1)
    chosen = (edges < (share * edges[:, -1])[:, None]).sum(axis=1)
    return np.asarray(members[np.minimum(chosen, len(members) - 1)])


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def names_of(contacts: pd.DataFrame) -> Objects:
    """Full names."""
    return np.asarray((contacts["first_name"] + " " + contacts["last_name"]).to_numpy(dtype=object))
