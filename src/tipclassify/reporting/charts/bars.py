"""Bar chart of a summary: a row for each group, with disjoint label sets and then the share of each label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.charts.page import INK, check_size, name_groups, new_figure, shorten
from tipclassify.reporting.palette import INKS, TINTS
from tipclassify.reporting.summary import Group, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PARTS", "draw_bars"]

_FAINT: Final = "#8A8A8A"
_EFFORT, _FAILURE, _COMPLICITY = INKS.values()

PARTS: Final = (
    # Name, label set (None: any with complicity), colour, hatch and its colour; neighbours differ in hatch too.
    ("positive effort alone", ("positive_effort",), _EFFORT, "", "white"),
    ("effort and failure", ("positive_effort", "failure"), _FAILURE, "////", TINTS["positive_effort"]),
    ("failure alone", ("failure",), _FAILURE, "", "white"),
    ("complicity, alone or not", None, _COMPLICITY, "xxxx", "white"),
    ("no label", (), "#EEEEEE", "", "white"),
)
"""Disjoint parts of a group's passages, in stacking order."""


def draw_bars(summary: Summary) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval."""
    from matplotlib.ticker import PercentFormatter

    rows = [*summary.groups, summary.total]
    check_size(len(rows))
    figure = new_figure(summary, (11, 0.4 + 0.3 * len(rows)), "Hollow", _legend(summary))
    axes: Sequence[Axes] = figure.subplots(1, 4, sharey=True, width_ratios=(1.65, 1, 1, 1))
    filled = [group for group in rows if group.passages]
    shares = [group.share(label) for group in filled for label in LABELS]
    estimates = [(group, summary.estimate(group, label)) for group in filled for label in LABELS]
    reliable = [found.high / group.passages for group, found in estimates if found and not found.notes]
    largest = max([*shares, *reliable], default=0)
    titles = ("what passages say", *(label.replace("_", " ") for label in LABELS))
    for ax, title in zip(axes, titles, strict=True):
        end = 1.0 if ax is axes[0] else max(math.ceil(5 * largest) / 5, 0.2)
        ax.set_title(title)
        ax.set_xlim(0 if ax is axes[0] else -0.02 * end, end * 1.02)  # room for half a marker
        ax.set_xticks((0, end / 2, end))
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.tick_params("x", top=True, labeltop=True, bottom=False, labelbottom=False, length=2, labelsize=7)
        ax.tick_params("y", length=0)
        ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["left", "right", "bottom"]].set_visible(False)
        ax.axhline(len(rows) - 1.5, color="#999999", linewidth=0.6)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    names = zip((*name_groups(summary), "total"), rows, strict=True)
    axes[0].set_yticks(range(len(rows)), [f"{shorten(name)}   {group.passages:,}" for name, group in names])
    axes[0].get_yticklabels()[-1].set_fontweight("bold")
    _draw_parts(axes[0], rows)
    for ax, label in zip(axes[1:], LABELS, strict=True):
        _draw_label(ax, summary, rows, label)
    return figure


def _draw_parts(ax: Axes, groups: Sequence[Group]) -> None:
    ends = [0.0] * len(groups)
    for _, labels, colour, hatch, stroke in PARTS:
        counts = [group.count("complicity") if labels is None else group.sets.get(labels, 0) for group in groups]
        widths = [count / (group.passages or 1) for count, group in zip(counts, groups, strict=True)]
        ax.barh(range(len(groups)), widths, 0.72, ends, color=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]


def _draw_label(ax: Axes, summary: Summary, groups: Sequence[Group], label: str) -> None:
    filled = [(y, group) for y, group in enumerate(groups) if group.passages]
    shares = [group.share(label) for _, group in filled]
    ax.barh([y for y, _ in filled], shares, 0.72, color=INKS[label], alpha=0.45)
    estimates = [(y, group.passages, summary.estimate(group, label)) for y, group in filled]
    for unreliable in (False, True):
        some = [(y, n, e) for y, n, e in estimates if e and bool(e.notes) == unreliable]
        reach = [[(e.count - e.low) / n for _, n, e in some], [(e.high - e.count) / n for _, n, e in some]]
        style = {**_estimate_style(unreliable), "elinewidth": 1.0, "capsize": 2, "linestyle": "none"}
        if some:
            ax.errorbar([e.count / n for _, n, e in some], [y for y, _, _ in some], xerr=reach, **style)


def _estimate_style(unreliable: bool) -> dict[str, Any]:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    colour, face = (_FAINT, "white") if unreliable else (INK, INK)
    marker = {"marker": "o", "markersize": 3.5, "markerfacecolor": face, "markeredgewidth": 0.8}
    return {"color": colour, "linewidth": 1.0, "zorder": 3, **marker}


def _legend(summary: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for name, _, colour, hatch, stroke in (*PARTS, ("share tagged", (), "#C4C4C4", "", "white")):
        handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5, label=name))
    if summary.rates is not None:
        handles.append(Line2D([], [], label="adjusted, with 95% interval", **_estimate_style(False)))
        handles.append(Line2D([], [], label="the same, not to be relied on", **_estimate_style(True)))
    return handles
