"""Labelled passages of the invented corpus that are most like a passage, by their words.

They stand beside the rule of the codebook where a probability is near its threshold, so that a
reader sees how near cases were labelled. The index holds words, not vectors of a model: those of
the default are trained to tell labels apart, and passages on other matters lie between them.

To index the corpus takes longer than all searches of a report, so the index is kept in the user's
cache folder, under the hash of the corpus.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tipclassify.arrays import Floats, Ints
from tipclassify.corpus.rows import shipped_corpus
from tipclassify.labels import LABELS
from tipclassify.resources import resource_folder_in_user_cache
from tipclassify.whole_files import open_whole_file

_WORD: Final = re.compile(r"[a-z]{3,}")
# cosine below which a passage of the corpus is on another matter (as in compare.match)
_MIN_SIMILARITY: Final = 0.2
_KEPT_FORMAT: Final = b"1"  # of the kept index; raised when what it holds changes
_DAMAGED: Final = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class Example:
    """A passage of the corpus and its labels."""

    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordTable:
    """In which examples each word stands (an inverted index); words and examples by number."""

    vocabulary: list[str]
    frequencies: Ints  # examples that hold each word
    rows: Ints  # the examples of the first word, of the second, …
    sources: Ints  # number of each example among those that were given: equal texts are one

    @classmethod
    def of(cls, texts: Iterable[str]) -> WordTable:
        """Index texts by their words. Of equal texts the last stands in the place of the first."""
        sources = {text: number for number, text in enumerate(texts)}
        numbers: dict[str, int] = {}
        words: list[int] = []
        counts: list[int] = []
        for text in sources:
            distinct = dict.fromkeys(_WORD.findall(text.lower()))
            counts.append(len(distinct))
            words += [numbers.setdefault(word, len(numbers)) for word in distinct]
        order = np.argsort(words, kind="stable")
        return cls(
            vocabulary=list(numbers),
            frequencies=np.bincount(np.array(words, np.int64), minlength=len(numbers)),
            rows=np.repeat(np.arange(len(counts)), counts)[order],
            sources=np.array(list(sources.values()), np.int64),
        )


class ExampleIndex:
    """Index of labelled passages by their words, to find the nearest ones to a text.

    Similarity is the cosine of tf-idf vectors in which each word counts once. A search takes time
    linear in the corpus (1 ms for 32,000 passages). A `table` is that of the texts of `examples`.
    """

    def __init__(self, examples: Iterable[Example], table: WordTable | None = None) -> None:
        self._examples = examples if isinstance(examples, Sequence) else list(examples)
        if table is None:
            table = WordTable.of(example.text for example in self._examples)
        size = len(table.sources)
        self._numbers = {word: number for number, word in enumerate(table.vocabulary)}
        self._sources = table.sources
        self._rows = table.rows
        self._ends = np.cumsum(table.frequencies)  # of each word's rows
        self._frequencies = table.frequencies
        self._weights: Floats = np.log1p(size / table.frequencies) ** 2  # squared idf of each word
        weights_of_rows = np.repeat(self._weights, table.frequencies)
        self._norms: Floats = np.sqrt(np.bincount(table.rows, weights_of_rows, size))

    def nearest(self, text: str, number: int = 2) -> list[Example]:
        """List the examples most like a text, most similar first, without those on other matters.

        >>> rows = ("Courts jailed nobody.", "failure"), ("Roads are bad.", "failure")
        >>> index = ExampleIndex(Example(text, (label,)) for text, label in rows)
        >>> [example.text for example in index.nearest("The courts jailed two men.")]
        ['Courts jailed nobody.']
        """
        words = dict.fromkeys(_WORD.findall(text.lower()))
        known = [self._numbers[word] for word in words if word in self._numbers]
        products = np.zeros(len(self._norms))
        for word in known:
            end = self._ends[word]
            rows = self._rows[end - self._frequencies[word] : end]
            products[rows] += self._weights[word]
        norm = np.sqrt(self._weights[known].sum())
        cosines = products / np.maximum(self._norms * norm, 1e-12)
        near = np.flatnonzero(cosines >= _MIN_SIMILARITY)
        order = near[np.argsort(-cosines[near], kind="stable")][:number]
        return [self._examples[self._sources[row]] for row in order.tolist()]


class _Line(msgspec.Struct):
    text: str
    labels: list[str]


class _Lines(Sequence[Example]):
    """The examples of the corpus, each decoded when it is asked for."""

    def __init__(self, corpus: bytes) -> None:
        self._corpus = corpus
        self._ends = np.flatnonzero(np.frombuffer(corpus, np.uint8) == ord("\n"))  # of its lines
        self._decoder = msgspec.json.Decoder(_Line)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> Example:  # type: ignore[override]  # no slices
        start = self._ends[number - 1] + 1 if number else 0
        row = self._decoder.decode(self._corpus[start : self._ends[number]])
        return Example(row.text, tuple(label for label in LABELS if label in row.labels))


@lru_cache(1)
def load_examples() -> ExampleIndex:
    """Index the corpus that comes with the package, once a process; empty if there is none."""
    folder = shipped_corpus()
    if folder is None:
        return ExampleIndex([])
    files = sorted((folder / "corpus").glob("*.jsonl"))
    corpus = b"".join(file.read_bytes().removesuffix(b"\n") + b"\n" for file in files)
    examples = _Lines(corpus)
    digest = hashlib.sha256(_KEPT_FORMAT + corpus).hexdigest()
    cache = resource_folder_in_user_cache("examples")
    kept = cache / "words.npz" if cache else None
    table = _read(kept, digest) if kept else None
    if table is None:
        table = WordTable.of(example.text for example in examples)
        if kept:
            _keep(kept, digest, table)
    return ExampleIndex(examples, table)


def _keep(place: Path, digest: str, table: WordTable) -> None:
    """Keep a table for the next process; without a writable folder it is made anew each time."""
    with contextlib.suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_whole_file(place, binary=True) as out:
            np.savez(
                out,
                digest=np.array(digest),
                vocabulary=np.array("\n".join(table.vocabulary)),
                frequencies=table.frequencies.astype(np.int32),
                rows=table.rows.astype(np.int32),
                sources=table.sources.astype(np.int32),
            )


def _read(place: Path, digest: str) -> WordTable | None:
    """Read the table of a corpus by its digest; None where another is kept, or a damaged one."""
    with contextlib.suppress(*_DAMAGED), place.open("rb") as file, np.load(file) as kept:
        if str(kept["digest"]) == digest:
            return WordTable(
                str(kept["vocabulary"]).split("\n"),
                kept["frequencies"].astype(np.int64),
                kept["rows"].astype(np.int64),
                kept["sources"].astype(np.int64),
            )
    return None
