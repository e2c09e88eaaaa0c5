"""Texts that say nearly the same in nearly the same words.

Sources: similarity of texts as Jaccard similarity of their word 3-grams, Broder 1997; the exact search for it by prefix
filtering, Bayardo, Ma and Srikant 2007 (WWW).
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["ALIKE", "LEAKED", "near_pairs"]

ALIKE: Final = 0.6
"""Similarity from which other labels want a reason: one word of 14 changed, or more."""

LEAKED: Final = 0.8
"""Similarity from which a model that knows the one text knows the other: one word of 29 changed, or more."""

_GRAM: Final = 3  # words of a gram


def near_pairs(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs ``(i, j, similarity)``, i < j, of texts whose word 3-grams have a Jaccard similarity of `least` or more; in no order.

    Case and punctuation count for nothing, and a text of one or two words is one gram. A text without a word is like no
    other. The search is exact: with grams in order of rarity, two sets of at least that similarity share one among the
    first ``n - ceil(least * n) + 1`` of each, so only texts that share a rare gram are compared.

    >>> list(near_pairs(["Police arrested nine men.", "police arrested NINE men", "Courts slept."], 0.6))
    [(0, 1, 1.0)]
    """
    grams = [_grams(text) for text in texts]
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


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + _GRAM]) for i in range(max(bool(words), len(words) - _GRAM + 1))}
