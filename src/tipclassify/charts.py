"""A `Summary` drawn as a picture: bars for each group, or a heat map with one panel for each label.

Bars: how the passages of each group divide, stacked to 100%, and beside it the share of each label on a scale of its own,
with the adjusted share and its 95% interval. (A passage may have several labels, so the labels themselves do not stack.)
Heat map: adjusted shares, the first thing counted by downwards and the second across.

Colours are Paul Tol's "high contrast" set (Colour Schemes, SRON/EPS/TN/09-002) and ColorBrewer's Blues (Harrower and
Brewer 2003, The Cartographic Journal 40:27-37), told apart with any colour vision and in greyscale; hatches say it again.
Lengths are in inches and axes are put in place by hand: the figure grows with its rows, and long lists flow into blocks
side by side.

The same summary and matplotlib give the same bytes: no dates, the font that matplotlib brings, none of the user's style.
"""

from __future__ import annotations

import contextlib
import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.labels import LABELS
from tipclassify.summary import ASSUMPTION, NONE, NOTES, OVERLAP, Group, Name, Summary, in_order
from tipclassify.writers.cells import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["describe", "draw", "require_matplotlib"]

_MOST_ROWS: Final = 600  # above, no screen or page shows them all
_MOST_CELLS: Final = 6_000  # 240 countries in 25 years
_DPI: Final = 150
_ASPECT: Final = 1.5  # width to height that long lists are flowed to: a screen, or a page on its side

_INK: Final = "#222222"
_FAINT: Final = "#8A8A8A"
_COLOURS: Final = {"positive_effort": "#004488", "failure": "#DDAA33", "complicity": "#BB5566"}
_PALE: Final = {"positive_effort": "#84A6C9", "failure": "#EED599", "complicity": "#E0B2BA"}

_PARTS: Final = (
    # Name, sets of labels (any with complicity where None), colour, hatch and its colour: light and dark in turns, so
    # that neighbours differ in greyscale too.
    ("positive effort alone", ("positive_effort",), _COLOURS["positive_effort"], "", "white"),
    ("effort and failure", ("positive_effort", "failure"), _COLOURS["failure"], "////", _COLOURS["positive_effort"]),
    ("failure alone", ("failure",), _COLOURS["failure"], "", "white"),
    ("complicity, alone or not", None, _COLOURS["complicity"], "xxxx", "white"),
    ("no label", (), "#EEEEEE", "", "white"),
)
"""The parts into which the passages of a group divide."""


