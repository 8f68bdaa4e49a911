"""How a company's deals come about, year after year, from one seed.

What belongs here: the hidden course of deals, and what their sellers write down of it. What does not: what companies
are like (catalogue.py). It imports nothing of the product.
"""

import zlib
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulator.worlds.catalogue import World

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
BEGIN = date(2022, 1, 1)
REVISIONS = 10
SOURCES = ("partner", "inbound", "outbound", "event")
SOURCE_EFFECTS = np.array([0.25, 0.15, -0.25, 0.0])
# What decides beside a deal's quality (standard deviation).
WILL = 0.7
QUARTER, EARLY = 91.3125, 20
# What each month of deals to expect has for itself (log); how long a month of mood is, and what is kept of the last.
RATE_SPREAD = 0.05
MOOD_DAYS, MOOD_KEPT = 30.4, 0.7
# How high amounts are entered at first and later, over what is agreed on (log), and their spreads.
ENTERED, NEARER = (0.10, 0.25), (0.04, 0.12)
RENEWALS_AFTER, RENEWALS_OPENED, RENEWALS_SPREAD = 365, 290, 12


@dataclass(frozen=True)
class Company:
    """A generated company up to its last day, as tables.

    deals: deal_id, created, owner, team, segment, pipeline, source, kind (new, renewal).
    history: deal_id, day, order_no, stage, amount, close_date, owner, team; empty where unchanged on that day.
    stages: stage, stage_order, outcome (open, won, lost), probability. activities: deal_id, day.
    """

    world: World
    seed: int
    last_day: date
    deals: pd.DataFrame
    history: pd.DataFrame
    stages: pd.DataFrame
    activities: pd.DataFrame
    hidden: "Hidden"


@dataclass
class Course:
    """The hidden course of deals: days count from the company's first.

    `quality` is what is good about a deal without the market's leaning on its day, `threshold` what both together have
    to pass (NaN: of renewals, which have a rate of their own); `large` its size among its segment's (standard normal);
    `due` the day on which a renewal's contract ends.
    """

    number: Whole
    created: Whole
    segment: Whole
    source: Whole
    owner: Whole
    amount: Floats
    decided: Whole
    recorded: Whole
    is_won: npt.NDArray[np.bool_]
    depth: Floats
    is_renewal: npt.NDArray[np.bool_]
    quality: Floats
    threshold: Floats
    large: Floats
    due: Floats


def generate(world: World, seed: int, *, scale: float = 1.0) -> Company:
    """The company of a seed; `scale` multiplies deals and sellers."""
    if scale != 1.0:
        world = replace(world, deals=world.deals * scale, owners=max(1, round(world.owners * scale)))
    random = np.random.default_rng((seed, zlib.crc32(world.name.encode())))
    month_starts = np.array([(month_start(place) - BEGIN).days for place in range(world.months + 1)])
    owners = _owners(world, random, int(month_starts[-1]))
    rate = creation_rates(world, np.exp(random.normal(0, RATE_SPREAD, world.months)))
    course, mood = deals_of(world, random, random.poisson(rate), month_starts, owners)
    if world.renewals:
        course = _with_renewals(world, random, course, int(month_starts[-1]))
    return _company(world, seed, random, course, Hidden(course, owners, month_starts, rate, mood, pd.DataFrame()))


