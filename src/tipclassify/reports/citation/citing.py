"""Cite a tagged passage: a finding in, its `Citation` out."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from tipclassify.formatting import one_line
from tipclassify.labels import label_name
from tipclassify.probability import probability_in_words
from tipclassify.records import Passage, Report, Run, section_name, source_name
from tipclassify.reports.citation.citation import Citation
from tipclassify.reports.citation.links import ascii_link
from tipclassify.reports.citation.sentences import SENTENCES
from tipclassify.reports.finding_row import FindingRow, finding_row
from tipclassify.reports.report import Finding, finding_of, run_of


def cite(report: Report, passage: Passage, run: Run | None = None) -> Citation:
    """Cite a tagged passage of a report.

    `run` is the model and policy that tagged it and the day on which it was read; that of the
    report if omitted.
    Raises `ValueError` when neither is known.

    >>> from tipclassify import Document, tag_report
    >>> document = Document.from_text("Police arrested nine traffickers.", "karvonia.txt")
    >>> report = tag_report(document, model="fast", day="2026-11-28")
    >>> cited = cite(report, report.passages[0])
    >>> cited.title, cited.place, cited.read
    ('karvonia.txt', 'paragraph 1, characters 0–33', '2026-11-28')
    """
    run = run_of(run, [report])
    finding = finding_of(report, passage)
    facts = run.about()
    row = finding_row(finding)
    link = ascii_link(finding.address) if finding.address else None
    labels = [_label_with_probability(label, passage.scores[label]) for label in passage.labels]
    return Citation(
        key=_citation_line(_citation_key(finding, row)),
        quote=_citation_line(passage.text),
        title=_citation_line(finding.title),
        publication=_citation_line(
            _cited_publication_unless_in_title(finding.title, finding.publication)
        ),
        publisher=_citation_line(finding.publisher),
        date=_citation_line(finding.date),
        country=_citation_line(row.country),
        year=_citation_line(row.year),
        section=_citation_line(section_name(row.section) if row.section else None),
        page=_citation_line(row.page),
        paragraph=_citation_line(None if row.page else finding.paragraph),
        characters=_citation_line(f"{passage.start}–{passage.end}"),
        address=_citation_line(link or source_name(finding.file)),
        read=_citation_line(run.day),
        labels=_citation_line(" and ".join(labels)),
        model=_citation_line(
            f"{facts['tool']}, model {facts['model'][:12]}, policy {facts['policy']}"
        ),
    )


def _citation_line(value: str | int | None) -> str:
    """Format a field in one line; what is unknown is empty."""
    return one_line(str(value or ""))


def _citation_key(finding: Finding, row: FindingRow) -> str:
    """Make the key of a citation: country or title, year, and a hash of the passage's place."""
    passage = finding.passage
    place = (finding.file, passage.start, passage.end, passage.text, finding.extra.get("id"))
    digest = hashlib.sha256(repr(place).encode("utf-8", "backslashreplace")).hexdigest()[:12]
    decomposed = unicodedata.normalize("NFKD", row.country or finding.title)
    name = re.sub("[^a-z0-9]", "", decomposed.lower())
    return f"{name[:24]}{row.year or ''}-{digest}"


def _label_with_probability(label: str, score: float) -> str:
    """Name a label with its probability, never as 1.00 or 0.00.

    >>> _label_with_probability("positive_effort", 0.9991)
    'positive effort (probability over 0.99)'
    """
    rounded = round(score, 4)  # as pages have it, whose script cites too
    return SENTENCES.labelled.format(
        label=label_name(label), probability=probability_in_words(rounded)
    )


def _cited_publication_unless_in_title(title: str, publication: str | None) -> str | None:
    """Return the publication, unless the title says it already."""
    if publication and publication.casefold() in title.casefold():
        return None
    return publication
