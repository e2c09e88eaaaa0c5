"""Word files are read as their reader sees them.

That is in order, without what was deleted, each cell once.
"""

from __future__ import annotations

import io
import sys
import zipfile

import pytest
from word_files import FILES, W, with_body

from tipclassify import Document, InputError
from tipclassify.errors import MissingExtraError
from tipclassify.readers import read_report
from tipclassify.readers.html.page import read_html
from tipclassify.readers.word import read_docx

Seen = list[tuple[str | None, bool, str]]


def seen(document: Document) -> Seen:
    """Return section and text of each block, and whether it is a heading."""
    return [(b.section, b.heading, document.text[b.start : b.end]) for b in document.blocks]


def test_a_report_written_in_word() -> None:
    document = read_report(FILES / "word-report.docx")
    assert document.title == "Trafficking Narratives 2024: Karvonia"
    assert seen(document) == [
        ("Trafficking Narratives 2024: Karvonia", True, "Trafficking Narratives 2024: Karvonia"),
        ("prosecution", True, "Prosecution"),
        (
            "prosecution",
            False,
            "Parliament amended the article in November. "
            "Police opened 29 investigations, compared with 34 the year before.",
        ),
        ("prosecution", False, "Investigate officials;"),
        ("prosecution", False, "Train judges."),
        ("prosecution", False, "Figure | Cases"),
        ("prosecution", False, "Figure | 2023 | 2024"),
        ("prosecution", False, "Convicted | 9 | 11"),
        ("Conduct of Officials", True, "Conduct of Officials"),
        ("Conduct of Officials", False, "Three officers allegedly sold 60 work permits."),
        ("protection", True, "Protection"),
        ("protection", False, "The third shelter opened at Velhår in October."),
        ("Notes", False, "Official Gazette, no. 211."),
        ("Notes", False, "Court rulings of 12 January."),
    ]
    assert {block.page for block in document.blocks} == {None}


def test_a_report_saved_by_another_office() -> None:
    document = read_report(FILES / "word-office.docx")
    assert document.title == "2024 Trafficking Narratives: Karvonia"
    assert [text for _, heading, text in seen(document) if heading] == [
        "2024 Trafficking Narratives: Karvonia",
        "Overview and Assessment",
        "Prioritized Recommendations",
        "Prosecution",
        "Conduct of Officials",
        "Protection",
        "Prevention",
    ]
    for block in (
        (
            "recommendations",
            False,
            "Open a shelter for men, and stop lodging boys in juvenile detention;",
        ),
        ("prosecution", False, "Investigations opened | 34 | 29"),
        ("prevention", False, "inspection of the fishing fleet;"),
        ("Notes", False, "Official Gazette of Karvonia, no. 211, 17 November 2023."),
    ):
        assert block in seen(document)
    assert (
        "court convicted the two port police officers charged a year earlier. The head"
        in document.text
    )
    assert "November. Police opened" in document.text  # the mark of the note is gone


@pytest.mark.parametrize(
    ("property_title", "title"),
    [
        ("Questions to Togo", "Questions to Togo"),
        ("Questions to Qatar", "QUESTIONS TO TOGO"),
        ("", "QUESTIONS TO TOGO"),
    ],
)
def test_a_title_in_the_properties_counts_where_the_opening_has_its_words(
    property_title: str, title: str
) -> None:
    bold = "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>QUESTIONS TO TOGO</w:t></w:r></w:p>"
    data = with_body(
        f"{bold}<w:p><w:r><w:t>Police arrested nine men.</w:t></w:r></w:p>", title=property_title
    )
    assert read_docx(data, "a.docx").title == title


def test_what_was_deleted_is_gone_and_what_was_inserted_is_there() -> None:
    assert seen(read_report(FILES / "word-tracked.docx")) == [
        ("prevention", True, "Prevention"),
        ("prevention", False, "Courts convicted 11 traffickers."),
        ("prevention", False, "The ministry cut its spending on shelters."),
        ("prevention", False, "In a box: two trials collapsed."),
        ("prevention", False, "Cases | 2023 | 9"),
        ("profile", True, "Trafficking Profile"),
        ("profile", False, "Relatives force children to beg."),
    ]


