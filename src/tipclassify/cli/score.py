"""``tipclassify score``: tag the passages of reports, here or, with ``--engine dask``, on a
cluster."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from typer import Option

from tipclassify._version import __version__
from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    exit_failed,
    input_ids,
    open_output,
    print_note,
    print_notes,
    tagged_inputs,
    tagged_outputs,
)
from tipclassify.errors import OutputError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.outcome import Outcome
    from tipclassify.reporting.report import ScoringContext, TaggedReport

FormatName = Literal[
    "table", "jsonl", "csv", "xlsx", "parquet", "html", "docx", "md", "bibtex", "ris", "csl"
]


def score(
    files: options.ScoredFiles,
    format: Annotated[FormatName | None, options.choice(FormatName)] = None,
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
        Literal["dask"] | None, Option(help="Spread the work over processes or a cluster.")
    ] = None,
    scheduler: Annotated[
        str | None, Option(metavar="tcp://HOST:PORT", help="With --engine: the cluster.")
    ] = None,
    workers: Annotated[
        int | None, Option(metavar="N", min=1, help="With --engine: processes here.")
    ] = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table, md and docx show the passages that have a label, xlsx begins with them, bibtex, ris
    and csl (CSL-JSON) cite them; html shows the whole report with its tags and their reasons;
    jsonl, csv, xlsx and parquet hold every passage, with its page and characters in the text
    ('tipclassify text' prints it), its section, and the probability of each label. References,
    notes, contents, dates and addresses have no label.

    With --output-dir, html also writes index.html, which searches and compares all its reports.

    --model fast is some hundred times as quick as the default, and more often wrong.

    --engine dask writes many Parquet files into --output-dir, and takes .parquet inputs and
    addresses such as s3://bucket/*.html too. Called again, it makes only what is missing or
    changed.
    """
    from tipclassify.pipeline.inputs import expand_inputs
    from tipclassify.reporting.outcome import Outcome, counted
    from tipclassify.reporting.report import ScoringContext
    from tipclassify.reporting.writers import FORMATS, format_of

    if output and output_dir:
        raise options.misused("--output-dir", "give --output or --output-dir, not both")
    if resume and not output_dir:
        raise options.misused("--resume", "needs --output-dir")
    tagging = options.tagging(model, policy, threshold, unit, encoding, allow_private, text_column)
    if engine:
        if bom or jobs != 1 or output or text_column != "text" or format not in (None, "parquet"):
            remedy = "leave out --bom, --jobs, --output, --text-column and --format"
            raise options.misused(
                "--engine", f"writes Parquet to --output-dir, by --workers processes: {remedy}"
            )
        _score_on_cluster(files, tagging, output_dir, scheduler, workers)
        return
    for option, given in (("--scheduler", scheduler), ("--workers", workers)):
        if given is not None:
            raise options.misused(option, "needs --engine dask")
    folder = Path(output_dir) if output_dir else output and output.parent
    context = ScoringContext(
        tagging.classifier(), policy, bom=bom, folder=folder, day=options.today()
    )
    name = format or (format_of(output) if output else "table")
    if output_dir:
        _score_each(files, tagging, jobs, context, name, Path(output_dir), resume)
        return
    render, write = FORMATS[name].steps()
    bar = output is not None or not sys.stdout.isatty()
    outcome = Outcome(context.classifier.meta.get("kinds"))
    inputs = expand_inputs(files)
    read = input_ids(files, inputs, model)
    with tagged_outputs(inputs, tagging, jobs, partial(counted, render), bar) as reports:
        with open_output(output, FORMATS[name].binary, inputs=read) as out:
            write(outcome.outputs(reports), out, context)
        _print_outcome(outcome, output, brief=name == "table")


def _print_outcome(outcome: Outcome, output: Path | None, brief: bool = False) -> None:
    """Print the warnings, then what was written; with `brief`, not for standard output, which
    has counts of its own."""
    print_notes([f"warning: {warning}" for warning in outcome.warnings])
    if output:
        print_note(f"wrote {output}: {outcome}")
    elif outcome.reports > 1 and not brief:
        print_note(str(outcome))


