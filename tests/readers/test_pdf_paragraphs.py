"""Made pages are read in their author's order, in paragraphs, without what pages repeat.

What stands among paragraphs is told apart: headings, notes, marks, captions, bibliographies.
"""

from __future__ import annotations

import random
import string
import warnings

import pytest
from pdf_pages import (
    PROSE,
    REST,
    column,
    grid,
    headings,
    joined,
    read,
    read_pages,
    sections,
    show,
    texts,
)

from tipclassify.readers.pdf.paragraphs import Paragraph
from tipclassify.readers.pdf.references import REFERENCES, find_references
from tipclassify.text.split import split_passages

BOTH = [*PROSE, *REST]
WIDE = [
    "Port Salwen and the inland valleys. Its courts heard no case all year, and the prosecutor of",
    "the district resigned in the autumn, after a newspaper had printed his letters to the owners of",
    "the sawmills, who had asked him to be patient with them until the harvest was over in the south.",
]
ADVICE = [
    "71.1 Fund a shelter for men in the north (Norvia)",
    "71.2 Fund another one in the south (Arvenia)",
]
ABOUT_COLUMNS = [
    "Both courts had been warned by the same inspector, whose letters of that spring and autumn nobody",
    "answered, as the ministry admitted.",
]
SPREAD = (("Police", "closed", "the"), ("case", "within", "May"), ("and", "said", "no"))
SHORT = ["Courts", "Ministry of Labor", "The police of Port Salwen", "Navy"]
FIGURES = [("12.5", "Courts", "3.1"), ("13.5", "Shelters", "4.2"), ("14.5", "Schools", "5.7")]


def two_columns(y: float, left: list[str], right: list[str]) -> str:
    """Show two columns whose tops are at the same height."""
    return column(60, y, left) + column(330, y, right)


