"""``tipclassify corpus``: what can be said of labelled passages before anything is trained on them."""

from __future__ import annotations

import json
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.commands.options import OutputOption

__all__ = ["agree", "app", "audit", "check"]

app = typer.Typer(help="Check and audit labelled passages.", no_args_is_help=True)


class Format(str, Enum):
    """How findings are written."""

    table = "table"
    jsonl = "jsonl"


PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder.")
]


@app.command("check")
def check(paths: PathsArgument) -> None:
    """Read labelled passages as training would, and tell every bad row of every file."""
    from tipclassify.corpus import read_rows

    typer.echo(f"{len(read_rows(*paths))} passages, no problems")


@app.command("agree")
def agree(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="One annotator: rows with id and labels.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="The other.")],
) -> None:
    """Agreement of two annotators on each label: share, Cohen's kappa, Krippendorff's alpha, F1.

    Alpha needs the extra "audit".
    """
    from tipclassify.agreement import agreement, agreement_table, read_annotations

    typer.echo(agreement_table(agreement(read_annotations(first), read_annotations(second))))


@app.command("audit")
def audit(
    paths: PathsArgument,
    most: Annotated[int, typer.Option("--most", min=0, help="Findings of each part to write, worst first.")] = 20,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to write the findings.")] = Format.table,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Draws the folds.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes; -1 for one a core.")] = -1,
    output: OutputOption = None,
) -> None:
    """Show what is suspect in labelled passages.

    Five parts: labels that are likely wrong, by a model trained on the other passages; near twins with different
    labels; pairs whose labels do not differ; near twins that a split could part; labels by section. Findings are reasons
    to look, not errors: the exit code is 0 whatever is found. Needs the extra "audit".
    """
    from tipclassify.audit import audit_corpus, audit_rows, audit_table
    from tipclassify.commands.output import open_output
    from tipclassify.corpus import read_rows
    from tipclassify.progress import progress_bar

    warnings.showwarning = lambda message, *_: print(f"tipclassify: warning: {message}", file=sys.stderr)
    rows = read_rows(*paths)
    with progress_bar("cross-validating") as progress:
        findings = audit_corpus(rows, folds=folds, seed=seed, jobs=jobs, progress=progress)
    with open_output(output) as out:
        if format is Format.jsonl:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in audit_rows(findings, most))
        else:
            out.write(audit_table(findings, most) + "\n")
