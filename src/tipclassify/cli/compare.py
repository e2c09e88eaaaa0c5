"""``tipclassify compare``: reports of a country and publication over the years, or of several
publications in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import FileId, check_output, input_ids, open_output, print_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from tipclassify.labels import Policy
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.report import ScoringContext, TaggedReport

FormatName = Literal["table", "jsonl", "html", "csv", "xlsx", "json"]
_SUFFIXES: Final = {"table": [".txt"], "jsonl": [".jsonl", ".ndjson"], "html": [".html", ".htm"]}
_LEDGER_SUFFIXES: Final = {"csv": [".csv"], "xlsx": [".xlsx"], "json": [".json"]}
_OF_TWO: Final = ("table", "jsonl", "html")  # formats of a comparison
_OF_LEDGER: Final = ("table", "html", "csv", "xlsx", "json")


def compare(
    files: Annotated[
        list[str],
        Argument(
            metavar="OLD NEW...",
            help=f"Two reports, the earlier first, or more for a ledger. {options.REPORT_HELP}",
        ),
    ],
    format: Annotated[FormatName | None, options.choice(FormatName)] = None,
    everything: Annotated[
        bool, Option("--all", help="Also list passages that are repeated word for word.")
    ] = False,
    ledger: Annotated[
        bool,
        Option(
            "--ledger", help="A line for each passage that persists; as for three reports or more."
        ),
    ] = False,
    side_by_side: Annotated[
        bool,
        Option(
            "--side-by-side",
            help="Different publications on one country and year: what may contradict each other.",
        ),
    ] = False,
    anyway: Annotated[
        bool,
        Option(
            "--anyway", help="Compare different countries or publications, or years in reverse."
        ),
    ] = False,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Compare reports of one country and publication: what the later one newly reports, and what it
    no longer does.

    Changes are read from the text first: a passage is repeated word for word, moved under another
    heading, reworded, new or gone. Only what is new or gone counts as newly or no longer reported.
    Where a tag differs though the passage is the same or reworded, that is listed apart. A change
    is borderline where another wording could have turned the tag. 'No longer reported' does not
    mean that anything stopped.

    With three reports or more, or with --ledger: a line for each passage that stands in two years
    or more, with the years, its wording then and now, and its tags ("the same sentence since
    2016"); also as csv, xlsx and json.

    With --side-by-side: passages of different publications on the same matter, of which one reports
    an effort and the other a failure.
    """
    if len(files) < 2:
        raise options.misused("OLD NEW...", "give two reports or more")
    if files.count("-") > 1:
        raise options.misused("NEW", "standard input can hold one of the reports only")
    if ledger and side_by_side:
        raise options.misused(
            "--side-by-side", "compares publications; --ledger follows one over the years"
        )
    wanted = _format(files, format, output, ledger, side_by_side)
    tagging = options.tagging(model, policy, threshold, unit, encoding, allow_private)
    context = _context(tagging, policy, output)
    inputs = input_ids((), files, model)
    check_output(output, inputs)
    reports = [_tagged(file, tagging) for file in files]
    if side_by_side:
        _write_contrast(reports, context, wanted, anyway, output, inputs)
    elif _is_ledger(files, wanted, ledger):
        _write_ledger(reports, context, wanted, everything, anyway, output, inputs)
    else:
        _write_comparison(reports, context, wanted, everything, anyway, output, inputs)


def _is_ledger(files: Sequence[str], wanted: str, ledger: bool) -> bool:
    return ledger or len(files) > 2 or wanted not in _OF_TWO


def _format(
    files: Sequence[str], format: str | None, output: Path | None, ledger: bool, side_by_side: bool
) -> str:
    """Choose the format by ``--format`` or the suffix of the output; refuse one that this kind
    of result has not."""
    from tipclassify.reporting.writers import format_of

    suffixes = {**_SUFFIXES, **_LEDGER_SUFFIXES}
    wanted = format or (format_of(output, suffixes) if output else "table")
    if side_by_side and wanted not in _OF_TWO:
        raise options.misused("--format", f"--side-by-side writes {', '.join(_OF_TWO)}")
    if not side_by_side and _is_ledger(files, wanted, ledger) and wanted not in _OF_LEDGER:
        raise options.misused("--format", f"a ledger is written as {', '.join(_OF_LEDGER)}")
    return wanted


