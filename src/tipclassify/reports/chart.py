"""Chart of a `Summary`, as PNG or SVG: for each group what its passages say, then label shares."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple
from xml.sax.saxutils import escape

from tipclassify.errors import InputError
from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS, label_name, styles
from tipclassify.reports.adjust import ASSUMPTION, NOTES, Adjusted
from tipclassify.reports.counts import NONE, OVERLAP, Group, Summary

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK: Final = "#222222"
_FAINT: Final = "#8A8A8A"
_MOST_ROWS: Final = 600  # that a picture can show
_MOST_LINES: Final = 200  # of its description
_LONGEST_NAME: Final = 40
_BAR: Final = 0.72  # height of a bar, of the distance of rows
# in inches
_WIDTH: Final = 11
_LABEL_WIDTH: Final = 2.3  # of each label beyond the third
_LINE: Final = 0.15  # height of a line of notes
_CHARACTER: Final = 0.06  # width of a character of them
_HEAD: Final = 1.2  # height of title and legend


class Part(NamedTuple):
    """A part of a group's bar; neighbours differ in hatch, too."""

    name: str
    colour: str
    holds: Callable[[tuple[str, ...]], bool]  # whether passages with these labels are in it
    hatch: str = ""
    stroke: str = "white"  # colour of the hatch


def parts(labels: Sequence[str]) -> list[Part]:
    """Return disjoint parts of a group's passages, in stacking order."""
    shown = styles(labels)
    no_label = Part("no label", "#EEEEEE", lambda found: not found)
    if tuple(labels) == LABELS:
        effort, failure, complicity = (shown[label] for label in labels)
        both = Part(
            "effort and failure",
            failure.ink,
            lambda found: found == ("positive_effort", "failure"),
            hatch="////",
            stroke=effort.tint,
        )
        return [
            Part("positive effort alone", effort.ink, lambda found: found == ("positive_effort",)),
            both,
            Part("failure alone", failure.ink, lambda found: found == ("failure",)),
            Part(
                "complicity, alone or not",
                complicity.ink,
                lambda found: "complicity" in found,
                hatch="xxxx",
            ),
            no_label,
        ]
    alone = []
    for label in labels:

        def holds(found: tuple[str, ...], label: str = label) -> bool:
            return found == (label,)

        alone.append(Part(f"{label_name(label)} alone", shown[label].ink, holds))
    several = Part("several labels", _FAINT, lambda found: len(found) > 1, hatch="xxxx")
    return [*alone, several, no_label]


class _Row(NamedTuple):
    """A row of bars: a group or a total, and its adjusted counts by label, if known."""

    name: str
    group: Group
    estimates: dict[str, Adjusted | None]


def draw_chart(summary: Summary, format: str, out: IO[bytes]) -> None:
    """Draw bars for each group as ``"png"`` or ``"svg"``.

    It has a text alternative (`describe`); the same summary and matplotlib version give the same
    bytes. `InputError` if there are too many groups for a picture.
    """
    import matplotlib

    title = f"What reports say of governments: shares of passages by {' and '.join(summary.by)}"
    description = "\n".join(describe(summary))
    with matplotlib.rc_context(), warnings.catch_warnings():
        _set_style()
        # A name in Chinese, for example, is boxes in a PNG, but letters in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = _draw(summary, title)
        _lay_out(figure)
        if format == "svg":
            out.write(_svg(figure, title, description))
        else:
            metadata = {"Title": title, "Description": description, "Software": None}
            figure.savefig(out, format="png", dpi=150, metadata=metadata)


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named = list(zip(summary.group_names, summary.groups, strict=True))
    lines = [_describe_group(summary, name, group) for name, group in named[:_MOST_LINES]]
    left_out = len(named) - _MOST_LINES
    if left_out > 0:
        lines.append(f"… {left_out} more groups; tipclassify summary --format csv has all")
    for name, total in zip(summary.total_names, summary.shown_totals, strict=True):
        lines.append(_describe_group(summary, name, total))
    return lines


