"""How the simulated company sells: pipelines, deals, and every change of their fields.

What belongs here: the life of a deal. A deal is not a chain of stages with a hazard each: at its birth it has a fit, an
urgency, a committee and a moment at which the customer decides; the stages that a seller records are that seller's
reading of the way there, with skips, returns, stalls, pressure at quarter's end and optimistic dates.
What does not: leads before their deal (people.py), targets (planning.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from simulator import clock, draws, words
from simulator.draws import Bools, Floats, Ints, Keys, Objects, Times
from simulator.people import CHANNEL_EFFECTS, moments_in_month, monthly_weight, owners_at, stream

NEW, RENEWAL, UPSELL, ONBOARDING, TEST = range(5)
PIPELINES = pd.DataFrame.from_records(
    [
        ("default", "Sales pipeline", "new_business", 0),
        ("7301455", "Renewals", "renewal", 1),
        ("7301456", "Expansion", "upsell", 2),
        ("7301460", "Onboarding", "onboarding", 3),
        ("7301499", "Sandbox (test)", "test", 4),
    ],
    columns=["pipeline_id", "label", "purpose", "display_order"],
)
_STAGES = {
    "default": [
        ("targetidentified", "Target identified", 0.05, "prospecting"),
        ("qualifiedtobuy", "Discovery", 0.15, "qualification"),
        ("appointmentscheduled", "Demo", 0.3, "meeting"),
        ("presentationscheduled", "Proposal sent", 0.5, "proposal"),
        ("1160341", "Security & legal review", 0.65, "negotiation"),
        ("contractsent", "Contract out", 0.85, "closing"),
        ("closedwon", "Closed won", 1.0, "won"),
        ("closedlost", "Closed lost", 0.0, "lost"),
    ],
    "7301455": [
        ("20510010", "Renewal due", 0.7, "prospecting"),
        ("20510011", "Review held", 0.8, "meeting"),
        ("20510012", "Renewal quoted", 0.85, "proposal"),
        ("20510013", "Terms agreed", 0.95, "closing"),
        ("20510014", "Renewed", 1.0, "won"),
        ("20510015", "Churned", 0.0, "lost"),
    ],
    "7301456": [
        ("20510020", "Idea", 0.1, "prospecting"),
        ("20510021", "Need confirmed", 0.3, "qualification"),
        ("20510022", "Quote sent", 0.6, "proposal"),
        ("20510023", "Order expected", 0.85, "closing"),
        ("20510024", "Ordered", 1.0, "won"),
        ("20510025", "Dropped", 0.0, "lost"),
    ],
    "7301460": [
        ("20510030", "Kick-off", 0.5, "qualification"),
        ("20510031", "Set-up", 0.7, "proposal"),
        ("20510032", "Training", 0.9, "closing"),
        ("20510033", "Live", 1.0, "won"),
        ("20510034", "Stopped", 0.0, "lost"),
    ],
    "7301499": [
        ("20510090", "Try me", 0.1, "prospecting"),
        ("20510091", "Try me more", 0.5, "proposal"),
        ("20510092", "Test won", 1.0, "won"),
        ("20510093", "Test lost", 0.0, "lost"),
    ],
}
STAGE_NUMBER = {
    "prospecting": 1, "qualification": 2, "meeting": 3, "proposal": 4, "negotiation": 5, "closing": 6, "won": 7,
    "lost": 8,
}  # fmt: skip
WON, LOST = 7, 8
DEAL_TYPES = ["newbusiness", "renewal", "existingbusiness", None, "newbusiness"]
BULK_DAYS = [date(2025, 1, 15), date(2026, 1, 14)]
IMPORT_DAY = date(2023, 9, 4)
SLOWER_SINCE = np.datetime64("2026-01-01", "ms")


def stages_table() -> pd.DataFrame:
    """One row per stage of each pipeline."""
    records = [
        (pipeline, stage_id, label, order, probability, true in ("won", "lost"), true == "won", true)
        for pipeline, stages in _STAGES.items()
        for order, (stage_id, label, probability, true) in enumerate(stages)
    ]
    columns = ["pipeline_id", "stage_id", "label", "display_order", "probability", "is_closed", "is_won", "true_stage"]
    return pd.DataFrame.from_records(records, columns=columns)


def _stage_ids() -> Objects:
    """[pipeline, stage number] -> stage id; a stage that a pipeline lacks is its nearest earlier one, or its first."""
    table = np.empty((5, 9), dtype=object)
    for number, pipeline in enumerate(PIPELINES["pipeline_id"]):
        own = {STAGE_NUMBER[true]: stage_id for stage_id, _, _, true in _STAGES[pipeline]}
        for stage in range(1, 9):
            earlier = [s for s in own if s <= stage]
            table[number, stage] = own.get(stage) or own[max(earlier) if earlier else min(own)]
    return table


@dataclass
class Log:
    """Changes gathered as columns, joined once at the end."""

    parts: list[tuple[str, str, Objects, Objects, Times, Objects, Objects]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        name: str,
        records: Objects,
        values: Objects,
        moments: Times,
        users: Objects | str | None,
        source: Objects | str,
    ) -> None:
        """Appends one field's changes; rows without a moment are left out."""
        keep = ~np.isnat(moments)
        size = len(records)
        user = users if isinstance(users, np.ndarray) else np.full(size, users, dtype=object)
        origin = source if isinstance(source, np.ndarray) else np.full(size, source, dtype=object)
        self.parts.append((kind, name, records[keep], values[keep], moments[keep], user[keep], origin[keep]))

    def table(self, until: pd.Timestamp) -> pd.DataFrame:
        """The whole history before `until`, ordered by object, record, field and time, with strictly growing times."""
        frames = []
        by_field: dict[tuple[str, str], list[int]] = {}
        for number, part in enumerate(self.parts):
            by_field.setdefault(part[:2], []).append(number)
        for (kind, name), numbers in sorted(by_field.items()):
            records, values, moments, users, sources = (
                np.concatenate([self.parts[number][column] for number in numbers]) for column in range(2, 7)
            )
            codes, _ = pd.factorize(records)
            order = np.lexsort((np.arange(len(codes)), moments, codes))
            moments = clock.strictly_increasing(codes[order], moments[order].astype("datetime64[ms]"))
            keep = moments < np.datetime64(until, "ms")
            frame = pd.DataFrame(
                {
                    "object": kind,
                    "record_id": pd.Series(records[order][keep], dtype="str"),
                    "field": name,
                    "value": pd.Series(values[order][keep], dtype="str"),
                    "at": moments[keep],
                    "user_id": pd.Series(users[order][keep], dtype="str"),
                    "source_type": pd.Series(sources[order][keep], dtype="str"),
                }
            )
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Batch:
    """Deals about to live: one entry per deal in each array."""

    key: Keys
    created: Times
    kind: Ints
    account: Ints
    contact: Ints
    base: Floats  # what the customer would pay, EUR
    fit: Floats
    lift: Floats  # what the lead's channel adds to the log-odds
    imported: Bools
    instant: Bools  # an order typed in when it is already won
    recycled: Bools
    original: Ints  # the deal's number that this one enters a second time, else -1

    @property
    def size(self) -> int:
        return len(self.key)


