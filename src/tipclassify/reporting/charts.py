"""Charts of a `Summary`, as PNG or SVG: bars for each group, or a heat map by two dimensions for
each label."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import numpy as np

from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.reporting.adjustment import ASSUMPTION, NOTES
from tipclassify.reporting.palette import INKS, TINTS, text_on
from tipclassify.reporting.summary import (
    NONE,
    OVERLAP,
    SORTED,
    Group,
    Summary,
    rank,
    shown_name,
)

if TYPE_CHECKING:
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
PARTS: Final = (
    # Name, label set (None: any with complicity), colour, hatch and its colour; neighbours differ
    # in hatch too.
    ("positive effort alone", ("positive_effort",), INKS["positive_effort"], "", "white"),
    (
        "effort and failure",
        ("positive_effort", "failure"),
        INKS["failure"],
        "////",
        TINTS["positive_effort"],
    ),
    ("failure alone", ("failure",), INKS["failure"], "", "white"),
    ("complicity, alone or not", None, INKS["complicity"], "xxxx", "white"),
    ("no label", (), "#EEEEEE", "", "white"),
)
"""Disjoint parts of a group's passages, in stacking order."""


def draw(summary: Summary, chart: str, format: str, out: IO[bytes]) -> None:
    """Draw ``"bars"``, or a ``"heatmap"`` of a summary by two dimensions, as ``"png"`` or
    ``"svg"``.

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


def _draw_bars(summary: Summary) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval."""
    from matplotlib.ticker import PercentFormatter

    rows = [*summary.groups, *summary.shown_totals]
    _check_size(len(rows), "rows", 600)
    size, about = (11, 0.4 + 0.3 * len(rows)), "Beside each name is its number of passages."
    figure = _new_figure(summary, size, "Hollow", _legend(summary), about)
    axes: Sequence[Axes] = figure.subplots(1, 4, sharey=True, width_ratios=(1.65, 1, 1, 1))
    estimates = {
        (y, label): summary.estimate(group, label)
        for y, group in enumerate(rows)
        for label in LABELS
    }
    reliable = [
        found.high / rows[y].passages
        for (y, _), found in estimates.items()
        if found and not found.notes
    ]
    shares = [group.share(label) for group in rows for label in LABELS if group.passages]
    end = max(math.ceil(5 * max([*shares, *reliable], default=0)) / 5, 0.2)
    for ax, title in zip(
        axes, ("what passages say", *(label.replace("_", " ") for label in LABELS)), strict=True
    ):
        scale = 1.0 if ax is axes[0] else end
        ax.set_title(title)
        ax.set_xlim(0 if ax is axes[0] else -0.02 * end, scale * 1.02)  # room for half a marker
        ax.set_xticks((0, scale / 2, scale))
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.tick_params(
            "x", top=True, labeltop=True, bottom=False, labelbottom=False, length=2, labelsize=7
        )
        ax.tick_params("y", length=0)
        ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["left", "right", "bottom"]].set_visible(False)
        ax.axhline(len(summary.groups) - 0.5, color="#999999", linewidth=0.6)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    names = zip((*_group_names(summary), *_total_names(summary)), rows, strict=True)
    axes[0].set_yticks(
        range(len(rows)), [f"{_shorten(name)}   {group.passages:,}" for name, group in names]
    )
    for name_of_total in axes[0].get_yticklabels()[len(summary.groups) :]:
        name_of_total.set_fontweight("bold")
    for y, group in enumerate(rows):
        n, left = group.passages or 1, 0.0
        for _, labels, colour, hatch, stroke in PARTS:
            width = (group.count("complicity") if labels is None else group.sets.get(labels, 0)) / n
            axes[0].barh(
                y, width, 0.72, left, color=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5
            )
            left += width
        for ax, label in zip(axes[1:], LABELS, strict=True):
            ax.barh(y, group.count(label) / n, 0.72, color=INKS[label], alpha=0.45)
            if group.passages and (found := estimates[y, label]):
                reach = [[(found.count - found.low) / n], [(found.high - found.count) / n]]
                ax.errorbar(
                    found.count / n,
                    y,
                    xerr=reach,
                    elinewidth=1,
                    capsize=2,
                    **_marker(bool(found.notes)),
                )
    return figure


def _marker(unreliable: bool) -> dict[str, Any]:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    colour, face = ("#8A8A8A", "white") if unreliable else (_INK, _INK)
    marker = {"marker": "o", "markersize": 3.5, "markerfacecolor": face, "markeredgewidth": 0.8}
    return {"color": colour, "linewidth": 1.0, "zorder": 3, **marker}


