"""Every metric of the semantic layer is what plain SQL over the marts says, and what the reports print."""

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from configuration.errors import ReleaseError
from configuration.paths import REPOSITORY
from publishing import metrics
from publishing.metrics import query
from tests.whole.conftest import AS_OF, Whole, rows

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]

REVENUE = "not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')"
NEW_BUSINESS = "not is_excluded and pipeline_purpose = 'new_business'"
CLOSED = f"status in ('won', 'lost') and close_day <= date '{AS_OF}'"
DECIDED = f"{CLOSED} and deal_key in (select deal_key from fct_win_loss where is_in_win_rate)"
WON = f"{NEW_BUSINESS} and {CLOSED} and status = 'won'"
COSTED = "filter (where spend_reporting is not null)"
ZONE = "cast({} at time zone 'UTC' at time zone 'Europe/Prague' as date)"


@dataclass(frozen=True)
class Plain:
    """A metric in SQL: its mart, the aggregate, the rows it is about, the day they count on."""

    mart: str
    value: str
    where: str
    day: str


PLAIN = {
    "bookings": Plain("fct_deals", "sum(amount_reporting)", f"{REVENUE} and {CLOSED} and status = 'won'", "close_day"),
    "bookings_at_plan_rate": Plain(
        "fct_deals", "sum(amount_plan_rate)", f"{REVENUE} and {CLOSED} and status = 'won'", "close_day"
    ),
    "won_deals": Plain("fct_deals", "count(*)", f"{REVENUE} and {CLOSED} and status = 'won'", "close_day"),
    "lost_deals": Plain("fct_deals", "count(*)", f"{REVENUE} and {CLOSED} and status = 'lost'", "close_day"),
    "decided_deals": Plain("fct_deals", "count(*)", DECIDED, "close_day"),
    "decided_amount": Plain("fct_deals", "sum(amount_reporting)", DECIDED, "close_day"),
    "decided_won_deals": Plain("fct_deals", "count(*)", f"{DECIDED} and status = 'won'", "close_day"),
    "decided_won_amount": Plain("fct_deals", "sum(amount_reporting)", f"{DECIDED} and status = 'won'", "close_day"),
    "win_rate": Plain("fct_deals", "avg(cast(status = 'won' as integer))", DECIDED, "close_day"),
    "win_rate_by_value": Plain(
        "fct_deals",
        "sum(case when status = 'won' then amount_reporting else 0 end) / nullif(sum(amount_reporting), 0)",
        DECIDED,
        "close_day",
    ),
    "average_deal_size": Plain("fct_deals", "avg(amount_reporting) filter (where amount > 0)", WON, "close_day"),
    "median_deal_size": Plain("fct_deals", "median(amount_reporting) filter (where amount > 0)", WON, "close_day"),
    "median_sales_cycle": Plain("fct_deals", "median(cycle_days)", WON, "close_day"),
    "median_sales_cycle_from_qualified": Plain("fct_deals", "median(cycle_days_from_qualified)", WON, "close_day"),
    "regression_rate": Plain(
        "fct_deals", "avg(cast(backward_moves > 0 as integer))", f"{NEW_BUSINESS} and not is_imported", "created_date"
    ),
    "open_pipeline": Plain("fct_deals", "sum(amount_reporting)", f"{REVENUE} and status = 'open'", "close_date"),
    "open_deals": Plain("fct_deals", "count(*)", f"{REVENUE} and status = 'open'", "close_date"),
    "created_pipeline": Plain("fct_deals", "sum(amount_reporting)", REVENUE, "created_date"),
    "leads": Plain("fct_leads", "count(*)", "not is_excluded", "created_date"),
    "mqls": Plain("fct_leads", "count(*)", "not is_excluded and is_mql", ZONE.format("mql_at")),
    "sql_leads": Plain("fct_leads", "count(*)", "not is_excluded and is_sql_lead", ZONE.format("sql_lead_at")),
    "won_leads": Plain("fct_leads", "count(*)", "not is_excluded and won_deals_count > 0", "created_date"),
    "lead_to_won": Plain("fct_leads", "avg(cast(won_deals_count > 0 as integer))", "not is_excluded", "created_date"),
    "ad_spend": Plain("fct_ad_performance_daily", "sum(spend_reporting)", "true", "date_day"),
    "spend_with_return": Plain("fct_campaign_roi_monthly", "sum(spend_reporting)", "true", "month_start"),
    "paid_leads": Plain("fct_campaign_roi_monthly", "sum(leads)", "true", "month_start"),
    "paid_customers": Plain("fct_campaign_roi_monthly", "sum(customers)", "true", "month_start"),
    "paid_won_amount": Plain("fct_campaign_roi_monthly", "sum(won_amount_reporting)", "true", "month_start"),
    "cost_per_lead": Plain(
        "fct_campaign_roi_monthly", f"sum(spend_reporting) / nullif(sum(leads) {COSTED}, 0)", "true", "month_start"
    ),
    "media_cac": Plain(
        "fct_campaign_roi_monthly", f"sum(spend_reporting) / nullif(sum(customers) {COSTED}, 0)", "true", "month_start"
    ),
    "roas": Plain(
        "fct_campaign_roi_monthly",
        f"sum(won_amount_reporting) {COSTED} / nullif(sum(spend_reporting), 0)",
        "true",
        "month_start",
    ),
    "sessions": Plain("fct_sessions", "count(*)", "not is_bot", "session_date"),
    "target": Plain(
        "fct_targets", "sum(amount_reporting)", "level = 'company' and measure = 'bookings'", "period_start"
    ),
}
# What each mart is grouped by besides its days: as a metric is asked, and in SQL.
GROUPS = {
    "fct_deals": {
        "deal__segment": "segment",
        "owner__team": "(select team from dim_owners where dim_owners.owner_key = facts.owner_key)",
    },
    "fct_leads": {
        "lead__temperature": "temperature",
        "channel__channel_group": "(select channel_group from dim_channels where channel = facts.channel)",
    },
    "fct_ad_performance_daily": {"channel": "channel", "campaign": "campaign_key"},
    "fct_campaign_roi_monthly": {"channel": "channel", "campaign": "campaign_key"},
    "fct_sessions": {"session__device": "device"},
    "fct_targets": {"target_line__level": "level"},
}
DAYS = {
    "metric_time__month": "dates.month_start",
    "metric_time__fiscal_quarter": "dates.fiscal_quarter_label",
    "metric_time__company_week": "dates.week_start",
}


