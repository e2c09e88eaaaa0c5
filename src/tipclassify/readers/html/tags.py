"""What each tag of a web page does to the lines being read: one function a kind of tag, which says where to read on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tipclassify.readers.html.draft import Draft
from tipclassify.readers.html.lines import Line, is_sentence
from tipclassify.readers.html.page import HEADINGS, LOOK_BACK
from tipclassify.readers.pieces import could_be_heading
from tipclassify.text.segmentation.sections import named_section

__all__ = ["HANDLERS", "Handler", "invented"]

Handler = Callable[[Draft, int], int]
"""Takes the number of a tag, and gives that of the tag to read next."""

_PARAGRAPHS: Final = HEADINGS | {"p", "li"}
_LONGEST_HEADING: Final = 400  # characters; a longer one was never closed
_LONGEST_LINK: Final = 400  # characters of prose
_FOOTNOTE: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]")
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
_MARK: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")  # of a list laid out as a table


# ------------------------------------------------------------------------------------------------ blocks


def _block(draft: Draft, tag: int) -> int:
    """A block begins or ends."""
    if tag < draft.heading_end:
        draft.pieces.append(" ")
    else:
        if draft.pieces:
            draft.flush()
        draft.kind, draft.level = "text", 0
    return tag + 1


def _article(draft: Draft, tag: int) -> int:
    """The text, or one of several, begins."""
    draft.text_end = max(draft.text_end, draft.page.end(tag))
    return _block(draft, tag)


def invented(draft: Draft, tag: int, name: str) -> int:
    """An element of the page's own invention stands for a block, unless inside a paragraph."""
    page = draft.page
    inside = any(
        before in _PARAGRAPHS and page.end(tag - back) > tag
        for back, before in enumerate(reversed(page.names[max(0, tag - LOOK_BACK) : tag]), 1)
    )
    if not inside and ":" not in name:
        _block(draft, tag)
    return tag + 1


def _heading(draft: Draft, tag: int) -> int:
    """A heading begins."""
    if tag < draft.heading_end:
        return tag + 1
    draft.flush()
    page = draft.page
    name, end = page.names[tag], page.end(tag)
    draft.kind, draft.level = "heading", int(name[1]) if name and name[1].isdigit() else 4
    closed = end - tag <= 2 * LOOK_BACK and ("p" not in page.names[tag:end] or not page.prose_between(tag, end))
    if closed and sum(map(len, page.texts[tag + 1 : end + 1])) <= _LONGEST_HEADING:
        draft.heading_end = end
    return tag + 1


def _item(draft: Draft, tag: int) -> int:
    """An entry of a list begins."""
    _block(draft, tag)
    if tag > draft.item_end:
        draft.item_end = draft.page.end(tag)
    return tag + 1


def _line_break(draft: Draft, tag: int) -> int:
    """Two breaks end a paragraph, and one a heading."""
    if tag < draft.heading_end:
        draft.pieces.append(" ")
    else:
        draft.break_line()
    return tag + 1


def _preformatted(draft: Draft, tag: int) -> int:
    """Text whose empty lines part paragraphs begins."""
    draft.flush()
    draft.pre_end = draft.page.end(tag)
    return tag + 1


def _skip(draft: Draft, tag: int) -> int:
    """An element without text of the page."""
    return draft.page.end(tag) + 1


# ------------------------------------------------------------------------------------------------ inside a line


def _link(draft: Draft, tag: int) -> int:
    """A link begins, or a footnote mark stands here."""
    page = draft.page
    marks = page.attributes[tag] or ""
    if " href=" in marks and " aria-expanded=" not in marks:
        end = page.end(tag)
        if end - tag <= 9 and _FOOTNOTE.fullmatch(page.text_between(tag, end)):
            return end + 1
        if not page.is_unclosed(tag) and page.prose_between(tag, end) < _LONGEST_LINK:
            draft.link_end = max(draft.link_end, end)
    return tag + 1


def _strong(draft: Draft, tag: int) -> int:
    """Bold text begins."""
    if tag > draft.bold_end:
        draft.bold_end = draft.page.end(tag)
    return tag + 1


