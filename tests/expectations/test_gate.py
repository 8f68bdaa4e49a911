"""The gate stops what breaks a promise, and only that; the verdict says which rows, and nobody by name.

A run of the gate takes seconds, so mutations that do not touch each other share one: what each suite says is then
compared check by check, which tells which mutation broke what. Later tests run only the suites they are about.
"""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import yaml

from configuration.errors import GateFailed, ReleaseError
from configuration.model import BusinessHours, WorkCalendar
from configuration.paths import REPOSITORY
from expectations import runner
from expectations.context import GateContext
from publishing import release
from tests.expectations.conftest import Gated

# One broken promise per suite: the mutation, and the one check of all that it breaks.
MUTATIONS = {
    "sources": (
        "update fct_source_freshness set rows_duplicate = 1 where entity = 'contacts'",
        "fetched_is_staged_rejected_or_duplicate",
    ),
    "dim_dates": ("delete from dim_dates where date_day = date '2026-03-03'", "no_day_missing"),
    "dim_owners": (
        "update dim_owners set rollup_owner_name = owner_name where not is_active",
        "others_roll_up_to_unassigned",
    ),
    "dim_accounts": ("update dim_accounts set is_excluded = true where account_id = 'a1'", "excluded_says_why"),
    "dim_contacts": ("update dim_contacts set person_key = null where contact_id = 'c1'", "filled"),
    "dim_campaigns": (
        "update dim_campaigns set last_day = date '2020-01-01' where campaign_id = 'k1'",
        "days_in_order",
    ),
    "dim_channels": ("update dim_channels set channel_name = null where channel = 'email'", "filled"),
    "dim_stages": ("update dim_stages set win_probability = 1.5 where stage = 'proposal'", "win_probability_in_range"),
    "fct_deals": (
        "update fct_deals set amount_reporting = null where status = 'open' and deal_id = 'd2'",
        "amounts_converted",
    ),
    "fct_quota_attainment": (
        "update fct_quota_attainment set won_plan_rate = won_plan_rate + 200, attainment = attainment + 0.01 "
        "where measure = 'arr' and owner_key = (select min(owner_key) from fct_quota_attainment)",
        "won_is_credited_in_the_measure",
    ),
    "fct_deal_stage_visits": (
        "update fct_deal_stage_visits set exited_at = exited_at + interval 1 day "
        "where visit_no = 1 and deal_key = 'hubspot:d2'",
        "visits_tile",
    ),
    "fct_deal_days": (
        "delete from fct_deal_days where deal_key = 'hubspot:d2'",
        "open_deals_stand_today",
    ),
    "fct_pipeline_movements": (
        "update fct_pipeline_movements set amount_reporting = amount_reporting + 0.01 "
        "where movement = 'closing' and deal_key = 'hubspot:d2'",
        "deals_add_up",
    ),
    "fct_pipeline_waterfall": (
        "update fct_pipeline_waterfall set increased_amount = 0.01 where level = 'total'",
        "no_residual",
    ),
    "fct_coverage_pacing": (
        "update fct_coverage_pacing set coverage = 0.6 where level = 'total'",
        "coverage_is_open_by_missing",
    ),
    "fct_deal_changes": (
        "update fct_deal_changes set old_value = new_value where deal_key = 'hubspot:d2' and change = 'moved'",
        "a_change_is_one",
    ),
    "fct_deal_health": (
        "update fct_deal_health set is_single_contact = true, reasons = reasons + 1 where deal_key = 'hubspot:d2'",
        "single_is_one",
    ),
    "fct_deal_slips": (
        "update fct_deal_slips set is_slipped = false where deal_key = 'hubspot:d2'",
        "slipped_is_its_outcome",
    ),
    "fct_slip_rates": ("update fct_slip_rates set slip_rate = 0.9 where level = 'total'", "rate_from_its_sums"),
    "fct_win_loss": (
        "delete from fct_win_loss where deal_key = (select min(deal_key) from fct_win_loss)",
        "every_closed_deal",
    ),
    "fct_closed_figures": (
        "update fct_closed_figures set amount_reporting = amount_reporting + 0.01 "
        "where figure_key = 'outcome:hubspot:d0'",
        "months_are_the_reports",
    ),
    "fct_restatements": (
        "update fct_restatements set difference = 2 where period_start = date '2026-03-01'",
        "differences_sum_to_the_whole",
    ),
    "dim_merged_records": (
        "update dim_merged_records set survivor_key = 'hubspot:gone2' where record_id = 'gone1'",
        "chains_end",
    ),
    "dim_products": ("update dim_products set unit_price = -1 where product_id = 'p1'", "unit_price_in_range"),
    "fct_deal_line_items": (
        "update fct_deal_line_items set amount_reporting = amount_reporting + 0.01 where line_key = 'hubspot:ld4'",
        "lines_add_up_to_the_deal",
    ),
    "fct_deal_splits": (
        "update fct_deal_splits set share = 0.5 where deal_key = 'hubspot:d4' and owner_key = 'hubspot:o3'",
        "parts_sum_to_the_deal",
    ),
    "fct_product_performance": (
        "update fct_product_performance set won_reporting = won_reporting + 1 where product_member = 'residual'",
        "products_are_the_deals",
    ),
    "fct_customer_months": (
        "update fct_customer_months set churn_mrr = 0.01 where customer_key = 'hubspot:a1' and movement = 'unchanged'",
        "movements_add_up",
    ),
    "fct_retention_cohorts": ("update fct_retention_cohorts set nrr = 0.8", "net_is_not_below_gross"),
    "fct_customer_segments": (
        "update fct_customer_segments set recency_days = 5 where customer_key = 'hubspot:a9'",
        "later_is_not_worse",
    ),
    "fct_customer_feedback": (
        "update fct_customer_feedback set is_below_minimum = true where answer_group = 'all'",
        "no_figure_of_few_answers",
    ),
    "fct_market_penetration": (
        "update fct_market_penetration set won_accounts = 21 where level = 'segment'",
        "parts_add_up",
    ),
    "fct_renewals_due": (
        "update fct_renewals_due set is_notice_given = true where contract_id = 'K1'",
        "who_leaves_is_red",
    ),
    "fct_leads": ("update fct_leads set sql_lead_at = created_at where lead_id = 'c5'", "milestones_in_order"),
    "rpt_source_to_revenue": (
        "update rpt_source_to_revenue set won_amount_reporting = won_amount_reporting - 0.01",
        "adds_up_to_all_deals",
    ),
    "fct_lead_scores": (
        "update fct_lead_scores set probability = null, not_scored_reason = 'too_few_leads', chance_left = null, "
        "call_rank = null, reason_1 = null, reason_2 = null where lead_key = 'hubspot:c5'",
        "scored_or_told_why",
    ),
    "rpt_leads_to_call": (
        "update rpt_leads_to_call set owner_rank = 4 where lead_key = 'hubspot:c29'",
        "owner_rank_in_range",
    ),
    "fct_lead_score_quality": ("update fct_lead_score_quality set auc = 0.98 where tenth = 0", "no_leak"),
    "fct_lead_stages": (
        "update fct_lead_stages set stage = 'daydream' where lead_key = 'hubspot:c5'",
        "stage_accepted",
    ),
    "fct_lead_responses": (
        "update fct_lead_responses set response_status = 'waiting', first_response_at = null "
        "where lead_key = 'hubspot:c5'",
        "untouched_is_no_zero",
    ),
    "fct_lead_routing": (
        "update fct_lead_routing set owner_key = 'hubspot:o9' where lead_key = 'hubspot:c5'",
        "held_by_the_leads_owner",
    ),
    "fct_funnel_stages": (
        "update fct_funnel_stages set entities_open = entities_open + 1 where stage = 'meeting'",
        "entered_is_progressed_exited_or_open",
    ),
    "fct_conversions_cohort": (
        "delete from fct_conversions_cohort where dimension = 'segment' and milestone = 'won'",
        "parts_are_all",
    ),
    "fct_sessions": (
        "update fct_sessions set ended_at = started_at - interval 1 hour where visitor_id = 'v1'",
        "ends_after_start",
    ),
    "fct_carts": ("update fct_carts set transaction_id = 't10' where visitor_id = 'v20'", "transaction_earned_once"),
    "fct_touches": ("update fct_touches set touch_no = 2 where contact_key = 'hubspot:c5'", "touches_in_order"),
    "fct_attribution": (
        "update fct_attribution set credited_amount_reporting = credited_amount_reporting "
        "+ case conversion_key when 'hubspot:d0' then 0.01 else -0.01 end "
        "where level = 'contact' and model = 'linear' and conversion_key in ('hubspot:d0', 'hubspot:d4')",
        "credited_is_the_amount",
    ),
    "rpt_attribution_comparison": (
        "update rpt_attribution_comparison set spend_reporting = spend_reporting + 1 where model = 'markov'",
        "months_are_all_spend",
    ),
    "fct_ad_performance_daily": (
        "update fct_ad_performance_daily set ad_day_key = 'same' where campaign_id = 'k1'",
        "ad_day_key_unique",
    ),
    "fct_campaign_roi_monthly": (
        "update fct_campaign_roi_monthly set spend_reporting = spend_reporting + 1",
        "spend_is_all_spend",
    ),
    "fct_pipeline_creation": (
        "update fct_pipeline_creation set created_deals = created_deals + 1 where level = 'total'",
        "levels_are_the_deals",
    ),
    "fct_targets": (
        "update fct_targets set amount_reporting = -1 where period_start = date '2026-06-01'",
        "amount_reporting_in_range",
    ),
    "fct_targets_daily": (
        "update fct_targets_daily set amount_reporting = amount_reporting + 0.01 where date_day = date '2026-06-01'",
        "days_sum_to_the_target",
    ),
    "dim_owner_teams": (
        "update dim_owner_teams set valid_to = date '2025-12-31' where owner_key = 'hubspot:o1' and not is_current",
        "periods_tile",
    ),
    "fct_activities": ("update fct_activities set outcome = 'done' where kind = 'call'", "outcome_of_its_kind"),
    "fct_rep_months": (
        "update fct_rep_months set won_reporting = won_reporting + 0.01 where owner_key = 'hubspot:o0'",
        "bookings_are_the_deals",
    ),
    "fct_rep_stage_conversions": (
        "update fct_rep_stage_conversions set is_coaching_hint = true",
        "one_hint_per_owner",
    ),
    "rpt_pipeline_changes": (
        "update rpt_pipeline_changes set amount_reporting = amount_reporting + 0.01 where movement = 'won'",
        "movements_lead_to_the_closing",
    ),
    "rpt_coaching": (
        "update rpt_coaching set interval_high = 0.95 where owner_key = 'hubspot:o1'",
        "a_hint_has_its_evidence",
    ),
    "fct_funnel_velocity": ("update fct_funnel_velocity set is_slowest = true", "one_slowest"),
    "fct_conversion_curves": (
        "update fct_conversion_curves set exited_incidence = 0 where horizon_days = 90",
        "shares_grow",
    ),
    "fct_forecast": (
        "update fct_forecast set expected = expected + 0.01 where level = 'team' and part = 'open'",
        "levels_add_up",
    ),
    "fct_forecast_bridge": (
        "update fct_forecast_bridge set expected = expected + 1, difference = difference + 1 where line = 'won'",
        "ends_at_the_forecast",
    ),
    "fct_forecast_deals": ("update fct_forecast_deals set chance = -0.1", "chance_in_range"),
    "fct_forecast_scoreboard": ("update fct_forecast_scoreboard set bias = 0.3", "bias_within_the_miss"),
    "rpt_forecast_bridge": (
        "update rpt_forecast_bridge set difference = difference + 0.01 where reason = 'total'",
        "total_is_the_sum",
    ),
    "rpt_forecast_deals": ("update rpt_forecast_deals set chance_in_month = 0.9", "a_part_of_all"),
    "fct_forecast_ledger": ("update fct_forecast_ledger set as_of = date '2026-06-18'", "not_of_a_later_day"),
    "fct_forecast_submissions": (
        "update fct_forecast_submissions set error_reporting = error_reporting + 0.01 where category = 'commit'",
        "error_is_the_difference",
    ),
    "fct_file_readings": ("update fct_file_readings set load_number = 99", "known_at_the_watermark"),
    "fct_quality_results": (
        "update fct_quality_results set is_passed = false, is_blocking = true where check_name = 'filled'",
        "passed_without_a_blocking_check",
    ),
    "fct_rejected_rows": ("update fct_rejected_rows set reason = null", "filled"),
    "rpt_headline": ("update rpt_headline set won_reporting = won_reporting + 1", "bookings_are_the_deals"),
    "rpt_monthly": ("update rpt_monthly set is_current = true where month_label = '2026-05'", "one_current_month"),
    "rpt_coverage": ("update rpt_coverage set coverage = 0.6", "coverage_is_open_by_missing"),
    "rpt_funnel": (
        "update rpt_funnel set entities_exited = 4 where stage = 'closing'",
        "entered_is_progressed_exited_or_open",
    ),
    "rpt_channels": ("update rpt_channels set leads = leads + 1 where not is_total", "total_is_the_sum"),
    "rpt_campaigns": ("update rpt_campaigns set clicks = 0 where spend_rank = 1", "no_cost_per_nothing"),
    "rpt_origins": ("update rpt_origins set conversion_rate = 0.5", "rate_is_converted_of_leads"),
    "rpt_forecast": ("update rpt_forecast set expected = expected - 0.01 where part = 'total'", "total_is_the_sum"),
    "rpt_bottlenecks": ("update rpt_bottlenecks set base_reporting = base_reporting + 0.01", "base_is_the_forecast"),
    "rpt_stage_speed": ("update rpt_stage_speed set p75_days = 1 where stage = 'meeting'", "quartiles_in_order"),
    "rpt_win_rates": ("update rpt_win_rates set last_day = date '2026-06-18'", "closed_by_the_day"),
    "rpt_win_loss": ("update rpt_win_loss set lost_deals = 5 where breakdown = 'reason'", "reasons_are_all_losses"),
    "rpt_deal_risks": (
        "update rpt_deal_risks set is_idle = true where deal_key = 'hubspot:d2'",
        "reasons_are_the_signs",
    ),
    "fct_flag_associations": (
        "update fct_flag_associations set cases_with = 41 where is_of_all_stages",
        "stages_sum_to_all",
    ),
    "rpt_attention_list": (
        "update rpt_attention_list set value_at_risk = 30 where entity_key = 'hubspot:d2'",
        "value_at_risk_is_the_product",
    ),
    "rpt_risk_reasons": ("update rpt_risk_reasons set deals = -1", "deals_in_range"),
    "rpt_team": ("update rpt_team set won_quarter = won_quarter + 1 where is_total", "total_is_the_sum"),
    "rpt_restatements": (
        "update rpt_restatements set difference = 5 where period_start = date '2026-04-01'",
        "all_restatements",
    ),
    "rpt_quality": ("update rpt_quality set records = 2", "rejects_are_told"),
    "release_context": ("update release_context set known_at = known_at + 1", "is_this_run"),
}

