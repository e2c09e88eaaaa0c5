"""The desk of many reports: whole, offline and inert; and usable in a browser.

Old reports are kept when new ones come.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
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
from tipclassify.labels import LABELS
from tipclassify.records import Document, Passage, Report
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.report import Finding
from tipclassify.write import desk
from tipclassify.write.desk import DeskWriter
from tipclassify.write.desk_records import read_desk_record_file
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
    pages = re.findall(r'<tr data-page="([^"]+)"><th scope="row"><a href="([^"]+)">', index)
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
    assert "Ghana: 2023 set against 2024" in changes
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
    # the name under which the browser keeps what was saved
    desk_names = re.findall(r'data-desk="(\w+)"', index_of(desk_folder))
    namesake = write_report(desk_folder / "next", "Togo", 2025, OLD, "togo-2024.html")
    write_report(desk_folder / "next", "Ghana", 2025, OLD)

    done = cli("score", desk_folder / "next", *options)

    assert b"7 reports" in done.stderr
    index = index_of(desk_folder)
    assert re.findall(r'data-desk="(\w+)"', index) == desk_names
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


@contextmanager
def whole(path: Path) -> Iterator[IO[str]]:
    """Open a file of the desk for writing, in place of the opener that the command gives."""
    with path.open("w", encoding="utf-8") as out:
        yield out


@pytest.fixture
def context(fast: Classifier, tmp_path: Path) -> Output:
    return Output(fast.run(folder=tmp_path, day="2026-11-28"))


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
        failure(f"Courts heard case {number}.", number, number + 9, page=number)
        for number in range(1, count + 1)
    ]
    file = f"{year}.txt"
    return Report(file, document_of(file, "Chad", year), passages)


def add(writer: DeskWriter, folder: Path, report: Report) -> None:
    """Add a report to a desk, whose page is empty."""
    page = folder / f"{report.file}.html"
    assert list(writer.gather(page, [report])) == [report]
    page.write_text("", "utf-8")


def test_a_long_report_fills_several_files_and_is_read_again_whole(
    context: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_MOST_BYTES", 1_000)
    first = DeskWriter(context, whole, resume=False)
    for year in (2023, 2024):
        add(first, tmp_path, report_of(year, 40))
    first.write_index()
    assert len(list((tmp_path / "data").glob("2023.txt.html*.json"))) > 2
    assert len(list((tmp_path / "data").glob("*.js"))) > 2
    assert (tmp_path / "changes" / "2024.txt.html").is_file()
    again = DeskWriter(context, whole, resume=True)
    recorded = again.reports[tmp_path / "2023.txt.html"]
    read = again.files.read_report(recorded, replace(context, day="2031-05-06"))
    assert list(read.passages) == list(report_of(2023, 40).passages)
    assert read.context is not None
    assert read.context.day == recorded.read  # not the day on which changes are written
    (tmp_path / "data" / "2023.txt.html.2.json").write_text("{", "utf-8")
    with pytest.warns(UserWarning, match="not whole"):
        assert tmp_path / "2023.txt.html" not in DeskWriter(context, whole, resume=True).reports


def test_another_publication_has_no_page_of_changes(context: Output, tmp_path: Path) -> None:
    """Chad's reports of 2024 and 2025 have the same sentences, those of 2023 and 2026 others."""

    def report_with(opening: str, year: int) -> Report:
        report = report_of(year, 20)
        passages = []
        for passage in report.passages:
            name = chr(ord("a") + passage.start) * 4 + opening[:2]
            passages.append(replace(passage, text=f"{opening} {name}."))
        return replace(report, passages=passages)

    first = DeskWriter(context, whole, resume=False)
    add(first, tmp_path, report_with("Inspectors visit", 2023))
    add(first, tmp_path, report_of(2024, 20))
    add(first, tmp_path, report_of(2025, 20))
    add(first, tmp_path, report_with("Newspapers print", 2026))
    for writer in (first, DeskWriter(context, whole, resume=True)):
        writer.write_index()
        index = writer.files.index.read_text("utf-8")
        assert re.findall(r'changes/([^"]+)">since (\d+)</a>', index) == [("2025.txt.html", "2024")]
        years_compared = {
            report.year: [change.year for change in writer.links[report.page].changes]
            for report in writer.reports.values()
        }
        assert years_compared == {2023: [], 2024: [], 2025: [2024], 2026: []}
        assert [page.name for page in (tmp_path / "changes").iterdir()] == ["2025.txt.html"]


