"""Comparison of two tagged reports of one country, OLD and NEW: pairs of their passages.

Changes are read from the text first (`tipclassify.reports.compare.alignment`): a passage is
repeated, moved, reworded, new or gone. Only what is new or gone is newly or no longer reported;
where the tag alone differs, that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tipclassify.records import Report, Run
from tipclassify.reports.compare.alignment import Alignment, Continuation, align_reports
from tipclassify.reports.compare.consistency import (
    SplitDecisionInReport,
    split_decisions_of_report,
)
from tipclassify.reports.compare.identity import (
    ReportIdentity,
    comparison_refusals_by_year,
    identity_of_report,
    refusals_by_subject,
)
from tipclassify.reports.compare.matching import Neighbour
from tipclassify.reports.compare.normalization import ReportSides
from tipclassify.reports.compare.pairs import (
    KIND_RANKS,
    KINDS,
    PassagePair,
    label_changes_of_pair,
)
from tipclassify.reports.report import Finding, findings_of, run_of

__all__ = ["Comparison", "PairGroup", "compare"]

_FEW: Final = 0.1  # of the shorter report matched: two years of one report seldom have less
_LEAST: Final = 20  # passages of the shorter report: of fewer, chance may leave too few matched


@dataclass(frozen=True, slots=True)
class PairGroup:
    """The pairs of one kind."""

    kind: str
    title: str
    meaning: str
    pairs: tuple[PassagePair, ...]
    # passages that are alone and have such a label, too, but are listed under another
    elsewhere: int
    borderline: int  # pairs whose changes are all borderline


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and the pairs of their passages, in reading order: most important kind first."""

    old: Report
    new: Report
    pairs: tuple[PassagePair, ...]

    @property
    def identities(self) -> tuple[ReportIdentity, ReportIdentity]:
        """Country, publication and year of each report."""
        return identity_of_report(self.old), identity_of_report(self.new)

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
    def split_decisions(self) -> list[SplitDecisionInReport]:
        """Sentences that stand in several places of one report, with different labels."""
        old, new = self.names
        return [
            *split_decisions_of_report(self.old, old),
            *split_decisions_of_report(self.new, new),
        ]

    def groups(self, repeated: bool = False) -> list[PairGroup]:
        """Group the pairs by kind, most important first; repeated passages only if `repeated`."""
        kinds = [kind for kind in KINDS if repeated or kind != "repeated"]
        groups = [self._group(kind) for kind in kinds]
        return [group for group in groups if group.pairs or group.elsewhere]

    def _group(self, kind: str) -> PairGroup:
        texts = KINDS[kind]
        old, new = self.names
        pairs = tuple(pair for pair in self.pairs if pair.kind == kind)
        return PairGroup(
            kind=kind,
            title=texts.title.format(old=old, new=new),
            meaning=texts.meaning.format(old=old, new=new),
            pairs=pairs,
            elsewhere=sum(_is_also_of_comparison_kind(pair, kind) for pair in self.pairs),
            borderline=sum(pair.borderline for pair in pairs),
        )

    def counts(self) -> Counter[str]:
        """Count the pairs by alignment."""
        return Counter(pair.alignment for pair in self.pairs)

    def refusals(self) -> list[str]:
        """List why the two must not be compared, unless somebody asks for it all the same."""
        old, new = self.identities
        return refusals_by_subject([old, new]) + comparison_refusals_by_year(old, new)

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


def _is_also_of_comparison_kind(pair: PassagePair, kind: str) -> bool:
    """Test whether a passage that is alone has such a label, but is listed under another."""
    if pair.kind == kind or len(pair.sides) > 1:
        return False
    return any(change.kind == kind for change in pair.changes)


def compare(old: Report, new: Report, run: Run | None = None) -> Comparison:
    """Compare two tagged reports on one country.

    `run` is the model and policy that tagged both; what `tag_report` noted if omitted. Raises
    `ValueError` when that is unknown, or the two were tagged differently.

    >>> from tipclassify import Document, tag_report
    >>> texts = "Courts convicted nine traffickers.", "Courts did not convict any traffickers."
    >>> old, new = (tag_report(Document.from_text(text)) for text in texts)
    >>> [(change.label, change.came) for change in compare(old, new).pairs[0].changes]
    [('failure', True), ('positive_effort', False)]
    """
    run = run_of(run, [old, new])
    alignment = align_reports(old.passages, new.passages, run.vocabulary)
    findings = ReportSides(list(findings_of(old)), list(findings_of(new)))
    placed = [
        *_pair_continued_passages(alignment, findings, run.thresholds),
        *_pair_gone_passages(alignment, findings, run.thresholds),
        *_pair_new_passages(alignment, findings, run.thresholds),
    ]
    placed.sort(key=_PlacedPair.sort_key)
    return Comparison(old, new, tuple(entry.pair for entry in placed))