def _context(tagging: Tagging, policy: Policy, output: Path | None) -> ScoringContext:
    from tipclassify.reporting.report import ScoringContext

    folder = output.parent if output else None
    return ScoringContext(tagging.classifier(), policy, folder=folder, day=options.today())


def _write_comparison(
    reports: list[TaggedReport],
    context: ScoringContext,
    wanted: str,
    everything: bool,
    anyway: bool,
    output: Path | None,
    inputs: frozenset[FileId],
) -> None:
    from tipclassify.reporting.comparison.comparison import compare as compare_reports
    from tipclassify.reporting.comparison.identity import (
        identity_of,
        refuse,
        subject_refusals,
        years_refusals,
    )
    from tipclassify.reporting.writers.compared import write_html, write_jsonl, write_table

    old, new = (identity_of(report) for report in reports)
    if not anyway:
        remedy = (
            "--side-by-side sets publications beside each other"
            if old.publication != new.publication
            else ""
        )
        refuse(subject_refusals([old, new]) + years_refusals(old, new), [old, new], remedy)
    found = compare_reports(reports[0], reports[1], context)
    if messages := found.warnings():
        print_warnings(["; ".join(messages)])
    with open_output(output, inputs=inputs) as out:
        if wanted == "html":
            write_html(found, out, context, everything)
        else:
            (write_table if wanted == "table" else write_jsonl)(found, out, everything)


def _write_ledger(
    reports: list[TaggedReport],
    context: ScoringContext,
    wanted: str,
    everything: bool,
    anyway: bool,
    output: Path | None,
    inputs: frozenset[FileId],
) -> None:
    from tipclassify.reporting.comparison.identity import identity_of, refuse
    from tipclassify.reporting.comparison.ledger import build_ledger, in_order, ledger_refusals
    from tipclassify.reporting.writers import followed

    refusals = ledger_refusals(reports)
    if not anyway:
        refuse(refusals, [identity_of(report) for report in reports])
    if refusals:
        print_warnings(["; ".join(refusals)])
    # The table leaves out passages without a label; files have all that stood in two years.
    found = build_ledger(in_order(reports), context, everything and wanted != "table")
    with open_output(output, binary=wanted == "xlsx", inputs=inputs) as out:
        if wanted == "table":
            followed.write_table(found, out, everything)
        elif wanted == "html":
            followed.write_html(found, out, context)
        elif wanted == "csv":
            followed.write_csv(found, out, context)
        elif wanted == "xlsx":
            followed.write_xlsx(found, out, context)
        else:
            followed.write_json(found, out, context)


def _write_contrast(
    reports: list[TaggedReport],
    context: ScoringContext,
    wanted: str,
    anyway: bool,
    output: Path | None,
    inputs: frozenset[FileId],
) -> None:
    from tipclassify.reporting.comparison.contrast import contrast, contrast_refusals
    from tipclassify.reporting.comparison.identity import identity_of, refuse
    from tipclassify.reporting.writers import contrasted

    if not anyway:
        refuse(contrast_refusals(reports), [identity_of(report) for report in reports])
    found = contrast(reports, context)
    with open_output(output, inputs=inputs) as out:
        if wanted == "html":
            contrasted.write_html(found, out, context)
        elif wanted == "table":
            contrasted.write_table(found, out, context)
        else:
            contrasted.write_jsonl(found, out, context)


def _tagged(file: str, tagging: Tagging) -> TaggedReport:
    """Tag an input as one report, with all parts of a long one, and print what could not be read
    in full."""
    from tipclassify.pipeline.reports import joined_report

    report = joined_report(file, tagging)
    print_warnings(report.notes)
    return report
