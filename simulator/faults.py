"""Faults that the simulated vendors commit on demand, each as the vendor, the network or a bad day would do it.

What belongs here: which requests a fault meets, and what it makes of the call or of its answer. What does not: the
vendors' own limits and refusals, which are always on. Faults are switched on by a JSON list:

    [{"kind": "too_many_requests", "path": "/hubspot/*", "after": 10, "times": 3, "retry_after": 1}]

`path` is a shell pattern over the request's path (default: all), `method` narrows it, `after` matching requests pass
first (default 0), then it strikes `times` requests (default 1; null for ever). A request is struck by the first fault
of the list that is due. The kinds, with the options of each:

    too_many_requests   429 with Retry-After (`retry_after` seconds, default 1)
    daily_quota         429 of the daily limit: HubSpot policy DAILY, Google rateScope DEVELOPER
    server_error        `status` 500, 502 or 503 (default 503)
    stall               the answer stops in mid-body for `seconds` (default 30), then the connection ends
    cut                 the connection ends in mid-body
    html                200 with an HTML page
    error_document      200 with an error document
    malformed_json      200 whose JSON ends early
    invalid_utf8        200 whose text holds a byte that is no UTF-8
    expired_token       401; Google's access tokens are void until the next exchange
    scope_revoked       403 that names the missing scope
    version_sunset      the interface's version is switched off
    repeated_cursor     the next page's cursor is the one that was just used
    page_repeated       the previous page comes once more, and the crawl then goes on as usual
    records_shift       `count` records (default 3) of the page before are edited in mid-crawl: a search sorted by
                        modification loses as many from its next page, a list shows them twice
    empty               an empty answer
    foreign_link        the next page's link leads to `url` (default: a link-local address)
    slow                the answer takes `seconds` longer (default 1)
    one_timestamp       a bulk edit: all records of the path's type have one moment of modification
"""

import asyncio
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import google_ads, hubspot
from simulator.hubspot_records import OBJECTS

KINDS = {
    "too_many_requests",
    "daily_quota",
    "server_error",
    "stall",
    "cut",
    "html",
    "error_document",
    "malformed_json",
    "invalid_utf8",
    "expired_token",
    "scope_revoked",
    "version_sunset",
    "repeated_cursor",
    "page_repeated",
    "records_shift",
    "empty",
    "foreign_link",
    "slow",
    "one_timestamp",
}
FOREIGN = "http://169.254.169.254/latest/meta-data/"


@dataclass
class Fault:
    """One fault; `seen` and `struck` count the requests that it matched and met."""

    kind: str
    path: str = "*"
    method: str | None = None
    after: int = 0
    times: int | None = 1
    retry_after: int = 1
    status: int = 503
    seconds: float | None = None
    count: int = 3
    url: str = FOREIGN
    seen: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; one of {', '.join(sorted(KINDS))}")

    def strikes(self, method: str, path: str) -> bool:
        """Counts a request; whether the fault is due on it."""
        if not fnmatchcase(path, self.path) or self.method not in (None, method):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.struck >= self.times):
            return False
        self.struck += 1
        return True


@dataclass
class Board:
    """The faults that are switched on, and the last page that each path gave."""

    faults: list[Fault] = field(default_factory=list)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def switch(self, listed: list[dict[str, Any]]) -> None:
        """Replaces all faults; an empty list ends them. Raises ValueError or TypeError for what is no fault."""
        self.faults = [Fault(**one) for one in listed]
        self.pages.clear()

    def due(self, method: str, path: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.strikes(method, path)), None)

    def described(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.faults]


