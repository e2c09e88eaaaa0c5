"""Charts of a `Summary`, as PNG or SVG: bars a group, or a heat map by two dimensions a label."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from tipclassify.errors import InputError
from tipclassify.labels import LABELS, label_name
from tipclassify.reporting.adjustment import ASSUMPTION, NOTES, Estimate
from tipclassify.reporting.palette import INKS, TINTS, text_on
from tipclassify.reporting.particulars import several
from tipclassify.reporting.summary import (
    NONE,
    OVERLAP,
    SORTED,
    Group,
    Name,
    Summary,
    rank,
    shown_name,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PARTS", "describe", "draw"]

_INK: Final = "#222222"
_LINE: Final = 0.15  # height of a line of notes, in inches
_MOST_LINES: Final = 200  # of the text alternative
_STYLE: Final[dict[Any, Any]] = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",  # real text: searchable, accessible, and in scripts that the font lacks
    "svg.hashsalt": "tipclassify",
    "text.parse_math": False,  # a file may be called cost$1$.txt
    "text.color": _INK,
    "axes.edgecolor": "#999999",
}


class BarPart(NamedTuple):
    """A part of a group's bar; neighbours differ in hatch, too."""

    name: str
    labels: tuple[str, ...] | None  # of its passages; None for any with complicity
    colour: str
    hatch: str
    stroke: str  # colour of the hatch


PARTS: Final = (
    BarPart("positive effort alone", ("positive_effort",), INKS["positive_effort"], "", "white"),
    BarPart(
        "effort and failure",
        ("positive_effort", "failure"),
        INKS["failure"],
        "////",
        TINTS["positive_effort"],
    ),
    BarPart("failure alone", ("failure",), INKS["failure"], "", "white"),
    BarPart("complicity, alone or not", None, INKS["complicity"], "xxxx", "white"),
    BarPart("no label", (), "#EEEEEE", "", "white"),
)
"""Disjoint parts of a group's passages, in stacking order."""

_AS_TAGGED: Final = BarPart("share with the label, as tagged", (), "#C4C4C4", "", "white")


def draw(summary: Summary, chart: str, format: str, out: IO[bytes]) -> None:
    """Draw ``"bars"``, or a ``"heatmap"`` of two dimensions, as ``"png"`` or ``"svg"``.

    Both have a text alternative (`describe`); the same summary and matplotlib version give the same
    bytes. `InputError` if there are too many groups for a picture.
    """
    import matplotlib

    title, text = _title(summary), "\n".join(describe(summary))
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever the user's style
        matplotlib.rcParams.update(_STYLE)
        # A name in Chinese, for example, is boxes in a PNG, but letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = _draw_bars(summary) if chart == "bars" else _draw_heat_map(summary)
        _lay_out(figure)
        if format == "svg":
            out.write(_svg(figure, title, text))
        else:
            figure.savefig(
                out,
                format="png",
                dpi=150,
                metadata={"Title": title, "Description": text, "Software": None},
            )


class _Row(NamedTuple):
    """A row of bars: a group or a total, and its adjusted counts by label, if known."""

    name: str
    group: Group
    estimates: dict[str, Estimate | None]


def _rows(summary: Summary) -> list[_Row]:
    groups = [*summary.groups, *summary.shown_totals]
    names = [*_group_names(summary), *_total_names(summary)]
    return [
        _Row(name, group, {label: summary.estimate(group, label) for label in LABELS})
        for name, group in zip(names, groups, strict=True)
    ]