@dataclass(frozen=True)
class Lived:
    """What became of a batch: ids and names, outcome, and the moment of the last close (missing while open)."""

    deal_id: Objects
    name: Objects
    kind: Ints
    won: Bools
    closed: Times
    amount: Floats  # EUR, final
    owner: Ints
    batch: Batch


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def base_amounts(seed: int, keys: Keys, band: Objects) -> Floats:
    """What a customer of this size would pay, EUR."""
    median = np.where(band == "small", 6_500.0, np.where(band == "mid", 18_000.0, 52_000.0))
    return np.clip(draws.lognormal(seed, "base", keys, median, 0.55), 2_000.0, 150_000.0)


# Shares of the way to a decision that each stage takes, and where deals are lost.
_WEIGHTS = np.array([0.09, 0.13, 0.16, 0.17, 0.36, 0.09])
_LOST_AT = [0.12, 0.26, 0.24, 0.2, 0.13, 0.05]


def live(
    seed: int,
    batch: Batch,
    owners: pd.DataFrame,
    accounts: pd.DataFrame,
    contact_names: Objects,
    log: Log,
    generation: int,
    import_user: str,
) -> Lived:
    """Lets each deal of the batch live and writes all changes of its fields into `log`."""
    key, size, created, kind = batch.key, batch.size, batch.created, batch.kind

    def u(purpose: str) -> Floats:
        return draws.uniform(seed, f"deal {purpose}", key)

    def z(purpose: str) -> Floats:
        return draws.normal(seed, f"deal {purpose}", key)

    position = np.arange(size)
    big = u("big id") < 0.3
    deal_id = np.array(
        [
            str(9_007_199_254_740_993 + 10**7 * generation + n)
            if b
            else str(18_300_000_000 + 3 * 10**9 * generation + 13 * n)
            for n, b in enumerate(big)
        ],
        dtype=object,
    )
    band = accounts["size_band"].to_numpy(dtype=object)[np.maximum(batch.account, 0)]
    band = np.where(batch.account < 0, "small", band)
    account_names = accounts["name"].to_numpy(dtype=object)[np.maximum(batch.account, 0)]
    party = np.where(batch.account >= 0, account_names, contact_names[np.maximum(batch.contact, 0)])

    # Who sells.
    seller = np.zeros(size, dtype=np.int64)
    share = u("seller")
    is_customer_work = np.isin(kind, [RENEWAL, ONBOARDING]) | ((kind == UPSELL) & (u("upsell team") < 0.5))
    for name, team in (("small", "Small Business"), ("mid", "Mid-Market"), ("enterprise", "Enterprise")):
        rows = np.flatnonzero((band == name) & ~is_customer_work)
        seller[rows] = owners_at(owners, team, created[rows], share[rows])
    rows = np.flatnonzero(is_customer_work)
    seller[rows] = owners_at(owners, "Customer Success", created[rows], share[rows])
    opener = seller.copy()
    handed_over = (kind == NEW) & (u("opened by") < 0.45) & ~batch.instant & ~batch.imported
    rows = np.flatnonzero(handed_over)
    opener[rows] = owners_at(owners, "Inside Sales", created[rows], share[rows])
    skill = owners["skill"].to_numpy(dtype=np.float64)[seller]
    pace = owners["pace"].to_numpy(dtype=np.float64)[seller]
    coached = owners["is_coached"].to_numpy(dtype=bool)[seller] & (kind == NEW)

    # Whether and when the customer decides.
    urgency = z("urgency")
    committee = 1 + np.floor(np.where(band == "small", 1.5, np.where(band == "mid", 3.5, 6.5)) * u("committee"))
    agreement = 0.75 * batch.fit + 0.3 * urgency + skill + batch.lift - 0.12 * (committee - 2) + 0.5 * z("luck")
    level = np.array([-1.88, 1.9, 0.1, 2.6, -0.5])[kind]
    won = u("won") < _logistic(level + np.where(np.isin(kind, [NEW, UPSELL]), agreement, 0.3 * batch.fit))
    stopped_at_demo = coached & won & (u("coached") < 0.45)
    won = (won & ~stopped_at_demo) | batch.instant
    typical = (
        np.where(band == "small", 44.0, np.where(band == "mid", 72.0, 108.0))
        * np.array([1, 0.75, 0.55, 0.9, 0.2])[kind]
    )
    days = typical * np.exp(0.45 * z("days") - 0.25 * urgency + 0.06 * (committee - 2)) * pace * np.where(won, 1.1, 0.8)
    days = np.maximum(days, 2.5)
    stalled = ~won & (u("stalled") < 0.16) & (kind == NEW)
    days = np.where(stalled, days * (3.0 + 6.0 * u("stall")), days)
    slower = (created + clock.milliseconds(0.6 * days * clock.DAY)) > SLOWER_SINCE
    days = np.where(slower & np.isin(kind, [NEW]), days * 1.12, days)
    decided = created + clock.milliseconds(days * clock.DAY)
    decided = _after_holidays(decided, u("holidays"))
    ends = clock.quarter_end(decided.astype("datetime64[D]"))
    to_end = (ends - decided.astype("datetime64[D]")).astype(np.int64)
    pressed = won & (to_end < 28) & (u("pressed") < 0.45) & (kind != RENEWAL)
    decided = np.where(
        pressed,
        ends.astype("datetime64[ms]") + clock.milliseconds((0.75 - 4 * u("last days") ** 1.6) * clock.DAY),
        decided,
    )
    decided = np.where(
        pressed & (u("late evening") < 0.12),
        ends.astype("datetime64[ms]") + clock.milliseconds((20.6 + 1.3 * u("evening")) * clock.HOUR),
        clock.at_work(decided, u("decision hour")),
    )
    decided = np.maximum(decided, created + np.timedelta64(26, "h"))
    bulk = np.zeros(size, dtype=bool)
    for day in BULK_DAYS:
        moment = np.datetime64(day, "ms") + np.timedelta64(9 * 3600 + 1234, "s")
        swept = stalled & (created < moment - np.timedelta64(140, "D")) & (decided > moment)
        decided = np.where(swept, moment, decided)
        bulk |= swept
    decided = np.where(batch.instant, created, decided)
    days = (decided - created).astype(np.int64) / clock.DAY

    # The way there, as the seller records it: [deal, stage 1..6] begins at these shares of the time.
    first = np.where(kind == NEW, 1 + draws.pick(seed, "first stage", key, [0.62, 0.3, 0.08]), 1)
    lost_at = 1 + draws.pick(seed, "lost at", key, _LOST_AT)
    lost_at = np.where(stopped_at_demo | (coached & (u("demo loss") < 0.5)), 3, lost_at)
    last = np.where(won, 6, np.maximum(lost_at, first))
    stage = np.arange(1, 7)
    weights = _WEIGHTS[None, :] * np.exp(
        0.45 * np.stack([draws.normal(seed, f"stage time {n}", key) for n in stage], axis=1)
    )
    weights[:, 4] *= np.where(slower, 1.35, 1.0)
    weights = weights * ((stage[None, :] >= first[:, None]) & (stage[None, :] <= last[:, None]))
    weights /= weights.sum(axis=1, keepdims=True)
    begins = np.cumsum(weights, axis=1) - weights
    skip_chance = np.array([0.0, 0.04, 0.06, 0.05, 0.12, 0.22])
    skipped = np.stack([draws.chance(seed, f"skip {n}", key, skip_chance[n - 1]) for n in stage], axis=1)
    visited = (weights > 0) & ~(skipped & (stage[None, :] > first[:, None])) & ~batch.instant[:, None]

    def moment_at(part: Floats) -> Times:
        return created + clock.milliseconds(part * days * clock.DAY)

    rows_of: list[Ints] = []
    stage_of: list[Ints] = []
    when: list[Times] = []
    by_machine: list[Bools] = []

    def enter(which: Ints, stages: Ints | int, moments: Times, machine: bool = False) -> None:
        rows_of.append(which)
        stage_of.append(np.broadcast_to(stages, which.shape).astype(np.int64))
        when.append(moments)
        by_machine.append(np.full(len(which), machine))

    for n in range(1, 7):
        which = np.flatnonzero(visited[:, n - 1])
        enter(which, n, moment_at(begins[:, n - 1])[which])
    # Back a stage and forward again.
    turn = np.clip(first + 1 + np.floor(u("turn") * (last - first)).astype(np.int64), 2, 6)
    begin_turn, length_turn = begins[position, turn - 1], weights[position, turn - 1]
    which = np.flatnonzero((u("back") < 0.08) & (last > first) & (turn <= last) & ~batch.instant)
    enter(which, (turn - 1)[which], moment_at(begin_turn + 0.35 * length_turn)[which])
    enter(which, turn[which], moment_at(begin_turn + 0.7 * length_turn)[which])
    # The same value written again by a machine.
    which = np.flatnonzero((u("rewrite") < 0.03) & visited[position, turn - 1] & ~batch.instant)
    enter(which, turn[which], moment_at(begin_turn + 0.2 * length_turn)[which], machine=True)
    # Moved to another pipeline, some of them back again.
    target = np.array([UPSELL, UPSELL, NEW, NEW, TEST])[kind]
    target = np.where(
        (kind == NEW) & (u("target") < 0.25), TEST, np.where((kind == NEW) & (u("target") > 0.9), ONBOARDING, target)
    )
    moves = (u("moves") < np.array([0.03, 0.04, 0.04, 0.0, 0.0])[kind]) & ~batch.instant & ~batch.imported & (days > 3)
    at_stage = np.clip(first + np.floor(u("moved at") * (last - first + 1)).astype(np.int64), 1, 6)
    begin_move, length_move = begins[position, at_stage - 1], weights[position, at_stage - 1]
    moved = np.where(moves, moment_at(begin_move + 0.5 * length_move), clock.NEVER)
    returns = moves & ((u("returns") < 0.2) | (target == ONBOARDING))
    returned = np.where(returns, moment_at(begin_move + 0.85 * length_move), clock.NEVER)
    which = np.flatnonzero(moves)
    enter(which, at_stage[which], moved[which])
    which = np.flatnonzero(returns)
    enter(which, at_stage[which], returned[which])
    # The decision, and those that come back after it.
    never_noted = stalled & ~bulk & (u("never noted") < 0.35)
    ending = np.where(never_noted, clock.NEVER, decided)
    enter(np.flatnonzero(~never_noted), np.where(won, WON, LOST)[~never_noted], decided[~never_noted], machine=True)
    closed = ending.copy()
    final_won = won.copy()
    open_again = (
        np.where(won, u("reopen") < 0.02, (u("reopen") < 0.07) & ~bulk & (kind == NEW)) & ~never_noted & ~batch.instant
    )
    reopened = clock.at_work(
        decided + clock.milliseconds(np.where(won, 2 + 20 * u("reopen days"), 15 + 120 * u("reopen days")) * clock.DAY),
        u("reopen hour"),
    )
    again_at = np.where(won, 6, np.maximum(np.minimum(last, 5), 2))
    again_days = np.where(won, 4 + 12 * u("again"), 12 + 50 * u("again"))
    decided_again = clock.at_work(reopened + clock.milliseconds(again_days * clock.DAY), u("again hour"))
    won_again = np.where(won, u("won again") < 0.55, u("won again") < 0.38)
    which = np.flatnonzero(open_again)
    enter(which, again_at[which], reopened[which])
    enter(which, np.where(won_again, WON, LOST)[which], decided_again[which])
    closed[which], final_won[which] = decided_again[which], won_again[which]

    deals_at, stages_at, moments, machine = (np.concatenate(part) for part in (rows_of, stage_of, when, by_machine))
    order = np.lexsort((stages_at, moments, deals_at))
    deals_at, stages_at, moments, machine = deals_at[order], stages_at[order], moments[order], machine[order]
    begun = np.r_[True, deals_at[1:] != deals_at[:-1]] if len(deals_at) else np.zeros(0, dtype=bool)
    hours = draws.uniform(seed, "stage hour", key[deals_at] * np.uint64(64) + stages_at.astype(np.uint64))
    plain = ~begun & ~machine & (stages_at < WON)
    moments = np.where(
        plain, np.minimum(clock.at_work(moments, hours), decided_after(moments, deals_at, ending)), moments
    )
    moments = clock.strictly_increasing(deals_at, moments, 61_017)
    # Pipelines at each of those moments.
    home = kind[deals_at]
    move_noted = _noted(moments, deals_at, np.concatenate(when)[order], moved)
    return_noted = _noted(moments, deals_at, np.concatenate(when)[order], returned)
    unit = np.where(moments >= move_noted[deals_at], target[deals_at], home)
    unit = np.where(moments >= return_noted[deals_at], home, unit)
    values = _stage_ids()[unit, stages_at]
    same = np.r_[False, (values[1:] == values[:-1]) & (deals_at[1:] == deals_at[:-1])] if len(values) else begun
    keep = ~same | (machine & (stages_at < WON))
    user = owners["user_id"].to_numpy(dtype=object)
    swept_rows = bulk[deals_at] & (stages_at == LOST)
    who = np.where(begun & handed_over[deals_at], user[opener[deals_at]], user[seller[deals_at]])
    who = np.where(machine & (stages_at < WON), None, who)
    who = np.where(swept_rows | (begun & batch.imported[deals_at]), import_user, who)
    origin = np.where(machine & (stages_at < WON), "INTEGRATION", "CRM_UI").astype(object)
    origin = np.where(begun & batch.imported[deals_at], "IMPORT", np.where(swept_rows, "BATCH_UPDATE", origin))
    log.add("deal", "stage", deal_id[deals_at[keep]], values[keep], moments[keep], who[keep], origin[keep])
    pipeline_ids = PIPELINES["pipeline_id"].to_numpy(dtype=object)
    new_unit = begun | np.r_[False, unit[1:] != unit[:-1]] if len(unit) else begun
    log.add(
        "deal",
        "pipeline",
        deal_id[deals_at[new_unit]],
        pipeline_ids[unit[new_unit]],
        moments[new_unit],
        who[new_unit],
        origin[new_unit],
    )
    # The moments as they were noted, for the fields that follow the stage.
    is_close = stages_at >= WON
    noted_close = np.full(size, clock.NEVER)
    noted_close[deals_at[is_close][::-1]] = moments[is_close][::-1]  # the first close
    last_close = np.full(size, clock.NEVER)
    last_close[deals_at[is_close]] = moments[is_close]
    noted_reopen = np.full(size, clock.NEVER)
    after_close = ~is_close & (moments > noted_close[deals_at]) & ~np.isnat(noted_close[deals_at])
    noted_reopen[deals_at[after_close]] = moments[after_close]

    def first_entry(stage_number: int) -> Times:
        entered = np.full(size, clock.NEVER)
        rows = np.flatnonzero(stages_at == stage_number)[::-1]
        entered[deals_at[rows]] = moments[rows]
        return entered

    second = np.full(size, clock.NEVER)
    is_second = np.r_[False, begun[:-1]] & ~begun if len(begun) else begun
    second[deals_at[is_second]] = moments[is_second]
    proposal, negotiation, qualification = first_entry(4), first_entry(5), first_entry(2)

    _owner_changes(seed, batch, owners, log, deal_id, opener, seller, handed_over, second, last_close, import_user)
    amount = _amount_changes(
        seed,
        batch,
        accounts,
        log,
        deal_id,
        user[seller],
        created,
        proposal,
        negotiation,
        noted_close,
        final_won,
        last_close,
        import_user,
    )
    _date_changes(
        seed, batch, log, deal_id, user[seller], days, noted_close, noted_reopen, last_close, won, import_user
    )
    origin_first = np.where(batch.imported, "IMPORT", "CRM_UI").astype(object)
    category = np.full(size, "PIPELINE", dtype=object)
    stated = u("no category") >= 0.15
    log.add(
        "deal",
        "forecast_category",
        deal_id[stated],
        category[stated],
        created[stated],
        user[opener][stated],
        origin_first[stated],
    )
    # Who uses the field at all says with each category how likely the deal is; sellers say too much.
    says = u("says probability") < 0.6

    def say_probability(rows: Ints, name: str, usual: float, moments: Times, users: Objects, origin: Objects) -> None:
        told = np.clip(usual + 0.3 * (u(f"probability {name}") - 0.4), 0.05, 0.95)
        text = np.array([f"{value:.2f}" for value in np.round(told * 20) / 20], dtype=object)
        kept = says[rows]
        rows = rows[kept]
        log.add("deal", "forecast_probability", deal_id[rows], text[rows], moments[kept], users[kept], origin[kept])

    first = np.flatnonzero(stated)
    say_probability(first, "PIPELINE", 0.15, created[first], user[opener][first], origin_first[first])
    for name, since, probability in (("BEST_CASE", proposal, 0.6), ("COMMIT", negotiation, 0.5)):
        rows = np.flatnonzero((u(f"category {name}") < probability) & ~np.isnat(since))
        log.add(
            "deal",
            "forecast_category",
            deal_id[rows],
            np.full(len(rows), name, dtype=object),
            since[rows] + np.timedelta64(95, "s"),
            user[seller][rows],
            "CRM_UI",
        )
        usual = 0.5 if name == "BEST_CASE" else 0.8
        by_hand = np.full(len(rows), "CRM_UI", dtype=object)
        say_probability(rows, name, usual, since[rows] + np.timedelta64(95, "s"), user[seller][rows], by_hand)
    rows = np.flatnonzero(final_won & ~np.isnat(last_close))
    log.add(
        "deal",
        "forecast_category",
        deal_id[rows],
        np.full(len(rows), "CLOSED", dtype=object),
        last_close[rows],
        None,
        "AUTOMATION_PLATFORM",
    )
    steps = np.asarray(words.NEXT_STEPS, dtype=object)
    for purpose, since, probability in (
        ("first step", qualification, 0.55),
        ("second step", proposal, 0.7),
        ("third step", negotiation, 0.6),
    ):
        rows = np.flatnonzero((u(purpose) < probability) & ~np.isnat(since))
        chosen = steps[(u(purpose + " text")[rows] * len(steps)).astype(np.int64)]
        log.add(
            "deal",
            "next_step",
            deal_id[rows],
            chosen,
            since[rows] + np.timedelta64(140, "s"),
            user[seller][rows],
            "CRM_UI",
        )
    is_loss = stages_at == LOST
    reasons = np.asarray(words.LOST_REASONS, dtype=object)
    reason = reasons[draws.pick(seed, "reason", key, [0.26, 0.24, 0.18, 0.1, 0.09, 0.09, 0.04])]
    reason[draws.chance(seed, "entered twice", key, 0.02)] = words.ENTERED_TWICE
    rows = deals_at[is_loss]
    known = u("reason known")[rows] < 0.85
    log.add(
        "deal",
        "lost_reason",
        deal_id[rows][known],
        reason[rows][known],
        moments[is_loss][known],
        who[is_loss][known],
        "CRM_UI",
    )

    _rivals(seed, key, log, deal_id, kind, proposal, reason, deals_at[is_loss], moments[is_loss], user[seller])
    product = np.asarray(words.PRODUCTS, dtype=object)[draws.below(seed, "product", key, len(words.PRODUCTS))]
    suffix = np.array(["", " renewal", " expansion", " onboarding", " TEST"], dtype=object)[kind]
    return Lived(
        deal_id=deal_id, name=party + " - " + product + suffix, kind=kind, won=final_won, closed=last_close,
        amount=amount, owner=seller, batch=batch,
    )  # fmt: skip


