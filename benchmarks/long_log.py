#!/usr/bin/env python3
"""Measure the servers of `review` and `desk` on a long log.

``python benchmarks/long_log.py 100000``. In: a log of as many invented decisions, and a report of
600 passages (for the desk: a desk of 5,000 findings, each decided again and again). Out, for each
server: seconds from its start until the page and its data are served, and milliseconds of a key,
which is one decision that is on disk when it is answered, and of the undo of it. Both as the clock
says, and as the processor says of the server alone, which other programs disturb little.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
from _measure import describe_environment, environment_line, passages
from desk import write_findings

from tipclassify.store.derived import events_path
from tipclassify.store.events import Event, event_line

_REPORT: Final = 600  # passages of the report under review
_FINDINGS: Final = 5_000  # of the desk
_PER_REPORT: Final = 500  # decided passages of one report
_KEYS: Final = 40  # keys that are timed
_TIME: Final = "2026-11-30T09:00:00.000Z"
_BAR: Final = 50  # milliseconds of a key


@dataclass(frozen=True)
class Took:
    """Seconds that something took, by the clock and of the server's processor."""

    clock: float
    processor: float


class Server:
    """A running server, and a connection to it as its page has one."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tipclassify", *map(str, command), "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._watched = psutil.Process(self._process.pid)
        assert self._process.stdout
        link = urlsplit(self._process.stdout.readline().strip())
        self._host = f"127.0.0.1:{link.port}"
        self._headers = {"Origin": f"http://{self._host}", "Content-Type": "application/json"}
        self._path = ""
        if link.query:
            self._headers["X-Tipclassify"] = link.query.removeprefix("token=")
        else:
            self._path = link.path.removesuffix("/index.html")
        self._connection = http.client.HTTPConnection(self._host)

    @property
    def processor_seconds(self) -> float:
        """Seconds of the processor that the server has used."""
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def get(self, path: str) -> bytes:
        """Ask for a path."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        """Send a change and return the answer."""
        answer = json.loads(self._ask("POST", path, json.dumps(body)))
        assert isinstance(answer, dict)
        assert answer["saved"] is True, answer
        return answer

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        self._connection.request(method, self._path + path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content

    def end(self) -> None:
        """Stop the server."""
        self._connection.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(60)
        assert self._process.stdout
        self._process.stdout.close()


def started(command: Sequence[object], paths: Sequence[str]) -> tuple[Server, Took]:
    """Start a server and ask for what its page asks for; return it with what that took."""
    start = time.perf_counter()
    server = Server(*command)
    for path in paths:
        server.get(path)
    return server, Took(time.perf_counter() - start, server.processor_seconds)


def time_keys(server: Server, press: Callable[[int], None]) -> list[Took]:
    """Press as many keys as are timed."""
    times = []
    for number in range(_KEYS):
        start = time.perf_counter()
        processor = server.processor_seconds
        press(number)
        clock = time.perf_counter() - start
        times.append(Took(clock, server.processor_seconds - processor))
    return times


def describe(times: Sequence[Took]) -> str:
    """Format the median and the worst of some keys."""
    clock = [1_000 * took.clock for took in times]
    processor = [1_000 * took.processor for took in times]
    return (
        f"median {statistics.median(clock):.1f} ms, worst {max(clock):.1f} ms "
        f"(bar {_BAR} ms); of the processor {statistics.fmean(processor):.1f} ms on average"
    )


def write_log(path: Path, events: int, decisions: Callable[[int], Event]) -> None:
    """Write a log of as many decisions."""
    with path.open("wb") as log:
        for number in range(1, events + 1):
            log.write(event_line(decisions(number)))


def measure_review(events: int) -> None:
    """Time the server of `tipclassify review` on decisions of many reports."""
    texts = passages(seed=2)

    def decision(number: int) -> Event:
        report = number // _PER_REPORT
        about_passage = {
            "text": next(texts),
            "section": "Prosecution",
            "block": number % 40,
            "report": f"report-{report}.txt",
            "report_id": f"{report:016x}",
        }
        key = f"decided-{number}"
        return Event(
            number, "decision", key, "ana", _TIME, labels=("failure",), about=about_passage
        )

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "karvonia-2024.txt"
        opened = passages(seed=3)
        report.write_text("\n\n".join(next(opened) for _ in range(_REPORT)), "utf-8")
        corpus = folder / "review.jsonl"
        write_log(events_path(corpus), events, decision)
        command = ["review", report, "--corpus", corpus, "--annotator", "ana", "--model", "fast"]
        server, start = started(command, ["/", "/api/session"])
        session = json.loads(server.get("/api/session"))
        shown = json.loads(server.get(f"/api/reports/{session['reports'][0]['id']}"))
        keys = [passage["key"] for passage in shown["passages"]]
        event_ids: list[object] = []

        def decide(number: int) -> None:
            answer = server.post("/api/decisions", {"key": keys[number], "labels": ["failure"]})
            event = answer["event"]
            assert isinstance(event, dict)
            event_ids.append(event["id"])

        def undo(number: int) -> None:
            server.post("/api/undo", {"event": event_ids[number]})

        def look_at_training(_: int) -> None:
            server.get("/api/retrain")

        print(
            f"review, {events:,} decisions: page and data served after {start.clock:.1f} s "
            f"({start.processor:.1f} s of the processor)"
        )
        print(f"  a label: {describe(time_keys(server, decide))}")
        print(f"  an undo: {describe(time_keys(server, undo))}")
        print(f"  a look at the training: {describe(time_keys(server, look_at_training))}")
        server.end()


def measure_desk(events: int) -> None:
    """Time the server of `tipclassify desk` on checks of the same findings again and again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        findings = write_findings(folder, min(events, _FINDINGS))

        def check(number: int) -> Event:
            row = findings[number % len(findings)]
            about_finding = {"text": row.text, "tagged": list(row.labels)}
            return Event(
                number, "decision", row.key, "AB", _TIME, labels=row.labels, about=about_finding
            )

        write_log(folder / "desk.events", events, check)
        command = ["desk", folder, "--annotator", "AB"]
        server, start = started(command, ["/index.html", "/api/checks"])

        def press(number: int) -> None:
            body = {"key": findings[number].key, "confirmed": bool(number % 2)}
            server.post("/api/checks", body)

        print(
            f"desk, {events:,} checks of {len(findings):,} findings: page and data served after "
            f"{start.clock:.1f} s ({start.processor:.1f} s of the processor)"
        )
        print(f"  a check: {describe(time_keys(server, press))}")
        server.end()


def main() -> None:
    """Measure logs of as many events as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int, nargs="*", default=[10_000, 100_000])
    arguments = parser.parse_args()
    print(environment_line(describe_environment()))
    for events in arguments.events:
        measure_review(events)
        measure_desk(events)


if __name__ == "__main__":
    main()
