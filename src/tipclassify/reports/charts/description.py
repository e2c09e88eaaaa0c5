"""Description of a chart in words: the text alternative of a picture."""

from __future__ import annotations

from typing import Final

from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS
from tipclassify.reports.group import NONE, Group
from tipclassify.reports.summary import Summary
from tipclassify.reports.summary_names import summary_group_names, summary_total_names

__all__ = ["describe_chart"]

_MOST_LINES: Final = 200


def describe_chart(summary: Summary) -> list[str]:
    """Describe a chart in words: a line for each of the first 200 groups and for the total."""
    named_groups = list(zip(summary_group_names(summary), summary.groups, strict=True))
    lines = [_describe_group(summary, name, group) for name, group in named_groups[:_MOST_LINES]]
    left_out = len(named_groups) - _MOST_LINES
    if left_out > 0:
        lines.append(f"… {left_out} more groups; tipclassify summary --format csv has all")
    for name, total in zip(summary_total_names(summary), summary.shown_totals, strict=True):
        lines.append(_describe_group(summary, name, total))
    return lines


def _describe_group(summary: Summary, name: str, group: Group) -> str:
    parts = [f"{name}: {count_with_noun(group.passages, 'passage')}"]
    if group.passages:
        parts += [_describe_label_share(summary, group, label) for label in (*LABELS, NONE)]
    return "; ".join(parts)


def _describe_label_share(summary: Summary, group: Group, label: str) -> str:
    share = f"{label} {group.share(label):.0%}"
    estimate = summary.estimate(group, label)
    if estimate is None:
        return share
    adjusted = f"{estimate.count / group.passages:.0%}"
    low = f"{estimate.low / group.passages:.0%}"
    high = f"{estimate.high / group.passages:.0%}"
    return f"{share} (adjusted {adjusted}, {low} to {high})"
