"""Client of ``tipclassify review``: a running server, and requests to it, valid or forged."""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tipclassify import Classifier

Answer = dict[str, Any]
"""An object of JSON that the server sends; what its fields hold differs by address."""

SENTENCES = (
    "Police arrested {} recruiters.",
    "Courts convicted none of the {} suspects.",
    "Officials took bribes from {} brothels.",
    "Recruiters promised {} women work abroad.",
)


def write_report(file: Path, passages: int = 24) -> Path:
    """Make a report of this many distinct passages, four to a paragraph."""
    sentences = [SENTENCES[i % 4].format(f"{i + 2} Karvonian") for i in range(passages)]
    paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, passages, 4)]
    file.write_text("PROSECUTION\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")
    return file


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
            headers = headers or {}
            line.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, value in headers.items():
                if value:
                    line.putheader(name, value)
            has_length = "Content-Length" in headers or "Transfer-Encoding" in headers
            if body is not None and not has_length:
                line.putheader("Content-Length", str(len(body)))
            line.endheaders()
            if body:
                line.send(body)
            response = line.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return response.status, received, response.read()
        finally:
            line.close()

    def own(self, **changed: str) -> dict[str, str]:
        """Headers of a change made by the page; `changed` replaces some, "" leaves one out."""
        headers = {"Origin": self.origin, "X-Tipclassify": self.token}
        return headers | {name.replace("_", "-"): value for name, value in changed.items()}

    def get(self, path: str) -> Answer:
        """Ask for what the page shows; raise `RefusedError` where the server refuses."""
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: object) -> Answer:
        """Change something, as the page does; raise `RefusedError` where the server refuses."""
        return self._ask("POST", path, json.dumps(fields))

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        self.line.close()  # the server does not wait long for another request on the same one
        self.line.request(method, path, body, self.own())
        response = self.line.getresponse()
        answer: Answer = json.loads(response.read())
        if response.status != 200:
            raise RefusedError(response.status, answer["error"])
        return answer

    def passages(self) -> list[Answer]:
        """Return the passages of all reports, in reading order."""
        passages: list[Answer] = []
        for report in self.get("/api/session")["reports"]:
            passages += self.get(f"/api/reports/{report['id']}")["passages"]
        return passages


class LocalReviewer(Reviewer):
    """A server in a thread of this process, which is there in milliseconds.

    Its model is loaded already.
    """

    def __init__(
        self,
        classifier: Classifier,
        corpus: Path,
        *reports: Path,
        annotator: str = "ana",
        model: str = "fast",
        blind: bool = False,
    ) -> None:
        from tipclassify.app.review import Review, open_reports
        from tipclassify.app.server import listen_on_loopback, serve_review
        from tipclassify.store import Store
        from tipclassify.tagging import Tagging

        tagging = Tagging(model=model)
        opened, failures = open_reports(list(map(str, reports)), tagging)
        assert failures == []
        session = Review(
            classifier,
            opened,
            Store(corpus.with_suffix(".sqlite")),
            annotator,
            tagging.run(),
            blind=blind,
            model_name=model,
            corpus=str(corpus),
        )
        listener = listen_on_loopback(0)
        ready = threading.Event()
        self.token = secrets.token_urlsafe(8)
        self.port = listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/?token={self.token}"
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        serving = (session, listener, self.token, ready.set)
        thread = threading.Thread(target=serve_review, args=serving, daemon=True)
        thread.start()  # ends with this process
        assert ready.wait(20)

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
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
