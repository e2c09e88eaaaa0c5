"""The desk of many reports: whole, offline and inert; and usable in a browser.

Old reports are kept when new ones come.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
from accessibility import violations_of
from conftest import Cli

from tipclassify import Classifier
from tipclassify.errors import OutputError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.records import Block, Document, Passage, Report, key
from tipclassify.reports.cite import cite
from tipclassify.write.desk import Desk, read_findings
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Dialog, Page

PAGE = (
    "<html><head><title>{title}</title></head>"
    "<body><h1>{title}</h1><h2>Prosecution</h2>{text}</body></html>"
)
OLD = (
    "Police arrested nine traffickers.",
    "Courts convicted none of the suspects.",
    "Border guards took bribes.",
)
NEW = (
    "Police arrested no traffickers.",
    "Courts convicted four of the suspects.",
    "The shelter’s doors closed in May.",
)
EVIL = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1> "
    "Police’s =arrested_ {nobody} \\ 50% & \u202e"
)
SCORE = ("--model", "fast", "--format", "html", "--output-dir")


def write_report(
    folder: Path, country: str, year: int, texts: tuple[str, ...], name: str = ""
) -> Path:
    """Write the page of a report, each sentence with its year in a paragraph of its own."""
    folder.mkdir(exist_ok=True)
    file = folder / (name or f"{country.lower()}-{year}.html")
    text = "".join(f"<p>{text} It did so in {year}.</p>" for text in texts)
    title = f"{year} Trafficking in Persons Report: {country}"
    file.write_text(PAGE.format(title=title, text=text), "utf-8")
    return file


@pytest.fixture(scope="module")
def desk_folder(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """A folder with reports in "in" and their desk in "desk".

    They are two years of a country, one of another, a report without country, and a row that
    attacks.
    """
    folder = tmp_path_factory.mktemp("desk")
    write_report(folder / "in", "Ghana", 2023, OLD)
    write_report(folder / "in", "Ghana", 2024, NEW)
    write_report(folder / "in", "Togo", 2024, NEW)
    (folder / "in" / "notes.txt").write_text(" ".join(OLD), "utf-8")
    row = {"text": EVIL, "section": EVIL, "country": EVIL, "year": 2024}
    (folder / "in" / "evil.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    done = cli("score", folder / "in", *SCORE, folder / "desk", "--policy", "screen")
    assert done.returncode == 0
    assert re.search(rb"open .*desk.index\.html: 5 reports\n", done.stderr)
    return folder


def index_of(folder: Path) -> str:
    """Return the first page of a desk."""
    return (folder / "desk" / "index.html").read_text("utf-8")


def scripts_of(folder: Path) -> list[str]:
    """List the scripts with data that the first page of a desk loads."""
    return re.findall(r'<script src="(data/\w{8}\.js)" defer>', index_of(folder))


def test_the_index_lists_each_report_with_its_page_and_what_changed(desk_folder: Path) -> None:
    index = index_of(desk_folder)
    pages = re.findall(r'<tr data-page="([^"]+)"[^>]*><th scope="row"><a href="([^"]+)">', index)
    linked_pages = {
        page for page, link in pages if page == link and (desk_folder / "desk" / link).is_file()
    }
    assert linked_pages == {
        "ghana-2023.html.html",
        "ghana-2024.html.html",
        "togo-2024.html.html",
        "notes.txt.html",
        "evil.jsonl.html",
    }
    assert re.findall(r'<a href="(changes/[^"]+)">since (\d+)</a>', index) == [
        ("changes/ghana-2024.html.html", "2023")
    ]
    changes = (desk_folder / "desk" / "changes" / "ghana-2024.html.html").read_text("utf-8")
    assert "Ghana: 2023 compared with 2024" in changes
    assert 'href="../ghana-2023.html.html"' in changes  # stays when the folder is moved
    assert '<a href="../index.html">' in changes
    assert '<a href="index.html">' in (desk_folder / "desk" / "ghana-2024.html.html").read_text(
        "utf-8"
    )
    assert all(
        (desk_folder / "desk" / script).stat().st_size < 2_000_000
        for script in scripts_of(desk_folder)
    )
    assert "<script>window" not in index


def test_next_years_reports_join_the_old_ones_which_are_not_scored_again(
    desk_folder: Path, cli: Cli
) -> None:
    desk_path = desk_folder / "desk"
    options = (*SCORE, desk_path, "--policy", "screen", "--resume")
    written_at = {
        path: path.stat().st_mtime_ns
        for path in desk_path.rglob("*.html*")
        if path.name != "index.html"
    }
    namesake = write_report(desk_folder / "next", "Togo", 2025, OLD, "togo-2024.html")
    write_report(desk_folder / "next", "Ghana", 2025, OLD)

    done = cli("score", desk_folder / "next", *options)

    assert b"7 reports" in done.stderr
    index = index_of(desk_folder)
    assert re.findall(r"changes/(\w+-\d+).*?since (\d+)</a>", index) == [
        ("ghana-2024", "2023"),
        ("ghana-2025", "2024"),
        ("togo-2024", "2024"),
    ]
    assert written_at == {path: path.stat().st_mtime_ns for path in written_at}
    scripts = {f"data/{path.name}" for path in (desk_path / "data").glob("*.js")}
    assert scripts == set(scripts_of(desk_folder))
    again = cli("score", desk_folder / "in", namesake, *options)
    assert b"6 of 6 inputs were done" in again.stderr
    assert b"7 reports" in again.stderr


RUN = Classifier.load("fast").run(day="2026-11-28")


@contextmanager
def whole(path: Path) -> Iterator[IO[str]]:
    """Open a file of the desk for writing, in place of the opener that the command gives."""
    with path.open("w", encoding="utf-8") as out:
        yield out


@pytest.fixture
def context(tmp_path: Path) -> Output:
    return Output(RUN, folder=tmp_path)


def failure(text: str, start: int, end: int, page: int | None = None) -> Passage:
    """Make a passage that is tagged as a failure."""
    scores = dict.fromkeys(LABELS, 0.6)
    return Passage(text, start, end, "Trials", ("failure",), scores, page=page)


def failures(texts: Iterable[str]) -> list[Passage]:
    """Make passages that are tagged as failures, a hundred characters apart."""
    return [
        failure(text, 100 * number, 100 * number + len(text)) for number, text in enumerate(texts)
    ]


def document_of(source: str, country: str, year: int) -> Document:
    """Make a document without text."""
    return Document("", (), source, title="Trials", country=country, year=year)


def report_of(year: int, count: int = 3) -> Report:
    """Make a report on Chad with so many failures, each on a page of its own."""
    passages = [
        failure(f"Court {number} heard a case.", number, number + 9, page=number)
        for number in range(1, count + 1)
    ]
    file = f"{year}.txt"
    return Report(file, document_of(file, "Chad", year), passages)


def add(writer: Desk, folder: Path, report: Report) -> None:
    """Add a report to a desk, whose page is empty."""
    page = folder / f"{report.file}.html"
    report = replace(report, run=RUN)
    assert list(writer.gather(page, [report])) == [report]
    page.write_text("", "utf-8")


def test_reports_are_read_again_whole(context: Output, tmp_path: Path) -> None:
    first = Desk(context, whole, resume=False)
    for year in (2022, 2023, 2024):
        add(first, tmp_path, report_of(year, 40))
    first.write_index()
    (ledger,) = (tmp_path / "changes").glob("ledger-*.html")
    ledger.unlink()
    later = replace(context, run=replace(context.run, day="2031-05-06"))
    again = Desk(later, whole, resume=True)
    assert again.reports == first.reports
    again.write_index()
    text = ledger.read_text("utf-8")
    assert "Court 40 heard a case." in text
    assert "(read 2026-11-28)" in text  # not the day on which the ledger is written
    assert "2031" not in text
    (tmp_path / "data" / "2023.txt.html.json").write_text("{", "utf-8")
    with pytest.warns(UserWarning, match="not whole"):
        assert tmp_path / "2023.txt.html" not in Desk(context, whole, resume=True).reports


def test_each_finding_has_its_place_and_key(context: Output, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"Courts heard cases.").hexdigest()
    report = report_of(2024)
    report = replace(report, document=replace(document_of("2024.txt", "Chad", 2024), sha256=digest))
    writer = Desk(context, whole, resume=False)
    page = tmp_path / "2024.html"
    list(writer.gather(page, [replace(report, run=context.run)]))
    page.write_text("", "utf-8")
    writer.write_index()
    found = list(read_findings(tmp_path))
    assert [(row["report"], row["start"], row["end"], row["key"]) for row in found] == [
        (digest, passage.start, passage.end, key(passage.text)) for passage in report.passages
    ]
    assert {(row["title"], row["address"]) for row in found} == {("Trials", "2024.html")}
    assert {row["model"] for row in found} == {
        cite(replace(report, run=context.run), report.passages[0]).model
    }
    assert [row["source"] for row in found] == [
        cite(replace(report, run=context.run), passage).source for passage in report.passages
    ]


def test_another_publication_has_no_page_of_changes(context: Output, tmp_path: Path) -> None:
    """Chad's reports of 2024 and 2025 have the same sentences, those of 2023 and 2026 others."""

    def report_with(opening: str, year: int) -> Report:
        report = report_of(year, 20)
        passages = []
        for passage in report.passages:
            name = chr(ord("a") + passage.start) * 4 + opening[:2]
            passages.append(replace(passage, text=f"{opening} {name}."))
        return replace(report, passages=passages)

    first = Desk(context, whole, resume=False)
    add(first, tmp_path, report_with("Inspectors visit", 2023))
    add(first, tmp_path, report_of(2024, 20))
    add(first, tmp_path, report_of(2025, 20))
    add(first, tmp_path, report_with("Newspapers print", 2026))
    for writer in (first, Desk(context, whole, resume=True)):
        writer.write_index()
        index = writer.index.read_text("utf-8")
        assert re.findall(r'changes/([^"]+)">since (\d+)</a>', index) == [("2025.txt.html", "2024")]
        assert [page.name for page in (tmp_path / "changes").iterdir()] == ["2025.txt.html"]