def test_publications_are_never_mixed_and_each_earlier_year_is_linked(
    context: Output, tmp_path: Path
) -> None:
    """Four years of one publication on Chad, and one year of another."""
    years = (2021, 2022, 2023, 2024)
    writer = DeskWriter(context, whole, resume=False)
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
        (report.series, report.year): writer.links[report.page]
        for report in writer.reports.values()
    }
    latest = links["Harbor Watch", 2024]
    assert [change.year for change in latest.changes] == [2023, 2022, 2021]
    labor = links["Labor Review", 2022]
    assert (labor.changes, labor.ledger) == ([], "")
    (ledger,) = {links["Harbor Watch", year].ledger for year in years}
    text = (tmp_path / ledger).read_text("utf-8")
    assert "Harbor Watch: Chad, 2021 to 2024" in text
    assert "Inspectors enforced" not in text
    for report_links in writer.links.values():
        for change in report_links.changes:
            assert (tmp_path / change.link).is_file()


def test_the_line_about_a_desk_counts_one_report(context: Output, tmp_path: Path) -> None:
    writer = DeskWriter(context, whole, resume=False)
    add(writer, tmp_path, report_of(2023))
    assert writer.write_index().endswith("index.html: 1 report")
    add(writer, tmp_path, report_of(2024))
    assert writer.write_index().endswith("index.html: 2 reports")


def test_an_interrupted_index_leaves_the_last_one_and_its_scripts(
    context: Output, tmp_path: Path
) -> None:
    first = DeskWriter(context, whole, resume=False)
    add(first, tmp_path, report_of(2023))
    first.write_index()
    index_before = first.files.index.read_bytes()
    scripts_before = set((tmp_path / "data").glob("*.js"))

    def broken(path: Path) -> AbstractContextManager[IO[str]]:
        if path.name == "index.html":
            raise KeyboardInterrupt
        return whole(path)

    second = DeskWriter(context, broken, resume=True)
    add(second, tmp_path, report_of(2024))
    with pytest.raises(KeyboardInterrupt):
        second.write_index()
    assert first.files.index.read_bytes() == index_before
    assert scripts_before < set((tmp_path / "data").glob("*.js"))
    (tmp_path / "data" / "2023.txt.html.json").write_text('{"page":', "utf-8")
    with pytest.warns(UserWarning, match=r"2023\.txt\.html\.json: not whole"):
        third = DeskWriter(context, whole, resume=True)
    assert [page.name for page in third.reports] == ["2024.txt.html"]


