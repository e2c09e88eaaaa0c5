"""The HTML report: whole, exact, inert, the same bytes each time; usable by all in a browser."""

from __future__ import annotations

import hashlib
import io
import re
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from accessibility import violations_of

from tipclassify import Classifier, tag_report
from tipclassify.labels import LABELS
from tipclassify.readers import read_report
from tipclassify.records import Block, Document, Passage, Report, Run
from tipclassify.reports.cite import cite
from tipclassify.reports.counts import COUNTED, Group
from tipclassify.reports.findings import natures_of, on_subject
from tipclassify.text.split import split_passages, text_document
from tipclassify.write.output import Output
from tipclassify.write.page import write_html

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
TINY = ROOT / "tests" / "files" / "tiny_encoder"
SENTENCES = (
    "Police arrested nine traffickers, but courts convicted none of them.",
    "Border guards took bribes from recruiters.",
    "The only shelter for men closed in May for want of funds.",
    "Le gouvernement ukrainien ignorait totalement ces plaintes.",
    "The capital lies on a river.",
)


def tagged(classifier: Classifier, document: Document, policy: str = "balanced") -> Report:
    """Tag the passages of a document."""
    return Report(document.source, document, classifier.tag(document, policy))


def page_of(classifier: Classifier, *reports: Report, policy: str = "balanced") -> str:
    """Return the page of some reports."""
    out = io.StringIO()
    run = classifier.run(policy)
    write_html((replace(report, run=run) for report in reports), out, Output(run))
    return out.getvalue()


def document_of(
    *paragraphs: str,
    source: str = "reports/a.pdf",
    title: str | None = None,
    country: str | None = None,
    year: int | None = None,
) -> Document:
    """Make a document of paragraphs under one heading, on two pages."""
    texts = ("PROSECUTION", *paragraphs)
    blocks = []
    start = 0
    for number, text in enumerate(texts):
        page = 1 if number <= 1 else 2
        blocks.append(Block(start, start + len(text), "prosecution", number == 0, page))
        start += len(text) + 2
    return Document("\n\n".join(texts), tuple(blocks), source, title, country, year)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """The fast model, whose reasons add up; the default's have tests of their own below."""
    return Classifier.load("fast")


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    """An encoder whose labels its training data lets one foretell."""
    return Classifier.load(TINY)


@pytest.fixture(scope="module")
def karvonia(classifier: Classifier) -> Report:
    return tagged(classifier, read_report(SAMPLES / "karvonia-2024.html"))


@pytest.fixture(scope="module")
def page(classifier: Classifier, karvonia: Report) -> str:
    return page_of(classifier, karvonia)


class Reader(HTMLParser):
    """Parser of a page.

    Keeps its blocks without the writer's additions, its highlights, and all tags with attributes.
    """

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.blocks: list[str] = []
        self.marks: dict[str, tuple[str, dict[str, str], list[str]]] = {}
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open, "an element was left open"

    def inside(self, name: str, **attributes: str) -> bool:
        return any(tag == name and attributes.items() <= given.items() for tag, given in self.open)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in self.VOID:
            self.open.append((tag, given))
        if tag in ("p", "h3") and self.in_text():
            self.blocks.append("")
        if tag == "mark" and "id" in given:
            assert given["id"] not in self.marks, "marked twice"
            self.marks[given["id"]] = ("", given, [])
        if tag == "u" and (mark := self.mark()):
            self.marks[mark][2].append(given["class"])

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text += data
        if any(tag in ("p", "h3") for tag, _ in self.open) and self.in_text():
            self.blocks[-1] += data
        if mark := self.mark():
            text, given, lines = self.marks[mark]
            self.marks[mark] = (text + data, given, lines)

    def in_text(self) -> bool:
        added = self.inside("div", **{"class": "why"}) or any(
            "tag" in given.get("class", "").split() for _, given in self.open
        )
        return self.inside("section") and self.inside("article") and not added

    def mark(self) -> str | None:
        return next(
            (given["id"] for tag, given in self.open if tag == "mark" and "id" in given), None
        )


# ----------------------------------------------------------------------------------- text and marks


@pytest.mark.parametrize("name", ["karvonia-2024.html", "karvonia-2024.txt"])
def test_the_blocks_of_the_page_are_those_of_the_document(
    classifier: Classifier, name: str
) -> None:
    document = read_report(SAMPLES / name)
    blocks = [document.text[block.start : block.end] for block in document.blocks]
    assert Reader(page_of(classifier, tagged(classifier, document))).blocks == blocks


def test_every_tagged_passage_is_marked_once_with_all_its_labels(
    page: str, karvonia: Report
) -> None:
    marks = Reader(page).marks
    expected = {f"p{number}": p for number, p in enumerate(karvonia.passages, 1) if p.labels}
    assert marks.keys() == expected.keys()
    for name, (text, given, lines) in marks.items():
        passage = expected[name]
        letters = [label[0].upper() for label in passage.labels]
        assert text == passage.text
        assert lines == letters  # a line of its own for each label, whatever the colour
        assert given["data-labels"] == "".join(letters)