def test_publications_are_never_mixed(context: Output, tmp_path: Path) -> None:
    """Four years of one publication on Chad, and one year of another."""
    years = (2021, 2022, 2023, 2024)
    writer = Desk(context, whole, resume=False)
    for year in years:
        report = report_of(year, 20)
        document = replace(document_of(report.file, "Chad", year), publication="Harbor Watch")
        add(writer, tmp_path, replace(report, document=document))
    inspections = [
        replace(
            passage,
            text=f"Inspectors enforced the law on farm {passage.start}.",
            labels=("positive_effort",),
        )
        for passage in report_of(2022, 20).passages
    ]
    document = replace(document_of("2022.txt", "Chad", 2022), publication="Labor Review")
    add(writer, tmp_path, Report("labor.pdf", document, inspections))
    writer.write_index()
    links = {
        (report.publication, report.year): writer.links[report.page]
        for report in writer.reports.values()
    }
    assert links["Labor Review", 2022] == []
    (ledger,) = {links["Harbor Watch", year][-1][0] for year in years}
    text = (tmp_path / ledger).read_text("utf-8")
    assert "Harbor Watch: Chad, 2021 to 2024" in text
    assert "Inspectors enforced" not in text
    for year in years[1:]:
        changes, words = links["Harbor Watch", year][0]
        assert words == f"since {year - 1}"
        assert (tmp_path / changes).is_file()
    assert "(break)" not in writer.index.read_text("utf-8")