def _legend(summary: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for name, _, colour, hatch, stroke in (
        *PARTS,
        ("share with the label, as tagged", (), "#C4C4C4", "", "white"),
    ):
        handles.append(
            Patch(facecolor=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5, label=name)
        )
    if summary.rates is not None:
        handles.append(
            Line2D(
                [], [], label="adjusted for the model's errors, with 95% interval", **_marker(False)
            )
        )
        handles.append(
            Line2D(
                [], [], label="adjusted, but too uncertain to use (why: see below)", **_marker(True)
            )
        )
    return handles


def _draw_heat_map(summary: Summary) -> Figure:
    """Draw a panel for each label with shares in percent, and ``?`` where one is too uncertain
    to use."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter

    down, across = (
        list(dict.fromkeys(group.key[place] for group in summary.groups)) for place in (0, 1)
    )
    if summary.by[1] in SORTED:  # again: the first country may lack some years
        across.sort(key=rank)
    _check_size(len(down), "rows", 600)
    _check_size(len(down) * len(across), "cells", 6_000)  # 240 countries in 25 years
    how = (
        "adjusted for the model's errors; below it the 95% interval"
        if summary.rates
        else "as tagged"
    )
    rows, columns = (_names(summary, place) for place in (0, 1))
    heads = [_shorten(columns[name], 26) for name in across]
    longest = max(map(len, heads), default=0)
    size = max(4 + len(LABELS) * 0.55 * len(across), 9), 1.0 + 0.36 * len(down) + 0.08 * longest
    figure = _new_figure(
        summary, size, "?", (), f"Percent of passages, {how}; hatched: no passages."
    )
    axes: Any = figure.subplots(1, len(LABELS), sharey=True) if summary.groups else ()
    cells = {
        (down.index(g.key[0]), across.index(g.key[1])): g for g in summary.groups if g.passages
    }
    for ax, label in zip(axes, LABELS, strict=False):
        values = np.full((len(down), len(across)), math.nan)
        estimates = {place: summary.estimate(group, label) for place, group in cells.items()}
        for place, found in estimates.items():
            values[place] = (
                found.count / cells[place].passages if found else cells[place].share(label)
            )
        # The scale is set by the reliable cells: one outlier of three passages must not make the
        # others pale.
        sound = [values[place] for place, found in estimates.items() if not (found and found.notes)]
        end = max(
            math.ceil(10 * max(sound or [values[place] for place in estimates], default=0)) / 10,
            0.1,
        )
        ax.set_title(label.replace("_", " "))
        ax.set_xticks(
            [x + 0.5 for x in range(len(across))], heads, rotation=90 if longest > 6 else 0
        )
        ax.set_yticks([y + 0.5 for y in range(len(down))], [_shorten(rows[name]) for name in down])
        ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        ax.spines[:].set_visible(False)
        ax.patch.set(hatch="////", edgecolor="#CCCCCC")
        colours = LinearSegmentedColormap.from_list(label, ("white", INKS[label]))
        mesh = ax.pcolormesh(
            values, cmap=colours, vmin=0, vmax=end, edgecolors="white", linewidth=0.6
        )
        beyond = "max" if any(values[place] > end for place in estimates) else "neither"
        scale: dict[str, Any] = {"ticks": (0, end), "format": PercentFormatter(1, decimals=0)}
        figure.colorbar(mesh, ax=ax, location="bottom", extend=beyond, aspect=30, **scale)
        for (y, x), found in estimates.items():
            # each fits inside its cell
            look: dict[str, Any] = {"ha": "center", "va": "center", "in_layout": False}
            look["color"] = text_on(colours(values[y, x] / end)[:3])
            share = f"{100 * values[y, x]:.0f}{'?' if found and found.notes else ''}"
            ax.text(x + 0.5, y + (0.35 if found else 0.5), share, fontsize=8.5, **look)
            if found:
                low, high = (
                    100 * count / cells[y, x].passages for count in (found.low, found.high)
                )
                ax.text(x + 0.5, y + 0.74, f"{low:.0f}–{high:.0f}", fontsize=6, **look)
    if summary.groups:
        axes[0].invert_yaxis()
    return figure


def _new_figure(
    summary: Summary, size: tuple[float, float], caveat: str, legend: Sequence[Any], about: str
) -> Figure:
    """Make a figure for axes of about `size`, in inches, with title, legend, and notes that
    explain the `caveat`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    facts = [
        f"{summary.total.passages:,} passages",
        *(f"{name} {value}" for name, value in summary.about.items()),
    ]
    notes = [about, " · ".join(facts), OVERLAP]
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
    """Run the layout and round its positions: the last bits of the layout solver's result vary
    from run to run."""
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
    """Render the figure as SVG with a title and description (SVG 2, section 5.7; WAI-ARIA
    graphics)."""
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
    return f'{head}<svg role="img" aria-labelledby="title desc" {attributes}>\n{description}{drawing}'.encode()


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
    return (
        name if len(name) <= width else f"{name[: width - width // 3 - 1]}…{name[-(width // 3) :]}"
    )


def _group_names(summary: Summary) -> list[str]:
    called = [_names(summary, place) for place in range(len(summary.by))]
    return [
        " · ".join(names[name] for names, name in zip(called, group.key, strict=True))
        for group in summary.groups
    ]


def _total_names(summary: Summary) -> list[str]:
    return [
        f"total, {shown_name(t.key[0], 'publication')}" if t.key else "total"
        for t in summary.shown_totals
    ]


def _names(summary: Summary, place: int) -> dict[Any, str]:
    """Make the display names in dimension `place` of the keys."""
    by = summary.by[place]
    shown = (
        summary.file_names
        if by == "file"
        else {group.key[place]: group.key[place] for group in summary.groups}
    )
    return {name: shown_name(text, by) for name, text in shown.items()}


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named = [*zip(summary.groups, _group_names(summary), strict=True)]
    lines = [_in_words(summary, group, name) for group, name in named[:_MOST_LINES]]
    if (more := len(named) - _MOST_LINES) > 0:
        lines.append(f"… {more} more groups; tipclassify summary --format csv has all")
    totals = zip(summary.shown_totals, _total_names(summary), strict=True)
    return [*lines, *(_in_words(summary, total, name) for total, name in totals)]


def _in_words(summary: Summary, group: Group, name: str) -> str:
    parts = [f"{name}: {group.passages:,} passage{'s' * (group.passages != 1)}"]
    for label in (*LABELS, NONE) if group.passages else ():
        parts.append(f"{label} {group.share(label):.0%}")
        if estimate := summary.estimate(group, label):
            low, count, high = (
                f"{n / group.passages:.0%}" for n in (estimate.low, estimate.count, estimate.high)
            )
            parts[-1] += f" (adjusted {count}, {low} to {high})"
    return "; ".join(parts)
