"""The page that a chart is drawn on: title, facts and legend above, notes below, and between them axes.

Matplotlib's constrained layout puts things in place, so that nothing overlaps; here is said how large the page is. Long lists
flow into blocks side by side.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError
from tipclassify.reporting.summary import ASSUMPTION, NOTES, OVERLAP, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "INK",
    "MOST_ROWS",
    "count_blocks",
    "fit_text",
    "new_page",
    "scale_end",
    "show_scale",
    "text_width",
    "title_of",
]
__all__ += ["too_many"]

INK: Final = "#222222"
MOST_ROWS: Final = 600  # above, no screen or page shows them all
_SHORT: Final = 40  # rows that stand in one block
_ASPECT: Final = 1.5  # width to height that long lists are flowed to: a screen, or a page on its side
_MARGIN: Final = 0.25  # inches
_LINE: Final = 0.15  # inches of a line of notes


def new_page(
    found: Summary, width: float, height: float, doubt: str, legend: Sequence[Any] = (), told: str = ""
) -> tuple[Figure, SubFigure]:
    """Return a figure and the part of it for axes, which take about `width` by `height` inches.

    Parameters
    ----------
    doubt : str
        What marks figures that are not to be relied on.
    legend : sequence of matplotlib artists
        Handles of the legend, which stands below the title.
    told : str
        A line below the title, where there is no legend.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    title = title_of(found)
    width = max(width, text_width(title, 13), 7.0) + 2 * _MARGIN
    notes = [line for note in _notes(found, doubt) for line in textwrap.wrap(note, int(width / 0.06))]
    above, below = 0.9 if legend else 0.7, _LINE * len(notes) + 2 * _MARGIN
    high = above + height + below
    rect = (_MARGIN / width, _MARGIN / high, 1 - 2 * _MARGIN / width, 1 - 2 * _MARGIN / high)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.03, rect=rect)
    figure = Figure(figsize=(width, high), facecolor="white", layout=layout)
    parts: Any = figure.subfigures(2, 1, height_ratios=(above, height + below))
    head, body = parts
    facts = [f"{found.total.passages:,} passages", *(f"{name} {value}" for name, value in found.about.items())]
    for inches, text, look in (
        (0.0, title, {"fontsize": 11, "fontweight": "bold"}),
        (0.25, " · ".join(facts), {"fontsize": 8, "color": "#555555"}),
        (0.43, told, {"fontsize": 8, "color": "#555555"}),
    ):
        head.text(0, 1 - inches / above, text, look, va="top")
    if legend:
        style = {"frameon": False, "fontsize": 8, "borderpad": 0, "borderaxespad": 0}
        head.legend(handles=legend, loc="upper left", ncols=4, bbox_to_anchor=(0, 1 - 0.45 / above), **style)
    body.supxlabel("\n".join(notes), x=0, ha="left", fontsize=7, color="#444444")
    return figure, body


def title_of(found: Summary) -> str:
    """Return what stands above the chart."""
    return f"What reports say of governments: shares of passages by {' and '.join(found.by)}"


def _notes(found: Summary, doubt: str) -> list[str]:
    if found.rates is None:
        return [OVERLAP, "Shares as tagged: this model does not record its error rates."]
    doubts = "; ".join(NOTES[note] for note in found.notes())
    return [OVERLAP, ASSUMPTION, *([f"{doubt} = not to be relied on: {doubts}."] if doubts else [])]


def too_many(number: int, what: str) -> InputError:
    """Return the error to raise when a summary has too many groups for a picture."""
    return InputError(f"{number:,} {what} are too many for a picture; count by less, or write --format csv")


def count_blocks(rows: int, pitch: float, width: float) -> int:
    """Blocks side by side that a list is split into: one for a short list, a landscape page for a long one."""
    return 1 if rows <= _SHORT else max(1, round(math.sqrt(_ASPECT * rows * pitch / width)))


def text_width(text: str, size: float) -> float:
    """Inches that the longest line of a text takes, about."""
    return max(map(len, text.split("\n"))) * 0.6 * size / 72


def fit_text(text: str, width: int, lines: int = 1) -> str:
    """Return the text on so many lines of `width` characters, with an ellipsis where it had to be cut.

    >>> fit_text("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    room = width * lines - width // 4 * (lines - 1)  # a line ends before the word that does not fit
    if len(text) > room:
        tail = room // 3  # file names differ at their ends
        text = f"{text[: room - tail - 1]}…{text[-tail:]}"
    return text if lines == 1 else "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder="…"))


def scale_end(share: float, least: float = 0.2) -> float:
    """Return the end of a scale that has room for `share`: a tenth or, above a half, a fifth.

    >>> scale_end(0.03), scale_end(0.31), scale_end(0.72)
    (0.2, 0.4, 0.8)
    """
    step = 5 if share > 0.5 else 10
    return min(max(math.ceil(share * step - 1e-9) / step, least), 1.0)


def show_scale(ax: Axes, shares: Sequence[float], size: float, beyond: str = "") -> None:
    """Write whole percents at the x axis; the first and last keep above it, not halfway into the next panel."""
    names = [f"{share:.0%}" for share in shares]
    ax.set_xticks(shares, [*names[:-1], names[-1] + beyond], fontsize=size)
    labels = ax.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")