def test_files_of_the_user_in_the_folder_stay(context: Output, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.js").write_text("mine", "utf-8")
    mine = DeskWriter(context, whole, resume=False)
    add(mine, tmp_path, report_of(2024))
    mine.write_index()
    assert (tmp_path / "data" / "settings.js").read_text("utf-8") == "mine"
    mine.files.index.write_text("<h1>My site</h1>", "utf-8")
    with pytest.raises(OutputError, match=r"index\.html: not an index that tipclassify wrote"):
        DeskWriter(context, whole, resume=True)
    assert mine.files.index.read_text("utf-8") == "<h1>My site</h1>"


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


def export(tab: Page, form: str, file: Path) -> bytes:
    """Export the saved findings in a form; return the file that the browser downloads."""
    with tab.expect_download() as download:
        tab.locator("#exports").get_by_role("button", name=form, exact=True).click()
    download.value.save_as(file)
    return file.read_bytes()


def reload(tab: Page) -> None:
    """Load the page again, as somebody does who has looked at what was saved.

    Chromium may give a page that is loaded within moments of a write, in a new process, what was
    stored before it; loaded once more it has all (limits.md says so).
    """
    kept = tab.evaluate("JSON.stringify(localStorage)")
    tab.wait_for_timeout(1500)
    tab.reload()
    if tab.evaluate("JSON.stringify(localStorage)") != kept:
        tab.reload()


def test_the_map_counts_each_label_and_leads_to_reports_and_changes(
    tab: Page, desk_folder: Path
) -> None:
    at(tab, desk_folder, "")
    heads = tab.locator(".desk-map thead tr").nth(0).locator("th").all_inner_texts()
    columns = [head.split("\n")[-1].split(" ", 1)[-1] for head in heads]
    assert columns == ["Country", "Changes", "Positive effort", "Failure", "Complicity"]
    rows = tab.locator(".desk-map tbody th").all_inner_texts()
    assert {"Ghana", "Togo", "notes.txt"} < set(rows)
    cell = tab.get_by_role("link", name=re.compile(r"^\d+ Failure, Ghana 2023$"))
    data = read_desk_record_file(desk_folder / "desk" / "data" / "ghana-2023.html.html.json")
    assert data
    assert data.report
    failure_count = data.report.counts[LABELS.index("failure")]
    assert cell.inner_text() == str(failure_count)
    tab.get_by_label("Shares of passages").check()
    assert cell.count() == 0
    share = tab.get_by_role("link", name=re.compile(r"^\d+% Failure, Ghana 2023$"))
    assert share.inner_text() == str(round(100 * failure_count / data.report.on_subject))
    assert "show=shares" in tab.url
    latest = re.findall(r"changes/ghana-\d+\.html\.html", index_of(desk_folder))[-1]
    assert tab.locator(".desk-map .change a").first.get_attribute("href") == latest
    share.click()
    assert tab.url.endswith("/ghana-2023.html.html")


def test_the_table_sorts_by_keyboard_and_says_so(tab: Page, desk_folder: Path) -> None:
    at(tab, desk_folder, "#view=reports")
    head = tab.locator(".desk-reports th", has_text="Year")
    head.locator("button").focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    cells = tab.locator(".desk-reports tbody tr td:nth-child(3)").all_inner_texts()
    years = [cell for cell in cells if cell != "–"]
    assert years == sorted(years)
    reload(tab)
    assert head.get_attribute("aria-sort") == "ascending"  # the address keeps it


def test_search_and_filters_find_the_same_again_from_the_address(
    tab: Page, desk_folder: Path
) -> None:
    at(tab, desk_folder, "")
    quotes = tab.locator("#findings .quote")

    def shown() -> set[str]:
        return {text.split(" It did")[0] for text in quotes.all_inner_texts()}

    tab.get_by_label("Words in a finding").fill("court CONVICT")
    tab.keyboard.press("Enter")
    assert tab.locator("#findings-tab").get_attribute("aria-selected") == "true"
    assert shown() <= {OLD[1], NEW[1], " ".join(OLD)}
    assert tab.locator("mark.hit").first.inner_text() == "Courts"
    tab.get_by_label("Words in a finding").fill("“four of the suspects”")
    assert shown() == {NEW[1]}
    tab.get_by_label("Words in a finding").fill("shelter's")  # the report has a curly apostrophe
    assert shown() == {NEW[2]}
    tab.get_by_label("Words in a finding").fill("")
    tab.get_by_label("Country", exact=True).select_option("Ghana")
    tab.get_by_label("Year", exact=True).select_option("2023")
    tab.get_by_label("Section", exact=True).select_option("Prosecution")
    tab.locator("form").get_by_label("Positive effort").uncheck()
    tab.get_by_label("Probability from").fill("0.5")
    left = shown()
    assert left
    assert left < set(OLD)
    sections = tab.get_by_label("Section", exact=True).locator("option").all_inner_texts()
    # headings of any wording are folded
    assert set(sections) == {"All sections", "Prosecution", "Other", "No section"}
    state = "view=findings&country=Ghana&year=2023&section=prosecution&labels=FC&least=0.5"
    assert state in tab.url
    reload(tab)
    assert shown() == left
    link = tab.locator("#findings a").first.get_attribute("href")
    assert link.startswith("ghana-2023.html.html#p")
    tab.get_by_role("button", name="Reset").click()
    tab.get_by_label("No label").check()
    tab.wait_for_function(f"document.querySelectorAll('#findings .quote').length > {len(left)}")


def test_saved_findings_outlive_a_reload_and_are_exported_as_cited_elsewhere(
    tab: Page, desk_folder: Path, fast: Classifier, tmp_path: Path
) -> None:
    at(tab, desk_folder, "#view=findings&order=report")
    saves = tab.locator("#findings .save")
    texts = tab.locator("#findings .quote").all_inner_texts()
    for number in range(saves.count()):
        saves.nth(number).click()
    tab.locator("#findings .do").first.get_by_role("button", name="Copy citation").click()
    tab.get_by_role("button", name="Copied", exact=True).wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    at(tab, desk_folder, "#view=saved")
    assert tab.locator("#saved .quote").all_inner_texts() == texts
    forms = ("CSV", "Word", "Text", "BibTeX", "RIS")
    files = {form: export(tab, form, tmp_path / form) for form in forms}
    cited = [
        citation
        for file in sorted((desk_folder / "desk" / "data").glob("*.json"))
        for citation in citations(file, desk_folder / "in", fast)
    ]
    text = files["Text"].decode()
    assert len(texts) == text.count("Tagged ")
    assert copied in text
    assert set(text.splitlines()) - {""} <= {citation.plain for citation in cited}
    bibtex = files["BibTeX"].decode()
    ris = files["RIS"].decode()
    saved = [citation for citation in cited if citation.plain in text]
    assert len(saved) == len(texts)
    assert all(citation.bibtex in bibtex and citation.ris in ris for citation in saved)
    assert len(bibtex) == sum(len(citation.bibtex) + 1 for citation in saved) - 1
    table = list(csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig"))))
    assert {row["citation"] for row in table} == {citation.plain for citation in saved}
    cells = [cell for row in table for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    word = pytest.importorskip("docx").Document(io.BytesIO(files["Word"]))
    assert zipfile.ZipFile(tmp_path / "Word").testzip() is None  # each part has its checksum
    quotes = {p.text.strip("“”") for p in word.paragraphs if p.style.name == "Quote"}
    assert quotes == {citation.quote for citation in saved}
    tab.locator("#saved .do").get_by_role("button", name="Remove").first.click()
    assert tab.locator("#saved .quote").count() == len(texts) - 1


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
    writer = DeskWriter(context, whole, resume=False)
    add(writer, tmp_path, with_findings)
    add(writer, tmp_path, without_findings)
    writer.write_index()
    page = open_desk(browser, tmp_path)
    assert page.locator("h1").inner_text().startswith("2 reports")
    # the one without findings is one, too
    assert page.locator("#reports-tab small").inner_text() == "2"
    assert page.locator("#findings-tab small").inner_text() == "2"
    page.locator("#findings-tab").click()
    assert page.locator("#findings .quote").all_inner_texts() == [texts[0]]
    page.locator("#unfold", has_text="and 1 sentence that stands in many reports").click()
    assert page.locator("#findings .quote").all_inner_texts() == [texts[0], texts[3]]
    page.get_by_label("Table rows").check()
    assert "2 sentences and 1 table row" in page.locator("#findings-note").inner_text()
    page.locator("#reports-tab").click()
    assert page.locator(".desk-reports tbody small:visible").all_inner_texts() == ["no findings"]
    page.close()


def test_paper_says_how_many_findings_it_leaves_out_until_they_are_shown(
    context: Output, tmp_path: Path, browser: Browser
) -> None:
    writer = DeskWriter(context, whole, resume=False)
    report = report_of(2024, 30)
    passages = [
        replace(passage, text=f"Court {number} heard a case of forced labor.")
        for number, passage in enumerate(report.passages)
    ]
    add(writer, tmp_path, replace(report, passages=passages))
    writer.write_index()
    page = open_desk(browser, tmp_path, "#view=findings")
    note = page.locator("#not-printed")
    left_out = 30 - page.locator("#findings .quote").count()
    assert left_out > 0
    assert not note.is_visible()
    page.emulate_media(media="print")
    assert note.inner_text() == f"{left_out} more findings not printed: show them first."
    page.emulate_media(media="screen")
    page.locator("#further").click()
    page.emulate_media(media="print")
    assert note.inner_text() == ""
    page.close()


SEARCHED = (
    "Two labor inspectors met.",
    "Two labour inspectors left.",
    "Harbour police slept.",
    "Police organised quarries.",
)


@pytest.fixture(scope="module")
def search_page(
    fast: Classifier, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """The findings of a desk with a report of these sentences."""
    folder = tmp_path_factory.mktemp("searched")
    report = Report("a.txt", document_of("a.txt", "Karvonia", 2024), failures(SEARCHED))
    context = Output(fast.run(folder=folder, day="2026-11-28"))
    writer = DeskWriter(context, whole, resume=False)
    add(writer, folder, report)
    writer.write_index()
    page = open_desk(browser, folder, "#view=findings")
    yield page
    page.close()


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("labour inspector", {0, 1}),
        ("labor inspectors", {0, 1}),
        ("harbor OR quarries", {2, 3}),
        ("inspectors NOT quarry", {0, 1}),
        ("police -quarries", {2}),
        ('"labour inspectors"', {0, 1}),
        ("organize", {3}),
        ("police AND harbour", {2}),
    ],
)
def test_search_takes_or_not_phrases_and_both_spellings(
    search_page: Page, query: str, matches: set[int]
) -> None:
    words = search_page.get_by_label("Words in a finding")
    quotes = search_page.locator("#findings .quote")
    words.fill("")  # the queries stand in each other's place
    assert set(quotes.all_inner_texts()) == set(SEARCHED)
    words.fill(query)
    assert set(quotes.all_inner_texts()) == {SEARCHED[number] for number in matches}


@pytest.fixture
def nothing_kept(tab: Page, desk_folder: Path) -> Iterator[None]:
    """Empty what the browser keeps for the desk, before a test and after it."""
    at(tab, desk_folder, "")
    tab.evaluate("localStorage.clear()")
    yield
    tab.evaluate("localStorage.clear()")


@pytest.mark.usefixtures("nothing_kept")
def test_checks_and_saved_findings_outlive_a_reload_in_the_browser(
    tab: Page, desk_folder: Path, tmp_path: Path
) -> None:
    at(tab, desk_folder, "#view=findings&order=report")
    tab.locator("#findings .confirmed").first.click()  # without initials nothing is checked
    assert "Write your initials first" in tab.locator("#status").inner_text()
    tab.locator("#initials").fill("AB")
    tab.keyboard.press("Tab")
    tab.locator("#findings .confirmed").first.click()
    tab.locator("#findings .rejected").nth(1).click()
    tab.locator("#findings .check .note").nth(1).click()
    tab.keyboard.type("Ask the ministry")
    tab.keyboard.press("Escape")
    tab.locator("#findings .save").first.click()
    assert "2 checked (1 confirmed, 1 rejected)" in tab.locator("#findings-note").inner_text()
    reload(tab)
    tab.wait_for_selector("html[data-ready]")
    assert "2 checked (1 confirmed, 1 rejected)" in tab.locator("#findings-note").inner_text()
    assert "note: Ask the ministry" in tab.locator("#findings .check-words").nth(1).inner_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export checks").click()
    download.value.save_as(tmp_path / "checks.json")
    kept = json.loads((tmp_path / "checks.json").read_text("utf-8"))["checks"]
    assert sorted(check["AB"]["verdict"] for check in kept.values()) == ["confirmed", "rejected"]
    tab.get_by_label("Checked", exact=True).select_option("rejected")
    assert tab.locator("#findings .quote").count() == 1
    tab.get_by_role("button", name="Reset").click()
    tab.locator("#saved-tab").click()  # without loading the page anew
    item = tab.locator("#saved li").first
    item.get_by_label("Folder").fill("Trials")
    item.get_by_label("Note", exact=True).fill("See annex")
    assert "See annex" in tab.evaluate("localStorage.getItem(savedKey)")  # before one leaves
    reload(tab)
    tab.wait_for_selector("html[data-ready]")
    assert item.get_by_label("Folder").input_value() == "Trials"
    table = export(tab, "CSV", tmp_path / "saved.csv").decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(table)))
    assert (row["folder"], row["note"]) == ("Trials", "See annex")
    assert re.fullmatch(r"confirmed by AB, \d{4}-\d\d-\d\d", row["checked"])
    assert "1 checked (1 confirmed), 0 unchecked" in tab.locator("#saved-note").inner_text()
    remark = re.compile(r"Folder: Trials\. Note: See annex Confirmed by AB, \d{4}-\d\d-\d\d\.")
    for form in ("Text", "BibTeX", "RIS"):
        text = export(tab, form, tmp_path / form).decode()
        assert len(remark.findall(text)) == 1, form
    assert re.search(rf"(?m)^N1  - {remark.pattern}$", (tmp_path / "RIS").read_text("utf-8"))


