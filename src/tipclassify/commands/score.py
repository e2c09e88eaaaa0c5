"""``tipclassify score``: tag the passages of reports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tipclassify.commands.options import (
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    chosen_thresholds,
)

if TYPE_CHECKING:
    from tipclassify.classifier import Classifier
    from tipclassify.writers import Finding

__all__ = ["score"]


class Format(str, Enum):
    """How results are written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


def score(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Reports: .txt, .md, .html. '-' reads standard input. A .jsonl file with a 'text' field is scored "
            "row by row, without splitting, and keeps its other fields.",
        ),
    ],
    format: Annotated[Format, typer.Option("--format", "-f", help="How to write the results.")] = Format.table,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    output: OutputOption = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table shows the passages that have a label; jsonl and csv hold every passage, with its characters in the
    text, its section, and the probability of each label.
    """
    from tipclassify.classifier import Classifier
    from tipclassify.commands.output import open_output
    from tipclassify.writers.rows import write_csv, write_jsonl
    from tipclassify.writers.table import write_table

    classifier = Classifier.load(model).with_thresholds(chosen_thresholds(threshold))
    write = {Format.table: write_table, Format.jsonl: write_jsonl, Format.csv: write_csv}[format]
    failed: list[str] = []
    with open_output(output) as out:
        write(_findings(files, classifier, policy.value, failed), out)
    if failed:
        raise typer.Exit(1)


def _findings(files: list[str], classifier: Classifier, policy: str, failed: list[str]) -> Iterator[Finding]:
    """Findings of each file in turn; a file that cannot be read is told on stderr and added to `failed`."""
    from tipclassify.errors import InputError
    from tipclassify.readers import read_report
    from tipclassify.writers import Finding

    for name in files:
        try:
            if Path(name).suffix.lower() == ".jsonl":
                yield from _scored_rows(name, classifier, policy)
            else:
                for passage in classifier.tag(read_report(name), policy):
                    yield Finding(name, passage, {})
        except InputError as error:
            failed.append(name)
            print(f"tipclassify: {error}", file=sys.stderr)


def _scored_rows(name: str, classifier: Classifier, policy: str) -> Iterator[Finding]:
    from tipclassify.document import Passage
    from tipclassify.readers.rows import read_text_rows
    from tipclassify.writers import Finding

    for rows in read_text_rows(name):
        passages = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in rows]
        for row, passage in zip(rows, classifier.tag_passages(passages, policy), strict=True):
            yield Finding(name, passage, row)
