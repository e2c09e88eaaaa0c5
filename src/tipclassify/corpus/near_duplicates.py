"""Find near duplicates by Jaccard similarity of word 3-grams, and compute tf-idf vectors.

Source: Broder 1997, On the resemblance and containment of documents.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_Term = TypeVar("_Term", int, str)

# from which different labels are a finding: one word of 14 changed, or more
CONFLICT_SIMILARITY: Final = 0.6
# from which a split leaks one text into the other side: one word of 29 changed, or more
LEAK_SIMILARITY: Final = 0.8

_MOST_COMPARED: Final = 200  # texts with a gram in common, for each text and gram


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


def tfidf_vectors_for_near_duplicates(documents: Sequence[Sequence[_Term]]) -> csr_array:
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
