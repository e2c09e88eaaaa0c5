"""Read the lines and boxes that a PDFium page draws, which may rule tables, and its drawings."""

from __future__ import annotations

from ctypes import byref, c_float
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import PdfShape

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage

__all__ = ["read_pdf_shapes"]

_MAX_SEGMENTS: Final = 400  # of a path that may rule a table; more are a drawing
_MAX_SHAPES: Final = 2_000  # of a page; more are a drawing
_OFF_AXIS: Final = 0.1  # points; the parts of a small tick are short


class _PdfPoint(NamedTuple):
    """Hold a point of a page."""

    x: float
    y: float


def read_pdf_shapes(raw: ModuleType, page: PdfPage) -> list[PdfShape]:
    """Return the shapes of a page in its own coordinates, y upwards.

    There are none if there are too many for tables. `raw` has the functions of PDFium.
    """
    shapes: list[PdfShape] = []
    for path in page.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        shapes += _shapes_of_pdf_path(raw, path)
        if len(shapes) > _MAX_SHAPES:
            return []
    return shapes


def _shapes_of_pdf_path(raw: ModuleType, path: PdfObject) -> list[PdfShape]:
    """Return the straight lines and boxes of a path, or its bounds if it has other segments."""
    lines = _straight_lines_of_path(raw, path)
    if lines is None or not all(_is_path_along_axes(line) for line in lines):
        left, bottom, right, top = path.get_bounds()
        return [PdfShape(left, bottom, right, top, drawing=True)]
    shapes: list[PdfShape] = []
    for line in lines:
        xs = [point.x for point in line]
        ys = [point.y for point in line]
        shapes.append(PdfShape(min(xs), min(ys), max(xs), max(ys)))
    return shapes


def _straight_lines_of_path(raw: ModuleType, path: PdfObject) -> list[list[_PdfPoint]] | None:
    """Return the points of each line of a path; None if it has curves or very many segments."""
    count = raw.FPDFPath_CountSegments(path)
    if count > _MAX_SEGMENTS:
        return None
    matrix = path.get_matrix()
    x = c_float()
    y = c_float()
    lines: list[list[_PdfPoint]] = []
    for at in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, at)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return None
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        if kind == raw.FPDF_SEGMENT_MOVETO or not lines:
            lines.append([])
        lines[-1].append(_PdfPoint(*matrix.on_point(x.value, y.value)))
    return lines


def _is_path_along_axes(line: list[_PdfPoint]) -> bool:
    """Return whether all steps of a line are across or down the page."""
    for point, following in pairwise(line):
        across = abs(point.x - following.x)
        down = abs(point.y - following.y)
        if min(across, down) >= _OFF_AXIS:
            return False
    return True
