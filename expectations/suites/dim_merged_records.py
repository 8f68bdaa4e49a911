"""What a reader of `dim_merged_records` is promised: an old id leads to one record, which was not merged itself."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "dim_merged_records"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per merged record; a company may never have merged any."""
    return [
        *rules.basics(context, MART, ["object", "record_key"], floor=0),
        rules.filled("survivor_key", "source_system", "record_id", "survivor_id"),
        rules.accepted("object", ("account", "contact", "deal")),
        rules.none("deals_alone_say_when", "(object = 'deal') <> (merged_at is not null)"),
        rules.none("chains_end", f"(object, survivor_key) in (select (object, record_key) from {MART})"),
    ]
