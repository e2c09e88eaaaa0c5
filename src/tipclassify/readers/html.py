"""A saved web page in, `Document` out: headings, paragraphs, lists and tables, without the site around them.

What is furniture is decided by what an element is (``nav``, ``footer``, ``form``, …) and by the words of its class
and id, the same for every site; nothing is looked up by the address of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tipclassify.document import Block, Document
from tipclassify.errors import InputError
from tipclassify.readers.text import decode
from tipclassify.sections import section_of_heading

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["read_html"]

_SKIPPED: Final = frozenset(
    """script style noscript template nav footer aside form button select option input textarea label svg canvas
    iframe object video audio dialog head menu -comment _comment !doctype""".split()
)
_BLOCKS: Final = frozenset(
    """address article blockquote body caption center dd details div dl dt fieldset figcaption figure h1 h2 h3 h4 h5 h6
    header hgroup hr html li main ol p pre section summary table tbody tfoot thead tr ul""".split()
)
_HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())
# Words of a class or id that name the site around a text. "header" is judged by its place: see _is_furniture.
_FURNITURE: Final = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|mininav|subnav|menu|breadcrumbs?|toc|table-of-contents|contents-list|share|sharing|"
    r"social|sidebar|side|tags?|cookies?|consent|popup|modal|overlay|footer|related|recommended|skip-link|skip|pagination|"
    r"pager|banner|advert|ads?|promo|newsletter|subscribe|comments?|back-to-top|report-builder|screen-reader-text|"
    r"sr-only|visually-hidden|print-only|byline-share|utility|toolbar|search)(?:[\s_-]|$)",
    re.IGNORECASE,
)
_CHARSET: Final = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_HEADING_WORDS: Final = 14


def read_html(data: bytes, source: str) -> Document:
    """Blocks of the main text of a page.

    Offsets count the characters of the document's text, in which blocks are parted by an empty line.

    Raises
    ------
    InputError
        When the page has no readable text.
    """
    from selectolax.lexbor import LexborHTMLParser

    found = _CHARSET.search(data[:4_000])
    tree = LexborHTMLParser(decode(data, found[1].decode("ascii") if found else None))
    root = _main_part(tree)
    title_node = tree.css_first("h1") or tree.css_first("title")
    title = _plain(title_node.text()) if title_node else None
    parts: list[str] = []
    blocks: list[Block] = []
    at, section = 0, None
    for tag, text, linked in _texts(root) if root is not None else ():
        heading = tag in _HEADINGS or (tag == "bold" and _is_title(text))
        if heading:
            section = section_of_heading(text)
        elif linked and not re.search(r"[.;:!?]", text):
            continue  # a bare link: an entry of some list of pages
        blocks.append(Block(at, at + len(text), section, heading))
        parts.append(text)
        at += len(text) + 2
    if not any(not block.heading for block in blocks):
        raise InputError(f"{source}: no readable text in this page; save it complete, or as text")
    return Document("\n\n".join(parts), tuple(blocks), source, title)


def _main_part(tree: object) -> LexborNode | None:
    """The element that holds the text: the marked one if it has most of the paragraphs, else the whole body."""
    body: LexborNode | None = tree.body  # type: ignore[attr-defined]
    if body is None:
        return None
    everything = len(body.css("p"))
    for selector in ("main", "[role=main]", "article"):
        for node in body.css(selector):
            if len(node.css("p")) * 2 > everything:
                return node
    return body


def _texts(root: LexborNode) -> Iterator[tuple[str, str, bool]]:
    """(tag, text, whether all of it is a link) of each block in reading order; tag "bold" if all of it is bold."""
    buffer: list[str] = []
    counts = {"all": 0, "a": 0, "b": 0}

    def flush(tag: str) -> Iterator[tuple[str, str, bool]]:
        text = _plain("".join(buffer))
        buffer.clear()
        total, linked, bold = counts["all"], counts["a"], counts["b"]
        counts.update(all=0, a=0, b=0)
        if text:
            if tag not in _HEADINGS and bold == total:
                tag = "bold"
            yield tag, text, linked == total

    def walk(node: LexborNode, block: str, linked: bool, bold: bool, inside: bool) -> Iterator[tuple[str, str, bool]]:
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag == "-text":
                text = child.text_content or ""
                size = len(_SPACE.sub("", text))
                counts["all"] += size
                counts["a"] += size * linked
                counts["b"] += size * bold
                buffer.append(text)
            elif tag == "br":
                buffer.append("\n")
            elif tag in _SKIPPED or _is_furniture(child, tag, inside):
                continue
            elif tag in ("td", "th"):
                buffer.append(" | " if "".join(buffer).strip() else "")
                yield from walk(child, block, False, False, inside)
            elif tag in _BLOCKS:
                yield from flush(block)
                yield from walk(child, tag, False, False, inside)
                yield from flush(tag)
            else:
                yield from walk(child, block, linked or tag == "a", bold or tag in ("b", "strong"), inside)

    yield from walk(root, root.tag or "body", False, False, root.tag in ("main", "article"))
    yield from flush("body")


def _is_furniture(node: LexborNode, tag: str, inside: bool) -> bool:
    if tag in ("main", "article", "p", "body", *_HEADINGS):
        return False
    marks = node.attributes
    if tag == "header" and not inside:
        return True
    if (
        "hidden" in marks
        or marks.get("aria-hidden") == "true"
        or marks.get("role") in ("navigation", "banner", "search")
    ):
        return True
    names = f"{marks.get('class') or ''} {marks.get('id') or ''}"
    return len(names) > 1 and _FURNITURE.search(names) is not None and node.css_first("main, article") is None


def _is_title(text: str) -> bool:
    return len(text.split()) <= _HEADING_WORDS and not text.endswith((".", ";", ",", "!", "?"))


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
