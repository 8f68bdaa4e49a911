"""What a reader of `fct_attribution` is promised: every conversion handed out whole by every model, to the cent."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_attribution"

EVENTS = ("lead", "opportunity", "won")
LEVELS = ("contact", "account")
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley")


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per conversion, level, model and touch. Which events count is configured, so there is no floor."""
    return [
        *rules.basics(
            context,
            MART,
            ["conversion_event", "level", "model", "conversion_key"],
            nullable=["touch_key"],
            floor=0,
        ),
        rules.filled("channel", "credit"),
        rules.accepted("conversion_event", EVENTS),
        rules.accepted("level", LEVELS),
        rules.accepted("model", MODELS),
        rules.accepted("channel", ALL_CHANNELS),
        rules.none("credit_is_a_share", "credit < 0 or credit > 1"),
        rules.none(
            "without_a_touch_unattributed",
            "(touch_key is null) <> (channel = 'unattributed') or (touch_key is null and touch_date is not null)",
        ),
        rules.none("touched_before", "touch_date > conversion_date"),
        rules.none("known_by_the_day", f"conversion_date > date '{context.as_of}'"),
        rules.rows(
            "credits_sum_to_one",
            "select conversion_event, level, model, conversion_key, sum(credit) as credits from {batch} "
            "group by all having sum(credit) <> 1",
            expected="credits of a conversion sum to exactly 1 in every model",
        ),
        rules.rows(
            "credited_is_the_amount",
            "select * from (select conversion_event, level, model, conversion_key, "
            "sum(credited_amount_reporting) as credited from {batch} where conversion_event <> 'lead' group by all) "
            "as credits inner join fct_deals as deals on credits.conversion_key = deals.deal_key "
            "where credits.credited is distinct from deals.amount_reporting",
            expected="credited amounts of a deal sum to its amount, to the cent",
        ),
        rules.rows(
            "every_model_the_same_conversions",
            "select conversion_event, conversion_key, count(distinct (level, model)) as models from {batch} "
            f"group by all having count(distinct (level, model)) <> {len(LEVELS) * len(MODELS)}",
            expected="every conversion in every model on both levels",
        ),
        rules.rows(
            "every_lead_is_one",
            "select leads.lead_key from fct_leads as leads anti join {batch} as credits "
            "on leads.lead_key = credits.conversion_key and credits.conversion_event = 'lead' "
            "where not leads.is_excluded and not leads.is_imported "
            "and exists (select 1 from {batch} where conversion_event = 'lead')",
            expected="every lead that counts, where leads are conversions",
        ),
    ]
