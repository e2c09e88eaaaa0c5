"""Passages counted, as ``tipclassify summary`` counts them: the figures that a bundle stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tipclassify.bundle.manifest import Adjusted, Count, Figures
from tipclassify.labels import LABELS
from tipclassify.summary import NONE, Group, Rates, Summary

__all__ = ["count_passages", "figures"]


def count_passages(passages: Iterable[tuple[tuple[str, ...], bool]]) -> Group:
    """Passages, each as (labels, low_confidence), counted.

    >>> group = count_passages([(("failure",), False), ((), True)])
    >>> group.passages, group.count("failure"), group.low_confidence
    (2, 1, 1)
    """
    sets: Counter[tuple[str, ...]] = Counter()
    doubtful = 0
    for labels, low_confidence in passages:
        sets[labels] += 1
        doubtful += low_confidence
    return Group((), dict(sets), doubtful)


def figures(groups: Sequence[Group], rates: Mapping[str, Rates] | None) -> list[Figures]:
    """The figures of each group and, last, of all together; adjusted where the error rates are known."""
    sets: Counter[tuple[str, ...]] = Counter()
    for group in groups:
        sets.update(group.sets)
    total = Group((), dict(sets), sum(group.low_confidence for group in groups))
    summary = Summary((), tuple(groups), total, rates)
    return [
        Figures(
            group.passages,
            group.low_confidence,
            {
                label: Count(group.count(label), _share(group.count(label), group), _adjusted(summary, group, label))
                for label in LABELS
            },
            Count(group.count(NONE), _share(group.count(NONE), group), None),
        )
        for group in (*groups, total)
    ]


def _adjusted(summary: Summary, group: Group, label: str) -> Adjusted | None:
    found = summary.estimate(group, label)
    if found is None:
        return None
    count, low, high = (round(one, 2) for one in (found.count, found.low, found.high))
    return Adjusted(count, low, high, _share(found.count, group), found.notes)


def _share(count: float, group: Group) -> float | None:
    return round(count / group.passages, 4) if group.passages else None
