"""An invented company as marts: what the report's models and its page are tried on without a warehouse.

What belongs here: plausible rows in the shape of the marts' contracts, and running the `rpt_*` models over them.
What does not: any definition of a figure (dbt/models) and the simulator, which invents vendors, not marts.
"""

import functools
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import numpy as np

DBT = Path(__file__).resolve().parents[2] / "dbt"
# The report's models, and those before them whose figures would be a second definition if they were invented.
MODELS = (
    *sorted((DBT / "models" / "marts" / "reports").glob("rpt_*.sql")),
    *(
        DBT / "models" / f"{name}.sql"
        for name in (
            "intermediate/core/int_period_days",
            "intermediate/crm/int_deal_credits",
            "intermediate/crm/int_deal_states",
            "intermediate/crm/int_pipeline_deals",
            "marts/deals/fct_coverage_pacing",
            "marts/deals/fct_deal_days",
            "marts/deals/fct_deal_health",
            "marts/deals/fct_deal_splits",
            "marts/marketing/rpt_attribution_comparison",
        )
    ),
)
MACROS = DBT / "macros"
AS_OF = date(2026, 6, 17)
START = date(2023, 7, 1)
DEAL_STAGES = ("prospecting", "qualification", "meeting", "proposal", "negotiation", "closing")
STAGE_ORDER = {name: order for order, name in enumerate(DEAL_STAGES, 1)} | {"won": 7, "lost": 90}
DWELL = {"prospecting": 9, "qualification": 12, "meeting": 8, "proposal": 21, "negotiation": 14, "closing": 6}
CHANNELS = (
    # channel, name, group, order, paid, share of leads, chance of becoming a customer
    ("referral", "Referral", "relationship", 1, False, 0.09, 0.13),
    ("trade_show", "Trade show", "outbound", 3, False, 0.06, 0.06),
    ("email", "E-mail", "owned", 7, False, 0.12, 0.05),
    ("paid_social", "Paid social", "paid", 9, True, 0.16, 0.02),
    ("paid_search", "Paid search", "paid", 10, True, 0.22, 0.045),
    ("organic_search", "Organic search", "earned", 12, False, 0.2, 0.05),
    ("partner", "Partner", "relationship", 15, False, 0.05, 0.1),
    ("direct", "Direct", "owned", 16, False, 0.08, 0.03),
    ("not_stated", "Not stated", "unknown", 19, False, 0.02, 0.02),
    ("unattributed", "Unattributed", "unknown", 21, False, 0.0, 0.0),
)

