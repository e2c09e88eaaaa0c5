"""Group the drawn shapes of a page, and find the text in them.

The shapes of a group are one table or one drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from tipclassify.readers.pdf.layout.pages import PageLayout, PdfFragment, PdfShape, PdfWord

__all__ = [
    "BORDER_TOLERANCE",
    "bounds_of_pdf_shapes",
    "group_touching_shapes",
    "join_shape_groups",
    "merge_close_coordinates",
    "middle_of_pdf_text",
    "pdf_box_holds",
    "shapes_without_background",
]

BORDER_TOLERANCE: Final = 3.0
"""Points between edges of one border."""

_TOUCH: Final = 2.0  # points between shapes of one group
_PAGE_SHARE: Final = 0.9  # of the page's width and height; a larger box is a background


def shapes_without_background(page: PageLayout) -> list[PdfShape]:
    """Return the shapes of a page but for those that are nearly as wide and as high as it."""
    return [shape for shape in page.shapes if not _is_background_of_page(shape, page)]


def _is_background_of_page(shape: PdfShape, page: PageLayout) -> bool:
    """Return whether a shape is nearly as wide and as high as the page."""
    is_wide = shape.x1 - shape.x0 > _PAGE_SHARE * page.width
    return is_wide and shape.y1 - shape.y0 > _PAGE_SHARE * page.height


def bounds_of_pdf_shapes(shapes: Sequence[PdfShape]) -> PdfShape:
    """Return the smallest box around shapes."""
    return PdfShape(
        x0=min(shape.x0 for shape in shapes),
        y0=min(shape.y0 for shape in shapes),
        x1=max(shape.x1 for shape in shapes),
        y1=max(shape.y1 for shape in shapes),
    )


def group_touching_shapes(shapes: Sequence[PdfShape]) -> list[list[PdfShape]]:
    """Group shapes that touch, directly or through others."""

    def belong(group: list[PdfShape], single: list[PdfShape]) -> bool:
        (shape,) = single
        return any(_pdf_shapes_touch(shape, other) for other in group)

    return join_shape_groups([[shape] for shape in shapes], belong)


def _pdf_shapes_touch(a: PdfShape, b: PdfShape) -> bool:
    across = a.x0 - _TOUCH <= b.x1 and b.x0 <= a.x1 + _TOUCH
    return across and a.y0 - _TOUCH <= b.y1 and b.y0 <= a.y1 + _TOUCH


def join_shape_groups(
    groups: list[list[PdfShape]], belong: Callable[[list[PdfShape], list[PdfShape]], bool]
) -> list[list[PdfShape]]:
    """Join groups that belong together, directly or through others, from the top.

    `belong` is asked about a group and one that begins below its top.
    """
    joined: list[list[PdfShape]] = []
    for group in sorted(groups, key=lambda shapes: bounds_of_pdf_shapes(shapes).y0):
        apart: list[list[PdfShape]] = []
        together: list[PdfShape] = []
        for other in joined:
            if belong(other, group):
                together += other
            else:
                apart.append(other)
        joined = [*apart, together + group]
    return joined


def merge_close_coordinates(values: Iterable[float]) -> list[float]:
    """Return the ascending values without those that are close to one before."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > BORDER_TOLERANCE:
            kept.append(value)
    return kept


def pdf_box_holds(bounds: PdfShape, text: PdfFragment | PdfWord) -> bool:
    """Return whether the middle of a text is in a box."""
    x, y = middle_of_pdf_text(text)
    return bounds.x0 <= x <= bounds.x1 and bounds.y0 <= y <= bounds.y1


def middle_of_pdf_text(text: PdfFragment | PdfWord) -> tuple[float, float]:
    """Return x and y of the middle of a text's letters, in points."""
    return (text.x0 + text.x1) / 2, text.y - 0.3 * text.size
