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

# Formats without a reader: their suffixes, or what stands for them here; what they are; the way to a format that has one.
_FOREIGN: Final = {
    name: f"{what}; {advice}"
    for names, what, advice in (
        (".doc", "an old Word file (.doc)", "save it as .docx or PDF"),
        (".odt", "an OpenDocument text (.odt)", "save it as .docx or PDF"),
        (".pages", "an Apple Pages file", "export it as .docx or PDF"),
        (".pptx .ppt", "a PowerPoint file", "save it as PDF"),
        (".odp", "an OpenDocument presentation", "save it as PDF"),
        (".xlsx .xls", "an Excel file", "save it as PDF, or its texts as .jsonl"),
        (".ods", "an OpenDocument spreadsheet", "save it as PDF, or its texts as .jsonl"),
        (".csv", "a table (.csv)", 'write its texts as .jsonl, {"text": "…"} a line'),
        (".tsv", "a table (.tsv)", 'write its texts as .jsonl, {"text": "…"} a line'),
        (".xml", "an XML file", "save it as HTML or text"),
        (".mobi .azw3", "a Kindle book", "convert it to .epub or PDF"),
        (".djvu", "a scan (DjVu)", "convert it to PDF with its text recognized (OCR)"),
        (".ps", "a PostScript file", "convert it to PDF"),
        (
            "image .png .jpg .jpeg .gif .tif .tiff .bmp .webp .heic .svg",
            "an image",
            "recognize its text (OCR) and save that as PDF or .txt",
        ),
        (".zip", "a zip archive", "unpack it and give the files in it"),
        ("archive .tar .tgz .7z .rar .bz2 .xz .zst", "an archive", "unpack it and give the files in it"),
        ("gzip", "gzip inside gzip", "unpack it"),
        ("locked", "locked with a password", "save it without one"),
        ("ole", "an old Microsoft Office file", "save it as .docx or PDF"),
        ("program", "a program", "give a report"),
        ("media .mp3 .mp4 .wav .mov", "a sound or video file", "give its transcript as .txt"),
    )
    for name in names.split()
}

_MAGIC: Final = {
    "gzip": (b"\x1f\x8b",),
    "image": (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*"),
    "archive": (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
    ".djvu": (b"AT&TFORM",),
    ".ps": (b"%!PS",),
    "program": (b"\x7fELF",),
    "media": (b"ID3",),
}
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty one
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names in the directory of an OLE file.
_OLE_STREAMS: Final = (
    ("EncryptedPackage", "locked"),
    ("WordDocument", ".doc"),
    ("PowerPoint Document", ".ppt"),
    ("Workbook", ".xls"),
)
_ZIP_MIMETYPES: Final = (
    (b"application/epub+zip", ".epub"),
    (b"application/vnd.oasis.opendocument.text", ".odt"),
    (b"application/vnd.oasis.opendocument.presentation", ".odp"),
    (b"application/vnd.oasis.opendocument.spreadsheet", ".ods"),
)
_ZIP_MEMBERS: Final = (
    ("word/", ".docx"),
    ("META-INF/container.xml", ".epub"),
    ("ppt/", ".pptx"),
    ("xl/", ".xlsx"),
    ("Index/", ".pages"),
)
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
    if kind is None and suffix in _FOREIGN:
        raise InputError(f"{source}: {_FOREIGN[suffix]}")
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
        suffix = _suffix_of_zip(open_zip(data, source), source)
        if suffix in _KINDS:
            return _KINDS[suffix]
        raise InputError(f"{source}: {_FOREIGN[suffix]}")
    foreign = next((what for what, starts in _MAGIC.items() if data.startswith(starts)), None)
    if data.startswith(_OLE):
        foreign = next((what for name, what in _OLE_STREAMS if name.encode("utf-16-le") in data), "ole")
    elif data[257:262] == b"ustar":
        foreign = "archive"
    if foreign:
        raise InputError(f"{source}: {_FOREIGN[foreign]}")
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


def _suffix_of_zip(archive: zipfile.ZipFile, source: str) -> str:
    """The usual suffix of what a zip file holds, by the type that it declares or by the names in it."""
    names = archive.namelist()
    declared = read_member(archive, "mimetype", source)[:100] if names[:1] == ["mimetype"] else b""
    types = (suffix for start, suffix in _ZIP_MIMETYPES if declared.startswith(start))
    members = (suffix for start, suffix in _ZIP_MEMBERS if any(name.startswith(start) for name in names))
    return next(types, next(members, ".zip"))
