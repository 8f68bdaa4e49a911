"""The twelve companies: what is different about each.

What belongs here: figures of companies. What does not: how deals come about (generate.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """Customers of one kind: share of deals, typical amount, days to a decision, each with its spread (log)."""

    name: str
    share: float
    amount: float
    amount_spread: float
    days: float
    days_spread: float
    win_rate: float


SMALL = Segment("small", 0.6, 4_000, 0.6, 35, 0.6, 0.32)
MIDDLE = Segment("middle", 0.3, 16_000, 0.7, 70, 0.6, 0.26)
LARGE = Segment("large", 0.1, 60_000, 0.8, 120, 0.5, 0.20)


@dataclass(frozen=True)
class World:
    """A company. Rates are per month unless they say otherwise; `shock_at` and `price_at` are shares of its life."""

    name: str
    about: str
    months: int = 46
    deals: float = 90.0
    growth: float = 0.0
    season: float = 0.10
    segments: tuple[Segment, ...] = (SMALL, MIDDLE, LARGE)
    owners: int = 10
    teams: int = 3
    skill_spread: float = 0.25
    turnover: float = 0.01
    stages: int = 5
    date_optimism: float = -0.25
    date_noise: float = 0.45
    month_end_dates: float = 0.5
    quarter_end_pull: float = 0.30
    silent_losses: float = 0.35
    silent_days: float = 60.0
    mood: float = 0.10
    win_drift: float = 0.0
    amount_drift: float = 0.0
    days_drift: float = 0.0
    shock_at: float | None = None
    shock_deals: float = 1.0
    shock_win: float = 0.0
    price_at: float | None = None
    price_factor: float = 1.0
    renewals: float = 0.0
    renewal_rate: float = 0.88
    without_date: float = 0.02
    without_amount: float = 0.03
    reopened: float = 0.01
    backdated: float = 0.0
    stale_stages: float = 0.05


WORLDS = (
    World("tiny", "one team of two sellers, some wins a month", months=40, deals=9, owners=2, teams=1, turnover=0.0),
    World(
        "lumpy", "few deals, a handful of them make the year", deals=22, owners=4, teams=2,
        segments=(Segment("all", 1.0, 12_000, 1.5, 75, 0.7, 0.25),),
    ),
    World("large_stable", "many deals, nothing changes", deals=650, owners=45, teams=6, mood=0.04, season=0.05),
    World(
        "drifting", "cycles lengthen, win rates fall, prices rise", deals=110, win_drift=-0.012, amount_drift=0.006,
        days_drift=0.012,
    ),
    World(
        "shock", "demand breaks by a third, later a new price", shock_at=0.6, shock_deals=0.65, shock_win=-0.25,
        price_at=0.8, price_factor=1.15,
    ),
    World(
        "messy", "missing dates and amounts, forgotten deals, reopened and back-dated ones", without_date=0.25,
        without_amount=0.25, silent_losses=0.7, silent_days=150, reopened=0.05, backdated=0.10, stale_stages=0.35,
        date_noise=0.9,
    ),
    World(
        "b2c_short", "consumers who decide within days", deals=420, owners=8, teams=2, stages=3, silent_days=15,
        segments=(Segment("consumer", 0.8, 350, 0.5, 5, 0.8, 0.35),
                  Segment("home_office", 0.2, 900, 0.6, 9, 0.8, 0.30)),
    ),
    World(
        "enterprise_long", "large accounts that take most of a year", deals=30, owners=8, stages=6, months=50,
        segments=(Segment("enterprise", 0.7, 90_000, 0.7, 210, 0.4, 0.22),
                  Segment("public", 0.3, 60_000, 0.6, 280, 0.3, 0.28)),
    ),
    World("seasonal", "half of the year's orders come in one third of it", deals=130, season=0.55),
    World(
        "fast_growth", "three times as many deals every two years, new sellers", months=40, deals=35, growth=0.045,
        turnover=0.005,
    ),
    World(
        "turnover", "sellers stay for a year, their deals are handed on", turnover=0.07, owners=12, skill_spread=0.45,
    ),
    World("renewals_heavy", "most bookings are contracts that come up again", deals=70, renewals=0.9, days_drift=0.0),
)  # fmt: skip
