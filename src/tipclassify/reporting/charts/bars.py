"""Bar chart of a summary: a row for each group.

Each row has disjoint label sets stacked to 100% (labels overlap, so they cannot be stacked themselves), then the share
of each label on a scale of its own, with the adjusted share and its 95% interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.charts import page
from tipclassify.reporting.charts.names import drop_repeats, name_groups
from tipclassify.reporting.summary import Group, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "PARTS", "draw_bars"]

# Paul Tol's "high contrast" set (Colour Schemes, SRON/EPS/TN/09-002): distinct with any colour vision and in greyscale.
COLOURS: Final = {"positive_effort": "#004488", "failure": "#DDAA33", "complicity": "#BB5566"}
_PALE: Final = {"positive_effort": "#84A6C9", "failure": "#EED599", "complicity": "#E0B2BA"}
_FAINT: Final = "#8A8A8A"
_WIDTHS: Final = (2.8, 1.7, 1.7, 1.7)  # approximate widths of the panels, in inches

PARTS: Final = (
    # Name, label set (None: any with complicity), colour, hatch and its colour; light and dark alternate, so that
    # neighbours differ in greyscale too.
    ("positive effort alone", ("positive_effort",), COLOURS["positive_effort"], "", "white"),
    ("effort and failure", ("positive_effort", "failure"), COLOURS["failure"], "////", COLOURS["positive_effort"]),
    ("failure alone", ("failure",), COLOURS["failure"], "", "white"),
    ("complicity, alone or not", None, COLOURS["complicity"], "xxxx", "white"),
    ("no label", (), "#EEEEEE", "", "white"),
)
"""Disjoint parts of a group's passages, in stacking order."""


