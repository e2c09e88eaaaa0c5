"""Any bytes under any name give a document with exact offsets, or one line that says what to do."""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import Document, InputError
from tipclassify.download.cache import Download
from tipclassify.readers import (
    SUFFIXES,
    has_report_suffix,
    limits,
    read_bytes,
    read_report,
)
from tipclassify.text.split import split_passages

FILES = Path(__file__).parents[1] / "files"
PAGE = b"<!DOCTYPE html><html><body><h1>Karvonia</h1><p>Police arrested nine.</p></body></html>"
TEXT = b"Police arrested nine traffickers. Courts convicted none."
SAVED_PAGE = (
    b"From: <Saved by a browser>\r\nSubject: Karvonia\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/related;\r\n"
    b'\ttype="text/html";\r\n\tboundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<!DOCTYPE html><html><body><h1>Karvonia</h1><p>Police arrested ni=\r\n"
    b"ne. Jos=C3=A9 fled.</p></body></html>\r\n"
    b"--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"iVBORw0KGgo=\r\n--x--\r\n"
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def locked(data: bytes) -> bytes:
    """A zip file whose directory says that its files are encrypted."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + bytes([data[at] | 1]) + data[at + 1 :]


def noise() -> bytes:
    """Return random bytes without a nul."""
    return random.Random(7).randbytes(3_000).replace(b"\0", b"\1")


def deep_page() -> bytes:
    """Return a page whose elements are nested too deeply."""
    return b"<html><body>" + b"<div>" * 100_000 + b"Text."


def tar() -> bytes:
    """Return the head of a tar file, and text."""
    return b"report.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(247) + TEXT


# ------------------------------------------------------------------------------------ what is wrong

Bad = tuple[str, Callable[[], bytes], str]
BY_COLUMN = "plain 'tipclassify score' reads one by its column 'text'"
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.text"
ARCHIVE = (
    "an archive; 'tipclassify score' takes one that has reports in it, any command one of them, "
    "as ARCHIVE.zip/NAME"
)
NOT_TEXT = "not text (binary data); give PDF, Word, HTML, EPUB or text"
UNREADABLE = "no readable text in it; give a file with text"
DAMAGED = "damaged or incomplete file; download it or save it again"
CUT_GZIP = "damaged or incomplete gzip file; download it again"
NO_BOOK = "incomplete, it names no book; download it or convert it again"
IMAGE = "an image; save its text (OCR) as PDF or .txt"
PACKED = "an archive; unpack it and give the files in it"
RICH = "a rich-text file (.rtf); save it as .docx or PDF"
OLD_WORD = "an old Word file (.doc); save it as .docx or PDF"


def called(what: str) -> str:
    """Return the line for a file that is not what its suffix says."""
    return f"not {what}, though it is called one; check the file, or name it .txt if it is text"


BAD: list[Bad] = [
    ("empty.txt", bytes, "empty; give a file with text"),
    ("blank.docx", lambda: b" \r\n\t\n", "empty; give a file with text"),
    ("mark.txt", lambda: b"\xef\xbb\xbf \r\n", UNREADABLE),
    ("zeros.pdf", lambda: bytes(500), "empty; give a file with text"),
    ("invisible.txt", lambda: "\u00a0\n\u2003\n".encode(), UNREADABLE),
    ("headings.md", lambda: b"# Protection\n\n## Prosecution\n", UNREADABLE),
    ("nul.txt", lambda: b"Police\0arrested", NOT_TEXT),
    ("noise.txt", noise, NOT_TEXT),
    ("noise.html", noise, NOT_TEXT),
    ("noise.md", noise, NOT_TEXT),
    ("noise.pdf", noise, called("a PDF file")),
    ("text.pdf", lambda: TEXT, called("a PDF file")),
    ("text.docx", lambda: TEXT, called("a Word file")),
    ("text.epub", lambda: TEXT, called("an EPUB file")),
    ("report.rtf", lambda: rb"{\rtf1\ansi Police.\par}", RICH),
    ("text.rtf", lambda: TEXT, RICH),
    ("rich.txt", lambda: rb"{\rtf1\ansi Police.\par}", RICH),
    ("text.mht", lambda: TEXT, called("a saved web page (MHTML)")),
    (
        "code.xyz", lambda: TEXT,
        "cannot read .xyz files; give PDF, Word (.docx), HTML, EPUB, Markdown or text (.txt)",
    ),
    ("photo.txt", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF", IMAGE),
    ("scan.png", lambda: b"\x89PNG\r\n\x1a\n", IMAGE),
    ("drawing.svg", lambda: b"<svg/>", IMAGE),
    ("old.doc", lambda: OLE + "WordDocument".encode("utf-16-le"), OLD_WORD),
    ("old.docx", lambda: OLE + "WordDocument".encode("utf-16-le"), OLD_WORD),
    ("old.dat", lambda: OLE, "an old Microsoft Office file; save it as .docx or PDF"),
    (
        "locked.docx", lambda: OLE + "EncryptedPackage".encode("utf-16-le"),
        "locked with a password; save it without one",
    ),
    (
        "table.xls", lambda: OLE + "Workbook".encode("utf-16-le"),
        "a spreadsheet of another kind; save it as .xlsx",
    ),
    (
        "mail.msg", lambda: OLE,
        (
            "an Outlook message (.msg); save it as .eml, HTML or text, and what is attached to "
            "it by itself"
        ),
    ),
    (
        "report.odt",
        lambda: zipped({"mimetype": OPEN_DOCUMENT, "content.xml": b""}),
        "an OpenDocument text (.odt); save it as .docx or PDF",
    ),
    ("slides.pptx", lambda: zipped({"ppt/slides/slide1.xml": b""}), "a presentation; save it as PDF"),
    ("figures.docx", lambda: zipped({"xl/workbook.xml": b""}), f"a table; {BY_COLUMN}"),
    ("figures.csv", lambda: b"a,b", f"a table; {BY_COLUMN}"),
    ("all.zip", lambda: zipped({"a.txt": TEXT}), ARCHIVE),
    ("none.zip", lambda: zipped({}), ARCHIVE),
    ("all.tar.gz", lambda: gzip.compress(tar()), PACKED),
    ("all.7z", lambda: b"7z\xbc\xaf\x27\x1c", PACKED),
    ("program.txt", lambda: b"\x7fELF\2\1\1", NOT_TEXT),
    ("cut.docx", lambda: (FILES / "word-report.docx").read_bytes()[:9_000], DAMAGED),
    ("cut.epub", lambda: (FILES / "sample.epub").read_bytes()[:1_000], DAMAGED),
    (
        "hollow.docx", lambda: zipped({"word/document.xml": b""}),
        "damaged Word file; open it in Word and save it as .docx",
    ),
    ("hollow.epub", lambda: zipped({"META-INF/container.xml": b"<container/>"}), NO_BOOK),
    ("broken.epub", lambda: zipped({"META-INF/container.xml": b"<container"}), NO_BOOK),
    (
        "zip-locked.docx", lambda: locked(zipped({"word/document.xml": TEXT})),
        "locked with a password; save it without one",
    ),
    (
        "packed.docx", lambda: zipped({"word/document.xml": TEXT}, zipfile.ZIP_LZMA),
        "packed in an unusual way; open it and save it again",
    ),
    (
        "ratio.docx", lambda: zipped({"word/document.xml": bytes(11_000_000)}),
        "unpacks to over 200 times its size, as no report does; check where it comes from",
    ),
    (
        "size.epub", lambda: zipped({f"{n}.xhtml": bytes(9_900_000) for n in range(11)}),
        "unpacks to 109 MB, over the limit of 100 MB; split it",
    ),
    (
        "bomb.txt.gz", lambda: gzip.compress(bytes(100_000_001), 1),
        "unpacks to over 100 MB; unpack and split it",
    ),
    ("cut.txt.gz", lambda: gzip.compress(TEXT * 9)[:-9], CUT_GZIP),
    (
        "damaged.txt.gz", lambda: gzip.compress(TEXT)[:12] + b"????" + gzip.compress(TEXT)[16:],
        CUT_GZIP,
    ),
    ("twice.txt.gz", lambda: gzip.compress(gzip.compress(TEXT)), "gzip inside gzip; unpack it"),
    ("large.md", lambda: b"Text. " * 1_700_000, "over 10 MB of Markdown; split it"),
    (
        "no-page.mht",
        lambda: b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x--\n",
        "no page in this saved web page; save it complete, or as text",
    ),
    ("deep.html", deep_page, "nested too deeply to be a report; save it as text"),
]  # fmt: skip


def line_of(read: Callable[[], Document]) -> str:
    """Return the start of the text that is read, or the line of the error."""
    try:
        return f"read: {read().text[:40]!r}"
    except InputError as error:
        return str(error)


@pytest.mark.parametrize(("name", "data", "line"), [pytest.param(*row, id=row[0]) for row in BAD])
def test_what_is_wrong_is_reported_in_one_line(
    name: str, data: Callable[[], bytes], line: str
) -> None:
    reported = line_of(lambda: read_bytes(data(), name))
    assert reported == f"{name}: {line}"
    assert "\n" not in reported


Worse = tuple[str, Callable[[Path], object], str]
BAD_PATHS: list[Worse] = [
    ("gone.txt", lambda _: None, "no such file or directory; check the path"),
    ("folder", lambda path: path.mkdir(), "a folder; give the files in it"),
    (
        "file.txt/x.txt", lambda path: path.parent.write_bytes(TEXT),
        "not a directory; check the path",
    ),
    (
        "loop.txt", lambda path: path.symlink_to(path),
        "too many levels of symbolic links; check the path",
    ),
    (
        "large.txt", lambda path: path.touch() or os.truncate(path, 230_000_000),
        "over the limit of 100 MB; split it",
    ),
    ("nul\0.txt", lambda _: None, "no such path, a nul is in it; check the path"),
    ("/dev/zero", lambda _: None, "a device or socket; give a file"),
]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs devices and symbolic links")
@pytest.mark.parametrize(
    ("name", "make", "line"), [pytest.param(*row, id=ascii(row[0])) for row in BAD_PATHS]
)
def test_paths_that_cannot_be_read_are_reported(
    tmp_path: Path, name: str, make: Callable[[Path], object], line: str
) -> None:
    path = tmp_path / name
    make(path)
    assert line_of(lambda: read_report(path)) == f"{path}: {line}".replace("\0", "\\0")


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_pipes_are_read_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def through_a_pipe() -> Document:
        reading, writing = os.pipe()
        os.write(writing, TEXT)
        os.close(writing)
        try:
            return read_report(f"/dev/fd/{reading}")
        finally:
            os.close(reading)

    assert through_a_pipe().text == TEXT.decode()
    monkeypatch.setattr(limits, "LARGEST", 20)
    assert ": over the limit of" in line_of(through_a_pipe)


# --------------------------------------------------------------------------------- what is readable


def sample(kind: str) -> bytes:
    """Return a good file of this kind."""
    by_kind = {"text": TEXT, "html": PAGE, "mhtml": SAVED_PAGE}
    if kind in by_kind:
        return by_kind[kind]
    return (FILES / {"docx": "word-report.docx", "epub": "sample.epub"}[kind]).read_bytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "name", ["a.txt", "a.pdf", "a.docx", "a.HTML", "a.md", "a", "-", "report 2024.2", "a.rtf"]
)
@pytest.mark.parametrize("kind", ["html", "mhtml", "docx", "epub"])
def test_unmistakable_content_goes_before_the_name(kind: str, name: str, packed: bool) -> None:
    data = sample(kind)
    usual = {"html": "x.html", "mhtml": "x.mht", "docx": "x.docx", "epub": "x.epub"}[kind]
    document = read_bytes(
        gzip.compress(data) if packed else data, f"{name}.gz" if packed and name != "-" else name
    )
    assert (document.text, document.blocks) == (
        read_bytes(data, usual).text,
        read_bytes(data, usual).blocks,
    )
    assert document.blocks


@pytest.mark.parametrize(
    "name", ["a.txt", "a.text", "a.md", "a", "-", "report 2024.2", "No. 5 final", "a.txt.gz"]
)
def test_text_is_read_under_the_names_of_text(name: str) -> None:
    assert read_bytes(TEXT, name).text == TEXT.decode()
    assert read_bytes(gzip.compress(TEXT), name).text == TEXT.decode()


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\r\n  ",
        b"<?xml version='1.0'?>\n",
        b"<!-- saved from url -->\n<!-- b -->",
        b" " * 3_000,
    ],
)
def test_a_page_is_known_by_its_first_tag(start: bytes) -> None:
    assert read_bytes(start + PAGE, "saved.txt").title == "Karvonia"
    utf16 = b"\xff\xfe" + (start.removeprefix(b"\xef\xbb\xbf") + PAGE).decode().encode("utf-16-le")
    assert read_bytes(utf16, "saved.txt").title == "Karvonia"


@pytest.mark.parametrize("start", [b"<h1>Karvonia</h1>", b'\n<div class="a">', b"<P>"])
def test_the_inside_of_a_page_is_a_page_too(start: bytes) -> None:
    for name in ("-", "a", "a.txt", "a.html"):
        assert read_bytes(start + b"Police arrested nine.", name).text.endswith(
            "Police arrested nine."
        )
        assert "<" not in read_bytes(start + b"Police arrested nine.", name).text


def test_text_that_speaks_of_tags_stays_text() -> None:
    text = "Write <html> first. MIME-Version: 1.0 and %PDF-1.7 and {\\rtf1} are marks.\n<body>"
    assert read_bytes(text.encode(), "a.txt").text == text


def test_a_saved_page_is_its_page() -> None:
    document = read_bytes(SAVED_PAGE, "a.mht")
    assert (document.text, document.title) == (
        "Karvonia\n\nPolice arrested nine. José fled.",
        "Karvonia",
    )


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(gzip.compress(PAGE))

    monkeypatch.setattr(sys, "stdin", Piped)
    document = read_report("-")
    assert (document.source, document.title) == ("-", "Karvonia")


# -------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("content_type", "url", "data", "text"),
    [
        (
            "text/html; charset=iso-8859-2",
            "https://a.example/x.pdf",
            "<p>Wałęsa żył.".encode("iso-8859-2"),
            "Wałęsa żył.",
        ),
        ("text/plain", "https://a.example/raw/x.md?token=1", b"*Police* acted.", "Police acted."),
        ("text/markdown", "https://a.example/x", b"*Police* acted.", "Police acted."),
        (
            "application/octet-stream",
            "https://a.example/x.html",
            b"<p>Police acted.",
            "Police acted.",
        ),
        (None, "https://a.example/2024/karvonia/", TEXT, TEXT.decode()),
        (
            "application/gzip",
            "https://a.example/x.txt.gz",
            gzip.compress(TEXT, mtime=0),
            TEXT.decode(),
        ),
        ("text/plain", "https://a.example/x.txt", PAGE, "Karvonia\n\nPolice arrested nine."),
    ],
)
def test_links_are_read_by_content_type_then_suffix_then_content(
    content_type: str | None, url: str, data: bytes, text: str
) -> None:
    encoding = content_type.partition("charset=")[2] or None if content_type else None
    got = Download(data, content_type, encoding, url, "2026-11-30")
    document = read_bytes(data, "https://a.example/short", got=got)
    assert (document.text, document.source) == (text, "https://a.example/short")


# ---------------------------------------------------------------------------------------- any bytes

NAMES = [f"x{suffix}" for suffix in (*SUFFIXES, ".txt.gz", ".docx.gz", "", ".doc")]
STARTS = [
    b"",
    b"%PDF-1.4\n",
    b"PK\x03\x04",
    b"{\\rtf1 ",
    b"<!DOCTYPE html><p>",
    b"\x1f\x8b\x08\x00",
    OLE[:8],
    b"\xff\xfe",
    b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n",
]
GOOD = sorted(
    path for path in FILES.iterdir() if has_report_suffix(path.name) and path.name != "locked.pdf"
)


def assert_document_or_line(data: bytes, name: str) -> None:
    """Check that bytes are read with exact offsets or refused in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            document = read_bytes(data, name)
        except InputError as error:
            assert str(error).startswith(f"{name}: ")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            return
    assert_exact(document)


def assert_exact(document: Document) -> None:
    """Check a document, and that it can be written.

    Its blocks are ordered, disjoint and not empty, its passages equal to their offsets.
    """
    at = 0
    for block in document.blocks:
        assert at <= block.start < block.end <= len(document.text)
        assert document.text[block.start : block.end].strip()
        at = block.end
    assert document.text.encode()
    for passage in split_passages(document):
        assert document.text[passage.start : passage.end] == passage.text


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=400), st.sampled_from(NAMES))
def test_random_bytes_give_a_document_or_a_line(start: bytes, data: bytes, name: str) -> None:
    assert_document_or_line(start + data, name)


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.sampled_from("<>&/\"'=-#*[]()|`~_\\{}: \n\tabdivpruscontent1\f"), max_size=300),
    st.sampled_from(NAMES),
)
def test_random_marks_give_a_document_or_a_line(text: str, name: str) -> None:
    assert_document_or_line(text.encode(), name)


