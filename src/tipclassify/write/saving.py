"""Write tagged reports to a file, in the format that its suffix names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from tipclassify.errors import OutputError, UsageError, reason_of_error
from tipclassify.readers.limits import split_zip_path
from tipclassify.records import Report
from tipclassify.reports.cite import run_of
from tipclassify.whole_files import open_whole_file
from tipclassify.write import FORMATS, writer_format_of
from tipclassify.write.output import Output

__all__ = ["write_reports"]


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
        if _is_source_of_report(target, report):
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


def _is_source_of_report(target: Path, report: Report) -> bool:
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
