"""Writers: tagged reports in, one at a time, a stream of an output format out, by
``write(reports, out, context)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.errors import UsageError
from tipclassify.reporting.report import ScoringContext, TaggedReport

__all__ = ["FORMATS", "OutputFormat", "format_of", "identity"]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """An output format: its writer, a function that is imported on first use, and its file
    suffixes."""

    module: str
    function: str
    suffixes: tuple[str, ...]  # that select the format; the first is the default
    binary: bool = False  # whether the stream is
    # name of the function that makes the text of a report's rows, if reports are rendered
    # independently
    rows: str = ""

    def steps(
        self,
    ) -> tuple[
        Callable[[TaggedReport], Any], Callable[[Iterable[Any], IO[Any], ScoringContext], None]
    ]:
        """Import the two steps of the writer: rendering a report (in a worker process), and
        writing the results."""
        module = import_module(f"tipclassify.reporting.writers.{self.module}")
        return (getattr(module, self.rows) if self.rows else identity), getattr(
            module, self.function
        )


def identity(report: TaggedReport) -> TaggedReport:
    """Return the report unchanged."""
    return report


FORMATS: Final = {
    "table": OutputFormat("table", "write_table", (".txt",)),
    "jsonl": OutputFormat("rows", "write_jsonl_rows", (".jsonl", ".ndjson"), rows="render_jsonl"),
    "csv": OutputFormat("rows", "write_csv_rows", (".csv",), rows="render_csv"),
    "xlsx": OutputFormat("sheets", "write_xlsx", (".xlsx",), binary=True),
    "parquet": OutputFormat("rows", "write_parquet", (".parquet",), binary=True),
    "html": OutputFormat("html", "write_html", (".html", ".htm")),
    "docx": OutputFormat("findings", "write_docx", (".docx",), binary=True),
    "md": OutputFormat("findings", "write_markdown", (".md", ".markdown")),
    "bibtex": OutputFormat("findings", "write_bibtex", (".bib",)),
    "ris": OutputFormat("findings", "write_ris", (".ris",)),
    "csl": OutputFormat("findings", "write_csl", (".csl.json", ".json")),
}
"""Output formats by name, as ``--format`` takes it."""


def format_of(path: Path, suffixes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Look up the format of an output file by its suffix; `suffixes` of each format are those of
    `FORMATS` by default.

    >>> format_of(Path("findings.csv"))
    'csv'
    """
    suffixes = suffixes or {name: known.suffixes for name, known in FORMATS.items()}
    for name, known in suffixes.items():
        if path.name.lower().endswith(tuple(known)):
            return name
    if path.is_dir():
        raise UsageError(f"{path}: a folder; give the name of a file in it")
    choice = ", ".join(known[0] for known in suffixes.values())
    raise UsageError(
        f"{path}: no format has the suffix {path.suffix!r}; use {choice}, or say --format"
    )