# pages, and the texts of their blocks
PAGES = {
    "columns are read in turn though the file has them line by line": (
        grid(list(zip(PROSE, REST, strict=True)), (60, 330), 700, 12),
        [joined(PROSE), joined(REST)],
    ),
    "a wide title and a wide paragraph keep their places about columns": (
        show(60, 740, "Karvonia Between the Ministry and the Two Courts", 20, "B")
        + two_columns(700, PROSE, REST)
        + column(60, 600, ABOUT_COLUMNS)
        + two_columns(550, REST, PROSE),
        [
            "Karvonia Between the Ministry and the Two Courts",
            joined(PROSE),
            joined(REST),
            joined(ABOUT_COLUMNS),
            joined(REST),
            joined(PROSE),
        ],
    ),
    "a heading over two columns is read between them and those above": (
        two_columns(700, PROSE, REST)
        + show(60, 600, "Protection", 12, "B")
        + two_columns(575, REST, PROSE),
        [joined(PROSE), joined(REST), "Protection", joined(REST), joined(PROSE)],
    ),
    "headings in the margin come before the text beside them": (
        show(60, 700, "Prosecution", font="B")
        + column(160, 700, BOTH)
        + show(60, 540, "Protection", font="B")
        + show(60, 528, "of Victims", font="B")
        + column(160, 540, [*REST, *PROSE]),
        ["Prosecution", joined(BOTH), "Protection of Victims", joined([*REST, *PROSE])],
    ),
    "lines spread to the width of a narrow column are no table": (
        grid(SPREAD, (60, 130, 200), 700, 12) + show(60, 664, "more about it to us than that."),
        ["Police closed the case within May and said no more about it to us than that."],
    ),
    "indents part paragraphs": (
        column(72, 700, PROSE[:1])
        + column(60, 688, PROSE[1:])
        + column(72, 628, REST[:1])
        + column(60, 616, REST[1:]),
        [joined(PROSE), joined(REST)],
    ),
    "gaps part paragraphs": (
        column(60, 700, PROSE) + column(60, 622, REST),
        [joined(PROSE), joined(REST)],
    ),
    "gaps part unfinished paragraphs": (
        column(60, 700, PROSE[:2]) + column(60, 670, REST),
        [joined(PROSE[:2]), joined(REST)],
    ),
    "short last lines part paragraphs": (
        column(60, 700, [*PROSE[:-1], "kept them.", *REST]),
        [joined([*PROSE[:-1], "kept them."]), joined(REST)],
    ),
    "list entries are blocks without their bullets": (
        show(60, 700, "•")
        + show(72, 700, "Fund the shelters in the north and in the east,")
        + show(72, 688, "where there is no bed;")
        + column(60, 676, ["• Train judges;", "1. Amend the law."]),
        [
            "Fund the shelters in the north and in the east, where there is no bed;",
            "Train judges;",
            "1. Amend the law.",
        ],
    ),
    "recommendations without a stop between them are parted by their numbers": (
        column(60, 700, ADVICE),
        ADVICE,
    ),
    "rows of figures are rows": (
        grid(FIGURES, (60, 180, 300), 700, 14),
        [" | ".join(row) for row in FIGURES],
    ),
    "the second line of the last cell belongs to it": (
        grid([("CAT", "Convention on Torture"), ("CRC", "Convention on Boys")], (60, 150), 700, 36)
        + show(150, 688, "or Degrading Treatment"),
        ["CAT | Convention on Torture or Degrading Treatment", "CRC | Convention on Boys"],
    ),
    "a list of short entries is no paragraph beside a map": (
        column(60, 700, [*SHORT, *WIDE]),
        [*SHORT, joined(WIDE)],
    ),
    "a note with an asterisk as large as the text cuts no sentence": (
        (
            column(60, 700, PROSE[:4]) + show(60, 600, "* Karvonia, Norvia and Arvenia."),
            column(60, 700, PROSE[4:]),
        ),
        [joined(PROSE), "Karvonia, Norvia and Arvenia."],
    ),
    "small print at the foot is a note and not in the paragraph": (
        (
            column(60, 700, PROSE[:4])
            + show(60, 60, "3", 5, operators="3 Ts")
            + show(64, 60, "Decree 12 of May.", 8, operators="0 Ts"),
            column(60, 700, PROSE[4:]),
        ),
        [joined(PROSE), "Decree 12 of May."],
    ),
    "entries with asterisks are a list": (
        column(60, 700, ["The state should:"])
        + column(60, 660, ["* fund a shelter in the north;", "* train the judges."]),
        ["The state should:", "fund a shelter in the north;", "train the judges."],
    ),
    "a full last line goes on in the next column": (
        (
            column(60, 300, [*WIDE[:2], WIDE[2].replace("south.", "southern")]),
            column(60, 700, ["Salwen district.", *PROSE]),
        ),
        [joined([*WIDE, "Salwen district."]).replace("south.", "southern"), joined(PROSE)],
    ),
    "a note mark ends the last sentence of a column": (
        (column(60, 300, [*WIDE[:2], WIDE[2] + " (3,14)"]), column(60, 700, PROSE)),
        [joined(WIDE) + " (3,14)", joined(PROSE)],
    ),
    "spaced letters are drawn together": (
        show(60, 700, "PROTECTION OF VICTIMS", font="B", operators="4 Tc")
        + show(60, 670, "No shelter opened.", operators="0 Tc"),
        ["PROTECTION OF VICTIMS", "No shelter opened."],
    ),
    "an initial is put before its word": (
        show(60, 676, "P", 34)
        + column(80, 700, [PROSE[0].removeprefix("P"), *PROSE[1:3]])
        + column(60, 664, PROSE[3:]),
        [joined(PROSE)],
    ),
    "a heading in two bold lines is one": (
        show(60, 700, "I. SPREAD AND SHARES OF CHILD", font="B")
        + show(60, 688, "LABOR", font="B")
        + column(60, 660, PROSE),
        ["I. SPREAD AND SHARES OF CHILD LABOR", joined(PROSE)],
    ),
    "stamps and text off the page are left out": (
        column(60, 700, PROSE)
        + f"q 0.7 0.7 -0.7 0.7 200 300 cm {show(0, 0, 'DRAFT', 60)} Q "
        + f"q 0 1 -1 0 590 200 cm {show(0, 0, 'Printed in Halden', 7)} Q"
        + show(60, -40, "printer's mark"),
        [joined(PROSE)],
    ),
    "a number inside the text stays": (
        column(60, 700, PROSE) + show(60, 500, "2023") + column(60, 300, REST),
        [joined(PROSE), "2023", joined(REST)],
    ),
}


@pytest.mark.parametrize("case", PAGES)
def test_the_blocks_of_a_page(case: str) -> None:
    pages, blocks = PAGES[case]
    assert read(*([pages] if isinstance(pages, str) else pages)) == blocks


