"""Bars: a row for each group of a summary.

How its passages divide, stacked to 100%, and beside it the share of each label on a scale of its own, with the adjusted
share and its 95% interval. (A passage may have several labels, so the labels themselves do not stack.)

Colours are Paul Tol's "high contrast" set (Colour Schemes, SRON/EPS/TN/09-002), told apart with any colour vision and in
greyscale; hatches say it again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tipclassify.charts.lettering import fit_text, measure_text
from tipclassify.charts.names import drop_repeats, name_groups
from tipclassify.charts.page import INK, MOST_ROWS, Page, count_blocks, too_many
from tipclassify.charts.scales import percent, round_up, turn_ends_inward
from tipclassify.labels import LABELS
from tipclassify.summary import Group, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "PARTS", "draw_bars"]

COLOURS: Final = {"positive_effort": "#004488", "failure": "#DDAA33", "complicity": "#BB5566"}
_PALE: Final = {"positive_effort": "#84A6C9", "failure": "#EED599", "complicity": "#E0B2BA"}
_FAINT: Final = "#8A8A8A"

PARTS: Final = (
    # Name, sets of labels (any with complicity where None), colour, hatch and its colour: light and dark in turns, so
    # that neighbours differ in greyscale too.
    ("positive effort alone", ("positive_effort",), COLOURS["positive_effort"], "", "white"),
    ("effort and failure", ("positive_effort", "failure"), COLOURS["failure"], "////", COLOURS["positive_effort"]),
    ("failure alone", ("failure",), COLOURS["failure"], "", "white"),
    ("complicity, alone or not", None, COLOURS["complicity"], "xxxx", "white"),
    ("no label", (), "#EEEEEE", "", "white"),
)
"""The parts into which the passages of a group divide."""


def draw_bars(found: Summary) -> Figure:
    """A row for each group: parts stacked to 100%, then each label with its interval.

    Raises
    ------
    InputError
        When there are too many rows for a picture.
    """
    rows = [*found.groups, found.total]
    if len(rows) > MOST_ROWS:
        raise too_many(len(rows), "rows")
    called = [*name_groups(found), "total"]
    few = len(rows) <= 40
    size, longest, lines = (8.5, 2.8, 2) if few else (7.0, 2.2, 1)
    widest = max(measure_text(name, size) for name in called)
    pitch = 0.19 if not few else 0.3 if widest <= longest else 0.36
    wide, gap = (2.8, 1.7, 1.7, 1.7), 0.3
    beside = min(widest, longest) + 0.7
    block = beside + sum(wide) + gap * len(wide)
    blocks = count_blocks(len(rows), pitch, block)
    most = math.ceil(len(rows) / blocks)
    page = Page(found, block * blocks - gap, 0.45 + most * pitch, above=0.9, doubt="Hollow")
    page.legend(_legend(found))
    scale = round_up(max(_furthest(found, group) for group in rows))
    for number in range(blocks):
        left = number * block
        here = rows[number * most : (number + 1) * most]
        if not here:  # the last of many blocks
            continue
        edges = [left + beside + sum(wide[:i]) + gap * i for i in range(len(wide))]
        axes = [page.axes(x, 0.45, width, len(here) * pitch) for x, width in zip(edges, wide, strict=True)]
        _prepare(axes, scale, len(here), size)
        for y, (group, name) in enumerate(zip(here, drop_repeats(found, here, called[number * most :]), strict=True)):
            weight, middle = "bold" if group is found.total else "normal", 0.45 + (y + 0.5) * pitch
            page.text(
                left + beside - 0.6, middle, fit_text(name, longest, size, lines), size, ha="right", weight=weight
            )
            page.text(left + beside - 0.08, middle, f"{group.passages:,}", size - 1, ha="right", colour=_FAINT)
            if y and (group is found.total or (len(found.by) > 1 and group.key[:-1] != here[y - 1].key[:-1])):
                for ax in axes:
                    ax.axhline(y - 0.5, color="#999999", linewidth=0.6)
        _draw_parts(axes[0], here)
        for ax, label in zip(axes[1:], LABELS, strict=True):
            _draw_label(ax, found, here, label)
    return page.figure


def _prepare(axes: Sequence[Axes], scale: float, rows: int, size: float) -> None:
    for ax, title in zip(axes, ("what passages say", *(label.replace("_", " ") for label in LABELS)), strict=True):
        end = 1.0 if ax is axes[0] else scale
        ax.set_title(title, fontsize=size + 0.5, fontweight="bold", loc="left", pad=5)
        ax.set_xlim(0 if ax is axes[0] else -0.02 * end, end * 1.02)  # room for half a mark
        ax.set_ylim(rows - 0.5, -0.5)
        ax.set_yticks([])
        ax.set_xticks([0, end / 2, end], [percent(0), percent(end / 2), percent(end)])
        ax.tick_params(axis="x", labelsize=size - 1, top=True, labeltop=True, bottom=False, labelbottom=False, length=2)
        turn_ends_inward(ax)
        ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
        for side in ("left", "right", "bottom"):
            ax.spines[side].set_visible(False)


def _draw_parts(ax: Axes, groups: Sequence[Group]) -> None:
    ends = [0.0] * len(groups)
    for _, labels, colour, hatch, stroke in PARTS:
        counts = [group.count("complicity") if labels is None else group.sets.get(labels, 0) for group in groups]
        ys = [y for y, count in enumerate(counts) if count]
        widths, lefts = [counts[y] / groups[y].passages for y in ys], [ends[y] for y in ys]
        ax.barh(ys, widths, 0.72, lefts, color=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5)
        for y, width in zip(ys, widths, strict=True):
            ends[y] += width


def _draw_label(ax: Axes, found: Summary, groups: Sequence[Group], label: str) -> None:
    filled = [(y, group) for y, group in enumerate(groups) if group.passages]
    ax.barh([y for y, _ in filled], [group.share(label) for _, group in filled], 0.72, color=_PALE[label])
    estimates = [(y, group.passages, found.estimate(group, label)) for y, group in filled]
    for unreliable in (False, True):
        some = [(y, n, e) for y, n, e in estimates if e and bool(e.notes) == unreliable]
        reach = [[(e.count - e.low) / n for _, n, e in some], [(e.high - e.count) / n for _, n, e in some]]
        style = {**_mark(unreliable), "elinewidth": 1.0, "capsize": 2, "linestyle": "none"}
        if some:
            ax.errorbar([e.count / n for _, n, e in some], [y for y, _, _ in some], xerr=reach, **style)


def _mark(unreliable: bool) -> dict[str, Any]:
    """How an adjusted share and its interval look: hollow and faint where a note speaks against them."""
    colour = _FAINT if unreliable else INK
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


def _legend(found: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5, label=name)
        for name, _, colour, hatch, stroke in PARTS
    ]
    handles.append(Patch(facecolor="#C4C4C4", label="share tagged"))
    if found.rates is not None:
        handles.append(Line2D([], [], label="adjusted, with 95% interval", **_mark(False)))
        handles.append(Line2D([], [], label="the same, not to be relied on", **_mark(True)))
    return handles


def _furthest(found: Summary, group: Group) -> float:
    """How far a group's bars reach; intervals that are not to be relied on may run off the page."""
    if not group.passages:
        return 0.0
    reach = [group.share(label) for label in LABELS]
    estimates = [found.estimate(group, label) for label in LABELS]
    return max(*reach, *(e.high / group.passages for e in estimates if e and not e.notes), 0.0)
