"""What goes into a forecast and what comes out of it: names of relations, settings, tables of the result.

What belongs here: the promise to callers. What does not: how a figure is made. The text below is the contract; every
column that is named here is checked or made by the modules beside this one.

Input, as relations that a DuckDB connection can see (days are days of the reporting time zone, money is in the
reporting currency):

    deals       One row per deal that is bookings or may become it, as known at as_of. Test records stay out, deleted
                deals stay in with status `deleted`.
                deal_key, created_day, status (open, won, lost, deleted), won_day or NULL, amount or NULL (won: booked;
                open: today's), part (open, renewals), owner, team, segment, pipeline, source or NULL, stage or NULL,
                close_date or NULL; optional: booked_team, credits (as in states)
    states      One row per deal and span of days at whose ends it stood in one state. A deal without a row has stood
                in an unknown stage, with an unknown amount, since its creation.
                deal_key, valid_from, valid_until (exclusive; NULL while it holds), status (open, won, lost), stage or
                NULL, amount or NULL (not known of that time), close_date or NULL, won_day or NULL (NULL: valid_from),
                owner, team, pipeline, win_probability or NULL (the CRM's own; NULL: the stage's); optional: booked_team
                (of a win: the team of its day, with which it stays; NULL: team), credits (who shares what the deal
                brings, as a list of owner, team, booked_team, share and amount (of a win, else NULL), which
                sum to the whole; NULL: all is the owner's)
    stages      stage, stage_order, win_probability or NULL
    months      Fiscal months without a gap, from the first deal's to the end of the quarter after that of as_of:
                month_start, month_end, quarter_start, quarter_end, frozen_day or NULL (the day at whose end a month's
                actual is frozen; NULL: `Settings.freeze_days` after its end)
    targets     Optional: level (total, team, owner, segment, pipeline), member, month_start, amount
    activities  Optional: deal_key, activity_day
    flows       Optional: what a change of a pipeline's stage is asked of: pipeline, stage, stage_order, conversion (of
                those who enter the share that comes on) or NULL, won_share (of what is won the share that comes through
                the stage) or NULL, is_timed (a day less can be asked)

Output, see `Forecast`.
"""

from dataclasses import dataclass, field

import pandas as pd

METHODS = ("saleshouse", "trailing_three", "seasonal_naive", "crm_view", "crm_haircut")
LEVELS = ("total", "team", "owner", "segment", "pipeline")
PARTS = ("won", "open", "not_created", "renewals")
# Months ahead that are forecast: the rest of the running one is 0, the last month of the next quarter at most 5.
HORIZONS = 6


@dataclass(frozen=True)
class Inputs:
    """Names of relations as they are written into SQL: quoted or qualified where needed."""

    deals: str = "deals"
    states: str = "states"
    stages: str = "stages"
    months: str = "months"
    targets: str | None = None
    activities: str | None = None
    flows: str | None = None


@dataclass(frozen=True)
class Settings:
    """What a company may choose; none of it is needed.

    `weekly_days_left`: the weekly origins, as days that were left in their months. `origins`: past months at most in
    which forecasts are made again to learn from their errors. `weekly_origins`: the same of weekly origins.
    `freeze_days`: calendar days after its end at which a month's actual is frozen. `draws`: of the published ranges;
    `past_draws`: of those made again; `changed_draws`: of what a changed stage would bring. `first_origin`: months of
    history before a past forecast is made.
    """

    origins: int = 24
    weekly_origins: int = 12
    weekly_days_left: tuple[int, ...] = (21, 14, 7)
    first_origin: int = 4
    freeze_days: int = 7
    draws: int = 2_000
    past_draws: int = 300
    changed_draws: int = 500
    seed: int = 20_260_101
    errors_of: tuple[str, ...] = LEVELS
    with_intervals: bool = True


@dataclass(frozen=True)
class Forecast:
    """What is expected, how sure that is, and how right it was before. Money is whole cents.

    periods     The periods that a method speaks of: method, period_type (month: that of as_of and the next three;
                quarter: the current and the next), period_start, period_end, first_offset, last_offset.
    cells       method, month_offset (0: the month of as_of), month_start, month_end, quarter_start, part (won, open,
                not_created, renewals), owner, team, segment, pipeline, expected_cents. Sums of them are exact at every
                level; a quarter is the sum of its months. `won` is booked up to as_of, renewals among it.
    intervals   method, period_type, period_start, period_end, level, member, expected_cents, p10_cents, p50_cents,
                p90_cents (NULL for methods that give none), target_cents, chance_of_target. Whole periods, what is
                won included; bounds do not add up.
    deals       One row per open deal and month ahead, with its owner, also where others share it: deal_key,
                month_offset, month_start, part, owner, team, segment, pipeline, stage, amount_cents or NULL,
                value_cents (brought if won), chance, expected_cents, cell, cell_level, n, wins (of deals like this one,
                in exactly that month), base_chance, reasons (JSON list of code, value, factor).
    errors      method, origin_day, origin_kind (month_end, weekly), period_type (month, quarter, next_three),
                period_start, period_end, horizon (months from the origin's to the period's first), days_left (to the
                period's end), level, member, expected_cents, p10_cents, p50_cents, p90_cents, actual_cents (frozen),
                actual_now_cents, scale_cents (mean absolute change of the member's months known then, for MASE).
    notes       method, period_type, period_start, code, value: which simpler method was used and why.
    bottlenecks One row per pipeline, stage and lever of `flows` in the next quarter, by our method: lever (point: a
                hundredth more come on; day: a day less in it), pipeline, stage, period_start, period_end, open_deals
                (those in the stage or before it), base_cents (of the pipeline, what is won by now left out), gain_cents
                on top of it, p10_cents and p90_cents of the gain, moved_out_cents (what a day less moves out of the
                quarter, into the time before it).
    """

    periods: pd.DataFrame
    cells: pd.DataFrame
    intervals: pd.DataFrame
    deals: pd.DataFrame
    errors: pd.DataFrame
    notes: pd.DataFrame
    bottlenecks: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)
