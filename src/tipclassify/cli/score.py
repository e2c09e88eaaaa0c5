"""``tipclassify score``: tag the passages of reports, here or on a cluster (``--engine``)."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    TaggedInputs,
    check_output,
    exit_failed,
    expand_and_check,
    ids_of_inputs,
    open_output,
    print_note,
    print_notes,
)
from tipclassify.errors import OutputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.reports.outcome import Outcome
    from tipclassify.tagging import Tagging
    from tipclassify.write.output import Output

FormatName = Literal[
    "table", "jsonl", "csv", "xlsx", "parquet", "html", "docx", "md", "bibtex", "ris"
]


def score(
    files: options.ScoredFiles,
    format: Annotated[FormatName | None, options.format_option(FormatName)] = None,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    text_column: options.TextColumn = "text",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    bom: Annotated[
        bool, Option("--bom", help="Begin CSV with a byte-order mark, which Excel wants.")
    ] = False,
    output: options.Output = None,
    output_dir: Annotated[
        str | None, Option(metavar="DIR", help="Write a file for each input into DIR.")
    ] = None,
    resume: Annotated[
        bool, Option("--resume", help="Leave out inputs whose output is in --output-dir.")
    ] = False,
    engine: Annotated[
        str | None,
        Option(metavar="dask|tcp://HOST:PORT", hidden=True, help="Work by Dask, here or there."),
    ] = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table, md and docx show the passages that have a label, xlsx begins with them, bibtex
    and ris cite them; html shows the whole report with its tags and their reasons;
    jsonl, csv, xlsx and parquet hold every passage, with its page and characters in the text
    ('tipclassify text' prints it), its section, and the probability of each label. References,
    notes, contents, dates and addresses have no label.

    With --output-dir, html also writes index.html, which searches and compares all its reports.

    --model fast is many times as quick as the default, and more often wrong.

    Past one machine there is --engine dask: docs/how-to/many-reports.md.
    """
    from tipclassify.reports.outcome import Outcome
    from tipclassify.write import FORMATS, writer_format_of
    from tipclassify.write.output import Output

    if output and output_dir:
        raise options.invalid_option("--output-dir", "give --output or --output-dir, not both")
    if resume and not output_dir:
        raise options.invalid_option("--resume", "needs --output-dir")
    tagging = options.tagging_of(
        model, policy, threshold, unit, encoding, allow_private, text_column
    )
    if engine is not None:
        if engine != "dask" and "://" not in engine:
            raise options.invalid_option("--engine", "give dask, or the address of a scheduler")
        if bom or output or jobs != 1 or format not in (None, "parquet"):
            remedy = "leave out --bom, --jobs, --output and --format"
            raise options.invalid_option(
                "--engine", f"writes Parquet to --output-dir, with all processes: {remedy}"
            )
        if output_dir is None:
            raise options.invalid_option("--engine", "needs --output-dir, for its Parquet files")
        _score_on_cluster(files, tagging, output_dir, engine)
        return
    folder = None
    if output_dir:
        folder = Path(output_dir)
    elif output:
        folder = output.parent
    day = options.today()
    target = Output(tagging.run(day), folder=folder, bom=bom)
    format_name = format or (writer_format_of(output) if output else "table")
    if output_dir:
        _score_into_folder(
            files, Path(output_dir), tagging, target, format_name, jobs=jobs, resume=resume
        )
        return
    shows_bar = output is not None or not sys.stdout.isatty()
    outcome = Outcome(target.run)
    inputs, read = expand_and_check(files, model, output)
    write = FORMATS[format_name].writer()
    tagged_inputs = TaggedInputs(inputs, tagging, jobs, day, shows_bar)
    reports = tagged_inputs.reports()
    with open_output(output, FORMATS[format_name].binary, inputs=read) as out:
        write(outcome.counted(reports), out, target)
    _print_outcome(outcome, output, brief=format_name == "table")
    tagged_inputs.end()


