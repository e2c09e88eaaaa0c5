"""Pairs of passages of two reports, OLD and NEW, and what changed in each.

Changes are read from the text first: where the tag alone differs, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tipclassify.labels import LABELS
from tipclassify.probability import log_odds_of_probability
from tipclassify.reports.compare.changed_words import ComparedWords, changed_words
from tipclassify.reports.compare.normalization import ReportSides
from tipclassify.reports.report import Finding

__all__ = [
    "KINDS",
    "KIND_RANKS",
    "MARGIN",
    "LabelChange",
    "PairKindTexts",
    "PassagePair",
    "label_changes_of_pair",
]

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Of the labels that an empty clause ("during the reporting period") changes, two or three of a
hundred, nine in ten lie within 1.0 before and after with `fast`, four in ten with the default.
"""


class PairKindTexts(NamedTuple):
    """Title and meaning of a kind of pair, with placeholders for the reports' names."""

    title: str
    meaning: str


KINDS: Final = {
    "new_failure": PairKindTexts(
        "Failures newly reported",
        "passages of {new} tagged as failure, whose text {old} does not have",
    ),
    "effort_gone": PairKindTexts(
        "Efforts no longer reported",
        "passages of {old} tagged as effort, whose text {new} does not have",
    ),
    "new_complicity": PairKindTexts(
        "Complicity newly reported",
        "passages of {new} on complicity, whose text {old} does not have",
    ),
    "complicity_gone": PairKindTexts(
        "Complicity no longer reported",
        "passages of {old} on complicity, whose text {new} does not have",
    ),
    "failure_gone": PairKindTexts(
        "Failures no longer reported",
        "passages of {old} tagged as failure, whose text {new} does not have",
    ),
    "new_effort": PairKindTexts(
        "Efforts newly reported",
        "passages of {new} tagged as effort, whose text {old} does not have",
    ),
    "retagged": PairKindTexts(
        "Reworded, and tagged otherwise",
        "the words that changed, which are marked, changed the tag too",
    ),
    "moved_retagged": PairKindTexts(
        "Same words, tagged otherwise",
        "the text is the same; the heading above it, which the model reads too, is another",
    ),
    "reworded": PairKindTexts(
        "Reworded, same tags",
        "figures or words changed, tags did not; those of a sentence that was split or joined are "
        "set against those of all its parts",
    ),
    "moved": PairKindTexts("Moved", "the same words under another heading, with the same tags"),
    "new": PairKindTexts(
        "Other new passages",
        "passages of {new} without a tag, whose text {old} does not have",
    ),
    "gone": PairKindTexts(
        "Other passages that are gone",
        "passages of {old} without a tag, whose text {new} does not have",
    ),
    "repeated": PairKindTexts(
        "Repeated word for word", "equal but for white space, quotation marks and case"
    ),
}
"""Texts of each kind of pair, the most important first."""

KIND_RANKS: Final = {kind: rank for rank, kind in enumerate(KINDS)}
"""Rank of each kind of pair, the most important first."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A label that only one passage of a pair has."""

    label: str
    came: bool  # NEW has it, else OLD
    old: float | None  # probability on each side, None without a passage
    new: float | None
    borderline: bool

    @property
    def kind(self) -> str:
        """Its key in `KINDS`."""
        name = self.label.removeprefix("positive_")
        return f"new_{name}" if self.came else f"{name}_gone"

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "label": self.label,
            "change": "came" if self.came else "went",
            "old": _round_pair_score(self.old),
            "new": _round_pair_score(self.new),
            "borderline": self.borderline,
        }


_NO_PARTS: Final[ReportSides[Sequence[Finding]]] = ReportSides((), ())