def _score_each(
    names: list[str],
    tagging: Tagging,
    jobs: int,
    context: ScoringContext,
    format: str,
    folder: Path,
    resume: bool,
) -> None:
    """Write one output for each input; outputs finished before an interruption are kept, and are
    in the ledger."""
    from tipclassify.pipeline.inputs import expand_inputs
    from tipclassify.pipeline.resume import FinishedOutputs, output_names
    from tipclassify.reporting.outcome import Outcome, counted
    from tipclassify.reporting.writers import FORMATS
    from tipclassify.reporting.writers.desk import Desk

    output_format = FORMATS[format]
    files = expand_inputs(names, output=folder)
    own_names = output_names(files, output_format.suffixes[0])
    outputs = {file: folder / name for file, name in zip(files, own_names, strict=True)}
    read = input_ids(names, files, tagging.model)
    open_file = partial(open_output, inputs=read)
    ledger = FinishedOutputs(folder, {"setting": _setting(tagging, context, format)})
    desk = None
    if format == "html":
        context = replace(context, index="index.html")
        desk = Desk(context, open_file, resume)
        outputs = {file: desk.page_of(file, page, ledger.has) for file, page in outputs.items()}
    for output in outputs.values():
        check_output(output, read, "--output-dir")
    if resume:
        written = [desk.outputs(page) if desk else [page] for page in outputs.values()]
        ledger.remove_scraps(path for paths in written for path in paths)
    left = [
        file
        for file in files
        if not (resume and ledger.has(file, outputs[file]))
        or (desk and outputs[file] not in desk.reports)
    ]
    if len(left) < len(files):
        print_note(f"{len(files) - len(left)} of {len(files)} inputs were done")
    render, write = output_format.steps()
    finished = 0
    outcome = Outcome(context.classifier.meta.get("kinds"))
    with tagged_inputs(left, tagging, jobs, partial(counted, render)) as inputs:
        try:
            for file, reports in inputs:
                failed_before = len(inputs.failures)
                output = outputs[file]
                with inputs.failing(), open_file(output, output_format.binary) as out:
                    rendered = outcome.outputs(reports)
                    if desk:  # whose pages are made of whole reports
                        whole = cast("Iterator[TaggedReport]", rendered)
                        write(desk.gather(output, whole), out, context)
                    else:
                        write(rendered, out, context)
                if len(inputs.failures) == failed_before:  # bad rows are named again by --resume
                    ledger.add(file, output)
                    finished += 1
            if desk:
                with progress_bar("comparisons") as progress:
                    line = desk.write_index(progress)
                print_note(line)
        except (KeyboardInterrupt, OutputError):
            print_note(
                f"interrupted; {finished} of {len(left)} outputs are whole, --resume makes the others"
            )
            raise
        _print_outcome(outcome, folder)


def _setting(tagging: Tagging, context: ScoringContext, format: str) -> list[object]:
    """List what determines an output besides its input."""
    return [
        __version__,
        context.classifier.meta.get("sha256"),
        tagging.policy,
        tagging.thresholds,
        tagging.unit,
        tagging.read.encoding,
        tagging.read.text_column,
        format,
        context.bom,
    ]


def _score_on_cluster(
    names: list[str],
    tagging: Tagging,
    folder: str | None,
    scheduler: str | None,
    workers: int | None,
) -> None:
    """Score into a folder of Parquet files; failures are printed on standard error and make the
    exit code 1."""
    from tipclassify.pipeline.distributed import score

    if folder is None:
        raise options.misused("--engine", "needs --output-dir, a folder for its Parquet files")
    if scheduler is not None and workers is not None:
        raise options.misused(
            "--workers", "a cluster has its own workers; leave it out with --scheduler"
        )
    try:
        with progress_bar("parts") as progress:
            done = score(
                names,
                folder,
                cluster=scheduler if workers is None else workers,
                tagging=tagging,
                progress=progress,
            )
    except KeyboardInterrupt:
        print_note("interrupted; the same command goes on where this stopped")
        raise
    if done.made < done.files:
        print_note(f"{done.files - done.made} of {done.files} files were done")
    if done.removed:
        print_note(f"removed the files of inputs that have changed or gone: {done.removed}")
    for note in done.notes:
        print_note(f"warning: {note}")
    if done.failures:
        print_notes([str(error) for _, error in done.failures], 50)  # all of them are in errors/
        exit_failed(len({name for name, _ in done.failures}), len(done.inputs))