GOING_ON = {
    "beside a map and below it": [
        "In 2021, Karvonia made some",
        "efforts against child labor. In",
        "the spring the ministry hired",
        "nine inspectors for the farms of",
        *WIDE,
    ],
    "ragged beside a map and below it": [
        "In 2021, Karvonia hired no inspector",
        "for the farms, and its courts heard no",
        "case against owners of",
        "a sawmill. The prosecutor of the",
        *WIDE,
    ],
    "after a preposition": [
        WIDE[1],
        WIDE[2].replace(".", ","),
        "but not in",
        "Port Salwen, again.",
    ],
    "after an abbreviation": [
        WIDE[0],
        "the district went, as provided for in the law of the land (see art. 7 of that law, para.",
        "12).",
    ],
    "after a title": [WIDE[1].removesuffix(" of"), "as told by Dr.", "Salo, who knew"],
    "a letter that could be a bullet": [
        "b In March, police freed nine.",
        "b In May, none was tried.",
    ],
}


@pytest.mark.parametrize("case", GOING_ON)
def test_lines_that_go_on_are_one_paragraph(case: str) -> None:
    assert read(column(60, 700, GOING_ON[case])) == [joined(GOING_ON[case])]


@pytest.mark.parametrize(
    ("word", "mark", "kept"),
    [("mills.", "12", "mills."), ("mills", "[3]", "mills"), ("40 km", "2", "40 km2")],
)
def test_raised_digits_are_dropped_but_not_exponents(word: str, mark: str, kept: str) -> None:
    page = (
        f"BT /F 10 Tf 60 700 Td (Police searched {word}) Tj /F 6 Tf 4 Ts ({mark}) Tj "
        "/F 10 Tf 0 Ts ( near the port.) Tj ET"
    )
    assert read(page) == [f"Police searched {kept} near the port."]


@pytest.mark.parametrize("stem", ["136.{}", "71.{}.", "{}.", "4.1.{}"])
def test_a_numbered_recommendation_is_one_paragraph(stem: str) -> None:
    lines = ["Continue the measures that ease the return and the", "lives of the refugees;"]
    page = ""
    for y, number in ((700, 31), (664, 32), (628, 33)):
        page += show(60, y, stem.format(number)) + column(120, y, lines)
    assert read(page) == [f"{stem.format(number)} {joined(lines)}" for number in (31, 32, 33)]


def test_a_narrow_column_of_a_table_does_not_break_into_the_prose_beside_it() -> None:
    page = column(60, 700, BOTH) + show(400, 700, "Done") + show(400, 628, "Not done")
    assert joined(BOTH) in read(page)


def test_labels_of_a_chart_do_not_set_the_line_spacing() -> None:
    labels = "".join(show(60 + 9 * at, 610 - 3 * at, f"{at}%", 5) for at in range(14))
    blocks = read(column(60, 700, PROSE) + labels + column(60, 540, REST))
    assert [block for block in blocks if "%" not in block] == [joined(PROSE), joined(REST)]


def test_a_paragraph_goes_on_in_the_next_column_and_on_the_next_page() -> None:
    document = read_pages(column(60, 700, [*PROSE, *REST[:3]]), column(60, 700, REST[3:]))
    assert texts(document) == [joined(BOTH)]
    assert [block.page for block in document.blocks] == [1]
    assert joined(PROSE[:5]) in read(two_columns(700, PROSE[:3], PROSE[3:] + REST[:2]))[0]


def test_a_sentence_on_the_next_page_is_on_that_page() -> None:
    above = [*WIDE[:2], WIDE[2].replace("south.", "southern dis-")]
    below = ["tricts. A court in Salwen fined two of them.", "It freed the others in the spring."]
    document = read_pages(column(60, 300, above), column(60, 700, below))
    assert texts(document) == [joined([*above, *below]).replace("dis- tricts", "districts")]
    begins = [(passage.page, passage.text.split()[0]) for passage in split_passages(document)]
    assert begins == [(1, "Port"), (1, "Its"), (2, "A"), (2, "It")]


