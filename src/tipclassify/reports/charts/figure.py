"""What both charts have: a figure with title, legend and notes, its style, and its SVG."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from tipclassify.errors import InputError
from tipclassify.reports.adjustment import ASSUMPTION, NOTES
from tipclassify.reports.summary import OVERLAP, Summary

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "MOST_ROWS",
    "check_chart_size",
    "lay_out_figure",
    "new_figure",
    "set_chart_style",
    "svg_of_figure",
    "title_of_chart",
]

INK: Final = "#222222"
MOST_ROWS: Final = 600  # that a picture can show
# in inches
_LINE: Final = 0.15  # height of a line of notes
_CHARACTER: Final = 0.06  # width of a character of them
_HEAD: Final = 1.2  # height of title and legend


def set_chart_style() -> None:
    """Set the style of charts, whatever the user's own is."""
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams.update(
        {
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "hatch.linewidth": 0.7,
            # real text: searchable, accessible, and in scripts that the font lacks
            "svg.fonttype": "none",
            "svg.hashsalt": "tipclassify",
            "text.parse_math": False,  # a file may be called cost$1$.txt
            "text.color": INK,
            "axes.edgecolor": "#999999",
        }
    )


def title_of_chart(summary: Summary) -> str:
    """Make the title of a chart."""
    return f"What reports say of governments: shares of passages by {' and '.join(summary.by)}"


def check_chart_size(number: int, what: str, most: int) -> None:
    """Raise `InputError` for more rows or cells than a picture can show."""
    if number > most:
        raise InputError(
            f"{number:,} {what} are too many for a picture; count by less, or write --format csv"
        )


def new_figure(
    summary: Summary,
    *,
    width: float,
    height: float,
    caveat: str,
    legend: Sequence[Artist],
    first_note: str,
) -> Figure:
    """Make a figure for axes of these inches, with title, legend and notes.

    `caveat` is how the chart shows what is too uncertain to use.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    notes = [first_note, *_notes_below_summary_chart(summary, caveat)]
    lines = [line for note in notes for line in textwrap.wrap(note, int(width / _CHARACTER))]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    figure = Figure((width, height + _LINE * len(lines) + _HEAD), layout=layout)
    figure.legend(
        handles=legend,
        title=title_of_chart(summary),
        title_fontproperties={"size": 11, "weight": "bold"},
        loc="outside upper left",
        alignment="left",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color="#444444")
    return figure


def _notes_below_summary_chart(summary: Summary, caveat: str) -> list[str]:
    facts = [f"{summary.total.passages:,} passages"]
    facts += [f"{name} {value}" for name, value in summary.about.items()]
    notes = [" · ".join(facts), OVERLAP]
    if summary.rates:
        notes.append(ASSUMPTION)
        if rates_note := summary.rates_note():
            notes.append(rates_note)
    else:
        notes.append("Shares as tagged: this model does not record its error rates.")
    if reasons := "; ".join(NOTES[note] for note in summary.notes()):
        notes.append(f"{caveat} = too uncertain to use: {reasons}.")
    return notes


def lay_out_figure(figure: Figure) -> None:
    """Run the layout and round its positions, whose last bits vary from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(x, 5), round(y, 5)))
    for ax in figure.axes:
        box = ax.get_position(original=True)
        ax.set_position(
            (round(box.x0, 5), round(box.y0, 5), round(box.width, 5), round(box.height, 5))
        )


def svg_of_figure(figure: Figure, title: str, description: str) -> bytes:
    """Render SVG with a title and description (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(
        written,
        format="svg",
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    opened = f'<svg role="img" aria-labelledby="title desc" {attributes}>'
    titled = f'<title id="title">{escape(title)}</title>'
    described = f'<desc id="desc">{escape(description)}</desc>'
    return f"{head}{opened}\n{titled}\n{described}{drawing}".encode()
