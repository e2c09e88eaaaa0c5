"""Read a web page into a `Document`: headings, paragraphs, lists and tables of the main text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lxml import etree

from tipclassify.errors import InputError
from tipclassify.formatting import one_line
from tipclassify.readers.about.metadata import page_metadata
from tipclassify.readers.about.publishers import known_publisher
from tipclassify.readers.blocks import could_be_heading, join_blocks
from tipclassify.readers.encodings import decode_file
from tipclassify.readers.formats import OUR_PAGE
from tipclassify.readers.html.content import (
    find_main_content,
    trim_edges_of_page,
    without_site_navigation,
)
from tipclassify.readers.html.elements import is_sentence, short_text
from tipclassify.readers.html.lines import Line, read_lines
from tipclassify.records import Document
from tipclassify.text.sections import section_named_by

_HEAD: Final = 4_096  # bytes in which a page declares its encoding
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*(?P<meta>[\w.:-]+)
    | ^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["'](?P<xml>[\w.:-]+)""",
    re.IGNORECASE | re.VERBOSE,
)
# Labels that Python does not know (https://encoding.spec.whatwg.org); one that can be read as ASCII
# is not UTF-16.
_WEB_ENCODINGS: Final = {
    "windows-874": "cp874",
    "windows-949": "cp949",
    "windows-31j": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    **dict.fromkeys(("utf-16", "utf-16le", "utf-16be"), "utf-8"),
}
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
_MAX_HEADING_WORDS: Final = 30
_MAX_SENTENCE_WORDS: Final = 14  # of a heading that ends as a sentence does
_MIN_CAPITALS: Final = 3  # characters of a heading in capitals; it has more
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings
_MIN_SHARE: Final = 0.3  # of the page's text: a redesigned site must not lose its reports
_MAX_PARTS: Final = 100
_LAYOUT_TAGS: Final = "h1 div section article main td".split()

# For each layout, the elements that hold its title and text, as CSS selectors of a class or id.
_LAYOUTS: Final = {
    site: frozenset(selectors.split())
    for site, selectors in {
        "state.gov, reports since 2019": ".featured-content__headline .report__content",
        "state.gov, press releases since 2019": ".featured-content__headline .entry-content",
        "state.gov, 2009 to 2017": "#tier3-landing-content-wide #tier3-landing #centerblock",
        "state.gov, 2001 to 2009": "#centerblock-wide #contentarea",
        "dol.gov": ".field--name-field-dol-body #block-dol-content",
        "ohchr.org": ".page-header .field--name-body",
        "ilo.org": ".ilo--article-content .ilo--rich-text",
        "ilo.org, NORMLEX": ".contentBlock",
        "unodc.org": ".story-text #story-content",
        "business-humanrights.org": ".article__title .article__content",
    }.items()
}


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
    page = decode_file(data, source, encoding, declared or declared_encoding(data))
    return read_page(page, source)


def read_page(page: str, source: str) -> Document:
    """Read the main text of a page of a site; raise `InputError` as `read_html` does."""
    if OUR_PAGE.match(page):
        remedy = "give the report that it was made from"
        raise InputError(f"{source}: a page that tipclassify wrote, skipped; {remedy}")
    tree = _parse(page, source)
    # before the scripts are removed, which may hold either
    metadata = page_metadata(tree)
    advice = _advice_without_text(tree)
    body = _body(tree)
    parts = known_parts(body)
    lines = read_lines(body, parts)
    mark_headings(lines)
    if parts:
        certain = (line for line in lines if not line.doubtful)
        lines = trim_edges_of_page(without_site_navigation(certain))
    else:
        lines = find_main_content(lines, body)
    title_element = next(tree.iter("title"), None)
    tab_title = "" if title_element is None else short_text(title_element) or ""
    title = _title(tree, lines, tab_title)
    document = join_blocks(lines, source, title)
    if all(block.heading for block in document.blocks):
        raise InputError(f"{source}: no readable text in this page; {advice}")
    if len(document.text) < _MAX_ERROR_PAGE and _ERROR_TITLE.fullmatch(title or ""):
        remedy = "open it in a browser and save it"
        raise InputError(f"{source}: the site's error page ({title}), not a report; {remedy}")
    publisher = metadata.publisher
    beside_title = _SEPARATOR.split(tab_title)
    if publisher is None and len(beside_title) > 1:
        publisher = known_publisher(beside_title[0]) or known_publisher(beside_title[-1])
    return replace(
        document,
        publication=metadata.publication,
        publisher=publisher,
        date=metadata.date,
        address=metadata.address,
    )


def read_all_lines(page: str, source: str) -> list[Line]:
    """Read the blocks of a page, such as a chapter, all main text.

    Raises `InputError` if it is nested too deeply.
    """
    lines = read_lines(_body(_parse(page, source)))
    mark_headings(lines)
    return without_site_navigation(lines)