Copy = Callable[[Path], Gated]


def broken(verdict: runner.Verdict) -> set[str]:
    return {f"{check.suite}.{check.check}" for check in verdict.broken}


def warned(verdict: runner.Verdict) -> set[str]:
    return {f"{check.suite}.{check.check}" for check in verdict.warnings}


def test_every_suite_has_a_mutation() -> None:
    assert set(MUTATIONS) == set(runner.suites())


def test_every_mart_has_a_suite() -> None:
    models = {path.stem for path in (REPOSITORY / "dbt" / "models" / "marts").rglob("*.sql")}
    assert models - set(runner.suites().values()) == set()


def test_the_candidate_of_these_tests_has_the_columns_of_the_contracts(gated_once: Gated) -> None:
    contracts = {}
    for path in (REPOSITORY / "dbt" / "models" / "marts").rglob("_*.yml"):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", []):
            contracts[model["name"]] = {column["name"] for column in model["columns"]}
    with duckdb.connect(str(gated_once.home.candidate), read_only=True) as connection:
        found = connection.execute(
            "select table_name, list(column_name) from duckdb_columns() where schema_name = 'marts' group by all"
        ).fetchall()
    invented = {table: set(columns) - contracts.get(table, set()) for table, columns in found}
    assert {table: columns for table, columns in invented.items() if columns} == {}
    assert set(contracts) == {table for table, _ in found}


