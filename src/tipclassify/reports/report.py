"""Results that all outputs share: tagged reports, their findings, and what tagged them.

A `TaggedReport` holds the passages of an input with their labels; its `Finding`s are these passages
with their source; a `ScoringContext` says which model and policy tagged them.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, repeat
from operator import attrgetter
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from tipclassify._version import __version__
from tipclassify.labels import LABELS, SECTIONS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.readers.formats import is_link
from tipclassify.text.document import Document, Passage

__all__ = [
    "Finding",
    "ScoringContext",
    "TaggedReport",
    "context_of",
    "identity",
    "known_report_facts",
    "name_of_report_section",
    "name_of_report_source",
]


@dataclass(frozen=True, slots=True)
class ScoringContext:
    """Model and policy that tagged the reports, which writers record, and options of the output."""

    classifier: Classifier
    policy: Policy = "balanced"
    # of the output, to which links are relative; None is the working folder
    folder: Path | None = None
    bom: bool = False  # whether CSV begins with a byte order mark, by which Excel recognises UTF-8
    index: str = ""  # link to the index of all pages, from a page of its folder
    day: str = ""  # YYYY-MM-DD on which the inputs were read, for citations; empty leaves it out

    @property
    def thresholds(self) -> dict[str, float]:
        """Probability threshold of each label."""
        return dict(zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True))

    @property
    def overrides(self) -> dict[str, float]:
        """Thresholds that were moved away from the model's own, by label."""
        own = self.classifier.scorer.thresholds[self.policy]
        return {
            label: moved
            for (label, moved), threshold in zip(self.thresholds.items(), own, strict=True)
            if moved != threshold
        }

    def about(self) -> dict[str, str]:
        """Describe the model and policy as names and values.

        There is no timestamp among them, so that output is reproducible.
        """
        meta = self.classifier.meta
        facts = {
            "tool": f"tipclassify {__version__}",
            "model": str(meta.get("sha256", "not recorded")),
            "corpus": str(meta.get("corpus", {}).get("sha256", "not recorded")),
            "policy": self.policy,
        }
        for label, threshold in self.thresholds.items():
            facts[f"threshold {label}"] = f"{threshold:.4f}"
        return facts

    def link(self, file: str) -> str | None:
        """Make the URI of an input, in ASCII, with no scheme of a file's name.

        None for standard input, bad links, and files that do not lie in the folder of the output or
        below it: a link to these would give away where they are, and lead nowhere on another
        machine.

        >>> ScoringContext(Classifier.load()).link("reports/Côte d'Ivoire.html")
        'reports/C%C3%B4te%20d%27Ivoire.html'
        """
        if file in ("-", "<text>", ""):
            return None
        if is_link(file):
            return _ascii_link_to_source(file)
        try:
            relative = Path(os.path.relpath(file, self.folder or "."))
        except ValueError:  # another drive of a Windows machine
            return None
        # a page in a folder of a desk leads to the pages beside that
        most_folders_up = Path(self.index).parts.count("..")
        if relative.parts.count("..") > most_folders_up:
            return None
        return quote(os.fsencode(relative.as_posix()))


_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")


def _ascii_link_to_source(link: str) -> str | None:
    """Quote the characters that a URI may not have; None for a bad host.

    Excel rejects a workbook with one bad URI.
    """
    try:
        host = urlsplit(link).netloc
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host):
        return None
    address, mark, fragment = link.partition("#")
    return mark.join(
        _NO_URI.sub(lambda bad: quote(bad[0], errors="replace"), part)
        for part in (address, fragment)
    )


