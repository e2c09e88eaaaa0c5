"""The page of ``tipclassify review`` in a browser: real server, real keys.

Skipped where no Chromium is installed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import pytest
from accessibility import summarize_violations
from review_client import Answer, LocalReviewer

from tipclassify import Classifier

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Dialog,
        FloatRect,
        Page,
        Route,
    )

pytest.importorskip("starlette", reason="needs the extra review")
pytest.importorskip("uvicorn", reason="needs the extra review")
pytest.importorskip("jinja2", reason="needs the extra review")

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
REPORT = SAMPLES / "karvonia-2024.html"
EXCERPT = SAMPLES / "excerpt.txt"
LETTERS = {"positive_effort": "p", "failure": "f", "complicity": "c"}
NO_ANSWER = ("Failed to load resource",)  # what the console says of a request that failed


class Serve(Protocol):
    """Starts a server of reports.

    The model is the fast one unless another is given, the corpus a new one unless one is named.
    """

    def __call__(
        self,
        *reports: Path,
        corpus: Path | None = None,
        classifier: Classifier | None = None,
        model: str = "fast",
        annotator: str = "ana",
        blind: bool = False,
    ) -> LocalReviewer: ...


class Open(Protocol):
    """Opens the page of a server in the browser.

    `decisions` answers decisions in the server's place. The console may complain in words that
    begin as one of `expected`. With options of a browser context the page gets a browser of its
    own, that was never here.
    """

    def __call__(
        self,
        server: LocalReviewer,
        width: int = 1440,
        height: int = 900,
        decisions: Callable[[Route], None] | None = None,
        expected: tuple[str, ...] = (),
        **options: str | bool,
    ) -> Page: ...


@pytest.fixture(scope="module")
def serve(
    browser: Browser,  # noqa: ARG001  # no browser, no server
    fast: Classifier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Serve:
    def start(
        *reports: Path,
        corpus: Path | None = None,
        classifier: Classifier | None = None,
        model: str = "fast",
        annotator: str = "ana",
        blind: bool = False,
    ) -> LocalReviewer:
        return LocalReviewer(
            classifier or fast,
            corpus or tmp_path_factory.mktemp("served") / "c.jsonl",
            *reports,
            annotator=annotator,
            model=model,
            blind=blind,
        )

    return start


class Pages:
    """Pages by server, and what their browser asked for and complained of.

    Those of shared servers are used again by the next test. Others are closed, since an open page
    keeps asking its server what is new.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.kept: dict[str, Page] = {}  # by the origin of their server
        self.shared: set[str] = set()  # origins of servers that several tests use
        self.allowed: set[str] = set()  # origins of all servers
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.expected: dict[Page, tuple[str, ...]] = {}  # how complaints begin that may come

    def new(self, server: LocalReviewer, context: BrowserContext) -> Page:
        """Open an empty page that is watched."""
        self.allowed.add(server.origin)
        tab = context.new_page()
        tab.set_default_timeout(8_000)

        def listen(message: ConsoleMessage) -> None:
            if message.type == "error" and not message.text.startswith(self.expected[tab]):
                self.complaints.append(f"{message.text} ({message.location.get('url')})")

        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", listen)
        return tab


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Pages:
    return Pages(browser)


@pytest.fixture(scope="module")
def desk(serve: Serve, pages: Pages) -> LocalReviewer:
    """A server for the tests that only look, or undo what they do."""
    server = serve(REPORT, EXCERPT)
    pages.shared.add(server.origin)
    return server


@pytest.fixture
def opened(pages: Pages) -> Iterator[Open]:
    """Open the page of a server.

    Errors in the console, and requests to anything but that server, fail the test.
    """
    to_close: list[BrowserContext] = []

    def open_page(
        server: LocalReviewer,
        width: int = 1440,
        height: int = 900,
        decisions: Callable[[Route], None] | None = None,
        expected: tuple[str, ...] = (),
        **options: str | bool,
    ) -> Page:
        size = {"width": width, "height": height}
        if options or server.origin not in pages.kept:
            tab = pages.new(server, pages.browser.new_context(viewport=size, **options))
            if not options:
                pages.kept[server.origin] = tab
            if options or server.origin not in pages.shared:
                to_close.append(tab.context)
        else:  # as if the browser had never been here
            tab = pages.kept[server.origin]
            tab.unroute_all()
            tab.evaluate("sessionStorage.clear()")
            tab.set_viewport_size(size)
        pages.expected[tab] = expected
        if decisions:  # set before the page is there, or the first slips through
            tab.route("**/api/decisions", decisions)
        tab.goto(server.link)
        tab.locator("#now .text").wait_for()
        return tab

    yield open_page
    for context in to_close:
        context.close()
    for origin in pages.kept.keys() - pages.shared:
        del pages.kept[origin]
    requests = pages.requests.copy()
    complaints = pages.complaints.copy()
    pages.requests.clear()
    pages.complaints.clear()
    origins = {"/".join(url.split("/")[:3]) for url in requests if not url.startswith("data:")}
    assert origins <= pages.allowed
    assert complaints == []


