"""The truth's definitions on cases worked by hand: each expected value below was found with pencil and calendar."""

import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from simulator.company import Company, generate
from simulator.truth import Moment, World, absent
from simulator.truth.attention import Cell, pooled
from simulator.truth.funnel import ninetieth, wilson
from simulator.truth.restatements import restated
from simulator.truth.team import mark_hints, others, worth_of_others
from simulator.truth.velocity import reached, shares_by
from simulator.truth.web import session_channel
from simulator.web import SCHEMA

OPEN = {
    "prospecting": "targetidentified",
    "qualification": "qualifiedtobuy",
    "meeting": "appointmentscheduled",
    "proposal": "presentationscheduled",
    "negotiation": "1160341",
    "closing": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
}
EXPANSION = {"proposal": "20510022", "won": "20510024"}
OWNER = "61000100"


@pytest.fixture(scope="module")
def skeleton() -> Company:
    """A company's fixed tables, without any record."""
    return generate(1, 0.01, start=date(2026, 1, 1))


def frame(columns: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame.from_records(rows, columns=columns.split())


def times(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    for column in columns:
        table[column] = pd.to_datetime(table[column], format="ISO8601").astype("datetime64[ms]")
    return table


class Book:
    """Gathers a handful of records and makes a company of them."""

    def __init__(self, skeleton: Company) -> None:
        self.skeleton = skeleton
        self.contacts: list[tuple[Any, ...]] = []
        self.deals: list[tuple[Any, ...]] = []
        self.links: list[tuple[Any, ...]] = []
        self.changes: list[tuple[Any, ...]] = []
        self.merges: list[tuple[Any, ...]] = []
        self.deletions: list[tuple[Any, ...]] = []
        self.lines: list[tuple[Any, ...]] = []
        self.contracts: list[tuple[Any, ...]] = []
        self.splits: list[tuple[Any, ...]] = []

    def split(self, deal: str, at: str, *parts: tuple[str, str], kind: str = "revenue") -> "Book":
        """A split of a deal as it was agreed at one moment: (owner, share)."""
        noted_in = "crm" if kind == "revenue" else "finance"
        self.splits += [("s", deal, owner, share, kind, noted_in, at) for owner, share in parts]
        return self

    def contract(self, number: str, account: str, amount: float, period: str, first: str, last: str,
                 signed: str | None = None, notice: str | None = None, currency: str = "EUR") -> "Book":  # fmt: skip
        renewal = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
        self.contracts.append((number, account, None, amount, period, currency, signed or first, first, last, renewal,
                               notice))  # fmt: skip
        return self

    def line(self, line_id: str, deal: str, product: str | None, *told: tuple[str, str, str]) -> "Book":
        """A line of a deal with its first values and what became of them: (field, value, moment)."""
        self.lines.append((line_id, deal, product, "Core", "CORE", "annually", None, told[0][2]))
        self.changes += [("line_item", line_id, name, value, at, None, "CRM_UI") for name, value, at in told]
        return self

    def contact(self, contact_id: str, created: str, *moves: tuple[str, str, str], email: str | None = None) -> "Book":
        self.contacts.append(
            (contact_id, None, "Ada", "Holm", email, "CZ", None, created, "DIRECT_TRAFFIC", None, None, None, None,
             OWNER, "now", False, "direct", None)
        )  # fmt: skip
        self.changes.append(("contact", contact_id, "owner_id", OWNER, created, None, "CRM_UI"))
        self.changes += [("contact", contact_id, name, value, at, None, "CRM_UI") for name, value, at in moves]
        return self

    def deal(self, deal_id: str, created: str, *moves: tuple[str, str | None, str], contact: str | None = None,
             imported: bool = False, user: str | None = "9500100") -> "Book":  # fmt: skip
        self.deals.append(
            (deal_id, f"Deal {deal_id}", None, "default", "newbusiness", created, user, imported, "direct")
        )
        if contact is not None:
            self.links.append((deal_id, contact, 0))
        self.changes += [
            ("deal", deal_id, "owner_id", OWNER, created, "9500100", "CRM_UI"),
            ("deal", deal_id, "currency", "EUR", created, "9500100", "CRM_UI"),
        ]
        self.changes += [("deal", deal_id, name, value, at, "9500100", "CRM_UI") for name, value, at in moves]
        return self

    def company(self) -> Company:
        return replace(
            self.skeleton,
            accounts=self.skeleton.accounts.iloc[:0],
            contacts=times(
                frame(
                    "contact_id account_id first_name last_name email country job_title created_at source_label "
                    "source_detail lead_source visitor_id gclid owner_id purchase_timeframe is_test true_channel "
                    "true_campaign_id",
                    self.contacts,
                ),
                "created_at",
            ),
            deals=times(
                frame(
                    "deal_id name account_id pipeline_id deal_type created_at created_by is_imported true_channel",
                    self.deals,
                ),
                "created_at",
            ),
            deal_contacts=frame("deal_id contact_id position", self.links),
            deal_splits=times(
                frame("split_id deal_id owner_id share kind noted_in agreed_at", self.splits), "agreed_at"
            ),
            contracts=times(
                frame(
                    "contract_id account_id deal_id amount amount_period currency signed_date start_date end_date "
                    "renewal_date notice_date",
                    self.contracts,
                ),
                "signed_date", "start_date", "end_date", "renewal_date", "notice_date",
            ),
            line_items=times(
                frame(
                    "line_item_id deal_id product_id name sku billing_frequency currency created_at", self.lines
                ),
                "created_at",
            ),
            changes=times(frame("object record_id field value at user_id source_type", self.changes), "at"),
            merges=times(frame("object survivor_id merged_id at", self.merges), "at"),
            deletions=times(frame("object record_id at restored_at", self.deletions), "at", "restored_at"),
            rates=times(
                frame(
                    "rate_date currency rate_to_reporting kind",
                    [
                        ("2026-01-02", "EUR", 1.0, "daily"), ("2026-01-01", "EUR", 1.0, "plan"),
                        ("2026-01-02", "USD", 0.9, "daily"), ("2026-01-05", "USD", 0.915555, "daily"),
                        ("2026-01-01", "USD", 0.95, "plan"),
                    ],
                ),
                "rate_date",
            ),
        )  # fmt: skip

    def on(self, day: str, now: str = "2026-06-30 06:00") -> World:
        return World(self.company(), Moment(date.fromisoformat(day), pd.Timestamp(now)))


@pytest.fixture
def book(skeleton: Company) -> Book:
    return Book(skeleton)


def only(table: pd.DataFrame) -> dict[str, Any]:
    assert len(table) == 1
    return {str(name): value for name, value in table.iloc[0].items()}


def whole_funnel(world: World) -> pd.DataFrame:
    """The company's funnel by stage, where all entries to a stage lie in one month."""
    rows = world.fct_funnel_stages
    return rows.loc[rows["dimension"] == "all"].set_index("stage")


def stage(name: str, at: str) -> tuple[str, str | None, str]:
    return ("stage", OPEN[name], at)


def test_a_reopened_deal_is_open_until_it_closes_again(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), stage("lost", "2026-02-01 10:00"),
        stage("proposal", "2026-03-01 10:00"), stage("won", "2026-03-11 20:00"),
    )  # fmt: skip
    lost = only(book.on("2026-02-15").fct_deals)
    assert (lost["status"], lost["reopens"], lost["stage_close_date"]) == ("lost", 0, date(2026, 2, 1))
    again = only(book.on("2026-03-05").fct_deals)
    assert (again["status"], again["reopens"], again["closed_at"]) == ("open", 1, None)
    # 5 January 08:00 to 5 March 23:00 UTC, the end of that day in Prague: 59 days and 15 hours.
    assert again["age_days"] == Decimal("59.625000")
    won = only(book.on("2026-03-31").fct_deals)
    assert (won["status"], won["reopens"], won["closed_at"]) == ("won", 1, pd.Timestamp("2026-03-11 20:00"))
    assert won["cycle_days"] == Decimal("65.500000")
    visits = book.on("2026-03-31").fct_deal_stage_visits
    assert visits["direction"].tolist() == ["first", "forward", "backward", "skip"]
    assert visits["is_open"].tolist() == [False, False, False, True]
    assert visits["days_in_stage"].tolist()[:3] == [Decimal("27.083333"), Decimal("28.000000"), Decimal("10.416667")]


def test_a_deal_lost_twice_was_lost_from_the_stage_before_the_last_loss(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), stage("lost", "2026-02-01 10:00"),
        stage("meeting", "2026-03-01 10:00"), stage("lost", "2026-03-11 20:00"),
    )  # fmt: skip
    first = only(book.on("2026-02-15").fct_win_loss)
    assert (first["closed_from_stage"], first["days_to_close"]) == ("proposal", Decimal("27.083333"))
    assert book.on("2026-03-05").fct_win_loss.empty
    last = only(book.on("2026-03-31").fct_win_loss)
    assert (last["closed_from_stage"], last["days_in_closing_stage"]) == ("meeting", Decimal("10.416667"))
    assert (last["status"], last["days_to_close"], last["is_in_win_rate"]) == ("lost", Decimal("65.500000"), True)


