"""Writers: tagged reports in, one at a time, a stream of an output format out.

Each is a function ``write(reports, out, output)`` in a module of its own, imported on first use.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.errors import OutputError, UsageError, reason_of_error
from tipclassify.readers.limits import split_zip_path
from tipclassify.records import Report
from tipclassify.reports.cite import run_of
from tipclassify.whole_files import open_whole_file
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


def write_reports(
    reports: Report | Iterable[Report],
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
) -> None:
    """Write tagged reports to one file, never partial, as ``tipclassify score -o`` does.

    Parameters
    ----------
    reports : Report, or several
        As `tag_report` gives them, tagged by the same model under the same policy.
    path : path
        The file; its suffix chooses the format: ``.html`` (one page that opens offline), ``.docx``
        (Word), ``.txt`` (a table), ``.xlsx``, ``.csv``, ``.jsonl``, ``.parquet``, ``.md``, ``.bib``
        (BibTeX) or ``.ris``.
    format : str, optional
        Name of the format where the suffix says nothing: a key of
        `tipclassify.write.FORMATS`.

    Raises
    ------
    UsageError
        When no format has the suffix, or the name, or the file is one that a report was made from.
    ValueError
        When there is no report, or reports were tagged differently.
    MissingExtraError
        When the format needs an extra (``docx``, ``xlsx``).
    OutputError
        When the file cannot be written; one that is there stays.

    Examples
    --------
    >>> import tempfile
    >>> from tipclassify import Document, tag_report
    >>> report = tag_report(Document.from_text("Police arrested nine traffickers."), model="fast")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_reports(report, f"{folder}/findings.html")
    ...     Path(folder, "findings.html").read_text("utf-8")[:15]
    '<!DOCTYPE html>'
    """
    target = Path(path)
    format_name = writer_format_of(target) if format is None else format
    if format_name not in FORMATS:
        raise UsageError(f"unknown format {format_name!r}: use {', '.join(FORMATS)}")
    output_format = FORMATS[format_name]
    tagged = [reports] if isinstance(reports, Report) else list(reports)
    for report in tagged:
        if _is_source(target, report):
            raise UsageError(
                f"{target}: is an input, which the output would replace; choose another path"
            )
    output = Output(run_of(*tagged), folder=target.absolute().parent)
    try:
        with open_whole_file(target, output_format.binary) as out:
            output_format.writer()(tagged, out, output)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({reason_of_error(error)}); choose another place"
        ) from None


def _is_source(target: Path, report: Report) -> bool:
    """Test whether a file is what a report was made from, whatever links lead to it.

    Of a report in a zip archive, that is the archive.
    """
    names = [report.file]
    if report.document is not None:
        names.append(report.document.source)
    for name in names:
        archived = split_zip_path(name)
        source = name if archived is None else archived[0]
        # a link to the web, a name without a file, or a NUL in it
        with contextlib.suppress(OSError, ValueError):
            if target.is_file() and target.samefile(source):
                return True
    return False
