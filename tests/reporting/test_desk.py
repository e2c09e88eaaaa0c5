"""The desk of many reports: whole, offline, inert, the old reports kept when new ones come; and
usable in a browser."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from tipclassify import Classifier
from tipclassify.errors import OutputError
from tipclassify.labels import LABELS
from tipclassify.reporting.citation import Citation, cite
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport
from tipclassify.reporting.writers import desk
from tipclassify.reporting.writers.desk import DeskWriter
from tipclassify.reporting.writers.desk_records import read_desk_passage_file
from tipclassify.text.document import Document, Passage

Run = Callable[..., Any]
PAGE = "<html><head><title>{title}</title></head><body><h1>{title}</h1><h2>Prosecution</h2>{text}</body></html>"
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
EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1> Police’s =arrested_ {nobody} \\ 50% & \u202e"
SCORE = ("--model", "fast", "--format", "html", "--output-dir")


def write_report(
    folder: Path, country: str, year: int, texts: tuple[str, ...], name: str = ""
) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / (name or f"{country.lower()}-{year}.html")
    text = "".join(f"<p>{text} It did so in {year}.</p>" for text in texts)
    file.write_text(
        PAGE.format(title=f"{year} Trafficking in Persons Report: {country}", text=text), "utf-8"
    )
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cli: Run) -> Path:
    """A desk of two years of a country, a report without country, and rows that attack."""
    folder = tmp_path_factory.mktemp("made")
    for country, year, texts in (("Ghana", 2023, OLD), ("Ghana", 2024, NEW), ("Togo", 2024, NEW)):
        write_report(folder / "in", country, year, texts)
    (folder / "in" / "notes.txt").write_text(" ".join(OLD), "utf-8")
    rows = [{"text": EVIL, "section": EVIL, "country": EVIL, "year": 2024}]
    (folder / "in" / "evil.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), "utf-8"
    )
    done = cli("score", folder / "in", *SCORE, folder / "desk", "--policy", "screen")
    assert done.returncode == 0
    assert re.search(rb"open .*desk.index\.html: 5 reports\n", done.stderr)
    return folder


def index_of(folder: Path) -> str:
    return (folder / "desk" / "index.html").read_text("utf-8")


def scripts_of(folder: Path) -> list[str]:
    return re.findall(r'<script src="(data/\w{8}\.js)" defer>', index_of(folder))


def test_the_index_lists_each_report_with_its_page_and_what_changed(made: Path) -> None:
    index = index_of(made)
    pages = re.findall(r'<tr data-page="([^"]+)"><th scope="row"><a href="([^"]+)">', index)
    assert {page for page, link in pages if page == link and (made / "desk" / link).is_file()} == {
        "ghana-2023.html.html", "ghana-2024.html.html", "togo-2024.html.html", "notes.txt.html", "evil.jsonl.html"
    }  # fmt: skip
    assert re.findall(r'<a href="(changes/[^"]+)">since (\d+)</a>', index) == [
        ("changes/ghana-2024.html.html", "2023")
    ]
    changes = (made / "desk" / "changes" / "ghana-2024.html.html").read_text("utf-8")
    assert "Ghana: 2023 set against 2024" in changes
    assert 'href="../ghana-2023.html.html"' in changes  # stays when the folder is moved
    assert '<a href="../index.html">' in changes
    assert '<a href="index.html">' in (made / "desk" / "ghana-2024.html.html").read_text("utf-8")
    assert all((made / "desk" / script).stat().st_size < 2_000_000 for script in scripts_of(made))
    assert "<script>window" not in index


def test_next_years_reports_join_the_old_ones_which_are_not_scored_again(
    made: Path, cli: Run
) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in (made / "desk").rglob("*.html*")
        if path.name != "index.html"
    }
    known = re.findall(r'data-desk="(\w+)"', index_of(made))
    # the name of last year's file
    twin = write_report(made / "next", "Togo", 2025, OLD, "togo-2024.html")
    write_report(made / "next", "Ghana", 2025, OLD)
    done = cli("score", made / "next", *SCORE, made / "desk", "--policy", "screen", "--resume")
    assert b"7 reports" in done.stderr
    index = index_of(made)
    # under which the browser keeps what was saved
    assert re.findall(r'data-desk="(\w+)"', index) == known
    assert re.findall(r'changes/(\w+-\d+).*?since (\d+)</a>', index) == [
        ("ghana-2024", "2023"), ("ghana-2025", "2024"), ("togo-2024", "2024")
    ]  # fmt: skip
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert {f"data/{path.name}" for path in (made / "desk" / "data").glob("*.js")} == set(
        scripts_of(made)
    )
    again = cli("score", made / "in", twin, *SCORE, made / "desk", "--policy", "screen", "--resume")
    assert b"6 of 6 inputs were done" in again.stderr
    assert b"7 reports" in again.stderr


@contextmanager
def whole(path: Path) -> Iterator[IO[str]]:
    with path.open("w", encoding="utf-8") as out:
        yield out


@pytest.fixture
def context(fast: Classifier, tmp_path: Path) -> ScoringContext:
    return ScoringContext(fast, folder=tmp_path, day="2026-11-28")


def report_of(year: int, count: int = 3) -> TaggedReport:
    passages = [
        Passage(
            f"Courts heard case {n}.",
            n,
            n + 9,
            "Trials",
            ("failure",),
            dict.fromkeys(LABELS, 0.6),
            page=n,
        )
        for n in range(1, count + 1)
    ]
    return TaggedReport(
        f"{year}.txt", Document("", (), f"{year}.txt", "Trials", "Chad", year), passages
    )


def add(made: DeskWriter, folder: Path, report: TaggedReport) -> None:
    page = folder / f"{report.file}.html"
    assert list(made.gather(page, [report])) == [report]
    page.write_text("", "utf-8")


def test_a_long_report_fills_several_files_and_is_read_again_whole(
    context: ScoringContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    read = again.files.read_report(again.reports[tmp_path / "2023.txt.html"])
    assert list(read.passages) == list(report_of(2023, 40).passages)


def test_another_publication_has_no_page_of_changes(
    context: ScoringContext, tmp_path: Path
) -> None:
    """Chad's reports of 2024 and 2025 are of one publication, those of 2023 and 2026 each of
    another."""
    first = DeskWriter(context, whole, resume=False)
    for year, word in (
        (2023, "Inspectors visit"),
        (2024, ""),
        (2025, ""),
        (2026, "Newspapers print"),
    ):
        report = report_of(year, 20)
        other = [
            replace(p, text=f"{word} {chr(97 + p.start) * 4}{word[:2]}.") for p in report.passages
        ]
        add(first, tmp_path, replace(report, passages=other) if word else report)
    for made in (first, DeskWriter(context, whole, resume=True)):
        made.write_index()
        index = made.files.index.read_text("utf-8")
        assert re.findall(r'changes/([^"]+)">since (\d+)</a>', index) == [("2025.txt.html", "2024")]
        reports = sorted(made.reports.values(), key=lambda report: report.year or 0)
        links = [made.links[report.page] for report in reports]
        assert [[change.year for change in of_report.changes] for of_report in links] == [
            [],
            [],
            [2024],
            [],
        ]
        assert [page.name for page in (tmp_path / "changes").iterdir()] == ["2025.txt.html"]


def test_publications_are_never_mixed_and_each_earlier_year_is_linked(
    context: ScoringContext, tmp_path: Path
) -> None:
    """Ghana's human-rights pages of four years, and a Labor report of one of them, in invented
    words."""
    made = DeskWriter(context, whole, resume=False)
    for year in (2021, 2022, 2023, 2024):
        report = report_of(year, 20)
        document = replace(report.document, publication="Harbor Watch") if report.document else None
        add(made, tmp_path, replace(report, document=document))
    other = report_of(2022, 20)
    document = replace(other.document, publication="Labor Review") if other.document else None
    passages = [
        replace(
            p, text=f"Inspectors enforced the law on farm {p.start}.", labels=("positive_effort",)
        )
        for p in other.passages
    ]
    add(made, tmp_path, TaggedReport("labor.pdf", document, passages))
    made.write_index()
    links = {(r.series, r.year): made.links[r.page] for r in made.reports.values()}
    latest = links["Harbor Watch", 2024]
    assert [change.year for change in latest.changes] == [2023, 2022, 2021]
    labor = links["Labor Review", 2022]
    assert (labor.changes, labor.ledger) == ([], "")
    assert labor.beside == links["Harbor Watch", 2022].beside != ""
    (ledger,) = {links["Harbor Watch", year].ledger for year in (2021, 2022, 2023, 2024)}
    text = (tmp_path / ledger).read_text("utf-8")
    assert "Harbor Watch: Chad, 2021 to 2024" in text
    assert "Inspectors enforced" not in text
    for of_report in made.links.values():
        for change in of_report.changes:
            assert (tmp_path / change.link).is_file()


def test_an_interrupted_index_leaves_the_last_one_and_its_scripts(
    context: ScoringContext, tmp_path: Path
) -> None:
    first = DeskWriter(context, whole, resume=False)
    add(first, tmp_path, report_of(2023))
    first.write_index()
    before, scripts = first.files.index.read_bytes(), set((tmp_path / "data").glob("*.js"))

    def broken(path: Path) -> AbstractContextManager[IO[str]]:
        if path.name == "index.html":
            raise KeyboardInterrupt
        return whole(path)

    second = DeskWriter(context, broken, resume=True)
    add(second, tmp_path, report_of(2024))
    with pytest.raises(KeyboardInterrupt):
        second.write_index()
    assert first.files.index.read_bytes() == before
    assert scripts < set((tmp_path / "data").glob("*.js"))
    (tmp_path / "data" / "2023.txt.html.json").write_text('{"page":', "utf-8")
    with pytest.warns(UserWarning, match=r"2023\.txt\.html\.json: not whole"):
        third = DeskWriter(context, whole, resume=True)
    assert [page.name for page in third.reports] == ["2024.txt.html"]


# -------------------------------------------------------------------------------------------------
# in a browser


def test_files_of_the_user_in_the_folder_stay(context: ScoringContext, tmp_path: Path) -> None:
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


@pytest.fixture(scope="module")
def tab(made: Path, browser: Any) -> Iterator[Any]:
    """The index, opened from the disk; a request beyond its folder, an error or a dialog fails a
    test."""
    asked, wrong = list[str](), list[str]()
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: wrong.append(dialog.message) or dialog.dismiss())  # type: ignore[func-returns-value]
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((made / "desk" / "index.html").as_uri())
    yield page
    assert [url for url in asked if not url.startswith(((made / "desk").as_uri(), "blob:"))] == []
    assert wrong == []
    context.close()


def at(tab: Any, made: Path, fragment: str) -> Any:
    tab.goto("about:blank")
    tab.goto((made / "desk" / "index.html").as_uri() + fragment)
    tab.wait_for_selector("html[data-ready]")
    return tab


def reload(tab: Any) -> None:
    """Load the page again, as somebody does who has looked at what was saved.

    Chromium may give a page that is loaded within milliseconds of a write, in a new process, what
    was stored before it.
    """
    tab.wait_for_timeout(1500)
    tab.reload()


def test_the_map_counts_each_label_and_leads_to_reports_and_changes(tab: Any, made: Path) -> None:
    at(tab, made, "")
    heads = tab.locator(".desk-map thead tr").nth(0).locator("th").all_inner_texts()
    assert [head.split("\n")[-1].split(" ", 1)[-1] for head in heads] == [
        "Country", "Changes", "Positive effort", "Failure", "Complicity"
    ]  # fmt: skip
    rows = tab.locator(".desk-map tbody th").all_inner_texts()
    assert {"Ghana", "Togo", "notes.txt"} < set(rows)
    cell = tab.get_by_role("link", name=re.compile(r"^\d+ Failure, Ghana 2023$"))
    data = read_desk_passage_file(made / "desk" / "data" / "ghana-2023.html.html.json")
    assert data
    assert data.report
    assert cell.inner_text() == str(data.report.counts[1])
    tab.get_by_label("Shares of passages").check()
    assert cell.count() == 0
    share = tab.get_by_role("link", name=re.compile(r"^\d+% Failure, Ghana 2023$"))
    assert share.inner_text() == str(round(100 * data.report.counts[1] / data.report.on_subject))
    assert "show=shares" in tab.url
    latest = re.findall(r"changes/ghana-\d+\.html\.html", index_of(made))[-1]
    assert tab.locator(".desk-map .change a").first.get_attribute("href") == latest
    share.click()
    assert tab.url.endswith("/ghana-2023.html.html")


def test_the_table_sorts_by_keyboard_and_says_so(tab: Any, made: Path) -> None:
    at(tab, made, "#view=reports")
    head = tab.locator(".desk-reports th", has_text="Year")
    head.locator("button").focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    years = tab.locator(".desk-reports tbody tr td:nth-child(3)").all_inner_texts()
    assert [year for year in years if year != "–"] == sorted(year for year in years if year != "–")
    reload(tab)
    assert head.get_attribute("aria-sort") == "ascending"  # the address keeps it


def test_search_and_filters_find_the_same_again_from_the_address(tab: Any, made: Path) -> None:
    at(tab, made, "")
    found = tab.locator("#findings .quote")

    def shown() -> set[str]:
        return {text.split(" It did")[0] for text in found.all_inner_texts()}

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
    assert (
        "view=findings&country=Ghana&year=2023&section=prosecution&labels=FC&least=0.5" in tab.url
    )
    reload(tab)
    assert shown() == left
    assert (
        tab.locator("#findings a").first.get_attribute("href").startswith("ghana-2023.html.html#p")
    )
    tab.get_by_role("button", name="Reset").click()
    tab.get_by_label("No label").check()
    tab.wait_for_function(f"document.querySelectorAll('#findings .quote').length > {len(left)}")


def test_saved_findings_outlive_a_reload_and_are_exported_as_cited_elsewhere(
    tab: Any, made: Path, fast: Classifier, tmp_path: Path
) -> None:
    at(tab, made, "#view=findings&order=report")
    saves = tab.locator("#findings .save")
    texts = tab.locator("#findings .quote").all_inner_texts()
    for number in range(saves.count()):
        saves.nth(number).click()
    tab.locator("#findings .do").first.get_by_role("button", name="Copy citation").click()
    tab.get_by_role("button", name="Copied", exact=True).wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    at(tab, made, "#view=saved")
    assert tab.locator("#saved .quote").all_inner_texts() == texts
    files = {}
    for name in ("CSV", "Word", "Text", "BibTeX", "RIS", "CSL-JSON"):
        with tab.expect_download() as download:
            tab.locator("#exports").get_by_role("button", name=name, exact=True).click()
        download.value.save_as(tmp_path / name)
        files[name] = (tmp_path / name).read_bytes()
    cited = [
        citation
        for file in sorted((made / "desk" / "data").glob("*.json"))
        for citation in citations(file, made / "in", fast)
    ]
    text = files["Text"].decode()
    assert len(texts) == text.count("Tagged ")
    assert copied in text
    assert set(text.splitlines()) - {""} <= {one.plain for one in cited}
    bibtex, ris = files["BibTeX"].decode(), files["RIS"].decode()
    saved = [one for one in cited if one.plain in text]
    assert len(saved) == len(texts)
    assert all(one.bibtex in bibtex and one.ris in ris for one in saved)
    assert len(bibtex) == sum(len(one.bibtex) + 1 for one in saved) - 1
    by_id = {item["id"]: item for item in json.loads(files["CSL-JSON"])}
    assert by_id == {one.key: json.loads(one.csl) for one in saved}
    table = list(csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig"))))
    assert {row["citation"] for row in table} == {one.plain for one in saved}
    assert not [
        cell for row in table for cell in row.values() if cell.startswith(("=", "+", "-", "@"))
    ]
    word = pytest.importorskip("docx").Document(io.BytesIO(files["Word"]))
    assert zipfile.ZipFile(tmp_path / "Word").testzip() is None  # each part has its checksum
    assert {p.text.strip("“”") for p in word.paragraphs if p.style.name == "Quote"} == {
        one.quote for one in saved
    }
    tab.locator("#saved .do").get_by_role("button", name="Remove").first.click()
    assert tab.locator("#saved .quote").count() == len(texts) - 1


def test_a_sentence_said_again_and_a_row_of_a_table_count_apart_on_the_desk(
    context: ScoringContext, tmp_path: Path, browser: Any
) -> None:
    texts = (
        "Police arrested nine recruiters in Port Salwen in May.",
        "Ministry of Harbors | Police arrested recruiters. | Yes",
        "Police arrested nine recruiters in Port Salwen in May. (4)",
        "The law prohibits all forms of forced or compulsory labor.",
    )
    passages = [
        Passage(
            text, 100 * n, 100 * n + len(text), "Trials", ("failure",), dict.fromkeys(LABELS, 0.6)
        )
        for n, text in enumerate(texts)
    ]
    made = DeskWriter(context, whole, resume=False)
    document = Document("", (), "a.txt", "Trials", "Karvonia", 2024)
    add(made, tmp_path, TaggedReport("a.txt", document, passages))
    add(
        made,
        tmp_path,
        TaggedReport("b.txt", replace(document, source="b.txt", country="Zembla"), []),
    )
    made.write_index()
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.wait_for_selector("html[data-ready]")
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
    context: ScoringContext, tmp_path: Path, browser: Any
) -> None:
    made = DeskWriter(context, whole, resume=False)
    report = report_of(2024, 30)
    passages = [
        replace(passage, text=f"Court {number} heard a case of forced labor.")
        for number, passage in enumerate(report.passages)
    ]
    add(made, tmp_path, replace(report, passages=passages))
    made.write_index()
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri() + "#view=findings")
    page.wait_for_selector("html[data-ready]")
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
    fast: Classifier, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The findings of a desk with a report of these sentences."""
    folder = tmp_path_factory.mktemp("searched")
    passages = [
        Passage(
            text, 100 * n, 100 * n + len(text), "Trials", ("failure",), dict.fromkeys(LABELS, 0.6)
        )
        for n, text in enumerate(SEARCHED)
    ]
    made = DeskWriter(ScoringContext(fast, folder=folder, day="2026-11-28"), whole, resume=False)
    document = Document("", (), "a.txt", "Trials", "Karvonia", 2024)
    add(made, folder, TaggedReport("a.txt", document, passages))
    made.write_index()
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri() + "#view=findings")
    page.wait_for_selector("html[data-ready]")
    yield page
    page.close()