def _rivals(
    seed: int, key: Keys, log: Log, deal_id: Objects, kind: Ints, proposal: Times, reason: Objects, lost: Ints,
    lost_at: Times, seller_user: Objects,
) -> None:  # fmt: skip
    """Against whom a deal stands: noted with the offer where it is known then, and by most who lose to somebody."""
    rival = np.asarray(words.COMPETITORS, dtype=object)[draws.pick(seed, "rival", key, [0.5, 0.3, 0.2])]
    rows = np.flatnonzero(draws.chance(seed, "rival known", key, 0.3) & ~np.isnat(proposal) & (kind != ONBOARDING))
    log.add(
        "deal", "competitor", deal_id[rows], rival[rows], proposal[rows] + np.timedelta64(201, "s"), seller_user[rows],
        "CRM_UI",
    )  # fmt: skip
    to_rival = (reason[lost] == "Competitor") & draws.chance(seed, "rival named", key[lost], 0.85)
    rows = lost[to_rival]
    log.add("deal", "competitor", deal_id[rows], rival[rows], lost_at[to_rival], seller_user[rows], "CRM_UI")


def decided_after(moments: Times, deals_at: Ints, ending: Times) -> Times:
    """The latest moment to which a stage may be moved by working hours: just before the decision, if there is one."""
    limit = ending[deals_at] - np.timedelta64(20, "m")
    return np.where(np.isnat(limit) | (limit < moments), moments + np.timedelta64(4, "D"), limit)