def place(tab: Page) -> str:
    """Return what the page says of where one is: "7 of 60", and more."""
    return tab.locator("#here .facts").inner_text()


def until(tab: Page, script: str, argument: object = None) -> None:
    """Wait for a script to give true.

    (Playwright's own way compiles it in the page, which the policy forbids.)
    """
    end = time.monotonic() + 8
    while not tab.evaluate(script, argument):
        assert time.monotonic() < end, f"still not: {script}"
        tab.wait_for_timeout(20)


def until_at(tab: Page, number: int) -> None:
    """Wait until the passage of this number is in the middle."""
    facts = "document.querySelector('#here .facts').textContent"
    until(tab, f"number => {facts}.startsWith(number + ' of ')", number)


def until_rows(tab: Page, number: int) -> None:
    """Wait until the list has so many rows."""
    until(tab, "number => document.querySelectorAll('.row').length === number", number)


def until_numbered_rows(tab: Page, number: int) -> None:
    """Wait until the list has so many rows with the number of a passage."""
    numbers = "[...document.querySelectorAll('.row .number')].filter(each => each.innerText)"
    until(tab, f"number => {numbers}.length === number", number)


def boxes_of(tab: Page, selector: str) -> list[FloatRect]:
    """Return the boxes of the elements that are shown."""
    shown = "each => each.offsetParent || each.id === 'notice'"
    box = "each => each.getBoundingClientRect().toJSON()"
    boxes: list[FloatRect] = tab.locator(selector).evaluate_all(
        f"all => all.filter({shown}).map({box})"
    )
    return boxes


def settled(tab: Page) -> None:
    """Wait until no change of the page is unsaved."""
    until(tab, "!document.body.classList.contains('unsaved')")


def saved(tab: Page) -> None:
    """Wait until the page says that all is saved."""
    until(tab, "document.getElementById('saved').textContent.startsWith('Saved ')")


def pressed(tab: Page) -> set[str]:
    """Return the keys of the labels that are pressed."""
    keys = tab.locator(".label[aria-pressed=true]").evaluate_all(
        "all => all.map((label) => label.getAttribute('aria-keyshortcuts'))"
    )
    return {key.lower() for key in keys}


# --------------------------------------------------------------------------------- an analyst's day


def test_six_passages_by_keyboard_undo_reload_and_resume(opened: Open, serve: Serve) -> None:
    server = serve(REPORT)
    passages = server.passages()
    tab = opened(server)
    for number in range(6):  # two keys a correction, one a confirmation
        keys = ("f", "j") if number % 2 else ("Enter",)
        for key in keys:
            tab.keyboard.press(key)
    assert place(tab).startswith("7 of ")
    saved(tab)
    decided = server.passages()[:6]
    for number, (before, after) in enumerate(zip(passages, decided, strict=False)):
        expected = set(before["labels"]) ^ ({"failure"} if number % 2 else set())
        assert set(after["decision"]["labels"]) == expected
    assert all(p["decision"] is None for p in server.passages()[6:])
    assert tab.locator("#progress-text").inner_text() == f"6 of {len(passages)} decided"

    tab.keyboard.press("u")  # takes the sixth back, and goes there
    until_at(tab, 6)
    settled(tab)
    assert server.passages()[5]["decision"] is None

    tab.reload()
    tab.locator("#now .text").wait_for()
    assert place(tab).startswith("6 of ")
    tab.keyboard.press("u")  # undo reaches back over a reload
    until_at(tab, 5)
    settled(tab)
    is_decided = [p["decision"] is not None for p in server.passages()[:6]]
    assert is_decided == [True, True, True, True, False, False]
    assert place(tab).startswith("5 of ")

    other = opened(server, locale="en")  # a browser that was never here starts where work is left
    assert place(other).startswith("5 of ")


def test_toggles_none_and_the_mouse(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)
    start = pressed(tab)
    tab.keyboard.press("c")
    assert pressed(tab) == start ^ {"c"}
    tab.keyboard.press("n")
    assert pressed(tab) == set()
    tab.locator(".label.P").click()
    assert pressed(tab) == {"p"}
    saved(tab)
    tab.keyboard.press("Enter")  # after a click too: on to the next, not the button once more
    assert place(tab).startswith("2 of ")
    assert pressed_labels(desk, 0) == ["positive_effort"]
    for _ in range(3):
        tab.keyboard.press("u")
    settled(tab)
    assert desk.passages()[0]["decision"] is None
    assert pressed(tab) == start


def pressed_labels(server: LocalReviewer, number: int) -> list[str]:
    """Return the labels that a passage was given."""
    labels: list[str] = server.passages()[number]["decision"]["labels"]
    return labels


def test_keys_rest_while_somebody_types_or_holds_control(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)
    tab.keyboard.press("/")
    tab.keyboard.type("police fcnj")
    assert tab.locator("#search").input_value() == "police fcnj"
    tab.keyboard.press("Escape")
    assert tab.locator("#search").input_value() == ""
    for key in ("Control+f", "Meta+p", "Alt+c", "Control+Enter"):
        tab.keyboard.press(key)
    tab.keyboard.press("?")
    tab.keyboard.press("f")
    tab.keyboard.press("?")
    assert place(tab).startswith("1 of ")
    assert desk.passages()[0]["decision"] is None
    assert tab.locator("#saved").inner_text() == "All saved"


