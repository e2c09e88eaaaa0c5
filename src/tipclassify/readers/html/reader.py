"""Read a saved web page into a `Document`.

It has the headings, paragraphs, lists and tables of the main text.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final

from lxml import etree

from tipclassify.errors import InputError
from tipclassify.formatting import one_line
from tipclassify.readers.html.content import (
    find_main_content,
    trim_edges_of_page,
    without_site_navigation,
)
from tipclassify.readers.html.elements import short_text_of_element
from tipclassify.readers.html.layouts import parts_of_known_layout
from tipclassify.readers.html.line_builder import HtmlLine
from tipclassify.readers.html.lines import read_html_lines
from tipclassify.readers.publication import (
    absolute_address_in_page_metadata,
    known_publisher,
    metadata_of_web_page,
)
from tipclassify.readers.source_blocks import clean_source_text, document_of_source_blocks
from tipclassify.readers.text import decode_bytes_of_file, decode_text_file
from tipclassify.text.document import Document
from tipclassify.text.split import text_document

__all__ = [
    "encoding_declared_in_html",
    "read_all_html_lines",
    "read_eml",
    "read_html",
    "read_html_of_site",
    "read_mhtml",
]

_HEAD: Final = 4_096  # bytes in which a page declares its encoding
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*(?P<meta>[\w.:-]+)
    | ^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["'](?P<xml>[\w.:-]+)""",
    re.IGNORECASE | re.VERBOSE,
)
# Labels that Python does not know or reads as a subset (https://encoding.spec.whatwg.org); one that
# can be read as ASCII is not UTF-16.
_WEB_ENCODINGS: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "shift_jis": "cp932",
    "sjis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "utf-16": "utf-8",
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
}
_LONG_HEADER: Final = re.compile(
    rb"^content-[a-z-]{1,30}:(?:[^\n]|\n[ \t]){20000}", re.IGNORECASE | re.MULTILINE
)
_MAX_HEADER: Final = 1_000  # characters of a subject, a date or a file's name
_MAX_NAMED: Final = 5  # attached files in a warning
_QUOTATION_MARKS: Final = re.compile(r"^(?:>[ \t]?)+", re.MULTILINE)
# up to an empty line or one of another quotation, since a forwarded text may follow
_MAIL_SIGNATURE: Final = re.compile(
    r"^(?P<marks>(?:>[ \t]?)*)-- \n(?:(?P=marks)[^>\s].*(?:\n|\Z))*", re.MULTILINE
)
_WORD: Final = re.compile(r"\w+")
_SEPARATOR: Final = re.compile(r"\s+[-–—|•·»~]+\s+|\s*\|\s*|\s+::?\s+")
_ACRONYM: Final = re.compile(
    r"OHCHR|UNHCR|UNODC|UNICEF|UN|ILO|IOM|OSCE|HRW|BBC|AP|ecoi\.net|Refworld|ReliefWeb|NORMLEX"
)
_REPORT_WORDS: Final = re.compile(
    r"\d|report|traffick|narrative|\btier\b|practices|profile", re.IGNORECASE
)
_SKIPPED_TAGS: Final = """script style iframe noscript template svg math canvas object video audio
    select option textarea datalist map progress meter rp noembed noframes amp-analytics amp-ad
    amp-embed amp-iframe""".split()
_MAX_ERROR_PAGE: Final = 2_000  # characters
_ERROR_WORDS: Final = r"error|page|not found|forbidden|file|access|bad|service|internal|gateway"
_ERROR_PHRASES: Final = (
    r"just a moment|attention required|access denied|(?:page )?not found|forbidden"
    r"|service unavailable|are you a robot|checking your browser|sorry,? (?:we|that|the|this)\b.*"
)
_ERROR_TITLE: Final = re.compile(
    rf"(?:error )?(?:40\d|50\d)(?:\W+(?:{_ERROR_WORDS})\b.*|\W*)"
    rf"|(?:{_ERROR_PHRASES})(?:\s*[|!?.…·–-].*)?",
    re.IGNORECASE,
)
_ONWARD: Final = re.compile(r"url\s*=\s*['\"]?([^'\"\s]+)", re.IGNORECASE)  # of a redirect
_MAX_FRAMES: Final = 4  # named in a message