@pytest.mark.usefixtures("nothing_kept")
def test_a_check_of_other_tags_does_not_count_in_the_browser(tab: Page, desk_folder: Path) -> None:
    at(tab, desk_folder, "#view=findings&order=report")
    tab.locator("#initials").fill("AB")
    tab.locator("#findings .confirmed").nth(0).click()
    tab.locator("#findings .confirmed").nth(1).click()
    tab.locator("#findings .check .note").nth(1).click()
    tab.keyboard.type("Ask the ministry")
    tab.keyboard.press("Escape")
    tab.evaluate(  # as if the desk was scored again since, with other tags
        """() => {
          for (const [name, text] of Object.entries(localStorage)) {
            if (name.startsWith("tipclassify desk checks"))
              localStorage.setItem(name, text.replace(/"tagged":"[A-Z]+"/, '"tagged":"other"'));
          }
        }"""
    )
    reload(tab)
    tab.wait_for_selector("html[data-ready]")
    assert "0 checked" in tab.locator("#findings-note").inner_text()
    kept = tab.locator("#checks-kept").inner_text()
    assert kept.endswith("2 findings had other tags when checked: check again")
    assert "note by AB: Ask" in tab.locator("#findings .check-words").nth(1).inner_text()
    tab.locator("#findings .rejected").nth(1).click()
    assert "1 checked (1 rejected)" in tab.locator("#findings-note").inner_text()
    assert "1 finding had other tags" in tab.locator("#checks-kept").inner_text()


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("answer", ["return null", "throw new Error('busy')"])
def test_a_list_that_the_browser_does_not_give_is_not_overwritten(
    tab: Page, desk_folder: Path, answer: str
) -> None:
    at(tab, desk_folder, "#view=findings&order=report")
    tab.locator("#findings .save").nth(0).click()
    tab.evaluate(f"() => {{ Storage.prototype.getItem = () => {{ {answer} }}; }}")
    tab.locator("#findings .save").nth(1).click()
    quotes = tab.locator("#findings .quote").all_inner_texts()[:2]
    at(tab, desk_folder, "#view=saved")  # a new page, with its own getItem
    assert tab.locator("#saved .quote").all_inner_texts() == quotes


