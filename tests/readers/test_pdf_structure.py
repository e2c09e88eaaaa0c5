"""Tables, drawings, structure trees and bookmarks of PDF files are read as what they are."""

from __future__ import annotations

from collections.abc import Sequence

from pdf_pages import (
    PROSE,
    REST,
    column,
    grid,
    headings,
    joined,
    make_pdf,
    read,
    read_pages,
    sections,
    show,
    texts,
)

from tipclassify.readers.pdf.file import read_pdf

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


def boxes(x: float, ys: Sequence[float]) -> str:
    """Draw rows of two boxes, each from one of the lower edges."""
    return "".join(f"{left} {y} 110 20 re S\n" for y in ys for left in (x, x + 110))


def test_a_ruled_table_is_read_row_by_row_with_the_label_of_each() -> None:
    page = show(60, 750, "III. ENFORCEMENT OF THE LAW", font="B") + column(60, 735, PROSE[:4])
    page += show(60, 670, "Table 4. Actions Suggested (Cont.)", font="B") + TABLE + LINES
    document = read_pages(page + column(60, 540, REST))
    heading = "III. ENFORCEMENT OF THE LAW"
    table = f"{heading}: Table 4. Actions Suggested"
    caption = "Table 4. Actions Suggested (Cont.)"
    assert list(sections(document).items()) == [
        (heading, heading),
        (joined(PROSE[:4]), heading),
        (caption, table),
        *((row, table) for row in ROWS),
        (joined(REST), heading),
    ]
    assert headings(document) == [heading, caption, ROWS[0]]


def test_boxes_rule_a_table_as_lines_do_and_one_in_a_column_stays_there() -> None:
    rows = [("Trials", "29"), ("Convictions", "7"), ("Appeals", "3")]
    page = column(60, 740, PROSE) + boxes(60, (600, 620, 640)) + grid(rows, (65, 175), 646, 20, 8)
    page += column(60, 580, REST) + column(330, 740, [*REST, *PROSE])
    cells = [" | ".join(row) for row in rows]
    assert read(page) == [joined(PROSE), *cells, joined(REST), joined([*REST, *PROSE])]


def test_a_drawn_tick_is_a_cell() -> None:
    tick = "220 626 m 223 624 l 229 633 l 222 629 l f\n"
    names = column(65, 646, [f"Convention {number}" for number in (29, 30, 31)], 8, 20)
    assert read(boxes(60, (600, 620, 640)) + names + tick + show(180, 646, "ratified", 8)) == [
        "Convention 29 | ratified",
        "Convention 30 | ✓",
        "Convention 31",
    ]


def test_a_frame_around_columns_of_prose_is_no_table() -> None:
    frame = "50 600 240 120 re S\n320 600 240 120 re S\n50 600 510 120 re S\n"
    page = frame + column(60, 700, PROSE) + column(330, 700, REST)
    assert read(page) == [joined(PROSE), joined(REST)]


def test_the_labels_of_a_drawing_are_apart_from_the_table_beside_it() -> None:
    pie = "510 600 m 530 700 570 640 600 600 c 590 560 l f\n"
    labels = column(530, 630, ["Farms", "77%"], 7, 8) + show(560, 600, "Mills 23%", 7)
    page = show(60, 700, "Table 1. Areas", font="B") + TABLE + LINES + pie + labels
    blocks = read(page + show(500, 680, "Figure 1. Work", 9, "B") + column(60, 540, REST))
    assert [row for row in ROWS if row in blocks] == ROWS
    assert {"Figure 1. Work", "Farms 77% | Mills 23%"} <= {*blocks}


def test_a_caption_right_of_a_drawing_without_labels_is_text() -> None:
    drawing = "60 600 m 80 700 120 640 150 600 c 140 560 l f\n"
    page = drawing + show(160, 640, "Figure 2", 9) + column(60, 500, REST)
    assert read(page) == ["Figure 2", joined(REST)]