def test_what_keeps_all_promises_passes(gated: Gated) -> None:
    verdict = gated.judge()
    assert broken(verdict) == set()
    assert warned(verdict) == {"sources.no_rejected_rows"}
    assert verdict.passed
    assert verdict.live_release == "2026-06-17.001"
    assert {check.suite for check in verdict.checks} == set(runner.suites())
    # Every file is free again, or the next build could not begin.
    duckdb.connect(str(gated.home.candidate)).close()
    duckdb.connect(str(gated.home.history)).close()


@dataclass(frozen=True)
class Stopped:
    gated: Gated
    verdict: runner.Verdict
    written: Path
    told: dict[str, Any]


@pytest.fixture(scope="module")
def stopped(copy_of: Copy, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """A candidate with every mutation at once, judged and refused."""
    gated = copy_of(tmp_path_factory.mktemp("stopped") / "home")
    gated.mutate(*(statement for statement, _ in MUTATIONS.values()))
    verdict = gated.judge()
    written = runner.write(gated.home, verdict)
    return Stopped(gated, verdict, written, json.loads(written.read_text()))


@pytest.mark.parametrize("suite", sorted(MUTATIONS))
def test_one_broken_promise_blocks_by_its_suite_alone(suite: str, stopped: Stopped) -> None:
    assert {check.check for check in stopped.verdict.broken if check.suite == suite} == {MUTATIONS[suite][1]}
    (told,) = (
        check
        for check in stopped.told["checks"]
        if check["suite"] == suite and not check["passed"] and check["severity"] == "block"
    )
    assert 0 < len(told["sample_rows"]) <= runner.SAMPLE_ROWS
    with duckdb.connect(str(stopped.gated.home.candidate), read_only=True) as connection:
        connection.execute("set schema = 'marts'")
        assert len(connection.execute(told["sql"]).fetchall()) == told["observed"]


def test_a_refused_candidate_leaves_the_live_release(stopped: Stopped) -> None:
    home = stopped.gated.home
    assert not stopped.verdict.passed
    with pytest.raises(
        GateFailed, match=rf"and {len(MUTATIONS) - 3} more - nothing was published, the live release stays"
    ) as error:
        runner.require(stopped.verdict, stopped.written)
    assert "\n" not in str(error.value)
    written = release.begin(home, "2026-06-17.002")()
    with pytest.raises(ReleaseError, match="the gate did not pass"):
        release.seal(
            home,
            written,
            context=stopped.gated.context,
            verdict=stopped.told,
            settings_files=[stopped.gated.settings.file],
        )
    assert [path.name for path in home.releases.iterdir()] == ["2026-06-17.001"]
    assert release.require_live(home).id == "2026-06-17.001"


@pytest.mark.fault(33)
def test_empty_tables_and_empty_keys_block(gated: Gated) -> None:
    gated.mutate(
        "delete from fct_sessions",
        "delete from rpt_channels",
        "update fct_targets set target_key = null",
        "update fct_source_freshness set entity = null where entity = 'pipelines'",
    )
    assert broken(gated.judge("sources", "fct_sessions", "rpt_channels", "fct_targets", alone=True)) == {
        "fct_sessions.row_floor",
        "rpt_channels.all_time_has_all_leads",
        "fct_targets.key_filled",
        "fct_targets.target_key_unique",
        "sources.filled",
    }


def test_a_team_has_one_quota_and_the_company_what_its_deals_are_worth(gated: Gated) -> None:
    won = (
        "update fct_quota_attainment set won_plan_rate = won_plan_rate + 10, attainment = (won_plan_rate + 10) / quota"
    )
    gated.mutate(f"{won} where level = 'company' and measure = 'arr'")
    gated.mutate(f"{won} where level = 'team'")
    suite = "fct_quota_attainment"
    both = {f"{suite}.won_is_credited_in_the_measure", f"{suite}.bookings_are_those_of_coverage"}
    verdict = gated.judge(suite, alone=True)
    assert broken(verdict) == both
    assert {row["level"] for check in verdict.broken for row in check.sample_rows} == {"company", "team"}
    gated.mutate(
        "update fct_quota_attainment set won_deals = 1000 where level = 'team'",
        "update fct_quota_attainment set quota = quota / 2, attainment = attainment * 2 where level = 'company'",
        "update fct_quota_attainment set owner_key = 'hubspot:o1' where level = 'team'",
        "update fct_quota_attainment set rollup_owner_name = null where level = 'owner'",
    )
    assert broken(gated.judge(suite, alone=True)) == both | {
        f"{suite}.a_deal_counts_with_one_team",
        f"{suite}.asked_whole_but_of_owners",
        f"{suite}.owners_are_the_member",
        f"{suite}.owners_are_named",
    }


def test_what_counts_towards_a_target_counts_alike_everywhere(gated: Gated) -> None:
    gated.mutate(
        "update fct_deals set amount_plan_rate = null where status = 'won'",
        "update rpt_headline set won_plan_rate = won_plan_rate + 1 where period_type = 'month'",
        "update fct_rep_months set month_start = date '2026-06-01' where month_start = date '2026-04-01'",
    )
    assert broken(gated.judge("fct_deals", "rpt_headline", "rpt_team")) == {
        "fct_deals.plan_rate_where_there_is_a_target",
        "rpt_headline.counted_towards_the_target_as_covered",
        "rpt_team.attainment_is_that_of_the_month",
    }


@pytest.mark.fault(32)
def test_the_headline_is_a_part_that_the_sources_tell(gated: Gated) -> None:
    context = replace(gated.context, headline_amount="arr")
    gated.mutate("update fct_deals set amount = arr, amount_reporting = arr_reporting")
    assert broken(gated.judge("fct_deals", context=context, alone=True)) == set()
    gated.mutate(
        "update fct_deals set arr_reporting = null where deal_id = 'd2'",
        "update fct_deals set amount = 7, amount_reporting = 7 where deal_id = 'd3'",
        "update fct_deals set tcv_reporting = -tcv_reporting where deal_id = 'd4'",
    )
    assert broken(gated.judge("fct_deals", context=context, alone=True)) == {
        "fct_deals.arr_converted",
        "fct_deals.tcv_keeps_its_sign",
        "fct_deals.amount_is_the_headline",
    }
    nothing = ", ".join(f"{name} = null, {name}_reporting = null" for name in ("amount", "arr", "tcv"))
    gated.mutate(f"update fct_deals set {nothing}")
    verdict = gated.judge("fct_deals", context=context, alone=True)
    assert broken(verdict) == {"fct_deals.headline_amount_told"}


def test_rows_that_fall_block_unless_the_day_is_an_earlier_one(gated: Gated) -> None:
    gated.mutate("delete from fct_targets where period_start >= date '2026-05-01'")
    assert broken(gated.judge("fct_targets", "fct_deals")) == {"fct_targets.rows_against_live"}
    assert broken(gated.judge("fct_targets", "fct_deals", alone=True)) == set()
    verdict = gated.judge("fct_targets", "fct_deals", context=replace(gated.context, as_of=date(2026, 6, 16)))
    assert verdict.live_release is not None
    assert not any("against_live" in check.check for check in verdict.checks)


@pytest.mark.fault(31)
def test_an_unmapped_stage_warns_below_the_share_and_blocks_above_it(gated: Gated) -> None:
    unmapped = "update fct_deals set stage = 'unmapped', stage_label = 'Contract sent' where deal_id in ({})"
    gated.mutate(unmapped.format("'d2'"))
    few = gated.judge("sources")
    assert few.passed
    (named,) = (check for check in few.warnings if check.check == "deal_stages_mapped")
    assert named.sample_rows == [{"source_system": "hubspot", "label": "Contract sent", "row_count": 1}]

    gated.mutate(unmapped.format("'d6', 'd10', 'd14', 'd18'"))
    many = gated.judge("sources")
    assert broken(many) == {"sources.deal_stages_unmapped_share"}
    with pytest.raises(GateFailed, match=r"deal_stages_unmapped_share: 1, 'Contract sent' \(expected at most 5.0%"):
        runner.require(many, Path("verdict.json"))
    first = gated.judge("sources", alone=True)
    assert first.passed
    assert "sources.deal_stages_unmapped_share" in warned(first)


def test_an_unmapped_web_source_warns_below_the_share_and_blocks_above_it(gated: Gated) -> None:
    unmapped = "update fct_sessions set channel = 'unmapped', medium = 'flyer' where visitor_id in ({})"
    gated.mutate(unmapped.format("'v1'"))
    few = gated.judge("sources")
    assert few.passed
    (named,) = (check for check in few.warnings if check.check == "web_sources_mapped")
    assert named.sample_rows == [{"source_system": "ga4", "label": "flyer", "row_count": 1}]
    gated.mutate(unmapped.format("'v2', 'v3', 'v4'"))
    assert broken(gated.judge("sources")) == {"sources.web_sources_unmapped_share"}


def test_rows_and_money_are_reconciled_with_what_was_staged(gated: Gated) -> None:
    gated.mutate(
        "update fct_deals set amount = amount + 0.01, amount_reporting = amount_reporting + 0.01 where deal_id = 'd2'",
        "insert into dim_contacts select * replace ('hubspot:new' as contact_key) from dim_contacts limit 1",
        "delete from dim_accounts where account_id = 'a3'",
        "delete from fct_leads where lead_id = 'c37'",
        "delete from fct_lead_stages where lead_key = 'hubspot:c37'",
        "update fct_ad_performance_daily set clicks = clicks - 1 where ad_day_key = 'google_ads:1:k3:g:1'",
        "update fct_source_freshness set rows_fetched = 41, rows_duplicate = 1 where entity = 'contacts'",
        "update fct_customer_feedback set answers = answers + 1 where answer_group in ('all', 'promoter')",
    )
    assert broken(gated.judge("sources", alone=True)) == {
        "sources.answers_reconciled",
        "sources.deal_amounts_reconciled",
        "sources.contacts_reconciled",
        "sources.accounts_reconciled",
        "sources.leads_reconciled",
        "sources.ad_spend_reconciled",
        "sources.fetched_rows_equal_the_ledger",
    }


def test_a_bad_landing_blocks_however_many_good_ones_came_before(gated: Gated) -> None:
    gated.mutate(
        "update fct_source_freshness set rows_fetched = 100060, rows_staged = 100030, rows_rejected = 30, "
        "last_rows_load_number = 4, last_rows_staged = 29, last_rows_rejected = 30 where entity = 'deals'",
        # Few rows say nothing: of three, two may well be bad.
        "update fct_source_freshness set last_rows_staged = 1, last_rows_rejected = 2 where entity = 'contacts'",
        "insert into fct_rejected_rows select rejects.* replace (4 as load_number, reject_key || i as reject_key, "
        "if(i < 5, 'id is missing', 'amount is not a number') as reason) "
        "from fct_rejected_rows as rejects, range(30) as numbers (i)",
        "delete from fct_rejected_rows where load_number = 1",
    )
    verdict = gated.judge("sources", "fct_rejected_rows")
    assert broken(verdict) - {"sources.fetched_rows_equal_the_ledger"} == {"sources.last_rejected_share"}
    with pytest.raises(GateFailed, match="'hubspot deals, 30 of 59, most often amount is not a number'"):
        runner.require(verdict, Path("verdict.json"))


def test_rejects_are_counted_where_their_records_are(gated: Gated) -> None:
    # Of one pipeline two stages were rejected and a third was read; a deal's history is no record of its own.
    told = "insert into fct_rejected_rows select * replace (reject_key || '{0}' as reject_key, '{0}' as entity) "
    one = "from fct_rejected_rows where entity = 'deals'"
    gated.mutate(f"{told.format('stages')} {one}", f"{told.format('field_changes')} {one}")
    assert broken(gated.judge("fct_rejected_rows")) == set()
    gated.mutate(f"{told.format('accounts')} {one}", "delete from fct_rejected_rows where entity = 'deals'")
    (check,) = gated.judge("fct_rejected_rows").broken
    assert {row["entity"] for row in check.sample_rows} == {"accounts", "deals"}


def test_what_was_there_before_it_was_first_seen_was_not_created(gated: Gated) -> None:
    gated.mutate(
        "update fct_deal_stage_visits set history_basis = 'landed_version', entered_at = null, seen_at = exited_at "
        "where deal_key = 'hubspot:d2' and visit_no = 1"
    )
    assert broken(gated.judge("fct_deal_stage_visits")) == set()
    assert broken(gated.judge("fct_deal_changes")) == {"fct_deal_changes.created_once_and_first"}
    gated.mutate("update fct_deal_stage_visits set entered_at = null, seen_at = null where deal_key = 'hubspot:d3'")
    gated.mutate("update fct_deal_stage_visits set seen_at = entered_at where deal_key = 'hubspot:d4'")
    assert broken(gated.judge("fct_deal_stage_visits")) == {
        "fct_deal_stage_visits.only_assumed_and_first_seen_have_no_entry",
        "fct_deal_stage_visits.seen_where_it_landed",
    }


def test_lost_deals_and_fetched_rows_are_noticed(gated: Gated) -> None:
    gated.mutate(
        "delete from fct_deals where deal_id = 'd58'",
        "delete from fct_deal_stage_visits where deal_key = 'hubspot:d58'",
        "update fct_source_freshness set rows_fetched = 0, rows_staged = 0 where entity = 'pipelines'",
    )
    assert broken(gated.judge("sources")) == {
        "sources.deals_reconciled",
        "sources.deal_amounts_reconciled",
        "sources.fetched_rows_equal_the_ledger",
        "sources.fetched_rows_never_fall",
    }


def test_what_an_owner_won_is_what_splits_say(gated: Gated) -> None:
    # All levels still add up to what was booked: one owner has what another one won.
    gated.mutate(
        "insert into fct_forecast by name select told.* replace (forecast_key || sign as forecast_key, "
        "'hubspot:o' || (4 + sign) as member, 5 * sign as expected) from fct_forecast as told, "
        "(values (1), (-1)) as signs (sign) where level = 'owner' and part = 'won' and method = 'saleshouse'"
    )
    verdict = gated.judge("fct_forecast", alone=True)
    assert broken(verdict) == {"fct_forecast.owners_won_their_splits"}
    assert {row["won"] for row in verdict.broken[0].sample_rows} == {"5.00", "-5.00"}


def test_what_a_migration_brought_has_no_day(gated: Gated) -> None:
    gated.mutate(
        "update fct_leads set is_imported = true",
        "update fct_lead_routing set routing = 'migrated'",
    )
    assert broken(gated.judge("fct_leads", "fct_lead_routing", alone=True)) == {
        "fct_leads.imported_is_undated",
        "fct_lead_routing.migrated_has_no_times",
    }


def test_who_was_entered_twice_and_spam_count_nowhere(gated: Gated) -> None:
    gated.mutate(
        "update fct_deals set loss_reason = 'duplicate' where deal_id = (select min(deal_id) from fct_deals "
        "where status = 'lost')",
        "update fct_leads set exit_reason = 'spam', disqualifications = 1 where lead_id = 'c5'",
    )
    found = broken(gated.judge("fct_deals", "fct_leads", alone=True))
    assert {"fct_deals.entered_twice_is_excluded", "fct_leads.duplicates_and_spam_are_excluded"} <= found


def test_without_history_nothing_is_reconciled_and_that_blocks(gated: Gated) -> None:
    gated.home.history.unlink()
    assert broken(gated.judge("sources")) == {"sources.reconciled_with_raw"}


def test_a_score_that_reads_what_came_later_blocks_and_one_that_drifts_warns(gated: Gated) -> None:
    gated.mutate(
        "update fct_lead_score_quality set fields_read = 'channel, last_activity' where tenth = 0",
        # Two points and what luck may add to a hundred leads: 13.8 points.
        "update fct_lead_score_quality set observed_rate = 0.4 where tenth = 3",
        "update fct_lead_score_quality set observed_rate = 0.44, wilson_high = 0.5 where tenth = 4",
    )
    verdict = gated.judge("fct_lead_score_quality", alone=True)
    assert broken(verdict) == {"fct_lead_score_quality.only_what_was_known_at_capture"}
    (drifted,) = (check for check in verdict.warnings if check.check == "chances_come_true")
    assert [row["tenth"] for row in drifted.sample_rows] == [4]


def test_tenths_that_do_not_differ_as_told_block_and_a_market_that_turns_warns(gated: Gated) -> None:
    # Half as many again in every tenth: the market, not the scores.
    gated.mutate(
        "update fct_lead_score_quality set observed_rate = 0.45, wilson_high = 0.66, reached = leads * 0.45",
    )
    verdict = gated.judge("fct_lead_score_quality", alone=True)
    assert not broken(verdict)
    assert "chances_come_true" in {check.check for check in verdict.warnings}
    # A tenth may stand 21 points beside the others by luck: two, and 3.891 errors of a hundred leads.
    gated.mutate(
        "update fct_lead_score_quality set observed_rate = 0.65 where tenth = 4",
        "update fct_lead_score_quality set observed_rate = 0.67, wilson_high = 0.7 where tenth = 5",
    )
    verdict = gated.judge("fct_lead_score_quality", alone=True)
    assert broken(verdict) == {"fct_lead_score_quality.tenths_differ_as_told"}
    (wrong,) = (check for check in verdict.broken if check.check == "tenths_differ_as_told")
    assert [row["tenth"] for row in wrong.sample_rows] == [5]


@pytest.mark.fault(27)
def test_a_new_column_warns_until_a_release_has_told_it(gated: Gated) -> None:
    gated.mutate("update fct_file_readings set columns_new = 1, new_columns = '[\"Mood\"]'")
    first = gated.judge("fct_file_readings", alone=True)
    assert first.passed
    (told,) = (check for check in first.warnings if check.check == "no_new_columns")
    assert len(told.sample_rows) == 1
    assert "fct_file_readings.no_new_columns" not in warned(gated.judge("fct_file_readings"))


@pytest.mark.fault(35)
@pytest.mark.fault(38)
def test_what_may_be_true_warns(gated: Gated) -> None:
    gated.mutate(
        "update fct_deals set amount_reporting = 1e6 where deal_id = 'd2'",
        "update fct_deals set close_date = date '2020-01-01', closed_at = timestamp '2020-01-01' where deal_id = 'd4'",
        "update fct_sessions set is_bot = true",
        "update fct_source_freshness set last_record_at = last_record_at - interval 5 day where source = 'ga4'",
    )
    verdict = gated.judge("sources", "fct_deals", "fct_sessions")
    assert verdict.passed
    assert warned(verdict) - {"unguarded.has_a_suite"} == {
        "fct_deals.amounts_not_hundredfold",
        "fct_deals.close_date_after_created",
        "fct_deals.closed_after_created",
        "fct_sessions.bot_share",
        "sources.ga4_fresh",
        "sources.no_rejected_rows",
    }


def test_silence_blocks_where_a_limit_is_set(gated: Gated) -> None:
    gated.mutate("delete from fct_source_freshness where source = 'ga4'")
    strict = gated.settings.gate.model_copy(update={"freshness_hours": {"hubspot": 1.5}})
    settings = gated.settings.model_copy(update={"gate": strict})
    assert broken(gated.judge("sources", alone=True, settings=settings)) == {
        "sources.hubspot_fresh",
        "sources.enabled_sources_read",
    }


def test_what_nobody_stages_may_be_empty_and_what_is_missing_may_not(gated: Gated) -> None:
    gated.mutate(
        "delete from fct_targets",
        "delete from fct_source_freshness where entity = 'targets'",
        "drop table dim_owners",
        "alter table dim_campaigns drop column currency",
    )
    verdict = gated.judge("fct_targets", "dim_owners", "dim_campaigns", alone=True)
    assert broken(verdict) == {"dim_owners.mart_exists", "dim_campaigns.currency_shape"}
    (lost,) = (check for check in verdict.broken if check.check == "currency_shape")
    assert "currency" in str(lost.observed)


def test_an_integration_that_no_source_lists_is_named(gated: Gated) -> None:
    company = gated.settings.company.model_copy(update={"integration_owners": ("O1@tiny.example", "it's {no} one:x")})
    verdict = gated.judge("dim_owners", settings=gated.settings.model_copy(update={"company": company}))
    (warned,) = (check for check in verdict.warnings if check.check == "integrations_known")
    assert [row["label"] for row in warned.sample_rows] == ["it's {no} one:x"]


def test_a_calendar_of_nobody_is_named(gated: Gated) -> None:
    own = WorkCalendar(owners=("O1@tiny.example", "nobody"), teams=("North", "Nord"))
    hours = BusinessHours(calendars=(own,))
    company = gated.settings.company.model_copy(update={"business_hours": hours})
    verdict = gated.judge("dim_owners", settings=gated.settings.model_copy(update={"company": company}))
    told = {check.check: [row["label"] for row in check.sample_rows] for check in verdict.warnings}
    assert told["calendar_owners_known"] == ["nobody"]
    assert told["calendar_teams_known"] == ["nord"]


def test_wins_without_an_amount_are_counted(gated: Gated) -> None:
    gated.mutate(
        "update fct_leads set won_deals_without_amount = won_deals_count + 1",
        "update fct_campaign_roi_monthly set won_deals_without_amount = 1",
        "update fct_rep_months set won_deals_without_amount = 1 where owner_key = 'hubspot:o0'",
    )
    assert broken(gated.judge("fct_leads", "fct_campaign_roi_monthly", "fct_rep_months")) == {
        "fct_leads.won_deals_are_deals",
        "fct_campaign_roi_monthly.without_amount_are_won",
        "fct_rep_months.bookings_are_the_deals",
    }


def test_what_undated_leads_have_won_is_in_no_roas(gated: Gated) -> None:
    gated.mutate("update rpt_channels set roas = won_amount_reporting / spend_reporting where channel = 'display'")
    assert broken(gated.judge("rpt_channels")) == {"rpt_channels.return_is_of_spend"}


def test_a_mart_that_no_suite_guards_is_named(gated: Gated) -> None:
    named = [check for check in gated.judge("dim_owners").warnings if check.suite == "unguarded"]
    assert "fct_deals" in {check.mart for check in named}
    assert "dim_owners" not in {check.mart for check in named}


def test_a_missing_result_counts_as_broken() -> None:
    floor = runner.discover()["dim_dates"].expectations(a_context())[0]
    check = runner._check("dim_dates", "dim_dates", floor, None)
    assert (check.passed, check.observed) == (False, "no result")
    empty = SimpleNamespace(success=True, result={}, exception_info={})
    assert not runner._check("dim_dates", "dim_dates", floor, empty).passed


def test_checks_of_a_suite_have_names_of_their_own() -> None:
    for name, module in runner.discover().items():
        checks = [expectation.meta["check"] for expectation in module.expectations(a_context())]
        assert len(checks) == len(set(checks)), name


def a_context() -> GateContext:
    return GateContext(
        as_of=date(2026, 6, 17),
        as_of_end=datetime(2026, 6, 17, 22),
        known_at=4,
        unmapped_share_block=0.05,
        row_drop_block=0.3,
        freshness_hours={},
        enabled=frozenset({"hubspot"}),
    )


@pytest.mark.fault(75)
def test_a_verdict_names_nobody(gated: Gated) -> None:
    gated.mutate(
        "update dim_contacts set is_excluded = true",
        "update fct_deals set deal_name = 'Jane Doe', is_excluded = true",
        "update fct_deals set stage = 'unmapped', stage_label = 'call jane@people.example' where deal_id = 'd2'",
        "update dim_stages set is_mapped = false, stage_label = 'ask jane@people.example' where stage = 'won'",
        "update fct_rejected_rows set reason = null",
    )
    text = runner.write(
        gated.home, gated.judge("sources", "dim_contacts", "fct_deals", "fct_rejected_rows")
    ).read_text()
    assert '"deal_name": "J***"' in text
    assert "ask ***" in text
    for personal in ("@people.example", "Person 1", "Jane", "Owner 1"):
        assert personal not in text


def test_a_candidate_that_cannot_be_opened_is_one_line(gated: Gated) -> None:
    gated.home.candidate.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(GateFailed) as error:
        gated.judge()
    assert "\n" not in str(error.value)
    assert str(gated.home.candidate) in str(error.value)


@pytest.mark.fault(48)
@pytest.mark.fault(49)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_verdict_that_cannot_be_written_is_one_line(
    number: int, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = runner.Verdict("run-2", date(2026, 6, 17), 4, None, True, [], 0.1)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(GateFailed, match="the verdict cannot be written") as error:
            runner.write(gated.home, verdict)
    assert "\n" not in str(error.value)
    assert list(gated.home.verdicts.iterdir()) == []
    assert runner.write(gated.home, verdict).exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from configuration.model import load
from configuration.paths import Home
from expectations import runner
from warehouse.stores import read_context

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

runner._run_suites = kill
home = Home(Path(sys.argv[1]))
settings = load(home.root / "company" / "saleshouse.yml")
runner.run(home.candidate, live=home.current.resolve(), settings=settings, context=read_context(home))
"""


@pytest.mark.fault(43)
def test_killed_while_judging_the_live_release_stays_and_the_candidate_is_free(gated: Gated) -> None:
    home = gated.home
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.root)], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert release.require_live(home).id == "2026-06-17.001"
    assert not home.verdicts.exists()
    with duckdb.connect(str(home.current / "marts.duckdb"), read_only=True) as connection:
        assert connection.execute("select run_id from marts.marts.release_context").fetchall() == [("run-1",)]
    gated.mutate("update release_context set run_id = 'run-2'")
    assert gated.judge("dim_owners", "release_context").passed


def test_a_live_release_without_its_manifest_is_one_line(gated: Gated) -> None:
    manifest = release.require_live(gated.home).folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{ torn")
    with pytest.raises(GateFailed, match="the manifest of the live release cannot be read") as error:
        gated.judge("dim_owners")
    assert "\n" not in str(error.value)


def test_listing_suites_does_not_load_great_expectations() -> None:
    program = "import sys; from expectations import runner; runner.suites(); print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "False"
