"""Alignment of two reports, by their text alone: which passage stands in the other, and how.

Passages are matched one to one (`match`). `align` then says of each passage whether the other
report repeats, moves or rewords it, or has nothing of it; there, two passages may continue one, as
when a sentence is split or stands in the summary, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.records import Passage
from tipclassify.reports.compare.match import (
    Candidates,
    Match,
    find_candidates,
    match_passages,
)
from tipclassify.reports.compare.wording import (
    Sides,
    Terms,
    are_parts,
    fold,
    heading,
    is_part_of_matched,
    sections,
    terms_of,
    wording_share,
)

_WORDING_BETWEEN: Final = 0.3  # of a passage alone between the same neighbours in both reports
_EDGE: Final = -1  # in place of a neighbour, beyond the section
_UNMATCHED: Final = -2


@dataclass(frozen=True, slots=True)
class Continuation:
    """Passage of the other report that says what a passage says, or is nearest to it."""

    index: int
    # "repeated", "moved" (the same words in another section) or "reworded"; of one that says
    # something else, "instead" (in its place, on the same matter) or "nearest"
    status: str
    similarity: float  # 0 to 1
    # whether another passage has it as its match: a sentence that was split, or stands twice
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Alignment:
    """For each passage of OLD and of NEW its continuation; None for one that is gone, or new."""

    old: list[Continuation | None]
    new: list[Continuation | None]
    # that in its place, or the most similar passage of the other report, by index, if any is
    nearest: Sides[dict[int, Continuation]]
    # passages of NEW into which one of OLD was split, and those of OLD that were joined in one of
    # NEW, by the index of the whole sentence
    parts: Sides[dict[int, list[int]]]


def align(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> Alignment:
    """Find for each passage of two reports what it says in the other.

    >>> year = "Courts convicted nine traffickers.", "Roads are bad."
    >>> next_year = ("Courts convicted two traffickers.",)
    >>> old, new = ([Passage(text, 0, len(text)) for text in texts] for texts in (year, next_year))
    >>> aligned = align(old, new, frozenset({"courts"}))
    >>> [passage and passage.status for passage in aligned.old]
    ['reworded', None]
    """
    terms = terms_of([passage.text for passage in (*old, *new)], vocabulary)
    candidates = find_candidates(old, new, terms)
    matches = match_passages(old, new, terms, candidates)
    aligner = _Aligner(old, new, terms)
    aligner.take(matches)
    aligner.share_equal()
    aligner.fill_gaps()
    aligner.share_reworded(candidates)
    return Alignment(
        old=[aligner.continued.old.get(index) for index in range(len(old))],
        new=[aligner.continued.new.get(index) for index in range(len(new))],
        nearest=_nearest(matches, candidates),
        parts=aligner.parts(),
    )


def _nearest(matches: Sequence[Match], candidates: Candidates) -> Sides[dict[int, Continuation]]:
    """Find for each passage of either report what stands in its place, or is most similar."""
    nearest: Sides[dict[int, Continuation]] = Sides({}, {})
    for match in matches:
        if not match.alike:
            nearest.old[match.old] = Continuation(match.new, "instead", match.similarity)
            nearest.new[match.new] = Continuation(match.old, "instead", match.similarity)
    for old, new, similarity, _ in candidates.most_similar_first():
        nearest.old.setdefault(old, Continuation(new, "nearest", similarity))
        nearest.new.setdefault(new, Continuation(old, "nearest", similarity))
    return nearest


class _Aligner:
    """Continuations of both reports while they are found, step by step."""

    def __init__(self, old: Sequence[Passage], new: Sequence[Passage], terms: Terms) -> None:
        self._old = old
        self._new = new
        self._terms = terms  # of OLD, then of NEW
        self._sections = sections(old, new)
        self.continued: Sides[dict[int, Continuation]] = Sides({}, {})  # by index

    def take(self, matches: Sequence[Match]) -> None:
        """Take the matches that say the same thing."""
        moved = _moved(self._old, self._new, matches)
        for match in matches:
            if not match.alike:
                continue
            if not match.equal:
                status = "reworded"
            elif match in moved:
                status = "moved"
            else:
                status = "repeated"
            self._continue(match.old, match.new, status, match.similarity)

    def _continue(self, old: int, new: int, status: str, similarity: float) -> None:
        self.continued.old[old] = Continuation(new, status, similarity)
        self.continued.new[new] = Continuation(old, status, similarity)

    def share_equal(self) -> None:
        """Give a passage that stands twice in one report, and once in the other, that one there."""
        _share_equal(self._old, self._new, self.continued.old)
        _share_equal(self._new, self._old, self.continued.new)

    def fill_gaps(self) -> None:
        """Pair unmatched passages that stand between the same neighbours and share some wording."""
        for old in range(len(self._old)):
            if old in self.continued.old:
                continue
            new = self._between_neighbours(old)
            if new is None or new in self.continued.new:
                continue
            if self._sections.old[old] != self._sections.new[new]:
                continue
            in_terms = len(self._old) + new
            if self._terms.name_others(old, in_terms):
                continue
            if self._terms.are_of_other_days(old, in_terms):
                continue
            wording = wording_share(self._terms.words[old], self._terms.words[in_terms])
            if wording >= _WORDING_BETWEEN and self._have_same_neighbours(old, new):
                self._continue(old, new, "reworded", wording)

    def _between_neighbours(self, old: int) -> int | None:
        """Return the passage of NEW beside what continues the passage before OLD's, or after it."""
        before = _beside(self.continued.old, self._sections.old, old, -1)
        after = _beside(self.continued.old, self._sections.old, old, 1)
        if before >= 0:
            new = before + 1
        elif after >= 0:
            new = after - 1
        else:
            return None
        return new if 0 <= new < len(self._new) else None

    def _have_same_neighbours(self, old: int, new: int) -> bool:
        """Test whether two passages have the same neighbours, or one end of a section."""
        for step in (-1, 1):
            there = _beside(self.continued.old, self._sections.old, old, step)
            back = _beside(self.continued.new, self._sections.new, new, step)
            is_same_pair = there == new + step and back == old + step
            if not is_same_pair and not there == back == _EDGE:
                return False
        return True

    def share_reworded(self, candidates: Candidates) -> None:
        """Give a passage without a match one that says the same: a sentence split, or joined."""
        continued_old = self.continued.old
        continued_new = self.continued.new
        for old, new, similarity, apart in candidates.most_similar_first():
            in_terms = len(self._old) + new
            if old not in continued_old and is_part_of_matched(old, in_terms, self._terms, apart):
                continued_old[old] = Continuation(new, "reworded", similarity, shared=True)
            if new not in continued_new and is_part_of_matched(in_terms, old, self._terms, apart):
                continued_new[new] = Continuation(old, "reworded", similarity, shared=True)

    def parts(self) -> Sides[dict[int, list[int]]]:
        """Find the parts of each sentence that was split, and of each in which some were joined."""
        old = self.continued.old
        new = self.continued.new
        words_of_old = self._terms.words[: len(self._old)]
        words_of_new = self._terms.words[len(self._old) :]
        return Sides(
            old=_parts(old, new, words_of_old, words_of_new),
            new=_parts(new, old, words_of_new, words_of_old),
        )


