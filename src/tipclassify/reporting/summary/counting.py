"""Tagged reports counted into a `Summary`: one report at a time, of which only counts are kept."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tipclassify.reporting.subject import Subject, is_unknown
from tipclassify.reporting.summary.adjustment import error_rates
from tipclassify.reporting.summary.groups import Group, Key, Name, Summary
from tipclassify.reporting.writers import Finding, Run, TaggedReport
from tipclassify.text.furniture import is_prose

__all__ = ["DIMENSIONS", "in_order", "summarize"]

DIMENSIONS: Final = ("file", "country", "year", "section")
"""What passages can be counted by."""


def summarize(
    reports: Iterable[TaggedReport], run: Run, by: Sequence[str] = ("file",), moved: Mapping[str, float] | None = None
) -> Summary:
    """Count the passages of `reports` by label; what is no prose of a report is not counted (`tipclassify.text.furniture`).

    Rows of input that came ready split are counted under the file, country, year and section that they name themselves.

    Parameters
    ----------
    run : Run
        The classifier and the policy by which the reports were tagged.
    by : sequence of str
        Of ``DIMENSIONS``; passages are counted by every combination that occurs.
    moved : mapping of str to float, optional
        Labels that the classifier gives from another threshold than the policy's.

    Examples
    --------
    >>> from tipclassify import Classifier
    >>> from tipclassify.text.segmentation.passages import text_document
    >>> document = text_document("Police arrested nine traffickers. Courts convicted none of them.")
    >>> classifier = Classifier.load()
    >>> report = TaggedReport("a.txt", document, classifier.tag(document))
    >>> found = summarize([report], Run(classifier))
    >>> [(group.key, group.passages, group.count("failure")) for group in found.groups]
    [(('a.txt',), 2, 1)]
    """
    sets: defaultdict[Key, Counter[tuple[str, ...]]] = defaultdict(Counter)
    doubtful: Counter[Key] = Counter()
    unknown: Counter[Key] = Counter()
    subjects: defaultdict[str, Subject] = defaultdict(Subject)
    for report in reports:
        for finding in report.findings():
            if not is_prose(finding.passage):
                continue
            key = _key_of(finding, by)
            sets[key][finding.passage.labels] += 1
            doubtful[key] += finding.passage.low_confidence
            unknown[key] += is_unknown(finding.passage)
        subjects[report.file] += Subject.of(report.passages)
        if not report.passages and set(by) != {"section"}:  # such a report is news, such a section is none
            document = report.document
            about = (document.country, document.year) if document else (None, None)
            _ = sets[_key(by, report.file, *about, None)]
    groups = tuple(Group(key, dict(sets[key]), doubtful[key], unknown[key]) for key in _in_order(list(sets), by))
    total = Group((), dict(sum(sets.values(), Counter())), sum(doubtful.values()), sum(unknown.values()))
    meta = run.classifier.meta
    tagged_by = {
        "policy": ", ".join([run.policy, *(f"{label}={value:g}" for label, value in (moved or {}).items())]),
        "model": str(meta.get("sha256", "not recorded"))[:12],
    }
    rates = error_rates(meta, run.policy, moved)
    return Summary(tuple(by), groups, total, rates, tagged_by, tuple(subjects.values()))


def _key_of(finding: Finding, by: Sequence[str]) -> Key:
    row = finding.extra
    country, year = finding.country or row.get("country"), finding.year or row.get("year")
    return _key(by, row.get("file") or finding.file, country, year, finding.passage.section)


def _key(by: Sequence[str], file: Any, country: Any, year: Any, section: Any) -> Key:
    names = {"file": _text(file), "country": _text(country), "year": _year(year), "section": _text(section)}
    return tuple(names[name] for name in by)


def _text(value: Any) -> str | None:
    """A name as text that any encoding can write; None for nothing, and for the NaN that tables have for it."""
    if value is None or value != value:
        return None
    return str(value).strip().encode("utf-8", "backslashreplace").decode() or None


def _year(value: Any) -> Name:
    """2024 also for ``"2024"`` and ``2024.0``; what is no number stays text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = _text(value)
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else text


def in_order(names: Iterable[Name], dimension: str) -> list[Name]:
    """Countries by name, years ascending, what has none last; files and sections as they come.

    >>> in_order(["Zambia", None, "Åland"], "country")
    ['Åland', 'Zambia', None]
    """
    return sorted(names, key=_rank) if dimension in ("country", "year") else list(names)


def _in_order(keys: Sequence[Key], by: Sequence[str], depth: int = 0) -> list[Key]:
    """Keys, which are in order of appearance, in order of their first name, and so on within each name."""
    if depth == len(by):
        return list(keys)
    parts: dict[Name, list[Key]] = {}
    for key in keys:
        parts.setdefault(key[depth], []).append(key)
    return [key for name in in_order(parts, by[depth]) for key in _in_order(parts[name], by, depth + 1)]


def _rank(name: Name) -> tuple[int, int, str]:
    """Numbers before text before nothing; text without regard to case and accents (Åland at A)."""
    if isinstance(name, int):
        return 0, name, ""
    if name is None:
        return 2, 0, ""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return 1, 0, plain.casefold()
