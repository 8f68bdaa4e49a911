"""What a reader of `fct_customer_feedback` is promised: shares of enough answers, in groups that add up."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_customer_feedback"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per kind, period, segment and group of answers; nobody may have been asked, or about something else: how
    many answers there are is reconciled with what was staged.
    """
    key = ["kind", "period_type", "period_start", "level", "member", "answer_group"]
    return [
        *rules.basics(context, MART, key, floor=0),
        rules.accepted(
            "answer_group", ("all", "promoter", "passive", "detractor", "satisfied", "neutral", "dissatisfied")
        ),
        rules.accepted("level", ("total", "segment")),
        rules.accepted("period_type", ("month", "quarter")),
        rules.accepted("kind", ("nps", "csat")),
        rules.between("nps", -1, 1),
        rules.between("csat", 0, 1),
        rules.between("retention_rate", 0, 1),
        rules.none("no_figure_of_few_answers", "is_below_minimum and (nps is not null or csat is not null)"),
        rules.none("kept_were_followed", "customers_kept > customers_followed or customers_followed > customers"),
        rules.none("share_of_answers", "abs(nps * answers - (answers_good - answers_bad)) > 0.001"),
        rules.rows(
            "groups_add_up",
            "select kind, period_type, period_start, level, member from {batch} group by all "
            "having sum(case answer_group when 'all' then answers else -answers end) <> 0",
            expected="the answers of all groups",
        ),
    ]