def test_a_deal_slips_if_it_is_open_at_the_end_of_the_period_it_was_due_in(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "100", "2026-01-05 08:00"),
        ("close_date", "2026-02-20", "2026-01-05 08:00"), ("close_date", "2026-03-10", "2026-02-03 08:00"),
        ("close_date", "2026-02-27", "2026-02-04 08:00"), stage("lost", "2026-02-10 08:00"),
        stage("proposal", "2026-03-20 08:00"),
    )  # fmt: skip
    book.deal(
        "2", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "30", "2026-01-05 08:00"),
        ("close_date", "2026-02-20", "2026-01-05 08:00"), ("close_date", "2026-04-20", "2026-02-03 08:00"),
    )  # fmt: skip
    slips = book.on("2026-03-31").fct_deal_slips.set_index(["period_type", "deal_key"])
    assert slips.loc[("month", "hubspot:1"), "outcome"] == "lost"
    assert slips.loc[("month", "hubspot:1"), "pushed_days"] == 18
    assert slips.loc[("month", "hubspot:2"), "is_slipped"]
    assert "quarter" not in slips.index.get_level_values(0)  # nothing was there when the quarter began
    rates = book.on("2026-03-31").fct_slip_rates.set_index(["period_type", "level"])
    month = only(rates.loc[[("month", "total")]])
    # Of 130 due in February 30 slipped; two pushes, by 18 days and by 59.
    assert (month["due_amount"], month["slipped_amount"], month["slip_rate"]) == (130, 30, Decimal("0.5"))
    assert (month["pushes"], month["pushed_days"]) == (2, 77)
    running = book.on("2026-02-05").fct_deal_slips.set_index(["period_type", "deal_key"])
    assert running.loc[("month", "hubspot:2"), "is_slipped"] is None


def test_what_changed_of_a_deal_is_what_differs_between_the_ends_of_days(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "100", "2026-01-05 09:00"),
        ("close_date", "2026-02-20", "2026-01-05 08:00"), stage("closing", "2026-01-08 08:00"),
        stage("proposal", "2026-01-08 22:59"), ("amount", "130", "2026-01-08 23:00"),
        stage("won", "2026-01-12 08:00"), ("close_date", "2026-01-12", "2026-01-12 08:00"),
    )  # fmt: skip
    book.deletions.append(("deal", "1", "2026-01-20 08:00", None))
    changes = book.on("2026-01-31").fct_deal_changes
    # On the eighth it moved there and back; 23:00 UTC is the ninth in Prague.
    assert [(row["date_day"].day, row["change"], row["old_value"], row["new_value"]) for _, row in changes.iterrows()
            if row["change"] not in ("created", "won", "deleted")] == [
        (9, "amount", "100.00 EUR", "130.00 EUR"), (12, "close_date", "2026-02-20", "2026-01-12"),
    ]  # fmt: skip
    assert changes["change"].tolist() == ["created", "amount", "won", "close_date", "deleted"]
    assert (changes["amount"].iloc[0], changes["amount_change_reporting"].iloc[1]) == (100, 30)


def test_coverage_is_what_is_due_by_what_is_missing_on_the_same_normalised_day(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "200", "2026-01-05 08:00"),
        ("close_date", "2026-01-14", "2026-01-05 08:00"), stage("won", "2026-02-10 10:00"),
    )  # fmt: skip
    for number, due in (("2", "2026-02-25"), ("3", "2026-02-11"), ("4", None)):
        book.deal(
            number, "2026-02-02 08:00", stage("proposal", "2026-02-02 08:00"), ("amount", "50", "2026-02-02 08:00"),
            ("close_date", due, "2026-02-02 08:00"),
        )  # fmt: skip
    world = book.on("2026-02-12")
    months = world.fct_coverage_pacing
    months = months.loc[(months["period_type"] == "month") & (months["level"] == "total")].set_index("period_start")
    now = months.loc[date(2026, 2, 1)]
    target = world._targets[("total", "total"), date(2026, 2, 1)]
    assert (now["won_reporting"], now["missing"]) == (200, target - 200)
    assert (now["open_due"], now["overdue_open"], now["dateless_open"]) == (50, 50, 50)
    assert now["coverage"] == Decimal(50) / (target - 200)
    # 9 of February's 20 working days are over; 9 of January's 21 are by the 14th, 10 would be more.
    before = months.loc[date(2026, 1, 1)]
    assert (before["same_day"], before["open_due"], before["won_final"]) == (date(2026, 1, 14), 200, None)
    # The quarter of the first win is known, though its first month is not.
    periods = book.on("2026-05-12").fct_coverage_pacing
    told = periods.loc[periods["level"] == "total"].set_index(["period_type", "period_start"])["won_final"]
    assert [told["quarter", date(2026, 1, 1)], told["month", date(2026, 1, 1)]] == [200, None]
    assert told["quarter", date(2025, 10, 1)] is None


def test_a_partly_won_deal_books_its_won_lines_and_the_rest_is_told(book: Book) -> None:
    core, plus = (f"hubspot:{one}" for one in book.skeleton.products["product_id"][:2])
    first = "2026-01-06 08:00"
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "120.00", "2026-01-05 08:00"),
        stage("won", "2026-02-10 10:00"),
    )  # fmt: skip
    book.line("l1", "1", core[8:], ("quantity", "2", first), ("price", "62.5", first), ("amount", "90.00", first),
              ("amount", "100.00", "2026-02-09 08:00"))  # fmt: skip
    book.line("l2", "1", plus[8:], ("quantity", "1", first), ("price", "30", first), ("amount", "30.00", first),
              ("outcome", "lost", "2026-02-10 10:00"))  # fmt: skip
    before = book.on("2026-02-08").fct_deal_line_items.set_index("line_key")["amount"]
    assert before.to_dict() == {"hubspot:l1": Decimal("90.00"), "hubspot:l2": Decimal("30.00")}
    lines = book.on("2026-02-28").fct_deal_line_items.set_index("line_key")
    assert lines["amount"].to_dict() == {
        "hubspot:l1": Decimal("100.00"), "hubspot:l2": Decimal("30.00"), "hubspot:1:residual": Decimal("20.00"),
    }  # fmt: skip
    assert lines["line_status"].tolist() == ["won", "lost", "won"]
    assert lines.loc["hubspot:l1", "discount_rate"] == Decimal("0.2")
    cells = book.on("2026-02-28").fct_product_performance.set_index("product_member")
    assert cells["win_rate"].to_dict() == {core: 1, plus: 0, "residual": 1}
    assert cells.loc[core, "discount_rate"] == Decimal("0.2")
    assert cells.loc["residual", "discount_rate"] is None
    # The deal is deleted in March: from then on nobody can tell what it was made of, on no day.
    book.deletions.append(("deal", "1", "2026-03-05 08:00", None))
    later = only(book.on("2026-02-28").fct_deal_line_items)
    assert (later["line_kind"], later["amount"]) == ("residual", Decimal("120.00"))
    # What is sold in a deal that nobody priced is seen, and taken back, since the deal books nothing.
    book.deal("2", "2026-01-05 08:00", stage("won", "2026-01-12 10:00"))
    book.line("l3", "2", core[8:], ("quantity", "1", first), ("price", "40", first), ("amount", "40.00", first))
    cells = book.on("2026-02-28").fct_product_performance.set_index(["product_member", "month_start"])
    assert cells["won_reporting"].loc[:, date(2026, 1, 1)].to_dict() == {core: 40, "without_amount": -40}