def test_help_names_every_key_and_can_switch_letters_off(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)
    tab.keyboard.press("?")
    keys = set(tab.locator("#all-keys kbd").all_inner_texts())
    assert keys >= set("PFCNSMJKURGLQAV/?12") | {"Enter", "Esc", "Shift", "Space", "↓", "↑"}
    tab.get_by_label("Single-letter keys are on").uncheck()
    tab.keyboard.press("Escape")
    tab.keyboard.press("f")
    assert tab.locator("#saved").inner_text() == "All saved"
    tab.keyboard.press("ArrowDown")  # no letter
    assert place(tab).startswith("2 of ")


def test_filters_count_what_they_leave_and_rows_stay_until_asked(
    opened: Open, desk: LocalReviewer
) -> None:
    tab = opened(desk)
    report = desk.get("/api/session")["reports"][0]["id"]
    passages = desk.get(f"/api/reports/{report}")["passages"]

    def rows() -> int:
        return int(tab.locator(".row").count())

    assert rows() == len(passages)
    tab.locator("input[name=labels][value=failure]").check(force=True)
    assert rows() == sum("failure" in p["labels"] for p in passages)
    tab.locator("input[name=labels][value=none]").check(force=True)
    assert rows() == sum("failure" in p["labels"] or not p["labels"] for p in passages)
    tab.locator("#clear").click()
    tab.locator("#filters summary").click()
    tab.get_by_label(re.compile("^Doubtful")).check(force=True)
    low_confidence = sum(p["low_confidence"] for p in passages)
    assert low_confidence > 0
    assert rows() == low_confidence
    tab.locator("#clear").click()
    tab.keyboard.press("/")
    tab.keyboard.type("SHELTER")
    expected = [p["number"] for p in passages if "shelter" in p["text"].lower()]
    until_numbered_rows(tab, len(expected))
    assert [int(n) for n in tab.locator(".row .number").all_inner_texts()] == expected
    here = int(place(tab).split()[0])  # where the filter before led; typing moves nobody
    tab.keyboard.press("Enter")  # back from the search to the list, at the next of its rows
    later = [number for number in expected if number >= here]
    following = later[0] if later else expected[0]
    assert place(tab).startswith(f"{following} of ")
    tab.get_by_label(re.compile("^Undecided")).check(force=True)
    tab.keyboard.press("n")
    settled(tab)
    assert rows() == len(expected)  # the row stays under the hand
    tab.locator("#again").click()
    assert rows() == len(expected) - 1
    tab.keyboard.press("u")
    settled(tab)
    assert all(p["decision"] is None for p in desk.passages())


def go_to(tab: Page, server: LocalReviewer, passage: Answer) -> dict[str, Answer]:
    """Go to a passage of the first report; return the server's reasons by label."""
    report = server.get("/api/session")["reports"][0]["id"]
    tab.evaluate("hash => { location.hash = hash }", f"reading/{report}/{passage['key']}")
    facts = "document.querySelector('#here .facts').textContent"
    until(tab, f"number => {facts}.startsWith(number + ' of ')", passage["number"])
    reasons: dict[str, Answer] = server.get(f"/api/reasons/{passage['key']}")["labels"]
    return reasons


def test_a_passage_without_labels_can_be_asked_why_not_and_the_heading_has_its_part(
    opened: Open, desk: LocalReviewer
) -> None:
    tab = opened(desk)
    passage = next(p for p in desk.passages() if not p["labels"] and p["section"])
    reasons = go_to(tab, desk, passage)
    tab.keyboard.press("r")
    headings = 0
    for label in reasons:
        tab.locator(f".pick:has(b.{LETTERS[label].upper()})").click()
        tab.locator(f"#reasons-table h2 b.{LETTERS[label].upper()}").wait_for()
        assert "is under the threshold" in tab.locator("#panel-body").inner_text()
        row = tab.locator("#panel-body .sum tr", has_text=f"The heading “{passage['section']}”")
        headings += row.count()
    assert headings


def test_reasons_stand_beside_the_passage_and_in_its_text(
    opened: Open, desk: LocalReviewer
) -> None:
    tab = opened(desk)
    passage = next(p for p in desk.passages() if len(p["labels"]) > 1)
    reasons = go_to(tab, desk, passage)
    tab.keyboard.press("r")
    for label in reasons:
        tab.locator(f".pick:has(b.{LETTERS[label].upper()})").click()
        tab.locator(f"#reasons-table h2 b.{LETTERS[label].upper()}").wait_for()
        assert tab.locator("#now .text").inner_text() == passage["text"]
        marked = {" ".join(text.split()) for text in tab.locator("#now .phrase").all_inner_texts()}
        assert marked == set(tab.locator("#panel-body .sum .words").all_inner_texts())
    tab.keyboard.press("g")
    tab.locator(".examples:visible").wait_for()
    lead = tab.locator(".pick[aria-pressed=true] .vh").inner_text()
    assert tab.locator("#panel-codebook h2:visible").inner_text().endswith(lead)