def month_start(place: int) -> date:
    return date(BEGIN.year + place // 12, place % 12 + 1, 1)


@dataclass
class Owners:
    """Who sells: team, skill, how hopeful dates are, first day and the day after the last."""

    team: Whole
    skill: Floats
    optimism: Floats
    starts: Whole
    ends: Whole


@dataclass
class Hidden:
    """What nobody in the company knows: the courses of its deals, the deals to expect by month, the market's mood.

    revisions: deal, day, close_day and whether the date was moved because the end was near (or since it had passed).
    """

    course: Course
    owners: Owners
    month_starts: Whole
    rate: Floats
    mood: Floats
    revisions: pd.DataFrame


def _owners(world: World, random: np.random.Generator, last: int) -> Owners:
    """Who sells from when to when; whoever leaves is followed by somebody new a month later, in the same team."""
    team, starts, ends = [], [], []
    wanted = np.ceil(world.owners * np.exp(world.growth * 0.7 * np.arange(world.months)))
    seats = int(wanted[-1])
    for seat in range(seats):
        day = int(np.argmax(wanted > seat)) * 30.4
        while day < last:
            stay = random.exponential(30.4 / world.turnover) if world.turnover else np.inf
            team.append(seat % world.teams)
            starts.append(int(day))
            ends.append(int(min(day + max(stay, 90), 10**6)))
            day = day + max(stay, 90) + 30
    count = len(team)
    return Owners(
        team=np.array(team),
        skill=random.normal(0, world.skill_spread, count),
        optimism=random.normal(world.date_optimism, 0.2, count),
        starts=np.array(starts),
        ends=np.array(ends),
    )


def _somebody(random: np.random.Generator, owners: Owners, days: Whole, avoid: Whole | None = None) -> Whole:
    """For each day a seller who is there."""
    found = random.integers(0, len(owners.team), len(days))
    for _ in range(200):
        away = (owners.starts[found] > days) | (owners.ends[found] <= days)
        if avoid is not None:
            away |= (found == avoid) & (len(owners.team) > 1)
        if not away.any():
            break
        found[away] = random.integers(0, len(owners.team), int(away.sum()))
    return found


def creation_rates(world: World, luck: Floats) -> Floats:
    """Deals to expect by month; `luck`: what each month has for itself."""
    months = np.arange(world.months)
    rate = world.deals * np.exp(world.growth * months)
    rate = rate * (1 + world.season * np.sin(2 * np.pi * (months - 7) / 12))
    rate = rate * luck
    if world.shock_at is not None:
        rate = np.where(months >= world.shock_at * world.months, rate * world.shock_deals, rate)
    return np.asarray(rate, dtype=np.float64)


def deals_of(
    world: World,
    random: np.random.Generator,
    counts: Whole,
    month_starts: Whole,
    owners: Owners,
    mood: Floats | None = None,
) -> tuple[Course, Floats]:
    """So many deals created in each month; the market's mood is drawn with them unless it is given."""
    month = np.repeat(np.arange(world.months), counts)
    count = len(month)
    created = month_starts[month] + (random.random(count) * (month_starts[month + 1] - month_starts[month])).astype(int)
    created -= np.maximum((created + BEGIN.weekday()) % 7 - 4, 0)
    created = np.maximum(created, 0)
    segment = random.choice(len(world.segments), count, p=[item.share for item in world.segments])
    source = random.integers(0, len(SOURCES), count)
    owner = _somebody(random, owners, created)

    def of_segment(name: str) -> Floats:
        return np.array([float(getattr(item, name)) for item in world.segments])[segment]

    large = random.standard_normal(count)
    amount = of_segment("amount") * np.exp(of_segment("amount_spread") * large) * price(world, month)
    days = of_segment("days") * np.exp(
        of_segment("days_spread") * random.standard_normal(count) + 0.15 * large + world.days_drift * month
    )
    decided = created + np.maximum(np.rint(days), 0).astype(int)
    decided = _pulled(world, random, created, decided)
    if mood is None:
        mood = _mood(world, random)
    leaning = leaning_on(world, mood, decided)
    own = random.standard_normal(count) + SOURCE_EFFECTS[source] + owners.skill[owner] - 0.2 * large
    quality = own + leaning
    will = quality + random.normal(0, WILL, count)
    threshold = _normal_quantile(1 - of_segment("win_rate")) * np.sqrt(1.6)
    is_won = will > threshold
    silent = random.random(count) < world.silent_losses
    soon, lost_late = random.integers(0, 3, count), random.exponential(world.silent_days, count)
    delay = np.where(is_won, soon, np.where(silent, lost_late, random.exponential(4, count)))
    # How far a lost deal comes tells something of how good it was.
    depth = np.where(is_won, 1.0, random.beta(*depths_of_lost(quality)))
    course = Course(
        number=np.arange(count), created=created, segment=segment, source=source, owner=owner, amount=amount,
        decided=decided, recorded=decided + delay.astype(int), is_won=is_won, depth=depth,
        is_renewal=np.zeros(count, dtype=bool), quality=own, threshold=threshold, large=large,
        due=np.full(count, np.nan),
    )  # fmt: skip
    return course, mood


def price(world: World, month: Whole) -> Floats:
    """What amounts are multiplied by in the month of a deal's creation."""
    found = np.exp(world.amount_drift * month)
    if world.price_at is not None:
        found = np.where(month >= world.price_at * world.months, found * world.price_factor, found)
    return np.asarray(found, dtype=np.float64)


def _mood(world: World, random: np.random.Generator) -> Floats:
    """The mood of the market moves slowly and touches every decision of its month."""
    mood = np.zeros(world.months + 60)
    for place in range(1, len(mood)):
        mood[place] = MOOD_KEPT * mood[place - 1] + random.normal(0, world.mood)
    return mood


def mood_month(day: Whole, months: int) -> Whole:
    """The month of the market's mood on a day; of so many."""
    found: Whole = np.minimum((day / MOOD_DAYS).astype(int), months - 1)
    return found


def leaning_on(world: World, mood: Floats, day: Whole) -> Floats:
    """What is added to the quality of all that is decided on a day: mood, drift, shock."""
    month = mood_month(day, len(mood))
    leaning: Floats = mood[month] + world.win_drift * month
    if world.shock_at is not None:
        leaning = leaning + np.where(month >= world.shock_at * world.months, world.shock_win, 0)
    return leaning


def depths_of_lost(quality: Floats) -> tuple[Floats, float]:
    """The two parameters of the beta distribution of how far a deal comes that is lost."""
    return 1.3 + np.maximum(quality + 1, 0), 2.2


def _normal_quantile(share: Floats) -> Floats:
    """By bisection of the error function: no further package."""
    from math import erf

    kinds, back = np.unique(share, return_inverse=True)
    found = []
    for kind in kinds:
        low, high = -6.0, 6.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if 0.5 * (1 + erf(middle / 2**0.5)) < kind else (low, middle)
        found.append(low)
    return np.array(found)[back]


def _pulled(world: World, random: np.random.Generator, created: Whole, decided: Whole) -> Whole:
    """Some decisions of a quarter's first weeks are won forward into the last days of the one before."""
    day = decided.astype(float)
    in_quarter = day % QUARTER
    early = (in_quarter < EARLY) & (random.random(len(day)) < world.quarter_end_pull)
    pulled = day - in_quarter - random.integers(1, 6, len(day))
    return np.where(early & (pulled > created), pulled, day).astype(int)


def _with_renewals(world: World, random: np.random.Generator, course: Course, last: int) -> Course:
    """A year after a win its contract comes up again: a deal of its own, decided around that day."""
    pieces = [course]
    wins = course
    for _ in range(1 + world.months // 12):
        chosen = np.flatnonzero(
            wins.is_won & (random.random(len(wins.number)) < world.renewals) & (wins.decided + 300 < last)
        )
        if len(chosen) == 0:
            break
        decided = wins.decided[chosen] + RENEWALS_AFTER
        decided = decided + np.rint(random.normal(0, RENEWALS_SPREAD, len(chosen))).astype(int)
        is_won = random.random(len(chosen)) < world.renewal_rate
        late = np.where(is_won, 1, random.exponential(20, len(chosen))).astype(int)
        wins = Course(
            number=np.arange(len(chosen)) + sum(len(piece.number) for piece in pieces),
            created=wins.decided[chosen] + RENEWALS_OPENED + random.integers(0, 20, len(chosen)),
            segment=wins.segment[chosen], source=wins.source[chosen], owner=wins.owner[chosen],
            amount=wins.amount[chosen] * np.exp(random.normal(0.03, 0.12, len(chosen))),
            decided=decided, recorded=decided + late, is_won=is_won,
            depth=np.where(is_won, 1.0, random.random(len(chosen))), is_renewal=np.ones(len(chosen), dtype=bool),
            **{name: np.full(len(chosen), np.nan) for name in ("quality", "threshold", "large")},
            due=(wins.decided[chosen] + RENEWALS_AFTER).astype(float),
        )  # fmt: skip
        pieces.append(wins)
    return Course(**{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in vars(course)})


def _company(world: World, seed: int, random: np.random.Generator, course: Course, hidden: Hidden) -> Company:
    owners, month_starts = hidden.owners, hidden.month_starts
    last = int(month_starts[-1]) - 1
    kept = course.created <= last
    course = Course(**{name: values[kept] for name, values in vars(course).items()})
    course.number = np.arange(len(course.number))
    course.owner = np.where(
        (owners.ends[course.owner] <= course.created), _somebody(random, owners, course.created), course.owner
    )
    events = [*_stages(world, random, course), *_amounts(world, random, course), *_dates(world, random, course, owners),
              *_hand_overs(random, course, owners)]  # fmt: skip
    history = pd.concat(events, ignore_index=True)
    history = history[history["day"] <= last].sort_values(["deal", "day", "order_no"], ignore_index=True)
    revisions = history[history["order_no"] == 33][["deal", "day", "close_day", "is_near"]].reset_index(drop=True)
    names = np.array([f"seller {place + 1:03d}" for place in range(len(owners.team))])
    teams = np.array([f"team {place + 1}" for place in range(world.teams)])
    ids = np.array([f"D{number:07d}" for number in course.number])
    history["owner"] = history["owner_no"].map(lambda place: None if pd.isna(place) else names[int(place)])
    history["team"] = history["owner_no"].map(lambda place: None if pd.isna(place) else teams[owners.team[int(place)]])
    history["deal_id"] = ids[history["deal"]]
    history["close_date"] = _as_dates(history["close_day"])
    history["day"] = _as_dates(history["day"])
    segments = np.array([item.name for item in world.segments])
    deals = pd.DataFrame({
        "deal_id": ids, "created": _as_dates(pd.Series(course.created)), "owner": names[course.owner],
        "team": teams[owners.team[course.owner]], "segment": segments[course.segment],
        "pipeline": np.where(course.is_renewal, "Renewals", "Sales"), "source": np.array(SOURCES)[course.source],
        "kind": np.where(course.is_renewal, "renewal", "new"),
    })  # fmt: skip
    stages = pd.DataFrame({
        "stage": [f"stage {place + 1}" for place in range(world.stages)] + ["won", "lost"],
        "stage_order": [*range(1, world.stages + 3)],
        "outcome": ["open"] * world.stages + ["won", "lost"],
        "probability": [round((place + 1) / (world.stages + 1), 2) for place in range(world.stages)] + [1.0, 0.0],
    })  # fmt: skip
    columns = ["deal_id", "day", "order_no", "stage", "amount", "close_date", "owner", "team"]
    return Company(
        world, seed, BEGIN + timedelta(days=last), deals, history[columns], stages,
        _activities(world, random, course, ids, last), replace(hidden, course=course, revisions=revisions),
    )  # fmt: skip


def _as_dates(days: pd.Series) -> pd.Series:
    return pd.Timestamp(BEGIN) + pd.to_timedelta(days.astype("Float64").round(), unit="D")


def _events(deal: Whole, day: Whole, order_no: int, **values: object) -> pd.DataFrame:
    columns = {"stage": None, "amount": np.nan, "close_day": np.nan, "owner_no": np.nan}
    return pd.DataFrame({"deal": deal, "day": day, "order_no": order_no, **columns, **values})


def _stages(world: World, random: np.random.Generator, course: Course) -> list[pd.DataFrame]:
    """Stages are entered along the hidden course: at uneven shares of it, with some skipped, some noted late or not."""
    count, life = len(course.number), np.maximum(course.decided - course.created, 0)
    steps = random.gamma(1.6, 1.0, (count, world.stages + 1))
    shares = np.cumsum(steps, axis=1)[:, :-1] / steps.sum(axis=1, keepdims=True)
    shares = np.hstack([np.zeros((count, 1)), shares[:, :-1]])
    reached = np.arange(world.stages)[None, :] <= np.floor(course.depth * world.stages)[:, None]
    noted = random.random((count, world.stages)) > 0.08
    noted[random.random(count) < world.stale_stages, 1:] = False
    noted[:, 0] = True
    found = []
    for stage in range(world.stages):
        day = course.created + np.rint(shares[:, stage] * life).astype(int)
        chosen = reached[:, stage] & noted[:, stage] & (day < course.recorded)
        if stage == 0:
            chosen = np.ones(count, dtype=bool)
        found.append(_events(course.number[chosen], day[chosen], stage, stage=f"stage {stage + 1}"))
    back = np.flatnonzero((random.random(count) < 0.04) & (life > 20) & (course.depth > 0.6))
    found.append(_events(back, course.created[back] + (life[back] * 0.75).astype(int), 20, stage="stage 2"))
    outcome = np.where(course.is_won, "won", "lost")
    recorded = np.maximum(course.recorded, course.created)
    found.append(_events(course.number, recorded, 50, stage=outcome))
    again = np.flatnonzero(random.random(count) < world.reopened)
    day = recorded[again] + random.integers(10, 60, len(again))
    found.append(_events(again, day, 60, stage=f"stage {world.stages}"))
    comes = random.random(len(again)) < 0.4
    end = day + random.integers(10, 60, len(again))
    found.append(_events(again, end, 70, stage=np.where(comes, "won", "lost"), close_day=end.astype(float)))
    return found


def _amounts(world: World, random: np.random.Generator, course: Course) -> list[pd.DataFrame]:
    """What is entered at first runs high; it nears what is agreed on."""
    count = len(course.number)
    entered = np.round(course.amount * np.exp(random.normal(*ENTERED, count)), -1)
    has = random.random(count) >= world.without_amount
    found = [_events(course.number[has], course.created[has], 30, amount=entered[has])]
    middle = course.created + ((course.decided - course.created) * random.uniform(0.3, 0.9, count)).astype(int)
    better = np.flatnonzero((random.random(count) < 0.6) & (course.depth > 0.4) & (middle < course.recorded))
    nearer = np.round(course.amount[better] * np.exp(random.normal(*NEARER, len(better))), -1)
    found.append(_events(better, middle[better], 31, amount=nearer))
    won = np.flatnonzero(course.is_won)
    recorded = np.maximum(course.recorded[won], course.created[won])
    found.append(_events(won, recorded, 51, amount=np.round(course.amount[won], 2)))
    return found


def _dates(world: World, random: np.random.Generator, course: Course, owners: Owners) -> list[pd.DataFrame]:
    """Stated close dates: hopeful at first, often a month's end, moved when passed or when the end is near."""
    count = len(course.number)
    typical = np.array([item.days for item in world.segments])[course.segment] * np.exp(
        world.days_drift * course.created / 30.4
    )
    typical = np.where(course.is_renewal, 70, typical)
    hoped = typical * np.exp(owners.optimism[course.owner] + random.normal(0, world.date_noise, count) + 0.3)
    stated = _month_end(world, random, course.created + np.maximum(hoped, 2))
    has = random.random(count) >= world.without_date
    found = [_events(course.number[has], course.created[has], 32, close_day=stated[has])]
    near = course.created + ((course.decided - course.created) * random.uniform(0.6, 0.9, count)).astype(int)
    knows = has & (course.depth > 0.7) & (random.random(count) < 0.6) & (near < course.recorded)
    seen = _month_end(world, random, np.maximum(course.decided + random.normal(3, 12, count), near + 1))
    moved = np.zeros(count, dtype=bool)
    for _ in range(REVISIONS):
        late = stated + random.exponential(9, count)
        sooner = knows & ~moved & (near <= late)
        day = np.where(sooner, near, np.ceil(late)).astype(int)
        chosen = has & (day < course.recorded) & (sooner | (random.random(count) < 0.85))
        if not chosen.any():
            break
        remaining = np.maximum(course.decided - day, 10) * np.exp(random.normal(-0.1, 0.5, count))
        pushed = day + np.where(course.decided > day, remaining, random.exponential(35, count) + 10)
        stated = np.where(sooner, seen, np.where(chosen, _month_end(world, random, pushed), stated))
        moved |= sooner
        found.append(_events(course.number[chosen], day[chosen], 33, close_day=stated[chosen], is_near=sooner[chosen]))
        has = has & (chosen | moved)
    recorded = np.maximum(course.recorded, course.created).astype(float)
    earlier = np.where(random.random(count) < world.backdated, random.integers(1, 12, count), 0)
    stated_end = np.maximum(recorded - earlier, course.created)
    found.append(_events(course.number, recorded.astype(int), 52, close_day=stated_end))
    return found


def _month_end(world: World, random: np.random.Generator, day: Floats) -> Floats:
    """Sellers like the last day of a month."""
    first = np.datetime64(BEGIN.isoformat(), "D").astype(np.int64)
    dates = (first + np.rint(day).astype(np.int64)).astype("datetime64[D]")
    next_months = (dates.astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    at_end = (next_months - 1 - first).astype(float)
    found: Floats = np.where(random.random(len(day)) < world.month_end_dates, at_end, np.rint(day))
    return found


def _hand_overs(random: np.random.Generator, course: Course, owners: Owners) -> list[pd.DataFrame]:
    """Whose seller leaves is handed to another one within days."""
    found = [_events(course.number, course.created, 34, owner_no=course.owner.astype(float))]
    owner = course.owner.copy()
    for _ in range(3):
        leaves = owners.ends[owner]
        chosen = np.flatnonzero((leaves < course.recorded) & (leaves > course.created))
        if len(chosen) == 0:
            break
        day = leaves[chosen] + random.integers(1, 9, len(chosen))
        owner[chosen] = _somebody(random, owners, day, owner[chosen])
        found.append(_events(chosen, day, 35, owner_no=owner[chosen].astype(float)))
    return found


def _activities(
    world: World, random: np.random.Generator, course: Course, ids: npt.NDArray[np.str_], last: int
) -> pd.DataFrame:
    """Mails, calls and meetings: about one a week while a buyer is interested, next to none after."""
    end = np.minimum(np.minimum(course.decided, course.recorded), last)
    counts = random.poisson(np.maximum(end - course.created, 1) / 9)
    deal = np.repeat(course.number, counts)
    day = course.created[deal] + (random.random(len(deal)) * (end[deal] - course.created[deal] + 1)).astype(int)
    found = pd.DataFrame({"deal_id": ids[deal], "day": _as_dates(pd.Series(day))})
    return found.drop_duplicates(ignore_index=True)