def _print_outcome(outcome: Outcome, output: Path | None, brief: bool = False) -> None:
    """Print the warnings, then what was written.

    With `brief`, not for standard output, which has counts of its own.
    """
    print_notes([f"warning: {warning}" for warning in outcome.warnings])
    if output:
        print_note(f"wrote {output}: {outcome}")
    elif outcome.reports > 1 and not brief:
        print_note(str(outcome))


def _score_into_folder(
    names: list[str],
    folder: Path,
    tagging: Tagging,
    target: Output,
    format: str,
    *,
    jobs: int,
    resume: bool,
) -> None:
    """Write one output for each input.

    Outputs finished before an interruption are in the journal, and kept with `resume`.
    """
    from tipclassify.reports.outcome import Outcome
    from tipclassify.tagging.inputs import expand_inputs
    from tipclassify.tagging.resume import Journal, output_names
    from tipclassify.write import FORMATS
    from tipclassify.write.desk import Desk

    output_format = FORMATS[format]
    files = expand_inputs(names, output=folder)
    own_names = output_names(files, output_format.suffixes[0])
    outputs = {file: folder / name for file, name in zip(files, own_names, strict=True)}
    read = ids_of_inputs(names, files, tagging.model)
    open_file = partial(open_output, inputs=read, option="--output-dir")
    journal = Journal(folder, {**tagging.settings(), "format": format, "bom": target.bom})
    desk = None
    if format == "html":
        target = replace(target, index="index.html")
        desk = Desk(target, open_file, resume)
        outputs = {file: desk.page_of(file, page, journal.has) for file, page in outputs.items()}
    for output in outputs.values():
        check_output(output, read, "--output-dir")
    left = []
    for file, output in outputs.items():
        is_on_desk = desk is None or output in desk.reports
        if not (resume and is_on_desk and journal.has(file, output)):
            left.append(file)
    if len(left) < len(files):
        print_note(f"{len(files) - len(left)} of {len(files)} inputs were done")
    write = output_format.writer()
    finished = 0
    outcome = Outcome(target.run)
    inputs = TaggedInputs(left, tagging, jobs, target.run.day)
    try:
        for file, reports in inputs:
            failed_before = len(inputs.failures)
            output = outputs[file]
            with inputs.failing(), open_file(output, output_format.binary) as out:
                counted = outcome.counted(reports)
                write(desk.gather(output, counted) if desk else counted, out, target)
            if len(inputs.failures) == failed_before:  # bad rows are named again by --resume
                journal.add(file, output)
                finished += 1
        if desk:
            with progress_bar("comparisons") as progress:
                line = desk.write_index(progress)
            print_note(line)
    except (KeyboardInterrupt, OutputError):
        so_far = f"{finished} of {len(left)} outputs are whole"
        print_note(f"interrupted; {so_far}, --resume makes the others")
        raise
    if left:
        _print_outcome(outcome, folder)
    inputs.end()


def _score_on_cluster(names: list[str], tagging: Tagging, folder: str, engine: str) -> None:
    """Score into a folder of Parquet files.

    Failures are printed on standard error and make the exit code 1.
    """
    from tipclassify.dask import score_on_cluster

    cluster = None if engine == "dask" else engine
    try:
        with progress_bar("inputs") as progress:
            done = score_on_cluster(
                names, folder, cluster=cluster, tagging=tagging, progress=progress
            )
    except KeyboardInterrupt:
        print_note("interrupted; the same command goes on where this stopped")
        raise
    if kept := len(done.inputs) - done.made:
        print_note(f"{kept} of {len(done.inputs)} inputs were done")
    if done.removed:
        print_note(f"removed files, damaged or of inputs changed or gone: {done.removed}")
    for note in done.notes:
        print_note(f"warning: {note}")
    if done.failures:
        print_notes([str(error) for _, error in done.failures], 50)  # all of them are in errors/
        failed_inputs = {name for name, _ in done.failures}
        exit_failed(len(failed_inputs), len(done.inputs))