def _describe_group(summary: Summary, name: str, group: Group) -> str:
    described = [f"{name}: {count_with_noun(group.passages, 'passage')}"]
    for label in (*summary.labels, NONE) if group.passages else ():
        share = f"{label} {group.share(label):.0%}"
        if estimate := summary.estimate(group, label):
            adjusted = f"{estimate.count / group.passages:.0%}"
            low = f"{estimate.low / group.passages:.0%}"
            high = f"{estimate.high / group.passages:.0%}"
            share = f"{share} (adjusted {adjusted}, {low} to {high})"
        described.append(share)
    return "; ".join(described)


def shortened(name: str, width: int = _LONGEST_NAME) -> str:
    """Shorten a name in the middle: file names differ at their ends.

    >>> shortened("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    if len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 1]}…{name[-end:]}"


# ---------------------------------------------------------------------------------------- the bars


def _draw(summary: Summary, title: str) -> Figure:
    """Draw a row for each group: parts stacked to 100%, then each label with its interval."""
    labels = summary.labels
    groups = len(summary.groups)
    rows = [
        _Row(name, group, {label: summary.estimate(group, label) for label in labels})
        for name, group in zip(
            [*summary.group_names, *summary.total_names],
            [*summary.groups, *summary.shown_totals],
            strict=True,
        )
    ]
    if len(rows) > _MOST_ROWS:
        raise InputError(
            f"{len(rows):,} rows are too many for a picture; count by less, or write --format csv"
        )
    figure = _new_figure(summary, title, len(rows))
    axes: Sequence[Axes] = figure.subplots(
        1, 1 + len(labels), sharey=True, width_ratios=(1.65, *(1 for _ in labels))
    )
    stacked = axes[0]
    of_labels = list(zip(axes[1:], labels, strict=True))
    end = _end_of_scale(rows)
    _set_up_panel(stacked, "what passages say", 0, 1.0, groups)
    for ax, label in of_labels:
        # room for half a marker on the left
        _set_up_panel(ax, label_name(label), -0.02 * end, end, groups)
    stacked.set_ylim(len(rows) - 0.5, -0.5)
    names = [f"{shortened(row.name)}   {row.group.passages:,}" for row in rows]
    stacked.set_yticks(range(len(rows)), names)
    for name_of_total in stacked.get_yticklabels()[groups:]:
        name_of_total.set_fontweight("bold")
    for y, row in enumerate(rows):
        _draw_parts(stacked, y, row.group, parts(labels))
        for ax, label in of_labels:
            ink = styles(labels)[label].ink
            _draw_share(ax, y, row.group, label, row.estimates[label], ink)
    return figure


def _end_of_scale(rows: Sequence[_Row]) -> float:
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


def _set_up_panel(ax: Axes, title: str, start: float, end: float, groups: int) -> None:
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


def _draw_parts(ax: Axes, y: int, group: Group, stack: Sequence[Part]) -> None:
    """Draw the stacked parts of a group's bar."""
    left = 0.0
    for part in stack:
        number = sum(count for labels, count in group.sets.items() if part.holds(labels))
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


def _draw_share(
    ax: Axes, y: int, group: Group, label: str, estimate: Adjusted | None, ink: str
) -> None:
    """Draw the share of a label as tagged, and the adjusted one with its interval."""
    ax.barh(y, group.count(label) / (group.passages or 1), _BAR, color=ink, alpha=0.45)
    if not group.passages or estimate is None:
        return
    share = estimate.count / group.passages
    below = (estimate.count - estimate.low) / group.passages
    above = (estimate.high - estimate.count) / group.passages
    marker = _marker(is_unreliable=bool(estimate.notes))
    ax.errorbar(share, y, xerr=[[below], [above]], elinewidth=1, capsize=2, **marker)


