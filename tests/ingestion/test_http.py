"""How vendors are talked to: within limits, again when it pays, never elsewhere, and one line without secrets."""

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from configuration.errors import (
    AuthenticationError,
    MalformedData,
    PermissionMissing,
    SaleshouseError,
    Unreachable,
)
from ingestion import http
from ingestion.http import OAuthRefresh, RateLimiter, RestClient

TOKEN = "pat-eu1-0f3c9a7e-very-secret"
PAGE = {"results": [{"id": "1"}]}

# Answers one request: the handler and how many requests came before it.
Answer = Callable[[BaseHTTPRequestHandler, int], None]


class Token:
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    def refresh(self) -> bool:
        return False

    def secrets(self) -> list[str]:
        return [TOKEN]

    def fix(self, scope: str) -> str:
        return f"set TOY_TOKEN to a token with {scope}"


def send(
    handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str] | None = None, cut: int = 0
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) - cut])
    if cut:
        handler.close_connection = True


class Vendor:
    """A vendor on loopback that answers as told and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = lambda handler, _: send(handler, 200, PAGE)
        self.asked: list[tuple[str, str | None, float]] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                vendor.asked.append((self.path, self.headers.get("Authorization"), time.monotonic()))
                vendor.answer(self, len(vendor.asked) - 1)

            do_POST = do_GET  # noqa: N815 - the name that the library looks for

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    one = Vendor()
    yield one
    one.server.shutdown()
    one.server.server_close()


def client(url: str) -> RestClient:
    return RestClient("toy", url, Token(), RateLimiter(1_000, 1.0))


def get(url: str) -> Any:
    return client(url).get("/deals", entity="deals", scope="deals.read")


def first_then_page(first: Answer, times: int = 1) -> Answer:
    return lambda handler, number: first(handler, number) if number < times else send(handler, 200, PAGE)


@pytest.mark.fault(1)
def test_a_429_is_waited_out_as_asked(vendor: Vendor) -> None:
    vendor.answer = first_then_page(lambda handler, _: send(handler, 429, {}, {"Retry-After": "1"}))
    assert get(vendor.url) == PAGE
    (_, _, first), (_, _, second) = vendor.asked
    assert second - first >= 1.0


def test_after_a_429_the_other_threads_wait_too(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(RateLimiter, "pause", lambda self, seconds: paused.append(seconds))
    vendor.answer = first_then_page(lambda handler, _: send(handler, 429, {}, {"Retry-After": "1"}))
    get(vendor.url)
    assert paused == [1.0]


@pytest.mark.fault(2)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_of_5xx_is_ridden_out(vendor: Vendor, status: int) -> None:
    vendor.answer = first_then_page(lambda handler, _: send(handler, status, b"<html>busy</html>"), times=4)
    assert get(vendor.url) == PAGE
    assert len(vendor.asked) == 5


def test_a_server_that_stays_down_is_one_line(vendor: Vendor) -> None:
    vendor.answer = lambda handler, _: send(handler, 503, b"")
    with pytest.raises(Unreachable, match=r"^toy\.deals: 503 from /deals in 6 attempts - nothing was landed"):
        get(vendor.url)
    assert len(vendor.asked) == http.ATTEMPTS


@pytest.mark.fault(3)
def test_a_body_that_stops_in_its_middle_is_asked_for_again(vendor: Vendor) -> None:
    def stall(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"results": [')
        handler.wfile.flush()
        time.sleep(1.5)
        handler.close_connection = True

    vendor.answer = first_then_page(stall)
    assert get(vendor.url) == PAGE
    vendor.asked.clear()
    vendor.answer = first_then_page(lambda handler, _: send(handler, 200, PAGE, cut=5))
    assert get(vendor.url) == PAGE


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<!doctype html><h1>Maintenance</h1>", marks=pytest.mark.fault(4), id="html"),
        pytest.param({"status": "error", "message": "no"}, marks=pytest.mark.fault(4), id="error document"),
        pytest.param(b'{"results": [{"id": "1"', marks=pytest.mark.fault(15), id="truncated"),
        pytest.param(b'{"results": [{"id": "\xff"}]}', marks=pytest.mark.fault(16), id="not UTF-8"),
        pytest.param(b'{"results": [NaN]}', marks=pytest.mark.fault(22), id="NaN"),
        pytest.param(b'{"results": ' + b"[" * 100_000, marks=pytest.mark.fault(26), id="too deep"),
    ],
)
def test_a_page_that_is_no_page_is_asked_for_once_more(vendor: Vendor, body: Any) -> None:
    vendor.answer = first_then_page(lambda handler, _: send(handler, 200, body))
    assert get(vendor.url) == PAGE
    vendor.asked.clear()
    vendor.answer = lambda handler, _: send(handler, 200, body)
    with pytest.raises(MalformedData, match=r"^toy\.deals: the answer was .* twice at /deals - nothing was landed"):
        get(vendor.url)
    assert len(vendor.asked) == 2


def test_half_a_surrogate_pair_becomes_text_that_can_be_stored(vendor: Vendor) -> None:
    vendor.answer = lambda handler, _: send(handler, 200, b'{"results": [{"id": "a\\ud800b \\ud83d\\ude00"}]}')
    assert get(vendor.url)["results"][0]["id"] == "a\ufffdb \U0001f600"


def test_a_wrong_token_says_what_to_set(vendor: Vendor) -> None:
    vendor.answer = lambda handler, _: send(handler, 401, {"message": "invalid"})
    with pytest.raises(AuthenticationError) as caught:
        get(vendor.url)
    assert str(caught.value) == (
        "toy.deals: 401 from /deals (invalid) - nothing was landed, the live release stays; "
        "set TOY_TOKEN to a token with deals.read"
    )


@pytest.mark.fault(6)
def test_a_missing_scope_is_named_from_the_error_document(vendor: Vendor) -> None:
    document = {"message": "no", "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}]}
    vendor.answer = lambda handler, _: send(handler, 403, document)
    with pytest.raises(PermissionMissing, match=r"403 from /deals: crm\.objects\.deals\.read is not granted"):
        get(vendor.url)
    assert len(vendor.asked) == 1


@pytest.mark.fault(5)
def test_an_expired_token_is_renewed_once(vendor: Vendor) -> None:
    issued: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        if handler.path == "/token":
            issued.append(f"access-{len(issued) + 1}")
            send(handler, 200, {"access_token": issued[-1], "expires_in": 3600})
        elif handler.headers["Authorization"] == "Bearer access-2":
            send(handler, 200, PAGE)
        else:
            send(handler, 401, {"error": {"message": "expired"}})

    vendor.answer = answer
    credentials = OAuthRefresh("toy", f"{vendor.url}/token", "id", client_secret="s3cret", refresh_token="r3fresh")
    oauth = RestClient("toy", vendor.url, credentials, RateLimiter(1_000, 1.0))
    assert oauth.get("/deals", entity="deals", scope="ads") == PAGE
    assert issued == ["access-1", "access-2"]
    vendor.answer = lambda handler, number: (
        answer(handler, number) if handler.path == "/token" else send(handler, 401, {"error": {"message": "no s3cret"}})
    )
    with pytest.raises(AuthenticationError, match=r"401 from /deals \(no \[redacted\]\)"):
        oauth.get("/deals", entity="deals", scope="ads")


@pytest.mark.fault(7)
def test_a_cursor_that_comes_back_ends_the_crawl(vendor: Vendor) -> None:
    vendor.answer = lambda handler, _: send(handler, 200, PAGE | {"paging": {"next": {"after": "17"}}})
    one = client(vendor.url)

    def fetch(after: str | None) -> Any:
        return one.get("/deals", entity="deals", scope="deals.read", params={"after": after})

    with pytest.raises(MalformedData, match="the pagination cursor repeats at /deals"):
        list(one.pages(fetch, entity="deals", path="/deals"))
    assert len(vendor.asked) == 2


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"policyName": "DAILY", "message": "daily limit"}, {}),
        ({"message": "later"}, {"Retry-After": "7200"}),
        ({"error": {"details": [{"errors": [{"message": "x", "details": {"retryDelay": "3600s"}}]}]}}, {}),
    ],
)
def test_a_spent_daily_quota_is_not_slept_through(vendor: Vendor, body: Any, headers: dict[str, str]) -> None:
    vendor.answer = lambda handler, _: send(handler, 429, body, headers)
    with pytest.raises(Unreachable, match="the quota is spent"):
        get(vendor.url)
    assert len(vendor.asked) == 1


@pytest.mark.fault(13)
def test_no_such_name_no_listener_and_no_tls_are_one_line_each(vendor: Vendor) -> None:
    for url, said in (
        ("http://no-such-host.invalid", "Failed to resolve 'no-such-host.invalid'"),
        ("http://127.0.0.1:9/api", "from 127.0.0.1:9/api/deals in 6 attempts (Failed to establish a new connection: "),
        (vendor.url.replace("http:", "https:"), "SSL"),
    ):
        with pytest.raises(Unreachable, match=r"^toy\.deals: .* in 6 attempts .* - nothing was landed") as caught:
            get(url)
        assert "\n" not in str(caught.value)
        assert said in str(caught.value)
        assert "ConnectionPool" not in str(caught.value)


@pytest.mark.fault(73)
def test_a_redirect_is_refused_and_the_token_stays_here(vendor: Vendor) -> None:
    elsewhere = Vendor()
    vendor.answer = lambda handler, _: send(handler, 302, b"", {"Location": f"{elsewhere.url}/deals"})
    with pytest.raises(MalformedData, match=r"302 redirects to 127\.0\.0\.1, which was not followed"):
        get(vendor.url)
    assert elsewhere.asked == []
    elsewhere.server.shutdown()


@pytest.mark.fault(73)
@pytest.mark.parametrize(
    ("base", "link", "is_refused"),
    [
        ("http://127.0.0.1:1", "http://169.254.169.254/latest/meta-data", True),
        ("http://127.0.0.1:1", "http://10.0.0.1/next", True),
        ("https://api.hubapi.com", "https://api.hubapi.com.evil.example/x", True),
        ("https://api.hubapi.com", "https://evilhubapi.com/x", True),
        ("https://api.hubapi.com", "https://api-eu1.hubapi.com/crm", False),
        ("https://api.hubapi.com", "/crm/v3?after=2", False),
    ],
)
def test_a_next_link_to_another_host_ends_the_crawl(base: str, link: str, is_refused: bool) -> None:
    documents = iter([PAGE | {"paging": {"next": {"after": "2", "link": link}}}, PAGE])
    crawl = client(base).pages(lambda _: next(documents), entity="deals", path="/deals")
    if is_refused:
        with pytest.raises(MalformedData, match="the token was not sent there"):
            list(crawl)
    else:
        assert len(list(crawl)) == 2


@pytest.mark.fault(74)
def test_no_message_trace_or_log_carries_a_secret(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[Answer] = [
        lambda handler, _: send(handler, 401, {"message": f"token {TOKEN} is wrong"}),
        lambda handler, _: send(handler, 403, {"message": f"Bearer {TOKEN}"}),
        lambda handler, _: send(handler, 400, {"message": f"header Authorization: Bearer {TOKEN}"}),
        lambda handler, _: send(handler, 200, {"message": f"you sent {TOKEN}"}),
        lambda handler, _: send(handler, 500, {"message": TOKEN}),
    ]
    for answer in answers:
        vendor.answer = answer
        with pytest.raises(SaleshouseError) as caught:
            get(vendor.url)
        assert TOKEN not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(Unreachable) as refused:
        get("http://127.0.0.1:9")
    assert TOKEN not in "".join(traceback.format_exception(refused.value))
    assert TOKEN not in caplog.text
    credentials = OAuthRefresh(
        "toy", vendor.url, "id", client_secret=TOKEN, refresh_token=TOKEN, more_headers={"x": TOKEN}
    )
    assert TOKEN not in repr(RestClient("toy", vendor.url, credentials, RateLimiter(1, 1.0)))


def test_requests_keep_to_the_vendor_s_window_and_make_up_for_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    clock = [100.0]
    monkeypatch.setattr(http.time, "monotonic", lambda: clock[0])
    limiter = RateLimiter(190, 10.3)
    monkeypatch.setattr(limiter._turn, "wait", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    starts = []
    for number in range(600):
        limiter.wait()
        starts.append(clock[0])
        # Of six seconds that nobody asks in, and of the time that an answer takes.
        clock[0] += 6 if number == 250 else 0.02
    busiest = max(sum(1 for other in starts if start <= other < start + 10.3) for start in starts)
    assert busiest == 190
    # A stall of six seconds costs less than four of them.
    assert starts[-1] - starts[0] < 599 / 190 * 10.3 + 4
    limiter.pause(30)
    before = clock[0]
    limiter.wait()
    assert clock[0] - before >= 30


def test_urgent_requests_start_before_others_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    limiter = RateLimiter(1, 0.05)
    limiter.wait()
    started: list[str] = []

    def ask(name: str) -> None:
        limiter.wait(urgent=name == "urgent")
        started.append(name)

    with ThreadPoolExecutor(4) as pool:
        for name in ("one", "two", "three"):
            pool.submit(ask, name)
        time.sleep(0.01)
        pool.submit(ask, "urgent")
    assert started[0] == "urgent"
    assert sorted(started[1:]) == ["one", "three", "two"]


def test_requests_with_a_limit_of_their_own_take_nothing_from_the_others(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    toy, searches = client(vendor.url), RateLimiter(1_000, 1.0)
    for _ in range(2):
        toy.post("/search", {}, entity="deals", scope="deals.read", limiter=searches)
    toy.get("/deals", entity="deals", scope="deals.read")
    assert (toy.limiter.requests, searches.requests) == (1, 2)
