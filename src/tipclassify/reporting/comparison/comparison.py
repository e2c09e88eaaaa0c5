"""Comparison of two reports of one country: tagged reports OLD and NEW in, a `Comparison` of paired
passages out.

Changes are read from the text first (`tipclassify.reporting.comparison.alignment`): a passage is
repeated, moved, reworded, new or gone. Only what is new or gone is newly or no longer reported;
where the tag alone differs, that is said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import (
    Alignment,
    Nearest,
    Segment,
    changed_words,
    continuations,
)
from tipclassify.reporting.comparison.identity import (
    Identity,
    identity_of,
    subject_refusals,
    years_refusals,
)
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport, context_of

__all__ = ["KINDS", "MARGIN", "Change", "Comparison", "Group", "Pair", "compare"]

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Of the labels that an empty clause ("during the reporting period") changes, two or three of a hundred, nine in ten lie
within 1.0 before and after with `fast`, four in ten with the default.
"""

KINDS: Final = {
    "new_failure": (
        "Failures newly reported",
        "passages of {new} tagged as failure, whose text {old} does not have",
    ),
    "effort_gone": (
        "Efforts no longer reported",
        "passages of {old} tagged as effort, whose text {new} does not have",
    ),
    "new_complicity": (
        "Complicity newly reported",
        "passages of {new} on complicity, whose text {old} does not have",
    ),
    "complicity_gone": (
        "Complicity no longer reported",
        "passages of {old} on complicity, whose text {new} does not have",
    ),
    "failure_gone": (
        "Failures no longer reported",
        "passages of {old} tagged as failure, whose text {new} does not have",
    ),
    "new_effort": (
        "Efforts newly reported",
        "passages of {new} tagged as effort, whose text {old} does not have",
    ),
    "retagged": (
        "Reworded, and tagged otherwise",
        "the words that changed, which are marked, changed the tag too",
    ),
    "moved_retagged": (
        "Same words, tagged otherwise",
        "the text is the same; the heading above it, which the model reads too, is another",
    ),
    "reworded": ("Reworded, same tags", "figures or words changed, tags did not"),
    "moved": ("Moved", "the same words under another heading, with the same tags"),
    "new": (
        "Other new passages",
        "passages of {new} without a tag, whose text {old} does not have",
    ),
    "gone": (
        "Other passages that are gone",
        "passages of {old} without a tag, whose text {new} does not have",
    ),
    "repeated": ("Repeated word for word", "equal but for white space, quotation marks and case"),
}
"""Title and meaning of each kind of pair, with placeholders for the reports' names; most important first."""

_ORDER: Final = {kind: rank for rank, kind in enumerate(KINDS)}
_FEW: Final = 0.1  # of the shorter report matched: two years of one report seldom have less
_LEAST: Final = 20  # passages of the shorter report: of fewer, chance may leave too few matched


