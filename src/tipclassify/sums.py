"""Sums of the weights of all features of `families`, within each clause and across the clauses of each passage.

The same features as `families` lays out for training, by way of tables (`lookup`): what stands on every word is added word by word
and then summed by clause; what is rarer is added to its clause or passage one by one. `tests/test_scoring.py` holds the two together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.families import CLASS_HASH, CONTRAST, CUT_HASH, FACTOR, FAR, MARK, REACH, SALT, TURNING, stretched
from tipclassify.families import with_phrases as classes_with_phrases
from tipclassify.lookup import ACTOR_CODE, CLASSES, COLUMNS, TURNS, ByWord, Lookup
from tipclassify.packing import LANE_OF, LANES, ONE, add_to, add_up, lanes_of
from tipclassify.tokens import Reading
from tipclassify.words import I64, LEADS, U64, Bools

__all__ = ["Layout", "layout_of", "sums_of"]

Floats = npt.NDArray[np.float64]

_FEW: Final = 500  # features: fewer are sooner counted one by one
_GAP: Final = SALT[6:7] - SALT[5:6]  # between the hashes of two stems in a row and of two with one between


class Layout(NamedTuple):
    """How the tokens of a batch hang together.

    Attributes
    ----------
    kind : uint8 (n,)
        Class of each token, of two-word entries of the lexicon too.
    opens : bool (n,)
        Where clauses begin.
    clause : int64 (n,)
        Clause of each token.
    begin, end : int64 (clauses,)
        First token of each clause, and the one after its last.
    passage : int64 (clauses,)
        Passage of each clause, of those that have tokens.
    first, passage_end : int64 (passages,)
        First clause of each passage that has tokens, and the token after its last.
    """

    kind: npt.NDArray[np.uint8]
    opens: Bools
    clause: I64
    begin: I64
    end: I64
    passage: I64
    first: I64
    passage_end: I64


class _Classed(NamedTuple):
    """Tokens that have a class: which, their class, clause and passage."""

    at: I64
    kind: I64
    clause: I64
    passage: I64


class _Added:
    """Sums for each clause, and after them for each passage, of which parts are still to be added."""

    def __init__(self, places: int, lookup: Lookup) -> None:
        self._sums = np.zeros((LANES, places))
        self._lookup = lookup
        self._parts: list[tuple[I64, U64]] = []
        self._hashed: list[tuple[I64, U64]] = []

    def add(self, where: I64, packed: U64) -> None:
        """Something for some places, each named as often as need be."""
        self._parts.append((where, packed))

    def add_hashed(self, where: I64, code: U64) -> None:
        """Features by their hashes, looked up together in the end."""
        self._hashed.append((where, code))

    def add_in_order(self, where: I64, packed: U64) -> None:
        """The same, quicker where there are many, for places that ascend."""
        if len(where) < _FEW:
            self.add(where, packed)
        else:
            change = np.ones(len(where), bool)
            np.not_equal(where[1:], where[:-1], out=change[1:])
            begin = change.nonzero()[0]
            self._sums[:, where.take(begin)] += add_up(packed, begin, _ends(begin, len(where)) - begin)

    def total(self) -> Floats:
        if self._hashed:
            code = np.concatenate([code for _, code in self._hashed])
            self.add(np.concatenate([where for where, _ in self._hashed]), self._lookup.hashed(code) + ONE)
        where = np.concatenate([where for where, _ in self._parts])
        lanes = lanes_of(np.concatenate([packed for _, packed in self._parts]))
        for sums, lane in zip(self._sums, LANE_OF, strict=True):
            sums += np.bincount(where, lanes[:, lane], len(sums))
        return self._sums


def layout_of(read: Reading) -> Layout:
    """Classes and clauses of tokens."""
    columns = read.met.columns
    leads = read.bits & LEADS > 0
    leads &= ~read.name
    kind = classes_with_phrases(columns.kind.take(read.number), leads, read.new, columns.word, read.number)
    opens = kind == CONTRAST
    opens |= read.edge
    opens |= read.new
    begin = opens.nonzero()[0]
    end = _ends(begin, len(kind))
    new = read.new.take(begin)
    clause = opens.cumsum()
    clause -= 1
    passage = new.cumsum()
    passage -= 1
    return Layout(kind, opens, clause, begin, end, passage, new.nonzero()[0], _ends(read.begin, len(kind)))


def _ends(begin: I64, n: int) -> I64:
    """Where each of the stretches ends that fill `n` tokens."""
    end = np.empty_like(begin)
    end[:-1] = begin[1:]
    end[-1:] = n
    return end


def sums_of(lookup: Lookup, read: Reading, layout: Layout) -> tuple[Floats, Floats]:
    """Counts of features and sums of their weights for each label: within clauses, float64 (4, clauses), and across the
    clauses of each passage that has tokens, float64 (4, passages).
    """
    words = lookup.by_word(read.met)
    clauses, passages = len(layout.begin), len(read.begin)
    added = _Added(clauses + passages, lookup)
    inside = words.single.take(read.number)
    _add_pairs(lookup, words, read, layout, inside, added)
    _add_classes(lookup, words, read, layout, inside, added)
    _add_openings(lookup, words, read, layout, added)
    sums = added.total()
    length = layout.end - layout.begin
    sums[:, :clauses] += add_up(inside, layout.begin, length)
    sums[0, :clauses] += 2 * (length - 1) + np.maximum(length - 2, 0)  # pairs, of which `inside` has the weights
    return sums[:, :clauses], sums[:, clauses:]


def _add_pairs(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, inside: U64, added: _Added) -> None:
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
        passage = _passages(layout, np.concatenate([near, near, far]))
        added.add_hashed(passage, across)


def _passages(layout: Layout, token: I64) -> I64:
    """Where what lies across the clauses of a passage is summed, by a token of it."""
    return _across(layout, layout.passage.take(layout.clause.take(token)))


def _across(layout: Layout, passage: I64) -> I64:
    return passage + len(layout.begin)


def _add_classes(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, inside: U64, added: _Added) -> None:
    """Sequences and pairs of classes, who acts, and what stands under a mark word."""
    at = layout.kind.nonzero()[0]
    if not len(at):
        return
    clause = layout.clause.take(at)
    c = _Classed(at, layout.kind.take(at).astype(np.int64), clause, layout.passage.take(clause))
    run = np.ones(len(at), bool)  # the first classed word of its clause
    np.not_equal(clause[1:], clause[:-1], out=run[1:])
    classed = _add_sequences(lookup, layout, c, run, added)
    _add_class_pairs(lookup, c, run, added)
    _add_acts(lookup, words, read, layout, c, inside, classed, added)
    added.add_in_order(c.clause, classed)
    _add_marked(lookup, words, read, layout, c, added)


def _add_sequences(lookup: Lookup, layout: Layout, c: _Classed, run: Bools, added: _Added) -> U64:
    """Up to four classes in a row, whatever stands between; gives what is added to the clause of each classed word."""
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
    two[:-1] += kind[1:]  # from here on two classes in a row, whether in one clause or not
    of_passage = c.passage[1:] == c.passage[:-1]
    cut = (of_passage & run[1:]).nonzero()[0]
    of_passage = c.passage[2:] == c.passage[:-2]
    cut_third = (of_passage & ~third).nonzero()[0]
    if len(cut) or len(cut_third):
        place = np.concatenate([two.take(cut) * CLASSES, two.take(cut_third) * CLASSES + kind.take(cut_third + 2)])
        where = c.passage.take(np.concatenate([cut, cut_third]))
        added.add(_across(layout, where), tables.cut.take(place))
    four = (c.passage[3:] == c.passage[:-3]).nonzero()[0]
    if len(four):
        code = tables.four_head.take(two.take(four)) + tables.four_tail.take(two.take(four + 2))
        one_clause = c.clause.take(four) == c.clause.take(four + 3)
        code += ~one_clause * CUT_HASH
        where = np.where(one_clause, c.clause.take(four), _across(layout, c.passage.take(four)))
        added.add_hashed(where, code)
    return packed


def _add_class_pairs(lookup: Lookup, c: _Classed, run: Bools, added: _Added) -> None:
    """Two classes of a clause, with the negations, limits and pledges of that clause."""
    n = len(c.kind)
    begin = run.nonzero()[0]
    turned = np.bitwise_or.reduceat(TURNING.take(c.kind), begin)
    which = run.cumsum()
    which -= 1
    end = _ends(begin, n).take(which)  # of the classed words of the clause
    here = np.arange(1, n + 1)
    first, second = stretched(here, np.minimum(end, here + FAR))
    if not len(first):
        return
    head = c.kind * (CLASSES * TURNS) + turned.take(which)
    place = head.take(first) + (c.kind * TURNS).take(second)
    added.add_in_order(c.clause.take(first), lookup.by_class.pair.take(place))


def _add_acts(
    lookup: Lookup,
    words: ByWord,
    read: Reading,
    layout: Layout,
    c: _Classed,
    inside: U64,
    classed: U64,
    added: _Added,
) -> None:
    """Who acts, the first actor of the clause or of the last clause that had one, with what is done."""
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

    # After it, in its clause.
    stop = layout.end.take(of)
    length = np.empty(2 * len(of) + 1, np.int64)
    length[0] = at[0] + 1
    np.subtract(at[1:] + 1, stop[:-1], out=length[2:-1:2])
    length[-1] = len(read.number) - stop[-1]
    np.subtract(stop, at + 1, out=length[1::2])
    values = np.zeros(len(length), np.int64)
    values[1::2] = code
    acting = values.repeat(length)  # code of the actor, by token
    add_to(inside, by_word.take(read.number * COLUMNS + acting))
    add_to(classed, by_class.take(acting.take(c.at) * CLASSES + c.kind))

    # In later clauses of the passage, up to the next actor.
    passage = layout.passage.take(of)
    until = np.empty_like(at)
    until[:-1] = at[1:]
    until[-1] = len(read.number)
    np.minimum(until, layout.passage_end.take(passage), out=until)
    which, here = stretched(stop, until)
    if len(here):
        code = code.take(which)
        where = _across(layout, passage.take(which))
        packed = by_word.take(read.number.take(here) * COLUMNS + code)
        added.add(where, add_to(packed, by_class.take(code * CLASSES + layout.kind.take(here))))


def _add_marked(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, c: _Classed, added: _Added) -> None:
    """Stems and classes under the last mark word of each sort, in the same clause and within reach."""
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
    which, here = stretched(mark + 1, stop)
    if len(here):
        sort, where = sort.take(which), clause.take(which)
        packed = words.marked.reshape(-1).take(read.number.take(here) * COLUMNS + sort)
        added.add(where, add_to(packed, lookup.by_class.marked.take(sort * CLASSES + layout.kind.take(here))))


def _add_openings(lookup: Lookup, words: ByWord, read: Reading, layout: Layout, added: _Added) -> None:
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
        where = np.where(layout.opens.take(second), _passages(layout, head), layout.clause.take(head))
        added.add_hashed(where, code)
    opening = words.before.take(number) & (end - first > 1)
    asks = words.asks.take(read.number.take(first + opening)).nonzero()[0]
    if len(asks):
        head = first.take(asks)
        added.add(layout.clause.take(head), np.full(len(head), tables.asking))
        _, here = stretched(head, end.take(asks))
        here = here.compress(layout.kind.take(here))
        added.add(layout.clause.take(here), tables.asked.take(layout.kind.take(here)))