def _noted(moments: Times, deals_at: Ints, planned: Times, wanted: Times) -> Times:
    """Where the planned moment `wanted` of each deal has come to lie after ordering and working hours."""
    noted = np.full(len(wanted), np.datetime64("2262-01-01", "ms"))
    rows = np.flatnonzero(planned == wanted[deals_at])[::-1]
    noted[deals_at[rows]] = moments[rows]
    return noted


def _after_holidays(moments: Times, share: Floats) -> Times:
    """August and the turn of the year put decisions off, for most."""
    months = moments.astype("datetime64[M]").astype(np.int64) % 12
    days = moments.astype("datetime64[D]") - moments.astype("datetime64[M]").astype("datetime64[D]")
    day = days.astype(np.int64)
    still = ((months == 7) | ((months == 11) & (day > 20)) | ((months == 0) & (day < 6))) & (share < 0.65)
    return moments + clock.milliseconds(np.where(still, (16 + 24 * share) * clock.DAY, 0.0))


def _owner_changes(
    seed: int, batch: Batch, owners: pd.DataFrame, log: Log, deal_id: Objects, opener: Ints, seller: Ints,
    handed_over: Bools, second: Times, last_close: Times, import_user: str,
) -> None:  # fmt: skip
    key = batch.key
    owner_ids, users = (owners[name].to_numpy(dtype=object) for name in ("owner_id", "user_id"))
    left = owners["left_at"].to_numpy().astype("datetime64[ms]")
    source = np.where(batch.imported, "IMPORT", "CRM_UI").astype(object)
    by = np.where(batch.imported, import_user, users[opener])
    log.add("deal", "owner_id", deal_id, owner_ids[opener], batch.created, by, source)
    rows = np.flatnonzero(handed_over & ~np.isnat(second))
    log.add(
        "deal",
        "owner_id",
        deal_id[rows],
        owner_ids[seller[rows]],
        second[rows] + np.timedelta64(7, "s"),
        users[opener[rows]],
        "CRM_UI",
    )
    gone = left[seller]
    still_open = np.isnat(last_close) | (last_close > gone)
    given_on = ~np.isnat(gone) & (gone > batch.created + np.timedelta64(2, "D")) & still_open
    given_on &= draws.chance(seed, "given on", key, 0.7)
    team = owners["team"].to_numpy(dtype=object)[seller]
    for name in pd.unique(team):
        rows = np.flatnonzero(given_on & (team == name))
        later = gone[rows] + clock.milliseconds((1 + 30 * draws.uniform(seed, "given hours", key[rows])) * clock.HOUR)
        heir = owners_at(owners, str(name), later + np.timedelta64(31, "D"), draws.uniform(seed, "heir", key[rows]))
        log.add("deal", "owner_id", deal_id[rows], owner_ids[heir], later, import_user, "CRM_UI")
        swapped = np.flatnonzero(draws.chance(seed, "swap", key, 0.035) & (team == name) & ~given_on)
        day = batch.created[swapped] + clock.milliseconds(
            (3 + 30 * draws.uniform(seed, "swap day", key[swapped])) * clock.DAY
        )
        other = owners_at(owners, str(name), day, draws.uniform(seed, "swap to", key[swapped]))
        differs = other != seller[swapped]
        log.add(
            "deal",
            "owner_id",
            deal_id[swapped][differs],
            owner_ids[other][differs],
            day[differs],
            users[seller[swapped]][differs],
            "CRM_UI",
        )


