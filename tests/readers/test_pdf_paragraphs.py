"""Paragraphs of a PDF are read in one piece, and what stands among them is told apart.

That is notes, marks, titles and captions.
"""

from __future__ import annotations

import random
import string
import warnings
from collections.abc import Sequence

import pytest
from pdf_pages import PROSE, REST, column, joined, make_pdf, read, show, texts

from tipclassify.readers.pdf.file import read_pdf
from tipclassify.readers.pdf.lines import Word, group_rows, make_fragments, make_lines
from tipclassify.readers.pdf.references import REFERENCES
from tipclassify.records import Document
from tipclassify.text.split import split_passages

NARROW = [
    "In 2021, Karvonia made some",
    "efforts against child labor. In",
    "the spring the ministry hired",
    "nine inspectors for the farms of",
]
NAMED = (
    "Port Salwen and the inland valleys. Its courts heard no case all year, and the prosecutor of"
)
WIDE = [
    NAMED,
    (
        "the district resigned in the autumn, after a newspaper had printed his letters to the "
        "owners of"
    ),
    (
        "the sawmills, who had asked him to be patient with them until the harvest was over in "
        "the south."
    ),
]


def read_pages(*pages: str) -> Document:
    """Read a PDF of these content streams."""
    return read_pdf(make_pdf(*pages), "made.pdf")


def sections(document: Document) -> dict[str, str | None]:
    """Return the section of each block, by the text of the block."""
    blocks = zip(texts(document), document.blocks, strict=True)
    return {text: block.section for text, block in blocks}


def headings(document: Document) -> list[str]:
    """Return the text of each block that is a heading."""
    blocks = zip(texts(document), document.blocks, strict=True)
    return [text for text, block in blocks if block.heading]


def rows_of_two(rows: Sequence[tuple[str, str]], x: float, y: float, leading: float) -> str:
    """Show rows of two cells, the first at the left margin and the second at `x`."""
    lines = []
    for number, (first, second) in enumerate(rows):
        lines.append(show(60, y - leading * number, first))
        lines.append(show(x, y - leading * number, second))
    return "".join(lines)


