"""Passages counted, as ``tipclassify summary`` counts them: the figures that a bundle stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tipclassify.bundle.manifest import Adjusted, Count, Figures
from tipclassify.document import Passage
from tipclassify.furniture import is_prose
from tipclassify.labels import LABELS
from tipclassify.summary import NONE, Group, Rates, Summary

__all__ = ["count_passages", "figures"]


def count_passages(passages: Iterable[Passage]) -> Group:
    """Tagged passages, counted; what is no prose of the report is not.

    >>> group = count_passages([Passage("Courts slept.", 0, 13, labels=("failure",)), Passage("12 May 2021.", 14, 26)])
    >>> group.passages, group.count("failure"), group.low_confidence
    (1, 1, 0)
    """
    prose = [passage for passage in passages if is_prose(passage)]
    sets = Counter(passage.labels for passage in prose)
    return Group((), dict(sets), sum(passage.low_confidence for passage in prose))


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
