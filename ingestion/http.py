"""How this project talks to a vendor's web interface: politely, again when it pays, and never past what it expected.

What belongs here: rate limits, retries, refusals (other hosts, HTML, repeated cursors) and the one line for each way
to fail. What does not: a vendor's paths, pages or fields. The session underneath is dlt's `requests` with its retry;
what is added are limits per attempt, the reading of bodies, and words.
"""

import collections
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import urljoin, urlsplit

from configuration.environment import quiet
from configuration.errors import (
    AuthenticationError,
    MalformedData,
    PermissionMissing,
    SourceError,
    Unreachable,
)

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

NOTHING_LANDED = "nothing was landed, the live release stays"

# Six attempts with doubling waits ride out about half a minute; a longer Retry-After is not slept through.
ATTEMPTS = 6
BACKOFF_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 120.0
TIMEOUT_SECONDS = (10.0, 60.0)

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Credentials(Protocol):
    """What signs a request."""

    def headers(self) -> Mapping[str, str]:
        """The headers to send; may ask the vendor for a short-lived token."""

    def refresh(self) -> bool:
        """Called once after a 401: whether it is worth asking again."""

    def secrets(self) -> list[str]:
        """Texts that must never appear in a message."""

    def fix(self, scope: str) -> str:
        """What the reader has to do to be let in, for this scope."""


class RateLimiter:
    """A rolling window for all threads, as vendors count: at most `allowed` requests start in any `seconds`.

    They start evenly, since a burst would leave nothing to those that ask later, but somewhat faster than the window
    fills: what a stall of ours left unused is made up for, so a long reading keeps to the vendor's pace.
    """

    def __init__(self, allowed: int, seconds: float) -> None:
        self._allowed, self._seconds = allowed, seconds
        self.requests = 0
        self._starts: collections.deque[float] = collections.deque(maxlen=allowed)
        self._not_before = 0.0
        self._urgent = 0
        self._turn = threading.Condition()

    def wait(self, *, urgent: bool = False) -> None:
        """Returns when one more request may start, urgent ones before all that wait as well."""
        with self._turn:
            self._urgent += urgent
            while (delay := self._next_start() - time.monotonic()) > 0 or (self._urgent and not urgent):
                self._turn.wait(delay if delay > 0 else None)
            self._urgent -= urgent
            # Noted when it starts: one that was planned and came late would meet the next at the vendor.
            self._starts.append(time.monotonic())
            self.requests += 1
            self._turn.notify_all()

    def pause(self, seconds: float) -> None:
        """The vendor said to wait: nobody starts earlier."""
        with self._turn:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _next_start(self) -> float:
        if not self._starts:
            return self._not_before
        window = self._starts[0] + self._seconds if len(self._starts) == self._allowed else 0.0
        return max(self._not_before, window, self._starts[-1] + 0.8 * self._seconds / self._allowed)