def test_the_queue_says_why_and_goes_back_to_reading_order(
    opened: Open, desk: LocalReviewer
) -> None:
    tab = opened(desk)
    first = desk.get("/api/queue")["passages"][0]
    tab.keyboard.press("q")
    tab.locator("#here .why", has_text="Why this one").wait_for()
    text = next(p["text"] for p in desk.passages() if p["key"] == first["key"])
    assert tab.locator("#now .text").inner_text() == text
    assert tab.locator(".row .why").count() == 50
    tab.keyboard.press("q")
    until(tab, "document.body.dataset.view === 'reading'")
    # the same passage, now among its neighbours
    assert tab.locator("#now .text").inner_text() == text
    rows = desk.get(f"/api/reports/{first['report']}")["passages"]
    until_rows(tab, len(rows))
    assert len(rows) != 50


def look(tab: Page) -> None:
    """Have the page ask what others did, as it does every few seconds and on return to it."""
    tab.evaluate("dispatchEvent(new Event('focus'))")


def test_colleagues_are_hidden_until_one_decided_then_differ_and_are_settled(
    opened: Open, serve: Serve, tmp_path: Path
) -> None:
    corpus = tmp_path / "c.jsonl"
    ana = serve(EXCERPT, corpus=corpus)
    ben = serve(EXCERPT, corpus=corpus, annotator="<b>ben")
    keys = [p["key"] for p in ana.passages()]
    ben.post("/api/decisions", key=keys[0], labels=["complicity"])
    tab = opened(ana)
    status = tab.locator("#status")
    hidden = "1 colleague decided on this passage; shown once you have."
    assert hidden in status.inner_text()
    assert "ben" not in tab.locator("#middle").inner_text()
    before = pressed(tab)
    # the first label is not saved yet: its answer would show ben's before the second
    tab.keyboard.press("f")
    tab.keyboard.press("c")
    assert "Not saved yet" in status.inner_text()
    assert ana.get("/api/changes?since=0")["next"] == 1
    tab.keyboard.press("j")
    saved(tab)
    (event,) = ana.get("/api/changes?since=1")["events"]
    assert {LETTERS[label] for label in event["labels"]} == before ^ {"f", "c"}
    assert event["blind"] == ["colleagues"]
    tab.keyboard.press("k")
    tab.locator("#status", has_text="<b>ben says").wait_for()

    ana.post("/api/decisions", key=keys[2], labels=["failure"])
    ana.post("/api/decisions", key=keys[4], labels=["complicity"])
    row = tab.locator(".row").nth(2)
    here = place(tab)
    assert "Another annotator" not in row.inner_text()
    ben.post("/api/decisions", key=keys[2], labels=["positive_effort"])
    ben.post("/api/decisions", key=keys[4], labels=[])
    look(tab)
    third_row = "document.querySelectorAll('.row')[2].textContent"
    until(tab, f"{third_row}.includes('Another annotator differs')")
    assert place(tab) == here  # nobody was moved

    tab.keyboard.press("a")
    tab.locator(".side").nth(1).wait_for()
    sides = [side.strip() for side in tab.locator(".side bdi").all_inner_texts()]
    assert sides == ["ana", "<b>ben"]
    until_rows(tab, 3)
    tab.keyboard.press("j")
    tab.keyboard.press("2")
    saved(tab)
    assert ana.passages()[2]["settled"]["labels"] == ["positive_effort"]
    tab.keyboard.press("j")
    tab.keyboard.press("f")
    tab.keyboard.press("u")
    settled(tab)
    assert ana.passages()[4]["settled"] is None
    tab.keyboard.press("Enter")  # neither gave "no label": nothing is proposed
    tab.locator("#notice", has_text="choose a side").wait_for()
    assert tab.locator("#accept").is_disabled()
    assert ana.passages()[4]["settled"] is None
    tab.keyboard.press("n")
    settled(tab)
    assert ana.passages()[4]["settled"]["labels"] == []

    tab.get_by_role("button", name="Agreement").click()
    independent = tab.get_by_role("region", name="Agreement of independent decisions")
    figures = independent.locator("tbody tr")
    figures.nth(2).wait_for()
    agreement = ana.get("/api/agreement")
    shared = agreement["passages"]
    shown = tab.locator("#agreement-body").inner_text()
    assert f"{shared} passages" in shown
    without_seeing = f"6 of 6 decisions on {shared} shared passages were made without seeing"
    assert f"{without_seeing} a colleague’s" in shown
    progress = tab.locator("#progress-by tbody tr").all_inner_texts()[1]
    assert " ".join(progress.split()) == "ana (you) 3 of 7 0 4 0"
    kappa = agreement["labels"]["failure"]["kappa"]
    assert f"{kappa + 0.0:.2f}".replace("-", "−") in figures.nth(1).inner_text()
    assert "Too few passages for an interval" in figures.nth(1).inner_text()
    ana.post("/api/decisions", key=keys[2], labels=["positive_effort"])  # having seen ben's
    ben.post("/api/decisions", key=keys[5], labels=[])
    ana.post("/api/decisions", key=keys[5], labels=[])
    look(tab)
    tab.locator("#independence", has_text="7 of 8 decisions").wait_for()  # without being asked
    assert "1 was made after seeing a colleague’s" in tab.locator("#independence").inner_text()


