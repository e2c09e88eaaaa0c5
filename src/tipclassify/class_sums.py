"""Weights of the features of lexicon classes: sequences and pairs of classes, actors with acts, scopes of mark words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tipclassify.added import SumAccumulator
from tipclassify.families import CUT_HASH, FAR, MARK, REACH, TURNING, concat_ranges
from tipclassify.layout import Layout, ends_of
from tipclassify.lookup import ACTOR_CODE, CLASSES, COLUMNS, TURNS, ByWord, Lookup
from tipclassify.packing import add_to
from tipclassify.tokens import TokenBatch
from tipclassify.words import I64, U64, Bools

__all__ = ["add_classes"]


class _Classed(NamedTuple):
    """Tokens that have a class: their index, class, clause and passage."""

    at: I64
    kind: I64
    clause: I64
    passage: I64


def add_classes(
    lookup: Lookup, words: ByWord, tokens: TokenBatch, layout: Layout, per_token: U64, totals: SumAccumulator
) -> None:
    """Add sequences and pairs of classes, actors with acts, and stems and classes in the scope of mark words."""
    at = layout.kind.nonzero()[0]
    if not len(at):
        return
    clause = layout.clause.take(at)
    c = _Classed(at, layout.kind.take(at).astype(np.int64), clause, layout.passage.take(clause))
    run = np.ones(len(at), bool)  # first classed word of its clause
    np.not_equal(clause[1:], clause[:-1], out=run[1:])
    classed = _add_sequences(lookup, layout, c, run, totals)
    _add_class_pairs(lookup, c, run, totals)
    _add_acts(lookup, words, tokens, layout, c, per_token, classed, totals)
    totals.add_in_order(c.clause, classed)
    _add_marked(lookup, words, tokens, layout, c, totals)


def _add_sequences(lookup: Lookup, layout: Layout, c: _Classed, run: Bools, totals: SumAccumulator) -> U64:
    """Add up to four classes in a row, words without one skipped; return the clause's part by classed word."""
    tables = lookup.by_class
    kind, n = c.kind, len(c.kind)
    next_kind, then = np.zeros((2, n), np.int64)  # classes that follow in the clause
    second = ~run[1:]
    third = second[:-1] & second[1:]
    np.multiply(kind[1:], second, out=next_kind[:-1])
    np.multiply(kind[2:], third, out=then[:-2])
    two = kind * CLASSES
    place = two + next_kind
    place *= CLASSES
    place += then
    packed = tables.row.take(place)
    if n < 2:
        return packed
    two[:-1] += kind[1:]  # from here on, bigrams whether in one clause or not
    of_passage = c.passage[1:] == c.passage[:-1]
    cut = (of_passage & run[1:]).nonzero()[0]
    of_passage = c.passage[2:] == c.passage[:-2]
    cut_third = (of_passage & ~third).nonzero()[0]
    if len(cut) or len(cut_third):
        place = np.concatenate([two.take(cut) * CLASSES, two.take(cut_third) * CLASSES + kind.take(cut_third + 2)])
        where = c.passage.take(np.concatenate([cut, cut_third]))
        totals.add(layout.across(where), tables.cut.take(place))
    four = (c.passage[3:] == c.passage[:-3]).nonzero()[0]
    if len(four):
        code = tables.four_head.take(two.take(four)) + tables.four_tail.take(two.take(four + 2))
        one_clause = c.clause.take(four) == c.clause.take(four + 3)
        code += ~one_clause * CUT_HASH
        where = np.where(one_clause, c.clause.take(four), layout.across(c.passage.take(four)))
        totals.add_hashed(where, code)
    return packed


def _add_class_pairs(lookup: Lookup, c: _Classed, run: Bools, totals: SumAccumulator) -> None:
    """Add pairs of classes of a clause, marked by its negations, limits and pledges."""
    n = len(c.kind)
    begin = run.nonzero()[0]
    turned = np.bitwise_or.reduceat(TURNING.take(c.kind), begin)
    which = run.cumsum()
    which -= 1
    end = ends_of(begin, n).take(which)  # last classed word of the clause
    here = np.arange(1, n + 1)
    first, second = concat_ranges(here, np.minimum(end, here + FAR))
    if not len(first):
        return
    head = c.kind * (CLASSES * TURNS) + turned.take(which)
    place = head.take(first) + (c.kind * TURNS).take(second)
    totals.add_in_order(c.clause.take(first), lookup.by_class.pair.take(place))


def _add_acts(
    lookup: Lookup,
    words: ByWord,
    tokens: TokenBatch,
    layout: Layout,
    c: _Classed,
    per_token: U64,
    classed: U64,
    totals: SumAccumulator,
) -> None:
    """Add the first actor of the clause, or of the last clause that has one, with each later word and class."""
    by_class = lookup.by_class.acted
    by_word = words.acted.reshape(-1)
    code = ACTOR_CODE.take(c.kind)
    actors = code.nonzero()[0]
    if not len(actors):
        return
    of = c.clause.take(actors)
    first = np.ones(len(of), bool)
    np.not_equal(of[1:], of[:-1], out=first[1:])
    actors = actors.compress(first)
    of = of.compress(first)
    at, code = c.at.take(actors), code.take(actors)

    # Later in the clause of the actor.
    stop = layout.end.take(of)
    length = np.empty(2 * len(of) + 1, np.int64)
    length[0] = at[0] + 1
    np.subtract(at[1:] + 1, stop[:-1], out=length[2:-1:2])
    length[-1] = len(tokens.number) - stop[-1]
    np.subtract(stop, at + 1, out=length[1::2])
    values = np.zeros(len(length), np.int64)
    values[1::2] = code
    acting = values.repeat(length)  # code of the actor, by token
    add_to(per_token, by_word.take(tokens.number * COLUMNS + acting))
    add_to(classed, by_class.take(acting.take(c.at) * CLASSES + c.kind))

    # In later clauses of the passage, up to the next actor.
    passage = layout.passage.take(of)
    until = np.empty_like(at)
    until[:-1] = at[1:]
    until[-1] = len(tokens.number)
    np.minimum(until, layout.passage_end.take(passage), out=until)
    which, here = concat_ranges(stop, until)
    if len(here):
        code = code.take(which)
        where = layout.across(passage.take(which))
        packed = by_word.take(tokens.number.take(here) * COLUMNS + code)
        totals.add(where, add_to(packed, by_class.take(code * CLASSES + layout.kind.take(here))))


def _add_marked(
    lookup: Lookup, words: ByWord, tokens: TokenBatch, layout: Layout, c: _Classed, totals: SumAccumulator
) -> None:
    """Add stems and classes in the scope of the last mark word of each sort, within the clause."""
    sort = MARK.take(c.kind)
    marks = sort.nonzero()[0]
    if not len(marks):
        return
    sort = sort.take(marks) - 1
    order = sort.argsort(kind="stable")
    marks, sort = marks.take(order), sort.take(order)
    mark, clause = c.at.take(marks), c.clause.take(marks)
    stop = np.minimum(layout.end.take(clause), mark + REACH + 1)
    np.minimum(stop[:-1], mark[1:], out=stop[:-1], where=sort[1:] == sort[:-1])  # the next of its sort takes over
    which, here = concat_ranges(mark + 1, stop)
    if len(here):
        sort, where = sort.take(which), clause.take(which)
        packed = words.marked.reshape(-1).take(tokens.number.take(here) * COLUMNS + sort)
        totals.add(where, add_to(packed, lookup.by_class.marked.take(sort * CLASSES + layout.kind.take(here))))
