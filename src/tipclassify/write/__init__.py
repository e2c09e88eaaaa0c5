"""Writers: tagged reports in, one at a time, a stream of an output format out.

Each is a function ``write(reports, out, output)`` in a module of its own, imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.errors import UsageError
from tipclassify.records import Report
from tipclassify.write.output import Output

Writer = Callable[[Iterable[Report], IO[Any], Output], None]
"""Writes reports to a stream of text or bytes, as its format says."""


@dataclass(frozen=True, slots=True)
class Format:
    """An output format: its writer and its file suffixes."""

    module: str
    function: str
    suffixes: tuple[str, ...]  # that select the format; the first is the default
    binary: bool = False  # whether the stream is

    def writer(self) -> Writer:
        """Import the writer."""
        module = import_module(f"tipclassify.write.{self.module}")
        writer: Writer = getattr(module, self.function)
        return writer


FORMATS: Final = {
    "table": Format("terminal", "write_findings", (".txt",)),
    "jsonl": Format("rows", "write_jsonl", (".jsonl", ".ndjson")),
    "csv": Format("rows", "write_csv", (".csv",)),
    "xlsx": Format("excel", "write_xlsx", (".xlsx",), binary=True),
    "parquet": Format("rows", "write_parquet", (".parquet",), binary=True),
    "html": Format("page", "write_html", (".html", ".htm")),
    "docx": Format("documents", "write_docx", (".docx",), binary=True),
    "md": Format("documents", "write_markdown", (".md", ".markdown")),
    "bibtex": Format("documents", "write_bibtex", (".bib",)),
    "ris": Format("documents", "write_ris", (".ris",)),
}
"""Output formats by name, as ``--format`` takes it."""


def writer_format_of(path: Path, suffixes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Look up the format of an output file by its suffix.

    `suffixes` has those of each format; by default it is what `FORMATS` says.

    >>> writer_format_of(Path("findings.csv"))
    'csv'
    """
    if suffixes is None:
        suffixes = {name: known.suffixes for name, known in FORMATS.items()}
    file_name = path.name.lower()
    for format_name, of_format in suffixes.items():
        if file_name.endswith(tuple(of_format)):
            return format_name
    if path.is_dir():
        raise UsageError(f"{path}: a folder; give the name of a file in it")
    choice = ", ".join(of_format[0] for of_format in suffixes.values())
    raise UsageError(
        f"{path}: no format has the suffix {path.suffix!r}; use {choice}, or say --format"
    )
