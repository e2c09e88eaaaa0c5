"""Nothing that a person entered is lost: kills, torn lines, full disks, two annotators at once.

``PYTHONPATH=tests python tests/app/test_review_crash.py 200`` kills as many servers and tells
what was acknowledged and what was found.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("jinja2")

from review_client import Answer, RefusedError, Reviewer, dataset_rows, numbers, write_report

from tipclassify.corpus.rows import read_rows
from tipclassify.errors import CorpusError, InputError
from tipclassify.labels import LABELS
from tipclassify.store.derived import ReviewCorpusFile, events_path
from tipclassify.store.events import Event, event_line, parse_event
from tipclassify.store.log import EventLog, now

KILLS = 3
FAST = ("--model", "fast")


@dataclass
class Toll:
    """Losses after a number of kills."""

    kills: int = 0
    acknowledged: int = 0
    kept: int = 0  # of those acknowledged
    written: int = 0
    torn: int = 0
    missing_in_corpus: int = 0
    sent_again: int = 0
    on_disk_already: int = 0  # of those sent again
    doubled: int = 0


def kill_servers(folder: Path, kills: int, seed: int = 0) -> Toll:
    """Post decisions over three connections and kill the server at a random moment.

    So again and again, on one corpus. What got no answer is sent again to the next server under
    the same name, as the page does.
    """
    rng = random.Random(seed)
    report = write_report(folder / "report.txt", 40)
    corpus = folder / "my.jsonl"
    log = events_path(corpus)
    acknowledged: dict[int, Answer] = {}
    unanswered: list[Answer] = []
    toll = Toll()
    for _ in range(kills):
        server = Reviewer(report, *FAST, "--corpus", corpus, "--annotator", "ann")
        keys = [passage["key"] for passage in server.passages()]
        began = threading.Event()
        events_before = server.get("/api/session")["events"]

        def work(
            server: Reviewer,
            seed: int,
            keys: list[str] = keys,
            began: threading.Event = began,
            events_before: int = events_before,
        ) -> None:
            own_rng = random.Random(seed)
            line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                while True:
                    sent = unanswered.pop() if unanswered else None
                    toll.sent_again += sent is not None
                    sent = sent or anything(own_rng, keys)
                    path = "/api/decisions" if "labels" in sent else "/api/notes"
                    line.request("POST", path, json.dumps(sent), server.own())
                    event = json.loads(line.getresponse().read())["event"]
                    sent = None
                    toll.on_disk_already += event["id"] <= events_before
                    acknowledged[event["id"]] = event
                    began.set()
            except (OSError, http.client.HTTPException, ValueError):
                pass  # killed: whatever was under way was not acknowledged
            finally:
                line.close()
                if sent is not None:
                    unanswered.append(sent)

        threads = [
            threading.Thread(target=work, args=(server, rng.randrange(1 << 30))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        assert began.wait(20)
        time.sleep(rng.random() * 0.3)
        server.process.kill()
        for thread in threads:
            thread.join(20)
        server.end()
        toll.kills += 1
        toll.missing_in_corpus += missing(corpus, log, acknowledged)
    torn = log.with_name(log.name + ".torn")
    EventLog(log)  # heals what the last kill left
    events = {
        event.number: event
        for event in map(parse_event, log.read_bytes().splitlines(keepends=True))
    }
    assert sorted(events) == list(range(1, len(events) + 1))
    toll.acknowledged = len(acknowledged)
    toll.kept = sum(
        number in events and json.loads(json.dumps(events[number].plain())) == event
        for number, event in acknowledged.items()
    )
    toll.written = len(events)
    toll.doubled = len(events) - len({event.request for event in events.values()})
    toll.torn = torn.read_bytes().count(b"\n") if torn.exists() else 0
    return toll


def anything(rng: random.Random, keys: list[str]) -> Answer:
    """Make a request: a decision, unsure one time in five, or a note."""
    sent: Answer = {"key": rng.choice(keys), "request": f"{rng.getrandbits(64):x}"}
    if rng.random() < 0.25:
        return sent | {"note": "n" * rng.randrange(2_000)}
    unsure = rng.random() < 0.2
    labels = [] if unsure else [label for label in LABELS if rng.random() < 0.4]
    return sent | {"labels": labels, "unsure": unsure}


def missing(corpus: Path, log: Path, acknowledged: dict[int, Answer]) -> int:
    """Count the passages whose row, right after the kill, is older than what was acknowledged.

    A passage has no row while its annotator is unsure, which the server may have written without
    answering.
    """
    rows = {row["id"]: row["event"] for row in read_rows(corpus)}
    lines = [line for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    unsure = [(event.key, event.number) for event in map(parse_event, lines) if event.unsure]
    latest = {
        event["key"]: event["id"]
        for _, event in sorted(acknowledged.items())
        if event["kind"] == "decision"
    }
    lost = [(key, number) for key, number in latest.items() if rows.get(key, 0) < number]
    return sum(
        not any(other == key and later >= number for other, later in unsure) for key, number in lost
    )


def test_a_killed_server_loses_no_acknowledged_decision(tmp_path: Path) -> None:
    toll = kill_servers(tmp_path, KILLS)
    print(toll)
    assert toll.acknowledged > KILLS
    assert toll.kept == toll.acknowledged
    assert toll.missing_in_corpus == 0
    assert toll.sent_again > 0
    assert toll.doubled == 0
    assert toll.written >= toll.acknowledged


# -------------------------------------------------------------------------------------- two at once


def test_two_processes_write_one_log_and_see_each_other(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.txt", 16)
    corpus = tmp_path / "my.jsonl"
    each = 40
    sent: dict[str, list[tuple[str, list[str]]]] = {"ann": [], "ben": []}
    with (
        Reviewer(report, *FAST, "--corpus", corpus, "--annotator", "ann") as ann,
        Reviewer(report, *FAST, "--corpus", corpus, "--annotator", "ben") as ben,
    ):
        keys = [passage["key"] for passage in ann.passages()]
        assert keys == [passage["key"] for passage in ben.passages()]

        def work(name: str, server: Reviewer) -> None:
            rng = random.Random(name)
            for number in range(each):
                key = keys[number % len(keys)]
                labels = [label for label in LABELS if rng.random() < 0.4]
                server.post("/api/decisions", key=key, labels=labels)
                sent[name].append((key, labels))

        threads = [
            threading.Thread(target=work, args=pair) for pair in (("ann", ann), ("ben", ben))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = ann.get("/api/changes?since=0")["events"]
        assert seen == ben.get("/api/changes?since=0")["events"]
        last = dict(sent["ben"])
        for passage in ann.passages():
            assert [(o["annotator"], o["labels"]) for o in passage["others"]] == [
                ("ben", last[passage["key"]])
            ]
    assert numbers(events_path(corpus)) == list(range(1, 2 * each + 1))
    for name in sent:
        assert [(e["key"], e["labels"]) for e in seen if e["annotator"] == name] == sent[name]
    turns = sum(a["annotator"] != b["annotator"] for a, b in pairwise(seen))
    assert turns > 10  # they did write at the same time
    rows = read_rows(corpus)
    of_ann = dict(sent["ann"])
    of_ben = dict(sent["ben"])
    # the others are disputed
    final = {event["key"]: event for event in seen if of_ann[event["key"]] == of_ben[event["key"]]}
    assert 0 < len(final) < len(keys)
    assert {row["id"]: (row["event"], list(row["labels"])) for row in rows} == {
        key: (event["id"], event["labels"]) for key, event in final.items()
    }


# --------------------------------------------------------------------------- torn lines, full disks


def decision(number: int, key: str = "k") -> Event:
    """Make a decision: a failure."""
    passage = {"text": f"Courts — “{key}” — slept.", "report_id": "r", "block": 1}
    return Event(number, "decision", key, "ann", now(), ("failure",), about=passage)


def test_a_line_torn_at_any_byte_is_set_aside_and_the_rest_holds(tmp_path: Path) -> None:
    whole = event_line(decision(1)) + event_line(decision(2, "l"))
    last = event_line(decision(3, "m"))
    for cut in range(1, len(last)):
        log = tmp_path / f"{cut}.events"
        log.write_bytes(whole + last[:cut])
        reported: list[str] = []
        opened = EventLog(log, reported.append)
        torn = log.with_name(log.name + ".torn")
        if cut == len(last) - 1:  # all but the line end: nothing is lost
            assert (log.read_bytes(), len(opened.history)) == (whole + last, 3)
            assert not torn.exists()
            continue
        assert log.read_bytes() == whole
        assert torn.read_bytes() == last[:cut] + b"\n"
        assert len(reported) == 1
        with opened.exclusive() as append:
            append(decision(3, "n"))
        assert [event.key for event in EventLog(log).history.events] == ["k", "l", "n"]


def test_a_last_line_of_zeros_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "my.events"
    whole = event_line(decision(1))
    for rest in (b"\0" * 300, b"\0" * 300 + b'", "labels": []}\n'):
        log.write_bytes(whole + rest)
        assert len(EventLog(log).history) == 1
        assert log.read_bytes() == whole


def test_what_another_process_tore_is_healed_before_the_next_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "my.events")
    with log.exclusive() as append:
        append(decision(1))
    with log.path.open("ab") as other:
        other.write(event_line(decision(2))[:40])
    log.refresh()
    assert len(log.history) == 1
    with log.exclusive() as append:
        append(decision(2, "l"))
    assert numbers(log.path) == [1, 2]
    assert [event.key for event in EventLog(log.path).history.events] == ["k", "l"]


def test_a_bad_line_in_the_middle_is_reported_and_nothing_is_touched(tmp_path: Path) -> None:
    log = tmp_path / "my.events"
    data = event_line(decision(1)) + b'{"event": 2}\n' + event_line(decision(3))
    log.write_bytes(data)
    with pytest.raises(CorpusError, match=r"my\.events:2: not an event"):
        EventLog(log)
    assert log.read_bytes() == data


def test_a_log_that_was_removed_or_shortened_is_not_written_on(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "my.events")
    with log.exclusive() as append:
        append(decision(1))
        append(decision(2))
    log.path.write_bytes(event_line(decision(1)))
    with pytest.raises(InputError, match="removed or shortened"), log.exclusive():
        pass
    log.path.unlink()
    with pytest.raises(InputError, match="no such file"):
        log.refresh()


def test_a_decision_that_cannot_be_written_is_not_called_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(tmp_path / "my.events")
    with log.exclusive() as append:
        append(decision(1))
    before = log.path.read_bytes()
    write = os.write
    # as a full disk does
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
    with pytest.raises(InputError, match="not saved"), log.exclusive() as append:
        append(decision(2))
    monkeypatch.undo()
    assert log.path.read_bytes() == before
    with log.exclusive() as append:
        append(decision(2))
    assert numbers(log.path) == [1, 2]


def test_a_full_disk_is_reported_and_the_page_goes_on(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of other processes are of Linux")
    report = write_report(tmp_path / "report.txt", 4)
    with Reviewer(report, *FAST, "--corpus", tmp_path / "my.jsonl") as server:
        key = server.passages()[0]["key"]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        refusal = r"507: .*not saved \(the disk is full\); free some space"
        with pytest.raises(RefusedError, match=refusal):
            server.post("/api/decisions", key=key, labels=[])
        assert (tmp_path / "my.events").read_bytes() == b""
        assert server.passages()[0]["decision"] is None
        assert "Traceback" not in server.end()
    assert not (tmp_path / "my.jsonl").exists()


def test_what_a_crash_left_undone_is_done_when_it_is_opened_again(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "my.events")
    corpus = tmp_path / "my.jsonl"
    with log.exclusive() as append:
        append(decision(1))
        ReviewCorpusFile(corpus).write(log.history)
        append(decision(2, "l"))  # killed before the corpus was written
    assert len(read_rows(corpus)) == 1
    again = EventLog(log.path)
    reported: list[str] = []
    ReviewCorpusFile(corpus, reported.append).write(again.history)
    assert [row["id"] for row in read_rows(corpus)] == ["k", "l"]
    assert reported == []
    assert [row["id"] for row in dataset_rows(again.history)] == ["k", "l"]


if __name__ == "__main__":
    number_of_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as place:
        print(kill_servers(Path(place), number_of_kills, seed=time.time_ns()))
