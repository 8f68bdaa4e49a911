"""What a reader of `rpt_team` is promised: each owner once, one total, and the owners sum to it."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "rpt_team"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per owner, one for those who left, and one for the company."""
    return [
        *rules.keyed(["owner_key"], floor=0),
        rules.filled("owner_name", "won_month", "won_quarter", "open_deals", "open_pipeline"),
        rules.rows(
            "total_is_the_sum",
            "select * from (select count(*) filter (where is_total) as totals, "
            "sum(won_quarter) filter (where is_total) as won_in_total, "
            "sum(won_quarter) filter (where not is_total) as won_of_owners, "
            "sum(open_pipeline) filter (where is_total) as open_in_total, "
            "sum(open_pipeline) filter (where not is_total) as open_of_owners from {batch} having count(*) > 0) "
            "where (totals <> 1 and exists (select 1 from fct_deals where not is_excluded)) "
            "or won_in_total <> won_of_owners or open_in_total <> open_of_owners",
            expected="one total, equal to the sum of the owners",
        ),
        rules.rows(
            "attainment_is_that_of_the_month",
            "select team.owner_key, team.attainment_month, months.attainment from {batch} as team "
            "inner join fct_rep_months as months on team.owner_key = months.owner_key and months.month_start in "
            f"(select month_start from dim_dates where date_day = date '{context.as_of}') "
            "where not team.is_total and team.owner_key <> 'unassigned' and (team.target_month is distinct from "
            "months.quota or team.attainment_month is distinct from months.attainment)",
            expected="quota and attainment of fct_rep_months",
        ),
        rules.none(
            "rate_is_won_of_closed",
            "abs(win_rate - year_won_deals / nullif(year_won_deals + year_lost_deals, 0)) > 0.000001",
        ),
    ]
