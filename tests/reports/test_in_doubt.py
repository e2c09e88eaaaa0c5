"""Labels in doubt have the rule of the codebook on their card."""

from __future__ import annotations

import io

import pytest

from tipclassify import Classifier
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.records import Block, Document, Passage, Report
from tipclassify.write.output import Output
from tipclassify.write.page import write_html
from tipclassify.write.reasons import doubtful

_, FAILURE, _ = LABELS
TEXT = "The harbor ministry hired four clerks who count boats."


def cards_of(classifier: Classifier, score: float, *texts: str) -> list[str]:
    """Return the cards of a report of sentences that are failures by a score."""
    scores = dict.fromkeys(LABELS, 0.01) | {FAILURE: score}
    passages = []
    start = 0
    for text in texts:
        end = start + len(text)
        passages.append(Passage(text, start, end, "Overview", (FAILURE,), scores, block=0))
        start = end + 1
    whole = "\n".join(texts)
    document = Document(whole, (Block(0, len(whole), "Overview"),), "k.html", "Karvonia")
    out = io.StringIO()
    report = Report("k.html", document, passages, run=classifier.run())
    write_html([report], out, Output(classifier.run()))
    return out.getvalue().split('<div class="why"')[1:]


@pytest.mark.parametrize(
    ("score", "labels", "in_doubt"),
    [(0.55, (FAILURE,), True), (0.97, (FAILURE,), False), (0.45, (), True)],
)
def test_a_label_is_in_doubt_below_its_threshold_or_just_above(
    score: float, labels: tuple[str, ...], in_doubt: bool
) -> None:
    passage = Passage(TEXT, 0, len(TEXT), None, labels, {FAILURE: score})
    expected = (FAILURE,) if in_doubt else ()
    assert doubtful(passage, (FAILURE,), {FAILURE: 0.5}) == expected


def test_the_rule_stands_on_all_cards_in_doubt(
    fast: Classifier,
) -> None:
    in_doubt = min(fast.run().thresholds[FAILURE] + 0.01, 0.99)
    other = "Roads are bad and nobody jailed the nine traffickers."
    first, again, another = cards_of(fast, in_doubt, TEXT, TEXT, other)
    assert [card.count(MEANINGS[FAILURE]) for card in (first, again, another)] == [1, 1, 1]
    assert '<a href="#p1">' in again
    (clear,) = cards_of(fast, 0.999, TEXT)
    assert "Permalink" in clear
    assert MEANINGS[FAILURE] not in clear
