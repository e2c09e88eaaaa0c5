"""Client of ``tipclassify review``: the server in a subprocess, and requests to it, valid or
forged."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SENTENCES = (
    "Police arrested {} recruiters.",
    "Courts convicted none of the {} suspects.",
    "Officials took bribes from {} brothels.",
    "Recruiters promised {} women work abroad.",
)


def write_report(file: Path, passages: int = 24) -> Path:
    """Make a report of this many distinct passages, four to a paragraph."""
    words = [SENTENCES[i % 4].format(f"{i + 2} Karvonian") for i in range(passages)]
    paragraphs = (" ".join(words[i : i + 4]) for i in range(0, passages, 4))
    file.write_text("PROSECUTION\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")
    return file


def corpus_rows(history: Any) -> list[dict[str, Any]]:
    """Rows of the corpus that is derived from a history of events."""
    from tipclassify.review.derived import ReviewCorpusFile

    with tempfile.TemporaryDirectory() as folder:
        ReviewCorpusFile(Path(folder) / "my.jsonl").write(history)
        return [json.loads(line) for line in (Path(folder) / "my.jsonl").read_bytes().splitlines()]


class Reviewer:
    """A running server and the page that was opened by its link."""

    def __init__(self, *args: object, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tipclassify", "review", "--no-browser", *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
        )
        assert self.process.stdout
        self.link = self.process.stdout.readline().decode().strip()
        if not self.link:
            raise AssertionError(self.end())
        self.port = urlsplit(self.link).port or 0
        self.origin = f"http://127.0.0.1:{self.port}"
        self.token = self.link.partition("/?token=")[2]
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def __enter__(self) -> Reviewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> str:
        """Stop the server if it runs; return its stderr."""
        if hasattr(self, "line"):
            self.line.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.communicate(timeout=30)[1].decode()

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send any request on a new connection, with these headers and Host only."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            given = headers or {}
            line.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
            for name, value in given.items():
                if value:
                    line.putheader(name, value)
            if (
                body is not None
                and "Content-Length" not in given
                and "Transfer-Encoding" not in given
            ):
                line.putheader("Content-Length", str(len(body)))
            line.endheaders()
            if body:
                line.send(body)
            answer = line.getresponse()
            return (
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            line.close()

    def own(self, **changed: str) -> dict[str, str]:
        """Headers of a change made by the page; `changed` replaces some, "" leaves one out."""
        headers = {"Origin": self.origin, "X-Tipclassify": self.token}
        return headers | {name.replace("_", "-"): value for name, value in changed.items()}

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: Any) -> Any:
        return self._ask("POST", path, json.dumps(fields))

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        self.line.close()  # the server does not wait long for another request on the same one
        self.line.request(method, path, body, self.own())
        answer = self.line.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200:
            raise RefusedError(answer.status, found["error"])
        return found

    def passages(self) -> list[dict[str, Any]]:
        """Passages of all reports, in reading order."""
        reports = self.get("/api/session")["reports"]
        return [
            p for report in reports for p in self.get(f"/api/reports/{report['id']}")["passages"]
        ]


class LocalReviewer(Reviewer):
    """A server in a thread of this process, with a model that is loaded already: there in
    milliseconds."""

    def __init__(
        self,
        classifier: Any,
        corpus: Path,
        *reports: Path,
        annotator: str = "ana",
        model: str = "fast",
        blind: bool = False,
        data: tuple[Path, ...] = (),
        start: str = "default",
    ) -> None:
        from tipclassify.pipeline.batch import Tagging
        from tipclassify.review.opened import open_reports_for_review
        from tipclassify.review.retraining import Retraining
        from tipclassify.review.server import listen_on_loopback, serve_review
        from tipclassify.review.session import ReviewSession

        opened, failures = open_reports_for_review(list(map(str, reports)), Tagging(model=model))
        assert failures == []
        session = ReviewSession(
            classifier, opened, corpus, annotator, blind=blind, model_name=model
        )
        at, self.token, ready = listen_on_loopback(0), secrets.token_urlsafe(8), threading.Event()
        self.port = at.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/?token={self.token}"
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        job = (session, Retraining(corpus, data, start), at, self.token, ready.set)
        threading.Thread(
            target=serve_review, args=job, daemon=True
        ).start()  # ends with this process
        assert ready.wait(20)

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        try:
            return super()._ask(method, path, body)
        finally:
            self.line.close()


class RefusedError(Exception):
    """Response with a status other than 200."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{status}: {error}")
        self.status = status
        self.error = error


def numbers(log: Path) -> list[int]:
    """Event numbers of the whole lines of a log, in order."""
    return [
        int(found)
        for found in re.findall(rb'^\{"event": (\d+),.*\}\n', log.read_bytes(), re.MULTILINE)
    ]
