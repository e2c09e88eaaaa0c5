"""Heat map: a panel for each label, with what a summary counts by first downwards and what it counts by second across.

Colours are ColorBrewer's Blues (Harrower and Brewer 2003, The Cartographic Journal 40:27-37), told apart with any colour
vision and in greyscale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.charts.lettering import fit_text, measure_text
from tipclassify.charts.names import name_parts
from tipclassify.charts.page import MOST_ROWS, Page, count_blocks, too_many
from tipclassify.charts.scales import percent, round_up, turn_ends_inward
from tipclassify.labels import LABELS
from tipclassify.summary import Group, Name, Summary, in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_heat_map"]

_MOST_CELLS: Final = 6_000  # 240 countries in 25 years


def draw_heat_map(found: Summary) -> Figure:
    """One panel for each label; shares in percent, adjusted where the error rates are known.

    Raises
    ------
    InputError
        When there are too many rows or cells for a picture.
    """
    cells = {group.key: group for group in found.groups}
    down = list(dict.fromkeys(key[0] for key in cells))
    across = in_order(dict.fromkeys(key[1] for key in cells), found.by[1])  # years ascend though some rows lack some
    if len(down) > MOST_ROWS:
        raise too_many(len(down), "rows")
    if len(down) * len(across) > _MOST_CELLS:
        raise too_many(len(down) * len(across), "cells")
    grid = _Grid(found, down, across)
    panel = max(len(across) * grid.cell, 1.3)
    block = grid.beside + (panel + 0.25) * len(LABELS)
    blocks = count_blocks(len(down), grid.pitch, block)
    most = max(math.ceil(len(down) / blocks), 1)
    top = 0.2 + grid.above
    page = Page(found, block * blocks - 0.25, top + most * grid.pitch + 0.45, above=0.75, doubt="?", told=grid.told())
    for number in range(blocks if across else 0):
        here = down[number * most : (number + 1) * most]
        for j, label in enumerate(LABELS if here else ()):
            x = number * block + grid.beside + j * (panel + 0.25)
            page.text(x, 0.1, label.replace("_", " "), grid.size + 0.5, weight="bold")
            grid.heads(page, x, top)
            if not j:
                for row, name in enumerate(grid.names[number * most : number * most + len(here)]):
                    page.text(x - 0.08, top + (row + 0.5) * grid.pitch, name, grid.size, ha="right")
            ax = page.axes(x, top, len(across) * grid.cell, len(here) * grid.pitch)
            bar = page.axes(x, top + len(here) * grid.pitch + 0.12, panel, 0.1)
            grid.draw(ax, bar, here, label)
    return page.figure


class _Grid:
    """The cells of a heat map, their size in inches and what is written in and around them."""

    def __init__(self, found: Summary, down: Sequence[Name], across: Sequence[Name]) -> None:
        self.found, self.across = found, across
        self.cells = {group.key: group for group in found.groups}
        roomy = len(down) <= 45
        self.detailed = roomy and found.rates is not None  # an interval in every cell
        self.pitch, self.size, longest = (0.36, 8.5, 2.8) if roomy else (0.2, 7.0, 2.2)
        self.cell = 0.62 if len(across) <= 6 else 0.48 if self.detailed else 0.34
        rows, columns = name_parts(found, 0), name_parts(found, 1)
        self.names = [fit_text(rows[name], longest, self.size, 2 if roomy else 1) for name in down]
        self.columns = [fit_text(columns[name], 1.6, self.size - 1) for name in across]
        widest = max((measure_text(name, self.size - 1) for name in self.columns), default=0.0)
        self.upright = widest > self.cell - 0.04
        self.above = widest + 0.25 if self.upright else 0.25
        self.beside = (
            max((measure_text(line, self.size) for name in self.names for line in name.split("\n")), default=0.0) + 0.12
        )

    def told(self) -> str:
        """What the figures in the cells are."""
        if self.found.rates is None:
            return "percent of passages, as tagged; hatched: no passages"
        below = "; below it the 95% interval" if self.detailed else ""
        return f"percent of passages, adjusted for the model's errors{below}; hatched: no passages"

    def share(self, row: Name, column: Name, label: str) -> float:
        """The share of a cell, adjusted if it can be; NaN for no passages."""
        group = self.cells.get((row, column))
        if group is None or not group.passages:
            return math.nan
        estimate = self.found.estimate(group, label)
        return estimate.count / group.passages if estimate else group.share(label)

    def notes(self, group: Group, label: str) -> tuple[str, ...]:
        """What speaks against relying on a cell."""
        estimate = self.found.estimate(group, label)
        return estimate.notes if estimate else ()

    def heads(self, page: Page, x: float, y: float) -> None:
        """Names of the columns."""
        for number, name in enumerate(self.columns):
            middle, turn = x + (number + 0.5) * self.cell, 90 if self.upright else 0
            page.text(middle, y - 0.06, name, self.size - 1, ha="center", va="bottom", rotation=turn)

    def draw(self, ax: Axes, bar: Axes, rows: Sequence[Name], label: str) -> None:
        """Cells of some rows, and the scale of colours, which is the same for all rows of a label."""
        import numpy as np
        from matplotlib import colormaps

        colours = colormaps["Blues"]
        # One odd cell of three passages must not make the rest pale: the scale is for those that can be relied on.
        shares = {key: self.share(key[0], key[1], label) for key, group in self.cells.items() if group.passages}
        sound = [share for key, share in shares.items() if not self.notes(self.cells[key], label)]
        end = round_up(max(sound or shares.values(), default=0.0), least=0.1)
        beyond = "+" if any(share > end for share in shares.values()) else ""
        ax.set_xlim(0, len(self.across))
        ax.set_ylim(len(rows), 0)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.patch.set(facecolor="white", hatch="////", edgecolor="#CCCCCC", linewidth=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        values = np.array([[self.share(row, column, label) for column in self.across] for row in rows])
        mesh = ax.pcolormesh(
            np.ma.masked_invalid(values), cmap=colours, vmin=0, vmax=end, edgecolors="white", linewidth=0.6
        )
        for y, row in enumerate(values):
            for x, share in enumerate(row):
                if not math.isnan(share):
                    light = _luminance(colours(min(share / end, 1.0))) > 0.18  # black and white contrast alike at 0.18
                    ink = "black" if light else "white"
                    self._write(ax, x, y, self.cells[rows[y], self.across[x]], label, float(share), ink)
        scale = ax.figure.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[0, end])
        scale.outline.set_visible(False)
        bar.set_xticklabels([percent(0), percent(end) + beyond])
        bar.tick_params(labelsize=self.size - 2, length=2)
        turn_ends_inward(bar)

    def _write(self, ax: Axes, x: int, y: int, group: Group, label: str, share: float, ink: str) -> None:
        estimate = self.found.estimate(group, label)
        text = f"{100 * share:.0f}{'?' if self.notes(group, label) else ''}"
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
        if self.detailed and estimate:
            low, high = (100 * n / group.passages for n in (estimate.low, estimate.high))
            ax.text(x + 0.5, y + 0.35, text, fontsize=self.size, **style)
            ax.text(x + 0.5, y + 0.74, f"{low:.0f}–{high:.0f}", fontsize=self.size - 2.5, **style)
        else:
            ax.text(x + 0.5, y + 0.5, text, fontsize=self.size - 1, **style)


def _luminance(colour: Sequence[float]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
