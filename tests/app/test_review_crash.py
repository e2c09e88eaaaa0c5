"""Nothing that a person entered is lost: kills, torn lines, full disks, two annotators at once.

``PYTHONPATH=tests python tests/app/test_review_crash.py 200`` kills as many servers and tells
what was acknowledged and what was found.
"""

from __future__ import annotations

import http.client
import json
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

from review_client import Answer, RefusedError, Reviewer, write_report

from tipclassify.app.review import passage_id
from tipclassify.corpus.rows import read_rows
from tipclassify.labels import LABELS
from tipclassify.store import Store
from tipclassify.store.state import Decision

KILLS = 3
FAST = ("--model", "fast")


@dataclass
class Toll:
    """Losses after a number of kills."""

    kills: int = 0
    acknowledged: int = 0
    kept: int = 0  # of those acknowledged
    written: int = 0
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
                    line.request("POST", "/api/decisions", json.dumps(sent), server.own())
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
    events = {event.id: event for event in Store(corpus.with_suffix(".sqlite")).since(0)}
    toll.acknowledged = len(acknowledged)
    toll.kept = sum(
        number in events and told(events[number]) == told(event)
        for number, event in acknowledged.items()
    )
    toll.written = len(events)
    toll.doubled = len(events) - len({event.request for event in events.values()})
    return toll


def told(event: Decision | Answer) -> tuple[object, ...]:
    """Return what an event says, as it is in the store or as it was acknowledged."""
    if isinstance(event, dict):
        said = (event["annotator"], event["labels"], event.get("unsure"), event.get("note"))
        return (event["kind"], event["key"], *said)
    said = (event.annotator, list(event.labels), event.unsure or None, event.note)
    return (event.kind, passage_id(event.place), *said)


def anything(rng: random.Random, keys: list[str]) -> Answer:
    """Make a request: a decision, unsure one time in five, or a note."""
    sent: Answer = {"key": rng.choice(keys), "request": f"{rng.getrandbits(64):x}"}
    if rng.random() < 0.25:
        return sent | {"kind": "note", "note": "n" * rng.randrange(2_000)}
    unsure = rng.random() < 0.2
    labels = [] if unsure else [label for label in LABELS if rng.random() < 0.4]
    return sent | {"labels": labels, "unsure": unsure}


def test_a_killed_server_loses_no_acknowledged_decision(tmp_path: Path) -> None:
    toll = kill_servers(tmp_path, KILLS)
    print(toll)
    assert toll.acknowledged > KILLS
    assert toll.kept == toll.acknowledged
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
    assert [event["id"] for event in seen] == list(range(1, 2 * each + 1))
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


# ---------------------------------------------------------------------------------------- full disks


def test_a_full_disk_is_reported_and_the_page_goes_on(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of other processes are of Linux")
    report = write_report(tmp_path / "report.txt", 4)
    with Reviewer(report, *FAST, "--corpus", tmp_path / "my.jsonl") as server:
        key = server.passages()[0]["key"]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        refusal = r"507: .*not saved \(the disk is full.*; free some space"
        with pytest.raises(RefusedError, match=refusal):
            server.post("/api/decisions", key=key, labels=[])
        assert server.passages()[0]["decision"] is None
        assert "Traceback" not in server.end()
    assert not (tmp_path / "my.jsonl").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_what_a_crash_left_undone_is_done_when_it_is_opened_again(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.txt", 4)
    corpus = tmp_path / "my.jsonl"
    with Reviewer(report, *FAST, "--corpus", corpus) as server:
        server.post("/api/decisions", key=server.passages()[0]["key"], labels=[])
        server.process.kill()
    assert not corpus.exists()
    with Reviewer(report, *FAST, "--corpus", corpus) as server:
        assert len(read_rows(corpus)) == 1
        server.post("/api/decisions", key=server.passages()[1]["key"], labels=[])
    assert len(read_rows(corpus)) == 2  # and as it ends, by a signal too


if __name__ == "__main__":
    number_of_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as place:
        print(kill_servers(Path(place), number_of_kills, seed=time.time_ns()))