def test_who_settles_without_deciding_asks_to_see_and_the_model_is_hidden_from_the_blind(
    opened: Open, serve: Serve, tmp_path: Path
) -> None:
    corpus = tmp_path / "c.jsonl"
    ana = serve(EXCERPT, corpus=corpus)
    ben = serve(EXCERPT, corpus=corpus, annotator="ben")
    eve = serve(EXCERPT, corpus=corpus, annotator="eve", blind=True)
    keys = [p["key"] for p in ana.passages()]
    ana.post("/api/decisions", key=keys[3], labels=["failure"])
    ben.post("/api/decisions", key=keys[3], labels=[])
    tab = opened(eve)
    assert tab.locator(".row .marks b").count() == 0
    assert "hidden" in tab.locator(".label.P .silence").inner_text()
    assert "The model’s reasons are hidden" in tab.locator("#panel-body").inner_text()
    tab.keyboard.press("Enter")
    tab.locator("#notice", has_text="choose labels").wait_for()  # there is nothing to accept
    tab.locator(".label.P").click()
    tab.locator("#accept").click()
    saved(tab)
    (decision,) = eve.get("/api/changes?since=2")["events"]
    assert decision["blind"] == ["colleagues", "model"]
    tab.keyboard.press("k")
    tab.locator(".label.P .model").wait_for()
    tab.locator("nav [data-view=adjudication]").click()
    tab.locator("#status", has_text="hidden until you have decided").wait_for()
    tab.keyboard.press("n")
    tab.locator("#notice", has_text="show it first").wait_for()
    tab.locator("#reveal").click()
    tab.locator(".side").nth(1).click()
    settled(tab)
    later = eve.get("/api/changes?since=3")["events"]
    assert [event["kind"] for event in later] == ["look", "settle"]


# ---------------------------------------------------------------------------- notes, doubts, search


@pytest.fixture(scope="module")
def notebook(serve: Serve, pages: Pages) -> LocalReviewer:
    """A server for notes, each test's on another passage."""
    server = serve(EXCERPT)
    pages.shared.add(server.origin)
    return server


WAYS_TO_LEAVE_A_NOTE = ("Escape", "#after", "#tab-reasons", "#close-panel", "reload", "q")


@pytest.mark.parametrize(("number", "leave"), list(enumerate(WAYS_TO_LEAVE_A_NOTE)))
def test_a_note_that_was_typed_is_kept_however_one_leaves_it(
    opened: Open, notebook: LocalReviewer, number: int, leave: str
) -> None:
    tab = opened(notebook)
    key = notebook.passages()[number]["key"]
    for _ in range(number):
        tab.keyboard.press("j")
    tab.keyboard.press("m")
    tab.locator("#note").type("Ask the ministry")
    if leave == "reload":
        tab.evaluate("removeEventListener('pagehide', () => {})")
        tab.reload()
        tab.locator("#now .text").wait_for()
    elif leave == "Escape":
        tab.keyboard.press("Escape")
    # by a key, with the focus elsewhere: no event of the box says that it was left
    elif leave == "q":
        tab.evaluate("document.getElementById('rows').focus()")
        tab.keyboard.press("j")
    else:
        # the focus stays in the box
        tab.evaluate("selector => document.querySelector(selector).click()", leave)
    settled(tab)

    def notes() -> Answer:
        passage = next(p for p in notebook.passages() if p["key"] == key)
        by_annotator: Answer = passage["notes"]
        return by_annotator

    end = time.monotonic() + 8
    while not notes() and time.monotonic() < end:
        tab.wait_for_timeout(50)
    assert notes()["ana"]["note"] == "Ask the ministry"


def events_since(server: LocalReviewer, number: int) -> list[tuple[str, str | bool | int | None]]:
    """List the events after one, as kind and what it says: a note, a doubt, or what it undoes."""
    events = server.get(f"/api/changes?since={number}")["events"]
    return [
        (event["kind"], event.get("note", event.get("unsure", event.get("undoes"))))
        for event in events
    ]


