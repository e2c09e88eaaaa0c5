"""Chart of a `Summary`, as PNG or SVG: a bar for each share of a label, with its interval."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.formatting import count_with_noun, one_line
from tipclassify.labels import label_name, styles
from tipclassify.reports.adjust import ASSUMED, NOTES
from tipclassify.reports.counts import NONE, OVERLAP, Group, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK: Final = "#222222"
_MOST_ROWS: Final = 600  # that a picture can show
_LONGEST_NAME: Final = 40
# in inches
_LEAST_WIDTH: Final = 9  # has room for title and legend
_PANEL: Final = 2.6  # width of the bars of a label
_MARGIN: Final = 0.15
_ROW: Final = 0.3  # height of a bar and the space around it
_LINE: Final = 0.15  # height of a line of notes
_CHARACTER: Final = 0.06  # width of a character of them
_HEAD: Final = 1.2  # height of title and legend

_MARKER: Final[dict[str, Any]] = {  # of an adjusted share and its interval
    "color": _INK,
    "linewidth": 1.0,
    "zorder": 3,
    "marker": "o",
    "markersize": 3.5,
}

_STYLE: Final[dict[Any, Any]] = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    # real text: searchable, accessible, and in scripts that the font lacks
    "svg.fonttype": "none",
    "svg.hashsalt": "tipclassify",
    "text.parse_math": False,  # a file may be called cost$1$.txt
    "text.color": _INK,
    "axes.edgecolor": "#999999",
}


def draw_chart(summary: Summary, format: str, out: IO[bytes], day: str = "") -> None:
    """Draw bars for each group as ``"png"`` or ``"svg"``; under them their source, and the `day`.

    It has a text alternative (`describe`); the same summary and matplotlib version give the same
    bytes. `InputError` if there are too many groups for a picture.
    """
    import matplotlib

    rows = list(_rows(summary))
    if len(rows) > _MOST_ROWS:
        raise InputError(
            f"{len(rows):,} rows are too many for a picture; count by less, or write --format csv"
        )
    title = f"What reports say of governments: shares of sentences about trafficking by {' and '.join(summary.by)}"
    description = "\n".join(describe(summary))
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever the user's own style is
        matplotlib.rcParams.update(_STYLE)
        # A name in Chinese, for example, is boxes in a PNG, but letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = _draw(summary, rows, title, day)
        if format == "svg":
            out.write(_svg(figure, title, description))
        else:
            metadata = {"Title": title, "Description": description, "Software": None}
            figure.savefig(out, format="png", dpi=150, metadata=metadata)


def _rows(summary: Summary) -> Iterator[tuple[str, Group]]:
    """Yield the name of each group and its counts, then those of the totals."""
    yield from zip(summary.group_names, summary.groups, strict=True)
    yield from zip(summary.total_names, summary.totals, strict=True)


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each group and total."""
    lines = []
    for name, group in _rows(summary):
        described = [f"{name}: {count_with_noun(group.base, 'sentence')}"]
        for label in (*summary.labels, NONE) if group.base else ():
            share = f"{label} {group.share(label):.0%}"
            if estimate := summary.estimate(group, label):
                ends = (estimate.count, estimate.low, estimate.high)
                adjusted, low, high = (f"{number / group.base:.0%}" for number in ends)
                share = f"{share} (adjusted {adjusted}, {low} to {high})"
            described.append(share)
        lines.append("; ".join(described))
    return lines + summary.break_lines()


