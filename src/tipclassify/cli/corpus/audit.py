"""``tipclassify corpus audit``: find suspect labels and near duplicates."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import show_warnings, write_results


def audit(
    paths: options.Labelled,
    most: Annotated[int, typer.Option("--most", min=0, help="Findings of each part to write, worst first.")] = 20,
    format: options.Format = "table",
    folds: Annotated[int, typer.Option("--folds", min=2, help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Draws the folds.")] = 0,
    jobs: options.Jobs = -1,
    output: options.Output = None,
) -> None:
    """Show what is suspect in labelled passages.

    Five parts: labels that are likely wrong, by a model trained on the other passages; near twins with different
    labels; pairs whose labels do not differ; near twins that a split could part; labels by section. Findings are
    reasons to look, not errors: the exit code is 0 whatever is found. Needs the extra "audit".
    """
    from tipclassify.corpus.loading import read_rows
    from tipclassify.progress import progress_bar
    from tipclassify.training.audit import audit_corpus, audit_rows, audit_table

    show_warnings()
    rows = read_rows(*paths)
    with progress_bar("cross-validating") as progress:
        findings = audit_corpus(rows, folds=folds, seed=seed, jobs=jobs, progress=progress)
    write_results(output, format, audit_rows(findings, most), audit_table(findings, most))
