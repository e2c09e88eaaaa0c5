"""Writers: tagged reports in, one at a time, a stream of an output format out.

Each is a function ``write(reports, out, context)`` in a module of its own, imported on first use.
Where rows of reports do not depend on each other, a second function renders a report's rows in the
process that tagged it, and the writer takes these in place of the reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Final, NamedTuple, TypeAlias

from tipclassify.errors import UsageError
from tipclassify.reports.report import ScoringContext, TaggedReport, identity

__all__ = ["FORMATS", "Rendered", "ReportOutputFormat", "WriterSteps", "writer_format_of"]

Rendered: TypeAlias = TaggedReport | str
"""A report as its writer takes it: as it is, or as the text of its rows."""


class WriterSteps(NamedTuple):
    """The steps of a writer: rendering a report, in a worker process, and writing the results."""

    render: Callable[[TaggedReport], Rendered]
    write: Callable[[Iterable[Rendered], IO[str] | IO[bytes], ScoringContext], None]


@dataclass(frozen=True, slots=True)
class ReportOutputFormat:
    """An output format: its writer and its file suffixes."""

    module: str
    function: str
    suffixes: tuple[str, ...]  # that select the format; the first is the default
    binary: bool = False  # whether the stream is
    # name of the function that renders the rows of a report, where they do not depend on others
    rows: str = ""

    def steps(self) -> WriterSteps:
        """Import the steps of the writer."""
        module = import_module(f"tipclassify.write.{self.module}")
        render = getattr(module, self.rows) if self.rows else identity
        return WriterSteps(render, getattr(module, self.function))


FORMATS: Final = {
    "table": ReportOutputFormat("table", "write_findings_table", (".txt",)),
    "jsonl": ReportOutputFormat(
        "rows", "write_findings_jsonl", (".jsonl", ".ndjson"), rows="render_findings_jsonl"
    ),
    "csv": ReportOutputFormat("rows", "write_findings_csv", (".csv",), rows="render_findings_csv"),
    "xlsx": ReportOutputFormat("sheets", "write_findings_xlsx", (".xlsx",), binary=True),
    "parquet": ReportOutputFormat("rows", "write_findings_parquet", (".parquet",), binary=True),
    "html": ReportOutputFormat("html", "write_findings_html", (".html", ".htm")),
    "docx": ReportOutputFormat("findings", "write_findings_docx", (".docx",), binary=True),
    "md": ReportOutputFormat("findings", "write_findings_markdown", (".md", ".markdown")),
    "bibtex": ReportOutputFormat("findings", "write_bibtex", (".bib",)),
    "ris": ReportOutputFormat("findings", "write_ris", (".ris",)),
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
