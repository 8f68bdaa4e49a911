"""The product's own words for the vocabulary of the marts: stages, channels, methods, reasons, remarks.

What belongs here: names that stand for a value of a column. What does not: sentences (they stand in the templates)
and names that a company gave (they are printed as they came).
"""

from collections.abc import Callable

Gettext = Callable[[str], str]


def vocabulary(_: Gettext) -> dict[str, dict[str, str]]:
    """Translated names by kind and value."""
    return {
        "stage": {
            "suspect": _("Suspect"),
            "lead": _("Lead"),
            "mql": _("MQL"),
            "sql_lead": _("Sales-qualified"),
            "opportunity": _("Opportunity"),
            "customer": _("Customer"),
            "prospecting": _("Prospecting"),
            "qualification": _("Qualification"),
            "meeting": _("Meeting"),
            "proposal": _("Proposal"),
            "negotiation": _("Negotiation"),
            "closing": _("Closing"),
            "won": _("Won"),
            "lost": _("Lost"),
            "unmapped": _("Unmapped"),
        },
        "channel": {
            "referral": _("Referral"),
            "existing_customer": _("Existing customer"),
            "trade_show": _("Trade show"),
            "webinar": _("Webinar"),
            "other_event": _("Other event"),
            "purchased_list": _("Purchased list"),
            "email": _("E-mail"),
            "organic_social": _("Organic social"),
            "paid_social": _("Paid social"),
            "paid_search": _("Paid search"),
            "display": _("Display"),
            "organic_search": _("Organic search"),
            "inbound_content": _("Content and inbound"),
            "live_chat": _("Live chat"),
            "partner": _("Partner network"),
            "direct": _("Direct"),
            "recycled": _("Recycled"),
            "unknown": _("Unknown"),
            "not_stated": _("Not stated"),
            "unmapped": _("Unmapped"),
            "unattributed": _("Without a lead"),
            "total": _("Total"),
        },
        "method": {
            "crm_view": _("CRM’s own view"),
            "stage_yield": _("Historical stage yield"),
            "seasonal_naive": _("Same period last year"),
        },
        "part": {
            "won": _("Already won"),
            "open": _("Open pipeline"),
            "not_created": _("Not yet created"),
            "renewals": _("Renewals"),
            "total": _("Total"),
        },
        "reason": {
            "past_close_date": _("Past its close date"),
            "idle": _("No recent activity"),
            "older_than_won": _("Older than won deals were at that stage"),
            "pushed_twice": _("Pushed twice or more"),
            "amount_cut": _("Amount was cut"),
            "without_next_step": _("No next step"),
            "single_contact": _("Only one contact"),
            "without_contact": _("No contact"),
        },
        "remark": {
            "amount_missing": _("Deals without an amount: counted, left out of values"),
            "rate_missing": _("Deals without an exchange rate: left out of values"),
            "close_date_missing": _("Open deals without a close date: in the pipeline, in no period"),
            "won_in_the_future": _("Wins dated after the report’s day: not booked yet"),
            "cycle_rejected": _("Won deals without a usable sales cycle: booked, left out of the cycle"),
            "history_assumed": _("Deals without stage history: today’s stage only, left out of stage times"),
            "split_short": _("Split deals whose parts do not reach 100 %: the rest is the owner’s"),
            "split_excessive": _("Split deals whose parts exceed 100 %: all of it is the owner’s"),
            "created_date_missing": _("Leads without a creation date: in no period or cohort"),
            "source_not_stated": _("Leads without a stated source"),
        },
        "subject": {
            "deal_stage": _("deal stages"),
            "lead_stage": _("lead stages"),
            "lead_source": _("lead sources"),
            "leads": _("Leads"),
            "deals": _("Deals"),
            "contacts": _("Contacts"),
            "accounts": _("Accounts"),
        },
        "exclusion": {
            "test": _("test records"),
            "spam": _("spam"),
            "duplicate": _("duplicates"),
            "deleted": _("deleted in the source"),
        },
        "measure": {
            "won_amount": _("Bookings"),
            "won_deals": _("Won deals"),
            "lost_deals": _("Lost deals"),
            "leads_created": _("Leads"),
            "mqls": _("MQL"),
            "spend": _("Ad spend"),
        },
        "cause": {
            "late_win": _("won late"),
            "late_loss": _("lost late"),
            "late_record": _("told late"),
            "late_ad_cost": _("ad costs told late"),
            "reopen": _("reopened"),
            "amount_edit": _("amount edited"),
            "date_edit": _("date edited"),
            "delete": _("deleted"),
            "restore": _("restored"),
            "merge": _("merged"),
            "exchange_rate": _("another exchange rate"),
            "pipeline_change": _("another pipeline"),
            "exclusion_change": _("flagged as a test, or no longer"),
            "definition_change": _("our mapping or definition"),
        },
        "origin": {
            "channel": _("Channel"),
            "source": _("Source"),
            "detail": _("Origin"),
        },
        "breakdown": {
            "channel": _("By channel"),
            "source": _("By source"),
            "detail": _("By origin"),
        },
    }
