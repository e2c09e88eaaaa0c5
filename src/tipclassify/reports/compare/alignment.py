"""Alignment of two reports, by their text alone: which passage stands in the other, and how.

Passages are matched one to one (`matching`). `align_reports` then says of each passage whether the
other report repeats, moves or rewords it, or has nothing of it; there, two passages may continue
one, as when a sentence is split or stands in the summary, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.records import Passage
from tipclassify.reports.compare.matching import (
    MatchCandidates,
    Nearest,
    Neighbour,
    PassageMatch,
    find_match_candidates,
    match_passages_of_reports,
)
from tipclassify.reports.compare.normalization import (
    ReportSides,
    heading_for_comparison,
    normalize_wording,
    sections_in_both_reports,
)
from tipclassify.reports.compare.terms import ComparedTerms, extract_compared_terms
from tipclassify.reports.compare.wording import (
    are_parts_of_wording,
    is_part_of_matched_passage,
    wording_share,
)

__all__ = ["Alignment", "Continuation", "align_reports"]

_WORDING_BETWEEN: Final = 0.3  # of a passage alone between the same neighbours in both reports


@dataclass(frozen=True, slots=True)
class Continuation:
    """Passage of the other report that says what a passage says."""

    index: int
    status: str  # "repeated", "moved" (the same words in another section) or "reworded"
    similarity: float  # 0 to 1
    # whether another passage has it as its match: a sentence that was split, or stands twice
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Alignment:
    """For each passage of OLD and of NEW its continuation; None for one that is gone, or new."""

    old: list[Continuation | None]
    new: list[Continuation | None]
    nearest: ReportSides[Nearest]  # the most similar passage of the other report, if any is
    instead: ReportSides[Nearest]  # that in their place, on the same matter in other words
    # passages of NEW into which one of OLD was split, and those of OLD that were joined in one of
    # NEW, by the index of the whole sentence
    parts: ReportSides[dict[int, list[int]]]


def align_reports(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> Alignment:
    """Find for each passage of two reports what it says in the other.

    >>> year = "Courts convicted nine traffickers.", "Roads are bad."
    >>> next_year = ("Courts convicted two traffickers.",)
    >>> old, new = ([Passage(text, 0, len(text)) for text in texts] for texts in (year, next_year))
    >>> aligned = align_reports(old, new, frozenset({"courts"}))
    >>> [passage and passage.status for passage in aligned.old]
    ['reworded', None]
    """
    terms = extract_compared_terms([passage.text for passage in (*old, *new)], vocabulary)
    candidates = find_match_candidates(old, new, terms)
    matches = match_passages_of_reports(old, new, terms, candidates)
    instead: ReportSides[Nearest] = ReportSides({}, {})
    for match in matches:
        if not match.alike:
            instead.old[match.old] = Neighbour(match.new, match.similarity)
            instead.new[match.new] = Neighbour(match.old, match.similarity)
    aligner = _ReportAligner(old, new, terms)
    aligner.take_matches(matches)
    aligner.share_equal()
    aligner.fill_gaps()
    aligner.share_reworded(candidates)
    return Alignment(
        old=[aligner.continued.old.get(index) for index in range(len(old))],
        new=[aligner.continued.new.get(index) for index in range(len(new))],
        nearest=candidates.nearest(),
        instead=instead,
        parts=aligner.parts(),
    )


_EDGE: Final = -1  # in place of a neighbour, beyond the section
_UNMATCHED: Final = -2


class _ReportAligner:
    """Continuations of both reports while they are found, step by step."""

    def __init__(
        self, old: Sequence[Passage], new: Sequence[Passage], terms: ComparedTerms
    ) -> None:
        self._old = old
        self._new = new
        self._terms = terms  # of OLD, then of NEW
        self._sections = sections_in_both_reports(old, new)
        self.continued: ReportSides[dict[int, Continuation]] = ReportSides({}, {})  # by index

    def take_matches(self, matches: Sequence[PassageMatch]) -> None:
        """Take the matches that say the same thing."""
        moved = _moved_matches(self._old, self._new, matches)
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
        _continue_by_equal_passages(self._old, self._new, self.continued.old)
        _continue_by_equal_passages(self._new, self._old, self.continued.new)

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
        before = _continuation_beside_compared_passage(
            self.continued.old, self._sections.old, old, -1
        )
        after = _continuation_beside_compared_passage(
            self.continued.old, self._sections.old, old, 1
        )
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
            there = _continuation_beside_compared_passage(
                self.continued.old, self._sections.old, old, step
            )
            back = _continuation_beside_compared_passage(
                self.continued.new, self._sections.new, new, step
            )
            is_same_pair = there == new + step and back == old + step
            if not is_same_pair and not there == back == _EDGE:
                return False
        return True

    def share_reworded(self, candidates: MatchCandidates) -> None:
        """Give a passage without a match one that says the same: a sentence split, or joined."""
        for candidate in candidates.most_similar_first():
            old = candidate.old
            new = candidate.new
            apart = candidate.apart
            in_terms = len(self._old) + new
            if old not in self.continued.old and is_part_of_matched_passage(
                old, in_terms, self._terms, apart
            ):
                shared = Continuation(new, "reworded", candidate.similarity, shared=True)
                self.continued.old[old] = shared
            if new not in self.continued.new and is_part_of_matched_passage(
                in_terms, old, self._terms, apart
            ):
                shared = Continuation(old, "reworded", candidate.similarity, shared=True)
                self.continued.new[new] = shared

    def parts(self) -> ReportSides[dict[int, list[int]]]:
        """Find the parts of each sentence that was split, and of each in which some were joined."""
        words_of_old = self._terms.words[: len(self._old)]
        words_of_new = self._terms.words[len(self._old) :]
        return ReportSides(
            old=_parts_of_whole_sentences(
                self.continued.old, self.continued.new, words_of_old, words_of_new
            ),
            new=_parts_of_whole_sentences(
                self.continued.new, self.continued.old, words_of_new, words_of_old
            ),
        )


def _parts_of_whole_sentences(
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
        if are_parts_of_wording(
            words_of_others[closest.index], words_of_others[other], words[whole]
        ):
            if not parts[whole]:
                parts[whole].append(closest.index)
            parts[whole].append(other)
    return dict(parts)


def _continue_by_equal_passages(
    passages: Sequence[Passage], others: Sequence[Passage], continued: dict[int, Continuation]
) -> None:
    """Continue the passages of a report that have no match by equal ones of the other, if any."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, other in enumerate(others):
        places[normalize_wording(other.text)].append(index)
    for index, passage in enumerate(passages):
        equal = places.get(normalize_wording(passage.text))
        if index in continued or not equal:
            continue
        heading = heading_for_comparison(passage)
        in_section = [other for other in equal if heading_for_comparison(others[other]) == heading]
        if in_section:
            continued[index] = Continuation(in_section[0], "repeated", 1.0, shared=True)
        else:
            continued[index] = Continuation(equal[0], "moved", 1.0, shared=True)


