"""HTTP server of a desk: its pages under a secret path, and the checks of its findings.

Needs the extra "review".
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from tipclassify.app.desk_session import DeskSession
from tipclassify.app.refusal import RefusedError
from tipclassify.app.security import Guard
from tipclassify.app.server import (
    EmptyBody,
    NoteText,
    RequestBody,
    RequestId,
    answer_failed,
    json_response,
    read_query_number,
    read_request_body,
    serve_app_behind_guard,
)
from tipclassify.errors import TipclassifyError

__all__ = ["serve_desk"]

_LARGEST: Final = 8 << 20  # bytes of a request: the saved findings are sent whole
# Pages carry the hashes of their inline script and style in a policy of their own, which holds
# besides this one.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_FILES: Final = re.compile(r"(?:changes/)?[^/\\]+\.html|data/[0-9a-f]{8}\.js")

Text = Annotated[str, msgspec.Meta(max_length=20_000)]


class CheckBody(EmptyBody):
    """Body of a check: whether the labels of a finding are right."""

    key: str
    confirmed: bool
    request: RequestId | None = None


class FindingNoteBody(EmptyBody):
    """Body of a note; "" removes it."""

    key: str
    note: NoteText
    request: RequestId | None = None


class WithdrawalBody(EmptyBody):
    """Body of the withdrawal of a check."""

    key: str
    request: RequestId | None = None


class SavedBody(EmptyBody):
    """Body of the saved findings, in their order."""

    findings: list[dict[str, Text]]


def serve_desk(
    session: DeskSession, at: socket.socket, token: str, ready: Callable[[], None]
) -> None:
    """Serve until the process is stopped; `ready` is called once requests are accepted."""
    app = build_desk_app(session, token, ready)
    serve_app_behind_guard(
        Guard(app, at.getsockname()[1], token, largest=_LARGEST, policy=_POLICY, in_path=True), at
    )


def build_desk_app(session: DeskSession, token: str, ready: Callable[[], None]) -> Starlette:
    """Build the application that `Guard` protects; all its paths begin with the token."""

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        path = session.folder / name
        if not _FILES.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path)

    def post(path: str, kind: type[RequestBody], answer: Callable[[RequestBody], object]) -> Route:
        async def answered(request: Request) -> Response:
            change = read_request_body(await request.body(), kind)
            return json_response(await run_in_threadpool(answer, change))

        return Route(f"/{token}/api/{path}", answered, methods=["POST"])

    def checks(request: Request) -> Response:
        return json_response(session.state(read_query_number(request, "since", 0)))

    def save(body: SavedBody) -> dict[str, bool]:
        session.save(body.findings)
        return {"saved": True}

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ready()
        yield

    routes = [
        Route(f"/{token}/", lambda _: RedirectResponse(f"/{token}/index.html")),
        Route(f"/{token}/api/checks", checks, methods=["GET"]),
        Route(f"/{token}/api/saved", lambda _: json_response(session.saved()), methods=["GET"]),
        post("checks", CheckBody, lambda b: session.check(b.key, b.confirmed, b.request)),
        post("notes", FindingNoteBody, lambda b: session.note(b.key, b.note, b.request)),
        post("withdraw", WithdrawalBody, lambda b: session.withdraw(b.key, b.request)),
        post("saved", SavedBody, save),
        Route(f"/{token}/{{name:path}}", file),
    ]
    handled = (RefusedError, TipclassifyError, HTTPException, ClientDisconnect, Exception)
    return Starlette(
        routes=routes, exception_handlers=dict.fromkeys(handled, answer_failed), lifespan=lifespan
    )