def _draw_bars(summary: Summary) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval."""
    rows = _rows(summary)
    _check_size(len(rows), "rows", 600)
    size = (11, 0.4 + 0.3 * len(rows))
    beside = "Beside each name is its number of passages."
    figure = _new_figure(summary, size, "Hollow", _legend(summary), beside)
    axes: Sequence[Axes] = figure.subplots(1, 4, sharey=True, width_ratios=(1.65, 1, 1, 1))
    stacked, *of_labels = axes
    end = _end_of_scale(rows)
    _set_up_bars(stacked, "what passages say", 0, 1.0, len(summary.groups))
    for ax, label in zip(of_labels, LABELS, strict=True):
        # room for half a marker on the left
        _set_up_bars(ax, label_name(label), -0.02 * end, end, len(summary.groups))
    stacked.set_ylim(len(rows) - 0.5, -0.5)
    names = [f"{_shorten(row.name)}   {row.group.passages:,}" for row in rows]
    stacked.set_yticks(range(len(rows)), names)
    for name_of_total in stacked.get_yticklabels()[len(summary.groups) :]:
        name_of_total.set_fontweight("bold")
    for y, row in enumerate(rows):
        _draw_parts(stacked, y, row.group)
        for ax, label in zip(of_labels, LABELS, strict=True):
            _draw_share(ax, y, row, label)
    return figure


def _end_of_scale(rows: Sequence[_Row]) -> float:
    """Choose the end of the labels' scale, a multiple of 20%: beyond shares and sound intervals."""
    ends = [0.0]
    for row in rows:
        if not row.group.passages:
            continue
        for label, estimate in row.estimates.items():
            ends.append(row.group.share(label))
            if estimate and not estimate.notes:
                ends.append(estimate.high / row.group.passages)
    return max(math.ceil(5 * max(ends)) / 5, 0.2)


def _set_up_bars(ax: Axes, title: str, start: float, end: float, groups: int) -> None:
    """Set up the axes of a panel; a line parts the groups from the totals."""
    from matplotlib.ticker import PercentFormatter

    ax.set_title(title)
    ax.set_xlim(start, end * 1.02)
    ax.set_xticks((0, end / 2, end))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.tick_params("x", top=True, labeltop=True, length=2, labelsize=7)
    ax.tick_params("x", bottom=False, labelbottom=False)
    ax.tick_params("y", length=0)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["left", "right", "bottom"]].set_visible(False)
    ax.axhline(groups - 0.5, color="#999999", linewidth=0.6)


def _draw_parts(ax: Axes, y: int, group: Group) -> None:
    left = 0.0
    for part in PARTS:
        if part.labels is None:
            number = group.count("complicity")
        else:
            number = group.sets.get(part.labels, 0)
        width = number / (group.passages or 1)
        look: dict[str, Any] = {"color": part.colour, "hatch": part.hatch}
        ax.barh(y, width, 0.72, left, edgecolor=part.stroke, linewidth=0.5, **look)
        left += width


def _draw_share(ax: Axes, y: int, row: _Row, label: str) -> None:
    """Draw the share of a label as tagged, and the adjusted one with its interval."""
    passages = row.group.passages
    ax.barh(y, row.group.count(label) / (passages or 1), 0.72, color=INKS[label], alpha=0.45)
    estimate = row.estimates[label]
    if not passages or estimate is None:
        return
    below = (estimate.count - estimate.low) / passages
    above = (estimate.high - estimate.count) / passages
    look = _marker(bool(estimate.notes))
    share = estimate.count / passages
    ax.errorbar(share, y, xerr=[[below], [above]], elinewidth=1, capsize=2, **look)


def _marker(unreliable: bool) -> dict[str, Any]:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    colour, face = ("#8A8A8A", "white") if unreliable else (_INK, _INK)
    marker = {"marker": "o", "markersize": 3.5, "markerfacecolor": face, "markeredgewidth": 0.8}
    return {"color": colour, "linewidth": 1.0, "zorder": 3, **marker}


def _legend(summary: Summary) -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = []
    for part in (*PARTS, _AS_TAGGED):
        look: dict[str, Any] = {"facecolor": part.colour, "hatch": part.hatch}
        handles.append(Patch(edgecolor=part.stroke, linewidth=0.5, label=part.name, **look))
    if summary.rates is not None:
        adjusted = "adjusted for the model's errors, with 95% interval"
        uncertain = "adjusted, but too uncertain to use (why: see below)"
        handles.append(Line2D([], [], label=adjusted, **_marker(False)))
        handles.append(Line2D([], [], label=uncertain, **_marker(True)))
    return handles


class _Cell(NamedTuple):
    """A cell of a heat map: a group with passages, by its row and column."""

    row: int
    column: int
    group: Group


