"""Turn boxes of a PDF page into layout coordinates: upright, in points, y downwards."""

from __future__ import annotations

from typing import NamedTuple

from tipclassify.readers.pdf.layout.pages import PdfShape

__all__ = ["PdfBox", "turn_pdf_box", "turn_pdf_y"]


class PdfBox(NamedTuple):
    """Hold a box: its least x and y, and its greatest, in points."""

    x0: float
    y0: float
    x1: float
    y1: float


def turn_pdf_box(box: PdfBox | PdfShape, area: PdfBox, angle: int) -> PdfBox:
    """Return a box of the page, y upwards, in layout coordinates.

    These are upright after quarter turns, y downwards.

    >>> page = PdfBox(0, 0, 600, 800)
    >>> turn_pdf_box(PdfBox(10, 20, 30, 40), page, angle=0)
    PdfBox(x0=10, y0=760, x1=30, y1=780)
    """
    if angle == 0:  # nearly always
        return PdfBox(box.x0 - area.x0, area.y1 - box.y1, box.x1 - area.x0, area.y1 - box.y0)
    if angle == 1:
        return PdfBox(box.y0 - area.y0, box.x0 - area.x0, box.y1 - area.y0, box.x1 - area.x0)
    if angle == 2:
        return PdfBox(area.x1 - box.x1, box.y0 - area.y0, area.x1 - box.x0, box.y1 - area.y0)
    # slanting text is left out, so that its place does not matter
    return PdfBox(area.y1 - box.y1, area.x1 - box.x1, area.y1 - box.y0, area.x1 - box.x0)


def turn_pdf_y(x: float, y: float, area: PdfBox, angle: int) -> float:
    """Return y of a point of the page in layout coordinates, as `turn_pdf_box` does of a box."""
    if angle == 0:
        return area.y1 - y
    if angle == 1:
        return x - area.x0
    if angle == 2:
        return y - area.y0
    return area.x1 - x
