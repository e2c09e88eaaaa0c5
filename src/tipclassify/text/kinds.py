"""Find the kind of a text, and say where a model was not measured on that kind.

A known publication decides, else the words: by a multinomial naive Bayes model over frequent
lower-case ones; names and figures play no part. ``kinds.json`` has its table, made by
``benchmarks/kinds.py`` from passages that the models learned from.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.records import Document
from tipclassify.resources import read_resource

WORD: Final = re.compile(r"\b[a-z]{2,}")
"""A word of the table."""

UNMEASURED: Final = "not measured on this kind of text"
"""What stands in place of a figure that rests on the model's errors, where they are not known."""

# kinds of report in ``model.json``, by words of the publication's name
_KINDS: Final = {
    "country reports on human rights practices": "human-rights reports",
    "findings on the worst forms of child labor": "Department of Labor reports",
    "world factbook": "World Factbook entries",
}
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
    def from_json(cls, table: Mapping[str, Any]) -> KindTable:
        """Read the content of ``kinds.json``: log-probabilities are whole hundredths."""
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
    return KindTable.from_json(json.loads(read_resource("text/kinds.json")))


def words_of(texts: Iterable[str]) -> Counter[str]:
    """Count the words of texts by which their kind is found."""
    return Counter(word for text in texts for word in WORD.findall(text))


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


def kind_of_publication(publication: object) -> str | None:
    """Return the kind of report that a publication is, as ``model.json`` names it; None if unknown.

    >>> kind_of_publication("Country Reports on Human Rights Practices")
    'human-rights reports'
    """
    name = str(publication or "").casefold()
    return next((kind for words, kind in _KINDS.items() if words in name), None)


def kind_of_document(document: Document) -> str | None:
    """Name the kind of a document by its publication, else by the words below its headings."""
    if kind := kind_of_publication(document.publication):
        return kind
    blocks = (block for block in document.blocks if not block.heading)
    return kind_of(words_of(document.text[block.start : block.end] for block in blocks))


def is_measured(kind: str | None, meta: Mapping[str, Any]) -> bool:
    """Test whether a model was measured on a kind of text, as far as its metadata say.

    >>> is_measured("statutes", {"kinds": {"World Factbook entries": 955}}), is_measured(None, {})
    (False, True)
    """
    kinds = meta.get("kinds")
    return kinds is None or kind is None or kind in kinds


def kind_warning(kind: str) -> str:
    """Say that a model was not measured on a kind of text, ``""`` being one unlike all.

    >>> kind_warning("statutes")[:66]
    'reads like statutes, on which this model was not measured: check i'
    """
    likeness = "reads unlike every kind of text on which this model was measured"
    if kind:
        likeness = f"reads like {kind}, on which this model was not measured"
    return f"{likeness}: check its tags before you count them"
