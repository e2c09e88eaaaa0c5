"""``tipclassify explain``: why a passage has its tags."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Annotated

import typer

from tipclassify.cli.options import (
    ModelOption,
    OutputOption,
    Policy,
    PolicyOption,
    ThresholdOption,
    chosen_thresholds,
)

__all__ = ["explain"]


class Format(str, Enum):
    """How reasons are written."""

    table = "table"
    jsonl = "jsonl"


def explain(
    text: Annotated[str, typer.Argument(help="The passage, in quotes; '-' reads it from standard input.")],
    section: Annotated[
        str | None, typer.Option("--section", metavar="HEADING", help="Heading of the section that it stands in.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Spans of text to show for each label.")] = 8,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to write the reasons.")] = Format.table,
    model: ModelOption = None,
    policy: PolicyOption = Policy.balanced,  # type: ignore[attr-defined]
    threshold: ThresholdOption = None,
    output: OutputOption = None,
) -> None:
    """Show what in a passage speaks for and against each label, whether it has the label or not.

    Of the fast model, the weights of all spans and of the heading add up, with the bias, to the log-odds of the label; positive
    weights speak for it. Of the default, each word, each clause and the heading are masked by themselves, and the weight is
    how far the log-odds fall. These do not add up.

    The passage is taken as it is, without splitting; --section gives the heading that it stands under. jsonl holds every span,
    and in "method" how it was weighed: additive or occlusion.
    """
    from tipclassify.cli.output import open_output
    from tipclassify.errors import InputError
    from tipclassify.labels import LABELS
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.explanation import OCCLUSION
    from tipclassify.model.linear.scoring import apply_thresholds
    from tipclassify.text.document import Passage
    from tipclassify.text.furniture import is_furniture

    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8-sig", "replace").strip()
    if not text.strip():
        raise InputError("the passage is empty; give a sentence")
    classifier = Classifier.load(model).with_thresholds(chosen_thresholds(threshold))
    thresholds = dict(zip(LABELS, classifier.thresholds(policy.value).tolist(), strict=True))
    bare = is_furniture(text, section)
    with open_output(output) as out:
        for label, reason in classifier.explain(Passage(text, 0, len(text), section)).items():
            given = apply_thresholds(reason.probability, thresholds[label]) and not bare
            if format is Format.jsonl:
                import json

                spans = [{"start": s.start, "end": s.end, "text": s.text, "weight": s.weight} for s in reason.spans]
                head = {"label": label, "given": given, "probability": reason.probability, "logit": reason.logit}
                rest = {"bias": reason.bias, "heading": reason.heading, "method": reason.method, "spans": spans}
                out.write(json.dumps({**head, **rest}, ensure_ascii=False) + "\n")
                continue
            verdict = "given" if given else "not given: no prose of a report" if bare else "not given"
            out.write(f"{label}: {reason.probability:.3f}, {verdict} (threshold {thresholds[label]:.3f})\n")
            shown, weaker = reason.spans[:top], reason.spans[top:]
            for span in shown:
                out.write(f"  {span.weight:+7.3f}  {' '.join(span.text.split())}\n")
            if section:
                out.write(f"  {reason.heading:+7.3f}  (the heading “{' '.join(section.split())}”)\n")
            if reason.method == OCCLUSION:
                out.write(
                    f"  {reason.logit:+7.3f}  log-odds; each line above: how far they fall with that masked (no sum)\n"
                )
                continue
            if weaker:
                out.write(f"  {sum(s.weight for s in weaker):+7.3f}  ({len(weaker)} weaker spans)\n")
            out.write(f"  {reason.bias:+7.3f}  (bias)\n  {reason.logit:+7.3f}  = log-odds\n")