@pytest.mark.parametrize("by", ["mouse", "keyboard", "touch"])
def test_doubts_and_notes_by_mouse_keyboard_and_touch(opened: Open, serve: Serve, by: str) -> None:
    server = serve(EXCERPT)
    if by == "touch":
        tab = opened(server, 390, 844, has_touch=True, is_mobile=True)
    else:
        tab = opened(server)
    begin = server.get("/api/changes?since=0")["next"]
    key = server.passages()[0]["key"]

    def do(button: str, press: str) -> None:
        """Press the button or the key, as the test does things."""
        if by == "keyboard":
            tab.keyboard.press(press)
        elif by == "touch":
            tab.locator(button).tap()
        else:
            tab.locator(button).click()
        settled(tab)

    do("#unsure", "s")
    assert " ".join(tab.locator("#status").inner_text().split()).startswith("Decided: ? Unsure")
    do("#undo", "Control+z")
    do("#unsure", "s")
    assert tab.locator("#unsure").get_attribute("aria-pressed") == "true"
    assert events_since(server, begin) == [("label", True), ("undo", begin + 1), ("label", True)]
    do("#tab-notes" if by == "mouse" else "#show-notes", "m")
    tab.keyboard.type("Ask <b>legal</b>")
    do("#save-note", "Control+Enter")
    tab.locator("#status .noted", has_text="Ask <b>legal</b>").wait_for()
    assert events_since(server, begin + 3) == [("note", "Ask <b>legal</b>")]
    if by != "touch":  # where the list has filters of its own window
        tab.locator("#filters summary").click()
        for name, rows in (("Unsure", 1), ("Noted", 1), ("Corrected", 0)):
            tab.get_by_label(re.compile(f"^{name}")).check(force=True)
            until_rows(tab, rows)
            tab.locator("#clear").click()
        progress = tab.locator("#progress-text").inner_text()
        assert progress == f"1 of {tab.locator('.row').count()} decided, 1 unsure"
    do("#after", "j")
    do("#before", "k")
    do("#tab-notes", "m")
    do("#remove-note", "Control+a")
    if by == "keyboard":
        tab.keyboard.press("Delete")
        do("", "Control+Enter")
    do("#undo", "u")  # the removal
    do("#undo", "u")  # the note
    do("#undo", "u")  # the doubt
    shown = next(p for p in server.passages() if p["key"] == key)
    assert (shown["decision"], shown["notes"]) == (None, {})


# -------------------------------------------------------------------------------- what can go wrong


def test_nothing_counts_as_saved_until_the_server_said_so(
    opened: Open, desk: LocalReviewer
) -> None:
    before = desk.get("/api/changes?since=0")["next"]
    held_back: list[Route] = []

    def hold_back(route: Route) -> None:
        held_back.append(route)

    tab = opened(desk, expected=NO_ANSWER, decisions=hold_back, locale="en")
    tab.keyboard.press("f")
    until(tab, "document.getElementById('saved').textContent === 'Saving…'")
    end = time.monotonic() + 8  # the request follows what is shown
    while not held_back and time.monotonic() < end:
        tab.wait_for_timeout(50)
    assert len(held_back) == 1
    held_back.pop().continue_()
    saved(tab)
    tab.unroute("**/api/decisions")

    tab.context.set_offline(True)
    tab.keyboard.press("j")
    tab.keyboard.press("c")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.get_by_role("alert").get_by_text("2 changes are not saved").wait_for()
    assert tab.locator("#saved").inner_text() == "Not saved: 2"
    assert tab.locator("#saved").get_attribute("data-state") == "bad"
    assert tab.locator(".row.pending").count() == 2
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.type)
        dialog.dismiss()

    tab.on("dialog", dismiss)
    tab.close(run_before_unload=True)
    end = time.monotonic() + 5
    while not dialogs and time.monotonic() < end:
        tab.wait_for_timeout(50)
    assert dialogs == ["beforeunload"]

    tab.context.set_offline(False)  # what waits is sent, and not when the next test has begun
    saved(tab)
    for _ in desk.get(f"/api/changes?since={before}")["events"]:
        desk.post("/api/undo")


def test_what_was_kept_is_sent_in_order_when_the_server_comes_back(
    opened: Open, desk: LocalReviewer
) -> None:
    before = desk.get("/api/changes?since=0")["next"]
    # no failure, but not saved
    tab = opened(desk, decisions=lambda route: route.fulfill(json={"saved": False}))
    for key in ("f", "c", "j", "n"):
        tab.keyboard.press(key)
    tab.get_by_role("alert").get_by_text("3 changes are not saved").wait_for()
    tab.unroute("**/api/decisions")
    tab.get_by_role("button", name="Try now").click()
    saved(tab)
    assert tab.locator("#trouble").is_hidden()
    events = desk.get(f"/api/changes?since={before}")["events"]
    keys = [p["key"] for p in desk.passages()]
    assert [event["key"] for event in events] == [keys[0], keys[0], keys[1]]
    assert events[-1]["labels"] == []
    for _ in events:
        desk.post("/api/undo")


def test_a_decision_whose_answer_was_lost_is_sent_again_and_made_once(
    opened: Open, desk: LocalReviewer
) -> None:
    before = desk.get("/api/changes?since=0")["next"]
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)  # it reaches the server,
        route.abort()  # and its answer nobody

    tab = opened(desk, decisions=lose, expected=NO_ANSWER)
    expected = pressed(tab) ^ {"c"}
    tab.keyboard.press("c")
    tab.get_by_role("alert").get_by_text("1 change is not saved").wait_for()
    assert lost[0] == 200
    (event,) = desk.get(f"/api/changes?since={before}")["events"]
    tab.unroute("**/api/decisions")
    tab.reload()  # what waits outlives the page, with its name
    tab.locator("#now .text").wait_for()
    saved(tab)
    assert desk.get(f"/api/changes?since={before}")["events"] == [event]
    assert {LETTERS[label] for label in desk.passages()[0]["decision"]["labels"]} == expected
    desk.post("/api/undo")


