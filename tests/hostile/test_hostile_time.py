"""Time that grows with the length of a text and not with its square, whatever is repeated in it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from lxml import etree

from tipclassify import Classifier
from tipclassify.formatting import csv_cell, csv_text
from tipclassify.model.common.explanation import OCCLUSION, Explanation, SpanWeight
from tipclassify.model.encoder.name_masking import mask_names, normalize_spelling
from tipclassify.readers.html.lines import page_lines
from tipclassify.reporting.writers.reasons import summarize_explanation
from tipclassify.text.document import Passage
from tipclassify.text.features.hashing import featurize, heading_hashes
from tipclassify.text.furniture import is_furniture
from tipclassify.text.segmentation.passages import split_passages, text_document
from tipclassify.text.segmentation.sections import Outline, named_section, run_in_section

KNOWN = frozenset("the police acted in of and labor".split())


def read_heading(text: str) -> None:
    outline = Outline()
    for heading in ("b. Forced Labor", text, "Description"):
        outline.section(heading)
    named_section(text)
    run_in_section(text)
    heading_hashes(text)
    normalize_spelling(text)


FAST = Classifier.load("fast")


def give_reasons(text: str) -> None:
    """Explain a paragraph without the end of a sentence, as the pages and the desk do."""
    (passage,) = FAST.tag_passages([Passage(text, 0, len(text))])
    for explanation in FAST.explain(passage).values():
        summarize_explanation(passage, explanation)


def give_reasons_by_words(text: str) -> None:
    """Give the reasons of an encoder, which has a span for each word and each clause."""
    spans = [SpanWeight(at, at + 2, text, 1.0) for at in range(0, len(text), 4)]
    spans += [SpanWeight(at, at + 40, text, 2.0) for at in range(0, len(text), 40)]
    summarize_explanation(
        Passage(text, 0, len(text)),
        Explanation("failure", 0.5, 0.0, 0.0, tuple(spans), OCCLUSION, 0.0),
    )


def read_page(text: str) -> None:
    """Read a web page without its layout."""
    page_lines(etree.HTML(f"<body>{text}</body>"))


CASES: dict[Callable[[str], object], tuple[str, ...]] = {
    lambda text: split_passages(text_document(text), "clause"): (
        "“A", "'", '"a ', "((a)", ". (1)", "Act. (1) ", "• ", "“? ", ". . ", "(1) ", "; and ", "U.S. ", "\u200b ",
    ),
    read_heading: ("#", "(", "!", "section 1", "Tier 1:", "overview and ", "protection of ", "SECTION ", " "),
    lambda text: is_furniture(text, text): ("1. ", "A-", "a_a ", ".", "a@a."),
    lambda text: featurize([text], KNOWN): ("(", "a@", "www.", "(a.", "Å"),
    lambda text: mask_names([text], KNOWN, "X"): ("(", "Labour Kenya ", "El Salvador, ", "A and ", "A-"),
    read_page: ("a<br>", "a<br><br>", "<b>a</b><br>", "<p>a<br>"),
    give_reasons: ("police arrested nine traffickers and ", "the government did not convict officials, ", "not "),
    give_reasons_by_words: ("not ", "failed; "),
    lambda text: csv_text(str(csv_cell("a" + text))): ("\t", "\n", "; \"", "'", ";'", "\ufeff"),
}  # fmt: skip


def seconds(step: Callable[[str], object], text: str) -> float:
    begin = time.process_time()
    step(text)
    return time.process_time() - begin


@pytest.mark.parametrize(
    ("step", "repeated"), [(step, one) for step, units in CASES.items() for one in units]
)
def test_twice_the_text_takes_twice_the_time(step: Callable[[str], object], repeated: str) -> None:
    short, long = (repeated * (size // len(repeated)) + " @" for size in (20_000, 40_000))
    # the best of some, since other processes disturb
    assert any(grows_in_step(step, short, long) for _ in range(4))


def grows_in_step(step: Callable[[str], object], short: str, long: str) -> bool:
    """Compare the times of two texts; under 40 ms for the short one they say nothing."""
    longer = seconds(step, long)
    return longer < 2.5 * 0.04 or longer < 2.5 * seconds(step, short)