def draw_bars(summary: Summary) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval.

    Raises
    ------
    InputError
        When there are too many rows for a picture.
    """
    rows = [*summary.groups, summary.total]
    if len(rows) > page.MOST_ROWS:
        raise page.too_many(len(rows), "rows")
    few = len(rows) <= 40
    size, lines = (8.5, 2) if few else (7.0, 1)
    called = [*name_groups(summary), "total"]
    names = [page.fit_text(name, 40, lines) for name in called]
    pitch = 0.19 if not few else 0.36 if any("\n" in name for name in names) else 0.3
    block = sum(_WIDTHS) + 1.9 + max(page.text_width(name, size) for name in names)
    blocks = page.count_blocks(len(rows), pitch, block)
    most = math.ceil(len(rows) / blocks)
    blocks = math.ceil(len(rows) / most)
    figure, body = page.new_page(summary, block * blocks, 0.55 + most * pitch, "Hollow", _legend(summary))
    axes = body.subplots(1, blocks * len(_WIDTHS), squeeze=False, width_ratios=_WIDTHS * blocks)[0]
    end = page.scale_end(max(_largest_share(summary, group) for group in rows))
    for number in range(blocks):
        here = rows[number * most : (number + 1) * most]
        panels = axes[number * len(_WIDTHS) : (number + 1) * len(_WIDTHS)]
        _prepare(panels, end, most, size)
        shown = [page.fit_text(name, 40, lines) for name in drop_repeats(summary, here, called[number * most :])]
        _name_rows(panels[0], summary, here, shown, size)
        for y, group in enumerate(here):
            if y and (group is summary.total or (len(summary.by) > 1 and group.key[:-1] != here[y - 1].key[:-1])):
                for ax in panels:
                    ax.axhline(y - 0.5, color="#999999", linewidth=0.6)
        _draw_parts(panels[0], here)
        for ax, label in zip(panels[1:], LABELS, strict=True):
            _draw_label(ax, summary, here, label)
    return figure


def _prepare(axes: Sequence[Axes], scale: float, rows: int, size: float) -> None:
    for ax, title in zip(axes, ("what passages say", *(label.replace("_", " ") for label in LABELS)), strict=True):
        end = 1.0 if ax is axes[0] else scale
        ax.set_title(title, fontsize=size + 0.5, fontweight="bold", loc="left", pad=5)
        ax.set_xlim(0 if ax is axes[0] else -0.02 * end, end * 1.02)  # room for half a marker
        ax.set_ylim(rows - 0.5, -0.5)
        ax.set_yticks([])
        ax.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, length=2)
        page.show_scale(ax, (0, end / 2, end), size - 1)
        ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["left", "right", "bottom"]].set_visible(False)


def _name_rows(ax: Axes, summary: Summary, groups: Sequence[Group], names: Sequence[str], size: float) -> None:
    """Write the names of rows and, between them and the bars, their numbers of passages."""
    ax.set_yticks(range(len(groups)), names, fontsize=size)
    ax.tick_params(axis="y", length=0, pad=44)
    for y, (group, name) in enumerate(zip(groups, ax.get_yticklabels(), strict=True)):
        name.set_fontweight("bold" if group is summary.total else "normal")
        count, at = f"{group.passages:,}", ax.get_yaxis_transform()
        look: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": size - 1, "color": _FAINT}
        ax.annotate(count, (0, y), (-6, 0), xycoords=at, textcoords="offset points", **look)


def _draw_parts(ax: Axes, groups: Sequence[Group]) -> None:
    ends = [0.0] * len(groups)
    for _, labels, colour, hatch, stroke in PARTS:
        counts = [group.count("complicity") if labels is None else group.sets.get(labels, 0) for group in groups]
        ys = [y for y, count in enumerate(counts) if count]
        widths, lefts = [counts[y] / groups[y].passages for y in ys], [ends[y] for y in ys]
        ax.barh(ys, widths, 0.72, lefts, color=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5)
        for y, width in zip(ys, widths, strict=True):
            ends[y] += width


def _draw_label(ax: Axes, summary: Summary, groups: Sequence[Group], label: str) -> None:
    filled = [(y, group) for y, group in enumerate(groups) if group.passages]
    ax.barh([y for y, _ in filled], [group.share(label) for _, group in filled], 0.72, color=_PALE[label])
    estimates = [(y, group.passages, summary.estimate(group, label)) for y, group in filled]
    for unreliable in (False, True):
        some = [(y, n, e) for y, n, e in estimates if e and bool(e.notes) == unreliable]
        reach = [[(e.count - e.low) / n for _, n, e in some], [(e.high - e.count) / n for _, n, e in some]]
        style = {**_estimate_style(unreliable), "elinewidth": 1.0, "capsize": 2, "linestyle": "none"}
        if some:
            ax.errorbar([e.count / n for _, n, e in some], [y for y, _, _ in some], xerr=reach, **style)


def _estimate_style(unreliable: bool) -> dict[str, Any]:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    colour = _FAINT if unreliable else page.INK
    face = "white" if unreliable else colour
    return {
        "color": colour,
        "marker": "o",
        "markersize": 3.5,
        "markerfacecolor": face,
        "markeredgewidth": 0.8,
        "linewidth": 1.0,
        "zorder": 3,
    }


def _legend(summary: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5, label=name)
        for name, _, colour, hatch, stroke in PARTS
    ]
    handles.append(Patch(facecolor="#C4C4C4", label="share tagged"))
    if summary.rates is not None:
        handles.append(Line2D([], [], label="adjusted, with 95% interval", **_estimate_style(False)))
        handles.append(Line2D([], [], label="the same, not to be relied on", **_estimate_style(True)))
    return handles


def _largest_share(summary: Summary, group: Group) -> float:
    """Return the largest value of a group's bars and reliable intervals; unreliable ones may exceed the scale."""
    if not group.passages:
        return 0.0
    reach = [group.share(label) for label in LABELS]
    estimates = [summary.estimate(group, label) for label in LABELS]
    return max(*reach, *(e.high / group.passages for e in estimates if e and not e.notes), 0.0)
