"""The page and its JSON on a loopback port, for `ReviewSession` to answer. Needs the extra "review"."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError, MissingExtraError, TipclassifyError
from tipclassify.labels import LABELS
from tipclassify.review.security import Guard
from tipclassify.review.session import RefusedError, ReviewSession
from tipclassify.review.showing import codebook

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from tipclassify.review.retraining import Retraining

__all__ = ["build_app", "listen", "require_extra", "serve"]

_HOST: Final = "127.0.0.1"
_LONGEST_NOTE: Final = 2_000  # characters
_MOST: Final = 500  # passages of one answer of the queue
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+\.(?:css|js|svg)")

Answer = Callable[["Request"], Awaitable["Response"]]


def require_extra() -> None:
    """Raise where the extra is not installed.

    Raises
    ------
    MissingExtraError
    """
    try:
        import jinja2  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("the review page", "review") from None


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0 takes a free one.

    Raises
    ------
    InputError
        When the port cannot be had.
    """
    # asyncio sends small answers at once (TCP_NODELAY) only on sockets that say they are TCP.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere this would let two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((_HOST, port))
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is in use" if taken else f"cannot be had ({error})"
        raise InputError(f"port {port} {why}; give another --port, or none for any that is free") from None
    return found


def serve(
    session: ReviewSession,
    retraining: Retraining,
    at: socket.socket,
    token: str,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Answer until the process is told to stop (Ctrl-C, SIGTERM).

    Parameters
    ----------
    ready : callable
        Called when requests are answered.

    Raises
    ------
    MissingExtraError
        When the extra is not installed.
    """
    require_extra()
    import uvicorn

    guarded = Guard(build_app(session, retraining, ready), at.getsockname()[1], token)
    settings = uvicorn.Config(
        guarded,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,  # it would hold the token
        log_level="error",
        server_header=False,
        proxy_headers=False,  # nobody stands between
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(settings).run(sockets=[at])


def build_app(session: ReviewSession, retraining: Retraining, ready: Callable[[], None] = lambda: None) -> Starlette:
    """The application behind `Guard`; `serve` has seen to it that the extra is there."""
    import jinja2
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route

    here = files("tipclassify.review")
    templates = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)

    def plain(value: Any, status: int = 200) -> Response:
        body = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return Response(body, status, media_type="application/json")

    def failed(status: int, reason: str) -> Response:
        return plain({"error": reason}, status)

    async def page(_: Request) -> Response:
        template = templates.from_string(here.joinpath("templates", "page.html").read_text("utf-8"))
        reports = session.about()["reports"]
        title = reports[0]["title"] if len(reports) == 1 else f"{len(reports)} reports"
        return HTMLResponse(template.render(title=title, version=__version__))

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        file = here.joinpath("static", name)
        if not _NAME.fullmatch(name) or not file.is_file():
            raise HTTPException(404)
        return Response(file.read_bytes(), media_type=_TYPES[os.path.splitext(name)[1]])

    def get(answer: Callable[[Request], Any]) -> Answer:
        async def answered(request: Request) -> Response:
            return plain(await run_in_threadpool(answer, request))

        return answered

    def post(
        answer: Callable[[Mapping[str, Any]], Any], required: Mapping[str, Any], optional: Mapping[str, Any]
    ) -> Answer:
        async def answered(request: Request) -> Response:
            fields = _fields(await request.body(), required, optional)
            return plain(await run_in_threadpool(answer, fields))

        return answered

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return failed(error.status, str(error))

    async def not_saved(_: Request, error: Exception) -> Response:
        return failed(507, str(error))

    async def no_page(_: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        return failed(status, {404: "no such page", 405: "not by this method"}.get(status, "not possible"))

    async def broken(_: Request, error: Exception) -> Response:
        print(f"tipclassify: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return failed(500, "an error of tipclassify itself; the terminal says more")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ready()
        yield
        retraining.stop()

    note, request = {"note": _note}, {"request": _request}
    routes = [
        Route("/", page),
        Route("/static/{name}", static),
        Route("/api/session", get(lambda _: session.about())),
        Route("/api/reports/{id}", get(lambda request: session.report(request.path_params["id"]))),
        Route("/api/queue", get(lambda request: session.queue(_number(request, "n", 50, 1, _MOST)))),
        Route("/api/reasons/{key}", get(lambda request: session.reasons(request.path_params["key"]))),
        Route("/api/changes", get(lambda request: session.changes(_number(request, "since", 0, 0, sys.maxsize)))),
        Route("/api/disagreements", get(lambda _: session.disagreements())),
        Route("/api/agreement", get(lambda _: session.agreement())),
        Route("/api/codebook", get(lambda _: codebook())),
        Route(
            "/api/decisions",
            post(lambda f: session.decide(**f), {"key": _key, "labels": _labels}, note | request),
            methods=["POST"],
        ),
        Route(
            "/api/adjudications",
            post(lambda f: session.adjudicate(**f), {"key": _key, "labels": _labels}, note | request),
            methods=["POST"],
        ),
        Route(
            "/api/undo",
            post(lambda f: session.undo(f["event"], f.get("request")), {"event": _event}, request),
            methods=["POST"],
        ),
        Route("/api/retrain", get(lambda _: {**retraining.state(), "decided": session.decided}), methods=["GET"]),
        Route("/api/retrain", post(lambda _: retraining.start(), {}, {}), methods=["POST"]),
        Route("/api/retrain/stop", post(lambda _: retraining.stop(), {}, {}), methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        RefusedError: refused,
        TipclassifyError: not_saved,
        HTTPException: no_page,
        Exception: broken,
    }
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


# --------------------------------------------------------------------------------------------- what comes in


def _fields(body: bytes, required: Mapping[str, Any], optional: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a JSON object, each checked.

    Raises
    ------
    RefusedError
        With what is wrong with it.
    """
    try:
        found = json.loads(body.decode("utf-8") or "{}")
    except (ValueError, RecursionError):
        raise RefusedError(400, "not JSON; send one object") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "not a JSON object; send one")
    checks = {**required, **optional}
    for name in found:
        if name not in checks:
            raise RefusedError(400, f"unknown field {name[:40]!r}; use {', '.join(checks) or 'none'}")
    for name in required:
        if name not in found:
            raise RefusedError(400, f"no field {name!r}")
    for name, value in found.items():
        if wrong := checks[name](value):
            raise RefusedError(400, wrong)
    return found


def _key(value: Any) -> str | None:
    return None if isinstance(value, str) else "key is no text"


def _labels(value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        return "labels are no list of names; use [] for none"
    unknown = [label for label in value if label not in LABELS]
    return f"unknown label {unknown[0][:40]!r}; use {', '.join(LABELS)}" if unknown else None


def _note(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= _LONGEST_NOTE):
        return None
    return f"a note is text of at most {_LONGEST_NOTE:,} characters"


def _request(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        return None
    return "a request is named by at most 64 letters, figures, - and _"


def _event(value: Any) -> str | None:
    return None if type(value) is int else "event is no whole number"


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query."""
    written = request.query_params.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,18}", written, re.ASCII):
        raise RefusedError(400, f"{name} is no whole number")
    return min(max(int(written), least), most)
