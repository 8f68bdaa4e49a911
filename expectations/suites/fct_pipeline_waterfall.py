"""What a reader of `fct_pipeline_waterfall` is promised: no residual, and the same figures as the ledger."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_pipeline_waterfall"
MOVEMENTS = (
    "created", "reopened", "pulled_in", "pushed_in", "overdue_redated", "date_set", "increased", "decreased",
    "pushed_out", "pulled_earlier", "date_cleared", "won", "lost", "deleted", "transferred", "exchange_rate",
)  # fmt: skip


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per period, view, level and member."""
    summed = " + ".join(f"{name}_amount" for name in ("opening", *MOVEMENTS))
    return [
        *rules.basics(context, MART, ["period_type", "period_start", "view_name", "level", "member"], floor=0),
        rules.filled("period_end", "closing_date", "unknown_deals"),
        rules.accepted("period_type", ("week", "month", "quarter")),
        rules.accepted("view_name", ("all_open", "due_in_period")),
        rules.accepted("level", ("total", "team", "owner", "segment", "pipeline")),
        rules.none("no_residual", f"{summed} <> closing_amount"),
        rules.none("unknown_only_where_history_lacks", "closing_amount is null and unknown_deals = 0"),
        rules.none("transfers_cancel", "level = 'total' and transferred_amount <> 0"),
        rules.rows(
            "levels_agree",
            "select period_type, period_start, view_name from (select period_type, period_start, view_name, level, "
            "coalesce(sum(closing_amount), 0) as closing_amount from {batch} where unknown_deals = 0 or "
            "closing_amount is not null group by all) group by all "
            "having min(closing_amount) <> max(closing_amount)",
            expected="each level adds up to the total",
        ),
    ]
