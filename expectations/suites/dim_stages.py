"""What a reader of `dim_stages` is promised: each source's stage once, mapped to the vocabulary or to `unmapped`."""

from typing import TYPE_CHECKING

from configuration.entities import DEAL_STAGES, LEAD_STAGES, PIPELINE_PURPOSES
from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_stages"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per source, object, pipeline and stage."""
    return [
        *rules.basics(context, MART, ["stage_key"], floor=context.floor("stages", "deals")),
        rules.accepted("object", ("deal", "lead", "lead_status")),
        rules.filled("source_system", "object", "stage", "stage_order", "is_won", "is_lost", "is_mapped"),
        rules.accepted("stage", (*DEAL_STAGES, *LEAD_STAGES, "unmapped")),
        rules.accepted("pipeline_purpose", PIPELINE_PURPOSES),
        rules.between("win_probability", 0, 1),
        rules.none("unmapped_says_so", "is_mapped = (stage = 'unmapped')"),
        rules.none(
            "won_and_lost_follow_the_stage",
            "object = 'deal' and (is_won <> (stage = 'won') or is_lost <> (stage = 'lost'))",
        ),
    ]