def test_counts_by_section_add_up(page: str, karvonia: Report) -> None:
    assert COUNTED in page
    body = page.split('<nav class="sections"')[1].split("</nav>")[0]
    rows = [
        re.findall(r"<td[^>]*>([\d–]*)(?: \+(\d+))?</td>", row) for row in body.split("<tr>")[2:]
    ]
    *sections, total = (
        [(int(count.replace("–", "") or 0), int(tables or 0)) for count, tables in row]
        for row in rows
    )
    for place in (0, 1):  # sentences, rows of tables
        sums = [sum(section[label][place] for section in sections) for label in range(len(LABELS))]
        assert sums == [label[place] for label in total]
    group = Group.of((), karvonia.passages, natures_of(karvonia, {}))
    assert [count for count, _ in total] == [group.count(label) for label in LABELS]


def test_low_confidence_is_said_in_words(classifier: Classifier) -> None:
    reader = Reader(page_of(classifier, tagged(classifier, document_of(" ".join(SENTENCES)))))
    assert "ces plaintes. doubtful" in reader.text
    assert "Is this report in English?" not in reader.text
    foreign = Reader(page_of(classifier, tagged(classifier, document_of(SENTENCES[3]))))
    warning = (
        "1 of 1 sentences are in words that the model does not know. Is this report in English?"
    )
    assert warning in foreign.text


# -------------------------------------------------------------------------------- subject and prose


def test_a_report_mostly_about_other_things_says_so_at_the_top_in_one_line(
    classifier: Classifier,
) -> None:
    off_subject = [
        replace(passage, section="Press", labels=(), scores=dict.fromkeys(LABELS, 0.01))
        for passage in rows_of(60)
    ]
    on_subject = [
        replace(passage, section="Forced Labor", labels=("failure",)) for passage in rows_of(3)
    ]
    long = Report("hrr.jsonl", None, off_subject + on_subject)
    line = "3 of 63 passages are about trafficking; the rest of this report is on other subjects."
    page_of_one = page_of(classifier, long)
    assert f"<p><strong>{line}</strong></p>" in page_of_one.split("<main")[0]
    page_of_two = page_of(classifier, long, Report("short.jsonl", None, on_subject))
    line_of_two = "1 of 2 reports are mostly on other subjects: 3 of their 63 passages"
    assert line_of_two in page_of_two.split("<main")[0]
    assert f'<p class="caution subject">{line}</p>' in page_of_two
    short = Report("short.jsonl", None, off_subject[:30] + on_subject)
    assert "other subjects" not in page_of(classifier, short)


def rows_of(number: int) -> list[Passage]:
    """Make passages without a document, as rows have them."""
    text = "The council met in the capital in May."
    return [Passage(text, 0, len(text), scores=dict.fromkeys(LABELS, 0.3)) for _ in range(number)]


def test_references_are_shown_and_neither_marked_nor_counted(classifier: Classifier) -> None:
    texts = (
        SENTENCES[0],
        "REFERENCES",
        "1 Ibid.",
        "2 Police arrested nine traffickers. Port Alba: May 3, 2021.",
    )
    document = document_of(*texts)
    heading, paragraph, *references = document.blocks
    references = [replace(block, section="REFERENCES") for block in references]
    references[0] = replace(references[0], heading=True)
    report = tagged(classifier, replace(document, blocks=(heading, paragraph, *references)))
    reader = Reader(page_of(classifier, report))
    assert "marked 1 sentence of 1 passage" in " ".join(reader.text.split())
    assert reader.blocks == ["PROSECUTION", *texts]
    assert list(reader.marks) == ["p1"]


# -------------------------------------------------------------------------------- reasons and rates


def test_error_rates_are_those_of_the_policy(
    classifier: Classifier, karvonia: Report, page: str
) -> None:
    points = classifier.meta["operating_points"]
    for label in LABELS:
        precision = points["balanced"][label]["precision"]
        value, low, high = (f"{100 * share:.0f}" for share in precision)
        assert f"{value} <small>({low}–{high})</small>" in page
    moved = page_of(classifier.with_thresholds({"failure": 0.5}), karvonia)
    assert moved.count("<span>not measured</span>") == 2  # nothing is known of failure at 0.5
    silent = Classifier(replace(classifier.model, meta={}))
    assert page_of(silent, karvonia).count("<span>not measured</span>") == 6


