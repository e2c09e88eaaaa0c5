"""Detect the format of a file: by its first bytes, else by its media type or suffix."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final
from urllib.parse import urlsplit

from tipclassify.errors import InputError
from tipclassify.readers.encodings import marked_as_utf_8
from tipclassify.readers.limits import open_zip
from tipclassify.records import Document, is_link


@dataclass(frozen=True, slots=True)
class _Format:
    """A supported format."""

    module: str  # of the reader, `read_<format>`
    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]
    signed: str = ""  # its name in messages, where the first bytes tell it from all others


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_FORMATS: Final = {
    "text": _Format("text", (".txt", ".text"), ("text/plain",)),
    "markdown": _Format("text", (".md", ".markdown"), ("text/markdown", "text/x-markdown")),
    "html": _Format(
        "html.page", (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml")
    ),
    "mhtml": _Format(
        "mail", (".mht", ".mhtml"), ("multipart/related",), "a saved web page (MHTML)"
    ),
    "pdf": _Format("pdf.file", (".pdf",), ("application/pdf", "application/x-pdf"), "a PDF file"),
    "docx": _Format("word", (".docx",), (_WORD,), "a Word file"),
    "epub": _Format("epub", (".epub",), ("application/epub+zip",), "an EPUB file"),
    "eml": _Format("mail", (".eml",), ("message/rfc822",)),
}
_BY_SUFFIX: Final = {suffix: name for name, form in _FORMATS.items() for suffix in form.suffixes}
_BY_MEDIA_TYPE: Final = {kind: name for name, form in _FORMATS.items() for kind in form.media_types}

SUFFIXES: Final = (*_BY_SUFFIX, ".odt", ".rtf", ".doc")
"""Suffixes of reports; each may be followed by .gz. The last three are refused with advice."""

OUR_PAGE: Final = re.compile(
    r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; [^"\n]*">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="x-dns-prefetch-control" content="off">
<meta name="generator" content="tipclassify [^"\n]*">
<title>"""
)
"""Whole head of a page that tipclassify wrote: one line of it, any page may have."""

_ADVICE: Final = "save it as .docx or PDF"
# By suffixes, or names that the content gives: what it is, and how to convert it.
_UNSUPPORTED: Final = {
    name: f"{what}; {advice}"
    for names, what, advice in (
        (
            ".msg",
            "an Outlook message (.msg)",
            "save it as .eml, HTML or text, and what is attached to it by itself",
        ),
        ("odt .odt", "an OpenDocument text (.odt)", _ADVICE),
        ("rtf .rtf", "a rich-text file (.rtf)", _ADVICE),
        ("doc .doc", "an old Word file (.doc)", _ADVICE),
        ("ole", "an old Microsoft Office file", _ADVICE),
        (".pages", "an Apple Pages file", "export it as .docx or PDF"),
        (".pptx .ppt .odp", "a presentation", "save it as PDF"),
        (
            ".csv .tsv .xlsx .jsonl",
            "a table",
            "plain 'tipclassify score' reads one by its column 'text'",
        ),
        (".xls .ods", "a spreadsheet of another kind", "save it as .xlsx"),
        (
            "image .png .jpg .jpeg .gif .tif .tiff .bmp .webp .heic .svg",
            "an image",
            "save its text (OCR) as PDF or .txt",
        ),
        (
            "zip .zip",
            "an archive",
            "'tipclassify score' takes one that has reports in it, any command one of them, "
            "as ARCHIVE.zip/NAME",
        ),
        (
            "archive .tar .tgz .7z .rar .bz2 .xz .zst",
            "an archive",
            "unpack it and give the files in it",
        ),
        ("gzip", "gzip inside gzip", "unpack it"),
        ("locked", "locked with a password", "save it without one"),
    )
    for name in names.split()
}