@dataclass(frozen=True, slots=True)
class _PlacedPair:
    """A pair and its position in the report."""

    position: int
    pair: PassagePair

    def sort_key(self) -> tuple[int, bool, bool, int]:
        """Sort by kind, clear changes, pairs before single passages, position."""
        is_alone = len(self.pair.sides) == 1
        return KIND_RANKS[self.pair.kind], self.pair.borderline, is_alone, self.position


def _pair_continued_passages(
    alignment: Alignment, findings: ReportSides[list[Finding]], thresholds: Mapping[str, float]
) -> list[_PlacedPair]:
    """Pair the passages that continue each other."""

    def place_pair(old_index: int, new_index: int, continuation: Continuation) -> _PlacedPair:
        old = findings.old[old_index]
        new = findings.new[new_index]
        is_repeated = continuation.status == "repeated"
        parts = ReportSides(
            old=_parts_among(findings.old, alignment.parts.new.get(new_index), old_index),
            new=_parts_among(findings.new, alignment.parts.old.get(old_index), new_index),
        )
        pair = PassagePair(
            alignment=continuation.status,
            old=old,
            new=new,
            similarity=continuation.similarity,
            changes=label_changes_of_pair(old, new, thresholds, is_repeated, parts),
            shared=continuation.shared,
        )
        return _PlacedPair(new_index, pair)

    placed = []
    for index, continuation in enumerate(alignment.new):
        if continuation:
            placed.append(place_pair(continuation.index, index, continuation))
    for index, continuation in enumerate(alignment.old):
        # the others have been paired from their other side
        if continuation and continuation.shared:
            placed.append(place_pair(index, continuation.index, continuation))
    return placed


def _parts_among(
    findings: Sequence[Finding], parts: Sequence[int] | None, index: int
) -> Sequence[Finding]:
    """Return the parts of a sentence if a passage is one of them."""
    if not parts or index not in parts:
        return ()
    return [findings[part] for part in parts]


def _pair_gone_passages(
    alignment: Alignment, findings: ReportSides[list[Finding]], thresholds: Mapping[str, float]
) -> list[_PlacedPair]:
    """List the passages that are gone, each with the nearest one of NEW."""
    placed = []
    for index, finding in enumerate(findings.old):
        if alignment.old[index] is None:
            changes = label_changes_of_pair(finding, None, thresholds)
            pair = _add_nearest_passage(
                PassagePair("gone", finding, None, changes=changes),
                in_its_place=alignment.instead.old.get(index),
                nearest=alignment.nearest.old.get(index),
                others=findings.new,
            )
            placed.append(_PlacedPair(index, pair))
    return placed


def _pair_new_passages(
    alignment: Alignment, findings: ReportSides[list[Finding]], thresholds: Mapping[str, float]
) -> list[_PlacedPair]:
    """List the passages that are new, each with the nearest one of OLD."""
    placed = []
    for index, finding in enumerate(findings.new):
        if alignment.new[index] is None:
            changes = label_changes_of_pair(None, finding, thresholds)
            pair = _add_nearest_passage(
                PassagePair("new", None, finding, changes=changes),
                in_its_place=alignment.instead.new.get(index),
                nearest=alignment.nearest.new.get(index),
                others=findings.old,
            )
            placed.append(_PlacedPair(index, pair))
    return placed


def _add_nearest_passage(
    alone: PassagePair,
    in_its_place: Neighbour | None,
    nearest: Neighbour | None,
    others: Sequence[Finding],
) -> PassagePair:
    """Add to a passage that is alone the nearest of the other report: that in its place, if any."""
    neighbour = in_its_place or nearest
    if neighbour is None:
        return alone
    return replace(
        alone,
        nearest=others[neighbour.index],
        nearness=neighbour.similarity,
        instead=in_its_place is not None,
    )
