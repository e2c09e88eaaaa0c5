"""Addresses made to harm: each is one line, whoever gives it, the user or the answer of a site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Cli

pytest.importorskip("httpx")

from tipclassify.download import DownloadLimits, download
from tipclassify.errors import LinkError

QUICK = DownloadLimits(connect=1, read=1, total=2, largest=1_000, pause=0.01)
ADDRESSES = (
    "http://xn--/",
    "http://xn--a/",
    "http://xn--0.xn--/",
    "http://XN--ZZZZZZZZZZZ-/",
    "http://a:99999999999999999999/",
    "http://a:65536/",
    "http://a:0/",
    "http://[::1",
    "http://a%00b/",
    "http://[v1.x]/",
    "http:///x",
    "http://@/",
)


class Site(BaseHTTPRequestHandler):
    """A site that redirects to the address of that number."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", ADDRESSES[int(self.path[1:])])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Address of a site that redirects."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own for each test."""
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("number", range(len(ADDRESSES)), ids=ADDRESSES)
@pytest.mark.parametrize("redirected", [False, True])
def test_an_odd_address_is_one_line(site: str, number: int, redirected: bool) -> None:
    with pytest.raises(LinkError) as caught:
        download(
            f"{site}/{number}" if redirected else ADDRESSES[number],
            allow_private=True,
            limits=QUICK,
        )
    assert "\n" not in str(caught.value)


def test_an_odd_address_does_not_end_a_batch(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Police arrested nine recruiters.", "utf-8")
    done = cli("score", "http://xn--/", tmp_path / "a.txt", "--model", "fast", "-f", "jsonl")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert b"Traceback" not in done.stderr
    assert b"http://xn--/: its host is no name" in done.stderr