def test_a_split_credits_from_its_day_and_the_deal_is_counted_once(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "100", "2026-01-05 08:00"),
        stage("won", "2026-02-10 10:00"),
    )  # fmt: skip
    book.deal("2", "2026-01-05 08:00", ("amount", "10", "2026-01-05 08:00"), stage("won", "2026-01-05 08:00"))
    book.split("1", "2026-01-20 09:00", (OWNER, "0.33333334"), ("b", "0.33333333"), ("c", "0.33333333"))
    book.split("1", "2026-01-20 09:00", ("d", "0.5"), kind="overlay")
    book.split("2", "2026-01-20 09:00", ("b", "0.6"), ("c", "0.7"))
    world = book.on("2026-02-28")
    parts = world.fct_deal_splits.set_index("split_key")
    assert parts["amount_reporting"].to_dict() == {
        f"hubspot:1:revenue:hubspot:{OWNER}": Decimal("33.34"), "hubspot:1:revenue:hubspot:b": Decimal("33.33"),
        "hubspot:1:revenue:hubspot:c": Decimal("33.33"), "hubspot:1:overlay:hubspot:d": Decimal("50.00"),
        f"hubspot:2:revenue:hubspot:{OWNER}": Decimal("10.00"),
    }  # fmt: skip
    assert parts["split_status"].dropna().tolist() == ["complete"] * 3 + ["excessive"]
    months = world.fct_rep_months.set_index(["owner_key", "month_start"])
    february = date(2026, 2, 1)
    assert months.loc[("hubspot:b", february), ["won_deals", "won_deals_shared", "won_reporting"]].tolist() == [
        0, 1, Decimal("33.33"),
    ]  # fmt: skip
    assert months.loc[("hubspot:d", february), ["won_reporting", "won_overlay_plan_rate"]].tolist() == [0, Decimal(50)]
    # Before it was agreed the owner has all of it, and after a dispute what was agreed first is forgotten.
    assert only(book.on("2026-01-19").fct_deal_splits.iloc[:1])["share"] == 1
    book.split("1", "2026-03-05 09:00", (OWNER, "0.5"), ("b", "0.25"))
    assert book.on("2026-02-28").fct_deal_splits["split_status"].iloc[0] == "undivided"
    later = book.on("2026-03-31").fct_deal_splits.iloc[:2]
    assert later["share"].tolist() == [Decimal("0.75"), Decimal("0.25")]


def test_pipeline_is_created_by_the_team_of_whoever_entered_the_deal(book: Book) -> None:
    users = book.skeleton.owners.drop_duplicates("team").set_index("team")["user_id"]
    for number, user in enumerate((users["Inside Sales"], users["Enterprise"], users["Marketing"], None, "1")):
        at = f"2026-01-{10 + number} 08:00"
        book.deal(str(number), at, stage("qualification", at), ("amount", "10", at), user=user)
    book.deal("9", "2026-01-09 08:00", stage("proposal", "2026-01-09 08:00"), imported=True)
    cells = book.on("2026-01-31").fct_pipeline_creation.set_index(["level", "member"])
    assert cells.loc[("total", "total"), ["created_deals", "created_reporting"]].tolist() == [5, 50]
    made = cells.loc["creator_kind"]["created_deals"]
    assert made.to_dict() == {"sdr": 1, "ae": 1, "marketing": 1, "not_stated": 1, "unmapped": 1, "partner": 0}
    assert cells.loc[("owner", "unassigned"), "created_deals"] == 2
    sdr = cells.loc[("creator_kind", "sdr")]
    assert sdr["attainment"] == 10 / sdr["target_reporting"]