@st.composite
def altered(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` cut off, or with some bytes overwritten, left out or doubled."""
    place = st.integers(0, max(len(data) - 1, 0))
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted((draw(place), draw(place)))
        how = draw(st.sampled_from(["cut", "flip", "drop", "double"]))
        if how == "cut":
            data = data[:b]
        elif how == "flip":
            data = data[:a] + draw(st.binary(min_size=1, max_size=4)) + data[a + 4 :]
        else:
            b = min(b, a + 200)
            data = data[:a] + data[a:b] * (2 if how == "double" else 0) + data[b:]
    return data


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    "path", [path for path in GOOD if path.name != "book.pdf"], ids=lambda path: path.name
)
def test_altered_files_give_a_document_or_a_line(path: Path, data: st.DataObject) -> None:
    assert_document_or_line(data.draw(altered(path.read_bytes())), path.name)


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("word-tracked.docx", "word/document.xml"),
        ("word-report.docx", "word/footnotes.xml"),
        ("word-office.docx", "word/styles.xml"),
        ("word-office.docx", "[Content_Types].xml"),
        ("sample.epub", "OEBPS/book.opf"),
        ("sample.epub", "OEBPS/text/chapter1.xhtml"),
    ],
)
def test_altered_parts_of_zip_files_give_a_document_or_a_line(
    name: str, member: str, data: st.DataObject
) -> None:
    with zipfile.ZipFile(FILES / name) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist()}
    members[member] = data.draw(altered(members[member]))
    assert_document_or_line(zipped(members, zipfile.ZIP_STORED), name)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_offsets_are_exact(path: Path) -> None:
    document = read_report(path)
    assert_exact(document)
    if not path.name.endswith(".txt"):
        assert "\n\n".join(document.text[b.start : b.end] for b in document.blocks) == document.text


@pytest.mark.parametrize("extra", [0, 1, 70_000])
def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: int
) -> None:
    file = tmp_path / "growing.txt"
    file.write_bytes(b"x" * 100_000)
    before = os.stat(file)
    file.write_bytes(b"x" * (100_000 + extra))
    monkeypatch.setattr(limits.os, "stat", lambda _: before)
    assert len(limits.read_bounded(str(file))) == 100_000 + extra
    monkeypatch.setattr(limits, "LARGEST", 100_000)
    if extra:
        with pytest.raises(InputError, match="over the limit"):
            limits.read_bounded(str(file))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    data = b"Police acted. " * 20_000
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert limits.read_bounded(str(pipe)) == data
    writer.join()
