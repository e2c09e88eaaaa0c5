"""Curate a corpus: find near duplicates, add rows, count it.

Near duplicates are texts of a high Jaccard similarity of word 3-grams (Broder 1997, On the
resemblance and containment of documents).
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from tipclassify.corpus.rows import Row, group_rows, row_key
from tipclassify.errors import CorpusError
from tipclassify.formatting import format_columns, format_value

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Term = TypeVar("Term", int, str)

# from which a text gives another away: one word of 29 changed, or more
LEAK_SIMILARITY: Final = 0.8

_MOST_COMPARED: Final = 200  # texts with a gram in common, for each text and gram
_NONE: Final = "(none)"
_MAX_LINES: Final = 12  # of each part of the table; the rest is only counted
_MAX_NAME: Final = 60  # characters of a name in the table
_QUANTILES: Final = {
    "least": 0,
    "p5": 0.05,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "most": 1,
}


def near_duplicate_pairs(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Yield, unordered, the pairs ``(i, j, similarity)``, i < j, of similarity at least `least`.

    Case and punctuation are ignored. The search is by prefix filtering (Bayardo, Ma and Srikant
    2007): with grams sorted by rarity, two sets of at least that similarity share one among the
    first ``n - ceil(least * n) + 1``. It is exact unless more than 200 texts share such a gram:
    each is then compared with the 200 before it in length only, so that time does not grow with
    their square.

    >>> texts = ["Police arrested nine men.", "police arrested NINE men", "Courts slept."]
    >>> list(near_duplicate_pairs(texts, 0.6))
    [(0, 1, 1.0)]
    """
    grams = [word_shingles(re.findall(r"\w+", text.casefold())) for text in texts]
    use = Counter(gram for text_grams in grams for gram in text_grams)
    rarity = {gram: number for number, gram in enumerate(sorted(use, key=use.__getitem__))}
    ranked = [sorted(rarity[gram] for gram in text_grams) for text_grams in grams]
    sets = [frozenset(ranks) for ranks in ranked]
    texts_with: defaultdict[int, list[int]] = defaultdict(list)  # by a gram of their prefix
    for i in sorted(range(len(texts)), key=lambda i: len(ranked[i])):
        size = len(ranked[i])
        shortest = math.ceil(least * size - 1e-9)  # 0.6 * 5 is a shade over 3 in some products
        prefix = ranked[i][: size - shortest + 1]
        candidates = {
            j
            for gram in prefix
            for j in texts_with[gram][-_MOST_COMPARED:]
            if len(ranked[j]) >= shortest
        }
        for j in candidates:
            common = len(sets[i] & sets[j])
            similarity = common / (size + len(sets[j]) - common)
            if similarity >= least:
                yield min(i, j), max(i, j), similarity
        for gram in prefix:
            texts_with[gram].append(i)


