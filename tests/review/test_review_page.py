"""The page of ``tipclassify review`` in a browser: real server, real keys. Skipped where no Chromium is installed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import review_client

pytest.importorskip("starlette", reason="needs the extra review")
pytest.importorskip("uvicorn", reason="needs the extra review")
pytest.importorskip("jinja2", reason="needs the extra review")

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
REPORT = SAMPLES / "karvonia-2024.html"
EXCERPT = SAMPLES / "excerpt.txt"
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
LETTERS = {"positive_effort": "p", "failure": "f", "complicity": "c"}

Open = Callable[..., Any]


class Reviewer(review_client.Reviewer):
    """The client with the fast model and patience: a page waits seconds between requests and closes first."""

    def __init__(self, *args: object) -> None:
        self.contexts: list[Any] = []
        super().__init__("--model", "fast", *args)

    def end(self) -> str:
        for context in getattr(self, "contexts", ()):
            context.close()
        return super().end()


@pytest.fixture(scope="module")
def desk(
    browser: Any,  # noqa: ARG001  # no browser, no server
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reviewer]:
    """A server for the tests that only look, or undo what they do."""
    folder = tmp_path_factory.mktemp("desk")
    with Reviewer(REPORT, EXCERPT, "--corpus", folder / "c.jsonl", "--annotator", "ana") as one:
        yield one


@pytest.fixture(scope="module")
def encoder(
    browser: Any,  # noqa: ARG001  # no browser, no server
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reviewer]:
    """A server of an encoder, whose reasons do not add up."""
    folder = tmp_path_factory.mktemp("encoder")
    with Reviewer(EXCERPT, "--model", TINY, "--corpus", folder / "c.jsonl", "--annotator", "ana") as one:
        yield one


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Open the page of a server. Errors in the console, and requests to anything but that server, fail the test."""
    asked: list[str] = []
    wrong: list[str] = []
    allowed: set[str] = set()
    contexts = []

    def open_page(
        server: Reviewer,
        width: int = 1440,
        dark: bool = False,
        height: int = 900,
        decisions: Callable[[Any], None] | None = None,
        **more: Any,
    ) -> Any:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **more)
        contexts.append(context)
        server.contexts.append(context)
        allowed.add(server.origin)
        tab = context.new_page()
        if decisions:  # answers them in the server's place; set before the page is there, or the first slips through
            tab.route("**/api/decisions", decisions)
        tab.set_default_timeout(8_000)
        tab.expected = ()  # what the console may say all the same

        def listen(said: Any) -> None:
            if said.type == "error" and not said.text.startswith(tab.expected) and server.process.poll() is None:
                wrong.append(f"{said.text} ({said.location.get('url')})")

        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", listen)
        tab.goto(server.link)
        tab.locator("#now .text").wait_for()
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert {"/".join(url.split("/")[:3]) for url in asked if not url.startswith("data:")} <= allowed
    assert wrong == []


def place(tab: Any) -> str:
    return str(tab.locator("#here .facts").inner_text())


def until(tab: Any, script: str, given: Any = None) -> None:
    """Wait for a script to give true. (Playwright's own way compiles it in the page, which the policy forbids.)"""
    end = time.monotonic() + 8
    while not tab.evaluate(script, given):
        assert time.monotonic() < end, f"still not: {script}"
        tab.wait_for_timeout(20)


def settled(tab: Any) -> None:
    until(tab, "!document.body.classList.contains('unsaved')")


def saved(tab: Any) -> None:
    until(tab, "document.getElementById('saved').textContent.startsWith('Saved ')")


def pressed(tab: Any) -> set[str]:
    names = tab.locator(".label[aria-pressed=true]").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-keyshortcuts'))"
    )
    return {name.lower() for name in names}


