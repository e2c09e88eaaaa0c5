"""Who may talk to the review page: its own browser, and nobody else, whatever they send."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("jinja2")

from review_client import Reviewer, write_report

SCRIPT = "<script>alert('x')</script>"
TITLE = f"{SCRIPT} {{{{ 7 * 7 }}}} {{% raw %}}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewer]:
    folder = tmp_path_factory.mktemp("review")
    report = folder / "<img src=x onerror=alert(1)>.html"
    html = TITLE.replace("<", "&lt;").replace(">", "&gt;")
    body = (
        f"<p>Police arrested nine traffickers {html} in Karvonia.</p>"
        "<p>Courts convicted none of the traffickers.</p>"
    )
    report.write_text(f"<!doctype html><title>{html}</title><h1>{html}</h1>{body}", "utf-8")
    options = ("--corpus", folder / "my.jsonl", "--annotator", f"ann{SCRIPT}")
    with Reviewer(report, *options) as running:
        yield running


def decision(server: Reviewer) -> bytes:
    """Return the body of a decision on the first passage."""
    return json.dumps({"key": server.passages()[0]["key"], "labels": []}).encode()


def events(server: Reviewer) -> int:
    """Return the number of events in the log."""
    return int(server.get("/api/changes?since=0")["next"])


PATHS = (
    "/api/session",
    "/api/queue",
    "/api/changes?since=0",
    "/api/agreement",
    "/nowhere",
    "/api/../api/session",
)


def test_the_page_without_the_token_holds_nothing_of_a_report(server: Reviewer) -> None:
    assert len(server.token) >= 43  # 256 bits
    for path in (
        "/",
        f"/?token={server.token}",
        "/?token=wrong",
        "/static/review.js",
        "/static/app.css",
    ):
        status, headers, body = server.raw("GET", path)
        assert status == 200
        assert "set-cookie" not in headers  # a browser would send it to every port of this machine
        assert not re.search(rb"arrested nine|alert\('x'\)|onerror=", body)
        assert server.token.encode() not in body


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_without_the_token(server: Reviewer, path: str) -> None:
    token = server.token
    for wrong in (
        "",
        "x",
        "review",
        token[:-1],
        token + "x",
        token.lower(),
        f"{token},{token}",
        "\xff",
    ):
        for method, body in (("GET", None), ("POST", decision(server))):
            status, _, answer = server.raw(method, path, body, server.own(X_Tipclassify=wrong))
            assert status == 403
            assert b"Karvonia" not in answer
    for place in (
        {"Cookie": f"tipclassify-{server.port}={token}"},
        {"Authorization": f"Bearer {token}"},
    ):
        assert server.raw("GET", path, headers=place)[0] == 403
    assert server.raw("GET", f"{path}{'&' if '?' in path else '?'}token={token}")[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "127.0.0.1:{port}.",
        "0.0.0.0:{port}",
        "",
    ],
)
def test_a_name_that_was_rebound_to_loopback_is_refused(server: Reviewer, host: str) -> None:
    named = host.format(port=server.port)
    before = events(server)
    headers = {**server.own(Origin=f"http://{named}"), "Host": named}
    for method, path, body in (
        ("GET", "/api/session", None),
        ("POST", "/api/decisions", decision(server)),
    ):
        try:
            status, _, answer = server.raw(method, path, body, headers)
        except ConnectionResetError:  # it hung up after the head, before the body had come
            assert body is not None
            continue
        assert status in (400, 403)
        assert b"annotator" not in answer
    assert server.raw("GET", "/", headers={"Host": named})[0] in (400, 403)
    assert events(server) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},  # another origin than the host that is asked
        {"X_Tipclassify": ""},
        {"X_Tipclassify": "x"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_a_change_that_does_not_come_from_the_page_is_refused(
    server: Reviewer, changed: dict[str, str]
) -> None:
    before = events(server)
    headers = server.own(
        **{name: value.format(port=server.port) for name, value in changed.items()}
    )
    for path in ("/api/decisions", "/api/undo"):
        status, answered, answer = server.raw("POST", path, decision(server), headers)
        assert status == 403
        assert "access-control-allow-origin" not in answered
        assert list(json.loads(answer)) == ["error"]
    assert events(server) == before


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
    ],
)
def test_a_change_that_is_not_sent_as_json_is_refused(server: Reviewer, kind: str) -> None:
    before = events(server)
    assert (
        server.raw("POST", "/api/decisions", decision(server), server.own(Content_Type=kind))[0]
        == 415
    )
    assert events(server) == before
    answer = server.raw(
        "POST", "/api/decisions", b"{}", server.own(Content_Type="application/json; charset=utf-8")
    )
    assert answer[0] == 400  # it is read


def test_other_pages_on_this_machine_read_nothing(server: Reviewer) -> None:
    """Pages on other ports of localhost are "same-site", and refused even with the token."""
    for site in ("same-site", "cross-site"):
        for mode in ("no-cors", "cors", "websocket"):
            headers = {**server.own(), "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
            assert server.raw("GET", "/api/session", headers=headers)[0] == 403
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    status, answered, _ = server.raw("OPTIONS", "/api/decisions", headers=asked)
    assert status == 405
    assert not [name for name in answered if name.startswith("access-control")]


@pytest.mark.parametrize("path", [*PATHS, "/", "/static/review.js", "/?token=wrong"])
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_has_the_headers_that_bind_the_browser(
    server: Reviewer, path: str, known: bool
) -> None:
    _, headers, _ = server.raw("GET", path, headers=server.own() if known else {})
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_script_in_a_report_stays_text(server: Reviewer) -> None:
    status, headers, page = server.raw("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    # the policy would block them
    assert not re.search(rb"<script(?![^>]* src=)|\son\w+=|style=", page)
    report = server.get("/api/session")["reports"][0]
    assert report["title"] == TITLE
    for path in ("/api/session", f"/api/reports/{report['id']}"):
        _, headers, body = server.raw("GET", path, headers=server.own())
        assert headers["content-type"] == "application/json"
        assert b"alert" in body
    assert TITLE in server.passages()[0]["text"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/..%5cserver.py",
        "/static/%252e%252e%252fserver.py",
        "/static//etc/passwd",
        "/static/%2Fetc%2Fpasswd",
        "/static/review.js%00.css",
        "/static/page.html",
        "/static/",
        "/static/.",
        "/static/con.js",
        "/../../../../etc/passwd",
        "/api/reports/..%2f..%2fmy.jsonl",
        "/api/reports/../session.py",
        "/api/reports/%00",
        "/api/reasons/..%2f..%2fetc%2fpasswd",
        "//evil.example/",
        "http://evil.example/",
    ],
)
def test_no_path_leads_out(server: Reviewer, path: str) -> None:
    status, headers, body = server.raw("GET", path, headers=server.own())
    assert status in (400, 403, 404)
    assert b"root:" not in body
    assert b"import" not in body
    assert "location" not in headers


def test_a_body_may_be_so_large_and_no_larger(server: Reviewer) -> None:
    before = events(server)
    huge = b'{"key": "' + b"x" * 70_000 + b'"}'
    assert server.raw("POST", "/api/decisions", huge, server.own())[0] == 413
    # With a length of 5 GB: refused before it is sent. Without a length: refused when it grows.
    of_5_gb = server.own() | {"Content-Length": str(5 << 30)}
    assert server.raw("POST", "/api/decisions", b"", of_5_gb)[0] == 413
    chunked = server.own() | {"Transfer-Encoding": "chunked"}
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    body = chunk * 5 + b"0\r\n\r\n"
    assert server.raw("POST", "/api/decisions", body, chunked)[0] == 413
    key = server.passages()[0]["key"]
    note = json.dumps({"key": key, "labels": [], "note": "x" * 2_001}).encode()
    assert server.raw("POST", "/api/decisions", note, server.own())[0] == 400
    assert server.raw("GET", "/" + "x" * 100_000, headers=server.own())[0] in (400, 404, 414)
    assert events(server) == before


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 400, "required field `key`"),
        (b"{", 400, "not JSON"),
        (b"[" * 50_000, 400, "not JSON"),
        (b'"text"', 400, "Expected `object`, got `str`"),
        (b"[]", 400, "Expected `object`, got `array`"),
        (b"null", 400, "Expected `object`, got `null`"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"key": KEY}', 400, "required field `labels`"),
        (b'{"key": KEY, "labels": ["failure", "guilty"]}', 400, "unknown label 'guilty'"),
        (b'{"key": KEY, "labels": "failure"}', 400, "at `$.labels"),
        (b'{"key": KEY, "labels": [1]}', 400, "at `$.labels"),
        (b'{"key": KEY, "labels": null}', 400, "required field `labels`"),
        (b'{"key": KEY, "labels": [], "annotator": "ben"}', 400, "unknown field `annotator`"),
        (b'{"key": KEY, "labels": [], "note": 7}', 400, "at `$.note`"),
        (b'{"key": KEY, "labels": [], "request": 7}', 400, "at `$.request`"),
        (b'{"key": KEY, "labels": [], "request": ""}', 400, "at `$.request`"),
        (b'{"key": KEY, "labels": [], "request": "../x"}', 400, "at `$.request`"),
        (b'{"key": KEY, "labels": [], "request": "' + b"x" * 65 + b'"}', 400, "at `$.request`"),
        (
            b'{"key": KEY, "labels": [], "__proto__": {"saved": true}}',
            400,
            "unknown field `__proto__`",
        ),
        (b'{"key": 7, "labels": []}', 400, "Expected `str`, got `int` - at `$.key`"),
        (b'{"key": "", "labels": []}', 404, "no such passage"),
        (b'{"key": "../../my", "labels": []}', 404, "no such passage"),
        (b'{"key": "\\ud800", "labels": []}', 404, "no such passage"),
    ],
)
def test_an_invalid_request_is_answered_in_one_line_and_changes_nothing(
    server: Reviewer, body: bytes, status: int, why: str
) -> None:
    before = events(server)
    known = json.dumps(server.passages()[0]["key"]).encode()
    for path in ("/api/decisions",):
        got, headers, answer = server.raw("POST", path, body.replace(b"KEY", known), server.own())
        assert (got, headers["content-type"]) == (status, "application/json")
        assert why in json.loads(answer)["error"]
        assert "\n" not in json.loads(answer)["error"]
    assert events(server) == before


@pytest.mark.parametrize(
    "query", ["since=x", "since=-1", "since=1e3", "since=" + "9" * 5_000, "since=%D9%A3"]
)
def test_a_query_that_is_no_number_is_refused(server: Reviewer, query: str) -> None:
    status, _, answer = server.raw("GET", f"/api/changes?{query}", headers=server.own())
    assert status == 400
    assert "whole number" in json.loads(answer)["error"]


def test_a_note_with_half_a_character_is_refused(server: Reviewer) -> None:
    key = server.passages()[1]["key"]
    before = events(server)
    body = b'{"key": "' + key.encode() + b'", "labels": [], "note": "a\\ud800b\\u0000\\n=1+1"}'
    status, _, answer = server.raw("POST", "/api/decisions", body, server.own())
    assert status == 400
    assert json.loads(answer)["error"] == "a note holds control characters; write plain text"
    assert events(server) == before


def test_it_listens_on_loopback_only(server: Reviewer) -> None:
    assert server.link.startswith("http://127.0.0.1:")
    hosts = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    addresses = {str(address[0]) for _, _, _, _, address in hosts}
    for address in addresses:
        if not address.startswith("127."):
            with (
                pytest.raises(OSError),  # noqa: PT011
                socket.create_connection((address, server.port), timeout=2),
            ):
                pass


def test_methods_other_than_the_page_uses_are_refused(server: Reviewer) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS"):
        assert server.raw(method, "/api/session", headers=server.own())[0] in (400, 405)
    assert server.raw("POST", "/api/session", b"{}", server.own())[0] == 405
    assert server.raw("GET", "/api/decisions", headers=server.own())[0] == 405
    assert server.raw("POST", "/?token=x", b"", server.own())[0] == 405


def test_clients_that_dawdle_hold_nobody_up(server: Reviewer) -> None:
    head = f"POST /api/decisions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    own = "".join(f"{name}: {value}\r\n" for name, value in server.own().items())
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(120)]
    try:
        for number, line in enumerate(lines):
            if number % 2:
                line.sendall(head.encode()[: 10 + number % 30])  # a request that never ends
            else:
                # a body that never comes
                line.sendall((head + own + "Content-Length: 900\r\n\r\n{").encode())
        began = time.monotonic()
        assert server.get("/api/session")["labels"]
        assert time.monotonic() - began < 2
    finally:
        for line in lines:
            line.close()
    assert server.get("/api/session")["labels"]


def test_requests_that_two_readers_would_read_differently_are_refused(server: Reviewer) -> None:
    own = "".join(f"{name}: {value}\r\n" for name, value in server.own().items())
    head = f"POST /api/decisions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{own}"
    before = events(server)
    body = decision(server).decode()
    for framing in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        f"Content-Length: {len(body)}\r\nContent-Length: 4\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1e3\r\n",
        "Transfer-Encoding: gzip\r\n",
        "X-Long: " + "x" * 200_000 + "\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
            line.sendall(f"{head}{framing}\r\n{body}".encode())
            assert re.match(rb"HTTP/1\.1 (4\d\d|501) ", line.recv(200)), framing[:40]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "eA=="}
    status, _, _ = server.raw("GET", "/api/changes", headers=server.own() | upgrade)
    assert status in (200, 400, 426)  # never 101: nothing here speaks it
    assert events(server) == before


def test_the_server_outlives_all_of_this(server: Reviewer, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(b"\x16\x03\x01\x02\x00" + b"\0" * 500)  # a TLS greeting
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 40")
    assert server.get("/api/session")["labels"]
    assert server.process.poll() is None
    assert write_report(tmp_path / "x.txt", 4).is_file()
