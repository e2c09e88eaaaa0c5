"""``tipclassify evaluate``: how well a model does on labelled passages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tipclassify.commands.options import ModelOption, OutputOption, Policy, PolicyOption

__all__ = ["evaluate"]


def evaluate(
    labelled: Annotated[
        list[Path],
        typer.Argument(metavar="LABELLED...", help="Labelled passages: .jsonl, .csv, .parquet, or a folder."),
    ],
    by: Annotated[
        str | None, typer.Option("--by", metavar="FIELD", help="One table for each value of this field.")
    ] = None,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    output: OutputOption = None,
) -> None:
    """Measure a model on passages whose labels are known.

    Prints precision, recall, F1, support, average precision, threshold and expected calibration error of each
    label, macro-F1 and exact match: the table that training prints.
    """
    import numpy as np

    from tipclassify.classifier import Classifier
    from tipclassify.commands.output import open_output
    from tipclassify.corpus import read_rows
    from tipclassify.errors import InputError
    from tipclassify.evaluation import measure, metrics_table
    from tipclassify.labels import indicator

    classifier = Classifier.load(model)
    rows = read_rows(*labelled)
    if by and not any(by in row for row in rows):
        raise InputError(f"no row has a field {by!r}; choose one of {', '.join(sorted(rows[0]))}")
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    scores = classifier.predict_proba([row["text"] for row in rows])
    thresholds = classifier.thresholds(policy.value)
    parts = {"all passages": np.ones(len(rows), bool)}
    if by:
        values = np.array([str(row.get(by)) for row in rows])
        parts = {f"{by} = {value}": values == value for value in dict.fromkeys(values.tolist())} | parts
    tables = [
        metrics_table(measure(truth[part], scores[part], scores[part] >= thresholds, thresholds), title)
        for title, part in parts.items()
    ]
    with open_output(output) as out:
        out.write("\n\n".join(tables) + "\n")