@dataclass
class RestClient:
    """One vendor's interface. `source` and `base_url` name it in messages; safe to use from several threads.

    `urgent`: the entities whose requests others let pass, since the landing takes as long as they do.
    """

    source: str
    base_url: str
    credentials: Credentials
    limiter: RateLimiter
    cancelled: threading.Event = field(default_factory=threading.Event)
    urgent: frozenset[str] = frozenset()
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def get(self, path: str, *, entity: str, scope: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON document at `path`. Raises SourceError and its subclasses."""
        return self._document("GET", path, entity=entity, scope=scope, params=params)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        entity: str,
        scope: str,
        expect: Callable[[Any], bool] | None = None,
        limiter: RateLimiter | None = None,
    ) -> Any:
        """The JSON document that answers `body`; `limiter`: the limit that this kind of request has of its own."""
        return self._document("POST", path, entity=entity, scope=scope, body=body, expect=expect, limiter=limiter)

    def pages(self, fetch: Callable[[str | None], Any], *, entity: str, path: str) -> Iterator[list[dict[str, Any]]]:
        """The lists under `results`, following `paging.next.after`. The cursor is followed, never a link.

        Raises MalformedData when a cursor comes back or a next link leads to another host.
        """
        seen: set[str] = set()
        after: str | None = None
        while True:
            document = fetch(after)
            yield document["results"]
            following = (document.get("paging") or {}).get("next") or {}
            after = following.get("after")
            if not after:
                return
            self._check_link(following.get("link"), entity=entity, path=path)
            if str(after) in seen:
                self._malformed("the pagination cursor repeats", entity=entity, path=path)
            seen.add(str(after))

    def redact(self, text: str) -> str:
        """The text without any secret of this client."""
        for secret in sorted(self.credentials.secrets(), key=len, reverse=True):
            if secret:
                text = text.replace(secret, "[redacted]")
        return re.sub(r"(?i)(bearer\s+)[^\s\"',;]+", r"\1[redacted]", text)

    def _document(
        self,
        method: str,
        path: str,
        *,
        entity: str,
        scope: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        expect: Callable[[Any], bool] | None = None,
        limiter: RateLimiter | None = None,
    ) -> Any:
        is_expected = expect or (
            lambda document: isinstance(document, dict) and isinstance(document.get("results"), list)
        )
        refreshed = False
        doubts = 0
        while True:
            response = self._send(method, path, entity=entity, params=params, body=body, limiter=limiter)
            if response.status_code == 401 and not refreshed and self.credentials.refresh():
                refreshed = True
                continue
            if response.status_code != 200 and not (response.status_code == 207 and method == "POST"):
                self._refused(response, entity=entity, path=path, scope=scope)
            try:
                document = _parse(response.content)
                if is_expected(document):
                    return document
                doubt = f"an unexpected document ({self.redact(_message(document) or type(document).__name__)})"
            except (ValueError, RecursionError) as exc:
                kind = response.headers.get("Content-Type", "no content type")
                doubt = f"{kind} that is not readable as JSON ({type(exc).__name__})"
            doubts += 1
            if doubts > 1:
                self._malformed(f"the answer was {doubt}, twice", entity=entity, path=path)

    def _send(
        self,
        method: str,
        path: str,
        *,
        entity: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        limiter: RateLimiter | None = None,
    ) -> "Response":
        import requests

        self._local.limiter = limiter or self.limiter
        self._local.urgent = entity in self.urgent
        url = self.base_url.rstrip("/") + path
        try:
            # Signed by a function, or `requests` would prefer what it finds in ~/.netrc.
            response: Response = self._session().request(
                method,
                url,
                params=params,
                json=body,
                data=form,
                headers={"Accept": "application/json"},
                auth=self._sign,
                allow_redirects=False,
            )
            return response
        except requests.exceptions.SSLError as exc:
            self._unreachable("the TLS certificate was refused", exc, entity=entity, path=path)
        except requests.exceptions.Timeout as exc:
            self._unreachable("no answer in time", exc, entity=entity, path=path)
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as exc:
            self._unreachable("the answer broke off in its middle", exc, entity=entity, path=path)
        except requests.exceptions.ConnectionError as exc:
            reason = "the name is not known" if "resol" in str(exc).lower() else "no connection"
            self._unreachable(reason, exc, entity=entity, path=path)
        except requests.exceptions.RequestException as exc:
            self._unreachable(type(exc).__name__, exc, entity=entity, path=path)

    def _sign(self, request: "PreparedRequest") -> "PreparedRequest":
        request.headers.update(self.credentials.headers())
        return request

    def _session(self) -> Any:
        """One session per thread, kept: a connection is opened once."""
        session = getattr(self._local, "session", None)
        if session is None:
            quiet()
            from dlt.sources.helpers.requests import Client
            from requests.adapters import HTTPAdapter

            client = self

            class LimitedAdapter(HTTPAdapter):
                """Counts every attempt, also the retried ones, against the vendor's limit for its kind."""

                def send(self, *arguments: Any, **options: Any) -> "Response":
                    client._stop_if_cancelled()
                    limiter: RateLimiter = client._local.limiter
                    limiter.wait(urgent=client._local.urgent)
                    response = super().send(*arguments, **options)
                    if response.status_code == 429:
                        limiter.pause(min(_retry_after(response), LONGEST_WAIT_SECONDS))
                    return response

            session = Client(
                request_timeout=TIMEOUT_SECONDS,
                raise_for_status=False,
                status_codes=(),
                exceptions=(),
                retry_condition=_is_worth_retrying,
                request_max_attempts=ATTEMPTS,
                request_backoff_factor=BACKOFF_SECONDS,
                request_max_retry_delay=LONGEST_WAIT_SECONDS,
            ).session
            session.mount("http://", LimitedAdapter())
            session.mount("https://", LimitedAdapter())
            self._local.session = session
        return session

    def _stop_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise SourceError(
                "stopped because another part failed",
                where=self.source,
                effect=NOTHING_LANDED,
                fix="see the other error",
            )

    def _check_link(self, link: Any, *, entity: str, path: str) -> None:
        if not isinstance(link, str) or not link:
            return
        base = urlsplit(self.base_url)
        target = urlsplit(urljoin(self.base_url, link))
        if not _is_same_site(base.hostname or "", target.hostname or ""):
            self._malformed(
                f"the next page lies on another host ({target.hostname}), the token was not sent there",
                entity=entity,
                path=path,
            )

    def _refused(self, response: "Response", *, entity: str, path: str, scope: str) -> NoReturn:
        status = response.status_code
        try:
            document = _parse(response.content)
        except (ValueError, RecursionError):
            document = None
        message = self.redact(_message(document))
        said = f" ({message})" if message else ""
        where = f"{self.source}.{entity}"
        if status == 401:
            raise AuthenticationError(
                f"401 from {path}{said}", where=where, effect=NOTHING_LANDED, fix=self.credentials.fix(scope)
            )
        if status == 403:
            needed = ", ".join(_scopes(document)) or scope
            raise PermissionMissing(
                f"403 from {path}: {needed} is not granted{said}",
                where=where,
                effect=NOTHING_LANDED,
                fix=self.credentials.fix(needed),
            )
        if 300 <= status < 400:
            target = urlsplit(urljoin(self.base_url, response.headers.get("Location", ""))).hostname
            self._malformed(
                f"{status} redirects to {target}, which was not followed, the token was not sent there",
                entity=entity,
                path=path,
            )
        if status == 429:
            raise Unreachable(
                f"429 from {path}{said}: the quota is spent, it opens again in {_retry_after(response):.0f} s",
                where=where,
                effect=NOTHING_LANDED,
                fix="run again then, the landing starts where the last complete one ended",
            )
        if status >= 500:
            raise Unreachable(
                f"{status} from {path}{said} in {ATTEMPTS} attempts",
                where=where,
                effect=NOTHING_LANDED,
                fix="look at the vendor's status page and run again later",
            )
        raise SourceError(
            f"{status} from {path}{said}",
            where=where,
            effect=NOTHING_LANDED,
            fix=f"check base_url and the ids of {self.source} in saleshouse.yml",
        )

    def _malformed(self, what: str, *, entity: str, path: str) -> NoReturn:
        raise MalformedData(
            f"{what} at {path}",
            where=f"{self.source}.{entity}",
            effect=NOTHING_LANDED,
            fix=f"check base_url of {self.source} in saleshouse.yml, then run again",
        )

    def _unreachable(self, what: str, exc: Exception, *, entity: str, path: str) -> NoReturn:
        base = urlsplit(self.base_url)
        # What happened stands innermost, behind the names of classes and pools.
        cause = getattr(exc.args[0], "reason", exc) if exc.args else exc
        said = self.redact(str(cause)).rsplit("): ", 1)[-1][:120]
        raise Unreachable(
            f"{what} from {base.netloc}{base.path.rstrip('/')}{path} in {ATTEMPTS} attempts ({said})",
            where=f"{self.source}.{entity}",
            effect=NOTHING_LANDED,
            fix=f"check the network and base_url of {self.source} in saleshouse.yml, then run again",
        ) from exc


@dataclass
class OAuthRefresh:
    """Access tokens by OAuth 2 refresh token, asked for when the first request is signed, again when one is refused.

    `variables` are the environment variables that hold the secrets; `more_headers` are sent with each request and may
    be secret as well.
    """

    source: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    variables: tuple[str, ...] = ()
    more_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if not self._token or time.monotonic() > self._until:
                self._token, seconds = self._exchange()
                self._until = time.monotonic() + seconds - 60
            return {**self.more_headers, "Authorization": f"Bearer {self._token}"}

    def refresh(self) -> bool:
        with self._lock:
            self._token = ""
        return True

    def secrets(self) -> list[str]:
        return [self._token, self.client_secret, self.refresh_token, *self.more_headers.values()]

    def fix(self, scope: str) -> str:
        return f"check {', '.join(self.variables)} and {scope}"

    def _exchange(self) -> tuple[str, float]:
        """An access token and how many seconds it lives. Raises AuthenticationError or Unreachable."""
        parts = urlsplit(self.token_url)
        client = RestClient(self.source, f"{parts.scheme}://{parts.netloc}", _Unsigned(self), RateLimiter(5, 1.0))
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }
        response = client._send("POST", parts.path, entity="token", form=form)
        try:
            document = _parse(response.content)
            if response.status_code == 200:
                return str(document["access_token"]), float(document.get("expires_in", 300))
        except (ValueError, KeyError, TypeError, RecursionError):
            document = None
        if response.status_code in (400, 401, 403):
            raise AuthenticationError(
                f"{response.status_code} from {parts.path}: the refresh token was not accepted "
                f"({client.redact(_message(document)) or 'no reason given'})",
                where=f"{self.source}.token",
                effect=NOTHING_LANDED,
                fix=f"make a new refresh token and set {', '.join(self.variables)}",
            )
        raise Unreachable(
            f"{response.status_code} without an access token from {self.token_url}",
            where=f"{self.source}.token",
            effect=NOTHING_LANDED,
            fix=f"check token_url of {self.source} in saleshouse.yml, then run again",
        )