def declared_encoding(data: bytes) -> str:
    """Return the encoding that a page declares, or an empty string."""
    declaration = _CHARSET.search(data[:_HEAD])
    if declaration is None:
        return ""
    declared: bytes = declaration["meta"] or declaration["xml"]
    label = declared.decode("ascii", "replace").lower().removeprefix("x-")
    return _WEB_ENCODINGS.get(label, label)


def _parse(page: str, source: str) -> etree._Element:
    """Parse a page; the parser stops where elements are nested 2,048 deep."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, collect_ids=False
    )
    data = page.encode("utf-8", "replace")
    tree = etree.fromstring(data, parser) if data.strip() else None
    if any("depth" in error.message for error in parser.error_log.filter_from_fatals()):
        raise InputError(f"{source}: nested too deeply to be a report; save it as text")
    return etree.Element("html") if tree is None else tree


def _body(tree: etree._Element) -> etree._Element:
    """Return the body of a page, without scripts, pictures and form fields."""
    etree.strip_elements(tree, *_SKIPPED_TAGS, with_tail=False)
    body = tree.find("body")
    return tree if body is None else body


def _advice_without_text(tree: etree._Element) -> str:
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


# ------------------------------------------------------------------------ title and headings


def _title(tree: etree._Element, lines: Sequence[Line], tab_title: str) -> str | None:
    """Return the main heading, or the title element without the site's name if that adds words."""
    headings = [line.text for line in lines if line.level == 1]
    if not headings:
        headings = [text for heading in tree.iter("h1") if (text := short_text(heading))]
    sites = (meta for meta in tree.iter("meta") if meta.get("property") == "og:site_name")
    named = next(sites, None)
    tab, site = _split_off_site(tab_title, "" if named is None else named.get("content") or "")
    if not headings:
        return tab or next((line.text for line in lines if line.kind == "heading"), None)
    heading = headings[0]
    if not tab:
        return heading
    words = set(_WORD.findall(heading.casefold()))
    tab_says_more = words < set(_WORD.findall(tab.casefold()))
    is_site_name = heading.casefold() == site.casefold()
    return tab if tab_says_more or is_site_name else heading


def _split_off_site(title: str, site: str) -> tuple[str, str]:
    """Split a page title into the title proper and the name of the site.

    >>> _split_off_site("Karvonia - 2024 report | Halden Institute", "")
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


def mark_headings(lines: Sequence[Line]) -> None:
    """Set the kind and level of each line of a page by whether it is a heading."""
    size = sum([len(line.text) for line in lines])
    bold_size = sum([len(line.text) for line in lines if line.bold and line.kind != "heading"])
    bold_is_heading = bold_size < _MAX_BOLD_SHARE * size
    for line in lines:
        if _is_heading(line, bold_is_heading):
            line.kind = "heading"
        else:
            line.level = None
            if line.kind in ("heading", "title"):
                line.kind = "text"


def _is_heading(line: Line, bold_is_heading: bool) -> bool:
    """Return whether a line is a heading, by its markup, its words and its bold type."""
    text = line.text
    if line.kind == "row":
        return False
    if line.kind == "heading":
        words = text.count(" ") + 1
        if words > _MAX_HEADING_WORDS:
            return False
        return could_be_heading(text) or words <= _MAX_SENTENCE_WORDS or not is_sentence(text)
    if section_named_by(text) is not None:
        return True
    if line.kind == "item":
        return False
    emphasized = (
        line.kind == "title"
        or (line.bold and bold_is_heading)
        or (text.isupper() and len(text) > _MIN_CAPITALS)
    )
    return emphasized and could_be_heading(text)


# ----------------------------------------------------------------------------- known layouts


def known_parts(page: etree._Element) -> list[etree._Element]:
    """Return the elements that hold title and text in a known layout, in order, or none.

    >>> title = "<h1 class='page-header'>Norvia</h1>"
    >>> page = etree.HTML(f"<p>Menu</p>{title}<div class='field--name-body'>It met.</div>")
    >>> [part.text for part in known_parts(page)]
    ['Norvia', 'It met.']
    """
    parts_of_layout: dict[str, list[etree._Element]] = {site: [] for site in _LAYOUTS}
    for element in page.iter(*_LAYOUT_TAGS):
        names = {f".{name}" for name in (element.get("class") or "").split()}
        names.add(f"#{element.get('id')}")
        for site, selectors in _LAYOUTS.items():
            if not names.isdisjoint(selectors):
                parts_of_layout[site].append(element)
    for parts in parts_of_layout.values():
        if len(parts) > _MAX_PARTS:
            continue
        # an element inside another of them would be read twice
        outermost = [
            part for part in parts if not any(outer in parts for outer in part.iterancestors())
        ]
        if outermost and sum(map(_text_length, outermost)) >= _MIN_SHARE * _text_length(page):
            return outermost
    return []


def _text_length(element: etree._Element) -> int:
    """Return the number of characters of an element's text, white space collapsed."""
    return int(element.xpath("string-length(normalize-space())"))