def small_cells(cells: Sequence[str], x: float, y: float) -> str:
    """Show the small text of a ruled table of two columns, row by row."""
    return "".join(
        show(x + 110 * (number % 2), y - 20 * (number // 2), text, 8)
        for number, text in enumerate(cells)
    )


# ------------------------------------------------------------------------------ numbered paragraphs


@pytest.mark.parametrize("stem", ["136.{}", "71.{}.", "{}.", "4.1.{}"])
def test_a_numbered_recommendation_is_one_paragraph(stem: str) -> None:
    marks = [stem.format(number) for number in (31, 32, 33)]
    lines = ["Continue the measures that ease the return and the", "lives of the refugees;"]
    page = "".join(
        show(60, 700 - 36 * number, mark) + column(120, 700 - 36 * number, lines)
        for number, mark in enumerate(marks)
    )
    assert read(page) == [f"{mark} {joined(lines)}" for mark in marks]


def test_recommendations_without_a_stop_between_them_are_parted_by_their_numbers() -> None:
    lines = [
        "71.1 Fund a shelter for men in the north (Norvia)",
        "71.2 Fund another one in the south (Arvenia)",
    ]
    assert read(column(60, 700, lines)) == lines


def test_rows_of_figures_are_still_rows() -> None:
    rows = [["12.5", "Courts", "3.1"], ["13.5", "Shelters", "4.2"], ["14.5", "Schools", "5.7"]]
    page = "".join(
        show(60 + 120 * at, 700 - 14 * number, cell)
        for number, row in enumerate(rows)
        for at, cell in enumerate(row)
    )
    assert read(page) == [" | ".join(row) for row in rows]


# ----------------------------------------------------------------------------- sentences that go on


def test_a_paragraph_beside_a_map_goes_on_below_it() -> None:
    lines = [*NARROW, *WIDE]
    assert read(column(60, 700, lines)) == [joined(lines)]
    ragged = [
        "In 2021, Karvonia hired no inspector",
        "for the farms, and its courts heard no",
        "case against owners of",
        "a sawmill. The prosecutor of the",
    ]
    lines = [*ragged, *WIDE]
    assert read(column(60, 700, lines)) == [joined(lines)]


def test_a_list_of_short_entries_is_no_paragraph_beside_a_map() -> None:
    entries = ["Courts", "Ministry of Labor", "The police of Port Salwen", "Navy"]
    assert read(column(60, 700, [*entries, *WIDE]))[:4] == entries


def test_a_line_that_ends_in_a_preposition_goes_on_however_short() -> None:
    lines = [
        WIDE[1],
        WIDE[2].replace("south.", "south,"),
        "but not in",
        "Port Salwen, where nobody came.",
    ]
    assert read(column(60, 700, lines)) == [joined(lines)]


def test_an_abbreviation_at_a_line_end_ends_nothing() -> None:
    lines = [
        WIDE[0],
        "the district went, as provided for in the law of the land (see art. 7 of that law, para.",
        "12).",
    ]
    assert read(column(60, 700, lines)) == [joined(lines)]
    title = [WIDE[1].rstrip("of"), "as told by Dr.", "Salo, who knew"]
    assert read(column(60, 700, title)) == [joined(title).replace("  ", " ")]


def test_labels_of_a_chart_do_not_set_the_line_spacing() -> None:
    labels = "".join(show(60 + 9 * at, 610 - 3 * at, f"{at}%", 5) for at in range(14))
    blocks = read(column(60, 700, PROSE) + labels + column(60, 540, REST))
    assert [joined(PROSE), joined(REST)] == [block for block in blocks if "%" not in block]


def test_a_full_last_line_goes_on_in_the_next_column_and_a_note_mark_ends_it() -> None:
    going_on = [WIDE[0], WIDE[1], WIDE[2].replace("south.", "southern")]
    blocks = read(column(60, 300, going_on), column(60, 700, ["Salwen district.", *PROSE]))
    assert blocks == [joined([*going_on, "Salwen district."]), joined(PROSE)]
    marked = [WIDE[0], WIDE[1], WIDE[2] + " (3,14)"]
    blocks = read(column(60, 300, marked), column(60, 700, PROSE))
    assert blocks == [joined(marked), joined(PROSE)]


def test_a_sentence_on_the_next_page_is_on_that_page() -> None:
    above = [*WIDE[:2], WIDE[2].replace("south.", "southern dis-")]
    below = ["tricts. A court in Salwen fined two of them.", "It freed the others in the spring."]
    document = read_pages(column(60, 300, above), column(60, 700, below))
    assert texts(document) == [joined([*above, *below]).replace("dis- tricts", "districts")]
    assert [(p.page, p.text.split()[0]) for p in split_passages(document)] == [
        (1, "Port"),
        (1, "Its"),
        (2, "A"),
        (2, "It"),
    ]


def test_the_second_line_of_the_last_cell_belongs_to_it() -> None:
    rows = [
        ("CAT", "Convention against Torture and Other Inhuman"),
        ("CRC", "Convention on the Rights of the Child"),
    ]
    page = rows_of_two(rows, x=150, y=700, leading=36)
    assert read(page + show(150, 688, "or Degrading Treatment")) == [
        "CAT | Convention against Torture and Other Inhuman or Degrading Treatment",
        "CRC | Convention on the Rights of the Child",
    ]


# --------------------------------------------------------------------------------- marks and titles


def test_letters_of_a_thumb_index_do_not_cut_sentences() -> None:
    texts_of_pages = [
        [f"{name} {line}" for line in [*PROSE, *REST]]
        for name in ("Aro", "Bel", "Cor", "Dun", "Eel")
    ]
    index_k = show(585, 639, "K", 14, "B")
    index_l = show(585, 615, "L", 14, "B")  # of the last page
    pages = [column(60, 700, lines) + index_k for lines in texts_of_pages]
    pages[-1] = column(60, 700, texts_of_pages[-1]) + index_l
    assert read(*pages) == [joined(lines) for lines in texts_of_pages]


def test_markers_that_hang_outside_of_the_text_stay() -> None:
    def page(number: int) -> str:
        marker = show(60, 700 - 24 * number, f"{number})")
        return column(100, 700, PROSE[:number]) + marker + column(100, 700 - 24 * number, REST)

    numbers = (1, 2, 3, 4, 5)
    blocks = read(*map(page, numbers))
    for number in numbers:
        assert any(f"{number}) " in block for block in blocks)


def test_a_title_and_the_verdict_below_it_stay_where_they_first_stand() -> None:
    def page(number: int) -> str:
        x = 400 if number == 1 else 60
        head = show(x, 750, "Karvonia", 26) + show(x, 728, "MODERATE ADVANCEMENT", 12, "B")
        return head + column(60, 700, [*PROSE, *REST]) + show(60, 40, "Findings on Child Labor", 8)

    document = read_pages(*map(page, (1, 2, 3, 4)))
    assert texts(document)[:3] == ["Karvonia", "MODERATE ADVANCEMENT", joined([*PROSE, *REST])]
    assert headings(document) == ["Karvonia", "MODERATE ADVANCEMENT"]
    assert {block.section for block in document.blocks[1:]} == {"assessment"}
    assert "Findings" not in document.text


@pytest.mark.parametrize("font", ["M", "W"])
def test_letters_of_a_symbol_font_are_bullets(font: str) -> None:
    entries = [
        "In March, police freed nine men.",
        "In May, courts closed the case.",
        "In June, nobody was tried.",
    ]
    page = "".join(
        show(60, 700 - 14 * number, "b", 10, font) + show(72, 700 - 14 * number, entry)
        for number, entry in enumerate(entries)
    )
    assert read(page) == entries


def test_single_letters_in_the_font_of_other_words_are_no_bullets() -> None:
    entries = [
        "b In March, police freed nine men.",
        "b In May, courts closed the case.",
        "b In June, nobody came.",
    ]
    assert joined(read(column(60, 700, entries))) == joined(entries)
    lines = "".join(
        show(60, y, "A", 10, "M") + show(68, y, "year on, the mills stood still.")
        for y in (700, 670, 640)
    )
    sentence = "A year on, the mills stood still."
    assert joined(read(lines)) == f"{sentence} {sentence} {sentence}"


# -------------------------------------------------------------------------------------------- notes


def note(y: float, mark: str, text: str, gap: float = 3) -> str:
    """Show a note in small type after its raised mark."""
    return show(60, y + 3, mark, 5) + show(62 + 2.5 * len(mark) + gap, y, text, 8)


def endnotes(gap: float = 3) -> str:
    """Show the endnotes below each other, numbered from 1."""
    return "".join(
        note(560 - 10 * number, str(number + 1), text, gap) for number, text in enumerate(ENDNOTES)
    )


ENDNOTES = [
    "Tables with the treaties are available at the secretariat.",
    "CCPR/C/KRV/CO/3, paras. 27–28.",
    "For relevant recommendations, see A/HRC/28/15, paras. 115.1 and 115.133.",
    "Ibid., para. 26. See also CAT/C/KRV/CO/3, para. 23.",
    "UNHCR submission, pp. 4–5.",
    "Letter to the mission of Karvonia, which the ministry did not answer.",
]


@pytest.mark.parametrize("gap", [0.5, 12])
def test_endnotes_under_their_heading_are_no_passages(gap: float) -> None:
    first = column(60, 700, PROSE) + show(60, 580, "Notes") + endnotes(gap)
    document = read_pages(first, column(60, 700, REST, 8, 10))
    references = ["Notes", *ENDNOTES, joined(REST)]
    assert texts(document) == [joined(PROSE), *references]
    assert {sections(document)[text] for text in references} == {REFERENCES}
    assert {passage.block for passage in split_passages(document)} == {0}


def test_text_under_a_heading_after_the_notes_is_text() -> None:
    first = column(60, 700, PROSE) + show(60, 580, "Notes") + endnotes()
    annex = show(60, 750, "ANNEX", font="B") + column(60, 700, REST)
    document = read_pages(first, annex)
    assert sections(document)[joined(REST)] == "ANNEX"


def test_text_under_a_heading_of_notes_that_are_few_is_text() -> None:
    heading = show(60, 750, "Notes", font="B")
    document = read_pages(heading + column(60, 700, PROSE) + column(60, 560, REST))
    assert sections(document)[joined(PROSE)] != REFERENCES


def test_a_footnote_that_is_a_place_in_a_document_is_no_passage() -> None:
    foot = note(60, "3", "CCPR/C/KRV/CO/3, paras. 27–28.") + note(50, "4", "Ibid., para. 4.")
    document = read_pages(column(60, 700, PROSE) + foot)
    assert texts(document)[1:] == ["CCPR/C/KRV/CO/3, paras. 27–28.", "Ibid., para. 4."]
    assert {passage.block for passage in split_passages(document)} == {0}


def test_a_note_with_an_asterisk_as_large_as_the_text_does_not_cut_a_sentence() -> None:
    first = column(60, 700, PROSE[:4]) + show(60, 600, "* Karvonia, Norvia and Arvenia.")
    assert read(first, column(60, 700, PROSE[4:])) == [
        joined(PROSE),
        "Karvonia, Norvia and Arvenia.",
    ]


def test_entries_with_asterisks_are_a_list() -> None:
    entries = ["* fund a shelter in the north;", "* train the judges."]
    blocks = read(column(60, 700, ["The state should:"]) + column(60, 660, entries))
    assert blocks == ["The state should:", *(entry[2:] for entry in entries)]


# ----------------------------------------------------------------------------------------- headings


def test_a_second_line_of_a_caption_opens_no_section() -> None:
    pie = "400 500 m 420 600 460 540 490 500 c 480 460 l f\n"
    labels = show(430, 530, "Farms", 7) + show(430, 522, "77%", 7) + show(460, 500, "Mills 23%", 7)
    captions = show(60, 612, "Table 1. Work of Children", font="B")
    captions += show(60, 600, "and Their Schools", font="B")
    captions += show(398, 612, "Figure 1. Work by Sector,", font="B")
    captions += show(423, 600, "Ages 5-14", font="B")
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (540, 560) for x in (60, 170))
    cells = small_cells(["At work", "29", "At school", "7"], x=65, y=566)
    heading = show(60, 730, "I. WORK OF CHILDREN", font="B")
    chart_and_table = pie + labels + captions + boxes + cells
    document = read_pages(
        heading + column(60, 700, PROSE) + chart_and_table + column(60, 440, REST)
    )
    assert "Table 1. Work of Children and Their Schools" in headings(document)
    assert "Figure 1. Work by Sector, Ages 5-14" in texts(document)
    assert sections(document)[joined(REST)] == "I. WORK OF CHILDREN"


def test_a_caption_beside_a_table_opens_no_section() -> None:
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (560, 580, 600) for x in (250, 360))
    cells = small_cells(["Trials", "29", "Verdicts", "7", "Appeals", "3"], x=255, y=606)
    caption = show(60, 605, "Cases of the Year", font="B")
    heading = show(60, 730, "I. COURTS", font="B")
    document = read_pages(
        heading + column(60, 715, PROSE) + boxes + cells + caption + column(60, 520, REST)
    )
    section_by_text = sections(document)
    assert section_by_text["Cases of the Year"] == "I. COURTS: Cases of the Year"
    assert section_by_text["Trials | 29"] == "I. COURTS"
    assert section_by_text[joined(REST)] == "I. COURTS"


