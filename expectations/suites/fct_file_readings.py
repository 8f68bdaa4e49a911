"""What a reader of `fct_file_readings` is promised: each reading once, and word of columns that nobody maps yet."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_file_readings"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per reading of a file. A column is news until a release has told it."""
    return [
        rules.row_count("row_floor", 0),
        rules.filled("reading_key", "mapping_name", "entity", "file_name", "load_number"),
        rules.unique("reading_key"),
        rules.none("known_at_the_watermark", f"load_number > {context.known_at}"),
        rules.none(
            "no_new_columns",
            f"columns_new > 0 and load_number > {context.live_known_at or 0}",
            severity="warn",
            expected="no column that the mapping does not know; map it in saleshouse.yml, or leave it",
        ),
    ]