@pytest.mark.usefixtures("nothing_kept")
def test_saved_findings_are_exported_in_their_order_with_folders_and_tags(
    tab: Page, desk_folder: Path, tmp_path: Path
) -> None:
    at(tab, desk_folder, "#view=findings&order=report")
    for number in range(3):
        tab.locator("#findings .save").nth(number).click()
    quotes = tab.locator("#findings .quote").all_inner_texts()[:3]
    tab.locator("#saved-tab").click()
    items = tab.locator("#saved li")
    items.nth(2).get_by_label("Tags, with commas").fill("courts, trials")
    items.nth(2).get_by_label("Folder").fill("Courts")
    items.nth(2).get_by_role("button", name="Move up").focus()
    tab.keyboard.press("Enter")
    assert "Now 2 of 3" in tab.locator("#status").inner_text()
    tab.keyboard.press("Enter")  # whoever works by keyboard stays on the finding
    order = [quotes[2], quotes[0], quotes[1]]
    assert tab.locator("#saved .quote").all_inner_texts() == order
    reload(tab)
    tab.wait_for_selector("html[data-ready]")
    assert tab.locator("#saved .quote").all_inner_texts() == order
    table = export(tab, "CSV", tmp_path / "CSV").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    folders_and_tags = [(row["folder"], row["tags"]) for row in rows]
    assert folders_and_tags == [("Courts", "courts, trials"), ("", ""), ("", "")]
    ris = export(tab, "RIS", tmp_path / "RIS").decode()
    assert re.findall(r"ID  - (\S+)", ris) == [row["key"] for row in rows]
    word_file = export(tab, "Word", tmp_path / "Word")
    word = pytest.importorskip("docx").Document(io.BytesIO(word_file))
    heads = [p.text for p in word.paragraphs if p.style.name == "Heading 1"]
    assert heads[0] == "Courts"


