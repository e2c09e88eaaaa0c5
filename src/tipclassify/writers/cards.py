"""The card of a finding: why it has its labels, as points that its words add, in a sum that a reader can check.

Of an encoder's finding: how far the points fall with a word masked, which is no sum, and the card says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tipclassify.document import Passage
from tipclassify.explanation import Explanation
from tipclassify.labels import LABELS
from tipclassify.writers import Run
from tipclassify.writers.markup import content
from tipclassify.writers.reasons import Reason, reason_of
from tipclassify.writers.wording import NAMES, badge, probability, section_name

__all__ = ["card"]


def card(passage: Passage, explanations: Mapping[str, Explanation], number: int, name: str, run: Run) -> str:
    """The card that says why a passage has its labels."""
    thresholds = dict(zip(LABELS, run.classifier.thresholds(run.policy).tolist(), strict=True))
    most = (4, 2) if len(passage.labels) == 1 else (3, 1)  # a card is to fit beside its passage
    reasons = [reason_of(passage.text, explanations[label], *most) for label in passage.labels]
    where = [f"Passage {number}", content(section_name(passage.section))]
    where += [f"page {passage.page}"] if passage.page else []
    where += [f"characters {passage.start}–{passage.end}"]
    doubt = (
        '<p class="caution">Low confidence: the passage has few words, or words that the model does not know. '
        "Decide for yourself.</p>\n"
        if passage.low_confidence
        else ""
    )
    return (
        f'<div class="why" id="{name}w" popover role="dialog" aria-labelledby="{name}h" tabindex="-1">\n'
        f'<p id="{name}h">{" · ".join(where)}</p>\n'
        f'<p class="vh" id="{name}s">{_spoken(reasons)}</p>\n{doubt}'
        + "".join(
            _sum(reason, passage.scores[reason.label], thresholds[reason.label], run.policy) for reason in reasons
        )
        + f'<p class="do"><a href="#{name}">Permalink</a></p>\n</div>\n'
    )


def _spoken(reasons: Sequence[Reason]) -> str:
    """What a screen reader says when the passage gets the focus."""
    said = []
    for reason in reasons:
        words = (
            ", ".join(f"“{content(p.text)}”" for p in reason.phrases[:2] if p.weight > 0) or "many words, none strong"
        )
        said.append(f"{NAMES[reason.label]}, chiefly for {words}.")
    return " ".join(said)


def _sum(reason: Reason, score: float, threshold: float, policy: str) -> str:
    """The reason for one label: points that add up to its log-odds, or how far they fall with a word masked."""
    points = [(f"“{content(phrase.text)}”", round(phrase.weight, 1)) for phrase in reason.phrases]
    bias, total = round(reason.bias, 1), round(reason.logit, 1)
    note, last = "", "together"
    if reason.additive:
        # The rest takes up what rounding leaves, so that the numbers shown add up to the last.
        points.append(("all other words", total - bias - sum(shown for _, shown in points)))
        points.append(("before any word is read", bias))
    else:
        note, last = (
            "<p>How far the points fall with this masked; these do not add up</p>\n",
            "points of the whole passage",
        )
    rows = "".join(f"<div><dt>{what}</dt><dd>{_signed(shown)}</dd></div>\n" for what, shown in points)
    return (
        f'<p class="head"><strong>{badge(reason.label)} {NAMES[reason.label]}</strong> '
        f"<span>probability <strong>{probability(score)}</strong></span></p>\n"
        f"<p>Tagged from {threshold:.2f}, by policy {content(policy)}</p>\n"
        f"{note}<dl>\n{rows}<div><dt>{last}</dt><dd>{_signed(total)}</dd></div>\n</dl>\n"
    )


def _signed(weight: float) -> str:
    return f"{round(weight, 1) + 0.0:+.1f}".replace("-", "−")  # adding 0.0 makes −0.0 a plain zero