FACTOR = {"EUR": 1.0, "CZK": 24.6, "GBP": 0.86, "USD": 1.09}
_TIDY = {"EUR": 500.0, "CZK": 10_000.0, "GBP": 500.0, "USD": 500.0}


def _texts(values: Floats) -> Objects:
    """Amounts as the CRM writes them: no needless decimals."""
    cents = np.round(values * 100).astype(np.int64)
    return np.array([str(c // 100) if c % 100 == 0 else f"{c / 100:.2f}".rstrip("0") for c in cents], dtype=object)


def _amount_changes(
    seed: int, batch: Batch, accounts: pd.DataFrame, log: Log, deal_id: Objects, seller_user: Objects, created: Times,
    proposal: Times, negotiation: Times, noted_close: Times, final_won: Bools, last_close: Times, import_user: str,
) -> Floats:  # fmt: skip
    """Writes currency and amount; gives the final amount in EUR at a fixed rate (0 where never stated)."""
    key, kind = batch.key, batch.kind
    country = accounts["country"].to_numpy(dtype=object)[np.maximum(batch.account, 0)]
    currency = np.array([words.CURRENCY_OF_COUNTRY.get(c, "EUR") for c in country], dtype=object)
    currency = np.where(batch.account < 0, "EUR", currency)
    factor = np.array([FACTOR[c] for c in currency])
    tidy = np.array([_TIDY[c] for c in currency])
    source = np.where(batch.imported, "IMPORT", "CRM_UI").astype(object)
    by = np.where(batch.imported, import_user, seller_user)
    log.add("deal", "currency", deal_id, currency, created, by, source)

    def u(purpose: str) -> Floats:
        return draws.uniform(seed, f"amount {purpose}", key)

    true = batch.base * factor
    credit = batch.instant & (kind == UPSELL) & (u("credit") < 0.3)
    never = ((u("never") < 0.012) | (kind == ONBOARDING)) & ~credit
    exact = np.where(u("cents") < 0.12, np.round(true * 100) / 100, np.round(true / 10) * 10)
    exact = np.where(credit, -np.round(exact * 0.15), exact)
    guess = np.round(true * np.exp(0.3 * draws.normal(seed, "guess", key)) / tidy) * tidy
    guess = np.maximum(guess, tidy)
    guess = np.where(batch.instant, exact, guess)
    at_first = ((u("first") < 0.86) | batch.instant) & ~never
    rows = np.flatnonzero(at_first)
    log.add("deal", "amount", deal_id[rows], _texts(guess[rows]), created[rows], by[rows], source[rows])
    offered = np.round(true * np.exp(0.1 * draws.normal(seed, "offer", key)) / 10) * 10
    stated = guess.copy()
    rows = np.flatnonzero(~np.isnat(proposal) & ~never & (u("offered") < 0.9) & ~batch.instant)
    log.add(
        "deal",
        "amount",
        deal_id[rows],
        _texts(offered[rows]),
        proposal[rows] + np.timedelta64(63, "s"),
        seller_user[rows],
        "CRM_UI",
    )
    has_amount = at_first.copy()
    stated[rows], has_amount[rows] = offered[rows], True
    cut = exact * np.where(u("cut") < 0.5, 1.0, 1.0 - 0.22 * u("discount"))
    cut = np.round(cut * 100) / 100
    rows = np.flatnonzero(~np.isnat(negotiation) & ~never & (u("bargained") < 0.6) & ~batch.instant)
    log.add(
        "deal",
        "amount",
        deal_id[rows],
        _texts(cut[rows]),
        negotiation[rows] + np.timedelta64(3, "h"),
        seller_user[rows],
        "CRM_UI",
    )
    stated[rows], has_amount[rows] = cut[rows], True
    rows = np.flatnonzero(~np.isnat(proposal) & ~never & (u("cleared") < 0.01))
    log.add(
        "deal",
        "amount",
        deal_id[rows],
        np.full(len(rows), None, dtype=object),
        proposal[rows] + np.timedelta64(26, "h"),
        seller_user[rows],
        "CRM_UI",
    )
    rows = np.flatnonzero(
        final_won & ~np.isnat(last_close) & ~never & ((u("signed") < 0.3) | ~has_amount) & ~batch.instant
    )
    log.add(
        "deal",
        "amount",
        deal_id[rows],
        _texts(cut[rows]),
        last_close[rows] - np.timedelta64(4, "m"),
        seller_user[rows],
        "CRM_UI",
    )
    stated[rows], has_amount[rows] = cut[rows], True
    rows = np.flatnonzero(final_won & ~np.isnat(last_close) & ~never & (u("corrected") < 0.03))
    corrected = np.round(stated * (0.9 + 0.2 * u("correction")), 2)
    log.add(
        "deal",
        "amount",
        deal_id[rows],
        _texts(corrected[rows]),
        last_close[rows] + clock.milliseconds((1 + 20 * u("after")) * clock.DAY)[rows],
        seller_user[rows],
        "CRM_UI",
    )
    # The wrong currency, put right a few days later together with the amount.
    rows = np.flatnonzero((currency == "EUR") & has_amount & (u("other currency") < 0.01) & ~batch.instant)
    day = created[rows] + clock.milliseconds((2 + 5 * u("currency day")[rows]) * clock.DAY)
    log.add(
        "deal", "currency", deal_id[rows], np.full(len(rows), "USD", dtype=object), day, seller_user[rows], "CRM_UI"
    )
    log.add(
        "deal", "amount", deal_id[rows], _texts(np.round(guess[rows] * FACTOR["USD"])), day, seller_user[rows], "CRM_UI"
    )
    return np.where(has_amount, stated / factor, 0.0)


def _date_changes(
    seed: int, batch: Batch, log: Log, deal_id: Objects, seller_user: Objects, days: Floats, noted_close: Times,
    noted_reopen: Times, last_close: Times, won: Bools, import_user: str,
) -> None:  # fmt: skip
    key, created = batch.key, batch.created

    def u(purpose: str) -> Floats:
        return draws.uniform(seed, f"date {purpose}", key)

    def text(dates: Times) -> Objects:
        return np.asarray(np.datetime_as_string(dates.astype("datetime64[D]")), dtype=object)

    birth = clock.local_days(created)
    hoped = np.clip(days, 10, 150) * np.exp(0.35 * draws.normal(seed, "date hope", key)) * 0.8 + 6
    first = birth + hoped.astype(np.int64).astype("timedelta64[D]")
    rounded = np.where(
        u("round") < 0.35, clock.month_end(first), np.where(u("round") < 0.55, clock.quarter_end(first), first)
    )
    stated = np.where(batch.instant, birth, rounded)
    dateless = (u("dateless") < 0.04) & ~batch.instant
    source = np.where(batch.imported, "IMPORT", "CRM_UI").astype(object)
    by = np.where(batch.imported, import_user, seller_user)
    rows = np.flatnonzero(~dateless)
    log.add("deal", "close_date", deal_id[rows], text(stated[rows]), created[rows], by[rows], source[rows])
    # Optimism meets the calendar: about the stated day the seller names a later one, or looks away.
    until = np.where(np.isnat(noted_close), created + np.timedelta64(900, "D"), noted_close)
    changed = created.copy()
    active = ~dateless & ~batch.instant
    for turn in range(9):
        lead = -8 + 16 * u(f"lead {turn}")
        moment = clock.at_work(
            stated.astype("datetime64[ms]") + clock.milliseconds(lead * clock.DAY), u(f"hour {turn}")
        )
        moment = np.maximum(moment, changed + np.timedelta64(30, "h"))
        active &= (moment < until - np.timedelta64(2, "h")) & (u(f"looks away {turn}") > 0.14)
        add = (7 + 45 * u(f"more {turn}") ** 1.3).astype(np.int64).astype("timedelta64[D]")
        later = np.where(u(f"tidy {turn}") < 0.5, clock.month_end(stated + add), stated + add)
        rows = np.flatnonzero(active)
        log.add("deal", "close_date", deal_id[rows], text(later[rows]), moment[rows], seller_user[rows], "CRM_UI")
        stated = np.where(active, later, stated)
        changed = np.where(active, moment, changed)
    # Some are pulled in instead, early on.
    pulled = (u("pulled") < 0.07) & ~dateless & ~batch.instant & (days > 25)
    rows = np.flatnonzero(pulled)
    moment = created[rows] + clock.milliseconds((4 + 6 * u("pull day")[rows]) * clock.DAY)
    earlier = rounded[rows] - (5 + 12 * u("pull by")[rows]).astype(np.int64).astype("timedelta64[D]")
    log.add("deal", "close_date", deal_id[rows], text(earlier), moment, seller_user[rows], "CRM_UI")
    # Cleared, then set again.
    rows = np.flatnonzero((u("cleared") < 0.006) & ~dateless & ~batch.instant & (days > 20))
    moment = created[rows] + clock.milliseconds(12.3 * clock.DAY * np.ones(len(rows)))
    log.add(
        "deal", "close_date", deal_id[rows], np.full(len(rows), None, dtype=object), moment, seller_user[rows], "CRM_UI"
    )
    # The CRM writes the day on which a deal is closed, at that very moment; people sometimes write another later.
    for moments, purpose in (
        (noted_close, "at close"),
        (np.where(last_close != noted_close, last_close, clock.NEVER), "at last"),
    ):
        rows = np.flatnonzero(~np.isnat(moments) & (u(purpose) < 0.93))
        log.add(
            "deal",
            "close_date",
            deal_id[rows],
            text(clock.local_days(moments[rows])),
            moments[rows],
            None,
            "AUTOMATION_PLATFORM",
        )
    rows = np.flatnonzero(~np.isnat(last_close) & (u("edited") < 0.04))
    shift = (-12 + 20 * u("edit by")[rows]).astype(np.int64).astype("timedelta64[D]")
    edited = clock.local_days(last_close[rows]) + shift
    moment = last_close[rows] + clock.milliseconds((0.3 + 3 * u("edit day")[rows]) * clock.DAY)
    log.add("deal", "close_date", deal_id[rows], text(edited), moment, seller_user[rows], "CRM_UI")
    rows = np.flatnonzero(~np.isnat(noted_reopen))
    hope = clock.local_days(noted_reopen[rows]) + (20 + 30 * u("new hope")[rows]).astype(np.int64).astype(
        "timedelta64[D]"
    )
    log.add("deal", "close_date", deal_id[rows], text(hope), noted_reopen[rows], seller_user[rows], "CRM_UI")


# --- all deals ------------------------------------------------------------------------------------------------------


def _concatenate(batches: Iterable[Batch]) -> Batch:
    parts = list(batches)
    return Batch(*(np.concatenate([getattr(part, name) for part in parts]) for name in Batch.__dataclass_fields__))


def _taken(batch: Batch, rows: Ints | Bools) -> Batch:
    return Batch(*(getattr(batch, name)[rows] for name in Batch.__dataclass_fields__))


def make_deals(
    seed: int,
    scale: float,
    months: Ints,
    owners: pd.DataFrame,
    accounts: pd.DataFrame,
    contacts: pd.DataFrame,
    contact_names: Objects,
    log: Log,
    until: pd.Timestamp,
    account_month: Ints,
) -> tuple[pd.DataFrame, list[Lived]]:
    """All deals in generations: of leads and of nobody, then of recycled leads, renewals, expansions, onboardings.

    Gives one row per deal (public columns plus `contact_position`, `owner_position`, `is_instant`, `account_position`,
    `won`, `closed`) and what became of each generation. Every change of a field goes into `log`.
    """
    effect = dict(zip(CHANNEL_EFFECTS["channel"], CHANNEL_EFFECTS["win_effect"], strict=True))
    lift = np.array([effect[channel] for channel in contacts["true_channel"]])
    fit = contacts["fit"].to_numpy()
    account = contacts["account_position"].to_numpy()
    band = accounts["size_band"].to_numpy(dtype=object)
    contact_key = contacts["key"].to_numpy().astype(np.uint64)
    marketing = np.flatnonzero((owners["team"] == "Marketing").to_numpy())
    import_user = str(owners["user_id"].iloc[marketing[0]])
    limit = np.datetime64(until, "ms")

    def of_contacts(rows: Ints, purpose: str, created: Times, kind: int, instant: bool = False) -> Batch:
        keys = draws.bits(seed, f"deal key {purpose}", contact_key[rows])
        bands = np.where(account[rows] >= 0, band[np.maximum(account[rows], 0)], "small")
        return Batch(
            key=keys, created=created, kind=np.full(len(rows), kind), account=account[rows], contact=rows,
            base=base_amounts(seed, keys, bands), fit=fit[rows], lift=lift[rows],
            imported=np.zeros(len(rows), dtype=bool), instant=np.full(len(rows), instant),
            recycled=np.full(len(rows), purpose == "recycled"), original=np.full(len(rows), -1),
        )  # fmt: skip

    def of_nobody(purpose: str, total: float, kind: int, instant: bool) -> Batch:
        born = stream(seed, f"deals {purpose}", months, total, monthly_weight(months))
        created = clock.at_work(
            moments_in_month(seed, purpose, born.key, born.month), draws.uniform(seed, purpose + " hour", born.key)
        )
        keys = draws.bits(seed, f"deal key {purpose}", born.key)
        known = np.searchsorted(account_month, born.month, side="left")
        usable = np.maximum.accumulate(
            np.where(~(accounts["is_junk"] | accounts["is_test"]).to_numpy(), np.arange(len(accounts)), 0)
        )
        chosen = usable[
            np.clip(
                (known * draws.uniform(seed, purpose + " account", born.key) ** 0.8).astype(np.int64),
                2,
                len(accounts) - 1,
            )
        ]
        chosen = np.zeros(born.size, dtype=np.int64) if kind == TEST else chosen
        return Batch(
            key=keys, created=created, kind=np.full(born.size, kind), account=chosen, contact=np.full(born.size, -1),
            base=base_amounts(seed, keys, band[chosen]), fit=draws.normal(seed, purpose + " fit", keys),
            lift=np.zeros(born.size), imported=np.zeros(born.size, dtype=bool), instant=np.full(born.size, instant),
            recycled=np.zeros(born.size, dtype=bool), original=np.full(born.size, -1),
        )  # fmt: skip

    opportunity = contacts["opportunity_at"].to_numpy().astype("datetime64[ms]")
    is_test = contacts["is_test"].to_numpy(dtype=bool)
    led = np.flatnonzero(~np.isnat(opportunity))
    tested = np.flatnonzero(is_test)
    created_contact = contacts["created_at"].to_numpy().astype("datetime64[ms]")
    first_batch = _concatenate(
        [
            of_contacts(led, "first", opportunity[led] + np.timedelta64(90, "s"), NEW),
            of_contacts(tested, "tested", created_contact[tested] + np.timedelta64(2, "h"), NEW),
            of_nobody("walk-in", 420 * scale + 2, NEW, False),
            of_nobody("order", 110 * scale + 2, NEW, True),
            of_nobody("sandbox", 40 * scale + 1, TEST, False),
        ]
    )
    migrated = _migrated(seed, scale, accounts, account_month, band, months)
    first_batch = _concatenate([first_batch, migrated])

    generations: list[Lived] = []
    count = 0

    def run(batch: Batch, whole: bool = False) -> Lived:
        # What follows a lead is told in full, since it already shows in the lead before it begins.
        nonlocal count
        batch = _taken(batch, np.lexsort((batch.key, batch.created)))
        batch = batch if whole else _taken(batch, batch.created < limit)
        lived = live(seed, batch, owners, accounts, contact_names, log, len(generations), import_user)
        count += batch.size
        generations.append(lived)
        return lived

    first = run(first_batch)
    # The same opportunity entered a second time by a colleague, some of those a third time.
    plain = np.flatnonzero((first.kind == NEW) & ~first.batch.instant & ~first.batch.imported)
    twice = plain[draws.chance(seed, "twin", first.batch.key[plain], 0.02)]
    twins = run(_twins(seed, first, twice, 0), whole=True)
    before = count - twins.batch.size
    thrice = np.flatnonzero(draws.chance(seed, "triplet", twins.batch.key, 0.35))
    run(_twins(seed, twins, thrice, before), whole=True)
    # A lost lead is worked again after some months.
    lost = np.flatnonzero(~first.won & ~np.isnat(first.closed) & (first.batch.contact >= 0) & (first.kind == NEW))
    again = lost[draws.chance(seed, "recycled", first.batch.key[lost], 0.07) & ~is_test[first.batch.contact[lost]]]
    wait = (55 + 120 * draws.uniform(seed, "recycled wait", first.batch.key[again])) * clock.DAY
    when = clock.at_work(
        first.closed[again] + clock.milliseconds(wait), draws.uniform(seed, "recycled hour", first.batch.key[again])
    )
    second = run(of_contacts(first.batch.contact[again], "recycled", when, NEW), whole=True)
    customers = [first, second]
    for _ in range(3):
        renewals = [_renewals(seed, lived) for lived in customers]
        customers = [run(_concatenate(renewals))]
    originals = [lived for lived in generations if (lived.batch.original < 0).all()]
    grown = run(_concatenate([_expansions(seed, lived) for lived in originals]))
    credited = _taken(grown.batch, np.flatnonzero(grown.won & draws.chance(seed, "credited", grown.batch.key, 0.12)))
    run(_credits(seed, credited, grown))
    run(_concatenate([_onboardings(seed, lived) for lived in (first, second)]))

    frames = []
    for lived in generations:
        channels = contacts["true_channel"].to_numpy(dtype=object)[np.maximum(lived.batch.contact, 0)]
        frames.append(
            pd.DataFrame(
                {
                    "deal_id": lived.deal_id,
                    "name": lived.name,
                    "account_position": lived.batch.account,
                    "pipeline_id": PIPELINES["pipeline_id"].to_numpy(dtype=object)[lived.kind],
                    "deal_type": np.asarray(DEAL_TYPES, dtype=object)[lived.kind],
                    "created_at": lived.batch.created,
                    "is_imported": lived.batch.imported,
                    "true_channel": np.where(lived.batch.contact >= 0, channels, "unattributed"),
                    "key": lived.batch.key,
                    "kind": lived.kind,
                    "contact_position": lived.batch.contact,
                    "owner_position": lived.owner,
                    "is_instant": lived.batch.instant,
                    "is_recycled": lived.batch.recycled,
                    "duplicate_of": lived.batch.original,
                    "won": lived.won,
                    "closed": lived.closed,
                    "final_eur": lived.amount,
                }
            )
        )
    deals = pd.concat(frames, ignore_index=True)
    ids = accounts["account_id"].to_numpy(dtype=object)
    place = deals["account_position"].to_numpy()
    deals.insert(2, "account_id", draws.given(place >= 0, ids[place]))
    return deals, generations


def _migrated(
    seed: int, scale: float, accounts: pd.DataFrame, account_month: Ints, band: Objects, months: Ints
) -> Batch:
    """Deals brought along from the old CRM: created by one import, twenty a second."""
    size = int(130 * scale) + 3
    month = clock.month_index(IMPORT_DAY)
    known = int(np.searchsorted(account_month, month, side="left"))
    if known < 6 or month < int(months[0]) or month > int(months[-1]):
        size = 0
    number = np.arange(size).astype(np.uint64)
    keys = draws.bits(seed, "migrated", number)
    usable = np.maximum.accumulate(
        np.where(~(accounts["is_junk"] | accounts["is_test"]).to_numpy(), np.arange(len(accounts)), 0)
    )
    chosen = usable[2 + draws.below(seed, "migrated account", keys, max(known - 2, 1))]
    moment = np.datetime64(IMPORT_DAY, "ms") + np.timedelta64(8 * 3600 + 741, "s")
    return Batch(
        key=keys, created=moment + clock.milliseconds(np.arange(size) * 50), kind=np.full(size, NEW), account=chosen,
        contact=np.full(size, -1), base=base_amounts(seed, keys, band[chosen]),
        fit=draws.normal(seed, "migrated fit", keys),
        lift=np.full(size, 0.3), imported=np.ones(size, dtype=bool), instant=np.zeros(size, dtype=bool),
        recycled=np.zeros(size, dtype=bool), original=np.full(size, -1),
    )  # fmt: skip


def _following(seed: int, lived: Lived, rows: Ints, purpose: str, created: Times, kind: int, ratio: Floats) -> Batch:
    keys = draws.bits(seed, f"deal key {purpose}", lived.batch.key[rows])
    size = len(rows)
    return Batch(
        key=keys, created=clock.at_work(created, draws.uniform(seed, purpose + " hour", keys)),
        kind=np.full(size, kind),
        account=lived.batch.account[rows], contact=lived.batch.contact[rows],
        base=np.maximum(lived.amount[rows], 1_500.0) * ratio, fit=lived.batch.fit[rows], lift=np.zeros(size),
        imported=np.zeros(size, dtype=bool), instant=np.zeros(size, dtype=bool), recycled=np.zeros(size, dtype=bool),
        original=np.full(size, -1),
    )  # fmt: skip


def _twins(seed: int, lived: Lived, rows: Ints, numbered_from: int) -> Batch:
    keys = draws.bits(seed, "deal key twin", lived.batch.key[rows])
    created = lived.batch.created[rows] + clock.milliseconds(
        (0.8 + 7 * draws.uniform(seed, "twin day", keys)) * clock.DAY
    )
    created = np.maximum(
        clock.at_work(created, draws.uniform(seed, "twin hour", keys)),
        lived.batch.created[rows] + np.timedelta64(40, "m"),
    )
    values = {name: getattr(lived.batch, name)[rows] for name in Batch.__dataclass_fields__}
    return Batch(**{**values, "key": keys, "created": created, "original": numbered_from + rows})


def _renewals(seed: int, lived: Lived) -> Batch:
    own = lived.batch.key
    rows = np.flatnonzero(
        lived.won & ~np.isnat(lived.closed) & np.isin(lived.kind, [NEW, RENEWAL]) & (lived.amount > 0)
    )
    rows = rows[draws.chance(seed, "renews", own[rows], 0.9)]
    created = lived.closed[rows] + clock.milliseconds(
        (290 + 30 * draws.uniform(seed, "renewal day", own[rows])) * clock.DAY
    )
    ratio = np.exp(0.02 + 0.12 * draws.normal(seed, "renewal ratio", own[rows]))
    return _following(seed, lived, rows, "renewal", created, RENEWAL, ratio)


def _expansions(seed: int, lived: Lived) -> Batch:
    own = lived.batch.key
    rows = np.flatnonzero(
        lived.won & ~np.isnat(lived.closed) & np.isin(lived.kind, [NEW, RENEWAL]) & (lived.amount > 0)
    )
    rows = rows[draws.chance(seed, "expands", own[rows], 0.33)]
    created = lived.closed[rows] + clock.milliseconds(
        (40 + 260 * draws.uniform(seed, "expansion day", own[rows])) * clock.DAY
    )
    ratio = 0.35 * np.exp(0.5 * draws.normal(seed, "expansion ratio", own[rows]))
    return _following(seed, lived, rows, "expansion", created, UPSELL, ratio)


def _credits(seed: int, batch: Batch, grown: Lived) -> Batch:
    """Small orders and credit notes that are typed in as won."""
    keys = draws.bits(seed, "deal key credit", batch.key)
    rows = np.isin(grown.batch.key, batch.key)
    created = clock.at_work(
        grown.closed[rows] + clock.milliseconds((10 + 40 * draws.uniform(seed, "credit day", keys)) * clock.DAY),
        draws.uniform(seed, "credit hour", keys),
    )
    return Batch(
        key=keys, created=created, kind=np.full(batch.size, UPSELL), account=batch.account, contact=batch.contact,
        base=np.maximum(batch.base * 0.3, 500.0), fit=batch.fit, lift=batch.lift, imported=batch.imported,
        instant=np.ones(batch.size, dtype=bool), recycled=batch.recycled, original=np.full(batch.size, -1),
    )  # fmt: skip


def _onboardings(seed: int, lived: Lived) -> Batch:
    own = lived.batch.key
    rows = np.flatnonzero(lived.won & ~np.isnat(lived.closed) & (lived.kind == NEW) & (lived.amount > 15_000))
    rows = rows[draws.chance(seed, "onboards", own[rows], 0.55)]
    created = lived.closed[rows] + clock.milliseconds(
        (1 + 6 * draws.uniform(seed, "onboarding day", own[rows])) * clock.DAY
    )
    return _following(seed, lived, rows, "onboarding", created, ONBOARDING, np.ones(len(rows)))


def creators(seed: int, deals: pd.DataFrame, changes: pd.DataFrame, owners: pd.DataFrame) -> Objects:
    """The user who created each deal: whoever set its first stage; now and then marketing, and nobody but a machine."""
    stages = changes.loc[(changes["object"] == "deal") & (changes["field"] == "stage")]
    first = stages.drop_duplicates("record_id").set_index("record_id")["user_id"]
    made: Objects = deals["deal_id"].map(first).to_numpy(dtype=object).copy()
    key = deals["key"].to_numpy().astype(np.uint64)
    new = (deals["kind"] == NEW).to_numpy() & ~deals["is_imported"].to_numpy(dtype=bool)
    marketer = owners_at(
        owners, "Marketing", deals["created_at"].to_numpy().astype("datetime64[ms]"),
        draws.uniform(seed, "created by whom", key),
    )  # fmt: skip
    marketed = new & draws.chance(seed, "created by marketing", key, 0.08)
    made[marketed] = owners["user_id"].to_numpy(dtype=object)[marketer[marketed]]
    return draws.given(~(new & draws.chance(seed, "created by nobody", key, 0.03)), made)
