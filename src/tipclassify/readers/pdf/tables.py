"""Find ruled tables by their lines, and drawings with labels, such as charts and maps.

Each becomes one fragment of its page, in reading order: the cells of a table by the grid of its
lines, the caption and the labels of a drawing.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

from tipclassify.readers.pdf.lines import (
    Box,
    Fragment,
    Page,
    TableRow,
    Word,
    cell_lines,
    group_rows,
    make_fragments,
)

CAPTION: Final = re.compile(
    r"(?:Table|Figure|Fig\.|Chart|Graph|Map|Box|Exhibit)\s+\(?\d+", re.IGNORECASE
)
"""Beginning of the caption of a table or drawing."""

_BORDER: Final = 3.0  # points between edges of one border
_TOUCH: Final = 2.0  # points between shapes of one group
_BACKGROUND_SHARE: Final = 0.9  # of the page's width and height
_THIN: Final = 2.5  # points; a thinner box is a line
_MAX_ROW: Final = 150.0  # points between the lines above and below a row
_MAX_NAME_LINES: Final = 3  # lines of a column's name
_MAX_TICK: Final = 14.0  # points
_TICK: Final = "✓"
_MIN_DRAWING: Final = 40.0  # points
_LABEL_REACH: Final = 6.0  # em right of a drawing
_LABEL_LEADING: Final = 1.5  # em between the lines of a label
_MAX_LABEL_WORDS: Final = 4
_CAPTION_LEADING: Final = 1.5  # em between the lines of a caption


def place_tables(page: Page) -> Page:
    """Replace the fragments of each ruled table, and those of each labelled drawing, by one."""
    # a table would touch the background, and have all text of the page in its cells
    ruling = [[box] for box in page.lines if not _is_background(box, page)]
    drawings = [[box] for box in page.drawings if not _is_background(box, page)]
    ticks: list[Word] = []  # check marks, where they are alone in a cell of a table
    for box in page.drawings:
        height = box.y1 - box.y0
        if max(box.x1 - box.x0, height) <= _MAX_TICK:
            ticks.append(Word(_TICK, box.x0, box.x1, box.y1, size=height))

    def stacked(group: list[Box], other: list[Box]) -> bool:
        return _are_stacked(group, other, page.fragments)

    fragments = list(page.fragments)
    for group in _join(_join(ruling, _touch), stacked):
        bounds = _bounds(group)
        inside = [f for f in fragments if _holds(bounds, f)]
        rows = _read_table(group, inside, ticks) if inside else []
        if rows:
            fragments = _put_table(fragments, inside, rows)
    for group in _join(drawings, _touch):
        fragments = _place_drawing(fragments, _bounds(group))
    return replace(page, fragments=fragments)


def _is_background(box: Box, page: Page) -> bool:
    is_wide = box.x1 - box.x0 > _BACKGROUND_SHARE * page.width
    return is_wide and box.y1 - box.y0 > _BACKGROUND_SHARE * page.height


def _put_table(
    fragments: Sequence[Fragment], inside: Sequence[Fragment], table: list[TableRow]
) -> list[Fragment]:
    """Put one fragment with a table in place of those inside, on the baseline of its first row."""
    first = min(inside, key=lambda f: f.y)
    x0 = min(f.x0 for f in inside)
    x1 = max(f.x1 for f in inside)
    table_fragment = Fragment(
        order=min(f.order for f in inside),
        words=(Word("|", x0, x1, first.y, first.size),),
        x0=x0,
        x1=x1,
        y=first.y,
        size=first.size,
        table=table,
        bottom=max(f.y for f in inside),
    )
    inside_ids = {id(f) for f in inside}
    others = [f for f in fragments if id(f) not in inside_ids]
    return sorted([*others, table_fragment], key=lambda f: f.order)


def _join(
    groups: list[list[Box]], belong: Callable[[list[Box], list[Box]], bool]
) -> list[list[Box]]:
    """Join groups of shapes that belong together, directly or through others, from the top.

    `belong` is asked about a group and one that begins below its top.
    """
    joined: list[list[Box]] = []
    for group in sorted(groups, key=lambda shapes: _bounds(shapes).y0):
        apart: list[list[Box]] = []
        together: list[Box] = []
        for other in joined:
            if belong(other, group):
                together += other
            else:
                apart.append(other)
        joined = [*apart, together + group]
    return joined


def _touch(group: list[Box], single: list[Box]) -> bool:
    """Return whether a shape, alone in its group, touches one of another group."""
    (a,) = single
    for b in group:
        across = a.x0 - _TOUCH <= b.x1 and b.x0 <= a.x1 + _TOUCH
        if across and a.y0 - _TOUCH <= b.y1 and b.y0 <= a.y1 + _TOUCH:
            return True
    return False


def _are_stacked(group: list[Box], other: list[Box], fragments: Sequence[Fragment]) -> bool:
    """Return whether groups are broken at the same places, with only cells between.

    Such are rows ruled by lines.
    """
    above = _bounds(group)
    below = _bounds(other)
    if abs(above.x1 - below.x1) > _BORDER or below.y0 - above.y1 >= _MAX_ROW:
        return False
    other_breaks = _breaks(other)
    shared = [x for x in _breaks(group) if any(abs(x - end) <= _BORDER for end in other_breaks)]
    if not shared:
        return False
    for f in fragments:
        _, y = _middle(f)
        if not above.y1 < y < below.y0 or f.x0 >= above.x1:
            continue
        if CAPTION.match(f.text) or any(f.x0 < x - 1 and x + 1 < f.x1 for x in shared):
            return False
    return True


def _breaks(shapes: Sequence[Box]) -> list[float]:
    """Return where lines across begin or end, but for the outermost ends."""
    return _merge_close(end for shape in shapes for end in (shape.x0, shape.x1))[1:-1]


def _bounds(shapes: Sequence[Box]) -> Box:
    """Return the smallest box around shapes."""
    return Box(
        x0=min(shape.x0 for shape in shapes),
        y0=min(shape.y0 for shape in shapes),
        x1=max(shape.x1 for shape in shapes),
        y1=max(shape.y1 for shape in shapes),
    )


def _merge_close(values: Iterable[float]) -> list[float]:
    """Return the ascending values without those that are close to one before."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > _BORDER:
            kept.append(value)
    return kept


