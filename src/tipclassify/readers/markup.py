"""The tree of a web page, serialised, in; its `Line`s of text out, in reading order.

The parser has mended the page, so that every tag is closed and every attribute quoted. Cut at its tags, the page is
four parallel lists (texts, names, attributes, depths), and all that is asked of an element is arithmetic on them:
where it ends, how much prose it holds. So nothing recurses, however deep the page, and furniture is skipped unread.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from tipclassify.readers.furniture import HIDDEN, PLAIN, SURE, Line, Nature, is_sentence, is_stock, is_title, nature_of
from tipclassify.sections import named_section

__all__ = ["page_lines"]

_RAW: Final = "|".join(
    f"{name}[ >].*?</{name}>" for name in "script style iframe xmp noembed noframes plaintext".split()
)
# Comments and raw text are one token without a name.
_TAG: Final = re.compile(
    rf"<(?:!--.*?-->|{_RAW}"
    r'|(/?[a-zA-Z][^\s/>]*)((?: =?[^=\s>]*(?:="[^"]*")?)*)>)',
    re.DOTALL,
)
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_JUDGED: Final = frozenset("nav menu footer aside form dialog header".split())
_HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())
_MENU: Final = frozenset("nav form ul a h1".split())
_PARAGRAPHS: Final = _HEADINGS | {"p", "li"}
_LOOK_BACK: Final = 40  # tags
_PROSE: Final = 60  # characters between two tags from which on they are prose rather than the entry of a menu
_MOST_OVERRULED: Final = 300  # elements; a page of nested wrappers must not take quadratic time
_DEEP: Final = 400  # elements inside one another
_MOST_KINDS: Final = 50  # of elements whose share is added up
_LONGEST_HEADING: Final = 400  # characters; a longer one was never closed
_LONGEST_LINK: Final = 400  # characters of prose
_LONGEST_LINE: Final = 120  # characters of a heading between line breaks
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_FOOTNOTE: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]")
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_MARK: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")  # of a list laid out as a table
_EMPTY_BRACKETS: Final = re.compile(r" ?(?:\[ ?\]|\( ?\))")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_SITE_NAME: Final = re.compile(r"\b(?:site|logo|brand)", re.IGNORECASE)
_WORDS: Final = re.compile(r"[a-z0-9]+")
_ID: Final = re.compile(r' id="([^"]*)"')
_TELLING: Final = re.compile(r" (?:class|id|role|hidden|style|aria-(?:hidden|label))(?:[ =]|$)")
_TAB: Final = re.compile(r' (?:role|data-toggle|data-bs-toggle)="tab"')
_TAB_TARGET: Final = re.compile(r' (?:aria-controls|href|data-bs-target|data-target)="#?([^"]+)"')
_BR: Final = "\n"


def page_lines(page: str) -> list[Line]:
    """Lines of a serialised page or element, without the elements that are furniture.

    >>> [line.text for line in page_lines("<nav>Home</nav><p>Police <b>acted</b>.</p>")]
    ['Police acted.']
    """
    walk = _Walk(page)
    for start, end in walk.main_parts():
        walk.read(start, end)
    return walk.lines


class _Steps(dict[str | None, int]):
    """How a tag changes the depth of the page."""

    def __missing__(self, name: str | None) -> int:
        step = 0 if name is None or name.lstrip("/") in _VOID else -1 if name[0] == "/" else 1
        if len(self) < 2_000:  # names are the page's to invent
            self[name] = step
        return step


_STEPS: Final = _Steps()


class _Walk:
    """A page cut at its tags. ``texts[i]`` stands before tag ``i``; ``depths[i]`` is the depth after it."""

    def __init__(self, page: str) -> None:
        parts = _TAG.split(page)
        self.texts: list[str] = parts[0::3]
        self.names: list[str | None] = parts[1::3]
        self.attributes: list[str | None] = parts[2::3]
        self.depths = list(accumulate(map(_STEPS.__getitem__, self.names)))
        self.ends = self.all_ends() if max(self.depths, default=0) > _DEEP else None
        long = [at for at, text in enumerate(self.texts) if len(text) > _PROSE and at and not text.isspace()]
        long = [at for at in long if self.names[at - 1] != "a"]
        self.prose_at = long
        self.prose = list(accumulate((len(self.texts[at]) for at in long), initial=0))
        self.shares: dict[str, float] = {}
        self.unclosed: dict[str, bool] = {}
        self.overruled = 0
        self.tabs = self.tab_labels() if '="tab"' in page else {}
        self.lines: list[Line] = []
        # Where the elements that the reading is inside of end.
        self.text_end = self.heading_end = self.item_end = -1
        self.link_end = self.bold_end = self.pre_end = self.notes_end = -1
        self.rows: list[tuple[int, list[int]]] = []  # of each open row: its first line, the first line of each cell
        # The line being read.
        self.tag = 0
        self.pieces: list[str] = []
        self.size = self.linked = self.bold = 0
        self.before_break = (0, 0, 0, 0)  # pieces and sizes up to the last break
        self.kind, self.level = "text", 0

    # ------------------------------------------------------------------------------------ elements

    def end(self, tag: int) -> int:
        """The tag that closes a tag."""
        if self.ends:
            return self.ends.get(tag, len(self.names))
        try:
            return self.depths.index(self.depths[tag] - 1, tag + 1)
        except ValueError:
            return len(self.names)

    def all_ends(self) -> dict[int, int]:
        """The closing tag of every tag, for pages so deep that looking for each would take quadratic time."""
        ends: dict[int, int] = {}
        opened: list[int] = []
        before = 0
        for tag, depth in enumerate(self.depths):
            if depth > before:
                opened.append(tag)
            elif depth < before and opened:
                ends[opened.pop()] = tag
            before = depth
        return ends

    def prose_between(self, start: int, end: int) -> int:
        """Characters of prose between two tags."""
        return self.prose[bisect_right(self.prose_at, end)] - self.prose[bisect_right(self.prose_at, start)]

    def text_between(self, start: int, end: int) -> str:
        """Text between two tags."""
        return _plain("".join(self.texts[start + 1 : end + 1]))

    def main_parts(self) -> list[tuple[int, int]]:
        """Spans of tags to read: the elements marked as main, if they hold most prose, or else everything."""
        if self.names[:1] == ["main"]:
            return [(0, len(self.names))]
        everything = self.prose[-1]
        mains = self.outermost("main")
        if everything and sum(self.prose_between(*span) for span in mains) >= 0.5 * everything:
            return mains
        for span in self.outermost("article"):
            if self.prose_between(*span) > 0.85 * everything:
                return [span]
        return [(-1, len(self.names))]

    def outermost(self, wanted: str) -> list[tuple[int, int]]:
        """Spans of the elements of a name (or role) that are not inside another."""
        spans: list[tuple[int, int]] = []
        role = f' role="{wanted}"'
        for tag, (name, marks) in enumerate(zip(self.names, self.attributes, strict=True)):
            if (name == wanted or (marks and role in marks)) and (not spans or tag > spans[-1][1]):
                spans.append((tag, self.end(tag)))
        return spans

    def is_furniture(self, tag: int, end: int, nature: Nature) -> bool:
        """Whether an element that its marks speak against is furniture: not if it holds much of the page's prose."""
        prose, everything = self.prose_between(tag, end), self.prose[-1]
        share = prose / everything if everything else 0.0
        if prose and nature.anchor and self.is_anchor(tag, end, nature.anchor):
            return False
        if self.overruled >= _MOST_OVERRULED:
            return False
        if nature.level == HIDDEN:
            # The panels of tabs are hidden, too, until a script shows them: they are a button's to show, or together
            # hold much of the page. A second copy of visible text, for small screens, is not wanted.
            furniture = (
                prose == 0
                or self.texts.count(max(self.texts[tag + 1 : end + 1], key=len)) > 1
                or (not self.is_shown_by_button(tag) and self.share_of_kind(nature) < 0.1)
            )
        elif nature.level == SURE:
            furniture = (share < 0.6 or prose < 250) and "main" not in self.names[tag:end]
        else:
            furniture = (
                (share < 0.34 or prose < 300)
                and "main" not in self.names[tag:end]
                and not self.has_title(tag, end)
                and not ((share >= 0.2 or not everything) and "article" in self.names[tag:end])
                and (prose == 0 or self.share_of_kind(nature) < 0.34)
            )
        self.overruled += not furniture
        return furniture

    def is_shown_by_button(self, tag: int) -> bool:
        """Whether an element is what a button says it controls."""
        found = _ID.search(self.attributes[tag] or "")
        if not found:
            return False
        control = f' aria-controls="{found[1]}"'
        return any(control in marks for marks in self.attributes if marks)

    def is_anchor(self, tag: int, end: int, anchor: str) -> bool:
        """Whether an id is made from the first heading of its element."""
        for at in range(tag, min(end, tag + _LOOK_BACK)):
            if self.names[at] in _HEADINGS:
                heading = self.text_between(at, self.end(at))
                words = _WORDS.findall(heading.lower())
                words = [word for word in words if not word.isdigit()]
                named = _WORDS.findall(anchor.lower())[-len(words) :] == words
                return len(words) > 1 and named and not is_stock(heading)
        return False

    def is_of_section(self, tag: int, end: int) -> bool:
        """Whether a header is that of a text or a section of it, not of the site."""
        inside = self.names[tag:end]
        return tag < self.text_end or (not _HEADINGS.isdisjoint(inside) and _MENU.isdisjoint(inside))

    def has_title(self, tag: int, end: int) -> bool:
        """Whether an element holds the title of the page, not of the site."""
        for at in range(tag, end):
            if self.names[at] == "h1":
                return self.names[at + 1 : at + 2] != ["a"] and not _SITE_NAME.search(self.attributes[at] or "")
        return False

    def share_of_kind(self, nature: Nature) -> float:
        """Share of the page's prose that all hidden elements hold, or all with the same names."""
        key = "" if nature.level == HIDDEN else nature.key
        if key not in self.shares and len(self.shares) < _MOST_KINDS:
            prose, last = 0, -1
            for tag, (name, marks) in enumerate(zip(self.names, self.attributes, strict=True)):
                if name and marks and tag > last:
                    other = nature_of(name, marks)
                    if other.level == nature.level and key in ("", other.key):
                        last = self.end(tag)
                        prose += self.prose_between(tag, last)
            self.shares[key] = prose / (self.prose[-1] or 1)
        return self.shares.get(key, 0.0)

    def tab_labels(self) -> dict[str, str]:
        """Labels of tabs by the ids of their panels."""
        labels: dict[str, str] = {}
        for tag, marks in enumerate(self.attributes):
            if marks and _TAB.search(marks):
                target = _TAB_TARGET.search(marks)
                label = self.text_between(tag, self.end(tag))
                if target and is_title(label):
                    labels[target[1]] = label
        return labels

    # ------------------------------------------------------------------------------------ reading

    def read(self, start: int, end: int) -> None:
        """Read what stands between two tags into lines."""
        if start >= 0:
            self.text_end = end
        texts, names, attributes = self.texts, self.names, self.attributes
        at, end = start + 1, min(end, len(names))
        while at <= end:
            text = texts[at]
            if text:
                if at <= self.pre_end or not text.isspace():
                    self.add(at, text)
                elif self.pieces and self.pieces[-1] != _BR:
                    self.pieces.append(" ")
            if at == end:
                break
            self.tag = tag = at
            at += 1
            name = names[tag]
            if name is None:
                continue
            marks = attributes[tag]
            if name in _JUDGED or (marks and name not in _HEADINGS and _TELLING.search(marks)):
                at = self.judge(tag, name, marks or "")
                continue
            handler = _HANDLERS.get(name)
            if handler:
                at = handler(self, tag)
            elif "-" in name:
                self.invented(tag, name)
        self.flush()

    def judge(self, tag: int, name: str, marks: str) -> int:
        """Take in a tag by what its marks say; which tag comes next."""
        handler = _HANDLERS.get(name)
        nature = nature_of(name, marks)
        if nature is not PLAIN:
            end = self.end(tag)
            inner_header = name == "header" and self.is_of_section(tag, end)
            if nature.level and not inner_header and self.is_furniture(tag, end, nature):
                if handler:
                    self.flush()
                return end + 1
            if nature.notes and tag > self.notes_end:
                self.notes_end = end
            if nature.bold and tag > self.bold_end:
                self.bold_end = end
        if handler is None:
            if "-" in name:
                self.invented(tag, name)
            return tag + 1
        after = handler(self, tag)
        if nature.heading and tag > self.heading_end:
            self.kind, self.level = "title", 4
        if self.tabs:
            found = _ID.search(marks)
            if found and found[1] in self.tabs:
                self.flush()
                self.lines.append(Line(self.tabs[found[1]], "heading", level=3))
        return after

    def add(self, at: int, text: str) -> None:
        """Add text to the line."""
        if at <= self.pre_end and "\n" in text:
            *paragraphs, text = _BLANK_LINE.split(text)
            for paragraph in paragraphs:
                self.pieces.append(paragraph)
                self.size += len(paragraph)
                self.flush()
        size = len(text) if text[:1].isalnum() else len(text.replace("&nbsp;", " ").strip())
        if self.pieces and self.pieces[-1] == _BR:
            if not size:
                return
            if _BULLET.match(text):
                self.flush()
        self.pieces.append(text)
        self.size += size
        if at <= self.link_end:
            self.linked += size
        if at <= self.bold_end:
            self.bold += size

    def flush(self) -> None:
        """End the line."""
        if self.pieces:
            text = _plain("".join(self.pieces))
            self.pieces.clear()
            if text:
                self.lines.append(
                    Line(
                        text,
                        "item" if self.kind == "text" and self.tag <= self.item_end else self.kind,
                        self.linked / (self.size or 1),
                        self.bold == self.size,
                        self.tag <= self.notes_end,
                        self.level,
                    )
                )
                self.kind, self.level = "text", 0
            self.size = self.linked = self.bold = 0

    # ------------------------------------------------------------------------------------ tags

    def block(self, tag: int) -> int:
        """A block begins or ends."""
        if tag < self.heading_end:
            self.pieces.append(" ")
        else:
            if self.pieces:
                self.flush()
            self.kind, self.level = "text", 0
        return tag + 1

    def article(self, tag: int) -> int:
        """The text, or one of several, begins."""
        self.text_end = max(self.text_end, self.end(tag))
        return self.block(tag)

    def invented(self, tag: int, name: str) -> None:
        """An element of the page's own invention stands for a block, unless inside a paragraph."""
        inside = any(
            before in _PARAGRAPHS and self.end(tag - back) > tag
            for back, before in enumerate(reversed(self.names[max(0, tag - _LOOK_BACK) : tag]), 1)
        )
        if not inside and ":" not in name:
            self.block(tag)

    def heading(self, tag: int) -> int:
        """A heading begins."""
        if tag < self.heading_end:
            return tag + 1
        self.flush()
        name, end = self.names[tag], self.end(tag)
        self.kind, self.level = "heading", int(name[1]) if name and name[1].isdigit() else 4
        closed = end - tag <= 2 * _LOOK_BACK and ("p" not in self.names[tag:end] or not self.prose_between(tag, end))
        if closed and sum(map(len, self.texts[tag + 1 : end + 1])) <= _LONGEST_HEADING:
            self.heading_end = end
        return tag + 1

    def item(self, tag: int) -> int:
        """An entry of a list begins."""
        self.block(tag)
        if tag > self.item_end:
            self.item_end = self.end(tag)
        return tag + 1

    def link(self, tag: int) -> int:
        """A link begins, or a footnote mark stands here."""
        marks = self.attributes[tag] or ""
        if " href=" in marks and " aria-expanded=" not in marks:
            end = self.end(tag)
            if end - tag <= 9 and _FOOTNOTE.fullmatch(self.text_between(tag, end)):
                return end + 1
            prose = self.prose_between(tag, end)
            suspect = prose or marks in self.unclosed or len(self.texts[tag + 1]) > _PROSE
            if not (suspect and self.is_unclosed(marks)) and prose < _LONGEST_LINK:
                self.link_end = max(self.link_end, end)
        return tag + 1

    def is_unclosed(self, marks: str) -> bool:
        """Whether a link was never closed, so that the parser put one in every paragraph after it."""
        if marks not in self.unclosed:
            same = [tag for tag, other in enumerate(self.attributes) if other == marks and self.names[tag] == "a"]
            long = [tag for tag in same if len(self.texts[tag + 1]) > _PROSE or self.prose_between(tag, self.end(tag))]
            self.unclosed[marks] = len(long) >= 3 and ' href="#' not in marks
        return self.unclosed[marks]

    def strong(self, tag: int) -> int:
        """Bold text begins."""
        if tag > self.bold_end:
            self.bold_end = self.end(tag)
        return tag + 1

    def superscript(self, tag: int) -> int:
        """A footnote mark, or a power or an ordinal, which stay."""
        end = self.end(tag)
        if end - tag > _LOOK_BACK:
            return tag + 1
        text = self.text_between(tag, end)
        if "a" in self.names[tag:end]:
            return end + 1 if len(text) <= 30 else tag + 1
        before = "".join(self.pieces[-2:])
        return end + 1 if _SUPERSCRIPT.fullmatch(text) and not _UNIT.search(before) else tag + 1

    def line_break(self, tag: int) -> int:
        """Two breaks end a paragraph, and one a heading."""
        if tag < self.heading_end:
            self.pieces.append(" ")
        elif self.pieces:
            if self.pieces[-1] == _BR:
                self.flush()
            elif not self.break_after_heading():
                self.pieces.append(_BR)
                self.before_break = len(self.pieces), self.size, self.linked, self.bold
        return tag + 1

    def break_after_heading(self) -> bool:
        """Part a heading from the lines before it, if the last line is one; whether it was."""
        count, size, linked, bold = self.before_break if _BR in self.pieces else (0, 0, 0, 0)
        if self.size - size > _LONGEST_LINE:
            return False
        text = _plain("".join(self.pieces[count:]))
        is_heading = named_section(text) or (self.bold - bold == self.size - size and is_title(text))
        if is_heading and self.kind != "title":
            last, rest = self.pieces[count:], (self.size - size, self.linked - linked, self.bold - bold)
            del self.pieces[count:]
            self.size, self.linked, self.bold = size, linked, bold
            self.flush()
            self.pieces, (self.size, self.linked, self.bold) = last, rest
            self.flush()
        return bool(is_heading)

    def row(self, tag: int) -> int:
        """A row of a table begins."""
        self.flush()
        self.rows.append((len(self.lines), []))
        return tag + 1

    def cell(self, tag: int) -> int:
        """A cell begins."""
        self.flush()
        if self.rows:
            self.rows[-1][1].append(len(self.lines))
        return tag + 1

    def row_end(self, tag: int) -> int:
        """A row ends: one line, unless its cells hold paragraphs of their own or a menu stands beside text."""
        self.flush()
        first, starts = self.rows.pop() if self.rows else (0, [])
        if not starts:
            return tag + 1
        cells = [self.lines[a:b] for a, b in zip(starts, [*starts[1:], len(self.lines)], strict=True) if a < b]
        lines = [line for cell in cells for line in cell]
        layout = any(line.linked > 0.95 for line in lines) and any(len(line.text) > 150 for line in lines)
        if len(cells) > 1 and len(lines) == len(cells) and not layout and all(line.kind != "heading" for line in lines):
            size = sum(len(line.text) for line in lines)
            linked = sum(line.linked * len(line.text) for line in lines) / size
            mark, rest = (f"{lines[0].text} ", lines[1:]) if _MARK.fullmatch(lines[0].text) else ("", lines)
            text = mark + " | ".join(line.text for line in rest)
            self.lines[first:] = [Line(text, "row", linked, notes=any(line.notes for line in lines))]
        return tag + 1

    def control(self, tag: int) -> int:
        """A button or label, which may head a panel; inside a heading or sentence it is text."""
        end = self.end(tag)
        text = self.text_between(tag, end)
        inside = bool(self.pieces) and "".join(self.texts[end + 1 : end + 2]).strip() != ""
        says_something = self.names[tag] == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if tag < self.heading_end or inside or says_something or self.prose_between(tag, end):
            return tag + 1
        self.flush()
        if named_section(text) or ("accordion" in (self.attributes[tag] or "") and is_title(text)):
            self.lines.append(Line(text, "heading", level=4))
        return end + 1

    def preformatted(self, tag: int) -> int:
        """Text whose empty lines part paragraphs begins."""
        self.flush()
        self.pre_end = self.end(tag)
        return tag + 1

    def skip(self, tag: int) -> int:
        """An element without text of the page."""
        return self.end(tag) + 1


