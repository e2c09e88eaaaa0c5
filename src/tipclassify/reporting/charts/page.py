"""Page of a chart: title, facts and legend above the axes, notes below them.

Sizes are computed here; matplotlib's constrained layout does the rest. Long lists are split into blocks side by side.
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
MOST_ROWS: Final = 600  # no screen or page shows more
_SHORT: Final = 40  # maximum number of rows in a single block
_ASPECT: Final = 1.5  # width to height of the blocks of a long list: a screen, or a landscape page
_MARGIN: Final = 0.25  # inches
_LINE: Final = 0.15  # height of a line of notes, in inches


def new_page(
    summary: Summary, width: float, height: float, caveat: str, legend: Sequence[Any] = (), subtitle: str = ""
) -> tuple[Figure, SubFigure]:
    """Make a figure, and the subfigure for axes of about `width` by `height` inches.

    Parameters
    ----------
    caveat : str
        Symbol of unreliable figures, which the notes explain.
    legend : sequence of matplotlib artists
        Handles of the legend, below the title.
    subtitle : str
        A line below the title, in place of a legend.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    title = title_of(summary)
    width = max(width, text_width(title, 13), 7.0) + 2 * _MARGIN
    notes = [line for note in _notes(summary, caveat) for line in textwrap.wrap(note, int(width / 0.06))]
    above, below = 0.9 if legend else 0.7, _LINE * len(notes) + 2 * _MARGIN
    high = above + height + below
    rect = (_MARGIN / width, _MARGIN / high, 1 - 2 * _MARGIN / width, 1 - 2 * _MARGIN / high)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.03, rect=rect)
    figure = Figure(figsize=(width, high), facecolor="white", layout=layout)
    parts: Any = figure.subfigures(2, 1, height_ratios=(above, height + below))
    head, body = parts
    facts = [f"{summary.total.passages:,} passages", *(f"{name} {value}" for name, value in summary.about.items())]
    for inches, text, look in (
        (0.0, title, {"fontsize": 11, "fontweight": "bold"}),
        (0.25, " · ".join(facts), {"fontsize": 8, "color": "#555555"}),
        (0.43, subtitle, {"fontsize": 8, "color": "#555555"}),
    ):
        head.text(0, 1 - inches / above, text, look, va="top")
    if legend:
        style = {"frameon": False, "fontsize": 8, "borderpad": 0, "borderaxespad": 0}
        head.legend(handles=legend, loc="upper left", ncols=4, bbox_to_anchor=(0, 1 - 0.45 / above), **style)
    body.supxlabel("\n".join(notes), x=0, ha="left", fontsize=7, color="#444444")
    return figure, body


def title_of(summary: Summary) -> str:
    """Make the title of the chart."""
    return f"What reports say of governments: shares of passages by {' and '.join(summary.by)}"


def _notes(summary: Summary, caveat: str) -> list[str]:
    if summary.rates is None:
        return [OVERLAP, "Shares as tagged: this model does not record its error rates."]
    reasons = "; ".join(NOTES[note] for note in summary.notes())
    return [OVERLAP, ASSUMPTION, *([f"{caveat} = not to be relied on: {reasons}."] if reasons else [])]


def too_many(number: int, what: str) -> InputError:
    """Make the error for a summary with too many groups for a picture."""
    return InputError(f"{number:,} {what} are too many for a picture; count by less, or write --format csv")


def count_blocks(rows: int, pitch: float, width: float) -> int:
    """Compute the number of side-by-side blocks for a list: one if short, else such that the page is landscape."""
    return 1 if rows <= _SHORT else max(1, round(math.sqrt(_ASPECT * rows * pitch / width)))


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text's longest line, in inches, at a font size in points."""
    return max(map(len, text.split("\n"))) * 0.6 * size / 72


def fit_text(text: str, width: int, lines: int = 1) -> str:
    """Wrap a text to at most `lines` lines of `width` characters, with an ellipsis if it is shortened.

    >>> fit_text("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    room = width * lines - width // 4 * (lines - 1)  # a line ends before the word that does not fit
    if len(text) > room:
        tail = room // 3  # file names differ at their ends
        text = f"{text[: room - tail - 1]}…{text[-tail:]}"
    return text if lines == 1 else "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder="…"))


def scale_end(share: float, least: float = 0.2) -> float:
    """Round `share` up to the end of a scale: to a tenth or, above a half, to a fifth; at least `least`, at most 1.

    >>> scale_end(0.03), scale_end(0.31), scale_end(0.72)
    (0.2, 0.4, 0.8)
    """
    step = 5 if share > 0.5 else 10
    return min(max(math.ceil(share * step - 1e-9) / step, least), 1.0)


def show_scale(ax: Axes, shares: Sequence[float], size: float, beyond: str = "") -> None:
    """Label the x axis in whole percents; the first and last label stay within the panel."""
    names = [f"{share:.0%}" for share in shares]
    ax.set_xticks(shares, [*names[:-1], names[-1] + beyond], fontsize=size)
    labels = ax.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")
