"""``tipclassify compare``: compare two reports of one country, of different years."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import check_output, input_ids, open_output, print_warnings
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import TaggedReport

_SUFFIXES: Final = {"table": [".txt"], "jsonl": [".jsonl", ".ndjson"], "html": [".html", ".htm"]}


def compare(
    old: Annotated[str, Argument(metavar="OLD", help=options.REPORT_HELP)],
    new: Annotated[str, Argument(metavar="NEW", help="The report of a later year.")],
    format: Annotated[
        Literal["table", "jsonl", "html"] | None,
        Option("--format", "-f", help="How to write it; by the suffix of --output, else a table."),
    ] = None,
    everything: Annotated[bool, Option("--all", help="Also list passages that are the same in both.")] = False,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Compare two reports of one country: what the later one newly reports, and what it no longer does.

    Passages are matched one to one by the rarer words that they share. Listed first are those whose labels changed:
    failures newly reported, efforts no longer reported, complicity new or gone, failures no longer reported, efforts
    newly reported; then reworded passages, and those in one report only.

    'No longer reported' means that no passage of NEW matches, or that the matching one is not tagged so, not that
    anything stopped. A change is borderline where another wording could have turned the tag.
    """
    from tipclassify.reporting.comparison.comparison import compare as compare_reports
    from tipclassify.reporting.writers import ScoringContext, format_of
    from tipclassify.reporting.writers.compared import write_html, write_jsonl, write_table

    if old == new == "-":
        raise options.misused("NEW", "standard input can hold one of the two reports only")
    wanted = format or (format_of(output, _SUFFIXES) if output else "table")
    tagging = options.tagging(model, policy, threshold, unit, encoding, allow_private)
    context = ScoringContext(tagging.classifier(), policy, folder=output.parent if output else None)
    read = input_ids((), (old, new), model)
    check_output(output, read)
    found = compare_reports(_tagged(old, tagging), _tagged(new, tagging), context)
    if messages := found.warnings():
        print_warnings(["; ".join(messages)])
    with open_output(output, inputs=read) as out:
        if wanted == "html":
            write_html(found, out, context, everything)
        else:
            (write_table if wanted == "table" else write_jsonl)(found, out, everything)


def _tagged(file: str, tagging: Tagging) -> TaggedReport:
    """Tag an input as one report, with all batches of its rows."""
    from tipclassify.pipeline.batch import tag_input

    reports = list(tag_input(file, tagging))
    if not reports:
        raise InputError(f"{file}: no rows in it; give a report, or rows with a 'text' field")
    print_warnings([note for report in reports for note in report.notes])
    passages = [passage for report in reports for passage in report.passages]
    return replace(reports[0], passages=passages, extras=[row for report in reports for row in report.extras])
