"""Make the PDF files of this folder from ``report.txt``, whose text is invented.

Run ``python tests/files/make_pdf.py``. It needs LibreOffice (``soffice``, with its English
hyphenation), ``chromium`` and ``qpdf``; the tests do not run it.

In ``report.txt`` a line is a paragraph; "! " is the title, "# " a heading, "- " a list entry, "| "
a row of a table, "[^…]" a footnote.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = " ".join(
    f'xmlns:{name}="{OFFICE}:{path}:1.0"'
    for name, path in {
        "office": "office",
        "style": "style",
        "text": "text",
        "table": "table",
        "fo": "xsl-fo-compatible",
        "svg": "svg-compatible",
    }.items()
)

PLAIN = b"""%PDF-1.7
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 \
R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>> endobj
4 0 obj <</Length 73>> stream
BT /F 12 Tf 40 100 Td (Border guards took bribes from recruiters.) Tj ET
endstream endobj
trailer <</Root 1 0 R/Size 5>>
"""  # qpdf adds the index that is missing


def main() -> None:
    """Write the files beside this one."""
    lines = (HERE / "report.txt").read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, columns, size in (("one-column", 1, "11pt"), ("columns-with-notes", 2, "9.5pt")):
            (work / f"{name}.fodt").write_text(flat_odt(lines, columns, size), encoding="utf-8")
            convert = ("soffice", "--headless", "--convert-to", "pdf", "--outdir", work)
            run(*convert, work / f"{name}.fodt")
        (work / "two-columns.html").write_text(page(lines), encoding="utf-8")
        chromium = (
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
        )
        run(*chromium, f"--print-to-pdf={work / 'two-columns.pdf'}", work / "two-columns.html")
        small = ("--object-streams=generate", "--recompress-flate", "--compression-level=9")
        for name in ("one-column", "columns-with-notes", "two-columns"):
            run("qpdf", *small, work / f"{name}.pdf", HERE / f"{name}.pdf")
        (work / "plain.pdf").write_bytes(PLAIN)
        for name, password in (("locked", "secret"), ("owner-locked", "")):
            locks = ("--encrypt", password, "owner", "256", "--", "--warning-exit-0")
            run("qpdf", *locks, *small, work / "plain.pdf", HERE / f"{name}.pdf")


def run(*command: object) -> None:
    """Run a program in silence; it must succeed."""
    subprocess.run(
        [str(part) for part in command],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def page(lines: list[str]) -> str:
    """Return a web page of two columns under a wide title.

    Left and right pages have different heads, and roman page numbers.
    """
    body = []
    for line in lines:
        text = escape(re.sub(r"\[\^[^]]*\]", "", line))
        if line.startswith("! "):
            body.append(f"<h1>{text[2:]}</h1><div>")
        elif line.startswith("# "):
            body.append(f"<h2>{text[2:]}</h2>")
        elif line.startswith("- "):
            body.append(f"<p class=entry>{'' if text[2].isdigit() else '• '}{text[2:]}</p>")
        elif line.startswith("| "):
            body.append(f"<table><tr><td>{text[2:].replace(' | ', '<td>')}</table>")
        else:
            body.append(f"<p>{text}</p>")
    style = """
        @page {
            size: 6.5in 6.5in; margin: .8in .6in;
            @bottom-center { content: counter(page, lower-roman); font: 8pt serif }
        }
        @page :left { @top-left { content: "Halden Institute for Labor Rights"; font: 8pt serif } }
        @page :right { @top-right { content: "Narratives of 2024"; font: 8pt serif } }
        body { font: 9.5pt/1.25 "Liberation Serif", serif; margin: 0 }
        h1 { font-size: 22pt; margin: 0 0 .3in }
        h2 { font-size: 10.5pt; letter-spacing: .1em; margin: 1em 0 .3em }
        div { column-count: 2; column-gap: .25in; text-align: justify }
        p { margin: 0; text-indent: 1.2em }
        p.entry { text-indent: -1em; padding-left: 1em }
        table { border-collapse: collapse }
        td { width: .5in; padding: 0; font-size: 7.5pt }
        td:first-child { width: 1in }
    """
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<style>{style}</style>{''.join(body)}</div>"
    )


def flat_odt(lines: list[str], columns: int, size: str) -> str:
    """Return justified, hyphenated text with footnotes, a head, and "Page 1 of 9" at the foot."""
    body: list[str] = []
    rows: list[str] = []  # of the table that is not complete
    notes = 0
    for line in [*lines, ""]:
        if rows and not line.startswith("| "):
            body.append(
                '<table:table><table:table-column table:style-name="wide"/>'
                '<table:table-column table:style-name="narrow" table:number-columns-repeated="3"/>'
                f"{''.join(rows)}</table:table>"
            )
            rows = []
        if line.startswith("| "):
            cells = "".join(map(table_cell, line[2:].split(" | ")))
            rows.append(f"<table:table-row>{cells}</table:table-row>")
            continue
        style = {"! ": "title", "# ": "heading", "- ": "entry"}.get(line[:2], "body")
        text = escape(line if style == "body" else line[2:])
        if style == "entry" and not text[0].isdigit():
            text = f"•<text:tab/>{text}"
        while "[^" in text:
            notes += 1
            before, _, rest = text.partition("[^")
            note_text, _, after = rest.partition("]")
            text = before + note(notes, note_text) + after
        body.append(f'<text:p text:style-name="{style}">{text}</text:p>')
    spacing = 'fo:margin-top="0.12in" fo:margin-bottom="0.05in" fo:keep-with-next="always"'
    heading = paragraph_style("heading", spacing, 'fo:font-weight="bold"')
    hyphens = (
        'fo:hyphenate="true" fo:hyphenation-remain-char-count="2" '
        'fo:hyphenation-push-char-count="3"'
    )
    justified = paragraph_style(
        "body", 'fo:margin-bottom="0.08in" fo:text-align="justify"', hyphens
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.3" \
office:mimetype="application/vnd.oasis.opendocument.text">
<office:font-face-decls><style:font-face style:name="F" svg:font-family="'Liberation Serif'"/>\
</office:font-face-decls>
<office:styles>
<style:default-style style:family="paragraph"><style:text-properties style:font-name="F" \
fo:font-size="{size}" fo:language="en" fo:country="US"/></style:default-style>
<style:style style:name="raised" style:family="text">\
<style:text-properties style:text-position="super 58%"/></style:style>
<text:notes-configuration text:note-class="footnote" text:citation-body-style-name="raised" \
style:num-format="1"
 text:start-value="0" text:start-numbering-at="document" text:footnotes-position="page"/>
</office:styles>
<office:automatic-styles>
{paragraph_style("title", 'fo:margin-bottom="0.2in"', 'fo:font-size="20pt"')}
{heading}
{justified}
{paragraph_style("entry", 'fo:margin-left="0.2in" fo:text-indent="-0.2in"', "")}
{paragraph_style("cell", "", 'fo:font-size="7.5pt"')}
{paragraph_style("note", "", 'fo:font-size="8pt"')}
{paragraph_style("head", "", 'fo:font-size="8.5pt"')}
<style:style style:name="wide" style:family="table-column"><style:table-column-properties \
style:rel-column-width="8*"/></style:style>
<style:style style:name="narrow" style:family="table-column"><style:table-column-properties \
style:rel-column-width="3*"/></style:style>
<style:style style:name="columns" style:family="section"><style:section-properties><style:columns \
fo:column-count="{columns}" fo:column-gap="0.25in"/></style:section-properties></style:style>
<style:page-layout style:name="layout"><style:page-layout-properties fo:page-width="6.5in" \
fo:page-height="8.5in" fo:margin-top="0.5in" fo:margin-bottom="0.5in" fo:margin-left="0.8in" \
fo:margin-right="0.8in"/>
<style:header-style><style:header-footer-properties fo:margin-bottom="0.2in"/></style:header-style>\
<style:footer-style><style:header-footer-properties fo:margin-top="0.2in"/></style:footer-style>\
</style:page-layout>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="layout">
<style:header><text:p text:style-name="head">Halden Institute for Labor Rights: Narratives of \
2024</text:p></style:header>
<style:footer><text:p text:style-name="head">Page <text:page-number/> of \
<text:page-count/></text:p></style:footer>
</style:master-page></office:master-styles>
<office:body><office:text>{body[0]}<text:section text:style-name="columns" \
text:name="text">{"".join(body[1:])}</text:section></office:text></office:body>
</office:document>"""


def table_cell(text: str) -> str:
    """Return the markup of a cell."""
    paragraph = f'<text:p text:style-name="cell">{escape(text)}</text:p>'
    return f"<table:table-cell>{paragraph}</table:table-cell>"


def paragraph_style(name: str, paragraph: str, text: str) -> str:
    """Return the markup of a style with properties of paragraph and text."""
    return (
        f'<style:style style:name="{name}" style:family="paragraph">'
        f"<style:paragraph-properties {paragraph}/>"
        f"<style:text-properties {text}/></style:style>"
    )


def note(number: int, text: str) -> str:
    """Return the markup of a footnote."""
    return (
        f'<text:note text:id="n{number}" text:note-class="footnote">'
        f"<text:note-citation>{number}</text:note-citation>"
        f'<text:note-body><text:p text:style-name="note">{text}</text:p></text:note-body>'
        f"</text:note>"
    )


if __name__ == "__main__":
    main()
