"""A desk that is worked on: checks in a log beside it, behind a secret path, nothing lost."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

pytest.importorskip("starlette", reason="needs the extra review")
pytest.importorskip("uvicorn", reason="needs the extra review")
pytest.importorskip("jinja2", reason="needs the extra review")

from accessibility import summarize_violations
from conftest import Cli

from tipclassify.app.desk import Desk
from tipclassify.app.refusal import RefusedError
from tipclassify.app.server import listen_on_loopback, serve_desk
from tipclassify.errors import InputError
from tipclassify.store import RequestReusedError
from tipclassify.store.checks import read_checks
from tipclassify.store.export import export
from tipclassify.write.desk import read_findings

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, ConsoleMessage

TEXTS = (
    "Police arrested nine recruiters in Port Salwen in May.",
    "Courts convicted none of the suspects.",
    "Rain fell on the port.",
)


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    """A desk of one report with two findings."""
    report = tmp_path / "a.txt"
    report.write_text("TRIALS\n\n" + " ".join(TEXTS) + "\n", "utf-8")
    desk = tmp_path / "desk"
    done = cli("score", report, "--model", "fast", "-f", "html", "--output-dir", desk)
    assert done.returncode == 0, done.stderr
    return desk


Finding = tuple[tuple[str, int, int], str]
"""Place and key."""


def findings_of(folder: Path) -> list[Finding]:
    """Return the findings of a desk."""
    return [
        ((row["report"], row["start"], row["end"]), row["key"]) for row in read_findings(folder)
    ]


def check(
    desk: Desk,
    finding: Finding,
    verdict: Literal["confirmed", "rejected", "withdrawn"] | None = None,
    note: str | None = None,
    request: str | None = None,
) -> dict[str, Any]:
    """Check or note a finding; return what people decided on it."""
    tagged = next(row["labels"] for row in read_findings(desk.folder) if row["key"] == finding[1])
    right = {"confirmed": tagged, "rejected": (), "withdrawn": "withdrawn", None: None}[verdict]
    answer = desk.check(*finding, right, note, request)
    people: dict[str, Any] = answer["check"]["people"]
    return people


class Served:
    """A served desk, and requests to it."""

    def __init__(self, folder: Path, annotator: str = "AB") -> None:
        listener = listen_on_loopback(0)
        ready = threading.Event()
        self.port = listener.getsockname()[1]
        self.token = secrets.token_urlsafe(8)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/{self.token}/index.html"
        serving = (Desk(folder, annotator), listener, self.token, ready.set)
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
    first, second = findings_of(folder)
    desk = Desk(folder, "AB")
    assert check(desk, first, "confirmed")["AB"]["verdict"] == "confirmed"
    check(desk, second, "rejected")
    check(desk, second, note="Ask the ministry")
    again = Desk(folder, "CD")
    assert again.checked == 2
    assert [event.kind for event in again.store.since(0)] == ["label", "label", "note"]
    of_second = again.state(1)["checks"][0]["people"]["AB"]
    assert (of_second["verdict"], of_second["note"]) == ("rejected", "Ask the ministry")
    verdicts = {name: one["verdict"] for name, one in check(again, first, "rejected").items()}
    assert verdicts == {"AB": "confirmed", "CD": "rejected"}
    assert "AB" not in check(desk, first, "withdrawn")
    with pytest.raises(RefusedError, match="you have not checked"):
        check(desk, first, "withdrawn")
    with pytest.raises(RefusedError, match="no such finding"):
        check(desk, (first[0], second[1]), "confirmed")


def test_a_request_that_comes_again_is_done_once(folder: Path) -> None:
    first, second = findings_of(folder)
    desk = Desk(folder, "AB")
    for _ in range(2):
        check(desk, first, "confirmed", request="r-1")
    assert desk.state()["next"] == 1
    with pytest.raises(RequestReusedError, match="another one before"):
        check(desk, second, "confirmed", request="r-1")
    with pytest.raises(RequestReusedError, match="another one before"):
        check(desk, first, "rejected", request="r-1")


def test_a_withdrawal_that_comes_again_is_done_once(folder: Path) -> None:
    first, second = findings_of(folder)
    desk = Desk(folder, "AB")
    check(desk, first, "confirmed", request="r-1")
    check(desk, first, "rejected", request="r-2")
    for _ in range(2):  # the first answer was lost
        people = check(desk, first, "withdrawn", request="r-3")
        assert people["AB"]["verdict"] == "confirmed"
    assert desk.state()["next"] == 3
    for verdict, finding in (("withdrawn", second), ("confirmed", first)):
        with pytest.raises(RequestReusedError, match="another one before"):
            check(desk, finding, verdict, request="r-3")
    with pytest.raises(RequestReusedError, match="another one before"):
        check(desk, first, "withdrawn", request="r-1")


def test_each_tag_is_confirmed_rejected_or_corrected_and_counted_as_checked(folder: Path) -> None:
    first, second = findings_of(folder)
    desk = Desk(folder, "AB")
    both = ["complicity", "positive_effort"]
    (answer,) = [desk.check(*first, both, None, None)["check"]["people"]["AB"]]
    assert (answer["verdict"], list(answer["labels"])) == ("corrected", both[::-1])
    check(desk, second, "rejected")
    assert list(desk.counts().values()) == [{"positive_effort": 1, "complicity": 1}]
    assert desk.check(*second, ["failure"], None, None)["counts"][first[0][0]]["failure"] == 1
    check(Desk(folder, "CD"), second, "rejected")  # where two differ, the tags hold
    assert desk.counts()[first[0][0]]["failure"] == 1
    with pytest.raises(RefusedError, match="no label of this desk: 'luck'"):
        desk.check(*first, ["luck"], None, None)


def test_a_word_behind_a_number_sign_in_a_note_is_a_code(folder: Path) -> None:
    desk = Desk(folder, "AB")
    first, second = findings_of(folder)[:2]
    check(desk, first, note="#Shelters closed, case no#7; #un-report and #shelters")
    check(desk, second, note="no code")
    assert [row["code"] for row in desk.coded()] == ["shelters", "un-report"]
    check(desk, first, "rejected")
    check(Desk(folder, "CD"), second, note="#prosecution")
    written = desk.coded()
    assert [row["code"] for row in written] == ["prosecution", "shelters", "un-report"]
    assert [row["annotator"] for row in written] == ["CD", "AB", "AB"]
    assert written[1]["labels"] == ""  # as checked: rejected
    assert all(row["text"] and row["citation"] for row in written)


def test_what_was_decided_is_a_corpus_to_train_on(folder: Path, cli: Cli) -> None:
    first, second = findings_of(folder)
    desk = Desk(folder, "AB")
    desk.check(*first, ["complicity"], None, None)
    check(desk, second, "rejected")
    check(Desk(folder, "CD"), second, "confirmed")  # disputed: nobody learns from it
    corpus = folder / "decided.jsonl"
    assert export(desk.store, corpus) is None
    rows = [json.loads(line) for line in corpus.read_text("utf-8").splitlines()]
    assert [(row["text"], row["labels"]) for row in rows] == [(TEXTS[0], ["complicity"])]
    assert rows[0]["model_labels"] == ["positive_effort"]
    assert "blind" not in rows[0]  # a desk hides nothing
    store = folder / "tipclassify.sqlite"
    measured = []
    for labelled in (store, corpus):
        done = cli("evaluate", labelled, "--model", "fast", "--draws", 0, "-f", "jsonl")
        assert done.returncode == 0, done.stderr
        measured.append(json.loads(done.stdout))
        if labelled == store:
            assert b"1 passage left out until settled, since annotators differ" in done.stderr
    assert measured[0] == measured[1]
    for bad in (folder / "missing.sqlite", folder / "a.sqlite"):
        if bad.name == "a.sqlite":
            bad.write_text("no store", "utf-8")
        done = cli("train", "--data", bad, "--output", folder / "mine")
        assert done.returncode == 1
        assert done.stderr.decode().count("\n") == 1
        assert "give the store of 'review' or 'desk'" in done.stderr.decode()
    assert not (folder / "missing.sqlite").exists()


def test_what_was_decided_holds_once_the_desk_is_scored_again(folder: Path) -> None:
    first, _ = findings_of(folder)
    desk = Desk(folder, "AB")
    check(desk, first, "confirmed")
    data = folder / "data" / "a.txt.html.json"
    retagged = data.read_text("utf-8").replace('["positive_effort"]', '["complicity"]', 1)
    data.write_text(retagged, "utf-8")
    people = check(Desk(folder, "CD"), first, note="Hm.")
    assert (people["AB"]["verdict"], people["AB"]["labels"]) == ("corrected", ("positive_effort",))
    told: list[str] = []
    assert {each.labels for each in read_checks(folder, told.append)} >= {("positive_effort",)}
    assert told == []


def test_a_folder_that_is_no_desk_is_named_in_one_line(tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(InputError, match=r"no desk: there is no index\.html"):
        Desk(tmp_path, "AB")
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
        "tipclassify.sqlite",
        "data/a.txt.html.json",
        "../a",
        "..%2fa",
        "data/../tipclassify.sqlite",
        "secret.txt",
        f"{'a' * 3_000}.html",
    ],
)
def test_only_the_pages_of_the_desk_are_served(served: Served, folder: Path, name: str) -> None:
    (folder / "secret.txt").write_text("s", "utf-8")
    assert served.status_of("GET", f"/{served.token}/{name}") == 404
    assert served.status_of("GET", f"/{served.token}/a.txt.html") == 200


def test_a_change_from_another_page_is_refused(served: Served, folder: Path) -> None:
    (report, start, end), key = findings_of(folder)[0]
    path = f"/{served.token}/api/checks"
    body = {"report": report, "start": start, "end": end, "key": key, "labels": ["failure"]}
    other_origin = {"Origin": "http://evil.example"}
    other_host = {"Host": "evil.example"}
    assert served.status_of("POST", path, body, other_origin) == 403
    assert served.status_of("POST", path, {**body, "labels": "maybe"}) == 400
    assert served.status_of("POST", path, body, other_host) == 403
    assert Desk(folder, "AB").store.last == 0


def test_findings_are_checked_on_the_page_and_kept_beside_it(
    folder: Path, browser: Browser, axe: Axe
) -> None:
    served = Served(folder)
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page = browser.new_page(bypass_csp=False)
    page.set_default_timeout(8_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", listen)
    page.goto(f"{served.link}#view=findings&order=report")
    confirm = page.locator(".decide button[value=confirmed]")
    confirm.first.focus()
    page.keyboard.press("Enter")  # by keyboard alone
    page.locator(".decide .state", has_text="confirmed by AB").wait_for()
    page.locator(".decide button[value=note]").first.click()
    page.keyboard.type("Ask the ministry")
    page.keyboard.press("Control+Enter")
    page.locator(".decide .state", has_text="Ask the ministry").wait_for()
    page.locator(".decide button[value=note]").nth(1).click()
    page.locator(".decide textarea:visible").fill("To do #Shelters")
    page.keyboard.press("Control+Enter")
    page.locator(".decide .state", has_text="#Shelters").wait_for()
    page.locator(".decide button[value=note]").first.click()
    page.locator(".decide button[value='code shelters']:visible").first.click()  # not typed twice
    page.locator(".decide .state", has_text="Ask the ministry #shelters").wait_for()
    page.locator("[name=words]").fill("#shelters")
    page.wait_for_function("document.querySelectorAll('.found > li').length === 2")
    page.locator("[name=words]").fill("#shelter")  # a code is whole
    page.wait_for_function("document.querySelectorAll('.found > li').length === 0")
    page.locator("[name=words]").fill("")
    desk = Desk(folder, "CD")
    one = desk.state()["checks"][0]["people"]["AB"]
    assert (one["verdict"], one["note"]) == ("confirmed", "Ask the ministry #shelters")
    check(desk, findings_of(folder)[1], "rejected")  # a colleague
    page.locator(".decide button[value=correct]").first.click()
    page.locator('.decide button[value="label C"]').first.click()
    page.locator(".state", has_text="corrected to positive effort and complicity by AB").wait_for()
    page.locator('.decide button[value="label C"]').first.click()
    page.locator(".decide .state", has_text="confirmed by AB").wait_for()
    page.locator("td[data-checked='1 as checked']").first.wait_for()
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.locator(".decide .state", has_text="rejected by CD").wait_for()
    confirm.first.click()  # once more takes it back
    page.locator(".decide button[value=confirmed][aria-pressed=true]").wait_for(state="detached")
    assert "AB" in desk.state()["checks"][0]["people"]  # with a note alone
    page.close()
    assert complaints == []
    looked = browser.new_page(bypass_csp=True)
    looked.goto(f"{served.link}#view=findings&order=report")
    looked.locator(".decide button[value=correct]").first.click()
    looked.evaluate(axe.axe_script)
    rules = {"include": [[".decide"]]}
    broken = looked.evaluate("async (rules) => (await axe.run(rules)).violations", rules)
    assert summarize_violations(broken) == []
    looked.close()
