"""What the groups of a summary are called in a picture, and what there is to say of them in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.summary import NONE, Group, Name, Summary

__all__ = ["describe", "drop_repeats", "name_groups", "name_parts"]


def describe(found: Summary, most: int = 200) -> list[str]:
    """What a chart shows, in words, a line for each group (the first `most`) and for the total.

    >>> describe(Summary(("file",), (), Group((), {(): 3, ("failure",): 1})))
    ['total: 4 passages; positive_effort 0%; failure 25%; complicity 0%; (none) 75%']
    """
    groups = found.groups[:most]
    lines = [_in_words(found, group, name) for group, name in zip(groups, name_groups(found), strict=False)]
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


def name_groups(found: Summary) -> list[str]:
    """What to call each group."""
    called = [name_parts(found, place) for place in range(len(found.by))]
    return [" · ".join(names[name] for names, name in zip(called, group.key, strict=True)) for group in found.groups]


def name_parts(found: Summary, place: int) -> dict[Name, str]:
    """What to call what stands at that place of the keys; files without their folders where that leaves them apart."""
    names = list(dict.fromkeys(group.key[place] for group in found.groups))
    by = found.by[place]
    shown = [f"(no {by})" if name is None else one_line(str(name)) for name in names]
    if by == "file":
        last = [PurePath(name).name or name for name in shown]
        shown = last if len(set(last)) == len(last) else shown
    return dict(zip(names, shown, strict=True))


def drop_repeats(found: Summary, groups: Sequence[Group], names: Sequence[str]) -> list[str]:
    """Names of rows that stand together: what a row has in common with the one above it is said once."""
    last = name_parts(found, -1) if len(found.by) > 1 else {}
    called = list(names[: len(groups)])
    for y in range(1, len(groups)):
        above, key = groups[y - 1].key, groups[y].key
        if last and key and key[:-1] == above[:-1]:
            called[y] = last[key[-1]]
    return called
