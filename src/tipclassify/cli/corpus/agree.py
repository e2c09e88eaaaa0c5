"""``tipclassify corpus agree``: measure the agreement of two annotators, and list their disagreements."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import show_warnings, write_results


def agree(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="One annotator: rows with id and labels.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="The other.")],
    texts: Annotated[
        list[Path] | None,
        typer.Option(
            "--texts",
            metavar="PATH",
            help="Labelled passages with the texts, where the two files have none. Repeatable.",
        ),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=0, help="Disagreements to write, the largest first.")] = 20,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=0, help="Bootstrap draws of passages; 0 for no intervals.")
    ] = 1_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the passages.")] = 0,
    format: options.Format = "table",
    output: options.Output = None,
) -> None:
    """Measure how far two annotators agree on each label (Cohen's kappa, Krippendorff's alpha), and where they differ.

    Rows that are not labelled yet are left out. Below the table stand 95% intervals of kappa and alpha (bootstrap over
    passages), then the passages that the two labelled differently. jsonl has a row for each label
    ("part": "agreement") and for each disagreement.
    """
    from tipclassify.corpus.loading import read_rows
    from tipclassify.evaluation import agreement as of
    from tipclassify.evaluation.metrics import rounded

    show_warnings()
    one, other = of.read_annotations(first), of.read_annotations(second)
    figures = of.agreement(one, other, draws=draws, seed=seed)
    known = {row["id"]: row["text"] for row in read_rows(*texts)} if texts else {}
    differing = of.disagreements(one, other, {**known, **of.read_texts(second), **of.read_texts(first)})
    tables = [of.agreement_table(figures), *([of.intervals_table(figures, draws)] if draws else [])]
    tables.append(of.disagreements_table(differing, most))
    rows = [{"part": "agreement", **rounded(asdict(figure))} for figure in figures]
    if not draws:
        rows = [{name: value for name, value in row.items() if not name.endswith("_interval")} for row in rows]
    rows += [{"part": "disagreement", **row} for row in differing[:most]]
    write_results(output, format, rows, "\n\n".join(tables))
