"""Heat map of a summary by two dimensions: a panel for each label, the first dimension downwards, the second across."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.charts.page import check_size, name_parts, new_figure, shorten
from tipclassify.reporting.summary import SORTED, Estimate, Summary, rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_heat_map"]

_DARK: Final = 0.72  # share of the scale from which white text has more contrast than black (luminance 0.18)


def draw_heat_map(summary: Summary) -> Figure:
    """Draw one panel for each label, with shares in percent, adjusted if the error rates are known."""
    import numpy as np
    from matplotlib.ticker import PercentFormatter

    cells = {group.key: group for group in summary.groups}
    down = list(dict.fromkeys(key[0] for key in cells))
    across = list(dict.fromkeys(key[1] for key in cells))
    if summary.by[1] in SORTED:  # again: the first country may lack some years
        across.sort(key=rank)
    check_size(len(down))
    check_size(len(down) * len(across), "cells", 6_000)  # 240 countries in 25 years
    how = "adjusted for the model's errors; below it the 95% interval" if summary.rates else "as tagged"
    about = f"Percent of passages, {how}; hatched: no passages."
    rows, columns = name_parts(summary, 0), name_parts(summary, 1)
    heads = [shorten(columns[name], 26) for name in across]
    longest = max(map(len, heads), default=0)
    size = max(4 + len(LABELS) * 0.55 * len(across), 9), 1.0 + 0.36 * len(down) + 0.08 * longest
    figure = new_figure(summary, size, "?", (), about)
    axes: Any = figure.subplots(1, len(LABELS), sharey=True) if cells else ()
    for ax, label in zip(axes, LABELS, strict=False):
        values = np.full((len(down), len(across)), math.nan)
        estimates: dict[tuple[int, int], Estimate | None] = {}
        for key, group in cells.items():
            if group.passages:
                place = down.index(key[0]), across.index(key[1])
                estimate = estimates[place] = summary.estimate(group, label)
                values[place] = estimate.count / group.passages if estimate else group.share(label)
        # The scale is set by the reliable cells: one outlier of three passages must not make the others pale.
        sound = [values[place] for place, estimate in estimates.items() if not (estimate and estimate.notes)]
        end = max(math.ceil(10 * max(sound or [values[place] for place in estimates], default=0)) / 10, 0.1)
        ax.set_title(label.replace("_", " "))
        ax.set_xticks([x + 0.5 for x in range(len(across))], heads, rotation=90 if longest > 6 else 0)
        ax.set_yticks([y + 0.5 for y in range(len(down))], [shorten(rows[name]) for name in down])
        ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        ax.spines[:].set_visible(False)
        ax.patch.set(hatch="////", edgecolor="#CCCCCC")
        # Blues of ColorBrewer are distinct with any colour vision and in greyscale (Harrower and Brewer 2003).
        mesh = ax.pcolormesh(values, cmap="Blues", vmin=0, vmax=end, edgecolors="white", linewidth=0.6)
        beyond = "max" if any(values[place] > end for place in estimates) else "neither"
        scale: dict[str, Any] = {"ticks": (0, end), "format": PercentFormatter(1, decimals=0)}
        figure.colorbar(mesh, ax=ax, location="bottom", extend=beyond, aspect=30, **scale)
        for (y, x), estimate in estimates.items():
            _write_cell(ax, x, y, values[y, x], estimate, cells[down[y], across[x]].passages, end)
    if cells:
        axes[0].invert_yaxis()
    return figure


def _write_cell(ax: Axes, x: int, y: int, share: float, estimate: Estimate | None, passages: int, end: float) -> None:
    """Write the share in percent and, below it, its interval; a share not to be relied on has a question mark."""
    look: dict[str, Any] = {"ha": "center", "va": "center", "color": "white" if share > _DARK * end else "black"}
    look["in_layout"] = False  # each fits inside its cell
    text = f"{100 * share:.0f}{'?' if estimate and estimate.notes else ''}"
    ax.text(x + 0.5, y + (0.35 if estimate else 0.5), text, fontsize=8.5, **look)
    if estimate:
        low, high = (100 * count / passages for count in (estimate.low, estimate.high))
        ax.text(x + 0.5, y + 0.74, f"{low:.0f}–{high:.0f}", fontsize=6, **look)
