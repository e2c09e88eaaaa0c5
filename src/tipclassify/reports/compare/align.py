"""Alignment of two reports, by their text alone: which passage stands in the other, and how.

Passages are matched one to one: equal texts first, then the most similar by tf-idf cosine. A
passage without a match may then continue one that has another: a sentence that was split, or stands
in the summary, too. What remains is gone, or new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from tipclassify.corpus.curate import tfidf_vectors
from tipclassify.records import Passage
from tipclassify.reports.compare.wording import (
    Terms,
    are_parts,
    are_reworded,
    fold,
    heading,
    is_part_of_matched,
    says_rest,
    terms_of,
    wording_share,
)
from tipclassify.text.sections import fold_section

MIN_SIMILARITY: Final = 0.32
"""Minimum similarity, 0 to 1, of a match within a section.

Chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of similar build:
it matches 40 of the 41 and 4 of the 19; on 35 held-out pairs all 22 reworded ones and none of the
13 others (`test_compare.py`).
"""

_APART: Final = 0.15  # penalty on the similarity of passages in different sections
# similarity below which the nearest passage of the other report is on another subject
_MIN_NEAREST: Final = 0.2
# shared words; two, as "domestic violence" or "minimum wage", make a subject, not a match
_MIN_SHARED: Final = 3
# for each passage: a report that repeats one line a thousand times must not fill memory
_MAX_CANDIDATES: Final = 100
# passages of both reports; a word of more would make the pairs, and the time, grow with the square
_TOO_COMMON: Final = 2_000
_CHUNK: Final = 200  # passages of OLD compared with all of NEW at a time
_WORDING_BETWEEN: Final = 0.3  # of a passage alone between the same neighbours in both reports
_EDGE: Final = -1  # in place of a neighbour, beyond the section
_RENAMED: Final = "\0"  # section of the passages under headings that only one report has


@dataclass(frozen=True, slots=True)
class Link:
    """Passage of the other report that says what a passage says, or is nearest to it."""

    index: int
    # "repeated", "moved" (the same words in another section) or "reworded"; of one that says
    # something else, "instead" (in its place, on the same matter) or "nearest"
    status: str
    similarity: float  # 0 to 1
    # whether another passage has it as its match: a sentence that was split, or stands twice
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One of two reports that are aligned; each list has an entry for each of its passages."""

    texts: list[str]  # folded
    headings: list[str]  # folded
    # the same, but one for all headings that the other report lacks: they may be renamed
    sections: list[str]
    terms: list[Terms]
    # what says the same in the other report, by index; none for a passage that is gone, or new
    links: dict[int, Link] = field(default_factory=dict)
    # what stands in its place there, or is the most similar, if anything is
    nearest: dict[int, Link] = field(default_factory=dict)
    # passages of the other report into which a sentence was split, or which were joined in it
    parts: dict[int, list[int]] = field(default_factory=dict)

    def in_order(self) -> list[tuple[int, Link]]:
        """List the links in the order of the passages."""
        return [(index, self.links[index]) for index in sorted(self.links)]


class Candidate(NamedTuple):
    """Indices of two passages that may match."""

    old: int
    new: int
    similarity: float  # 0 to 1
    apart: bool  # whether they are in different sections
    score: float  # similarity, less for pairs apart; 0 for those that share too few words
    distance: float  # between their relative positions, 0 to 1


