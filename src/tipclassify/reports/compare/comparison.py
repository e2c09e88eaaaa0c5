"""Comparison of two tagged reports of one country, OLD and NEW: what changed, passage by passage.

Changes are read from the text first (`tipclassify.reports.compare.align`): only what is new or gone
is newly or no longer reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tipclassify.probability import log_odds_of_probability
from tipclassify.records import Passage, Report, Run, row
from tipclassify.reports.cite import run_of
from tipclassify.reports.compare.align import Alignment, Continuation, align
from tipclassify.reports.compare.changes import (
    MARGIN,
    BothWays,
    Change,
    LabelChange,
    kinds,
    rounded,
    tagged_both_ways,
)
from tipclassify.reports.compare.identity import identity, refusals, subject
from tipclassify.reports.compare.wording import Sides

_FEW: Final = 0.1  # of the shorter report matched: two years of one report seldom have less
_LEAST: Final = 20  # passages of the shorter report: of fewer, chance may leave too few matched


@dataclass(frozen=True, slots=True)
class ChangesOfKind:
    """The changes of one kind."""

    kind: str
    title: str
    meaning: str
    changes: tuple[Change, ...]
    # passages that are alone and have such a label, too, but are listed under another
    elsewhere: int
    borderline: int  # changes of labels that are all borderline


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and what changed: most important kind first, then in reading order."""

    old: Report
    new: Report
    changes: tuple[Change, ...]
    run: Run

    @property
    def names(self) -> tuple[str, str]:
        """Names of the reports: their years if known and different, else OLD and NEW."""
        old = identity(self.old)
        new = identity(self.new)
        if old.year and new.year and old.year != new.year:
            return str(old.year), str(new.year)
        return "OLD", "NEW"

    @property
    def subject(self) -> str:
        """Publication and country of both, in words, as far as they are known and the same."""
        return subject([identity(self.old), identity(self.new)])

    @property
    def both_ways(self) -> list[BothWays]:
        """Sentences that stand in several places of one report, with different labels."""
        old, new = self.names
        return [*tagged_both_ways(self.old, old), *tagged_both_ways(self.new, new)]

    def groups(self, repeated: bool = False) -> list[ChangesOfKind]:
        """Group the changes by kind, most important first; repeated passages only if `repeated`."""
        old, new = self.names
        groups = []
        for kind, (title, meaning) in kinds(self.run.labels).items():
            if kind == "repeated" and not repeated:
                continue
            changes = tuple(change for change in self.changes if change.kind == kind)
            elsewhere = sum(
                change.kind != kind
                and len(change.sides) == 1
                and any(of_label.kind == kind for of_label in change.labels)
                for change in self.changes
            )
            if not changes and not elsewhere:
                continue
            groups.append(
                ChangesOfKind(
                    kind=kind,
                    title=title.format(old=old, new=new),
                    meaning=meaning.format(old=old, new=new),
                    changes=changes,
                    elsewhere=elsewhere,
                    borderline=sum(change.borderline for change in changes),
                )
            )
        return groups

    def counts(self) -> Counter[str]:
        """Count the changes by alignment."""
        return Counter(change.alignment for change in self.changes)

    def warnings(self) -> list[str]:
        """List why the two may not be successive reports of one country, one line each."""
        warnings = refusals(self.old, self.new)
        old_year = identity(self.old).year
        if old_year and old_year == identity(self.new).year:
            warnings.append(f"both reports are of {old_year}: are they two years?")
        return warnings + self.publication_warnings()

    def publication_warnings(self) -> list[str]:
        """List the warning that next to nothing is matched, as between two publications, if so."""
        matched = sum(len(change.sides) == 2 and not change.shared for change in self.changes)
        shorter = min(len(self.old.passages), len(self.new.passages))
        if shorter < _LEAST or matched >= _FEW * shorter:
            return []
        return [
            f"only {matched} of {shorter} passages match: they may be two publications, "
            "so 'new' and 'gone' mean little"
        ]

    def row(self, change: Change) -> dict[str, object]:
        """Convert a change to plain values for JSON, each side as in ``score --format jsonl``."""
        nearest = None
        if change.nearest is not None:
            nearest = {"similarity": rounded(change.nearness), **change.nearest.to_dict()}
        return {
            "kind": change.kind,
            "alignment": change.alignment,
            "similarity": rounded(change.similarity),
            "shared": change.shared,
            "changes": [of_label.to_dict() for of_label in change.labels],
            "old": row(self.old, change.old) if change.old else None,
            "new": row(self.new, change.new) if change.new else None,
            "nearest": nearest,
        }


_NO_PARTS: Final[Sides[list[Passage]]] = Sides([], [])


