"""Chart of bars: for each group what its passages say, then the share of each label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict

from tipclassify.labels import LABELS, label_name
from tipclassify.reports.adjustment import AdjustedCount
from tipclassify.reports.charts.figure import INK, MOST_ROWS, check_chart_size, new_figure
from tipclassify.reports.group import Group
from tipclassify.reports.palette import INKS, TINTS
from tipclassify.reports.summary import Summary
from tipclassify.reports.summary_names import (
    shorten_group_name,
    summary_group_names,
    summary_total_names,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PARTS", "BarPart", "draw_bars"]

_BAR: Final = 0.72  # height of a bar, of the distance of rows


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of a group's bar; neighbours differ in hatch, too."""

    name: str
    labels: tuple[str, ...] | None  # of its passages; None for any with complicity
    colour: str
    hatch: str = ""
    stroke: str = "white"  # colour of the hatch


PARTS: Final = (
    BarPart("positive effort alone", ("positive_effort",), INKS["positive_effort"]),
    BarPart(
        "effort and failure",
        ("positive_effort", "failure"),
        INKS["failure"],
        hatch="////",
        stroke=TINTS["positive_effort"],
    ),
    BarPart("failure alone", ("failure",), INKS["failure"]),
    BarPart("complicity, alone or not", None, INKS["complicity"], hatch="xxxx"),
    BarPart("no label", (), "#EEEEEE"),
)
"""Disjoint parts of a group's passages, in stacking order."""

_AS_TAGGED: Final = BarPart("share with the label, as tagged", (), "#C4C4C4")


@dataclass(frozen=True, slots=True)
class _BarRow:
    """A row of bars: a group or a total, and its adjusted counts by label, if known."""

    name: str
    group: Group
    estimates: Mapping[str, AdjustedCount | None]


def _bar_rows(summary: Summary) -> list[_BarRow]:
    groups = [*summary.groups, *summary.shown_totals]
    names = [*summary_group_names(summary), *summary_total_names(summary)]
    rows = []
    for name, group in zip(names, groups, strict=True):
        estimates = {label: summary.estimate(group, label) for label in LABELS}
        rows.append(_BarRow(name, group, estimates))
    return rows


def draw_bars(summary: Summary) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval."""
    rows = _bar_rows(summary)
    check_chart_size(len(rows), "rows", MOST_ROWS)
    figure = new_figure(
        summary,
        width=11,
        height=0.4 + 0.3 * len(rows),
        caveat="Hollow",
        legend=_legend_of_bars(summary),
        first_note="Beside each name is its number of passages.",
    )
    axes: Sequence[Axes] = figure.subplots(1, 4, sharey=True, width_ratios=(1.65, 1, 1, 1))
    stacked = axes[0]
    of_labels = axes[1:]
    end = _end_of_bar_scale(rows)
    groups = len(summary.groups)
    _set_up_bar_panel(stacked, "what passages say", 0, 1.0, groups)
    for ax, label in zip(of_labels, LABELS, strict=True):
        # room for half a marker on the left
        _set_up_bar_panel(ax, label_name(label), -0.02 * end, end, groups)
    stacked.set_ylim(len(rows) - 0.5, -0.5)
    names = [f"{shorten_group_name(row.name)}   {row.group.passages:,}" for row in rows]
    stacked.set_yticks(range(len(rows)), names)
    for name_of_total in stacked.get_yticklabels()[groups:]:
        name_of_total.set_fontweight("bold")
    for y, row in enumerate(rows):
        _draw_bar_parts(stacked, y, row.group)
        for ax, label in zip(of_labels, LABELS, strict=True):
            _draw_label_share(ax, y, row, label)
    return figure


def _end_of_bar_scale(rows: Sequence[_BarRow]) -> float:
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


def _set_up_bar_panel(ax: Axes, title: str, start: float, end: float, groups: int) -> None:
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


def _draw_bar_parts(ax: Axes, y: int, group: Group) -> None:
    """Draw the stacked parts of a group's bar."""
    left = 0.0
    for part in PARTS:
        if part.labels is None:
            number = group.count("complicity")
        else:
            number = group.sets.get(part.labels, 0)
        width = number / (group.passages or 1)
        ax.barh(
            y,
            width,
            _BAR,
            left,
            color=part.colour,
            hatch=part.hatch,
            edgecolor=part.stroke,
            linewidth=0.5,
        )
        left += width


def _draw_label_share(ax: Axes, y: int, row: _BarRow, label: str) -> None:
    """Draw the share of a label as tagged, and the adjusted one with its interval."""
    passages = row.group.passages
    ax.barh(y, row.group.count(label) / (passages or 1), _BAR, color=INKS[label], alpha=0.45)
    estimate = row.estimates[label]
    if not passages or estimate is None:
        return
    share = estimate.count / passages
    below = (estimate.count - estimate.low) / passages
    above = (estimate.high - estimate.count) / passages
    marker = _style_of_chart_marker(is_unreliable=bool(estimate.notes))
    ax.errorbar(share, y, xerr=[[below], [above]], elinewidth=1, capsize=2, **marker)


class _MarkerStyle(TypedDict):
    """Options by which matplotlib draws a marker and its line."""

    color: str
    linewidth: float
    zorder: float
    marker: str
    markersize: float
    markerfacecolor: str
    markeredgewidth: float


def _style_of_chart_marker(is_unreliable: bool) -> _MarkerStyle:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    return _MarkerStyle(
        color="#8A8A8A" if is_unreliable else INK,
        linewidth=1.0,
        zorder=3,
        marker="o",
        markersize=3.5,
        markerfacecolor="white" if is_unreliable else INK,
        markeredgewidth=0.8,
    )


def _legend_of_bars(summary: Summary) -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = []
    for part in (*PARTS, _AS_TAGGED):
        patch = Patch(
            facecolor=part.colour,
            hatch=part.hatch,
            edgecolor=part.stroke,
            linewidth=0.5,
            label=part.name,
        )
        handles.append(patch)
    if summary.rates is not None:
        adjusted = "adjusted for the model's errors, with 95% interval"
        uncertain = "adjusted, but too uncertain to use (why: see below)"
        handles.append(
            Line2D([], [], label=adjusted, **_style_of_chart_marker(is_unreliable=False))
        )
        handles.append(
            Line2D([], [], label=uncertain, **_style_of_chart_marker(is_unreliable=True))
        )
    return handles