def test_a_box_beside_the_text_comes_after_it_and_its_heading_stays_inside() -> None:
    box = ["The shelters have forty", "beds for women and none", "for men or for boys."]
    wide = [f"{left} {right}" for left, right in zip(REST, PROSE, strict=True)]
    page = show(60, 730, "Prosecution", 12, "B") + column(60, 712, PROSE)
    page += show(400, 712, "Key facts", 8, "B") + column(400, 700, box, 8, 10)
    page += column(60, 640, wide)
    photo = [
        "A shelter for women in the",
        "north of the country, seen",
        "from the road to the port.",
    ]
    next_page = column(60, 712, REST) + column(400, 700, photo, 8, 10)
    document = read_pages(page, next_page)
    assert texts(document) == [
        *["Prosecution", joined(PROSE), joined(wide), "Key facts", joined(box)],
        *[joined(REST), joined(photo)],
    ]
    assert [block.section for block in document.blocks] == [
        *["prosecution"] * 3,
        *["Key facts"] * 2,
        *["prosecution", None],  # nor does it open that of a box on another page
    ]


def test_a_table_on_a_page_with_a_background_has_no_more_than_its_rows() -> None:
    rules = [f"60 {y} m 460 {y} l S\n" for y in (500, 480, 460, 440)]
    rules += [f"{x} 440 m {x} 500 l S\n" for x in (60, 260, 460)]
    rows = [("Country", "Cases"), ("Karvonia", "12"), ("Norvia", "7")]
    page = "1 1 1 rg 0 0 612 792 re f 0 0 0 rg\n" + show(60, 730, "Prosecution", 12, "B")
    page += column(60, 700, PROSE) + "".join(rules) + grid(rows, (66, 266), 486, 20)
    document = read_pages(page + column(60, 400, REST))
    assert sections(document) == dict.fromkeys(
        ["Prosecution", joined(PROSE), *map(" | ".join, rows), joined(REST)], "prosecution"
    )


@pytest.mark.parametrize("turn", ["", "/Rotate 90", "/Rotate 180"])
def test_pages_that_are_turned_or_set_sideways_are_read_upright(turn: str) -> None:
    across = f"q 0 1 -1 0 612 0 cm {column(60, 540, PROSE)} {column(60, 440, REST)} Q"
    assert read(across, extra=turn) == [joined(PROSE), joined(REST)]
    assert read(column(60, 700, PROSE), extra=turn) == [joined(PROSE)]
    parts = "".join(
        f"BT /F 10 Tf 60 {700 - 12 * at} Td ({text[:9]}) Tj ({text[9:]}) Tj ET "
        for at, text in enumerate(PROSE)
    )
    assert read(f"q -1 0 0 -1 612 792 cm {parts} Q", extra=turn) == [joined(PROSE)]


def test_text_outside_of_the_crop_box_is_left_out() -> None:
    page = column(60, 700, PROSE)
    assert read(page, extra="/CropBox[0 660 612 792]") == [joined(PROSE[:4])]


# ------------------------------------------------------------------------------- what pages repeat


@pytest.mark.parametrize("text", ["3", "iv", "- 3 -", "Page 3 of 9", "page 12", "3 / 9", "p. 4"])
@pytest.mark.parametrize("y", [760, 40])
def test_a_page_number_is_known_by_form_and_place(text: str, y: int) -> None:
    assert read(column(60, 700, PROSE) + show(300, y, text)) == [joined(PROSE)]


def test_running_heads_go_and_headings_that_open_pages_stay() -> None:
    def page(number: int) -> str:
        head = show(60, 750, "KARVONIA" if number % 2 else "Annual Report, 2024", 8)
        opening = show(60, 700, "Protection" if number in (1, 3) else PROSE[number], 10, "B")
        body = column(60, 670, PROSE[number:] + REST[: number + 2])
        return head + opening + body + show(60, 40, f"Narratives, vol. {number} | {number}")

    blocks = read(*map(page, (1, 2, 3, 4, 5)))
    assert blocks.count("Protection") == 2
    assert PROSE[4] in joined(blocks)
    for head in ("KARVONIA", "Annual", "vol."):
        assert head not in joined(blocks)


def test_a_heading_close_to_the_text_below_it_is_no_running_head() -> None:
    def page(number: int) -> str:
        heading = show(60, 712, "Protection", font="B") if number in (1, 3) else ""
        return heading + column(60, 700, PROSE[number:] + REST[: number + 2])

    assert read(*map(page, (1, 2, 3, 4, 5))).count("Protection") == 2