def test_a_cell_in_capitals_of_a_table_without_rules_is_no_heading() -> None:
    rows = [("Ratified", "CEDAW (1992)"), ("Signed", "CRPD (2007)")]
    table = rows_of_two(rows, x=250, y=700, leading=60) + show(250, 680, "OP-CAT (2007)")
    heading = show(60, 740, "I. TREATIES", font="B")
    document = read_pages(heading + table + column(60, 580, REST))
    assert headings(document) == ["I. TREATIES"]
    assert sections(document)[joined(REST)] == "I. TREATIES"


def test_a_bold_question_is_a_heading_and_a_plain_one_is_not() -> None:
    question = (
        "What can a worker do whose employer keeps her passport and does not pay her for a month "
        "or longer?"
    )
    bold = show(60, 730, question, font="B")
    plain = show(60, 600, "Who pays?")
    document = read_pages(bold + column(60, 712, PROSE) + plain + column(60, 560, REST))
    assert headings(document) == [question]
    assert sections(document)[joined(REST)] == question


def test_a_long_bold_line_is_a_heading_where_its_number_is_the_next_one() -> None:
    title = (
        "{}. Freedom of belief, of speech and of assembly, and the right to take part in public "
        "life"
    )
    first = show(60, 740, "1. Right to life", font="B") + column(60, 720, PROSE)
    second = show(60, 640, title.format(2), font="B") + column(60, 620, REST)
    fourth = show(60, 540, title.format(4), font="B") + column(60, 520, PROSE)
    document = read_pages(first + second + fourth)
    assert headings(document) == ["1. Right to life", title.format(2)]