def _draw_heat_map(summary: Summary) -> Figure:
    """Draw a panel for each label, in percent, with ``?`` where one is too uncertain to use."""
    down = list(dict.fromkeys(group.key[0] for group in summary.groups))
    across = list(dict.fromkeys(group.key[1] for group in summary.groups))
    if summary.by[1] in SORTED:  # again: the first country may lack some years
        across.sort(key=rank)
    _check_size(len(down), "rows", 600)
    _check_size(len(down) * len(across), "cells", 6_000)  # 240 countries in 25 years
    row_names, column_names = _names(summary, 0), _names(summary, 1)
    rows = [_shorten(row_names[name]) for name in down]
    columns = [_shorten(column_names[name], 26) for name in across]
    longest = max(map(len, columns), default=0)
    size = max(4 + len(LABELS) * 0.55 * len(across), 9), 1.0 + 0.36 * len(down) + 0.08 * longest
    how = "as tagged"
    if summary.rates:
        how = "adjusted for the model's errors; below it the 95% interval"
    below = f"Percent of passages, {how}; hatched: no passages."
    figure = _new_figure(summary, size, "?", (), below)
    if not summary.groups:
        return figure
    cells = [
        _Cell(down.index(group.key[0]), across.index(group.key[1]), group)
        for group in summary.groups
        if group.passages
    ]
    axes: Sequence[Axes] = figure.subplots(1, len(LABELS), sharey=True)
    for ax, label in zip(axes, LABELS, strict=True):
        _set_up_map(ax, label, rows, columns)
        _draw_map(figure, ax, summary, label, cells)
    axes[0].invert_yaxis()
    return figure


def _set_up_map(ax: Axes, label: str, rows: Sequence[str], columns: Sequence[str]) -> None:
    rotation = 90 if max(map(len, columns), default=0) > 6 else 0
    ax.set_title(label_name(label))
    ax.set_xticks([x + 0.5 for x in range(len(columns))], columns, rotation=rotation)
    ax.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.patch.set(hatch="////", edgecolor="#CCCCCC")


def _draw_map(
    figure: Figure, ax: Axes, summary: Summary, label: str, cells: Sequence[_Cell]
) -> None:
    """Draw the panel of a label, with its scale."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter

    shape = len(ax.get_yticks()), len(ax.get_xticks())
    shares = np.full(shape, math.nan)
    estimates = [summary.estimate(cell.group, label) for cell in cells]
    sound = []
    for cell, estimate in zip(cells, estimates, strict=True):
        share = estimate.count / cell.group.passages if estimate else cell.group.share(label)
        shares[cell.row, cell.column] = share
        if not (estimate and estimate.notes):
            sound.append(share)
    # The scale is set by the reliable cells: one outlier of three passages must not make the
    # others pale.
    known = [float(shares[cell.row, cell.column]) for cell in cells]
    end = max(math.ceil(10 * max(sound or known, default=0)) / 10, 0.1)
    colours = LinearSegmentedColormap.from_list(label, ("white", INKS[label]))
    mesh = ax.pcolormesh(shares, cmap=colours, vmin=0, vmax=end, edgecolors="white", linewidth=0.6)
    beyond = "max" if any(share > end for share in known) else "neither"
    scale: dict[str, Any] = {"ticks": (0, end), "format": PercentFormatter(1, decimals=0)}
    figure.colorbar(mesh, ax=ax, location="bottom", extend=beyond, aspect=30, **scale)
    for cell, estimate in zip(cells, estimates, strict=True):
        share = float(shares[cell.row, cell.column])
        _write_cell(ax, cell, share, estimate, text_on(colours(share / end)[:3]))


def _write_cell(
    ax: Axes, cell: _Cell, share: float, estimate: Estimate | None, colour: str
) -> None:
    """Write the share of a cell and, below it, its interval; each fits inside."""
    look: dict[str, Any] = {"ha": "center", "va": "center", "in_layout": False, "color": colour}
    x = cell.column + 0.5
    text = f"{100 * share:.0f}"
    if estimate is None:
        ax.text(x, cell.row + 0.5, text, fontsize=8.5, **look)
        return
    low = 100 * estimate.low / cell.group.passages
    high = 100 * estimate.high / cell.group.passages
    uncertain = "?" if estimate.notes else ""
    ax.text(x, cell.row + 0.35, f"{text}{uncertain}", fontsize=8.5, **look)
    ax.text(x, cell.row + 0.74, f"{low:.0f}–{high:.0f}", fontsize=6, **look)


def _new_figure(
    summary: Summary,
    size: tuple[float, float],
    caveat: str,
    legend: Sequence[Artist],
    first_note: str,
) -> Figure:
    """Make a figure for axes of `size` inches, with title, legend, and notes on the `caveat`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    facts = [
        f"{summary.total.passages:,} passages",
        *(f"{name} {value}" for name, value in summary.about.items()),
    ]
    notes = [first_note, " · ".join(facts), OVERLAP]
    notes.append(
        ASSUMPTION
        if summary.rates
        else "Shares as tagged: this model does not record its error rates."
    )
    if reasons := "; ".join(NOTES[note] for note in summary.notes()):
        notes.append(f"{caveat} = too uncertain to use: {reasons}.")
    lines = [line for note in notes for line in textwrap.wrap(note, int(size[0] / 0.06))]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    figure = Figure((size[0], size[1] + _LINE * len(lines) + 1.2), layout=layout)
    look = {
        "title_fontproperties": {"size": 11, "weight": "bold"},
        "alignment": "left",
        "frameon": False,
    }
    figure.legend(
        handles=legend, title=_title(summary), loc="outside upper left", ncols=4, fontsize=8, **look
    )
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color="#444444")
    return figure