def test_a_title_and_the_verdict_below_it_stay_where_they_first_stand() -> None:
    def page(number: int) -> str:
        x = 400 if number == 1 else 60
        head = show(x, 750, "Karvonia", 26) + show(x, 728, "MODERATE ADVANCEMENT", 12, "B")
        return head + column(60, 700, BOTH) + show(60, 40, "Findings on Child Labor", 8)

    document = read_pages(*map(page, (1, 2, 3, 4)))
    assert texts(document)[:3] == ["Karvonia", "MODERATE ADVANCEMENT", joined(BOTH)]
    assert headings(document) == ["Karvonia", "MODERATE ADVANCEMENT"]
    assert {block.section for block in document.blocks[1:]} == {"assessment"}
    assert "Findings" not in document.text


def test_letters_of_a_thumb_index_do_not_cut_sentences() -> None:
    lines = [[f"{name} {line}" for line in BOTH] for name in ("Aro", "Bel", "Cor", "Dun", "Eel")]
    index = [show(585, 639, "K", 14, "B")] * 4 + [show(585, 615, "L", 14, "B")]
    pages = [column(60, 700, page) + letter for page, letter in zip(lines, index, strict=True)]
    assert read(*pages) == [joined(page) for page in lines]


@pytest.mark.parametrize("x", [30, 560])
def test_line_numbers_are_no_numbers_of_a_sentence(x: float) -> None:
    pages: list[list[str]] = []
    for name in ("Aro", "Bel", "Cor"):
        pages.append([f"{name} {line}" for line in BOTH])
    numbers = show(x, 700 - 4 * 12, "5", 8) + show(x, 700 - 9 * 12, "10", 8)
    assert read(*(column(120, 700, page) + numbers for page in pages)) == list(map(joined, pages))


def test_markers_that_hang_outside_of_the_text_stay() -> None:
    def page(number: int) -> str:
        marker = show(60, 700 - 24 * number, f"{number})")
        return column(100, 700, PROSE[:number]) + marker + column(100, 700 - 24 * number, REST)

    text = joined(read(*map(page, (1, 2, 3, 4, 5))))
    assert all(f"{number}) " in text for number in (1, 2, 3, 4, 5))


@pytest.mark.parametrize("font", ["S", "W"])
def test_letters_of_a_symbol_font_are_bullets(font: str) -> None:
    entries = [
        "In March, police freed nine.",
        "In May, no case opened.",
        "In June, none was tried.",
    ]
    page = "".join(
        show(60, 700 - 14 * number, "b", 10, font) + show(72, 700 - 14 * number, entry)
        for number, entry in enumerate(entries)
    )
    assert read(page) == entries


# ----------------------------------------------------------------------------------------- headings


def test_bold_large_and_capital_lines_are_headings_and_bold_sentences_not() -> None:
    page = show(60, 740, "Norvia in 2024", 18) + show(60, 700, "Conduct of Officials", font="B")
    page += column(60, 686, PROSE) + show(60, 596, "PORTS AND BORDERS") + column(60, 582, REST)
    page += show(60, 490, "Imitated bold", operators="2 Tr")
    page += show(60, 460, "Border guards took bribes.", font="B", operators="0 Tr")
    expected = ["Norvia in 2024", "Conduct of Officials", "PORTS AND BORDERS", "Imitated bold"]
    assert headings(read_pages(page)) == expected


def test_a_sentence_in_large_type_is_no_heading_where_small_print_prevails() -> None:
    small = "".join(column(60, 500 - 60 * n, REST, 6, 8) for n in range(6))
    sentence = "The unit still lacked staff and cars. (3,46)"
    document = read_pages(show(60, 700, sentence, 11) + column(60, 660, PROSE, 11, 13) + small)
    assert headings(document) == []
    assert sentence in texts(document)


@pytest.mark.parametrize(
    "line",
    ["resource allocation", "Courts slept. Judges did not", "Border guards took bribes. (12)"],
)
def test_a_bold_line_that_is_part_of_a_sentence_is_no_heading(line: str) -> None:
    assert headings(read_pages(show(60, 700, line, font="B") + column(60, 670, PROSE))) == []


