"""What a reader of `rpt_quality` is promised: remarks with their counts, and every source with its freshness."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_quality"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per remark on the data."""
    return [
        *rules.keyed(["section"], nullable=["source_system", "subject", "remark"], floor=1),
        rules.accepted("section", ("rejected", "unmapped", "excluded", "remark", "freshness", "total")),
        rules.filled("subject"),
        rules.none("counts_in_range", "records < 0 or records > records_in_all"),
        rules.between("share_of_all", 0, 1),
        rules.rows(
            "rejects_are_told",
            "select * from (select (select coalesce(sum(records), 0) from {batch} where section = 'rejected') as told, "
            "(select count(*) from fct_rejected_rows) as rejected) where told <> rejected",
            expected="as many rejected rows as fct_rejected_rows holds",
        ),
    ]
