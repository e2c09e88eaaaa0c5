"""``tipclassify corpus audit``: what is suspect in labelled passages."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli.corpus.options import PathsArgument, write_findings
from tipclassify.cli.options import Findings, OutputOption

__all__ = ["audit"]


def audit(
    paths: PathsArgument,
    most: Annotated[int, typer.Option("--most", min=0, help="Findings of each part to write, worst first.")] = 20,
    format: Annotated[Findings, typer.Option("--format", "-f", help="How to write the findings.")] = Findings.table,
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
    from tipclassify.cli.output import tell_warnings
    from tipclassify.corpus.loading import read_rows
    from tipclassify.progress import progress_bar
    from tipclassify.training.audit import audit_corpus, audit_rows, audit_table

    tell_warnings()
    rows = read_rows(*paths)
    with progress_bar("cross-validating") as progress:
        findings = audit_corpus(rows, folds=folds, seed=seed, jobs=jobs, progress=progress)
    write_findings(output, format, audit_rows(findings, most), lambda: audit_table(findings, most))
