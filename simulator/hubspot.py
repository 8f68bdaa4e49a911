"""HubSpot CRM v3 (and v4 associations) as its public documentation describes them.

What belongs here: the endpoints with their paging, limits, headers and error documents. What does not: what a record
is (hubspot_records.py), the company's process (company.py), transport and faults (server.py, faults.py).
"""

import math
import time
import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.hubspot_records import (
    ASSOCIATION_TYPES,
    DEFAULT_PROPERTIES,
    ENGAGEMENTS,
    SINGULAR,
    Portal,
    associated,
    fixed_properties,
    instant,
    owners,
    pipelines,
    property_definition,
)

LIST_LIMIT, HISTORY_LIMIT, SEARCH_LIMIT, OWNERS_LIMIT, ASSOCIATIONS_LIMIT = 100, 50, 200, 500, 1000
DAILY_LIMIT = 650_000
TYPE_IDS = {"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-47": "meetings", "0-48": "calls"}
TYPE_IDS |= {"0-49": "emails", "0-27": "tasks", "0-7": "products", "0-8": "line_items", "0-19": "feedback_submissions"}
_SCOPED = ("contacts", "companies", "deals", "owners", "products", "line_items", "feedback_submissions")
SCOPES = {name: f"crm.objects.{name}.read" for name in _SCOPED}
# HubSpot has no read scope per engagement: they are read with the contacts' scope.
SCOPES |= dict.fromkeys(ENGAGEMENTS, SCOPES["contacts"])
SCOPES["splits"] = "crm.dealsplits.read_write"


# ---------------------------------------------------------------------------------------------------- the answers


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, media_type="application/json;charset=utf-8")


def failure(status: int, category: str, message: str, **more: Any) -> Response:
    """An error document: status, message, correlationId, category."""
    document = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category}
    return answer(document | more, status)


def unauthenticated() -> Response:
    return failure(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    )


def expired() -> Response:
    moment = int(time.time() * 1000)
    return failure(
        401,
        "EXPIRED_AUTHENTICATION",
        "The OAuth token used to make this call expired 1 second(s) ago.",
        context={"expire time": [instant(moment - 1000)]},
    )


def missing_scope(path: str) -> Response:
    name = next((part for part in path.split("/") if part in SCOPES), "deals")
    return failure(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [SCOPES[name]]},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def sunset() -> Response:
    """HubSpot answers a path that has been switched off like one that never was."""
    return answer({"status": "error", "message": "This API has been sunset.", "correlationId": str(uuid.uuid4())}, 404)


def limited(policy: str, retry_after: int | None, headers: dict[str, str] | None = None) -> Response:
    """The 429 document of one of HubSpot's policies: TEN_SECONDLY_ROLLING, SECONDLY or DAILY."""
    document = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid.uuid4()),
        "policyName": policy,
        "requestId": str(uuid.uuid4()),
    }
    wait = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(document, 429, (headers or {}) | wait)


@dataclass
class Limits:
    """A private app's limits on a Professional account; `ten_seconds` None switches them off (tests)."""

    ten_seconds: int | None = 190
    search_per_second: int = 5
    search_cap: int = 10_000


