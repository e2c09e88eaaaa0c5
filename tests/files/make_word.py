"""Make the Word and EPUB files of this folder: ``python tests/files/make_word.py``.

Their text is invented. ``word-office.docx`` was saved by LibreOffice, ``sample.md`` is written by
hand. Dates inside the files are fixed, so that a second run gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": """<?xml version="1.0"?><container version="1.0" \
xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>\
</rootfiles></container>""",
    "OEBPS/book.opf": """<?xml version="1.0" encoding="utf-8"?>\
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\
<dc:identifier id="id">karvonia-2024</dc:identifier><dc:title>Trafficking
Narratives 2024: Karvonia</dc:title><dc:language>en</dc:language></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>\
<item id="css" href="book.css" media-type="text/css"/>
<item id="two" href="text/chapter%202.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/chapter1.xhtml" media-type="application/xhtml+xml"/>
<item id="three" href="text/chapter3.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/>\
<itemref idref="three"/></spine></package>""",
    "OEBPS/book.css": "p { margin: 0 }",
    "OEBPS/nav.xhtml": """<html xmlns="http://www.w3.org/1999/xhtml" \
xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head><body>
<p>The government of the table of contents failed.</p></body></html>""",
    "OEBPS/cover.xhtml": """<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>\
<img src="cover.png" alt=""/></body></html>""",
    "OEBPS/text/chapter1.xhtml": """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title/>\
<link rel="stylesheet" href="../book.css"/></head><body><a id="top"/>
<h1>Karvonia</h1><h2>Prosecution</h2><p>Police opened 29 investigations,\
<br/> compared with 34 the year before.</p><hr/>
<p>Courts convicted 11 traffickers.</p></body></html>""",
    "OEBPS/text/chapter 2.xhtml": """<html xmlns="http://www.w3.org/1999/xhtml"><head>\
<title>2</title></head><body>
<p>In May the Port Åske court convicted two officers.</p></body></html>""",
    "OEBPS/text/chapter3.xhtml": """<?xml version="1.0" encoding="iso-8859-1"?><html \
xmlns="http://www.w3.org/1999/xhtml"><head><title>3</title></head><body>
<h2>Protection</h2><p>The third shelter opened at Velhår in October.</p></body></html>""",
}


