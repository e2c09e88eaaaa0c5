"""A desk that is worked on: checks in a log beside it, behind a secret path, nothing lost."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

pytest.importorskip("starlette", reason="needs the extra review")
pytest.importorskip("uvicorn", reason="needs the extra review")
pytest.importorskip("jinja2", reason="needs the extra review")

from conftest import Cli

from tipclassify import Classifier
from tipclassify.app.desk_server import serve_desk
from tipclassify.app.desk_session import DeskSession
from tipclassify.app.refusal import RefusedError
from tipclassify.app.server import listen_on_loopback
from tipclassify.cli.output import open_output
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.records import Document, Passage, Report
from tipclassify.store.desk_checks import read_checks
from tipclassify.write.desk import Desk as DeskWriter
from tipclassify.write.desk_records import read_desk_record_file
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage

TEXTS = (
    "Police arrested nine recruiters in Port Salwen in May.",
    "Courts convicted nobody.",
    "Rain fell.",
)


@pytest.fixture
def folder(fast: Classifier, tmp_path: Path) -> Path:
    """A desk of one report with two findings."""
    scores = dict.fromkeys(LABELS, 0.6)
    passages = []
    for number, text in enumerate(TEXTS):
        start = 100 * number
        labels = ("failure",) if number < 2 else ()
        passages.append(Passage(text, start, start + len(text), "Trials", labels, scores))
    document = Document("", (), "a.txt", "Trials", "Karvonia", 2024)
    report = Report("a.txt", document, passages)
    write = partial(open_output, inputs=frozenset())
    desk = DeskWriter(Output(fast.run(folder=tmp_path)), write, resume=False)
    page = tmp_path / "a.txt.html"
    assert list(desk.gather(page, [report])) == [report]
    page.write_text("<title>a</title>", "utf-8")
    desk.write_index()
    return tmp_path


def keys_of(folder: Path) -> list[str]:
    """Return the keys of the passages on a desk."""
    data = read_desk_record_file(folder / "data" / "a.txt.html.json")
    assert data
    return [passage.key for passage in data.passages]


class Served:
    """A served desk, and requests to it."""

    def __init__(self, folder: Path, annotator: str = "AB") -> None:
        listener = listen_on_loopback(0)
        ready = threading.Event()
        self.port = listener.getsockname()[1]
        self.token = secrets.token_urlsafe(8)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/{self.token}/index.html"
        serving = (DeskSession(folder, annotator), listener, self.token, ready.set)
        thread = threading.Thread(target=serve_desk, args=serving, daemon=True)
        thread.start()  # ends with this process
        assert ready.wait(20)

    def status_of(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> int:
        """Send a request, with the headers of a page of the desk or others; return the status."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Origin": self.origin} | (headers or {})
        line.request(method, path, None if body is None else json.dumps(body), sent)
        response = line.getresponse()
        response.read()
        line.close()
        return response.status


@pytest.fixture
def served(folder: Path) -> Served:
    return Served(folder)


