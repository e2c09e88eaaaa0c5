"""Recognize the captions of tables and drawings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tipclassify.readers.pdf.layout.pages import PdfFragment, PdfShape
from tipclassify.readers.pdf.layout.shape_groups import middle_of_pdf_text

__all__ = ["CAPTION", "is_caption_of_drawing", "lines_of_drawing_caption"]

CAPTION: Final = re.compile(
    r"(?:Table|Figure|Fig\.|Chart|Graph|Map|Box|Exhibit)\s+\(?\d+", re.IGNORECASE
)
"""Beginning of the caption of a table or drawing."""

_CAPTION_LEADING: Final = 1.5  # em between the lines of a caption


def is_caption_of_drawing(fragment: PdfFragment, drawing: PdfShape) -> bool:
    """Return whether a fragment is a caption just above or below a drawing."""
    near = drawing.y0 - 3 * fragment.size <= fragment.y <= drawing.y1 + 3 * fragment.size
    over = fragment.x0 < drawing.x1 and fragment.x1 > drawing.x0
    return near and over and CAPTION.match(fragment.text) is not None


def lines_of_drawing_caption(
    first: PdfFragment, fragments: Iterable[PdfFragment], labels: Iterable[PdfFragment]
) -> list[PdfFragment]:
    """Return the lines of a caption.

    These are below the first one, in its type and about its middle; labels are none.
    """
    lines = [first]
    label_ids = {id(label) for label in labels}
    for fragment in sorted(fragments, key=lambda f: f.y):
        last = lines[-1]
        below = 0 < fragment.y - last.y < _CAPTION_LEADING * last.size
        alike = fragment.size == last.size and fragment.words[0].bold == last.words[0].bold
        centered = abs(middle_of_pdf_text(fragment)[0] - middle_of_pdf_text(first)[0]) < last.size
        is_free = fragment.table is None and id(fragment) not in label_ids
        if below and alike and centered and is_free:
            lines.append(fragment)
    return lines
