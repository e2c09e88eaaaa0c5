"""Word files are read as their reader sees them.

That is in order, without what was deleted, each cell once.
"""

from __future__ import annotations

import sys

import pytest
from word_files import FILES, W, paragraph, run, table, with_body, with_parts

from tipclassify import Document, InputError
from tipclassify.errors import MissingExtraError
from tipclassify.readers import read_report
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
    heading = paragraph(run("QUESTIONS TO TOGO", "<w:b/>"))
    data = with_body(heading + paragraph("Police arrested nine men."), title=property_title)
    assert read_docx(data, "a.docx").title == title


OPENED = '<w:vMerge w:val="restart"/>'
LONG = "The government kept the shelter open. " * 10
CASES = "Cases opened " * 8 + "twice"
TRIALS = "Trials closed " * 8 + "too"
MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
RAISED = '<w:vertAlign w:val="superscript"/>'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(
            table([f"{OPENED}|Cases", "2023"], ["<w:vMerge/>|covered", "2024"]),
            "Cases | 2023\n\nCases | 2024",
            id="a merged cell is in each of its rows",
        ),
        pytest.param(
            table(
                [f"{OPENED}|{text}" for text in (CASES, TRIALS, "Courts")] + ["2023"],
                ["<w:vMerge/>|" for _ in range(3)] + ["2024"],
            ),
            f"{CASES} | {TRIALS} | Courts | 2023\n\n{CASES} | Courts | 2024",
            id="cells above add 150 characters",
        ),
        pytest.param(
            table(
                [f"{OPENED}|Alba", f"{OPENED}|Courts", "9 trials"], ["<w:vMerge/>|", "7 fines"]
            ).replace("</w:tr><w:tr>", '</w:tr><w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>'),
            "Alba | Courts | 9 trials\n\nCourts | 7 fines",
            id="a row that begins in a later column",
        ),
        pytest.param(
            table([f'<w:gridSpan w:val="{columns}"/>|{columns}' for columns in ("0", "none")]),
            "0 | none",
            id="wrong columns",
        ),
        pytest.param(
            table(["Protection", "Police acted."]).replace(
                "</w:p></w:tc><w:tc>", f"</w:p>{paragraph(LONG)}</w:tc><w:tc>"
            ),
            f"Protection\n\n{LONG.strip()}\n\nPolice acted.",
            id="a table that places running text",
        ),
        pytest.param(
            paragraph("About ", f"<m:oMath {MATH}><m:r><m:t>9%</m:t></m:r></m:oMath>", " fled."),
            "About 9% fled.",
            id="a formula",
        ),
        pytest.param(
            paragraph(
                *("Courts gave 14", run("2,", RAISED), run("3", RAISED), " sentences in 2023"),
                *(run("[4] ", RAISED), "on 9 km", run("2", RAISED), " for CO"),
                run("2", '<w:vertAlign w:val="subscript"/>'),
            ),
            "Courts gave 14 sentences in 2023 on 9 km2 for CO2",
            id="note marks and exponents",
        ),
    ],
)
def test_text_is_as_the_reader_of_the_file_sees_it(body: str, text: str) -> None:
    assert read_docx(with_body(body), "a.docx").text == text


@pytest.mark.parametrize(
    ("runs", "heading"),
    [
        ([run("Conduct of Officials", "<w:b/>")], True),
        ([run("Conduct of Officials", '<w:b w:val="0"/>')], False),
        ([run("Conduct of Officials")], False),
        ([run("Officials sold permits.", "<w:b/>")], False),
        ([run("Police", "<w:b/>"), run(" acted")], False),
        ([run("PROTECTION")], True),
    ],
)
def test_short_bold_paragraphs_and_section_names_are_headings(
    runs: list[str], heading: bool
) -> None:
    assert seen(read_docx(with_body(paragraph(*runs)), "a.docx"))[0][1] is heading


def test_a_style_based_on_itself_does_not_hang() -> None:
    name = '<w:name w:val="A"/><w:basedOn w:val="A"/>'
    styles = f'<w:style w:type="paragraph" w:styleId="A">{name}</w:style>'
    body = paragraph('<w:pPr><w:pStyle w:val="A"/></w:pPr>', "Police acted.")
    document = read_docx(with_body(body, styles=styles), "a.docx")
    assert seen(document) == [(None, False, "Police acted.")]


def test_entities_do_not_swell() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    system = '<!ENTITY f SYSTEM "file:///etc/hostname">'
    doctype = f'<!DOCTYPE w:document [<!ENTITY l0 "ha">{laughs}{system}]>'
    body = f"<w:body>{paragraph('Police acted. &l11; &f;')}</w:body>"
    document = f"{doctype}<w:document {W}>{body}</w:document>"
    data = with_parts(lambda name, old: document if name == "word/document.xml" else old)
    try:
        text = read_docx(data, "a.docx").text
    except InputError as error:
        text = str(error)
    damaged = "a.docx: damaged Word file; open it in Word and save it as .docx"
    assert text in ("Police acted.", damaged)


def test_a_template_and_a_missing_extra_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    data = with_parts(lambda _, old: old.replace("document.main+xml", "template.main+xml"))
    with pytest.raises(
        InputError, match=r"^a\.docx: a Word template or a file with macros; .* save it as \.docx$"
    ):
        read_docx(data, "a.docx")
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(
        MissingExtraError, match=r"a\.docx: reading Word files needs an extra: pip install 'tipcl"
    ):
        read_docx(data, "a.docx")
