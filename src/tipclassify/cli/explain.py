"""``tipclassify explain``: explain the labels of a passage."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import write_results
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.model.explanation import Explanation


def explain(
    text: Annotated[str, Argument(help="The passage, in quotes; '-' reads it from standard input.")],
    section: Annotated[str | None, Option(metavar="HEADING", help="Heading that it stands under.")] = None,
    top: Annotated[int, Option("--top", min=1, help="Spans of text to show for each label.")] = 8,
    format: options.Format = "table",
    model: options.Model = None,
    policy: options.Policy = "balanced",
    threshold: options.Threshold = None,
    output: options.Output = None,
) -> None:
    """Show what in a passage speaks for and against each label, whether it has the label or not.

    With the fast model, the weights of all spans and of the heading add up, with the bias, to the log-odds. With the
    default, each word, each clause and the heading are masked by themselves, and the weight is how far the log-odds
    fall. These do not add up.

    The passage is taken as it is, without splitting. jsonl holds every span, and in "method" how it was weighed:
    additive or occlusion.
    """
    from tipclassify.labels import LABELS
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.linear.scoring import apply_thresholds
    from tipclassify.text.document import Passage
    from tipclassify.text.furniture import is_furniture

    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8-sig", "replace").strip()
    if not text.strip():
        raise InputError("the passage is empty; give a sentence")
    classifier = Classifier.load(model).with_thresholds(options.parse_thresholds(threshold))
    reasons = classifier.explain(Passage(text, 0, len(text), section))
    no_prose = is_furniture(text, section)
    rows, lines = [], []
    for label, limit in zip(LABELS, classifier.thresholds(policy).tolist(), strict=True):
        reason = reasons[label]
        given = bool(apply_thresholds(reason.probability, limit)) and not no_prose
        rows.append({"label": label, "given": given, **asdict(reason)})
        verdict = "given" if given else "not given: no prose of a report" if no_prose else "not given"
        lines.append(f"{label}: {reason.probability:.3f}, {verdict} (threshold {limit:.3f})")
        lines += _weights(reason, section, top)
    write_results(output, format, rows, "\n".join(lines))


def _weights(reason: Explanation, section: str | None, top: int) -> list[str]:
    """Format the weights of a label, strongest first, and the log-odds."""
    weights = [(span.weight, " ".join(span.text.split())) for span in reason.spans[:top]]
    if section:
        weights.append((reason.heading, f"(the heading “{' '.join(section.split())}”)"))
    if reason.method == "occlusion":
        weights.append((reason.logit, "log-odds; each line above: how far they fall with that masked (no sum)"))
    else:
        if weaker := reason.spans[top:]:
            weights.append((sum(span.weight for span in weaker), f"({len(weaker)} weaker spans)"))
        weights += [(reason.bias, "(bias)"), (reason.logit, "= log-odds")]
    return [f"  {weight:+7.3f}  {what}" for weight, what in weights]