def test_a_desk_marks_the_years_between_which_a_section_is_not_written(
    context: Output, tmp_path: Path
) -> None:
    writer = Desk(context, whole, resume=False)
    for year in (2021, 2022):
        report = report_of(year, 24)
        passages = [
            replace(passage, section="c. Child Labor" if number > 11 else "b. Forced Labor")
            for number, passage in enumerate(report.passages)
        ]
        if year == 2022:
            reference = replace(passages[12], text="See the List of Goods.", labels=())
            passages[12:] = [reference]
        document = document_of(report.file, "Chad", year)
        add(writer, tmp_path, replace(report, document=document, passages=passages))
    writer.write_index()
    index = writer.index.read_text("utf-8")
    assert "since 2021 (break)" in index
    assert "Break: one of the two years does not write a section of the other" in index


def test_a_ledger_cites_paragraphs_where_reports_have_no_pages(
    context: Output, tmp_path: Path
) -> None:
    writer = Desk(context, whole, resume=False)
    for year in (2022, 2023, 2024):
        texts = ("It rained.", "Courts heard a case of forced labor in the port.")
        blocks = (Block(0, 10, "Trials"), Block(11, 11 + len(texts[1]), "Trials"))
        whole_text = "\n".join(texts)
        document = Document(whole_text, blocks, f"{year}.txt", "Trials", "Chad", year)
        passage = failure(texts[1], 11, 11 + len(texts[1]))
        add(writer, tmp_path, Report(f"{year}.txt", document, [passage]))
    writer.write_index()
    (ledger,) = (tmp_path / "changes").glob("ledger-*.html")
    assert "section “Trials”, paragraph 2 of the section" in ledger.read_text("utf-8")