def test_a_refused_change_shows_what_the_server_holds(opened: Open, desk: LocalReviewer) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=409, json={"error": "not as things stand"})

    tab = opened(desk, decisions=refuse, expected=NO_ANSWER)
    before = pressed(tab)
    tab.keyboard.press("c")
    tab.get_by_role("alert").get_by_text("not as things stand").wait_for()
    settled(tab)
    buttons = "document.querySelectorAll('.label[aria-pressed=true]')"
    until(tab, f"number => {buttons}.length === number", len(before))
    assert pressed(tab) == before


def test_what_failed_is_said_until_somebody_goes_elsewhere_and_empty_views_say_why(
    opened: Open, serve: Serve
) -> None:
    server = serve(EXCERPT)
    for passage in server.passages():
        server.post("/api/decisions", key=passage["key"], labels=passage["labels"])
    tab = opened(server, 390, height=844, expected=NO_ANSWER)
    tab.route("**/api/agreement", lambda route: route.fulfill(status=409, json={"error": "no"}))
    tab.locator("nav [data-view=agreement]").click()
    tab.get_by_role("alert").get_by_text("No.").wait_for()
    tab.locator("nav [data-view=adjudication]").click()
    tab.locator("#now").get_by_text("Nothing to settle").wait_for()
    assert tab.locator("#failure").is_hidden()
    tab.locator("nav [data-view=queue]").click()
    tab.locator("#now").get_by_text("nothing is left to decide").wait_for()


def test_a_hostile_report_does_nothing(opened: Open, serve: Serve, tmp_path: Path) -> None:
    report = tmp_path / "h.html"
    lines = (
        "<img src=https://evil.example/x onerror=window.pwned=1> The government did not act.",
        "</p><script>window.pwned=2</script> Officials took bribes from traffickers.",
        '"><svg onload=window.pwned=3> Courts convicted none of them {{7*7}} ${window.pwned=4}.',
    )
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;") for line in lines]
    title = "&lt;/title&gt;&lt;script&gt;window.pwned=5&lt;/script&gt;"
    body = "".join(f"<p>{line}</p>" for line in escaped)
    report.write_text(
        f"<title>{title}</title><h1>{title}</h1><h2>&lt;i onclick=x&gt;</h2>{body}", "utf-8"
    )
    server = serve(report, annotator="<script>window.pwned=6</script>")
    note = "</textarea><script>window.pwned=7</script><img src=x onerror=window.pwned=8>"
    server.post("/api/decisions", kind="note", key=server.passages()[0]["key"], note=note)
    texts = [p["text"] for p in server.passages()]
    assert any("onerror" in text for text in texts)
    tab = opened(server)
    names = "Array.from(document.querySelectorAll('*'), (element) => element.localName)"
    element_names = tab.evaluate(names)
    for _ in texts:
        assert tab.locator("#now .text").inner_text() in texts
        tab.keyboard.press("r")
        tab.keyboard.press("Enter")
    tab.keyboard.press("m")
    tab.keyboard.press("Escape")
    for key in ("q", "a", "g", "h", "/"):
        tab.keyboard.press(key)
    tab.keyboard.type("onerror")
    assert tab.evaluate("window.pwned") is None
    assert tab.locator("main :is(img, script, iframe, i[onclick])").count() == 0
    assert "img" not in element_names


EVIL = """<!doctype html><title>evil</title>
<form id=f method=post enctype=text/plain target=sink action=ORIGIN/api/decisions>
<input name='{"key":"KEY","labels":[],"x":"' value='"}'></form>
<iframe name=sink></iframe><iframe id=frame src=ORIGIN/></iframe><img id=img src=ORIGIN/api/session>
<script src=ORIGIN/static/labels.js></script>
<script>
window.got = {};
const steal = (name, address, options) =>
  fetch(address, { credentials: "include", ...options }).then(
    (answer) =>
      answer.text().then((text) => {
        window.got[name] = answer.type === "opaque" ? "nothing to read" : text;
      }),
    () => {
      window.got[name] = "refused";
    },
  );
const body = JSON.stringify({ key: "KEY", labels: [] });
const headers = { "Content-Type": "application/json", "X-Tipclassify": "review" };
const all = [
  steal("read", "ORIGIN/api/session", {}),
  steal("opaque", "ORIGIN/api/session", { mode: "no-cors" }),
  steal("plain", "ORIGIN/api/decisions", { method: "POST", mode: "no-cors", body }),
  steal("json", "ORIGIN/api/decisions", { method: "POST", headers, body }),
];
document.getElementById("f").submit();
Promise.allSettled(all).then(() => setTimeout(() => (window.done = true), 500));
</script>"""