SCHEMAS = {
    "dim_dates": (
        "date_day date, month_label text, fiscal_quarter_label text, is_working_day boolean,"
        " month_start date, month_end date, quarter_start date, quarter_end date, fiscal_year integer,"
        " fiscal_quarter integer, fiscal_month integer"
    ),
    "dim_owners": (
        "owner_key text, owner_id text, source_system text, owner_name text, email text, team text, kind text,"
        " rollup_owner_name text, is_active boolean"
    ),
    "dim_accounts": (
        "account_key text, account_name text, segment text, is_excluded boolean, exclusion_reason text"
    ),
    "dim_contacts": (
        "contact_key text, full_name text, email text, is_excluded boolean, exclusion_reason text"
    ),
    "dim_campaigns": "campaign_key text, platform text, campaign_name text, channel text",
    "dim_channels": "channel text, channel_name text, channel_group text, sort_order integer, is_paid boolean",
    "dim_stages": (
        "stage_key text, source_system text, object text, pipeline_label text, pipeline_purpose text,"
        " stage_label text, stage text, is_mapped boolean"
    ),
    "fct_leads": (
        "lead_key text, owner_key text, campaign_key text, source_system text, channel text, source_label text,"
        " source_detail text, lifecycle_stage text, exit_reason text, exclusion_reason text,"
        " history_basis text, won_amount_reporting decimal(18,2), is_mql boolean, is_sql_lead boolean,"
        " is_opportunity boolean, is_customer boolean, is_excluded boolean, created_date date,"
        " created_at timestamp, mql_at timestamp, sql_lead_at timestamp, opportunity_at timestamp,"
        " customer_at timestamp, exited_at timestamp, account_key text"
    ),
    "fct_lead_stages": (
        "lead_key text, stage text, days_in_stage decimal(18,6), is_open boolean, entered_at timestamp,"
        " exited_at timestamp"
    ),
    "fct_deals": (
        "deal_key text, account_key text, contact_key text, lead_key text, owner_key text, deal_id text,"
        " source_system text, stage_key text, deal_name text, pipeline_id text, pipeline_purpose text,"
        " stage_label text, stage text, status text, channel text, segment text, currency text, next_step text,"
        " exclusion_reason text, history_basis text, amount_history_basis text, amount decimal(18,2),"
        " amount_reporting decimal(18,2), amount_plan_rate decimal(18,2), pushes bigint, pushed_days bigint,"
        " cycle_days decimal(18,6),"
        " age_days decimal(18,6), cycle_reject_reason text, is_excluded boolean, is_deleted boolean,"
        " is_zero_day_win boolean, is_qualified boolean, is_imported boolean, created_date date, close_date date,"
        " stage_close_date date, close_day date, created_at timestamp, closed_at timestamp, deleted_at timestamp"
    ),
    "int_deal_changes": (
        "deal_key text, field text, value text, is_first_seen boolean, is_past boolean, changed_at timestamp"
    ),
    "int_deal_activities": (
        "deal_key text, source_system text, last_activity_at timestamp, next_activity_at timestamp"
    ),
    "int_deal_splits": "deal_key text, kind text, owner_key text, stated_share decimal(18,9), is_last boolean",
    "int_rates_daily": "currency text, rate_to_reporting decimal(18,9), rate_date date",
    "fct_deal_stage_visits": (
        "deal_key text, owner_key text, stage_key text, pipeline_id text, stage text, history_basis text,"
        " direction text, visit_no bigint,"
        " stage_order integer, days_in_stage decimal(18,6), is_open boolean, is_completed boolean,"
        " is_in_velocity boolean, entered_at timestamp, exited_at timestamp"
    ),
    "fct_funnel_stages": (
        "funnel text, stage text, dimension text, member text, entities_entered bigint, entities_progressed bigint,"
        " entities_exited bigint, entities_open bigint, median_days_completed decimal(18,6),"
        " completed_visits bigint, entry_month date"
    ),
    "fct_conversions_cohort": (
        "funnel text, dimension text, member text, milestone text, cohort_size bigint, reached bigint,"
        " p90_days_to_outcome decimal(18,6), is_mature boolean, cohort_month date"
    ),
    "fct_ad_performance_daily": (
        "ad_day_key text, campaign_key text, platform text, channel text, currency text, impressions bigint,"
        " clicks bigint, spend_reporting decimal(18,6), conversions_claimed decimal(18,6), date_day date"
    ),
    "fct_sessions": "session_key text, source_system text, channel text, medium text, is_bot boolean",
    "fct_lead_scores": (
        "lead_key text, contact_key text, owner_key text, grade text, reason_1 text, reason_2 text,"
        " chance_left decimal(9,6), reason_1_leads bigint, reason_1_reached bigint, reason_2_leads bigint,"
        " reason_2_reached bigint, call_rank bigint, created_date date, target text"
    ),
    "fct_attribution": (
        "conversion_key text, touch_key text, conversion_event text, level text, model text, channel text,"
        " credit decimal(18,9), credited_amount_reporting decimal(18,2), touch_date date, conversion_date date"
    ),
    "fct_targets": (
        "target_key text, level text, member text, measure text, amount_reporting decimal(18,2),"
        " period_start date"
    ),
    "fct_forecast": (
        "forecast_key text, period_type text, method text, level text, member text, measure text, part text,"
        " notes text, expected decimal(18,2), p10 decimal(18,2), p50 decimal(18,2), p90 decimal(18,2),"
        " target_reporting decimal(18,2), chance_of_target decimal(18,9), as_of date, period_start date,"
        " period_end date"
    ),
    "int_forecast_months": (
        "month_start date, month_end date, quarter_start date, quarter_end date, frozen_day date"
    ),
    "int_forecast_results": (
        "result text, method text, period_type text, lever text, pipeline text, stage text, first_offset bigint,"
        " open_deals bigint, base_cents bigint, gain_cents bigint, p10_cents bigint, p90_cents bigint,"
        " moved_out_cents bigint, period_start date, period_end date"
    ),
    "int_stage_flows": (
        "pipeline text, stage text, point_note text, day_note text, stage_order integer, deals_entered bigint,"
        " deals_progressed bigint, conversion_rate decimal(18,9), wilson_low decimal(18,9), wilson_high decimal(18,9),"
        " completed_visits bigint, median_days decimal(18,6), won_share decimal(18,9), cohort_from date, cohort_to date"
    ),
    "fct_forecast_deals": (
        "deal_key text, owner_key text, stage text, part text, cell text, reasons text, month_offset bigint,"
        " deals_like_it bigint, won_like_it bigint, chance decimal(18,9), expected decimal(18,2), month_start date"
    ),
    "fct_forecast_scoreboard": (
        "basis text, method text, origin_kind text, period_type text, level text, horizon bigint, weeks_left bigint,"
        " forecasts bigint, wape decimal(18,9), bias decimal(18,9), coverage decimal(18,9)"
    ),
    "fct_forecast_bridge": (
        "bridge_key text, deal_key text, period_type text, commit_source text, line text, reason text,"
        " amount_reporting decimal(18,2), commit_reporting decimal(18,2), expected decimal(18,2),"
        " difference decimal(18,2), period_start date, period_end date"
    ),
    "fct_rejected_rows": (
        "reject_key text, source_system text, entity text, reason text, load_number bigint,"
        " fetched_at timestamp"
    ),
    "fct_restatements": (
        "restatement_key text, record_key text, baseline_release text, measure text, record_kind text, cause text,"
        " old_value decimal(24,6), new_value decimal(24,6), difference decimal(24,6), period_start date"
    ),
    "fct_source_freshness": (
        "source text, entity text, staged_as text, loads bigint, rows_fetched bigint, rows_staged bigint,"
        " rows_rejected bigint, rows_duplicate bigint, last_load_number bigint, last_rows_load_number bigint,"
        " last_rows_staged bigint, last_rows_rejected bigint, is_staged_in_parts boolean, last_record_at timestamp,"
        " last_landed_at timestamp"
    ),
}  # fmt: skip
PEOPLE = (
    ("Jana Nováková", "North"), ("Tomáš Dvořák", "North"), ("Lucía Ferrer", "South"), ("Marco Conti", "South"),
    ("Aoife Byrne", "West"), ("Niels Holm", "West"), ("Katarzyna Lis", "North"), ("Paul Meyer", "South"),
)  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _dates() -> list[tuple[Any, ...]]:
    rows = []
    day = date(START.year, 1, 1)
    while day.year < AS_OF.year + 2:
        quarter = (day.month - 1) // 3
        rows.append(
            (
                day,
                f"{day:%Y-%m}",
                f"FY{day:%y} Q{quarter + 1}",
                day.weekday() < 5,
                day.replace(day=1),
                _last_day(day),
                date(day.year, quarter * 3 + 1, 1),
                _last_day(date(day.year, quarter * 3 + 3, 1)),
                day.year,
                quarter + 1,
                day.month,
            )
        )
        day += timedelta(days=1)
    return rows