def test_a_second_line_of_a_caption_opens_no_section() -> None:
    page = show(60, 730, "I. WORK OF CHILDREN", font="B") + column(60, 700, PROSE)
    page += "400 500 m 420 600 460 540 490 500 c 480 460 l f\n"
    page += column(430, 530, ["Farms", "77%"], 7, 8) + show(460, 500, "Mills 23%", 7)
    page += show(60, 612, "Table 1. Work of Children", font="B")
    page += show(60, 600, "and Their Schools", font="B")
    page += show(398, 612, "Figure 1. Work by Sector,", font="B")
    page += show(423, 600, "Ages 5-14", font="B") + boxes(60, (540, 560))
    page += grid([("At work", "29"), ("At school", "7")], (65, 175), 566, 20, 8)
    document = read_pages(page + column(60, 440, REST))
    assert "Table 1. Work of Children and Their Schools" in headings(document)
    assert "Figure 1. Work by Sector, Ages 5-14" in texts(document)
    assert sections(document)[joined(REST)] == "I. WORK OF CHILDREN"


def test_a_caption_beside_a_table_opens_no_section() -> None:
    rows = [("Trials", "29"), ("Verdicts", "7"), ("Appeals", "3")]
    page = show(60, 730, "I. COURTS", font="B") + column(60, 715, PROSE)
    page += boxes(250, (560, 580, 600)) + grid(rows, (255, 365), 606, 20, 8)
    page += show(60, 605, "Cases of the Year", font="B")
    section_by_text = sections(read_pages(page + column(60, 520, REST)))
    assert section_by_text["Cases of the Year"] == "I. COURTS: Cases of the Year"
    assert section_by_text["Trials | 29"] == "I. COURTS"
    assert section_by_text[joined(REST)] == "I. COURTS"


def test_a_cell_in_capitals_of_a_table_without_rules_is_no_heading() -> None:
    rows = [("Ratified", "CEDAW (1992)"), ("Signed", "CRPD (2007)")]
    page = show(60, 740, "I. TREATIES", font="B") + grid(rows, (60, 250), 700, 60)
    document = read_pages(page + show(250, 680, "OP-CAT (2007)") + column(60, 580, REST))
    assert headings(document) == ["I. TREATIES"]
    assert sections(document)[joined(REST)] == "I. TREATIES"


def test_the_second_half_of_a_paragraph_over_a_page_break_stays_with_the_first() -> None:
    table = TABLE + LINES + show(60, 670, "Table 4. Actions", font="B")
    pages = column(60, 740, PROSE[:5]), table + column(60, 540, PROSE[5:])
    assert joined(PROSE) in read(*pages)


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
    block = show(60, 500, "Notes")
    for at, text in enumerate(notes):
        block += show(60, 483 - 12 * at, str(at + 1), 5) + show(66, 480 - 12 * at, text, 8)
    content = marked(0, column(60, 700, PROSE)) + marked(1, block)
    data = tagged_pdf(content, [("P", [0]), ("P", [1])])
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
    title, verdicts = "Courts and Police", "Trials Verdicts"
    judges = "Judges Without Posts"
    assert texts(document) == [title, joined(PROSE), judges, verdicts, joined(REST)]
    assert headings(document) == [title, verdicts]


def test_a_tree_of_a_small_part_of_the_text_is_not_followed() -> None:
    title = "Courts and Police"
    content = marked(0, show(60, 740, title)) + column(60, 700, PROSE) + column(330, 700, REST)
    document = read_pdf(tagged_pdf(content, [("P", [0])]), "x")
    assert texts(document) == [title, joined(PROSE), joined(REST)]


def test_a_line_that_a_bookmark_of_its_page_names_is_a_heading_and_a_sentence_is_none() -> None:
    def page(heading: str) -> str:
        return show(60, 740, heading) + column(60, 715, PROSE) + column(60, 630, REST)

    pages = page("2. Ports of the north"), page("Ports of the south")
    names = ["Ports of the North", "Ports of the south", joined(PROSE)]
    marks = [*((name, 1) for name in names), ("Shelters", 2)]
    marked_headings = headings(read_pdf(make_pdf(*pages, bookmarks=marks), "x"))
    assert marked_headings == ["2. Ports of the north"]
    assert headings(read_pages(*pages)) == []
