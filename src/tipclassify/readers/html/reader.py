"""A saved web page in, `Document` out: headings, paragraphs, lists and tables, without the site around them.

Three steps: the parser mends the page, `tipclassify.readers.html.walk` reads its lines, `tipclassify.readers.html.furniture`
tells the site's from the author's.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError
from tipclassify.readers.html.furniture import without_furniture
from tipclassify.readers.html.lines import Line, is_sentence
from tipclassify.readers.html.walk import page_lines
from tipclassify.readers.pieces import could_be_heading
from tipclassify.readers.text import decode, decode_as
from tipclassify.text.document import Block, Document
from tipclassify.text.segmentation.sections import Outline, named_section, run_in_section

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["page_address", "read_html"]

_BIT: Final = 16_384  # bytes
_HEAD: Final = 4_096  # bytes in which a page declares its encoding
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
# What browsers take a label for, where Python takes it for less or does not know it (https://encoding.spec.whatwg.org).
_LABELS: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
}
_LONGEST_HEAD: Final = 1_000_000
_HEAD_END: Final = re.compile(rb"</head|<body", re.IGNORECASE)
_HEAD_TAG: Final = re.compile(r"<(?:link|meta)\b[^>]*", re.IGNORECASE)
_HEAD_MARK: Final = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_SAVED_FROM: Final = re.compile(r"saved (?:from|with singlefile)\b[^<>]{0,40}?(https?://[^\s<>]+)", re.IGNORECASE)
_ARCHIVED: Final = re.compile(r"^https?://web\.archive\.org/web/\d+[a-z_]*/(?=https?:)")
_WORD: Final = re.compile(r"\w+")
_SEPARATOR: Final = re.compile(r"\s+[-–—|•·»~]+\s+|\s*\|\s*|\s+::?\s+")
_ACRONYM: Final = re.compile(
    r"OHCHR|UNHCR|UNODC|UNICEF|UN|ILO|IOM|OSCE|HRW|BBC|AP|ecoi\.net|Refworld|ReliefWeb|NORMLEX"
)
_OF_A_REPORT: Final = re.compile(r"\d|report|traffick|narrative|\btier\b|practices|profile", re.IGNORECASE)
# In HTML these hold all that follows unless closed.
_SELF_CLOSED: Final = re.compile(r"<((script|style|title|textarea|iframe|xmp)\b[^<>]*)/>", re.IGNORECASE)
_LITTLE: Final = 0.15  # of the text
_MOST: Final = 0.2  # of the source, in a main element
_LONGEST_ERROR: Final = 2_000  # characters
_ERROR_TITLE: Final = re.compile(
    r"(?:error )?(?:40\d|50\d)(?:\W+(?:error|page|not found|forbidden|file|access|bad|service|internal|gateway)\b.*|\W*)"
    r"|(?:just a moment|attention required|access denied|(?:page )?not found|forbidden|service unavailable"
    r"|are you a robot|checking your browser|sorry,? (?:we|that|the|this)\b.*)(?:\s*[|!?.…·–-].*)?",
    re.IGNORECASE,
)
_LONGEST_HEADING_WORDS: Final = 30
_BOLD_PAGE: Final = 0.4  # share of text in bold from which on bold says nothing


def read_html(data: bytes, source: str, encoding: str | None = None) -> Document:
    """Blocks of the main text of a page.

    Offsets count the characters of the document's text, in which blocks are parted by an empty line.

    Parameters
    ----------
    encoding : str or None
        What the user says; it wins over what the page declares.

    Raises
    ------
    InputError
        When the page has no readable text, or is not in `encoding`.

    >>> page = b"<title>Norvia | Site</title><nav>Home</nav><h2>Protection</h2><p>The ministry opened a shelter.</p>"
    >>> document = read_html(page, "norvia.html")
    >>> document.title, [(block.section, block.heading) for block in document.blocks]
    ('Norvia', [('protection', True), ('protection', False)])
    """
    from selectolax.lexbor import LexborHTMLParser

    markup: str | bytes = data  # the parser takes UTF-8 as it is
    size = None if encoding else _size_of_utf8(data)
    if size is None or data.lstrip()[:5] == b"<?xml":
        page = decode_as(data, encoding, source) if encoding else decode(data, _declared(data), source)
        if page.lstrip()[:5] == "<?xml":
            page = _SELF_CLOSED.sub(r"<\1></\2>", page)
        markup, size = page, len(page)
    tree = LexborHTMLParser(markup)
    lines = without_furniture(page_lines(_main_part(tree, size)))
    parts: list[str] = []
    blocks: list[Block] = []
    at = 0
    for text, section, heading in _sections(lines):
        blocks.append(Block(at, at + len(text), section, heading))
        parts.append(text)
        at += len(text) + 2
    if all(block.heading for block in blocks):
        raise InputError(f"{source}: no readable text in this page; {_way_out(tree)}")
    title = _title(tree, lines)
    if at < _LONGEST_ERROR and title and _ERROR_TITLE.fullmatch(title):
        raise InputError(
            f"{source}: the site's error page ({title}), not a report; open the address in a browser and save it"
        )
    return Document("\n\n".join(parts), tuple(blocks), source, title)


def page_address(data: bytes) -> str | None:
    """The address that a page gives itself (canonical link, ``og:url``) or that the saving browser noted.

    A copy from the Wayback Machine gives the address of the original.

    >>> page_address(b'<link rel="canonical" href="https://example.org/reports/2024/norvia/">')
    'https://example.org/reports/2024/norvia/'
    """
    if b"\x00" in data[:200]:
        data = data.replace(b"\x00", b"")  # UTF-16, of which addresses are the ASCII part
    end = _HEAD_END.search(data)
    head = data[: end.start() if end else _LONGEST_HEAD].decode("ascii", "replace")
    found: dict[str, str] = {}
    for tag in _HEAD_TAG.findall(head):
        marks = {name.lower(): a or b or c for name, a, b, c in _HEAD_MARK.findall(tag)}
        kind = (marks.get("rel") or marks.get("property") or marks.get("name") or "").lower()
        found.setdefault(kind, marks.get("href") or marks.get("content") or "")
    saved = _SAVED_FROM.search(head)
    for address in (found.get("canonical"), found.get("og:url"), saved and saved[1]):
        address = _ARCHIVED.sub("", html.unescape(address or "").strip())
        if re.match(r"https?://\S+$", address):
            return address
    return None


def _size_of_utf8(data: bytes) -> int | None:
    """Characters of UTF-8 without a byte-order mark, as most pages are; None of all others.

    Decoded bit by bit: that the page is UTF-8 is to be known, the text of all of it is not wanted.

    >>> _size_of_utf8("Kärvönia".encode()), _size_of_utf8(b"K\\xe4rvonia")
    (8, None)
    """
    if b"\0" in data or data.startswith(codecs.BOM_UTF8):
        return None
    size = at = 0
    try:
        while at < len(data):
            text, used = codecs.utf_8_decode(data[at : at + _BIT], "strict", at + _BIT >= len(data))
            size, at = size + len(text), at + used
    except UnicodeDecodeError:
        return None
    return size


def _declared(data: bytes) -> str | None:
    """The encoding that a page says it has."""
    found = _CHARSET.search(data[:_HEAD])
    if not found:
        return None
    label = (found[1] or found[2]).decode("ascii", "replace").lower()
    if label.startswith("utf-16"):
        return "utf-8"  # a page whose label can be read byte by byte is not UTF-16
    return _LABELS.get(label, label)


def _main_part(tree: LexborHTMLParser, size: int) -> str:
    """The markup to read: the main element if it has most of the page, or else the whole body."""
    body = tree.body
    if body is None:
        return ""
    marked = body.css_first("main")
    if marked is not None:
        _drop_menus(marked)
        part = marked.html or ""
        # Most of the source is scripts and menus outside: what holds this much of it holds the text.
        if len(part) > _MOST * size and len(part.split("</p>", 3)) > 3:  # which stops at the third
            return part
    _drop_menus(body)
    return body.html or ""


def _drop_menus(node: LexborNode) -> None:
    """Drop menus and forms with little text, which are half of the markup of many pages, before anything reads it."""
    menus = node.css("nav, form")
    little = _LITTLE * len(node.text()) if menus else 0.0
    for menu in reversed(menus):
        if len(menu.text()) < little and menu.css_first("h1, main, article") is None:
            menu.decompose()


def _sections(lines: Sequence[Line]) -> Iterator[tuple[str, str | None, bool]]:
    """(text, section, whether it is a heading) of each line."""
    size = sum(len(line.text) for line in lines)
    bold = sum(len(line.text) for line in lines if line.bold and line.kind != "heading")
    bold_heads = bold < _BOLD_PAGE * size
    section: str | None = None
    outline = Outline()
    for line in lines:
        heading = _is_heading(line, bold_heads)
        if heading:
            section = outline.section(line.text, line.level or None)
        elif line.kind == "text":
            section = run_in_section(line.text) or section
        yield line.text, section, heading


def _is_heading(line: Line, bold_heads: bool) -> bool:
    text = line.text
    if line.kind == "heading":
        words = text.count(" ") + 1
        return words <= _LONGEST_HEADING_WORDS and (could_be_heading(text) or words <= 14 or not is_sentence(text))
    if line.kind == "row":
        return False
    if named_section(text):
        return True
    if line.kind == "item" or not could_be_heading(text):
        return False
    return line.kind == "title" or (line.bold and bold_heads) or (text.isupper() and len(text) > 3)


def _title(tree: LexborHTMLParser, lines: Sequence[Line]) -> str | None:
    """The main heading, or the title of the tab without the site's name if that says more."""
    heads = [line.text for line in lines if line.level == 1]
    if not heads:
        heads = [" ".join(node.text().split()) for node in tree.css("h1")]
    head = next((text for text in heads if text), None)
    node, site = tree.css_first("head > title"), tree.css_first('meta[property="og:site_name"]')
    tab = " ".join(node.text().split()) if node else ""
    tab, name = _without_site(tab, (site.attributes.get("content") or "") if site else "")
    if head is None or not tab:
        return head or tab or next((line.text for line in lines if line.kind == "heading"), None)
    says_more = set(_WORD.findall(head.casefold())) < set(_WORD.findall(tab.casefold()))
    return tab if says_more or head.casefold() == name.casefold() else head


