"""The simulated vendors on loopback: one server, one company, one moment that can be moved.

What belongs here: putting the faces behind paths, the control endpoints, starting and stopping. What does not: what a
vendor answers (hubspot.py, google_ads.py), exported files (ga4.py, exports.py), faults (faults.py).

    /hubspot, /google_ads            the vendors
    POST /__simulator/now            {"now": "2026-06-19T06:00:00"}: moves the clock and brings the files up to it
    POST /__simulator/faults         a list of faults, replacing those before; GET shows how often each has struck
    GET  /__simulator/health         the moment, and how many requests each path has had
"""

import asyncio
import gc
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator import exports, fold, ga4, google_ads, hubspot
from simulator.company import Company
from simulator.faults import Board, Faulty
from simulator.hubspot_records import Portal

HOST = "127.0.0.1"


@dataclass
class Control:
    """What a test or the control endpoints may do to the simulated vendors."""

    company: Company
    now: datetime
    crm: hubspot.Face
    ads: google_ads.Face
    files: Path | None = None
    board: Board = field(default_factory=Board)
    requests: Counter[str] = field(default_factory=Counter)
    authorizations: set[str] = field(default_factory=set)

    def move(self, now: datetime) -> list[Path]:
        """Moves the clock, in either direction; the files that were written for it."""
        self.now = fold.aware(now)
        self.crm.portal = Portal(self.company, self.now)
        self.ads.move(self.now)
        return self.write_files()

    def write_files(self) -> list[Path]:
        """Brings the GA4 export and the finance lists up to now, if there is a folder for them."""
        return [] if self.files is None else write_files(self.company, self.now, self.files)

    def switch_faults(self, *faults: dict[str, Any]) -> None:
        """Replaces all faults by these (see faults.py); none ends them."""
        self.board.switch(list(faults))


def write_files(company: Company, now: datetime, folder: Path) -> list[Path]:
    """The files that people and Google Analytics put below `folder`; those that had changed."""
    return ga4.write(company, now, folder / "ga4") + exports.write_finance(company, now, folder / "finance")


def control_of(
    company: Company,
    now: datetime,
    *,
    files: Path | None = None,
    hubspot_token: str = "demo-token",  # noqa: S107 - the demo's token, no secret
    limits: hubspot.Limits | None = None,
    credentials: google_ads.Credentials | None = None,
    page_rows: int = google_ads.PAGE_ROWS,
) -> Control:
    """The vendors' state. `limits` may switch rate limits off or lower the search cap, for tests."""
    now = fold.aware(now)
    crm = hubspot.Face(Portal(company, now), token=hubspot_token, limits=limits or hubspot.Limits())
    ads = google_ads.Face(company, now, credentials or google_ads.Credentials(), page_rows)
    return Control(company, now, crm, ads, files)


def application(control: Control) -> ASGIApp:
    """The whole server as an ASGI application."""

    async def health(request: Request) -> Response:
        return _json({"now": control.now.isoformat(), "requests": dict(control.requests)})

    async def move(request: Request) -> Response:
        try:
            now = datetime.fromisoformat(orjson.loads(await request.body())["now"])
        except (ValueError, KeyError, TypeError) as wrong:
            return _json({"error": f"send {{'now': ISO time}}: {wrong}"}, 400)
        written = await asyncio.to_thread(control.move, now)
        return _json({"now": control.now.isoformat(), "written": [path.name for path in written]})

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                listed = orjson.loads(await request.body())
                control.board.switch(listed if isinstance(listed, list) else [listed])
            except (ValueError, TypeError) as wrong:
                return _json({"error": str(wrong)}, 400)
        return _json(control.board.described())

    routes = [
        Route("/__simulator/health", health),
        Route("/__simulator/now", move, methods=["POST"]),
        Route("/__simulator/faults", faults, methods=["GET", "POST"]),
        Mount("/hubspot", routes=control.crm.routes()),
        Mount("/google_ads", routes=control.ads.routes()),
    ]
    inner = Faulty(Starlette(routes=routes), control.board, control.crm, control.ads)

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            control.requests[f"{scope['method']} {scope['path']}"] += 1
            control.authorizations.update(v.decode() for k, v in scope["headers"] if k == b"authorization")
        await inner(scope, receive, send)

    return counted


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def _server(control: Control) -> uvicorn.Server:
    config = uvicorn.Config(
        application(control), log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


def serve(control: Control, port: int, port_file: Path | None = None) -> None:
    """Serves until interrupted; the port (0: any free one) is in `port_file` once requests are taken."""
    listener = _listening(port)
    listener.listen()
    bound = int(listener.getsockname()[1])
    if port_file is not None:
        temporary = port_file.with_name(f".{port_file.name}.part")
        temporary.write_text(str(bound))
        temporary.replace(port_file)
    gc.freeze()  # the company is never garbage: collections need not walk through it
    gc.enable()
    print(f"the simulated vendors of {control.now:%d %B %Y %H:%M} UTC answer at http://{HOST}:{bound}", flush=True)
    _server(control).run(sockets=[listener])


@contextmanager
def running(company: Company, now: datetime, **options: Any) -> Iterator[tuple[str, Control]]:
    """Serves on a free loopback port in a thread; yields (base address, control). Options as control_of()."""
    control = control_of(company, now, **options)
    control.write_files()
    listener = _listening(0)
    listener.listen()
    server = _server(control)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}", control
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=10)
        listener.close()