def test_a_table_that_only_places_running_text_is_read_cell_by_cell() -> None:
    long = "The government kept the shelter open. " * 10
    cell = (
        "<w:tc><w:p><w:r><w:t>Protection</w:t></w:r></w:p>"
        f"<w:p><w:r><w:t>{long}</w:t></w:r></w:p></w:tc>"
    )
    other = "<w:tc><w:p><w:r><w:t>Police acted.</w:t></w:r></w:p></w:tc>"
    document = read_docx(with_body(f"<w:tbl><w:tr>{cell}{other}</w:tr></w:tbl>"), "a.docx")
    assert seen(document) == [
        ("protection", True, "Protection"),
        ("protection", False, long.strip()),
        ("protection", False, "Police acted."),
    ]


def test_a_merged_cell_is_in_each_of_its_rows_and_what_it_covers_is_not_read() -> None:
    cells = [
        f"<w:tc><w:tcPr><w:vMerge{value}/></w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"
        for value, text in ((' w:val="restart"', "Cases"), ("", "covered"))
    ]
    year = "<w:tc><w:p><w:r><w:t>2023</w:t></w:r></w:p></w:tc>"
    body = f"<w:tbl>{''.join(f'<w:tr>{cell}{year}{year}</w:tr>' for cell in cells)}</w:tbl>"
    assert read_docx(with_body(body), "a.docx").text == "Cases | 2023 | 2023\n\nCases | 2023 | 2023"


def test_a_row_that_begins_in_a_later_column_is_under_the_cells_of_that_column() -> None:
    def cell(text: str, merge: str) -> str:
        paragraph = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
        return f"<w:tc><w:tcPr><w:vMerge{merge}/></w:tcPr>{paragraph}</w:tc>"

    opened = ' w:val="restart"'
    first_row = cell("Alba", opened) + cell("Courts", opened) + cell("9 trials", opened)
    later = '<w:trPr><w:gridBefore w:val="1"/></w:trPr>' + cell("", "") + cell("7 fines", opened)
    rows = f"<w:tr>{first_row}</w:tr><w:tr>{later}</w:tr>"
    document = read_docx(with_body(f"<w:tbl>{rows}</w:tbl>"), "a.docx")
    assert document.text == "Alba | Courts | 9 trials\n\nCourts | 7 fines"


