"""Every figure on the page is one that a mart holds, and the marts hold what the facts say."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from publishing.reports import facts
from publishing.reports.formats import Formats
from tests.publishing_reports.reading import Page

FORMATS = Formats("en_GB", "EUR", "Europe/Prague")


def _rows(marts: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(marts), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _written(values: Iterator[Any]) -> set[str]:
    """Every way in which the page may write any of these values."""
    ways = [FORMATS.integer, FORMATS.decimal, FORMATS.money, FORMATS.money_short, FORMATS.money_exact]
    ways += [FORMATS.percent, FORMATS.signed_percent, FORMATS.times, FORMATS.signed_decimal]
    made: set[str] = set()
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            continue
        made |= {write(value) for write in ways}
        made |= {FORMATS.percent(value, 1), FORMATS.percent(value, 2)}
    return made


def test_every_number_in_a_table_stands_in_a_mart(company: Callable[[str], Path], page: Callable[..., str]) -> None:
    marts = company("full")
    read = facts.read(marts)
    allowed = _written(value for rows in read.tables.values() for row in rows for value in row.values())
    cells = [cell for cell in Page(page("full")).numbers if cell.strip()]
    assert len(cells) > 500
    pieces = [piece for cell in cells for piece in re.split(r"\s+|–", cell.strip()) if piece]
    strangers = sorted({piece for piece in pieces if piece not in allowed and piece != "–"})
    assert strangers == []


def test_the_headline_says_what_the_deals_say(company: Callable[[str], Path], page: Callable[..., str]) -> None:
    marts = company("full")
    [(won, deals)] = _rows(
        marts,
        "select sum(amount_reporting), count(*) from marts.fct_deals where status = 'won' and not is_excluded"
        " and close_day between date '2026-06-01' and date '2026-06-17'",
    )
    [(target,)] = _rows(
        marts,
        "select sum(amount_reporting) from marts.fct_targets"
        " where level = 'company' and period_start = date '2026-06-01'",
    )
    assert deals > 5
    text = Page(page("full")).text
    gone = 13 / 22  # working days: 1 to 17 June 2026 of the whole month
    assert (
        f"June: {FORMATS.money_short(won)} of {FORMATS.money_short(target)} booked, "
        f"{FORMATS.percent(won / target)} with {FORMATS.percent(gone)} of the month gone" in text
    )


def test_pacing_is_the_share_of_past_months_at_the_same_working_day(company: Callable[[str], Path]) -> None:
    marts = company("full")
    won = _rows(
        marts,
        "select close_day, sum(amount_reporting) from marts.fct_deals where status = 'won' and not is_excluded"
        " and close_day < date '2026-06-01' and close_day >= date '2025-06-01' group by 1",
    )
    working = {day for (day,) in _rows(marts, "select date_day from marts.dim_dates where is_working_day")}
    total, to_date = Decimal(0), Decimal(0)
    for day, amount in won:
        in_month = sorted(one for one in working if (one.year, one.month) == (day.year, day.month))
        gone = sum(one <= day for one in in_month)
        total += amount or 0
        to_date += (amount or 0) if gone * 22 <= 13 * len(in_month) else 0
    [(share, periods)] = _rows(
        marts, "select pacing_share, pacing_periods from marts.rpt_headline where period_type = 'month'"
    )
    assert periods == 12
    assert abs(share - to_date / total) < Decimal("1e-8")


def test_open_pipeline_is_split_without_rest(company: Callable[[str], Path]) -> None:
    marts = company("full")
    for everything, *parts in _rows(
        marts,
        "select open_pipeline, open_due, overdue_open, dateless_open, later_open from marts.rpt_headline",
    ):
        assert everything == sum(parts)
    [(of_deals,)] = _rows(
        marts, "select sum(amount_reporting) from marts.fct_deals where status = 'open' and not is_excluded"
    )
    assert everything == of_deals


def test_totals_are_totals(company: Callable[[str], Path]) -> None:
    marts = company("full")
    for table, columns in {
        "rpt_team": ("won_month", "won_quarter", "open_pipeline", "year_won_deals"),
        "rpt_channels": ("leads", "mqls", "won_deals", "won_amount_reporting", "spend_reporting"),
    }.items():
        for column in columns:
            where = "where window_name = 'trailing_12_months'" if table == "rpt_channels" else ""
            [(total, parts)] = _rows(
                marts,
                f"select sum({column}) filter (where is_total), sum({column}) filter (where not is_total)"
                f" from marts.{table} {where}",
            )
            assert total == parts, (table, column)
            assert total > 0, (table, column)


def test_a_channel_is_credited_with_what_its_leads_brought(company: Callable[[str], Path]) -> None:
    marts = company("full")
    [(won, spend, roas)] = _rows(
        marts,
        "select won_amount_reporting, spend_reporting, roas from marts.rpt_channels"
        " where window_name = 'trailing_12_months' and channel = 'paid_search'",
    )
    [(expected_won,)] = _rows(
        marts,
        "select sum(deals.amount_reporting)"
        " from marts.fct_deals as deals join marts.fct_leads as leads using (lead_key)"
        " where deals.status = 'won' and not deals.is_excluded and not leads.is_excluded"
        " and leads.channel = 'paid_search' and leads.created_date > date '2025-06-17'",
    )
    [(expected_spend,)] = _rows(
        marts,
        "select sum(spend_reporting) from marts.fct_ad_performance_daily"
        " where channel = 'paid_search' and date_day > date '2025-06-17'",
    )
    assert won == expected_won
    assert abs(spend - expected_spend) < Decimal("0.01")
    assert abs(roas - won / spend) < Decimal("0.001")


def test_mature_and_younger_cohorts_are_never_mixed(company: Callable[[str], Path]) -> None:
    marts = company("full")
    rows = _rows(
        marts,
        "select funnel, stage, mature_to, p90_days_to_outcome, mature_entered, mature_progressed, conversion_rate"
        " from marts.rpt_funnel where not is_last and dimension = 'all'",
    )
    assert len(rows) == 10
    for funnel, stage, last, days, entered, progressed, rate in rows:
        end_of_month = date(last.year + last.month // 12, last.month % 12 + 1, 1)
        assert (date(2026, 6, 17) - end_of_month).days >= float(days) - 1, (funnel, stage)
        assert abs(rate - Decimal(progressed) / entered) < Decimal("1e-8")


def test_segments_convert_by_their_own_mature_months(company: Callable[[str], Path], page: Callable[..., str]) -> None:
    marts = company("full")
    rows = _rows(
        marts,
        "select funnel, dimension, sum(entities_entered), sum(entities_progressed), count(distinct member)"
        " from marts.rpt_funnel group by funnel, dimension order by funnel, dimension",
    )
    assert [row[4] for row in rows] == [1, 2, 1, 4]
    assert rows[0][2:4] == rows[1][2:4]
    assert rows[2][2:4] == rows[3][2:4]
    assert [entry["segment"] for entry in facts.read(marts).segments("lead")][-1] == "unknown"
    text = Page(page("full")).text
    assert "Leads by account segment" in text
    assert "Key & <b>Co" in text


def test_what_needs_attention_stands_in_the_order_of_its_value_at_risk(
    company: Callable[[str], Path], page: Callable[..., str]
) -> None:
    marts = company("full")
    rows = _rows(
        marts,
        "select attention_rank, entity_value_at_risk, value_at_risk, expected, difference, association, flag,"
        " close_date from marts.rpt_attention_list order by attention_rank, flag_rank",
    )
    firsts = {row[0]: row[1] or 0 for row in rows}
    assert list(firsts) == list(range(1, len(firsts) + 1))
    assert list(firsts.values()) == sorted(firsts.values(), reverse=True)
    for _, _, value, expected, difference, association, flag, close_date in rows:
        if association == "less_often" and expected is not None:
            assert abs(value + expected * difference) <= Decimal("0.005")
        elif value is not None:
            assert value == 0
        assert flag != "past_close_date" or close_date < date(2026, 6, 17)
    assert "won 12 points less often (8 to 16): 12 of 64 with it" in page("full")


def test_a_coaching_hint_stands_with_its_evidence(page: Callable[..., str]) -> None:
    text = " ".join(Page(page("full")).text.split())
    assert "15 of 40 deals went on, 38% (likely between 18% and 63%)." in text
    assert "In the rest of the team it was 85 of 115, 74%. At that rate 15 more would have gone on." in text
    assert "rates of people and stages were compared with those of their teams without them" in text


def test_coverage_of_past_periods_needs_their_history(
    invented: Any, tmp_path: Path, company: Callable[[str], Path]
) -> None:
    [(known,)] = _rows(
        company("full"), "select coverage_previous from marts.rpt_headline where period_type = 'quarter'"
    )
    assert known > 0
    connection = invented.create(tmp_path / "company.duckdb", deals=300, targets=True)
    connection.execute("delete from marts.int_deal_changes where field = 'close_date'")
    invented.finish(connection)
    unknown = _rows(tmp_path / "company.duckdb", "select coverage_previous, coverage from marts.rpt_headline")
    assert [row[0] for row in unknown] == [None, None]
    assert all(row[1] is not None for row in unknown)


def test_restated_months_name_the_release_and_the_causes(
    company: Callable[[str], Path], page: Callable[..., str]
) -> None:
    [(parts, old, new)] = _rows(
        company("full"),
        "select sum(difference), any_value(old_value), any_value(new_value) from marts.rpt_restatements"
        " where measure = 'won_amount'",
    )
    assert parts == new - old == 2500
    text = Page(page("full")).text
    assert "say something else than in release 2026-06-16.001" in text
    for told in ("won late", "reopened", "ad costs told late", FORMATS.money(6500), FORMATS.money(-4000)):
        assert told in text
    assert "Closed months" not in Page(page("no_targets")).text


def test_what_the_amounts_are_is_said_where_they_are_not_the_crm_s_own(page: Callable[..., str]) -> None:
    assert "EUR, annual recurring revenue" in Page(page("full")).text
    assert "annual recurring revenue" not in Page(page("no_targets")).text


def test_moments_are_told_in_the_reporting_zone() -> None:
    assert FORMATS.moment(datetime(2026, 6, 18, 6)) == "18 Jun 2026 08:00"
