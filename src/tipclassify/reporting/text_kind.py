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
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.resources import read_resource
from tipclassify.text.document import Passage

__all__ = ["KindEvidence", "KindTable", "kind_warning", "load_kinds"]

_WORD: Final = re.compile(r"\b[a-z]{2,}")
_MIN_WORDS: Final = 150  # of the table, below which a text is too short to say
_MIN_ALL_WORDS: Final = 400  # from which a text with fewer of the table's words is unlike all kinds
# log-odds of the likeliest kind against the next; below, the text is between two kinds
_MIN_MARGIN: Final = 6.0


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
    def from_json(cls, table: dict[str, Any]) -> KindTable:
        """Read a table; log-probabilities are stored as whole hundredths."""
        words = {word: at for at, word in enumerate(table["words"])}
        log_probabilities = np.array(list(table["words"].values()), np.float64) / 100
        lowest = (np.array(table[name], np.float64) for name in ("lowest_mean", "lowest_share"))
        return cls(tuple(table["names"]), words, log_probabilities, *lowest)


@cache
def load_kinds() -> KindTable:
    """Load the table that comes with the package."""
    return KindTable.from_json(json.loads(read_resource("reporting/text_kinds.json")))


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """Summed log-probabilities of a text's words by kind, and the numbers of words."""

    sums: tuple[float, ...] = ()
    words: int = 0
    all_words: int = 0

    @classmethod
    def of(cls, passages: Iterable[Passage], table: KindTable | None = None) -> KindEvidence:
        """Sum the evidence of passages."""
        table = table or load_kinds()
        words = [word for passage in passages for word in _WORD.findall(passage.text)]
        known = [table.words[word] for word in words if word in table.words]
        return cls(
            tuple(table.log_probabilities[known].sum(axis=0).tolist()), len(known), len(words)
        )

    def __add__(self, other: KindEvidence) -> KindEvidence:
        if not self.sums or not other.sums:
            return self if self.sums else other
        sums = tuple(mine + its for mine, its in zip(self.sums, other.sums, strict=True))
        return KindEvidence(sums, self.words + other.words, self.all_words + other.all_words)

    def kind(self, table: KindTable | None = None) -> str | None:
        """Name the kind of text; ``""`` for one unlike all, None if too short or between two.

        >>> KindEvidence().kind() is None
        True
        """
        table = table or load_kinds()
        if self.words < _MIN_WORDS and self.all_words < _MIN_ALL_WORDS:
            return None
        order = np.argsort(self.sums)[::-1].tolist()
        best, second = order[0], order[1]
        mean = self.sums[best] / max(1, self.words)
        share = self.words / self.all_words
        if mean < table.lowest_mean[best] or share < table.lowest_share[best]:
            return ""
        return table.names[best] if self.sums[best] - self.sums[second] >= _MIN_MARGIN else None


def kind_warning(kind: str | None, measured: Collection[str]) -> str | None:
    """Say that a model was not measured on the kind of text a report looks like; else None.

    `measured` are the kinds that the model was measured on (``kinds`` in ``model.json``).

    >>> kind_warning("statutes", {"statutes": 60})
    """
    if kind is None or kind in measured:
        return None
    what = f"reads like {kind}, on which" if kind else "reads unlike every kind of text on which"
    measured_or_not = "was not measured" if kind else "was measured"
    return f"{what} this model {measured_or_not}: check its tags before you count them"
