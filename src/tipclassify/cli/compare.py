"""``tipclassify compare``: two years of one country, what was newly reported and what no longer."""

from __future__ import annotations

import sys
from enum import Enum
from itertools import compress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tipclassify.cli.options import (
    AllowPrivateOption,
    EncodingOption,
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    Unit,
    UnitOption,
    tagging,
)

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import TaggedReport

__all__ = ["compare"]


class Format(str, Enum):
    """How a comparison is written."""

    table = "table"
    jsonl = "jsonl"
    html = "html"


_SUFFIXES: Final = {"table": (".txt",), "jsonl": (".jsonl", ".ndjson"), "html": (".html", ".htm")}
_OLD_HELP: Final = "A report: a file of any kind that score takes, or a link; '-' is standard input."


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_OLD_HELP)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The report of a later year.")],
    format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            help="How to write the comparison; by the suffix of --output, else a table. html is one page.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also list the passages that are the same in both.")
    ] = False,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    unit: UnitOption = Unit.sentence,
    encoding: EncodingOption = None,
    allow_private: AllowPrivateOption = False,
    output: OutputOption = None,
) -> None:
    """Compare two reports of one country: what the later one newly reports, and what it no longer does.

    Passages are matched one to one by the rarer words that they share: the same, reworded, or found in one report only.
    Listed first are those whose labels changed: failures newly reported, efforts no longer reported, complicity new or gone,
    failures no longer reported, efforts newly reported; then what was reworded and what only one report has.

    'No longer reported' means that no passage of NEW was found to match, or that the matching one is not tagged so. It does
    not mean that anything stopped. A change is marked borderline where the probabilities on both sides lie so near to the
    threshold that another wording could have turned the tag.
    """
    from tipclassify.cli.output import open_output
    from tipclassify.reporting.comparison.comparison import compare as compare_reports
    from tipclassify.reporting.writers import Run, format_of
    from tipclassify.reporting.writers.compared import write_jsonl, write_table

    if old == new == "-":
        raise typer.BadParameter("standard input can hold one of the two reports only", param_hint="'NEW'")
    wanted = format or (Format(format_of(output, _SUFFIXES)) if output else Format.table)
    how = tagging(model, policy, threshold, unit, encoding, allow_private)
    run = Run(how.classifier(), how.policy, folder=output.parent if output else None)
    found = compare_reports(_tagged(old, how), _tagged(new, how), run)
    if doubts := found.doubts():
        print(f"tipclassify: warning: {'; '.join(doubts)}", file=sys.stderr)
    with open_output(output) as out:
        if wanted is Format.table:
            write_table(found, out, everything)
        elif wanted is Format.jsonl:
            write_jsonl(found, out, everything)
        else:
            from tipclassify.reporting.writers.side_by_side import write_side_by_side

            write_side_by_side(found, out, run, everything)


def _tagged(file: str, how: Tagging) -> TaggedReport:
    """The report in an input, all of its batches where it holds rows; what could not be read of it is told on stderr.

    Only its prose: who compares two years does not want to know which references came and went.
    """
    from dataclasses import replace

    from tipclassify.errors import InputError
    from tipclassify.pipeline.batch import tag_input
    from tipclassify.text.furniture import is_prose

    reports = list(tag_input(file, how))
    if not reports:
        raise InputError(f"{file}: no rows in it; give a report, or rows with a 'text' field")
    for report in reports:
        for note in report.notes:
            print(f"tipclassify: warning: {note}", file=sys.stderr)
    prose = [[is_prose(passage) for passage in report.passages] for report in reports]
    passages = [one for report, kept in zip(reports, prose, strict=True) for one in compress(report.passages, kept)]
    extras = [row for report, kept in zip(reports, prose, strict=True) for row in compress(report.extras, kept)]
    return replace(reports[0], passages=passages, extras=extras)
