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
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from review_client import RefusedError, Reviewer, write_report

from tipclassify import InputError
from tipclassify.store.derived import ReviewCorpusFile
from tipclassify.store.events import Event, History, event_line
from tipclassify.store.log import EventLog, now

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and users of POSIX")


def event(number: int = 1, **facts: str) -> Event:
    """Make a decision on a passage, with further facts of the passage."""
    return Event(
        number,
        "decision",
        f"key-{number}",
        "ann",
        now(),
        ("failure",),
        about={"text": "Police.", **facts},
    )


def refused(log: Path) -> str:
    """Return the one line by which a log is refused."""
    with pytest.raises(InputError) as caught:
        EventLog(log)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary,\nI began this years ago",
        b"\0\x01\x02" * 100,
        b'{"name": "concert", "day": 7}\n{"name": "re',
        b"\n",
        b'{"event": 2, "kind": "decision"}\n',
        event_line(event())[1:],
    ],
)
def test_a_file_that_is_no_log_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    log = tmp_path / "my.events"
    log.write_bytes(content)
    assert "no log of decisions" in refused(log)
    assert log.read_bytes() == content
    assert not (tmp_path / "my.events.torn").exists()


def test_a_log_whose_first_line_was_cut_off_goes_on(tmp_path: Path) -> None:
    whole = event_line(event())
    for length in (1, 5, 20, len(whole) - 2):
        log = tmp_path / "my.events"
        log.write_bytes(whole[:length])
        with EventLog(log).exclusive() as append:
            append(event())
        assert len(EventLog(log).history) == 1


@posix
def test_links_are_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_bytes(event_line(event()) + b"torn")
    before = mine.read_bytes()
    (tmp_path / "a.events").symlink_to(mine)
    assert "a link, which is not followed" in refused(tmp_path / "a.events")
    (tmp_path / "b.events").write_bytes(before)
    (tmp_path / "b.events.torn").symlink_to(mine)
    assert "cannot be moved to b.events.torn (a link" in refused(tmp_path / "b.events")
    assert (tmp_path / "b.events").read_bytes() == before  # nothing of it is lost
    corpus = tmp_path / "c.jsonl"
    corpus.symlink_to(mine)
    with pytest.raises(InputError, match="a link, which is not followed"):
        ReviewCorpusFile(corpus).write(History())
    assert mine.read_bytes() == before


def open_or_write(file: Path) -> None:
    """Open a log, or write a corpus file."""
    if file.suffix == ".events":
        EventLog(file)
    else:
        ReviewCorpusFile(file).write(History())


@posix
@pytest.mark.parametrize("name", ["my.events", "my.jsonl"])
def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError):
        open_or_write(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / name).stat().st_mode)


def test_an_edit_by_hand_is_known_by_its_content(tmp_path: Path) -> None:
    """At the latest when the session ends.

    Each edit leaves size and time as they were, and one is in a field that the log has too.
    """
    history = History()
    for number in (1, 2):
        history.add(event(number, report_id=f"r{number}", section="COURTS"))
    file = ReviewCorpusFile(tmp_path / "my.jsonl")
    file.write(history)
    for old, new in ((b"COURTS", b"POLICE"), (b'"doc": "r1"', b'"doc": "r9"')):
        before = (tmp_path / "my.jsonl").stat()
        edited = (tmp_path / "my.jsonl").read_bytes().replace(old, new)
        (tmp_path / "my.jsonl").write_bytes(edited)
        os.utime(tmp_path / "my.jsonl", ns=(before.st_atime_ns, before.st_mtime_ns))
        file.compact(history)
        newest = sorted(tmp_path.glob("my.jsonl.edited-*"))[-1]
        assert newest.read_bytes() == edited


def test_a_log_that_is_nested_deep_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "my.events").write_bytes(
        event_line(event())[:-2] + b', "odd": ' + b"[" * 5_000 + b"\n"
    )
    assert len(EventLog(tmp_path / "my.events").history) == 0  # as a line of which the end was lost
    assert (tmp_path / "my.events.torn").stat().st_size > 5_000


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
            assert b"Karvonia" not in done.stdout
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
            for path in ("/api/notes", "/api/decisions"):
                fields = {"labels": []} if path == "/api/decisions" else {}
                # of a body too large the rest is not read
                with pytest.raises((RefusedError, OSError)) as caught:
                    server.post(path, key=key, note=note, **fields)
                if isinstance(caught.value, RefusedError):
                    assert caught.value.status == status
                    assert "\n" not in caught.value.error
        assert server.get("/api/changes?since=0")["next"] == 0
        assert server.post("/api/notes", key=key, note=HOSTILE)["event"]["note"] == HOSTILE
        server.post("/api/decisions", key=key, labels=[])
    # one line, whatever is in it
    (row,) = (tmp_path / "c.jsonl").read_text("utf-8").split("\n")[:-1]
    assert json.loads(row)["note"] == HOSTILE
    assert len(EventLog(tmp_path / "c.events").history) == 2


