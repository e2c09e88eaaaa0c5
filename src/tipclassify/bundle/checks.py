"""Checks in a bundle: which findings people confirmed, rejected or noted, with initials and time.

On a desk a finding is known by its text and its characters; in a bundle, by the line of its
passage.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.bundle.manifest import CheckCounts, StoredCheck
from tipclassify.errors import InputError
from tipclassify.formatting import one_line
from tipclassify.records import Passage
from tipclassify.reports.particulars import FirstPlaces

__all__ = [
    "CHECKS",
    "BundleCheckMatcher",
    "FindingCheck",
    "count_bundle_checks",
    "list_lines_of_findings",
]

CHECKS: Final = "checks.jsonl"

_Place = tuple[str, int, int]  # text in one line, and characters in the text of its report


@dataclass(frozen=True, slots=True)
class FindingCheck:
    """What one person decided and noted on a finding of a desk."""

    key: str  # of the finding's citation
    text: str
    start: int
    end: int
    labels: tuple[str, ...]  # that were checked
    annotator: str
    verdict: str  # "confirmed", "rejected" or "" for a note alone
    note: str
    time: str  # ISO 8601


class BundleCheckMatcher:
    """Finds the passages of a bundle that were checked, as they come."""

    def __init__(self, checks: Sequence[FindingCheck]) -> None:
        by_finding: defaultdict[str, list[FindingCheck]] = defaultdict(list)
        for check in checks:
            by_finding[check.key].append(check)
        # the same words at the same characters may be in several reports, as rows are
        self._left: defaultdict[_Place, list[list[FindingCheck]]] = defaultdict(list)
        for of_finding in by_finding.values():
            first = of_finding[0]
            self._left[first.text, first.start, first.end].append(of_finding)
        self.stored: list[StoredCheck] = []

    def match(self, line: int, passage: Passage) -> None:
        """Store the checks of the passage in a line of ``passages.jsonl``.

        Raises `InputError` when it has other labels than those that were checked.
        """
        place = one_line(passage.text), passage.start, passage.end
        if not self._left.get(place):
            return
        for check in self._left[place].pop(0):
            if check.verdict and check.labels != passage.labels:
                tags = " and ".join(passage.labels) or "no label"
                checked = " and ".join(check.labels)
                what = f"{check.annotator} checked {checked} of “{place[0]:.60}”"
                remedy = "give the model, --policy and --threshold of the desk"
                raise InputError(f"{what}, which has {tags} here; {remedy}")
            stored = StoredCheck(
                line=line,
                labels=check.labels,
                annotator=check.annotator,
                verdict=check.verdict,
                note=check.note,
                time=check.time,
            )
            self.stored.append(stored)


def list_lines_of_findings(passages: Iterable[Passage], before: int, rows: bool) -> list[int]:
    """List for each passage of an input the line of its finding; 0 for one without a label.

    As on a desk, a sentence that a report repeats is one finding, known by its first line. `before`
    is the number of lines before the input in ``passages.jsonl``. With `rows`, the input is rows,
    which are findings of their own.
    """
    first_places = FirstPlaces[int](rows)
    return [
        first_places.of(passage, line) if passage.labels else 0
        for line, passage in enumerate(passages, before + 1)
    ]


def count_bundle_checks(
    checks: Iterable[StoredCheck], lines_of_findings: Sequence[int]
) -> CheckCounts:
    """Count the findings by what was decided on them.

    `lines_of_findings` are those of all passages (`list_lines_of_findings`).
    """
    verdicts: defaultdict[int, set[str]] = defaultdict(set)
    noted: set[int] = set()
    people: set[str] = set()
    for check in checks:
        people.add(check.annotator)
        line = check.line
        if line <= len(lines_of_findings):  # a bundle that was changed may name others
            line = lines_of_findings[line - 1] or line
        if check.verdict:
            verdicts[line].add(check.verdict)
        if check.note:
            noted.add(line)
    findings = set(lines_of_findings) - {0}
    counts = Counter(
        next(iter(given)) if len(given) == 1 else "disputed" for given in verdicts.values()
    )
    return CheckCounts(
        confirmed=counts["confirmed"],
        rejected=counts["rejected"],
        disputed=counts["disputed"],
        unchecked=len(findings) - len(verdicts),
        noted=len(noted),
        people=len(people),
    )