def _marker(is_unreliable: bool) -> dict[str, Any]:
    """Return the style of an adjusted share and its interval: hollow and faint if unreliable."""
    return {
        "color": _FAINT if is_unreliable else _INK,
        "linewidth": 1.0,
        "zorder": 3,
        "marker": "o",
        "markersize": 3.5,
        "markerfacecolor": "white" if is_unreliable else _INK,
        "markeredgewidth": 0.8,
    }


# -------------------------------------------------------------------------------------- the figure


def _set_style() -> None:
    """Set the style of charts, whatever the user's own is."""
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams.update(
        {
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "hatch.linewidth": 0.7,
            # real text: searchable, accessible, and in scripts that the font lacks
            "svg.fonttype": "none",
            "svg.hashsalt": "tipclassify",
            "text.parse_math": False,  # a file may be called cost$1$.txt
            "text.color": _INK,
            "axes.edgecolor": "#999999",
        }
    )


def _new_figure(summary: Summary, title: str, rows: int) -> Figure:
    """Make a figure for so many rows of bars, with title, legend and notes."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width = _WIDTH + _LABEL_WIDTH * max(0, len(summary.labels) - len(LABELS))
    lines = [
        line for note in _notes(summary) for line in textwrap.wrap(note, int(width / _CHARACTER))
    ]
    height = 0.4 + 0.3 * rows + _LINE * len(lines) + _HEAD
    figure = Figure((width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05))
    figure.legend(
        handles=_legend(summary),
        title=title,
        title_fontproperties={"size": 11, "weight": "bold"},
        loc="outside upper left",
        alignment="left",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color="#444444")
    return figure


def _notes(summary: Summary) -> list[str]:
    facts = [f"{summary.total.passages:,} passages"]
    facts += [f"{name} {value}" for name, value in summary.about.items()]
    notes = ["Beside each name is its number of passages.", " · ".join(facts), OVERLAP]
    if summary.rates:
        notes.append(ASSUMPTION)
        if rates_note := summary.rates_note():
            notes.append(rates_note)
    else:
        notes.append("Shares as tagged: this model does not record its error rates.")
    if reasons := "; ".join(NOTES[note] for note in summary.notes()):
        notes.append(f"Hollow = too uncertain to use: {reasons}.")
    return notes


def _legend(summary: Summary) -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    as_tagged = Part("share with the label, as tagged", "#C4C4C4", lambda _: False)
    handles: list[Artist] = [
        Patch(
            facecolor=part.colour,
            hatch=part.hatch,
            edgecolor=part.stroke,
            linewidth=0.5,
            label=part.name,
        )
        for part in (*parts(summary.labels), as_tagged)
    ]
    if summary.rates is not None:
        adjusted = "adjusted for the model's errors, with 95% interval"
        uncertain = "adjusted, but too uncertain to use (why: see below)"
        handles.append(Line2D([], [], label=adjusted, **_marker(is_unreliable=False)))
        handles.append(Line2D([], [], label=uncertain, **_marker(is_unreliable=True)))
    return handles


def _lay_out(figure: Figure) -> None:
    """Run the layout and round its positions, whose last bits vary from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(x, 5), round(y, 5)))
    for ax in figure.axes:
        box = ax.get_position(original=True)
        ax.set_position(
            (round(box.x0, 5), round(box.y0, 5), round(box.width, 5), round(box.height, 5))
        )


def _svg(figure: Figure, title: str, description: str) -> bytes:
    """Render SVG with a title and description (SVG 2, section 5.7; WAI-ARIA graphics)."""
    written = io.StringIO()
    figure.savefig(
        written,
        format="svg",
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    head, _, rest = written.getvalue().partition("<svg ")
    attributes, _, drawing = rest.partition(">")
    opened = f'<svg role="img" aria-labelledby="title desc" {attributes}>'
    titled = f'<title id="title">{escape(title)}</title>'
    described = f'<desc id="desc">{escape(description)}</desc>'
    return f"{head}{opened}\n{titled}\n{described}{drawing}".encode()