def _continuation_beside_compared_passage(
    continued: dict[int, Continuation], sections: Sequence[str], index: int, step: int
) -> int:
    """Return what continues the passage before (-1) or after (1), or `_EDGE`, `_UNMATCHED`."""
    beside = index + step
    if not 0 <= beside < len(sections) or sections[beside] != sections[index]:
        return _EDGE
    return continued[beside].index if beside in continued else _UNMATCHED


def _moved_matches(
    old: Sequence[Passage], new: Sequence[Passage], matches: Sequence[PassageMatch]
) -> set[PassageMatch]:
    """Find the equal matches in different sections; a renamed heading is the same section."""
    headings = ReportSides(
        list(map(heading_for_comparison, old)), list(map(heading_for_comparison, new))
    )
    renamed = _headings_renamed_in_new(headings, matches)
    moved = set()
    for match in matches:
        before = headings.old[match.old]
        after = headings.new[match.new]
        if match.equal and before != after and renamed.get(before) != after:
            moved.add(match)
    return moved


def _headings_renamed_in_new(
    headings: ReportSides[list[str]], matches: Sequence[PassageMatch]
) -> dict[str, str]:
    """Find the headings that only OLD has, and the ones that only NEW has in their place.

    In its place is the heading under which most of its passages stand, if most of those come from
    it.
    """
    afters: defaultdict[str, Counter[str]] = defaultdict(Counter)
    befores: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for match in matches:
        before = headings.old[match.old]
        after = headings.new[match.new]
        afters[before][after] += 1
        befores[after][before] += 1
    only_old = set(headings.old).difference(headings.new)
    only_new = set(headings.new).difference(headings.old)
    renamed = {}
    for before, counts in afters.items():
        after = counts.most_common(1)[0][0]
        most_come_from = befores[after].most_common(1)[0][0]
        if before in only_old and after in only_new and most_come_from == before:
            renamed[before] = after
    return renamed
