"""The review page under attack.

By files that are not its own, other users, other servers, and connections that idle.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from review_client import RefusedError, Reviewer, write_report

from tipclassify.store import Store

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and users of POSIX")


# ------------------------------------------------------------------------------- who reads the link

SPY = """#!/bin/sh
echo "$@" > "$(dirname "$0")/seen"
"""

NOBODY = """
import encodings.idna, http.client, os, pathlib, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
found = [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
for file in (*folder.iterdir(), *folder.glob(".*")):
    try:
        found.append(file.read_bytes())
    except OSError:
        pass
line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
for path in ("/", "/api/session", "/api/queue"):
    line.request("GET", path, headers={"X-Tipclassify": "review"})
    found.append(line.getresponse().read())
sys.stdout.buffer.write(b"\\n".join(found))
"""


@posix
def test_the_browser_is_opened_on_a_file_of_this_user_and_other_users_get_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tmp_path.parents[2]):
            folder.chmod(0o755)  # others may look around, as in a shared folder
    spy = tmp_path / "spy"
    spy.write_text(SPY, "utf-8")
    spy.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{spy} %s")
    report = write_report(tmp_path / "report.txt", 4)
    report.chmod(0o600)
    command = [
        sys.executable,
        "-m",
        "tipclassify",
        "review",
        str(report),
        "--corpus",
        str(tmp_path / "my.jsonl"),
    ]
    server = subprocess.Popen(
        [*command, "--model", "fast"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert server.stdout
        link = server.stdout.readline().decode().strip()
        port = int(link.partition("1:")[2].partition("/")[0])
        token = link.partition("token=")[2].encode()
        deadline = time.monotonic() + 10
        while not (tmp_path / "seen").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        opened = (tmp_path / "seen").read_text("utf-8").strip()
        assert token.decode() not in opened
        page = Path(opened.removeprefix("file://"))
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert token in page.read_bytes()
        if os.getuid() == 0:  # then we can be another user
            asked = [sys.executable, "-c", NOBODY, str(port), str(tmp_path)]
            done = subprocess.run(asked, capture_output=True, timeout=60)
            assert done.returncode == 0, done.stderr
            assert b"tipclassify review" in done.stdout  # it did look
            assert token not in done.stdout
            assert b"Karvonian recruiters" not in done.stdout
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()  # type: ignore[union-attr]
    assert not page.exists()


# -------------------------------------------------------------------------------------- connections


@pytest.mark.slow  # ten seconds of waiting
def test_idle_connections_hold_nobody_up_and_end(tmp_path: Path) -> None:
    with Reviewer(
        write_report(tmp_path / "r.txt", 4), "--corpus", tmp_path / "c.jsonl", "--model", "fast"
    ) as server:
        lines = []
        for number in range(300):
            line = socket.create_connection(("127.0.0.1", server.port))
            line.sendall(b"GET / HT" if number % 2 else b"")
            lines.append(line)
            if number % 100 == 99:
                began = time.monotonic()
                assert server.get("/api/session")["labels"]
                assert time.monotonic() - began < 2
        open_there = (
            len(os.listdir(f"/proc/{server.process.pid}/fd")) if sys.platform == "linux" else 0
        )
        assert open_there < 120
        lines[-1].settimeout(13)
        assert ended(lines[-1])
        for line in lines:
            line.close()
        assert server.get("/api/session")["labels"]
        assert server.end().count("connections: the idle ones are ended") == 1


@pytest.mark.slow  # as long
def test_connections_that_ask_and_never_read_hold_nobody_up(tmp_path: Path) -> None:
    report = write_report(tmp_path / "r.txt", 4)
    command = (report, "--corpus", tmp_path / "c.jsonl", "--model", "fast")
    with Reviewer(*command) as server, ExitStack() as lines:
        asked = f"GET /static/app.js HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
        for _ in range(70):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            line.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                line.sendall(asked.encode() * 3_000)
        deadline = time.monotonic() + 30
        labels = None
        while labels is None and time.monotonic() < deadline:
            # ended where all others are being answered at that moment: a page asks again, too
            with suppress(ConnectionError):
                labels = server.get("/api/session")["labels"]
        assert labels


def ended(line: socket.socket) -> bool:
    """Whether the other side ended the connection, in time."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_body_that_is_cut_short_is_not_saved_though_its_beginning_is_json(tmp_path: Path) -> None:
    with Reviewer(
        write_report(tmp_path / "r.txt", 4), "--corpus", tmp_path / "c.jsonl", "--model", "fast"
    ) as server:
        key = server.passages()[0]["key"]
        body = f'{{"key": "{key}", "labels": []}}'
        own = "".join(f"{name}: {value}\r\n" for name, value in server.own().items())
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            head = f"POST /api/decisions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{own}"
            line.sendall(f"{head}Content-Length: {len(body) + 9}\r\n\r\n{body}".encode())
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            ended(line)
        assert server.get("/api/changes?since=0")["next"] == 0


# -------------------------------------------------------------------------------------------- notes

HOSTILE = (
    "</textarea><script>window.pwned = 1</script><img src=x onerror=window.pwned=2> "
    "{{7*7}} \u202eevil \u2028"
)


BAD_NOTES: tuple[tuple[object, int], ...] = (  # and the status of the answer
    ("bell\a", 400),
    ("\x1b[31mred", 400),
    ("nul\0", 400),
    ("c1\x9b", 400),
    ("lone \ud800", 400),
    ("x" * 2_001, 400),
    ("x" * 1_000_000, 413),
    (7, 400),
    ({"a": 1}, 400),
)


def test_a_hostile_note_is_refused_or_stays_the_text_that_it_is(tmp_path: Path) -> None:
    with Reviewer(
        write_report(tmp_path / "r.txt", 4), "--corpus", tmp_path / "c.jsonl", "--model", "fast"
    ) as server:
        key = server.passages()[0]["key"]
        for note, status in BAD_NOTES:
            for kind in ("note", "label"):
                # of a body too large the rest is not read
                with pytest.raises((RefusedError, OSError)) as caught:
                    server.post("/api/decisions", kind=kind, key=key, note=note)
                if isinstance(caught.value, RefusedError):
                    assert caught.value.status == status
                    assert "\n" not in caught.value.error
        assert server.get("/api/changes?since=0")["next"] == 0
        assert (
            server.post("/api/decisions", kind="note", key=key, note=HOSTILE)["event"]["note"]
            == HOSTILE
        )
        server.post("/api/decisions", key=key, labels=[])
    # one line, whatever is in it
    (row,) = (tmp_path / "c.jsonl").read_text("utf-8").split("\n")[:-1]
    assert json.loads(row)["note"] == HOSTILE
    assert Store(tmp_path / "c.sqlite").last == 2