def test_an_interrupted_index_leaves_the_last_one_and_its_scripts(
    context: Output, tmp_path: Path
) -> None:
    first = Desk(context, whole, resume=False)
    add(first, tmp_path, report_of(2023))
    first.write_index()
    index_before = first.index.read_bytes()
    scripts_before = set((tmp_path / "data").glob("*.js"))

    def broken(path: Path) -> AbstractContextManager[IO[str]]:
        if path.name == "index.html":
            raise KeyboardInterrupt
        return whole(path)

    second = Desk(context, broken, resume=True)
    add(second, tmp_path, report_of(2024))
    with pytest.raises(KeyboardInterrupt):
        second.write_index()
    assert first.index.read_bytes() == index_before
    assert scripts_before < set((tmp_path / "data").glob("*.js"))
    (tmp_path / "data" / "2023.txt.html.json").write_text('{"page":', "utf-8")
    with pytest.warns(UserWarning, match=r"2023\.txt\.html\.json: not whole"):
        third = Desk(context, whole, resume=True)
    assert [page.name for page in third.reports] == ["2024.txt.html"]


def test_files_of_the_user_in_the_folder_stay(context: Output, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.js").write_text("mine", "utf-8")
    mine = Desk(context, whole, resume=False)
    add(mine, tmp_path, report_of(2024))
    mine.write_index()
    assert (tmp_path / "data" / "settings.js").read_text("utf-8") == "mine"
    mine.index.write_text("<h1>My site</h1>", "utf-8")
    with pytest.raises(OutputError, match=r"index\.html: not an index that tipclassify wrote"):
        Desk(context, whole, resume=True)
    assert mine.index.read_text("utf-8") == "<h1>My site</h1>"


# ------------------------------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def tab(desk_folder: Path, browser: Browser) -> Iterator[Page]:
    """The index, opened from the disk.

    A request beyond its folder, an error or a dialog fails a test.
    """
    requests: list[str] = []
    complaints: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((desk_folder / "desk" / "index.html").as_uri())
    yield page
    own = ((desk_folder / "desk").as_uri(), "blob:")
    assert [url for url in requests if not url.startswith(own)] == []
    assert complaints == []
    context.close()


def at(tab: Page, desk_folder: Path, fragment: str) -> None:
    """Load the index anew, at the state that the fragment of its address describes."""
    tab.goto("about:blank")
    tab.goto((desk_folder / "desk" / "index.html").as_uri() + fragment)
    tab.wait_for_selector("html[data-ready]")


def open_desk(browser: Browser, folder: Path, fragment: str = "") -> Page:
    """Open the index of a desk in a new tab."""
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri() + fragment)
    page.wait_for_selector("html[data-ready]")
    return page