def test_a_bold_question_is_a_heading_and_a_plain_one_is_not() -> None:
    question = (
        "What can a worker do whose employer keeps her passport and does not pay her for a month "
        "or longer?"
    )
    page = show(60, 730, question, font="B") + column(60, 712, PROSE)
    document = read_pages(page + show(60, 600, "Who pays?") + column(60, 560, REST))
    assert headings(document) == [question]
    assert sections(document)[joined(REST)] == question


def test_a_long_bold_line_is_a_heading_where_its_number_is_the_next_one() -> None:
    right = (
        "Freedom of belief, of speech and of assembly, and the right to take part in public life"
    )
    page = show(60, 740, "1. Right to life", font="B") + column(60, 720, PROSE)
    page += show(60, 640, f"2. {right}", font="B") + column(60, 620, REST)
    page += show(60, 540, f"4. {right}", font="B") + column(60, 520, PROSE)
    assert headings(read_pages(page)) == ["1. Right to life", f"2. {right}"]


def test_contents_are_no_parent_of_the_sections_after_them() -> None:
    lines = grid([("Introduction", "3"), ("Courts", "4")], (60, 300), 700, 14)
    introduction = show(60, 740, "Introduction", 14, "B") + column(60, 700, PROSE)
    document = read_pages(show(60, 740, "Contents", 14, "B") + lines, introduction)
    assert sections(document)[joined(PROSE)] == "Introduction"


def test_an_entry_of_contents_with_short_leaders_is_no_heading() -> None:
    entry = show(60, 700, "I. COURTS OF THE NORTH ... 5 - 94 3")
    contents = show(60, 740, "Contents", 14, "B") + entry
    document = read_pages(contents, show(60, 740, "I. COURTS", font="B") + column(60, 700, PROSE))
    assert headings(document) == ["Contents", "I. COURTS"]


def test_a_note_mark_as_large_as_its_heading_is_dropped() -> None:
    heading = show(60, 740, "Courts of the North**", 14, "B")
    assert headings(read_pages(heading + column(60, 700, PROSE))) == ["Courts of the North"]


def test_a_continued_heading_is_the_same_section() -> None:
    first = show(60, 740, "Courts of the North", font="B") + column(60, 700, PROSE)
    second = show(60, 700, "Courts of the North (cont)", font="B") + column(60, 660, REST)
    third = show(60, 700, "(cont)", font="B") + column(60, 660, PROSE[::-1])
    document = read_pages(first, second, third)
    assert {block.section for block in document.blocks} == {"Courts of the North"}


# --------------------------------------------------------------------------- notes, bibliographies

ENDNOTES = [
    "Tables with the treaties are available at the secretariat.",
    "CCPR/C/KRV/CO/3, paras. 27–28.",
    "For relevant recommendations, see A/HRC/28/15, paras. 115.1 and 115.133.",
    "Ibid., para. 26. See also CAT/C/KRV/CO/3, para. 23.",
    "UNHCR submission, pp. 4–5.",
    "Letter to the mission of Karvonia, which the ministry did not answer.",
]


def notes(lines: list[str], y: float, gap: float = 3) -> str:
    """Show notes in small type below each other, each after its raised number."""
    page = ""
    for number, text in enumerate(lines, 1):
        page += show(60, y + 3, str(number), 5) + show(64.5 + gap, y, text, 8)
        y -= 10
    return page


@pytest.mark.parametrize("gap", [0.5, 12])
def test_endnotes_under_their_heading_are_no_passages(gap: float) -> None:
    first = column(60, 700, PROSE) + show(60, 580, "Notes") + notes(ENDNOTES, 560, gap)
    document = read_pages(first, column(60, 700, REST, 8, 10))
    references = ["Notes", *ENDNOTES, joined(REST)]
    assert texts(document) == [joined(PROSE), *references]
    assert {sections(document)[text] for text in references} == {REFERENCES}
    assert {passage.block for passage in split_passages(document)} == {0}


def test_text_under_a_heading_after_the_notes_is_text() -> None:
    first = column(60, 700, PROSE) + show(60, 580, "Notes") + notes(ENDNOTES, 560)
    annex = show(60, 750, "ANNEX", font="B") + column(60, 700, REST)
    assert sections(read_pages(first, annex))[joined(REST)] == "ANNEX"


def test_text_under_a_heading_of_notes_that_are_few_is_text() -> None:
    heading = show(60, 750, "Notes", font="B")
    document = read_pages(heading + column(60, 700, PROSE) + column(60, 560, REST))
    assert sections(document)[joined(PROSE)] != REFERENCES


