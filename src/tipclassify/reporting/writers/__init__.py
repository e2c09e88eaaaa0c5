"""Tagged reports out: one writer a format.

Every writer takes reports one at a time, so that memory does not grow with their number:
``write(reports, out, run)``, where `out` is a text stream, or a binary one for the formats that say so.
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

__all__ = ["FORMATS", "Finding", "Format", "Rows", "Run", "TaggedReport", "as_it_is", "findings", "format_of"]


@dataclass(frozen=True, slots=True)
class Run:
    """How reports were tagged: what a reader needs to judge or repeat it.

    Attributes
    ----------
    folder : Path or None
        Folder that the output will lie in: links to inputs are written as seen from there. None is the working folder.
    bom : bool
        CSV begins with a byte order mark, by which Excel knows UTF-8.
    """

    classifier: Classifier
    policy: str = "balanced"
    folder: Path | None = None
    bom: bool = False

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each label is given."""
        return dict(zip(LABELS, self.classifier.thresholds(self.policy).tolist(), strict=True))

    def about(self) -> dict[str, str]:
        """What tagged the reports, as names and values. No clock: the same run gives the same values."""
        meta = self.classifier.meta
        return {
            "tool": f"tipclassify {__version__}",
            "model": str(meta.get("sha256", "not recorded")),
            "corpus": str(meta.get("corpus", {}).get("sha256", "not recorded")),
            "policy": self.policy,
            **{f"threshold {label}": f"{threshold:.4f}" for label, threshold in self.thresholds.items()},
        }

    def link(self, file: str) -> str | None:
        """Address of an input for whoever reads the output; None where it has none, as standard input.

        Always a valid ASCII URI without a scheme of the file's choosing: ``javascript:x.txt`` is a file.

        >>> Run(Classifier.load()).link("reports/Côte d'Ivoire.html")
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
    """One report with its tagged passages.

    Attributes
    ----------
    file : str
        The input as the user named it.
    document : Document or None
        None for input rows that came ready split.
    extras : sequence of dict
        Fields of the input rows, one for each passage, where the input was rows.
    notes : tuple of str
        What could not be read in full, one line each: pages without text, say.
    """

    file: str
    document: Document | None
    passages: Sequence[Passage]
    extras: Sequence[dict[str, Any]] = ()
    notes: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """Its passages, each with where it is from."""
        country, year = (self.document.country, self.document.year) if self.document else (None, None)
        for number, passage in enumerate(self.passages):
            yield Finding(self.file, passage, self.extras[number] if self.extras else {}, country, year)


@dataclass(frozen=True, slots=True)
class Rows:
    """One report as text of the format, made in the process that tagged it."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A tagged passage and the file it is from.

    Attributes
    ----------
    extra : dict
        Further fields of the input row, where the input was JSONL.
    """

    file: str
    passage: Passage
    extra: dict[str, Any]
    country: str | None = None
    year: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row of JSONL output; fields of the input row come after ours and never replace them, but for nulls."""
        row = {"file": self.file, "country": self.country, "year": self.year, **self.passage.to_dict()}
        return {**row, **{name: value for name, value in self.extra.items() if row.get(name) is None}}


def findings(reports: Iterable[TaggedReport]) -> Iterator[Finding]:
    """The findings of all reports, in their order."""
    for report in reports:
        yield from report.findings()


_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")


def _web_address(link: str) -> str | None:
    """The link with what no URI may hold quoted: Excel refuses a whole workbook for one bad address."""
    try:
        host = urlsplit(link).netloc
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host):
        return None
    address, mark, fragment = link.partition("#")
    return mark.join(_NO_URI.sub(lambda bad: quote(bad[0], errors="replace"), part) for part in (address, fragment))


Write = Callable[[Iterable[TaggedReport], IO[Any], Run], None]


@dataclass(frozen=True, slots=True)
class Format:
    """An output format: where its writer is, and the suffixes that name it.

    Attributes
    ----------
    function : str
        Name of the function of `module` that writes.
    rows : str
        Where a report's share of the output is text that needs no other report: the function that makes `Rows` of it,
        which `function` then writes.
    """

    module: str
    function: str
    suffixes: tuple[str, ...]
    binary: bool = False
    rows: str = ""

    def writer(self) -> Write:
        """The writer, imported when it is wanted."""
        make, write = self.steps()
        return lambda reports, out, run: write(map(make, reports), out, run)

    def steps(self) -> tuple[Callable[[TaggedReport], Any], Callable[[Iterable[Any], IO[Any], Run], None]]:
        """What is made of each report where it was tagged, and what writes that: together they are the writer."""
        module = import_module(f"tipclassify.reporting.writers.{self.module}")
        return (getattr(module, self.rows) if self.rows else as_it_is), getattr(module, self.function)


def as_it_is(report: TaggedReport) -> TaggedReport:
    """The report: what is made of it where a format needs all of it."""
    return report


FORMATS: Final = {
    "table": Format("table", "write_table", (".txt",)),
    "jsonl": Format("rows", "write_jsonl_rows", (".jsonl", ".ndjson"), rows="jsonl_rows"),
    "csv": Format("rows", "write_csv_rows", (".csv",), rows="csv_rows"),
    "xlsx": Format("sheets", "write_xlsx", (".xlsx",), binary=True),
    "parquet": Format("columns", "write_parquet", (".parquet",), binary=True),
    "html": Format("html", "write_html", (".html", ".htm")),
    "md": Format("markdown", "write_markdown", (".md", ".markdown")),
}
"""What reports can be written as, by the name that ``--format`` takes."""


def format_of(path: Path, suffixes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the format that the suffix of an output file names.

    Parameters
    ----------
    suffixes : mapping of str to sequence of str, optional
        Suffixes of each format; those of `FORMATS` if not given.

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
