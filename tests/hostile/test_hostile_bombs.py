"""Files of a few bytes that would take all memory or all time: one line each, and the rest goes \
on."""

from __future__ import annotations

import io
import os
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tipclassify import InputError
from tipclassify.corpus.rows import read_rows
from tipclassify.errors import CorpusError
from tipclassify.readers import ReadOptions, child, read_bytes
from tipclassify.readers import rows as sheets

TEXT = "Police arrested nine recruiters in Karvonia."
GOOD = f"<!doctype html><h2>Prosecution</h2><p>{TEXT}</p>".encode()
_SMALL = 500_000_000  # bytes of address space; a reader at rest has 160 million
SMALL_READER = """
from tipclassify.readers import child
child._MEMORY = {memory}
main = child.main
"""
WAITING = """
import time
time.sleep(60)
"""


@pytest.fixture
def child_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Read from here on in a process of so many bytes of memory."""
    monkeypatch.setattr(child, "_child", None)
    monkeypatch.syspath_prepend(str(tmp_path))

    def start(memory: int) -> None:
        (tmp_path / "small_reader.py").write_text(SMALL_READER.format(memory=memory), "utf-8")
        child._child = child.Child("small_reader")

    yield start
    if child._child is not None:
        child._child.close()


def text_or_line(read: Callable[[], str]) -> str:
    """What is read, or what is wrong, which is one line."""
    try:
        return read()
    except InputError as error:
        line = str(error)
    assert "\n" not in line
    return line


def refused(data: bytes, name: str) -> str:
    """Return the one line by which a file is refused."""
    with pytest.raises(InputError) as caught:
        child.read_bytes_isolated(data, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------- PDF


def pdf(content: bytes, *more: bytes) -> bytes:
    """Make a PDF of one page with this content, packed, and more objects, from number 6 on."""
    packed = zlib.compress(content, 9)
    resources = b"<</Font<</F 3 0 R>>/XObject<</X 6 0 R>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R/Resources %s>>"
        % resources,
        b"<</Length %d/Filter/FlateDecode>> stream\n%s\nendstream" % (len(packed), packed),
        *more,
    ]
    file = bytearray(b"%PDF-1.4\n")
    places: list[int] = []
    for number, content_of_object in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj %s endobj\n" % (number, content_of_object)
    start = len(file)
    count = len(objects) + 1
    file += b"xref\n0 %d\n0000000000 65535 f \n" % count
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer <</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return bytes(file)


SHOWN = f"BT /F 9 Tf 40 400 Td ({TEXT}) Tj ET\n".encode()


def form(content: bytes, inner: int) -> bytes:
    """A form that draws another by the name ``X``."""
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</X %d 0 R>>>>"
    return (head + b"/Length %d>> stream\n%s\nendstream") % (inner, len(content), content)


ENDLESS = {
    "graphics states": pdf(b"q " * 50_000 + SHOWN),
    "clipping": pdf(b"q 0 0 9 9 re W n " * 10_000 + SHOWN),
    "text objects": pdf(b"BT " * 50_000 + SHOWN),
    "lists": pdf(b"[" * 50_000 + SHOWN),
    "dictionaries": pdf(b"<<" * 50_000 + SHOWN),
    "strings": pdf(b"(" * 50_000 + SHOWN),
    "pictures": pdf(b"BI /W 1 /H 1 /BPC 8 /CS /G ID a EI " * 5_000 + SHOWN),
    "a form in itself": pdf(SHOWN + b"/X Do", form(b"/X Do /X Do ", 6)),
    "forms that double": pdf(
        SHOWN + b"/X Do", *(form(b"/X Do /X Do ", 7 + number) for number in range(30))
    ),
    "pages in themselves": pdf(SHOWN).replace(b"[4 0 R]/Count 1", b"[4 0 R 2 0 R]/Count 9"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
@pytest.mark.parametrize("name", ENDLESS)
def test_a_pdf_of_endless_operators_is_read_or_one_line(
    name: str, child_of: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child_of(_SMALL)
    monkeypatch.setattr(child, "_PATIENCE", 120.0)
    result = text_or_line(lambda: child.read_bytes_isolated(ENDLESS[name], "odd.pdf").text)
    assert result.startswith(("odd.pdf: ", TEXT))
    assert "took over" not in result


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
def test_a_pdf_that_takes_all_memory_is_one_line_and_the_next_is_read(
    child_of: Callable[[int], None],
) -> None:
    """Each marked piece of content holds a copy of those around it."""
    child_of(_SMALL)
    assert "odd.pdf: cannot be read (its process ended" in refused(
        pdf(b"/A BMC " * 60_000 + SHOWN), "odd.pdf"
    )
    assert child.read_bytes_isolated(pdf(SHOWN), "a.pdf").text == TEXT


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_reader_that_hangs_is_one_line_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child_of: Callable[[int], None]
) -> None:
    (tmp_path / "pypdfium2.py").write_text(WAITING, "utf-8")  # in place of the library
    child_of(4_000_000_000)
    monkeypatch.setattr(child, "_PATIENCE", 1.5)
    assert "odd.pdf: cannot be read (took over 2 s)" in refused(pdf(SHOWN), "odd.pdf")
    monkeypatch.setattr(child, "_PATIENCE", 60.0)
    assert child.read_bytes_isolated(GOOD, "a.html").text.endswith(TEXT)


# ------------------------------------------------------------------------------- Word and EPUB


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name, data in members.items():
            zip_file.writestr(name, data)
    return out.getvalue()


def word(body: str) -> bytes:
    """Return a Word file whose body starts with this markup."""
    docx = pytest.importorskip("docx")
    plain = io.BytesIO()
    docx.Document().save(plain)
    with zipfile.ZipFile(plain) as source:
        members = {name: source.read(name) for name in source.namelist()}
    name = "word/document.xml"
    members[name] = members[name].replace(b"<w:body>", b"<w:body>" + body.encode(), 1)
    return archive(members)


RUN = f"<w:r><w:t>{TEXT}</w:t></w:r>"
BOX = "<w:p><w:r><w:pict><w:txbxContent>"
BOX_END = "</w:txbxContent></w:pict></w:r></w:p>"
CELL = "<w:tbl><w:tr><w:tc>"
CELL_END = "</w:tc></w:tr></w:tbl>"
WORDS: dict[str, Callable[[], bytes]] = {
    "all zeros": lambda: archive({"word/document.xml": b"\0" * 50_000_000}),
    "text boxes in text boxes": lambda: word(BOX * 3_000 + BOX_END * 3_000),
    "tables in tables": lambda: word(CELL * 3_000 + f"<w:p>{RUN}</w:p>" + CELL_END * 3_000),
    "text boxes in text boxes, a hundred": lambda: word(
        BOX * 40 + f"<w:p>{RUN}</w:p>" + BOX_END * 40
    ),
    "deletions": lambda: word("<w:p><w:del/></w:p>" * 20_000 + f"<w:p>{RUN}</w:p>"),
}


CONTAINER = (
    b"<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    b"<rootfile full-path='p.opf'/></rootfiles></container>"
)
LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))


def book(chapter: bytes, references: int = 1) -> bytes:
    """Return an EPUB of one chapter, to which the spine refers so many times."""
    item = "<item id='c' href='c.xhtml' media-type='application/xhtml+xml'/>"
    spine = "<itemref idref='c'/>" * references
    package = f"<package><manifest>{item}</manifest><spine>{spine}</spine></package>"
    return archive(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "p.opf": package.encode(),
            "c.xhtml": chapter,
        }
    )


BOOKS = {
    "a chapter of zeros": book(b"\0" * 50_000_000),
    "a chapter named a million times": book(GOOD, 1_000_000),
    "entities": book(f"<!DOCTYPE a [<!ENTITY a0 'aaaa'>{LAUGHS}]><p>&a11; {TEXT}</p>".encode()),
    "open elements": book(b"<i>" * 50_000 + GOOD),
    "closed elements": book(b"<p/>" * 50_000 + GOOD),
}


def test_a_directory_of_a_zip_file_is_counted_before_it_is_parsed() -> None:
    """Whatever count the file states; zipfile takes half a kilobyte for each entry."""
    entries = (b"PK\x01\x02" + bytes(24) + b"\1" + bytes(17) + b"a") * 200_000
    sizes = b"\3\0\3\0" + len(entries).to_bytes(4, "little")
    data = b"PK\x03\x04" + bytes(26) + entries + b"PK\x05\x06" + bytes(4) + sizes + bytes(6)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"a\.docx: 200,000 files in it, over 10,000"):
            read_bytes(data, "a.docx")
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data)
    finally:
        tracemalloc.stop()


# -------------------------------------------------------------------------------------- tables


def workbook(sheet: str, strings: str = "") -> bytes:
    """Return an Excel file whose sheet and shared strings have this markup."""
    openpyxl = pytest.importorskip("openpyxl")
    plain = io.BytesIO()
    openpyxl.Workbook().save(plain)
    with zipfile.ZipFile(plain) as source:
        members = {name: source.read(name) for name in source.namelist()}
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xml = f'<worksheet xmlns="{space}"><sheetData>{sheet}</sheetData></worksheet>'
    members["xl/worksheets/sheet1.xml"] = xml.encode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    types = "[Content_Types].xml"
    members[types] = members[types].replace(b"</Types>", override.encode())
    members["xl/sharedStrings.xml"] = f'<sst xmlns="{space}">{strings}</sst>'.encode()
    return archive(members)


def test_a_workbook_that_kills_its_reader_is_one_line(
    tmp_path: Path, child_of: Callable[[int], None]
) -> None:
    (tmp_path / "openpyxl.py").write_text("import os; os.abort()\n", "utf-8")
    (tmp_path / "odd.xlsx").write_bytes(archive({"xl/workbook.xml": b""}))
    child_of(4_000_000_000)
    with pytest.raises(InputError, match=r"odd\.xlsx: cannot be read \(its process ended"):
        list(child.read_table_isolated(str(tmp_path / "odd.xlsx"), ReadOptions()))
    assert child.read_bytes_isolated(GOOD, "a.html").text.endswith(TEXT)


CSVS = {
    "a huge field": b'text\n"' + b"Police slept. " * 300_000 + b'"\n',
    "an open quote": b'text\n"' + b"a\n" * 300_000,
    "a million columns": b"text," + b"a," * 1_000_000 + b"\n" + b"Police slept.," * 3 + b"\n",
    "a million empty rows": b"text\n" + b'""\n' * 1_000_000,
    "quotes": b"text\n" + b'"' * 1_000_000,
    "nothing but ends": b"\r" * 1_000_000,
    "zero bytes": b"text\n" + b"\0" * 1_000 + b"\nPolice slept.\n",
    "a zero byte": b"text\nPolice\0 slept.\n",
}


HOSTILE: dict[str, Callable[[], bytes]] = {
    **{f"{name}.docx": make for name, make in WORDS.items()},
    **{f"{name}.epub": partial(bytes, data) for name, data in BOOKS.items()},
    **{f"{name}.csv": partial(bytes, data) for name, data in CSVS.items()},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore:.*without a text, left out")
def test_a_hostile_file_is_read_or_one_line_in_time(tmp_path: Path, name: str) -> None:
    data = HOSTILE[name]()
    file = tmp_path / name
    file.write_bytes(data)

    def read() -> str:
        if name.endswith(".csv"):
            return f"{TEXT} in {len(list(child.read_table_isolated(str(file), ReadOptions())))} batches"
        return read_bytes(data, str(file)).text

    began = time.process_time()
    result = text_or_line(read)
    assert TEXT in result or result.startswith(f"{file}:")
    assert time.process_time() - began < 10


HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row>'
FAR = '<row r="9999999999"><c t="inlineStr"><is><t>Police slept.</t></is></c></row>'
SHARED = '<row><c t="s"><v>0</v></c></row>' + '<row><c t="s"><v>1</v></c></row>' * 1_000


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        pytest.param(HEAD + FAR, "rows or cells beyond what Excel shows", id="a row beyond all"),
        pytest.param(
            HEAD + '<row><c r="XFD1"/></row>' * 40_000,
            "rows or cells beyond what Excel shows",
            id="the last cell of each row",
        ),
        pytest.param(SHARED, "over 1 million characters in its cells", id="a long shared text"),
    ],
)
def test_a_sheet_that_would_take_all_memory_is_one_line(
    rows: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "_MOST_ROWS", 10_000)
    monkeypatch.setattr(sheets, "_MOST_CELLS", 1_000_000)
    monkeypatch.setattr(sheets, "_MOST_CHARACTERS", 1_000_000)
    strings = f"<si><t>text</t></si><si><t>{'Police acted. ' * 1_000}</t></si>"
    with pytest.raises(InputError, match=rf"^odd\.xlsx: has {line}"):
        list(sheets.read_sheet_lines(workbook(rows, strings), "odd.xlsx", ReadOptions()))


# ------------------------------------------------------------------------------------- Parquet


def repeated_rows(file: Path, text: str, times: int) -> Path:
    """Write a table of one row, again and again, which takes hardly more bytes than the row."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    block = pyarrow.table(
        {"text": [text for _ in range(1_000)], "labels": ["" for _ in range(1_000)]}
    )
    table = pyarrow.concat_tables(block for _ in range(times // 1_000))
    schema = pyarrow.schema([("text", pyarrow.string()), ("labels", pyarrow.string())])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        writer.write_table(table, row_group_size=times)
    return file


def test_a_parquet_file_of_equal_rows_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tipclassify.text.columns._MIN_SUSPICIOUS_BYTES", 1_000_000)
    file = repeated_rows(tmp_path / "odd.parquet", TEXT * 40, 50_000)
    assert file.stat().st_size < 20_000
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    assert "unpacks to over 200 times its size; check where" in str(caught.value)


def test_a_parquet_file_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    file = repeated_rows(tmp_path / "odd.parquet", "Police é arrested.", 1_000)
    data = file.read_bytes()
    word = "é".encode()
    assert word in data
    file.write_bytes(data.replace(word, b"\xe9\xe9"))
    with pytest.raises(CorpusError) as caught:
        read_rows(file)
    assert [line.partition(": ")[2] for line in caught.value.problems] == [
        "not UTF-8 from here on; write the file anew"
    ]
