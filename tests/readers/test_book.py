"""A yearbook of countries is read as narratives, each with its country, tier and sections.

Real PDFs are read without faults.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pytest
from babel import Locale
from pdf_pages import make_pdf, show, texts

from tipclassify.readers import read_bytes, read_report
from tipclassify.readers.about.countries import country_of_code, fold_name
from tipclassify.records import Document
from tipclassify.text.split import split_passages

sys.path.append(str(Path(__file__).parents[1] / "files"))
import make_book

NAMES = {
    "Prioritized Recommendations": "recommendations",
    "Prosecution": "prosecution",
    "Protection": "protection",
    "Prevention": "prevention",
    "Trafficking Profile": "profile",
}


@pytest.fixture(scope="module")
def book() -> Document:
    """The yearbook of twelve countries, as it is read."""
    return read_report(Path(make_book.__file__).with_name("book.pdf"))


@pytest.mark.parametrize("number", range(12), ids=make_book.COUNTRIES)
def test_each_narrative_is_whole_and_in_order(book: Document, number: int) -> None:
    country = make_book.COUNTRIES[number]
    expected = [(f"{country.upper()} ({make_book.TIERS[number % 4]})", "assessment")]
    for heading, section in NAMES.items():
        paragraphs = [heading.upper(), *make_book.paragraphs(number, heading)]
        if heading == "Prosecution":
            rows = [" | ".join(row) for row in make_book.rows(number)]
            paragraphs += [f"Table {number + 1}. Trials in {country}", *rows, paragraphs[1]]
        expected += [(text, section) for text in paragraphs]
    narrative = [
        (text, block.section)
        for text, block in zip(texts(book), book.blocks, strict=True)
        if block.country == country and not text.startswith("Port ")  # the label of the map
    ]
    assert " ".join(text for text, _ in narrative) == " ".join(text for text, _ in expected)
    sections = dict(narrative)
    for text, section in expected:
        if len(text) < 60:
            assert sections[text] == section


def test_the_book_has_no_country_and_its_passages_have(book: Document) -> None:
    assert book.country is None
    assert list(dict.fromkeys(block.country for block in book.blocks)) == make_book.COUNTRIES
    assert {passage.country for passage in split_passages(book)} == {*make_book.COUNTRIES}


def test_a_tier_below_the_name_begins_a_narrative_and_back_matter_ends_the_last() -> None:
    text = (
        "# ARVENIA\n\n**TIER 2**\n\nCourts slept.\n\n"
        "# Togo\n\n**Tier 3**\n\nPolice acted.\n\n"
        "# Glossary\n\nTIP: trafficking."
    )
    document = read_bytes(text.encode(), "book.md")
    countries = [block.country for block in document.blocks if not block.heading]
    assert countries == ["Arvenia", "Togo", None]


def test_one_narrative_is_no_book() -> None:
    document = read_bytes(
        b"# Togo\n\n**Tier 3**\n\nPolice acted.\n\n## Prevention\n\nNo campaign was held.", "x.md"
    )
    assert document.country == "Togo"
    assert {block.country for block in document.blocks} == {None}


COUNTRIES = filter(None, map(country_of_code, filter(str.isalpha, Locale("en").territories)))
CHAPTERS = sorted((country.name for country in COUNTRIES), key=fold_name)


def book_without_title_page(kind: str, chapters: list[str]) -> Document:
    """Return a book with a chapter for each name, from the first line on."""
    text = "Police opened nine cases of forced labour, and the courts of the capital freed no one."
    if kind == "html":
        page = "".join(f"<h2>{name}</h2><p>{text}</p><p>{text}</p>" for name in chapters)
        return read_bytes(page.encode(), "book.html")
    lines = [show(72, 700, name, 16, "B") + show(72, 680, text) for name in chapters]
    return read_bytes(make_pdf(*lines), "book.pdf")


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_headings_that_list_countries_begin_chapters_though_the_first_is_the_title(
    kind: str,
) -> None:
    document = book_without_title_page(kind, CHAPTERS)
    assert (document.country, document.title) == (None, None)
    assert list(dict.fromkeys(block.country for block in document.blocks)) == CHAPTERS
    # those that put questions to a country stand below its name
    document = book_without_title_page(kind, ["Togo", *CHAPTERS[:9]])
    assert document.country == "Togo"


# --------------------------------------------------------------------------------------- real files

REPORTS = sorted((Path(__file__).parents[3] / "shared" / "reports" / "pdf").glob("*.pdf"))
REFERENCE = re.compile(
    r"https?://|U\.S\. Embassy- |[Ss]ource on file|[Ee]-mail communication|Accessed [A-Z]"
    r"|^[\[(]\d{1,3}(?:[,;–-] ?\d{1,3})*[\])]"
)
SENTENCE = re.compile(r"[a-z]{3}[.?!] +[A-Z(]|[a-z]\.$|\(\d[\d, –-]*\)$|\A[a-z]")
SECTION = re.compile(r"[IVX]+\. |(?:Labor|Criminal) Law Enforcement$|assessment$")


@pytest.mark.skipif(not REPORTS, reason="no ../shared/reports beside the project")
@pytest.mark.parametrize("path", REPORTS[:2], ids=lambda path: path.stem)
def test_real_reports_are_read_without_the_known_faults(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = read_report(path)
    blocks = texts(document)
    for text, block in zip(blocks, document.blocks, strict=True):
        assert not (block.heading and SENTENCE.search(text))
    rows: list[str] = []
    for passage in split_passages(document):
        section = passage.section or ""
        if section == "references":
            continue
        assert not REFERENCE.search(passage.text)
        if "Table" in section:
            rows.append(blocks[passage.block or 0])
        else:
            assert SECTION.match(section or "I. ")
    assert sum(" | " in row for row in rows) > 0.95 * len(rows)
