"""The card of a passage: why it has its labels, or why not, as points that its words and its heading add.

Of the fast model they are a sum that a reader can check. Of the default they say how far the points fall with a word masked or
without the heading, which is no sum, and the card says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tipclassify.document import Passage
from tipclassify.explanation import Explanation
from tipclassify.labels import LABELS
from tipclassify.writers import Run
from tipclassify.writers.markup import content
from tipclassify.writers.reasons import Reason, labels_shown, reason_of
from tipclassify.writers.wording import NAMES, badge, probability, section_name

__all__ = ["card"]

_NOT_COMPUTED = (
    "<p>The reasons were left out: more probable passages came first. “tipclassify explain” and “tipclassify review” give them."
    "</p>\n"
)


def card(passage: Passage, explanations: Mapping[str, Explanation] | None, number: int, name: str, run: Run) -> str:
    """The card that says why a passage has its labels or, of one without, does not have those within reach."""
    thresholds = dict(zip(LABELS, run.classifier.thresholds(run.policy).tolist(), strict=True))
    labels = labels_shown(passage, thresholds)
    most = (4, 2) if len(labels) == 1 else (3, 1)  # a card is to fit beside its passage
    reasons = {label: reason_of(passage.text, explanations[label], *most) for label in labels} if explanations else {}
    where = [f"Passage {number}", content(section_name(passage.section))]
    where += [f"page {passage.page}"] if passage.page else []
    where += [f"characters {passage.start}–{passage.end}"]
    doubt = (
        '<p class="caution">Low confidence: the passage has few words, or words that the model does not know. '
        "Decide for yourself.</p>\n"
        if passage.low_confidence
        else ""
    )
    spoken = f'<p class="vh" id="{name}s">{_spoken(labels, reasons)}</p>\n' if passage.labels else ""
    return (
        f'<div class="why" id="{name}w" popover role="dialog" aria-labelledby="{name}h" tabindex="-1">\n'
        f'<p id="{name}h">{" · ".join(where)}</p>\n{spoken}{doubt}'
        + "".join(
            _head(label, passage, thresholds[label], run.policy)
            + (_points(reasons[label], passage.section) if reasons else "")
            for label in labels
        )
        + ("" if reasons else _NOT_COMPUTED)
        + f'<p class="do"><a href="#{name}">Permalink</a></p>\n</div>\n'
    )


def _spoken(labels: Sequence[str], reasons: Mapping[str, Reason]) -> str:
    """What a screen reader says when the passage gets the focus."""
    said = []
    for label in labels:
        words = [f"“{content(p.text)}”" for p in reasons[label].phrases[:2] if p.weight > 0] if label in reasons else []
        said.append(f"{NAMES[label]}, chiefly for {', '.join(words) or 'many words, none strong'}.")
    return " ".join(said) if reasons else f"{', '.join(NAMES[label] for label in labels)}."


def _head(label: str, passage: Passage, threshold: float, policy: str) -> str:
    verdict = "Tagged from" if label in passage.labels else "Not tagged: that would be from"
    return (
        f'<p class="head"><strong>{badge(label)} {NAMES[label]}</strong> '
        f"<span>probability <strong>{probability(passage.scores[label])}</strong></span></p>\n"
        f"<p>{verdict} {threshold:.2f}, by policy {content(policy)}</p>\n"
    )


def _points(reason: Reason, section: str | None) -> str:
    """The reason for one label: points that add up to its log-odds, or how far they fall with a part masked."""
    points = [(f"“{content(phrase.text)}”", round(phrase.weight, 1)) for phrase in reason.phrases]
    heading, bias, total = round(reason.heading, 1), round(reason.bias, 1), round(reason.logit, 1)
    if section and heading:
        points.append((f"the heading “{content(section_name(section))}”", heading))
    note, last = "", "together"
    if reason.additive:
        # The rest takes up what rounding leaves, so that the numbers shown add up to the last.
        points.append(("all other words", total - bias - sum(shown for _, shown in points)))
        points.append(("before any word is read", bias))
    else:
        note, last = (
            "<p>How far the points fall without this; these do not add up</p>\n",
            "points of the whole passage",
        )
    rows = "".join(f"<div><dt>{what}</dt><dd>{_signed(shown)}</dd></div>\n" for what, shown in points)
    return f"{note}<dl>\n{rows}<div><dt>{last}</dt><dd>{_signed(total)}</dd></div>\n</dl>\n"


def _signed(weight: float) -> str:
    return f"{round(weight, 1) + 0.0:+.1f}".replace("-", "−")  # adding 0.0 makes −0.0 a plain zero
