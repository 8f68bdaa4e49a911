"""What a reader of `fct_deals` is promised: each deal once, its status and times agreeing, its money convertible."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES, PIPELINE_PURPOSES
from expectations import rules
from expectations.context import COMPARABLE_ROWS, GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_deals"

# Against the median of what was won: beyond it an amount is a typing mistake until somebody says otherwise.
HUNDREDFOLD = 100
PARTS = ("tcv", "acv", "arr", "one_time_amount")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per surviving deal."""
    return [
        *rules.basics(context, MART, ["deal_key"], floor=context.floor("deals")),
        rules.references("account_key", "dim_accounts"),
        rules.references("contact_key", "dim_contacts"),
        rules.references("lead_key", "fct_leads"),
        rules.references("owner_key", "dim_owners"),
        rules.references("campaign_key", "dim_campaigns"),
        rules.references("stage_key", "dim_stages"),
        rules.references("original_deal_key", "fct_deals", "deal_key"),
        rules.none(
            "only_what_follows_a_sale_has_one",
            "original_deal_key = deal_key or (original_deal_key is not null and (account_key is null "
            "or pipeline_purpose is null or pipeline_purpose not in ('renewal', 'upsell')))",
        ),
        rules.accepted("cycle_reject_reason", ("closed_before_created", "imported", "zero_day", "unknown")),
        rules.accepted("amount_history_basis", ("field_history", "landed_version", "assumed_current")),
        rules.accepted("exclusion_reason", ("deleted", "duplicate", "merged", "test")),
        rules.filled("deal_id", "source_system", "stage", "status", "channel", "is_excluded", "is_deleted"),
        rules.accepted("status", ("open", "won", "lost")),
        rules.accepted("stage", (*DEAL_STAGES, "unmapped")),
        rules.accepted("pipeline_purpose", PIPELINE_PURPOSES),
        rules.accepted("channel", ALL_CHANNELS),
        rules.accepted("history_basis", ("field_history", "landed_version", "assumed_current")),
        rules.pattern("currency", "[A-Z]{3}"),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("deleted_is_excluded", "is_deleted and not is_excluded"),
        rules.none("entered_twice_is_excluded", "loss_reason = 'duplicate' and not is_excluded"),
        rules.none(
            "status_follows_the_stage", "(stage = 'won') <> (status = 'won') or (stage = 'lost') <> (status = 'lost')"
        ),
        rules.none("open_has_no_close", "status = 'open' and (closed_at is not null or close_day is not null)"),
        rules.none(
            "amounts_converted",
            "amount is not null and amount_reporting is null and not is_excluded",
            expected="a rate for every amount; a missing rate is never 1.0",
        ),
        rules.rows(
            "plan_rate_where_there_is_a_target",
            "select deals.deal_key, deals.currency, deals.close_day from {batch} as deals "
            "inner join dim_dates as dates on deals.close_day = dates.date_day semi join (select * from fct_targets "
            "where measure = 'bookings') as targets on dates.month_start = targets.period_start "
            "where deals.status = 'won' "
            "and not deals.is_excluded and deals.amount is not null and deals.amount_plan_rate is null",
            expected="a plan rate for what is won in a month with a target, or it would not count towards it",
        ),
        rules.none("no_amount_stays_none", "amount is null and amount_reporting is not null"),
        rules.none("amounts_keep_their_sign", "sign(amount) * sign(amount_reporting) < 0"),
        rules.between("cycle_days", 0),
        rules.none("cycle_is_of_the_won", "cycle_days is not null and status <> 'won'"),
        rules.accepted("close_day_flag", ("future_dated", "back_dated", "dated_later")),
        rules.between("cycle_days_from_qualified", 0),
        rules.none("qualified_within_the_cycle", "cycle_days_from_qualified > coalesce(cycle_days, 0) + 0.000001"),
        rules.between("win_probability", 0, 1),
        rules.none("counts_not_negative", "pushes < 0 or pushed_days < 0 or reopens < 0"),
        rules.none("created_by_the_day", f"created_at >= timestamp '{context.as_of_end}'"),
        rules.none("closed_by_the_day", f"closed_at >= timestamp '{context.as_of_end}'"),
        rules.none("closed_after_created", "closed_at < created_at and not is_excluded", severity="warn"),
        rules.none("close_date_after_created", "status <> 'open' and close_date < created_date", severity="warn"),
        rules.none("amounts_not_negative", "amount < 0 and not is_excluded", severity="warn"),
        rules.none(
            "amounts_not_hundredfold",
            f"abs(amount_reporting) > {HUNDREDFOLD} * (select median(amount_reporting) from {{batch}} "
            "where status = 'won' and amount_reporting > 0 and not is_excluded) and not is_excluded",
            severity="warn",
            expected=f"amounts within {HUNDREDFOLD} times the median won deal",
        ),
        *(rule for part in PARTS for rule in _part(part)),
        *_headline(context),
        *_against_live(context),
    ]


def _part(part: str) -> list["Expectation"]:
    """A part of a deal's amount is converted as the amount is."""
    return [
        rules.none(
            f"{part}_converted",
            f"({part} is null) <> ({part}_reporting is null) and not is_excluded",
            expected=f"a rate for every {part}; a missing rate is never 1.0",
        ),
        rules.none(f"{part}_keeps_its_sign", f"sign({part}) * sign({part}_reporting) < 0"),
    ]


def _headline(context: GateContext) -> list["Expectation"]:
    """What the company has chosen as its amount is a part that its sources tell."""
    chosen = context.headline_amount
    if chosen == "amount":
        return []
    return [
        rules.none("amount_is_the_headline", f"amount is distinct from {chosen}", expected=f"{chosen} as the amount"),
        rules.rows(
            "headline_amount_told",
            "select source_system, count(*) as deals from {batch} where not is_excluded group by all "
            f"having count(*) >= {COMPARABLE_ROWS} and count(amount) = 0",
            expected=f"{chosen} in some deal of each source; have the CRM tell it, or choose another "
            "company.headline_amount in saleshouse.yml, for without one no deal counts with an amount",
        ),
    ]


def _against_live(context: GateContext) -> list["Expectation"]:
    """Bookings of a closed past do not vanish between two releases."""
    if "fct_deals" not in context.live_rows:
        return []
    won = "sum(amount_reporting) filter (where status = 'won' and not is_excluded)"
    return [
        rules.rows(
            "won_amount_against_live",
            f"select * from (select (select {won} from live.marts.fct_deals) as won_before, "
            f"(select {won} from {{batch}}) as won_now) "
            f"where won_before > 0 and coalesce(won_now, 0) < {1 - context.row_drop_block} * won_before",
            expected=f"won amount not fallen by more than {context.row_drop_block:.0%}",
        )
    ]