def _last_day(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _leads(random: np.random.Generator, count: int) -> list[tuple[Any, ...]]:
    shares = np.array([channel[5] for channel in CHANNELS])
    rows = []
    for number in range(count):
        channel, name, _, _, paid, _, chance = CHANNELS[random.choice(len(CHANNELS), p=shares / shares.sum())]
        created = _midnight(START) + timedelta(
            days=int(1082 * random.beta(1.3, 1.0)), hours=int(random.integers(7, 19))
        )
        steps: list[datetime | None] = [None] * 4
        at = created
        for step, odds in enumerate((0.46, 0.55, 0.6, chance * 5)):
            if random.random() > odds:
                break
            at += timedelta(days=float(random.gamma(1.4, 9.0)))
            if at >= _midnight(AS_OF) + timedelta(days=1):
                break
            steps[step] = at
        is_test = random.random() < 0.01
        stage = ("lead", "mql", "sql_lead", "opportunity", "customer")[sum(step is not None for step in steps)]
        left = stage != "customer" and random.random() < 0.35
        rows.append(
            (
                f"hubspot:{number}", f"hubspot:o{number % 8}",
                f"google_ads:c{number % 3}" if paid else None, "hubspot", channel, name.upper().replace(" ", "_"),
                f"Campaign {number % 3}" if paid else None, stage, "disqualified" if left else None,
                "test" if is_test else None, "field_history",
                round(float(random.lognormal(9.2, 0.8)), 2) if stage == "customer" else 0,
                *(step is not None for step in steps), is_test, created.date(), created, *steps,
                created + timedelta(days=20) if left else None,
                f"hubspot:a{number % 400}" if number % 9 else None,
            )
        )  # fmt: skip
    return rows


def _deals(
    random: np.random.Generator, count: int, leads: list[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    end = _midnight(AS_OF) + timedelta(days=1)
    deals, visits = [], []
    for number in range(count):
        lead = leads[int(random.integers(0, len(leads)))] if leads and random.random() < 0.82 else None
        created = _midnight(START) + timedelta(
            days=int(1082 * random.beta(1.2, 1.0)), hours=int(random.integers(7, 18))
        )
        amount = round(float(random.lognormal(9.0, 0.75)), 2) if random.random() > 0.03 else None
        owner = f"hubspot:o{int(random.integers(0, 8))}"
        purpose = "renewal" if random.random() < 0.12 else "new_business"
        at, stage, closed, number_of_visit = created, "prospecting", None, 0
        for stage in DEAL_STAGES:
            number_of_visit += 1
            leaves = at + timedelta(days=float(random.gamma(1.6, DWELL[stage] / 1.4)) + 0.2)
            is_open = leaves >= end
            days = ((end if is_open else leaves) - at) / timedelta(days=1)
            visits.append(
                (f"hubspot:{number}", owner, f"hubspot:deal:p:{stage}", "p", stage, "field_history",
                 "first" if number_of_visit == 1 else "forward",
                 number_of_visit, STAGE_ORDER[stage], days, is_open, not is_open, True, at,
                 None if is_open else leaves)
            )  # fmt: skip
            at = leaves
            if is_open or random.random() < 0.155:
                break
        if at < end:
            won = stage == "closing" and random.random() < 0.85
            stage, closed = ("won" if won else "lost"), at
            visits.append(
                (f"hubspot:{number}", owner, f"hubspot:deal:p:{stage}", "p", stage, "field_history", "forward",
                 number_of_visit + 1,
                 STAGE_ORDER[stage], (end - at) / timedelta(days=1), True, False, True, at, None)
            )  # fmt: skip
        status = stage if stage in ("won", "lost") else "open"
        close_date = (closed or end + timedelta(days=float(random.normal(25, 40)))).date()
        deals.append(
            (
                f"hubspot:{number}", f"hubspot:a{number % 400}", None if random.random() < 0.1 else f"hubspot:{number}",
                lead[0] if lead else None, owner, str(number), "hubspot", f"hubspot:deal:p:{stage}",
                f"{('Platform', 'Team plan', 'Rollout', 'Pilot')[number % 4]} {number}", "p", purpose,
                stage.title(), stage, status, lead[4] if lead else "unattributed", ("small", "mid")[number % 2], "EUR",
                None if random.random() < 0.4 else "Call on Tuesday", None, "field_history", "field_history",
                amount, amount, amount,
                int(random.poisson(0.7)), 0,
                (closed - created) / timedelta(days=1) if status == "won" and closed else None,
                ((closed or end) - created) / timedelta(days=1), None, False, False, False, number_of_visit > 1, False,
                created.date(), None if status == "open" and random.random() < 0.08 else close_date,
                closed.date() if closed else None, closed.date() if closed else None, created, closed, None,
            )
        )  # fmt: skip
    return deals, visits


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        import pandas as pd

        frame = pd.DataFrame(rows, dtype=object)
        frame.columns = [f"c{number}" for number in range(len(frame.columns))]
        connection.register("incoming", frame)
        types = [part.strip().split(" ", 1)[1] for part in re.split(r",(?![^(]*\))", SCHEMAS[table])]
        casts = ", ".join(f"cast(c{number} as {kind})" for number, kind in enumerate(types))
        connection.execute(f"insert into marts.{table} select {casts} from incoming")
        connection.unregister("incoming")


def _months_back(count: int) -> list[date]:
    months, day = [], AS_OF.replace(day=1)
    for _ in range(count):
        months.append(day)
        day = (day - timedelta(days=1)).replace(day=1)
    return months[::-1]


def _fill_ads(connection: duckdb.DuckDBPyConnection, random: np.random.Generator, days: int) -> None:
    _insert(
        connection,
        "dim_campaigns",
        [
            ("google_ads:c0", "google_ads", "Brand search", "paid_search"),
            ("google_ads:c1", "google_ads", "Competitor search", "paid_search"),
            ("google_ads:c2", "google_ads", "Video awareness", "paid_social"),
        ],
    )
    rows = []
    for back in range(days):
        for number in range(3):
            impressions = int(random.integers(800, 4000))
            clicks = int(impressions * random.uniform(0.01, 0.05))
            day = AS_OF - timedelta(days=back)
            rows.append(
                (f"google_ads:{number}:{back}", f"google_ads:c{number}", "google_ads",
                 "paid_social" if number == 2 else "paid_search", "EUR", impressions, clicks,
                 round(clicks * float(random.uniform(1.2, 3.4)), 2), round(clicks * 0.04, 2), day)
            )  # fmt: skip
    _insert(connection, "fct_ad_performance_daily", rows)


def _fill_targets(connection: duckdb.DuckDBPyConnection) -> None:
    """A company target a little above what was booked in an average month, rising, split evenly over the reps."""
    rows = []
    for age, month in enumerate(_months_back(36)):
        total = 190000 + 3200 * age
        rows.append((f"company:{month}", "company", None, "bookings", total, month))
        rows += [
            (f"owner:{number}:{month}", "owner", f"hubspot:o{number}", "bookings", total / len(PEOPLE), month)
            for number in range(len(PEOPLE))
        ]
    _insert(connection, "fct_targets", rows)


def _fill_forecast(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        insert into marts.fct_forecast
        with periods as (
            select distinct 'month' as period_type, month_start as period_start,
                last_day(month_start) as period_end
            from marts.dim_dates
            where month_start between date '2026-06-01' and date '2026-08-01'
            union all
            select 'quarter', date '2026-04-01', date '2026-06-30'
            union all
            select 'quarter', date '2026-07-01', date '2026-09-30'
        ),
        won as (
            select periods.*, coalesce(sum(amount_reporting), 0) as won
            from periods
            left join marts.fct_deals
                on status = 'won' and not is_excluded and close_day between period_start and period_end
            group by all
        ),
        parts as (
            select won.*, method, part,
                cast(case
                    when part = 'won' then won
                    when part = 'open' and method = 'crm_view' then 310000
                    when part = 'open' and method = 'saleshouse' then 168000
                    when part = 'not_created' and method = 'saleshouse' then 74000
                    when part = 'renewals' and method = 'saleshouse' then 28000
                    when part = 'not_created' and method = 'seasonal_naive' then 265000
                end * case when period_type = 'quarter' and part <> 'won' then 1.4 else 1 end
                as decimal(18, 2)) as expected
            from won
            cross join unnest(['crm_view', 'saleshouse', 'seasonal_naive']) as methods (method)
            cross join unnest(['won', 'open', 'not_created', 'renewals']) as parts (part)
        )
        select
            concat_ws(':', period_type, period_start, method, part), period_type, method, 'total', null,
            'bookings', part, case method when 'saleshouse' then 'blended_with_series, few_wins' end, expected,
            case method when 'saleshouse' then won + 150000 end,
            case method when 'saleshouse' then won + 260000 end, case method when 'saleshouse' then won + 390000 end,
            (select sum(amount_reporting) from marts.fct_targets
             where level = 'company' and fct_targets.period_start between parts.period_start and parts.period_end),
            case when method = 'saleshouse' and exists (select 1 from marts.fct_targets) then 0.62 end,
            date '2026-06-17', period_start, period_end
        from parts
        where expected is not null
        """
    )
    connection.execute(
        """
        insert into marts.int_forecast_months select distinct month_start, last_day(month_start), quarter_start,
            (quarter_start + interval 3 month - interval 1 day)::date, null::date from marts.dim_dates
        """
    )
    connection.execute(
        """
        insert into marts.fct_forecast_deals
        select deal_key, owner_key, stage, 'open', 'stage=' || stage,
            '[{"code": "idle", "value": "0-7", "factor": 1.21}, {"code": "tempo", "value": 3, "factor": 0.9}]',
            ahead, 2625, 88 - 11 * ahead, 0.034 - 0.004 * ahead,
            coalesce(amount_reporting, 9000) * (0.034 - 0.004 * ahead),
            date '2026-06-01' + to_months(ahead::integer)
        from marts.fct_deals cross join unnest([0, 1, 2]) as months (ahead)
        where status = 'open' and not is_excluded
        """
    )
    connection.execute(
        f"""
        insert into marts.int_stage_flows
        select 'Sales', stage, case stage when 'closing' then 'nearly_all_come_on' end,
            case stage when 'prospecting' then 'too_few_deals' end, place, 180, 120, 0.666666667, 0.59, 0.73,
            150, 12, 0.9, date '2025-01-01', date '2025-12-01'
        from (select unnest({list(DEAL_STAGES)}) as stage, unnest(range(1, 7)) as place);
        insert into marts.int_forecast_results
        select 'period', 'saleshouse', 'quarter', null, null, null, 1, null, null, null, null, null, null,
            date '2026-07-01', date '2026-09-30'
        union all
        select 'bottleneck', null, null, lever, pipeline, stage, null, 40 * stage_order, 37800000,
            300000 * stage_order, 0, 900000 * stage_order, case lever when 'day' then 100000 else 0 end, null, null
        from marts.int_stage_flows cross join unnest(['point', 'day']) as levers (lever)
        where case lever when 'point' then point_note else day_note end is null
        """
    )
    connection.execute(
        """
        insert into marts.fct_forecast_scoreboard
        select 'backtest', method, 'within_month', period_type, 'total', horizon, 2, 24, 0.18, -0.02,
            case method when 'saleshouse' then 0.79 end
        from unnest(['crm_view', 'saleshouse', 'seasonal_naive']) as methods (method)
        cross join (values ('month', 0), ('month', 1), ('quarter', -2)) as ahead (period_type, horizon)
        """
    )
    connection.execute(
        """
        insert into marts.fct_forecast_bridge
        with lines (line, commit_amount, expected) as (
            values ('won', 120000, 120000), ('without_deal', 30000, 0), ('not_created', 0, 41000),
            ('committed', 90000, 61000)
        )
        select line, case line when 'committed' then 'hubspot:1' end, 'quarter', 'file_team', line, line,
            case line when 'committed' then 90000 end, commit_amount, expected, expected - commit_amount,
            date '2026-04-01', date '2026-06-30'
        from lines
        """
    )


def _fill_deal_changes(
    connection: duckdb.DuckDBPyConnection, random: np.random.Generator, deals: list[tuple[Any, ...]]
) -> None:
    """Every deal's first amount and close date, a cut of some amounts, a last call for most open deals."""
    columns = [part.strip().split(" ")[0] for part in re.split(r",(?![^(]*\))", SCHEMAS["fct_deals"])]
    changes: list[tuple[Any, ...]] = []
    activities: list[tuple[Any, ...]] = []
    for row in deals:
        deal = dict(zip(columns, row, strict=True))
        key, created = deal["deal_key"], deal["created_at"]
        if deal["amount"] is not None:
            first = deal["amount"] * (1.3 if random.random() < 0.07 else 1)
            changes.append((key, "amount", f"{first:.2f}", False, True, created))
            changes.append((key, "amount", f"{deal['amount']:.2f}", False, True, created + timedelta(hours=30)))
        if deal["close_date"] is not None:
            changes.append((key, "close_date", deal["close_date"].isoformat(), False, True, created))
        if deal["status"] == "open":
            last = _midnight(AS_OF) - timedelta(days=float(random.gamma(1.1, 9)))
            activities.append((key, "hubspot", max(last, created), None))
    _insert(connection, "int_deal_changes", changes)
    _insert(connection, "int_deal_activities", activities)
    connection.execute(
        "insert into marts.int_rates_daily select 'EUR', 1, unnest(range(date '2023-01-01', date '2027-01-01',"
        " interval 1 day))::date"
    )


def _fill_funnel(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        insert into marts.fct_lead_stages
        select lead_key, stage,
            date_diff('hour', entered_at, coalesce(next_at, timestamp '2026-06-17 22:00:00')) / 24.0,
            next_at is null, entered_at, next_at
        from (
            select lead_key,
                unnest(['lead', 'mql', 'sql_lead', 'opportunity', 'customer']) as stage,
                unnest([created_at, mql_at, sql_lead_at, opportunity_at, customer_at]) as entered_at,
                unnest([mql_at, sql_lead_at, opportunity_at, customer_at, null]) as next_at
            from marts.fct_leads
        )
        where entered_at is not null
        """
    )
    connection.execute(
        """
        insert into marts.fct_funnel_stages
        with entered as (
            select 'deal' as funnel, visits.stage, deals.channel, deals.segment, deals.deal_key as entity,
                min(visits.entered_at) as entered_at, any_value(deals.status) as status,
                any_value(deals.stage) as now_at, any_value(visits.stage_order) as stage_order,
                median(visits.days_in_stage) filter (where visits.is_completed) as days
            from marts.fct_deal_stage_visits as visits
            join marts.fct_deals as deals using (deal_key)
            where deals.pipeline_purpose = 'new_business' and visits.stage not in ('lost') and not deals.is_excluded
            group by all
            union all
            select 'lead', stage, channel, segment, lead_key, entered_at,
                case when next_at is not null then 'progressed'
                    when exit_reason is not null then 'lost' else 'open' end,
                null, null, date_diff('day', entered_at, next_at)
            from (
                select lead_key, channel, coalesce(segment, 'unknown') as segment, exit_reason,
                    unnest(['lead', 'mql', 'sql_lead', 'opportunity', 'customer']) as stage,
                    unnest([created_at, mql_at, sql_lead_at, opportunity_at, customer_at]) as entered_at,
                    unnest([mql_at, sql_lead_at, opportunity_at, customer_at, null]) as next_at
                from marts.fct_leads as leads left join marts.dim_accounts as accounts using (account_key)
                where not leads.is_excluded
            ) where entered_at is not null
        ),
        judged as (
            select *, case
                when funnel = 'lead' then status
                when stage = 'won' then 'open'
                when exists (
                    select 1 from marts.fct_deal_stage_visits as later
                    where later.deal_key = entity and later.stage_order > entered.stage_order and later.stage <> 'lost'
                ) then 'progressed'
                else status end as fate
            from entered
        )
        select funnel, stage, dimension,
            case dimension when 'channel' then channel when 'segment' then segment else 'all' end as member,
            count(*), count(*) filter (where fate = 'progressed'),
            count(*) filter (where fate = 'lost'), count(*) filter (where fate not in ('progressed', 'lost')),
            median(days), count(days), date_trunc('month', entered_at)
        from judged cross join (values ('all'), ('channel'), ('segment')) as dimensions (dimension)
        group by funnel, stage, dimension, member, date_trunc('month', entered_at)
        """
    )


def _fill_freshness(connection: duckdb.DuckDBPyConnection, sources: Mapping[str, tuple[str, ...]]) -> None:
    landed = datetime(2026, 6, 18, 6)
    rows = [
        (source, entity, entity, 12, 1000 * (number + 3), 1000 * (number + 3) - 2, 2 if number == 0 else 0, 0, 12,
         12, 1000, 0, False, landed - timedelta(hours=9 + number), landed)
        for source, entities in sources.items()
        for number, entity in enumerate(entities)
    ]  # fmt: skip
    _insert(connection, "fct_source_freshness", rows)
    _insert(
        connection,
        "fct_rejected_rows",
        [
            (f"{source}:{entity}:{number}", source, entity, "amount is not a number", 3, landed)
            for source, entities in sources.items()
            for number, entity in enumerate(entities[:1] * 2)
        ],
    )


def create(
    path: Path,
    *,
    leads: int = 0,
    deals: int = 0,
    ad_days: int = 0,
    targets: bool = False,
    forecast: bool = False,
    dateless_leads: int = 0,
    currency: str = "EUR",
) -> duckdb.DuckDBPyConnection:
    """Writes the facts of one company to a new file and returns the connection; `finish` adds what is printed."""
    random = np.random.default_rng(7)
    connection = duckdb.connect(str(path), config={"threads": 1})
    connection.execute("create schema marts; create schema run")
    connection.execute(
        f"""
        create table marts.release_context as
        select 'run-1' as run_id, date '{AS_OF}' as as_of, timestamp '2026-06-17 22:00:00' as as_of_end,
            41::bigint as known_at, 'Europe/Prague' as reporting_timezone, '{currency}' as reporting_currency,
            1 as fiscal_year_start_month, 1 as first_weekday, 'crm_close_date' as close_day_rule,
            'amount' as headline_amount,
            null::text as baseline_release, 'abc1234' as code_version
        """
    )
    for table, columns in SCHEMAS.items():
        connection.execute(f"create table marts.{table} ({columns})")
    _insert(connection, "dim_dates", _dates())
    _insert(connection, "dim_channels", [channel[:5] for channel in CHANNELS])
    if leads or deals:
        _insert(
            connection,
            "dim_owners",
            [
                (
                    f"hubspot:o{number}",
                    f"o{number}",
                    "hubspot",
                    name,
                    f"o{number}@example.com",
                    team,
                    "person",
                    name,
                    True,
                )
                for number, (name, team) in enumerate(PEOPLE)
            ],
        )
    lead_rows = _leads(random, leads)
    _insert(connection, "fct_leads", lead_rows)
    deal_rows, visit_rows = _deals(random, deals, lead_rows)
    _insert(connection, "fct_deals", deal_rows)
    connection.execute(
        """
        alter table marts.fct_deals add column close_day_gap_days bigint;
        update marts.fct_deals set close_day_gap_days = close_date - stage_close_date where status <> 'open';
        """
    )
    _insert(connection, "fct_deal_stage_visits", visit_rows)
    if deals:
        _insert(
            connection,
            "dim_accounts",
            [
                (f"hubspot:a{number}", f"Account {number} Ltd", segment, False, None)
                for number, segment in zip(range(400), ["small", "mid", "Key & <b>Co"] * 134, strict=False)
            ],
        )
    _fill_deal_changes(connection, random, deal_rows)
    if dateless_leads:
        _insert(connection, "fct_leads", _dateless(random, dateless_leads))
    connection.execute("alter table marts.fct_leads add column is_imported boolean default false")
    if ad_days:
        _fill_ads(connection, random, ad_days)
    if targets:
        _fill_targets(connection)
    if forecast:
        _fill_forecast(connection)
    if forecast and targets:
        _fill_restatements(connection)
    _fill_funnel(connection)
    sources: dict[str, tuple[str, ...]] = {}
    if leads or deals:
        sources["hubspot"] = ("deals", "contacts", "companies")
    if ad_days:
        sources["google_ads"] = ("ad_group_days",)
    if dateless_leads:
        sources["files"] = ("leads",)
    _fill_freshness(connection, sources)
    return connection


def _fill_restatements(connection: duckdb.DuckDBPyConnection) -> None:
    """Bookings of May fell by a reopened deal and rose by two late ones; a campaign was billed late."""
    may = date(2026, 5, 1)
    told = [
        ("won_amount", "deal", "hubspot:1", "reopen", 190_000, 192_500, -4_000),
        ("won_amount", "deal", "hubspot:2", "late_win", 190_000, 192_500, 5_000),
        ("won_amount", "deal", "hubspot:3", "late_win", 190_000, 192_500, 1_500),
        ("won_deals", "deal", "hubspot:2", "late_win", 21, 22, 1),
        ("spend", "campaign", "google_ads:c1", "late_ad_cost", 8_000, 8_120.5, 120.5),
    ]
    _insert(
        connection,
        "fct_restatements",
        [
            (f"{measure}:{may}:{cause}:{key}", key, "2026-06-16.001", measure, kind, cause, old, new, difference, may)
            for measure, kind, key, cause, old, new, difference in told
        ],
    )
    connection.execute("update marts.release_context set baseline_release = '2026-06-16.001', headline_amount = 'arr'")


def _dateless(random: np.random.Generator, count: int) -> list[tuple[Any, ...]]:
    rows = []
    origins = ("API", "Landing Page Submission", "Lead Add Form")
    for number in range(count):
        channel, name, _, _, _, _, chance = CHANNELS[int(random.integers(0, len(CHANNELS) - 1))]
        converted = bool(random.random() < 0.15 + chance * 3)
        rows.append(
            (f"files:{number}", None, None, "crm", channel, name, origins[int(random.integers(0, 3))],
             "customer" if converted else "lead", None, None, "assumed_current", 0, *(converted,) * 4, False,
             *(None,) * 8)
        )  # fmt: skip
    return rows


@functools.cache
def _statements() -> list[tuple[str, str]]:
    """The models as plain SQL, each after those it reads."""
    models = {path.stem: path.read_text() for path in MODELS}
    macros = "\n".join(path.read_text() for path in sorted(MACROS.glob("*.sql")))
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    texts = {
        name: environment.from_string(macros + "\n" + text).render(
            ref=lambda table: f"marts.{table}",
            source=lambda _, name: f"marts.{name}".replace("run_context", "release_context"),
        )
        for name, text in models.items()
    }
    ordered: list[str] = []
    while len(ordered) < len(models):
        ordered += sorted(
            name
            for name, text in models.items()
            if name not in ordered and set(re.findall(r"ref\('(\w+)'\)", text)) & set(models) <= set(ordered)
        )
    return [(name, texts[name]) for name in ordered]


def finish(connection: duckdb.DuckDBPyConnection) -> None:
    """Runs the report's models, and what is computed for them, over the facts and closes the file."""
    connection.execute(
        """
        create table marts.deal_health as select '21' as idle_days;
        create table marts.int_deal_contacts as
        select deal_key, case when contact_key is null then 0 else 1 + hash(deal_key) % 2 end::bigint as contacts
        from marts.fct_deals;
        create table marts.int_owner_team_periods as
        select
            owner_key, null::text as manager_key, team, 'assumed_current' as history_basis, true as is_last,
            timestamp '0001-01-01' as valid_from, timestamp '9999-12-31' as valid_to,
            date '0001-01-01' as valid_from_date, date '9999-12-31' as valid_to_date
        from marts.dim_owners;
        alter table marts.fct_deals add column tcv_plan_rate decimal(18, 2);
        alter table marts.fct_deals add column acv_plan_rate decimal(18, 2);
        alter table marts.fct_deals add column arr_plan_rate decimal(18, 2);
        alter table marts.fct_deals add column one_time_amount_plan_rate decimal(18, 2);
        alter table marts.fct_deal_stage_visits add column seen_at timestamp;
        alter table marts.fct_deal_stage_visits add column is_life_known boolean default true;
        create table marts.int_deal_absences (deal_key text, gone_at timestamp, back_at timestamp);
        create table marts.int_deal_sightings (
            deal_key text, is_stage_seen boolean, is_amount_seen boolean, is_close_date_seen boolean,
            is_owner_seen boolean, seen_at timestamp
        );
        create table marts.int_deals as
        select deal_key, false as has_currency_history, 'assumed_current' as landed_basis,
            deal_key in (select deal_key from marts.int_deal_changes where field = 'close_date')
                as has_close_date_history
        from marts.fct_deals;
        insert into marts.fct_attribution
        select
            deal_key, case when channel <> 'unattributed' then 't' || deal_key end, 'won', 'contact', model,
            case when model = 'last' and channel <> 'unattributed' then 'direct' else channel end, 1, amount_reporting,
            case when channel <> 'unattributed' then created_date end, close_day
        from marts.fct_deals cross join (select unnest(['first', 'last', 'markov']) as model)
        where status = 'won' and not is_excluded;
        create table marts.fct_win_loss as
        select deal_key, source_system, status, amount_reporting, is_excluded, close_day,
            case when status = 'lost' then (['Price', 'No decision', null])[(1 + hash(deal_key) % 3)::bigint] end
                as lost_reason,
            lower(replace(lost_reason, ' ', '_')) as loss_reason,
            case when hash(deal_key) % 4 = 0 then 'Rival & <b>Co' end as competitor,
            not is_excluded and pipeline_purpose = 'new_business' and is_qualified and not is_zero_day_win
                as is_in_win_rate
        from marts.fct_deals where status <> 'open';
        insert into marts.fct_lead_scores
        select
            lead_key, null, owner_key, 'B', 'channel=' || channel, 'device=mobile', 0.2 + (hash(lead_key) % 100) / 1000,
            300, 90, 200, 44, 1, created_date, 'opportunity'
        from marts.fct_leads
        where not is_excluded and not is_opportunity and exit_reason is null and created_date > date '2026-05-01';
        create table marts.fct_pipeline_movements as
        with weeks (period_start, period_end, closing_date) as (
            values (date '2026-06-08', date '2026-06-14', date '2026-06-14'),
                (date '2026-06-15', date '2026-06-21', date '2026-06-17')
        ),
        moves as (
            select deals.deal_key, deals.owner_key, deals.amount_reporting, weeks.*,
                case when status = 'open' then 'closing' else status end as last_movement,
                case when status = 'open' and hash(deal_key) % 5 = 1 then 1000 else 0 end as raised,
                case when status = 'open' and hash(deal_key) % 7 = 0 and closing_date = date '2026-06-17'
                    then 'created' else 'opening' end as first_movement
            from marts.fct_deals as deals cross join weeks
            where not is_excluded and amount_reporting is not null
                and (status = 'open' or hash(deal_key, period_start) % 40 = 0)
        )
        select deal_key, owner_key, 'week' as period_type, 'all_open' as view_name, movement, period_start, period_end,
            closing_date, amount::decimal(18, 2) as amount_reporting
        from (
            select *, first_movement as movement, amount_reporting - raised as amount from moves
            union all
            select *, 'increased', raised from moves where raised > 0
            union all
            select *, last_movement, case last_movement when 'closing' then 1 else -1 end * amount_reporting from moves
        );
        create table marts.fct_pipeline_waterfall as
        select distinct period_type, view_name, 'total' as level, period_start, 1 as closing_amount
        from marts.fct_pipeline_movements;
        create table marts.int_owner_months as
        select member as owner_key, measure, amount_reporting as quota, period_start as month_start
        from marts.fct_targets where level = 'owner';
        create table marts.fct_rep_months as
        select owner_key, count(*) as open_deals, sum(amount_reporting)::decimal(18, 2) as open_reporting
        from marts.fct_deals where status = 'open' and not is_excluded group by owner_key;
        create table marts.fct_rep_stage_conversions as
        select
            owner_key, team, 'meeting' as stage, 'team' as peer_basis,
            count(*) over () as comparisons, 40::bigint as decided,
            15::bigint as progressed, 115::bigint as peer_decided, 85::bigint as peer_progressed,
            14.565217::decimal(18, 6) as deals_short, 0.375::decimal(18, 9) as conversion_rate,
            0.175::decimal(18, 9) as interval_low, 0.628::decimal(18, 9) as interval_high,
            0.739::decimal(18, 9) as peer_conversion_rate, 0.445::decimal(18, 9) as conversion_rate_shrunk,
            owner_key = (select min(owner_key) from marts.dim_owners where is_active) as is_coaching_hint
        from marts.dim_owners where is_active;
        create table marts.int_lead_flags as
        select
            lead_key, true as is_open, 'lead' as stage, '21 to 44 days' as age_band, 30::bigint as age_days,
            30::bigint as days_idle, 40.5 as hours_to_answer, 4 as sla_hours,
            hash(lead_key) % 3 = 0 as is_answered_late, false as is_without_owner,
            hash(lead_key) % 2 = 0 as is_idle, false as is_worked_again
        from marts.fct_lead_scores;
        create table marts.fct_flag_associations as
        with flags (entity_kind, flag, association, difference) as (
            values
                ('deal', 'past_close_date', 'less_often', -0.12), ('deal', 'idle', 'less_often', -0.072),
                ('deal', 'older_than_won', 'not_told_apart', -0.02), ('deal', 'pushed_twice', 'more_often', 0.09),
                ('deal', 'amount_cut', 'not_enough_history', null), ('deal', 'without_next_step', 'less_often', -0.05),
                ('deal', 'single_contact', 'no_history', null), ('deal', 'without_contact', 'no_history', null),
                ('lead', 'answered_late', 'less_often', -0.1), ('lead', 'idle', 'not_told_apart', 0.01)
        ),
        strata (entity_kind, pipeline_purpose, stage, age_band) as (
            select distinct 'deal', pipeline_purpose, stage, null from marts.fct_deals where status = 'open'
            union all
            values ('lead', null, 'lead', '21 to 44 days'), ('deal', null, null, null), ('lead', null, null, null)
        )
        select
            flags.*, pipeline_purpose, stage, age_band, stage is null as is_of_all_stages,
            case when stage is null then 310 else 64 end::bigint as cases_with,
            case when stage is null then 60 else 12 end::bigint as reached_with,
            case when stage is null then 700 else 19 + length(stage) % 2 end::bigint as cases_without,
            case when stage is null then 230 else 7 end::bigint as reached_without,
            difference - 0.04 as difference_low, difference + 0.04 as difference_high
        from flags join strata using (entity_kind);
        """
    )
    for name, sql in _statements():
        connection.execute(f"create table marts.{name} as {sql}")
    connection.close()


COMPANIES: dict[str, dict[str, Any]] = {
    "full": {"leads": 3000, "deals": 1500, "ad_days": 400, "targets": True, "forecast": True},
    "no_targets": {"leads": 400, "deals": 300, "ad_days": 120, "forecast": True},
    "deals_only": {"deals": 300, "targets": True},
    "leads_only": {"leads": 500},
    "dateless": {"dateless_leads": 900},
    "ads_only": {"ad_days": 60},
    "empty": {},
}


def company(path: Path, kind: str) -> Path:
    """One of COMPANIES as a finished marts file."""
    finish(create(path, **COMPANIES[kind]))
    return path
