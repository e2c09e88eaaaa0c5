"""Counting: tagged reports in, a `Summary` out; one report at a time, of which only counts are kept."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tipclassify.reporting.subject import Subject, is_unknown
from tipclassify.reporting.summary.adjustment import error_rates
from tipclassify.reporting.summary.groups import Group, Key, Name, Summary
from tipclassify.reporting.writers import Finding, ScoringContext, TaggedReport
from tipclassify.text.furniture import is_prose

__all__ = ["DIMENSIONS", "sort_names", "summarize"]

DIMENSIONS: Final = ("file", "country", "year", "section")
"""Fields that passages can be grouped by."""


def summarize(
    reports: Iterable[TaggedReport],
    context: ScoringContext,
    by: Sequence[str] = ("file",),
    overrides: Mapping[str, float] | None = None,
) -> Summary:
    """Count the passages of `reports` by label, without page furniture (`tipclassify.text.furniture`).

    Input rows are counted under their own file, country, year and section.

    Parameters
    ----------
    run : ScoringContext
        The classifier and policy that tagged the reports.
    by : sequence of str
        Some of ``DIMENSIONS``; there is a group for every combination that occurs.
    overrides : mapping of str to float, optional
        Threshold overrides of the classifier, by label.

    Examples
    --------
    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> document = text_document("Police arrested nine traffickers. Courts convicted none of them.")
    >>> classifier = Classifier.load()
    >>> report = TaggedReport("a.txt", document, classifier.tag(document))
    >>> found = summarize([report], ScoringContext(classifier))
    >>> [(group.key, group.passages, group.count("failure")) for group in found.groups]
    [(('a.txt',), 2, 1)]
    """
    sets: defaultdict[Key, Counter[tuple[str, ...]]] = defaultdict(Counter)
    low_confidence: Counter[Key] = Counter()
    unknown: Counter[Key] = Counter()
    subjects: defaultdict[str, Subject] = defaultdict(Subject)
    for report in reports:
        for finding in report.findings():
            if not is_prose(finding.passage):
                continue
            key = _key_of(finding, by)
            sets[key][finding.passage.labels] += 1
            low_confidence[key] += finding.passage.low_confidence
            unknown[key] += is_unknown(finding.passage)
        subjects[report.file] += Subject.of(report.passages)
        if not report.passages and set(by) != {"section"}:  # show a report without passages, but no section for it
            document = report.document
            about = (document.country, document.year) if document else (None, None)
            _ = sets[_key(by, report.file, *about, None)]
    groups = tuple(Group(key, dict(sets[key]), low_confidence[key], unknown[key]) for key in _sort_keys(list(sets), by))
    total = Group((), dict(sum(sets.values(), Counter())), sum(low_confidence.values()), sum(unknown.values()))
    meta = context.classifier.meta
    tagged_by = {
        "policy": ", ".join([context.policy, *(f"{label}={value:g}" for label, value in (overrides or {}).items())]),
        "model": str(meta.get("sha256", "not recorded"))[:12],
    }
    rates = error_rates(meta, context.policy, overrides)
    return Summary(tuple(by), groups, total, rates, tagged_by, tuple(subjects.values()))


def _key_of(finding: Finding, by: Sequence[str]) -> Key:
    row = finding.extra
    country, year = finding.country or row.get("country"), finding.year or row.get("year")
    return _key(by, row.get("file") or finding.file, country, year, finding.passage.section)


def _key(by: Sequence[str], file: Any, country: Any, year: Any, section: Any) -> Key:
    names = {"file": _text(file), "country": _text(country), "year": _year(year), "section": _text(section)}
    return tuple(names[name] for name in by)


def _text(value: Any) -> str | None:
    """Convert a name to text that any encoding can write; None for None, NaN and blanks."""
    if value is None or value != value:
        return None
    return str(value).strip().encode("utf-8", "backslashreplace").decode() or None


def _year(value: Any) -> Name:
    """Convert a year to int, also ``"2024"`` and ``2024.0``; anything else stays text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = _text(value)
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else text


def sort_names(names: Iterable[Name], dimension: str) -> list[Name]:
    """Sort countries by name and years ascending, with None last; files and sections keep their order.

    >>> sort_names(["Zambia", None, "Åland"], "country")
    ['Åland', 'Zambia', None]
    """
    return sorted(names, key=_rank) if dimension in ("country", "year") else list(names)


def _sort_keys(keys: Sequence[Key], by: Sequence[str], depth: int = 0) -> list[Key]:
    """Sort keys dimension by dimension, the first dimension first."""
    if depth == len(by):
        return list(keys)
    parts: dict[Name, list[Key]] = {}
    for key in keys:
        parts.setdefault(key[depth], []).append(key)
    return [key for name in sort_names(parts, by[depth]) for key in _sort_keys(parts[name], by, depth + 1)]


def _rank(name: Name) -> tuple[int, int, str]:
    """Sort key of a name: numbers, then text, then None; text without case and accents (Åland at A)."""
    if isinstance(name, int):
        return 0, name, ""
    if name is None:
        return 2, 0, ""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return 1, 0, plain.casefold()