@dataclass
class _Unsigned:
    """Requests that ask for a token carry none; the secrets stay those of the asking credentials."""

    asking: OAuthRefresh

    def headers(self) -> Mapping[str, str]:
        return {}

    def refresh(self) -> bool:
        return False

    def secrets(self) -> list[str]:
        return self.asking.secrets()

    def fix(self, scope: str) -> str:
        return self.asking.fix(scope)


def _is_worth_retrying(response: "Response | None", exception: BaseException | None) -> bool:
    import requests

    if exception is not None:
        worth = (
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        )
        return isinstance(exception, worth)
    if response is None:
        return False
    if response.status_code == 429:
        return _retry_after(response) <= LONGEST_WAIT_SECONDS and b'"DAILY"' not in response.content[:2_000]
    return response.status_code >= 500 and response.status_code != 501


def _retry_after(response: "Response") -> float:
    """Seconds that the vendor asks to wait, in the header or in Google's error document; 0 when it does not say."""
    delay = re.search(rb'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"', response.content[:20_000])
    text = response.headers.get("Retry-After", "").strip() or (delay[1].decode() if delay else "")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _parse(content: bytes) -> Any:
    document = json.loads(content, parse_constant=_refuse_constant)
    # Half a surrogate pair is legal JSON and no legal text: it could not be stored.
    return _repaired(document) if b"\\ud" in content.lower() else document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if isinstance(value, dict):
        return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value


def _message(document: Any) -> str:
    """What an error document of HubSpot, Google or OAuth says, in one short line."""
    if isinstance(document, list):
        document = document[0] if document else None
    if not isinstance(document, dict):
        return ""
    error = document.get("error")
    if isinstance(error, dict):
        document = error
        # Google's own reason lies deeper than the summary.
        details = [one for one in error.get("details") or [] if isinstance(one, dict) and one.get("errors")]
        document = details[0]["errors"][0] if details and isinstance(details[0]["errors"][0], dict) else document
    text = document.get("message") or document.get("error_description") or (error if isinstance(error, str) else "")
    return " ".join(str(text).split())[:200]


def _scopes(document: Any) -> list[str]:
    """Scopes that an error document names (`errors[].context.requiredScopes` and the granular kind)."""
    found: list[str] = []
    errors = document.get("errors") if isinstance(document, dict) else None
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        for key in ("requiredGranularScopes", "requiredScopes"):
            for scope in (context or {}).get(key) or []:
                if str(scope) not in found:
                    found.append(str(scope))
    return found


def _is_same_site(base: str, target: str) -> bool:
    if base == target:
        return True
    is_name = re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}", base) is not None
    return is_name and target.endswith("." + ".".join(base.split(".")[-2:]))
