"""Serve the review page on a loopback port.

Routes lead to `page_answers`, and to methods of `ReviewSession` and `Retraining`.

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
from typing import Annotated, Final, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tipclassify._version import __version__
from tipclassify.app.page_answers import (
    answer_about,
    answer_agreement,
    answer_changes,
    answer_disagreements,
    answer_history,
    answer_queue,
    answer_reasons,
    answer_report,
    answer_search,
)
from tipclassify.app.refusal import RefusedError
from tipclassify.app.retraining import Retraining
from tipclassify.app.security import Guard
from tipclassify.app.session import ReviewSession
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.formatting import for_terminal, load_json
from tipclassify.labels import label_indicator
from tipclassify.probability import (
    NEARLY_CERTAIN,
    NEARLY_CERTAIN_SHOWN,
    NEARLY_IMPOSSIBLE,
    NEARLY_IMPOSSIBLE_SHOWN,
)
from tipclassify.records import section_name
from tipclassify.resources import read_resource, resource_path
from tipclassify.write.reasons import MIN_RELATIVE_WEIGHT, MOST_AGAINST, MOST_FOR
from tipclassify.write.templating import LETTERS, NAMES, constants_module

_PATIENCE: Final = 10.0  # seconds without a whole request until a connection ends
_MOST_CONNECTIONS: Final = 64
_MAX_QUEUE: Final = 500  # passages in one answer of the queue
_TYPES: Final = {".css": "text/css", ".js": "text/javascript"}

NoteText = Annotated[str, msgspec.Meta(max_length=2_000)]
RequestId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]  # an idempotency key


class EmptyBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a POST request without fields."""


class LabelBody(EmptyBody):
    """Body of a decision or adjudication."""

    key: str
    labels: list[str]
    unsure: bool = False
    note: NoteText | None = None
    request: RequestId | None = None

    def __post_init__(self) -> None:
        label_indicator(self.labels)  # raises for an unknown one


class NoteBody(EmptyBody):
    """Body of a note; "" removes it."""

    key: str
    note: NoteText = ""
    request: RequestId | None = None


class RevealBody(EmptyBody):
    """Body of a request to see what colleagues decided."""

    key: str
    request: RequestId | None = None


class UndoBody(EmptyBody):
    """Body of an undo: the number of the event to revoke."""

    event: int
    request: RequestId | None = None


RequestBody = TypeVar("RequestBody", bound=EmptyBody)


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
    session: ReviewSession,
    retraining: Retraining,
    at: socket.socket,
    token: str,
    ready: Callable[[], None],
) -> None:
    """Serve until the process is stopped; `ready` is called once requests are accepted."""
    serve_app_behind_guard(
        Guard(build_review_app(session, retraining, ready), at.getsockname()[1], token), at
    )


