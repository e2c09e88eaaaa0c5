"""Headings are evidence: they are taken as the file gives them.

Those that name no subject themselves stand after the outer one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from pdf_pages import column, make_pdf, show
from word_files import with_body

from tipclassify import Classifier
from tipclassify.labels import LABELS
from tipclassify.readers.html.page import read_html
from tipclassify.readers.pdf.file import read_pdf
from tipclassify.readers.text import read_markdown
from tipclassify.readers.word import read_docx
from tipclassify.records import Document, Passage
from tipclassify.tagging import Tagging
from tipclassify.text.sections import HeadingOutline, join_headings
from tipclassify.text.split import split_passages, text_document

FOLDER = ROOT / "data" / "behaviours"


def sections(document: Document) -> list[str | None]:
    """Section of each block that is no heading."""
    return [block.section for block in document.blocks if not block.heading]


def rows(name: str) -> list[dict[str, object]]:
    """Read the behaviour cases of a file."""
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


# ------------------------------------------------------------------------------ what a heading says


GENERIC = """Description; ROLE; Role & Description; Overview; Activity; Suggested Action; Program
Policy; Standard; Yes; N/A; N/A N/A; Background; General; Other; Table 4.; Findings
Year; -; 2019; September 2021; 2016–17; II. Enforcement; Laws and Regulations
a. Legal Framework; Sector/Industry Activity; Area Suggested Action; Table 4 (Cont.)
Physical Conditions; Key Findings"""
SPECIFIC = """Women; Child Labor; Prison Conditions; Table 4. Laws and Regulations on Child Labor
Police; Torture; Minimum Age; Refugees; Working Conditions; Labor Law Enforcement
Elections; Conduct of Officials; Protection; Recommendations; Trafficking Profile; 法律
Overview of Forced Labor; Corruption in Norvia"""


@pytest.mark.parametrize("inner", re.split("; |\n", GENERIC))
def test_a_heading_that_names_no_subject_is_joined_to_the_outer_one(inner: str) -> None:
    assert join_headings("b. Forced Labor:", inner) == f"b. Forced Labor: {inner}"
    assert join_headings(None, inner) == inner


@pytest.mark.parametrize("inner", re.split("; |\n", SPECIFIC))
def test_a_heading_that_names_its_subject_stands_alone(inner: str) -> None:
    assert join_headings("b. Forced Labor", inner) == inner


def opened(*headings: tuple[str, int | None]) -> list[str]:
    """Return the sections that headings open, given their texts and levels in order."""
    outline = HeadingOutline()
    return [outline.section(heading, level) for heading, level in headings]


def test_a_generic_heading_with_the_next_number_is_no_part_of_the_one_before() -> None:
    sections = opened(
        ("1. Child labor", None),
        ("3. Data", None),
        ("Overview", None),
        ("B. Forced labor", None),
        ("C. Policies", None),
        ("D. Prisons", None),
        ("1. Data", None),
    )
    assert sections[:2] == ["1. Child labor", "3. Data"]
    assert sections[4:] == ["C. Policies", "D. Prisons", "D. Prisons: 1. Data"]


def test_a_heading_is_joined_to_the_nearest_around_it_that_names_a_subject_and_to_no_other() -> (
    None
):
    sections = opened(
        ("Norvia", 1),
        ("Child Labor", 2),
        ("Policies", 3),
        ("Description", 4),
        ("Prisons", 3),
        ("Other", 4),
    )
    assert sections[2:] == [
        "Child Labor: Policies",
        "Child Labor: Description",
        "Prisons",
        "Prisons: Other",
    ]


def test_a_sibling_is_no_outer_heading() -> None:
    sections = opened(("Norvia", 1), ("Prisons", 2), ("Beatings", 3), ("Background", 2))
    assert sections[-1] == "Norvia: Background"
    sections = opened(("Prisons", 2), ("Background", 2))
    assert sections[-1] == "Background"


def test_without_levels_a_heading_stands_under_the_last_one_that_names_a_subject() -> None:
    sections = opened(
        ("Prisons", None),
        ("Role", None),
        ("Table 4. Child Labor Laws", None),
        ("Standard", None),
        ("2019", None),
    )
    assert sections[1] == "Prisons: Role"
    table = "Table 4. Child Labor Laws"
    assert sections[3:] == [f"{table}: Standard", f"{table}: 2019"]
    sections = opened(("Prisons", 2), ("Guards", None), ("Women", 2), ("Other", None))
    assert sections[-1] == "Women: Other"


@pytest.mark.parametrize("level", [2, None])
def test_the_sections_of_a_narrative_keep_their_names_under_its_title(level: int | None) -> None:
    sections = opened(
        ("2023 Report: Norvia", 1),
        ("OVERVIEW", level),
        ("Prosecution", level),
        ("PROTECTION:", level),
    )
    assert sections[1:] == ["assessment", "prosecution", "protection"]


def test_what_stands_in_a_section_of_a_narrative_stays_in_it() -> None:
    outline = (
        ("Norvia (Tier 2)", 2), ("Overview", 3), ("Recommendations", 2), ("General", 3),
        ("Protection", 2), ("2019", 3)
    )  # fmt: skip
    assert opened(*outline) == [
        *(
            "assessment",
            "assessment",
            "recommendations",
            "recommendations",
            "protection",
            "protection",
        ),
    ]


def test_an_overview_of_another_matter_is_no_assessment_of_trafficking_efforts() -> None:
    assert opened(("Norvia", 1), ("Prisons", 2), ("Overview", 3))[-1] == "Prisons: Overview"


# ------------------------------------------------------------------------------ as readers see them

OUTLINE = (("Norvia", 1), ("c. Child Labor", 2), ("Description", 3), ("Prisons", 2), ("Other", 3))


def as_html() -> Document:
    """Read the outline as a web page."""
    page = "".join(
        f"<h{level}>{text}</h{level}><p>The law was not enforced.</p>" for text, level in OUTLINE
    )
    return read_html(page.encode(), "a.html")


def as_markdown() -> Document:
    """Read the outline as Markdown."""
    return read_markdown(
        "".join(f"{'#' * n} {text}\n\nIt was not enforced.\n\n" for text, n in OUTLINE).encode(),
        "a.md",
    )


def as_word() -> Document:
    """Read the outline as a Word file."""
    outlined = '<w:p><w:pPr><w:outlineLvl w:val="{}"/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
    after = "<w:p><w:r><w:t>The law was not enforced.</w:t></w:r></w:p>"
    return read_docx(
        with_body("".join(outlined.format(level - 1, text) + after for text, level in OUTLINE)),
        "a.docx",
    )


def as_bold_lines() -> Document:
    """Read the outline as a web page whose headings are bold lines."""
    after = (
        "<p>The law was not enforced in any of the provinces, as in all of the years before it.</p>"
    )
    return read_html(
        "".join(f"<p><b>{text}</b></p>{after}" for text, _ in OUTLINE).encode(), "a.html"
    )


@pytest.mark.parametrize("read", [as_html, as_markdown, as_word, as_bold_lines])
def test_every_format_gives_the_same_sections(read: Callable[[], Document]) -> None:
    document = read()
    assert [document.text[b.start : b.end] for b in document.blocks if b.heading] == [
        text for text, _ in OUTLINE
    ]
    assert sections(document) == [
        "Norvia",
        "c. Child Labor",
        "c. Child Labor: Description",
        "Prisons",
        "Prisons: Other",
    ]


def test_the_heads_of_a_table_in_a_pdf_stand_under_the_heading_before_it() -> None:
    prose = [
        "The ministry did not apply the law to farms, and no one",
        "in the districts of the north was fined for it.",
    ]
    page = [
        *(
            show(60, 740, "Table 4. Laws on Child Labor", 12, "B"),
            show(60, 720, "Description", 10, "B"),
        ),
        *(column(60, 700, prose), show(60, 660, "Prisons", 12, "B"), column(60, 640, prose)),
    ]
    document = read_pdf(make_pdf("".join(page)), "x")
    assert sections(document) == ["Table 4. Laws on Child Labor: Description", "Prisons"]


def test_a_lettered_title_and_a_line_in_capitals_open_a_section_in_plain_text() -> None:
    text = "{}\n\nThe law was not enforced."
    for heading in (
        "e. Acceptable Conditions of Work",
        "Section 4. Corruption",
        "PRISON CONDITIONS",
        "iii) Freedom of Speech",
    ):
        (passage,) = split_passages(text_document(text.format(heading)))
        assert (passage.text, passage.section) == ("The law was not enforced.", heading)


@pytest.mark.parametrize(
    "line",
    [
        "24 June 2024",
        "b. Train judges and prosecutors",
        "Photo by Ann Lee",
        "POLICE ACTED.",
        "NORVIA",
        "1. Amend the law",
    ],
)
def test_another_line_of_plain_text_opens_none(line: str) -> None:
    assert [
        block.heading for block in text_document(f"{line}\n\nThe law was not enforced.").blocks
    ] == [False, False]


def test_a_line_in_capitals_is_a_sentence_where_nothing_stands_under_it_or_right_beside_it() -> (
    None
):
    for text in (
        "POLICE SLEPT",
        "It rained.\n\nPOLICE SLEPT",
        "POLICE SLEPT\nCOURTS SLEPT\n\nIt rained.",
    ):
        assert "POLICE SLEPT" in [passage.text for passage in split_passages(text_document(text))]


# --------------------------------------------------------------------------- rows that are passages


def test_a_row_is_scored_under_its_section(tmp_path: Path, classifier: Classifier) -> None:
    text = "Officials did not effectively apply the law."
    headings = ("b. Forced Labor", "Prisons", None)
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(json.dumps({"text": text, "section": heading}) + "\n" for heading in headings),
        "utf-8",
    )
    (report,) = Tagging().reports([str(file)])
    wanted = classifier.predict_proba(
        [Passage(text, 0, len(text), heading) for heading in headings]
    )
    assert [passage.section for passage in report.passages] == list(headings)
    for passage, scores in zip(report.passages, wanted, strict=True):
        assert list(passage.scores.values()) == pytest.approx(scores.tolist(), abs=1e-6)
    assert len({passage.scores["failure"] for passage in report.passages}) == 3


# ------------------------------------------------------------------------------ the behaviour cases


def test_headings_of_like_meaning_are_many_and_none_is_one_that_the_models_are_taught() -> None:
    heading_rows = rows("headings.jsonl")
    taught = json.loads((ROOT / "data" / "headings.json").read_text("utf-8"))
    known = set(taught)
    for headings in taught.values():
        known.update(headings)
    assert len(heading_rows) >= 60
    for row in heading_rows:
        headings = row["headings"]
        assert isinstance(headings, list)
        assert 3 <= len(set(headings)) == len(headings) <= 6
        assert not known.intersection(headings)


def test_a_sentence_is_put_under_headings_that_make_it_a_finding_and_under_others() -> None:
    under: dict[str, set[tuple[str, ...]]] = {}
    for row in rows("subject.jsonl"):
        labels = row["labels"]
        assert isinstance(labels, list)
        assert set(labels) <= set(LABELS)
        under.setdefault(str(row["text"]), set()).add(tuple(labels))
    assert sum(len(labels) > 1 for labels in under.values()) >= 8