@pytest.mark.parametrize(
    ("query", "found"),
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
    search_page: Any, query: str, found: set[int]
) -> None:
    words = search_page.get_by_label("Words in a finding")
    quotes = search_page.locator("#findings .quote")
    words.fill("")  # the queries stand in each other's place
    assert set(quotes.all_inner_texts()) == set(SEARCHED)
    words.fill(query)
    assert set(quotes.all_inner_texts()) == {SEARCHED[n] for n in found}


@pytest.fixture
def nothing_kept(tab: Any, made: Path) -> Iterator[None]:
    """Empty what the browser keeps for the desk, before a test and after it."""
    at(tab, made, "")
    tab.evaluate("localStorage.clear()")
    yield
    tab.evaluate("localStorage.clear()")


@pytest.mark.usefixtures("nothing_kept")
def test_checks_and_saved_findings_outlive_a_reload_in_the_browser(
    tab: Any, made: Path, tmp_path: Path
) -> None:
    at(tab, made, "#view=findings&order=report")
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
    at(tab, made, "#view=saved")
    item = tab.locator("#saved li").first
    item.get_by_label("Folder").fill("Trials")
    item.get_by_label("Note", exact=True).fill("See annex")
    assert "See annex" in tab.evaluate("localStorage.getItem(savedKey)")  # before one leaves
    reload(tab)
    tab.wait_for_selector("html[data-ready]")
    assert item.get_by_label("Folder").input_value() == "Trials"
    with tab.expect_download() as download:
        tab.locator("#exports").get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "saved.csv")
    (row, *_) = csv.DictReader(io.StringIO((tmp_path / "saved.csv").read_text("utf-8-sig")))
    assert (row["folder"], row["note"]) == ("Trials", "See annex")
    assert re.fullmatch(r"confirmed by AB, \d{4}-\d\d-\d\d", row["checked"])
    assert "1 checked (1 confirmed), 0 unchecked" in tab.locator("#saved-note").inner_text()
    remark = re.compile(r"Folder: Trials\. Note: See annex Confirmed by AB, \d{4}-\d\d-\d\d\.")
    for name in ("Text", "BibTeX", "RIS", "CSL-JSON"):
        with tab.expect_download() as download:
            tab.locator("#exports").get_by_role("button", name=name, exact=True).click()
        download.value.save_as(tmp_path / name)
        text = (tmp_path / name).read_text("utf-8")
        assert len(remark.findall(text)) == 1, name
    assert re.search(rf"(?m)^N1  - {remark.pattern}$", (tmp_path / "RIS").read_text("utf-8"))
    (item,) = json.loads((tmp_path / "CSL-JSON").read_text("utf-8"))
    assert remark.search(item["note"])


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("answer", ["return null", "throw new Error('busy')"])
def test_a_list_that_the_browser_does_not_give_is_not_overwritten(
    tab: Any, made: Path, answer: str
) -> None:
    at(tab, made, "#view=findings&order=report")
    tab.locator("#findings .save").nth(0).click()
    tab.evaluate(f"() => {{ Storage.prototype.getItem = () => {{ {answer} }}; }}")
    tab.locator("#findings .save").nth(1).click()
    quotes = tab.locator("#findings .quote").all_inner_texts()[:2]
    at(tab, made, "#view=saved")  # a new page, with its own getItem
    assert tab.locator("#saved .quote").all_inner_texts() == quotes


