"""What a reader of `fct_targets` is promised: one target per month, level and member, in the reporting currency."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.fct_quota_attainment import MEASURES

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_targets"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per month, level, member and measure."""
    return [
        *rules.basics(context, MART, ["target_key"], floor=context.floor("targets")),
        rules.filled("level", "measure", "currency", "amount", "period_start", "amount_reporting"),
        rules.unique("level", "member", "measure", "period_start"),
        rules.accepted("level", ("company", "team", "owner", "creator_kind")),
        rules.accepted("measure", (*MEASURES, "pipeline_created")),
        rules.between("amount_reporting", 0),
        # Once the month is over it is a mistake in the list, and no build gets here.
        rules.rows(
            "owners_known",
            "select targets.member, min(targets.period_start) as first_month from {batch} as targets "
            "anti join dim_owners as owners on targets.member = owners.owner_key "
            f"where targets.level = 'owner' and targets.period_start <= date '{context.as_of}' group by all",
            severity="warn",
            expected="every owner with a target is one that a source lists",
        ),
        rules.none(
            "whole_months",
            "period_start between (select min(month_start) from dim_dates) and (select max(date_day) from dim_dates) "
            "and period_start not in (select month_start from dim_dates)",
        ),
    ]