def _without_site(title: str, site: str) -> tuple[str, str]:
    """The title of a tab without the name of the site, and that name.

    >>> _without_site("Karvonia - 2024 report | Halden Institute", "")
    ('Karvonia - 2024 report', 'Halden Institute')
    """
    cuts = list(_SEPARATOR.finditer(title))
    if not cuts:
        return title, ""
    first, last = title[: cuts[0].start()], title[cuts[-1].end() :]
    if site and first.casefold() == site.casefold():
        return title[cuts[0].end() :], first
    if _ACRONYM.fullmatch(first):
        return title[cuts[0].end() :], first
    if (site and last.casefold() == site.casefold()) or not _OF_A_REPORT.search(last):
        return title[: cuts[-1].start()], last
    return title, ""


def _way_out(tree: LexborHTMLParser) -> str:
    """What to do with a page without text."""
    frames = [node.attributes.get("src") or "" for node in tree.css("frame")]
    if frames:
        return f"it shows others in frames ({', '.join(filter(None, frames[:4]))}); give the one with the text"
    for node in tree.css("meta[http-equiv]"):
        onward = re.search(r"url\s*=\s*['\"]?([^'\"\s]+)", node.attributes.get("content") or "", re.IGNORECASE)
        if (node.attributes.get("http-equiv") or "").lower() == "refresh" and onward:
            return f"it leads on to {onward[1]}; give that page"
    if tree.css_first("body script, head script[src]"):
        return "a script draws it: open it in a browser and save it complete, or print it to PDF"
    return "save it complete, or as text"
