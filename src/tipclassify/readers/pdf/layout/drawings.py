"""Find drawings with labels, such as charts and maps.

The caption and labels of each become one fragment of its page, in reading order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tipclassify.readers.pdf.layout.captions import (
    CAPTION,
    is_caption_of_drawing,
    lines_of_drawing_caption,
)
from tipclassify.readers.pdf.layout.pages import PageLayout, PdfFragment, PdfShape, PdfTableRow
from tipclassify.readers.pdf.layout.shape_groups import (
    bounds_of_pdf_shapes,
    group_touching_shapes,
    middle_of_pdf_text,
    pdf_box_holds,
    shapes_without_background,
)
from tipclassify.readers.pdf.layout.table_fragments import replace_by_table_fragment

__all__ = ["place_labelled_drawings"]

_MIN_DRAWING: Final = 40.0  # points
_LABEL_REACH: Final = 6.0  # em right of a drawing
_LABEL_LEADING: Final = 1.5  # em between the lines of a label
_MAX_LABEL_WORDS: Final = 4


def place_labelled_drawings(page: PageLayout) -> PageLayout:
    """Replace the caption and labels of each drawing by one fragment."""
    drawings = [shape for shape in shapes_without_background(page) if shape.drawing]
    fragments = list(page.fragments)
    for group in group_touching_shapes(drawings):
        fragments = _place_labelled_drawing(fragments, bounds_of_pdf_shapes(group))
    return replace(page, fragments=tuple(fragments))


def _place_labelled_drawing(fragments: list[PdfFragment], bounds: PdfShape) -> list[PdfFragment]:
    """Replace the caption and labels of a drawing by one fragment, if it is one with labels."""
    if min(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) < _MIN_DRAWING:
        return fragments
    labels = [f for f in fragments if _is_label_of_drawing(f, bounds)]
    others = [
        f for f in fragments if pdf_box_holds(bounds, f) and not _is_label_of_drawing(f, bounds)
    ]
    if len(labels) <= 2 * len(others):
        return fragments
    labels = [label for label in labels if not CAPTION.match(label.text)]
    inside: list[PdfFragment] = []
    rows: list[PdfTableRow] = []
    for fragment in fragments:
        if is_caption_of_drawing(fragment, bounds):
            caption = lines_of_drawing_caption(fragment, fragments, labels)
            inside += caption
            rows.append(PdfTableRow([[line.text for line in caption]], header=True))
    inside += labels
    if not inside:  # all that is beside the drawing is the caption of another one
        return fragments
    rows.append(PdfTableRow(_stack_drawing_labels(labels)))
    return replace_by_table_fragment(fragments, inside, rows)


def _is_label_of_drawing(fragment: PdfFragment, drawing: PdfShape) -> bool:
    """Return whether a fragment is short and inside a drawing, or beside it on the right."""
    if len(fragment.words) > _MAX_LABEL_WORDS or fragment.x0 < drawing.x0:
        return False
    _, y = middle_of_pdf_text(fragment)
    max_x1 = drawing.x1 + _LABEL_REACH * fragment.size
    return fragment.x1 <= max_x1 and drawing.y0 <= y <= drawing.y1


def _stack_drawing_labels(labels: Sequence[PdfFragment]) -> list[list[str]]:
    """Join labels that stand under one another, into the lines of one text."""
    stacks: list[list[PdfFragment]] = []
    for label in labels:
        if stacks and _is_under_label(stacks[-1][-1], label):
            stacks[-1].append(label)
        else:
            stacks.append([label])
    return [[label.text for label in stack] for stack in stacks]


def _is_under_label(last: PdfFragment, label: PdfFragment) -> bool:
    below = 0 < label.y - last.y < _LABEL_LEADING * label.size
    return below and label.x0 < last.x1 and last.x0 < label.x1
