"""Labelled passages of the invented corpus that are most like a passage, by their words.

They stand beside the rule of the codebook where a probability is near its threshold, so that a
reader sees how near cases were labelled. The index holds words, not vectors of a model: those of
the default are trained to tell labels apart, and passages on other matters lie between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tipclassify.arrays import Floats, Ints
from tipclassify.corpus.loading import shipped_corpus
from tipclassify.labels import LABELS

__all__ = ["ExampleIndex", "LabelledExample", "load_examples"]

_WORD: Final = re.compile(r"[a-z]{3,}")
# cosine below which a passage of the corpus is on another matter (as in comparison.matching)
_MIN_SIMILARITY: Final = 0.2


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """A passage of the corpus and its labels."""

    text: str
    labels: tuple[str, ...]


class ExampleIndex:
    """Index of labelled passages by their words, to find the nearest ones to a text.

    Similarity is the cosine of tf-idf vectors in which each word counts once. A search takes time
    linear in the corpus (5 ms for 32,000 passages).
    """

    def __init__(self, examples: Iterable[LabelledExample]) -> None:
        by_text = {example.text: example for example in examples}
        self._examples = list(by_text.values())
        self._numbers: dict[str, int] = {}
        numbers: list[int] = []
        lengths: list[int] = []
        for example in self._examples:
            words = dict.fromkeys(_WORD.findall(example.text.lower()))
            lengths.append(len(words))
            numbers += [self._numbers.setdefault(word, len(self._numbers)) for word in words]
        # of each word of each example: its number, and that of the example
        self._words: Ints = np.array(numbers, np.int64)
        self._rows: Ints = np.repeat(np.arange(len(lengths)), lengths)
        frequency = np.bincount(self._words, minlength=len(self._numbers))
        self._idf: Floats = np.log1p(len(lengths) / np.maximum(frequency, 1))
        self._norms: Floats = np.sqrt(
            np.bincount(self._rows, self._idf[self._words] ** 2, len(lengths))
        )

    def nearest(self, text: str, number: int = 2) -> list[LabelledExample]:
        """List the examples most like a text, most similar first, without those on other matters.

        >>> rows = ("Courts jailed nobody.", "failure"), ("Roads are bad.", "failure")
        >>> index = ExampleIndex(LabelledExample(text, (label,)) for text, label in rows)
        >>> [example.text for example in index.nearest("The courts jailed two men.")]
        ['Courts jailed nobody.']
        """
        words = dict.fromkeys(_WORD.findall(text.lower()))
        known = [self._numbers[word] for word in words if word in self._numbers]
        if not known:
            return []
        weights = np.zeros(len(self._numbers))
        weights[known] = self._idf[known] ** 2
        products = np.bincount(self._rows, weights[self._words], len(self._examples))
        cosines = products / np.maximum(self._norms * np.sqrt(weights.sum()), 1e-12)
        order = np.argsort(-cosines, kind="stable")[:number]
        return [self._examples[at] for at in order if cosines[at] >= _MIN_SIMILARITY]


@lru_cache(1)
def load_examples() -> ExampleIndex:
    """Index the corpus that comes with the package, once a process; empty if there is none."""
    folder = shipped_corpus()
    files = sorted((folder / "corpus").glob("*.jsonl")) if folder else []
    return ExampleIndex(example for file in files for example in _read(file))


def _read(file: Path) -> Iterable[LabelledExample]:
    with file.open("rb") as lines:
        for line in lines:
            row: Mapping[str, object] = msgspec.json.decode(line)
            names = row["labels"]
            labels = tuple(label for label in LABELS if isinstance(names, list) and label in names)
            yield LabelledExample(str(row["text"]), labels)