def test_a_footnote_that_is_a_place_in_a_document_is_no_passage() -> None:
    lines = ["CCPR/C/KRV/CO/3, paras. 27–28.", "Ibid., para. 4."]
    document = read_pages(column(60, 700, PROSE) + notes(lines, 60))
    assert texts(document)[1:] == lines
    assert {passage.block for passage in split_passages(document)} == {0}


ENTRIES = [
    "1 Halden Times. Port officers face a third trial. May 3, 2021. https://halden.example/ports",
    "2 Ministry of Labor. Report on the brick kilns of the north. 2019 [online].",
    "3 Ostrander, Mila. Children of the kilns. Port Alba: Harbor Press, 2019.",
    "4 Man jailed for 30 years. Halden Times, June 2, 2020. Available from: halden.example",
    "5 U.S. Embassy- Port Alba. Reporting. January 2, 2022.",
]


@pytest.mark.parametrize("heading", ["REFERENCES", "Bibliography", ""])
def test_a_bibliography_is_known_by_its_heading_or_its_entries(heading: str) -> None:
    page = column(60, 740, PROSE) + show(60, 640, heading, font="B")
    document = read_pages(page + column(60, 620, ENTRIES, 7, 14))
    assert [sections(document)[text] for text in ENTRIES] == [REFERENCES] * len(ENTRIES)
    assert not {*headings(document)} & {*ENTRIES}
    assert document.blocks[0].section is None


def test_links_and_numbered_advice_in_the_text_are_no_bibliography() -> None:
    advice = ["1. Amend the law of 2015.", "2. Fund shelters by 2026.", "3. Train all judges."]
    page = column(60, 740, PROSE) + column(60, 640, [*advice, "4. Report in 2027."], 10, 20)
    page += column(60, 540, REST) + show(60, 440, "The report is at https://halden.example.")
    assert REFERENCES not in sections(read_pages(page)).values()


def test_many_headings_of_notes_and_entries_take_no_longer_than_their_count() -> None:
    for texts_in_turn in (["Notes", "Courts slept."], ["1. Amend the law of 2015."]):
        paragraphs = [Paragraph(text, page=1) for text in texts_in_turn * 20_000]
        assert find_references(paragraphs) == set()  # within a second, not an hour


def test_numbers_of_the_entries_in_the_right_column_stay_with_them() -> None:
    page = ""
    for number in range(12):
        x, y = 60 + 260 * (number // 6), 700 - 12 * (number % 6)
        text = "Alba Post. Ports, 2020." if number % 2 else "Halden Times. Trials, 2021."
        page += show(x, y, str(number + 1), 7) + show(x + 18, y, text, 7)
    assert [text.split()[0] for text in read(page)] == [str(n) for n in range(1, 13)]


# ---------------------------------------------------------------------------- broken character maps


def test_pages_with_a_broken_character_map_are_named_and_ocr_is_advised() -> None:
    letters = list(string.ascii_lowercase)
    random.Random(7).shuffle(letters)
    named_wrong = str.maketrans(string.ascii_lowercase, "".join(letters))
    good = column(60, 700, BOTH)
    bad = column(60, 700, [line.lower().translate(named_wrong) for line in BOTH])
    message = r"^made.pdf: pages 2, 3 with a text layer in which few .* run OCR first"
    with pytest.warns(UserWarning, match=message):
        read_pages(good, bad, bad)


@pytest.mark.parametrize(
    "lines",
    [
        [line.upper() for line in BOTH],
        ["CERD/C/KRV/CO/6, para. 12. See also CAT/C/KRV/CO/3, paras. 4 to 9."] * 12,
        ["El gobierno condenó a nueve personas por la trata de mujeres y de niños"] * 6,
        ["Hallitus tuomitsi yhdeksän syytettyä ihmiskaupasta vuoden aikana"] * 8,
        ["Afghanistan 12 July 2003", "Kyrgyzstan 4 May 1999", "Saint Kitts and Nevis 1 June"] * 6,
    ],
    ids=["capitals", "symbols", "Spanish", "Finnish", "names"],
)
def test_capitals_symbols_names_and_other_languages_are_words(lines: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_pages(column(60, 700, lines))
