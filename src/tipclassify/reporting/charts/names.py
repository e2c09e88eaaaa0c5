"""Display names of a summary's groups in a chart, and the chart's text alternative."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.summary import NONE, Group, Name, Summary

__all__ = ["describe", "drop_repeats", "name_groups", "name_parts"]


def describe(summary: Summary, most: int = 200) -> list[str]:
    """Describe a chart in words: a line for each of the first `most` groups and for the total.

    >>> describe(Summary(("file",), (), Group((), {(): 3, ("failure",): 1})))
    ['total: 4 passages; positive_effort 0%; failure 25%; complicity 0%; (none) 75%']
    """
    groups = summary.groups[:most]
    lines = [_in_words(summary, group, name) for group, name in zip(groups, name_groups(summary), strict=False)]
    if len(summary.groups) > most:
        lines.append(f"… {len(summary.groups) - most} more groups; tipclassify summary --format csv has all")
    return [*lines, _in_words(summary, summary.total, "total")]


def _in_words(summary: Summary, group: Group, name: str) -> str:
    parts = [f"{name}: {group.passages:,} passage{'s' * (group.passages != 1)}"]
    for label in (*LABELS, NONE) if group.passages else ():
        estimate = summary.estimate(group, label) if label != NONE else None
        adjusted = ""
        if estimate:
            low, count, high = (n / group.passages for n in (estimate.low, estimate.count, estimate.high))
            adjusted = f" (adjusted {count:.0%}, {low:.0%} to {high:.0%})"
        parts.append(f"{label} {group.share(label):.0%}{adjusted}")
    return "; ".join(parts)


def name_groups(summary: Summary) -> list[str]:
    """Make the display name of each group."""
    called = [name_parts(summary, place) for place in range(len(summary.by))]
    return [" · ".join(names[name] for names, name in zip(called, group.key, strict=True)) for group in summary.groups]


def name_parts(summary: Summary, place: int) -> dict[Name, str]:
    """Make the display names in dimension `place` of the keys; files without folders if that keeps them distinct."""
    names = list(dict.fromkeys(group.key[place] for group in summary.groups))
    by = summary.by[place]
    shown = [f"(no {by})" if name is None else one_line(str(name)) for name in names]
    if by == "file":
        last = [PurePath(name).name or name for name in shown]
        shown = last if len(set(last)) == len(last) else shown
    return dict(zip(names, shown, strict=True))


def drop_repeats(summary: Summary, groups: Sequence[Group], names: Sequence[str]) -> list[str]:
    """Shorten the names of consecutive rows: dimensions shared with the row above are left out."""
    last = name_parts(summary, -1) if len(summary.by) > 1 else {}
    called = list(names[: len(groups)])
    for y in range(1, len(groups)):
        above, key = groups[y - 1].key, groups[y].key
        if last and key and key[:-1] == above[:-1]:
            called[y] = last[key[-1]]
    return called