def shown(tab: Page) -> list[str]:
    """List the findings that are shown, without their years."""
    return [text.split(" It did")[0] for text in tab.locator(".found .quote").all_inner_texts()]


def test_the_table_counts_what_the_filters_leave_and_sorts_by_keyboard(
    tab: Page, desk_folder: Path
) -> None:
    at(tab, desk_folder, "")
    data = json.loads((desk_folder / "desk" / "data" / "ghana-2023.html.html.json").read_text())
    row = tab.locator('.reports tr[data-page="ghana-2023.html.html"]')
    assert row.locator('[data-letter="F"]').inner_text() == str(data["report"]["counts"]["failure"])
    latest = re.findall(r"changes/ghana-\d+\.html\.html", index_of(desk_folder))[-1]
    assert tab.locator(f'.reports a[href="{latest}"]').count() == 1
    head = tab.locator(".reports th", has_text="Year")
    head.get_by_role("button").focus()
    for direction, sign in (("descending", -1), ("ascending", 1)):
        tab.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == direction
        cells = tab.locator(".reports td.year").all_inner_texts()
        years = [int(cell) for cell in cells if cell != "–"]
        assert years == sorted(years, key=lambda year: sign * year)
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_label("Country", exact=True).select_option("Ghana")
    assert set(tab.locator(".reports tbody tr:visible td.country").all_inner_texts()) == {"Ghana"}
    tab.locator("form").get_by_label("Failure").uncheck()
    assert row.locator('[data-letter="F"]').inner_text() == "0"
    row.locator("th a").click()
    assert tab.url.endswith("/ghana-2023.html.html")


def test_search_and_filters_find_the_same_again_from_the_address(
    tab: Page, desk_folder: Path
) -> None:
    at(tab, desk_folder, "")
    words = tab.get_by_label("Words in a finding")
    words.fill("court CONVICT")
    assert set(shown(tab)) <= {OLD[1], NEW[1], " ".join(OLD)}
    assert tab.locator("mark.hit").first.inner_text() == "Courts"
    words.fill("suspects four")
    assert set(shown(tab)) == {NEW[1]}
    words.fill("shelter's")  # the report has a curly apostrophe
    assert set(shown(tab)) == {NEW[2]}
    words.fill("helter")  # begins no word
    assert shown(tab) == []
    assert "Nothing is left by the filters" in tab.locator("#findings-note").inner_text()
    words.fill("")
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_label("Country", exact=True).select_option("Ghana")
    tab.get_by_label("Year", exact=True).select_option("2023")
    tab.get_by_label("Section", exact=True).select_option("prosecution")
    tab.locator("form").get_by_label("Positive effort").uncheck()
    left = set(shown(tab))
    assert left
    assert left <= {*OLD, "It did so in 2023."}
    sections = tab.get_by_label("Section", exact=True).locator("option").all_inner_texts()
    # headings of any wording are folded
    assert set(sections) == {"All sections", "Prosecution", "Other", "No section"}
    assert "label=FC&country=Ghana&year=2023&section=prosecution" in tab.url
    tab.reload()
    tab.wait_for_selector("html[data-ready]")
    assert set(shown(tab)) == left
    link = tab.locator(".found a").first.get_attribute("href")
    assert link is not None
    assert link.startswith("ghana-2023.html.html#p")
    tab.get_by_text("Filter", exact=True).click()
    tab.get_by_role("button", name="Reset").click()
    tab.locator(".found .quote").nth(len(left)).wait_for()


