"""Paragraphs of a PDF are read in one piece, and what stands among them is told apart.

That is notes, marks, titles and captions.
"""

from __future__ import annotations

import random
import string
import warnings

import pytest
from pdf_pages import PROSE, REST, column, joined, make_pdf, read, show, texts

from tipclassify.readers.pdf.layout.lines import make_pdf_lines
from tipclassify.readers.pdf.layout.pages import PdfWord, group_pdf_rows, make_pdf_fragments
from tipclassify.readers.pdf.reader import read_pdf
from tipclassify.readers.pdf.references import REFERENCES
from tipclassify.text.document import Document
from tipclassify.text.segmentation.passages import split_passages

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
    "the district resigned in the autumn, after a newspaper had printed his letters to the owners of",
    "the sawmills, who had asked him to be patient with them until the harvest was over in the south.",
]


def document(*pages: str) -> Document:
    return read_pdf(make_pdf(*pages), "made.pdf")


def sections(made: Document) -> dict[str, str | None]:
    return {text: block.section for text, block in zip(texts(made), made.blocks, strict=True)}


def headings(made: Document) -> list[str]:
    return [text for text, block in zip(texts(made), made.blocks, strict=True) if block.heading]


# ---------------------------------------------------------------------------------------------
# numbered paragraphs


@pytest.mark.parametrize("stem", ["136.{}", "71.{}.", "{}.", "A.4.1.{}"[2:]])
def test_a_numbered_recommendation_is_one_paragraph(stem: str) -> None:
    marks = [stem.format(number) for number in (31, 32, 33)]
    page = "".join(
        show(60, 700 - 36 * at, mark)
        + column(
            120,
            700 - 36 * at,
            ["Continue the measures that ease the return and the", "lives of the refugees;"],
        )
        for at, mark in enumerate(marks)
    )
    assert read(page) == [
        f"{mark} Continue the measures that ease the return and the lives of the refugees;"
        for mark in marks
    ]


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


# ---------------------------------------------------------------------------------------------
# sentences that go on


def test_a_paragraph_beside_a_map_goes_on_below_it() -> None:
    lines = [*NARROW, *WIDE]
    assert read(column(60, 700, lines)) == [joined(lines)]
    ragged = [
        "In 2021, Karvonia hired no inspector",
        "for the farms, and its courts heard no",
        "case against owners of",
    ]
    ragged += [
        "a sawmill. The prosecutor of the",
        "Salwen district, who had asked for a",
        "car, did not get one.",
    ]
    assert read(column(60, 700, [*ragged[:4], *WIDE])) == [joined([*ragged[:4], *WIDE])]


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
    first = [*WIDE[:2], WIDE[2].replace("south.", "southern")]
    blocks = read(column(60, 300, first), column(60, 700, ["Salwen district.", *PROSE]))
    assert blocks == [joined([*first, "Salwen district."]), joined(PROSE)]
    first[2] = WIDE[2] + " (3,14)"
    assert read(column(60, 300, first), column(60, 700, PROSE)) == [joined(first), joined(PROSE)]


def test_the_second_line_of_the_last_cell_belongs_to_it() -> None:
    rows = [
        ["CAT", "Convention against Torture and Other Inhuman"],
        ["CRC", "Convention on the Rights of the Child"],
    ]
    page = "".join(
        show(60, 700 - 36 * at, row[0]) + show(150, 700 - 36 * at, row[1])
        for at, row in enumerate(rows)
    )
    assert read(page + show(150, 688, "or Degrading Treatment")) == [
        "CAT | Convention against Torture and Other Inhuman or Degrading Treatment",
        "CRC | Convention on the Rights of the Child",
    ]


# ---------------------------------------------------------------------------------------------
# marks and titles


def test_letters_of_a_thumb_index_do_not_cut_sentences() -> None:
    texts_of_pages = [
        [f"{name} {line}" for line in [*PROSE, *REST]]
        for name in ("Aro", "Bel", "Cor", "Dun", "Eel")
    ]
    pages = [
        column(60, 700, lines)
        + (show(585, 615, "L", 14, "B") if number == 5 else show(585, 639, "K", 14, "B"))
        for number, lines in enumerate(texts_of_pages, 1)
    ]
    assert read(*pages) == [joined(lines) for lines in texts_of_pages]


def test_markers_that_hang_outside_of_the_text_stay() -> None:
    def page(number: int) -> str:
        marker = show(60, 700 - 24 * number, f"{number})")
        return column(100, 700, PROSE[:number]) + marker + column(100, 700 - 24 * number, REST)

    blocks = read(*map(page, range(1, 6)))
    assert sum(any(f"{number}) " in block for block in blocks) for number in range(1, 6)) == 5