def test_error_rates_of_a_known_kind_of_report_are_those_on_that_kind(
    karvonia: Report,
) -> None:
    assert karvonia.document is not None
    default = Classifier.load()
    publication = "Country Reports on Human Rights Practices"
    of_rights = tag_report(replace(karvonia.document, publication=publication), model=default)
    page = page_of(default, of_rights)
    assert "labelled passages of human-rights reports that the model had not seen" in page
    points = default.meta["operating_points_by_kind"]["balanced"]["human-rights reports"]
    value, low, high = (f"{100 * share:.0f}" for share in points["complicity"]["recall"])
    assert f"{value} <small>({low}–{high})</small>" in page


def test_a_page_of_a_kind_that_was_not_measured_has_no_figures_of_other_kinds() -> None:
    default = Classifier.load()
    recipe = (
        "Peel the pears and simmer them with sugar, butter, cinnamon and red wine until soft, then "
        "whisk the eggs and fold in the flour; bake the cake in a hot oven for forty minutes. "
    )
    report = tag_report(document_of(recipe * 40), model=default)
    for model in (default, Classifier.load("fast")):  # which records no figures by kind
        page = page_of(model, report)
        assert page.count("<span>not measured</span>") == 2 * len(LABELS)
        assert ": of 100 tags " not in page
        assert "This report reads unlike every kind of text" in page


def card_of(page: str, name: str) -> str:
    """Return the card of a passage."""
    return page.split(f'id="{name}w"')[1].split('<p class="do">')[0]


def test_a_card_says_which_words_and_heading_speak_for_a_label(
    classifier: Classifier, tiny: Classifier
) -> None:
    for model, named in ((classifier, "b. Forced Labor"), (tiny, "Officers")):
        text = "Officers took bribes from traffickers."
        plain = Passage(text, 0, len(text))
        headed = replace(plain, section=named)
        report = Report("rows.jsonl", None, model.tag([plain, headed], "screen"))
        page = page_of(model, report, policy="screen")
        label = report.passages[1].labels[0]
        heading = model.explain(headed)[label].heading
        assert abs(heading) >= 0.05, "the example needs a heading that counts"
        direction = "for" if heading > 0 else "against"
        assert f"The heading speaks {direction} it." in card_of(page, "p2")
        assert "The heading" not in card_of(page, "p1")
        for_it = re.search("For it: (.*?)\\.</?[bp]", card_of(page, "p2").replace("\n", ""))
        assert for_it is not None
        assert all(phrase.strip("“”") in text for phrase in for_it[1].split(", “"))


def near(classifier: Classifier, share: float) -> Passage:
    """Make a passage without labels whose failure has this share of its threshold."""
    threshold = float(classifier.thresholds()[LABELS.index("failure")])
    scores = dict.fromkeys(LABELS, 0.001) | {"failure": share * threshold}
    text = "The only shelter for men had no beds."
    return Passage(text, 0, len(text), "Protection", (), scores)


def test_a_passage_within_reach_of_a_threshold_says_why_it_has_no_label(
    classifier: Classifier,
) -> None:
    passages = [near(classifier, 0.51), near(classifier, 0.49)]
    page = page_of(classifier, Report("rows.jsonl", None, passages))
    reader = Reader(page)
    targets = [given["popovertarget"] for _, given in reader.tags if "popovertarget" in given]
    assert targets == ["p1w"]
    card = card_of(page, "p1")
    assert "Not tagged: that would be from" in card
    assert "Failure" in card
    assert "Positive effort" not in card
    assert reader.marks == {}
    assert reader.blocks == ["Protection", passages[0].text, passages[1].text]


def test_every_tag_of_a_long_report_has_its_reasons(tiny: Classifier) -> None:
    words = (
        "Officers took bribes from traffickers and judges failed to act in time, "
        "said the police of the capital city, where nine victims of them were in a shelter "
        "and did law arrested money to no prison terms."
    )
    passage = Passage(words, 0, len(words), "Forced Labor", ("complicity",))
    passages = [
        replace(passage, scores=dict.fromkeys(LABELS, 0.5 + number / 1_000))
        for number in range(300)
    ]
    page = page_of(tiny, Report("rows.jsonl", None, passages))
    cards = [card.split("Permalink")[0] for card in page.split('popover role="dialog"')[1:]]
    assert len(cards) == 300
    assert all("For it: " in card and "bribes" in card for card in cards)


# ------------------------------------------------------------------------------ several, rows, none


def test_several_reports_have_a_list_of_contents_and_ids_of_their_own(
    classifier: Classifier,
) -> None:
    documents = [read_report(SAMPLES / f"karvonia-{year}.html") for year in (2023, 2024)]
    reader = Reader(page_of(classifier, *(tagged(classifier, document) for document in documents)))
    ids = [given["id"] for _, given in reader.tags if "id" in given]
    assert len(ids) == len(set(ids))
    links = [given["href"] for tag, given in reader.tags if tag == "a"]
    targets = {link[1:] for link in links if link.startswith("#")}
    assert {"r1", "r2"} <= targets <= set(ids)
    assert all(reader.text.count(document.title or "") > 1 for document in documents)