@dataclass(frozen=True, slots=True)
class TaggedReport:
    """A report, a part of a long one, or a batch of input rows.

    It has all its passages, tagged or not.
    """

    file: str  # as the user named it
    document: Document | None  # None for input rows
    passages: Sequence[Passage]
    # JSON fields of the input rows, a mapping for each passage; none for a document
    extras: Sequence[Mapping[str, object]] = ()
    notes: tuple[str, ...] = ()  # the reader's warnings, one line each, such as pages without text
    part: int = 0  # number of the part of a long report, from 1; 0 for a whole one
    # what tagged it, of `tag_report`
    context: ScoringContext | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        tagged = sum(bool(passage.labels) for passage in self.passages)
        passages = f"{len(self.passages):,} passages, {tagged:,} of them tagged"
        return f"TaggedReport({self.file!r}, {passages})"

    @property
    def title(self) -> str:
        """The document's title.

        If it has none: "standard input", the link, or the file's name without its folder.
        """
        title = (self.document and self.document.title) or ""
        if title.strip():
            return title
        if self.file == "-":
            return "standard input"
        if "://" in self.file:
            return self.file
        return Path(self.file).name or self.file

    @property
    def country(self) -> str | None:
        """The document's country."""
        return self.document.country if self.document else None

    @property
    def year(self) -> int | None:
        """The document's year."""
        return self.document.year if self.document else None

    @property
    def publication(self) -> str | None:
        """The document's publication."""
        return self.document.publication if self.document else None

    @property
    def publisher(self) -> str | None:
        """The document's publisher."""
        return self.document.publisher if self.document else None

    @property
    def date(self) -> str | None:
        """The day, month or year on which the document was published."""
        return self.document.date if self.document else None

    @property
    def address(self) -> str | None:
        """Web address of the document: its own, or the link that was read."""
        own = self.document.address if self.document else None
        return own or (self.file if is_link(self.file) else None)

    def findings(self) -> Iterator[Finding]:
        """Yield its passages with their source.

        Rows have their publication, publisher, date and address in columns of these names.
        """
        paragraphs = self._paragraphs()
        starts = list(paragraphs)
        country = self.country
        year = self.year
        title = self.title
        no_fields: Mapping[str, object] = {}
        # a document has no extras, so the pairing ends with the passages
        for passage, extra in zip(self.passages, self.extras or repeat(no_fields), strict=False):
            # number of the paragraphs that begin where it does, or before
            begun = bisect_right(starts, passage.start)
            yield Finding(
                file=self.file,
                passage=passage,
                extra=extra,
                country=passage.country or country,
                year=year,
                title=title,
                paragraph=paragraphs[starts[begun - 1]] if begun else None,
                publication=self.publication or _source_text_of_finding(extra, "publication"),
                publisher=self.publisher or _source_text_of_finding(extra, "publisher"),
                date=self.date or _source_text_of_finding(extra, "date"),
                address=self.address or _source_link_of_finding(extra),
                context=self.context,
            )

    def _paragraphs(self) -> dict[int, int]:
        """Number the paragraphs under each heading, as a reader counts them; by start, in order."""
        numbers: dict[int, int] = {}
        blocks = self.document.blocks if self.document else ()
        for _, under_heading in groupby(blocks, attrgetter("country", "section")):
            paragraphs = (block for block in under_heading if not block.heading)
            for number, paragraph in enumerate(paragraphs, 1):
                numbers[paragraph.start] = number
        return numbers


@dataclass(frozen=True, slots=True)
class Finding:
    """A tagged passage and its source; `extra` has the fields of an input row."""

    file: str
    passage: Passage
    extra: Mapping[str, object]
    country: str | None
    year: int | None
    title: str
    paragraph: int | None = None  # under its heading, from 1; None for an input row
    publication: str | None = None
    publisher: str | None = None
    date: str | None = None  # of publication: a day, month or year
    address: str | None = None  # of the web
    # what tagged it, if known
    context: ScoringContext | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """Make the row of JSONL output.

        Fields of the input row follow ours and replace only nulls.
        """
        row: dict[str, object] = {
            "file": self.file,
            "country": self.country,
            "year": self.year,
            **self.passage.to_dict(),
            "kind": self.passage.kind,
        }
        for name, value in self.extra.items():
            if row.get(name) is None:
                row[name] = value
        return row


def _source_text_of_finding(row: Mapping[str, object], column: str) -> str | None:
    """Return the text in a column of an input row; None if it has no text there."""
    value = row.get(column)
    if not isinstance(value, str):
        return None
    return value.strip() or None


def _source_link_of_finding(row: Mapping[str, object]) -> str | None:
    """Return the web address in the column ``address`` of an input row, if it has one there."""
    address = _source_text_of_finding(row, "address")
    return address if address and is_link(address) else None


def context_of(
    context: ScoringContext | None, tagged: Iterable[TaggedReport | Finding]
) -> ScoringContext:
    """Return the context given, else that of what was tagged.

    Raises `ValueError` when that is unknown, or not the same for all: counts, citations and
    comparisons of mixed tags would say something that no model found.
    """
    if context is not None:
        return context
    contexts = [each.context for each in tagged]
    if not contexts:
        raise ValueError("no reports: give at least one")
    known_contexts = [each for each in contexts if each is not None]
    if len(known_contexts) < len(contexts):
        raise ValueError(
            "it is not known what tagged these: "
            "tag them with tag_report, or give the ScoringContext"
        )
    first = known_contexts[0]
    others = (each for each in known_contexts if each is not first)
    if any(other.about() != first.about() for other in others):
        raise ValueError("tagged by other models, policies or thresholds: tag all of them alike")
    return first


def identity(report: TaggedReport) -> TaggedReport:
    """Return the report unchanged."""
    return report


def known_report_facts(*values: object) -> list[str]:
    """Convert the known ones of some values, such as country and year, to text."""
    return [str(value) for value in values if value]


def name_of_report_source(file: str) -> str:
    """Make the display name of an input: a link as it is, a file without its folders.

    >>> name_of_report_source("/home/ana/reports/togo.html")
    'togo.html'
    >>> name_of_report_source("https://example.org/togo")
    'https://example.org/togo'
    """
    if file == "-":
        return "standard input"
    name = file if is_link(file) else Path(file).name or file
    # a name may be of any bytes
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def name_of_report_section(section: str | None) -> str:
    """Make the display name of a section."""
    if not section or section.isspace():
        return "No section"
    return section.capitalize() if section in SECTIONS else section
