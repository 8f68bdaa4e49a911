"""The canonical entities: what any company's leads, deals or ad days look like once a source has been translated.

What belongs here: names, kinds and choices of columns, since `saleshouse.yml` is checked against them and
the files source casts to them. What does not: how a vendor's record becomes such a row (ingestion, staging).
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "date", "timestamp", "decimal", "integer", "boolean", "currency"]


@dataclass(frozen=True)
class Column:
    """One canonical column. `required`: a row without it is rejected. `choices`: the only values it may hold."""

    kind: Kind
    required: bool = False
    choices: tuple[str, ...] = ()


_ID, _KEY = Column("id"), Column("id", required=True)
_TEXT, _DATE, _TIMESTAMP = Column("text"), Column("date"), Column("timestamp")
_DECIMAL, _INTEGER, _BOOLEAN, _CURRENCY = Column("decimal"), Column("integer"), Column("boolean"), Column("currency")

LEAD_STAGES = (
    "suspect",
    "lead",
    "mql",
    "sql_lead",
    "opportunity",
    "customer",
    "disqualified",
    "recycled",
)
DEAL_STAGES = (
    "prospecting",
    "qualification",
    "meeting",
    "proposal",
    "negotiation",
    "closing",
    "won",
    "lost",
)
CHANNELS = (
    "referral",
    "existing_customer",
    "trade_show",
    "webinar",
    "other_event",
    "purchased_list",
    "email",
    "organic_social",
    "paid_social",
    "paid_search",
    "display",
    "organic_search",
    "inbound_content",
    "live_chat",
    "partner",
    "direct",
    "recycled",
    "unknown",
)
PIPELINE_PURPOSES = ("new_business", "renewal", "upsell", "onboarding", "test")

ENTITIES: dict[str, dict[str, Column]] = {
    "leads": {
        "lead_id": _KEY,
        "contact_id": _ID,
        "account_id": _ID,
        "owner_id": _ID,
        "full_name": _TEXT,
        "email": _TEXT,
        "company_name": _TEXT,
        "source_label": _TEXT,
        "source_detail": _TEXT,
        "stage_label": _TEXT,
        "status_label": _TEXT,
        "purchase_timeframe": _TEXT,
        "country": _TEXT,
        "is_converted": _BOOLEAN,
        "is_test": _BOOLEAN,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
        "is_deleted": _BOOLEAN,
        "deleted_at": _TIMESTAMP,
    },
    "contacts": {
        "contact_id": _KEY,
        "full_name": _TEXT,
        "email": _TEXT,
        "account_id": _ID,
        "owner_id": _ID,
        "lifecycle_label": _TEXT,
        "lead_status_label": _TEXT,
        "source_label": _TEXT,
        "source_detail": _TEXT,
        "visitor_id": _ID,
        "gclid": _ID,
        "country": _TEXT,
        "job_title": _TEXT,
        "purchase_timeframe": _TEXT,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
        "is_deleted": _BOOLEAN,
        "deleted_at": _TIMESTAMP,
        "merged_ids": _TEXT,
    },
    "accounts": {
        "account_id": _KEY,
        "account_name": _TEXT,
        "domain": _TEXT,
        "industry": _TEXT,
        "country": _TEXT,
        "employee_count": _INTEGER,
        "segment": _TEXT,
        "owner_id": _ID,
        "parent_account_id": _ID,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
        "is_deleted": _BOOLEAN,
        "deleted_at": _TIMESTAMP,
        "merged_ids": _TEXT,
    },
    "deals": {
        "deal_id": _KEY,
        "deal_name": _TEXT,
        "account_id": _ID,
        "contact_id": _ID,
        "owner_id": _ID,
        "pipeline_id": _ID,
        "pipeline_label": _TEXT,
        "stage_id": _ID,
        "stage_label": _TEXT,
        "amount": _DECIMAL,
        "currency": _CURRENCY,
        "close_date": _DATE,
        "deal_type": _TEXT,
        "lost_reason": _TEXT,
        "forecast_category": _TEXT,
        "next_step": _TEXT,
        "win_probability": _DECIMAL,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
        "is_deleted": _BOOLEAN,
        "deleted_at": _TIMESTAMP,
        "merged_ids": _TEXT,
    },
    "stage_changes": {
        "object": Column("text", required=True, choices=("deal", "lead")),
        "record_id": _KEY,
        "stage_label": Column("text", required=True),
        "changed_at": Column("timestamp", required=True),
    },
    "owners": {
        "owner_id": _KEY,
        "owner_name": _TEXT,
        "email": _TEXT,
        "team": _TEXT,
        "manager_id": _ID,
        "kind": Column("text", choices=("person", "queue", "integration")),
        "is_active": _BOOLEAN,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
    },
    "activities": {
        "activity_id": _KEY,
        "kind": Column("text", required=True, choices=("meeting", "call", "email", "task")),
        "owner_id": _ID,
        "contact_id": _ID,
        "deal_id": _ID,
        "account_id": _ID,
        "subject": _TEXT,
        "direction": Column("text", choices=("outbound", "inbound")),
        "outcome": _TEXT,
        "is_completed": _BOOLEAN,
        "duration_seconds": _INTEGER,
        "occurred_at": _TIMESTAMP,
        "created_at": _TIMESTAMP,
        "updated_at": _TIMESTAMP,
        "is_deleted": _BOOLEAN,
    },
    "ad_days": {
        "platform": Column("text", required=True),
        "ad_account_id": _ID,
        "campaign_id": _KEY,
        "campaign_name": _TEXT,
        "ad_group_id": _ID,
        "ad_group_name": _TEXT,
        "channel_type": _TEXT,
        "date_day": Column("date", required=True),
        "impressions": _INTEGER,
        "clicks": _INTEGER,
        "spend": _DECIMAL,
        "currency": _CURRENCY,
        "conversions_claimed": _DECIMAL,
        "conversion_value_claimed": _DECIMAL,
        "campaign_status": _TEXT,
    },
    "targets": {
        "period_start": Column("date", required=True),
        "period_type": Column("text", required=True, choices=("month", "quarter")),
        "level": Column("text", required=True, choices=("company", "team", "owner")),
        "member": _TEXT,
        "measure": Column("text", required=True, choices=("bookings",)),
        "amount": Column("decimal", required=True),
        "currency": Column("currency", required=True),
    },
    "budgets": {
        "period_start": Column("date", required=True),
        "campaign_id": _ID,
        "channel": Column("text", choices=CHANNELS),
        "amount": Column("decimal", required=True),
        "currency": Column("currency", required=True),
    },
    "rates": {
        "rate_date": Column("date", required=True),
        "currency": Column("currency", required=True),
        "rate_to_reporting": Column("decimal", required=True),
        "kind": Column("text", required=True, choices=("daily", "plan")),
    },
    "holidays": {
        "region": _TEXT,
        "holiday_date": Column("date", required=True),
        "name": _TEXT,
    },
    "addressable_accounts": {
        "segment": _TEXT,
        "country": _TEXT,
        "account_name": _TEXT,
        "domain": _TEXT,
    },
}
