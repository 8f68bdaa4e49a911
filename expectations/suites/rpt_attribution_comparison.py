"""What a reader of `rpt_attribution_comparison` is promised: all credit and all spend, in every model the same sums."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS
from expectations.suites.fct_attribution import EVENTS, LEVELS, MODELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_attribution_comparison"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, event, level, model and channel with credit or spend."""
    return [
        *rules.basics(
            context,
            MART,
            ["period_type", "conversion_event", "level", "model", "channel"],
            nullable=["period_start"],
            floor=0,
        ),
        rules.filled("credited_conversions", "conversions_without_amount"),
        rules.accepted("period_type", ("month", "trailing_12_months")),
        rules.accepted("conversion_event", EVENTS),
        rules.accepted("level", LEVELS),
        rules.accepted("model", MODELS),
        rules.accepted("channel", ALL_CHANNELS),
        rules.none(
            "counts_in_order",
            "credited_conversions < 0 or conversions_without_amount < 0 "
            "or conversions_without_amount > credited_conversions",
        ),
        rules.none(
            "return_is_amount_by_spend",
            "abs(roas - credited_amount_reporting / spend_reporting) > 0.000001 "
            "or (roas is not null and (conversion_event <> 'won' or spend_reporting = 0))",
        ),
        rules.rows(
            "months_are_all_credit",
            "select * from (select conversion_event, level, model, sum(credited_conversions) as credit, "
            "sum(credited_amount_reporting) as amount from {batch} where period_type = 'month' group by all) as months "
            "full outer join (select conversion_event, level, model, sum(credit) as credit, "
            "sum(credited_amount_reporting) as amount from fct_attribution group by all) as credits "
            "using (conversion_event, level, model) where months.credit is distinct from credits.credit "
            "or coalesce(months.amount, 0) <> coalesce(credits.amount, 0)",
            expected="credits and credited amounts of fct_attribution",
        ),
        rules.rows(
            "months_are_all_spend",
            "select * from (select conversion_event, level, model, sum(spend_reporting) as spend from {batch} "
            "where period_type = 'month' group by all) as months where coalesce(months.spend, 0) <> "
            "(select coalesce(sum(spend_reporting), 0) from fct_ad_performance_daily)",
            expected="spend of fct_ad_performance_daily, once in every model",
        ),
    ]