def read_html(
    data: bytes, source: str, encoding: str | None = None, declared: str | None = None
) -> Document:
    """Read the main text of a web page.

    It is decoded in the `encoding` that the user names, else as the server or page declares.
    Offsets count the characters of the document's text, in which empty lines separate blocks.
    Raises `InputError` when the page has no readable text, is nested too deeply, or is not in
    `encoding`.

    >>> text = b"<h2>Protection</h2><p>The ministry opened a shelter.</p>"
    >>> page = b"<title>Norvia | Site</title><nav>Home</nav>" + text
    >>> document = read_html(page, "norvia.html")
    >>> document.title, [(block.section, block.heading) for block in document.blocks]
    ('Norvia', [('protection', True), ('protection', False)])
    """
    page = decode_text_file(data, source, encoding, declared or encoding_declared_in_html(data))
    return read_html_of_site(page, source)


def read_mhtml(data: bytes, source: str) -> Document:
    """Read the first page in a web page saved as one file.

    Raises `InputError` when there is none, or no text in it.
    """
    message = _parse_mail(data, source)
    pages = (part for part in message.walk() if part.get_content_type() == "text/html")
    page = next(pages, None)
    content = None if page is None else page.get_payload(decode=True)
    if page is None or not isinstance(content, bytes):
        raise InputError(f"{source}: no page in this saved web page; save it complete, or as text")
    document = read_html_of_site(
        decode_bytes_of_file(content, page.get_content_charset(), source), source
    )
    address = (
        document.address
        or absolute_address_in_page_metadata(message["Snapshot-Content-Location"])
        or absolute_address_in_page_metadata(page["Content-Location"])
    )
    return replace(document, address=address)


def read_eml(data: bytes, source: str) -> Document:
    """Read the text of a mail: its page, or its plain text.

    Files attached to it are named in a warning. Raises `InputError` when it has neither.
    """
    message = _parse_mail(data, source)
    bodies: dict[str, Message] = {}  # the first of each type
    attached: list[str] = []
    for part in _leaf_parts_of_mail(message):
        kind = part.get_content_type()
        is_text = kind in ("text/html", "text/plain")
        if is_text and part.get_content_disposition() != "attachment":
            bodies.setdefault(kind, part)
        elif part.get("Content-ID") is None:  # others are pictures in the page
            attached.append(_plain_mail_header(part.get_filename() or kind))
    document = _mail_text(bodies, source)
    if attached:
        names = ", ".join(attached[:_MAX_NAMED])
        if len(attached) > _MAX_NAMED:
            names += ", …"
        warnings.warn(
            f"{source}: {len(attached)} attached files are not read: {names}; save them",
            stacklevel=2,
        )
    title = clean_source_text(_plain_mail_header(message["Subject"])) or document.title
    return replace(document, title=title, date=document.date or _mail_date(message["Date"]))


def _parse_mail(data: bytes, source: str) -> Message:
    """Parse a mail, or a page saved as one.

    The library takes time that grows with the square of a header's length.
    """
    if _LONG_HEADER.search(data):
        raise InputError(f"{source}: a header longer than any program writes; save its text")
    # other policies take such time for short headers, too
    return message_from_bytes(data, policy=policy.compat32)


def _leaf_parts_of_mail(message: Message) -> Iterator[Message]:
    """Yield the parts of a mail that have no parts; a mail attached to it is one."""
    parts = message.get_payload() if message.get_content_maintype() == "multipart" else None
    if not isinstance(parts, list):
        yield message
        return
    for part in parts:
        if isinstance(part, Message):
            yield from _leaf_parts_of_mail(part)


