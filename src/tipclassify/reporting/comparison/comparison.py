"""Comparison of two tagged reports of one country, OLD and NEW: pairs of their passages.

Changes are read from the text first (`tipclassify.reporting.comparison.alignment`): a passage is
repeated, moved, reworded, new or gone. Only what is new or gone is newly or no longer reported;
where the tag alone differs, that is said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import Alignment, Continuation, align_reports
from tipclassify.reporting.comparison.changed_words import Segment, changed_words
from tipclassify.reporting.comparison.consistency import SplitDecision, split_decisions
from tipclassify.reporting.comparison.identity import (
    Identity,
    identity_of,
    subject_refusals,
    years_refusals,
)
from tipclassify.reporting.comparison.matching import Nearest
from tipclassify.reporting.comparison.normalization import Sides
from tipclassify.reporting.report import Finding, ScoringContext, TaggedReport, context_of

__all__ = ["KINDS", "MARGIN", "Change", "Comparison", "Pair", "PairGroup", "compare"]

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Of the labels that an empty clause ("during the reporting period") changes, two or three of a
hundred, nine in ten lie within 1.0 before and after with `fast`, four in ten with the default.
"""


class KindTexts(NamedTuple):
    """Title and meaning of a kind of pair, with placeholders for the reports' names."""

    title: str
    meaning: str


KINDS: Final = {
    "new_failure": KindTexts(
        "Failures newly reported",
        "passages of {new} tagged as failure, whose text {old} does not have",
    ),
    "effort_gone": KindTexts(
        "Efforts no longer reported",
        "passages of {old} tagged as effort, whose text {new} does not have",
    ),
    "new_complicity": KindTexts(
        "Complicity newly reported",
        "passages of {new} on complicity, whose text {old} does not have",
    ),
    "complicity_gone": KindTexts(
        "Complicity no longer reported",
        "passages of {old} on complicity, whose text {new} does not have",
    ),
    "failure_gone": KindTexts(
        "Failures no longer reported",
        "passages of {old} tagged as failure, whose text {new} does not have",
    ),
    "new_effort": KindTexts(
        "Efforts newly reported",
        "passages of {new} tagged as effort, whose text {old} does not have",
    ),
    "retagged": KindTexts(
        "Reworded, and tagged otherwise",
        "the words that changed, which are marked, changed the tag too",
    ),
    "moved_retagged": KindTexts(
        "Same words, tagged otherwise",
        "the text is the same; the heading above it, which the model reads too, is another",
    ),
    "reworded": KindTexts("Reworded, same tags", "figures or words changed, tags did not"),
    "moved": KindTexts("Moved", "the same words under another heading, with the same tags"),
    "new": KindTexts(
        "Other new passages",
        "passages of {new} without a tag, whose text {old} does not have",
    ),
    "gone": KindTexts(
        "Other passages that are gone",
        "passages of {old} without a tag, whose text {new} does not have",
    ),
    "repeated": KindTexts(
        "Repeated word for word", "equal but for white space, quotation marks and case"
    ),
}
"""Texts of each kind of pair, the most important first."""

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
    old: Finding | None,
    new: Finding | None,
    thresholds: dict[str, float],
    repeated: bool = False,
) -> tuple[Change, ...]:
    """List the label changes, clear ones first, then by `KINDS`.

    All are borderline where the passage is `repeated` in the same section.
    """
    changes = []
    for label in LABELS:
        had_label = old is not None and label in old.passage.labels
        has_label = new is not None and label in new.passage.labels
        if had_label == has_label:
            continue
        before = old.passage.scores[label] if old else None
        after = new.passage.scores[label] if new else None
        is_near = _are_near((before, after), thresholds[label])
        changes.append(Change(label, has_label, before, after, is_near or repeated))
    return tuple(sorted(changes, key=lambda change: (change.borderline, _ORDER[change.kind])))


def _are_near(scores: Sequence[float | None], threshold: float) -> bool:
    """Test whether all known probabilities lie within `MARGIN` of a threshold."""
    border = _log_odds(threshold)
    known = [score for score in scores if score is not None]
    return all(abs(_log_odds(score) - border) <= MARGIN for score in known)


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

    def words(self) -> Sides[list[Segment]]:
        """Segment both texts into changed and unchanged words; one that is alone is unchanged."""
        if self.old and self.new:
            return changed_words(self.old.passage.text, self.new.passage.text)
        old = self.old.passage.text if self.old else ""
        new = self.new.passage.text if self.new else ""
        return Sides([Segment(old, False)], [Segment(new, False)])

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
            "nearest": self._nearest_to_dict(),
        }

    def _nearest_to_dict(self) -> dict[str, Any] | None:
        if self.nearest is None:
            return None
        return {"similarity": _rounded(self.nearness), **self.nearest.passage.to_dict()}