def _parts(
    continued: Mapping[int, Continuation],
    continued_by_others: Mapping[int, Continuation],
    words: Sequence[Sequence[int]],
    words_of_others: Sequence[Sequence[int]],
) -> dict[int, list[int]]:
    """Find the passages of the other report that are parts of one of this, by the index of that.

    A passage that says the same as its match is no part: the sentence is said twice.
    """
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for other, continuation in sorted(continued_by_others.items()):
        whole = continuation.index
        closest = continued.get(whole)
        if not continuation.shared or closest is None or closest.shared:
            continue
        if are_parts(words_of_others[closest.index], words_of_others[other], words[whole]):
            if not parts[whole]:
                parts[whole].append(closest.index)
            parts[whole].append(other)
    return dict(parts)


def _share_equal(
    passages: Sequence[Passage], others: Sequence[Passage], continued: dict[int, Continuation]
) -> None:
    """Continue the passages of a report that have no match by equal ones of the other, if any."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, other in enumerate(others):
        places[fold(other.text)].append(index)
    for index, passage in enumerate(passages):
        if index in continued:
            continue
        equal = places.get(fold(passage.text))
        if not equal:
            continue
        in_section = [other for other in equal if heading(others[other]) == heading(passage)]
        if in_section:
            continued[index] = Continuation(in_section[0], "repeated", 1.0, shared=True)
        else:
            continued[index] = Continuation(equal[0], "moved", 1.0, shared=True)


def _beside(
    continued: Mapping[int, Continuation], sections: Sequence[str], index: int, step: int
) -> int:
    """Return what continues the passage before (-1) or after (1), or `_EDGE`, `_UNMATCHED`."""
    beside = index + step
    if not 0 <= beside < len(sections) or sections[beside] != sections[index]:
        return _EDGE
    return continued[beside].index if beside in continued else _UNMATCHED


def _moved(old: Sequence[Passage], new: Sequence[Passage], matches: Sequence[Match]) -> set[Match]:
    """Find the equal matches in different sections; a renamed heading is the same section."""
    old_headings = list(map(heading, old))
    new_headings = list(map(heading, new))
    renamed = _renamed(old_headings, new_headings, matches)
    moved = set()
    for match in matches:
        before = old_headings[match.old]
        after = new_headings[match.new]
        if match.equal and before != after and renamed.get(before) != after:
            moved.add(match)
    return moved


def _renamed(
    old_headings: Sequence[str], new_headings: Sequence[str], matches: Sequence[Match]
) -> dict[str, str]:
    """Find the headings that only OLD has, and the ones that only NEW has in their place.

    In its place is the heading under which most of its passages stand, if most of those come from
    it.
    """
    afters: defaultdict[str, Counter[str]] = defaultdict(Counter)
    befores: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for match in matches:
        before = old_headings[match.old]
        after = new_headings[match.new]
        afters[before][after] += 1
        befores[after][before] += 1
    only_old = set(old_headings).difference(new_headings)
    only_new = set(new_headings).difference(old_headings)
    renamed = {}
    for before, counts in afters.items():
        after = counts.most_common(1)[0][0]
        most_come_from = befores[after].most_common(1)[0][0]
        if before in only_old and after in only_new and most_come_from == before:
            renamed[before] = after
    return renamed
