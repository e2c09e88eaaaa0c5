"""``tipclassify corpus queue``: choose the most informative passages of reports for labelling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.inputs import tagged_reports
from tipclassify.cli.output import print_note, write_rows


def queue(
    files: options.Files,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", "--out", metavar="FILE", help="Write the rows (.jsonl), whole or not at all."),
    ],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Passages to choose.")] = 300,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="PATH",
            help="Labelled passages you have: passages that repeat them are left out. Repeatable.",
        ),
    ] = None,
    model: options.Model = None,
    other: options.Other = None,
    policy: options.Policy = "balanced",
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Orders passages that are worth the same.")] = 0,
) -> None:
    """Choose the passages of reports whose labels would teach the model most, for annotators.

    Writes a row for each passage: text, source, predictions ("predicted", "scores"), those of --other, and the reason
    for the choice. "labels" is null: training refuses the row until somebody has put a list there, [] for none. Label
    the rows in an editor, in 'tipclassify review', or in a tool that 'tipclassify corpus convert' writes for; then
    'tipclassify corpus add'.
    """
    from tipclassify.corpus.loading import read_rows
    from tipclassify.model.classifier import Classifier
    from tipclassify.pipeline.active_learning import queue_rows

    known = [row["text"] for row in read_rows(*against)] if against else None
    tagging = options.tagging(model, policy, unit=unit, encoding=encoding, allow_private=allow_private)
    thresholds = tagging.classifier().thresholds(policy)
    second = Classifier.load(other) if other else None
    with tagged_reports(files, tagging, jobs) as reports:
        rows = queue_rows(reports, thresholds, number, known=known, other=second, policy=policy, seed=seed)
        if rows:
            write_rows(output, rows)
            print_note(f"wrote {len(rows):,} passages to label to {output}")
        else:
            left = "every passage is in --against already" if known else "no passage was read"
            print_note(f"nothing to label: {left}; {output} is not written")