def word_shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the word 3-grams; for one or two words a single shorter gram."""
    if not words:
        return set()
    count = max(1, len(words) - 2)
    return {tuple(words[i : i + 3]) for i in range(count)}


def tfidf_vectors(documents: Sequence[Sequence[Term]]) -> csr_array:
    """Compute tf-idf unit vectors, sparse (documents, sorted terms).

    The idf is log(1 + documents / document frequency).
    """
    from scipy.sparse import csr_array

    terms = sorted({term for document in documents for term in document})
    number = {term: i for i, term in enumerate(terms)}
    column = np.array([number[term] for document in documents for term in document], np.int64)
    row = np.array([i for i, document in enumerate(documents) for _ in document], np.int64)
    vectors = csr_array((np.ones(len(row)), (row, column)), shape=(len(documents), len(number)))
    frequency = np.bincount(vectors.indices, minlength=len(number))
    vectors.data *= np.log1p(len(documents) / frequency)[vectors.indices]
    row = np.repeat(np.arange(len(documents)), np.diff(vectors.indptr))
    vectors.data /= np.sqrt(np.bincount(row, vectors.data**2, len(documents)))[row]
    return vectors


@dataclass(frozen=True, slots=True)
class Addition:
    """Rows to add, with unique ids, and what to report of them."""

    rows: list[Row]
    # ids of rows not added, and of the rows with the same text, heading and labels
    repeated: list[tuple[str, str]]
    renamed: list[tuple[str, str]]  # ids taken by another text, and their replacements
    # an added row, the one that it nearly duplicates, and their similarity, 0 to 1; highest first
    near: list[tuple[Row, Row, float]]


def add_rows(existing: Sequence[Row], new: Sequence[Row]) -> Addition:
    """Find the rows of `new` that are not among the `existing` ones.

    Raises `CorpusError` when a text exists under the same heading with other labels, which a person
    has to settle.
    """
    first = {row_key(row): row for row in reversed(existing)}
    taken = {str(row["id"]) for row in existing}
    rows: list[Row] = []
    repeated = []
    renamed = []
    problems = []
    for row in new:
        if known := first.get(row_key(row)):
            if set(known["labels"]) == set(row["labels"]):
                repeated.append((row["id"], known["id"]))
            else:
                labels = ", ".join(row["labels"]) or "no label"
                known_labels = ", ".join(known["labels"]) or "no label"
                problems.append(
                    f"{row['id']}: {labels}, but {known['id']}, the same text, "
                    f"has {known_labels}; settle one"
                )
            continue
        name = row["id"]
        number = 2
        while name in taken:
            name = f"{row['id']}-{number}"
            number += 1
        if name != row["id"]:
            renamed.append((row["id"], name))
            row = {**row, "id": name}
        taken.add(name)
        first[row_key(row)] = row
        rows.append(row)
    if problems:
        raise CorpusError(problems)
    every = [*existing, *rows]
    pairs = near_duplicate_pairs([row["text"] for row in every], LEAK_SIMILARITY)
    # Of a pair i < j, so that j is new where either is.
    near = [(every[j], every[i], similarity) for i, j, similarity in pairs if j >= len(existing)]
    near.sort(key=lambda pair: (-round(pair[2], 4), pair[0]["id"], pair[1]["id"]))
    return Addition(rows, repeated, renamed, near)


def counts_table(rows: Sequence[Row], labels: Sequence[str]) -> str:
    """Count passages by label, set of labels, section and source, as aligned plain text.

    Their groups stand above, the quantiles of their lengths below.
    """
    groups = Counter(group_rows(rows))
    docs = {row["doc"] for row in rows if row.get("doc")}
    pairs = {row["pair"] for row in rows if row.get("pair")}
    tables = [
        f"{len(rows):,} passages, no problems; {len(groups):,} groups "
        f"(largest {max(groups.values()):,}), {len(docs):,} documents, "
        f"{len(pairs):,} sets of near-identical passages"
    ]
    of_label = Counter(label for row in rows for label in row["labels"] or (_NONE,))
    counts = {
        "label": [(label, of_label[label]) for label in (*labels, _NONE)],
        "set of labels": _largest_first(" + ".join(row["labels"]) for row in rows),
        "section": _largest_first(row.get("section") for row in rows),
        "source": _largest_first(row.get("source") for row in rows),
    }
    for name, entries in counts.items():
        cells = [(name, "passages", "share")]
        for value, count in entries[:_MAX_LINES]:
            short = format_value(value)
            if len(short) > _MAX_NAME:
                short = short[: _MAX_NAME - 1] + "…"
            cells.append((short, f"{count:,}", f"{count / len(rows):.1%}"))
        if rest := entries[_MAX_LINES:]:
            cells.append((f"{len(rest):,} more", f"{sum(count for _, count in rest):,}", ""))
        tables.append("\n".join(format_columns(cells)))
    lengths = [("length in", *_QUANTILES)]
    for unit, values in (
        ("words", [len(row["text"].split()) for row in rows]),
        ("characters", [len(row["text"]) for row in rows]),
    ):
        quantiles = np.quantile(values, list(_QUANTILES.values())).round(1)
        lengths.append((unit, *(f"{quantile:g}" for quantile in quantiles)))
    tables.append("\n".join(format_columns(lengths)))
    return "\n\n".join(tables)


def _largest_first(values: Iterable[object]) -> list[tuple[str, int]]:
    counts = Counter(str(value or _NONE) for value in values)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
