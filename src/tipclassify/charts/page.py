"""The page that a chart is drawn on: a title above, notes below, and room between that grows with what is in it.

Lengths are in inches and axes are put in place by hand; long lists flow into blocks side by side.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.charts.lettering import measure_text
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.summary import ASSUMPTION, NOTES, OVERLAP, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["INK", "MOST_ROWS", "Page", "count_blocks", "title_of", "too_many"]

INK: Final = "#222222"
MOST_ROWS: Final = 600  # above, no screen or page shows them all
_ASPECT: Final = 1.5  # width to height that long lists are flowed to: a screen, or a page on its side


class Page:
    """A figure with a title above and notes below, on which things are put in inches from the left and from the top."""

    def __init__(self, found: Summary, width: float, height: float, above: float, doubt: str, told: str = "") -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.margin = 0.25
        width = max(width, measure_text(title_of(found), 11) * 1.15, 7.0)  # bold is wider
        self.width = width + 2 * self.margin
        notes = [line for note in _footer(found, doubt) for line in textwrap.wrap(note, int(width / 0.06))]
        below = len(notes) * 0.14 + 0.15
        self.height = above + height + below + 2 * self.margin
        self.above = above
        self.figure = Figure(figsize=(self.width, self.height), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.text(0, 0.05 - above, title_of(found), 11, weight="bold")
        facts = [f"{found.total.passages:,} passages", *(f"{name} {value}" for name, value in found.about.items())]
        self.text(0, 0.26 - above, " · ".join(facts), 8, colour="#555555")
        self.text(0, 0.43 - above, told, 8, colour="#555555")
        for i, line in enumerate(notes):
            self.text(0, height + 0.2 + i * 0.14, line, 7, colour="#444444")

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose upper left corner is there."""
        bottom = self.height - self.margin - self.above - y - height
        return self.figure.add_axes(
            ((x + self.margin) / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        ha: str = "left",
        va: str = "center",
        weight: str = "normal",
        colour: str = INK,
        rotation: float = 0,
    ) -> None:
        """Put a text there, of that size in points."""
        self.figure.text(
            (x + self.margin) / self.width,
            1 - (y + self.margin + self.above) / self.height,
            text,
            fontsize=size,
            ha=ha,
            va=va,
            fontweight=weight,
            color=colour,
            rotation=rotation,
        )

    def legend(self, handles: Sequence[Any]) -> None:
        """Put a legend below the title."""
        self.figure.legend(
            handles=handles,
            loc="upper left",
            ncols=4,
            frameon=False,
            fontsize=8,
            borderpad=0,
            borderaxespad=0,
            bbox_to_anchor=(self.margin / self.width, 1 - (self.margin + 0.4) / self.height),
        )


def title_of(found: Summary) -> str:
    """What stands above the chart."""
    return f"What reports say of governments: shares of passages by {' and '.join(found.by)}"


def _footer(found: Summary, doubt: str) -> list[str]:
    if found.rates is None:
        return [OVERLAP, "Shares as tagged: this model does not record its error rates."]
    given = {
        note
        for group in (*found.groups, found.total)
        for label in LABELS
        for note in getattr(found.estimate(group, label), "notes", ())
    }
    doubts = "; ".join(text for note, text in NOTES.items() if note in given)
    return [OVERLAP, ASSUMPTION, *([f"{doubt} = not to be relied on: {doubts}."] if doubts else [])]


def too_many(number: int, what: str) -> InputError:
    """The error to raise when a summary has too many groups for a picture."""
    return InputError(f"{number:,} {what} are too many for a picture; count by less, or write --format csv")


def count_blocks(rows: int, pitch: float, width: float) -> int:
    """Blocks side by side that a list is split into: one for a short list, a landscape page for a long one."""
    if rows <= 40:
        return 1
    return max(1, round(math.sqrt(_ASPECT * rows * pitch / width)))
