"""What a reader of `fct_touches` is promised: each touch once, in order, with every visit of a known person."""

from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext
from expectations.suites.dim_channels import ALL_CHANNELS

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_touches"


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per touch. A company may state no source and measure no visit, so there is no floor."""
    return [
        *rules.basics(context, MART, ["touch_key"], floor=0),
        rules.references("contact_key", "dim_contacts"),
        rules.references("account_key", "dim_accounts"),
        rules.references("lead_key", "fct_leads"),
        rules.references("session_key", "fct_sessions"),
        rules.references("campaign_key", "dim_campaigns"),
        rules.filled("person_key", "touch_kind", "channel", "is_paid", "is_direct", "is_excluded"),
        rules.accepted("touch_kind", ("ad_click", "session", "event", "lead_source")),
        rules.accepted("channel", ALL_CHANNELS),
        rules.accepted("exclusion_reason", ("bot", "deleted", "duplicate", "spam", "test")),
        rules.none("excluded_says_why", "is_excluded <> (exclusion_reason is not null)"),
        rules.none("told_by_a_visit_or_a_lead", "session_key is null and lead_key is null"),
        rules.none("counted_if_it_counts", "(touch_no is not null) <> (not is_excluded and touched_at is not null)"),
        rules.none("known_by_the_day", f"touched_at >= timestamp '{context.as_of_end}'"),
        rules.rows(
            "touches_in_order",
            "select * from (select person_key, touch_no, touched_at, "
            "lag(touched_at) over (partition by person_key order by touch_no) as touched_before, "
            "row_number() over (partition by person_key order by touch_no) as place "
            "from {batch} where touch_no is not null) where touch_no <> place or touched_at < touched_before",
            expected="each person's touches are numbered from 1 in order of time",
        ),
        rules.rows(
            "every_visit_of_a_contact",
            "select sessions.session_key from fct_sessions as sessions anti join {batch} as touches "
            "on sessions.session_key = touches.session_key where sessions.contact_key is not null",
            expected="every visit of a known contact is a touch",
        ),
    ]
