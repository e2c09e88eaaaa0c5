"""Find ruled tables by their lines; each becomes one fragment of its page, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tipclassify.readers.pdf.layout.captions import CAPTION
from tipclassify.readers.pdf.layout.pages import PageLayout, PdfFragment, PdfShape, PdfWord
from tipclassify.readers.pdf.layout.shape_groups import (
    BORDER_TOLERANCE,
    bounds_of_pdf_shapes,
    group_touching_shapes,
    join_shape_groups,
    merge_close_coordinates,
    middle_of_pdf_text,
    pdf_box_holds,
    shapes_without_background,
)
from tipclassify.readers.pdf.layout.table_fragments import replace_by_table_fragment
from tipclassify.readers.pdf.layout.table_grids import rows_of_ruled_table

__all__ = ["place_ruled_tables"]

_MAX_ROW: Final = 150.0  # points between the lines above and below a row
_MAX_TICK: Final = 14.0  # points
_TICK: Final = "✓"


def place_ruled_tables(page: PageLayout) -> PageLayout:
    """Replace the fragments of each ruled table by one."""
    shapes = shapes_without_background(page)
    lines = [shape for shape in shapes if not shape.drawing]
    ticks = [_tick_of_drawing(s) for s in shapes if s.drawing and _is_drawn_tick(s)]
    fragments = list(page.fragments)
    for group in _join_stacked_shapes(group_touching_shapes(lines), page.fragments):
        bounds = bounds_of_pdf_shapes(group)
        inside = [f for f in fragments if pdf_box_holds(bounds, f)]
        rows = rows_of_ruled_table(group, inside, ticks) if inside else []
        if rows:
            fragments = replace_by_table_fragment(fragments, inside, rows)
    return replace(page, fragments=tuple(fragments))


def _is_drawn_tick(drawing: PdfShape) -> bool:
    return max(drawing.x1 - drawing.x0, drawing.y1 - drawing.y0) <= _MAX_TICK


def _tick_of_drawing(drawing: PdfShape) -> PdfWord:
    """Return the check mark that a small drawing is, if it is alone in a cell of a table."""
    return PdfWord(_TICK, drawing.x0, drawing.x1, drawing.y1, size=drawing.y1 - drawing.y0)


def _join_stacked_shapes(
    groups: list[list[PdfShape]], fragments: Sequence[PdfFragment]
) -> list[list[PdfShape]]:
    """Join the groups of lines that rule one table, row by row."""
    return join_shape_groups(
        groups, lambda group, other: _are_stacked_pdf_shapes(group, other, fragments)
    )


def _are_stacked_pdf_shapes(
    group: list[PdfShape], other: list[PdfShape], fragments: Sequence[PdfFragment]
) -> bool:
    """Return whether groups are broken at the same places, with only cells between.

    Such are rows ruled by lines.
    """
    above = bounds_of_pdf_shapes(group)
    below = bounds_of_pdf_shapes(other)
    if abs(above.x1 - below.x1) > BORDER_TOLERANCE or below.y0 - above.y1 >= _MAX_ROW:
        return False
    other_breaks = _breaks_of_ruled_lines(other)
    shared = [
        x
        for x in _breaks_of_ruled_lines(group)
        if any(abs(x - other_x) <= BORDER_TOLERANCE for other_x in other_breaks)
    ]
    if not shared:
        return False
    for fragment in fragments:
        _, y = middle_of_pdf_text(fragment)
        if not above.y1 < y < below.y0 or fragment.x0 >= above.x1:
            continue
        if CAPTION.match(fragment.text) or any(_pdf_fragment_crosses(fragment, x) for x in shared):
            return False
    return True


def _breaks_of_ruled_lines(shapes: list[PdfShape]) -> list[float]:
    """Return where lines across begin or end, but for the outermost ends, in points."""
    ends = [end for shape in shapes for end in (shape.x0, shape.x1)]
    return merge_close_coordinates(ends)[1:-1]


def _pdf_fragment_crosses(fragment: PdfFragment, x: float) -> bool:
    return fragment.x0 < x - 1 and x + 1 < fragment.x1
