"""Commands on models: ``explain``, ``evaluate``, ``check`` and ``info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from tipclassify._version import __version__
from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    file_ids,
    print_line,
    write_results,
)
from tipclassify.errors import InputError
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import POLICIES

if TYPE_CHECKING:
    from tipclassify.model.scoring import Explanation


def explain(
    text: Annotated[
        str, Argument(metavar="PASSAGE", help="The passage, in quotes; '-' is standard input.")
    ],
    section: Annotated[
        str | None, Option(metavar="HEADING", help="Heading that it stands under.")
    ] = None,
    top: Annotated[
        int, Option(metavar="N", min=1, help="Spans of text to show for each label.")
    ] = 8,
    format: options.Format = "table",
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    output: options.Output = None,
) -> None:
    """Show the words of a passage for and against each label, given or not.

    With the fast model, the weights of all spans and of the heading add up, with the bias, to the
    score. With the default, each word, each clause and the heading are masked by themselves, and
    the weight is how far the score falls. These do not add up.

    The passage is taken as it is, without splitting. jsonl holds every span, and in "method" how it
    was weighed: additive or occlusion.
    """
    from tipclassify.model.find import model_folder
    from tipclassify.readers.limits import read_bounded
    from tipclassify.records import Passage
    from tipclassify.text.prose import is_non_prose

    if text == "-":
        text = read_bounded("-").decode("utf-8-sig", "replace").strip()
    if not text.strip():
        raise InputError("the passage is empty; give a sentence")
    classifier = options.tagging_of(model, policy, threshold).classifier()
    reasons = classifier.explain(Passage(text, 0, len(text), section))
    no_prose = is_non_prose(text, section)
    rows = []
    lines = []
    thresholds = classifier.thresholds(policy).tolist()
    for label, limit in zip(classifier.labels, thresholds, strict=True):
        reason = reasons[label]
        given = reason.probability >= limit and not no_prose
        rows.append({"label": label, "given": given, **reason.to_dict()})
        verdict = "given" if given else "not given"
        if no_prose:
            verdict = "not given: no prose of a report"
        lines.append(f"{label}: {reason.probability:.3f}, {verdict} (threshold {limit:.3f})")
        lines += _lines_printed_of_weights(reason, section, top)
    write_results(output, format, rows, "\n".join(lines), inputs=file_ids([model_folder(model)]))


def _lines_printed_of_weights(reason: Explanation, section: str | None, top: int) -> list[str]:
    weights = [(span.weight, format_value(span.text)) for span in reason.spans[:top]]
    if section:
        weights.append((reason.heading, f"(the heading “{format_value(section)}”)"))
    if reason.method == "occlusion":
        weights.append(
            (
                reason.logit,
                "score; each line above: the drop without this word (they do not add up)",
            )
        )
    else:
        if weaker := reason.spans[top:]:
            weights.append((sum(span.weight for span in weaker), f"({len(weaker)} weaker spans)"))
        weights += [(reason.bias, "(bias)"), (reason.logit, "= score")]
    return [f"  {weight:+7.3f}  {what}" for weight, what in weights]


def evaluate(
    labelled: options.Labelled,
    by: Annotated[
        str | None, Option(metavar="FIELD", help="A table for each value of this field.")
    ] = None,
    errors: Annotated[int, Option(metavar="N", min=0, help="Show the N worst errors.")] = 0,
    compare: Annotated[
        str | None, Option(metavar="NAME|DIR", help="A second model: is this one better?")
    ] = None,
    text_column: options.TextColumn = "text",
    label_column: options.LabelColumn = "labels",
    annotated: options.AnnotatedFor = "",
    threshold: options.Threshold = None,
    draws: options.Draws = 1_000,
    seed: options.Seed = 0,
    format: options.Format = "table",
    model: options.Model = None,
    policy: options.Policy = "balanced",
    output: options.Output = None,
) -> None:
    """Measure a model on passages whose labels are known.

    Prints precision, recall, F1, support, average precision, threshold and expected calibration
    error of each label, macro-F1 and exact match: the table that training prints. Below it stand
    95% bootstrap intervals; passages of one narrative ("doc") or pair are drawn together. jsonl is
    one JSON object with every figure; errors and the comparison are in it when asked for.
    """
    from tipclassify.corpus.holdout import TAUGHT
    from tipclassify.evaluation.report import evaluate_rows
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.find import model_folder

    models = [model_folder(name) for name in (model, compare or model)]
    read = file_ids([*labelled, *models])
    check_output(output, read)
    keys = model_folder(model) / TAUGHT
    classifier = options.tagging_of(model, policy, threshold).classifier()
    columns = options.columns_of(text_column, label_column, annotated)
    figures, tables = evaluate_rows(
        classifier,
        options.read_labelled(labelled, columns, classifier.labels),
        policy,
        by=by,
        errors=errors,
        other=Classifier.load(compare) if compare else None,
        other_name=compare or "",
        taught=keys.read_bytes() if keys.is_file() else b"",
        draws=draws,
        seed=seed,
    )
    write_results(output, format, [figures], "\n\n".join(tables), inputs=read)


def info(model: options.Model = None) -> None:
    """Describe a model: its training data, versions, metrics and thresholds.

    The card, README.md in the folder of the model, says it at length.
    """
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.find import model_folder

    folder = model_folder(model)
    classifier = Classifier.load(folder)
    meta = dict(classifier.meta)
    corpus = meta.get("corpus", {})
    passages = corpus.get("passages", "?")
    corpus_hash = corpus.get("sha256", "not recorded")
    versions = meta.get("versions", {})
    macro_f1 = meta.get("metrics", {}).get("macro_f1", "?")
    lines = {
        "tipclassify": __version__,
        "model": str(folder),
        "model hash": str(meta["sha256"]),
        "labels": ", ".join(classifier.labels),
        **classifier.scorer.description(),
        "corpus": f"{passages} passages, hash {corpus_hash}",
        "trained with": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "macro-F1": f"{macro_f1} ({classifier.scorer.measured})",
    }
    for policy in POLICIES:
        limits = zip(classifier.labels, classifier.thresholds(policy).tolist(), strict=True)
        lines[f"thresholds, {policy}"] = ", ".join(
            f"{label} {limit:.3f}" for label, limit in limits
        )
    print_line("\n".join(format_columns(list(lines.items()), left=2)))


def check(
    model: options.Model = None,
    cases: Annotated[
        Path | None, Option(metavar="DIR", help="Cases; the shipped ones by default.")
    ] = None,
    failures: Annotated[
        int, Option(metavar="N", min=0, help="Failed cases to show for each rule.")
    ] = 0,
) -> None:
    """Run the codebook's behaviour cases and compare the model's reference outputs.

    Prints the share of cases passed for each rule. Exits 1 when a rule passes less often than when
    the model was trained (the rates stored in its model.json), or a probability differs
    from its reference output: by over 0.002, or 0.0002 on average, with the fast model; with the
    default, which processors round differently, by over 0.15, or over 0.015 on average.
    """
    from tipclassify.evaluation.behaviours import evaluate_reference_outputs, run_cases
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.find import model_folder

    path = model_folder(model)
    classifier = Classifier.load(path)
    results = run_cases(classifier, cases)
    stored = dict(classifier.meta.get("behaviours", {})) if cases is None else {}
    reference_outputs = path / "golden.jsonl"
    changed = []
    if reference_outputs.is_file():
        changed = evaluate_reference_outputs(
            classifier, reference_outputs.read_bytes().splitlines()
        )
    # stored with four decimals
    regressed = [
        result.rule for result in results if result.rate < stored.get(result.rule, 0) - 5e-5
    ]
    width = max(len(result.rule) for result in results)
    lines = []
    for result in results:
        note = f"  under the stored {stored[result.rule]:.1%}" if result.rule in regressed else ""
        lines.append(
            f"{result.rule.ljust(width)}  {result.rate:7.1%}  {result.passed}/{result.cases}{note}"
        )
        for failure in result.failures[:failures]:
            expected = ", ".join(failure.expected) or "no label"
            given = ", ".join(failure.given) or "no label"
            lines.append(f"    expected {expected}; given {given}: {failure.text}")
    passed = sum(result.passed for result in results)
    total = sum(result.cases for result in results)
    lines.append(f"\n{passed} of {total} cases passed; reference outputs: {len(changed)} changed")
    for output_change in changed[:5]:
        before = ", ".join(output_change.expected)
        now = ", ".join(output_change.given)
        lines.append(f"    stored {before}; now {now}: {output_change.text}")
    print_line("\n".join(lines))
    if regressed or changed:
        raise typer.Exit(1)