def _holds(bounds: Box, text: Fragment | Word) -> bool:
    """Return whether the middle of a text is in a box."""
    x, y = _middle(text)
    return bounds.x0 <= x <= bounds.x1 and bounds.y0 <= y <= bounds.y1


def _middle(text: Fragment | Word) -> tuple[float, float]:
    """Return x and y of the middle of a text's letters."""
    return (text.x0 + text.x1) / 2, text.y - 0.3 * text.size


def _read_table(
    shapes: Sequence[Box], inside: Sequence[Fragment], ticks: Sequence[Word]
) -> list[TableRow]:
    """Return the rows of the table that shapes rule.

    There are none if it has no two columns and rows of text. A label beside several rows is given
    with each of them.
    """
    edges = _merge_close(x for shape in shapes for x in _edges(shape.x0, shape.x1))
    across = [shape for shape in shapes if shape.x1 - shape.x0 > _THIN]
    levels = _merge_close(y for shape in across for y in _edges(shape.y0, shape.y1))
    if len(edges) < 3 or len(levels) < 2:
        return []
    tops = [_cell_tops(across, (left + right) / 2, levels) for left, right in pairwise(edges)]

    def cell_of(text: Word) -> tuple[int, int]:
        """Return the slot between levels where the cell around a text begins, and its column."""
        x, y = _middle(text)
        column = max(bisect(edges[:-1], x) - 1, 0)
        slot = max(bisect(levels[:-1], y) - 1, 0)
        return tops[column][slot], column

    cells: dict[tuple[int, int], list[Word]] = defaultdict(list)
    for fragment in inside:
        for word in fragment.words:
            cells[cell_of(word)].append(word)
    bounds = Box(edges[0], levels[0], edges[-1], levels[-1])
    # one that is drawn twice counts once
    ticks_inside = [tick for tick in dict.fromkeys(ticks) if _holds(bounds, tick)]
    ticks_in_cell = Counter(map(cell_of, ticks_inside))
    for tick in ticks_inside:
        cell = cell_of(tick)
        if ticks_in_cell[cell] == 1 and cell not in cells:
            cells[cell] = [tick]
    rows: list[TableRow] = []
    label_column = min((column for _, column in cells), default=0)
    for slot, in_slot in groupby(sorted(cells), key=itemgetter(0)):
        row = list(in_slot)
        label = tops[label_column][slot], label_column
        if label in cells and label not in row:
            row.insert(0, label)
        words_by_cell = [cells[cell] for cell in row]
        lines_by_cell = [cell_lines(group_rows(make_fragments(words))) for words in words_by_cell]
        texts = [[line.text for line in lines] for lines in lines_by_cell if lines]
        rows.append(TableRow(texts, all(word.bold for words in words_by_cell for word in words)))
    if sum(len(row.cells) > 1 for row in rows) < 2:
        return []
    if len(rows) == 2 and any(len(lines) > _MAX_NAME_LINES for lines in rows[0].cells):
        return []  # a frame around prose
    return rows