@pytest.mark.usefixtures("nothing_kept")
def test_saved_findings_are_exported_in_their_order_with_folders_and_tags(
    tab: Any, made: Path, tmp_path: Path
) -> None:
    at(tab, made, "#view=findings&order=report")
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
    files = {}
    for name in ("CSV", "RIS", "Word"):
        with tab.expect_download() as download:
            tab.locator("#exports").get_by_role("button", name=name, exact=True).click()
        download.value.save_as(tmp_path / name)
        files[name] = (tmp_path / name).read_bytes()
    rows = list(csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig"))))
    assert [(row["folder"], row["tags"]) for row in rows] == [
        ("Courts", "courts, trials"), ("", ""), ("", "")
    ]  # fmt: skip
    ids = re.findall(r"ID  - (\S+)", files["RIS"].decode())
    assert ids == [row["key"] for row in rows]
    word = pytest.importorskip("docx").Document(io.BytesIO(files["Word"]))
    heads = [p.text for p in word.paragraphs if p.style.name == "Heading 1"]
    assert heads[0] == "Courts"


def citations(file: Path, folder: Path, fast: Classifier) -> Iterator[Citation]:
    """Cite the passages of a report again, as the writers do."""
    data = read_desk_passage_file(file)
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
            str(folder / name),
            passage,
            {},
            place.country,
            place.year,
            report.title,
            int(row.paragraph or 0) or None,
            report.publication,
            report.publisher,
        )
        cited = cite(finding, ScoringContext(fast, "screen", day=report.read))
        assert cited.key == row.key
        yield cited


