"""Tables, headings, bibliographies and structure trees of PDF files are read as what they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pdf_pages import PROSE, REST, column, joined, make_pdf, read, show, texts

from tipclassify.readers.pdf.file import read_pdf
from tipclassify.records import Document

# ------------------------------------------------------------------------------ tables and drawings

TABLE = "".join(show(x, y, text, 8, font) for x, y, text, font in (
    (62, 652, "Area", "B"), (162, 652, "Action", "B"), (402, 652, "Done", "B"),
    (62, 632, "Courts", "F"), (162, 632, "Train judges on the law and on", "F"),
    (402, 632, "2023", "F"),
    (162, 622, "the care of children.", "F"),
    (162, 602, "Publish all verdicts", "F"), (402, 602, "No", "F"),
    (62, 582, "Shelters for", "F"), (162, 582, "Open one in the north", "F"),
    (62, 572, "men", "F"),
))  # fmt: skip
# thin boxes, broken at the columns; the first column has none between the two rows on courts
LINES = "".join(
    f"{x} {y} {width} 0.5 re f\n"
    for y in (662, 645, 612, 592, 565)
    for x, width in ((60, 100), (160, 240), (400, 100))
    if (x, y) != (60, 612)
)
ROWS = [
    "Area | Action | Done",
    "Courts | Train judges on the law and on the care of children. | 2023",
    "Courts | Publish all verdicts | No",
    "Shelters for men | Open one in the north",
]


def sections(document: Document) -> list[tuple[str, str | None, bool]]:
    """Return text and section of each block, and whether it is a heading."""
    return [
        (text, block.section, block.heading)
        for text, block in zip(texts(document), document.blocks, strict=True)
    ]


def test_a_ruled_table_is_read_row_by_row_with_the_label_of_each() -> None:
    page = [
        show(60, 750, "III. ENFORCEMENT OF THE LAW", font="B"),
        column(60, 735, PROSE[:4]),
        show(60, 670, "Table 4. Actions Suggested (Cont.)", font="B"),
        TABLE,
        LINES,
        column(60, 540, REST),
    ]
    heading = "III. ENFORCEMENT OF THE LAW"
    table = "III. ENFORCEMENT OF THE LAW: Table 4. Actions Suggested"
    assert sections(read_pdf(make_pdf("".join(page)), "x")) == [
        (heading, heading, True),
        (joined(PROSE[:4]), heading, False),
        ("Table 4. Actions Suggested (Cont.)", table, True),
        (ROWS[0], table, True),
        *((row, table, False) for row in ROWS[1:]),
        (joined(REST), heading, False),
    ]


def test_boxes_rule_a_table_as_lines_do_and_one_in_a_column_stays_there() -> None:
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (600, 620, 640) for x in (60, 170))
    cells = "".join(
        show(65 + 110 * (n % 2), 646 - 20 * (n // 2), text, 8)
        for n, text in enumerate(["Trials", "29", "Convictions", "7", "Appeals", "3"])
    )
    page = (
        column(60, 740, PROSE)
        + boxes
        + cells
        + column(60, 580, REST)
        + column(330, 740, [*REST, *PROSE])
    )
    rows = ["Trials | 29", "Convictions | 7", "Appeals | 3"]
    assert read(page) == [joined(PROSE), *rows, joined(REST), joined([*REST, *PROSE])]


def test_a_drawn_tick_is_a_cell() -> None:
    boxes = "".join(f"{x} {y} 110 20 re S\n" for y in (600, 620, 640) for x in (60, 170))
    tick = "220 626 m 223 624 l 229 633 l 222 629 l f\n"
    names = "".join(show(65, 646 - 20 * n, f"Convention {29 + n}", 8) for n in range(3))
    assert read(boxes + names + tick + show(180, 646, "ratified", 8)) == [
        "Convention 29 | ratified",
        "Convention 30 | ✓",
        "Convention 31",
    ]


def test_a_frame_around_columns_of_prose_is_no_table() -> None:
    frame = "50 600 240 120 re S\n320 600 240 120 re S\n50 600 510 120 re S\n"
    assert read(frame + column(60, 700, PROSE) + column(330, 700, REST)) == [
        joined(PROSE),
        joined(REST),
    ]


def test_the_labels_of_a_drawing_are_apart_from_the_table_beside_it() -> None:
    pie = "510 600 m 530 700 570 640 600 600 c 590 560 l f\n"
    labels = show(530, 630, "Farms", 7) + show(530, 622, "77%", 7) + show(560, 600, "Mills 23%", 7)
    caption = show(500, 680, "Figure 1. Work", 9, "B")
    blocks = read(
        show(60, 700, "Table 1. Areas", font="B")
        + TABLE
        + LINES
        + pie
        + labels
        + caption
        + column(60, 540, REST)
    )
    assert [row for row in ROWS if row in blocks] == ROWS
    assert {"Figure 1. Work", "Farms 77% | Mills 23%"} <= {*blocks}


def test_a_caption_right_of_a_drawing_without_labels_is_text() -> None:
    drawing = "60 600 m 80 700 120 640 150 600 c 140 560 l f\n"
    caption = show(160, 640, "Figure 2", 9)
    assert read(drawing + caption + column(60, 500, REST)) == ["Figure 2", joined(REST)]


# -------------------------------------------------------------------------- sentences, not headings


def test_a_sentence_in_large_type_is_no_heading_where_small_print_prevails() -> None:
    small = "".join(column(60, 500 - 60 * n, REST, 6, 8) for n in range(6))
    sentence = "The unit still lacked staff and cars. (3,46)"
    document = read_pdf(
        make_pdf(show(60, 700, sentence, 11) + column(60, 660, PROSE, 11, 13) + small), "x"
    )
    assert not any(block.heading for block in document.blocks)
    assert sentence in texts(document)


@pytest.mark.parametrize(
    "line",
    ["resource allocation", "Courts slept. Judges did not", "Border guards took bribes. (12)"],
)
def test_a_bold_line_that_is_part_of_a_sentence_is_no_heading(line: str) -> None:
    document = read_pdf(make_pdf(show(60, 700, line, font="B") + column(60, 670, PROSE)), "x")
    assert not document.blocks[0].heading


def test_the_second_half_of_a_paragraph_over_a_page_break_stays_with_the_first() -> None:
    table = TABLE + LINES + show(60, 670, "Table 4. Actions", font="B")
    document = read_pdf(
        make_pdf(column(60, 740, PROSE[:5]), table + column(60, 540, [PROSE[5]])), "x"
    )
    assert joined(PROSE) in texts(document)


def test_a_heading_in_two_bold_lines_is_one() -> None:
    heading = ["I. SPREAD AND SHARES OF CHILD", "LABOR"]
    page = "".join(
        show(60, 700 - 12 * n, line, font="B") for n, line in enumerate(heading)
    ) + column(60, 660, PROSE)
    assert read(page)[0] == joined(heading)


# ----------------------------------------------------------------------------------- bibliographies

ENTRIES = [
    (
        "1 Halden Times. Port officers face a third trial after all. May 3, 2021. "
        "https://halden.example/ports"
    ),
    "2 Ministry of Labor. Report on the brick kilns of the north. 2019 [online].",
    "3 Ostrander, Mila. Children of the kilns. Port Alba: Harbor Press, 2019.",
    (
        "4 Man jailed for 30 years for human trafficking. Halden Times, June 2, 2020. Available "
        "from: halden.example"
    ),
    "5 U.S. Embassy- Port Alba. Reporting. January 2, 2022.",
]


@pytest.mark.parametrize("heading", ["REFERENCES", "Bibliography", ""])
def test_a_bibliography_is_known_by_its_heading_or_its_entries(heading: str) -> None:
    page = (
        column(60, 740, PROSE) + show(60, 640, heading, font="B") + column(60, 620, ENTRIES, 7, 14)
    )
    document = read_pdf(make_pdf(page), "x")
    entries = [
        (text, section)
        for text, section, is_heading in sections(document)
        if text in ENTRIES and not is_heading
    ]
    assert entries == [(text, "references") for text in ENTRIES]
    assert document.blocks[0].section is None


def test_links_and_numbered_advice_in_the_text_are_no_bibliography() -> None:
    advice = [
        "1. Amend the law of 2015.",
        "2. Fund shelters by 2026.",
        "3. Train all judges.",
        "4. Report in 2027.",
    ]
    page = column(60, 740, PROSE) + column(60, 640, advice, 10, 20) + column(60, 540, REST)
    page += show(60, 440, "The report is at https://halden.example.")
    assert all(block.section != "references" for block in read_pdf(make_pdf(page), "x").blocks)


def test_numbers_of_the_entries_in_the_right_column_stay_with_them() -> None:
    def entries(x: int, first: int) -> str:
        page = ""
        for place in range(6):
            y = 700 - 12 * place
            text = "Alba Post. Ports, 2020." if place % 2 else "Halden Times. Trials, 2021."
            page += show(x, y, str(first + place), 7) + show(x + 18, y, text, 7)
        return page

    blocks = read(entries(60, 1) + entries(320, 7))
    assert [text.split()[0] for text in blocks] == [str(n) for n in range(1, 13)]


# ------------------------------------------------------------------------------------- tagged files


def tagged_pdf(content: str, tree: Sequence[tuple[str, Sequence[int]]], *others: str) -> bytes:
    """A page with a structure tree: elements in their order, each with its marked-content ids.

    Other pages have none.
    """
    data = make_pdf(content, *others, extra="/StructParents 0").decode("cp1252")
    first = 4 + 2 * (1 + len(others))  # number of the first element
    root = first + len(tree)
    objects: list[str] = []
    parents: dict[int, int] = {}
    for number, (role, ids) in enumerate(tree, first):
        kids = " ".join(map(str, ids))
        objects.append(f"<</Type/StructElem/S/{role}/P {root} 0 R/Pg 4 0 R/K[{kids}]>>")
        parents |= dict.fromkeys(ids, number)
    places = " ".join(f"{parents[content_id]} 0 R" for content_id in sorted(parents))
    kids = " ".join(f"{number} 0 R" for number in range(first, root))
    objects.append(f"<</Type/StructTreeRoot/K[{kids}]/ParentTree<</Nums[0[{places}]]>>>>")
    more = "".join(f"{n} 0 obj\n{text}\nendobj\n" for n, text in enumerate(objects, first))
    data = data[: data.index("xref")] + more + data[data.index("trailer") :]
    catalog = f"/Catalog/MarkInfo<</Marked true>>/StructTreeRoot {root} 0 R/Pages"
    data = data.replace("/Catalog/Pages", catalog)
    return data.replace(f"/Size {first}", f"/Size {root + 1}").encode("cp1252")


def marked(content_id: int, content: str) -> str:
    """Mark content as that of an element of the structure tree."""
    return f"/P<</MCID {content_id}>>BDC\n{content}EMC\n"


def test_notes_in_one_block_of_the_tree_are_parted() -> None:
    notes = ["Karvonia has not ratified it.", "Ibid., para. 4.", "CCPR/C/KRV/CO/3, para. 12."]
    block = show(60, 500, "Notes") + "".join(
        show(60, 483 - 12 * at, str(at + 1), 5) + show(66, 480 - 12 * at, text, 8)
        for at, text in enumerate(notes)
    )
    data = tagged_pdf(
        marked(0, column(60, 700, PROSE)) + marked(1, block), [("P", [0]), ("P", [1])]
    )
    assert texts(read_pdf(data, "x")) == [joined(PROSE), "Notes", *notes]


def test_a_note_in_a_block_of_text_goes_on_on_the_next_page() -> None:
    block = show(60, 700, "Karvonia has a law.") + show(60, 683, "2", 5)
    block += show(66, 680, "The ministry which pays for all of") + show(60, 668, PROSE[0])
    data = tagged_pdf(marked(0, block), [("P", [0])], column(60, 700, PROSE[1:]))
    law, note = read_pdf(data, "x").blocks
    assert law.later_pages == ()
    (start,) = note.later_pages
    assert read_pdf(data, "x").text[start.offset :] == joined(PROSE[1:])
    assert start.page == 2


def test_the_structure_tree_decides_what_is_a_heading_and_the_order() -> None:
    content = [
        marked(0, column(330, 700, REST)),
        marked(1, show(60, 740, "Courts and Police")),
        marked(2, column(60, 700, PROSE)),
        marked(3, show(60, 500, "Judges Without Posts", 14, "B")),
        marked(4, show(60, 470, "Trials") + show(60, 440, "Verdicts")),
        f"/Artifact BMC\n{show(300, 20, 'Halden Institute of Labor')}EMC\n",
    ]
    tree = [("H1", [1]), ("P", [2]), ("P", [3]), ("H2", [4]), ("P", [0])]
    document = read_pdf(tagged_pdf("".join(content), tree), "x")
    assert [(text, heading) for text, _, heading in sections(document)] == [
        ("Courts and Police", True),
        (joined(PROSE), False),
        ("Judges Without Posts", False),
        ("Trials Verdicts", True),
        (joined(REST), False),
    ]


def test_a_tree_of_a_small_part_of_the_text_is_not_followed() -> None:
    content = (
        marked(0, show(60, 740, "Courts and Police"))
        + column(60, 700, PROSE)
        + column(330, 700, REST)
    )
    assert read_pdf(tagged_pdf(content, [("P", [0])]), "x").text == "\n\n".join(
        ["Courts and Police", joined(PROSE), joined(REST)]
    )


# ---------------------------------------------------------------------------------------- bookmarks


def test_a_line_that_a_bookmark_of_its_page_names_is_a_heading_and_a_sentence_is_none() -> None:
    def page(heading: str) -> str:
        return show(60, 740, heading) + column(60, 715, PROSE) + column(60, 630, REST)

    pages = page("2. Ports of the north"), page("Ports of the south")
    marks = [
        ("Ports of the North", 1),
        ("Ports of the south", 1),
        (joined(PROSE), 1),
        ("Shelters", 2),
    ]
    document = read_pdf(make_pdf(*pages, bookmarks=marks), "x")
    assert [text for text, _, heading in sections(document) if heading] == ["2. Ports of the north"]
    assert not any(block.heading for block in read_pdf(make_pdf(*pages), "x").blocks)
