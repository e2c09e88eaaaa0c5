"""Find near duplicates by Jaccard similarity of word 3-grams (Broder 1997), and compute tf-idf
vectors."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# from which different labels are a finding: one word of 14 changed, or more
CONFLICT_SIMILARITY: Final = 0.6
# from which a split leaks one text into the other side: one word of 29 changed, or more
LEAK_SIMILARITY: Final = 0.8


def near_duplicate_pairs(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs ``(i, j, similarity)``, i < j, of texts with a Jaccard similarity of at least
    `least`, unordered.

    Case and punctuation are ignored. The search is exact, by prefix filtering (Bayardo, Ma and
    Srikant 2007): with grams sorted by rarity, two sets of at least that similarity share one among
    the first ``n - ceil(least * n) + 1``.

    >>> list(near_duplicate_pairs(["Police arrested nine men.", "police arrested NINE men", "Courts slept."], 0.6))
    [(0, 1, 1.0)]
    """
    grams = [trigrams(re.findall(r"\w+", text.casefold())) for text in texts]
    use = Counter(gram for row in grams for gram in row)
    rarity = {gram: number for number, gram in enumerate(sorted(use, key=use.__getitem__))}
    ranked = [sorted(rarity[gram] for gram in row) for row in grams]
    sets = [frozenset(row) for row in ranked]
    index: defaultdict[int, list[int]] = defaultdict(list)
    for i in sorted(range(len(texts)), key=lambda i: len(ranked[i])):
        size = len(ranked[i])
        shortest = math.ceil(least * size - 1e-9)  # 0.6 * 5 is a shade over 3 in some products
        prefix = ranked[i][: size - shortest + 1]
        for j in {j for gram in prefix for j in index[gram] if len(ranked[j]) >= shortest}:
            common = len(sets[i] & sets[j])
            similarity = common / (size + len(sets[j]) - common)
            if similarity >= least:
                yield min(i, j), max(i, j), similarity
        for gram in prefix:
            index[gram].append(i)


def trigrams(words: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the word 3-grams; for one or two words a single shorter gram."""
    return {tuple(words[i : i + 3]) for i in range(max(bool(words), len(words) - 2))}


def tfidf(documents: Sequence[Sequence[Any]]) -> csr_array:
    """Compute tf-idf unit vectors, sparse (documents, sorted terms): idf is log(1 + documents /
    document frequency)."""
    from scipy.sparse import csr_array

    number = {
        term: i for i, term in enumerate(sorted({term for terms in documents for term in terms}))
    }
    column = np.array([number[term] for terms in documents for term in terms], np.int64)
    row = np.array([i for i, terms in enumerate(documents) for _ in terms], np.int64)
    vectors = csr_array((np.ones(len(row)), (row, column)), shape=(len(documents), len(number)))
    frequency = np.bincount(vectors.indices, minlength=len(number))
    vectors.data *= np.log1p(len(documents) / frequency)[vectors.indices]
    row = np.repeat(np.arange(len(documents)), np.diff(vectors.indptr))
    vectors.data /= np.sqrt(np.bincount(row, vectors.data**2, len(documents)))[row]
    return vectors
