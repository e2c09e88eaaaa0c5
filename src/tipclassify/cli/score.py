"""``tipclassify score``: tag the passages of reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tipclassify.cli.engine import (
    EngineOption,
    SchedulerOption,
    WorkersOption,
    refuse_without_engine,
    score_on_cluster,
)
from tipclassify.cli.options import (
    AllowPrivateOption,
    EncodingOption,
    FilesArgument,
    JobsOption,
    ModelOption,
    OutputFormat,
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
    from tipclassify.reporting.writers import Run

__all__ = ["score"]


def score(
    files: FilesArgument,
    format: Annotated[
        OutputFormat | None,
        typer.Option("--format", "-f", help="How to write the results; by the suffix of --output, else a table."),
    ] = None,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    unit: UnitOption = Unit.sentence,
    encoding: EncodingOption = None,
    allow_private: AllowPrivateOption = False,
    jobs: JobsOption = 1,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte-order mark, which Excel wants.")] = False,
    output: OutputOption = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir", metavar="DIR", help="Write one file for each input into DIR; with --engine, Parquet files."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --output-dir: leave out inputs whose output is already there.")
    ] = False,
    engine: EngineOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table and md show the passages that have a label; html shows the whole report with its tags and the reasons for them;
    jsonl, csv, xlsx and parquet hold every passage, with its page and characters in the text ('tipclassify text' prints it),
    its section, and the probability of each label. References, notes, contents, dates and addresses have no label.

    --model fast is some hundred times as quick as the default, and more often wrong.

    --engine dask writes many Parquet files into --output-dir, and takes .parquet inputs and addresses such as s3://bucket/*.html
    too. Called again, it makes only what is missing or changed.
    """
    if output and output_dir:
        raise typer.BadParameter("give --output or --output-dir, not both", param_hint="'--output-dir'")
    if resume and not output_dir:
        raise typer.BadParameter("needs --output-dir", param_hint="'--resume'")
    if engine:
        how = tagging(model, policy, threshold, unit, encoding, allow_private)
        if bom or jobs != 1 or output or format not in (None, OutputFormat.parquet):
            raise typer.BadParameter(
                "writes Parquet to --output-dir, by --workers processes: leave out --bom, --jobs, --output and --format",
                param_hint="'--engine'",
            )
        score_on_cluster(files, how, output_dir, scheduler, workers)
        return
    refuse_without_engine(scheduler, workers)
    from tipclassify.cli.inputs import made_of_reports
    from tipclassify.cli.output import open_output
    from tipclassify.reporting.writers import FORMATS, Run, format_of

    how = tagging(model, policy, threshold, unit, encoding, allow_private)
    run = Run(how.classifier(), how.policy, bom=bom, folder=output.parent if output else output_dir)
    name = format.value if format else format_of(output) if output else "table"
    if output_dir:
        _score_each(files, how, jobs, run, name, output_dir, resume)
        return
    make, write = FORMATS[name].steps()
    bar = output is not None or not sys.stdout.isatty()
    with made_of_reports(files, how, jobs, make, bar) as made, open_output(output, FORMATS[name].binary) as out:
        write(made, out, run)


def _score_each(names: list[str], how: Tagging, jobs: int, run: Run, format: str, folder: Path, resume: bool) -> None:
    """One output for each input. What was finished when the run is broken off stays, and is in the ledger."""
    from tipclassify._version import __version__
    from tipclassify.cli.inputs import Inputs
    from tipclassify.cli.output import open_output
    from tipclassify.errors import InputError
    from tipclassify.pipeline.batch import expand_inputs
    from tipclassify.pipeline.resume import Ledger, output_names
    from tipclassify.reporting.writers import FORMATS

    files = expand_inputs(names)
    kind = FORMATS[format]
    outputs = {file: folder / name for file, name in zip(files, output_names(files, kind.suffixes[0]), strict=True)}
    setting = [__version__, run.classifier.meta.get("sha256"), how.policy, how.thresholds, how.unit]
    ledger = Ledger(folder, {"setting": [*setting, how.read.encoding, format, run.bom]})
    left = [file for file in files if not (resume and ledger.has(file, outputs[file]))]
    if len(left) < len(files):
        print(f"tipclassify: {len(files) - len(left)} of {len(files)} inputs were done", file=sys.stderr)
    inputs = Inputs(left)
    make, write = kind.steps()
    finished = 0
    try:
        for file, made in inputs.each(how, jobs, make):
            try:
                with open_output(outputs[file], kind.binary) as out:
                    write(map(inputs.noted, made), out, run)
            except InputError as error:
                inputs.failures.append(str(error))
                continue
            ledger.add(file, outputs[file])
            finished += 1
    except KeyboardInterrupt:
        print(
            f"tipclassify: interrupted; {finished} of {len(left)} outputs are whole, --resume makes the others",
            file=sys.stderr,
        )
        raise
    inputs.close()
