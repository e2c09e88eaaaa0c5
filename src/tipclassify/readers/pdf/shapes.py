"""Read the drawn lines and boxes of a page, which rule its tables, and the bounds of its drawings."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_float
from itertools import pairwise
from typing import Any, Final

from tipclassify.readers.pdf.layout.pages import Shape

__all__ = ["read_shapes"]

_MAX_PATHS: Final = 3_000  # of a page; more are a drawing
_MAX_SEGMENTS: Final = 400  # of a path that may rule a table; more are a drawing
_MAX_SHAPES: Final = 2_000
_OFF_AXIS: Final = 0.1  # points; the parts of a small tick are short

Point = tuple[float, float]


def read_shapes(raw: Any, page: Any) -> list[Shape]:
    """Return the shapes of a page in its own coordinates, y upwards; none if there are too many for tables."""
    shapes: list[Shape] = []
    paths = 0
    for at in range(raw.FPDFPage_CountObjects(page.raw)):
        found = raw.FPDFPage_GetObject(page.raw, at)
        if raw.FPDFPageObj_GetType(found) == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
            if paths > _MAX_PATHS or len(shapes) > _MAX_SHAPES:
                return []
            shapes += _path_shapes(raw, found)
    return shapes


def _path_shapes(raw: Any, path: Any) -> Iterator[Shape]:
    """Yield the straight lines and boxes of a path one by one, or its bounds if it has other segments."""
    count = raw.FPDFPath_CountSegments(path)
    parts = list(_subpaths(raw, path, count)) if count <= _MAX_SEGMENTS else []
    if parts and all(_is_straight(part) for part in parts):
        for part in parts:
            xs, ys = zip(*part, strict=True)
            yield Shape(min(xs), min(ys), max(xs), max(ys))
        return
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    if raw.FPDFPageObj_GetBounds(path, byref(left), byref(bottom), byref(right), byref(top)):
        yield Shape(left.value, bottom.value, right.value, top.value, drawing=True)


def _subpaths(raw: Any, path: Any, count: int) -> Iterator[list[Point]]:
    """Yield the points of each subpath; a curve adds a point off both axes, so that it is not straight."""
    matrix, x, y = raw.FS_MATRIX(), c_float(), c_float()
    raw.FPDFPageObj_GetMatrix(path, byref(matrix))
    points: list[Point] = []
    for at in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, at)
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO and points:
            yield points
            points = []
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            points.append((point[0] + 2 * _OFF_AXIS, point[1] + 2 * _OFF_AXIS))
        points.append(point)
    if points:
        yield points


def _is_straight(points: list[Point]) -> bool:
    """Return whether each segment is horizontal or vertical."""
    return all(min(abs(a[0] - b[0]), abs(a[1] - b[1])) < _OFF_AXIS for a, b in pairwise(points))