class Faulty:
    """The vendors' endpoints with the board's faults between them and their callers."""

    def __init__(self, app: ASGIApp, board: Board, crm: hubspot.Face, ads: google_ads.Face) -> None:
        self.app, self.board, self.crm, self.ads = app, board, crm, ads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith("/__simulator"):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        fault = self.board.due(scope["method"], path)
        if fault is None and not self.board.faults:
            await self.app(scope, _replayed(body), send)
            return
        answer = self._instead(fault, path) if fault else None
        if answer is None:
            if fault and fault.kind == "slow":
                await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
            answer = await self._through(scope, body, fault, path)
        if fault and fault.kind in ("cut", "stall"):
            await _half(answer, fault, send)
        else:
            await answer(scope, receive, send)

    def _instead(self, fault: Fault, path: str) -> Response | None:
        """The answer of a fault that keeps the call from being looked at."""
        is_crm = path.startswith("/hubspot")
        version = next((part for part in path.split("/") if part[:1] == "v" and part[1:].isdigit()), "v23")
        kind = fault.kind
        if kind == "too_many_requests":
            if is_crm:
                policy = "SECONDLY" if path.endswith("/search") else "TEN_SECONDLY_ROLLING"
                return hubspot.limited(policy, fault.retry_after)
            refused = google_ads.exhausted(fault.retry_after).response(version)
            refused.headers["Retry-After"] = str(fault.retry_after)
            return refused
        if kind == "daily_quota":
            if is_crm:
                return hubspot.limited("DAILY", None)
            return google_ads.exhausted(3_600, "DEVELOPER").response(version)
        if kind == "server_error":
            return Response(f"<html><body>{fault.status}</body></html>", fault.status, media_type="text/html")
        if kind == "html":
            return HTMLResponse("<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>")
        if kind == "error_document":
            refused = hubspot.unauthenticated() if is_crm else google_ads.unauthenticated().response(version)
            return Response(refused.body, 200, media_type="application/json")
        if kind == "expired_token":
            if is_crm:
                return hubspot.expired()
            self.ads.expire_tokens()
            return google_ads.unauthenticated().response(version)
        if kind == "scope_revoked":
            return hubspot.missing_scope(path) if is_crm else google_ads.forbidden().response(version)
        if kind == "version_sunset":
            return hubspot.sunset() if is_crm else google_ads.sunset(version).response(version)
        if kind == "one_timestamp":
            self.crm.portal.flatten(_object_of(path))
        return None

    async def _through(self, scope: Scope, body: bytes, fault: Fault | None, path: str) -> Response:
        """The vendor's own answer, with what the fault does to it."""
        used = _cursor_used(scope, body)
        if fault and fault.kind == "records_shift" and path.startswith("/hubspot"):
            before = [one["id"] for one in self.board.pages.get(path, {}).get("results", [])][-fault.count :]
            self.crm.portal.touch(_object_of(path), before)
        answer = await _captured(self.app, scope, body)
        if answer.status_code != 200:
            return answer
        previous = self.board.pages.get(path)
        document = orjson.loads(answer.body)
        if isinstance(document, dict) and "results" in document:
            self.board.pages[path] = document
        if fault is None:
            return answer
        content = bytes(answer.body)
        if fault.kind == "malformed_json":
            content = content[: len(content) * 2 // 3]
        elif fault.kind == "invalid_utf8":
            middle = content.index(b'"', len(content) // 2) + 1
            content = content[:middle] + b"\xff\xfe" + content[middle:]
        elif isinstance(document, list):
            content = orjson.dumps([_struck(one, fault, used, None, path) for one in document])
        else:
            content = orjson.dumps(_struck(document, fault, used, previous, path))
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
        return Response(content, 200, headers)


def _struck(
    document: dict[str, Any], fault: Fault, used: str | None, previous: dict[str, Any] | None, path: str
) -> dict[str, Any]:
    """A page after what the fault does to it."""
    document = dict(document)
    if fault.kind == "empty":
        for key in ("paging", "nextPageToken", "results", "total"):
            document.pop(key, None)
        if path.startswith("/hubspot"):
            document |= {"results": []} | ({"total": 0} if path.endswith("/search") else {})
    elif fault.kind == "repeated_cursor" and used is not None:
        _set_cursor(document, used)
    elif fault.kind == "page_repeated" and previous is not None and used is not None:
        # The cursor is written differently and means the same place, so nothing but the page comes twice.
        document["results"] = previous["results"]
        _set_cursor(document, f"0{used}")
    elif fault.kind == "records_shift" and previous is not None and not path.endswith("/search"):
        document["results"] = [*previous["results"][-fault.count :], *document.get("results", [])]
    elif fault.kind == "foreign_link" and "paging" in document:
        after = document["paging"]["next"]["after"]
        separator = "&" if "?" in fault.url else "?"
        document["paging"] = {"next": {"after": after, "link": f"{fault.url}{separator}after={after}"}}
    return document


def _set_cursor(document: dict[str, Any], cursor: str) -> None:
    if "fieldMask" in document:
        document["nextPageToken"] = cursor
    else:
        link = document.get("paging", {}).get("next", {}).get("link")
        shown = {"link": link.rsplit("after=", 1)[0] + f"after={cursor}"} if link else {}
        document["paging"] = {"next": {"after": cursor} | shown}


def _cursor_used(scope: Scope, body: bytes) -> str | None:
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode())
    if "after" in query:
        return query["after"][0]
    try:
        sent = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return None
    cursor = sent.get("after") or sent.get("pageToken") if isinstance(sent, dict) else None
    return None if cursor is None else str(cursor)


def _object_of(path: str) -> str:
    return next((name for name in OBJECTS if f"/{name}" in path), "deals")


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return body


def _replayed(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _captured(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    status, headers, content = 500, {}, b""

    async def send(message: Message) -> None:
        nonlocal status, headers, content
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            content += message.get("body", b"")

    await app(scope, _replayed(body), send)
    return Response(content, status, {k: v for k, v in headers.items() if k != "content-length"})


async def _half(answer: Response, fault: Fault, send: Send) -> None:
    """Announces the whole answer and sends half of it: the server then ends the connection."""
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": body[: max(1, len(body) // 2)], "more_body": True})
    if fault.kind == "stall":
        await asyncio.sleep(30.0 if fault.seconds is None else fault.seconds)