def citations(file: Path, folder: Path, fast: Classifier) -> Iterator[Citation]:
    """Cite the passages of a report again, as the writers do."""
    data = read_desk_record_file(file)
    assert data
    report = data.report
    assert report
    name = re.sub(r"(-[0-9a-f]{8})?\.html$", "", data.page)
    if not (folder / name).is_file() or report.year == 2025:
        folder = folder.with_name("next")  # of the second run
    name = "togo-2024.html" if data.page.startswith("togo-2024.html-") else name
    for row in data.passages:
        place = data.places[row.place]
        scores = dict(zip(LABELS, row.scores, strict=True))
        passage = Passage(
            row.text, row.start, row.end, place.section, row.labels, scores, page=row.page
        )
        finding = Finding(
            file=str(folder / name),
            passage=passage,
            extra={},
            country=place.country,
            year=place.year,
            title=report.title,
            paragraph=int(row.paragraph or 0) or None,
            publication=report.publication,
            publisher=report.publisher,
        )
        cited = cite(finding, Output(fast.run("screen", day=report.read)))
        assert cited.key == row.key
        yield cited


def test_a_hostile_report_is_text_and_nothing_else(tab: Page, desk_folder: Path) -> None:
    at(
        tab,
        desk_folder,
        "#view=findings&words=<img src=x onerror=window.pwned=1>&country=<b>&sort=<i>&year=%0",
    )
    for view in ("saved", "findings", "reports", "map"):
        tab.locator(f"#{view}-tab").click()
    assert tab.locator("main script, main img, main iframe, main style").count() == 0
    at(tab, desk_folder, "")
    assert tab.evaluate("window.pwned") is None
    assert any("onerror" in name for name in tab.locator(".desk-map tbody th").all_inner_texts())


def test_axe_finds_nothing_and_nothing_sticks_out(
    desk_folder: Path, browser: Browser, axe: Axe
) -> None:
    # axe is a script that the policy would not let in
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    later_findings = "document.querySelectorAll('#findings li:nth-child(n + 4)')"
    views = "document.querySelectorAll('[role=tabpanel]')"
    at(page, desk_folder, "")
    for width, scheme in ((1440, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for view in ("findings", "reports", "map", "saved"):
            page.locator(f"#{view}-tab").click()
            if view == "findings":
                page.locator("#findings .save").nth(int(width > 390)).click()
                page.evaluate(f"{later_findings}.forEach((li) => li.remove())")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        # All views at once: a run takes seconds.
        page.evaluate(f"{views}.forEach((panel) => (panel.hidden = false))")
        assert violations_of(axe, page) == [], f"{width} pixels wide, {scheme}"
    context.close()
