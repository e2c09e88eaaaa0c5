"""PDF files of LibreOffice and Chromium are read as they were written, and bad ones refused.

Of the text of report.txt LibreOffice made one-column.pdf and columns-with-notes.pdf, Chromium
two-columns.pdf. In report.txt a line is a paragraph; "! " is the title, "# " a heading, "- " a list
entry, "| " a row of a table, "[^…]" a footnote.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_pages import (
    IMAGE,
    PROSE,
    REST,
    column,
    headings,
    make_pdf,
    read,
    read_pages,
    sections,
    show,
    texts,
)

from tipclassify import InputError
from tipclassify.errors import MissingExtraError
from tipclassify.readers import read_bytes
from tipclassify.readers.pdf import file
from tipclassify.readers.pdf.columns import reading_order
from tipclassify.readers.pdf.file import read_pdf
from tipclassify.readers.pdf.glyphs import normalize
from tipclassify.readers.pdf.hyphens import LineJoiner
from tipclassify.readers.pdf.lines import (
    Fragment,
    Page,
    Word,
    group_rows,
    make_fragments,
    make_lines,
)
from tipclassify.readers.pdf.margins import drop_running_headers
from tipclassify.readers.pdf.paragraphs import read_paragraphs
from tipclassify.records import Document

FILES = Path(__file__).parents[1] / "files"
REPORT = (FILES / "report.txt").read_text(encoding="utf-8").splitlines()
PAGES = {  # on which some blocks begin, as one sees when one opens the files
    "one-column.pdf": {"Prosecution": 1, "Conduct of Officials": 2, "Prevention": 3},
    "columns-with-notes.pdf": {
        "Prosecution": 1,
        "Conduct of Officials": 2,
        "Trafficking Profile": 3,
    },
    "two-columns.pdf": {
        "Prioritized Recommendations": 1,
        "Conduct of Officials": 2,
        "Trafficking Profile": 3,
    },
}


# ---------------------------------------------------------------------------- LibreOffice, Chromium


def source() -> tuple[list[str], list[str]]:
    """Return the blocks and the notes that the files were made from."""
    blocks: list[str] = []
    notes: list[str] = []
    for line in REPORT:
        while "[^" in line:
            before, rest = line.split("[^", 1)
            note, after = rest.split("]", 1)
            notes.append(f"{len(notes) + 1} {note}")
            line = before + after
        blocks.append(line[2:] if line[:2] in ("! ", "# ", "- ", "| ") else line)
    return blocks, notes


@pytest.fixture(scope="module", params=sorted(PAGES))
def document(request: pytest.FixtureRequest) -> Document:
    """A file made by LibreOffice or Chromium, as it is read."""
    return read_pdf((FILES / request.param).read_bytes(), request.param)


def test_blocks_are_the_paragraphs_of_the_source_in_order(document: Document) -> None:
    blocks, notes = source()
    # only two of the files have bars between the cells of the table
    plain = [text.replace(" | ", " ") for text in texts(document) if text not in notes]
    assert plain == [text.replace(" | ", " ") for text in blocks]
    assert document.text == "\n\n".join(texts(document))
    if document.source == "one-column.pdf":
        assert "Convictions | 7 | 9 | 11" in texts(document)


def test_notes_are_blocks_of_their_own_after_the_text_of_their_page(document: Document) -> None:
    _, notes = source()
    blocks = list(zip(texts(document), document.blocks, strict=True))
    expected = [] if document.source == "two-columns.pdf" else notes
    assert [text for text, _ in blocks if text in notes] == expected
    for note_text, note in blocks:
        if note_text in notes:
            later = [
                block for text, block in blocks if text not in notes and block.start > note.end
            ]
            assert all((block.page or 0) > (note.page or 0) for block in later)
    for sentence in (
        "proof of force or deceit.",
        "to hand over the files. His deputy",
        "victims of trafficking. The migration",
    ):
        assert sentence in document.text


def test_heads_and_page_numbers_are_gone(document: Document) -> None:
    for word in ("Halden", "Narratives of", "Page ", "of 3"):
        assert word not in document.text
    assert not {"i", "ii", "iii", "1", "2", "3"} & set(texts(document))


def test_headings_open_sections(document: Document) -> None:
    assert headings(document) == [line[2:] for line in REPORT if line[:2] in ("! ", "# ")]
    assert document.title == "Karvonia: A Year of Trials"
    section_by_text = sections(document)
    row = "Cases opened | 27 | 34 | 29"
    assert section_by_text.get(row, "prosecution") == "prosecution"
    assert section_by_text["2. training of border guards in the east;"] == "prevention"
    entry = "Open a shelter for men, and stop lodging boys in juvenile detention;"
    assert section_by_text[entry] == "recommendations"


def test_blocks_have_the_pages_on_which_one_sees_them(document: Document) -> None:
    pages = {text: block.page for text, block in zip(texts(document), document.blocks, strict=True)}
    assert {text: pages[text] for text in PAGES[document.source]} == PAGES[document.source]
    numbers = [block.page or 0 for block in document.blocks]
    assert numbers == sorted(numbers)


# ------------------------------------------------------------------------------------------- titles


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("NORVIA IN 2024", "NORVIA IN 2024"),
        ("Karvonia in 2024", "Norvia in 2024"),  # of the file that this one was made from
        *((name, "Norvia in 2024") for name in ("A/HRC/99/7", "report.indd", "untitled", "")),
        ("Microsoft Word - karvonia_v3_FINAL.docx", "Norvia in 2024"),
    ],
)
def test_a_file_name_is_no_title(given: str, title: str) -> None:
    page = show(60, 740, "Norvia in 2024", 18) + column(60, 700, PROSE)
    assert read_pages(page, title=given).title == title
    assert read_pages(column(60, 700, PROSE)).title is None


REVIEW = "Report of the Working Group on the Universal Periodic Review"


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ([(590, f"{REVIEW}**", 17, "B"), (560, "Viet Nam*", 17, "B")], f"{REVIEW}: Viet Nam"),
        # without the legal basis of a compilation
        (
            [
                (590, "Compilation prepared by the Office in accordance with", 14, "F"),
                (575, "the annex to resolution 5/1 of the Council", 14, "F"),
                (550, "Togo", 14, "B"),
            ],
            "Compilation prepared by the Office: Togo",
        ),
        # a line that names the country goes before a larger one
        (
            [(590, "Decision of 12 March", 16, "B"), (560, "Outcome of the review: Togo", 14, "B")],
            "Outcome of the review: Togo",
        ),
    ],
)
def test_the_title_of_a_united_nations_report_is_below_its_masthead_with_the_country(
    lines: list[tuple[float, str, float, str]], title: str
) -> None:
    page = show(60, 740, "United Nations A/HRC/99/7*", 14, "B")
    page += show(60, 715, "General Assembly", 20, "B") + show(360, 715, "Distr.: General", 10)
    page += column(360, 700, ["4 April 2014", "Original: English"])
    page += show(60, 660, "Human Rights Council", 12, "B")
    page += show(60, 640, "Ninety-ninth session", 10, "B") + show(60, 620, "Agenda item 6")
    for y, text, size, font in lines:
        page += show(60, y, text, size, font)
    document = read_bytes(make_pdf(page + column(60, 480, PROSE)), "some/where/x.pdf")
    assert document.title == title
    assert document.country == ("Vietnam" if "Viet Nam" in title else "Togo")
    assert (document.year, document.date) == (2014, "2014-04-04")
    assert document.publisher == "United Nations"
    if REVIEW in title:
        assert document.publication == "Universal Periodic Review"


def test_a_heading_that_opens_the_first_page_is_its_title() -> None:
    page = show(60, 740, "QUESTIONS TO TOGO", 10, "B")
    for country, y in (("BENIN", 710), ("GHANA", 500), ("MALTA", 300)):
        page += show(60, y, country, 10, "B") + column(60, y - 20, PROSE)
    document = read_bytes(make_pdf(page, title="QUESTIONS TO QATAR"), "x.pdf")
    assert (document.title, document.country) == ("QUESTIONS TO TOGO", "Togo")
    # who asks is not what it is about
    assert {block.country for block in document.blocks} == {None}


# ---------------------------------------------------------------------------------------- bad files

TEXT = column(60, 700, PROSE)
WHOLE = (FILES / "one-column.pdf").read_bytes()
SLANTING = f"q 0.8 0.6 -0.6 0.8 300 200 cm {column(0, 0, PROSE)} Q"
STACKED = "".join(column(x, 700, "governmentofnorvia") for x in (60, 90, 120))


def fails(data: bytes, match: str) -> None:
    """Check that a file is refused in one line with this message."""
    with pytest.raises(InputError, match=match) as caught:
        read_pdf(data, "bad.pdf")
    assert str(caught.value).startswith("bad.pdf: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ((FILES / "locked.pdf").read_bytes(), "password; save a copy without"),
        (WHOLE[: len(WHOLE) // 2], "damaged, cut off or without pages; fetch"),
        (b"%PDF-1.7\nnothing", "damaged"),
        (b"<html><p>Not found</p>", "not a PDF"),
        (make_pdf(), "without pages"),
        (make_pdf("", ""), "no text layer"),
        (make_pdf(IMAGE, IMAGE), "no text layer .*ocrmypdf"),
        (make_pdf(*[IMAGE + show(60, 40, f"RECEIVED {n}") for n in range(3)]), "no text layer"),
        (make_pdf(SLANTING), "no text that can be read: page 1 with text in other directions"),
        (make_pdf(TEXT, box="0 0 50 50"), "page 1 with text outside of the page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_files_are_refused_in_one_line(data: bytes, match: str) -> None:
    fails(data, match)


@pytest.mark.parametrize(
    ("pages", "match"),
    [
        ([TEXT, IMAGE, TEXT, IMAGE], r"pages 2, 4 without a text layer .*ocrmypdf"),
        ([IMAGE, TEXT], "page 1 without"),
        (
            [TEXT + SLANTING, TEXT, TEXT + SLANTING],
            "pages 1, 3 with text in other directions, which is left out",
        ),
        ([TEXT, STACKED], "page 2 with vertical text, whose characters are out of order"),
        (
            [TEXT + column(60, 500, ["abcd " * 12] * 8).replace("/F 10", "/U 10")],
            "page 1 with right-to-left text, whose words are out of",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_read_or_not_in_order_is_reported(pages: list[str], match: str) -> None:
    with pytest.warns(UserWarning, match=f"^made.pdf: {match}"):
        assert read(*pages, letters="שלום")


def test_empty_pages_and_names_from_right_to_left_are_not_reported() -> None:
    name = show(60, 500, "abcd", font="U")
    assert len(read(TEXT + name, "", column(60, 700, REST), letters="שלום")) == 3


def test_a_locked_file_without_a_password_reads() -> None:
    document = read_pdf((FILES / "owner-locked.pdf").read_bytes(), "x")
    assert document.text == "Border guards took bribes from recruiters."


def test_a_missing_end_is_reported() -> None:
    data = make_pdf(TEXT)
    with pytest.warns(UserWarning, match="its end is missing"):
        read_pdf(data[: data.rindex(b"startxref")], "x")


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_pdf(TEXT, column(60, 700, REST))
    monkeypatch.setattr(file, "MOST_PAGES", 1)
    fails(data, "2 pages, over 1; split it")
    monkeypatch.undo()
    monkeypatch.setattr(file, "MOST_CHARACTERS", 300)
    fails(data, "over 300 characters; split it")


def test_without_pdfium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    message = r"reading PDF needs an extra: pip install 'tipclassify\[pdf\]'"
    with pytest.raises(MissingExtraError, match=message):
        read_pdf(make_pdf("x"), "x")


def test_threads_read_what_one_reads() -> None:
    data = (FILES / "two-columns.pdf").read_bytes()
    with ThreadPoolExecutor(4) as pool:
        documents = list(pool.map(lambda _: read_pdf(data, "x"), range(4)))
    assert len({document.text for document in documents}) == 1


@settings(max_examples=30)
@given(st.integers(0, 900), st.binary(min_size=1, max_size=4))
def test_altered_bytes_raise_nothing_but_the_error_for_input(place: int, junk: bytes) -> None:
    data = make_pdf(TEXT)
    with warnings.catch_warnings(), suppress(InputError):
        warnings.simplefilter("ignore")
        read_pdf(data[:place] + junk + data[place + len(junk) :], "x")


# -------------------------------------------------------------------------------- words and hyphens


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("traﬃc", "traffic"),
        ("of\u00adﬁcials", "officials"),
        ("traf\u00ad", "traf-"),
        ("o\x1ecials", "officials"),
        ("well\u2010known", "well-known"),
        ("\uf0b7", "•"),
        ("zero\u200bwidth", "zerowidth"),
        ("A\u030aske", "Åske"),
        ("\ud83d\ude00\ud83d", "\U0001f600"),
    ],
)
def test_typography_is_undone(raw: str, plain: str) -> None:
    assert normalize(raw) == plain


@pytest.mark.parametrize(
    ("lines", "elsewhere", "text"),
    [
        ("traf-|ficking", "", "trafficking"),
        ("well-|known", "", "well-known"),
        ("U.S.-|funded", "", "U.S.-funded"),
        ("NGO-|run", "", "NGO-run"),
        ("Salwen-|Mörsk", "", "Salwen-Mörsk"),
        ("COVID-|19", "", "COVID-19"),
        ("a 12-|month term", "", "a 12-month term"),
        ("re-|elected", "the re-elected mayor", "re-elected"),
        ("re-|elected", "", "reelected"),
        ("with-|out", "with or out, without", "without"),
        ("victim-|centered", "", "victim-centered"),
        ("policy-|making", "the policy of making laws", "policy-making"),
        ("state-of-|the-art", "of the", "state-of-the-art"),
        ("self-cen-|sorship", "", "self-censorship"),
        ("PROSECU-|TION", "", "PROSECUTION"),
        ("short-|and long-term", "short", "short- and long-term"),
        ("wages—|those unpaid", "", "wages—those unpaid"),
        ("in 2023 -|a year", "", "in 2023 - a year"),
        ("and/|or", "", "and/or"),
        ("https://halden.example/a-|b.html", "", "https://halden.example/a-b.html"),
        ("taught in-|person for school-|age girls", "", "taught in-person for school-age girls"),
        ("in-|spector of cover-|age", "", "inspector of coverage"),
        ("gender-|affirming", "", "genderaffirming"),
        ("gender-|affirming", "no|line|is|divided|" * 20, "gender-affirming"),
    ],
)
def test_hyphens_at_line_ends(lines: str, elsewhere: str, text: str) -> None:
    assert "".join(LineJoiner([elsewhere.split("|")]).parts(lines.split("|"))) == text


# ----------------------------------------------------------------------------------------- geometry


def words_of(rows: Iterable[Sequence[Fragment]]) -> list[Word]:
    """Return the words of rows of fragments, in order."""
    return [word for row in rows for fragment in row for word in fragment.words]


words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9)
coordinates = st.floats(0, 600, allow_nan=False).map(lambda value: round(value, 1))
placed = st.builds(
    lambda text, x, width, y, size: Word(text, x, x + width, y, size),
    words,
    coordinates,
    st.floats(5, 80),
    coordinates,
    st.sampled_from([6.0, 8.0, 10.0, 10.0, 14.0, 30.0]),
)


def page_of(page_words: list[Word], number: int = 1) -> Page:
    """Make a page of words."""
    return Page(number, 612, 792, page_words, make_fragments(page_words))


@settings(max_examples=30)
@given(st.lists(placed, max_size=60))
def test_every_word_is_in_one_part_whatever_the_page(page_words: list[Word]) -> None:
    page = page_of(page_words)
    words_in_rows = words_of(group_rows(page.fragments))
    assert Counter(words_in_rows) == Counter(page_words)
    words_in_parts: list[Word] = []
    for rows, _ in reading_order(page):
        words_in_parts += words_of(rows)
        make_lines(rows)
    assert Counter(words_in_parts) == Counter(page_words)
    read_paragraphs([page, page, page])


def set_text(text: Sequence[str], left: float, width: float, top: float) -> list[Word]:
    """Set words ragged in 10-point type whose letters are 5 points wide."""
    placed_words: list[Word] = []
    x = left
    y = top
    for word in text:
        if x > left and x + 5 * len(word) > left + width:
            x = left
            y += 12
        placed_words.append(Word(word, x, x + 5 * len(word), y, 10.0))
        x += 5 * len(word) + 2.5
    return placed_words


@settings(max_examples=25)
@given(
    st.lists(words, min_size=60, max_size=160),
    st.lists(words, min_size=60, max_size=160),
    st.floats(11, 40),
    st.booleans(),
)
def test_two_columns_of_any_words_are_read_in_turn(
    left: list[str], right: list[str], gutter: float, by_line: bool
) -> None:
    page_words = set_text(left, 50, 230, 100) + set_text(right, 280 + gutter, 230, 100)
    if by_line and gutter > 15:  # narrower gutters need the order of the file
        page_words.sort(key=lambda word: (word.y, word.x0))
    page = page_of(page_words)
    read_words: list[str] = []
    for rows, _ in reading_order(page):
        read_words += [word.text for word in words_of(rows)]
    assert read_words == left + right


@settings(max_examples=25)
@given(st.lists(st.lists(words, min_size=40, max_size=60), min_size=3, max_size=6), words)
def test_a_head_on_every_page_goes_and_nothing_else(bodies: list[list[str]], head: str) -> None:
    bodies = [[word + "abcdef"[number] for word in body] for number, body in enumerate(bodies)]
    pages: list[Page] = []
    for number, body in enumerate(bodies, 1):
        top = [Word(head, 50, 90, 40, 8.0), Word(str(number), 500, 510, 40, 8.0)]
        pages.append(page_of([*top, *set_text(body, 50, 400, 80)], number))
    kept = [
        [word.text for word in words_of([page.fragments])] for page in drop_running_headers(pages)
    ]
    assert kept == bodies
