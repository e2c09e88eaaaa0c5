"""Contrast of publications on one country and year: pairs of passages that may contradict.

One passage reports an effort and the other a failure, in different publications, on the same
matter: both name it (`MATTERS`), and they share rare words. The default's pooled vectors do not
tell matters apart, since they were trained to tell labels, so they are not asked
(docs/explanation/methods.md has the figures).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.reports.compare.identity import identity_of_report
from tipclassify.reports.compare.matching import match_texts_for_contrast
from tipclassify.reports.report import Finding, ScoringContext, TaggedReport
from tipclassify.text.document import CELL_BAR

__all__ = [
    "MATTERS",
    "MIN_SIMILARITY",
    "ContradictingFindings",
    "Contrast",
    "contrast_publications",
    "contrast_refusals",
]

MATTERS: Final = {
    "enforcement": r"enforc",
    "inspections": r"inspect",
    "penalties": r"penalt|\bfines?\b|imprisonment|commensurate|deter(?!min)",
    "prosecutions": r"prosecut|indict",
    "convictions": r"convict|sentenc",
    "investigations": r"investigat",
    "shelters": r"shelter|safe house|transit (?:home|center)",
    "services for victims": r"(?:victim|survivor)s?\b.*(?:service|assist|care|support)|"
    r"(?:service|assist|care|support).*(?:victim|survivor)s?\b",
    "identification and referral": r"(?:identif|screen|refer)\w*\b.*(?:victim|survivor)|referral",
    "compensation": r"compensat|restitution",
    "hotlines": r"hotline|help ?line",
    "training": r"\btrain(?:ed|ing|ings)\b",
    "funds": r"\bfund(?:s|ed|ing)?\b|budget|resource",
    "minimum age": r"minimum(?: \w+)? age|age (?:of|for) work",
    "action plans": r"action plan|plan of action|national plan|strategy",
    "coordination": r"committee|council|task force|coordinat|interministerial|interagency",
    "surveys and data": r"survey|statistic|\bdata\b",
    "recruitment": r"recruit",
    "passports": r"passport|withh(?:o|e)ld",
    "bonded labor": r"bonded|debt bondage",
    "domestic work": r"domestic (?:work|servant|servitude|labou?r)",
    "schooling": r"school|education",
    "sexual exploitation": r"sexual exploitation|sex trafficking|prostitut",
    "child soldiers": r"child soldier|armed (?:group|force)s?",
}
"""Matters on which publications may contradict each other, with the words that name each."""

MIN_SIMILARITY: Final = 0.17
"""Minimum tf-idf cosine, 0 to 1, of two passages that name the same matter.

Chosen on 60 pairs from 48 countries' reports of two publications, read by hand (none of them a
report that we measure on). Of the 26 pairs that are found in those reports, 23 are on one matter.
"""

_MIN_SHARED: Final = 2  # content words in common


@dataclass(frozen=True, slots=True)
class ContradictingFindings:
    """An effort and a failure on the same matter, in different publications."""

    effort: Finding
    failure: Finding
    matter: str  # a key of `MATTERS`
    similarity: float

    def to_dict(self) -> dict[str, object]:
        """Convert to plain values for JSON."""
        return {
            "matter": self.matter,
            "similarity": round(self.similarity, 4),
            "effort": self.effort.to_dict(),
            "failure": self.failure.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Contrast:
    """Reports of different publications, and pairs that may contradict, most similar first."""

    reports: tuple[TaggedReport, ...]
    pairs: tuple[ContradictingFindings, ...]

    @property
    def subject(self) -> str:
        """Country and year, as far as they are known."""
        first = identity_of_report(self.reports[0])
        return " ".join(str(part) for part in (first.country, first.year) if part)

    @property
    def publications(self) -> list[str]:
        """Names of the publications, or of the files of which it is not known."""
        identities = [identity_of_report(report) for report in self.reports]
        return [identity.publication or identity.name for identity in identities]


def contrast_refusals(reports: Sequence[TaggedReport]) -> list[str]:
    """List why the reports are not of different publications on one country and year."""
    identities = [identity_of_report(report) for report in reports]
    refusals = []
    countries = {identity.country for identity in identities if identity.country}
    years = {identity.year for identity in identities if identity.year}
    publications = [identity.publication for identity in identities if identity.publication]
    if len(countries) > 1:
        refusals.append(f"they are about {' and '.join(sorted(countries))}, not one country")
    if len(years) > 1:
        refusals.append(f"they are of {' and '.join(map(str, sorted(years)))}, not one year")
    if len(set(publications)) < len(publications):
        refusals.append("two are of one publication: leave out --side-by-side to see what changed")
    return refusals


def contrast_publications(reports: Sequence[TaggedReport], context: ScoringContext) -> Contrast:
    """Pair efforts and failures of different reports one to one, most similar first."""
    efforts = list(_one_sided_findings(reports, "positive_effort", "failure"))
    failures = list(_one_sided_findings(reports, "failure", "positive_effort"))
    pairs: list[ContradictingFindings] = []
    taken_efforts: set[int] = set()
    taken_failures: set[int] = set()
    effort_texts = [effort.text for effort in efforts]
    failure_texts = [failure.text for failure in failures]
    vocabulary = context.classifier.vocabulary
    for shared in match_texts_for_contrast(effort_texts, failure_texts, vocabulary, MIN_SIMILARITY):
        if shared.old in taken_efforts or shared.new in taken_failures:
            continue
        effort = efforts[shared.old]
        failure = failures[shared.new]
        if shared.words < _MIN_SHARED or effort.report == failure.report:
            continue
        matter = _matter_of_contradiction(effort.text, failure.text)
        if matter is None:
            continue
        taken_efforts.add(shared.old)
        taken_failures.add(shared.new)
        pairs.append(
            ContradictingFindings(effort.finding, failure.finding, matter, shared.similarity)
        )
    return Contrast(tuple(reports), tuple(pairs))


_NAMED: Final = {matter: re.compile(words, re.IGNORECASE) for matter, words in MATTERS.items()}


def _matter_of_contradiction(first: str, second: str) -> str | None:
    """Return the first matter that both texts name; None for none.

    >>> failure = "The law was not enforced: nothing was inspected."
    >>> _matter_of_contradiction("Inspectors closed two farms.", failure)
    'inspections'
    """
    for matter, words in _NAMED.items():
        if words.search(first) and words.search(second):
            return matter
    return None


@dataclass(frozen=True, slots=True)
class _OneSidedFinding:
    """A passage that has one label and not the opposite one."""

    report: int  # number of its report
    finding: Finding

    @property
    def text(self) -> str:
        """Its text."""
        return self.finding.passage.text


def _one_sided_findings(
    reports: Sequence[TaggedReport], label: str, without: str
) -> Iterator[_OneSidedFinding]:
    """Yield the passages that have one label and not the other, each text once a report."""
    for number, report in enumerate(reports):
        seen: set[str] = set()
        for finding in report.findings():
            passage = finding.passage
            is_one_sided = label in passage.labels and without not in passage.labels
            if is_one_sided and CELL_BAR not in passage.text and passage.text not in seen:
                seen.add(passage.text)
                yield _OneSidedFinding(number, finding)
