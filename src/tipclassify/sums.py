"""Sums of the weights of all features of `families`, within each clause and across the clauses of each passage.

The same features as `families` lays out for training, by way of tables (`lookup`): what stands on every word is added word by word
and then summed by clause; what is rarer is added to its clause or passage one by one. `tests/test_scoring.py` holds the two together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.added import Added
from tipclassify.class_sums import add_classes
from tipclassify.families import CLASS_HASH, FACTOR, SALT, stretched
from tipclassify.layout import Layout
from tipclassify.lookup import ByWord, Lookup
from tipclassify.packing import add_to, add_up
from tipclassify.tokens import Reading
from tipclassify.words import U64

__all__ = ["sums_of"]

Floats = npt.NDArray[np.float64]

_GAP: Final = SALT[6:7] - SALT[5:6]  # between the hashes of two stems in a row and of two with one between


def sums_of(lookup: Lookup, read: Reading, layout: Layout) -> tuple[Floats, Floats]:
    """Counts of features and sums of their weights for each label: within clauses, float64 (4, clauses), and across the
    clauses of each passage that has tokens, float64 (4, passages).
    """
    words = lookup.by_word(read.met)
    clauses, passages = len(layout.begin), len(read.begin)
    added = Added(clauses + passages, lookup)
    inside = words.single.take(read.number)
    _add_pairs(lookup, words, read, layout, inside, added)
    add_classes(lookup, words, read, layout, inside, added)
    _add_openings(lookup, words, read, layout, added)
    sums = added.total()
    length = layout.end - layout.begin
    sums[:, :clauses] += add_up(inside, layout.begin, length)
    sums[0, :clauses] += 2 * (length - 1) + np.maximum(length - 2, 0)  # pairs, of which `inside` has the weights
    return sums[:, :clauses], sums[:, clauses:]


def _add_pairs(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, inside: U64, added: Added) -> None:
    """Two words or stems in a row, and two stems with one between."""
    n = len(read.number)
    code = np.empty((3, n), np.uint64)
    same = np.zeros((3, n), bool)  # they lie in one clause
    head, tail = words.word_head.take(read.number), words.word_tail.take(read.number)
    np.add(head[:-1], tail[1:], out=code[0, :-1])
    head, tail = words.stem_head.take(read.number), words.stem_tail.take(read.number)
    np.add(head[:-1], tail[1:], out=code[1, :-1])
    np.add(head[:-2], tail[2:], out=code[2, :-2])
    code[2, :-2] += _GAP
    code[0, -1:] = code[1, -1:] = code[2, -2:] = 0
    opens, new = layout.opens, read.new
    inner = ~opens[1:]
    same[0, :-1] = same[1, :-1] = inner
    np.logical_and(inner[:-1], inner[1:], out=same[2, :-2])
    for one in lookup.hashed(code, same):
        add_to(inside, one)

    # Those that reach across clauses.
    near = (opens[1:] & ~new[1:]).nonzero()[0]
    far = ((opens[1:-1] | opens[2:]) & ~(new[1:-1] | new[2:])).nonzero()[0]
    if len(far) or len(near):
        across = np.concatenate([code[0].take(near), code[1].take(near), code[2].take(far)])
        passage = layout.across_at(np.concatenate([near, near, far]))
        added.add_hashed(passage, across)


def _add_openings(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, added: Added) -> None:
    """How a passage begins, and what an imperative asks for."""
    tables = lookup.by_class
    first, end = read.begin, layout.passage_end
    number = read.number.take(first)
    packed = words.opening.take(number)
    added.add(layout.first, add_to(packed, tables.opening.take(layout.kind.take(first))))
    longer = (end - first > 1).nonzero()[0]
    if len(longer):
        head, second = first.take(longer), first.take(longer) + 1
        code = words.opening_head.take(number.take(longer))
        code += (CLASS_HASH * FACTOR[1]).take(layout.kind.take(second))
        where = np.where(layout.opens.take(second), layout.across_at(head), layout.clause.take(head))
        added.add_hashed(where, code)
    opening = words.before.take(number) & (end - first > 1)
    asks = words.asks.take(read.number.take(first + opening)).nonzero()[0]
    if len(asks):
        head = first.take(asks)
        added.add(layout.clause.take(head), np.full(len(head), tables.asking))
        _, here = stretched(head, end.take(asks))
        here = here.compress(layout.kind.take(here))
        added.add(layout.clause.take(here), tables.asked.take(layout.kind.take(here)))
