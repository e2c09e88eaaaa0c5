"""Heat map of a summary by two dimensions: a panel for each label, the first dimension downwards, the second across.

Colours are ColorBrewer's Blues (Harrower and Brewer 2003, The Cartographic Journal 40:27-37), distinct with any colour
vision and in greyscale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.charts import page
from tipclassify.reporting.charts.names import name_parts
from tipclassify.reporting.summary import Estimate, Group, Summary, sort_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["draw_heat_map"]

_MOST_CELLS: Final = 6_000  # 240 countries in 25 years


def draw_heat_map(summary: Summary) -> Figure:
    """Draw one panel for each label, with shares in percent, adjusted if the error rates are known.

    Raises
    ------
    InputError
        When there are too many rows or cells for a picture.
    """
    cells = {group.key: group for group in summary.groups}
    down = list(dict.fromkeys(key[0] for key in cells))
    across = sort_names(dict.fromkeys(key[1] for key in cells), summary.by[1])  # sorted again: rows may lack some years
    if len(down) > page.MOST_ROWS:
        raise page.too_many(len(down), "rows")
    if len(down) * len(across) > _MOST_CELLS:
        raise page.too_many(len(down) * len(across), "cells")
    roomy = len(down) <= 45
    detailed = roomy and summary.rates is not None  # an interval in every cell
    pitch, size, lines = (0.36, 8.5, 2) if roomy else (0.2, 7.0, 1)
    cell = 0.62 if len(across) <= 6 else 0.48 if detailed else 0.34
    rows, columns = name_parts(summary, 0), name_parts(summary, 1)
    names = {name: page.fit_text(rows[name], 40, lines) for name in down}
    heads = [page.fit_text(columns[name], 26) for name in across]
    widest = max((page.text_width(head, size - 1) for head in heads), default=0.0)
    upright = widest > cell - 0.04
    block = len(LABELS) * (max(len(across) * cell, 1.3) + 0.25)
    block += max((page.text_width(name, size) for name in names.values()), default=0.0) + 0.2
    blocks = page.count_blocks(len(down), pitch, block)
    most = max(math.ceil(len(down) / blocks), 1)
    blocks = math.ceil(len(down) / most)
    subtitle = (
        "percent of passages, as tagged"
        if summary.rates is None
        else "percent of passages, adjusted for the model's errors"
    )
    subtitle += ("; below it the 95% interval" if detailed else "") + "; hatched: no passages"
    height = 0.85 + (widest if upright else 0.2) + most * pitch
    figure, body = page.new_page(summary, block * max(blocks, 1), height, "?", subtitle=subtitle)
    axes = body.subplots(1, blocks * len(LABELS), squeeze=False)[0] if blocks else ()
    for number, ax in enumerate(axes):
        label = LABELS[number % len(LABELS)]
        first = number // len(LABELS) * most
        here = down[first : first + most]
        ax.set_title(label.replace("_", " "), fontsize=size + 0.5, fontweight="bold", loc="left")
        ax.set_xticks([x + 0.5 for x in range(len(across))], heads, fontsize=size - 1, rotation=90 if upright else 0)
        shown = names if label == LABELS[0] else {}
        ax.set_yticks([y + 0.5 for y in range(len(here))], [shown.get(name, "") for name in here], fontsize=size)
        ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        ax.set(xlim=(0, len(across)), ylim=(most, 0))
        ax.spines[:].set_visible(False)
        end, beyond = _scale(summary, label)
        groups = [[cells.get((row, column)) for column in across] for row in here]
        mesh = _draw_cells(ax, summary, groups, end, label, size, detailed)
        bar = body.colorbar(
            mesh, ax=ax, location="bottom", aspect=block / 3 / 0.1, fraction=0.1 / (most * pitch), pad=0.02
        )
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=2)
        page.show_scale(bar.ax, (0, end), size - 2, beyond)
    return figure


def _share(summary: Summary, group: Group | None, label: str) -> tuple[float, Estimate | None]:
    """Return the share of a cell, adjusted if possible, and the estimate; NaN and None for no passages."""
    if group is None or not group.passages:
        return math.nan, None
    estimate = summary.estimate(group, label)
    return (estimate.count / group.passages if estimate else group.share(label)), estimate


def _scale(summary: Summary, label: str) -> tuple[float, str]:
    """Return the end of a label's colour scale, and "+" if some cells exceed it.

    The scale is set by the reliable cells: one outlier of three passages must not make the others pale.
    """
    shares = [_share(summary, group, label) for group in summary.groups if group.passages]
    sound = [share for share, estimate in shares if not (estimate and estimate.notes)]
    end = page.scale_end(max(sound or (share for share, _ in shares), default=0.0), least=0.1)
    return end, "+" if any(share > end for share, _ in shares) else ""


def _draw_cells(
    ax: Axes,
    summary: Summary,
    rows: Sequence[Sequence[Group | None]],
    end: float,
    label: str,
    size: float,
    detailed: bool,
) -> QuadMesh:
    """Draw the cells with their figures; cells without passages are hatched."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle((0, 0), len(rows[0]), len(rows), facecolor="white", hatch="////", edgecolor="#CCCCCC", linewidth=0)
    )
    shares = [[_share(summary, group, label) for group in row] for row in rows]
    values = np.ma.masked_invalid([[share for share, _ in row] for row in shares])
    mesh = ax.pcolormesh(values, cmap="Blues", vmin=0, vmax=end, edgecolors="white", linewidth=0.6)
    for y, row in enumerate(shares):
        for x, (share, estimate) in enumerate(row):
            group = rows[y][x]
            if group is None or math.isnan(share):
                continue
            # At a luminance of 0.18, black and white text have the same contrast.
            light = _luminance(colormaps["Blues"](min(share / end, 1.0))) > 0.18
            style: dict[str, Any] = {"ha": "center", "va": "center", "color": "black" if light else "white"}
            style["in_layout"] = False  # each fits inside its cell
            text = f"{100 * share:.0f}{'?' if estimate and estimate.notes else ''}"
            if detailed and estimate:
                low, high = (100 * n / group.passages for n in (estimate.low, estimate.high))
                ax.text(x + 0.5, y + 0.35, text, fontsize=size, **style)
                ax.text(x + 0.5, y + 0.74, f"{low:.0f}–{high:.0f}", fontsize=size - 2.5, **style)
            else:
                ax.text(x + 0.5, y + 0.5, text, fontsize=size - 1, **style)

    return mesh


def _luminance(colour: Sequence[float]) -> float:
    """Compute the relative luminance, 0 to 1 (WCAG 2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
