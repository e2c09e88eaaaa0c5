"""Comparison of two reports of one country: tagged reports OLD and NEW in, a `Comparison` of paired passages out."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import Segment, align, changed_words
from tipclassify.reporting.writers import Finding, ScoringContext, TaggedReport, context_of

__all__ = ["KINDS", "MARGIN", "Change", "Comparison", "Group", "Pair", "compare"]

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Of the labels that an empty clause ("during the reporting period") changes, two or three of a hundred, nine in ten lie
within 1.0 before and after with `fast`, four in ten with the default.
"""

KINDS: Final = {
    "new_failure": ("Failures newly reported", "tagged as failure in {new}, not in {old}"),
    "effort_gone": ("Efforts no longer reported", "tagged as positive effort in {old}, not found so in {new}"),
    "new_complicity": ("Complicity newly reported", "tagged as complicity in {new}, not in {old}"),
    "complicity_gone": ("Complicity no longer reported", "tagged as complicity in {old}, not found so in {new}"),
    "failure_gone": ("Failures no longer reported", "tagged as failure in {old}, not found so in {new}"),
    "new_effort": ("Efforts newly reported", "tagged as positive effort in {new}, not in {old}"),
    "reworded": ("Reworded, same labels", "figures or words changed, labels did not"),
    "new": ("Other passages not found in {old}", "passages of {new} without a label that match none of {old}"),
    "dropped": ("Other passages not found in {new}", "passages of {old} without a label that match none of {new}"),
    "same": ("Same", "equal but for white space, quotation marks and case"),
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
    """List the label changes, clear ones first, then by `KINDS`; in the `same` text every change is borderline."""
    changes = []
    for label in LABELS:
        had, has = (side is not None and label in side.passage.labels for side in (old, new))
        if had == has:
            continue
        before, after = (side.passage.scores[label] if side else None for side in (old, new))
        border = _log_odds(thresholds[label])
        near = all(abs(_log_odds(score) - border) <= MARGIN for score in (before, after) if score is not None)
        changes.append(Change(label, has, before, after, near or same))
    return tuple(sorted(changes, key=lambda change: (change.borderline, _ORDER[change.kind])))


def _log_odds(probability: float) -> float:
    return math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage of OLD and its counterpart in NEW, or either without counterpart; the first change decides the kind."""

    alignment: str  # "same", "reworded", "new" or "dropped"
    old: Finding | None
    new: Finding | None
    similarity: float | None = None  # 0 to 1; None without counterpart
    changes: tuple[Change, ...] = ()
    nearest: Finding | None = None  # without counterpart: the most similar passage of the other report, if any is
    nearness: float | None = None  # its similarity

    @property
    def kind(self) -> str:
        """Its key in `KINDS`, by its first change if it has one."""
        return self.changes[0].kind if self.changes else self.alignment

    @property
    def borderline(self) -> bool:
        """Whether it has changes, all of them borderline."""
        return bool(self.changes) and self.changes[0].borderline

    @property
    def sides(self) -> list[Finding]:
        """Its passages: of OLD, of NEW or of both."""
        return [side for side in (self.old, self.new) if side]

    def words(self) -> tuple[list[Segment], list[Segment]]:
        """Segment both texts into changed and unchanged words; a text without counterpart is one unchanged segment."""
        old, new = (side.passage.text if side else "" for side in (self.old, self.new))
        return changed_words(old, new) if self.old and self.new else ([Segment(old, False)], [Segment(new, False)])

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON, each side as in ``score --format jsonl``."""
        return {
            "kind": self.kind,
            "alignment": self.alignment,
            "similarity": _rounded(self.similarity),
            "changes": [change.to_dict() for change in self.changes],
            "old": self.old and self.old.to_dict(),
            "new": self.new and self.new.to_dict(),
            "nearest": self.nearest and {"similarity": _rounded(self.nearness), **self.nearest.passage.to_dict()},
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one kind."""

    kind: str
    title: str
    meaning: str
    pairs: tuple[Pair, ...]
    elsewhere: int  # pairs with a change of this kind that are listed under another
    borderline: int  # pairs whose changes are all borderline


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and the pairs of their passages, in reading order: most important kind first."""

    old: TaggedReport
    new: TaggedReport
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of the reports: their years if known and different, else OLD and NEW."""
        old, new = _year(self.old), _year(self.new)
        return (str(old), str(new)) if old and new and old != new else ("OLD", "NEW")

    def groups(self, same: bool = False) -> list[Group]:
        """Group the pairs by kind, most important first; same passages are left out unless `same`."""
        old, new = self.names
        groups = []
        for kind, (title, meaning) in KINDS.items():
            pairs = tuple(pair for pair in self.pairs if pair.kind == kind)
            elsewhere = sum(pair.kind != kind and kind in {c.kind for c in pair.changes} for pair in self.pairs)
            if (pairs or elsewhere) and (same or kind != "same"):
                title, meaning = (text.format(old=old, new=new) for text in (title, meaning))
                groups.append(Group(kind, title, meaning, pairs, elsewhere, sum(pair.borderline for pair in pairs)))
        return groups

    def counts(self) -> Counter[str]:
        """Count the pairs by alignment."""
        return Counter(pair.alignment for pair in self.pairs)

    def warnings(self) -> list[str]:
        """List reasons why the two may not be successive reports of one country, one line each."""
        here, there = (report.country or _common(report, "country", str) for report in (self.old, self.new))
        old, new = _year(self.old), _year(self.new)
        found = []
        if here and there and here != there:
            found.append(f"OLD is about {here} and NEW about {there}: differences are those of two countries")
        if old and new and old == new:
            found.append(f"both reports are of {old}: are they two years?")
        if old and new and old > new:
            found.append(f"OLD is of {old} and NEW of {new}: give the earlier one first")
        return found + self.publication_warnings()

    def publication_warnings(self) -> list[str]:
        """List the warning that next to nothing is matched, as between two publications; empty if more is."""
        few, least = sum(len(p.sides) == 2 for p in self.pairs), min(len(r.passages) for r in (self.old, self.new))
        text = f"only {few} of {least} passages match: they may be two publications, so 'new' and 'gone' mean little"
        return [text] if least >= _LEAST and few < _FEW * least else []


def _year(report: TaggedReport) -> Any:
    return report.year or _common(report, "year", int)


def _common(report: TaggedReport, field: str, kind: type) -> Any:
    """Return the value of a field that all input rows have, if it is of this kind; None for several or none."""
    values = [row.get(field) for row in report.extras]
    return values[0] if values and type(values[0]) is kind and values.count(values[0]) == len(values) else None


def compare(old: TaggedReport, new: TaggedReport, context: ScoringContext | None = None) -> Comparison:
    """Compare two tagged reports on one country.

    `context` is the model and policy that tagged both; what `tag_report` noted if omitted. Raises `ValueError` when
    that is unknown, or the two were tagged differently.

    >>> from tipclassify import Document, tag_report
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> old, new = (tag_report(Document.from_text(text)) for text in texts)
    >>> [(change.label, change.came) for change in compare(old, new).pairs[0].changes]
    [('failure', True), ('positive_effort', False)]
    """
    context = context_of(context, [old, new])
    thresholds = context.thresholds
    matches, nearest = align(old.passages, new.passages, context.classifier.vocabulary)
    before, after = list(old.findings()), list(new.findings())
    placed: list[tuple[int, Pair]] = []  # with their positions in the report
    for i, j, similarity, same in matches:
        changes = _changes(before[i], after[j], thresholds, same)
        placed.append((j, Pair("same" if same else "reworded", before[i], after[j], similarity, changes)))
    for alignment, findings, others, taken, near in (
        ("dropped", before, after, {match.old for match in matches}, nearest[0]),
        ("new", after, before, {match.new for match in matches}, nearest[1]),
    ):
        for at in sorted(set(range(len(findings))) - taken):
            one, two = (findings[at], None) if alignment == "dropped" else (None, findings[at])
            other, nearness = near.get(at, (None, None))
            closest = None if other is None else others[other]
            placed.append((at, Pair(alignment, one, two, None, _changes(one, two, thresholds), closest, nearness)))
    # Clear changes before borderline ones, pairs before single passages.
    placed.sort(key=lambda one: (_ORDER[one[1].kind], one[1].borderline, len(one[1].sides) == 1, one[0]))
    return Comparison(old, new, tuple(pair for _, pair in placed))
