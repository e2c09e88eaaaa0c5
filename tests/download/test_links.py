"""Links: downloads, refusals and the cache. A server on the loopback stands for the web."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import pickle
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

pytest.importorskip("httpx")

import tipclassify.download as links
from tipclassify.download import download, transport
from tipclassify.download.cache import read_cached
from tipclassify.download.transport import is_public_address, resolve_host
from tipclassify.errors import InputError, LinkError, MissingExtraError

PAGE = b"<!doctype html><title>Karvonia</title><p>Police arrested nine traffickers.</p>"
LARGEST = 50_000
PUBLIC = "151.101.1.1"  # stands for a public address; nothing here ever connects to it
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class _Handler(BaseHTTPRequestHandler):
    """Answers a request by the route of its path."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append(dict(self.headers))
        try:
            self.server.routes[self.path.split("?")[0]](self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, body: bytes = PAGE, status: int = 200, **headers: str) -> None:
        """Send a body and headers, whose names have ``_`` for ``-``; an empty one is not sent."""
        self.send_response(status)
        all_headers = {
            "Content_Type": "text/html; charset=utf-8",
            "Content_Length": str(len(body)),
            **headers,
        }
        for name, value in all_headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Routes are functions of the handler; ``asked`` holds the paths in order."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.routes: dict[str, Callable[[_Handler], None]] = {"/page": _Handler.answer}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stop = threading.Event()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that runs."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.stop.set()
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test, quick limits, and no proxy of the machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))
    for name, limit in {"CONNECT": 2, "READ": 2, "TOTAL": 5, "LARGEST": LARGEST}.items():
        monkeypatch.setattr(links, f"_{name}", limit)
    monkeypatch.setattr(links, "_PAUSE", 0.01)
    return tmp_path / "cache" / "links"


def fetched(server: Server, path: str, refresh: bool = False) -> links.Download:
    """Download a path of the server."""
    return download(server.url(path), allow_private=True, refresh=refresh)


def refused(url: str, allow_private: bool = True) -> str:
    """Return the one line by which a download is refused."""
    with pytest.raises(LinkError) as caught:
        download(url, allow_private=allow_private)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message


# What comes back


def test_a_page_comes_with_its_type_encoding_address_and_day(server: Server) -> None:
    page = fetched(server, "/page#section-2")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    assert page == links.Download(PAGE, "text/html", "utf-8", server.url("/page"), today)


def test_we_say_who_we_are_and_send_no_more(server: Server) -> None:
    fetched(server, "/page")
    sent = {name.lower(): value for name, value in server.headers[0].items()}
    assert "tipclassify/" in sent["user-agent"]
    assert sent["host"] == f"127.0.0.1:{server.server_port}"
    allowed = "host user-agent accept accept-encoding accept-language connection"
    assert set(sent) <= set(allowed.split())


@pytest.mark.parametrize(
    ("media_type", "content_type", "encoding"),
    [
        ("Text/HTML;Charset=windows-1252", "text/html", "windows-1252"),
        ('text/plain; charset="ISO-8859-1"', "text/plain", "iso-8859-1"),
        ("text/html; charset=klingon", "text/html", None),
        ("text/html; charset=hex", "text/html", None),
        ("text/html; charset=undefined", "text/html", None),
        ("", None, None),
        ("html", None, None),
        (DOCX, DOCX, None),
        ("application/octet-stream", "application/octet-stream", None),
    ],
)
def test_type_and_encoding_are_those_of_the_server(
    server: Server, media_type: str, content_type: str | None, encoding: str | None
) -> None:
    data = b"PK\x03\x04 data"
    server.routes["/typed"] = lambda to: to.answer(data, Content_Type=media_type)
    page = fetched(server, "/typed")
    assert page.content_type == content_type
    assert page.encoding == encoding
    assert page.data == data


def test_compressed_pages_are_unpacked(server: Server) -> None:
    server.routes["/gzip"] = lambda to: to.answer(gzip.compress(PAGE), Content_Encoding="gzip")
    assert fetched(server, "/gzip").data == PAGE