def test_findings_have_their_places_and_copy_their_citations(tab: Page, desk_folder: Path) -> None:
    at(tab, desk_folder, "#order=report")
    found = read_findings(desk_folder / "desk")
    rows = {f"“{one_line(row['text'])}” {row['source']}": row for row in found}
    items = tab.locator(".found > li")
    for number in range(4):
        item = items.nth(number)
        item.get_by_role("button", name="Copy citation").click()
        item.get_by_role("button", name="Copied").wait_for()
        row = rows[tab.evaluate("navigator.clipboard.readText()")]
        assert item.locator(".quote").inner_text() == row["text"]
        place = [item.get_attribute(f"data-{name}") for name in ("report", "start", "end", "key")]
        assert place == [row["report"], str(row["start"]), str(row["end"]), row["key"]]
        assert item.locator(".decide").is_hidden()  # until it is served


def test_a_sentence_said_again_and_a_row_of_a_table_count_apart_on_the_desk(
    context: Output, tmp_path: Path, browser: Browser
) -> None:
    texts = (
        "Police arrested nine recruiters in Port Salwen in May.",
        "Ministry of Harbors | Police arrested recruiters. | Yes",
        "Police arrested nine recruiters in Port Salwen in May. (4)",
        "The law prohibits all forms of forced or compulsory labor.",
    )
    with_findings = Report("a.txt", document_of("a.txt", "Karvonia", 2024), failures(texts))
    without_findings = Report("b.txt", document_of("b.txt", "Zembla", 2024), [])
    writer = Desk(context, whole, resume=False)
    add(writer, tmp_path, with_findings)
    add(writer, tmp_path, without_findings)
    writer.write_index()
    page = open_desk(browser, tmp_path)
    assert page.locator("h1").inner_text().startswith("2 reports")
    # the one without findings is one, too
    assert page.locator("#reports small").inner_text() == "2"
    # a sentence that stands in many reports comes last
    assert page.locator(".found .quote").all_inner_texts() == [texts[0], texts[3]]
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Table rows").check()
    assert "2 sentences and 1 table row" in page.locator("#findings-note").inner_text()
    page.close()


def test_findings_are_listed_some_at_a_time(
    context: Output, tmp_path: Path, browser: Browser
) -> None:
    writer = Desk(context, whole, resume=False)
    report = report_of(2024, 30)
    passages = [
        replace(passage, text=f"Court {number} heard a case of forced labor.")
        for number, passage in enumerate(report.passages)
    ]
    add(writer, tmp_path, replace(report, passages=passages))
    writer.write_index()
    page = open_desk(browser, tmp_path, "")
    assert page.locator(".found .quote").count() == 20
    page.get_by_role("button", name="Show more of 10 further findings").click()
    assert page.locator(".found .quote").count() == 30
    assert page.locator("#further").is_hidden()
    page.close()


def test_a_hostile_report_is_text_and_nothing_else(tab: Page, desk_folder: Path) -> None:
    fragment = "#words=<img src=x onerror=window.pwned=1>&country=<b>&label=<i>&from=x&year=%0"
    for state in (fragment, "#words=onerror"):
        at(tab, desk_folder, state)
        assert tab.locator("main script, main img, main iframe, main style").count() == 0
        assert tab.evaluate("window.pwned") is None
    assert any("onerror" in text for text in shown(tab))


def test_axe_finds_nothing_and_nothing_sticks_out(
    desk_folder: Path, browser: Browser, axe: Axe
) -> None:
    # axe is a script that the policy would not let in
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    later_findings = "document.querySelectorAll('.found li:nth-child(n + 4)')"
    at(page, desk_folder, "#words=police")
    page.evaluate(f"{later_findings}.forEach((li) => li.remove())")
    for width, scheme in ((1440, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if width < 640:
            page.get_by_text("Filter", exact=True).click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert violations_of(axe, page) == [], f"{width} pixels wide, {scheme}"
    context.close()