def test_a_note_event_cut_at_any_byte_is_set_aside(tmp_path: Path) -> None:
    whole = event_line(event())
    last = event_line(
        Event(2, "note", "key-1", "ann", now(), note=HOSTILE, about={"text": "Police."})
    )
    for cut in (1, len(last) // 3, len(last) - 2):
        log = tmp_path / f"{cut}.events"
        log.write_bytes(whole + last[:cut])
        assert len(EventLog(log).history) == 1
        assert log.with_name(log.name + ".torn").read_bytes() == last[:cut] + b"\n"


def decided(path: Path, *numbers: int, name: str = "ana") -> EventLog:
    """Add decisions of these numbers to a log, and return it."""
    log = EventLog(path)
    for number in numbers:
        with log.exclusive() as write:
            write(
                Event(
                    number,
                    "decision",
                    f"k{number}",
                    name,
                    now(),
                    labels=("failure",),
                    about={"text": "Police."},
                )
            )
    return log


@pytest.mark.parametrize("longer", [False, True])
def test_a_log_that_is_replaced_while_in_use_is_noticed(tmp_path: Path, longer: bool) -> None:
    log = decided(tmp_path / "my.events", 1, 2)
    other = decided(tmp_path / "other.events", *range(1, 5 if longer else 3), name="bob")
    os.replace(other.path, log.path)
    for use in (log.refresh, lambda: log.exclusive().__enter__()):
        with pytest.raises(
            InputError, match=r"my\.events: was replaced by another while in use; [^\n]+$"
        ):
            use()


def test_a_decision_that_goes_to_a_replaced_log_is_not_confirmed(tmp_path: Path) -> None:
    log = decided(tmp_path / "my.events", 1)
    (tmp_path / "copy.events").write_bytes(log.path.read_bytes())
    event = Event(2, "decision", "k2", "ana", now(), about={"text": "Police."})
    with log.exclusive() as write:
        # as a synchronised folder may, between reading and writing
        os.replace(tmp_path / "copy.events", log.path)
        with pytest.raises(InputError, match="not saved"):
            write(event)
    assert log.path.read_bytes().count(b"\n") == 1
    decided(log.path, 2)  # started again


# ------------------------------------------------------------------------------------ long logs


def test_a_passage_of_20000_events_is_opened_in_time() -> None:
    """Decided again and again by two annotators; decided, then undone and redone without end."""
    decisions = History()
    undos = History()
    undos.add(event())
    began = time.process_time()
    for number in range(1, 20_001):
        name = "ana" if number % 2 else "bob"
        facts = {"text": "Police."}
        decisions.add(Event(number, "decision", "k", name, now(), ("failure",), about=facts))
    for number in range(2, 20_001):
        undos.add(Event(number, "undo", "key-1", "ann", now(), undoes=number - 1))
    assert time.process_time() - began < 5
    last = {name: decision.number for name, decision in decisions.decisions("k").items()}
    assert last == {"ana": 19_999, "bob": 20_000}
    assert undos.is_undone(1)
    assert not undos.is_undone(20_000)
    assert undos.final("key-1") is None


def test_an_undo_of_an_undo_counts_for_all_before_it() -> None:
    history = History()
    history.add(event())
    for number, undoes in ((2, 1), (3, 2), (4, 3), (5, 1), (6, 5)):
        history.add(Event(number, "undo", "key-1", "ann", now(), undoes=undoes))
    assert [history.is_undone(number) for number in range(1, 7)] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_events_are_in_the_order_of_the_log_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(tmp_path / "my.events")
    for number, when in ((1, "2031-01-01T00:00:00Z"), (2, "1999-01-01T00:00:00Z")):
        labels = ("failure",) if number == 2 else ()
        with log.exclusive() as write:
            write(
                Event(number, "decision", "k", "ana", when, labels, about={"text": "Police slept."})
            )
    monkeypatch.setattr(time, "time", lambda: 0.0)
    again = EventLog(tmp_path / "my.events")
    last = again.history.final("k")
    assert last is not None
    assert (last.number, last.labels) == (2, ("failure",))
    ReviewCorpusFile(tmp_path / "my.jsonl").write(again.history)
    (row,) = (tmp_path / "my.jsonl").read_text("utf-8").splitlines()
    assert json.loads(row)["labels"] == ["failure"]