def _superscript(draft: Draft, tag: int) -> int:
    """A footnote mark, or a power or an ordinal, which stay."""
    page = draft.page
    end = page.end(tag)
    if end - tag > LOOK_BACK:
        return tag + 1
    text = page.text_between(tag, end)
    if "a" in page.names[tag:end]:
        return end + 1 if len(text) <= 30 else tag + 1
    before = "".join(draft.pieces[-2:])
    return end + 1 if _SUPERSCRIPT.fullmatch(text) and not _UNIT.search(before) else tag + 1


def _control(draft: Draft, tag: int) -> int:
    """A button or label, which may head a panel; inside a heading or sentence it is text."""
    page = draft.page
    end = page.end(tag)
    text = page.text_between(tag, end)
    inside = bool(draft.pieces) and "".join(page.texts[end + 1 : end + 2]).strip() != ""
    says_something = page.names[tag] == "label" and (is_sentence(text) or text.count(" ") >= 5)
    if tag < draft.heading_end or inside or says_something or page.prose_between(tag, end):
        return tag + 1
    draft.flush()
    if named_section(text) or ("accordion" in (page.attributes[tag] or "") and could_be_heading(text)):
        draft.add_heading(text, 4)
    return end + 1


# ------------------------------------------------------------------------------------------------ tables


def _row(draft: Draft, tag: int) -> int:
    """A row of a table begins."""
    draft.flush()
    draft.rows.append((len(draft.lines), []))
    return tag + 1


def _cell(draft: Draft, tag: int) -> int:
    """A cell begins."""
    draft.flush()
    if draft.rows:
        draft.rows[-1][1].append(len(draft.lines))
    return tag + 1


def _row_end(draft: Draft, tag: int) -> int:
    """A row ends: one line, unless its cells hold paragraphs of their own or a menu stands beside text."""
    draft.flush()
    first, starts = draft.rows.pop() if draft.rows else (0, [])
    if not starts:
        return tag + 1
    cells = [draft.lines[a:b] for a, b in zip(starts, [*starts[1:], len(draft.lines)], strict=True) if a < b]
    lines = [line for cell in cells for line in cell]
    layout = any(line.linked > 0.95 for line in lines) and any(len(line.text) > 150 for line in lines)
    if len(cells) > 1 and len(lines) == len(cells) and not layout and all(line.kind != "heading" for line in lines):
        size = sum(len(line.text) for line in lines)
        linked = sum(line.linked * len(line.text) for line in lines) / size
        mark, rest = (f"{lines[0].text} ", lines[1:]) if _MARK.fullmatch(lines[0].text) else ("", lines)
        text = mark + " | ".join(line.text for line in rest)
        draft.lines[first:] = [Line(text, "row", linked, notes=any(line.notes for line in lines))]
    return tag + 1


# ------------------------------------------------------------------------------------------------ by name

_BLOCKS: Final = """address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption
    figure footer form header hgroup hr legend main menu nav ol p search section table tbody tfoot thead ul""".split()

HANDLERS: Final[dict[str, Handler]] = {
    **dict.fromkeys(_BLOCKS, _block),
    **dict.fromkeys((f"/{name}" for name in [*_BLOCKS, *"h1 h2 h3 h4 h5 h6 summary li td th pre".split()]), _block),
    **dict.fromkeys("h1 h2 h3 h4 h5 h6 summary".split(), _heading),
    **dict.fromkeys("td th".split(), _cell),
    **dict.fromkeys("b strong".split(), _strong),
    **dict.fromkeys("button label".split(), _control),
    **dict.fromkeys(
        """head title noscript template svg math canvas object video audio select option textarea datalist map area
        progress meter rp amp-analytics amp-ad amp-embed amp-iframe""".split(),
        _skip,
    ),
    "a": _link,
    "article": _article,
    "main": _article,
    "br": _line_break,
    "li": _item,
    "pre": _preformatted,
    "sup": _superscript,
    "tr": _row,
    "/tr": _row_end,
}
"""The tags that do something, end tags with their slash; all others are read over."""