def _mail_text(bodies: Mapping[str, Message], source: str) -> Document:
    """Read the page of a mail, or its plain text if the page has none."""
    for kind in ("text/html", "text/plain"):
        part = bodies.get(kind)
        if part is None:  # a part without headers, which is plain text, counts as false
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not content.strip():
            continue
        text = decode_bytes_of_file(content, part.get_content_charset(), source)
        if kind == "text/plain":
            return text_document(_without_mail_marks(text.replace("\r\n", "\n")), source)
        with suppress(InputError):  # a page without text: the plain one may have it
            return read_html_of_site(text, source)
    raise InputError(
        f"{source}: no text in this mail; save the report that is attached to it, or linked in it"
    )


def _without_mail_marks(text: str) -> str:
    """Remove the marks of quoted lines, and signatures, from the plain text of a mail.

    >>> _without_mail_marks("> Police came.\\n>> Why?\\n-- \\nMila\\nHarbor Watch\\n\\nThe report:")
    'Police came.\\nWhy?\\n\\nThe report:'
    """
    return _QUOTATION_MARKS.sub("", _MAIL_SIGNATURE.sub("", text))


def _plain_mail_header(value: object) -> str:
    """Return a header in one line, with its encoded words decoded."""
    written = str(value or "")[:_MAX_HEADER]
    with suppress(ValueError, LookupError, HeaderParseError):
        written = str(make_header(decode_header(written)))
    return one_line(written)


def _mail_date(value: object) -> str | None:
    """Return the day of a date header in the form of ISO 8601, or None."""
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(str(value)[:_MAX_HEADER]).date().isoformat()
    return None


def read_html_of_site(page: str, source: str) -> Document:
    """Read the main text of a page of a site; raise `InputError` as `read_html` does."""
    tree = _parse_html(page, source)
    if any(_is_own_html_mark(meta) for meta in tree.iter("meta")):
        remedy = "give the report that it was made from"
        raise InputError(f"{source}: a page that tipclassify wrote, skipped; {remedy}")
    # before the scripts are removed, which may hold either
    metadata = metadata_of_web_page(tree)
    advice = _advice_on_html_without_text(tree)
    body = _body_of_html(tree)
    parts = parts_of_known_layout(body)
    lines = read_html_lines(body, parts)
    if parts:
        lines = trim_edges_of_page(
            without_site_navigation(line for line in lines if not line.doubtful)
        )
    else:
        lines = find_main_content(lines, body)
    title = _title_of_html(tree, lines) or metadata.title
    document = document_of_source_blocks(lines, source, title)
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in this page; {advice}")
    if len(document.text) < _MAX_ERROR_PAGE and _ERROR_TITLE.fullmatch(title or ""):
        remedy = "open it in a browser and save it"
        raise InputError(f"{source}: the site's error page ({title}), not a report; {remedy}")
    return replace(
        document,
        publication=metadata.publication,
        publisher=metadata.publisher or _publisher_in_tab_title(tree),
        date=metadata.date,
        address=metadata.address,
    )


def read_all_html_lines(page: str, source: str) -> list[HtmlLine]:
    """Read the blocks of a page, such as a chapter, all main text.

    Raises `InputError` if it is nested too deeply.
    """
    return without_site_navigation(read_html_lines(_body_of_html(_parse_html(page, source))))


def encoding_declared_in_html(data: bytes) -> str:
    """Return the encoding that a page declares, or an empty string."""
    declaration = _CHARSET.search(data[:_HEAD])
    if declaration is None:
        return ""
    declared: bytes = declaration["meta"] or declaration["xml"]
    label = declared.decode("ascii", "replace").lower().removeprefix("x-")
    return _WEB_ENCODINGS.get(label, label)


def _is_own_html_mark(meta: etree._Element) -> bool:
    """Return whether a meta tag says that this package wrote the page."""
    if meta.get("name") != "generator":
        return False
    return (meta.get("content") or "").startswith("tipclassify ")


