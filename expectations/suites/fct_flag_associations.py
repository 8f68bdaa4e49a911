"""What a reader of `fct_flag_associations` is promised: counts that add up, a word that its interval bears out."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_flag_associations"
SHOWN = "'less_often', 'more_often', 'not_told_apart'"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per flag and stage, and one per flag for all stages."""
    counts = ("cases_with", "reached_with", "cases_without", "reached_without")
    return [
        *rules.basics(context, MART, ["association_key"], floor=0),
        rules.filled("entity_kind", "flag", "association", *counts),
        rules.accepted("entity_kind", ("deal", "lead")),
        rules.accepted(
            "association", ("less_often", "more_often", "not_told_apart", "not_enough_history", "no_history")
        ),
        rules.none(
            "reached_within_cases",
            "reached_with not between 0 and cases_with or reached_without not between 0 and cases_without",
        ),
        rules.none("only_enough_history_has_a_figure", f"(difference is not null) <> (association in ({SHOWN}))"),
        rules.none(
            "the_word_is_the_intervals",
            "difference not between difference_low and difference_high "
            "or (difference_high < 0) <> (association = 'less_often') "
            "or (difference_low > 0) <> (association = 'more_often')",
        ),
        rules.rows(
            "stages_sum_to_all",
            "select entity_kind, flag from {batch} group by all having "
            + " or ".join(
                f"sum({count}) filter (where is_of_all_stages) <> sum({count}) filter (where not is_of_all_stages)"
                for count in counts
            ),
            expected="the stages' counts add up to the row of all stages",
        ),
    ]
