"""The local app: a Starlette application of a review or a desk, on a loopback port.

Needs the extra "review".
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tipclassify.app.desk import Desk
from tipclassify.app.guard import Guard
from tipclassify.app.refusal import RefusedError
from tipclassify.app.review import Review
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.formatting import for_terminal, load_json
from tipclassify.resources import resource_path
from tipclassify.store import RequestReusedError

_MOST_CONNECTIONS: Final = 64
_PATIENCE: Final = 10.0  # seconds without a whole request until a connection ends
_TYPES: Final = {".css": "text/css", ".js": "text/javascript"}

NoteText = Annotated[str, msgspec.Meta(max_length=2_000)]
RequestId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]  # an idempotency key


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a POST request."""


class DecisionBody(Body):
    """Body of a decision, settlement, note ("" removes it) or look at colleagues' decisions."""

    key: str
    kind: Literal["label", "settle", "note", "look"] = "label"
    labels: list[str] | None = None
    unsure: bool = False
    note: NoteText | None = None
    request: RequestId | None = None

    def __post_init__(self) -> None:
        if self.kind in ("label", "settle") and self.labels is None:
            raise ValueError("Object missing required field `labels`")


class UndoBody(Body):
    """Body of an undo of the annotator's last event."""

    request: RequestId | None = None


class CheckBody(Body):
    """Body of the labels that a desk's finding should have, of a note, or of a withdrawal."""

    report: str
    start: int
    end: int
    key: str
    labels: tuple[str, ...] | Literal["withdrawn"] | None = None
    note: NoteText | None = None
    request: RequestId | None = None


AnyBody = TypeVar("AnyBody", bound=Body)


def listen_on_loopback(port: int) -> socket.socket:
    """Open a listening socket on loopback; port 0 takes a free one."""
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error})"
        raise InputError(
            f"port {port} {why}; give another --port, or none for any that is free"
        ) from None
    # Connections inherit it; asyncio would not set it on them, as the socket names no protocol.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve_review(
    review: Review,
    at: socket.socket,
    token: str,
    ready: Callable[[], None],
    stopped: Callable[[], object] = lambda: None,
) -> None:
    """Serve until the process is stopped.

    `ready` is called once requests are accepted, `stopped` when none is any more.
    """
    app = _app(_review_routes(review), ready, stopped)
    _run(Guard(app, at.getsockname()[1], token), at)


def serve_desk(desk: Desk, at: socket.socket, token: str, ready: Callable[[], None]) -> None:
    """Serve a desk under the path ``/TOKEN/`` until the process is stopped."""
    app = _app(_desk_routes(desk, token), ready, lambda: None)
    _run(Guard(app, at.getsockname()[1], token, in_path=True), at)


def _review_routes(review: Review) -> list[BaseRoute]:
    # looked up by name: no path traversal
    static = {file.name: file.read_bytes() for file in resource_path("app/static").iterdir()}
    static["labels.css"] = review.parts.colours().encode()
    page = HTMLResponse(review.parts.page(review.run.thresholds))

    def static_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in static:
            raise HTTPException(404)
        return Response(static[name], media_type=_TYPES[os.path.splitext(name)[1]])

    return [
        Route("/", lambda _: page),
        Route("/static/{name}", static_file),
        _get("/api/session", lambda _: review.about()),
        _get("/api/reports/{id}", lambda request: review.report(request.path_params["id"])),
        _get("/api/queue", lambda _: review.queue()),
        _get("/api/reasons/{key}", lambda request: review.reasons(request.path_params["key"])),
        _get("/api/changes", lambda request: review.changes(_since(request))),
        _get("/api/disagreements", lambda _: review.disagreements()),
        _get("/api/agreement", lambda _: review.agreement()),
        _post(
            "/api/decisions",
            DecisionBody,
            lambda b: review.decide(b.key, b.kind, b.labels or (), b.unsure, b.note, b.request),
        ),
        _post("/api/undo", UndoBody, lambda b: review.undo(b.request)),
    ]


def _desk_routes(desk: Desk, token: str) -> list[BaseRoute]:
    scripts = {
        f"decide.{kind}": resource_path(f"app/static/decide.{kind}").read_bytes()
        for kind in ("js", "css")
    }

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name in scripts:
            return Response(scripts[name], media_type=_TYPES[os.path.splitext(name)[1]])
        path = desk.file(name)
        if path is None:
            raise HTTPException(404)
        if path.suffix == ".html":
            return HTMLResponse(desk.page(path))
        return FileResponse(path)

    return [
        Route(f"/{token}/", lambda _: RedirectResponse(f"/{token}/index.html")),
        _get(f"/{token}/api/checks", lambda request: desk.state(_since(request))),
        _post(
            f"/{token}/api/checks",
            CheckBody,
            lambda b: desk.check((b.report, b.start, b.end), b.key, b.labels, b.note, b.request),
        ),
        Route(f"/{token}/{{name:path}}", file),
    ]


