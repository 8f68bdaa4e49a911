"""What a company sets of HubSpot."""

from configuration.kinds import Section, VariableName, WebAddress, Zone


class HubSpot(Section):
    enabled: bool = False
    base_url: WebAddress = "https://api.hubapi.com"
    token_env: VariableName = "HUBSPOT_TOKEN"  # noqa: S105 - the name of a variable
    account_timezone: Zone | None = None
    # Sales Hub Enterprise only, and a scope of its own.
    deal_splits: bool = False
    # Service Hub Professional and above, and a scope of its own.
    feedback_submissions: bool = False


SECTION = HubSpot