def require_matplotlib() -> None:
    """Nothing, where charts can be drawn.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing charts", "charts") from None


def draw(found: Summary, chart: str, format: str, out: IO[bytes]) -> None:
    """Draw a summary.

    Parameters
    ----------
    chart : str
        ``"bars"``, or ``"heatmap"`` for a summary by two things.
    format : str
        ``"png"`` or ``"svg"``. Both tell in words what they show (`describe`).

    Raises
    ------
    InputError
        When there are too many groups for a picture.
    MissingExtraError
        When matplotlib is not installed.
    """
    require_matplotlib()
    with _house_style():
        figure = _bars(found) if chart == "bars" else _heat_map(found)
        title, text = _title(found), "\n".join(describe(found))
        if format == "svg":
            out.write(_svg(figure, title, text))
        else:
            metadata = {"Title": title, "Description": text, "Software": None}
            figure.savefig(out, format="png", dpi=_DPI, metadata=metadata)


def describe(found: Summary, most: int = 200) -> list[str]:
    """What a chart shows, in words, a line for each group (the first `most`) and for the total.

    >>> describe(Summary(("file",), (), Group((), {(): 3, ("failure",): 1})))
    ['total: 4 passages; positive_effort 0%; failure 25%; complicity 0%; (none) 75%']
    """
    groups = found.groups[:most]
    lines = [_in_words(found, group, name) for group, name in zip(groups, _names(found), strict=False)]
    if len(found.groups) > most:
        lines.append(f"… {len(found.groups) - most} more groups; tipclassify summary --format csv has all")
    return [*lines, _in_words(found, found.total, "total")]


def _in_words(found: Summary, group: Group, name: str) -> str:
    told = [f"{name}: {group.passages:,} passage{'s' * (group.passages != 1)}"]
    for label in (*LABELS, NONE) if group.passages else ():
        estimate = found.estimate(group, label) if label != NONE else None
        adjusted = ""
        if estimate:
            low, count, high = (n / group.passages for n in (estimate.low, estimate.count, estimate.high))
            adjusted = f" (adjusted {count:.0%}, {low:.0%} to {high:.0%})"
        told.append(f"{label} {group.share(label):.0%}{adjusted}")
    return "; ".join(told)


# --------------------------------------------------------------------------------------------- bars


def _bars(found: Summary) -> Figure:
    """A row for each group: parts stacked to 100%, then each label with its interval."""
    rows = [*found.groups, found.total]
    if len(rows) > _MOST_ROWS:
        raise _too_many(len(rows), "rows")
    called = [*_names(found), "total"]
    few = len(rows) <= 40
    size, longest, lines = (8.5, 2.8, 2) if few else (7.0, 2.2, 1)
    widest = max(_width(name, size) for name in called)
    pitch = 0.19 if not few else 0.3 if widest <= longest else 0.36
    wide, gap = (2.8, 1.7, 1.7, 1.7), 0.3
    beside = min(widest, longest) + 0.7
    block = beside + sum(wide) + gap * len(wide)
    blocks = _blocks(len(rows), pitch, block)
    most = math.ceil(len(rows) / blocks)
    page = _Page(found, block * blocks - gap, 0.45 + most * pitch, above=0.9, doubt="Hollow")
    page.legend(_bar_legend(found))
    scale = _round_up(max(_furthest(found, group) for group in rows))
    for number in range(blocks):
        left = number * block
        here = rows[number * most : (number + 1) * most]
        if not here:  # the last of many blocks
            continue
        edges = [left + beside + sum(wide[:i]) + gap * i for i in range(len(wide))]
        axes = [page.axes(x, 0.45, width, len(here) * pitch) for x, width in zip(edges, wide, strict=True)]
        _prepare(axes, scale, len(here), size)
        for y, (group, name) in enumerate(
            zip(here, _without_repeats(found, here, called[number * most :]), strict=True)
        ):
            weight, middle = "bold" if group is found.total else "normal", 0.45 + (y + 0.5) * pitch
            page.text(left + beside - 0.6, middle, _fitted(name, longest, size, lines), size, ha="right", weight=weight)
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
        ax.set_xticks([0, end / 2, end], [_percent(0), _percent(end / 2), _percent(end)])
        ax.tick_params(axis="x", labelsize=size - 1, top=True, labeltop=True, bottom=False, labelbottom=False, length=2)
        _ends_inward(ax)
        ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
        for side in ("left", "right", "bottom"):
            ax.spines[side].set_visible(False)


def _draw_parts(ax: Axes, groups: Sequence[Group]) -> None:
    ends = [0.0] * len(groups)
    for _, labels, colour, hatch, stroke in _PARTS:
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
    colour = _FAINT if unreliable else _INK
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


def _bar_legend(found: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=stroke, linewidth=0.5, label=name)
        for name, _, colour, hatch, stroke in _PARTS
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


# --------------------------------------------------------------------------------------------- heat map


def _heat_map(found: Summary) -> Figure:
    """One panel for each label; shares in percent, adjusted where the error rates are known."""
    cells = {group.key: group for group in found.groups}
    down = list(dict.fromkeys(key[0] for key in cells))
    across = in_order(dict.fromkeys(key[1] for key in cells), found.by[1])  # years ascend though some rows lack some
    if len(down) > _MOST_ROWS:
        raise _too_many(len(down), "rows")
    if len(down) * len(across) > _MOST_CELLS:
        raise _too_many(len(down) * len(across), "cells")
    grid = _Grid(found, down, across)
    panel = max(len(across) * grid.cell, 1.3)
    block = grid.beside + (panel + 0.25) * len(LABELS)
    blocks = _blocks(len(down), grid.pitch, block)
    most = max(math.ceil(len(down) / blocks), 1)
    top = 0.2 + grid.above
    page = _Page(found, block * blocks - 0.25, top + most * grid.pitch + 0.45, above=0.75, doubt="?", told=grid.told())
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
        rows, columns = _called(found, 0), _called(found, 1)
        self.names = [_fitted(rows[name], longest, self.size, 2 if roomy else 1) for name in down]
        self.columns = [_fitted(columns[name], 1.6, self.size - 1) for name in across]
        widest = max((_width(name, self.size - 1) for name in self.columns), default=0.0)
        self.upright = widest > self.cell - 0.04
        self.above = widest + 0.25 if self.upright else 0.25
        self.beside = (
            max((_width(line, self.size) for name in self.names for line in name.split("\n")), default=0.0) + 0.12
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

    def heads(self, page: _Page, x: float, y: float) -> None:
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
        end = _round_up(max(sound or shares.values(), default=0.0), least=0.1)
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
        bar.set_xticklabels([_percent(0), _percent(end) + beyond])
        bar.tick_params(labelsize=self.size - 2, length=2)
        _ends_inward(bar)

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


# --------------------------------------------------------------------------------------------- the page


class _Page:
    """A figure with a title above and notes below, on which things are put in inches from the left and from the top."""

    def __init__(self, found: Summary, width: float, height: float, above: float, doubt: str, told: str = "") -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.margin = 0.25
        width = max(width, _width(_title(found), 11) * 1.15, 7.0)  # bold is wider
        self.width = width + 2 * self.margin
        notes = [line for note in _footer(found, doubt) for line in textwrap.wrap(note, int(width / 0.06))]
        below = len(notes) * 0.14 + 0.15
        self.height = above + height + below + 2 * self.margin
        self.above = above
        self.figure = Figure(figsize=(self.width, self.height), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.text(0, 0.05 - above, _title(found), 11, weight="bold")
        facts = [f"{found.total.passages:,} passages", *(f"{name} {value}" for name, value in found.about.items())]
        self.text(0, 0.26 - above, " · ".join(facts), 8, colour="#555555")
        self.text(0, 0.43 - above, told, 8, colour="#555555")
        for i, line in enumerate(notes):
            self.text(0, height + 0.2 + i * 0.14, line, 7, colour="#444444")

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        bottom = self.height - self.margin - self.above - y - height
        return self.figure.add_axes(
            ((x + self.margin) / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        ha: str = "left",
        va: str = "center",
        weight: str = "normal",
        colour: str = _INK,
        rotation: float = 0,
    ) -> None:
        self.figure.text(
            (x + self.margin) / self.width,
            1 - (y + self.margin + self.above) / self.height,
            text,
            fontsize=size,
            ha=ha,
            va=va,
            fontweight=weight,
            color=colour,
            rotation=rotation,
        )

    def legend(self, handles: Sequence[Any]) -> None:
        self.figure.legend(
            handles=handles,
            loc="upper left",
            ncols=4,
            frameon=False,
            fontsize=8,
            borderpad=0,
            borderaxespad=0,
            bbox_to_anchor=(self.margin / self.width, 1 - (self.margin + 0.4) / self.height),
        )


def _title(found: Summary) -> str:
    return f"What reports say of governments: shares of passages by {' and '.join(found.by)}"


def _footer(found: Summary, doubt: str) -> list[str]:
    if found.rates is None:
        return [OVERLAP, "Shares as tagged: this model does not record its error rates."]
    given = {
        note
        for group in (*found.groups, found.total)
        for label in LABELS
        for note in getattr(found.estimate(group, label), "notes", ())
    }
    doubts = "; ".join(text for note, text in NOTES.items() if note in given)
    return [OVERLAP, ASSUMPTION, *([f"{doubt} = not to be relied on: {doubts}."] if doubts else [])]


def _blocks(rows: int, pitch: float, width: float) -> int:
    """Blocks side by side that a list is split into: one for a short list, a landscape page for a long one."""
    if rows <= 40:
        return 1
    return max(1, round(math.sqrt(_ASPECT * rows * pitch / width)))


def _round_up(share: float, least: float = 0.2) -> float:
    """The end of a scale that has room for `share`: a tenth or, above a half, a fifth.

    >>> _round_up(0.03), _round_up(0.31), _round_up(0.72)
    (0.2, 0.4, 0.8)
    """
    step = 5 if share > 0.5 else 10
    return min(max(math.ceil(share * step - 1e-9) / step, least), 1.0)


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _ends_inward(ax: Axes) -> None:
    """First and last label of the x axis kept above it, not halfway into the next panel."""
    labels = ax.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")


def _too_many(number: int, what: str) -> InputError:
    return InputError(f"{number:,} {what} are too many for a picture; count by less, or write --format csv")


# --------------------------------------------------------------------------------------------- text


def _names(found: Summary) -> list[str]:
    """What to call each group."""
    called = [_called(found, place) for place in range(len(found.by))]
    return [" · ".join(names[name] for names, name in zip(called, group.key, strict=True)) for group in found.groups]


def _called(found: Summary, place: int) -> dict[Name, str]:
    """What to call what stands at that place of the keys; files without their folders where that leaves them apart."""
    names = list(dict.fromkeys(group.key[place] for group in found.groups))
    by = found.by[place]
    shown = [f"(no {by})" if name is None else one_line(str(name)) for name in names]
    if by == "file":
        last = [PurePath(name).name or name for name in shown]
        shown = last if len(set(last)) == len(last) else shown
    return dict(zip(names, shown, strict=True))


def _width(text: str, size: float) -> float:
    """Inches that a text takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0]) / 72