def test_rows_become_a_list_that_goes_on_where_the_batch_before_ended(
    classifier: Classifier,
) -> None:
    def batch(*texts: str) -> Report:
        passages = classifier.tag([Passage(text, 0, len(text), "protection") for text in texts])
        return Report("rows.jsonl", None, passages)

    first, second, *rest = SENTENCES
    reader = Reader(page_of(classifier, batch(first, second), batch(*rest)))
    assert reader.blocks == ["Protection", first, second, "Protection", *rest]
    assert reader.marks["r2p3"][0] == SENTENCES[2]
    assert "rows.jsonl, part 2" in reader.text


def test_a_report_in_parts_is_one_report_whose_page_names_them(classifier: Classifier) -> None:
    def part(number: int, *countries: str | None) -> Report:
        sentences = SENTENCES[: len(countries)]
        document = document_of(*sentences, title="Annual Book")
        _, *paragraphs = document.blocks
        pairs = zip(paragraphs, countries, strict=True)
        blocks = tuple(replace(block, country=country) for block, country in pairs)
        return replace(tagged(classifier, replace(document, blocks=blocks)), part=number)

    parts = (part(1, None), part(2, "Karvonia"), part(3, "Karvonia", "Velmar", "Zembla"))
    warning = r"reports/a\.pdf: long; shown in parts, with reasons for what is tagged"
    with pytest.warns(UserWarning, match=warning):
        page = page_of(classifier, *parts)
    top = page.split("<main")[0]
    assert "<h1>Annual Book</h1>" in top
    assert "A program read this report" in top
    note = "“Annual Book” is long: it is shown in 3 parts, with reasons for marked passages only."
    assert note in top
    for name in ("part 1 (from Prosecution)", "part 2 (Karvonia)", "part 3 (Karvonia to Zembla)"):
        assert page.count(f"Annual Book, {name}</h2>") == 1
        assert top.count(f"Annual Book, {name}</a>") == 1


def test_a_narrative_of_112_passages_stays_under_200_kb(classifier: Classifier) -> None:
    text = (SAMPLES / "karvonia-2024.txt").read_text("utf-8")
    long = tagged(classifier, text_document(f"{text}\n\n{text}"))
    assert len(long.passages) == 112
    assert len(page_of(classifier, long).encode()) < 200_000


def test_memory_does_not_grow_with_the_number_of_reports(
    classifier: Classifier, tmp_path: Path
) -> None:
    few = tagged(classifier, document_of(SENTENCES[0]))
    run = classifier.run()

    def report(number: int) -> Report:
        document = document_of(SENTENCES[0], f"{number:02} " * 50_000)
        return Report(f"{number}.txt", document, few.passages, run=run)

    def peak(number: int) -> int:
        with open(tmp_path / "many.html", "w", encoding="utf-8") as out:
            tracemalloc.start()
            write_html(map(report, range(number)), out, Output(run))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    peak(2)
    assert peak(12) < peak(4) + 500_000  # 8 reports more hold over 1 MB of text


# -------------------------------------------------------------------------------------------- inert

HOSTILE = (
    "<script>window.pwned=1;alert(1)</script> Police arrested nine traffickers.",
    "</p></section></article></script></style><script>window.pwned=2</script>"
    " Officials took bribes from traffickers.",
    "<img src=https://evil.example/x onerror=window.pwned=3> The government did not act -->",
    '"><svg onload=window.pwned=4>'
    " Courts convicted none of them <!-- {{7*7}} ${window.pwned=5} $title $script",
    '<a href="javascript:window.pwned=6">Police</a>'
    " closed the only shelter. &lt;b&gt; &amp;nbsp; &#x3c;script&#x3e;",
    "Officers \u202eevil\u2066 took bribes \u2028 from\u00a0recruiters\r\nand\rnobody"
    " \u200b\ufeff was charged 😈.",
    "<iframe srcdoc='<script>top.pwned=7</script>'></iframe><base href=//evil.example>"
    " Guards sold passports.",
    "<style>body{background:url(https://evil.example/y)}</style>"
    "<meta http-equiv=refresh content='0;url=//evil.example'>"
    " Inspectors fined no one.",
)


def hostile(classifier: Classifier) -> Report:
    """Make a report that attacks by its text, name, title, country and headings."""
    name = 'x"><img src=x onerror=window.pwned=8>\u202e.html'
    title = "</title><script>window.pwned=9</script>\u202e"
    document = document_of(*HOSTILE, source=name, title=title, country='"<b>')
    section = "' onfocus=x <i>\u202e"
    blocks = tuple(replace(block, section=section) for block in document.blocks)
    document = replace(document, blocks=blocks)
    return Report(name, document, classifier.tag(document, "screen"))


