"""Google Ads API over one company at one moment: the token exchange, and GAQL by searchStream and by paged search.

What belongs here: a reader of the query language for customer, campaign and ad_group, JSON as the REST interface
writes it (camelCase, int64 as text, costs in micros), error documents with a GoogleAdsFailure. What does not: the
campaigns' effects (company.py), transport and faults. Two things follow the account's own day: the current day is
served as far as it has gone, and conversions are restated for some days until all of them have been attributed.
"""

import re
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator import fold
from simulator.company import Company

OLDEST_VERSION, NEWEST_VERSION = 23, 26
PAGE_ROWS = 10_000
TOKEN_SECONDS = 3_599
SCOPE = "https://www.googleapis.com/auth/adwords"

CUSTOMER = {
    "customer.id": "int64",
    "customer.resource_name": "text",
    "customer.descriptive_name": "text",
    "customer.currency_code": "text",
    "customer.time_zone": "text",
    "customer.manager": "bool",
    "customer.test_account": "bool",
    "customer.status": "text",
}
CAMPAIGN = {
    "campaign.id": "int64",
    "campaign.resource_name": "text",
    "campaign.name": "text",
    "campaign.status": "text",
    "campaign.advertising_channel_type": "text",
    "campaign.start_date_time": "text",
}
AD_GROUP = {
    "ad_group.id": "int64",
    "ad_group.resource_name": "text",
    "ad_group.name": "text",
    "ad_group.status": "text",
    "ad_group.campaign": "text",
}
METRICS = {
    "metrics.impressions": "int64",
    "metrics.clicks": "int64",
    "metrics.cost_micros": "int64",
    "metrics.conversions": "double",
    "metrics.conversions_value": "double",
    "segments.date": "text",
}
RESOURCES = {
    "customer": CUSTOMER | METRICS,
    "campaign": CUSTOMER | CAMPAIGN | METRICS,
    "ad_group": CUSTOMER | CAMPAIGN | AD_GROUP | METRICS,
}
GRAIN = {"customer": ["customer.id"], "campaign": ["campaign.id"], "ad_group": ["ad_group.id"]}


class Refused(Exception):
    """A call that Google Ads answers with an error document that carries a GoogleAdsFailure."""

    def __init__(self, status: int, rpc_status: str, kind: str, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.rpc_status, self.error = status, rpc_status, {"errorCode": {kind: code}, "message": message}
        self.error |= more

    def response(self, version: str) -> Response:
        summary = {
            400: "Request contains an invalid argument.",
            403: "The caller does not have permission",
            429: "Resource has been exhausted (e.g. check quota).",
        }
        document = {
            "error": {
                "code": self.status,
                "message": summary.get(self.status, self.error["message"]),
                "status": self.rpc_status,
                "details": [
                    {
                        "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
                        "errors": [self.error],
                        "requestId": secrets.token_urlsafe(16),
                    }
                ],
            }
        }
        return _json(document, self.status)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json; charset=UTF-8")


def _bad_request(kind: str, code: str, message: str) -> Refused:
    return Refused(400, "INVALID_ARGUMENT", kind, code, message)


def unauthenticated() -> Refused:
    return Refused(
        401,
        "UNAUTHENTICATED",
        "authenticationError",
        "OAUTH_TOKEN_INVALID",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential.",
    )


def exhausted(seconds: int, scope: str = "ACCOUNT") -> Refused:
    """Too many requests; scope DEVELOPER with a delay of hours is the spent daily quota."""
    return Refused(
        429,
        "RESOURCE_EXHAUSTED",
        "quotaError",
        "RESOURCE_EXHAUSTED",
        f"Too many requests. Retry in {seconds} seconds.",
        details={"quotaErrorDetails": {"rateScope": scope, "rateName": "Requests", "retryDelay": f"{seconds}s"}},
    )


def forbidden() -> Refused:
    return Refused(
        403,
        "PERMISSION_DENIED",
        "authorizationError",
        "USER_PERMISSION_DENIED",
        "User doesn't have permission to access customer. Note: If you're accessing a client customer, the manager's "
        "customer id must be set in the 'login-customer-id' header.",
    )


def sunset(version: str) -> Refused:
    return _bad_request(
        "requestError",
        "UNSUPPORTED_VERSION",
        f"Version {version} is deprecated. Requests to this version will be blocked.",
    )


# ----------------------------------------------------------------------------------------------- the query language


@dataclass(frozen=True)
class Query:
    """SELECT fields FROM resource WHERE conditions ORDER BY orders LIMIT limit."""

    fields: tuple[str, ...]
    resource: str
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    orders: tuple[tuple[str, bool], ...]
    limit: int | None


_SHAPE = re.compile(
    r"^\s*select\s+(?P<fields>.+?)\s+from\s+(?P<resource>\w+)(?:\s+where\s+(?P<where>.+?))?"
    r"(?:\s+order\s+by\s+(?P<orders>.+?))?(?:\s+limit\s+(?P<limit>\d+))?(?:\s+parameters\s+.+)?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_VALUE = r"'(?:[^']*)'|\"(?:[^\"]*)\"|[\w.:-]+"