def _fitted(text: str, inches: float, size: float, lines: int = 1) -> str:
    """The text on so many lines of that width, with an ellipsis where it had to be cut."""
    whole = _width(text, size)
    if whole <= inches:
        return text
    if lines > 1:
        words = text.split()
        for kept in range(len(words) - 1, 0, -1):
            first = " ".join(words[:kept])
            if _width(first, size) <= inches:
                return f"{first}\n{_fitted(' '.join(words[kept:]), inches, size, lines - 1)}"
    kept = min(len(text), int(len(text) * inches / whole) + 5)
    while kept > 2 and _width(f"{text[:kept]}…", size) > inches:
        kept -= 1
    tail = kept // 3  # file names differ at their ends
    return f"{text[: kept - tail]}…{text[len(text) - tail :]}"


def _without_repeats(found: Summary, groups: Sequence[Group], names: Sequence[str]) -> list[str]:
    """Names of rows that stand together: what a row has in common with the one above it is said once."""
    last = _called(found, -1) if len(found.by) > 1 else {}
    called = list(names[: len(groups)])
    for y in range(1, len(groups)):
        above, key = groups[y - 1].key, groups[y].key
        if last and key and key[:-1] == above[:-1]:
            called[y] = last[key[-1]]
    return called


# --------------------------------------------------------------------------------------------- files


@contextlib.contextmanager
def _house_style() -> Iterator[None]:
    """Matplotlib's own defaults and font whatever the user's style; what others draw in this process stays theirs."""
    import matplotlib

    ours: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "hatch.linewidth": 0.7,
        "svg.fonttype": "none",  # text stays text: found, read aloud, and in scripts that the font lacks
        "svg.hashsalt": "tipclassify",
        "text.parse_math": False,  # a file may be called cost$1$.txt
        "text.color": _INK,
        "axes.edgecolor": "#999999",
    }
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(ours)
        # A heading in Chinese, say: boxes in a PNG, letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _svg(figure: Figure, title: str, text: str) -> bytes:
    """The figure as SVG that says what it is and shows (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    told = f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(text)}</desc>'
    return f'{head}<svg role="img" aria-labelledby="title desc" {attributes}>\n{told}{drawing}'.encode()