def test_what_a_report_holds_stays_text(classifier: Classifier) -> None:
    report = hostile(classifier)
    reader = Reader(page_of(classifier, report, policy="screen"))
    harmless = tagged(classifier, document_of(*SENTENCES), "screen")
    clean = Reader(page_of(classifier, harmless, policy="screen"))
    assert {tag for tag, _ in reader.tags} <= {tag for tag, _ in clean.tags} | {"bdi"}
    attributes = {name for _, given in reader.tags for name in given}
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert sum(tag == "script" for tag, _ in reader.tags) == 1
    assert reader.blocks == ["PROSECUTION", *HOSTILE]
    assert len(reader.marks) >= 6
    assert all(given["href"].startswith("#") for tag, given in reader.tags if tag == "a")


def test_only_addresses_on_the_web_become_links(classifier: Classifier) -> None:
    for source, linked in (
        ("https://a.example/r?x=1&y=2", True),
        ("javascript:alert(1)", False),
        ("r.html", False),
    ):
        report = tagged(classifier, document_of(*SENTENCES, source=source))
        reader = Reader(page_of(classifier, report))
        links = [given.get("href") for _, given in reader.tags]
        assert (source in links) is linked


def test_characters_that_html_cannot_hold_keep_their_places(classifier: Classifier) -> None:
    text = "Police\x00 arrested\ud800 nine\r\ntraffickers."
    reader = Reader(page_of(classifier, tagged(classifier, document_of(text))))
    assert reader.blocks[1] == "Police\ufffd arrested\ufffd nine\r\ntraffickers."
    assert len(reader.blocks[1]) == len(text)


