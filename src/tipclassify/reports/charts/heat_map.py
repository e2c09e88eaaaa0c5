"""Heat map: a panel for each label, with the share of passages by two dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tipclassify.labels import LABELS, label_name
from tipclassify.reports.adjustment import AdjustedCount
from tipclassify.reports.charts.figure import MOST_ROWS, check_chart_size, new_figure
from tipclassify.reports.dimensions import SORTED, rank_in_dimension
from tipclassify.reports.group import Group
from tipclassify.reports.palette import INKS, text_colour_on
from tipclassify.reports.summary import Summary
from tipclassify.reports.summary_names import dimension_names, shorten_group_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_heat_map"]

_MOST_CELLS: Final = 6_000  # 240 countries in 25 years
_LONGEST_COLUMN_NAME: Final = 26


@dataclass(frozen=True, slots=True)
class _HeatMapCell:
    """A cell of a heat map: a group with passages, by its row and column."""

    row: int
    column: int
    group: Group


@dataclass(frozen=True, slots=True)
class _HeatMapShare:
    """A cell in the panel of a label: the share of its passages, adjusted if that is known."""

    cell: _HeatMapCell
    share: float
    estimate: AdjustedCount | None

    @property
    def is_sound(self) -> bool:
        """Whether the share is not too uncertain to use."""
        return not (self.estimate and self.estimate.notes)


def draw_heat_map(summary: Summary) -> Figure:
    """Draw a panel for each label, in percent, with ``?`` where one is too uncertain to use."""
    down = list(dict.fromkeys(group.key[0] for group in summary.groups))
    across = list(dict.fromkeys(group.key[1] for group in summary.groups))
    if summary.by[1] in SORTED:  # again: the first country may lack some years
        across.sort(key=rank_in_dimension)
    check_chart_size(len(down), "rows", MOST_ROWS)
    check_chart_size(len(down) * len(across), "cells", _MOST_CELLS)
    names_down = dimension_names(summary, 0)
    names_across = dimension_names(summary, 1)
    rows = [shorten_group_name(names_down[name]) for name in down]
    columns = [shorten_group_name(names_across[name], _LONGEST_COLUMN_NAME) for name in across]
    how = "as tagged"
    if summary.rates:
        how = "adjusted for the model's errors; below it the 95% interval"
    longest_name = max(map(len, columns), default=0)
    figure = new_figure(
        summary,
        width=max(4 + len(LABELS) * 0.55 * len(across), 9),
        height=1.0 + 0.36 * len(down) + 0.08 * longest_name,
        caveat="?",
        legend=(),
        first_note=f"Percent of passages, {how}; hatched: no passages.",
    )
    if not summary.groups:
        return figure
    cells = [
        _HeatMapCell(down.index(group.key[0]), across.index(group.key[1]), group)
        for group in summary.groups
        if group.passages
    ]
    axes: Sequence[Axes] = figure.subplots(1, len(LABELS), sharey=True)
    for ax, label in zip(axes, LABELS, strict=True):
        _set_up_heat_map_panel(ax, label, rows, columns)
        _draw_heat_map_panel(
            figure, ax, label, [_share_of_heat_map_cell(summary, cell, label) for cell in cells]
        )
    axes[0].invert_yaxis()
    return figure


def _share_of_heat_map_cell(summary: Summary, cell: _HeatMapCell, label: str) -> _HeatMapShare:
    estimate = summary.estimate(cell.group, label)
    share = estimate.count / cell.group.passages if estimate else cell.group.share(label)
    return _HeatMapShare(cell, share, estimate)


def _set_up_heat_map_panel(
    ax: Axes, label: str, rows: Sequence[str], columns: Sequence[str]
) -> None:
    rotation = 90 if max(map(len, columns), default=0) > 6 else 0
    ax.set_title(label_name(label))
    ax.set_xticks([x + 0.5 for x in range(len(columns))], columns, rotation=rotation)
    ax.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.patch.set(hatch="////", edgecolor="#CCCCCC")


def _draw_heat_map_panel(
    figure: Figure, ax: Axes, label: str, shares: Sequence[_HeatMapShare]
) -> None:
    """Draw the panel of a label, with its scale."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter

    grid = np.full((len(ax.get_yticks()), len(ax.get_xticks())), math.nan)
    for shown in shares:
        grid[shown.cell.row, shown.cell.column] = shown.share
    # The scale is set by the reliable cells: one outlier of three passages must not make the
    # others pale.
    setting_scale = [shown for shown in shares if shown.is_sound] or shares
    largest = max((shown.share for shown in setting_scale), default=0)
    end = max(math.ceil(10 * largest) / 10, 0.1)
    colours = LinearSegmentedColormap.from_list(label, ("white", INKS[label]))
    mesh = ax.pcolormesh(grid, cmap=colours, vmin=0, vmax=end, edgecolors="white", linewidth=0.6)
    figure.colorbar(
        mesh,
        ax=ax,
        location="bottom",
        extend="max" if any(shown.share > end for shown in shares) else "neither",
        aspect=30,
        ticks=(0, end),
        format=PercentFormatter(1, decimals=0),
    )
    for shown in shares:
        _write_heat_map_cell(ax, shown, text_colour_on(colours(shown.share / end)[:3]))


def _write_heat_map_cell(ax: Axes, shown: _HeatMapShare, colour: str) -> None:
    """Write the share of a cell and, below it, its interval; each fits inside."""
    cell = shown.cell
    estimate = shown.estimate
    share = f"{100 * shown.share:.0f}"
    if estimate is None:
        _write_line_in_heat_map(ax, cell, 0.5, share, 8.5, colour)
        return
    uncertain = "?" if estimate.notes else ""
    low = 100 * estimate.low / cell.group.passages
    high = 100 * estimate.high / cell.group.passages
    _write_line_in_heat_map(ax, cell, 0.35, f"{share}{uncertain}", 8.5, colour)
    _write_line_in_heat_map(ax, cell, 0.74, f"{low:.0f}–{high:.0f}", 6, colour)


def _write_line_in_heat_map(
    ax: Axes, cell: _HeatMapCell, down: float, text: str, size: float, colour: str
) -> None:
    """Write a line in the middle of a cell, `down` from its top."""
    ax.text(
        cell.column + 0.5,
        cell.row + down,
        text,
        fontsize=size,
        color=colour,
        ha="center",
        va="center",
        in_layout=False,
    )
