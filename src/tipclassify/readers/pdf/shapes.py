"""Read the drawn lines and boxes of a page, which rule its tables, and the bounds of its drawings."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_float
from itertools import islice, pairwise
from typing import Any, Final

from tipclassify.readers.pdf.layout.pages import Shape

__all__ = ["read_shapes"]

_MAX_PATHS: Final = 3_000  # of a page; more are a drawing
_MAX_SEGMENTS: Final = 400  # of a path that may rule a table; more are a drawing
_MAX_SHAPES: Final = 2_000
_OFF_AXIS: Final = 0.1  # points; the parts of a small tick are short


def read_shapes(raw: Any, page: Any) -> list[Shape]:
    """Return the shapes of a page in its own coordinates, y upwards; none if there are too many for tables."""
    paths = list(islice(page.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1), _MAX_PATHS + 1))
    shapes = list(islice((shape for path in paths for shape in _path_shapes(raw, path)), _MAX_SHAPES + 1))
    return shapes if len(paths) <= _MAX_PATHS and len(shapes) <= _MAX_SHAPES else []


def _path_shapes(raw: Any, path: Any) -> Iterator[Shape]:
    """Yield the straight lines and boxes of a path one by one, or its bounds if it has other segments."""
    count = raw.FPDFPath_CountSegments(path)
    straight, matrix = count <= _MAX_SEGMENTS, path.get_matrix()
    parts: list[list[tuple[float, float]]] = []
    x, y = c_float(), c_float()
    for segment in (raw.FPDFPath_GetPathSegment(path, at) for at in range(count if straight else 0)):
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        kind = raw.FPDFPathSegment_GetType(segment)
        straight &= kind != raw.FPDF_SEGMENT_BEZIERTO
        if kind == raw.FPDF_SEGMENT_MOVETO or not parts:
            parts.append([])
        parts[-1].append(matrix.on_point(x.value, y.value))
    steps = [(abs(a[0] - b[0]), abs(a[1] - b[1])) for part in parts for a, b in pairwise(part)]
    if straight and all(min(step) < _OFF_AXIS for step in steps):
        for part in parts:
            xs, ys = zip(*part, strict=True)
            yield Shape(min(xs), min(ys), max(xs), max(ys))
    else:
        left, bottom, right, top = path.get_bounds()
        yield Shape(left, bottom, right, top, drawing=True)
