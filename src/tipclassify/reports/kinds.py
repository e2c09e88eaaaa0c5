"""Doubts on a report: text of a kind that the model was not measured on, unread, off subject.

The kind of a text is found by its words: a multinomial naive Bayes model over frequent lower-case
words; names and figures play no part. ``text_kinds.json`` has its table, made by
``benchmarks/kinds.py`` from passages that the models learned from.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.formatting import count_with_noun
from tipclassify.records import Passage, Report, Run
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import Wording, natures_of
from tipclassify.resources import read_resource

WORD: Final = re.compile(r"\b[a-z]{2,}")
"""A word of the table."""

_MIN_WORDS: Final = 150  # of the table, below which a text is too short to say
_MIN_ALL_WORDS: Final = 400  # from which a text with fewer of the table's words is unlike all kinds
# log-odds of the likeliest kind against the next; below, the text is between two kinds
_MIN_MARGIN: Final = 6.0
# passages of low confidence, and their share, from which they are no exception
_DOUBTFUL: Final = 3
_DOUBTFUL_SHARE: Final = 1 / 3


@dataclass(frozen=True)
class KindTable:
    """Log-probabilities of words by kind of text.

    `names` are of the kinds, as a reader sees them; `log_probabilities` is float64 (words,
    kinds), by `words`. A text is unlike its likeliest kind if the mean log-probability of its words
    is below `lowest_mean`, float64 (kinds,), or the share of its words that the table has below
    `lowest_share`, float64 (kinds,).
    """

    names: tuple[str, ...]
    words: dict[str, int]
    log_probabilities: Floats
    lowest_mean: Floats
    lowest_share: Floats

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> KindTable:
        """Read the content of ``text_kinds.json``: log-probabilities are whole hundredths."""
        return cls(
            names=tuple(table["names"]),
            words={word: number for number, word in enumerate(table["words"])},
            log_probabilities=np.array(list(table["words"].values()), np.float64) / 100,
            lowest_mean=np.array(table["lowest_mean"], np.float64),
            lowest_share=np.array(table["lowest_share"], np.float64),
        )

    def evidence(self, words: Counter[str]) -> tuple[Floats, int]:
        """Sum the log-probabilities of a text's words by kind, float64 (kinds,); count the known.

        Known are the words of the table.
        """
        known = [word for word in words if word in self.words]
        counts = np.array([words[word] for word in known], np.float64)
        rows = [self.words[word] for word in known]
        return counts @ self.log_probabilities[rows], int(counts.sum())


@cache
def load_kinds() -> KindTable:
    """Load the table that comes with the package."""
    return KindTable.from_json(json.loads(read_resource("reports/text_kinds.json")))


def words_of(passages: Iterable[Passage]) -> Counter[str]:
    """Count the words of passages by which their kind is found."""
    return Counter(word for passage in passages for word in WORD.findall(passage.text))


def kind_of(words: Counter[str], table: KindTable | None = None) -> str | None:
    """Name the kind of a text by its `words_of`; ``""`` for one unlike all.

    None if it is too short or between two kinds.

    >>> kind_of(Counter()) is None
    True
    """
    table = table or load_kinds()
    sums, known = table.evidence(words)
    if known < _MIN_WORDS and words.total() < _MIN_ALL_WORDS:
        return None
    likeliest_last: list[int] = np.argsort(sums).tolist()
    *_, second, best = likeliest_last
    is_unlikely = sums[best] < table.lowest_mean[best] * max(1, known)
    if is_unlikely or known < table.lowest_share[best] * words.total():
        return ""
    if sums[best] - sums[second] < _MIN_MARGIN:
        return None
    return table.names[best]


def kind_warning(kind: str | None, measured: Collection[str]) -> str | None:
    """Say that a model was not measured on the kind of text a report looks like; else None.

    `measured` are the kinds that the model was measured on (``kinds`` in ``model.json``).

    >>> kind_warning("statutes", {"statutes": 60})
    """
    if kind is None or kind in measured:
        return None
    likeness = "reads unlike every kind of text on which this model was measured"
    if kind:
        likeness = f"reads like {kind}, on which this model was not measured"
    return f"{likeness}: check its tags before you count them"


@dataclass(slots=True)
class Outcome:
    """Totals of the reports written so far, and a warning for each doubtful one."""

    run: Run
    reports: int = 0
    total: Group = field(default_factory=Group)
    warnings: list[str] = field(default_factory=list)

    def counted(self, reports: Iterable[Report]) -> Iterator[Report]:
        """Yield the reports, and count them; parts of a file follow each other."""
        measured: Collection[str] | None = self.run.meta.get("kinds")  # None if it does not say
        for file, parts in groupby(reports, attrgetter("file")):
            group = Group()
            words: Counter[str] = Counter()
            places: dict[Wording, str] = {}
            for part in parts:
                group += Group.of((), part.passages, None, natures_of(part, places))
                if measured is not None:
                    words.update(words_of(part.passages))
                yield part
            self.reports += 1
            self.total += group
            doubt = _doubt(group)
            if doubt is None and measured is not None:
                doubt = kind_warning(kind_of(words), measured)
            if doubt:
                self.warnings.append(f"{file}: {doubt}")

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {self.total.count(label):,}" for label in self.run.labels)
        reports = count_with_noun(self.reports, "report")
        tagged = count_with_noun(self.total.tagged, "tagged sentence")
        rows = ""
        if self.total.tagged_rows:
            rows = f", and beside them {count_with_noun(self.total.tagged_rows, 'table row')}"
        return f"{reports}, {tagged} ({labels}){rows}"


def _doubt(group: Group) -> str | None:
    """Say in one line why the tags of a report may mean little; None if nothing is against them."""
    if group.is_unread:
        return (
            f"{group.unknown:,} of {group.judged:,} sentences are in words that the model does "
            "not know; if they are not in English, their tags mean nothing"
        )
    if group.is_off_subject:
        return (
            f"mostly on other subjects: {group.on_subject:,} of {group.passages:,} passages "
            "are about trafficking"
        )
    if group.low_confidence >= max(_DOUBTFUL, group.passages * _DOUBTFUL_SHARE):
        return (
            f"low confidence in {group.low_confidence:,} of {group.passages:,} passages: few "
            "words, or unknown ones"
        )
    return None
