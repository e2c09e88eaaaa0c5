"""One passage in plain Python: what a call of its own costs is then its words, not some hundred calls into numpy.

The same sums as `sums` makes for a batch, and the same bits, as they are of whole numbers; `tests/test_one_passage.py` holds the two
together. What words and classes add comes from the tables of `lookup`, so only how words become tokens (`written_words`), clauses and
features is said once more. What is rare (links, other scripts) is left to the arrays.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from tipclassify.families import CLASS_HASH, CONTRAST, CUT_HASH, FACTOR, FAR, MARK, REACH, SALT, TURNING, phrase_class
from tipclassify.features import length_scale
from tipclassify.lookup import ACTOR_CODE, CLASSES, TURNS, Lookup
from tipclassify.packing import LANE_OF, add_up_few, look_up
from tipclassify.words import FIGURE, LEADS, NAME
from tipclassify.written_words import Word, WrittenWords

__all__ = ["OnePassage", "Read"]

_TURNING: Final[list[int]] = TURNING.tolist()
_MARK: Final[list[int]] = MARK.tolist()
_ACTOR: Final[list[int]] = ACTOR_CODE.tolist()
_SECOND: Final[list[int]] = (CLASS_HASH * FACTOR[1]).tolist()
_HASH: Final = (1 << 64) - 1
_CUT: Final = int(CUT_HASH)
_GAP: Final = int(SALT[6]) - int(SALT[5])
_SCALE: Final[list[float]] = length_scale(np.arange(2_048)).tolist()


class _Part(NamedTuple):
    """What is added to a clause, or across clauses: packed numbers, and hashes of features that count one each."""

    values: list[int]
    codes: list[int]


class Read(NamedTuple):
    """What a passage comes to.

    Attributes
    ----------
    sums : list of float
        For each label what n-grams add to its log-odds, in units.
    words, unknown : int
        Words besides figures and names, and how many of them training did not know.
    rows, kinds, opens : list
        Of each token, for the detectors: row of its stem among their vectors, class, whether it opens a clause.
    """

    sums: list[float]
    words: int
    unknown: int
    rows: list[int]
    kinds: list[int]
    opens: list[bool]


class OnePassage:
    """Sums passages one by one, with the weights of `lookup`."""

    def __init__(self, lookup: Lookup, vocabulary: frozenset[str]) -> None:
        self._words = WrittenWords(lookup, vocabulary)
        self._table = lookup.table
        by_class = lookup.by_class
        self._row, self._cut, self._pair = by_class.row.data, by_class.cut.data, by_class.pair.data
        self._acted, self._marked = by_class.acted.data, by_class.marked.data
        self._opening, self._asked = by_class.opening.data, by_class.asked.data
        self._four_head, self._four_tail = by_class.four_head.data, by_class.four_tail.data
        self._asking = int(by_class.asking)

    def read(self, text: str) -> Read | None:
        """What a passage comes to; None for one that is left to the arrays, or has no words."""
        found = self._words.tokens(text)
        if found is None or not found[0]:
            return None
        tokens, edges = found
        kinds = [word.kind for word in tokens]
        for at in [at for at, word in enumerate(tokens[:-1]) if word.bits & LEADS]:
            kinds[at] = phrase_class(tokens[at].word, tokens[at + 1].word) or kinds[at]
        opens = [edge or kind == CONTRAST for edge, kind in zip(edges, kinds, strict=True)]
        opens[0] = True
        unknown = [word.unknown for word in tokens if word.word != NAME and not word.bits & FIGURE]
        return Read(
            sums=self._summed(tokens, kinds, opens),
            words=len(unknown),
            unknown=sum(unknown),
            rows=[word.vector for word in tokens],
            kinds=kinds,
            opens=opens,
        )

    def _summed(self, tokens: list[Word], kinds: list[int], opens: list[bool]) -> list[float]:
        """Sum of the weights of all features for each label, in units; see `families` and `sums`."""
        n = len(tokens)
        begin = [at for at, one in enumerate(opens) if one]
        classed = [kind for kind in kinds if kind]
        asks = tokens[n > 1 and tokens[0].before].asks
        parts = []
        across = _Part([], [])
        actor = left = 0  # the actor of the last clause that had one; words with a class before the clause
        for start, stop in zip(begin, [*begin[1:], n], strict=True):
            words, here = tokens[start:stop], kinds[start:stop]
            part = _part_of(words)
            parts.append(part)
            if not start:
                self._add_opening(tokens, kinds, asks, part, part if stop > 1 else across)
            if stop < n:
                a, b = tokens[stop - 1], tokens[stop]
                across.codes.extend((a.word_head + b.word_tail, a.stem_head + b.stem_tail))
                for at in range(max(start, stop - 2), min(stop, n - 2)):
                    across.codes.append(tokens[at].stem_head + tokens[at + 2].stem_tail + _GAP)
            right = left + len(here) - here.count(0)
            if right > left:
                self._add_sequences(classed, left, right, part, across)
                self._add_class_pairs(classed[left:right], part)
                self._add_marked(words, here, part)
                if asks:
                    part.values.extend([self._asked[kind] for kind in classed[left:right]])
                left = right
            own = next((at for at, kind in enumerate(here) if _ACTOR[kind]), len(here))
            if actor:
                self._add_acts(actor, words[:own], here[:own], across)
            if own < len(here):
                actor = _ACTOR[here[own]]
                self._add_acts(actor, words[own + 1 :], here[own + 1 :], part)
        parts.append(across)
        return self._whole(parts)

    def _whole(self, parts: list[_Part]) -> list[float]:
        """Scaled sums of the passage and of its best clause, for each label; the last part lies across clauses."""
        packed: list[int] = []
        begin: list[int] = []
        hashed: list[int] = []
        for values, codes in parts:
            begin.append(len(packed))
            packed.append(0)  # none may be empty
            packed += values
            hashed += range(len(packed), len(packed) + len(codes))
            packed += [code & _HASH for code in codes]
        numbers, at = np.array(packed, np.uint64), np.array(hashed, np.int64)
        numbers[at] = look_up(self._table, numbers.take(at))
        sums = add_up_few(numbers, begin)
        counts = [row[LANE_OF[0]] + len(part.codes) for row, part in zip(sums, parts, strict=True)]
        of_all = _scale(sum(counts))
        scales = [_scale(count) for count in counts[:-1]]
        whole = []
        for lane in LANE_OF[1:]:
            column = [row[lane] for row in sums]
            across = column.pop()
            best = max([value * scale for value, scale in zip(column, scales, strict=True)])
            whole.append((sum(column) + across) * of_all + best)
        return whole

    def _add_opening(self, tokens: list[Word], kinds: list[int], asks: bool, part: _Part, of_two: _Part) -> None:
        """How the passage begins; `of_two` is where its first two words lie."""
        first = tokens[0]
        part.values.extend((first.opening, self._opening[kinds[0]]))
        if len(tokens) > 1:
            of_two.codes.append(first.opening_head + _SECOND[kinds[1]])
        if asks:
            part.values.append(self._asking)

    def _add_sequences(self, classed: list[int], left: int, right: int, part: _Part, across: _Part) -> None:
        """Up to four classes in a row of which the first is one of ``classed[left:right]``, those of the clause."""
        n = len(classed)
        for at in range(left, right):
            two = classed[at] * CLASSES
            if at + 1 == n:
                part.values.append(self._row[two * CLASSES])
                break
            following = two + classed[at + 1]
            if at + 1 < right:
                part.values.append(self._row[following * CLASSES + (classed[at + 2] if at + 2 < right else 0)])
            else:
                part.values.append(self._row[two * CLASSES])
                across.values.append(self._cut[following * CLASSES])
            if right <= at + 2 < n:
                across.values.append(self._cut[following * CLASSES + classed[at + 2]])
            if at + 3 < n:
                code = self._four_head[following] + self._four_tail[classed[at + 2] * CLASSES + classed[at + 3]]
                if at + 3 < right:
                    part.codes.append(code)
                else:
                    across.codes.append(code + _CUT)

    def _add_class_pairs(self, classed: list[int], part: _Part) -> None:
        """Two classes of the clause, with the negations, limits and pledges in it."""
        pair = self._pair
        turned = 0
        for kind in classed:
            turned |= _TURNING[kind]
        ends = [kind * TURNS + turned for kind in classed]
        for at, kind in enumerate(classed, 1):
            head = kind * (CLASSES * TURNS)
            part.values.extend([pair[head + end] for end in ends[at : at + FAR]])

    def _add_acts(self, actor: int, words: list[Word], kinds: list[int], part: _Part) -> None:
        """What is done by an actor before."""
        part.values.extend([word.acted[actor] for word in words])
        head = actor * CLASSES
        part.values.extend([self._acted[head + kind] for kind in kinds if kind])

    def _add_marked(self, words: list[Word], kinds: list[int], part: _Part) -> None:
        """What stands under the last mark word of each sort, within reach."""
        after: dict[int, int] = {}
        for at in [at for at, kind in enumerate(kinds) if _MARK[kind]][::-1]:
            sort = _MARK[kinds[at]] - 1
            stop = min(at + REACH + 1, after.get(sort, len(kinds)))  # the next of its sort takes over
            after[sort] = at
            part.values.extend([word.marked[sort] for word in words[at + 1 : stop]])
            head = sort * CLASSES
            part.values.extend([self._marked[head + kind] for kind in kinds[at + 1 : stop] if kind])


def _part_of(words: list[Word]) -> _Part:
    """What the words of a clause add, each by itself and with the next two."""
    codes = [a.word_head + b.word_tail for a, b in pairwise(words)]
    codes += [a.stem_head + b.stem_tail for a, b in pairwise(words)]
    codes += [a.stem_head + b.stem_tail + _GAP for a, b in zip(words, words[2:], strict=False)]
    return _Part([word.single for word in words], codes)


def _scale(count: int) -> float:
    return _SCALE[count] if count < len(_SCALE) else float(length_scale(np.array([count]))[0])
