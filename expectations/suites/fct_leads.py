"""What a reader of `fct_leads` is promised: each lead once, milestones in order, what it won told without double."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_leads"

STAGES = ("suspect", "lead", "mql", "sql_lead", "opportunity", "customer", "unmapped")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per lead."""
    return [
        *rules.basics(context, MART, ["lead_key"], floor=context.floor("leads")),
        rules.references("contact_key", "dim_contacts"),
        rules.references("account_key", "dim_accounts"),
        rules.references("owner_key", "dim_owners"),
        rules.references("campaign_key", "dim_campaigns"),
        rules.accepted("exclusion_reason", ("deleted", "duplicate", "spam", "test")),
        rules.filled(
            *("lead_id", "source_system", "channel", "history_basis", "is_excluded", "is_deleted", "is_imported"),
            *("is_mql", "is_sql_lead", "is_opportunity", "is_customer", "deals_count", "won_deals_count"),
        ),
        rules.accepted("lifecycle_stage", STAGES),
        rules.accepted("channel", ALL_CHANNELS),
        rules.accepted("temperature", ("hot", "warm", "cold")),
        rules.accepted("exit_reason", ("disqualified", "recycled", "duplicate", "spam")),
        rules.accepted("history_basis", ("field_history", "landed_version", "assumed_current")),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("deleted_is_excluded", "is_deleted and not is_excluded"),
        rules.none("duplicates_and_spam_are_excluded", "exit_reason in ('duplicate', 'spam') and not is_excluded"),
        rules.none(
            "later_stage_includes_earlier",
            "(is_customer and not is_opportunity) or (is_opportunity and not is_sql_lead) "
            "or (is_sql_lead and not is_mql)",
        ),
        rules.none(
            "milestones_in_order",
            "sql_lead_at < mql_at or opportunity_at < sql_lead_at or customer_at < opportunity_at",
        ),
        rules.none(
            "milestone_has_its_flag",
            "(mql_at is not null and not is_mql) or (sql_lead_at is not null and not is_sql_lead) "
            "or (opportunity_at is not null and not is_opportunity) or (customer_at is not null and not is_customer)",
        ),
        rules.none(
            "won_deals_are_deals",
            "won_deals_count > deals_count or deals_count < 0 or won_deals_count < 0 "
            "or won_deals_without_amount not between 0 and won_deals_count "
            "or (won_deals_without_amount = won_deals_count and won_amount_reporting <> 0)",
        ),
        rules.none(
            "episodes_have_their_exits",
            "episodes < 1 or episodes > 1 + disqualifications + recycles "
            "or (exit_reason is not null and disqualifications + recycles < 1) or exited_at < episode_started_at",
        ),
        rules.rows(
            "recycled_from_an_earlier_lead_of_the_person",
            "select later.lead_key, later.recycled_from_lead_key from {batch} as later "
            "left join {batch} as earlier on later.recycled_from_lead_key = earlier.lead_key "
            "where later.recycled_from_lead_key is not null and (earlier.lead_key is null "
            "or earlier.person_key <> later.person_key or earlier.created_at >= later.created_at)",
            expected="an earlier lead of the same person",
        ),
        rules.none("imported_is_undated", "is_imported and coalesce(created_at, created_date) is not null"),
        rules.none("created_by_the_day", f"created_at >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "won_amount_is_the_deals",
            "select * from (select (select sum(won_amount_reporting) from {batch}) as of_leads, "
            "(select sum(amount_reporting) from fct_deals where status = 'won' and not is_excluded) as of_deals, "
            "(select sum(abs(amount_reporting)) from fct_deals where status = 'won' and not is_excluded) as of_all) "
            "where abs(of_leads) > coalesce(of_all, 0) + 0.01",
            expected="leads won no more than the deals",
        ),
    ]
