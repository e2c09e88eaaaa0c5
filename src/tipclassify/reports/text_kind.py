"""Kind of text that a report looks like, by its words: the models were measured on some kinds only.

A multinomial naive Bayes model over frequent lower-case words; names and figures play no part.
``text_kinds.json`` has its table, made by ``benchmarks/kinds.py`` from passages that the models
learned from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypedDict

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.records import Passage
from tipclassify.resources import read_resource

__all__ = [
    "StoredTextKindTable",
    "TextKindEvidence",
    "TextKindTable",
    "load_text_kinds",
    "text_kind_warning_of_report",
]

_WORD: Final = re.compile(r"\b[a-z]{2,}")
_MIN_WORDS: Final = 150  # of the table, below which a text is too short to say
_MIN_ALL_WORDS: Final = 400  # from which a text with fewer of the table's words is unlike all kinds
# log-odds of the likeliest kind against the next; below, the text is between two kinds
_MIN_MARGIN: Final = 6.0


class StoredTextKindTable(TypedDict):
    """Content of ``text_kinds.json``; see `TextKindTable`."""

    names: list[str]
    words: dict[str, list[int]]  # hundredths of the log-probability in each kind
    lowest_mean: list[float]
    lowest_share: list[float]


@dataclass(frozen=True)
class TextKindTable:
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
    def from_json(cls, table: StoredTextKindTable) -> TextKindTable:
        """Read a table; log-probabilities are stored as whole hundredths."""
        return cls(
            names=tuple(table["names"]),
            words={word: number for number, word in enumerate(table["words"])},
            log_probabilities=np.array(list(table["words"].values()), np.float64) / 100,
            lowest_mean=np.array(table["lowest_mean"], np.float64),
            lowest_share=np.array(table["lowest_share"], np.float64),
        )


@cache
def load_text_kinds() -> TextKindTable:
    """Load the table that comes with the package."""
    return TextKindTable.from_json(json.loads(read_resource("reports/text_kinds.json")))


@dataclass(frozen=True, slots=True)
class TextKindEvidence:
    """Summed log-probabilities of a text's words by kind, and the numbers of words."""

    sums: tuple[float, ...] = ()
    words: int = 0
    all_words: int = 0

    @classmethod
    def of(
        cls, passages: Iterable[Passage], table: TextKindTable | None = None
    ) -> TextKindEvidence:
        """Sum the evidence of passages."""
        table = table or load_text_kinds()
        words = [word for passage in passages for word in _WORD.findall(passage.text)]
        known = [table.words[word] for word in words if word in table.words]
        sums = table.log_probabilities[known].sum(axis=0)
        return cls(tuple(sums.tolist()), len(known), len(words))

    def __add__(self, other: TextKindEvidence) -> TextKindEvidence:
        if not self.sums:
            return other
        if not other.sums:
            return self
        sums = tuple(mine + its for mine, its in zip(self.sums, other.sums, strict=True))
        return TextKindEvidence(sums, self.words + other.words, self.all_words + other.all_words)

    def kind(self, table: TextKindTable | None = None) -> str | None:
        """Name the kind of text; ``""`` for one unlike all, None if too short or between two.

        >>> TextKindEvidence().kind() is None
        True
        """
        table = table or load_text_kinds()
        if self.words < _MIN_WORDS and self.all_words < _MIN_ALL_WORDS:
            return None
        likeliest_first: list[int] = np.argsort(self.sums)[::-1].tolist()
        best = likeliest_first[0]
        second = likeliest_first[1]
        mean = self.sums[best] / max(1, self.words)
        share = self.words / self.all_words
        if mean < table.lowest_mean[best] or share < table.lowest_share[best]:
            return ""
        if self.sums[best] - self.sums[second] < _MIN_MARGIN:
            return None
        return table.names[best]


def text_kind_warning_of_report(kind: str | None, measured: Collection[str]) -> str | None:
    """Say that a model was not measured on the kind of text a report looks like; else None.

    `measured` are the kinds that the model was measured on (``kinds`` in ``model.json``).

    >>> text_kind_warning_of_report("statutes", {"statutes": 60})
    """
    if kind is None or kind in measured:
        return None
    likeness = "reads unlike every kind of text on which this model was measured"
    if kind:
        likeness = f"reads like {kind}, on which this model was not measured"
    return f"{likeness}: check its tags before you count them"
