"""A yearbook of countries is read as narratives, each with its country, tier and sections.

Real PDFs are read without faults.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pytest

from tipclassify.readers import read_bytes, read_report
from tipclassify.records import Document, Report
from tipclassify.reports.report import findings_of
from tipclassify.text.split import split_passages

sys.path.append(str(Path(__file__).parents[1] / "files"))
import make_book

REPORTS = sorted((Path(__file__).parents[3] / "shared" / "reports" / "pdf").glob("*.pdf"))
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


def blocks(document: Document, country: str) -> list[tuple[str, str | None]]:
    """Return text and section of each block of a country."""
    return [
        (document.text[block.start : block.end], block.section)
        for block in document.blocks
        if block.country == country
    ]


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
        (text, section)
        for text, section in blocks(book, country)
        if not text.startswith("Port ")  # the label of the map
    ]
    assert " ".join(text for text, _ in narrative) == " ".join(text for text, _ in expected)
    sections = dict(narrative)
    for text, section in expected:
        if len(text) < 60:
            assert sections[text] == section


def test_the_book_has_no_country_and_its_findings_have(book: Document) -> None:
    assert book.country is None
    assert list(dict.fromkeys(block.country for block in book.blocks)) == make_book.COUNTRIES
    report = Report("book.pdf", book, split_passages(book))
    assert [finding.country for finding in findings_of(report)] == [
        passage.country for passage in report.passages
    ]


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


# --------------------------------------------------------------------------------------- real files

REFERENCE = re.compile(
    r"https?://|U\.S\. Embassy- |[Ss]ource on file|[Ee]-mail communication|Accessed [A-Z]"
)
NOTES = re.compile(r"[\[(]\d{1,3}(?:[,;–-] ?\d{1,3})*[\])]")
SENTENCE = re.compile(r"[a-z]{3}[.?!] +[A-Z(]|[a-z]\.$|\(\d[\d, –-]*\)$|\A[a-z]")


READ = [
    pytest.param(path, marks=[] if number < 2 else [pytest.mark.slow])
    for number, path in enumerate(REPORTS)
]


@pytest.mark.skipif(not REPORTS, reason="no ../shared/reports beside the project")
@pytest.mark.parametrize("path", READ, ids=lambda path: path.stem)
def test_real_reports_are_read_without_the_known_faults(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = read_report(path)
    text = document.text
    headings = [text[block.start : block.end] for block in document.blocks if block.heading]
    assert not [heading for heading in headings if SENTENCE.search(heading)]
    passages = [passage for passage in split_passages(document) if passage.section != "references"]
    assert not [
        passage.text
        for passage in passages
        if REFERENCE.search(passage.text) or NOTES.match(passage.text)
    ]
    rows = [passage for passage in passages if "Table" in (passage.section or "")]
    prose = [passage for passage in passages if "Table" not in (passage.section or "")]
    assert all(
        re.match(
            r"[IVX]+\. |(?:Labor|Criminal) Law Enforcement$|assessment$", passage.section or "I. "
        )
        for passage in prose
    )
    blocks = [
        text[document.blocks[row.block or 0].start : document.blocks[row.block or 0].end]
        for row in rows
    ]
    assert sum(" | " in block for block in blocks) > 0.95 * len(blocks)
