"""The generated company: the same every time, its past fixed, and everything that a warehouse must survive in it."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from simulator import clock, words
from simulator.company import Company, generate
from simulator.truth.deals import LOSSES

REPOSITORY = Path(__file__).resolve().parents[2]
MOMENT_OF = {
    "owners": "active_from",
    "owner_moves": "at",
    "link_moves": "at",
    "accounts": "created_at",
    "contacts": "created_at",
    "deals": "created_at",
    "changes": "at",
    "merges": "at",
    "deletions": "at",
    "activities": "created_at",
    "orders": "at",
    "ad_days": "date",
    "rates": "rate_date",
    "targets": "period_start",
    "budgets": "period_start",
    "holidays": "holiday_date",
    "products": "created_at",
    "line_items": "created_at",
    "deal_splits": "agreed_at",
    "contracts": "signed_date",
    "feedback": "answered_date",
    "forecast_submissions": "submitted_on",
}


@pytest.fixture(scope="module")
def generated() -> Company:
    return generate(7, 0.1)


def lines(frame: pd.DataFrame) -> list[str]:
    return sorted("|".join(map(str, row)) for row in frame.itertuples(index=False))


def field(company: Company, kind: str, name: str) -> pd.DataFrame:
    changes = company.changes
    return changes[(changes["object"] == kind) & (changes["field"] == name)]


def test_the_same_seed_gives_the_same_company_and_another_seed_another() -> None:
    one, same, other = generate(3, 0.02), generate(3, 0.02), generate(4, 0.02)
    for name in MOMENT_OF:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(same, name))
    assert one.events.equals(same.events)
    assert lines(one.changes) != lines(other.changes)
    assert lines(one.contacts) != lines(other.contacts)


def test_a_longer_horizon_does_not_change_the_past() -> None:
    whole, part = generate(7, 0.03), generate(7, 0.03, end=date(2025, 9, 30))
    cut = pd.Timestamp("2025-09-30 22:00")
    for name, column in MOMENT_OF.items():
        before, again = (getattr(company, name) for company in (whole, part))
        before, again = before[before[column] < cut], again[again[column] < cut]
        if name == "deletions":
            before = before.assign(restored_at=before["restored_at"].where(before["restored_at"] < cut))
        if name == "contracts":
            before = before.assign(notice_date=before["notice_date"].where(before["notice_date"] < cut))
        assert lines(before) == lines(again), name
    events = [company.events.filter(pc.less(company.events["event_at"], cut)) for company in (whole, part)]
    assert [lines(table.to_pandas()) for table in events[:1]] == [lines(table.to_pandas()) for table in events[1:]]


def test_nothing_happens_outside_the_horizon() -> None:
    company = generate(7, 0.02, end=date(2024, 12, 31))
    end = pd.Timestamp("2024-12-31 23:00")
    for name in ("accounts", "contacts", "deals", "line_items", "changes", "merges", "deletions", "activities"):
        assert (getattr(company, name)[MOMENT_OF[name]] < end).all(), name
    at = company.events["event_at"].to_numpy()
    assert at.max() < np.datetime64(end)
    assert at.min() >= np.datetime64("2023-06-30T22:00")


def test_histories_begin_with_the_record_and_grow(generated: Company) -> None:
    changes = generated.changes
    step = changes.groupby(["object", "record_id", "field"], sort=False)["at"].diff()
    assert (step.dropna() > pd.Timedelta(0)).all()
    first = field(generated, "deal", "stage").groupby("record_id")["at"].min()
    created = generated.deals.set_index("deal_id")["created_at"]
    assert (first.reindex(created.index) == created).all()
    assert set(changes["record_id"][changes["object"] == "deal"]) == set(generated.deals["deal_id"])
    lifecycles = field(generated, "contact", "lifecycle").groupby("record_id")["at"].min()
    born = generated.contacts.set_index("contact_id")["created_at"]
    assert (lifecycles.reindex(born.index) == born).all()


def test_a_merged_record_changes_no_more_and_its_survivor_is_older(generated: Company) -> None:
    merges = generated.merges
    last = generated.changes.groupby(["object", "record_id"])["at"].max()
    for row in merges.itertuples():
        assert last[row.object, row.merged_id] < row.at
    assert not merges.duplicated(["object", "merged_id"]).any()
    ids = {"contact": ("contacts", "contact_id"), "company": ("accounts", "account_id"), "deal": ("deals", "deal_id")}
    for kind, (table, column) in ids.items():
        created = getattr(generated, table).set_index(column)["created_at"]
        rows = merges[merges["object"] == kind]
        assert (created[rows["survivor_id"]].to_numpy() < created[rows["merged_id"]].to_numpy()).all()


def features(company: Company) -> dict[str, int]:
    """How often each thing that a warehouse must survive occurs."""
    stages = company.stages.set_index("stage_id")
    moves = field(company, "deal", "stage").copy()
    moves["true"] = stages["true_stage"].reindex(moves["value"]).to_numpy()
    way = ["prospecting", "qualification", "meeting", "proposal", "negotiation", "closing", "won", "lost"]
    moves["order"] = moves["true"].map({name: number for number, name in enumerate(way, start=1)})
    moves["pipeline"] = stages["pipeline_id"].reindex(moves["value"]).to_numpy()
    before = moves.groupby("record_id").shift(1)
    known = before["value"].notna()
    shut = before["true"].isin(["won", "lost"])
    dates = field(company, "deal", "close_date").copy()
    dates["before"] = dates.groupby("record_id")["value"].shift(1)
    amounts = field(company, "deal", "amount")
    owners = field(company, "deal", "owner_id")
    lead_status = field(company, "contact", "lead_status").copy()
    lead_status["before"] = lead_status.groupby("record_id")["value"].shift(1)
    lifecycle = field(company, "contact", "lifecycle").copy()
    ladder = ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer"]
    lifecycle["order"] = lifecycle["value"].map({name: n for n, name in enumerate(ladder)})
    lifecycle["before"] = lifecycle.groupby("record_id")["order"].shift(1)
    chains = company.merges[company.merges["survivor_id"].isin(company.merges["merged_id"])]
    purpose = company.pipelines.set_index("pipeline_id")["purpose"]
    nights = {pd.Timestamp(night) for night in clock.daylight_nights(date(2023, 7, 1), date(2026, 12, 31))}
    born = company.contacts["created_at"]
    on_nights = born.dt.normalize().isin(list(nights)) & (born.dt.hour < 3)
    events = company.events
    names = pc.value_counts(events["name"]).to_pylist()
    by_name = {entry["values"]: entry["counts"] for entry in names}
    purchases = events.filter(pc.equal(events["name"], "purchase"))["transaction_id"]
    created = company.deals.set_index("deal_id")["created_at"]
    wins = moves[moves["true"] == "won"].groupby("record_id")["at"].min()
    day = clock.local_days(wins.to_numpy().astype("datetime64[ms]"))
    birth = clock.local_days(created.reindex(wins.index).to_numpy().astype("datetime64[ms]"))
    shown, emails = company.ad_days, company.contacts["email"].dropna()
    found = {
        "reopened": int((known & shut & ~moves["true"].isin(["won", "lost"])).sum()),
        "reopened after a win": int((known & (before["true"] == "won") & (moves["order"] < 7)).sum()),
        "skipped": int((known & ~shut & (moves["order"] <= 7) & (moves["order"] > before["order"] + 1)).sum()),
        "backward": int((known & ~shut & (moves["order"] < before["order"])).sum()),
        "transferred": int((known & (moves["pipeline"] != before["pipeline"])).sum()),
        "same value again": int((known & (moves["value"] == before["value"])).sum()),
        "bulk updates": int((moves["source_type"] == "BATCH_UPDATE").sum()),
        "zero-day wins": int((day == birth).sum()),
        "pushed dates": int((dates["value"] > dates["before"]).sum()),
        "pulled dates": int((dates["value"] < dates["before"]).sum()),
        "cleared dates": int((dates["value"].isna()).sum()),
        "edited amounts": int(amounts.duplicated("record_id").sum()),
        "cleared amounts": int(amounts["value"].isna().sum()),
        "credit notes": int((amounts["value"].astype(float) < 0).sum()),
        "never an amount": int((~company.deals["deal_id"].isin(amounts["record_id"])).sum()),
        "changed currencies": int(field(company, "deal", "currency").duplicated("record_id").sum()),
        "changed owners": int(owners.duplicated("record_id").sum()),
        "leavers": int(company.owners["left_at"].notna().sum()),
        "starters": int((company.owners["active_from"] > pd.Timestamp("2023-07-01")).sum()),
        "changes of team": len(company.owner_moves),
        "moved links": len(company.link_moves),
        "owners who came back to a team": int(company.owner_moves["owner_id"].duplicated().sum()),
        "queues": int((company.owners["kind"] == "queue").sum()),
        "imported deals": int(company.deals["is_imported"].sum()),
        "deals without contact": int((~company.deals["deal_id"].isin(company.deal_contacts["deal_id"])).sum()),
        "second contacts": int((company.deal_contacts["position"] > 0).sum()),
        "chains": len(chains),
        "restored": int(company.deletions["restored_at"].notna().sum()),
        "deleted for good": int(company.deletions["restored_at"].isna().sum()),
        "test contacts": int(company.contacts["is_test"].sum()),
        "disqualified": int((lead_status["value"] == "UNQUALIFIED").sum()),
        "recycled": int((lead_status["value"] == "RECYCLED").sum()),
        "back from an exit": int(
            (lead_status["before"].isin(["UNQUALIFIED", "RECYCLED"]) & (lead_status["value"] == "IN_PROGRESS")).sum()
        ),
        "lead stages skipped": int((lifecycle["order"] > lifecycle["before"] + 1).sum()),
        "lead stages back": int((lifecycle["order"] < lifecycle["before"]).sum()),
        "capital letters in e-mails": int((emails.str.lower() != emails).sum()),
        "no e-mail": int(company.contacts["email"].isna().sum()),
        "records in the night of the fold or gap": int(on_nights.sum()),
        "late events": int(pc.sum(pc.greater(events["late_days"], 0)).as_py()),
        "bot events": int(pc.sum(events["is_bot"]).as_py()),
        "carts left": by_name["add_to_cart"] - by_name["purchase"],
        "purchases told twice": len(purchases) - len(pc.unique(purchases)),
        "restated ads": int((shown["restate_days"] > 1).sum()),
        "parents": int(company.accounts["parent_account_id"].notna().sum()),
        "unknown size": int(company.accounts["employee_count"].isna().sum()),
    }  # fmt: skip
    lines = company.line_items
    said = field(company, "line_item", "amount").drop_duplicates("record_id", keep="last")
    told = lines.assign(said=lines["line_item_id"].map(dict(zip(said["record_id"], said["value"], strict=True))))
    sums = told.groupby("deal_id")["said"].agg(lambda values: round(sum(map(float, values)), 2))
    last = amounts.dropna(subset="value").drop_duplicates("record_id", keep="last").set_index("record_id")["value"]
    gap = sums - last.reindex(sums.index).astype(float)
    found |= {
        "lines that add up": int((gap.abs() < 0.005).sum()),
        "lines that do not": int((gap.abs() > 0.005).sum()),
        "lines of nothing on the list": int(lines["product_id"].isna().sum()),
        "lines not ordered": len(field(company, "line_item", "outcome")),
        "lines with another quantity": int(field(company, "line_item", "quantity").duplicated("record_id").sum()),
        "lines removed": int((company.deletions["object"] == "line_item").sum()),
        "contracts that follow one another": int(company.contracts["account_id"].duplicated().sum()),
        "contracts in other currencies": int((company.contracts["currency"] != "EUR").sum()),
        "answers of people who leave": int(
            ((company.feedback["kind"] == "nps") & (company.feedback["score"] < 7)).sum()
        ),
        "satisfied answers": int(((company.feedback["kind"] == "csat") & (company.feedback["score"] > 3)).sum()),
        "answers that the CRM asked for": int(company.feedback["contact_id"].notna().sum()),
        "answers to other questions": int((company.feedback["kind"] == "ces").sum()),
        "answers withdrawn": int((company.deletions["object"] == "feedback_submission").sum()),
        "notices": int(company.contracts["notice_date"].notna().sum()),
        "contracts of merged accounts": int(
            company.contracts["account_id"]
            .isin(company.merges.loc[company.merges["object"] == "company", "merged_id"])
            .sum()
        ),
        "splits agreed again": int(company.deal_splits.groupby("deal_id")["agreed_at"].nunique().gt(1).sum()),
        "overlay credit": int((company.deal_splits["kind"] == "overlay").sum()),
        "splits that do not add up": int(
            sums_of(company.deal_splits[company.deal_splits["kind"] == "revenue"]).sub(1).abs().gt(0.001).sum()
        ),
        "deals created by nobody": int(company.deals["created_by"].isna().sum()),
        "deals created by marketing": int(
            company.deals["created_by"].isin(company.owners.loc[company.owners["team"] == "Marketing", "user_id"]).sum()
        ),
        "competitors of won and lost deals": field(company, "deal", "competitor")["record_id"].nunique(),
        "products taken from the list": int((company.deletions["object"] == "product").sum()),
    }
    for kind in ("contact", "company", "deal"):
        found[f"merged {kind}"] = int((company.merges["object"] == kind).sum())
        found[f"deleted {kind}"] = int((company.deletions["object"] == kind).sum())
    kinds = company.deals["pipeline_id"].map(purpose)
    found |= {f"{one} deals": int((kinds == one).sum()) for one in purpose}
    for currency in ("EUR", "USD", "GBP", "CZK"):
        found[f"deals in {currency}"] = int((field(company, "deal", "currency")["value"] == currency).sum())
    found |= {
        f"leads by {channel}": int((company.contacts["true_channel"] == channel).sum())
        for channel in company.channel_effects["channel"]
    }
    return found


def sums_of(splits: pd.DataFrame) -> "pd.Series[Any]":
    return splits.assign(part=splits["share"].astype(float)).groupby(["deal_id", "agreed_at"])["part"].sum()


def test_everything_that_a_warehouse_must_survive_occurs(generated: Company) -> None:
    assert {name: count for name, count in features(generated).items() if count <= 0} == {}


def test_no_line_ever_costs_more_than_the_list(generated: Company) -> None:
    said = {
        name: field(generated, "line_item", name)[["record_id", "at", "value"]]
        .drop_duplicates(["record_id", "at"], keep="last")
        .sort_values("at", kind="stable")
        for name in ("amount", "quantity", "price")
    }
    told = said["amount"]
    for name in ("quantity", "price"):
        told = pd.merge_asof(told, said[name].rename(columns={"value": name}), on="at", by="record_id")
    amount, quantity, price = (told[name].astype(float) for name in ("value", "quantity", "price"))
    assert len(told) > 300
    assert (quantity > 12).any()
    assert told[(quantity * price).abs() < amount.abs() - 0.001].empty


def test_bulk_updates_reach_the_size_that_is_flagged_in_a_whole_company() -> None:
    company = generate(7, 1.0, end=date(2025, 2, 28))
    rows = field(company, "deal", "stage")
    swept = rows[rows["source_type"] == "BATCH_UPDATE"].groupby(["at", "user_id"])["record_id"].nunique()
    assert swept.max() >= 50


def test_ids_are_unique_text_and_some_are_larger_than_a_double_can_hold(generated: Company) -> None:
    names = {"contacts": "contact_id", "deals": "deal_id", "accounts": "account_id", "owners": "owner_id",
             "activities": "activity_id", "orders": "transaction_id", "products": "product_id",
             "line_items": "line_item_id", "feedback": "feedback_id"}  # fmt: skip
    for table, column in names.items():
        assert getattr(generated, table)[column].is_unique, table
    for ids in (generated.contacts["contact_id"], generated.deals["deal_id"]):
        large = [int(i) for i in ids if int(i) > 2**53]
        assert len({float(i) for i in large}) < len(large)


def test_all_words_fit_the_encoding_of_the_export(generated: Company) -> None:
    columns: list[tuple[pd.DataFrame, str]] = [
        (generated.accounts, "name"), (generated.contacts, "first_name"), (generated.contacts, "last_name"),
        (generated.contacts, "email"), (generated.deals, "name"), (generated.owners, "last_name"),
        (generated.activities, "subject"),
    ]  # fmt: skip
    for frame, column in columns:
        "".join(frame[column].dropna().unique()).encode("cp1252")


def test_a_bot_reads_much_and_dwells_never_and_nobody_else_does_both(generated: Company) -> None:
    columns = ["visitor_id", "session_id", "name", "engagement_ms", "is_bot"]
    events = generated.events.select(columns).to_pandas()
    events["views"] = events["name"] == "page_view"
    sessions = events.groupby(["visitor_id", "session_id"], observed=True).agg(
        views=("views", "sum"), dwelt=("engagement_ms", "sum"), bot=("is_bot", "max")
    )
    looks_like = (sessions["views"] >= 30) & (sessions["dwelt"] == 0)
    assert (looks_like == sessions["bot"]).all()
    assert ((sessions["views"] >= 30) & ~sessions["bot"]).any()


def test_clocks_fold_and_leap_while_people_browse(generated: Company) -> None:
    at = pd.Series(generated.events["event_at"].to_pandas())
    for night in clock.daylight_nights(date(2023, 7, 1), date(2026, 12, 31)):
        assert ((at >= pd.Timestamp(night)) & (at < pd.Timestamp(night) + pd.Timedelta(hours=3))).any()


def test_orders_are_the_purchases_counted_once(generated: Company) -> None:
    events = generated.events.filter(pc.equal(generated.events["name"], "purchase")).to_pandas()
    once = events.drop_duplicates("transaction_id").set_index("transaction_id")["revenue"].astype(float)
    orders = generated.orders.set_index("transaction_id")["revenue"]
    assert set(once.index) == set(orders.index)
    assert np.allclose(once.reindex(orders.index), orders)


def test_rates_that_a_sales_manager_would_believe() -> None:
    company = generate(7, 0.5)
    until = pd.Timestamp("2026-06-17 22:00")
    contacts = company.contacts[company.contacts["created_at"] < until]
    lifecycle = field(company, "contact", "lifecycle")
    lifecycle = lifecycle[lifecycle["at"] < until]
    mql = lifecycle.loc[lifecycle["value"] == "marketingqualifiedlead", "record_id"].nunique()
    assert 0.3 < mql / len(contacts) < 0.4
    stages = field(company, "deal", "stage")
    last = stages[stages["at"] < until].groupby("record_id").tail(1).set_index("record_id")
    state = last["value"].map(company.stages.set_index("stage_id")["true_stage"])
    deals = company.deals.set_index("deal_id")
    new = deals["pipeline_id"].reindex(state.index) == "default"
    closed = state[new & state.isin(["won", "lost"])]
    assert 0.2 < (closed == "won").mean() < 0.32
    cycle = (last["at"] - deals["created_at"].reindex(last.index)).dt.total_seconds() / 86_400
    slow = cycle[new & (state == "won") & (cycle > 1)]
    assert 50 < slow.mean() < 90
    assert 45 < slow.median() < 90
    assert abs(len(contacts) / 0.5 - 20_000) < 1_500
    assert abs((company.deals["created_at"] < until).sum() / 0.5 - 6_000) < 900
    assert abs(len(company.events) / 0.5 - 1_200_000) < 250_000


def mapped(rows: list[dict[str, str]], wanted: dict[str, str | None], value: str) -> str | None:
    """The most specific line of a mapping file whose stated columns all agree."""
    best: tuple[int, str] | None = None
    for row in rows:
        stated = {name: row[name] for name in wanted if row[name]}
        if all((wanted[name] or "").lower() == text.lower() for name, text in stated.items()):
            best = max(best or (-1, ""), (len(stated), row[value]))
    return best[1] if best else None


def read(name: str) -> list[dict[str, str]]:
    with (REPOSITORY / "mappings" / name).open(encoding="utf-8", newline="") as lines_:
        return list(csv.DictReader(lines_))


def test_mapping_the_labels_gives_the_true_stage_purpose_and_channel(generated: Company) -> None:
    stages = read("stages.csv")
    labels = generated.pipelines.set_index("pipeline_id")
    for row in generated.stages.itertuples():
        wanted = {"object": "deal", "source_system": "hubspot", "pipeline_label": labels["label"][row.pipeline_id],
                  "stage_label": row.label}  # fmt: skip
        assert mapped(stages, wanted, "stage") == row.true_stage
    pipelines = read("pipelines.csv")
    for pipeline in generated.pipelines.itertuples():
        wanted = {"source_system": "hubspot", "pipeline_label": pipeline.label}
        assert mapped(pipelines, wanted, "purpose") == pipeline.purpose
    reasons = read("loss_reasons.csv")
    for label in (*words.LOST_REASONS, words.ENTERED_TWICE):
        assert mapped(reasons, {"source_system": "hubspot", "label": label}, "reason") == LOSSES[label]
    channels = read("channels.csv")
    seen: dict[tuple[Any, ...], str] = {}
    for lead in generated.contacts.itertuples():
        label = lead.lead_source if isinstance(lead.lead_source, str) else lead.source_label
        detail = lead.source_detail if isinstance(lead.source_detail, str) else None
        seen[label if isinstance(label, str) else None, detail] = lead.true_channel
    for (label, detail), channel in seen.items():
        wanted = {"source_system": "hubspot", "label": label, "detail": detail}
        assert (mapped(channels, wanted, "channel") if label else "not_stated") == channel, (label, detail)