def packed(members: dict[str, bytes]) -> bytes:
    """Return a zip file whose entries have a fixed date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2024, 6, 18, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
            )
    return out.getvalue()


def book() -> bytes:
    """Return an EPUB, of which one chapter has an encoding of its own."""
    members = {name: text.encode() for name, text in BOOK.items()}
    latin = "OEBPS/text/chapter3.xhtml"
    members[latin] = BOOK[latin].encode("iso-8859-1")
    return packed(members)


def word_report() -> bytes:
    """Make a report as an author writes it in Word.

    It has styles, lists, a table with merged cells, notes and a header.
    """
    import docx
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml

    word = docx.Document()
    word.core_properties.title = "A template’s title"
    word.sections[0].header.paragraphs[0].text = "The header says that officials took bribes."
    word.add_paragraph("Trafficking Narratives 2024: Karvonia", style="Title")
    word.add_heading("Prosecution", 1)
    paragraph = word.add_paragraph("Parliament amended the article in ")
    paragraph.add_run("November").bold = True
    paragraph.add_run(".")
    paragraph._p.append(parse_xml(f'<w:r {W}><w:footnoteReference w:id="2"/></w:r>'))
    paragraph.add_run(" Police opened 29 investigations,\ncompared with 34\tthe year before.")
    word.add_paragraph("Investigate officials;", style="List Bullet")
    word.add_paragraph("Train judges.", style="List Number")
    table = word.add_table(3, 3)
    table_texts = (("Figure", "Cases", ""), ("", "2023", "2024"), ("Convicted", "9", "11"))
    for row, texts in zip(table.rows, table_texts, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    word.add_paragraph().add_run("Conduct of Officials").bold = True
    word.add_paragraph().add_run("Three officers allegedly sold 60 work permits.").bold = True
    word.add_heading("Protection", 2)
    link = paragraph.part.relate_to(
        "https://shelters.example/", RELATIONSHIP_TYPE.HYPERLINK, is_external=True
    )
    paragraph = word.add_paragraph("The third shelter ")
    paragraph._p.append(
        parse_xml(
            f"<w:hyperlink {W} "
            f'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
            f'r:id="{link}">'
            "<w:r><w:t>opened at Velhår</w:t></w:r></w:hyperlink>"
        )
    )
    paragraph.add_run(" in October.")
    notes = (
        ("footnote", "Official Gazette, no. 211."),
        ("endnote", "Court rulings of 12 January."),
    )
    for number, (kind, text) in enumerate(notes):
        xml = (
            f'<w:{kind}s {W}><w:{kind} w:type="separator" w:id="{number}">'
            f"<w:p><w:r><w:t>line</w:t></w:r></w:p></w:{kind}>"
            f'<w:{kind} w:id="2"><w:p><w:r><w:{kind}Ref/></w:r>'
            f"<w:r><w:t>{text}</w:t></w:r></w:p></w:{kind}></w:{kind}s>"
        )
        name = PackURI(f"/word/{kind}s.xml")
        content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}s+xml"
        part = Part(name, content_type, xml.encode(), word.part.package)
        word.part.relate_to(part, getattr(RELATIONSHIP_TYPE, f"{kind}s".upper()))
    return _saved(word)


def word_tracked() -> bytes:
    """Make a draft with tracked changes.

    It also has a text box in two forms, content controls, hidden text and a table in a table.
    """
    import docx
    from docx.oxml import parse_xml

    body = f"""<w:body {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
 xmlns:v="urn:schemas-microsoft-com:vml" \
xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape">
<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>\
</w:sdtPr><w:sdtContent>
 <w:p><w:r><w:t>Contents: officials failed</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:sdt><w:sdtContent><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r>\
<w:t>Prevention</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:p><w:r><w:t xml:space="preserve">Courts convicted </w:t></w:r><w:del w:id="1" w:author="A"><w:r>\
<w:delText>nobody</w:delText></w:r></w:del>
 <w:ins w:id="2" w:author="A"><w:r><w:t>11 traffickers</w:t></w:r></w:ins><w:r><w:t>.</w:t></w:r>
 <w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden note.</w:t></w:r></w:p>
<w:p><w:pPr><w:rPr><w:del w:id="3" w:author="A"/></w:rPr></w:pPr><w:r>\
<w:t xml:space="preserve">The ministry cut </w:t></w:r></w:p>
<w:p><w:r><w:t>its spending on shelters.</w:t></w:r><w:r><mc:AlternateContent>
 <mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent><w:p><w:r>\
<w:t>In a box: two trials collapsed.</w:t></w:r></w:p></w:txbxContent></wps:txbx></w:drawing>\
</mc:Choice>
 <mc:Fallback><w:pict><v:textbox><w:txbxContent><w:p><w:r>\
<w:t>For old programs: two trials collapsed.</w:t></w:r></w:p></w:txbxContent></v:textbox></w:pict>\
</mc:Fallback>
 </mc:AlternateContent></w:r></w:p>
<w:moveFrom w:id="4" w:author="A"><w:p><w:r><w:t>Moved away.</w:t></w:r></w:p></w:moveFrom>
<w:tbl><w:tblPr/><w:tr><w:tc><w:p><w:r><w:t>Cases</w:t></w:r></w:p></w:tc><w:tc>
  <w:tbl><w:tblPr/><w:tr><w:tc><w:p><w:r><w:t>2023</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r>\
<w:t>9</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/></w:tc></w:tr>
 <w:tr><w:trPr><w:del w:id="5" w:author="A"/></w:trPr><w:tc><w:p><w:r>\
<w:t>Struck row</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
<w:tbl><w:tblPr/><w:tr><w:tc><w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:r>\
<w:t>Trafficking Profile</w:t></w:r></w:p>
 <w:p><w:r><w:t>Relatives force children to beg.</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
<w:sectPr/></w:body>"""
    word = docx.Document()
    document = word.element
    document.replace(document.body, parse_xml(body))
    return _saved(word)


def _saved(word: object) -> bytes:
    """Return a document of python-docx as a file with fixed dates."""
    out = io.BytesIO()
    word.save(out)  # type: ignore[attr-defined]
    with zipfile.ZipFile(out) as archive:
        members = {
            name: archive.read(name) for name in archive.namelist() if "thumbnail" not in name
        }
    # python-docx starts from a file that has a picture of itself.
    members["_rels/.rels"] = re.sub(
        rb"<Relationship [^>]*thumbnail[^>]*/>", b"", members["_rels/.rels"]
    )
    return packed(members)


def main() -> None:
    """Write the files beside this one."""
    files = {
        "word-report.docx": word_report(),
        "word-tracked.docx": word_tracked(),
        "sample.epub": book(),
    }
    for name, data in files.items():
        (HERE / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