def test_contents_are_no_parent_of_the_sections_after_them() -> None:
    lines = rows_of_two([("Introduction", "3"), ("Courts", "4")], x=300, y=700, leading=14)
    contents = show(60, 740, "Contents", 14, "B") + lines
    introduction = show(60, 740, "Introduction", 14, "B") + column(60, 700, PROSE)
    document = read_pages(contents, introduction)
    assert sections(document)[joined(PROSE)] == "Introduction"


def test_an_entry_of_contents_with_short_leaders_is_no_heading() -> None:
    entry = show(60, 700, "I. COURTS OF THE NORTH ... 5 - 94 3")
    contents = show(60, 740, "Contents", 14, "B") + entry
    document = read_pages(contents, show(60, 740, "I. COURTS", font="B") + column(60, 700, PROSE))
    assert headings(document) == ["Contents", "I. COURTS"]


def test_a_note_mark_as_large_as_its_heading_is_dropped() -> None:
    heading = show(60, 740, "Courts of the North**", 14, "B")
    document = read_pages(heading + column(60, 700, PROSE))
    assert headings(document) == ["Courts of the North"]


def test_a_continued_heading_is_the_same_section() -> None:
    first = show(60, 740, "Courts of the North", font="B") + column(60, 700, PROSE)
    second = show(60, 700, "Courts of the North (cont)", font="B") + column(60, 660, REST)
    third = show(60, 700, "(cont)", font="B") + column(60, 660, PROSE[::-1])
    document = read_pages(first, second, third)
    assert {block.section for block in document.blocks} == {"Courts of the North"}