def test_a_hostile_page_in_another_tab_reads_and_changes_nothing(
    opened: Open, desk: LocalReviewer
) -> None:
    """The page is of another port of this machine.

    A stranger can come no nearer, since cookies know no ports.
    """
    page = EVIL.replace("ORIGIN", desk.origin).replace("KEY", desk.passages()[0]["key"])

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    before = desk.get("/api/changes?since=0")["next"]
    tab = opened(desk)  # the browser has the cookie
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as stranger:
        Thread(target=stranger.serve_forever, daemon=True).start()
        try:
            for host in ("localhost", "127.0.0.1"):  # of another site, and of our own
                other = tab.context.new_page()
                other.goto(f"http://{host}:{stranger.server_port}/")
                until(other, "window.done === true")
                got = other.evaluate("window.got")
                assert set(got) == {"read", "opaque", "plain", "json"}
                assert set(got.values()) <= {"refused", "nothing to read"}
                assert other.evaluate("document.getElementById('img').naturalWidth") == 0
                inside = other.frames[2].evaluate("document.body ? document.body.innerText : ''")
                assert "tipclassify" not in inside
                assert "Karvonia" not in inside
        finally:
            stranger.shutdown()
    assert desk.get("/api/changes?since=0")["next"] == before
    tab.reload()
    tab.locator("#now .text").wait_for()  # and our own page goes on


# ------------------------------------------------------------------------------------ for everybody


def test_axe_finds_nothing(opened: Open, desk: LocalReviewer, axe: Axe) -> None:
    tab = opened(desk, bypass_csp=True)  # axe is a script that the page's policy would not let in
    tab.evaluate(axe.axe_script)
    report = desk.get("/api/session")["reports"][1]["id"]  # the short one
    first, second = desk.get(f"/api/reports/{report}")["passages"][:2]
    desk.post("/api/decisions", key=second["key"], labels=["failure"])
    desk.post("/api/decisions", kind="note", key=first["key"], note="A doubt.")
    tab.evaluate("hash => { location.hash = hash }", f"reading/{report}/{first['key']}")
    # Colours alone differ in the dark. They change at once here, or axe would see them on their
    # way.
    tab.emulate_media(reduced_motion="reduce")

    def check_rules(name: str, options: dict[str, list[str]]) -> None:
        broken = tab.evaluate("async options => (await axe.run(options)).violations", options)
        assert summarize_violations(broken) == [], name

    def check(name: str, dark: bool = True) -> None:
        options: dict[str, list[str]] = {"resultTypes": ["violations"]}
        tab.emulate_media(color_scheme="light")
        check_rules(f"{name}, light", options)
        if dark:
            tab.emulate_media(color_scheme="dark")
            check_rules(f"{name}, dark", {**options, "runOnly": ["color-contrast"]})

    until_rows(tab, 7)
    tab.locator(".row").nth(1).click()
    tab.keyboard.press("r")
    tab.locator("#now .phrase").first.wait_for()
    check("reading")
    tab.locator(".row").nth(0).click()
    tab.keyboard.press("s")
    settled(tab)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.locator("#tab-notes").click()
    check("notes on a telephone", dark=False)
    tab.locator("#tab-codebook").click()
    tab.locator(".examples:visible").wait_for()
    check("telephone", dark=False)
    tab.get_by_role("button", name="List", exact=True).click()
    check("list", dark=False)
    tab.locator("#close-list").click()
    tab.locator("nav [data-view=agreement]").click()
    tab.locator("#train").wait_for()
    check("agreement")
    tab.keyboard.press("?")
    check("help", dark=False)
    for _ in range(3):
        desk.post("/api/undo")


def test_nothing_sticks_out_and_labels_are_in_reach(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)
    for width, height in ((1440, 900), (1024, 768), (720, 450), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
        # elsewhere it stands in the way until it is asked for
        assert tab.locator("#panel").is_visible() is (width == 1440)
        boxes = [button.bounding_box() for button in tab.locator(".label").all()]
        assert len(boxes) == 3
        for box in boxes:
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= height  # without scrolling
        # The line of a passage is no longer than can be read: 70 letters of 10.5 pixels.
        text_width = "document.querySelector('#now .text').getBoundingClientRect().width"
        assert tab.evaluate(text_width) <= 70 * 10.5


def test_nothing_moves_under_the_hand_when_labels_change(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)

    def boxes() -> list[FloatRect]:
        return boxes_of(
            tab, ".label.P, .label.C, #none, #unsure, #accept, #undo, #after, #now .text"
        )

    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        before = boxes()
        for key in ("p", "f", "c", "n"):
            tab.keyboard.press(key)
            settled(tab)
            assert boxes() == before
        for _ in range(4):
            tab.keyboard.press("u")
        settled(tab)
        assert boxes() == before


def test_the_list_is_a_listbox_with_one_option_selected(opened: Open, desk: LocalReviewer) -> None:
    tab = opened(desk)
    box = tab.get_by_role("listbox", name="Passages")
    assert box.evaluate("element => element === document.activeElement")
    tab.keyboard.press("j")
    active = box.get_attribute("aria-activedescendant")
    assert tab.locator("[role=option][aria-selected=true]").get_attribute("id") == active
    assert "undecided" in tab.locator(f"#{active}").inner_text()
    tab.locator(".label.F").focus()
    tab.keyboard.press("Space")  # a button is a button
    assert tab.locator(".label.F").evaluate("element => element === document.activeElement")
    tab.keyboard.press("u")
    settled(tab)