def shortened(name: str, width: int = _LONGEST_NAME) -> str:
    """Shorten a name in the middle: file names differ at their ends.

    >>> shortened("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    if len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 1]}…{name[-end:]}"


def _draw(summary: Summary, rows: Sequence[tuple[str, Group]], title: str, day: str) -> Figure:
    """Draw a row for each group, with title, legend and notes."""
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    labels = summary.labels
    names = [f"{shortened(name)}   {group.base:,}" for name, group in rows]
    bold = FontProperties(weight="bold")  # totals are drawn so
    longest = max(TextPath((0, 0), name, size=8, prop=bold).get_extents().width for name in names)
    left = longest / 72 + 2 * _MARGIN
    width = max(_LEAST_WIDTH, left + _PANEL * len(labels) + _MARGIN)
    notes = [
        line
        for note in (_source(summary, day), *_notes(summary))
        for line in textwrap.wrap(note, int(width / _CHARACTER))
    ]
    foot = _LINE * len(notes) + 2 * _MARGIN
    height = _HEAD + _ROW * len(rows) + foot
    figure = Figure((width, height))
    figure.text(_MARGIN / width, 1 - _MARGIN / height, title, size=11, weight="bold", va="top")
    figure.legend(
        handles=_legend(has_estimates=summary.rates is not None),
        loc="upper left",
        bbox_to_anchor=(0, 1 - 0.35 / height),
        ncols=3,
        frameon=False,
    )
    figure.text(_MARGIN / width, _MARGIN / height, "\n".join(notes), size=7, color="#444444")
    axes = figure.subplots(1, len(labels), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left=left / width,
        right=1 - _MARGIN / width,
        top=1 - _HEAD / height,
        bottom=foot / height,
        wspace=0.1,
    )
    end = _end_of_scale(summary, rows)
    for ax, label in zip(axes, labels, strict=True):
        _draw_label(ax, summary, rows, label, end)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    axes[0].set_yticks(range(len(rows)), names)
    for name_of_total in axes[0].get_yticklabels()[len(summary.groups) :]:
        name_of_total.set_fontweight("bold")
    return figure


def _end_of_scale(summary: Summary, rows: Sequence[tuple[str, Group]]) -> float:
    """Choose the end of the scale, a multiple of 20%.

    It lies beyond all shares, and the intervals that are drawn.
    """
    ends = [0.2]
    for _, group in rows:
        for label in summary.labels if group.base else ():
            ends.append(group.share(label))
            estimate = summary.estimate(group, label)
            if estimate and not estimate.notes:
                ends.append(estimate.high / group.base)
    return math.ceil(5 * max(ends)) / 5


def _draw_label(
    ax: Axes, summary: Summary, rows: Sequence[tuple[str, Group]], label: str, end: float
) -> None:
    """Draw the shares of a label as tagged, and the adjusted ones with their intervals."""
    from matplotlib.ticker import PercentFormatter

    ax.set_title(label_name(label))
    ax.set_xlim(-0.02 * end, end * 1.02)  # room for half a marker
    ax.set_xticks((0, end / 2, end))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.tick_params("x", top=True, labeltop=True, length=2, labelsize=7)
    ax.tick_params("x", bottom=False, labelbottom=False)
    ax.tick_params("y", length=0)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["left", "right", "bottom"]].set_visible(False)
    ax.axhline(len(summary.groups) - 0.5, color="#999999", linewidth=0.6)  # above the totals
    ink = styles(summary.labels)[label].ink
    for y, (_, group) in enumerate(rows):
        if not group.base:
            continue
        ax.barh(y, group.share(label), 0.72, color=ink, alpha=0.45)
        estimate = summary.estimate(group, label)
        if estimate and not estimate.notes:
            ends = (estimate.low, estimate.count, estimate.high)
            low, share, high = (number / group.base for number in ends)
            interval = [[share - low], [high - share]]
            ax.errorbar(share, y, xerr=interval, elinewidth=1, capsize=2, **_MARKER)


def _source(summary: Summary, day: str) -> str:
    """Name the publications that are counted, what tagged them, and the day."""
    publications = dict.fromkeys(group.publication for group in summary.groups)
    names = ", ".join(one_line(str(name)) for name in publications if name) or "the reports named"
    tagged_by = [f"tipclassify {__version__}"]
    tagged_by += [f"{name} {value}" for name, value in summary.about.items()]
    return (
        f"Source: {names}; {count_with_noun(summary.total.base, 'sentence')} about trafficking. "
        f"Tagged by {', '.join(tagged_by)}{f'; {day}' if day else ''}."
    )


def _notes(summary: Summary) -> list[str]:
    notes = ["Beside each name is its number of sentences.", *summary.break_lines(), OVERLAP]
    if summary.rates:
        notes.append(ASSUMED)
        if rates_note := summary.rates_note():
            notes.append(rates_note)
    else:
        notes.append("Shares as tagged: this model does not record its error rates.")
    if reasons := "; ".join(NOTES[note] for note in summary.notes()):
        notes.append(f"Without an interval, as too uncertain to use: {reasons}.")
    return notes


def _legend(has_estimates: bool) -> list[Any]:
    """Make an example of each drawn thing, with its name."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(facecolor="#C4C4C4", label="share with the label, as tagged")]
    if has_estimates:
        adjusted = "adjusted for the model's errors, with 95% interval"
        handles.append(Line2D([], [], label=adjusted, **_MARKER))
    return handles


def _svg(figure: Figure, title: str, description: str) -> bytes:
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
