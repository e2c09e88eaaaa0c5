"""Sums of the weights of all features, within each clause and across the clauses of each passage.

The features are those that `families` lays out for training, found by precomputed tables (`lookup`). Features of every word are
added per token and then summed by clause; rarer ones are added to their clause or passage. `tests/test_scoring.py` checks that both agree.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.added import SumAccumulator
from tipclassify.class_sums import add_classes
from tipclassify.families import CLASS_HASH, FACTOR, SALT, concat_ranges
from tipclassify.layout import Layout
from tipclassify.lookup import ByWord, Lookup
from tipclassify.packing import add_to, add_up
from tipclassify.tokens import TokenBatch
from tipclassify.words import U64

__all__ = ["sums_of"]

Floats = npt.NDArray[np.float64]

_GAP: Final = SALT[6:7] - SALT[5:6]  # from the hash of a stem bigram to that of a skip-bigram


def sums_of(lookup: Lookup, tokens: TokenBatch, layout: Layout) -> tuple[Floats, Floats]:
    """Count features and sum their weights for each label: within clauses, float64 (4, clauses), and across the clauses of
    each passage that has tokens, float64 (4, passages).
    """
    words = lookup.by_word(tokens.table)
    clauses, passages = len(layout.begin), len(tokens.begin)
    totals = SumAccumulator(clauses + passages, lookup)
    per_token = words.single.take(tokens.number)
    _add_pairs(lookup, words, tokens, layout, per_token, totals)
    add_classes(lookup, words, tokens, layout, per_token, totals)
    _add_openings(lookup, words, tokens, layout, totals)
    sums = totals.total()
    length = layout.end - layout.begin
    sums[:, :clauses] += add_up(per_token, layout.begin, length)
    sums[0, :clauses] += 2 * (length - 1) + np.maximum(length - 2, 0)  # bigrams: `per_token` has only their weights
    return sums[:, :clauses], sums[:, clauses:]


def _add_pairs(
    lookup: Lookup, words: ByWord, tokens: TokenBatch, layout: Layout, per_token: U64, totals: SumAccumulator
) -> None:
    """Add bigrams of words and of stems, and skip-bigrams of stems."""
    n = len(tokens.number)
    code = np.empty((3, n), np.uint64)
    same = np.zeros((3, n), bool)  # they lie in one clause
    head, tail = words.word_head.take(tokens.number), words.word_tail.take(tokens.number)
    np.add(head[:-1], tail[1:], out=code[0, :-1])
    head, tail = words.stem_head.take(tokens.number), words.stem_tail.take(tokens.number)
    np.add(head[:-1], tail[1:], out=code[1, :-1])
    np.add(head[:-2], tail[2:], out=code[2, :-2])
    code[2, :-2] += _GAP
    code[0, -1:] = code[1, -1:] = code[2, -2:] = 0
    opens, new = layout.opens, tokens.new
    inner = ~opens[1:]
    same[0, :-1] = same[1, :-1] = inner
    np.logical_and(inner[:-1], inner[1:], out=same[2, :-2])
    for one in lookup.hashed(code, same):
        add_to(per_token, one)

    # Bigrams across clauses.
    near = (opens[1:] & ~new[1:]).nonzero()[0]
    far = ((opens[1:-1] | opens[2:]) & ~(new[1:-1] | new[2:])).nonzero()[0]
    if len(far) or len(near):
        across = np.concatenate([code[0].take(near), code[1].take(near), code[2].take(far)])
        passage = layout.across_at(np.concatenate([near, near, far]))
        totals.add_hashed(passage, across)


def _add_openings(lookup: Lookup, words: ByWord, tokens: TokenBatch, layout: Layout, totals: SumAccumulator) -> None:
    """Add the first words of a passage, and the classes of one that opens with an imperative."""
    tables = lookup.by_class
    first, end = tokens.begin, layout.passage_end
    number = tokens.number.take(first)
    packed = words.opening.take(number)
    totals.add(layout.first, add_to(packed, tables.opening.take(layout.kind.take(first))))
    longer = (end - first > 1).nonzero()[0]
    if len(longer):
        head, second = first.take(longer), first.take(longer) + 1
        code = words.opening_head.take(number.take(longer))
        code += (CLASS_HASH * FACTOR[1]).take(layout.kind.take(second))
        where = np.where(layout.opens.take(second), layout.across_at(head), layout.clause.take(head))
        totals.add_hashed(where, code)
    opening = words.before.take(number) & (end - first > 1)
    asks = words.asks.take(tokens.number.take(first + opening)).nonzero()[0]
    if len(asks):
        head = first.take(asks)
        totals.add(layout.clause.take(head), np.full(len(head), tables.asking))
        _, here = concat_ranges(head, end.take(asks))
        here = here.compress(layout.kind.take(here))
        totals.add(layout.clause.take(here), tables.asked.take(layout.kind.take(here)))
