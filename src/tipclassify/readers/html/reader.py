"""Read a saved web page into a `Document`: headings, paragraphs, lists and tables of its main text.

Three steps: the parser repairs the markup, `tipclassify.readers.html.lines` reads lines, and
`tipclassify.readers.html.boilerplate` removes those of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError
from tipclassify.readers.html.boilerplate import without_boilerplate
from tipclassify.readers.html.lines import Line, is_sentence, page_lines
from tipclassify.readers.source_blocks import SourceBlock, build_document, could_be_heading
from tipclassify.readers.text import decode, decode_as
from tipclassify.text.document import Document
from tipclassify.text.segmentation.sections import named_section

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

__all__ = ["read_html"]

_HEAD: Final = 4_096  # bytes in which a page declares its encoding
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
# Encoding labels that Python does not know or reads as a subset (https://encoding.spec.whatwg.org).
_WEB_ENCODINGS: Final = {
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
_WORD: Final = re.compile(r"\w+")
_SEPARATOR: Final = re.compile(r"\s+[-–—|•·»~]+\s+|\s*\|\s*|\s+::?\s+")
_ACRONYM: Final = re.compile(
    r"OHCHR|UNHCR|UNODC|UNICEF|UN|ILO|IOM|OSCE|HRW|BBC|AP|ecoi\.net|Refworld|ReliefWeb|NORMLEX"
)
_REPORT_WORDS: Final = re.compile(r"\d|report|traffick|narrative|\btier\b|practices|profile", re.IGNORECASE)
# XHTML elements that HTML parsers would read as unclosed.
_SELF_CLOSED: Final = re.compile(r"<((script|style|title|textarea|iframe|xmp)\b[^<>]*)/>", re.IGNORECASE)
_SKIPPED_TAGS: Final = """script style iframe noscript template svg math canvas object video audio
    select option textarea datalist map progress meter rp noembed noframes amp-analytics amp-ad amp-embed
    amp-iframe""".split()
_MAX_ERROR_PAGE: Final = 2_000  # characters
_ERROR_TITLE: Final = re.compile(
    r"(?:error )?(?:40\d|50\d)"
    r"(?:\W+(?:error|page|not found|forbidden|file|access|bad|service|internal|gateway)\b.*|\W*)"
    r"|(?:just a moment|attention required|access denied|(?:page )?not found|forbidden|service unavailable"
    r"|are you a robot|checking your browser|sorry,? (?:we|that|the|this)\b.*)(?:\s*[|!?.…·–-].*)?",
    re.IGNORECASE,
)
_MAX_HEADING_WORDS: Final = 30
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings


def read_html(data: bytes, source: str, encoding: str | None = None, whole: bool = False) -> Document:
    """Read the main text of a web page.

    Offsets count the characters of the document's text, in which empty lines separate blocks.

    Parameters
    ----------
    encoding : str or None
        Encoding given by the user; it overrides the declaration of the page.
    whole : bool
        Keep lines that look like those of a website: the page was made of a document.

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

    page = decode_as(data, encoding, source) if encoding else decode(data, _declared_encoding(data), source)
    if page.lstrip()[:5] == "<?xml":
        page = _SELF_CLOSED.sub(r"<\1></\2>", page)
    tree = LexborHTMLParser(page)
    tree.strip_tags(_SKIPPED_TAGS)
    every = page_lines(_main_part(tree))
    lines = every if whole else without_boilerplate(every)
    document = build_document(_source_blocks(lines), source, _title(tree, lines))
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in this page; {_advice_without_text(LexborHTMLParser(page))}")
    title = document.title or ""
    if len(document.text) < _MAX_ERROR_PAGE and _ERROR_TITLE.fullmatch(title):
        raise InputError(
            f"{source}: the site's error page ({title}), not a report; open the address in a browser and save it"
        )
    return document


def _declared_encoding(data: bytes) -> str | None:
    """Return the encoding that a page declares, or None."""
    found = _CHARSET.search(data[:_HEAD])
    if not found:
        return None
    label = (found[1] or found[2]).decode("ascii", "replace").lower()
    if label.startswith("utf-16"):
        return "utf-8"  # a label readable as ASCII bytes is not UTF-16
    return _WEB_ENCODINGS.get(label, label)


def _main_part(tree: LexborHTMLParser) -> str:
    """Return the markup of the main element if it has most of the text, or else of the body."""
    main, body = tree.css_first("main"), tree.body
    if main is not None and body is not None and len(main.text()) > 0.5 * len(body.text()):
        return main.html or ""
    return (body and body.html) or ""


def _source_blocks(lines: Sequence[Line]) -> Iterator[SourceBlock]:
    size = sum(len(line.text) for line in lines)
    bold = sum(len(line.text) for line in lines if line.bold and line.kind != "heading")
    for line in lines:
        heading = _is_heading(line, bold < _MAX_BOLD_SHARE * size)
        yield SourceBlock(line.text, heading, level=line.level or None, entry=line.kind != "text")


def _is_heading(line: Line, bold_is_heading: bool) -> bool:
    text = line.text
    if line.kind == "heading":
        words = text.count(" ") + 1
        return words <= _MAX_HEADING_WORDS and (could_be_heading(text) or words <= 14 or not is_sentence(text))
    if line.kind == "row":
        return False
    if named_section(text):
        return True
    if line.kind == "item" or not could_be_heading(text):
        return False
    return line.kind == "title" or (line.bold and bold_is_heading) or (text.isupper() and len(text) > 3)


def _title(tree: LexborHTMLParser, lines: Sequence[Line]) -> str | None:
    """Return the main heading, or the title element without the site's name if that adds words."""
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
    """Split a page title into the title proper and the name of the site.

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
    if (site and last.casefold() == site.casefold()) or not _REPORT_WORDS.search(last):
        return title[: cuts[-1].start()], last
    return title, ""


def _advice_without_text(tree: LexborHTMLParser) -> str:
    """Return advice for a page without text: frames, a redirect, or a script."""
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
