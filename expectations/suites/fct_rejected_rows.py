"""What a reader of `fct_rejected_rows` is promised: each rejected row once, with its reason, as many as counted."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_rejected_rows"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per rejected row. Fewer rejects are good news, so nothing is compared with the live release."""
    return [
        rules.row_count("row_floor", 0),
        rules.filled("reject_key", "source_system", "entity", "reason", "load_number"),
        rules.unique("reject_key"),
        rules.none("known_at_the_watermark", f"load_number > {context.known_at}"),
        rules.rows(
            "as_many_as_counted",
            # A record that is staged in parts counts once as a record and here with each part that was rejected. What
            # is read out of records of another kind, such as their histories, is counted nowhere else.
            "select source, entity, counted.rejects as counted, coalesce(kept.rejects, 0) as kept from ("
            "select source, coalesce(split_part(staged_as, ', ', 1), entity) as entity, "
            "sum(rows_rejected) as rejects, bool_or(is_staged_in_parts) as in_parts "
            "from fct_source_freshness group by all) as counted left join ("
            "select source_system as source, entity, count(*) as rejects from {batch} group by all) as kept "
            "using (source, entity) where coalesce(kept.rejects, 0) < counted.rejects "
            "or (not in_parts and kept.rejects > counted.rejects)",
            expected="as many rejects as fct_source_freshness counts",
        ),
    ]
