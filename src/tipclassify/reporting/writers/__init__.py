"""Writers: tagged reports in, a stream of an output format out, by ``write(reports, out, context)``.

`FORMATS` lists the formats; each imports its writer on first use. A writer takes reports one at a time, so that memory
does not grow with their number. `out` is a text stream, or a binary one if the format says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, urlsplit

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.text.document import Document, Passage

__all__ = [
    "FORMATS",
    "Finding",
    "OutputFormat",
    "RenderedRows",
    "ScoringContext",
    "TaggedReport",
    "findings",
    "format_of",
    "identity",
]


@dataclass(frozen=True, slots=True)
class ScoringContext:
    """Model and policy that tagged the reports, for writers to record, and options of the output.

    Attributes
    ----------
    classifier : Classifier
        The model, with its thresholds.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.
    folder : Path or None
        Folder of the output, which links to inputs are relative to; None is the working folder.
    bom : bool
        Whether CSV begins with a byte order mark, by which Excel recognises UTF-8.
    """

    classifier: Classifier
    policy: str = "balanced"
    folder: Path | None = None
    bom: bool = False

    @property
    def thresholds(self) -> dict[str, float]:
        """Probability threshold of each label."""
        return dict(zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True))

    def about(self) -> dict[str, str]:
        """Describe the model and policy as names and values, without a timestamp, so that output is reproducible."""
        meta = self.classifier.meta
        return {
            "tool": f"tipclassify {__version__}",
            "model": str(meta.get("sha256", "not recorded")),
            "corpus": str(meta.get("corpus", {}).get("sha256", "not recorded")),
            "policy": self.policy,
            **{f"threshold {label}": f"{threshold:.4f}" for label, threshold in self.thresholds.items()},
        }

    def link(self, file: str) -> str | None:
        """Make the URI of an input, relative to the output's folder if possible; None for standard input and bad links.

        It is a valid ASCII URI whose scheme the file's name cannot choose: ``javascript:x.txt`` is a file.

        >>> ScoringContext(Classifier.load()).link("reports/Côte d'Ivoire.html")
        'reports/C%C3%B4te%20d%27Ivoire.html'
        """
        if file in ("-", "<text>", ""):
            return None
        if file.lower().startswith(("http://", "https://")):
            return _web_address(file)
        path = Path(file)
        if not path.is_absolute():
            try:
                seen = Path(os.path.relpath(path, self.folder or "."))
            except ValueError:  # another drive of a Windows machine
                seen = path.absolute()
            if not seen.is_absolute():
                return quote(os.fsencode(seen.as_posix()))
            path = seen
        return path.as_uri()


@dataclass(frozen=True, slots=True)
class TaggedReport:
    """A report, or a batch of input rows, with its tagged passages.

    Attributes
    ----------
    file : str
        The input as the user named it.
    document : Document or None
        None for input rows.
    passages : sequence of Passage (n,)
        All passages, tagged or not.
    extras : sequence of dict (n,) or ()
        Fields of the input rows, one dict for each passage; empty for a document.
    notes : tuple of str
        The reader's warnings, one line each, such as pages without text.
    """

    file: str
    document: Document | None
    passages: Sequence[Passage]
    extras: Sequence[dict[str, Any]] = ()
    notes: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """Yield its passages with their source."""
        country, year = (self.document.country, self.document.year) if self.document else (None, None)
        for number, passage in enumerate(self.passages):
            yield Finding(
                self.file, passage, self.extras[number] if self.extras else {}, passage.country or country, year
            )


@dataclass(frozen=True, slots=True)
class RenderedRows:
    """A report rendered as text of the output format, in the worker process that tagged it."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A tagged passage and its source.

    Attributes
    ----------
    extra : dict
        Fields of the input row; empty for a document.
    """

    file: str
    passage: Passage
    extra: dict[str, Any]
    country: str | None = None
    year: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Make the row of JSONL output; fields of the input row follow ours and replace only nulls."""
        row = {"file": self.file, "country": self.country, "year": self.year, **self.passage.to_dict()}
        return {**row, **{name: value for name, value in self.extra.items() if row.get(name) is None}}


def findings(reports: Iterable[TaggedReport]) -> Iterator[Finding]:
    """Yield the findings of all reports, in order."""
    for report in reports:
        yield from report.findings()


_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")


def _web_address(link: str) -> str | None:
    """Quote the characters that a URI may not have; None for a bad host. Excel rejects a workbook with one bad URI."""
    try:
        host = urlsplit(link).netloc
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host):
        return None
    address, mark, fragment = link.partition("#")
    return mark.join(_NO_URI.sub(lambda bad: quote(bad[0], errors="replace"), part) for part in (address, fragment))


Writer = Callable[[Iterable[TaggedReport], IO[Any], ScoringContext], None]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """An output format: its writer, imported on first use, and its file suffixes.

    Attributes
    ----------
    module, function : str
        Names of the writer's module and function.
    suffixes : tuple of str
        File suffixes that select the format; the first is the default.
    binary : bool
        Whether the stream is binary.
    rows : str
        For formats in which reports are rendered independently: name of the function that makes `RenderedRows` of a
        report, which `function` then writes; else empty.
    """

    module: str
    function: str
    suffixes: tuple[str, ...]
    binary: bool = False
    rows: str = ""

    def writer(self) -> Writer:
        """Import the writer, both of its steps in one function."""
        make, write = self.steps()
        return lambda reports, out, context: write(map(make, reports), out, context)

    def steps(self) -> tuple[Callable[[TaggedReport], Any], Callable[[Iterable[Any], IO[Any], ScoringContext], None]]:
        """Import the two steps of the writer: rendering a report (in a worker process), and writing the results."""
        module = import_module(f"tipclassify.reporting.writers.{self.module}")
        return (getattr(module, self.rows) if self.rows else identity), getattr(module, self.function)


def identity(report: TaggedReport) -> TaggedReport:
    """Return the report unchanged."""
    return report


FORMATS: Final = {
    "table": OutputFormat("table", "write_table", (".txt",)),
    "jsonl": OutputFormat("rows", "write_jsonl_rows", (".jsonl", ".ndjson"), rows="jsonl_rows"),
    "csv": OutputFormat("rows", "write_csv_rows", (".csv",), rows="csv_rows"),
    "xlsx": OutputFormat("sheets", "write_xlsx", (".xlsx",), binary=True),
    "parquet": OutputFormat("columns", "write_parquet", (".parquet",), binary=True),
    "html": OutputFormat("html", "write_html", (".html", ".htm")),
    "md": OutputFormat("markdown", "write_markdown", (".md", ".markdown")),
}
"""Output formats by name, as ``--format`` takes it."""


def format_of(path: Path, suffixes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Look up the format of an output file by its suffix.

    Parameters
    ----------
    suffixes : mapping of str to sequence of str, optional
        Suffixes of each format; by default those of `FORMATS`.

    Raises
    ------
    InputError
        When no format has that suffix.

    >>> format_of(Path("findings.csv"))
    'csv'
    """
    suffixes = suffixes or {name: known.suffixes for name, known in FORMATS.items()}
    for name, known in suffixes.items():
        if path.suffix.lower() in known:
            return name
    choice = ", ".join(known[0] for known in suffixes.values())
    raise InputError(f"{path}: no format has the suffix {path.suffix!r}; use {choice}, or say --format")