def _cell_tops(across: Sequence[Box], x: float, levels: Sequence[float]) -> list[int]:
    """Return for each slot of a column, with its middle, the slot in which the cell there begins."""
    ruled = [y for box in across if box.x0 <= x <= box.x1 for y in _edges(box.y0, box.y1)]
    tops = [0]
    for slot, level in enumerate(levels[1:-1], 1):
        is_ruled = any(abs(y - level) <= _BORDER for y in ruled)
        tops.append(slot if is_ruled else tops[-1])
    return tops


def _edges(low: float, high: float) -> tuple[float, ...]:
    """Return both edges of a box, or the middle of a line."""
    return ((low + high) / 2,) if high - low <= _THIN else (low, high)


def _place_drawing(fragments: list[Fragment], bounds: Box) -> list[Fragment]:
    """Replace the caption and labels of a drawing by one fragment, if it is one with labels."""
    if min(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) < _MIN_DRAWING:
        return fragments
    labels = [f for f in fragments if _is_label(f, bounds)]
    others = [f for f in fragments if _holds(bounds, f) and not _is_label(f, bounds)]
    if len(labels) <= 2 * len(others):
        return fragments
    labels = [label for label in labels if not CAPTION.match(label.text)]
    inside: list[Fragment] = []
    rows: list[TableRow] = []
    for f in fragments:
        if _is_caption(f, bounds):
            caption = _caption_lines(f, fragments, labels)
            inside += caption
            rows.append(TableRow([[line.text for line in caption]], header=True))
    inside += labels
    if not inside:  # all that is beside the drawing is the caption of another one
        return fragments
    stacks: list[list[Fragment]] = []  # labels that stand under one another
    for label in labels:
        if stacks and _is_under(stacks[-1][-1], label):
            stacks[-1].append(label)
        else:
            stacks.append([label])
    rows.append(TableRow([[label.text for label in stack] for stack in stacks]))
    return _put_table(fragments, inside, rows)


def _is_label(fragment: Fragment, drawing: Box) -> bool:
    """Return whether a fragment is short and inside a drawing, or beside it on the right."""
    if len(fragment.words) > _MAX_LABEL_WORDS or fragment.x0 < drawing.x0:
        return False
    _, y = _middle(fragment)
    max_x1 = drawing.x1 + _LABEL_REACH * fragment.size
    return fragment.x1 <= max_x1 and drawing.y0 <= y <= drawing.y1


def _is_under(last: Fragment, label: Fragment) -> bool:
    below = 0 < label.y - last.y < _LABEL_LEADING * label.size
    return below and label.x0 < last.x1 and last.x0 < label.x1


def _is_caption(fragment: Fragment, drawing: Box) -> bool:
    """Return whether a fragment is a caption just above or below a drawing."""
    reach = 3 * fragment.size
    near = drawing.y0 - reach <= fragment.y <= drawing.y1 + reach
    over = fragment.x0 < drawing.x1 and fragment.x1 > drawing.x0
    return near and over and CAPTION.match(fragment.text) is not None


def _caption_lines(
    first: Fragment, fragments: Iterable[Fragment], labels: Iterable[Fragment]
) -> list[Fragment]:
    """Return the lines of a caption.

    These are below the first one, in its type and about its middle; labels are none.
    """
    lines = [first]
    label_ids = {id(label) for label in labels}
    for f in sorted(fragments, key=lambda f: f.y):
        last = lines[-1]
        below = 0 < f.y - last.y < _CAPTION_LEADING * last.size
        alike = f.size == last.size and f.words[0].bold == last.words[0].bold
        centered = abs(_middle(f)[0] - _middle(first)[0]) < last.size
        if below and alike and centered and f.table is None and id(f) not in label_ids:
            lines.append(f)
    return lines
