"""Description of a chart in words: the text alternative of a picture."""

from __future__ import annotations

from typing import Final

from tipclassify.labels import LABELS
from tipclassify.reporting.group import NONE, Group
from tipclassify.reporting.particulars import several
from tipclassify.reporting.summary import Summary
from tipclassify.reporting.summary_names import group_names, total_names

__all__ = ["describe"]

_MOST_LINES: Final = 200


def describe(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named_groups = list(zip(group_names(summary), summary.groups, strict=True))
    lines = [_in_words(summary, name, group) for name, group in named_groups[:_MOST_LINES]]
    left_out = len(named_groups) - _MOST_LINES
    if left_out > 0:
        lines.append(f"… {left_out} more groups; tipclassify summary --format csv has all")
    for name, total in zip(total_names(summary), summary.shown_totals, strict=True):
        lines.append(_in_words(summary, name, total))
    return lines


def _in_words(summary: Summary, name: str, group: Group) -> str:
    parts = [f"{name}: {several(group.passages, 'passage')}"]
    if group.passages:
        parts += [_share_in_words(summary, group, label) for label in (*LABELS, NONE)]
    return "; ".join(parts)


def _share_in_words(summary: Summary, group: Group, label: str) -> str:
    share = f"{label} {group.share(label):.0%}"
    estimate = summary.estimate(group, label)
    if estimate is None:
        return share
    adjusted = f"{estimate.count / group.passages:.0%}"
    low = f"{estimate.low / group.passages:.0%}"
    high = f"{estimate.high / group.passages:.0%}"
    return f"{share} (adjusted {adjusted}, {low} to {high})"