def _get(path: str, answer: Callable[[Request], object]) -> Route:
    return Route(path, lambda request: _json(answer(request)), methods=["GET"])


def _post(path: str, kind: type[AnyBody], answer: Callable[[AnyBody], object]) -> Route:
    async def answered(request: Request) -> Response:
        body = _parsed(await request.body(), kind)
        return _json(await run_in_threadpool(answer, body))

    return Route(path, answered, methods=["POST"])


def _app(
    routes: list[BaseRoute], ready: Callable[[], None], stop: Callable[[], object]
) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ready()
        yield
        stop()

    handled = (RefusedError, TipclassifyError, HTTPException, ClientDisconnect, Exception)
    return Starlette(
        routes=routes, exception_handlers=dict.fromkeys(handled, _failed), lifespan=lifespan
    )


def _run(app: Guard, at: socket.socket) -> None:
    settings = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,  # it would contain the token
        log_level="error",
        server_header=False,
        proxy_headers=False,  # there is no proxy
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(settings).run(sockets=[at])


class _Connection(H11Protocol):
    """Connection that ends when its client keeps it waiting: sends no whole request, or never reads.

    Of too many, the oldest of those that wait ends, so that idle ones never use up all files.
    """

    has_warned = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.began = time.monotonic()
        # Those that were ended a moment ago are still in the set.
        present = [
            connection
            for connection in self.connections
            if isinstance(connection, _Connection) and not connection.transport.is_closing()
        ]
        if len(present) > _MOST_CONNECTIONS:
            self._warn()
            waiting = (connection for connection in present if connection.waits)
            oldest = min(waiting, key=lambda connection: connection.began, default=self)
            oldest.transport.abort()
        self.loop.call_later(_PATIENCE, self._end_if_idle, None)

    @classmethod
    def _warn(cls) -> None:
        """Say once that connections are ended."""
        if not cls.has_warned:
            cls.has_warned = True
            what = f"over {_MOST_CONNECTIONS} connections: the idle ones are ended"
            print(f"tipclassify: {what}", file=sys.stderr)

    @property
    def waits(self) -> bool:
        """Whether the client has to do something: to send a request or its body, or to read."""
        is_idle = self.cycle is None or self.cycle.response_complete or self.cycle.more_body
        return is_idle or self.flow.write_paused

    def _end_if_idle(self, last: object) -> None:
        """End the connection unless it had another request than the `last` since."""
        if self.transport.is_closing():
            return
        if self.waits and self.cycle is last:
            self.transport.abort()
        else:
            self.loop.call_later(_PATIENCE, self._end_if_idle, self.cycle)


def _json(value: object, status: int = 200) -> Response:
    # lone surrogates cannot be encoded otherwise
    body = json.dumps(msgspec.to_builtins(value), ensure_ascii=True, allow_nan=False)
    return Response(body, status, media_type="application/json")


async def _failed(_: Request, error: Exception) -> Response:
    """Answer a request that failed with one line of reason."""
    reason = str(error)
    if isinstance(error, RefusedError):
        status = error.status
    elif isinstance(error, RequestReusedError):
        status = 409
    elif isinstance(error, TipclassifyError):
        status = 507  # not saved
    elif isinstance(error, ClientDisconnect):  # the client will not read this
        status = 400
    elif isinstance(error, HTTPException):
        status = error.status_code
        reason = {404: "no such page", 405: "not by this method"}.get(status, error.detail)
    else:
        what = f"tipclassify: {type(error).__name__}: {for_terminal(reason)}"
        print(what, file=sys.stderr, flush=True)
        status = 500
        reason = "an error of tipclassify itself; the terminal says more"
    return _json({"error": reason}, status)


def _parsed(body: bytes, kind: type[AnyBody]) -> AnyBody:
    """Parse the body of a request; refuse one that is of another kind."""
    try:
        return msgspec.convert(load_json(body or b"{}"), kind)
    except msgspec.ValidationError as error:
        raise RefusedError(400, str(error)) from None
    except ValueError:
        raise RefusedError(400, "not JSON; send one object") from None


def _since(request: Request) -> int:
    """Read the number of an event of a request's query; refuse what is none."""
    written = request.query_params.get("since", "0")
    if not re.fullmatch(r"[0-9]{1,18}", written, re.ASCII):
        raise RefusedError(400, "since is no whole number")
    return int(written)