def test_a_hostile_report_is_text_and_nothing_else(tab: Any, made: Path) -> None:
    at(
        tab,
        made,
        "#view=findings&words=<img src=x onerror=window.pwned=1>&country=<b>&sort=<i>&year=%0",
    )
    for view in ("saved", "findings", "reports", "map"):
        tab.locator(f"#{view}-tab").click()
    assert tab.locator("main script, main img, main iframe, main style").count() == 0
    at(tab, made, "")
    assert tab.evaluate("window.pwned") is None
    assert any("onerror" in name for name in tab.locator(".desk-map tbody th").all_inner_texts())


def test_axe_finds_nothing_and_nothing_sticks_out(made: Path, browser: Any, axe: Any) -> None:
    # axe is a script that the policy would not let in
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    at(page, made, "")
    for width, scheme in ((1440, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for view in ("findings", "reports", "map", "saved"):
            page.locator(f"#{view}-tab").click()
            if view == "findings":
                page.locator("#findings .save").nth(int(width > 390)).click()
                page.evaluate(
                    "document.querySelectorAll('#findings li:nth-child(n + 4)').forEach((li) => li.remove())"
                )
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        # All views at once: a run takes seconds.
        page.evaluate(
            "document.querySelectorAll('[role=tabpanel]').forEach((panel) => (panel.hidden = false))"
        )
        found = axe.run(page).response["violations"]
        said = [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found]
        assert (width, scheme, said) == (width, scheme, [])
    context.close()
