"""What a reader of `rpt_attention_list` is promised: its order, and a value at risk that its line explains."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_attention_list"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per open deal or lead and flag that it shows."""
    return [
        *rules.keyed(["entity_kind", "entity_key", "flag"], floor=0),
        rules.filled("owner_name", "association", "evidence_basis", "attention_rank", "flag_rank"),
        rules.accepted("entity_kind", ("deal", "lead")),
        rules.none(
            "value_at_risk_is_the_product",
            "association = 'less_often' and abs(value_at_risk + expected * difference) > 0.005",
        ),
        rules.none("no_value_without_fewer_wins", "association <> 'less_often' and value_at_risk <> 0"),
        rules.none(
            "no_figure_without_history",
            "association in ('not_enough_history', 'no_history') "
            "and (value_at_risk is not null or difference is not null)",
        ),
        rules.rows(
            "ranked_by_value_at_risk",
            "select * from (select attention_rank, entity_key, coalesce(entity_value_at_risk, 0) as at_risk, "
            "lag(at_risk) over (order by attention_rank) as before from {batch} where flag_rank = 1) "
            "where at_risk > before",
            expected="the highest value at risk first",
        ),
        rules.rows(
            "one_rank_per_deal_or_lead",
            "select attention_rank from {batch} group by attention_rank "
            "having count(distinct (entity_kind, entity_key)) <> 1",
            expected="one deal or lead per rank",
        ),
        rules.rows(
            "every_open_deal_with_a_flag",
            "select * from (select deal_key from fct_deal_health where reasons > 0) as health full outer join "
            "(select distinct entity_key from {batch} where entity_kind = 'deal') as listed "
            "on health.deal_key = listed.entity_key where health.deal_key is null or listed.entity_key is null",
            expected="the open deals that show a flag, and no other",
        ),
        rules.rows(
            "only_open_leads",
            "select list.entity_key from {batch} as list anti join "
            "(select lead_key from fct_leads where not is_excluded and not is_opportunity and exit_reason is null) "
            "as leads on list.entity_key = leads.lead_key where list.entity_kind = 'lead'",
            expected="leads that are to be worked",
        ),
    ]
