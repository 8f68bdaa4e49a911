"""What a company sets of Google Ads."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from configuration.kinds import Section, VariableName, WebAddress


class GoogleAds(Section):
    enabled: bool = False
    base_url: WebAddress = "https://googleads.googleapis.com"
    token_url: WebAddress = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    customer_ids: tuple[str, ...] = ()
    login_customer_id: str | None = None
    developer_token_env: VariableName = "GOOGLE_ADS_DEVELOPER_TOKEN"  # noqa: S105
    client_id_env: VariableName = "GOOGLE_ADS_CLIENT_ID"
    client_secret_env: VariableName = "GOOGLE_ADS_CLIENT_SECRET"  # noqa: S105
    refresh_token_env: VariableName = "GOOGLE_ADS_REFRESH_TOKEN"  # noqa: S105
    trailing_days: Annotated[int, Field(ge=1, le=365)] = 30

    @field_validator("customer_ids")
    @classmethod
    def _digits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        ids = tuple(one.replace("-", "") for one in value)
        if not all(one.isdigit() for one in ids):
            raise ValueError("holds something else than customer numbers such as 123-456-7890")
        return ids

    @model_validator(mode="after")
    def _has_customers(self) -> "GoogleAds":
        if self.enabled and not self.customer_ids:
            raise ValueError("is enabled without customer_ids; list the accounts to read")
        return self


SECTION = GoogleAds
