"""Comparison of two reports of one country: tagged reports OLD and NEW in, a `Comparison` of paired passages out.

It describes what the reports say (newly reported, no longer found), never that a government began or stopped something.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from tipclassify.labels import LABELS
from tipclassify.reporting.comparison.alignment import matches_and_nearest
from tipclassify.reporting.comparison.changes import KINDS, ORDER, Change, changes_of
from tipclassify.reporting.comparison.rewording import Segment, changed_words
from tipclassify.reporting.writers import Finding, ScoringContext, TaggedReport

__all__ = ["Alignment", "Comparison", "Group", "Pair", "compare"]

Alignment = Literal["same", "reworded", "new", "dropped"]
"""Outcome of the alignment for a pair."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage of OLD and its counterpart in NEW, or either without counterpart.

    Attributes
    ----------
    similarity : float or None
        0 to 1; None without counterpart.
    changes : tuple of Change
        Label changes; the first decides the kind.
    nearest : Finding or None
        Without counterpart: the most similar passage of the other report, if similar enough to show.
    nearness : float or None
        Similarity of `nearest`, 0 to 1.
    """

    alignment: Alignment
    old: Finding | None
    new: Finding | None
    similarity: float | None = None
    changes: tuple[Change, ...] = ()
    nearest: Finding | None = None
    nearness: float | None = None

    @property
    def kind(self) -> str:
        """Its key in `KINDS`, by its first change if it has one."""
        return self.changes[0].kind if self.changes else self.alignment

    def words(self) -> tuple[list[Segment], list[Segment]]:
        """Segment both texts into changed and unchanged words; a text without counterpart is one unchanged segment."""
        if self.old and self.new:
            return changed_words(self.old.passage.text, self.new.passage.text)
        return ([Segment(self.old.passage.text, False)] if self.old else []), (
            [Segment(self.new.passage.text, False)] if self.new else []
        )

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON, each side as in ``score --format jsonl``."""
        nearest = None
        if self.nearest and self.nearness is not None:
            nearest = {"similarity": round(self.nearness, 4), **self.nearest.passage.to_dict()}
        return {
            "kind": self.kind,
            "alignment": self.alignment,
            "similarity": None if self.similarity is None else round(self.similarity, 4),
            "changes": [change.to_dict() for change in self.changes],
            "old": self.old.to_dict() if self.old else None,
            "new": self.new.to_dict() if self.new else None,
            "nearest": nearest,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one kind.

    Attributes
    ----------
    elsewhere : int
        Number of pairs with a change of this kind that are listed under another kind.
    """

    kind: str
    title: str
    meaning: str
    pairs: tuple[Pair, ...]
    elsewhere: int

    @property
    def borderline(self) -> int:
        """Number of pairs whose changes are all borderline."""
        return sum(bool(pair.changes) and pair.changes[0].borderline for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and the pairs of their passages, in reading order: most important kind first."""

    old: TaggedReport
    new: TaggedReport
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of the reports: their years if known and different, else OLD and NEW."""
        (_, old), (_, new) = map(_subject, (self.old, self.new))
        return (str(old), str(new)) if old and new and old != new else ("OLD", "NEW")

    def groups(self, same: bool = False) -> list[Group]:
        """Group the pairs by kind, most important first; same passages are left out unless `same`."""
        listed: dict[str, list[Pair]] = defaultdict(list)
        all_of: dict[str, int] = defaultdict(int)
        for pair in self.pairs:
            listed[pair.kind].append(pair)
            for kind in {change.kind for change in pair.changes}:
                all_of[kind] += 1
        old, new = self.names
        return [
            Group(
                kind,
                about.title.format(old=old, new=new),
                about.meaning.format(old=old, new=new),
                tuple(listed[kind]),
                max(all_of[kind] - len(listed[kind]), 0),
            )
            for kind, about in KINDS.items()
            if (listed[kind] or all_of[kind]) and (same or kind != "same")
        ]

    def counts(self) -> dict[Alignment, int]:
        """Count the pairs by alignment."""
        found: dict[Alignment, int] = {"same": 0, "reworded": 0, "new": 0, "dropped": 0}
        for pair in self.pairs:
            found[pair.alignment] += 1
        return found

    def warnings(self) -> list[str]:
        """List reasons why the two may not be successive reports of one country, one line each."""
        (here, old), (there, new) = map(_subject, (self.old, self.new))
        found = []
        if here and there and here != there:
            found.append(f"OLD is about {here} and NEW about {there}: differences are those of two countries")
        if old and new and old == new:
            found.append(f"both reports are of {old}: are they two years?")
        if old and new and old > new:
            found.append(f"OLD is of {old} and NEW of {new}: give the earlier one first")
        return found


def _subject(report: TaggedReport) -> tuple[str | None, int | None]:
    """Return the country and year of a report, None where its document or rows have none or several."""
    if report.document:
        return report.document.country, report.document.year
    countries, years = ({row.get(name) for row in report.extras} for name in ("country", "year"))
    country = countries.pop() if len(countries) == 1 else None
    year = years.pop() if len(years) == 1 else None
    return (country if isinstance(country, str) else None), (year if type(year) is int else None)


def compare(old: TaggedReport, new: TaggedReport, context: ScoringContext) -> Comparison:
    """Compare two tagged reports.

    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> context = ScoringContext(Classifier.load())
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> documents = [text_document(text) for text in texts]
    >>> old, new = (TaggedReport("x", d, context.classifier.tag(d)) for d in documents)
    >>> [(c.label, c.came) for c in compare(old, new, context).pairs[0].changes]
    [('failure', True), ('positive_effort', False)]
    """
    thresholds = dict(zip(LABELS, context.classifier.thresholds(context.policy).tolist(), strict=True))
    matches, nearest = matches_and_nearest(old.passages, new.passages, context.classifier.vocabulary)
    before, after = list(old.findings()), list(new.findings())
    placed: list[tuple[int, Pair]] = []
    for i, j, similarity, same in matches:
        left, right = before[i], after[j]
        changes = changes_of(left.passage, right.passage, thresholds, same)
        placed.append((j, Pair("same" if same else "reworded", left, right, similarity, changes)))
    for i in sorted(set(range(len(before))) - {match.old for match in matches}):
        near = nearest[0].get(i)
        changes = changes_of(before[i].passage, None, thresholds)
        closest = (after[near[0]], near[1]) if near else (None, None)
        placed.append((i, Pair("dropped", before[i], None, None, changes, *closest)))
    for j in sorted(set(range(len(after))) - {match.new for match in matches}):
        near = nearest[1].get(j)
        changes = changes_of(None, after[j].passage, thresholds)
        closest = (before[near[0]], near[1]) if near else (None, None)
        placed.append((j, Pair("new", None, after[j], None, changes, *closest)))
    placed.sort(key=_reading_order)
    return Comparison(old, new, tuple(pair for _, pair in placed))


def _reading_order(placed: tuple[int, Pair]) -> tuple[int, bool, bool, int]:
    """Sort key of a pair: kind; clear before borderline; pairs before single passages; position in the report."""
    position, pair = placed
    alone = pair.old is None or pair.new is None
    return ORDER[pair.kind], bool(pair.changes) and pair.changes[0].borderline, alone, position