def label_changes_of_pair(
    old: Finding | None,
    new: Finding | None,
    thresholds: Mapping[str, float],
    repeated: bool = False,
    parts: ReportSides[Sequence[Finding]] = _NO_PARTS,
) -> tuple[LabelChange, ...]:
    """List the label changes, clear ones first, then by `KINDS`.

    All are borderline where the passage is `repeated` in the same section. Where a sentence was
    split, `parts.new` are its parts, one of them `new`: a label went only if none of them has it,
    and that is listed once, with the most probable of them. Where `old` was joined with others, so
    are `parts.old`.
    """
    changes = []
    for label in LABELS:
        had_label = old is not None and label in old.passage.labels
        has_label = new is not None and label in new.passage.labels
        if had_label == has_label:
            continue
        # those of which one would have to have the label for it not to have changed
        parts_without = parts.new if had_label else parts.old
        if parts_without and (new if had_label else old) is not _part_of_label(
            parts_without, label
        ):
            continue
        old_score = old.passage.scores[label] if old else None
        new_score = new.passage.scores[label] if new else None
        is_near = _are_pair_scores_borderline([old_score, new_score], thresholds[label])
        change = LabelChange(
            label=label,
            came=has_label,
            old=old_score,
            new=new_score,
            borderline=is_near or repeated,
        )
        changes.append(change)
    return tuple(sorted(changes, key=lambda change: (change.borderline, KIND_RANKS[change.kind])))


def _part_of_label(parts: Sequence[Finding], label: str) -> Finding:
    """Return the part of a sentence that has a label or, if none has it, comes closest to it."""
    return max(parts, key=lambda part: (label in part.passage.labels, part.passage.scores[label]))


def _are_pair_scores_borderline(scores: Sequence[float | None], threshold: float) -> bool:
    """Test whether all known probabilities lie within `MARGIN` of a threshold."""
    border = log_odds_of_probability(threshold)
    known = [score for score in scores if score is not None]
    return all(abs(log_odds_of_probability(score) - border) <= MARGIN for score in known)


def _round_pair_score(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


@dataclass(frozen=True, slots=True)
class PassagePair:
    """A passage of OLD and what continues it in NEW, or either alone."""

    alignment: str  # "repeated", "moved", "reworded", "new" or "gone"
    old: Finding | None
    new: Finding | None
    similarity: float | None = None  # 0 to 1; None for one that is alone
    changes: tuple[LabelChange, ...] = ()  # of labels; for a passage that is alone, its labels
    # whether one of them stands in another pair, too: a sentence split, joined or said twice
    shared: bool = False
    # for one that is alone: the most similar passage of the other report, if any is
    nearest: Finding | None = None
    nearness: float | None = None  # its similarity
    instead: bool = False  # whether that one stands in its place, on the same matter in other words

    @property
    def kind(self) -> str:
        """Its key in `KINDS`: by its text, then by its first label or change of labels."""
        if not self.changes:
            return self.alignment
        if len(self.sides) == 1:
            return self.changes[0].kind
        return "retagged" if self.alignment == "reworded" else "moved_retagged"

    @property
    def borderline(self) -> bool:
        """Whether it has changes, all of them borderline."""
        return bool(self.changes) and self.changes[0].borderline

    @property
    def sides(self) -> list[Finding]:
        """Its passages: of OLD, of NEW or of both."""
        return [side for side in (self.old, self.new) if side]

    def words(self) -> ReportSides[list[ComparedWords]]:
        """Segment both texts into changed and unchanged words; one that is alone is unchanged."""
        if self.old and self.new:
            return changed_words(self.old.passage.text, self.new.passage.text)
        old = self.old.passage.text if self.old else ""
        new = self.new.passage.text if self.new else ""
        return ReportSides([ComparedWords(old, False)], [ComparedWords(new, False)])

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON, each side as in ``score --format jsonl``."""
        return {
            "kind": self.kind,
            "alignment": self.alignment,
            "similarity": _round_pair_score(self.similarity),
            "shared": self.shared,
            "changes": [change.to_dict() for change in self.changes],
            "old": self.old and self.old.to_dict(),
            "new": self.new and self.new.to_dict(),
            "nearest": self._nearest_to_dict(),
        }

    def _nearest_to_dict(self) -> dict[str, object] | None:
        if self.nearest is None:
            return None
        return {"similarity": _round_pair_score(self.nearness), **self.nearest.passage.to_dict()}
