"""Grouping of passages: tagged reports in, one at a time; counts by dimensions out, in order.

Publications are told apart even where nobody asks for them, since they must not be added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tipclassify.records import Passage, Report
from tipclassify.reports.dimensions import (
    SORTED,
    Key,
    Name,
    Rank,
    rank_in_dimension,
    section_of_dimension,
    text_of_dimension,
    year_of_dimension,
)
from tipclassify.reports.group import Group
from tipclassify.reports.report import Finding, findings_of
from tipclassify.reports.subject import ReportSubject

__all__ = ["GroupCounter", "GroupsInOrder"]


@dataclass(frozen=True, slots=True)
class _GroupKey:
    """What passages are counted under: values of the dimensions, and the publication."""

    names: Key
    publication: Name


@dataclass(frozen=True, slots=True)
class GroupsInOrder:
    """Groups by the dimensions `by`, and the total of each publication, unless added up."""

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    totals: tuple[Group, ...]


class GroupCounter:
    """Counts the passages of reports, as far as they are of the `publication` that is wanted."""

    def __init__(self, by: Sequence[str], publication: str | None) -> None:
        self._by = by
        self._publication = publication
        self._groups: dict[_GroupKey, Group] = {}
        self.subjects: defaultdict[str, ReportSubject] = defaultdict(ReportSubject)  # of each file

    def add(self, report: Report) -> None:
        """Add the passages of a report."""
        by_key: defaultdict[_GroupKey, list[Passage]] = defaultdict(list)
        for finding in findings_of(report):
            if self._is_wanted(finding.publication):
                by_key[self._key_of_finding(finding)].append(finding.passage)
        # a report without passages is shown, but none of its sections
        is_shown = self._is_wanted(report.publication) and set(self._by) != {"section"}
        if is_shown and not report.passages:
            by_key[self._key_of_report(report)] = []
        for key, passages in by_key.items():
            earlier = self._groups.get(key, Group(key.names))
            self._groups[key] = earlier + Group.of(key.names, passages, key.publication)
        if by_key:
            self.subjects[report.file] += ReportSubject.of(report.passages)

    def _is_wanted(self, publication: str | None) -> bool:
        """Return whether a publication has the words that are wanted in its name."""
        if self._publication is None:
            return True
        return self._publication.casefold() in (publication or "").casefold()

    def _key_of_finding(self, finding: Finding) -> _GroupKey:
        """Make the key of a passage; rows have their own file, country and year in columns."""
        row = finding.extra
        names: dict[str, Name] = {
            "file": text_of_dimension(row.get("file") or finding.file),
            "country": text_of_dimension(finding.country or row.get("country")),
            "publication": text_of_dimension(finding.publication),
            "year": year_of_dimension(finding.year or row.get("year")),
            "section": section_of_dimension(finding.passage.section),
        }
        return self._key(names)

    def _key_of_report(self, report: Report) -> _GroupKey:
        names: dict[str, Name] = {
            "file": text_of_dimension(report.file),
            "country": text_of_dimension(report.country),
            "publication": text_of_dimension(report.publication),
            "year": year_of_dimension(report.year),
            "section": None,
        }
        return self._key(names)

    def _key(self, names: Mapping[str, Name]) -> _GroupKey:
        return _GroupKey(
            names=tuple(names[dimension] for dimension in self._by),
            publication=names["publication"],
        )

    def in_order(self, add_up: bool) -> GroupsInOrder:
        """Return the groups by dimension; of several publications apart, unless added up."""
        publications = sorted({key.publication for key in self._groups}, key=rank_in_dimension)
        are_apart = len(publications) > 1 and not add_up
        totals = [self._total(publication) for publication in publications] if are_apart else []
        by = list(self._by)
        if are_apart and "publication" not in by:
            place = self._place_of_publication()
            by.insert(place, "publication")
            groups = self._apart(place)
        else:
            groups = self._added_up()
        return GroupsInOrder(tuple(by), _sort_groups(groups, by), tuple(totals))

    def _place_of_publication(self) -> int:
        """Return the number of dimensions before the publication.

        It stands behind the country, whose rows it parts, or the file; else first, so that the rows
        of a publication stand together.
        """
        for dimension in ("country", "file"):
            if dimension in self._by:
                return self._by.index(dimension) + 1
        return 0

    def _added_up(self) -> dict[Key, Group]:
        """Count the passages by the dimensions alone."""
        groups: dict[Key, Group] = {}
        for key, group in self._groups.items():
            groups[key.names] = groups.get(key.names, Group(key.names)) + group
        return groups

    def _apart(self, place: int) -> dict[Key, Group]:
        """Count the passages by the dimensions, and the publication at its place among them."""
        groups: dict[Key, Group] = {}
        for key, group in self._groups.items():
            names = list(key.names)
            names.insert(place, key.publication)
            with_publication = tuple(names)
            groups[with_publication] = Group(with_publication) + group
        return groups

    def _total(self, publication: Name) -> Group:
        groups = (group for key, group in self._groups.items() if key.publication == publication)
        return sum(groups, Group((publication,)))


def _sort_groups(groups: Mapping[Key, Group], by: Sequence[str]) -> tuple[Group, ...]:
    """Sort groups by their dimensions: by `rank_in_dimension`, or in order of appearance."""
    # number of the first group that has these names in the first dimensions
    appearance: dict[Key, int] = {}
    for number, key in enumerate(groups):
        for length in range(1, len(key) + 1):
            appearance.setdefault(key[:length], number)

    def ranks_of_group(group: Group) -> list[Rank]:
        ranks: list[Rank] = []
        for place, (dimension, name) in enumerate(zip(by, group.key, strict=True)):
            if dimension in SORTED:
                ranks.append(rank_in_dimension(name))
            else:
                ranks.append((appearance[group.key[: place + 1]], 0, ""))
        return ranks

    return tuple(sorted(groups.values(), key=ranks_of_group))