def test_a_title_and_the_verdict_below_it_stay_where_they_first_stand() -> None:
    def page(number: int) -> str:
        x = 400 if number == 1 else 60
        head = show(x, 750, "Karvonia", 26) + show(x, 728, "MODERATE ADVANCEMENT", 12, "B")
        return head + column(60, 700, [*PROSE, *REST]) + show(60, 40, "Findings on Child Labor", 8)

    made = document(*map(page, range(1, 5)))
    assert texts(made)[:3] == ["Karvonia", "MODERATE ADVANCEMENT", joined([*PROSE, *REST])]
    assert headings(made) == ["Karvonia", "MODERATE ADVANCEMENT"]
    assert {block.section for block in made.blocks[1:]} == {"assessment"}
    assert "Findings" not in made.text


@pytest.mark.parametrize("font", ["M", "W"])
def test_letters_of_a_symbol_font_are_bullets(font: str) -> None:
    entries = [
        "In March, police freed nine men.",
        "In May, courts closed the case.",
        "In June, nobody was tried.",
    ]
    page = "".join(
        show(60, 700 - 14 * at, "b", 10, font) + show(72, 700 - 14 * at, e)
        for at, e in enumerate(entries)
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
        show(60, 700 - 30 * at, "A", 10, "M")
        + show(68, 700 - 30 * at, "year on, the mills stood still.")
        for at in range(3)
    )
    assert joined(read(lines)) == joined(["A year on, the mills stood still."] * 3)


# ---------------------------------------------------------------------------------------------
# notes


def note(y: float, mark: str, text: str, gap: float = 3) -> str:
    return show(60, y + 3, mark, 5) + show(62 + 2.5 * len(mark) + gap, y, text, 8)


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
    notes = "".join(note(560 - 10 * at, str(at + 1), text, gap) for at, text in enumerate(ENDNOTES))
    made = document(
        column(60, 700, PROSE) + show(60, 580, "Notes") + notes, column(60, 700, REST, 8, 10)
    )
    assert texts(made) == [joined(PROSE), "Notes", *ENDNOTES, joined(REST)]
    assert {sections(made)[text] for text in ["Notes", *ENDNOTES, joined(REST)]} == {REFERENCES}
    assert {passage.block for passage in split_passages(made)} == {0}


def test_text_under_a_heading_after_the_notes_is_text() -> None:
    notes = "".join(note(560 - 10 * at, str(at + 1), text) for at, text in enumerate(ENDNOTES))
    annex = show(60, 750, "ANNEX", font="B") + column(60, 700, REST)
    made = document(column(60, 700, PROSE) + show(60, 580, "Notes") + notes, annex)
    assert sections(made)[joined(REST)] == "ANNEX"


def test_text_under_a_heading_of_notes_that_are_few_is_text() -> None:
    made = document(
        show(60, 750, "Notes", font="B") + column(60, 700, PROSE) + column(60, 560, REST)
    )
    assert sections(made)[joined(PROSE)] != REFERENCES


def test_a_footnote_that_is_a_place_in_a_document_is_no_passage() -> None:
    foot = note(60, "3", "CCPR/C/KRV/CO/3, paras. 27–28.") + note(50, "4", "Ibid., para. 4.")
    made = document(column(60, 700, PROSE) + foot)
    assert texts(made)[1:] == ["CCPR/C/KRV/CO/3, paras. 27–28.", "Ibid., para. 4."]
    assert {passage.block for passage in split_passages(made)} == {0}


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


# ---------------------------------------------------------------------------------------------
# headings


