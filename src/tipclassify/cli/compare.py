"""``tipclassify compare``: a publication over the years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    FileId,
    check_output,
    ids_of_inputs,
    open_output,
    print_note,
    print_warnings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tipclassify.records import Report
    from tipclassify.tagging import Tagging
    from tipclassify.write.output import Output

FormatName = Literal["table", "jsonl", "html", "csv", "xlsx", "json"]
Result = Literal["comparison", "ledger"]
_SUFFIXES: Final = {
    "table": [".txt"],
    "jsonl": [".jsonl", ".ndjson"],
    "html": [".html", ".htm"],
    "csv": [".csv"],
    "xlsx": [".xlsx"],
    "json": [".json"],
}
_FORMATS: Final[dict[Result, tuple[str, ...]]] = {
    "comparison": ("table", "jsonl", "html"),
    "ledger": ("table", "html", "csv", "xlsx", "json"),
}


def compare(
    files: Annotated[
        list[str],
        Argument(
            metavar="OLD NEW...",
            help=f"Two reports, the earlier first, or more for a ledger. {options.REPORT_HELP}",
        ),
    ],
    format: Annotated[FormatName | None, options.format_option(FormatName)] = None,
    everything: Annotated[
        bool,
        Option(
            "--all",
            help="Also list passages repeated word for word; of a ledger, those of one year only "
            "and, in a table, those without a label.",
        ),
    ] = False,
    ledger: Annotated[
        bool,
        Option(
            "--ledger", help="A line for each passage that persists; as for three reports or more."
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
    """Compare reports of one country and publication: what is newly or no longer reported.

    Changes are read from the text first: a passage is repeated word for word, moved under another
    heading, reworded, new or gone. Only what is new or gone counts as newly or no longer reported.
    Where a tag differs though the passage is the same or reworded, that is listed apart. A change
    is borderline where another wording could have turned the tag. 'No longer reported' does not
    mean that anything stopped.

    With three reports or more, or with --ledger: a line for each passage that stands in two years
    or more, with the years, its wording then and now, and its tags ("the same sentence since
    2016"). csv, xlsx and json have this ledger of two reports, too, and what is new or gone only
    with --all, as lines of one year.
    """
    from tipclassify.write.output import Output

    if len(files) < 2:
        raise options.invalid_option("OLD NEW...", "give two reports or more")
    if files.count("-") > 1:
        raise options.invalid_option("NEW", "standard input can hold one of the reports only")
    wanted = format or _format_of(output)
    result = _result_of(len(files), wanted, ledger)
    if wanted not in _FORMATS[result]:
        formats = ", ".join(_FORMATS[result])
        raise options.invalid_option("--format", f"a ledger is written as {formats}")
    tagging = options.tagging_of(model, policy, threshold, unit, encoding, allow_private)
    inputs = ids_of_inputs((), files, model)
    check_output(output, inputs)
    day = options.today()
    target = Output(tagging.run(day), folder=output.parent if output else None)
    request = _CompareRequest(
        reports=[_tag_whole(file, tagging, day) for file in files],
        target=target,
        format=wanted,
        everything=everything,
        anyway=anyway,
        output=output,
        inputs=inputs,
    )
    if result == "ledger":
        if len(files) == 2 and not ledger:
            print_note(_ledger_note(wanted, everything))
        _write_ledger(request)
    else:
        _write_comparison(request)


def _format_of(output: Path | None) -> str:
    """Choose the format by the suffix of the output; a table for the terminal."""
    from tipclassify.write import writer_format_of

    return writer_format_of(output, _SUFFIXES) if output else "table"


def _result_of(reports: int, wanted: str, ledger: bool) -> Result:
    """Choose what is made: a ledger of three reports or more, or in a format that only it has."""
    if ledger or reports > 2 or wanted not in _FORMATS["comparison"]:
        return "ledger"
    return "comparison"


def _ledger_note(wanted: str, everything: bool) -> str:
    """Say that two reports make a ledger in this format, and where what is new and gone stands."""
    if everything:
        listed = "all passages, those of one year only among them"
    else:
        listed = "passages that stand in both years; --all adds those of one year only"
    formats = ", ".join(_FORMATS["comparison"])
    return f"{wanted} has a ledger: {listed}; what is new and gone is listed by {formats}"


@dataclass(frozen=True, slots=True)
class _CompareRequest:
    """Tagged reports, and how what they have in common is to be written."""

    reports: list[Report]
    target: Output
    format: str
    everything: bool  # whether passages that say nothing new are listed, too
    anyway: bool  # whether reports that do not belong together are compared all the same
    output: Path | None
    inputs: frozenset[FileId]  # which the output must not replace


def _write_comparison(request: _CompareRequest) -> None:
    from tipclassify.reports.compare.comparison import compare as compare_reports
    from tipclassify.reports.compare.identity import (
        comparison_refusals_by_year,
        identity_of_report,
        refusals_by_subject,
        refuse_comparison_of_reports,
    )
    from tipclassify.write import compared

    old, new = request.reports
    old_identity = identity_of_report(old)
    new_identity = identity_of_report(new)
    if not request.anyway:
        identities = [old_identity, new_identity]
        refusals = refusals_by_subject(identities) + comparison_refusals_by_year(
            old_identity, new_identity
        )
        refuse_comparison_of_reports(refusals, identities)
    comparison = compare_reports(old, new, request.target.run)
    if messages := comparison.warnings():
        print_warnings(["; ".join(messages)])
    with open_output(request.output, inputs=request.inputs) as out:
        if request.format == "html":
            compared.write_comparison_html(comparison, out, request.target, request.everything)
        elif request.format == "table":
            compared.write_comparison_table(comparison, out, request.everything)
        else:
            compared.write_comparison_jsonl(comparison, out, request.everything)


def _write_ledger(request: _CompareRequest) -> None:
    from tipclassify.reports.compare.identity import (
        identity_of_report,
        refuse_comparison_of_reports,
    )
    from tipclassify.reports.compare.ledger import (
        build_ledger,
        ledger_refusals,
        sort_reports_by_year,
    )
    from tipclassify.write import followed

    refusals = ledger_refusals(request.reports)
    if not request.anyway:
        refuse_comparison_of_reports(
            refusals, [identity_of_report(report) for report in request.reports]
        )
    if refusals:
        print_warnings(["; ".join(refusals)])
    # The table leaves out passages without a label; files have all that stood in two years.
    everything = request.everything and request.format != "table"
    ledger = build_ledger(sort_reports_by_year(request.reports), request.target.run, everything)
    is_binary = request.format == "xlsx"
    with open_output(request.output, binary=is_binary, inputs=request.inputs) as out:
        if request.format == "table":
            followed.write_ledger_table(ledger, out, request.everything)
        elif request.format == "html":
            followed.write_ledger_html(ledger, out, request.target)
        elif request.format == "csv":
            followed.write_ledger_csv(ledger, out, request.target)
        elif request.format == "xlsx":
            followed.write_ledger_xlsx(ledger, out, request.target)
        else:
            followed.write_ledger_json(ledger, out, request.target)


def _tag_whole(file: str, tagging: Tagging, day: str) -> Report:
    """Tag an input as one report, all parts of a long one, and print what could not be read."""
    from tipclassify.tagging import whole

    report = whole(file, tagging.reports([file], day=day))
    print_warnings(report.notes)
    return report