@dataclass(frozen=True, slots=True)
class PairGroup:
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
        old, new = self.identities
        if old.year and new.year and old.year != new.year:
            return str(old.year), str(new.year)
        return "OLD", "NEW"

    @property
    def subject(self) -> str:
        """Publication and country of both, in words, as far as they are known and the same."""
        old, new = self.identities
        publication = old.publication if old.publication == new.publication else None
        country = old.country if old.country == new.country else None
        return ": ".join(part for part in (publication, country) if part)

    @property
    def split_decisions(self) -> list[SplitDecision]:
        """Sentences that stand in several places of one report, with different labels."""
        old, new = self.names
        return [*split_decisions(self.old, old), *split_decisions(self.new, new)]

    def groups(self, repeated: bool = False) -> list[PairGroup]:
        """Group the pairs by kind, most important first; repeated passages only if `repeated`."""
        groups = [self._group(kind) for kind in KINDS if repeated or kind != "repeated"]
        return [group for group in groups if group.pairs or group.elsewhere]

    def _group(self, kind: str) -> PairGroup:
        texts = KINDS[kind]
        old, new = self.names
        pairs = tuple(pair for pair in self.pairs if pair.kind == kind)
        elsewhere = sum(
            len(pair.sides) == 1
            and pair.kind != kind
            and any(change.kind == kind for change in pair.changes)
            for pair in self.pairs
        )
        return PairGroup(
            kind,
            texts.title.format(old=old, new=new),
            texts.meaning.format(old=old, new=new),
            pairs,
            elsewhere,
            sum(pair.borderline for pair in pairs),
        )

    def counts(self) -> Counter[str]:
        """Count the pairs by alignment."""
        return Counter(pair.alignment for pair in self.pairs)

    def refusals(self) -> list[str]:
        """List why the two must not be compared, unless somebody asks for it all the same."""
        old, new = self.identities
        return subject_refusals([old, new]) + years_refusals(old, new)

    def warnings(self) -> list[str]:
        """List why the two may not be successive reports of one country, one line each."""
        warnings = self.refusals()
        old, new = self.identities
        if old.year and old.year == new.year:
            warnings.append(f"both reports are of {old.year}: are they two years?")
        return warnings + self.publication_warnings()

    def publication_warnings(self) -> list[str]:
        """List the warning that next to nothing is matched, as between two publications, if so."""
        matched = sum(len(pair.sides) == 2 and not pair.shared for pair in self.pairs)
        shorter = min(len(self.old.passages), len(self.new.passages))
        if shorter < _LEAST or matched >= _FEW * shorter:
            return []
        return [
            f"only {matched} of {shorter} passages match: they may be two publications, "
            "so 'new' and 'gone' mean little"
        ]


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
    alignment = align_reports(old.passages, new.passages, context.classifier.vocabulary)
    findings = Sides(list(old.findings()), list(new.findings()))
    placed = [
        *_continued(alignment, findings, context.thresholds),
        *_gone(alignment, findings, context.thresholds),
        *_new(alignment, findings, context.thresholds),
    ]
    placed.sort(key=_PlacedPair.order)
    return Comparison(old, new, tuple(entry.pair for entry in placed))


@dataclass(frozen=True, slots=True)
class _PlacedPair:
    """A pair and its position in the report."""

    position: int
    pair: Pair

    def order(self) -> tuple[int, bool, bool, int]:
        """Return the sort key: kind, clear changes, pairs before single passages, position."""
        is_alone = len(self.pair.sides) == 1
        return _ORDER[self.pair.kind], self.pair.borderline, is_alone, self.position


def _continued(
    alignment: Alignment, findings: Sides[list[Finding]], thresholds: dict[str, float]
) -> list[_PlacedPair]:
    """Pair the passages that continue each other."""

    def pair_of(old: int, new: int, continuation: Continuation) -> _PlacedPair:
        before, after = findings.old[old], findings.new[new]
        changes = _changes(before, after, thresholds, continuation.status == "repeated")
        pair = Pair(
            continuation.status,
            before,
            after,
            continuation.similarity,
            changes,
            continuation.shared,
        )
        return _PlacedPair(new, pair)

    placed = []
    for j, continuation in enumerate(alignment.new):
        if continuation:
            placed.append(pair_of(continuation.index, j, continuation))
    for i, continuation in enumerate(alignment.old):
        # the others have been paired from their other side
        if continuation and continuation.shared:
            placed.append(pair_of(i, continuation.index, continuation))
    return placed


def _gone(
    alignment: Alignment, findings: Sides[list[Finding]], thresholds: dict[str, float]
) -> list[_PlacedPair]:
    """List the passages that are gone, each with the nearest one of NEW."""
    placed = []
    for at, finding in enumerate(findings.old):
        if alignment.old[at] is None:
            changes = _changes(finding, None, thresholds)
            gone = Pair("gone", finding, None, changes=changes)
            nearest, instead = alignment.nearest.old, alignment.instead.old
            pair = _with_nearest(gone, at, nearest, instead, findings.new)
            placed.append(_PlacedPair(at, pair))
    return placed


def _new(
    alignment: Alignment, findings: Sides[list[Finding]], thresholds: dict[str, float]
) -> list[_PlacedPair]:
    """List the passages that are new, each with the nearest one of OLD."""
    placed = []
    for at, finding in enumerate(findings.new):
        if alignment.new[at] is None:
            changes = _changes(None, finding, thresholds)
            new = Pair("new", None, finding, changes=changes)
            nearest, instead = alignment.nearest.new, alignment.instead.new
            pair = _with_nearest(new, at, nearest, instead, findings.old)
            placed.append(_PlacedPair(at, pair))
    return placed


def _with_nearest(
    alone: Pair, index: int, nearest: Nearest, instead: Nearest, others: Sequence[Finding]
) -> Pair:
    """Add to a passage that is alone the nearest of the other report: that in its place, if any."""
    neighbour = instead.get(index) or nearest.get(index)
    if neighbour is None:
        return alone
    return replace(
        alone,
        nearest=others[neighbour.index],
        nearness=neighbour.similarity,
        instead=index in instead,
    )