def _lay_out(figure: Figure) -> None:
    """Run the layout and round its positions, whose last bits vary from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(x, 5), round(y, 5)))
    for ax in figure.axes:
        left, bottom, width, height = (
            round(side, 5) for side in ax.get_position(original=True).bounds
        )
        ax.set_position((left, bottom, width, height))


def _svg(figure: Figure, title: str, text: str) -> bytes:
    """Render SVG with a title and description (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(
        written,
        format="svg",
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    description = (
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(text)}</desc>'
    )
    opened = f'<svg role="img" aria-labelledby="title desc" {attributes}>'
    return f"{head}{opened}\n{description}{drawing}".encode()


def _title(summary: Summary) -> str:
    return f"What reports say of governments: shares of passages by {' and '.join(summary.by)}"


def _check_size(number: int, what: str, most: int) -> None:
    if number > most:
        raise InputError(
            f"{number:,} {what} are too many for a picture; count by less, or write --format csv"
        )


def _shorten(name: str, width: int = 40) -> str:
    """Shorten a name in the middle: file names differ at their ends.

    >>> _shorten("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    if len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 1]}…{name[-end:]}"


def _group_names(summary: Summary) -> list[str]:
    shown = [_names(summary, place) for place in range(len(summary.by))]
    return [
        " · ".join(names[name] for names, name in zip(shown, group.key, strict=True))
        for group in summary.groups
    ]


def _total_names(summary: Summary) -> list[str]:
    return [
        f"total, {shown_name(total.key[0], 'publication')}" if total.key else "total"
        for total in summary.shown_totals
    ]


def _names(summary: Summary, place: int) -> dict[Name, str]:
    """Make the display names in dimension `place` of the keys."""
    dimension = summary.by[place]
    if dimension == "file":
        return {file: shown_name(name, dimension) for file, name in summary.file_names.items()}
    names = {group.key[place] for group in summary.groups}
    return {name: shown_name(name, dimension) for name in names}


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named = [*zip(summary.groups, _group_names(summary), strict=True)]
    lines = [_in_words(summary, group, name) for group, name in named[:_MOST_LINES]]
    if (more := len(named) - _MOST_LINES) > 0:
        lines.append(f"… {more} more groups; tipclassify summary --format csv has all")
    totals = zip(summary.shown_totals, _total_names(summary), strict=True)
    return [*lines, *(_in_words(summary, total, name) for total, name in totals)]


def _in_words(summary: Summary, group: Group, name: str) -> str:
    parts = [f"{name}: {several(group.passages, 'passage')}"]
    for label in (*LABELS, NONE) if group.passages else ():
        share = f"{label} {group.share(label):.0%}"
        if estimate := summary.estimate(group, label):
            adjusted = f"{estimate.count / group.passages:.0%}"
            low = f"{estimate.low / group.passages:.0%}"
            high = f"{estimate.high / group.passages:.0%}"
            share = f"{share} (adjusted {adjusted}, {low} to {high})"
        parts.append(share)
    return "; ".join(parts)