def plain(marts: Path, metric: str, group: str | None) -> list[tuple[Any, ...]]:
    asked = PLAIN[metric]
    by = {None: "'all'", **DAYS, **GROUPS[asked.mart]}[group]
    statement = (
        f"set search_path = 'marts.marts'; select {by}, {asked.value} from "
        f"(select *, {asked.day} as counted_on from {asked.mart} where {asked.where}) as facts "
        "left join dim_dates as dates on facts.counted_on = dates.date_day group by all"
    )
    return rows(marts, statement)


def by_group(found: list[tuple[Any, ...]]) -> dict[Any, Any]:
    """Value by group; sums stay exact until here."""
    return {row[0]: float(row[1]) if isinstance(row[1], Decimal) else row[1] for row in found}


def test_every_metric_is_checked_and_described(whole: Whole) -> None:
    listed = {metric.name: metric for metric in metrics.list_metrics(whole.home)}
    assert listed.keys() == {*PLAIN, "target_attainment"}
    assert all(metric.description for metric in listed.values())
    assert {"deal__segment", "owner__team", "channel"} <= set(listed["win_rate"].group_by)


@pytest.mark.parametrize("metric", PLAIN)
def test_a_metric_is_what_plain_sql_says(whole: Whole, metric: str) -> None:
    marts = whole.home.current / "marts.duckdb"
    for group in (None, *DAYS, *GROUPS[PLAIN[metric].mart]):
        _, found = query(whole.home, [metric], by=[group] if group else [])
        expected = by_group(plain(marts, metric, group))
        assert expected
        assert by_group(found if group else [("all", *found[0])]) == pytest.approx(expected), f"{metric} by {group}"


def test_metrics_are_what_the_report_prints(whole: Whole) -> None:
    marts = whole.home.current / "marts.duckdb"
    names = ["bookings", "won_deals", "target", "target_attainment", "leads", "mqls", "ad_spend"]
    _, found = query(whole.home, names, by=["metric_time__month"])
    ours = {row[0]: row[1:] for row in found}
    report = rows(
        marts,
        "select month_start, won_reporting, won_deals, target_reporting, attainment, leads, mqls, spend_reporting "
        "from marts.marts.rpt_monthly",
    )
    assert len(report) == 24
    for month, *printed in report:
        for name, value, shown in zip(names, ours[month], printed, strict=True):
            # A month without any is 0 in the report, and no row of a metric.
            assert float(value or 0) == pytest.approx(float(shown or 0), abs=0.006), (name, month)  # type: ignore[arg-type]

    names = ["decided_won_deals", "win_rate", "win_rate_by_value", "average_deal_size", "median_sales_cycle"]
    window = rows(
        marts,
        "select first_day, last_day, won_deals, win_rate, win_rate_by_value, mean_deal_size, median_cycle_days "
        "from marts.marts.rpt_win_rates where window_name = 'trailing_12_months'",
    )
    (first, last, *printed), (_, (values, *_)) = (
        window[0],
        query(
            whole.home, names, start=date.fromisoformat(str(window[0][0])), end=date.fromisoformat(str(window[0][1]))
        ),
    )
    assert (first, last) == (date(2025, 6, 18), AS_OF)
    for name, value, shown in zip(names, values, printed, strict=True):
        assert float(value) == pytest.approx(float(shown), abs=0.006), name  # type: ignore[arg-type]

    headline = rows(marts, "select open_pipeline, open_deals from marts.marts.rpt_headline limit 1")
    assert query(whole.home, ["open_pipeline", "open_deals"])[1] == headline