# Redirects


def _to(location: str) -> Callable[[_Handler], None]:
    """Return a route that leads to another address."""
    return lambda to: to.answer(b"", 302, Location=location)


def test_redirects_are_followed_to_the_end(server: Server) -> None:
    server.routes |= {"/1": _to("/2"), "/2": _to(server.url("/3")), "/3": _to("page")}
    assert fetched(server, "/1").url == server.url("/page")
    assert server.asked == ["/1", "/2", "/3", "/page"]


def test_a_circle_of_redirects_ends(server: Server) -> None:
    server.routes |= {"/a": _to("/b"), "/b": _to("/a")}
    assert "redirects over 5 times" in refused(server.url("/a"))
    assert len(server.asked) == 6


# What the site answers


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"Content_Type": "image/png"}, "holds image/png, which we do not read"),
        ({"Content_Type": "application/json"}, "holds application/json, which we do not read"),
        ({"status": 302, "Location": "file:///etc/passwd"}, "not an address of the web"),
        ({"status": 302, "Location": "ftp://files.example/report"}, "not an address of the web"),
        ({"status": 302, "Location": "http://me:secret@a.example/"}, "a user name or password"),
        ({"status": 302, "Location": "http://0177.0.0.1/"}, "not valid HTTP"),
        ({"status": 404}, "no such page (404); check the address"),
        ({"status": 410}, "no such page (410)"),
        ({"status": 403}, "the site refuses programs (403); save the page with a browser"),
        ({"status": 401}, "the site refuses programs (401)"),
        ({"status": 429}, "the site wants fewer requests (429); try again later"),
        ({"status": 500}, "the site is in trouble (500); try again later"),
        ({"status": 301}, "the site answers with status 301 and no page"),
        ({"status": 204}, "the site answers with status 204 and no page"),
        ({"status": 429, "Retry_After": "120"}, "try again later"),
        ({"status": 503, "Retry_After": "120"}, "try again later"),
        ({"Content_Length": "50001"}, "over 0.05 MB"),
        ({"body": gzip.compress(PAGE)[:-12], "Content_Encoding": "gzip"}, "ends too early"),
        ({"body": b"no gzip", "Content_Encoding": "gzip"}, "compression is damaged"),
        ({"Content_Encoding": "br"}, "compressed in a way that we did not ask for"),
    ],
)
def test_an_answer_that_is_no_page_is_refused_at_once_with_what_to_do(
    server: Server, answer: dict[str, Any], reason: str
) -> None:
    server.routes["/odd"] = lambda to: to.answer(**{"body": b"", **answer})
    message = refused(server.url("/odd"))
    assert message.startswith(server.url("/odd"))
    assert reason in message
    assert "secret" not in message
    assert server.asked == ["/odd"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_trouble_that_passes_is_tried_once_more_and_no_more(server: Server, status: int) -> None:
    def busy_once(to: _Handler) -> None:
        if len(server.asked) > 1:
            to.answer()
        else:
            to.answer(b"", status)

    server.routes["/busy"] = busy_once
    assert fetched(server, "/busy").data == PAGE
    assert server.asked == ["/busy", "/busy"]
    server.routes["/down"] = lambda to: to.answer(b"", status)
    assert f"in trouble ({status})" in refused(server.url("/down"))
    assert server.asked == ["/busy", "/busy", "/down", "/down"]


def test_a_connection_that_breaks_off_is_tried_once_more(server: Server) -> None:
    def cut_once(to: _Handler) -> None:
        if len(server.asked) > 1:
            to.answer(PAGE)
        else:
            to.answer(PAGE, Content_Length="900")

    server.routes["/broken"] = cut_once
    assert fetched(server, "/broken").data == PAGE
    server.routes["/cut"] = lambda to: to.answer(PAGE, Content_Length="900")
    assert "the connection was lost" in refused(server.url("/cut"))


def test_a_refused_connection_is_reported() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "connection refused; check the address" in refused(f"http://127.0.0.1:{port}/")


def test_an_unknown_host_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    message = refused("http://no.example/", allow_private=False)
    assert "no address is known for no.example" in message
    message = refused(f"http://{'x' * 70}.example/", allow_private=False)
    assert "no address is known" in message


def test_a_server_without_tls_is_reported_as_such(server: Server) -> None:
    assert "no secure connection" in refused(server.url("/page").replace("http:", "https:"))


def test_an_answer_that_is_not_http_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(2):
                with listening.accept()[0] as connection:
                    connection.recv(10_000)
                    connection.sendall(b"220 ready to receive mail\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "was lost" in refused(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join()


# Bounds of size and time


def test_a_body_without_a_length_is_cut_where_it_grows_too_large(server: Server) -> None:
    sent = []

    def endless(to: _Handler) -> None:
        to.send_response(200)
        to.send_header("Content-Type", "text/html")
        to.end_headers()
        while not server.stop.is_set():
            to.wfile.write(b"x" * 10_000)
            sent.append(10_000)

    server.routes["/endless"] = endless
    assert "over 0.05 MB" in refused(server.url("/endless"))
    assert sum(sent) < 20_000_000  # what fits in the buffers of the sockets


def test_a_body_of_just_the_largest_size_is_read(server: Server) -> None:
    server.routes["/full"] = lambda to: to.answer(b"x" * LARGEST)
    assert len(fetched(server, "/full").data) == LARGEST


def test_a_compressed_bomb_is_not_unpacked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < LARGEST
    unpacked: list[int] = []
    plain = zlib.decompressobj

    class Counting:
        def __init__(self, wbits: int) -> None:
            self._plain = plain(wbits)
            self.eof = False

        def decompress(self, part: bytes, most: int) -> bytes:
            data = self._plain.decompress(part, most)
            unpacked.append(len(data))
            return data

    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: Counting(wbits))
    server.routes["/bomb"] = lambda to: to.answer(bomb, Content_Encoding="gzip")
    assert "over 0.05 MB" in refused(server.url("/bomb"))
    assert sum(unpacked) == LARGEST + 1


def test_bytes_behind_the_end_of_a_compressed_body_are_refused(server: Server) -> None:
    def tail(to: _Handler) -> None:
        to.send_response(200)
        to.send_header("Content-Encoding", "gzip")
        to.end_headers()
        to.wfile.write(gzip.compress(PAGE))
        while not server.stop.is_set():
            to.wfile.write(bytes(10_000))

    server.routes["/tail"] = tail
    # by size, where the first part read is larger than allowed
    reason = refused(server.url("/tail"))
    assert "has other bytes after its compressed data" in reason or "over 0.05 MB" in reason


def _drip(to: _Handler, head: bytes, drop: bytes) -> None:
    """Send the start of an answer, and then a drop now and again."""
    to.wfile.write(head)
    while not to.server.stop.wait(0.05):
        to.wfile.write(drop)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Drops: ", b"x"),
    ],
    ids=["body", "headers", "one header"],
)
def test_a_server_that_drips_does_not_hold_us(
    server: Server, head: bytes, drop: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_TOTAL", 0.3)
    server.routes["/drip"] = lambda to: _drip(to, head, drop)
    began = time.monotonic()
    assert "took over 0.3 s" in refused(server.url("/drip"))
    assert time.monotonic() - began < 1.5


def test_a_server_that_says_nothing_does_not_hold_us(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_READ", 0.2)

    def say_nothing(to: _Handler) -> None:
        to.server.stop.wait(5)

    server.routes["/silent"] = say_nothing
    assert "no answer for 0.2 s" in refused(server.url("/silent"))


# Addresses

PRIVATE = """
    127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    0.0.0.0 0.1.2.3 255.255.255.255 224.0.0.1 240.0.0.1 198.18.0.1 192.0.2.1 192.0.0.170
    192.88.99.1 198.51.100.9 203.0.113.9 198.19.255.255 239.255.255.255 100.127.255.255 :: ::1
    fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1 3fff::1 2001::1
    ::ffff:127.0.0.1 ::ffff:a00:1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
    2002:7f00:1:: 2002:a9fe:a9fe::1 fec0::1 100::1
""".split()


GLOBAL = """
    151.101.1.1 8.8.8.8 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.0 198.20.0.0
    223.255.255.255 2606:4700::1111 2001:200::1 64:ff9b::808:808 2002:808:808:: ::ffff:8.8.8.8
""".split()
SPELLINGS = """
    localhost LOCALHOST. printer.localhost 127.0.0.1 127.1 2130706433 0x7f000001 0x7f.0.0.1
    0177.0.0.1 017700000001 0 0.0.0.0 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [64:ff9b::7f00:1]
    169.254.169.254 2852039166 [fe80::1] 10.0.0.1 １２７.0.0.1 127。0。0。1
""".split()


ODD = """
    http://xn--/ http://xn--a/ http://xn--0.xn--/ http://XN--ZZZZZZZZZZZ-/ http://x:99999/
    http://a:99999999999999999999/ http://a:65536/ http://a:0/ http://[::1 http://a%00b/
    http://[v1.x]/ http:///x http://@/ file:///etc/passwd ftp://a.example/b gopher://a.example
    http:// javascript:1
""".split()


def test_private_and_special_addresses_are_distinguished_from_public_ones() -> None:
    assert [address for address in PRIVATE if is_public_address(address)] == []
    assert [address for address in GLOBAL if not is_public_address(address)] == []


def test_no_spelling_of_a_private_address_is_followed(server: Server) -> None:
    for host in SPELLINGS:
        message = refused(f"http://{host}:{server.server_port}/page", allow_private=False)
        assert "private or local address" in message or "not an address" in message
    assert not server.asked


@pytest.mark.parametrize("address", ODD)
@pytest.mark.parametrize("redirected", [False, True])
def test_an_odd_address_is_one_line(server: Server, address: str, redirected: bool) -> None:
    server.routes["/away"] = _to(address)
    assert refused(server.url("/away") if redirected else address)


def test_an_odd_address_does_not_end_a_batch(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Police arrested nine recruiters.", "utf-8")
    done = cli("score", "http://xn--/", tmp_path / "a.txt", "--model", "fast", "-f", "jsonl")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert b"Traceback" not in done.stderr
    assert b"http://xn--/: its host is no name" in done.stderr


def test_credentials_are_neither_sent_nor_shown(server: Server) -> None:
    message = refused(server.url("/page").replace("//", "//me:secret@"))
    assert "a user name or password in the address is not sent" in message
    assert "secret" not in message
    assert not server.asked


class Names:
    """A resolver of our own, and a record of connections.

    What goes to a public address ends at the server.
    """

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.connected: list[str] = []
        plain = socket.create_connection

        def lookup(host: str, _port: int) -> list[str]:
            answers_left = self.answers.get(host, [[host]])
            return answers_left.pop(0) if len(answers_left) > 1 else answers_left[0]

        def connect(address: tuple[str, int], *rest: object, **named: object) -> socket.socket:
            self.connected.append(address[0])
            ours = ("127.0.0.1", server.server_port)
            return plain(ours, *rest, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(transport, "_look_up", lookup)
        monkeypatch.setattr(socket, "create_connection", connect)


@pytest.fixture
def names(server: Server, monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names that the test answers for."""
    return Names(server, monkeypatch)


def test_the_address_that_was_checked_is_the_one_connected_to(server: Server, names: Names) -> None:
    names.answers["site.example"] = [[PUBLIC]]
    assert download("http://site.example/page").url == "http://site.example/page"
    assert names.connected == [PUBLIC]
    assert server.headers[0]["Host"] == "site.example"


def test_a_redirect_from_a_public_to_a_private_address_is_refused(
    server: Server, names: Names
) -> None:
    names.answers |= {"site.example": [[PUBLIC]], "inner.example": [["10.0.0.7"]]}
    for location in (
        "http://inner.example/page",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/page",
    ):
        server.routes["/away"] = _to(location)
        message = refused("http://site.example/away", allow_private=False)
        assert "private or local address" in message
    assert names.connected == [PUBLIC, PUBLIC, PUBLIC]
    assert set(server.asked) == {"/away"}


def test_a_name_that_turns_to_loopback_after_the_first_answer_never_reaches_it(
    server: Server, names: Names
) -> None:
    names.answers["turning.example"] = [[PUBLIC], ["127.0.0.1"]]
    server.routes["/away"] = lambda to: to.answer(b"", 302, Location="/page", Connection="close")
    message = refused("http://turning.example/away", allow_private=False)
    assert "turning.example, that is 127.0.0.1" in message
    assert names.connected == [PUBLIC]
    names.answers["turning.example"] = [[PUBLIC], ["127.0.0.1"]]
    server.routes["/busy"] = lambda to: to.answer(b"", 503)
    assert "private or local address" in refused("http://turning.example/busy", allow_private=False)
    assert names.connected == [PUBLIC, PUBLIC]


def test_a_private_address_among_public_ones_is_refused(names: Names) -> None:
    names.answers["mixed.example"] = [[PUBLIC, "192.168.0.1"]]
    assert "private or local address" in refused("http://mixed.example/", allow_private=False)
    assert not names.connected


def test_the_next_address_is_tried_where_the_first_is_down(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.answers["two.example"] = [["2606:4700::1111", PUBLIC]]
    through = socket.create_connection

    def connect(address: tuple[str, int], *rest: object, **named: object) -> socket.socket:
        if ":" in address[0]:
            raise OSError(101, "Network is unreachable")
        return through(address, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", connect)
    assert download("http://two.example/page").data == PAGE


def test_private_addresses_are_followed_when_allowed(server: Server) -> None:
    assert fetched(server, "/page").data == PAGE
    by_name = server.url("/page").replace("127.0.0.1", "localhost")
    assert download(by_name, allow_private=True).data == PAGE
    assert resolve_host("127.0.0.1", 80, allow_private=True) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"])
def test_link_local_addresses_are_never_followed(host: str) -> None:
    with pytest.raises(LinkError, match="link-local"):
        resolve_host(host, 80, allow_private=True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_certificates_are_checked_against_the_name_and_not_the_address(
    server: Server, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    key = tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", "/CN=site.example", "-addext", "subjectAltName=DNS:site.example"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    names.answers |= {"site.example": [[PUBLIC]], "other.example": [[PUBLIC]]}
    assert "no secure connection (self" in refused("https://site.example/page", allow_private=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert download("https://site.example/page").data == PAGE
    assert "no secure connection (" in refused("https://other.example/page", allow_private=False)


def test_a_proxy_is_used_only_where_nothing_is_checked(
    server: Server, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.answers["site.example"] = [[PUBLIC]]
    monkeypatch.setenv("http_proxy", f"http://user:pass%40word@127.0.0.1:{server.server_port}")
    assert download("http://site.example/page").data == PAGE
    assert names.connected == [PUBLIC]
    server.routes["http://other.example/page"] = _Handler.answer
    assert download("http://other.example/page", allow_private=True).data == PAGE
    assert server.asked[-1] == "http://other.example/page"
    assert server.headers[-1]["Proxy-Authorization"] == "Basic dXNlcjpwYXNzQHdvcmQ="


def test_where_a_proxy_is_set_but_unused_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    message = refused("https://site.example/", allow_private=False)
    assert "the proxy of the environment is used only with --allow-private" in message


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "foo://127.0.0.1:1"])
def test_a_proxy_of_another_kind_is_one_line(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    message = refused("http://site.example/", allow_private=True)
    assert "the proxy of the environment cannot be used (" in message


# The cache


def test_a_page_is_fetched_once_a_day(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetched(server, "/page")
    assert fetched(server, "/page#elsewhere") == first
    assert len(server.asked) == 1
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    monkeypatch.setattr(links, "_now", lambda: tomorrow)
    assert fetched(server, "/page").fetched == tomorrow.date().isoformat()
    assert len(server.asked) == 2


def test_refresh_fetches_anew_and_keeps_what_it_found(server: Server) -> None:
    fetched(server, "/page")
    server.routes["/page"] = lambda to: to.answer(b"<p>New.</p>")
    assert fetched(server, "/page").data == PAGE
    assert fetched(server, "/page", refresh=True).data == b"<p>New.</p>"
    assert fetched(server, "/page").data == b"<p>New.</p>"
    assert len(server.asked) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are others there")
def test_a_download_can_be_read_by_its_user_only(server: Server, cache: Path) -> None:
    """Also where the folder, named by TIPCLASSIFY_CACHE, is open to others."""
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    fetched(server, "/page")
    assert {file.stat().st_mode & 0o777 for file in cache.iterdir()} == {0o600}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("suffix", [".json", ".html"])
def test_a_pipe_in_the_cache_does_not_hang(server: Server, cache: Path, suffix: str) -> None:
    fetched(server, "/page")
    (stored,) = cache.glob(f"*{suffix}")
    stored.unlink()
    os.mkfifo(stored)
    assert read_cached(server.url("/page")) is None


def test_an_entry_describes_itself(server: Server, cache: Path) -> None:
    server.routes["/from"] = _to("/page")
    fetched(server, "/from")
    (stored,) = cache.glob("*.json")
    entry = json.loads(stored.read_text())
    assert entry["url"] == server.url("/from")
    assert entry["final_url"] == server.url("/page")
    assert entry["content_type"] == "text/html"
    assert stored.with_suffix(".html").read_bytes() == PAGE
    assert sorted(path.suffix for path in cache.iterdir()) == [".html", ".json"]


@pytest.mark.parametrize("damage", ["body", "json", "gone", "other"])
def test_a_damaged_entry_is_fetched_anew(server: Server, cache: Path, damage: str) -> None:
    fetched(server, "/page")
    (stored,) = cache.glob("*.json")
    body = stored.with_suffix(".html")
    if damage == "body":
        body.write_bytes(PAGE[:-1])
    elif damage == "json":
        stored.write_text("[1")
    elif damage == "gone":
        body.unlink()
    else:
        stored.write_text('"not an object"')
    assert fetched(server, "/page").data == PAGE
    assert len(server.asked) == 2
    assert fetched(server, "/page").data == PAGE
    assert len(server.asked) == 2


def test_what_a_private_address_gave_is_not_given_when_they_are_refused(server: Server) -> None:
    fetched(server, "/page")
    assert "private or local address" in refused(server.url("/page"), allow_private=False)


def test_failures_are_not_kept(server: Server) -> None:
    server.routes["/odd"] = lambda to: to.answer(b"", 404)
    refused(server.url("/odd"))
    server.routes["/odd"] = _Handler.answer
    assert fetched(server, "/odd").data == PAGE


def test_a_folder_that_cannot_be_written_is_a_warning(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be written .*; set TIPCLASSIFY_CACHE"):
        assert fetched(server, "/page").data == PAGE


@pytest.mark.parametrize("where", ["relative", "~/unresolved"])
def test_without_a_home_folder_links_are_fetched_each_time(
    server: Server, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.delenv("TIPCLASSIFY_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda: Path(where))
    with pytest.warns(UserWarning, match="cannot be written .no home folder."):
        assert fetched(server, "/page").data == PAGE


# The rest


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tipclassify\[links\]'"):
        download("https://site.example/")


def test_errors_travel_between_processes() -> None:
    error = LinkError("no such page", status=404, retry=True)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == "no such page"
    assert copy.status == 404
    assert copy.retry is True
    assert isinstance(copy, InputError)
