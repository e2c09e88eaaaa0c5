"""Detect the format of a file: by its content where the signature is unambiguous, else by media type or suffix."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, Literal
from urllib.parse import urlsplit

from tipclassify.errors import InputError
from tipclassify.readers.encodings import BYTE_ORDER_MARKS
from tipclassify.readers.limits import open_zip, read_member

__all__ = ["SUFFIXES", "InputFormat", "detect_format", "is_blank", "is_gzip", "is_link", "suffix_of"]

InputFormat = Literal["text", "markdown", "html", "mhtml", "pdf", "docx", "epub", "rtf"]
"""Supported formats, one for each reader."""

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# Suffixes, media types, and the name of a format that the content tells.
_FORMATS: Final[dict[InputFormat, tuple[str, str, str]]] = {
    "text": (".txt .text", "text/plain", ""),
    "markdown": (".md .markdown", "text/markdown text/x-markdown", ""),
    "html": (".html .htm .xhtml", "text/html application/xhtml+xml", ""),
    "mhtml": (".mht .mhtml", "multipart/related", "a saved web page (MHTML)"),
    "pdf": (".pdf", "application/pdf application/x-pdf", "a PDF file"),
    "docx": (".docx", _WORD, "a Word file"),
    "epub": (".epub", "application/epub+zip", "an EPUB file"),
    "rtf": (".rtf", "application/rtf text/rtf", "an RTF file"),
}
_FORMAT_BY_SUFFIX: Final = {suffix: kind for kind, (names, _, _) in _FORMATS.items() for suffix in names.split()}
_FORMAT_BY_MEDIA_TYPE: Final = {name: kind for kind, (_, names, _) in _FORMATS.items() for name in names.split()}

SUFFIXES: Final = tuple(_FORMAT_BY_SUFFIX)
"""Suffixes of supported files; each may be followed by .gz."""

_IMAGES: Final = "image .png .jpg .jpeg .gif .tif .tiff .bmp .webp .heic .svg"
# Unsupported formats: suffixes or internal keys, description, advice on conversion to a supported one.
_UNSUPPORTED: Final = {
    name: f"{what}; {advice}"
    for names, what, advice in (
        (".doc", "an old Word file (.doc)", "save it as .docx or PDF"),
        (".odt", "an OpenDocument text (.odt)", "save it as .docx or PDF"),
        (".pages", "an Apple Pages file", "export it as .docx or PDF"),
        (".pptx .ppt", "a PowerPoint file", "save it as PDF"),
        (".odp", "an OpenDocument presentation", "save it as PDF"),
        (".csv .tsv", "a table", "'tipclassify score' reads a file of it by its column 'text'"),
        (".xlsx", "an Excel file", "'tipclassify score' reads a file of it by its column 'text'"),
        (".xls", "an old Excel file (.xls)", "save it as .xlsx"),
        (".ods", "an OpenDocument spreadsheet", "save it as PDF, or its texts as .jsonl"),
        (_IMAGES, "an image", "recognize its text (OCR) and save that as PDF or .txt"),
        (".zip", "a zip archive", "unpack it and give the files in it"),
        ("archive .tar .tgz .7z .rar .bz2 .xz .zst", "an archive", "unpack it and give the files in it"),
        ("gzip", "gzip inside gzip", "unpack it"),
        ("locked", "locked with a password", "save it without one"),
        ("ole", "an old Microsoft Office file", "save it as .docx or PDF"),
    )
    for name in names.split()
}

_SIGNATURES: Final = {
    "gzip": (b"\x1f\x8b",),
    "image": (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*"),
    "archive": (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
}
_ZIP_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty archive
_OLE_SIGNATURE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Stream names in the directory of an OLE file.
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
_PDF_SIGNATURE: Final = re.compile(rb"(?:^|[\r\n\x00])\s*%PDF-\d\.")
_HTML_START: Final = re.compile(
    rb"\s*(?:(?:<\?xml[^>]{0,300}>|<!--.{0,2000}?-->)\s*)*<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_FRAGMENT: Final = re.compile(
    rb"\s*<(?:title|meta|link|style|script|main|article|section|div|p|h[1-6]|table|ul|ol)(?:\s[^<>]{0,500})?>",
    re.IGNORECASE,
)
_MAIL_HEADERS: Final = re.compile(rb"(?:[A-Za-z-]+:.*\n(?:[ \t].*\n)*){1,20}")
_MHTML_TYPE: Final = re.compile(rb"^content-type:\s*(?:multipart/related|text/html)", re.IGNORECASE | re.MULTILINE)
_HEAD_BYTES: Final = 4_000
_MAX_BLANK_BYTES: Final = 100_000  # some sites precede the page with one empty line for each line of their scripts
_NOT_A_SUFFIX: Final = re.compile(r"\.(?:\d+|.* .*)")  # "Report 2024.2", "vol. 1 final"
_READABLE: Final = "PDF, Word (.docx), HTML, EPUB, RTF, Markdown or text (.txt)"


def is_link(name: str) -> bool:
    """Return whether an input is a web address."""
    return name.lower().startswith(("http://", "https://"))


def suffix_of(name: str) -> str:
    """Return the suffix of a file or link, in lower case and without ``.gz``.

    >>> suffix_of("https://example.org/Karvonia.PDF?download=1"), suffix_of("notes.txt.gz")
    ('.pdf', '.txt')
    """
    try:
        path = PurePosixPath(urlsplit(name).path if is_link(name) else PureWindowsPath(name).name)
    except ValueError:  # no address, though it begins like one
        return ""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def is_gzip(data: bytes) -> bool:
    """Return whether `data` is gzip-compressed."""
    return data.startswith(b"\x1f\x8b")


def is_blank(data: bytes) -> bool:
    """Return whether `data` is only white space and zero bytes, with or without a byte-order mark.

    >>> is_blank(b"\\xef\\xbb\\xbf\\n"), is_blank(b"Police")
    (True, False)
    """
    for mark, _ in BYTE_ORDER_MARKS:
        data = data.removeprefix(mark)
    return not data.lstrip(b" \t\r\n\f\v\0")


def detect_format(data: bytes, source: str, suffix: str, content_type: str | None = None) -> InputFormat:
    """Detect the format from content, media type or suffix; `InputError` if unsupported or where they contradict."""
    found = _detect_content(data, source)
    if found:
        return found
    kind = _FORMAT_BY_MEDIA_TYPE.get((content_type or "").split(";")[0].strip().lower())
    if kind is None and suffix in _UNSUPPORTED:
        raise InputError(f"{source}: {_UNSUPPORTED[suffix]}")
    if kind in (None, "text"):  # servers often send other files as text/plain or without a type
        kind = _FORMAT_BY_SUFFIX.get(suffix, kind)
    if kind and (what := _FORMATS[kind][2]):
        called = f"not {what}, though it is called one"
        raise InputError(f"{source}: {called}; check the file, or name it .txt if it is text")
    if kind is None and content_type is None and suffix and not _NOT_A_SUFFIX.fullmatch(suffix):
        raise InputError(f"{source}: cannot read {suffix} files; give {_READABLE}")
    if kind in (None, "text") and _HTML_FRAGMENT.match(data[:_HEAD_BYTES]):
        return "html"  # a page body, saved or piped without its head
    return kind or "text"


def _detect_content(data: bytes, source: str) -> InputFormat | None:
    """Detect the format from the first bytes, None where they are ambiguous; refuse unsupported formats."""
    if data.startswith(_ZIP_SIGNATURES):
        suffix = _suffix_of_zip(open_zip(data, source), source)
        if suffix in _FORMAT_BY_SUFFIX:
            return _FORMAT_BY_SUFFIX[suffix]
        raise InputError(f"{source}: {_UNSUPPORTED[suffix]}")
    foreign = next((what for what, starts in _SIGNATURES.items() if data.startswith(starts)), None)
    if data.startswith(_OLE_SIGNATURE):
        foreign = next((what for name, what in _OLE_STREAMS if name.encode("utf-16-le") in data), "ole")
    elif data[257:262] == b"ustar":
        foreign = "archive"
    if foreign:
        raise InputError(f"{source}: {_UNSUPPORTED[foreign]}")
    if _PDF_SIGNATURE.search(data[:1_024]):
        return "pdf"
    head = data[:_MAX_BLANK_BYTES]
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            head = head[len(mark) :].decode(encoding, "replace").encode()
    head = head.lstrip()[:_HEAD_BYTES]
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if _HTML_START.match(head):
        return "html"
    headers = _MAIL_HEADERS.match(head)
    return "mhtml" if headers and b"mime-version:" in headers[0].lower() and _MHTML_TYPE.search(headers[0]) else None


def _suffix_of_zip(archive: zipfile.ZipFile, source: str) -> str:
    """Return the usual suffix of a zip-based format, by its declared type or its member names."""
    names = archive.namelist()
    declared = read_member(archive, "mimetype", source)[:100] if names[:1] == ["mimetype"] else b""
    types = (suffix for start, suffix in _ZIP_MIMETYPES if declared.startswith(start))
    members = (suffix for start, suffix in _ZIP_MEMBERS if any(name.startswith(start) for name in names))
    return next(types, next(members, ".zip"))
