"""What visitors do on the simulated company's web site and in its small shop.

What belongs here: visitors, sessions, events, orders. What does not: the file formats that an analytics vendor exports
(ga4.py). Events are built month by month, so that memory follows one month and the finished columns alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from simulator import clock, draws, words
from simulator.draws import Bools, Ints, Keys, Objects, Times
from simulator.people import choose_campaign, moments_in_month, monthly_weight, stream

NAMES = [
    "session_start", "first_visit", "page_view", "user_engagement", "scroll", "view_item", "add_to_cart",
    "begin_checkout", "purchase", "generate_lead",
]  # fmt: skip
START, FIRST, VIEW, ENGAGED, SCROLL, ITEM, CART, CHECKOUT, PURCHASE, LEAD = range(10)
# source, medium, campaign (a name, None, or "ads": the ad campaign that runs), and the channel that it stands for
TRAFFIC: list[tuple[str, str, str | None, str]] = [
    ("google", "organic", None, "organic_search"),
    ("bing", "organic", None, "organic_search"),
    ("(direct)", "(none)", None, "direct"),
    ("google", "cpc", "ads", "paid_search"),
    ("google", "display", "ads", "display"),
    ("linkedin.com", "paid_social", "planner-leads", "paid_social"),
    ("facebook.com", "paid_social", "webinar", "paid_social"),
    ("linkedin.com", "social", None, "organic_social"),
    ("newsletter", "email", "monthly", "email"),
    ("softwarecompare.example", "referral", None, "referral"),
    ("assistant.example", "referral", None, "referral"),
    ("lindenpartners.example", "partner", None, "partner"),
    ("poster", "qr", "fair", "unknown"),
]
_TRAFFIC_WEIGHTS = [0.3, 0.04, 0.2, 0.15, 0.06, 0.04, 0.03, 0.04, 0.06, 0.035, 0.02, 0.015, 0.01]
DEVICES = ["desktop", "mobile", "tablet"]
COUNTRY_NAMES = [
    "Czechia", "Germany", "United Kingdom", "United States", "Poland", "France", "Austria", "Netherlands", "Portugal",
    "Ireland",
]  # fmt: skip
CURRENCIES = ["EUR", "CZK", "USD"]
_PRICE_FACTOR = [1.0, 25.0, 1.1]
_FEW, _MANY = (pa.dictionary(index, pa.string()) for index in (pa.int8(), pa.int32()))
SCHEMA = pa.schema(
    [
        ("event_at", pa.timestamp("us")),
        ("event_day", pa.date32()),
        ("visitor_id", _MANY),
        ("user_id", _MANY),
        ("session_id", pa.int64()),
        ("session_number", pa.int32()),
        ("name", _FEW),
        ("page_location", _FEW),
        ("page_referrer", _FEW),
        ("engagement_ms", pa.int32()),
        ("is_engaged", pa.bool_()),
        ("source", _FEW),
        ("medium", _FEW),
        ("campaign", _FEW),
        ("gclid", _MANY),
        ("device", _FEW),
        ("country", _FEW),
        ("transaction_id", _MANY),
        ("revenue", pa.decimal128(18, 2)),
        ("currency", _FEW),
        ("items", _FEW),
        ("late_days", pa.int8()),
        ("is_bot", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Sessions:
    """One entry per session in order of its start."""

    key: Keys
    start: Times
    visitor: Ints
    number: Ints
    traffic: Ints
    campaign: Ints  # position in the campaign names, -1 without
    device: Ints
    country: Ints
    contact: Ints  # -1 for strangers
    bot: Bools
    views: Ints
    engaged: Bools
    form: Bools
    cart: Bools
    bought: Bools
    item: Ints
    quantity: Ints
    currency: Ints
    late: Ints
    power: Bools


def make_web(
    seed: int, scale: float, months: Ints, contacts: pd.DataFrame, campaigns: pd.DataFrame, until: pd.Timestamp
) -> tuple[pa.Table, pd.DataFrame]:
    """All events before `until` (SCHEMA, ordered by session start within a month) and one row per order."""
    sessions, visitors, campaign_names = _sessions(seed, scale, months, contacts, campaigns, until)
    tables, orders = [], []
    pools = _Pools(visitors, contacts["contact_id"].to_numpy(dtype=object), campaign_names)
    in_month = sessions.start.astype("datetime64[M]").astype(np.int64)
    borders = (
        np.flatnonzero(np.r_[True, in_month[1:] != in_month[:-1], True])
        if len(in_month)
        else np.zeros(1, dtype=np.int64)
    )
    repeat_of = _previous_purchase(seed, sessions)
    for first, last in pairwise(borders.tolist()):
        table, bought = _events(seed, sessions, first, last, repeat_of, pools, until)
        tables.append(table)
        orders.append(bought)
    if not tables:
        return SCHEMA.empty_table(), _orders_frame([])
    return pa.concat_tables(tables), _orders_frame(orders)


def _orders_frame(parts: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["transaction_id", "visitor_id", "at", "revenue", "currency"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _sessions(
    seed: int, scale: float, months: Ints, contacts: pd.DataFrame, campaigns: pd.DataFrame, until: pd.Timestamp
) -> tuple[Sessions, Objects, list[str]]:
    strangers = stream(seed, "visitors", months, 72_000 * scale, monthly_weight(months))
    known = np.flatnonzero(contacts["visitor_id"].notna().to_numpy())
    key = np.concatenate(
        [strangers.key, draws.bits(seed, "visitor", contacts["key"].to_numpy().astype(np.uint64)[known])]
    )
    contact = np.r_[np.full(strangers.size, -1), known]
    visit_ids = contacts["visitor_id"].to_numpy(dtype=object)[known]
    first_seconds = np.array([int(text.split(".")[1]) for text in visit_ids], dtype=np.int64)
    created = contacts["created_at"].to_numpy().astype("datetime64[ms]")[known]
    born = moments_in_month(seed, "visit", strangers.key, strangers.month)
    # More visits by day than by night, more on working days.
    hour = draws.uniform(seed, "visit hour", strangers.key)
    day = born.astype("datetime64[D]").astype("datetime64[ms]")
    born = np.where(hour < 0.8, day + clock.milliseconds((6.0 + 14 * ((hour / 0.8) ** 0.9)) * clock.HOUR), born)
    bot = draws.chance(seed, "bot", key, 0.0045) & (contact < 0)
    shopper = np.r_[np.zeros(strangers.size, dtype=bool), contacts["is_shopper"].to_numpy(dtype=bool)[known]]
    first = np.concatenate([born, first_seconds.astype("datetime64[s]").astype("datetime64[ms]")])
    number_text = 100_000_000 + draws.below(seed, "stranger id", strangers.key, 1_900_000_000)
    stranger_ids = [f"{n}.{s}" for n, s in zip(number_text, born.astype("datetime64[s]").astype(np.int64), strict=True)]
    visitors = np.array([*stranger_ids, *visit_ids], dtype=object)

    extra = np.floor(np.log(draws.uniform(seed, "returns", key)) / np.log(np.where(contact >= 0, 0.62, 0.3)))
    count = 1 + np.minimum(extra.astype(np.int64), 14)
    count = np.where(contact >= 0, np.maximum(count, 2), count)
    count[bot] = 1
    visitor = np.repeat(np.arange(len(key)), count)
    number = np.arange(len(visitor)) - np.repeat(np.cumsum(count) - count, count)
    session_key = draws.bits(seed, "session", key[visitor] + number.astype(np.uint64))
    gap = (0.04 + draws.lognormal(seed, "return days", session_key, 6.0, 1.2)) * clock.DAY
    gap[number == 0] = 0
    total = np.cumsum(gap)
    base = np.repeat(total[np.cumsum(count) - count], count)
    start = first[visitor] + clock.milliseconds(total - base)
    # The session in which a contact fills in the form ends in the record's creation.
    is_form = (contact[visitor] >= 0) & (number == 1)
    form_at = np.repeat(np.r_[np.full(strangers.size, clock.NEVER), created], count)
    start = np.where(
        is_form, form_at - clock.milliseconds((60 + 400 * draws.uniform(seed, "form wait", session_key)) * 1000), start
    )
    start = np.where(
        (contact[visitor] >= 0) & (number > 1),
        np.maximum(start, form_at + clock.milliseconds((0.1 + 2 * number) * clock.DAY)),
        start,
    )
    # The site was not measured before the company's log begins.
    measured = clock.utc_from_local(clock.month_first(months[:1]).astype("datetime64[ms]"))[0]
    keep = (start >= measured) & (start < np.datetime64(until, "ms"))
    order = np.flatnonzero(keep)
    order = order[np.lexsort((session_key[order], start[order]))]
    visitor, number, session_key, start, is_form = (
        visitor[order],
        number[order],
        session_key[order],
        start[order],
        is_form[order],
    )

    who = contact[visitor]
    traffic = draws.pick(seed, "traffic", session_key, _TRAFFIC_WEIGHTS)
    own_channel = contacts["true_channel"].to_numpy(dtype=object)
    for channel in {entry[3] for entry in TRAFFIC}:
        options = [n for n, entry in enumerate(TRAFFIC) if entry[3] == channel]
        rows = np.flatnonzero((who >= 0) & (number <= 1) & (own_channel[np.maximum(who, 0)] == channel))
        traffic[rows] = options[0]
    is_bot = bot[visitor]
    traffic[is_bot] = np.where(draws.chance(seed, "bot direct", session_key[is_bot], 0.7), 2, 9)
    names = list(dict.fromkeys([*campaigns["name"], *(entry[2] for entry in TRAFFIC if entry[2] not in (None, "ads"))]))
    campaign = np.full(len(visitor), -1)
    place = {name: n for n, name in enumerate(names)}
    for n, (_, _, given, channel) in enumerate(TRAFFIC):
        rows = np.flatnonzero(traffic == n)
        if given == "ads":
            chosen = choose_campaign(
                campaigns,
                channel,
                start[rows].astype("datetime64[D]"),
                draws.uniform(seed, "visit campaign", session_key[rows]),
            )
            campaign[rows] = np.array([place[name] for name in campaigns["name"]])[chosen]
        elif given is not None:
            campaign[rows] = place[given]

    quality = draws.uniform(seed, "engagement", session_key)
    engaged = (quality > 0.36) & ~is_bot
    engaged |= is_form
    views = 1 + np.floor(np.log(draws.uniform(seed, "views", session_key)) / np.log(0.62)).astype(np.int64)
    views = np.minimum(np.where(engaged, views + 1, 1), 24)
    power = engaged & draws.chance(seed, "power reader", session_key, 0.0025)
    views = np.where(power, 31 + draws.below(seed, "power views", session_key, 20), views)
    views = np.where(is_bot, 30 + draws.below(seed, "bot views", session_key, 50), views)
    wants = np.where(shopper[visitor], 0.5, 0.065)
    cart = engaged & (draws.uniform(seed, "cart", session_key) < wants)
    bought = cart & (draws.uniform(seed, "buys", session_key) < np.where(shopper[visitor], 0.6, 0.3))
    country = draws.pick(seed, "visitor country", key[visitor], words.COUNTRY_WEIGHTS)
    currency = np.where(country == 0, 1, np.where(country == 3, 2, 0))
    late = np.where(
        draws.chance(seed, "late", session_key, 0.006),
        1 + draws.pick(seed, "late days", session_key, [0.6, 0.3, 0.1]),
        0,
    )
    sessions = Sessions(
        key=session_key, start=start, visitor=visitor, number=number + 1, traffic=traffic, campaign=campaign,
        device=draws.pick(seed, "device", key[visitor], [0.66, 0.31, 0.03]), country=country, contact=who, bot=is_bot,
        views=views, engaged=engaged, form=is_form, cart=cart, bought=bought,
        item=draws.pick(seed, "item", session_key, [0.32, 0.2, 0.2, 0.14, 0.1, 0.04]),
        quantity=1 + draws.pick(seed, "quantity", session_key, [0.86, 0.1, 0.04]), currency=currency,
        late=late, power=power,
    )  # fmt: skip
    return sessions, visitors, names


def _previous_purchase(seed: int, sessions: Sessions) -> Ints:
    """For sessions that open an earlier thank-you page again: the session of that purchase, else -1."""
    order = np.lexsort((sessions.start, sessions.visitor))
    previous = np.full(len(order), -1)
    same = sessions.visitor[order][1:] == sessions.visitor[order][:-1]
    previous[order[1:][same]] = order[:-1][same]
    again = (
        (previous >= 0)
        & sessions.bought[np.maximum(previous, 0)]
        & draws.chance(seed, "thanked again", sessions.key, 0.06)
    )
    return np.where(again, previous, -1)


def _unique(values: list[str]) -> tuple[pa.Array, Ints]:
    """The distinct values, and for each given one its position among them."""
    distinct = list(dict.fromkeys(values))
    return pa.array(distinct), np.array([distinct.index(value) for value in values], dtype=np.int64)


class _Pools:
    """The value lists behind the dictionary columns."""

    def __init__(self, visitors: Objects, contact_ids: Objects, campaign_names: list[str]) -> None:
        self.visitor = pa.array(visitors, pa.string())
        self.user = pa.array([f"u{contact}" for contact in contact_ids], pa.string())
        self.name = pa.array(NAMES)
        pages = [*words.PAGES, words.CART_PAGE, words.CHECKOUT_PAGE, words.THANKS_PAGE, words.FORM_PAGE]
        self.page = pa.array([words.SITE + page for page in pages])
        self.cart_page, self.checkout_page = len(words.PAGES), len(words.PAGES) + 1
        self.thanks_page, self.form_page = len(words.PAGES) + 2, len(words.PAGES) + 3
        # A dictionary holds each value once, so traffic is led to its value by position.
        self.referrer, self.referrer_of = _unique([f"https://{entry[0]}/" for entry in TRAFFIC])
        self.source, self.source_of = _unique([entry[0] for entry in TRAFFIC])
        self.medium, self.medium_of = _unique([entry[1] for entry in TRAFFIC])
        self.campaign = pa.array(campaign_names, pa.string())
        self.device, self.country, self.currency = pa.array(DEVICES), pa.array(COUNTRY_NAMES), pa.array(CURRENCIES)
        texts: list[str] = []
        self.cents = np.zeros((len(words.SHOP_ITEMS), 4, len(CURRENCIES)), dtype=np.int64)
        self.item_code = np.zeros_like(self.cents)
        for item, (number, label, price) in enumerate(words.SHOP_ITEMS):
            for quantity in range(1, 4):
                for currency, factor in enumerate(_PRICE_FACTOR):
                    own_price = round(price * factor, 2)
                    self.item_code[item, quantity, currency] = len(texts)
                    self.cents[item, quantity, currency] = round(own_price * quantity * 100)
                    texts.append(
                        json.dumps([{"item_id": number, "item_name": label, "price": own_price, "quantity": quantity}])
                    )
        self.items = pa.array(texts)


def _events(
    seed: int, sessions: Sessions, first: int, last: int, repeat_of: Ints, pools: _Pools, until: pd.Timestamp
) -> tuple[pa.Table, pd.DataFrame]:
    """The events of the sessions first..last, in order of time, and the orders among them."""
    own = np.arange(first, last)
    start = sessions.start[own].astype("datetime64[us]").astype(np.int64)
    start += (draws.bits(seed, "microsecond", sessions.key[own]) % np.uint64(1000)).astype(np.int64)
    views, engaged, bot = sessions.views[own], sessions.engaged[own], sessions.bot[own]
    session = np.repeat(np.arange(len(own)), views)
    turn = np.arange(len(session)) - np.repeat(np.cumsum(views) - views, views)
    view_key = draws.bits(seed, "view", sessions.key[own][session] + turn.astype(np.uint64))
    median = np.where(bot[session], 0.9, np.where(sessions.power[own][session], 25.0, 38.0))
    stay = np.minimum(draws.lognormal(seed, "stay", view_key, median, 0.8), 1500.0) * 1e6
    stay = np.where(bot[session], np.minimum(stay, 4e6), np.maximum(stay, 2e6)).astype(np.int64)
    running = np.cumsum(stay)
    opened = start[session] + 2000 + (running - stay) - np.repeat((running - stay)[np.cumsum(views) - views], views)
    ends = opened + stay
    page = draws.below(seed, "page", view_key, len(words.PAGES))
    page = np.where((turn == 0) & draws.chance(seed, "home", view_key, 0.35), 0, page)
    first_row = np.cumsum(views) - views
    last_row = np.cumsum(views) - 1

    sess: list[Ints] = []
    code: list[Ints] = []
    when: list[Ints] = []
    where: list[Ints] = []
    spent: list[Ints] = []

    def add(which: Ints, name: int, moments: Ints, pages: Ints | int, milliseconds: Ints | None = None) -> None:
        sess.append(which)
        code.append(np.full(len(which), name))
        when.append(moments)
        where.append(np.broadcast_to(np.asarray(pages, dtype=np.int64), which.shape))
        spent.append(np.zeros(len(which), dtype=np.int64) if milliseconds is None else milliseconds)

    every = np.arange(len(own))
    add(every, START, start, page[first_row])
    new = np.flatnonzero(sessions.number[own] == 1)
    add(new, FIRST, start[new] + 1000, page[first_row][new])
    add(session, VIEW, opened, page)
    looked = np.flatnonzero(engaged[session] & (draws.chance(seed, "looked", view_key, 0.75) | (turn == 0)))
    add(
        session[looked],
        ENGAGED,
        opened[looked] + stay[looked] * 9 // 10,
        page[looked],
        np.asarray(stay[looked] * 8 // 10_000),
    )
    down = np.flatnonzero(engaged[session] & draws.chance(seed, "scrolls", view_key, 0.3))
    add(session[down], SCROLL, opened[down] + stay[down] // 2, page[down])
    finish = ends[last_row]
    shop = words.PAGES.index(words.SHOP_PAGE)
    cart, bought = np.flatnonzero(sessions.cart[own]), np.flatnonzero(sessions.bought[own])
    add(cart, ITEM, finish[cart] + 5_000_000, shop)
    add(cart, CART, finish[cart] + 21_000_000, pools.cart_page)
    add(bought, CHECKOUT, finish[bought] + 43_000_000, pools.checkout_page)
    paid = finish[bought] + 97_000_000
    add(bought, PURCHASE, paid, pools.thanks_page)
    reloaded = np.flatnonzero(draws.chance(seed, "reloaded", sessions.key[own][bought], 0.03))
    add(bought[reloaded], PURCHASE, paid[reloaded] + 4_200_000, pools.thanks_page)
    thanked = np.flatnonzero(repeat_of[own] >= 0)
    add(thanked, PURCHASE, start[thanked] + 2_500, pools.thanks_page)
    form = np.flatnonzero(sessions.form[own])
    add(form, LEAD, finish[form] + 3_000_000, pools.form_page)

    session, name, moment, location, spent_ms = (np.concatenate(part) for part in (sess, code, when, where, spent))
    limit = int(np.datetime64(until, "us").astype(np.int64))
    order = np.lexsort((name, moment))
    order = order[moment[order] < limit]
    session, name, moment, location, spent_ms = (
        session[order],
        name[order],
        moment[order],
        location[order],
        spent_ms[order],
    )
    row = own[session]
    buyer = np.where(
        (name == PURCHASE) & (repeat_of[row] >= 0) & (moment < start[session] + 3_000), repeat_of[row], row
    )
    is_purchase, in_shop = name == PURCHASE, (name >= ITEM) & (name <= PURCHASE)
    traffic = sessions.traffic[row]
    states = name <= VIEW
    states &= (name != VIEW) | (moment == start[session] + 2_000)
    paid_click = states & (np.asarray([entry[1] == "cpc" for entry in TRAFFIC])[traffic])
    clicked, click_code = np.unique(row[paid_click], return_inverse=True)
    order_rows, order_code = np.unique(buyer[is_purchase], return_inverse=True)
    transaction_ids = [f"AG-{n:08d}" for n in order_rows]
    cents = pools.cents[sessions.item[buyer], sessions.quantity[buyer], sessions.currency[buyer]]
    item_code = pools.item_code[sessions.item[buyer], sessions.quantity[buyer], sessions.currency[buyer]]
    known_user = (sessions.contact[row] >= 0) & (sessions.number[row] > 2) & (sessions.key[row] % np.uint64(3) == 0)

    # Visitors are many and each month sees few of them: a month's dictionary holds its own.
    visitors, visitor_code = np.unique(sessions.visitor[row], return_inverse=True)
    users, user_code = np.unique(sessions.contact[row[known_user]], return_inverse=True)

    def coded(codes: Ints, pool: pa.Array, present: Bools | None = None, index: pa.DataType = _FEW) -> pa.Array:
        mask = None if present is None else ~present
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask).cast(index.index_type), pool)

    def scattered(present: Bools, codes: Ints, pool: pa.Array) -> pa.Array:
        full = np.zeros(len(present), dtype=np.int64)
        full[present] = codes
        return coded(full, pool, present, _MANY)

    day = clock.local_days(moment.astype("datetime64[us]").astype("datetime64[ms]"))
    table = pa.table(
        [
            pa.array(moment.astype("datetime64[us]")),
            pa.array(day.astype("datetime64[D]")),
            coded(visitor_code, pools.visitor.take(pa.array(visitors)), None, _MANY),
            scattered(known_user, user_code, pools.user.take(pa.array(users))),
            pa.array(start[session] // 1_000_000),
            pa.array(sessions.number[row].astype(np.int32)),
            coded(name, pools.name),
            coded(location, pools.page),
            coded(pools.referrer_of[traffic], pools.referrer, (name == VIEW) & states & (traffic != 2)),
            pa.array(spent_ms.astype(np.int32), mask=name != ENGAGED),
            pa.array(engaged[session]),
            coded(pools.source_of[traffic], pools.source, states),
            coded(pools.medium_of[traffic], pools.medium, states),
            coded(np.maximum(sessions.campaign[row], 0), pools.campaign, states & (sessions.campaign[row] >= 0)),
            scattered(paid_click, click_code, _click_ids(seed, sessions, clicked)),
            coded(sessions.device[row], pools.device),
            coded(sessions.country[row], pools.country),
            scattered(is_purchase, order_code, pa.array(transaction_ids, pa.string())),
            _hundredths(cents, is_purchase),
            coded(sessions.currency[buyer], pools.currency, in_shop),
            coded(item_code, pools.items, in_shop),
            pa.array(sessions.late[row].astype(np.int8)),
            pa.array(bot[session]),
        ],
        schema=SCHEMA,
    )
    fresh = np.flatnonzero(is_purchase & (buyer == row))
    _, earliest = np.unique(buyer[fresh], return_index=True)
    fresh = fresh[np.sort(earliest)]
    orders = pd.DataFrame(
        {
            "transaction_id": [f"AG-{n:08d}" for n in buyer[fresh]],
            "visitor_id": pools.visitor.take(pa.array(sessions.visitor[row[fresh]])).to_pylist(),
            "at": moment[fresh].astype("datetime64[us]").astype("datetime64[ms]"),
            "revenue": cents[fresh] / 100.0,
            "currency": np.asarray(CURRENCIES, dtype=object)[sessions.currency[buyer[fresh]]],
        }
    )
    return table, orders


def _hundredths(cents: Ints, present: Bools) -> pa.Array:
    """Whole cents as decimals with two places, missing where not present."""
    words_of = np.zeros((len(cents), 2), dtype="<i8")
    words_of[:, 0] = cents
    words_of[:, 1] = cents >> 63
    validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [validity, pa.py_buffer(words_of.tobytes())])


def _click_ids(seed: int, sessions: Sessions, rows: Ints) -> pa.Array:
    values = draws.bits(seed, "click", sessions.key[rows])
    return pa.array([f"EAIaIQob{value:016x}" for value in values], pa.string())