def align(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[Side, Side]:
    """Find for each passage of two reports what it says in the other.

    The matching is greedy, most similar pair first, ties by position; its total similarity is at
    least half of the maximum (Preis 1999, STACS, LNCS 1563:259-269).

    >>> year = "Courts convicted nine traffickers.", "Roads are bad."
    >>> next_year = ("Courts convicted two traffickers.",)
    >>> old, new = ([Passage(text, 0, len(text)) for text in texts] for texts in (year, next_year))
    >>> before, after = align(old, new, frozenset({"courts"}))
    >>> [(index, link.status) for index, link in before.links.items()]
    [(0, 'reworded')]
    """
    before, after = sides(old, new, vocabulary)
    candidates = find_candidates(before, after)
    _match(before, after, candidates)
    for side, other in ((before, after), (after, before)):
        _share_equal(side, other)
    _fill_gaps(before, after)
    _share_reworded(before, after, candidates)
    for side, other in ((before, after), (after, before)):
        _find_parts(side, other)
    return before, after


def sides(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[Side, Side]:
    """Extract from the passages of two reports what they are compared by."""
    terms = terms_of([passage.text for passage in (*old, *new)], vocabulary)
    old_headings = list(map(heading, old))
    new_headings = list(map(heading, new))
    shared = set(old_headings) & set(new_headings)

    def side(passages: Sequence[Passage], headings: list[str], terms: list[Terms]) -> Side:
        return Side(
            texts=[fold(passage.text) for passage in passages],
            headings=headings,
            sections=[name if name in shared else _RENAMED for name in headings],
            terms=terms,
        )

    return side(old, old_headings, terms[: len(old)]), side(new, new_headings, terms[len(old) :])


# --------------------------------------------------------------------------------------- candidates


def find_candidates(old: Side, new: Side) -> list[Candidate]:
    """Find the pairs that may match, most similar first, then by distance.

    The similarity is the cosine of tf-idf vectors of stems of content words and of words of names
    (Salton and Buckley 1988). The order is the same whichever report is OLD.
    """
    words = [terms.words for terms in (*old.terms, *new.terms)]
    uses = Counter(word for of_passage in words for word in set(of_passage))
    telling = [[word for word in one if uses[word] <= _TOO_COMMON] for one in words]
    vectors = tfidf_vectors(telling)
    old_words = list(map(set, telling[: len(old.texts)]))
    new_words = list(map(set, telling[len(old.texts) :]))

    def candidate(before: int, after: int, similarity: float, distance: float) -> Candidate:
        shared = len(old_words[before] & new_words[after])
        shorter = min(len(old_words[before]), len(new_words[after]))
        apart = old.sections[before] != new.sections[after]
        score = similarity - _APART if apart else similarity
        return Candidate(
            old=before,
            new=after,
            similarity=similarity,
            apart=apart,
            score=score if shared >= min(_MIN_SHARED, shorter) else 0.0,
            distance=distance,
        )

    candidates: list[Candidate] = []
    for first in range(0, len(old_words), _CHUNK):  # all similarities may not fit in memory
        after = min(first + _CHUNK, len(old_words))
        pairs = (vectors[first:after] @ vectors[len(old_words) :].T).tocoo()
        near = np.flatnonzero(pairs.data >= _MIN_NEAREST)  # few: most share a common word only
        olds = pairs.row[near] + first
        news = pairs.col[near]
        similarity = np.minimum(pairs.data[near], 1.0)
        distance = np.abs(olds / len(old_words) - news / len(new_words))
        order = np.lexsort([news, distance, -similarity, olds])
        rank = np.arange(len(order)) - np.searchsorted(olds[order], olds[order])  # of a passage
        kept = order[rank < _MAX_CANDIDATES]
        columns = (column[kept].tolist() for column in (olds, news, similarity, distance))
        candidates += map(candidate, *columns)
    candidates.sort(
        key=lambda pair: (
            -pair.similarity,
            pair.distance,
            min(pair.old, pair.new),
            max(pair.old, pair.new),
        )
    )
    return candidates


# ------------------------------------------------------------------------------------------ matches


def _match(old: Side, new: Side, candidates: Sequence[Candidate]) -> None:
    """Match passages one to one; link those that say the same, and name the nearest of all."""
    equal = dict(_equal_passages(old, new))
    taken_old = set(equal)
    taken_new = set(equal.values())
    similar = [pair for pair in candidates if pair.score >= MIN_SIMILARITY]
    similar.sort(key=lambda pair: (-pair.score, pair.distance))
    matches = list(equal.items())
    # The same statement reworded goes before another one on the same matter.
    for alike in (True, False):
        for pair in similar:
            if pair.old in taken_old or pair.new in taken_new:
                continue
            own, other = old.terms[pair.old], new.terms[pair.new]
            if alike and not are_reworded(own, other, pair.apart):
                continue
            # neither the section nor the words are the same, or not what is claimed
            if not alike and (pair.apart or own.is_law_beside_event(other)):
                continue
            taken_old.add(pair.old)
            taken_new.add(pair.new)
            matches.append((pair.old, pair.new))
            if alike:
                _link(old, new, pair.old, pair.new, "reworded", pair.similarity)
            else:
                old.nearest[pair.old] = Link(pair.new, "instead", pair.similarity)
                new.nearest[pair.new] = Link(pair.old, "instead", pair.similarity)
    for pair in candidates:
        if pair.apart and not _share_subject(old.headings[pair.old], new.headings[pair.new]):
            continue
        old.nearest.setdefault(pair.old, Link(pair.new, "nearest", pair.similarity))
        new.nearest.setdefault(pair.new, Link(pair.old, "nearest", pair.similarity))
    renamed = _renamed(old, new, matches)
    for before, after in equal.items():
        section = old.headings[before]
        is_moved = new.headings[after] not in (section, renamed.get(section))
        _link(old, new, before, after, "moved" if is_moved else "repeated", 1.0)


def _share_subject(first: str, second: str) -> bool:
    """Test whether two headings are both about trafficking, forced labor or child labor."""
    return "other" not in (fold_section(first), fold_section(second))


def _link(old: Side, new: Side, before: int, after: int, status: str, similarity: float) -> None:
    old.links[before] = Link(after, status, similarity)
    new.links[after] = Link(before, status, similarity)


def _equal_passages(old: Side, new: Side) -> Iterator[tuple[int, int]]:
    """Match equal passages: first within a section, then across, in the text's order."""
    olds = set(range(len(old.texts)))  # without a match yet
    news = set(range(len(new.texts)))
    for within_section in (True, False):
        waiting: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # the last first
        for before in sorted(olds, reverse=True):
            section = old.sections[before] if within_section else ""
            waiting[old.texts[before], section].append(before)
        for after in sorted(news):
            section = new.sections[after] if within_section else ""
            if same_text := waiting.get((new.texts[after], section)):
                before = same_text.pop()
                olds.remove(before)
                news.remove(after)
                yield before, after


def _renamed(old: Side, new: Side, matches: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Find the headings that only OLD has, and the ones that only NEW has in their place.

    In its place is the heading under which most of its passages stand, if most of those come from
    it.
    """
    afters: defaultdict[str, Counter[str]] = defaultdict(Counter)
    befores: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for before, after in sorted(matches):
        afters[old.headings[before]][new.headings[after]] += 1
        befores[new.headings[after]][old.headings[before]] += 1
    only_old = set(old.headings).difference(new.headings)
    only_new = set(new.headings).difference(old.headings)
    renamed = {}
    for name in only_old & set(afters):
        new_name = afters[name].most_common(1)[0][0]
        if new_name in only_new and befores[new_name].most_common(1)[0][0] == name:
            renamed[name] = new_name
    return renamed


# ------------------------------------------------------------------------ passages without a match


def _share_equal(side: Side, other: Side) -> None:
    """Link a passage that stands twice in one report, and once in the other, to that one there."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(other.texts):
        places[text].append(index)
    for index, text in enumerate(side.texts):
        equal = places.get(text)
        if index in side.links or not equal:
            continue
        section = side.headings[index]
        in_section = [place for place in equal if other.headings[place] == section]
        place, status = (in_section[0], "repeated") if in_section else (equal[0], "moved")
        side.links[index] = Link(place, status, 1.0, shared=True)


def _fill_gaps(old: Side, new: Side) -> None:
    """Pair unmatched passages that stand between the same neighbours and share some wording."""
    for before in range(len(old.texts)):
        if before in old.links:
            continue
        after = _between_neighbours(old, new, before)
        if after is None or after in new.links or old.sections[before] != new.sections[after]:
            continue
        own = old.terms[before]
        other = new.terms[after]
        if own.name_others(other) or own.are_of_other_days(other):
            continue
        if own.is_law_beside_event(other):
            continue
        wording = wording_share(own.words, other.words)
        if wording >= _WORDING_BETWEEN:
            _link(old, new, before, after, "reworded", wording)


def _between_neighbours(old: Side, new: Side, before: int) -> int | None:
    """Return the passage of NEW with the same neighbours as one of OLD, or one end of a section."""
    neighbours = [(step, old.links.get(_beside(old, before, step))) for step in (-1, 1)]
    places = [link.index - step for step, link in neighbours if link]
    if not places or not 0 <= places[0] < len(new.texts):
        return None
    after = places[0]
    for step, link in neighbours:
        neighbour = _beside(old, before, step)
        there = _beside(new, after, step)
        back = new.links.get(there)
        is_same_pair = link and back and link.index == there and back.index == neighbour
        if not is_same_pair and not neighbour == there == _EDGE:
            return None
    return after


def _beside(side: Side, index: int, step: int) -> int:
    """Return the passage before (-1) or after (1) one in its section, or `_EDGE`."""
    beside = index + step
    if 0 <= beside < len(side.sections) and side.sections[beside] == side.sections[index]:
        return beside
    return _EDGE


def _share_reworded(old: Side, new: Side, candidates: Sequence[Candidate]) -> None:
    """Link a passage without a match to one that says the same: a sentence split, or joined."""
    for pair in candidates:
        for side, index, other, at in (
            (old, pair.old, new, pair.new),
            (new, pair.new, old, pair.old),
        ):
            if index not in side.links and _is_part(side, index, other, at, pair.apart):
                side.links[index] = Link(at, "reworded", pair.similarity, shared=True)


def _is_part(side: Side, index: int, other: Side, at: int, apart: bool) -> bool:
    """Test whether a passage says what one of the other report says, which has a better match."""
    match = other.links.get(at)
    if match is None:
        return False
    own, whole = side.terms[index], other.terms[at]
    is_rest = not apart and says_rest(own, whole, side.terms[match.index])
    return is_rest or is_part_of_matched(own, whole, apart)


def _find_parts(side: Side, other: Side) -> None:
    """Find the passages of the other report that are parts of one of this.

    A passage that says the same as its match is no part: the sentence is said twice.
    """
    for index, link in other.in_order():
        whole = link.index
        closest = side.links.get(whole)
        if not link.shared or closest is None or closest.shared:
            continue
        of_closest = other.terms[closest.index].words
        if are_parts(of_closest, other.terms[index].words, side.terms[whole].words):
            side.parts.setdefault(whole, [closest.index]).append(index)