def test_a_second_line_of_a_caption_opens_no_section() -> None:
    pie = "400 500 m 420 600 460 540 490 500 c 480 460 l f\n"
    labels = show(430, 530, "Farms", 7) + show(430, 522, "77%", 7) + show(460, 500, "Mills 23%", 7)
    captions = show(60, 612, "Table 1. Work of Children", font="B") + show(
        60, 600, "and Their Schools", font="B"
    )
    captions += show(398, 612, "Figure 1. Work by Sector,", font="B") + show(
        423, 600, "Ages 5-14", font="B"
    )
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (540, 560) for x in (60, 170))
    cells = "".join(
        show(65 + 110 * (n % 2), 566 - 20 * (n // 2), text, 8)
        for n, text in enumerate(["At work", "29", "At school", "7"])
    )
    heading = show(60, 730, "I. WORK OF CHILDREN", font="B")
    made = document(
        heading
        + column(60, 700, PROSE)
        + pie
        + labels
        + captions
        + boxes
        + cells
        + column(60, 440, REST)
    )
    assert "Table 1. Work of Children and Their Schools" in headings(made)
    assert "Figure 1. Work by Sector, Ages 5-14" in texts(made)
    assert sections(made)[joined(REST)] == "I. WORK OF CHILDREN"


def test_a_caption_beside_a_table_opens_no_section() -> None:
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (560, 580, 600) for x in (250, 360))
    cells = "".join(
        show(255 + 110 * (n % 2), 606 - 20 * (n // 2), text, 8)
        for n, text in enumerate(["Trials", "29", "Verdicts", "7", "Appeals", "3"])
    )
    side = show(60, 605, "Cases of the Year", font="B")
    made = document(
        show(60, 730, "I. COURTS", font="B")
        + column(60, 715, PROSE)
        + boxes
        + cells
        + side
        + column(60, 520, REST)
    )
    found = sections(made)
    assert found["Cases of the Year"] == "I. COURTS: Cases of the Year"
    assert found["Trials | 29"] == "I. COURTS"
    assert found[joined(REST)] == "I. COURTS"


def test_a_cell_in_capitals_of_a_table_without_rules_is_no_heading() -> None:
    rows = [("Ratified", "CEDAW (1992)"), ("Signed", "CRPD (2007)")]
    page = "".join(
        show(60, 700 - 60 * n, a) + show(250, 700 - 60 * n, b) for n, (a, b) in enumerate(rows)
    )
    made = document(
        show(60, 740, "I. TREATIES", font="B")
        + page
        + show(250, 680, "OP-CAT (2007)")
        + column(60, 580, REST)
    )
    assert headings(made) == ["I. TREATIES"]
    assert sections(made)[joined(REST)] == "I. TREATIES"


def test_a_bold_question_is_a_heading_and_a_plain_one_is_not() -> None:
    question = "What can a worker do whose employer keeps her passport and does not pay her for a month or longer?"
    made = document(
        show(60, 730, question, font="B")
        + column(60, 712, PROSE)
        + show(60, 600, "Who pays?")
        + column(60, 560, REST)
    )
    assert headings(made) == [question]
    assert sections(made)[joined(REST)] == question


def test_contents_are_no_parent_of_the_sections_after_them() -> None:
    lines = "".join(
        show(60, 700 - 14 * n, name) + show(300, 700 - 14 * n, str(n + 3))
        for n, name in enumerate(("Introduction", "Courts"))
    )
    made = document(
        show(60, 740, "Contents", 14, "B") + lines,
        show(60, 740, "Introduction", 14, "B") + column(60, 700, PROSE),
    )
    assert sections(made)[joined(PROSE)] == "Introduction"


def test_a_note_mark_as_large_as_its_heading_is_dropped() -> None:
    assert headings(
        document(show(60, 740, "Courts of the North**", 14, "B") + column(60, 700, PROSE))
    ) == ["Courts of the North"]


def test_a_continued_heading_is_the_same_section() -> None:
    first = show(60, 740, "Courts of the North", font="B") + column(60, 700, PROSE)
    second = show(60, 700, "Courts of the North (cont)", font="B") + column(60, 660, REST)
    third = show(60, 700, "(cont)", font="B") + column(60, 660, PROSE[::-1])
    made = document(first, second, third)
    assert {block.section for block in made.blocks} == {"Courts of the North"}


# ---------------------------------------------------------------------------------------------
# broken character maps


def garbled(lines: list[str]) -> list[str]:
    """The lines as a text layer has them whose letters are named by their place in the font."""
    letters = list(string.ascii_lowercase)
    random.Random(7).shuffle(letters)
    return [
        line.lower().translate(str.maketrans(string.ascii_lowercase, "".join(letters)))
        for line in lines
    ]


def test_pages_with_a_broken_character_map_are_named_and_ocr_is_advised() -> None:
    good = column(60, 700, [*PROSE, *REST])
    bad = column(60, 700, garbled([*PROSE, *REST]))
    with pytest.warns(
        UserWarning, match=r"^made.pdf: pages 2, 3 with a text layer in which few .* run OCR first"
    ):
        document(good, bad, bad)


@pytest.mark.parametrize(
    "lines",
    [
        [line.upper() for line in [*PROSE, *REST]],
        ["CERD/C/KRV/CO/6, para. 12. See also CAT/C/KRV/CO/3, paras. 4 to 9."] * 12,
        ["El gobierno condenó a nueve personas por la trata de mujeres y de niños"] * 6,
        ["Hallitus tuomitsi yhdeksän syytettyä ihmiskaupasta vuoden aikana"] * 8,
        ["Afghanistan 12 July 2003", "Kyrgyzstan 4 May 1999", "Saint Kitts and Nevis 1 June 2001"]
        * 6,
    ],
)
def test_capitals_symbols_names_and_other_languages_are_words(lines: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document(column(60, 700, lines))


# ---------------------------------------------------------------------------------------------
# lines


def test_a_line_knows_its_raised_mark_and_where_its_cells_begin() -> None:
    words = [
        PdfWord("3", 60, 63, 697, 5.0),
        PdfWord("Ibid.", 66, 86, 700, 8.0),
        PdfWord("Page", 200, 220, 700, 8.0),
    ]
    rows = group_pdf_rows(make_pdf_fragments(words))
    plain = make_pdf_lines(rows)[0]
    assert (plain.text, plain.begins_raised, plain.cells) == ("Ibid. Page", True, 1)
    other = [PdfWord("Idem", 66, 86, 712, 8.0), PdfWord("Leaf", 200, 220, 712, 8.0)]
    table = make_pdf_lines(group_pdf_rows(make_pdf_fragments([*words[1:], *other])))
    assert [line.cell_starts for line in table] == [(66, 200), (66, 200)]
