"""``tipclassify compare``: a publication over the years."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    ids_of_inputs,
    open_output,
    print_warnings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO, Any

    from tipclassify.records import Report
    from tipclassify.reports.compare.comparison import Comparison
    from tipclassify.reports.compare.ledger import Ledger
    from tipclassify.write.output import Output

FormatName = Literal["table", "jsonl", "html", "csv", "xlsx", "json"]
_OF_COMPARISON: Final = ("table", "jsonl", "html")
_OF_LEDGER: Final = ("table", "html", "csv", "xlsx", "json")


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
            "and, in a table or sheet, those without a label.",
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
    heading, reworded, new or gone. Only what is new or gone counts as newly or no longer reported;
    not in a section that one of the two does not write, or only refers elsewhere in: that is a
    break. Where a tag differs though the passage is the same or reworded, that is listed apart, by
    what changed it: words, heading or both. A change is borderline where another wording could have
    turned the tag. 'No longer reported' does not mean that anything stopped.

    With three reports or more, or with --ledger: a line for each passage that stands in two years
    or more, with the years, its wording then and now, and its tags ("the same sentence since
    2016"). It is written as table, html, csv, xlsx or json, a comparison as table, jsonl or html.
    """
    from tipclassify.tagging import whole
    from tipclassify.write import FORMATS, writer_format_of
    from tipclassify.write.output import Output

    if len(files) < 2:
        raise options.invalid_option("OLD NEW...", "give two reports or more")
    if files.count("-") > 1:
        raise options.invalid_option("NEW", "standard input can hold one of the reports only")
    is_ledger = ledger or len(files) > 2
    formats = _OF_LEDGER if is_ledger else _OF_COMPARISON
    suffixes: dict[str, tuple[str, ...]] = {"json": (".json",)}
    for name in ("table", "jsonl", "html", "csv", "xlsx"):
        suffixes[name] = FORMATS[name].suffixes
    wanted = format or (writer_format_of(output, suffixes) if output else "table")
    if wanted not in formats:
        what = "a ledger" if is_ledger else "a comparison (say --ledger for a ledger)"
        raise options.invalid_option("--format", f"{what} is written as {', '.join(formats)}")
    tagging = options.tagging_of(model, policy, threshold, unit, encoding, allow_private)
    inputs = ids_of_inputs(files, (), model)
    check_output(output, inputs)
    day = options.today()
    target = Output(tagging.run(day), folder=output.parent if output else None)
    reports = []
    for file in files:
        report = whole(file, tagging.reports([file], day=day))
        print_warnings(report.notes)
        reports.append(report)
    if is_ledger:
        followed = _follow(reports, everything and wanted != "table", anyway)
        if wanted in ("csv", "xlsx") and not everything:
            # sheets are worked on: findings only; the table leaves the others out, too
            lines = tuple(line for line in followed.lines if line.labels)
            followed = dataclasses.replace(followed, lines=lines)
        with open_output(output, binary=wanted == "xlsx", inputs=inputs) as out:
            _write_ledger(followed, wanted, out, target, everything)
    else:
        comparison = _compare(reports, anyway)
        with open_output(output, inputs=inputs) as out:
            _write_comparison(comparison, wanted, out, target, everything)


def _compare(reports: Sequence[Report], anyway: bool) -> Comparison:
    """Compare two reports; refuse those that do not belong together, or warn of them."""
    from tipclassify.reports.compare.comparison import compare
    from tipclassify.reports.compare.identity import refusals, refuse

    old, new = reports
    if not anyway:
        refuse(refusals(old, new), reports)
    comparison = compare(old, new)
    if messages := comparison.warnings():
        print_warnings(["; ".join(messages)])
    return comparison


def _write_comparison(
    comparison: Comparison, wanted: str, out: IO[Any], target: Output, everything: bool
) -> None:
    from tipclassify.write import changes, rows, terminal

    if wanted == "html":
        changes.write_comparison_html(comparison, out, target, everything)
    elif wanted == "table":
        terminal.write_comparison(comparison, out, everything)
    else:
        rows.write_comparison_jsonl(comparison, out, everything)


def _follow(reports: Sequence[Report], everything: bool, anyway: bool) -> Ledger:
    """Follow passages over the years; refuse reports that do not belong together, or warn."""
    from tipclassify.reports.compare.identity import refuse
    from tipclassify.reports.compare.ledger import follow, refusals

    messages = refusals(reports)
    if not anyway:
        refuse(messages, reports)
    if messages:
        print_warnings(["; ".join(messages)])
    return follow(reports, everything)


def _write_ledger(
    ledger: Ledger, wanted: str, out: IO[Any], target: Output, everything: bool
) -> None:
    from tipclassify.write import changes, excel, rows, terminal

    if wanted == "table":
        terminal.write_ledger(ledger, out, everything)
    elif wanted == "html":
        changes.write_ledger_html(ledger, out, target)
    elif wanted == "csv":
        rows.write_ledger_csv(ledger, out)
    elif wanted == "xlsx":
        excel.write_ledger_xlsx(ledger, out, target)
    else:
        rows.write_ledger_json(ledger, out)
