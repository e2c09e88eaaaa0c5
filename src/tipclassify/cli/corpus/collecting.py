"""``tipclassify corpus queue`` and ``rebuild``: find passages, to label or labelled already."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    file_ids_of_arguments,
    file_ids_of_command_inputs,
    print_line,
    print_note,
    print_notes,
    tagged_reports_of_command,
    write_command_results,
)
from tipclassify.corpus.loading import read_rows
from tipclassify.progress import progress_bar


def queue(
    files: options.Files,
    output: options.NewFile,
    number: Annotated[
        int, Option("--number", "-n", metavar="N", min=1, help="Passages to choose.")
    ] = 300,
    against: Annotated[
        list[Path] | None, Option(metavar="PATH", help="Passages to leave out. Repeatable.")
    ] = None,
    random: Annotated[
        bool,
        Option("--random", help="Draw at random, to measure a model; without predictions."),
    ] = False,
    model: options.Model = None,
    other: options.Other = None,
    policy: options.Policy = "balanced",
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
) -> None:
    """Choose the passages of reports most useful to label, or some at random, for annotators.

    Writes a row for each passage: text, source, predictions ("predicted", "scores"), those of
    --other, and the reason for the choice. With --random every sentence is as likely as any other,
    and no row has a prediction: such rows measure a model. "labels" is null: training refuses the
    row until somebody has put a list there, [] for none. Label the rows in an editor, in
    'tipclassify review', or in a tool that 'tipclassify corpus convert' writes for; then
    'tipclassify corpus add'.
    """
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.find import model_folder
    from tipclassify.tagging.inputs import expand_inputs
    from tipclassify.tagging.labelling_queue import queue_rows, random_queue_rows

    if random and other:
        raise options.invalid_option("--other", "does not go with --random: no model chooses there")
    known = [row["text"] for row in read_rows(*against)] if against else []
    tagging = options.tagging_from_options(
        model, policy, unit=unit, encoding=encoding, allow_private=allow_private
    )
    thresholds = tagging.classifier().thresholds(policy)
    second = Classifier.load(other) if other else None
    inputs = expand_inputs(files)
    read = file_ids_of_command_inputs(files, inputs, model) | file_ids_of_arguments(against or ())
    if other:
        read |= file_ids_of_arguments([model_folder(other)])
    check_output(output, read)
    with tagged_reports_of_command(inputs, tagging, jobs) as reports:
        if random:
            rows = random_queue_rows(reports, number, known=known, seed=seed)
        else:
            rows = queue_rows(
                reports, thresholds, number, known=known, other=second, policy=policy, seed=seed
            )
        if rows:
            write_command_results(output, "jsonl", rows, inputs=read)
            print_note(f"wrote {len(rows):,} passages to label to {output}")
        else:
            left = "every passage is in --against already" if known else "no passage was read"
            print_note(f"nothing to label: {left}; {output} is not written")


def rebuild(
    folder: Annotated[
        Path, Argument(metavar="FOLDER", help="With labels.csv and sources.json: data/real.")
    ],
    given: Annotated[
        list[Path] | None,
        Option("--from", metavar="PATH", help="Read this, download nothing. Repeatable."),
    ] = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Find the labelled passages of real reports in the public files that they are from.

    Writes FOLDER/passages.jsonl. labels.csv has the labels and the hash of each passage's words,
    sources.json the addresses of the files. Files that are not in the download cache are
    downloaded, one after another; the labels in data/real need some 3,600 files. An interrupted run
    continues where it stopped, and passages found before are not searched for again. Training on
    data/ includes data/real/passages.jsonl.

    Prints how many passages of each kind of source were found, and which sources lack some.
    Downloads need the extra "links". Exits 1 when a file could not be downloaded or read, or
    nothing was found; what was found is still written.
    """
    from tipclassify.corpus.real_labels import PASSAGES, rebuild

    problems = []
    sources: list[Path | None] = [None]  # None: download
    if given:
        sources = [*given]
    for path in sources:
        with progress_bar("files") as progress:
            rebuilt = rebuild(folder, path, allow_private=allow_private, progress=progress)
        problems += rebuilt.problems
        if rebuilt.rows:
            write_command_results(
                folder / PASSAGES,
                "jsonl",
                rebuilt.rows,
                inputs=file_ids_of_arguments(given or ()),
                option="FOLDER",
            )
    print_notes(problems)
    there = Counter(row["source"] for row in rebuilt.rows)
    missing = Counter(label.family for label in rebuilt.missing)
    for family in sorted(there | missing):
        lacking = Counter(label.source for label in rebuilt.missing if label.family == family)
        rest = ""
        if lacking:
            named = [source for source, _ in lacking.most_common(3)]
            if len(lacking) > 3:
                named.append("…")
            rest = f"; missing from {len(lacking):,} sources: {', '.join(named)}"
        print_line(f"{family}: {there[family]:,} of {there[family] + missing[family]:,}{rest}")
    end = f"wrote {folder / PASSAGES}" if rebuilt.rows else "nothing is written"
    total = len(rebuilt.rows) + len(rebuilt.missing)
    print_line(f"found {len(rebuilt.rows):,} of {total:,} passages; {end}")
    if problems or not rebuilt.rows:
        raise typer.Exit(1)
