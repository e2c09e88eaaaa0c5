"""Who may talk to the page: this machine's own browser, opened by the link with the token, and nobody else.

A server on loopback is reachable by every page the browser shows, by other users of the machine, and by names that an attacker
points at 127.0.0.1 (DNS rebinding). So each request must name a loopback host with this port, carry the cookie that only the
link gives, and not come from another site; one that changes anything must also come from this page's own script.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

__all__ = ["POLICY", "Guard"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_ALLOWED: Final = ("GET", "HEAD", "POST")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application in front of another that lets through only what the page itself asks.

    Parameters
    ----------
    port : int
        The port that is listened on.
    token : str
        What the link carries. The cookie holds another secret: the link stays in the browser's history.
    largest : int
        Bytes of a request's body.
    """

    def __init__(self, app: App, port: int, token: str, largest: int = 64 * 1024) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token
        self._name = f"tipclassify-{port}"  # cookies know hosts, not ports: two servers must not share one
        self._secret = secrets.token_urlsafe(32)
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = _Headers(scope["headers"])
        if refusal := self._refusal(scope, headers):
            await _tell(scope, send, *refusal)
            return
        if scope["path"] == "/" and scope["method"] != "POST" and b"token=" in scope["query_string"]:
            await self._admit(scope, send)
            return
        if not self._has_cookie(headers):
            await _tell(scope, send, 403, "open this page by the link that tipclassify review printed")
            return
        try:
            body = await self._body(headers, receive)
        except ValueError as error:
            await _tell(scope, send, 413, str(error))
            return
        await self._app(scope, _once(body, receive), _with_headers(send))

    def _refusal(self, scope: Scope, headers: _Headers) -> tuple[int, str] | None:
        """Status and reason of a request that is refused whatever cookie it has."""
        host, method = headers.only("host"), scope["method"]
        if host not in self._hosts:
            return 403, "this server answers to 127.0.0.1 and localhost with its own port only"
        if method not in _ALLOWED:
            return 405, f"{method} is not a method of this server"
        if headers.given("content-length") and headers.given("transfer-encoding"):
            return 400, "a request has one length, not two"
        site = headers.only("sec-fetch-site")
        if method == "POST":
            if headers.only("origin") != f"http://{host}" or site not in (None, "same-origin"):
                return 403, "a change must come from the page itself (Origin)"
            if headers.only("x-tipclassify") != "review":
                return 403, "a change must come from the page itself (X-Tipclassify: review)"
            kind = headers.only("content-type") or "application/json"
            if kind.partition(";")[0].strip().lower() != "application/json":  # a form's, or what needs no preflight
                return 415, "a change is told as application/json"
        elif site in ("same-site", "cross-site") and headers.only("sec-fetch-mode") != "navigate":
            return 403, "this server answers to its own page only"
        return None

    def _has_cookie(self, headers: _Headers) -> bool:
        wanted = f"{self._name}={self._secret}".encode("latin-1")
        pairs = (headers.only("cookie") or "").split(";")
        return any(secrets.compare_digest(pair.strip().encode("latin-1"), wanted) for pair in pairs)

    async def _admit(self, scope: Scope, send: Send) -> None:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        if not secrets.compare_digest(given[-1].encode(), self._token.encode()):
            await _tell(
                scope, send, 403, "this link is not, or no longer, valid; use the one that tipclassify review printed"
            )
            return
        cookie = f"{self._name}={self._secret}; HttpOnly; SameSite=Strict; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0"), *_HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _body(self, headers: _Headers, receive: Receive) -> bytes:
        """All of the request's body.

        Raises
        ------
        ValueError
            When it is larger than it may be, by what it says of itself or by what comes.
        """
        told = headers.only("content-length")
        body = b""
        more = True
        while more:
            if len(body) > self._largest or (told is not None and int(told) > self._largest):
                raise ValueError(f"a request may hold {self._largest:,} bytes")
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > self._largest:
            raise ValueError(f"a request may hold {self._largest:,} bytes")
        return body


class _Headers:
    """Headers of a request; one that is given twice counts as not given."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._found: dict[str, list[str]] = {}
        for name, value in raw:
            self._found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def given(self, name: str) -> bool:
        return name in self._found

    def only(self, name: str) -> str | None:
        values = self._found.get(name, [])
        return values[0] if len(values) == 1 else None


def _once(body: bytes, receive: Receive) -> Receive:
    """The body that was read, for the application; then whatever comes after it (the client leaving)."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in _HEADERS}
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            message = {**message, "headers": [*kept, *_HEADERS]}
        await send(message)

    return sent


async def _tell(scope: Scope, send: Send, status: int, reason: str) -> None:
    """Answer with one line, or where JSON is spoken with that."""
    spoken = scope["path"].startswith("/api/")
    body = json.dumps({"error": reason}).encode() if spoken else f"tipclassify: {reason}\n".encode()
    kind = b"application/json" if spoken else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
