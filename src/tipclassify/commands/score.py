"""``tipclassify score``: tag the passages of reports."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.commands.options import (
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
    output: OutputOption = None,
) -> None:
    """Tag the passages of reports: positive effort, failure, complicity.

    The table shows the passages that have a label; jsonl and csv hold every passage, with its characters in the
    text, its section, and the probability of each label.
    """
    from tipclassify.commands.inputs import tagged_reports
    from tipclassify.commands.output import open_output
    from tipclassify.writers import FORMATS, Run, format_of

    how = tagging(model, policy, threshold, unit, encoding, allow_private)
    run = Run(how.classifier(), how.policy)
    name = format.value if format else format_of(output) if output else "table"
    write = FORMATS[name].writer()
    with tagged_reports(files, how, jobs) as reports, open_output(output, FORMATS[name].binary) as out:
        write(reports, out, run)