@pytest.fixture(scope="module")
def school(
    browser: Any,  # noqa: ARG001  # no browser, no server
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reviewer]:
    """A server with all of a report decided and little to train on besides."""
    folder = tmp_path_factory.mktemp("school")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv(
        "XDG_CACHE_HOME", str(folder / "cache")
    )  # what the encoder read before would make it too quick to stop
    kinds = {
        "Police arrested {} traffickers.": ["positive_effort"],
        "The ministry failed to open {} shelters.": ["failure"],
        "Border guards took bribes from {} recruiters.": ["complicity"],
        "Traffickers exploit {} women in bars.": [],
    }
    rows = [
        {"id": f"t{n}-{kind}", "text": text.format(n + 2), "labels": labels}
        for n in range(8)
        for kind, (text, labels) in enumerate(kinds.items())
    ]
    (folder / "base.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    given = ("--annotator", "ana", "--train-data", folder / "base.jsonl")
    with Reviewer(EXCERPT, "--corpus", folder / "c.jsonl", *given) as server:
        for passage in server.passages():
            server.post("/api/decisions", key=passage["key"], labels=passage["labels"])
        yield server
    monkeypatch.undo()


def test_retraining_can_be_stopped_and_started_again(opened: Open, school: Reviewer) -> None:
    tab = opened(school)
    tab.get_by_role("button", name="Retrain").click()
    tab.get_by_role("button", name="Retrain the model").click()
    tab.get_by_role("button", name="Stop").click()
    start = tab.get_by_role("button", name="Retrain the model")
    start.wait_for()
    assert school.get("/api/retrain")["state"] == "idle"
    plan = tab.locator("#retrain-body").inner_text()
    assert f"Adapts the model default to the {school.get('/api/retrain')['decided']} decided passages" in plan
    assert "Fewer than 100 decided passages change little." in plan
    start.click()  # what it brings, the last but one test looks at
    tab.locator("#retrain-done").wait_for()
    assert school.get("/api/retrain")["state"] == "running"
    tab.reload()
    tab.locator("#retrain-done").wait_for()  # it goes on, and the page shows it again
    assert re.fullmatch(r"([\d,]+ of [\d,]+, )?about \d+ seconds so far", tab.locator("#retrain-left").inner_text())
    tab.locator("nav [data-view=reading]").click()
    tab.locator("#retrain-dot").wait_for()  # the bar above tells it in other views too


# ------------------------------------------------------------------------------------------------- an analyst's day


def test_ten_passages_by_keyboard_undo_reload_and_resume(opened: Open, tmp_path: Path) -> None:
    with Reviewer(REPORT, "--corpus", tmp_path / "c.jsonl", "--annotator", "ana") as server:
        passages = server.passages()
        tab = opened(server)
        for number in range(10):  # two keys a correction, one a confirmation
            tab.keyboard.press("f") if number % 2 else tab.keyboard.press("Enter")
            if number % 2:
                tab.keyboard.press("j")
        assert place(tab).startswith("11 of ")
        saved(tab)
        found = server.passages()[:10]
        for number, (before, after) in enumerate(zip(passages, found, strict=False)):
            expected = set(before["labels"]) ^ ({"failure"} if number % 2 else set())
            assert set(after["decision"]["labels"]) == expected
        assert [p["decision"] for p in server.passages()[10:]] == [None] * (len(passages) - 10)
        assert tab.locator("#progress-text").inner_text() == f"10 of {len(passages)} decided"

        tab.keyboard.press("u")  # takes the tenth back, and goes there
        assert place(tab).startswith("10 of ")
        settled(tab)
        assert server.passages()[9]["decision"] is None

        tab.reload()
        tab.locator("#now .text").wait_for()
        assert place(tab).startswith("10 of ")
        tab.keyboard.press("u")  # undo reaches back over a reload
        settled(tab)
        assert [bool(p["decision"]) for p in server.passages()[:10]] == [True] * 8 + [False] * 2
        assert place(tab).startswith("9 of ")

        other = opened(server)  # a browser that was never here starts where work is left
        assert place(other).startswith("9 of ")


def test_toggles_none_and_the_mouse(opened: Open, desk: Reviewer) -> None:
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


def pressed_labels(server: Reviewer, number: int) -> list[str]:
    labels: list[str] = server.passages()[number]["decision"]["labels"]
    return labels


def test_keys_rest_while_somebody_types_or_holds_control(opened: Open, desk: Reviewer) -> None:
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


def test_help_names_every_key_and_can_switch_letters_off(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    tab.keyboard.press("?")
    keys = set(tab.locator("#all-keys kbd").all_inner_texts())
    assert keys >= set("PFCNJKURGQAL/?12") | {"Enter", "Esc", "Shift", "Space", "↓", "↑"}
    tab.get_by_label("Single-letter keys are on").uncheck()
    tab.keyboard.press("Escape")
    tab.keyboard.press("f")
    assert tab.locator("#saved").inner_text() == "All saved"
    tab.keyboard.press("ArrowDown")  # no letter
    assert place(tab).startswith("2 of ")


def test_filters_count_what_they_leave_and_rows_stay_until_asked(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    passages = desk.get(f"/api/reports/{desk.get('/api/session')['reports'][0]['id']}")["passages"]

    def rows() -> int:
        return int(tab.locator(".row").count())

    assert rows() == len(passages)
    tab.locator("input[name=labels][value=failure]").check(force=True)
    assert rows() == sum("failure" in p["labels"] for p in passages)
    tab.locator("input[name=labels][value=none]").check(force=True)
    assert rows() == sum("failure" in p["labels"] or not p["labels"] for p in passages)
    tab.locator("#clear").click()
    tab.get_by_label(re.compile("^Low confidence")).check(force=True)
    assert rows() == sum(p["low_confidence"] for p in passages) > 0
    tab.locator("#clear").click()
    tab.keyboard.press("/")
    tab.keyboard.type("SHELTER")
    expected = [p["number"] for p in passages if "shelter" in p["text"].lower()]
    until(
        tab, "n => [...document.querySelectorAll('.row .number')].filter(e => e.innerText).length === n", len(expected)
    )
    assert [int(n) for n in tab.locator(".row .number").all_inner_texts()] == expected
    here = int(place(tab).split()[0])  # where the filter before led; typing moves nobody
    tab.keyboard.press("Enter")  # back from the search to the list, at the next of its rows
    assert place(tab).startswith(f"{next((n for n in expected if n >= here), expected[0])} of ")
    tab.get_by_label(re.compile("^Undecided")).check(force=True)
    tab.keyboard.press("n")
    settled(tab)
    assert rows() == len(expected)  # the row stays under the hand
    tab.locator("#again").click()
    assert rows() == len(expected) - 1
    tab.keyboard.press("u")
    settled(tab)
    assert all(p["decision"] is None for p in desk.passages())


def go_to(tab: Any, server: Reviewer, passage: dict[str, Any]) -> dict[str, Any]:
    """Go to a passage of the first report; return the server's reasons."""
    report = server.get("/api/session")["reports"][0]["id"]
    tab.evaluate("hash => { location.hash = hash }", f"reading/{report}/{passage['key']}")
    until(tab, "n => document.querySelector('#here .facts').textContent.startsWith(n + ' of ')", passage["number"])
    explained: dict[str, Any] = server.get(f"/api/reasons/{passage['key']}")["labels"]
    return explained


@pytest.mark.parametrize("server", ["desk", "encoder"])
def test_a_passage_without_labels_can_be_asked_why_not_and_the_heading_has_its_part(
    opened: Open, server: str, request: pytest.FixtureRequest
) -> None:
    one = request.getfixturevalue(server)
    tab = opened(one)
    passage = next(p for p in one.passages() if not p["labels"] and p["section"])
    explained = go_to(tab, one, passage)
    tab.keyboard.press("r")
    for label, reason in explained.items():
        tab.locator(f".pick:has(b.{LETTERS[label].upper()})").click()
        tab.locator(f"#panel-body h2 b.{LETTERS[label].upper()}").wait_for()
        assert "is under the threshold" in tab.locator("#panel-body").inner_text()
        row = tab.locator("#panel-body .sum tr", has_text=f"The heading “{passage['section']}”")
        if abs(reason["heading"]) < 0.005:
            assert row.count() == 0
        else:
            shown = float(row.locator("td").inner_text().replace("−", "-"))
            assert shown == pytest.approx(reason["heading"], abs=0.0051)


def test_reasons_add_up_and_stand_in_the_text(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    passage = next(p for p in desk.passages() if len(p["labels"]) > 1)
    explained = go_to(tab, desk, passage)
    tab.keyboard.press("r")
    for label in explained:
        tab.locator(f".pick:has(b.{LETTERS[label].upper()})").click()
        tab.locator(f"#panel-body h2 b.{LETTERS[label].upper()}").wait_for()
        cells = tab.locator("#panel-body .sum td").all_inner_texts()
        *parts, total = [float(cell.replace("−", "-")) for cell in cells[:-1]]
        assert sum(parts) == pytest.approx(total, abs=1e-9)
        assert total == pytest.approx(explained[label]["total"], abs=0.006)
        assert tab.locator("#now .text").inner_text() == passage["text"]
        marked = set(tab.locator("#now .phrase").all_inner_texts())
        assert {" ".join(text.split()) for text in marked} == set(
            tab.locator("#panel-body .sum .words").all_inner_texts()
        )
    tab.keyboard.press("g")
    tab.locator("#panel-body .examples").wait_for()
    lead = tab.locator(".pick[aria-pressed=true] .vh").inner_text()
    assert tab.locator("#panel-body h2").inner_text().endswith(lead)


def test_offsets_count_characters_as_python_does(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    explained = {"probability": 0.5, "bias": -1.0, "total": 1.0, "spans": [{"start": 5, "end": 11, "weight": 2.0}]}
    found = tab.evaluate(
        "async ([text, given]) => (await import('/static/reasons.js')).reasonOf(text, given)",
        ["😈😈😈😈 police ran", explained],
    )
    assert [(p["text"], p["weight"]) for p in found["phrases"]] == [("police", 2.0)]
    assert found["others"] == pytest.approx(0)


def test_the_queue_says_why_and_goes_back_to_reading_order(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    first = desk.get("/api/queue?n=50")["passages"][0]
    tab.keyboard.press("q")
    tab.locator("#here .why", has_text="Why this one").wait_for()
    text = next(p["text"] for p in desk.passages() if p["key"] == first["key"])
    assert tab.locator("#now .text").inner_text() == text
    assert tab.locator(".row .why").count() == 50
    tab.keyboard.press("q")
    until(tab, "document.body.dataset.view === 'reading'")
    assert tab.locator("#now .text").inner_text() == text  # the same passage, now among its neighbours
    rows = desk.get(f"/api/reports/{first['report']}")["passages"]
    assert tab.locator(".row").count() == len(rows) != 50


def test_two_annotators_see_each_other_and_settle(opened: Open, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    with (
        Reviewer(EXCERPT, "--corpus", corpus, "--annotator", "ana") as ana,
        Reviewer(EXCERPT, "--corpus", corpus, "--annotator", "<b>ben") as ben,
    ):
        keys = [p["key"] for p in ana.passages()]
        ana.post("/api/decisions", key=keys[2], labels=["failure"])
        ana.post("/api/decisions", key=keys[4], labels=["complicity"])
        tab = opened(ana)
        row = tab.locator(".row").nth(2)
        assert "Another annotator" not in row.inner_text()
        before = place(tab)
        ben.post("/api/decisions", key=keys[2], labels=["positive_effort"])
        ben.post("/api/decisions", key=keys[4], labels=[])
        until(tab, "document.querySelectorAll('.row')[2].textContent.includes('Another annotator differs')")
        assert place(tab) == before  # nobody was moved

        tab.keyboard.press("a")
        tab.locator(".side").nth(1).wait_for()
        assert [side.strip() for side in tab.locator(".side bdi").all_inner_texts()] == ["ana", "<b>ben"]
        assert tab.locator(".row").count() == 2
        tab.keyboard.press("2")
        saved(tab)
        assert ana.passages()[2]["settled"]["labels"] == ["positive_effort"]
        tab.keyboard.press("j")
        tab.keyboard.press("f")
        tab.keyboard.press("u")
        settled(tab)
        assert ana.passages()[4]["settled"] is None
        tab.keyboard.press("Enter")  # what both agree on: nothing
        settled(tab)
        assert ana.passages()[4]["settled"]["labels"] == []

        tab.get_by_role("button", name="Agreement").click()
        figures = tab.locator("#agreement tbody tr")
        figures.nth(2).wait_for()
        agreement = ana.get("/api/agreement")
        assert f"{agreement['passages']} passages" in tab.locator("#agreement-body").inner_text()
        kappa = agreement["labels"]["failure"]["kappa"]
        assert f"{kappa:.2f}".replace("-", "−") in figures.nth(1).inner_text()
        assert "Too few passages for an interval" in figures.nth(1).inner_text()
        ana.post("/api/decisions", key=keys[5], labels=[])
        ben.post("/api/decisions", key=keys[5], labels=[])
        until(
            tab, "document.getElementById('agreement-body').textContent.includes('3 passages')"
        )  # without being asked


# ------------------------------------------------------------------------------------------------- what can go wrong


def test_nothing_counts_as_saved_until_the_server_said_so(opened: Open, tmp_path: Path) -> None:
    server = Reviewer(EXCERPT, "--corpus", tmp_path / "c.jsonl", "--annotator", "ana")
    try:
        answers: list[Any] = []
        tab = opened(server, decisions=lambda route: answers.append(route))  # held back
        tab.expected = ("Failed to load resource",)
        tab.keyboard.press("f")
        until(tab, "document.getElementById('saved').textContent === 'Saving…'")
        tab.wait_for_timeout(100)
        assert len(answers) == 1
        answers.pop().continue_()
        saved(tab)
        tab.unroute("**/api/decisions")

        server.process.kill()
        server.process.wait()
        tab.keyboard.press("j")
        tab.keyboard.press("c")
        tab.keyboard.press("j")
        tab.keyboard.press("Enter")
        tab.get_by_role("alert").get_by_text("2 changes are not saved").wait_for()
        assert tab.locator("#saved").inner_text() == "Not saved: 2"
        assert tab.locator("#saved").get_attribute("data-state") == "bad"
        assert tab.locator(".row.pending").count() == 2
        tab.locator("#trouble-next", has_text=re.compile(r"Next try in \d+ s")).wait_for()

        asked: list[str] = []
        tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        tab.close(run_before_unload=True)
        end = time.monotonic() + 5
        while not asked and time.monotonic() < end:
            tab.wait_for_timeout(50)
        assert asked == ["beforeunload"]
    finally:
        server.end()


def test_what_was_kept_is_sent_in_order_when_the_server_comes_back(opened: Open, desk: Reviewer) -> None:
    before = desk.get("/api/changes?since=0")["next"]
    tab = opened(desk, decisions=lambda route: route.fulfill(json={"saved": False}))  # no failure, but not saved
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
    for event in reversed(events):
        desk.post("/api/undo", event=event["id"])


def test_a_decision_whose_answer_was_lost_is_sent_again_and_made_once(opened: Open, desk: Reviewer) -> None:
    before = desk.get("/api/changes?since=0")["next"]
    lost: list[int] = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)  # it reaches the server,
        route.abort()  # and its answer nobody

    tab = opened(desk, decisions=lose)
    tab.expected = ("Failed to load resource",)
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
    desk.post("/api/undo", event=event["id"])


def test_a_refused_change_shows_what_the_server_holds(opened: Open, desk: Reviewer) -> None:
    answer = {"status": 409, "content_type": "application/json", "body": json.dumps({"error": "not as things stand"})}
    tab = opened(desk, decisions=lambda route: route.fulfill(**answer))
    tab.expected = ("Failed to load resource",)
    before = pressed(tab)
    tab.keyboard.press("c")
    tab.get_by_role("alert").get_by_text("not as things stand").wait_for()
    settled(tab)
    until(tab, "before => document.querySelectorAll('.label[aria-pressed=true]').length === before", len(before))
    assert pressed(tab) == before


def test_what_failed_is_said_until_somebody_goes_elsewhere_and_empty_views_say_why(
    opened: Open, desk: Reviewer, school: Reviewer
) -> None:
    tab = opened(desk, 390, height=844)
    tab.expected = ("Failed to load resource",)
    tab.locator("nav [data-view=retrain]").click()
    tab.get_by_role("button", name="Retrain the model").click()
    tab.get_by_role("alert").get_by_text("No passage is decided yet").wait_for()
    tab.locator("nav [data-view=adjudication]").click()
    tab.locator("#now").get_by_text("Nothing to settle").wait_for()
    assert tab.locator("#failure").is_hidden()
    tab = opened(school, 390, height=844)  # all is decided there
    tab.locator("nav [data-view=queue]").click()
    tab.locator("#now").get_by_text("nothing is left to decide").wait_for()


def test_a_notice_covers_nothing_that_is_pressed(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    for width, height in ((1440, 900), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        tab.keyboard.press("k")
        tab.locator("#notice", has_text="first passage").wait_for()
        said = tab.locator("#notice").bounding_box()
        boxes = [button.bounding_box() for button in tab.locator("#decide button, .bar button, .bar select").all()]
        assert any(boxes)
        for box in filter(None, boxes):
            apart = box["y"] >= said["y"] + said["height"] or box["y"] + box["height"] <= said["y"]
            assert apart or box["x"] >= said["x"] + said["width"] or box["x"] + box["width"] <= said["x"]


def test_a_hostile_report_does_nothing(opened: Open, tmp_path: Path) -> None:
    report = tmp_path / "h.html"
    lines = (
        "<img src=https://evil.example/x onerror=window.pwned=1> The government did not act.",
        "</p><script>window.pwned=2</script> Officials took bribes from traffickers.",
        '"><svg onload=window.pwned=3> Courts convicted none of them {{7*7}} ${window.pwned=4}.',
    )
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;") for line in lines]
    title = "&lt;/title&gt;&lt;script&gt;window.pwned=5&lt;/script&gt;"
    body = "".join(f"<p>{line}</p>" for line in escaped)
    report.write_text(f"<title>{title}</title><h1>{title}</h1><h2>&lt;i onclick=x&gt;</h2>{body}", "utf-8")
    with Reviewer(report, "--corpus", tmp_path / "c.jsonl", "--annotator", "<script>window.pwned=6</script>") as server:
        texts = [p["text"] for p in server.passages()]
        assert any("onerror" in text for text in texts)
        tab = opened(server)
        clean = tab.evaluate("Array.from(new Set(Array.from(document.querySelectorAll('*'), (one) => one.localName)))")
        for _ in texts:
            assert tab.locator("#now .text").inner_text() in texts
            tab.keyboard.press("r")
            tab.keyboard.press("Enter")
        for key in ("q", "a", "g", "/"):
            tab.keyboard.press(key)
        tab.keyboard.type("onerror")
        assert tab.evaluate("window.pwned") is None
        assert tab.locator("main :is(img, script, iframe, i[onclick])").count() == 0
        assert "img" not in clean


EVIL = """<!doctype html><title>evil</title>
<form id=f method=post enctype=text/plain target=sink action=ORIGIN/api/decisions><input \
name='{"key":"KEY","labels":[],"x":"' value='"}'></form>
<iframe name=sink></iframe><iframe id=frame src=ORIGIN/></iframe><img id=img src=ORIGIN/api/session>
<script src=ORIGIN/static/labels.js></script>
<script>
window.got = {};
const record = (name) => (answer) => answer.text().then((text) => (window.got[name] = \
answer.type === "opaque" ? "nothing to read" : text));
const failed = (name) => () => (window.got[name] = "refused");
const body = JSON.stringify({ key: "KEY", labels: [] });
const all = [
  fetch("ORIGIN/api/session", { credentials: "include" }).then(record("read"), failed("read")),
  fetch("ORIGIN/api/session", { credentials: "include", mode: "no-cors" }).then(record("opaque"), failed("opaque")),
  fetch("ORIGIN/api/decisions", { method: "POST", credentials: "include", mode: \
"no-cors", body }).then(record("plain"), failed("plain")),
  fetch("ORIGIN/api/decisions", { method: "POST", credentials: "include", body,
    headers: { "Content-Type": "application/json", "X-Tipclassify": "review" } }).then(record("json"), failed("json")),
];
document.getElementById("f").submit();
Promise.allSettled(all).then(() => setTimeout(() => (window.done = true), 500));
</script>"""


def test_a_hostile_page_in_another_tab_reads_and_changes_nothing(opened: Open, desk: Reviewer) -> None:
    """Of another port of this machine: the nearest that a stranger can come, since cookies know no ports."""
    page = EVIL.replace("ORIGIN", desk.origin).replace("KEY", desk.passages()[0]["key"])

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: Any) -> None:
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


# ------------------------------------------------------------------------------------------------- for everybody


def test_axe_finds_nothing(opened: Open, desk: Reviewer) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    tab = opened(desk, bypass_csp=True)  # axe is a script that the page's policy would not let in
    report = desk.get("/api/session")["reports"][1]["id"]  # the short one
    first, second = desk.get(f"/api/reports/{report}")["passages"][:2]
    event = desk.post("/api/decisions", key=second["key"], labels=["failure"])["event"]["id"]
    tab.evaluate("hash => { location.hash = hash }", f"reading/{report}/{first['key']}")

    def check(name: str) -> None:
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.wait_for_timeout(200)  # colours are on their way
            found = axe.Axe().run(tab).response["violations"]
            said = [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found]
            assert (name, scheme, said) == (name, scheme, [])

    until(tab, "n => document.querySelectorAll('.row').length === n", 7)
    tab.locator(".row").nth(1).click()
    tab.keyboard.press("r")
    tab.locator("#now .phrase").first.wait_for()
    check("reading")
    tab.keyboard.press("g")
    tab.locator("#panel-body .examples").wait_for()
    tab.set_viewport_size({"width": 390, "height": 844})
    check("telephone")
    tab.get_by_role("button", name="List", exact=True).click()
    check("list")
    tab.locator("#close-list").click()
    for view in ("agreement", "retrain"):
        tab.locator(f"nav [data-view={view}]").click()
        tab.locator(f"#{view}-body p").first.wait_for()
        check(view)
    tab.keyboard.press("?")
    check("help")
    desk.post("/api/undo", event=event)


def test_nothing_sticks_out_and_labels_are_in_reach(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    for width, height in ((1440, 900), (1024, 768), (720, 450), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
        boxes = [button.bounding_box() for button in tab.locator(".label").all()]
        assert len(boxes) == 3
        for box in boxes:
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= height  # without scrolling
        # A letter's width below the right edge of the text: the line of a passage is no longer than can be read.
        assert tab.evaluate("document.querySelector('#now .text').getBoundingClientRect().width") <= 70 * 10.5


def test_nothing_moves_under_the_hand_when_labels_change(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)

    def boxes() -> list[Any]:
        names = [".label.P", ".label.C", "#none", "#accept", "#after", "#now .text"]
        return [tab.locator(name).bounding_box() for name in names]

    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        tab.wait_for_timeout(300)
        before = boxes()
        for key in ("p", "f", "c", "n"):
            tab.keyboard.press(key)
            settled(tab)
            assert boxes() == before
        for _ in range(4):
            tab.keyboard.press("u")
        settled(tab)
        assert boxes() == before


def test_space_reads_on_in_a_long_passage(opened: Open, tmp_path: Path) -> None:
    report = tmp_path / "long.txt"
    ports = ", ".join(f"the inspector of port {n}" for n in range(2, 70))
    report.write_text(f"Officials, {ports}, took bribes from recruiters. Police arrested none of them.", "utf-8")
    with Reviewer(report, "--corpus", tmp_path / "c.jsonl", "--annotator", "ana") as server:
        tab = opened(server)

        def seen() -> float:
            """How far the end of the passage lies above the labels."""
            return float(
                tab.evaluate(
                    "document.getElementById('decide').getBoundingClientRect().top"
                    " - document.querySelector('#now .text').getBoundingClientRect().bottom"
                )
            )

        for width in (1440, 390):
            tab.set_viewport_size({"width": width, "height": 700})
            assert seen() < 0  # part of it is out of sight
            start = seen()
            for _ in range(12):
                tab.keyboard.press("Space")
            assert seen() > 0
            assert place(tab).startswith("1 of ")
            for _ in range(12):
                tab.keyboard.press("Shift+Space")
            assert seen() == start


def test_the_list_is_a_listbox_with_one_option_selected(opened: Open, desk: Reviewer) -> None:
    tab = opened(desk)
    box = tab.get_by_role("listbox", name="Passages")
    assert box.evaluate("one => one === document.activeElement")
    tab.keyboard.press("j")
    active = box.get_attribute("aria-activedescendant")
    assert tab.locator("[role=option][aria-selected=true]").get_attribute("id") == active
    name = tab.locator(f"#{active}").inner_text()
    assert "undecided" in name
    tab.locator(".label.F").focus()
    tab.keyboard.press("Space")  # a button is a button
    assert tab.locator(".label.F").evaluate("one => one === document.activeElement")
    tab.keyboard.press("u")
    settled(tab)


# ------------------------------------------------------------------------------------------------- teaching


def test_retraining_shows_its_way_and_what_it_brought(opened: Open, school: Reviewer) -> None:
    tab = opened(school)
    tab.get_by_role("button", name="Retrain").click()
    if school.get("/api/retrain")["state"] == "idle":  # this test runs alone
        tab.get_by_role("button", name="Retrain the model").click()
    tab.get_by_text("What it brought").wait_for(timeout=90_000)
    result = school.get("/api/retrain")["result"]
    shown = tab.locator("#retrain-body").inner_text()
    assert result["out"] in shown
    assert f"Trained on {result['trained_on']} passages, of which {result['added']} decided" in shown
    assert "Adapted from default" in shown
    assert ("was not measured" in shown) == (result["on_held"] is None)
    for part in (result["on_own"], result["on_held"]):
        if part is not None:
            assert part["verdict"] in shown
            assert part["where"] in shown
            assert f"{part['rows'][0]['this']:.3f}" in shown


def test_a_model_that_became_worse_is_said_to_be_before_any_figure(opened: Open, desk: Reviewer) -> None:
    rows = [
        {"figure": figure, "other": 0.9, "this": 0.8, "difference": -0.1, "interval": {"low": -0.15, "high": -0.05}}
        for figure in ("macro-F1", *LETTERS)
    ]
    part = {"where": "X", "groups": 30, "worse": True, "verdict": "The model fell. Keep yours.", "rows": rows}
    result = {"out": "m", "start": "default", "added": 5, "trained_on": 5, "held_out": 0, "on_own": None, "seconds": 4}
    state = {"state": "done", "data": [], "start": "default", "decided": 5, "error": None}
    tab = opened(desk)
    tab.route("**/api/retrain", lambda route: route.fulfill(json=state | {"result": result | {"on_held": part}}))
    tab.locator("nav [data-view=retrain]").click()
    tab.get_by_text("What it brought").wait_for()
    shown = tab.locator("#retrain-body").inner_text()
    assert 0 < shown.index("Worse. The model fell. Keep yours.") < shown.index("−0.100 (−0.150 to −0.050)")
    assert "No other labelled passages were given (--train-data)" in shown
