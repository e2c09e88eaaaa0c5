"""Access control of the local app.

Against other pages in the browser, other users of the machine, and DNS rebinding.
"""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LARGEST: Final = 64 * 1024  # bytes of a request's body

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


# Pages of a desk carry the hashes of their inline script and style in a policy of their own, which
# holds besides this one.
_DESK_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Guard:
    """ASGI middleware that passes on only the page's own requests.

    A request must name a loopback host with this port and not be cross-site. All that is about
    reports needs the `token` of the link in a header, which only the page's own script sends: there
    is no cookie, which a browser would show to the servers on all other ports of this machine. The
    page itself and its scripts hold nothing of a report.
    """

    def __init__(
        self,
        app: ASGIApp,
        port: int,
        token: str,
        in_path: bool = False,  # whether the token is the first part of every path, not a header
    ) -> None:
        self._app = app
        self._headers = _HEADERS
        if in_path:
            self._headers = _HEADERS | {"content-security-policy": _DESK_POLICY}
        self._in_path = in_path
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on within limits; add security headers to the answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        size = 0

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > _LARGEST:
                raise HTTPException(413, f"a request may hold {_LARGEST:,} bytes")
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        refusal = self._refusal(scope["path"], scope["method"], Headers(scope=scope))
        answer = JSONResponse({"error": refusal[1]}, refusal[0]) if refusal else self._app
        await answer(scope, receive_limited, send_with_headers)

    def _refusal(self, path: str, method: str, headers: Headers) -> tuple[int, str] | None:
        """Return the status and reason to refuse a request; None to accept it."""
        host = _single(headers, "host")
        if host not in self._hosts:
            return 403, "this server answers to 127.0.0.1 and localhost with its own port only"
        if method not in ("GET", "HEAD", "POST"):
            return 405, f"{method} is not a method of this server"
        if "content-length" in headers and "transfer-encoding" in headers:
            return 400, "a request has one length, not two"
        site = _single(headers, "sec-fetch-site")
        if method == "POST":
            if _single(headers, "origin") != f"http://{host}" or site not in (
                None,
                "same-origin",
            ):
                return 403, "a change must come from the page itself (Origin)"
            kind = _single(headers, "content-type") or "application/json"
            # other types need no CORS preflight
            if kind.partition(";")[0].strip().lower() != "application/json":
                return 415, "a change is sent as application/json"
        elif (
            site in ("same-site", "cross-site") and _single(headers, "sec-fetch-mode") != "navigate"
        ):
            return 403, "this server answers to its own page only"
        token = (_single(headers, "x-tipclassify") or "").encode("latin-1")
        if self._in_path:
            token = path.split("/")[1].encode("utf-8", "replace")
        is_open = not self._in_path and (path == "/" or path.startswith("/static/"))
        if not secrets.compare_digest(token, self._token) and not is_open:
            return 403, "open this page by the link that tipclassify printed when it started"
        if int(_single(headers, "content-length") or 0) > _LARGEST:
            return 413, f"a request may hold {_LARGEST:,} bytes"
        return None


def _single(headers: Headers, name: str) -> str | None:
    """Return a header's value; None if it is missing or repeated."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else None