def test_what_advertising_costs_and_returns_is_what_the_channels_of_the_report_say(whole: Whole) -> None:
    names = ["cost_per_lead", "roas"]
    _, found = query(whole.home, names, by=["channel"])
    printed = rows(
        whole.home.current / "marts.duckdb",
        "select channel, cost_per_lead, roas from marts.marts.rpt_channels "
        "where window_name = 'all_time' and is_paid order by channel",
    )
    asked = {channel: values for channel, *values in found}
    assert {"paid_search", "paid_social", "display"} == asked.keys() == {channel for channel, *_ in printed}
    assert asked["paid_social"] == [None, None]
    for channel, *values in printed:
        for value, shown in zip(asked[channel], values, strict=True):
            # Campaigns bring a few leads that name another channel.
            assert value == shown or float(value) == pytest.approx(float(shown), rel=1e-6), channel


def test_attainment_of_a_fiscal_quarter_is_bookings_by_target(whole: Whole) -> None:
    columns, found = query(
        whole.home,
        ["target_attainment", "bookings_at_plan_rate", "target"],
        by=["metric_time__fiscal_quarter"],
        start=date(2025, 1, 1),
    )
    assert columns == ["metric_time__fiscal_quarter", "target_attainment", "bookings_at_plan_rate", "target"]
    told = [row for row in found if None not in row]
    assert len(told) > 3
    assert all(share == pytest.approx(float(booked / target)) for _, share, booked, target in told)


def test_conditions_are_written_in_the_words_of_the_groups(whole: Whole) -> None:
    bare = query(whole.home, ["bookings"], where=["deal__segment = 'mid' and channel__is_paid and channel <> 'x'"])
    own = query(whole.home, ["bookings"], where=["{{ Dimension('deal__segment') }} = 'mid'", "channel__is_paid"])
    assert bare == own
    assert bare[1] != query(whole.home, ["bookings"])[1]
    day = "metric_time__month >= '2026-01-01' and deal__created_date < '2026-05-01'"
    assert query(whole.home, ["bookings"], where=[day], by=["metric_time__month"])[1][0][0] >= date(2026, 1, 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metrics": ["bokings"]}, "there is no metric bokings"),
        ({"metrics": ["bookings"], "by": ["lead__nothing"]}, "bookings cannot be asked by lead__nothing"),
        ({"metrics": ["sessions"], "where": ["deal__segment = 'mid'"]}, "sessions cannot be asked by deal__segment"),
        ({"metrics": ["bookings"], "where": ["deal__segment = "]}, "syntax error"),
        (
            {"metrics": ["bookings"], "where": ["1 = 1); copy (select 1) to '/tmp/x'; select (1"]},
            "3 statements - nothing was read or changed",
        ),
    ],
)
def test_a_question_that_has_no_answer_is_one_line(whole: Whole, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ReleaseError, match=said) as refused:
        query(whole.home, **asked)
    assert len(str(refused.value).splitlines()) == 1


def test_mf_says_the_same_on_the_live_release(whole: Whole, tmp_path: Path) -> None:
    """dbt's own command, by the profile that attaches the live release."""
    written = tmp_path / "metrics.csv"
    names, group = ["bookings", "win_rate"], "metric_time__fiscal_quarter"
    command = [Path(sys.executable).parent / "mf", "query", "--metrics", ",".join(names), "--group-by", group]
    subprocess.run(
        [*map(str, command), "--order", group, "--csv", str(written)],
        cwd=REPOSITORY / "dbt",
        env={**os.environ, "SALESHOUSE_HOME": str(whole.home.root), "DBT_PROFILES_DIR": "live", "DO_NOT_TRACK": "1"},
        check=True,
        capture_output=True,
    )
    with written.open() as file:
        header, *read = csv.reader(file)
    columns, found = query(whole.home, names, by=[group])
    assert header == columns
    told = [(quarter, *(float(value) if value else None for value in values)) for quarter, *values in read]
    assert told == [
        (quarter, *(value if value is None else float(value) for value in values)) for quarter, *values in found
    ]