_CONDITION = re.compile(
    rf"\s*(?P<field>[\w.]+)\s*(?:(?P<between>between)\s+(?P<low>{_VALUE})\s+and\s+(?P<high>{_VALUE})"
    rf"|(?P<list>not\s+in|in)\s*\((?P<values>[^)]*)\)|during\s+(?P<during>\w+)"
    rf"|(?P<operator>>=|<=|!=|=|>|<)\s*(?P<value>{_VALUE}))\s*(?:\band\b|$)",
    re.IGNORECASE,
)


def _query_error(code: str, message: str) -> Refused:
    return _bad_request("queryError", code, message)


def parse(text: str) -> Query:
    """Raises Refused with the queryError that Google Ads gives for what it does not understand."""
    shape = _SHAPE.match(text)
    if shape is None:
        raise _query_error("EXPECTED_FROM", "Error in query: expected SELECT <fields> FROM <resource>.")
    resource = shape["resource"].lower()
    if resource not in RESOURCES:
        raise _query_error("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"'{resource}' is not a valid resource name.")
    known = RESOURCES[resource]
    fields = tuple(part.strip().lower() for part in shape["fields"].split(","))
    conditions, orders = [], []
    rest = shape["where"] or ""
    while rest.strip():
        found = _CONDITION.match(rest)
        if found is None:
            raise _query_error("UNEXPECTED_INPUT", f"Error in query: unexpected input {rest.strip()[:40]}.")
        conditions.append(_condition(found))
        rest = rest[found.end() :]
    for part in (shape["orders"] or "").split(","):
        if part.strip():
            name, _, direction = part.strip().partition(" ")
            orders.append((name.lower(), direction.strip().lower() == "desc"))
    for name in (*fields, *(c[0] for c in conditions), *(o[0] for o in orders)):
        if name not in known:
            raise _query_error("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.")
    limit = int(shape["limit"]) if shape["limit"] else None
    return Query(fields, resource, tuple(conditions), tuple(orders), limit)


def _condition(found: "re.Match[str]") -> tuple[str, str, tuple[str, ...]]:
    name = found["field"].lower()
    if found["between"]:
        return name, "between", (_unquoted(found["low"]), _unquoted(found["high"]))
    if found["list"]:
        return name, " ".join(found["list"].lower().split()), tuple(_unquoted(v) for v in found["values"].split(","))
    if found["during"]:
        return name, "during", (found["during"].upper(),)
    return name, found["operator"], (_unquoted(found["value"]),)


def _unquoted(value: str) -> str:
    return value.strip().strip("'\"")


# ------------------------------------------------------------------------------------------------------ the account


@dataclass
class Account:
    """One customer's tables at one moment; all columns are named as the query language names them."""

    frames: dict[str, pd.DataFrame]
    today: date

    @classmethod
    def of(cls, company: Company, customer_id: str, now: datetime) -> "Account":
        """Raises KeyError for a customer that does not exist."""
        owner = company.ad_accounts[company.ad_accounts["customer_id"].astype(str) == customer_id]
        if owner.empty:
            raise KeyError(customer_id)
        local = fold.aware(now).astimezone(ZoneInfo(str(owner["time_zone"].iloc[0])))
        customer = pd.DataFrame(
            {
                "customer.id": owner["customer_id"].astype(str),
                "customer.resource_name": "customers/" + owner["customer_id"].astype(str),
                "customer.descriptive_name": owner["name"],
                "customer.currency_code": owner["currency"],
                "customer.time_zone": owner["time_zone"],
                "customer.manager": False,
                "customer.test_account": False,
                "customer.status": "ENABLED",
            }
        )
        rows = company.campaigns[company.campaigns["customer_id"].astype(str) == customer_id]
        start = pd.to_datetime(rows["start_date"])
        begun = start.dt.date <= local.date()
        rows, first_day = rows[begun], start[begun].dt.strftime("%Y-%m-%d")
        campaign = pd.DataFrame(
            {
                "customer.id": rows["customer_id"].astype(str),
                "campaign.id": rows["campaign_id"].astype(str),
                "campaign.resource_name": f"customers/{customer_id}/campaigns/" + rows["campaign_id"].astype(str),
                "campaign.name": rows["name"],
                "campaign.status": rows["status"],
                "campaign.advertising_channel_type": rows["channel_type"],
                "campaign.start_date_time": first_day + " 00:00:00",
            }
        ).merge(customer, on="customer.id")
        groups = company.ad_groups
        ad_group = pd.DataFrame(
            {
                "campaign.id": groups["campaign_id"].astype(str),
                "ad_group.id": groups["ad_group_id"].astype(str),
                "ad_group.resource_name": f"customers/{customer_id}/adGroups/" + groups["ad_group_id"].astype(str),
                "ad_group.name": groups["name"],
                "ad_group.status": "ENABLED",
                "ad_group.campaign": f"customers/{customer_id}/campaigns/" + groups["campaign_id"].astype(str),
            }
        ).merge(campaign, on="campaign.id")
        days = reported_days(company.ad_days[company.ad_days["customer_id"].astype(str) == customer_id], local)
        return cls({"customer": customer, "campaign": campaign, "ad_group": ad_group, "days": days}, local.date())

    def rows(self, query: Query) -> pd.DataFrame:
        """The answer, one row per resource and chosen segment, restricted, ordered, cut."""
        entities = self.frames[query.resource]
        asked = {*query.fields, *(name for name, _, _ in query.conditions), *(name for name, _ in query.orders)}
        measured = [name for name in asked if name.startswith(("metrics.", "segments."))]
        if measured:
            days = self.frames["days"]
            for name, operator, values in query.conditions:
                if name == "segments.date":
                    days = days[self._meets(days[name], operator, values)]
            days = days.merge(self.frames["ad_group"][["ad_group.id", "campaign.id", "customer.id"]], on="ad_group.id")
            grain = GRAIN[query.resource] + (["segments.date"] if "segments.date" in query.fields else [])
            sums = days.groupby(grain, as_index=False, sort=True)[
                [
                    "metrics.impressions",
                    "metrics.clicks",
                    "metrics.cost_micros",
                    "metrics.conversions",
                    "metrics.conversions_value",
                ]
            ].sum()
            found = sums.merge(entities, on=GRAIN[query.resource])
        else:
            found = entities
        for name, operator, values in query.conditions:
            if name != "segments.date":
                found = found[self._meets(found[name], operator, values)]
        if query.orders:
            ordered, downward = [o[0] for o in query.orders], [o[1] for o in query.orders]
            found = found.sort_values(ordered, ascending=[not down for down in downward], kind="stable")
        return found if query.limit is None else found.head(query.limit)

    def _meets(self, column: "pd.Series[Any]", operator: str, values: tuple[str, ...]) -> "pd.Series[bool]":
        if operator == "during":
            first, last = _during(values[0], self.today)
            return column.between(first, last)
        if column.dtype.kind in "if":
            numbers = [float(value) for value in values]
            return _compare(column, operator, numbers)
        if column.dtype.kind == "b":
            return _compare(column.astype(str).str.lower(), operator, [value.lower() for value in values])
        if str(column.name).endswith(".id") and operator not in ("=", "!=", "in", "not in"):
            return _compare(column.astype("int64"), operator, [int(value) for value in values])
        return _compare(column.astype(str), operator, list(values))


def _compare(column: "pd.Series[Any]", operator: str, values: list[Any]) -> "pd.Series[bool]":
    tests: dict[str, Callable[[], Any]] = {
        "between": lambda: column.between(values[0], values[1]),
        "in": lambda: column.isin(values),
        "not in": lambda: ~column.isin(values),
        "=": lambda: column == values[0],
        "!=": lambda: column != values[0],
        ">": lambda: column > values[0],
        "<": lambda: column < values[0],
        ">=": lambda: column >= values[0],
        "<=": lambda: column <= values[0],
    }
    result: pd.Series[bool] = tests[operator]()
    return result


def _during(period: str, today: date) -> tuple[str, str]:
    if period in ("TODAY", "YESTERDAY"):
        day = today - timedelta(days=period == "YESTERDAY")
        return day.isoformat(), day.isoformat()
    length = re.fullmatch(r"LAST_(7|14|30)_DAYS", period)
    if length is None:
        raise _query_error("INVALID_VALUE_WITH_DURING_OPERATOR", f"Invalid date range {period}.")
    return (today - timedelta(days=int(length[1]))).isoformat(), (today - timedelta(days=1)).isoformat()


def reported_days(days: pd.DataFrame, local: datetime) -> pd.DataFrame:
    """Ad days as the account reports them at this moment of its own zone.

    The running day counts by the share of it that has gone. Conversions and their value grow to their final figure
    over `restate_days`: on day S a day D shows min(1, (S - D + 1) / restate_days) of it, rounded to cents.
    """
    today = local.date()
    age = (pd.Timestamp(today) - pd.to_datetime(days["date"])).dt.days
    days, age = days[age >= 0], age[age >= 0]
    midnight = datetime.combine(today, datetime.min.time(), local.tzinfo)
    gone = (local.astimezone(UTC) - midnight.astimezone(UTC)) / timedelta(days=1)
    share = np.where(age == 0, gone, 1.0)
    known = np.minimum(1.0, (age + 1) / days["restate_days"]) * share
    whole = {
        f"metrics.{name}": np.floor(days[name].to_numpy(dtype="float64") * share).astype("int64")
        for name in ("impressions", "clicks")
    }
    cost = days["cost_micros"].to_numpy(dtype="int64")
    reported = pd.DataFrame(
        {
            "ad_group.id": days["ad_group_id"].astype(str),
            "segments.date": pd.to_datetime(days["date"]).dt.strftime("%Y-%m-%d"),
            **whole,
            "metrics.cost_micros": np.where(age == 0, np.floor(cost * share).astype("int64"), cost),
            "metrics.conversions": [round(value, 2) for value in (days["conversions"] * known).tolist()],
            "metrics.conversions_value": [round(value, 2) for value in (days["conversions_value"] * known).tolist()],
        }
    )
    return reported[reported["metrics.impressions"] > 0]


# ----------------------------------------------------------------------------------------------------- the answers


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def documents(query: Query, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as nested camelCase objects; int64 as text, resource names always present."""
    kinds = RESOURCES[query.resource]
    fields = list(dict.fromkeys([f"{query.resource}.resource_name", *query.fields]))
    paths = [tuple(_camel(part) for part in name.split(".")) for name in fields]
    columns = []
    for name in fields:
        values = frame[name].tolist()
        columns.append([str(value) for value in values] if kinds[name] == "int64" else values)
    found = []
    for row in zip(*columns, strict=True):
        document: dict[str, Any] = {}
        for (parent, child), value in zip(paths, row, strict=True):
            document.setdefault(parent, {})[child] = value
        found.append(document)
    return found


@dataclass
class Credentials:
    """What the demo's account accepts; none of it is secret."""

    client_id: str = "demo-client-id"
    client_secret: str = "demo-client-secret"  # noqa: S105
    refresh_token: str = "demo-refresh-token"  # noqa: S105
    developer_token: str = "demo-developer-token"  # noqa: S105


@dataclass
class Face:
    """The endpoints over a company at a moment that moves."""

    company: Company
    now: datetime
    credentials: Credentials = field(default_factory=Credentials)
    page_rows: int = PAGE_ROWS
    clock: Callable[[], float] = time.monotonic
    _tokens: dict[str, float] = field(default_factory=dict)
    _accounts: dict[str, Account] = field(default_factory=dict)

    def move(self, now: datetime) -> None:
        self.now = now
        self._accounts.clear()

    def expire_tokens(self) -> None:
        """Every access token handed out so far stops working; a new one can be had by the refresh token."""
        self._tokens.clear()

    def routes(self) -> list[Route]:
        """Paths below /google_ads."""
        return [
            Route("/token", self.exchange, methods=["POST"]),
            Route("/{version}/customers:listAccessibleCustomers", self.list_customers),
            Route("/{version}/customers/{customer_id}/googleAds:searchStream", self.stream, methods=["POST"]),
            Route("/{version}/customers/{customer_id}/googleAds:search", self.search, methods=["POST"]),
        ]

    async def exchange(self, request: Request) -> Response:
        """OAuth 2: a refresh token for an access token of about an hour."""
        body = (await request.body()).decode("utf-8", "replace")
        if "json" in request.headers.get("content-type", ""):
            form = {key: str(value) for key, value in orjson.loads(body).items()}
        else:
            form = {key: values[0] for key, values in parse_qs(body).items()}
        wanted = self.credentials
        if form.get("grant_type") != "refresh_token":
            return _oauth_error(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        if (form.get("client_id"), form.get("client_secret")) != (wanted.client_id, wanted.client_secret):
            return _oauth_error(401, "invalid_client", "The OAuth client was not found.")
        if form.get("refresh_token") != wanted.refresh_token:
            return _oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self._tokens[token] = self.clock() + TOKEN_SECONDS
        document = {"access_token": token, "expires_in": TOKEN_SECONDS, "scope": SCOPE, "token_type": "Bearer"}
        return _json(document)

    def _guard(self, request: Request) -> None:
        """Raises Refused for a version, a token or a header that is not accepted."""
        version = str(request.path_params["version"])
        number = int(version[1:]) if re.fullmatch(r"v\d+", version) else 0
        if not OLDEST_VERSION <= number <= NEWEST_VERSION:
            raise sunset(version)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.get(token, 0.0) < self.clock():
            raise unauthenticated()
        developer = request.headers.get("developer-token")
        if developer is None:
            raise _bad_request("requestError", "DEVELOPER_TOKEN_PARAMETER_MISSING", "Developer token is missing.")
        if developer != self.credentials.developer_token:
            raise Refused(
                401,
                "UNAUTHENTICATED",
                "authenticationError",
                "DEVELOPER_TOKEN_INVALID",
                "Developer token is not valid.",
            )
        login = request.headers.get("login-customer-id")
        if login is not None and not re.fullmatch(r"\d{10}", login):
            raise _bad_request(
                "headerError", "INVALID_LOGIN_CUSTOMER_ID", "The login customer ID must be ten digits without hyphens."
            )

    def _account(self, customer_id: str) -> Account:
        if customer_id not in self._accounts:
            try:
                self._accounts[customer_id] = Account.of(self.company, customer_id, self.now)
            except KeyError as exc:
                raise forbidden() from exc
        return self._accounts[customer_id]

    async def list_customers(self, request: Request) -> Response:
        try:
            self._guard(request)
        except Refused as refused:
            return refused.response(str(request.path_params["version"]))
        ids = self.company.ad_accounts["customer_id"].astype(str).tolist()
        document = {"resourceNames": [f"customers/{customer_id}" for customer_id in ids]}
        return _json(document)

    async def _answer(self, request: Request) -> tuple[Query, list[dict[str, Any]], dict[str, Any]]:
        self._guard(request)
        body = orjson.loads(await request.body() or b"{}")
        query = parse(str(body.get("query", "")))
        account = self._account(str(request.path_params["customer_id"]))
        return query, documents(query, account.rows(query)), body

    async def stream(self, request: Request) -> Response:
        """All rows, as one JSON list of batches."""
        try:
            query, rows, _ = await self._answer(request)
        except Refused as refused:
            return refused.response(str(request.path_params["version"]))
        request_id, mask = uuid.uuid4().hex[:22], ",".join(_mask(name) for name in query.fields)
        batches = [
            {"results": rows[start : start + self.page_rows], "fieldMask": mask, "requestId": request_id}
            for start in range(0, len(rows), self.page_rows)
        ]
        return _json(batches or [{"fieldMask": mask, "requestId": request_id}])

    async def search(self, request: Request) -> Response:
        """One page of fixed size; `pageToken` leads to the next."""
        try:
            query, rows, body = await self._answer(request)
            if "pageSize" in body:
                raise _bad_request(
                    "requestError",
                    "PAGE_SIZE_NOT_SUPPORTED",
                    "Setting the page size is not supported. Search Responses will have fixed page size.",
                )
            start = _position(body.get("pageToken"))
        except Refused as refused:
            return refused.response(str(request.path_params["version"]))
        document: dict[str, Any] = {"fieldMask": ",".join(_mask(name) for name in query.fields)}
        if rows[start : start + self.page_rows]:
            document["results"] = rows[start : start + self.page_rows]
        if start + self.page_rows < len(rows):
            document["nextPageToken"] = f"{start + self.page_rows}"
        return _json(document)


def _mask(name: str) -> str:
    return ".".join(_camel(part) for part in name.split("."))


def _position(token: Any) -> int:
    if not token:
        return 0
    if not str(token).isdigit():
        raise _bad_request("requestError", "INVALID_PAGE_TOKEN", "Page token is invalid.")
    return int(token)


def _oauth_error(status: int, error: str, description: str) -> Response:
    document = {"error": error, "error_description": description}
    return _json(document, status)