_BLOCKS: Final = """address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption
    figure footer form header hgroup hr legend main menu nav ol p search section table tbody tfoot thead ul""".split()
_HANDLERS: Final[dict[str, Callable[[_Walk, int], int]]] = {
    **dict.fromkeys(_BLOCKS, _Walk.block),
    **dict.fromkeys(
        (f"/{name}" for name in [*_BLOCKS, *"h1 h2 h3 h4 h5 h6 summary li td th pre".split()]), _Walk.block
    ),
    **dict.fromkeys("h1 h2 h3 h4 h5 h6 summary".split(), _Walk.heading),
    **dict.fromkeys("td th".split(), _Walk.cell),
    **dict.fromkeys("b strong".split(), _Walk.strong),
    **dict.fromkeys("button label".split(), _Walk.control),
    **dict.fromkeys(
        """head title noscript template svg math canvas object video audio select option textarea datalist map area
        progress meter rp amp-analytics amp-ad amp-embed amp-iframe""".split(),
        _Walk.skip,
    ),
    "a": _Walk.link,
    "article": _Walk.article,
    "main": _Walk.article,
    "br": _Walk.line_break,
    "li": _Walk.item,
    "pre": _Walk.preformatted,
    "sup": _Walk.superscript,
    "tr": _Walk.row,
    "/tr": _Walk.row_end,
}


def _plain(text: str) -> str:
    """Text as a reader sees it: characters for entities, no invisible ones, white space folded."""
    if "&" in text:
        text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if "&" in text and _ENTITY.search(text):
            text = html.unescape(text)  # escaped twice by the site
    if not text.isprintable() or "  " in text:  # white space but for plain spaces is not printable
        text = " ".join(_INVISIBLE.sub("", text).split())
    if ("[" in text and ("[]" in text or "[ ]" in text)) or ("(" in text and "()" in text):
        text = _EMPTY_BRACKETS.sub("", text)  # whose footnote mark is gone
    return text.strip()
