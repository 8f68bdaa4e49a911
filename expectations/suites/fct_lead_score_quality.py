"""What a reader of `fct_lead_score_quality` is promised: scores that know nothing of later and mean a share."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_lead_score_quality"

# What a source sets when it makes a lead and nobody fills in afterwards; visits are only those up to that moment.
KNOWN_AT_CAPTURE = (
    *("capture_time", "capture_visits", "channel", "days_on_site", "device", "known_before", "source_detail"),
    "visit_country",
)
# What the outcome has written, or may have: reading one of these is a leak, however good it makes the scores look.
BANNED = (
    *(
        "tags",
        "lead_quality",
        "lead_profile",
        "last_activity",
        "last_notable_activity",
        "lifecycle_stage",
        "lead_status",
    ),
    *("temperature", "exit_reason", "deals", "owner", "job_title", "country", "account", "updated_at"),
)
# Above this the scores know the outcome.
LEAK = 0.97
# From so many leads on a tenth is held against its chance: within two points, and 2.576 standard errors for the luck.
ENOUGH, POINTS, ERRORS = 100, 0.02, 2.576
# What blocks: 3.891 standard errors, so that of ten sound tenths one is called wrong by luck in a thousand releases.
BLOCKING_ERRORS = 3.891


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per scope and tenth. No row until leads have been scored and their horizon is over."""
    known = ", ".join(f"'{field}'" for field in KNOWN_AT_CAPTURE)
    banned = ", ".join(f"'{field}'" for field in BANNED)
    read = "select scope, unnest(string_split(fields_read, ', ')) as field from {batch} where fields_read is not null"
    return [
        *rules.basics(context, MART, ["scope", "tenth"], floor=0),
        rules.filled("target", "method", "leads", "reached", "expected_reached", "mean_probability", "observed_rate"),
        rules.accepted("scope", ("all", "last_12_months")),
        rules.accepted("method", ("logistic", "points")),
        rules.between("tenth", 0, 10),
        rules.none("counts_in_order", "reached < 0 or reached > leads or expected_reached > leads"),
        rules.none("rate_in_its_interval", "not (wilson_low <= observed_rate and observed_rate <= wilson_high)"),
        rules.rows(
            "only_what_was_known_at_capture",
            f"select * from ({read}) where field not in ({known}) or field in ({banned})",
            expected="no field that may have been filled in after the capture",
        ),
        rules.none("fields_are_told", "tenth = 0 and fields_read is null"),
        rules.none("no_leak", f"auc > {LEAK}", expected=f"AUC up to {LEAK}: above, the scores know the outcome"),
        rules.none("better_than_chance", "auc < 0.5 and leads >= 1000", severity="warn"),
        rules.none(
            "chances_come_true",
            f"tenth > 0 and leads >= {ENOUGH} and abs(observed_rate - mean_probability) > "
            f"{POINTS} + {ERRORS} * sqrt(mean_probability * (1 - mean_probability) / leads)",
            severity="warn",
            expected="each tenth within two points of its chance, or as near as luck allows",
        ),
        # A market that turns moves all tenths and must not keep bookings from readers, so each is held against its
        # chance times what all leads together did of theirs, over all the time that was scored.
        rules.rows(
            "tenths_differ_as_told",
            f"""
            with told as (
                select tenths.tenth, tenths.leads, tenths.observed_rate, tenths.mean_probability,
                    least(tenths.mean_probability * totals.reached / totals.expected_reached, 1) as levelled_probability
                from {{batch}} as tenths inner join {{batch}} as totals on tenths.scope = totals.scope
                where tenths.scope = 'all' and tenths.tenth > 0 and totals.tenth = 0 and totals.expected_reached > 0
                    and tenths.leads >= {ENOUGH}
            )
            select * from told where abs(observed_rate - levelled_probability)
                > {POINTS} + {BLOCKING_ERRORS} * sqrt(levelled_probability * (1 - levelled_probability) / leads)
            """,
            expected="tenths that differ as their chances do, within two points and what luck allows",
        ),
        rules.rows(
            "tenths_are_all_leads",
            "select scope from {batch} group by scope having sum(leads) filter (where tenth > 0) "
            "<> sum(leads) filter (where tenth = 0) or sum(reached) filter (where tenth > 0) "
            "<> sum(reached) filter (where tenth = 0)",
            expected="the tenths add up to the row of all",
        ),
    ]