_SIGNATURES: Final = {
    "gzip": (b"\x1f\x8b",),
    "image": (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*"),
    "archive": (
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"BZh",
        b"\xfd7zXZ\x00",
        b"\x28\xb5\x2f\xfd",
    ),
    "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    "rtf": (b"{\\rtf",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),  # the second: an empty archive
}
# The first of these that begins the name of a member of a zip file tells what it is.
_ZIP_MEMBERS: Final = {
    "word/": "docx",
    "META-INF/container.xml": "epub",
    "ppt/": ".pptx",
    "xl/": ".xlsx",
    "Index/": ".pages",
    "content.xml": "odt",
}
# Names of streams in old Microsoft files; the first that is there tells what it is.
_OLE_STREAMS: Final = {
    "EncryptedPackage": "locked",
    "__nameid_version1.0": ".msg",
    "WordDocument": "doc",
}
_PDF_SIGNATURE: Final = re.compile(rb"(?:^|[\r\n\x00])\s*%PDF-\d\.")
_HTML_START: Final = re.compile(
    # a comment ends at its first "-->": if it could swallow the next one, the ways to read a row of
    # comments would double with each
    rb"\s*(?:(?:<\?xml[^>]{0,300}>|<!--(?:(?!-->).){0,2000}-->)\s*)*"
    rb"<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_FRAGMENT: Final = re.compile(
    rb"\s*<(?:title|meta|link|style|script|main|article|section|div|p|h[1-6]|table|ul|ol)"
    rb"(?:\s[^<>]{0,500})?>",
    re.IGNORECASE,
)
_MAIL_HEADERS: Final = re.compile(rb"(?:[A-Za-z-]+:.*\n(?:[ \t].*\n)*){1,20}")
_MHTML_TYPE: Final = re.compile(
    rb"^content-type:\s*(?:multipart/related|text/html)", re.IGNORECASE | re.MULTILINE
)
_HEAD_BYTES: Final = 4_000
# some sites precede the page with one empty line for each line of their scripts
_MAX_BLANK_BYTES: Final = 100_000
_NOT_A_SUFFIX: Final = re.compile(r"\.(?:\d+|.* .*)")  # "Report 2024.2", "vol. 1 final"


def suffix_of(name: str) -> str:
    """Return the suffix of a file or link, in lower case and without ``.gz``.

    >>> suffix_of("https://example.org/Karvonia.PDF?download=1")
    '.pdf'
    >>> suffix_of("notes.txt.gz")
    '.txt'
    """
    try:
        path = PurePosixPath(urlsplit(name).path if is_link(name) else PureWindowsPath(name).name)
    except ValueError:  # no address, though it begins like one
        return ""
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lower()


def reader_of(kind: str) -> Callable[..., Document]:
    """Return the reader of a format; it and its dependencies are imported on demand."""
    module = import_module(f"tipclassify.readers.{_FORMATS[kind].module}")
    reader: Callable[..., Document] = getattr(module, f"read_{kind}")
    return reader


def detect_format(data: bytes, source: str, suffix: str, content_type: str | None = None) -> str:
    """Detect the format from content, media type or suffix.

    Raises `InputError` if unsupported or where they contradict.
    """
    by_content = _by_content(data, source)
    if by_content == "mhtml" and suffix == ".eml":
        return "eml"
    if by_content in _FORMATS:
        return by_content
    media_type = (content_type or "").split(";")[0].strip().lower()
    kind = _BY_MEDIA_TYPE.get(media_type)
    # what a suffix says of an unsupported file is more than that it is an archive, or nothing
    is_vague = by_content in ("archive", "zip", "ole") or (by_content is None and kind is None)
    unsupported = suffix if suffix in _UNSUPPORTED and is_vague else by_content
    if unsupported is not None:
        raise InputError(f"{source}: {_UNSUPPORTED[unsupported]}")
    if kind in (None, "text"):  # servers often send other files as text/plain or without a type
        kind = _BY_SUFFIX.get(suffix, kind)
    if kind is not None and _FORMATS[kind].signed:
        raise InputError(
            f"{source}: not {_FORMATS[kind].signed}, though it is called one; check the file, "
            "or name it .txt if it is text"
        )
    if kind is None and content_type is None and suffix and not _NOT_A_SUFFIX.fullmatch(suffix):
        readable = "PDF, Word (.docx), HTML, EPUB, Markdown or text (.txt)"
        raise InputError(f"{source}: cannot read {suffix} files; give {readable}")
    if kind in (None, "text") and _HTML_FRAGMENT.match(data[:_HEAD_BYTES]):
        return "html"  # a page body, saved or piped without its head
    return kind or "text"


def _by_content(data: bytes, source: str) -> str | None:
    """Return the format that the first bytes tell, supported or not; None if they are ambiguous."""
    signed = (name for name, starts in _SIGNATURES.items() if data.startswith(starts))
    name = next(signed, None)
    if name is None:
        return _by_text(data)
    if name == "zip":
        members = open_zip(data, source).namelist()
        for start, format_in_zip in _ZIP_MEMBERS.items():
            if any(member.startswith(start) for member in members):
                return format_in_zip
    if name == "ole":
        for stream, format_in_ole in _OLE_STREAMS.items():
            if stream.encode("utf-16-le") in data:
                return format_in_ole
    return name


def _by_text(data: bytes) -> str | None:
    if data[257:262] == b"ustar":
        return "archive"
    if _PDF_SIGNATURE.search(data[:1_024]):
        return "pdf"
    head = marked_as_utf_8(data[:_MAX_BLANK_BYTES]).lstrip()[:_HEAD_BYTES]
    if _HTML_START.match(head):
        return "html"
    headers = _MAIL_HEADERS.match(head)
    if headers is None or b"mime-version:" not in headers[0].lower():
        return None
    return "mhtml" if _MHTML_TYPE.search(headers[0]) else None