def test_the_policy_allows_our_script_and_style_and_nothing_else(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script>")
    assert not re.search(r"<(link|img|iframe|object|embed)\b|\b(src|srcset)=|url\(|@import", page)


# ------------------------------------------------------------------------------------- in a browser


ContextOption = bool | list[str]
"""Value of an option of a browser context."""


class Opened(Protocol):
    """Opens a page from the disk: ``opened(html, width=390, dark=True)``.

    `at` is the fragment of its address; `options` are those of a browser context.
    """

    def __call__(
        self,
        html: str,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        at: str = "",
        **options: ContextOption,
    ) -> Page: ...


class Watched:
    """A tab, the addresses that it asked for, and its dialogs and errors of scripts."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.tab = context.new_page()
        self.tab.set_default_timeout(5_000)
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("dialog", self.dismiss)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))

    def dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """One tab for each kind of context, for all tests.

    To make one takes longer than most tests.
    """
    tabs: dict[str, Watched] = {}

    def tab_of(**options: ContextOption) -> Watched:
        kind = str(options)
        if kind not in tabs:
            tabs[kind] = Watched(browser.new_context(**options))
        return tabs[kind]

    yield tab_of
    for watched in tabs.values():
        watched.tab.context.close()


@pytest.fixture
def opened(contexts: Callable[..., Watched], tmp_path: Path) -> Iterator[Opened]:
    """Open a page from the disk; a network request, a dialog or an error fails the test."""
    file = tmp_path / "report.html"
    used: list[Watched] = []

    def open_page(
        html: str,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        at: str = "",
        **options: ContextOption,
    ) -> Page:
        file.write_text(html, encoding="utf-8", newline="")
        watched = contexts(**options)
        tab = watched.tab
        tab.goto("about:blank")
        watched.requests.clear()
        watched.complaints.clear()
        used.append(watched)
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(media="screen", color_scheme="dark" if dark else "light")
        tab.mouse.move(0, 0)
        tab.goto(file.as_uri() + at)
        return tab

    yield open_page
    for watched in used:
        assert {url.split("#")[0] for url in watched.requests} <= {file.as_uri()}
        assert watched.complaints == []


def press(tab: Page, locator: Locator) -> None:
    """Click with the mouse where the element is, without what Playwright does to bring it there."""
    box = locator.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + min(box["height"], 20) / 2)


def test_a_hostile_report_is_inert_in_a_browser(opened: Opened, classifier: Classifier) -> None:
    report = hostile(classifier)
    tab = opened(page_of(classifier, report, policy="screen"))
    for badge in tab.locator("mark + button.tag").all():
        badge.click()
    assert tab.evaluate("window.pwned") is None
    shown = tab.evaluate(
        "Array.from(document.querySelectorAll('main mark'), (mark) => mark.textContent)"
    )
    assert shown == [passage.text for passage in report.passages if passage.labels]
    assert tab.locator("main script, main img, main iframe, main style").count() == 0


def test_a_script_that_got_in_all_the_same_does_not_run(opened: Opened, page: str) -> None:
    smuggled = (
        "<script>window.pwned=1</script>"
        "<p id='here' onclick='window.pwned=2' style='color:red'>x</p>"
    )
    tab = opened(page.replace('<main id="text"', smuggled + '<main id="text"'))
    tab.locator("#here").click()
    assert tab.evaluate("window.pwned") is None
    assert tab.locator("form.tools").is_visible()  # ours does


def test_axe_finds_nothing(opened: Opened, classifier: Classifier, axe: Axe) -> None:
    document = document_of(*SENTENCES, title="A second report", source="https://a.example/b")
    foreign = tagged(classifier, document)
    excerpt = tagged(classifier, read_report(SAMPLES / "excerpt.txt"))
    # axe is a script that the page's policy would not let in.
    tab = opened(page_of(classifier, excerpt, foreign), bypass_csp=True)
    tab.locator(".key summary").click()
    for width, scheme in ((1440, "light"), (390, "dark")):
        tab.set_viewport_size({"width": width, "height": 900})
        if width < 640:
            tab.keyboard.press("Escape")
            tab.get_by_text("Filter", exact=True).click()
            tab.get_by_label("Failure").uncheck()
        tab.locator("mark:not(.off) + button.tag").first.click()
        # else colours are on their way for a while
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations_of(axe, tab) == [], f"{width} pixels wide, {scheme}"


def test_nothing_sticks_out_sideways(opened: Opened, page: str) -> None:
    tab = opened(page)
    for width in (1440, 1024, 390):
        tab.keyboard.press("Escape")
        tab.set_viewport_size({"width": width, "height": 900})
        # in one step: the browser says only later that a card has opened
        shown = "mark => { mark.click(); return document.scrollingElement.scrollWidth; }"
        assert tab.locator("mark").first.evaluate(shown) <= width
        assert open_cards(tab).count() == 1
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= width


def open_cards(tab: Page) -> Locator:
    return tab.locator(".why:popover-open")


def test_a_card_opens_by_click_and_key_and_goes_with_escape(opened: Opened, page: str) -> None:
    tab = opened(page)
    badges = tab.locator("mark + button.tag")
    tab.locator("main mark").nth(2).click()
    assert open_cards(tab).get_attribute("id") == badges.nth(2).get_attribute("popovertarget")
    tab.keyboard.press("Escape")
    assert open_cards(tab).count() == 0
    badges.nth(1).focus()
    tab.keyboard.press("Enter")
    assert open_cards(tab).get_attribute("id") == badges.nth(1).get_attribute("popovertarget")
    tab.keyboard.press("Tab")  # into the card, which stands elsewhere in the page
    assert tab.evaluate("document.activeElement.closest('.why') !== null")
    tab.keyboard.press("Escape")
    assert badges.nth(1).evaluate("(badge) => badge === document.activeElement")


def test_the_first_screen_has_title_counts_and_the_strongest_findings(
    opened: Opened, page: str, karvonia: Report
) -> None:
    tab = opened(page)
    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        links = tab.locator(".strongest li a").all()
        on_first_screen = [
            tab.locator("h1"),
            tab.locator(".facts").first,
            *tab.locator(".number, .share").all(),
        ]
        on_first_screen += links[:9] if width > 640 else links[:3]
        for element in on_first_screen:
            box = element.bounding_box()
            assert box["y"] + box["height"] <= height
        assert tab.locator(".key table").is_hidden()
        assert tab.locator(".why:visible").count() == 0
        if width > 640:  # nor is the right third empty: the table of sections stands there
            assert tab.locator(".sections table").bounding_box()["x"] > width / 2
    is_on_subject = on_subject(karvonia.passages)
    counted = sum(
        passage.kind == "sentence" and is_about
        for passage, is_about in zip(karvonia.passages, is_on_subject, strict=True)
    )
    for label in LABELS:
        # each stands once in the report
        sentences = [p for p in karvonia.passages if label in p.labels and p.kind == "sentence"]
        number = len(sentences)
        noun = "sentence" if number == 1 else "sentences"
        share = round(100 * number / counted)
        box = tab.locator(f".count.{label[0].upper()}")
        assert box.locator(".number").inner_text() == str(number)
        share_text = box.locator(".share").inner_text()
        assert share_text == f"{noun}, {share}% of {counted} on subject"
        strongest = box.locator(".strongest li a").all_text_contents()
        assert set(strongest) <= {passage.text for passage in sentences}
    press(tab, tab.locator(".count.P li a").nth(1))
    open_cards(tab).wait_for()
    lit = tab.locator("mark.now")
    assert lit.inner_text().strip("\u2060") == tab.locator(".count.P li a").nth(1).text_content()


def in_view(tab: Page) -> bool:
    """Decide whether the passage of the open card is seen.

    It stands below the bar, and neither below the window nor below the card.
    """
    seen: bool = tab.evaluate("""() => {
      const boxOf = (element) => element.getBoundingClientRect();
      const passage = boxOf(document.querySelector("mark.now"));
      const bar = boxOf(document.querySelector(".tools"));
      const card = document.querySelector(".why:popover-open");
      const isOverText = getComputedStyle(card).position === "fixed";
      const end = isOverText ? boxOf(card).top : innerHeight;
      return passage.top >= bar.bottom && passage.bottom <= end;
    }""")
    return seen


def test_next_and_previous_open_the_card_of_a_lit_passage_that_is_in_view(
    opened: Opened, page: str, karvonia: Report
) -> None:
    names = [f"p{number}" for number, p in enumerate(karvonia.passages, 1) if p.labels]
    for width in (1440, 390):
        tab = opened(page, width)
        following = tab.get_by_role("button", name="Next finding")
        for name in names[:4]:
            press(tab, following)
            assert open_cards(tab).get_attribute("id") == f"{name}w"
            tab.locator(f"mark#{name}.now").wait_for()
            assert in_view(tab)
        press(tab, tab.get_by_role("button", name="Previous finding"))
        assert open_cards(tab).get_attribute("id") == f"{names[2]}w"
        tab.get_by_text(f"3 of {len(names)}", exact=True).wait_for()


def test_filters_by_section_and_words(opened: Opened, page: str, karvonia: Report) -> None:
    tab = opened(page)

    def left() -> list[str]:
        marks: list[str] = tab.evaluate(
            "Array.from(document.querySelectorAll('main mark:not(.off)'), (m) => m.textContent)"
        )
        return marks

    assert karvonia.document is not None
    blocks = tab.locator(".text section > :is(p, h3):visible")
    assert blocks.count() == len(karvonia.document.blocks)
    findings = [p for p in karvonia.passages if p.labels]
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_label("Section", exact=True).select_option("Protection")
    assert left() == [p.text for p in findings if p.section == "protection"]
    tab.get_by_role("button", name="Reset").click()
    tab.get_by_label("Words in a finding").fill("COURT ")
    assert left() == [p.text for p in findings if "court" in p.text.lower()]
    tab.get_by_label("Findings only").check()
    shown = tab.locator(".text section > p:visible").count()
    assert shown == len({p.block for p in findings if p.text in left()})


def test_counts_of_many_reports_follow_the_filters(opened: Opened, classifier: Classifier) -> None:
    def report(country: str, year: int, *sentences: str) -> Report:
        name = f"{country}-{year}.pdf"
        document = document_of(*sentences, source=name, title=name, country=country, year=year)
        return tagged(classifier, document)

    arrests, bribes, shelter, *_ = SENTENCES
    reports = (
        report("Karvonia", 2024, *SENTENCES),
        report("Velmar", 2023, arrests, bribes, shelter),
        report("VELMAR", 2024, bribes, shelter),  # as some reports write it
    )
    tab = opened(page_of(classifier, *reports))
    shared = tab.locator(".count.P li a").all_text_contents()
    assert len(shared) == len(set(shared))  # though two reports have the sentence
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_label("Country").select_option("Velmar")
    tab.get_by_label("Year").select_option("2024")
    assert tab.locator("article:visible").count() == 1
    assert tab.locator(".reports tbody tr:visible").count() == 1
    tab.get_by_label("Positive effort").uncheck()
    tab.get_by_label("Complicity").uncheck()
    tab.get_by_label("Words in a finding").fill("shelter")
    assert tab.locator("article:visible mark:not(.off)").all_text_contents() == [shelter]
    all_of_failure = tab.locator(".count.F .number").get_attribute("data-all")
    assert tab.locator(".count.F .number").inner_text() == f"1 of {all_of_failure}"
    assert tab.locator(".count.C .number").inner_text().startswith("0 of ")
    assert tab.locator(".share:visible, .strongest:visible").count() == 0
    assert tab.get_by_text("A filter is set").is_visible()
    press(tab, tab.get_by_role("button", name="Next finding"))
    tab.locator("mark#r3p2.now").wait_for()
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Reset").click()
    tab.locator("article:visible").nth(2).wait_for()
    assert tab.locator(".strongest").first.is_visible()


@pytest.mark.parametrize("source", ["reports/a 100%.pdf", "https://a.example/r?x=1"])
def test_a_card_has_the_place_of_its_finding_and_copies_its_citation(
    opened: Opened, classifier: Classifier, source: str
) -> None:
    document = document_of(
        SENTENCES[0],
        SENTENCES[1],
        source=source,
        title="A {Report} & more",
        country="Karvonia",
        year=2024,
    )
    if "a.example" in source:  # a page has no pages, so paragraphs are counted
        blocks = tuple(replace(block, page=None) for block in document.blocks)
        document = replace(document, blocks=blocks)
    document = replace(document, sha256="0123" * 16)
    run = classifier.run(day="2026-11-28")
    report = replace(tagged(classifier, document), run=run)
    passage = report.passages[1]
    out = io.StringIO()
    write_html([report], out, Output(run))
    tab = opened(out.getvalue(), permissions=["clipboard-read", "clipboard-write"])
    press(tab, tab.locator('button[popovertarget="p2w"]'))
    card = tab.locator("#p2w")
    place = [card.get_attribute(f"data-{name}") for name in ("start", "end", "key")]
    assert place == [str(passage.start), str(passage.end), passage.key]
    assert card.evaluate("(card) => card.closest('[data-report]').dataset.report") == "0123" * 16
    assert card.locator(".decide").is_hidden()  # until it is served
    press(tab, card.get_by_role("button", name="Copy citation"))
    card.get_by_text("Copied", exact=True).wait_for()
    expected = cite(report, passage).plain
    assert tab.evaluate("navigator.clipboard.readText()") == expected
    if "a.example" in source:
        link = tab.get_by_role("link", name="Read in the source").get_attribute("href")
        assert link == f"{source}#:~:text=Border%20guards%20took%20bribes%20from%20recruiters."


@pytest.mark.parametrize("names", [("arrest",), ("arrest", "2nd_party", "debt", "exit", "fee")])
def test_a_page_has_the_labels_of_its_model(opened: Opened, names: tuple[str, ...]) -> None:
    run = Run(thresholds=dict.fromkeys(names, 0.5), meta={"meanings": {"arrest": "police act"}})
    document = document_of(*SENTENCES)
    passages = []
    for number, passage in enumerate(split_passages(document)):
        label = names[number % len(names)]
        scores = dict.fromkeys(names, 0.1) | {label: 0.8}
        passages.append(replace(passage, labels=(label,), scores=scores))
    report = Report(document.source, document, passages, run=run)
    out = io.StringIO()
    write_html([report], out, Output(run))
    tab = opened(out.getvalue())
    letters = [style.letter for style in run.styles.values()]
    assert (
        tab.locator(".count").evaluate_all(
            "(counts) => counts.map((count) => count.dataset.letter)"
        )
        == letters
    )
    colours = tab.locator("main mark").evaluate_all(
        "(marks) => marks.map((mark) => getComputedStyle(mark).backgroundColor)"
    )
    assert len(set(colours)) == len(names)
    boxes = tab.locator(".tools fieldset input").all()
    assert len(boxes) == len(names)
    for box in boxes[1:]:
        box.uncheck()
    assert tab.locator("mark:not(.off)").count() == sum(names[0] in p.labels for p in passages)
    tab.locator(".key summary").click()
    assert tab.get_by_text("police act").is_visible()


def test_a_permalink_opens_at_its_passage(opened: Opened, page: str) -> None:
    last = re.findall(r'<mark id="(p\d+)"', page)[-1]
    tab = opened(page, at="#" + last)
    tab.locator(f"#{last}w").wait_for(state="visible")
    assert tab.locator(f"#{last}").evaluate("(m) => m.getBoundingClientRect().top < innerHeight")


def test_why_not_opens_and_closes_with_and_without_a_script(
    opened: Opened, classifier: Classifier
) -> None:
    page = page_of(classifier, Report("rows.jsonl", None, [near(classifier, 0.9)]))
    for script in (True, False):
        tab = opened(page, java_script_enabled=script)
        assert tab.locator("form.tools").is_visible() is script
        assert tab.locator(".why:visible").count() == 0
        tab.get_by_role("button", name="Why not tagged").click()
        tab.get_by_text("Not tagged: that would be from").wait_for(state="visible")
        tab.keyboard.press("Escape")
        tab.get_by_text("Not tagged: that would be from").wait_for(state="hidden")


def test_paper_has_what_the_filters_leave_without_controls_or_empty_pages(
    opened: Opened, page: str, karvonia: Report
) -> None:
    pdf = pytest.importorskip("pypdfium2")
    tab = opened(page, dark=True)
    tab.get_by_label("Failure").uncheck()
    tab.get_by_label("Positive effort").uncheck()
    tab.emulate_media(media="print")
    assert karvonia.document is not None
    paragraphs = [block for block in karvonia.document.blocks if not block.heading]
    assert tab.locator(".text section > p:visible").count() == len(paragraphs)
    assert tab.locator(".tools:visible, .why:visible").count() == 0
    # probabilities stand beside the letters
    assert tab.locator("mark:not(.off) + button small").first.bounding_box()["width"] > 5
    colour = tab.evaluate("getComputedStyle(document.body).color")
    red, green, blue = re.findall(r"\d+", colour)[:3]
    assert int(red) + int(green) + int(blue) < 150  # dark on white, whatever the screen's scheme

    def printed() -> str:
        document = pdf.PdfDocument(tab.pdf(format="A4"))
        pages = [
            document[number].get_textpage().get_text_range() for number in range(len(document))
        ]
        assert min(map(len, pages[:-1])) > 200  # the last one may end early
        return " ".join(" ".join(pages).split())

    assert "A filter is set: the numbers count what it leaves." in printed()
    assert "Prioritized Recommendations" in printed()
    tab.emulate_media(media="screen")
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_label("Findings only").check()
    assert "Prioritized Recommendations" not in printed()
    assert all(p.text[:30] in printed() for p in karvonia.passages if "complicity" in p.labels)