# ---------------------------------------------------------------------------- broken character maps


def garbled(lines: list[str]) -> list[str]:
    """Return lines whose letters are named by their place in the font, as a text layer has them."""
    letters = list(string.ascii_lowercase)
    random.Random(7).shuffle(letters)
    table = str.maketrans(string.ascii_lowercase, "".join(letters))
    return [line.lower().translate(table) for line in lines]


def test_pages_with_a_broken_character_map_are_named_and_ocr_is_advised() -> None:
    good = column(60, 700, [*PROSE, *REST])
    bad = column(60, 700, garbled([*PROSE, *REST]))
    message = r"^made.pdf: pages 2, 3 with a text layer in which few .* run OCR first"
    with pytest.warns(UserWarning, match=message):
        read_pages(good, bad, bad)


SYMBOLS = "CERD/C/KRV/CO/6, para. 12. See also CAT/C/KRV/CO/3, paras. 4 to 9."
SPANISH = "El gobierno condenó a nueve personas por la trata de mujeres y de niños"
FINNISH = "Hallitus tuomitsi yhdeksän syytettyä ihmiskaupasta vuoden aikana"
NAMES = ["Afghanistan 12 July 2003", "Kyrgyzstan 4 May 1999", "Saint Kitts and Nevis 1 June 2001"]


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ([line.upper() for line in [*PROSE, *REST]], 1),
        ([SYMBOLS], 12),
        ([SPANISH], 6),
        ([FINNISH], 8),
        (NAMES, 6),
    ],
)
def test_capitals_symbols_names_and_other_languages_are_words(lines: list[str], times: int) -> None:
    page = column(60, 700, lines * times)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_pages(page)


# -------------------------------------------------------------------------------------------- lines


def test_a_line_knows_its_raised_mark_and_where_its_cells_begin() -> None:
    mark = Word("3", 60, 63, 697, 5.0)
    words = [Word("Ibid.", 66, 86, 700, 8.0), Word("Page", 200, 220, 700, 8.0)]
    rows = group_rows(make_fragments([mark, *words]))
    plain = make_lines(rows)[0]
    assert plain.text == "Ibid. Page"
    assert plain.begins_raised
    assert plain.cells == 1
    other = [Word("Idem", 66, 86, 712, 8.0), Word("Leaf", 200, 220, 712, 8.0)]
    table = make_lines(group_rows(make_fragments([*words, *other])))
    assert [line.cell_starts for line in table] == [(66, 200), (66, 200)]
