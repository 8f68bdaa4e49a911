"""What happens to the simulated company's records beside selling: lead stages, merges, deletions, activities.

What belongs here: changes of contacts and accounts, and the events that end or join records. What does not: how deals
live (selling.py) and who the contacts are (people.py).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import clock, draws, words
from simulator.draws import Floats, Ints, Objects, Times
from simulator.people import Stream, owners_at
from simulator.selling import NEW, Log


def make_merges(
    seed: int, accounts: pd.DataFrame, contacts: pd.DataFrame, deals: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """merges(object, survivor_id, merged_id, at): at each moment the survivor is a record that still exists then.

    The survivor is the older record. A record merged into another that is later merged itself makes a chain.
    """
    rows: list[tuple[str, str, str, pd.Timestamp]] = []
    limit = np.datetime64(until, "ms")
    for kind, frame, identifier, share, spread in (
        ("company", accounts, "account_id", 0.62, 110.0),
        ("contact", contacts, "contact_id", 0.66, 75.0),
        ("deal", deals, "deal_id", 0.72, 18.0),
    ):
        keys = frame["key"].to_numpy().astype(np.uint64)
        original = frame["duplicate_of"].to_numpy()
        created = frame["created_at"].to_numpy().astype("datetime64[ms]")
        merged = np.flatnonzero((original >= 0) & draws.chance(seed, f"merged {kind}", keys, share))
        wait = (1.0 + spread * draws.uniform(seed, f"merge day {kind}", keys[merged]) ** 2) * clock.DAY
        moment = clock.at_work(
            created[merged] + clock.milliseconds(wait), draws.uniform(seed, f"merge hour {kind}", keys[merged])
        )
        # Nothing is merged in the hour in which it is made.
        moment = np.maximum(moment, created[merged] + np.timedelta64(1, "h"))
        ids = frame[identifier].to_numpy(dtype=object)
        into: dict[int, int] = {}
        for number in np.argsort(moment, kind="stable"):
            row, survivor = int(merged[number]), int(original[merged[number]])
            while survivor in into:
                survivor = into[survivor]
            if survivor == row or created[survivor] >= created[row] or moment[number] >= limit:
                continue
            into[row] = survivor
            rows.append((kind, ids[survivor], ids[row], pd.Timestamp(moment[number])))
    merges = pd.DataFrame.from_records(rows, columns=["object", "survivor_id", "merged_id", "at"])
    merges["at"] = merges["at"].astype("datetime64[ms]")
    return merges.sort_values(["at", "object", "merged_id"], ignore_index=True)


def make_deletions(
    seed: int,
    accounts: pd.DataFrame,
    contacts: pd.DataFrame,
    deals: pd.DataFrame,
    merges: pd.DataFrame,
    until: pd.Timestamp,
) -> pd.DataFrame:
    """deletions(object, record_id, at, restored_at): junk accounts and contacts without deals, and some deals."""
    frames = []
    touched = set(merges["merged_id"]) | set(merges["survivor_id"])
    limit = np.datetime64(until, "ms")
    for kind, frame, identifier, eligible, share, back in (
        ("company", accounts, "account_id", accounts["is_junk"].to_numpy(dtype=bool), 0.7, 0.2),
        (
            "contact",
            contacts,
            "contact_id",
            contacts["opportunity_at"].isna().to_numpy() & ~contacts["is_test"].to_numpy(dtype=bool),
            0.016,
            0.25,
        ),
        ("deal", deals, "deal_id", np.ones(len(deals), dtype=bool), 0.016, 0.3),
    ):
        keys = frame["key"].to_numpy().astype(np.uint64)
        ids = frame[identifier].to_numpy(dtype=object)
        rows = np.flatnonzero(
            eligible & draws.chance(seed, f"deleted {kind}", keys, share) & ~pd.Index(ids).isin(touched)
        )
        created = frame["created_at"].to_numpy().astype("datetime64[ms]")[rows]
        moment = clock.at_work(
            created
            + clock.milliseconds((1.5 + 220 * draws.uniform(seed, f"delete day {kind}", keys[rows]) ** 2) * clock.DAY),
            draws.uniform(seed, f"delete hour {kind}", keys[rows]),
        )
        restored = clock.at_work(
            moment
            + clock.milliseconds((0.6 + 15 * draws.uniform(seed, f"restore day {kind}", keys[rows])) * clock.DAY),
            draws.uniform(seed, f"restore hour {kind}", keys[rows]),
        )
        restored = np.maximum(restored, moment + np.timedelta64(1, "h"))
        comes_back = draws.chance(seed, f"restored {kind}", keys[rows], back)
        restored = np.where(comes_back & (restored < limit), restored, clock.NEVER)
        keep = moment < limit
        frames.append(
            pd.DataFrame(
                {"object": kind, "record_id": ids[rows][keep], "at": moment[keep], "restored_at": restored[keep]}
            )
        )
    return pd.concat(frames, ignore_index=True).sort_values(["at", "object", "record_id"], ignore_index=True)


def without_afterlife(changes: pd.DataFrame, merges: pd.DataFrame, deletions: pd.DataFrame) -> pd.DataFrame:
    """Changes, or moves of links, without those of records that were merged away or lay deleted at that moment."""
    ended = merges.rename(columns={"merged_id": "record_id", "at": "ended_at"})[["object", "record_id", "ended_at"]]
    ended["back_at"] = np.full(len(ended), clock.NEVER)
    removed = deletions.rename(columns={"at": "ended_at", "restored_at": "back_at"})
    gaps = pd.concat([ended, removed[["object", "record_id", "ended_at", "back_at"]]], ignore_index=True)
    if gaps.empty:
        return changes
    # Few records have such a gap, so only their changes are looked at one by one.
    concerned = changes.loc[changes["record_id"].isin(gaps["record_id"]), ["object", "record_id", "at"]]
    told = concerned.reset_index().merge(gaps, on=["object", "record_id"])
    gone = (told["at"] >= told["ended_at"]) & (told["back_at"].isna() | (told["at"] < told["back_at"]))
    left: pd.DataFrame = changes.drop(index=pd.Index(told.loc[gone, "index"])).reset_index(drop=True)
    return left


def contact_changes(seed: int, contacts: pd.DataFrame, deals: pd.DataFrame, owners: pd.DataFrame, log: Log) -> None:
    """Writes lifecycle, lead status and owner of every contact."""
    key = contacts["key"].to_numpy().astype(np.uint64)
    size = len(contacts)
    ids = contacts["contact_id"].to_numpy(dtype=object)
    created, mql, sql, opportunity = (
        contacts[name].to_numpy().astype("datetime64[ms]")
        for name in ("created_at", "mql_at", "sql_at", "opportunity_at")
    )
    shopper, test, imported = (contacts[name].to_numpy(dtype=bool) for name in ("is_shopper", "is_test", "is_imported"))
    users, owner_ids = (owners[name].to_numpy(dtype=object) for name in ("user_id", "owner_id"))
    owner = contacts["owner_position"].to_numpy()
    user = users[owner]
    marketing = users[int(np.flatnonzero((owners["team"] == "Marketing").to_numpy())[0])]
    from_web = contacts["visitor_id"].notna().to_numpy()
    source = np.where(imported, "IMPORT", np.where(from_web, "FORM", "CRM_UI")).astype(object)
    by = np.where(imported, marketing, np.where(from_web, None, user))

    def u(purpose: str) -> Floats:
        return draws.uniform(seed, f"lead {purpose}", key)

    def later(moments: Times, days: Floats, purpose: str) -> Times:
        moved = moments + clock.milliseconds(days * clock.DAY)
        worked = moved.copy()
        present = np.flatnonzero(~np.isnat(moved))
        worked[present] = clock.at_work(moved[present], u(purpose)[present])
        return np.asarray(np.maximum(worked, moments + np.timedelta64(3, "m")))

    def add(name: str, value: str, rows: Ints, moments: Times, who: Objects | str | None, how: Objects | str) -> None:
        by_whom = who[rows] if isinstance(who, np.ndarray) else who
        from_where = how[rows] if isinstance(how, np.ndarray) else how
        values = np.full(len(rows), value, dtype=object)
        log.add("contact", name, ids[rows], values, moments[rows], by_whom, from_where)

    every = np.arange(size)
    at_once = mql == created
    subscriber = (
        (u("subscriber") < 0.14) & ~at_once & ~test & (np.isnat(mql) | (mql > created + np.timedelta64(6, "h")))
    )
    initial = np.where(
        shopper, "customer", np.where(at_once, "marketingqualifiedlead", np.where(subscriber, "subscriber", "lead"))
    )
    initial = np.where(shopper & (u("window shopper") < 0.3), "subscriber", initial).astype(object)
    log.add("contact", "lifecycle", ids, initial, created, by, source)
    # A subscriber becomes a lead on the way, or stays one.
    half_way = created + ((np.where(np.isnat(mql), created + np.timedelta64(20, "D"), mql) - created) // 2)
    stays = np.isnat(mql) & (u("stays subscriber") < 0.45)
    add(
        "lifecycle",
        "lead",
        np.flatnonzero(subscriber & ~shopper & ~stays & (u("straight") > 0.15)),
        half_way,
        user,
        "CRM_UI",
    )
    skips_mql = (u("skips mql") < 0.06) & ~np.isnat(sql) & ~at_once
    add(
        "lifecycle",
        "marketingqualifiedlead",
        np.flatnonzero(~np.isnat(mql) & ~at_once & ~skips_mql),
        mql,
        None,
        "AUTOMATION_PLATFORM",
    )
    skips_sql = (u("skips sql") < 0.05) & ~np.isnat(opportunity)
    add("lifecycle", "salesqualifiedlead", np.flatnonzero(~np.isnat(sql) & ~skips_sql), sql, user, "CRM_UI")
    add("lifecycle", "opportunity", np.flatnonzero(~np.isnat(opportunity)), opportunity, user, "CRM_UI")
    back = np.isnat(sql) & ~np.isnat(mql) & (u("back") < 0.06)
    returned = later(mql, 15 + 40 * u("back days"), "back hour")
    add("lifecycle", "lead", np.flatnonzero(back), returned, user, "CRM_UI")
    again = later(returned, 10 + 40 * u("again days"), "again hour")
    add("lifecycle", "marketingqualifiedlead", np.flatnonzero(back & (u("again") < 0.4)), again, user, "CRM_UI")

    # Deals write back: a customer at the win, worked again at the second deal.
    primary = deals["contact_position"].to_numpy()
    mine = deals.loc[(primary >= 0) & (deals["duplicate_of"].to_numpy() < 0)]
    won_rows = mine.loc[mine["won"].to_numpy(dtype=bool) & mine["closed"].notna().to_numpy()]
    first_win = won_rows.groupby("contact_position")["closed"].min()
    customer_at = np.full(size, clock.NEVER)
    customer_at[first_win.index.to_numpy()] = first_win.to_numpy().astype("datetime64[ms]") + np.timedelta64(31, "s")
    customer_at[test] = clock.NEVER
    add(
        "lifecycle",
        "customer",
        np.flatnonzero(~np.isnat(customer_at) & ~shopper),
        customer_at,
        None,
        "AUTOMATION_PLATFORM",
    )

    worked = ~shopper & ~test
    add(
        "lead_status",
        "NEW",
        np.flatnonzero(worked & (u("new") < 0.85)),
        created + np.timedelta64(2, "s"),
        None,
        "AUTOMATION_PLATFORM",
    )
    opened = later(created, 0.1 + 1.5 * u("open days"), "open hour")
    add("lead_status", "OPEN", np.flatnonzero(worked & (u("open") < 0.75)), opened, user, "CRM_UI")
    add(
        "lead_status",
        "IN_PROGRESS",
        np.flatnonzero(worked & ~np.isnat(mql) & (u("progress") < 0.8)),
        later(np.maximum(mql, opened), 0.3 + 2 * u("progress days"), "progress hour"),
        user,
        "CRM_UI",
    )
    add(
        "lead_status",
        "BAD_TIMING",
        np.flatnonzero(worked & np.isnat(mql) & (u("timing") < 0.05)),
        later(opened, 4 + u("timing days"), "timing hour"),
        user,
        "CRM_UI",
    )
    # Leads that end before a deal: 30 days after all else at the latest point they reached.
    reached = np.where(
        ~np.isnat(sql), sql, np.where(~np.isnat(mql), mql, np.maximum(created, np.where(subscriber, half_way, created)))
    )
    ended = worked & np.isnat(opportunity) & ~back
    exit_at = later(reached, 6.0 + 45 * u("exit days"), "exit hour")
    share = np.where(~np.isnat(sql), 0.85, np.where(~np.isnat(mql), 0.72, 0.42))
    leaves = ended & (u("leaves") < share)
    recycled = leaves & (u("recycled") < np.where(np.isnat(mql), 0.08, 0.3))
    double = leaves & ~recycled & (u("double") < 0.04)
    spam = leaves & ~recycled & ~double & np.isnat(mql) & (u("spam") < 0.06)
    for status, rows in (
        ("UNQUALIFIED", leaves & ~recycled & ~double & ~spam),
        ("RECYCLED", recycled),
        ("DUPLICATE", double),
        ("SPAM", spam),
    ):
        add("lead_status", status, np.flatnonzero(rows), exit_at, user, "CRM_UI")
    comes_back = leaves & (u("comes back") < np.where(recycled, 0.25, 0.07))
    back_at = later(exit_at, 25 + 80 * u("come back days"), "come back hour")
    add("lead_status", "IN_PROGRESS", np.flatnonzero(comes_back), back_at, user, "CRM_UI")
    promoted = comes_back & np.isnat(mql) & (u("promoted") < 0.6)
    add(
        "lifecycle",
        "marketingqualifiedlead",
        np.flatnonzero(promoted),
        later(back_at, 1 + 4 * u("promoted days"), "promoted hour"),
        user,
        "CRM_UI",
    )
    gone_again = comes_back & (u("gone again") < 0.4)
    gone_at = later(back_at, 12 + 30 * u("gone days"), "gone hour")
    add("lead_status", "UNQUALIFIED", np.flatnonzero(gone_again), gone_at, user, "CRM_UI")
    add(
        "lead_status",
        "RECYCLED",
        np.flatnonzero(gone_again & (u("after all") < 0.3)),
        later(gone_at, 3 + 9 * u("after days"), "after hour"),
        user,
        "CRM_UI",
    )
    # Leads whose deal was lost: out or set aside, and back in the minute before their second deal.
    first_deals = mine.loc[(mine["kind"].to_numpy() == NEW) & ~mine["is_recycled"].to_numpy(dtype=bool)]
    second_deals = mine.loc[mine["is_recycled"].to_numpy(dtype=bool)]
    for number, frame in enumerate((first_deals, second_deals)):
        closed, lost = np.full(size, clock.NEVER), np.zeros(size, dtype=bool)
        rows = frame["contact_position"].to_numpy()
        closed[rows] = frame["closed"].to_numpy().astype("datetime64[ms]")
        lost[rows] = ~frame["won"].to_numpy(dtype=bool) & frame["closed"].notna().to_numpy()
        follows = np.isin(every, second_deals["contact_position"].to_numpy()) & (number == 0)
        out = worked & lost & np.isnat(customer_at)
        if number == 0:
            out |= worked & lost & follows
        aside = follows | (u(f"aside {number}") < 0.3)
        leave = out & (follows | (u(f"out {number}") < 0.6))
        moment = later(closed, 1.0 + 6 * u(f"out days {number}"), f"out hour {number}")
        add("lead_status", "RECYCLED", np.flatnonzero(leave & aside), moment, user, "CRM_UI")
        add("lead_status", "UNQUALIFIED", np.flatnonzero(leave & ~aside), moment, user, "CRM_UI")
    restart = np.full(size, clock.NEVER)
    restart[second_deals["contact_position"].to_numpy()] = second_deals["created_at"].to_numpy().astype(
        "datetime64[ms]"
    ) - np.timedelta64(75, "s")
    add("lead_status", "IN_PROGRESS", np.flatnonzero(~np.isnat(restart) & worked), restart, user, "CRM_UI")

    # Owners: inside sales first, the seller from the opportunity on, an heir when the owner leaves.
    log.add("contact", "owner_id", ids, owner_ids[owner], created + np.timedelta64(1, "s"), None, "AUTOMATION_PLATFORM")
    seller = np.full(size, -1)
    seller[first_deals["contact_position"].to_numpy()] = first_deals["owner_position"].to_numpy()
    rows = np.flatnonzero((seller >= 0) & ~np.isnat(opportunity) & (u("handed") < 0.8))
    log.add(
        "contact",
        "owner_id",
        ids[rows],
        owner_ids[seller[rows]],
        opportunity[rows] + np.timedelta64(4, "m"),
        user[rows],
        "CRM_UI",
    )
    left = owners["left_at"].to_numpy().astype("datetime64[ms]")[owner]
    rows = np.flatnonzero(
        ~np.isnat(left) & (left > created) & ((seller < 0) | (opportunity > left)) & (u("heir given") < 0.6)
    )
    moment = left[rows] + clock.milliseconds(4 * clock.HOUR + 70_000.0 * u("heir minute")[rows])
    heir = owners_at(owners, "Inside Sales", moment + np.timedelta64(31, "D"), u("heir")[rows])
    log.add("contact", "owner_id", ids[rows], owner_ids[heir], moment, marketing, "BATCH_UPDATE")


def account_changes(seed: int, accounts: pd.DataFrame, owners: pd.DataFrame, log: Log) -> None:
    """Writes name and owner of every account; a few are renamed, and heirs take over from leavers."""
    key = accounts["key"].to_numpy().astype(np.uint64)
    ids = accounts["account_id"].to_numpy(dtype=object)
    created = accounts["created_at"].to_numpy().astype("datetime64[ms]")
    names = accounts["name"].to_numpy(dtype=object)
    log.add("company", "name", ids, names, created, None, "CRM_UI")
    log.add(
        "company",
        "owner_id",
        ids,
        accounts["owner_id"].to_numpy(dtype=object),
        created + np.timedelta64(1, "s"),
        None,
        "CRM_UI",
    )
    renamed = np.flatnonzero(draws.chance(seed, "renamed", key, 0.015) & ~accounts["is_test"].to_numpy(dtype=bool))
    moment = created[renamed] + clock.milliseconds(
        (20 + 500 * draws.uniform(seed, "rename day", key[renamed])) * clock.DAY
    )
    added = np.array([f"{names[row]} (Holding)" for row in renamed], dtype=object)
    log.add("company", "name", ids[renamed], added, moment, None, "INTEGRATION")
    place = owners.reset_index().set_index("owner_id")["index"]
    owner = place.loc[accounts["owner_id"]].to_numpy()
    left = owners["left_at"].to_numpy().astype("datetime64[ms]")[owner]
    teams = owners["team"].to_numpy(dtype=object)[owner]
    for team in pd.unique(teams):
        rows = np.flatnonzero(
            (teams == team) & ~np.isnat(left) & (left > created) & draws.chance(seed, "account heir", key, 0.75)
        )
        moment = left[rows] + np.timedelta64(26, "h")
        heir = owners_at(
            owners, str(team), moment + np.timedelta64(31, "D"), draws.uniform(seed, "account heir who", key[rows])
        )
        log.add(
            "company",
            "owner_id",
            ids[rows],
            owners["owner_id"].to_numpy(dtype=object)[heir],
            moment,
            None,
            "BATCH_UPDATE",
        )


def make_activities(
    seed: int, contacts: pd.DataFrame, deals: pd.DataFrame, owners: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """One row per meeting, call, e-mail and task; `created_at` is when it was written down, `at` when it is due or took
    place. `is_completed` is what it becomes once `at` has passed."""
    contact_ids = contacts["contact_id"].to_numpy(dtype=object)
    parts: list[tuple[Times, Times, Ints, Objects, Objects, Objects, Ints]] = []

    key = deals["key"].to_numpy().astype(np.uint64)
    created = deals["created_at"].to_numpy().astype("datetime64[ms]")
    closed = deals["closed"].to_numpy().astype("datetime64[ms]")
    ends = np.where(np.isnat(closed), created + np.timedelta64(120, "D"), closed)
    length = np.maximum((ends - created).astype(np.int64) / clock.DAY, 0.0)
    count = np.minimum(1 + np.floor(length / 22 * (0.3 + 1.4 * draws.uniform(seed, "activity count", key))), 30).astype(
        np.int64
    )
    count[draws.chance(seed, "untouched", key, 0.04)] = 0
    rows = np.repeat(np.arange(len(deals)), count)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    keys = draws.bits(seed, "deal activity", key[rows] + number.astype(np.uint64))
    at = created[rows] + clock.milliseconds(length[rows] * clock.DAY * draws.uniform(seed, "activity at", keys))
    primary = deals["contact_position"].to_numpy()[rows]
    deal_owners, deal_ids, deal_accounts = (
        deals[name].to_numpy(dtype=kind)[rows]
        for name, kind in (("owner_position", np.int64), ("deal_id", object), ("account_id", object))
    )
    known = draws.given(primary >= 0, contact_ids[primary])
    parts.append((at, created[rows], deal_owners, known, deal_ids, deal_accounts, keys.view(np.int64)))

    key = contacts["key"].to_numpy().astype(np.uint64)
    count = draws.pick(seed, "lead activities", key, [0.6, 0.25, 0.1, 0.03, 0.02])
    count[contacts["is_shopper"].to_numpy(dtype=bool)] = 0
    rows = np.repeat(np.arange(len(contacts)), count)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    keys = draws.bits(seed, "lead activity", key[rows] + number.astype(np.uint64))
    born = contacts["created_at"].to_numpy().astype("datetime64[ms]")[rows]
    at = born + clock.milliseconds(draws.lognormal(seed, "lead activity at", keys, 1.2, 1.3) * clock.DAY)
    nothing = np.full(len(rows), None, dtype=object)
    lead_owners = contacts["owner_position"].to_numpy()[rows]
    lead_accounts = contacts["account_id"].to_numpy(dtype=object)[rows]
    parts.append((at, born, lead_owners, contact_ids[rows], nothing, lead_accounts, keys.view(np.int64)))

    at, born, owner, contact, deal, account, raw_keys = (np.concatenate([part[n] for part in parts]) for n in range(7))
    keys = raw_keys.view(np.uint64)
    at = clock.at_work(at, draws.uniform(seed, "activity hour", keys)) if len(at) else at
    kind_number = draws.pick(seed, "activity kind", keys, [0.16, 0.3, 0.38, 0.16])
    # Meetings and tasks are planned ahead, yet not before there is whom they concern.
    ahead = np.where(
        np.isin(kind_number, [0, 3]), (0.02 + 6 * draws.uniform(seed, "planned ahead", keys)) * clock.DAY, 0.0
    )
    at = np.maximum(at, born + np.timedelta64(1, "m"))
    written = np.maximum(at - clock.milliseconds(ahead), born + np.timedelta64(30, "s"))
    # A leaver's records are worked on by nobody afterwards.
    left = owners["left_at"].to_numpy().astype("datetime64[ms]")[owner]
    order = np.lexsort((keys, written))
    order = order[((np.isnat(left) | (at < left)) & (written < np.datetime64(until, "ms")))[order]]
    at, written, owner, contact, deal, account, keys, kind_number = (
        column[order] for column in (at, written, owner, contact, deal, account, keys, kind_number)
    )
    kinds = np.asarray(["meeting", "call", "email", "task"], dtype=object)
    kind = kinds[kind_number]
    subject, outcome = np.empty(len(at), dtype=object), np.empty(len(at), dtype=object)
    share = draws.uniform(seed, "activity subject", keys)
    result = draws.uniform(seed, "activity outcome", keys)
    for name in kinds:
        members = np.flatnonzero(kind == name)
        subjects, outcomes = (
            np.asarray(words.SUBJECTS[name], dtype=object),
            np.asarray(words.OUTCOMES[name], dtype=object),
        )
        subject[members] = subjects[(share[members] * len(subjects)).astype(np.int64)]
        outcome[members] = outcomes[(result[members] * len(outcomes)).astype(np.int64)]
    minutes = np.where(kind == "meeting", 20 + 50 * share, np.where(kind == "call", 0.5 + 20 * share**2, 0.0))
    talked = (kind == "meeting") | ((kind == "call") & (outcome == "CONNECTED"))
    inbound = draws.chance(seed, "inbound", keys, np.where(kind == "email", 0.3, 0.2)) & np.isin(
        kind, ["email", "call"]
    )
    return pd.DataFrame(
        {
            "activity_id": [str(60_000_000_000 + 3 * n) for n in range(len(at))],
            "kind": kind,
            "owner_id": owners["owner_id"].to_numpy(dtype=object)[owner],
            "contact_id": contact,
            "deal_id": deal,
            "account_id": account,
            "subject": subject,
            "direction": draws.given(
                np.isin(kind, ["email", "call"]), np.where(inbound, "inbound", "outbound").astype(object)
            ),
            "outcome": outcome,
            "is_completed": np.isin(outcome, ["COMPLETED", "CONNECTED", "SENT", "OPENED", "REPLIED", "LEFT_VOICEMAIL"]),
            "duration_seconds": pd.array(np.where(talked, np.round(minutes * 60), 0).astype(np.int64), dtype="Int64"),
            "at": at,
            "created_at": written,
        }
    )


def make_deal_contacts(
    seed: int, deals: pd.DataFrame, contacts: pd.DataFrame, contact_stream: Stream, until: pd.Timestamp
) -> pd.DataFrame:
    """deal_contacts(deal_id, contact_id, position): the primary first, then colleagues known before the deal began."""
    ids = contacts["contact_id"].to_numpy(dtype=object)
    account = contacts["account_position"].to_numpy()
    created = contacts["created_at"].to_numpy().astype("datetime64[ms]")
    by_account: dict[int, list[int]] = {}
    limit = np.datetime64(until, "ms")
    test = contacts["is_test"].to_numpy(dtype=bool)
    for row in range(contact_stream.size):
        if account[row] >= 0 and not test[row]:
            by_account.setdefault(int(account[row]), []).append(row)
    share = draws.uniform(seed, "colleagues", deals["key"].to_numpy().astype(np.uint64))
    records: list[tuple[str, str, int]] = []
    for deal_id, own, primary, begun, wanted in zip(
        deals["deal_id"], deals["account_position"], deals["contact_position"],
        deals["created_at"].to_numpy().astype("datetime64[ms]"), share, strict=True,
    ):  # fmt: skip
        if primary < 0 or begun >= limit:
            continue
        records.append((deal_id, ids[primary], 0))
        others = [row for row in by_account.get(int(own), [])[:12] if row != primary and created[row] < begun]
        for position, row in enumerate(others[: int(4 * wanted * wanted)], start=1):
            records.append((deal_id, ids[row], position))
    return pd.DataFrame.from_records(records, columns=["deal_id", "contact_id", "position"])
