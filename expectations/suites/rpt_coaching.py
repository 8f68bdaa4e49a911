"""What a reader of `rpt_coaching` is promised: the hints of the mart and no other, each with its evidence."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_coaching"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per topic and owner."""
    return [
        *rules.keyed(["topic", "owner_key"], floor=1),
        rules.accepted("topic", ("stage", "leaver", "compared")),
        rules.none(
            "a_hint_has_its_evidence",
            "topic = 'stage' and coalesce(interval_high >= peer_conversion_rate or decided < progressed "
            "or comparisons < 1 or deals_short <= 0, true)",
        ),
        rules.none("a_leaver_has_open_deals", "topic = 'leaver' and coalesce(open_deals < 1, true)"),
        rules.rows(
            "every_leavers_deal",
            "select coalesce(sum(open_deals), 0) from {batch} where topic = 'leaver' "
            "having sum(open_deals) is distinct from "
            "(select sum(months.open_deals) from fct_rep_months as months inner join dim_owners as owners "
            "on months.owner_key = owners.owner_key where owners.kind = 'person' and not owners.is_active "
            "and months.open_deals > 0)",
            expected="the open deals of all who have left",
        ),
    ]
