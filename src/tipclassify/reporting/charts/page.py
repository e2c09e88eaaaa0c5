"""What both charts share: the page with title and notes, names of groups, and the text alternative."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.reporting.summary import ASSUMPTION, NONE, NOTES, OVERLAP, Group, Name, Summary, shown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["INK", "check_size", "describe", "name_groups", "name_parts", "new_figure", "shorten", "title_of"]

INK: Final = "#222222"
_MOST_LINES: Final = 200  # of the text alternative
_LINE: Final = 0.15  # height of a line of notes, in inches


def new_figure(
    summary: Summary, size: tuple[float, float], caveat: str, legend: Sequence[Any], about: str = ""
) -> Figure:
    """Make a figure for axes of about `size`, in inches, with a title, a legend, and notes below.

    `caveat` is the symbol of unreliable figures, which the notes explain; `about` is the first of them.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    facts = [f"{summary.total.passages:,} passages", *(f"{name} {value}" for name, value in summary.about.items())]
    notes = [*([about] if about else []), " · ".join(facts), OVERLAP]
    notes.append(ASSUMPTION if summary.rates else "Shares as tagged: this model does not record its error rates.")
    if reasons := "; ".join(NOTES[note] for note in summary.notes()):
        notes.append(f"{caveat} = not to be relied on: {reasons}.")
    lines = [line for note in notes for line in textwrap.wrap(note, int(size[0] / 0.06))]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    figure = Figure((size[0], size[1] + _LINE * len(lines) + 1.2), layout=layout)
    look = {"title_fontproperties": {"size": 11, "weight": "bold"}, "alignment": "left", "frameon": False}
    figure.legend(handles=legend, title=title_of(summary), loc="outside upper left", ncols=4, fontsize=8, **look)
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color="#444444")
    return figure


def title_of(summary: Summary) -> str:
    """Make the title of a chart."""
    return f"What reports say of governments: shares of passages by {' and '.join(summary.by)}"


def check_size(number: int, what: str = "rows", most: int = 600) -> None:
    """Refuse a picture of more than `most` rows or cells, which no screen or page shows."""
    if number > most:
        raise InputError(f"{number:,} {what} are too many for a picture; count by less, or write --format csv")


def shorten(name: str, width: int = 40) -> str:
    """Shorten a name to `width` characters, in the middle: file names differ at their ends.

    >>> shorten("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    return name if len(name) <= width else f"{name[: width - width // 3 - 1]}…{name[-(width // 3) :]}"


def name_groups(summary: Summary) -> list[str]:
    """Make the display name of each group."""
    called = [name_parts(summary, place) for place in range(len(summary.by))]
    return [" · ".join(names[name] for names, name in zip(called, group.key, strict=True)) for group in summary.groups]


def name_parts(summary: Summary, place: int) -> dict[Name, str]:
    """Make the display names in dimension `place` of the keys; files without folders if that keeps them distinct."""
    by = summary.by[place]
    names = {group.key[place]: shown_name(group.key[place], by) for group in summary.groups}
    last = {name: PurePath(text).name or text for name, text in names.items()}
    return last if by == "file" and len(set(last.values())) == len(names) else names


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named = [*zip(summary.groups, name_groups(summary), strict=True)]
    lines = [_in_words(summary, group, name) for group, name in named[:_MOST_LINES]]
    if (more := len(named) - _MOST_LINES) > 0:
        lines.append(f"… {more} more groups; tipclassify summary --format csv has all")
    return [*lines, _in_words(summary, summary.total, "total")]


def _in_words(summary: Summary, group: Group, name: str) -> str:
    parts = [f"{name}: {group.passages:,} passage{'s' * (group.passages != 1)}"]
    for label in (*LABELS, NONE) if group.passages else ():
        parts.append(f"{label} {group.share(label):.0%}")
        if estimate := summary.estimate(group, label):
            low, count, high = (f"{n / group.passages:.0%}" for n in (estimate.low, estimate.count, estimate.high))
            parts[-1] += f" (adjusted {count}, {low} to {high})"
    return "; ".join(parts)