def test_a_check_is_on_disk_before_it_is_confirmed_and_outlives_the_server(folder: Path) -> None:
    first, second, _ = keys_of(folder)
    session = DeskSession(folder, "AB")
    assert session.check(first, True).check["AB"]["verdict"] == "confirmed"
    session.check(second, False)
    session.note(second, "Ask the ministry")
    lines = (folder / "desk.events").read_text("utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["decision", "decision", "note"]
    again = DeskSession(folder, "CD")
    assert again.checked == 2
    checks = again.state().checks
    assert checks[second]["AB"]["verdict"] == "rejected"
    assert checks[second]["AB"]["note"] == "Ask the ministry"
    again.check(first, False)
    of_first = session.state(3).checks[first]
    verdicts = {annotator: check["verdict"] for annotator, check in of_first.items()}
    assert verdicts == {"AB": "confirmed", "CD": "rejected"}
    session.withdraw(first)
    assert "AB" not in again.state().checks[first]
    with pytest.raises(RefusedError, match="you have not checked"):
        session.withdraw(first)
    with pytest.raises(RefusedError, match="no such finding"):
        session.check("nothing", True)


def test_a_request_that_comes_again_is_done_once(folder: Path) -> None:
    first, second, _ = keys_of(folder)
    session = DeskSession(folder, "AB")
    for _ in range(2):
        session.check(first, True, "r-1")
    assert session.state().next == 1
    with pytest.raises(RefusedError, match="another one before"):
        session.check(second, True, "r-1")
    with pytest.raises(RefusedError, match="another one before"):
        session.check(first, False, "r-1")


def test_a_check_of_other_tags_does_not_count_once_the_desk_is_scored_again(folder: Path) -> None:
    first, second, _ = keys_of(folder)
    session = DeskSession(folder, "AB")
    session.check(first, True)
    session.check(second, False)
    data = folder / "data" / "a.txt.html.json"
    scored = read_desk_record_file(data)
    assert scored
    retagged = replace(scored.passages[0], label_bits=1)
    again = replace(scored, passages=[retagged, *scored.passages[1:]])
    data.write_bytes(msgspec.json.encode(again))
    assert DeskSession(folder, "CD").state().checks[first] == {}
    warnings: list[str] = []
    checks = read_checks(folder, warnings.append)
    assert [check.key for check in checks] == [second]
    assert warnings == [f"{folder}: AB checked other tags of a finding; left out: {first}"]


def test_saved_findings_are_kept_beside_the_desk_in_their_order(folder: Path) -> None:
    session = DeskSession(folder, "AB")
    assert session.saved() == []
    findings = [{"key": "b", "note": "N"}, {"key": "a", "note": ""}]
    session.save(findings)
    assert DeskSession(folder, "CD").saved() == findings
    assert [path.name for path in folder.iterdir() if "saved" in path.name] == ["desk-saved.json"]


def test_checks_are_read_for_a_bundle_from_the_log_or_an_exported_file(folder: Path) -> None:
    first, second, _ = keys_of(folder)
    warnings: list[str] = []
    with pytest.raises(InputError, match=r"desk\.events: no such file"):
        read_checks(folder, warnings.append)
    session = DeskSession(folder, "AB")
    with pytest.raises(InputError, match="no finding is checked"):
        read_checks(folder, warnings.append)
    session.check(first, True)
    session.check(second, False)
    session.note(second, "Ask the ministry")
    confirmed, rejected = read_checks(folder, warnings.append)
    assert (confirmed.annotator, confirmed.verdict, confirmed.note) == ("AB", "confirmed", "")
    assert (confirmed.text, confirmed.start, confirmed.end) == (TEXTS[0], 0, len(TEXTS[0]))
    assert rejected.labels == ("failure",)
    assert (rejected.verdict, rejected.note) == ("rejected", "Ask the ministry")
    assert confirmed.time == session.state().checks[first]["AB"]["time"]
    findings = {
        check.key: {
            "text": check.text,
            "start": check.start,
            "end": check.end,
            "labels": check.labels,
        }
        for check in (confirmed, rejected)
    }
    exported = {"checks": session.state().checks, "findings": findings}
    file = folder / "desk-checks.json"
    file.write_text(json.dumps(exported), "utf-8")
    assert read_checks(file, warnings.append) == [confirmed, rejected]
    file.write_text('{"checks": 3}', "utf-8")
    refusal = r"desk-checks\.json: no checks of a desk; give the folder"
    with pytest.raises(InputError, match=refusal):
        read_checks(file, warnings.append)
    assert warnings == []


def test_a_folder_that_is_no_desk_is_named_in_one_line(tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(InputError, match=r"no desk: there is no index\.html"):
        DeskSession(tmp_path, "AB")
    done = cli("desk", tmp_path, "--no-browser")
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1


@pytest.mark.parametrize(
    "path",
    ["/index.html", "/", "/wrong/index.html", "/api/checks", "/wrong/api/checks", "/static/app.js"],
)
def test_nothing_is_served_without_the_secret_path(served: Served, path: str) -> None:
    assert served.status_of("GET", path) == 403


@pytest.mark.parametrize(
    "name",
    [
        "desk.events",
        "desk-saved.json",
        "data/a.txt.html.json",
        "../a",
        "..%2fa",
        "data/../desk.events",
        "secret.txt",
    ],
)
def test_only_the_pages_of_the_desk_are_served(served: Served, folder: Path, name: str) -> None:
    (folder / "secret.txt").write_text("s", "utf-8")
    assert served.status_of("GET", f"/{served.token}/{name}") == 404
    assert served.status_of("GET", f"/{served.token}/a.txt.html") == 200


def test_a_change_from_another_page_is_refused(served: Served, folder: Path) -> None:
    key = keys_of(folder)[0]
    path = f"/{served.token}/api/checks"
    check = {"key": key, "confirmed": True}
    other_origin = {"Origin": "http://evil.example"}
    other_host = {"Host": "evil.example"}
    assert served.status_of("POST", path, check, other_origin) == 403
    assert served.status_of("POST", path, {"key": key, "confirmed": "maybe"}) == 400
    assert served.status_of("POST", path, check, other_host) == 403
    assert (folder / "desk.events").read_bytes() == b""


def test_findings_are_checked_on_the_page_and_kept_beside_it(
    folder: Path, browser: Browser
) -> None:
    served = Served(folder)
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page = browser.new_page()
    page.set_default_timeout(8_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", listen)
    page.goto(f"{served.link}#view=findings&order=report")
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#initials").input_value() == "AB"
    page.locator("#findings .confirmed").first.focus()
    page.keyboard.press("Enter")  # by keyboard alone
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("Ask the ministry")
    page.keyboard.press("Escape")
    page.locator("#findings .save").first.click()
    page.locator("#checks-kept", has_text="kept beside this page").wait_for()
    session = DeskSession(folder, "CD")
    check = session.state().checks[keys_of(folder)[0]]["AB"]
    assert (check["verdict"], check["note"]) == ("confirmed", "Ask the ministry")
    until = time.monotonic() + 8  # the page sends it a moment later
    while not session.saved() and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert [finding["key"] for finding in session.saved()] == keys_of(folder)[:1]
    session.check(keys_of(folder)[1], False)  # a colleague
    page.evaluate("watchChecks()")
    page.locator("#findings .check-words", has_text="rejected by CD").wait_for()
    page.locator("#findings .confirmed").first.click()  # once more takes it back
    page.locator("#findings-note", has_text="1 checked (1 rejected), 1 unchecked").wait_for()
    other = browser.new_page()
    other.goto(f"{Served(folder, 'EF').link}#view=saved")  # another port: another browser store
    other.wait_for_selector("html[data-ready]")
    assert other.locator("#saved .quote").all_inner_texts() == [TEXTS[0]]
    page.close()
    other.close()
    assert complaints == []