@dataclass
class Face:
    """The endpoints over a portal that is replaced when the simulated clock moves."""

    portal: Portal
    token: str = "demo-token"  # noqa: S105 - the demo's token, no secret
    revoked_scopes: set[str] = field(default_factory=set)
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    _calls: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)
    _today: int = 0

    # ------------------------------------------------------------------------------------ tokens, scopes, limits

    def _window(self, calls: deque[float], length: float, allowed: int) -> int | None:
        """Counts a call in a rolling window of seconds; the whole seconds to wait if it is full."""
        moment = self.clock()
        while calls and calls[0] <= moment - length:
            calls.popleft()
        if len(calls) >= allowed:
            return max(1, math.ceil(calls[0] + length - moment))
        calls.append(moment)
        return None

    def guard(self, request: Request, scope: str | None) -> Response | None:
        """The refusal that a call earns before it is looked at, if any."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return unauthenticated()
        self._today += 1
        if self.limits.ten_seconds is not None:
            if request.url.path.endswith("/search"):
                wait = self._window(self._searches, 1.0, self.limits.search_per_second)
                if wait is not None:
                    return limited("SECONDLY", wait)
            else:
                wait = self._window(self._calls, 10.0, self.limits.ten_seconds)
                if wait is not None:
                    return limited("TEN_SECONDLY_ROLLING", wait, self._limit_headers())
        if scope is not None and SCOPES[scope] in self.revoked_scopes:
            return missing_scope(f"/{scope}")
        return None

    def _limit_headers(self) -> dict[str, str]:
        allowed = self.limits.ten_seconds or 190
        return {
            "X-HubSpot-RateLimit-Daily": str(DAILY_LIMIT),
            "X-HubSpot-RateLimit-Daily-Remaining": str(DAILY_LIMIT - self._today),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(allowed),
            "X-HubSpot-RateLimit-Remaining": str(max(0, allowed - len(self._calls))),
        }

    def _respond(self, document: Any, status: int = 200) -> Response:
        return answer(document, status, self._limit_headers())

    # ------------------------------------------------------------------------------------------------ endpoints

    def routes(self) -> list[Route]:
        """Paths below /hubspot."""
        return [
            Route("/crm/v3/objects/{name}", self.list_objects),
            Route("/crm/v3/objects/{name}/search", self.search_objects, methods=["POST"]),
            Route("/crm/v3/objects/{name}/batch/read", self.read_batch, methods=["POST"]),
            Route("/crm/v3/objects/deals/splits/batch/read", self.read_splits, methods=["POST"]),
            Route("/crm/v3/objects/{name}/{record_id}", self.read_object),
            Route("/crm/v3/owners", self.list_owners),
            Route("/crm/v3/owners/", self.list_owners),
            Route("/crm/v3/owners/{owner_id}", self.read_owner),
            Route("/crm/v3/pipelines/{name}", self.list_pipelines),
            Route("/crm/v3/properties/{name}", self.list_properties),
            Route("/crm/v4/objects/{name}/{record_id}/associations/{target}", self.read_associations),
            Route("/crm/v4/associations/{name}/{target}/batch/read", self.read_associations_batch, methods=["POST"]),
        ]

    async def list_objects(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, name)
        if refused or name is None:
            return refused or _unknown_object(request)
        query = request.query_params
        history = names(query.get("propertiesWithHistory"))
        allowed = HISTORY_LIMIT if history else LIST_LIMIT
        limit, after = _integer(query.get("limit"), 10), query.get("after")
        if limit is None or not 0 < limit <= allowed:
            return _invalid(f"Invalid limit {query.get('limit')}: the maximum is {allowed} for this request.")
        if after is not None and not after.isdigit():
            return _invalid(f"Invalid value for after: {after}")
        targets, unknown = _targets(name, query.get("associations"))
        if unknown:
            return _invalid(f"Unable to resolve object type: {unknown}")
        shelf = self.portal.shelf(name)
        archived = _flag(query.get("archived"))
        ids, order = (shelf.archived, shelf.archived_order) if archived else (shelf.live, shelf.live_order)
        start = 0 if after is None else bisect_right(order, (int(after), "\uffff"))
        properties = self.portal.existing(name, _asked(name, query.get("properties")))
        history = self.portal.existing(name, history)
        page = [
            self.portal.document(name, shelf.records[record_id], properties, history, targets)
            for record_id in ids[start : start + limit]
        ]
        document: dict[str, Any] = {"results": page}
        if start + limit < len(ids):
            document["paging"] = {"next": _next(request, ids[start + limit - 1])}
        return self._respond(document)

    async def read_object(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, name)
        if refused or name is None:
            return refused or _unknown_object(request)
        query = request.query_params
        targets, unknown = _targets(name, query.get("associations"))
        if unknown:
            return _invalid(f"Unable to resolve object type: {unknown}")
        record = self.portal.find(name, request.path_params["record_id"])
        if record is None or (record.archived_at is not None) != (_flag(query.get("archived"))):
            return failure(404, "OBJECT_NOT_FOUND", "resource not found")
        properties = self.portal.existing(name, _asked(name, query.get("properties")))
        history = self.portal.existing(name, names(query.get("propertiesWithHistory")))
        return self._respond(self.portal.document(name, record, properties, history, targets))

    async def read_batch(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, name)
        if refused or name is None:
            return refused or _unknown_object(request)
        body = await _body(request)
        if body is None or not isinstance(body.get("inputs"), list):
            return _invalid("Invalid input JSON: inputs is required")
        history = self.portal.existing(name, tuple(body.get("propertiesWithHistory") or ()))
        allowed = HISTORY_LIMIT if history else LIST_LIMIT
        if len(body["inputs"]) > allowed:
            return _invalid(f"The maximum number of inputs is {allowed} for this request.")
        properties = self.portal.existing(name, _with_fixed(name, tuple(body.get("properties") or ())))
        archived = _flag(request.query_params.get("archived"))
        found: dict[str, dict[str, Any]] = {}
        missing = []
        for one in body["inputs"]:
            record = self.portal.find(name, str(one.get("id")))
            if record is None or (record.archived_at is not None) != archived:
                missing.append(str(one.get("id")))
            else:
                found[record.id] = self.portal.document(name, record, properties, history)
        return self._respond(*_batch(list(found.values()), name, missing))

    async def read_splits(self, request: Request) -> Response:
        """The splits of deals by their ids; a deal that is not split is left out."""
        refused = self.guard(request, "splits")
        if refused:
            return refused
        body = await _body(request)
        if body is None or not isinstance(body.get("inputs"), list):
            return _invalid("Invalid input JSON: inputs is required")
        if len(body["inputs"]) > LIST_LIMIT:
            return _invalid(f"The maximum number of inputs is {LIST_LIMIT} for this request.")
        asked = [str(one.get("id")) for one in body["inputs"]]
        found = [{"id": deal, "splits": self.portal.splits[deal]} for deal in asked if deal in self.portal.splits]
        return self._respond({"status": "COMPLETE", "results": found} | _batch_times())

    async def search_objects(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, name)
        if refused or name is None:
            return refused or _unknown_object(request)
        body = await _body(request)
        if body is None:
            return _invalid("Invalid input JSON")
        limit, after = _integer(body.get("limit"), 10), _integer(body.get("after"), 0)
        if limit is None or not 0 < limit <= SEARCH_LIMIT:
            return _invalid(f"Invalid limit {body.get('limit')}: the maximum is {SEARCH_LIMIT}.")
        if after is None or after < 0:
            return _invalid(f"Invalid value for after: {body.get('after')}")
        if after + limit > self.limits.search_cap:
            return _invalid(f"Paging beyond {self.limits.search_cap} results is not supported by the search endpoints.")
        groups = body.get("filterGroups") or []
        filters = [one for group in groups for one in group.get("filters", [])]
        if len(groups) > 5 or len(filters) > 18 or any(len(group.get("filters", [])) > 6 for group in groups):
            return _invalid("A search takes at most 5 filter groups with 6 filters each, 18 in all.")
        if len(body.get("sorts") or []) > 1:
            return _invalid("A search takes at most one sort.")
        try:
            ids = self.portal.search(name, body)
        except (ValueError, KeyError) as wrong:
            return _invalid(f"There was a problem with the request: {wrong}")
        properties = self.portal.existing(name, _with_fixed(name, tuple(body.get("properties") or ())))
        records = self.portal.shelf(name).records
        page = [self.portal.document(name, records[i], properties) for i in ids[after : after + limit]]
        document: dict[str, Any] = {"total": len(ids), "results": page}
        if after + limit < len(ids):
            document["paging"] = {"next": {"after": str(after + limit)}}
        return answer(document)  # HubSpot sends no limit headers on searches

    async def list_owners(self, request: Request) -> Response:
        refused = self.guard(request, "owners")
        if refused:
            return refused
        query = request.query_params
        limit = _integer(query.get("limit"), 100)
        if limit is None or not 0 < limit <= OWNERS_LIMIT:
            return _invalid(f"Invalid limit {query.get('limit')}: the maximum is {OWNERS_LIMIT}.")
        archived = _flag(query.get("archived"))
        found = [one for one in owners(self.portal) if one["archived"] == archived]
        if query.get("email"):
            found = [one for one in found if one["email"] == query["email"]]
        start = _integer(query.get("after"), 0) or 0
        document: dict[str, Any] = {"results": found[start : start + limit]}
        if start + limit < len(found):
            document["paging"] = {"next": _next(request, str(start + limit))}
        return self._respond(document)

    async def read_owner(self, request: Request) -> Response:
        refused = self.guard(request, "owners")
        if refused:
            return refused
        archived = _flag(request.query_params.get("archived"))
        for one in owners(self.portal):
            if one["id"] == request.path_params["owner_id"] and one["archived"] == archived:
                return self._respond(one)
        return failure(404, "OBJECT_NOT_FOUND", "resource not found")

    async def list_pipelines(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, "deals")
        if refused:
            return refused
        if name != "deals":
            return self._respond({"results": []})
        return self._respond({"results": pipelines(self.portal.company)})

    async def list_properties(self, request: Request) -> Response:
        name = object_name(request)
        refused = self.guard(request, name)
        if refused or name is None:
            return refused or _unknown_object(request)
        return self._respond(
            {"results": [property_definition(name, prop) for prop in sorted(self.portal.shelf(name).known)]}
        )

    async def read_associations(self, request: Request) -> Response:
        name, target = object_name(request), object_name(request, "target")
        refused = self.guard(request, name)
        if refused or name is None or target is None or (name, target) not in ASSOCIATION_TYPES:
            return refused or _unknown_object(request)
        record = self.portal.find(name, request.path_params["record_id"])
        if record is None:
            return failure(404, "OBJECT_NOT_FOUND", "resource not found")
        limit = _integer(request.query_params.get("limit"), 500) or 500
        start = _integer(request.query_params.get("after"), 0) or 0
        results = associated(self.portal, name, record.id, target)
        document: dict[str, Any] = {"results": results[start : start + limit]}
        if start + limit < len(results):
            document["paging"] = {"next": _next(request, str(start + limit))}
        return self._respond(document)

    async def read_associations_batch(self, request: Request) -> Response:
        name, target = object_name(request), object_name(request, "target")
        refused = self.guard(request, name)
        if refused or name is None or target is None or (name, target) not in ASSOCIATION_TYPES:
            return refused or _unknown_object(request)
        body = await _body(request)
        if body is None or not isinstance(body.get("inputs"), list):
            return _invalid("Invalid input JSON: inputs is required")
        if len(body["inputs"]) > ASSOCIATIONS_LIMIT:
            return _invalid(f"The maximum number of inputs is {ASSOCIATIONS_LIMIT} for this request.")
        results, missing = [], []
        for one in body["inputs"]:
            record = self.portal.find(name, str(one.get("id")))
            others = associated(self.portal, name, record.id, target) if record else []
            if record and others:
                results.append({"from": {"id": record.id}, "to": others})
            else:
                missing.append(str(one.get("id")))
        errors = [
            {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                "message": f"No {SINGULAR[target]} is associated with {SINGULAR[name]} {record_id}.",
                "context": {"fromObjectId": [record_id]},
            }
            for record_id in missing
        ]
        document: dict[str, Any] = {"status": "COMPLETE", "results": results} | _batch_times()
        if errors:
            document |= {"numErrors": len(errors), "errors": errors}
        return self._respond(document, 207 if errors else 200)


# ------------------------------------------------------------------------------------------ small parts of requests


def object_name(request: Request, part: str = "name") -> str | None:
    """The object type of a path: its plural, its singular or its numeric type id."""
    given = str(request.path_params[part]).lower()
    given = TYPE_IDS.get(given, given)
    return next((plural for plural, one in SINGULAR.items() if given in (plural, one)), None)


def names(listed: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in (listed or "").split(",") if part))


@cache
def _with_fixed(name: str, asked: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(asked or DEFAULT_PROPERTIES.get(name, ())), *fixed_properties(name))))


@cache
def _asked(name: str, listed: str | None) -> tuple[str, ...]:
    return _with_fixed(name, names(listed))


def _targets(name: str, listed: str | None) -> tuple[tuple[str, ...], str | None]:
    """The association types asked for, and the first that does not exist."""
    found = []
    for part in names(listed):
        target = next((plural for plural, one in SINGULAR.items() if part in (plural, one)), None)
        if target is None or (name, target) not in ASSOCIATION_TYPES:
            return (), part
        found.append(target)
    return tuple(found), None


def _flag(value: str | None) -> bool:
    return (value or "").lower() == "true"


def _integer(value: Any, default: int) -> int | None:
    if value is None:
        return default
    return int(value) if str(value).lstrip("-").isdigit() else None


async def _body(request: Request) -> dict[str, Any] | None:
    try:
        body = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _invalid(message: str) -> Response:
    return failure(400, "VALIDATION_ERROR", message)


def _unknown_object(request: Request) -> Response:
    return failure(400, "VALIDATION_ERROR", f"Unable to infer object type from: {request.url.path}")


def _next(request: Request, after: str) -> dict[str, str]:
    return {"after": after, "link": str(request.url.include_query_params(after=after))}


def _batch_times() -> dict[str, str]:
    moment = instant(int(time.time() * 1000))
    return {"startedAt": moment, "completedAt": moment}


def _batch(results: list[dict[str, Any]], name: str, missing: list[str]) -> tuple[dict[str, Any], int]:
    document: dict[str, Any] = {"status": "COMPLETE", "results": results} | _batch_times()
    if not missing:
        return document, 200
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {name.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": missing},
    }
    return document | {"numErrors": 1, "errors": [error]}, 207