def _parse_html(page: str, source: str) -> etree._Element:
    """Parse a page; the parser stops where elements are nested 2,048 deep."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, collect_ids=False
    )
    data = page.encode("utf-8", "replace")
    tree = etree.fromstring(data, parser) if data.strip() else None
    if any("depth" in error.message for error in parser.error_log.filter_from_fatals()):
        raise InputError(f"{source}: nested too deeply to be a report; save it as text")
    return etree.Element("html") if tree is None else tree


def _body_of_html(tree: etree._Element) -> etree._Element:
    """Return the body of a page, without scripts, pictures and form fields."""
    etree.strip_elements(tree, *_SKIPPED_TAGS, with_tail=False)
    body = tree.find("body")
    return tree if body is None else body


def _title_of_html(tree: etree._Element, lines: Sequence[HtmlLine]) -> str | None:
    """Return the main heading, or the title element without the site's name if that adds words."""
    headings = [line.text for line in lines if line.level == 1]
    if not headings:
        headings = [text for heading in tree.iter("h1") if (text := short_text_of_element(heading))]
    tab, site = _split_off_site_name(_tab_title_of_html(tree), _site_name_of_html(tree))
    if not headings:
        return tab or next((line.text for line in lines if line.kind == "heading"), None)
    heading = headings[0]
    if not tab:
        return heading
    words = set(_WORD.findall(heading.casefold()))
    tab_says_more = words < set(_WORD.findall(tab.casefold()))
    is_site_name = heading.casefold() == site.casefold()
    return tab if tab_says_more or is_site_name else heading


def _tab_title_of_html(tree: etree._Element) -> str:
    """Return the text of the title element, which a browser shows in the tab."""
    title = next(tree.iter("title"), None)
    return "" if title is None else short_text_of_element(title) or ""


def _site_name_of_html(tree: etree._Element) -> str:
    """Return the name of the site that the page gives, or an empty string."""
    for meta in tree.iter("meta"):
        if meta.get("property") == "og:site_name":
            return meta.get("content") or ""
    return ""


def _publisher_in_tab_title(tree: etree._Element) -> str | None:
    """Return the known publisher named beside the title of the page.

    None if there is none; an acronym counts.
    """
    parts = _SEPARATOR.split(_tab_title_of_html(tree))
    if len(parts) < 2:
        return None
    return known_publisher(parts[0]) or known_publisher(parts[-1])


def _split_off_site_name(title: str, site: str) -> tuple[str, str]:
    """Split a page title into the title proper and the name of the site.

    >>> _split_off_site_name("Karvonia - 2024 report | Halden Institute", "")
    ('Karvonia - 2024 report', 'Halden Institute')
    """
    cuts = list(_SEPARATOR.finditer(title))
    if not cuts:
        return title, ""
    first_cut = cuts[0]
    last_cut = cuts[-1]
    first = title[: first_cut.start()]
    last = title[last_cut.end() :]
    if (site and first.casefold() == site.casefold()) or _ACRONYM.fullmatch(first):
        return title[first_cut.end() :], first
    if (site and last.casefold() == site.casefold()) or not _REPORT_WORDS.search(last):
        return title[: last_cut.start()], last
    return title, ""


def _advice_on_html_without_text(tree: etree._Element) -> str:
    """Return advice for a page without text: frames, a redirect, or a script."""
    frames = [frame.get("src") or "" for frame in tree.iter("frame")]
    if frames:
        named = one_line(", ".join(filter(None, frames[:_MAX_FRAMES])))
        return f"it shows others in frames ({named}); give the one with the text"
    for meta in tree.iter("meta"):
        onward = _ONWARD.search(meta.get("content") or "")
        if onward and (meta.get("http-equiv") or "").lower() == "refresh":
            return f"it leads on to {onward[1]}; give that page"
    for script in tree.iter("script"):
        if script.get("src") or script.getparent().tag != "head":
            remedy = "open it in a browser and save it complete, or print it to PDF"
            return f"a script draws it: {remedy}"
    return "save it complete, or as text"