@dataclass(frozen=True, slots=True)
class Change:
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

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON."""
        scores = {"old": _rounded(self.old), "new": _rounded(self.new)}
        change = "came" if self.came else "went"
        return {"label": self.label, "change": change, **scores, "borderline": self.borderline}


def _changes(
    old: Finding | None, new: Finding | None, thresholds: dict[str, float], same: bool = False
) -> tuple[Change, ...]:
    """List the label changes, clear ones first, then by `KINDS`; in the `same` text and section
    all are borderline."""
    changes = []
    for label in LABELS:
        had, has = (side is not None and label in side.passage.labels for side in (old, new))
        if had == has:
            continue
        before, after = (side.passage.scores[label] if side else None for side in (old, new))
        border = _log_odds(thresholds[label])
        near = all(
            abs(_log_odds(score) - border) <= MARGIN
            for score in (before, after)
            if score is not None
        )
        changes.append(Change(label, has, before, after, near or same))
    return tuple(sorted(changes, key=lambda change: (change.borderline, _ORDER[change.kind])))


def _log_odds(probability: float) -> float:
    return math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage of OLD and what continues it in NEW, or either alone."""

    alignment: str  # "repeated", "moved", "reworded", "new" or "gone"
    old: Finding | None
    new: Finding | None
    similarity: float | None = None  # 0 to 1; None for one that is alone
    changes: tuple[Change, ...] = ()  # of labels; for a passage that is alone, its labels
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

    def words(self) -> tuple[list[Segment], list[Segment]]:
        """Segment both texts into changed and unchanged words; a text without counterpart is one
        unchanged segment."""
        old, new = (side.passage.text if side else "" for side in (self.old, self.new))
        return (
            changed_words(old, new)
            if self.old and self.new
            else ([Segment(old, False)], [Segment(new, False)])
        )

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON, each side as in ``score --format jsonl``."""
        return {
            "kind": self.kind,
            "alignment": self.alignment,
            "similarity": _rounded(self.similarity),
            "shared": self.shared,
            "changes": [change.to_dict() for change in self.changes],
            "old": self.old and self.old.to_dict(),
            "new": self.new and self.new.to_dict(),
            "nearest": self.nearest
            and {"similarity": _rounded(self.nearness), **self.nearest.passage.to_dict()},
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one kind."""

    kind: str
    title: str
    meaning: str
    pairs: tuple[Pair, ...]
    # passages that are alone and have such a label, too, but are listed under another
    elsewhere: int
    borderline: int  # pairs whose changes are all borderline


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and the pairs of their passages, in reading order: most important kind first."""

    old: TaggedReport
    new: TaggedReport
    pairs: tuple[Pair, ...]

    @property
    def identities(self) -> tuple[Identity, Identity]:
        """Country, publication and year of each report."""
        return identity_of(self.old), identity_of(self.new)

    @property
    def names(self) -> tuple[str, str]:
        """Names of the reports: their years if known and different, else OLD and NEW."""
        old, new = (one.year for one in self.identities)
        return (str(old), str(new)) if old and new and old != new else ("OLD", "NEW")

    @property
    def subject(self) -> str:
        """What both are of, in words: publication and country, as far as they are known and the
        same."""
        old, new = self.identities
        publication = old.publication if old.publication == new.publication else None
        country = old.country if old.country == new.country else None
        return ": ".join(part for part in (publication, country) if part)

    def groups(self, same: bool = False) -> list[Group]:
        """Group the pairs by kind, most important first; repeated passages are left out unless
        `same`."""
        old, new = self.names
        groups = []
        for kind, (title, meaning) in KINDS.items():
            pairs = tuple(pair for pair in self.pairs if pair.kind == kind)
            alone = [pair for pair in self.pairs if len(pair.sides) == 1]
            elsewhere = sum(
                pair.kind != kind and kind in {c.kind for c in pair.changes} for pair in alone
            )
            if (pairs or elsewhere) and (same or kind != "repeated"):
                title, meaning = (text.format(old=old, new=new) for text in (title, meaning))
                groups.append(
                    Group(
                        kind,
                        title,
                        meaning,
                        pairs,
                        elsewhere,
                        sum(pair.borderline for pair in pairs),
                    )
                )
        return groups

    def counts(self) -> Counter[str]:
        """Count the pairs by alignment."""
        return Counter(pair.alignment for pair in self.pairs)

    def refusals(self) -> list[str]:
        """List why the two must not be compared, unless somebody asks for it all the same."""
        return subject_refusals(self.identities) + years_refusals(*self.identities)

    def warnings(self) -> list[str]:
        """List reasons why the two may not be successive reports of one country, one line each."""
        old, new = self.identities
        equal = (
            [f"both reports are of {old.year}: are they two years?"]
            if old.year and old.year == new.year
            else []
        )
        return self.refusals() + equal + self.publication_warnings()

    def publication_warnings(self) -> list[str]:
        """List the warning that next to nothing is matched, as between two publications; empty
        if more is."""
        few = sum(len(pair.sides) == 2 and not pair.shared for pair in self.pairs)
        least = min(len(self.old.passages), len(self.new.passages))
        text = f"only {few} of {least} passages match: they may be two publications, so 'new' and 'gone' mean little"
        return [text] if least >= _LEAST and few < _FEW * least else []


def compare(
    old: TaggedReport, new: TaggedReport, context: ScoringContext | None = None
) -> Comparison:
    """Compare two tagged reports on one country.

    `context` is the model and policy that tagged both; what `tag_report` noted if omitted. Raises
    `ValueError` when that is unknown, or the two were tagged differently.

    >>> from tipclassify import Document, tag_report
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> old, new = (tag_report(Document.from_text(text)) for text in texts)
    >>> [(change.label, change.came) for change in compare(old, new).pairs[0].changes]
    [('failure', True), ('positive_effort', False)]
    """
    context = context_of(context, [old, new])
    alignment = continuations(old.passages, new.passages, context.classifier.vocabulary)
    before, after = list(old.findings()), list(new.findings())
    thresholds = context.thresholds
    placed = _continued(alignment, before, after, thresholds)
    placed += _alone("gone", before, after, alignment, thresholds)
    placed += _alone("new", after, before, alignment, thresholds)
    # Clear changes before borderline ones, pairs before single passages.
    placed.sort(
        key=lambda one: (_ORDER[one[1].kind], one[1].borderline, len(one[1].sides) == 1, one[0])
    )
    return Comparison(old, new, tuple(pair for _, pair in placed))


def _continued(
    alignment: Alignment,
    before: Sequence[Finding],
    after: Sequence[Finding],
    thresholds: dict[str, float],
) -> list[tuple[int, Pair]]:
    """Make the pairs of passages that continue each other, with their positions in the report."""
    placed = []
    for j, found in enumerate(alignment.new):
        if found:
            old, new = before[found.index], after[j]
            changes = _changes(old, new, thresholds, found.status == "repeated")
            placed.append(
                (j, Pair(found.status, old, new, found.similarity, changes, found.shared))
            )
    for i, found in enumerate(alignment.old):
        if found and found.shared:  # the others have been paired from their other side
            old, new = before[i], after[found.index]
            changes = _changes(old, new, thresholds, found.status == "repeated")
            placed.append(
                (found.index, Pair(found.status, old, new, found.similarity, changes, True))
            )
    return placed


def _alone(
    kind: str,
    findings: Sequence[Finding],
    others: Sequence[Finding],
    alignment: Alignment,
    thresholds: dict[str, float],
) -> list[tuple[int, Pair]]:
    """Make the pairs of passages that are new or gone, with their positions in the report."""
    gone = kind == "gone"
    side = 0 if gone else 1
    found = alignment.old if gone else alignment.new
    nearest: Nearest = alignment.nearest[side] | alignment.instead[side]
    placed = []
    for at, finding in enumerate(findings):
        if found[at]:
            continue
        old, new = (finding, None) if gone else (None, finding)
        other, nearness = nearest.get(at, (None, None))
        closest = None if other is None else others[other]
        changes, instead = _changes(old, new, thresholds), at in alignment.instead[side]
        pair = Pair(kind, old, new, None, changes, False, closest, nearness, instead)
        placed.append((at, pair))
    return placed
