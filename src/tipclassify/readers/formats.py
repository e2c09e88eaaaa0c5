"""What a file is: by its content where that is unmistakable, else by the media type or suffix that it goes under."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, Literal
from urllib.parse import urlsplit

from tipclassify.errors import InputError
from tipclassify.readers.encodings import BYTE_ORDER_MARKS
from tipclassify.readers.limits import open_zip, read_member

__all__ = ["SUFFIXES", "Kind", "is_blank", "is_gzip", "is_link", "kind_of", "kind_of_content", "suffix_of"]

Kind = Literal["text", "markdown", "html", "mhtml", "pdf", "docx", "epub", "rtf"]
"""One for each reader."""

_KINDS: Final[dict[str, Kind]] = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".mht": "mhtml",
    ".mhtml": "mhtml",
    ".pdf": "pdf",
    ".docx": "docx",
    ".epub": "epub",
    ".rtf": "rtf",
}

SUFFIXES: Final = tuple(_KINDS)
"""Suffixes of files that are read as reports; each may be followed by .gz."""

_MEDIA_TYPES: Final[dict[str, Kind]] = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "multipart/related": "mhtml",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
}

# Formats without a reader, and the way to one that has it.
_FOREIGN: Final = {
    ".doc": ("an old Word file (.doc)", "save it as .docx or PDF"),
    ".odt": ("an OpenDocument text (.odt)", "save it as .docx or PDF"),
    ".pages": ("an Apple Pages file", "export it as .docx or PDF"),
    ".pptx": ("a PowerPoint file", "save it as PDF"),
    ".ppt": ("a PowerPoint file", "save it as PDF"),
    ".odp": ("an OpenDocument presentation", "save it as PDF"),
    ".xlsx": ("an Excel file", "save it as PDF, or its texts as .jsonl"),
    ".xls": ("an Excel file", "save it as PDF, or its texts as .jsonl"),
    ".ods": ("an OpenDocument spreadsheet", "save it as PDF, or its texts as .jsonl"),
    ".csv": ("a table (.csv)", 'write its texts as .jsonl, {"text": "…"} a line'),
    ".tsv": ("a table (.tsv)", 'write its texts as .jsonl, {"text": "…"} a line'),
    ".xml": ("an XML file", "save it as HTML or text"),
    ".mobi": ("a Kindle book", "convert it to .epub or PDF"),
    ".azw3": ("a Kindle book", "convert it to .epub or PDF"),
    ".djvu": ("a scan (DjVu)", "convert it to PDF with its text recognized (OCR)"),
    ".ps": ("a PostScript file", "convert it to PDF"),
    "image": ("an image", "recognize its text (OCR) and save that as PDF or .txt"),
    "zip": ("a zip archive", "unpack it and give the files in it"),
    "archive": ("an archive", "unpack it and give the files in it"),
    "gzip": ("gzip inside gzip", "unpack it"),
    "locked": ("locked with a password", "save it without one"),
    "ole": ("an old Microsoft Office file", "save it as .docx or PDF"),
    "program": ("a program", "give a report"),
    "media": ("a sound or video file", "give its transcript as .txt"),
}
_FOREIGN_SUFFIXES: Final = {
    **{suffix: suffix for suffix in _FOREIGN if suffix.startswith(".")},
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".svg"), "image"),
    **dict.fromkeys((".zip",), "zip"),
    **dict.fromkeys((".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst"), "archive"),
    **dict.fromkeys((".mp3", ".mp4", ".wav", ".mov"), "media"),
}

_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG\r\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"AT&TFORM", ".djvu"),
    (b"%!PS", ".ps"),
    (b"\x7fELF", "program"),
    (b"ID3", "media"),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty one
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names in the directory of an OLE file.
_OLE_STREAMS: Final = (
    ("EncryptedPackage", "locked"),
    ("WordDocument", ".doc"),
    ("PowerPoint Document", ".ppt"),
    ("Workbook", ".xls"),
)
_ZIP_MIMETYPES: Final[tuple[tuple[bytes, Kind | None, str], ...]] = (
    (b"application/epub+zip", "epub", ""),
    (b"application/vnd.oasis.opendocument.text", None, ".odt"),
    (b"application/vnd.oasis.opendocument.presentation", None, ".odp"),
    (b"application/vnd.oasis.opendocument.spreadsheet", None, ".ods"),
)
_ZIP_MEMBERS: Final = (("ppt/", ".pptx"), ("xl/", ".xlsx"), ("Index/", ".pages"))
_PDF_START: Final = re.compile(rb"(?:^|[\r\n\x00])\s*%PDF-\d\.")
_HTML_START: Final = re.compile(
    rb"\s*(?:(?:<\?xml[^>]{0,300}>|<!--.{0,2000}?-->)\s*)*<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_FRAGMENT: Final = re.compile(
    rb"\s*<(?:title|meta|link|style|script|main|article|section|div|p|h[1-6]|table|ul|ol)(?:\s[^<>]{0,500})?>",
    re.IGNORECASE,
)
_HEADERS: Final = re.compile(rb"(?:[A-Za-z-]+:.*\n(?:[ \t].*\n)*){1,20}")
_PAGE_TYPE: Final = re.compile(rb"^content-type:\s*(?:multipart/related|text/html)", re.IGNORECASE | re.MULTILINE)
_HEAD: Final = 4_000
_LONGEST_BLANK: Final = 100_000  # some sites begin their pages with as many line ends as their scripts had lines
_NO_SUFFIX: Final = re.compile(r"\.(?:\d+|.* .*)")  # "Report 2024.2", "vol. 1 final"
_TOLD_BY_CONTENT: Final[dict[Kind | None, str]] = {
    "pdf": "a PDF file",
    "docx": "a Word file",
    "epub": "an EPUB file",
    "rtf": "an RTF file",
    "mhtml": "a saved web page (MHTML)",
}
_READABLE: Final = "PDF, Word (.docx), HTML, EPUB, RTF, Markdown or text (.txt)"


def is_link(name: str) -> bool:
    """Whether an input is an address on the web."""
    return name.lower().startswith(("http://", "https://"))


def suffix_of(name: str) -> str:
    """Suffix of a file or link, in lower case and without ``.gz``.

    >>> suffix_of("https://example.org/Karvonia.PDF?download=1"), suffix_of("notes.txt.gz")
    ('.pdf', '.txt')
    """
    try:
        path = PurePosixPath(urlsplit(name).path if is_link(name) else PureWindowsPath(name).name)
    except ValueError:  # no address, though it begins like one
        return ""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def is_gzip(data: bytes) -> bool:
    """Whether `data` is packed with gzip."""
    return data.startswith(b"\x1f\x8b")


def is_blank(data: bytes) -> bool:
    """Whether `data` is nothing but white space and zeros, after a byte-order mark or not.

    >>> is_blank(b"\\xef\\xbb\\xbf\\n"), is_blank(b"Police")
    (True, False)
    """
    for mark, _ in BYTE_ORDER_MARKS:
        data = data.removeprefix(mark)
    return not data.lstrip(b" \t\r\n\f\v\0")


def kind_of(data: bytes, source: str, suffix: str, content_type: str | None = None) -> Kind:
    """Which reader `data` is for.

    Raises
    ------
    InputError
        When no reader is, or the content is not what the suffix or media type says.
    """
    found = kind_of_content(data, source)
    if found:
        return found
    kind = _MEDIA_TYPES.get((content_type or "").split(";")[0].strip().lower())
    if kind is None and suffix in _FOREIGN_SUFFIXES:
        raise _foreign(source, _FOREIGN_SUFFIXES[suffix])
    if kind in (None, "text"):  # servers send all sorts of files as text/plain or without a type
        kind = _KINDS.get(suffix, kind)
    if kind in _TOLD_BY_CONTENT:
        what = _TOLD_BY_CONTENT[kind]
        raise InputError(
            f"{source}: not {what}, though it is called one; check the file, or name it .txt if it is text"
        )
    if kind is None and content_type is None and suffix and not _NO_SUFFIX.fullmatch(suffix):
        raise InputError(f"{source}: cannot read {suffix} files; give {_READABLE}")
    if kind in (None, "text") and _FRAGMENT.match(data[:_HEAD]):
        return "html"  # the inside of a page, saved or piped without its head
    return kind or "text"


def _foreign(source: str, what: str) -> InputError:
    name, advice = _FOREIGN[what]
    return InputError(f"{source}: {name}; {advice}")


def kind_of_content(data: bytes, source: str) -> Kind | None:
    """The kind that the first bytes give away, or None where they do not.

    Raises
    ------
    InputError
        When they give away a format without a reader.

    >>> kind_of_content(b"%PDF-1.7 ...", "x"), kind_of_content(b"Police arrested nine.", "x")
    ('pdf', None)
    """
    if data.startswith(_ZIP):
        return _kind_of_zip(open_zip(data, source), source)
    if data.startswith(_OLE):
        raise _foreign(source, next((kind for name, kind in _OLE_STREAMS if name.encode("utf-16-le") in data), "ole"))
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise _foreign(source, what)
    if data[257:262] == b"ustar":
        raise _foreign(source, "archive")
    if _PDF_START.search(data[:1_024]):
        return "pdf"
    head = data[:_LONGEST_BLANK]
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            head = head[len(mark) :].decode(encoding, "replace").encode()
    head = head.lstrip()[:_HEAD]
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if _HTML_START.match(head):
        return "html"
    headers = _HEADERS.match(head)
    return "mhtml" if headers and b"mime-version:" in headers[0].lower() and _PAGE_TYPE.search(headers[0]) else None


def _kind_of_zip(archive: zipfile.ZipFile, source: str) -> Kind:
    names = archive.namelist()
    if names and names[0] == "mimetype":
        declared = read_member(archive, "mimetype", source)[:100]
        for start, kind, what in _ZIP_MIMETYPES:
            if declared.startswith(start):
                if kind:
                    return kind
                raise _foreign(source, what)
    if any(name.startswith("word/") for name in names):
        return "docx"
    if "META-INF/container.xml" in names:
        return "epub"
    raise _foreign(
        source, next((what for start, what in _ZIP_MEMBERS if any(n.startswith(start) for n in names)), "zip")
    )
