"""``tipclassify score``: tag the passages of reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tipclassify._version import __version__
from tipclassify.cli import engine as engines
from tipclassify.cli import options
from tipclassify.cli.inputs import list_failures, tag_each, tagged_reports
from tipclassify.cli.output import open_output, print_note
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.pipeline.batch import Tagging
    from tipclassify.reporting.writers import ScoringContext


def score(
    files: options.Files,
    format: Annotated[
        Literal["table", "jsonl", "csv", "xlsx", "parquet", "html", "md"] | None,
        typer.Option("--format", "-f", help="How to write the results; by the suffix of --output, else a table."),
    ] = None,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte-order mark, which Excel wants.")] = False,
    output: options.Output = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir", metavar="DIR", help="Write one file for each input into DIR; with --engine, Parquet files."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --output-dir: leave out inputs whose output is already there.")
    ] = False,
    engine: engines.EngineOption = None,
    scheduler: engines.SchedulerOption = None,
    workers: engines.WorkersOption = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table and md show the passages that have a label; html shows the whole report with its tags and the reasons for
    them; jsonl, csv, xlsx and parquet hold every passage, with its page and characters in the text ('tipclassify text'
    prints it), its section, and the probability of each label. References, notes, contents, dates and addresses have no
    label.

    --model fast is some hundred times as quick as the default, and more often wrong.

    --engine dask writes many Parquet files into --output-dir, and takes .parquet inputs and addresses such as
    s3://bucket/*.html too. Called again, it makes only what is missing or changed.
    """
    from tipclassify.reporting.writers import FORMATS, ScoringContext, format_of

    if output and output_dir:
        raise typer.BadParameter("give --output or --output-dir, not both", param_hint="'--output-dir'")
    if resume and not output_dir:
        raise typer.BadParameter("needs --output-dir", param_hint="'--resume'")
    tagging = options.tagging(model, policy, threshold, unit, encoding, allow_private)
    if engine:
        if bom or jobs != 1 or output or format not in (None, "parquet"):
            raise typer.BadParameter(
                "writes Parquet to --output-dir, by --workers processes: "
                "leave out --bom, --jobs, --output and --format",
                param_hint="'--engine'",
            )
        engines.score_on_cluster(files, tagging, output_dir, scheduler, workers)
        return
    engines.refuse_without_engine(scheduler, workers)
    context = ScoringContext(tagging.classifier(), policy, bom=bom, folder=output.parent if output else output_dir)
    name = format or (format_of(output) if output else "table")
    if output_dir:
        _score_each(files, tagging, jobs, context, name, output_dir, resume)
        return
    make, write = FORMATS[name].steps()
    bar = output is not None or not sys.stdout.isatty()
    with tagged_reports(files, tagging, jobs, make, bar) as made, open_output(output, FORMATS[name].binary) as out:
        write(made, out, context)


def _score_each(
    names: list[str], tagging: Tagging, jobs: int, context: ScoringContext, format: str, folder: Path, resume: bool
) -> None:
    """Write one output for each input; outputs finished before an interruption are kept, and are in the ledger."""
    from tipclassify.pipeline.batch import expand_inputs
    from tipclassify.pipeline.resume import Ledger, output_names
    from tipclassify.reporting.writers import FORMATS

    files, kind = expand_inputs(names), FORMATS[format]
    outputs = {file: folder / name for file, name in zip(files, output_names(files, kind.suffixes[0]), strict=True)}
    setting = [__version__, context.classifier.meta.get("sha256"), tagging.policy, tagging.thresholds, tagging.unit]
    ledger = Ledger(folder, {"setting": [*setting, tagging.read.encoding, format, context.bom]})
    left = [file for file in files if not (resume and ledger.has(file, outputs[file]))]
    if len(left) < len(files):
        print_note(f"{len(files) - len(left)} of {len(files)} inputs were done")
    make, write = kind.steps()
    finished = 0
    with list_failures(len(left)) as failures:
        try:
            for file, made in tag_each(left, tagging, jobs, make):
                try:
                    with open_output(outputs[file], kind.binary) as out:
                        write(made, out, context)
                except InputError as error:
                    failures.append(str(error))
                    continue
                ledger.add(file, outputs[file])
                finished += 1
        except KeyboardInterrupt:
            print_note(f"interrupted; {finished} of {len(left)} outputs are whole, --resume makes the others")
            raise