def test_a_change_of_team_counts_from_the_landing_that_showed_it(book: Book) -> None:
    book.deal("1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "100", "2026-01-05 08:00"))
    first = book.skeleton.owners.set_index("owner_id")["team"][OWNER]
    moves = [(OWNER, "2026-03-05 10:00", "North", None), (OWNER, "2026-04-20 10:00", "South", None)]
    company = replace(book.company(), owner_moves=times(frame("owner_id at team manager_id", moves), "at"))
    # Asked for 1 and 10 March, for 20 April by an early morning, and for the first of these again.
    landed = tuple(map(pd.Timestamp, ("2026-03-01 23:00", "2026-03-10 23:00", "2026-04-21 04:00", "2026-03-01 23:00")))

    def on(day: date) -> World:
        return World(company, Moment(day, pd.Timestamp("2026-04-21 04:00"), landed=landed))

    teams = on(date(2026, 3, 31)).dim_owner_teams
    teams = teams.loc[teams["owner_key"] == f"hubspot:{OWNER}"]
    assert teams["team"].fillna("?").tolist() == ["?", first, "North"]
    assert [str(at)[:10] for at in teams["valid_from"]] == ["NaT", "2026-02-28", "2026-03-09"]
    for day, month, moved in ((31, 3, {first: -100, "North": 100}), (20, 4, {"North": -100, "South": 100})):
        world = on(date(2026, month, day))
        waterfall = world.fct_pipeline_waterfall.set_index(["period_type", "level", "view_name", "period_start"])
        rows = waterfall.loc[("month", "team", "all_open", date(2026, month, 1))].set_index("member")
        assert rows["transferred_amount"].to_dict() == moved
        assert rows["closing_amount"].to_dict() == {team: max(by, 0) for team, by in moved.items()}
    assert absent(on(date(2026, 2, 28)).dim_owners.set_index("owner_id")["team"][OWNER])


def test_who_leaves_later_is_still_there_on_a_past_day(book: Book) -> None:
    company = book.company()
    people = company.owners.assign(
        left_at=company.owners["left_at"].where(company.owners["owner_id"] != OWNER, pd.Timestamp("2026-03-31 16:00"))
    )

    def there(day: date) -> bool:
        owners = World(replace(company, owners=people), Moment(day, pd.Timestamp("2026-06-30"))).dim_owners
        owner = owners.set_index("owner_id").loc[OWNER]
        assert owner["is_active"] == (owner["rollup_owner_name"] == owner["owner_name"])
        return bool(owner["is_active"])

    assert there(date(2026, 3, 30))
    assert not there(date(2026, 3, 31))


def test_a_past_day_is_linked_as_had_landed_for_it(book: Book) -> None:
    book.contact("a", "2026-01-05 08:00", ("lifecycle", "lead", "2026-01-05 08:00"))
    book.deal("1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "9", "2026-01-05 08:00"))
    told = (("quantity", "1", "2026-01-05 09:00"), ("price", "9", "2026-01-05 09:00"))
    book.line("7", "1", None, *told).split("1", "2026-02-01 08:00", (OWNER, "0.5"), ("61000107", "0.5"))
    book.deletions.append(("deal", "1", "2026-03-05 10:00", None))
    moves = times(frame("object record_id at linked_id", [("contact", "a", "2026-03-05 10:00", "f")]), "at")
    company = replace(book.company(), link_moves=moves)
    landed = (pd.Timestamp("2026-03-01 23:00"), pd.Timestamp("2026-03-10 23:00"))
    found = {}
    for day in (date(2026, 2, 20), date(2026, 3, 1), date(2026, 3, 10)):
        world = World(company, Moment(day, pd.Timestamp("2026-03-11 06:00"), landed=landed))
        found[day.isoformat()] = (only(world.leads)["account_key"], list(world.lines_of_deals), len(world._agreed))
    assert found == {
        "2026-02-20": ("hubspot:f", [], 0),  # as it is now, since nothing had landed
        "2026-03-01": (None, ["1"], 1),
        "2026-03-10": ("hubspot:f", [], 0),
    }


def test_a_new_record_of_a_person_who_was_given_up_is_recycled(book: Book) -> None:
    lead = ("lifecycle", "lead", "2026-01-05 08:00")
    out = ("lead_status", "UNQUALIFIED", "2026-01-20 08:00")
    book.contact("1", "2026-01-05 08:00", lead, out, ("lead_status", "OPEN", "2026-02-20 08:00"), email="Ada@x.test")
    for number, at in (("2", "2026-02-01 08:00"), ("3", "2026-03-01 08:00")):
        book.contact(number, at, ("lifecycle", "lead", at), email="ada@x.test")
    book.deal("9", "2026-02-21 08:00", stage("proposal", "2026-02-21 08:00"), stage("lost", "2026-03-02 08:00"),
              contact="2")  # fmt: skip
    book.contact("4", "2026-03-02 08:00", ("lifecycle", "lead", "2026-03-02 08:00"), email="ada@x.test")
    leads = book.on("2026-03-31").fct_leads.set_index("lead_id")["recycled_from_lead_key"]
    # On 1 March the first is worked again, on the 2nd the deal of the second is lost.
    assert leads.dropna().to_dict() == {"2": "hubspot:1", "4": "hubspot:2"}


def test_a_customer_shrinks_leaves_and_comes_back_at_one_rate(book: Book) -> None:
    """1,200 a year, then 90 a month from February, a gap in April, back in May in dollars at the plan's .95."""
    book.deal("1", "2026-01-05 08:00", stage("won", "2026-01-05 08:00"))
    book.contract("1", "a", 1200.0, "year", "2026-01-05", "2026-01-31")
    book.contract("2", "a", 90.0, "month", "2026-02-01", "2026-03-31", notice="2026-03-02")
    book.contract("3", "b", 300.06, "quarter", "2026-05-02", "2027-05-01", signed="2026-04-20", currency="USD")
    book.merges.append(("company", "a", "b", "2026-06-01 08:00"))
    world = book.on("2026-05-31")
    months = world.fct_customer_months.set_index("month_start")
    assert months["movement"].to_dict() == {
        date(2026, 1, 1): "new", date(2026, 2, 1): "contraction", date(2026, 3, 1): "unchanged",
        date(2026, 4, 1): "churn", date(2026, 5, 1): "resurrection",
    }  # fmt: skip
    assert months["closing_mrr"].tolist() == [Decimal(100), Decimal(90), Decimal(90), 0, Decimal("95.02")]
    assert months.loc[date(2026, 4, 1), "churn_mrr"] == Decimal(90)
    # Before the accounts were merged they were two customers.
    apart = book.on("2026-05-31", now="2026-06-01 06:00").fct_customer_months
    assert apart.groupby("customer_key")["movement"].agg(list).to_dict() == {
        "hubspot:a": ["new", "contraction", "unchanged", "churn"], "hubspot:b": ["new"],
    }  # fmt: skip
    (due,) = book.on("2026-03-01").fct_renewals_due.to_dict("records")
    assert (due["contract_id"], due["days_to_renewal"], due["due_within_days"]) == ("2", 31, 60)
    assert (due["health"], due["notice_date"]) == ("amber", None)
    assert only(book.on("2026-03-02").fct_renewals_due)["health"] == "red"


def test_retention_is_of_those_who_were_there_a_year_ago(book: Book) -> None:
    book.deal("1", "2025-05-05 08:00", stage("won", "2025-05-05 08:00"))
    for account, before, after in (("a", 100.0, 150.0), ("b", 60.0, 40.0), ("c", 40.0, None)):
        book.contract(f"{account}1", account, before, "month", "2025-05-01", "2025-05-31")
        if after is not None:
            book.contract(f"{account}2", account, after, "month", "2026-05-01", "2026-05-31")
    book.contract("d1", "d", 9.0, "month", "2026-05-01", "2026-05-31")
    cells = book.on("2026-05-31").fct_retention_cohorts
    (cell,) = cells.loc[(cells["level"] == "total") & (cells["month_start"] == date(2026, 5, 1))].to_dict("records")
    assert (cell["nrr"], cell["grr"], cell["mrr"]) == (Decimal("0.95"), Decimal("0.7"), Decimal(199))
    assert (cell["customers"], cell["customers_active"], cell["customers_kept"]) == (4, 3, 2)


def test_an_open_deal_shows_what_it_is_ill_of(book: Book) -> None:
    for contact in ("c1", "c2"):
        book.contact(contact, "2026-01-01 08:00", ("lifecycle", "lead", "2026-01-01 08:00"))
    book.deal(
        "1", "2026-01-05 08:00", stage("proposal", "2026-01-05 08:00"), ("amount", "100", "2026-01-05 08:00"),
        ("amount", "60", "2026-01-06 08:00"), ("close_date", "2026-01-20", "2026-01-05 08:00"),
        ("close_date", "2026-01-25", "2026-01-06 08:00"), ("close_date", "2026-01-31", "2026-01-07 08:00"),
        contact="c1",
    )  # fmt: skip
    book.links.append(("1", "c2", 1))
    book.merges.append(("contact", "c1", "c2", "2026-02-02 08:00"))
    health = only(book.on("2026-02-05").fct_deal_health)
    # Two contacts became one person; nobody has touched the deal for 31 days; nobody knows how old won deals are.
    assert health["reasons_named"] == (
        "past_close_date, idle, pushed_twice, amount_cut, without_next_step, single_contact"
    )
    assert (health["days_past_close"], health["amount_cut_reporting"], health["reasons"]) == (5, 40, 6)
    assert health["is_older_than_won"] is None
    assert only(book.on("2026-01-31", now="2026-02-01 06:00").fct_deal_health)["contacts"] == 2


def test_a_skipped_stage_counts_as_reached_at_the_skip(book: Book) -> None:
    book.deal("1", "2026-01-30 08:00", stage("prospecting", "2026-01-30 08:00"), stage("proposal", "2026-02-02 08:00"))
    world = book.on("2026-03-31")
    assert world.fct_deal_stage_visits["direction"].tolist() == ["first", "skip"]
    assert only(world.fct_deals)["is_qualified"]
    cells = whole_funnel(world)
    assert cells["entry_month"].to_dict() == {
        "prospecting": date(2026, 1, 1), "qualification": date(2026, 2, 1), "meeting": date(2026, 2, 1),
        "proposal": date(2026, 2, 1),
    }  # fmt: skip
    assert cells["entities_progressed"].to_dict() == {
        "prospecting": 1, "qualification": 1, "meeting": 1, "proposal": 0
    }  # fmt: skip
    assert cells["completed_visits"].to_dict() == {"prospecting": 1, "qualification": 0, "meeting": 0, "proposal": 0}
    assert cells.loc["proposal", "entities_open"] == 1
    # Nobody knows the deal's lead nor its account.
    parts = world.fct_funnel_stages.groupby(["dimension", "member"]).size()
    assert parts.to_dict() == {("all", "all"): 4, ("channel", "unattributed"): 4, ("segment", "unknown"): 4}


def test_a_lost_deal_that_never_qualified_is_not_qualified(book: Book) -> None:
    book.deal("1", "2026-01-30 08:00", stage("prospecting", "2026-01-30 08:00"), stage("lost", "2026-02-02 08:00"))
    deal = only(book.on("2026-03-31").fct_deals)
    assert (deal["is_qualified"], deal["cycle_days"], deal["age_days"]) == (False, None, Decimal("3.000000"))
    exited = whole_funnel(book.on("2026-03-31"))["entities_exited"]
    assert exited.to_dict() == {"prospecting": 1}


def test_a_way_back_is_backward_and_never_uncounts(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("qualification", "2026-01-05 08:00"), stage("meeting", "2026-01-10 08:00"),
        stage("qualification", "2026-01-12 08:00"), stage("qualification", "2026-01-13 08:00"),
        stage("meeting", "2026-01-20 08:00"),
    )  # fmt: skip
    visits = book.on("2026-01-31").fct_deal_stage_visits
    assert visits["direction"].tolist() == ["first", "forward", "backward", "forward"]
    # Written twice is one visit: eight days from the twelfth to the twentieth.
    assert visits["days_in_stage"].tolist()[2] == Decimal("8.000000")
    cells = whole_funnel(book.on("2026-01-31"))
    assert cells.loc["qualification", "entities_progressed"] == 1
    assert cells.loc["qualification", "median_days_completed"] == 6.5  # of five and eight days


def test_a_change_of_pipeline_is_a_transfer_and_the_new_purpose_counts(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("meeting", "2026-01-05 08:00"),
        ("stage", EXPANSION["proposal"], "2026-01-08 08:00"),
        ("pipeline", "default", "2026-01-05 08:00"), ("pipeline", "7301456", "2026-01-08 08:00"),
        ("stage", EXPANSION["won"], "2026-01-18 08:00"),
    )  # fmt: skip
    world = book.on("2026-01-31")
    visits = world.fct_deal_stage_visits
    assert visits["direction"].tolist() == ["first", "transfer", "skip"]
    assert visits["pipeline_id"].tolist() == ["default", "7301456", "7301456"]
    assert visits["exited_at"].tolist()[:2] == visits["entered_at"].tolist()[1:]
    deal = only(world.fct_deals)
    assert (deal["pipeline_purpose"], deal["status"]) == ("upsell", "won")
    assert world.fct_funnel_stages.empty


def test_a_chain_of_merges_ends_at_its_last_survivor(book: Book) -> None:
    for number in "123":
        book.contact(f"c{number}", f"2026-01-0{number} 08:00", ("lifecycle", "lead", f"2026-01-0{number} 08:00"))
    book.deal(
        "d", "2026-01-10 08:00", stage("won", "2026-01-10 08:00"), ("amount", "100", "2026-01-10 08:00"), contact="c3"
    )
    book.merges += [("contact", "c2", "c3", "2026-02-01 08:00"), ("contact", "c1", "c2", "2026-02-03 08:00")]
    world = book.on("2026-03-31")
    lead = only(world.fct_leads)
    assert (lead["lead_id"], lead["first_deal_key"], lead["won_deals_count"]) == ("c1", "hubspot:d", 1)
    assert lead["won_amount_reporting"] == Decimal("100.00")
    assert only(world.fct_deals)["contact_key"] == "hubspot:c1"
    before = book.on("2026-02-01", now="2026-02-02 06:00")
    assert sorted(before.fct_leads["lead_id"]) == ["c1", "c2"]
    assert only(before.fct_deals)["contact_key"] == "hubspot:c2"


def test_a_deleted_deal_is_kept_aside_and_a_restored_one_counts(book: Book) -> None:
    book.contact("c", "2026-01-01 08:00", ("lifecycle", "lead", "2026-01-01 08:00"))
    for number in "12":
        book.deal(
            number,
            "2026-01-10 08:00",
            stage("won", "2026-01-10 08:00"),
            ("amount", "50", "2026-01-10 08:00"),
            contact="c",
        )
    book.deletions += [
        ("deal", "1", "2026-02-01 08:00", None), ("deal", "2", "2026-02-01 08:00", "2026-02-20 08:00"),
    ]  # fmt: skip
    deals = book.on("2026-03-31").fct_deals.set_index("deal_id")
    assert deals["exclusion_reason"].fillna("").tolist() == ["deleted", ""]
    assert deals["is_excluded"].tolist() == [True, False]
    assert deals.loc["1", "deleted_at"] == pd.Timestamp("2026-02-01 08:00")
    assert only(book.on("2026-03-31").fct_leads)["deals_count"] == 1
    # On the day before, both were there; while the second lay deleted, neither was.
    assert only(book.on("2026-01-31").fct_leads)["deals_count"] == 2
    assert only(book.on("2026-02-10", now="2026-02-11 06:00").fct_leads)["deals_count"] == 0


def test_a_disqualified_lead_that_comes_back_is_in_its_stage_again(book: Book) -> None:
    book.contact(
        "c", "2026-01-01 08:00", ("lifecycle", "lead", "2026-01-01 08:00"),
        ("lead_status", "NEW", "2026-01-01 08:01"), ("lifecycle", "salesqualifiedlead", "2026-01-05 08:00"),
        ("lead_status", "UNQUALIFIED", "2026-01-10 08:00"), ("lead_status", "BAD_TIMING", "2026-01-15 08:00"),
        ("lead_status", "RECYCLED", "2026-01-20 08:00"), ("lead_status", "IN_PROGRESS", "2026-01-25 08:00"),
        ("lifecycle", "customer", "2026-01-30 08:00"),
    )  # fmt: skip
    visits = book.on("2026-02-28").fct_lead_stages
    assert visits["stage"].tolist() == [
        "lead", "sql_lead", "disqualified", "sql_lead", "recycled", "sql_lead", "customer",
    ]  # fmt: skip
    assert visits["direction"].tolist() == [
        "first", "skip", "forward", "backward", "forward", "backward", "skip",
    ]  # fmt: skip
    lead = only(book.on("2026-02-28").fct_leads)
    assert lead["mql_at"] == lead["sql_lead_at"] == pd.Timestamp("2026-01-05 08:00")
    assert lead["opportunity_at"] == lead["customer_at"] == pd.Timestamp("2026-01-30 08:00")
    assert lead["exit_reason"] is None
    assert (lead["episodes"], lead["disqualifications"], lead["recycles"]) == (3, 1, 1)
    assert lead["episode_started_at"] == pd.Timestamp("2026-01-25 08:00")
    out = only(book.on("2026-01-12").fct_leads)
    assert (out["exit_reason"], out["lifecycle_stage"]) == ("disqualified", "sql_lead")
    assert (out["exit_label"], out["episodes"]) == ("UNQUALIFIED", 1)
    assert out["exited_at"] == pd.Timestamp("2026-01-10 08:00")


def test_days_end_where_the_company_is_also_when_its_clocks_change(book: Book) -> None:
    assert Moment(date(2026, 3, 28), pd.Timestamp("2026-06-01")).as_of_end == pd.Timestamp("2026-03-28 23:00")
    assert Moment(date(2026, 3, 29), pd.Timestamp("2026-06-01")).as_of_end == pd.Timestamp("2026-03-29 22:00")
    assert Moment(date(2026, 10, 25), pd.Timestamp("2026-12-01")).as_of_end == pd.Timestamp("2026-10-25 23:00")
    # Both of these read 02:30 on Prague's clocks, an hour apart.
    book.contact("a", "2025-10-26 00:30", ("lifecycle", "lead", "2025-10-26 00:30"))
    book.contact("b", "2025-10-26 01:30", ("lifecycle", "lead", "2025-10-26 01:30"))
    book.contact("c", "2025-10-26 22:30", ("lifecycle", "lead", "2025-10-26 22:30"))
    book.contact("d", "2025-10-26 23:30", ("lifecycle", "lead", "2025-10-26 23:30"))
    leads = book.on("2025-10-31").fct_leads.set_index("lead_id")["created_date"]
    assert leads.tolist() == [date(2025, 10, 26)] * 3 + [date(2025, 10, 27)]
    # The day of the fold has 25 hours.
    stays = book.on("2025-10-26").fct_lead_stages.set_index("lead_key")["days_in_stage"]
    assert stays["hubspot:a"] == Decimal("0.937500")
    assert "hubspot:d" not in stays


def test_a_day_of_clocks_forward_has_23_hours(book: Book) -> None:
    book.deal("1", "2026-03-28 23:00", stage("meeting", "2026-03-28 23:00"))
    assert only(book.on("2026-03-29").fct_deals)["age_days"] == Decimal("0.958333")
    assert only(book.on("2026-03-29").fct_deals)["created_date"] == date(2026, 3, 29)


def test_money_takes_the_rate_of_the_close_or_of_the_day(book: Book) -> None:
    book.deal("1", "2026-01-03 08:00", stage("meeting", "2026-01-03 08:00"), ("amount", "100.10", "2026-01-03 08:00"))
    book.deal("2", "2026-01-03 08:00", stage("meeting", "2026-01-03 08:00"), stage("won", "2026-01-04 09:00"),
              ("amount", "100.10", "2026-01-03 08:00"))  # fmt: skip
    book.deal("3", "2026-01-03 08:00", stage("meeting", "2026-01-03 08:00"))
    book.changes += [("deal", number, "currency", "USD", "2026-01-03 08:01", None, "CRM_UI") for number in "123"]
    deals = book.on("2026-01-31").fct_deals.set_index("deal_id")
    # 100.10 x 0.915555 = 91.6470555; the won one takes Friday's rate: 100.10 x 0.9; at plan 100.10 x 0.95.
    assert deals.loc["1", "amount_reporting"] == Decimal("91.65")
    assert deals.loc["2", "amount_reporting"] == Decimal("90.09")
    assert deals.loc["2", "amount_plan_rate"] == Decimal("95.10")  # 95.095, half away from zero
    assert deals.loc["3", "amount"] is None
    assert deals.loc["3", "amount_reporting"] is None


def test_a_push_is_a_later_date_while_the_deal_is_open(book: Book) -> None:
    book.deal(
        "1", "2026-01-05 08:00", stage("meeting", "2026-01-05 08:00"), ("close_date", "2026-02-01", "2026-01-05 08:00"),
        ("close_date", "2026-02-15", "2026-01-20 08:00"),  # pushed by 14
        ("close_date", "2026-02-10", "2026-01-21 08:00"),  # pulled
        ("close_date", None, "2026-01-22 08:00"),
        ("close_date", "2026-02-12", "2026-01-23 08:00"),  # set again, two days later than before it was cleared
        stage("won", "2026-02-14 09:00"), ("close_date", "2026-02-14", "2026-02-14 09:00"),  # the CRM's own
        ("close_date", "2026-02-20", "2026-02-16 09:00"),  # after the close
    )  # fmt: skip
    deal = only(book.on("2026-02-28").fct_deals)
    assert (deal["pushes"], deal["pushed_days"]) == (2, 16)
    assert (deal["close_date"], deal["stage_close_date"]) == (date(2026, 2, 20), date(2026, 2, 14))
    assert deal["close_day"] == date(2026, 2, 14)
    by_date = World(book.company(), Moment(date(2026, 2, 28), pd.Timestamp("2026-06-30"), close_day="crm_close_date"))
    deal = only(by_date.fct_deals)
    assert (deal["close_day"], deal["close_event_at"]) == (date(2026, 2, 20), None)
    assert (deal["cycle_days"], deal["cycle_days_from_qualified"], deal["is_zero_day_win"]) == (46, 46, False)


def test_a_win_that_is_dated_before_its_creation_is_booked_and_has_no_cycle(book: Book) -> None:
    for number, dated in (("1", "2026-01-04"), ("2", "2026-01-05"), ("3", "2026-01-06")):
        book.deal(
            number, "2026-01-05 08:00", stage("prospecting", "2026-01-05 08:00"), ("amount", "9", "2026-01-05 08:00"),
            ("close_date", dated, "2026-01-05 08:00"), stage("meeting", "2026-01-07 09:00"),
            stage("won", "2026-02-14 09:00"),
        )  # fmt: skip
    by_date = World(book.company(), Moment(date(2026, 2, 28), pd.Timestamp("2026-06-30"), close_day="crm_close_date"))
    deals = by_date.fct_deals
    assert deals["cycle_reject_reason"].fillna("").tolist() == ["closed_before_created", "zero_day", ""]
    assert deals["cycle_days"].tolist() == [None, None, 1]
    assert deals["cycle_days_from_qualified"].isna().all()
    assert deals["amount_reporting"].tolist() == [9, 9, 9]
    assert by_date.fct_win_loss["days_to_close"].tolist() == [None, 0, 1]


def test_orders_typed_in_and_imports_have_no_cycle(book: Book) -> None:
    book.deal("1", "2026-01-05 08:00", stage("won", "2026-01-05 08:00"))
    book.deal(
        "2", "2026-01-05 08:00", stage("meeting", "2026-01-05 08:00"), stage("won", "2026-01-09 08:00"), imported=True
    )
    deals = book.on("2026-01-31").fct_deals
    assert deals["is_zero_day_win"].tolist() == [True, False]
    assert deals["cycle_days"].tolist() == [None, None]


def test_fifty_deals_in_one_second_by_one_user_are_a_bulk_update(book: Book) -> None:
    for number in range(50):
        book.deal(str(number), f"2026-01-05 08:{number:02d}", stage("meeting", f"2026-01-05 08:{number:02d}"),
                  stage("lost", "2026-01-20 09:00:00.100"))  # fmt: skip
    book.deal("99", "2026-01-05 09:00", stage("meeting", "2026-01-05 09:00"), stage("lost", "2026-01-20 09:00:01.100"))
    visits = book.on("2026-01-31").fct_deal_stage_visits
    assert visits["is_bulk_update"].sum() == 50
    # What it ended says as little as what it began.
    assert not visits.loc[visits["deal_key"] != "hubspot:99", "is_in_velocity"].any()
    assert visits.loc[visits["deal_key"] == "hubspot:99", "is_in_velocity"].all()
    assert not visits.loc[visits["deal_key"] == "hubspot:99", "is_bulk_update"].any()


def test_wilson_and_the_ninetieth_percentile() -> None:
    low, high = wilson(5, 10)
    assert math.isclose(low, 0.236593, abs_tol=1e-6)
    assert math.isclose(high, 0.763407, abs_tol=1e-6)
    # Ten of whom one leaves unseen on day 4: 9/10, 8/10, 7/10, 6/10 after four; then 5/5 at risk go one by one
    # from 0.6: 0.48, 0.36, 0.24, 0.12, 0 - a tenth is passed on day 9.
    waits = [
        (1.0, True),
        (2.0, True),
        (3.0, True),
        (4.0, True),
        (4.0, False),
        *((float(n), True) for n in range(5, 10)),
    ]
    assert ninetieth(waits) == 9.0
    assert ninetieth([(1.0, True), (2.0, False)]) is None


def test_the_channel_of_a_session() -> None:
    mediums = {
        "CPC": "paid_search", "organic": "organic_search", "(none)": "direct", "qr": "unmapped", "cpm": "display",
        "social": "organic_social", "paidsocial": "paid_social", "affiliate": "partner",
    }  # fmt: skip
    assert {medium: session_channel(medium, "menu", None) for medium in mediums} == mediums
    assert session_channel("qr", "poster", None) == "trade_show"
    assert session_channel("email", "news", "click") == "paid_search"
    assert session_channel(None, None, float("nan")) == "not_stated"


def event(name: str, at: str, session: int, **values: Any) -> dict[str, Any]:
    moment = pd.Timestamp(at)
    local = moment.tz_localize("UTC").tz_convert("Europe/Prague")
    empty = dict.fromkeys(SCHEMA.names)
    told = {"event_at": moment, "event_day": local.date(), "visitor_id": "v.1", "session_id": session, "name": name,
            "session_number": 1, "is_engaged": False, "late_days": 0, "is_bot": False}  # fmt: skip
    return empty | told | values


def test_a_session_is_one_over_midnight_and_a_purchase_counts_once(book: Book) -> None:
    sold = {"transaction_id": "T1", "revenue": Decimal("10.00"), "currency": "USD"}
    rows = [
        event("session_start", "2026-01-07 22:59:00", 1, source="google", medium="organic", page_location="/a"),
        event("page_view", "2026-01-07 22:59:00.5", 1, page_location="/a"),
        event("user_engagement", "2026-01-07 23:01:00", 1, engagement_ms=1500, is_engaged=True),
        event("purchase", "2026-01-07 23:05:00", 1, **sold),
        event("session_start", "2026-01-08 09:00:00", 2, source="(direct)", medium="(none)", page_location="/b"),
        event("purchase", "2026-01-08 09:00:01", 2, **sold),
        event("page_view", "2026-01-08 09:00:02", 2, late_days=3),
    ]
    company = replace(book.company(), events=pa.Table.from_pylist(rows, schema=SCHEMA))

    def sessions(day: str, now: str) -> pd.DataFrame:
        world = World(company, Moment(date.fromisoformat(day), pd.Timestamp(now)))
        return world.fct_sessions.sort_values("started_at", ignore_index=True)

    told = sessions("2026-01-08", "2026-01-09 06:00")
    assert told["events"].tolist() == [4, 2]  # the late page view is not in the export yet
    assert told["session_date"].tolist() == [date(2026, 1, 7), date(2026, 1, 8)]
    assert told["purchases"].tolist() == [1, 0]
    assert told["revenue_reporting"].tolist() == [Decimal("9.16"), Decimal("0.00")]  # 10 x 0.915555
    assert told["engagement_seconds"].tolist() == [Decimal("1.5"), Decimal(0)]
    assert told["channel"].tolist() == ["organic_search", "direct"]
    assert sessions("2026-01-08", "2026-01-12 06:00")["events"].tolist() == [4, 3]
    assert sessions("2026-01-07", "2026-01-12 06:00")["events"].tolist() == [2]


def test_a_cart_that_is_left_may_still_be_bought(book: Book) -> None:
    def sold(number: str) -> dict[str, Any]:
        return {"transaction_id": number, "revenue": Decimal("10.00"), "currency": "EUR"}

    rows = [
        event("add_to_cart", "2026-01-05 08:00:00", 1),
        event("add_to_cart", "2026-01-06 08:00:00", 2),  # exactly 24 hours: still the same cart
        event("purchase", "2026-01-07 08:00:01", 3, **sold("T1")),  # a second too late: recovered
        event("purchase", "2026-01-07 08:00:09", 3, **sold("T1")),
        event("add_to_cart", "2026-01-10 08:00:00", 4),
        event("add_to_cart", "2026-01-14 08:00:00", 5),
        event("purchase", "2026-01-14 09:00:00", 5, **sold("T2")),  # of both carts, the money of the second
        event("add_to_cart", "2026-01-20 08:00:00", 6),
        event("purchase", "2026-01-27 08:00:01", 7, **sold("T3")),  # after seven days nothing is recovered
        event("add_to_cart", "2026-01-31 08:00:00", 8),
    ]
    company = replace(book.company(), events=pa.Table.from_pylist(rows, schema=SCHEMA))

    def carts(day: str) -> pd.DataFrame:
        return World(company, Moment(date.fromisoformat(day), pd.Timestamp("2026-06-30"))).fct_carts

    told = carts("2026-01-31")
    assert told["status"].tolist() == ["recovered", "recovered", "purchased", "abandoned", "open"]
    assert told["additions"].tolist() == [2, 1, 1, 1, 1]
    assert told["transaction_id"].fillna("").tolist() == ["T1", "T2", "T2", "", ""]
    assert told["revenue_reporting"].tolist() == [Decimal("10.00"), None, Decimal("10.00"), None, None]
    assert told["hours_to_purchase"].tolist()[1:3] == [Decimal("97.0"), Decimal("1.0")]
    # The hours of the last cart are over before the first of February ends.
    assert carts("2026-02-01")["status"].tolist()[-1] == "abandoned"


def test_a_lead_that_was_made_in_a_visit_is_that_visits_touch(book: Book) -> None:
    book.contact("a", "2026-01-05 08:20", ("lifecycle", "lead", "2026-01-05 08:20"))
    book.contact("b", "2026-01-05 09:00", ("lifecycle", "lead", "2026-01-05 09:00"))
    told = book.company()
    contacts = told.contacts.assign(visitor_id=["v.1", "v.2"])
    rows = [
        event("session_start", "2026-01-04 23:30", 1, source="google", medium="cpc", campaign="Nothing known"),
        event("session_start", "2026-01-05 08:00", 2, source="(direct)", medium="(none)"),
        event("page_view", "2026-01-05 08:01", 2),
        event("session_start", "2026-01-05 08:00", 3, visitor_id="v.2", medium="(none)"),
        event("page_view", "2026-01-05 08:29", 3, visitor_id="v.2"),  # 31 minutes before the lead
    ]
    company = replace(told, contacts=contacts, events=pa.Table.from_pylist(rows, schema=SCHEMA))
    world = World(company, Moment(date(2026, 1, 31), pd.Timestamp("2026-06-30")))
    touches = world.fct_touches.set_index("touch_key")
    assert touches["touch_kind"].to_dict() == {
        "session:v.1:1": "ad_click", "session:v.1:2": "session", "session:v.2:3": "session", "lead:hubspot:b":
        "lead_source",
    }  # fmt: skip
    assert touches["touch_no"].to_dict() == dict(zip(touches.index, [1, 2, 1, 2], strict=True))
    assert touches["lead_key"].fillna("").tolist() == ["", "hubspot:a", "", "hubspot:b"]
    assert touches["touch_date"].tolist() == [date(2026, 1, 5)] * 4


def test_credit_is_handed_out_whole_by_every_model(book: Book) -> None:
    book.contact("a", "2026-01-05 08:20", ("lifecycle", "lead", "2026-01-05 08:20"))
    book.contact("b", "2026-01-20 08:00", ("lifecycle", "lead", "2026-01-20 08:00"))
    amount = ("amount", "100.01", "2026-01-12 08:00")
    book.deal("1", "2026-01-12 08:00", stage("meeting", "2026-01-12 08:00"), stage("won", "2026-01-19 08:00"), amount,
              contact="a")  # fmt: skip
    book.deal("2", "2026-01-12 08:00", stage("meeting", "2026-01-12 08:00"), stage("won", "2026-01-12 09:00"), amount)
    told = book.company()
    contacts = told.contacts.assign(visitor_id=["v.1", None])
    session = {"visitor_id": "v.1", "name": "session_start", "session_number": 1, "is_bot": False, "is_engaged": True,
               "late_days": 0, "device": "desktop", "country": "Czechia"}  # fmt: skip
    rows = [
        session | {"event_at": pd.Timestamp(at), "event_day": date.fromisoformat(at[:10]), "session_id": number,
                   "source": source, "medium": medium}
        for number, (at, source, medium) in enumerate(
            [("2026-01-04 08:00", "google", "organic"), ("2026-01-11 08:00", "newsletter", "email")], start=1
        )
    ]  # fmt: skip
    company = replace(told, contacts=contacts, events=pa.Table.from_pylist(rows, schema=SCHEMA))
    world = World(company, Moment(date(2026, 1, 31), pd.Timestamp("2026-06-30")))
    won = world.fct_attribution
    won = won.loc[(won["conversion_event"] == "won") & (won["level"] == "contact")]
    alone = won.loc[won["conversion_key"] == "hubspot:2"]
    assert (set(alone["channel"]), len(alone), set(alone["credited_amount_reporting"])) == (
        {"unattributed"}, 8, {Decimal("100.01")},
    )  # fmt: skip
    # Search on the 4th, the lead itself (direct) on the 5th, a letter on the 11th; then won, and b did not convert.
    mine = won.loc[won["conversion_key"] == "hubspot:1"]
    credit = {model: rows["credit"].tolist() for model, rows in mine.groupby("model")}
    assert mine.loc[mine["model"] == "linear", "channel"].tolist() == ["organic_search", "direct", "email"]
    assert credit["linear"] == [Decimal("0.333333333"), Decimal("0.333333334"), Decimal("0.333333333")]
    assert credit["first"] == credit["last_non_direct"] == credit["last"] == [Decimal(1)]
    assert credit["position"] == [Decimal("0.4"), Decimal("0.2"), Decimal("0.4")]
    assert credit["shapley"] == credit["linear"]
    # a and b come direct, one of them goes on: half convert. Without direct or the letter nobody does; without search,
    # by which one of two sets out, half as many: effects of 1, 1 and 1/2.
    assert credit["markov"] == [Decimal("0.2"), Decimal("0.4"), Decimal("0.4")]
    # A week apart: the first weighs half of the last.
    assert credit["time_decay"][0] * 2 == pytest.approx(credit["time_decay"][2], abs=Decimal("1e-8"))
    leads = world.fct_attribution.set_index(["conversion_event", "level", "model", "conversion_key"]).loc["lead"]
    assert leads.loc[("contact", "first", "hubspot:a"), "channel"] == "organic_search"
    assert leads["credited_amount_reporting"].isna().all()
    months = world.rpt_attribution_comparison
    months = months.loc[(months["level"] == "contact") & (months["model"] == "first")].set_index(
        ["period_type", "conversion_event", "channel"]
    )
    assert months.loc[("month", "won", "organic_search"), "credited_amount_reporting"] == Decimal("100.01")
    assert months.loc[("trailing_12_months", "won", "unattributed"), "credited_conversions"] == 1


def test_a_lead_is_scored_by_what_was_known_when_it_came(book: Book) -> None:
    book.contact("a", "2026-01-10 08:20", ("lifecycle", "lead", "2026-01-10 08:20"),
                 ("lifecycle", "opportunity", "2026-04-10 08:20"))  # fmt: skip
    book.contact("b", "2026-01-12 18:00", ("lifecycle", "opportunity", "2026-01-12 18:00"))
    book.contact("c", "2026-01-12 12:00", ("lifecycle", "lead", "2026-01-12 12:00"),
                 ("lifecycle", "opportunity", "2026-04-12 12:01"))  # fmt: skip
    told = book.company()
    session = {"visitor_id": "v.1", "name": "session_start", "session_number": 1, "is_bot": False, "is_engaged": True,
               "late_days": 0, "country": "Czechia", "source": "google", "medium": "organic"}  # fmt: skip
    rows = [
        session | {"event_at": pd.Timestamp(at), "event_day": date.fromisoformat(at[:10]), "session_id": number,
                   "device": device}
        for number, (at, device) in enumerate(
            [("2026-01-08 08:20", "mobile"), ("2026-01-10 08:00", "desktop"), ("2026-01-10 08:21", "mobile")], start=1
        )
    ]  # fmt: skip
    company = replace(
        told,
        contacts=told.contacts.assign(visitor_id=["v.1", None, None]),
        events=pa.Table.from_pylist(rows, schema=SCHEMA),
    )
    scores = World(company, Moment(date(2026, 4, 12), pd.Timestamp("2026-06-30"))).fct_lead_scores
    scores = scores.set_index("lead_key")
    # A Saturday, its second visit after two days; what came a minute later is not known.
    assert scores.loc["hubspot:a", "known_at_capture"] == (
        "channel=direct; source_detail=none; capture_visits=2; days_on_site=1 to 6; device=desktop; "
        "visit_country=Czechia; capture_time=weekend; known_before=no"
    )
    assert scores["outcome"].to_dict() == {
        "hubspot:a": "reached",  # on the ninetieth day, to the minute
        "hubspot:c": "missed", "hubspot:b": "reached",
    }  # fmt: skip
    assert scores["not_scored_reason"].to_dict() == {
        "hubspot:a": "too_few_leads", "hubspot:c": "too_few_leads", "hubspot:b": "reached_at_capture",
    }  # fmt: skip
    assert scores.loc["hubspot:b", "known_at_capture"].endswith("capture_time=evening or night; known_before=no")


def test_a_source_is_followed_to_what_it_brought(book: Book) -> None:
    book.contact(
        "c", "2026-01-05 08:00", ("lifecycle", "lead", "2026-01-05 08:00"),
        ("lifecycle", "salesqualifiedlead", "2026-01-09 20:00"),
    )  # fmt: skip
    book.contact("e", "2026-01-31 23:30", ("lifecycle", "lead", "2026-01-31 23:30"))
    amount = ("amount", "100", "2026-01-10 08:00")
    book.deal("1", "2026-01-10 08:00", stage("meeting", "2026-01-10 08:00"), stage("won", "2026-02-09 08:00"), amount,
              contact="c")  # fmt: skip
    book.deal("2", "2026-03-10 08:00", stage("meeting", "2026-03-10 08:00"), stage("won", "2026-03-11 08:00"))
    book.deal("3", "2026-03-10 08:00", stage("meeting", "2026-03-10 08:00"), amount, imported=True, contact="c")
    told = book.on("2026-03-31").rpt_source_to_revenue.set_index(["cohort_month", "channel"])
    assert told["leads"].to_dict() == {
        (date(2026, 1, 1), "direct"): 1, (date(2026, 2, 1), "direct"): 1, (date(2026, 3, 1), "unattributed"): 0,
    }  # fmt: skip
    first = told.loc[(date(2026, 1, 1), "direct")]
    assert (first["mqls"], first["sql_leads"], first["opportunities"], first["leads_with_deal"]) == (1, 1, 0, 1)
    assert (first["deals"], first["won_deals"], first["open_deals"]) == (2, 1, 1)
    assert (first["won_amount_reporting"], first["open_amount_reporting"]) == (Decimal("100.00"), Decimal("100.00"))
    assert (first["median_days_to_mql"], first["median_days_mql_to_sql_lead"]) == (Decimal("4.500000"), Decimal(0))
    assert (first["median_days_to_deal"], first["median_days_deal_to_won"]) == (5, 30)
    assert first["median_days_lead_to_won"] == 35
    alone = told.loc[(date(2026, 3, 1), "unattributed")]
    assert (alone["deals"], alone["won_deals_without_amount"], alone["won_amount_reporting"]) == (1, 1, Decimal(0))


def test_the_load_of_an_owner_is_what_is_still_to_be_worked(book: Book) -> None:
    other = "61000107"
    book.contact("a", "2026-01-01 08:00", ("lifecycle", "lead", "2026-01-01 08:00"),
                 ("lifecycle", "opportunity", "2026-01-03 08:00"))  # fmt: skip
    book.contact("b", "2026-01-02 08:00", ("lifecycle", "lead", "2026-01-02 08:00"),
                 ("owner_id", other, "2026-01-03 08:00"), ("owner_id", OWNER, "2026-01-05 09:00"))  # fmt: skip
    book.contact("c", "2026-01-03 08:00", ("lifecycle", "lead", "2026-01-03 08:00"),
                 ("lead_status", "UNQUALIFIED", "2026-01-06 08:00"))  # fmt: skip
    book.contact("d", "2026-01-03 08:01", ("lifecycle", "lead", "2026-01-03 08:01"))
    told = book.on("2026-01-31").fct_lead_routing.set_index(["lead_key", "assignment_no"])
    assert told["owner_open_leads_before"].to_dict() == {
        ("hubspot:a", 1): 0, ("hubspot:b", 1): 1,
        ("hubspot:b", 2): 0,
        ("hubspot:b", 3): 2,  # c and d
        ("hubspot:c", 1): 2,  # a and b leave in this very moment
        ("hubspot:d", 1): 1,  # c
    }  # fmt: skip
    assert told["routing"].tolist() == ["first", "first", "handed_over", "returned", "first", "first"]
    assert told["days_held"].tolist()[1:3] == [Decimal(1), Decimal("2.041667")]
    assert told["is_in_load"].tolist() == [False, False, False, True, False, True]


def test_ad_conversions_grow_until_they_are_final(book: Book) -> None:
    days = frame(
        "customer_id campaign_id ad_group_id date impressions clicks cost_micros conversions conversions_value "
        "restate_days",
        [("1002003002", "20100400248", "150200304000", pd.Timestamp("2026-01-08"), 100, 9, 12_340_000, 4.0, 90.0, 4)],
    )
    company = replace(book.company(), ad_days=days)
    # At 04:00 UTC on the ninth it is still the eighth in New York: the first of four days.
    early = World(company, Moment(date(2026, 1, 8), pd.Timestamp("2026-01-09 04:00")))
    assert only(early.fct_ad_performance_daily)["conversions_claimed"] == 1.0
    later = World(company, Moment(date(2026, 1, 8), pd.Timestamp("2026-01-09 06:00")))
    row = only(later.fct_ad_performance_daily)
    assert (row["conversions_claimed"], row["conversion_value_claimed"]) == (2.0, 45.0)
    assert row["spend"] == Decimal("12.340000")
    assert row["spend_reporting"] == Decimal("11.297949")  # 12.34 x 0.915555 = 11.2979487


def test_the_others_are_the_team_without_the_owner() -> None:
    counts = {"a": (2, 3), "b": (6, 10), "c": (1, 9)}
    teams: dict[str, str | None] = {"a": "North", "b": "North", "c": "South"}
    assert others("a", counts, teams) == ("team", 6, 10)
    assert others("c", counts, teams) == ("company", 8, 13)
    assert others("a", {"a": (2, 3)}, teams) == (None, 0, 0)


def test_owners_who_differ_by_chance_are_drawn_far_and_others_little() -> None:
    """Equal rates: 199 deals. 80 and 20 of 100: (18 - .25) / (.25 x 99) = .72, more than the .5 that is one deal."""
    assert worth_of_others([(5, 10), (50, 100)]) == pytest.approx(199)
    assert worth_of_others([(80, 100), (20, 100)]) == pytest.approx(1)
    assert worth_of_others([]) == pytest.approx(199)


def test_who_waits_hands_their_share_to_those_who_wait_longer() -> None:
    """By hand, as in the model's unit test: 1/4, then 3/4 x 1/3, then all that is left."""
    waits = [(5.0, "on"), (10.0, "out"), (12.0, "waits"), (20.0, "on")]
    assert shares_by(7, waits) == (pytest.approx(0.25), 0.0)
    assert shares_by(14, waits) == (pytest.approx(0.25), pytest.approx(0.25))
    assert shares_by(30, waits) == (pytest.approx(0.75), pytest.approx(0.25))


def test_a_median_with_open_visits_is_later_than_one_without() -> None:
    waits = [(10.0, True), (20.0, True), (30.0, True), (15.0, False), (40.0, False)]
    assert reached(waits, 0.5) == 30
    assert reached(waits, 0.1) is None


def test_closed_months_are_restated_by_cause(book: Book) -> None:
    begun = (("amount", "100", "2026-01-05 08:00"), stage("proposal", "2026-01-05 08:00"))
    book.deal(
        "reopened", "2026-01-05 08:00", *begun, stage("won", "2026-01-20 10:00"), stage("proposal", "2026-03-02 10:00")
    )
    book.deal("cut", "2026-01-05 08:00", *begun, stage("won", "2026-01-20 10:00"), ("amount", "80", "2026-03-01 10:00"))
    book.deal("deleted", "2026-01-05 08:00", *begun, stage("lost", "2026-01-20 10:00"))
    # February had not ended when the earlier figures were told.
    book.deal("later", "2026-01-05 08:00", *begun, stage("won", "2026-02-20 10:00"))
    book.deletions.append(("deal", "deleted", "2026-03-01 08:00", None))
    book.contact("25", "2026-01-07 08:00", ("lifecycle", "lead", "2026-01-07 08:00"))
    parts = restated(book.on("2026-02-15"), book.on("2026-03-15"))
    told = {(row["measure"], row["record_key"], row["cause"]): row for row in parts.to_dict("records")}
    assert {key: row["difference"] for key, row in told.items()} == {
        ("won_amount", "hubspot:reopened", "reopen"): -100,
        ("won_amount", "hubspot:cut", "amount_edit"): -20,
        ("won_deals", "hubspot:reopened", "reopen"): -1,
        ("lost_deals", "hubspot:deleted", "delete"): -1,
    }
    whole = told["won_amount", "hubspot:cut", "amount_edit"]
    assert (whole["old_value"], whole["new_value"], whole["period_start"]) == (200, 80, date(2026, 1, 1))
    # What was only known later: contact 26 had been taken over by 25 before the vendors were asked again.
    book.contact("26", "2026-01-08 08:00", ("lifecycle", "lead", "2026-01-08 08:00"))
    book.merges.append(("contact", "25", "26", "2026-03-10 08:00"))
    merged = restated(book.on("2026-02-15", "2026-03-01 06:00"), book.on("2026-02-15"))
    assert [(row["record_key"], row["cause"], row["difference"]) for row in merged.to_dict("records")] == [
        ("hubspot:26", "merge", -1)
    ]


def test_a_difference_over_stages_is_that_within_them() -> None:
    # 2 of 20 against 10 of 20: 40 points; alone there is nothing that stages could differ by.
    common, doubt, spread = pooled([Cell(20, 2, 20, 10)])
    assert common == pytest.approx(-0.4)
    assert doubt == pytest.approx(3 * 19 / 22**3 + 11 * 11 / 22**3)
    assert spread == 0
    # At neither stage a difference, though over both 5 of 50 stand against 41 of 50.
    common, _, spread = pooled([Cell(50, 5, 10, 1), Cell(1, 1, 40, 40)])
    assert common == pytest.approx(0)
    assert spread == 0
    # 50 points less at one stage, 50 more at the other: they differ beyond chance.
    assert pooled([Cell(100, 20, 100, 70), Cell(100, 70, 100, 20)])[2] > 0.1


def test_a_hint_needs_an_interval_below_the_others_and_names_one_stage() -> None:
    def row(stage: str, progressed: int, decided: int, peer_progressed: int, peer_decided: int) -> dict[str, Any]:
        return {
            "owner_key": "a", "stage": stage, "stage_order": len(stage), "peer_basis": "team", "decided": decided,
            "progressed": progressed, "peer_decided": peer_decided, "peer_progressed": peer_progressed,
            "deals_short": decided * peer_progressed / peer_decided - progressed, "is_coaching_hint": False,
        }  # fmt: skip

    # The team never fails at closing; three of three at the proposal are no yardstick; nine deals are too few.
    rows = [
        row("meeting", 20, 60, 80, 100),
        row("closing", 30, 40, 200, 200),
        row("proposal", 6, 10, 3, 3),
        row("negotiation", 0, 9, 90, 100),
    ]
    mark_hints(rows)
    assert [one["is_coaching_hint"] for one in rows] == [True, False, False, False]
    assert [one.get("comparisons") for one in rows] == [3, 3, 3, None]
    assert rows[0]["interval_high"] == pytest.approx(0.48782, abs=1e-5)
    alone = [row("closing", 30, 40, 200, 200), row("proposal", 6, 10, 3, 3)]
    mark_hints(alone)
    assert [one["is_coaching_hint"] for one in alone] == [True, False]
