"""Comparison of two tagged reports of one country, OLD and NEW: what changed, passage by passage.

Changes are read from the text first (`tipclassify.reports.compare.align`): only what is new or gone
is newly or no longer reported.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tipclassify.probability import log_odds_of_probability
from tipclassify.records import Passage, Report, Run, row
from tipclassify.reports.cite import run_of
from tipclassify.reports.compare.align import Link, Side, align
from tipclassify.reports.compare.cause import is_denial, law_year, standard_of
from tipclassify.reports.compare.changes import (
    MARGIN,
    BothWays,
    Change,
    LabelChange,
    kinds,
    rounded,
    tagged_both_ways,
)
from tipclassify.reports.compare.identity import refusals, subject, year_of
from tipclassify.reports.compare.outline import Break, Outlines, read_outlines
from tipclassify.reports.compare.wording import heading, wording_share

_FEW: Final = 0.1  # of the shorter report matched: two years of one report seldom have less
_MOST_JUDGMENTS: Final = 20  # of one standard in a section: time must not grow with their square
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
    # sections with findings that only one of them writes
    breaks: tuple[Break, ...] = ()
    is_of_wholes: bool = False  # whether their outlines do not correspond

    @property
    def names(self) -> tuple[str, str]:
        """Names of the reports: their years if known and different, else OLD and NEW."""
        old = year_of(self.old)
        new = year_of(self.new)
        if old and new and old != new:
            return str(old), str(new)
        return "OLD", "NEW"

    @property
    def subject(self) -> str:
        """Publication and country of both, in words, as far as they are known and the same."""
        return subject([self.old, self.new])

    @property
    def both_ways(self) -> list[BothWays]:
        """Sentences that stand in several places of one report, with different labels."""
        old, new = self.names
        return [*tagged_both_ways(self.old, old), *tagged_both_ways(self.new, new)]

    def groups(self, repeated: bool = False) -> list[ChangesOfKind]:
        """Group the changes by kind, most important first; repeated passages only if `repeated`."""
        old, new = self.names
        changes_of: defaultdict[str, list[Change]] = defaultdict(list)
        elsewhere: Counter[str] = Counter()
        for change in self.changes:
            changes_of[change.kind].append(change)
            if len(change.sides) == 1 and not change.is_break:
                elsewhere.update({of_label.kind for of_label in change.labels} - {change.kind})
        return [
            ChangesOfKind(
                kind=kind,
                title=title.format(old=old, new=new),
                meaning=meaning.format(old=old, new=new),
                changes=tuple(changes_of[kind]),
                elsewhere=elsewhere[kind],
                borderline=sum(change.borderline for change in changes_of[kind]),
            )
            for kind, (title, meaning) in kinds(self.run.labels).items()
            if (changes_of[kind] or elsewhere[kind]) and (repeated or kind != "repeated")
        ]

    def counts(self) -> Counter[str]:
        """Count the changes by alignment; those in sections that one report writes apart."""
        return Counter(
            "section_break" if change.is_break else change.alignment for change in self.changes
        )

    def remark(self, change: Change) -> str:
        """Say where a retagged passage has moved, or of what year is the law that a new one names.

        Empty for other changes.
        """
        if change.law_year and change.labels:
            return f"law of {change.law_year}, first mentioned in {self.names[1]}"
        return change.moved_to

    def break_lines(self) -> list[str]:
        """Say of each break in a line what it is."""
        return [each.describe(*self.names) for each in self.breaks]

    def warnings(self) -> list[str]:
        """List why the two may not be successive reports of one country, one line each."""
        warnings = refusals(self.old, self.new)
        year = year_of(self.old)
        if year and year == year_of(self.new):
            warnings.append(f"both reports are of {year}: are they two years?")
        if self.is_of_wholes:
            findings = " and ".join(
                f"{sum(bool(passage.labels) for passage in report.passages)} of {name}"
                for name, report in zip(self.names, (self.old, self.new), strict=True)
            )
            warnings.append(
                "their outlines do not correspond, so they are compared as wholes only "
                f"(findings: {findings}): what is new or gone is no change"
            )
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
            "cause": change.cause,
            "section_in_newer": change.section_in_newer,
            "law_year": change.law_year,
            "old": row(self.old, change.old) if change.old else None,
            "new": row(self.new, change.new) if change.new else None,
            "nearest": nearest,
        }


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
    before, after = align(old.passages, new.passages, run.vocabulary)
    outlines = read_outlines(before, after, old.passages, new.passages)
    restated = _restated(old, new, before, after)
    found = [
        *_continued(old, new, before, after, run, restated),
        *_alone(old, new, before, after, run, restated),
        *_alone(
            new, old, after, before, run, {link.index for link in restated.values()}, is_new=True
        ),
    ]
    placed = [(position, _place_in_outline(change, outlines)) for position, change in found]

    def order(entry: tuple[int, Change]) -> tuple[int, bool, bool, int]:
        position, change = entry
        return ranks[change.kind], change.borderline, len(change.sides) == 1, position

    placed.sort(key=order)
    changes = tuple(change for _, change in placed)
    return Comparison(old, new, changes, run, outlines.breaks, not outlines.correspond)


def _place_in_outline(change: Change, outlines: Outlines) -> Change:
    """Note what NEW makes of the section; what is alone where one report does not write is a break.

    The labels of that are no changes.
    """
    section = heading(change.sides[0])  # of OLD, if it has the passage
    is_new = change.old is None
    is_break = len(change.sides) == 1 and outlines.is_break(section, is_new)
    return replace(
        change,
        labels=() if is_break else change.labels,
        section_in_newer=outlines.section_in_newer(section, is_new),
        is_break=is_break,
    )


def _continued(
    old: Report, new: Report, before: Side, after: Side, run: Run, restated: Mapping[int, Link]
) -> Iterator[tuple[int, Change]]:
    """Yield the passages that continue each other, each pair with its position in NEW."""
    pairs = [(link.index, index, link) for index, link in after.in_order()]
    # the others have been paired from their other side
    pairs += [(index, link.index, link) for index, link in before.in_order() if link.shared]
    pairs += [(index, link.index, link) for index, link in restated.items()]
    for at_old, at_new, link in pairs:
        joined = after.parts.get(at_new, [])
        split = before.parts.get(at_old, [])
        earlier = old.passages[at_old]
        later = new.passages[at_new]
        change = Change(
            alignment=link.status,
            old=earlier,
            new=later,
            similarity=link.similarity,
            labels=_label_changes(
                earlier,
                later,
                run,
                repeated=link.status == "repeated",
                old_parts=[old.passages[part] for part in joined] if at_old in joined else (),
                new_parts=[new.passages[part] for part in split] if at_new in split else (),
            ),
            shared=link.shared,
        )
        yield at_new, change


def _restated(old: Report, new: Report, before: Side, after: Side) -> dict[int, Link]:
    """Link by index what is gone to what makes the same claim in other words.

    That has a label of it, and stands in its place, or judges the same standard in its section:
    "The penalties were …".
    """
    by_standard = defaultdict[tuple[str, str], list[int]](list)
    for at_new, passage in enumerate(new.passages):
        standard = standard_of(passage.text)
        of_section = by_standard[after.headings[at_new], standard]
        if standard and at_new not in after.links and len(of_section) < _MOST_JUDGMENTS:
            of_section.append(at_new)
    restated: dict[int, Link] = {}
    taken: set[int] = set()
    for at_old, passage in enumerate(old.passages):
        if at_old in before.links:
            continue
        nearest = before.nearest.get(at_old)
        likely = [nearest.index] if nearest and nearest.status == "instead" else []
        likely += by_standard.get((before.headings[at_old], standard_of(passage.text)), [])
        for at_new in likely:
            is_same_claim = not set(passage.labels).isdisjoint(new.passages[at_new].labels)
            if is_same_claim and at_new not in taken and at_new not in after.links:
                words = before.terms[at_old].words, after.terms[at_new].words
                restated[at_old] = Link(at_new, "reworded", wording_share(*words))
                taken.add(at_new)
                break
    return restated


def _alone(
    report: Report,
    other: Report,
    side: Side,
    other_side: Side,
    run: Run,
    restated: Collection[int],
    is_new: bool = False,
) -> Iterator[tuple[int, Change]]:
    """Yield the passages that are gone or, with `is_new`, new, each once, with its position.

    Beside it stands the nearest of the other report, if there is one. Those that are `restated`, or
    that the passage in their place continues, or is a part of, are listed with it.
    """
    said = {(side.texts[index], side.headings[index]) for index in restated}
    for index, passage in enumerate(report.passages):
        words = side.texts[index], side.headings[index]
        if index in side.links or index in restated or words in said:
            continue
        said.add(words)
        nearest = side.nearest.get(index)
        instead = nearest is not None and nearest.status == "instead"
        if nearest and instead:
            back = other_side.links.get(nearest.index)
            if back and back.index == index:
                continue
        old, new = (None, passage) if is_new else (passage, None)
        year = law_year(passage.text) if is_new else None
        change = Change(
            alignment="new" if is_new else "gone",
            old=old,
            new=new,
            labels=_label_changes(old, new, run),
            nearest=other.passages[nearest.index] if nearest else None,
            nearness=nearest.similarity if nearest else None,
            instead=instead,
            law_year=year if year and year <= (year_of(other) or 0) else None,
        )
        yield index, change


def _label_changes(
    old: Passage | None,
    new: Passage | None,
    run: Run,
    repeated: bool = False,
    old_parts: Sequence[Passage] = (),
    new_parts: Sequence[Passage] = (),
) -> tuple[LabelChange, ...]:
    """List the label changes, clear ones first, then by kind.

    All are borderline where the passage is `repeated` in the same section. Where a sentence was
    split, `new_parts` are its parts, one of them `new`: a label went only if none of them has it,
    and that is listed once, with the most probable of them. Where `old` was joined with others, so
    are `old_parts`.
    """
    changes = []
    for label, threshold in run.thresholds.items():
        had_label = old is not None and label in old.labels
        has_label = new is not None and label in new.labels
        if had_label == has_label:
            continue
        alone = new if old is None else old if new is None else None
        if label == "complicity" and alone and is_denial(alone.text):
            continue
        # those of which one would have to have the label for it not to have changed
        parts = new_parts if had_label else old_parts
        without = new if had_label else old
        if parts and without is not _closest(parts, label):
            continue
        border = log_odds_of_probability(threshold)
        distances = [
            abs(log_odds_of_probability(side.scores[label]) - border) for side in (old, new) if side
        ]
        changes.append(
            LabelChange(
                label=label,
                came=has_label,
                old=old.scores[label] if old else None,
                new=new.scores[label] if new else None,
                borderline=repeated or max(distances) <= MARGIN,
            )
        )
    if not changes:  # as of most passages
        return ()
    order = list(kinds(run.labels))
    return tuple(sorted(changes, key=lambda each: (each.borderline, order.index(each.kind))))


def _closest(parts: Sequence[Passage], label: str) -> Passage:
    """Return the part of a sentence that has a label or, if none has it, comes closest to it."""
    return max(parts, key=lambda part: (label in part.labels, part.scores[label]))
