"""``tipclassify evaluate``: measure a model on labelled passages."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import write_results


def evaluate(
    labelled: options.Labelled,
    by: Annotated[str | None, Option(metavar="FIELD", help="A table for each value of this field.")] = None,
    confusion: Annotated[bool, Option("--confusion", help="Sets of labels given for others, worst first.")] = False,
    errors: Annotated[int, Option(metavar="N", min=0, help="Show the N worst errors.")] = 0,
    slices: Annotated[bool, Option("--slices", help="Figures by section, words and number of clauses.")] = False,
    reliability: Annotated[bool, Option("--reliability", help="Predicted and observed frequency by label.")] = False,
    compare: Annotated[
        str | None, Option(metavar="NAME|DIR", help="Another model: is this one better, how surely?")
    ] = None,
    threshold: options.Threshold = None,
    draws: options.Draws = 1_000,
    seed: options.Seed = 0,
    format: options.Format = "table",
    model: options.Model = None,
    policy: options.Policy = "balanced",
    output: options.Output = None,
) -> None:
    """Measure a model on passages whose labels are known.

    Prints precision, recall, F1, support, average precision, threshold and expected calibration error of each
    label, macro-F1 and exact match: the table that training prints. Below it stand 95% bootstrap intervals; passages of
    one narrative ("doc") or pair are drawn together. jsonl is one JSON object with every figure; errors and
    the comparison are in it when asked for.
    """
    from tipclassify.corpus.loading import read_rows
    from tipclassify.evaluation.report import evaluate_rows
    from tipclassify.model.classifier import Classifier

    everything = format == "jsonl"
    report, tables = evaluate_rows(
        Classifier.load(model).with_thresholds(options.parse_thresholds(threshold)),
        read_rows(*labelled),
        policy,
        by=by,
        confusion=confusion or everything,
        slices=slices or everything,
        reliability=reliability or everything,
        errors=errors,
        other=Classifier.load(compare) if compare else None,
        other_name=compare or "",
        draws=draws,
        seed=seed,
    )
    write_results(output, format, [report], "\n\n".join(tables))