def serve_app_behind_guard(app: Guard, at: socket.socket) -> None:
    """Run a guarded application on a socket until the process is stopped."""
    settings = uvicorn.Config(
        app,
        http=_GuardedPageConnection,
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


class _GuardedPageConnection(H11Protocol):
    """Connection that ends when its client keeps it waiting.

    Of too many, the oldest of those that wait ends.
    """

    has_warned = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.began = time.monotonic()
        # Those that were ended a moment ago are still in the set.
        present = [
            connection
            for connection in self.connections
            if isinstance(connection, _GuardedPageConnection)
            and not connection.transport.is_closing()
        ]
        if len(present) > _MOST_CONNECTIONS:
            _GuardedPageConnection.warn()
            waiting = (connection for connection in present if connection.waits)
            min(waiting, key=lambda connection: connection.began).transport.abort()
        self.loop.call_later(_PATIENCE, self._end_if_idle, None)

    @classmethod
    def warn(cls) -> None:
        """Say once that connections are ended."""
        if not cls.has_warned:
            cls.has_warned = True
            what = f"over {_MOST_CONNECTIONS} connections: the idle ones are ended"
            print(f"tipclassify: {what}", file=sys.stderr)

    @property
    def waits(self) -> bool:
        """Whether the client has to send something: a request, or the rest of its body."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _end_if_idle(self, last: object) -> None:
        """End the connection unless it had another request than the `last` since."""
        if self.transport.is_closing():
            return
        if self.waits and self.cycle is last:
            self.transport.abort()
        else:
            self.loop.call_later(_PATIENCE, self._end_if_idle, self.cycle)


def build_review_app(
    session: ReviewSession, retraining: Retraining, ready: Callable[[], None]
) -> Starlette:
    """Build the application that `Guard` protects."""
    # looked up by name: no path traversal
    static = {file.name: file.read_bytes() for file in resource_path("app/static").iterdir()}
    static["names.js"] = names_module_of_review_page().encode()
    shared_script = "probability.js"  # of the pages of reports
    static[shared_script] = read_resource(f"write/assets/{shared_script}").encode()
    page = HTMLResponse(read_resource("app/templates/page.html").replace("@VERSION@", __version__))

    def static_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in static:
            raise HTTPException(404)
        return Response(static[name], media_type=_TYPES[os.path.splitext(name)[1]])

    def get(path: str, answer: Callable[[Request], object]) -> Route:
        return Route(path, lambda request: json_response(answer(request)))

    def post(path: str, kind: type[RequestBody], answer: Callable[[RequestBody], object]) -> Route:
        async def answered(request: Request) -> Response:
            change = read_request_body(await request.body(), kind)
            return json_response(await run_in_threadpool(answer, change))

        return Route(path, answered, methods=["POST"])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ready()
        yield
        retraining.stop()

    routes = [
        Route("/", lambda _: page),
        Route("/static/{name}", static_file),
        get("/api/session", lambda _: answer_about(session)),
        get("/api/reports/{id}", lambda request: answer_report(session, request.path_params["id"])),
        get(
            "/api/queue",
            lambda request: answer_queue(
                session, min(max(read_query_number(request, "n", 50), 1), _MAX_QUEUE)
            ),
        ),
        get(
            "/api/reasons/{key}",
            lambda request: answer_reasons(session, request.path_params["key"]),
        ),
        get(
            "/api/changes",
            lambda request: answer_changes(session, read_query_number(request, "since", 0)),
        ),
        get(
            "/api/history",
            lambda request: answer_history(session, read_query_number(request, "before", 0)),
        ),
        get(
            "/api/search",
            lambda request: answer_search(session, request.query_params.get("words", "")),
        ),
        get("/api/disagreements", lambda _: answer_disagreements(session)),
        get("/api/agreement", lambda _: answer_agreement(session)),
        get("/api/codebook", lambda _: json.loads(read_resource("app/codebook.json"))),
        get(
            "/api/retrain",
            lambda _: {
                **msgspec.structs.asdict(retraining.state()),
                "decided": session.decided,
                "disputed": session.disputed,
            },
        ),
        post(
            "/api/decisions",
            LabelBody,
            lambda body: session.decide(
                body.key, body.labels, body.note, body.request, body.unsure
            ),
        ),
        post(
            "/api/adjudications",
            LabelBody,
            lambda body: session.adjudicate(
                body.key, body.labels, body.note, body.request, body.unsure
            ),
        ),
        post("/api/notes", NoteBody, lambda b: session.note(b.key, b.note, b.request)),
        post("/api/reveals", RevealBody, lambda b: session.reveal(b.key, b.request)),
        post("/api/undo", UndoBody, lambda b: session.undo(b.event, b.request)),
        post("/api/retrain", EmptyBody, lambda _: retraining.start()),
        post("/api/retrain/stop", EmptyBody, lambda _: retraining.stop()),
    ]
    handled = (RefusedError, TipclassifyError, HTTPException, ClientDisconnect, Exception)
    return Starlette(
        routes=routes, exception_handlers=dict.fromkeys(handled, answer_failed), lifespan=lifespan
    )


def names_module_of_review_page() -> str:
    """Make ``names.js``: what the review page's scripts share with Python.

    >>> print(names_module_of_review_page().splitlines()[0])
    export const LETTERS = {"positive_effort":"P","failure":"F","complicity":"C"};
    """
    constants: dict[str, object] = {
        "LETTERS": LETTERS,
        "NAMES": NAMES,
        "NO_SECTION": section_name(None),
        "NEARLY_CERTAIN": NEARLY_CERTAIN,
        "NEARLY_CERTAIN_SHOWN": NEARLY_CERTAIN_SHOWN,
        "NEARLY_IMPOSSIBLE": NEARLY_IMPOSSIBLE,
        "NEARLY_IMPOSSIBLE_SHOWN": NEARLY_IMPOSSIBLE_SHOWN,
        "MIN_RELATIVE_WEIGHT": MIN_RELATIVE_WEIGHT,
        "MOST_FOR": MOST_FOR,
        "MOST_AGAINST": MOST_AGAINST,
    }
    return constants_module(constants)


def json_response(value: object, status: int = 200) -> Response:
    """Answer with plain values, or with records as JSON objects."""
    # lone surrogates cannot be encoded otherwise
    body = json.dumps(msgspec.to_builtins(value), ensure_ascii=True, allow_nan=False)
    return Response(body, status, media_type="application/json")


async def answer_failed(_: Request, error: Exception) -> Response:
    """Answer a request that failed with one line of reason."""
    if isinstance(error, RefusedError | TipclassifyError):
        return json_response({"error": str(error)}, getattr(error, "status", 507))  # not saved
    if isinstance(error, ClientDisconnect):  # the client will not read this
        return json_response({"error": "cut off"}, 400)
    if isinstance(error, HTTPException):
        reason = {404: "no such page", 405: "not by this method"}.get(
            error.status_code, error.detail
        )
        return json_response({"error": reason}, error.status_code)
    print(
        f"tipclassify: {type(error).__name__}: {for_terminal(str(error))}",
        file=sys.stderr,
        flush=True,
    )
    return json_response({"error": "an error of tipclassify itself; the terminal says more"}, 500)


def read_request_body(body: bytes, kind: type[RequestBody]) -> RequestBody:
    """Parse the body of a request; refuse one that is of another kind."""
    try:
        return msgspec.convert(load_json(body or b"{}"), kind)
    except msgspec.ValidationError as error:
        raise RefusedError(400, str(error)) from None
    except ValueError:
        raise RefusedError(400, "not JSON; send one object") from None


def read_query_number(request: Request, name: str, default: int) -> int:
    """Read a whole number of a request's query; refuse what is none."""
    written = request.query_params.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,18}", written, re.ASCII):
        raise RefusedError(400, f"{name} is no whole number")
    return int(written)
