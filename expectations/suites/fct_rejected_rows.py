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
            # A pipeline is one landed row and several staged ones.
            "select * from (select (select count(*) from {batch} "
            "where source_system <> 'hubspot' or entity <> 'stages') as kept, "
            "(select coalesce(sum(rows_rejected), 0) from fct_source_freshness "
            "where source <> 'hubspot' or entity <> 'pipelines') as counted) where kept <> counted",
            expected="as many rejects as fct_source_freshness counts",
        ),
    ]
