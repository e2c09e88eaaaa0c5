"""Who may talk to the page: this machine's own browser, opened by the link with the token, and nobody else.

A server on loopback is reachable by every page the browser shows, by other users of the machine, and by names that an attacker
points at 127.0.0.1 (DNS rebinding). So each request must name a loopback host with this port, carry the cookie that only the
link gives, and not come from another site; one that changes anything must also come from this page's own script.
"""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_LARGEST: Final = 64 * 1024  # bytes of a request's body
_TOO_LARGE: Final = f"a request may hold {_LARGEST:,} bytes"

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application in front of another that lets through only what the page itself asks.

    Parameters
    ----------
    port : int
        The port that is listened on.
    token : str
        What the link carries. The cookie holds another secret: the link stays in the browser's history.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token
        # Cookies know hosts, not ports: two servers must not share a name.
        self._cookie = f"tipclassify-{port}={secrets.token_urlsafe(32)}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > _LARGEST:
                raise HTTPException(413, _TOO_LARGE)
            return message

        async def bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._answer(Request(scope)) or self._app
        await answer(scope, bounded, bound)

    def _answer(self, request: Request) -> Response | None:
        """What is answered in the application's place; None where it may answer itself."""
        refusal = self._refusal(request.method, request.headers)
        if (
            not refusal
            and request.scope["path"] == "/"
            and request.method != "POST"
            and "token" in request.query_params
        ):
            if secrets.compare_digest(request.query_params["token"].encode(), self._token.encode()):
                return RedirectResponse("/", 303, {"set-cookie": f"{self._cookie}; HttpOnly; SameSite=Strict; Path=/"})
            refusal = 403, "this link is not, or no longer, valid; use the one that tipclassify review printed"
        if not refusal and not self._has_cookie(request.headers):
            refusal = 403, "open this page by the link that tipclassify review printed"
        if not refusal and int(_only(request.headers, "content-length") or 0) > _LARGEST:
            refusal = 413, _TOO_LARGE
        if not refusal:
            return None
        status, reason = refusal
        if request.scope["path"].startswith("/api/"):
            return JSONResponse({"error": reason}, status)
        return PlainTextResponse(f"tipclassify: {reason}\n", status)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason of a request that is refused whatever cookie it has."""
        host = _only(headers, "host")
        if host not in self._hosts:
            return 403, "this server answers to 127.0.0.1 and localhost with its own port only"
        if method not in ("GET", "HEAD", "POST"):
            return 405, f"{method} is not a method of this server"
        if "content-length" in headers and "transfer-encoding" in headers:
            return 400, "a request has one length, not two"
        site = _only(headers, "sec-fetch-site")
        if method == "POST":
            if _only(headers, "origin") != f"http://{host}" or site not in (None, "same-origin"):
                return 403, "a change must come from the page itself (Origin)"
            if _only(headers, "x-tipclassify") != "review":
                return 403, "a change must come from the page itself (X-Tipclassify: review)"
            kind = _only(headers, "content-type") or "application/json"
            if kind.partition(";")[0].strip().lower() != "application/json":  # a form's, or what needs no preflight
                return 415, "a change is told as application/json"
        elif site in ("same-site", "cross-site") and _only(headers, "sec-fetch-mode") != "navigate":
            return 403, "this server answers to its own page only"
        return None

    def _has_cookie(self, headers: Headers) -> bool:
        pairs = (_only(headers, "cookie") or "").split(";")
        wanted = self._cookie.encode("latin-1")
        return any(secrets.compare_digest(pair.strip().encode("latin-1"), wanted) for pair in pairs)


def _only(headers: Headers, name: str) -> str | None:
    """A header of a request; one that is given twice counts as not given."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else None