@pytest.mark.parametrize("columns", ["0", "none"])
def test_each_cell_of_a_row_is_read_where_their_columns_are_wrong(columns: str) -> None:
    cell = f'<w:tc><w:tcPr><w:gridSpan w:val="{columns}"/></w:tcPr>'
    cells = "".join(f"{cell}<w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in "abc")
    document = read_docx(with_body(f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"), "a.docx")
    assert document.text == "a | b | c"


def test_cells_of_rows_above_add_150_characters_to_a_row_in_word_as_on_web_pages() -> None:
    above = ("Cases opened " * 8 + "twice", "Trials closed " * 8 + "too", "Courts")
    merged_cells = {
        merge: "".join(
            f"<w:tc><w:tcPr><w:vMerge{merge}/></w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"
            for text in above
        )
        for merge in (' w:val="restart"', "")
    }
    year = "<w:tc><w:p><w:r><w:t>2023</w:t></w:r></w:p></w:tc>"
    word_rows = "".join(f"<w:tr>{cells}{year}</w:tr>" for cells in merged_cells.values())
    page_cells = "".join(f"<td rowspan=2>{text}</td>" for text in above)
    page_rows = f"<tr>{page_cells}<td>2023</td></tr><tr><td>2023</td></tr>"
    documents = (
        read_docx(with_body(f"<w:tbl>{word_rows}</w:tbl>"), "a.docx"),
        read_html(f"<table>{page_rows}</table>".encode(), "a.html"),
    )
    for document in documents:
        assert document.text.split("\n\n") == [
            " | ".join((*above, "2023")),
            f"{above[0]} | Courts | 2023",
        ]


@pytest.mark.parametrize(
    ("properties", "text", "heading"),
    [
        ("<w:b/>", "Conduct of Officials", True),
        ('<w:b w:val="0"/>', "Conduct of Officials", False),
        ("", "Conduct of Officials", False),
        ("<w:b/>", "Officials sold permits.", False),
        ("", "PROTECTION", True),
    ],
)
def test_short_bold_paragraphs_and_section_names_are_headings(
    properties: str, text: str, heading: bool
) -> None:
    run = f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"
    assert seen(read_docx(with_body(run), "a.docx"))[0][1] is heading


def test_a_formula_stands_in_its_sentence() -> None:
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    runs = (
        "<w:r><w:t>About </w:t></w:r>",
        f"<m:oMath {math}><m:r><m:t>9%</m:t></m:r></m:oMath>",
        "<w:r><w:t> fled.</w:t></w:r>",
    )
    assert read_docx(with_body(f"<w:p>{''.join(runs)}</w:p>"), "a.docx").text == "About 9% fled."


def test_parts_bold_do_not_make_a_heading() -> None:
    body = (
        "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>Police</w:t></w:r><w:r><w:t> acted</w:t></w:r></w:p>"
    )
    assert seen(read_docx(with_body(body), "a.docx")) == [(None, False, "Police acted")]


def test_a_style_based_on_itself_does_not_hang() -> None:
    out = io.BytesIO()
    style = (
        '<w:style w:type="paragraph" w:styleId="A">'
        '<w:name w:val="A"/><w:basedOn w:val="A"/></w:style>'
    )
    body = '<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>Police acted.</w:t></w:r></w:p>'
    with zipfile.ZipFile(io.BytesIO(with_body(body))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(
                name,
                f"<w:styles {W}>{style}</w:styles>"
                if name == "word/styles.xml"
                else old.read(name),
            )
    assert seen(read_docx(out.getvalue(), "a.docx")) == [(None, False, "Police acted.")]


def test_entities_do_not_swell() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    xml = (
        f'<!DOCTYPE w:document [<!ENTITY l0 "ha">{laughs}'
        '<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "word-tracked.docx") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            body = "<w:body><w:p><w:r><w:t>Police acted. &l11; &f;</w:t></w:r></w:p></w:body>"
            new.writestr(
                name,
                f"{xml}<w:document {W}>{body}</w:document>"
                if name == "word/document.xml"
                else old.read(name),
            )
    try:
        document = read_docx(out.getvalue(), "a.docx")
    except InputError as error:
        message = "a.docx: damaged Word file; open it in Word and save it as .docx"
        assert str(error) == message  # noqa: PT017
    else:
        assert document.text == "Police acted."


def test_a_template_and_a_missing_extra_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "word-tracked.docx") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"document.main+xml", b"template.main+xml"))
    with pytest.raises(
        InputError, match=r"^a\.docx: a Word template or a file with macros; .* save it as \.docx$"
    ):
        read_docx(out.getvalue(), "a.docx")
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(
        MissingExtraError, match=r"a\.docx: reading Word files needs an extra: pip install 'tipcl"
    ):
        read_docx(out.getvalue(), "a.docx")


def run(text: str, properties: str = "") -> str:
    """Return a run of a paragraph."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_raised_note_numbers_are_no_part_of_figures() -> None:
    raised = '<w:vertAlign w:val="superscript"/>'
    lowered = '<w:vertAlign w:val="subscript"/>'
    runs = [
        run("Courts gave 14"),
        run("2,", raised),
        run("3", raised),
        run(" sentences in 2023"),
        run("[4] ", raised),
        run("on 9 km"),
        run("2", raised),
        run(" for CO"),
        run("2", lowered),
    ]
    document = read_docx(with_body(f"<w:p>{''.join(runs)}</w:p>"), "a.docx")
    assert document.text == "Courts gave 14 sentences in 2023 on 9 km2 for CO2"