def compare(old: Report, new: Report) -> Comparison:
    """Compare two tagged reports on one country.

    Raises `ValueError` when it is not known what tagged them, or they were tagged differently.

    >>> from tipclassify import Document, tag_report
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> old, new = (tag_report(Document.from_text(text)) for text in texts)
    >>> [(change.label, change.came) for change in compare(old, new).changes[0].labels]
    [('failure', True), ('positive_effort', False)]
    """
    run = run_of(old, new)
    ranks = {kind: rank for rank, kind in enumerate(kinds(run.labels))}  # most important first
    found = align(old.passages, new.passages, run.vocabulary)
    placed = [*_continued(old, new, found, run), *_alone(old, new, found, run)]

    def order(entry: tuple[int, Change]) -> tuple[int, bool, bool, int]:
        position, change = entry
        return ranks[change.kind], change.borderline, len(change.sides) == 1, position

    placed.sort(key=order)
    return Comparison(old, new, tuple(change for _, change in placed), run)


def _continued(
    old: Report, new: Report, found: Alignment, run: Run
) -> Iterator[tuple[int, Change]]:
    """Yield the passages that continue each other, each pair with its position in NEW."""
    pairs = [(link.index, index, link) for index, link in enumerate(found.new) if link]
    for index, link in enumerate(found.old):
        # the others have been paired from their other side
        if link and link.shared:
            pairs.append((index, link.index, link))
    for before, after, link in pairs:
        joined = found.parts.new.get(after, [])
        split = found.parts.old.get(before, [])
        parts = Sides(
            old=[old.passages[part] for part in joined] if before in joined else [],
            new=[new.passages[part] for part in split] if after in split else [],
        )
        earlier = old.passages[before]
        later = new.passages[after]
        is_repeated = link.status == "repeated"
        yield (
            after,
            Change(
                alignment=link.status,
                old=earlier,
                new=later,
                similarity=link.similarity,
                labels=_label_changes(earlier, later, run, is_repeated, parts),
                shared=link.shared,
            ),
        )


def _alone(old: Report, new: Report, found: Alignment, run: Run) -> Iterator[tuple[int, Change]]:
    """Yield the passages that are gone, then those that are new, each with its position.

    Beside it stands the nearest of the other report, if there is one.
    """
    gone = zip(old.passages, found.old, strict=True)
    for index, (passage, link) in enumerate(gone):
        if link is None:
            change = Change("gone", passage, None, labels=_label_changes(passage, None, run))
            yield index, _with_nearest(change, new, found.nearest.old.get(index))
    come = zip(new.passages, found.new, strict=True)
    for index, (passage, link) in enumerate(come):
        if link is None:
            change = Change("new", None, passage, labels=_label_changes(None, passage, run))
            yield index, _with_nearest(change, old, found.nearest.new.get(index))


def _with_nearest(change: Change, other: Report, nearest: Continuation | None) -> Change:
    if nearest is None:
        return change
    return replace(
        change,
        nearest=other.passages[nearest.index],
        nearness=nearest.similarity,
        instead=nearest.status == "instead",
    )


def _label_changes(
    old: Passage | None,
    new: Passage | None,
    run: Run,
    repeated: bool = False,
    parts: Sides[list[Passage]] = _NO_PARTS,
) -> tuple[LabelChange, ...]:
    """List the label changes, clear ones first, then by kind.

    All are borderline where the passage is `repeated` in the same section. Where a sentence was
    split, `parts.new` are its parts, one of them `new`: a label went only if none of them has it,
    and that is listed once, with the most probable of them. Where `old` was joined with others, so
    are `parts.old`.
    """
    changes = []
    for label, threshold in run.thresholds.items():
        had_label = old is not None and label in old.labels
        has_label = new is not None and label in new.labels
        if had_label == has_label:
            continue
        # those of which one would have to have the label for it not to have changed
        parts_without = parts.new if had_label else parts.old
        without = new if had_label else old
        if parts_without and without is not _closest(parts_without, label):
            continue
        old_score = old.scores[label] if old else None
        new_score = new.scores[label] if new else None
        is_borderline = repeated or _are_borderline([old_score, new_score], threshold)
        changes.append(LabelChange(label, has_label, old_score, new_score, is_borderline))
    if not changes:  # as of most passages
        return ()
    order = list(kinds(run.labels))
    return tuple(sorted(changes, key=lambda each: (each.borderline, order.index(each.kind))))


def _closest(parts: Sequence[Passage], label: str) -> Passage:
    """Return the part of a sentence that has a label or, if none has it, comes closest to it."""
    return max(parts, key=lambda part: (label in part.labels, part.scores[label]))


def _are_borderline(scores: Sequence[float | None], threshold: float) -> bool:
    """Test whether all known probabilities lie within `MARGIN` of a threshold."""
    border = log_odds_of_probability(threshold)
    known = [score for score in scores if score is not None]
    return all(abs(log_odds_of_probability(score) - border) <= MARGIN for score in known)
