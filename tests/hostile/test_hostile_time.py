"""Time that grows with the length of a text and not with its square, whatever is repeated in it."""

from __future__ import annotations

import gc
import re
import sys
import time
from collections.abc import Callable

import pytest
from lxml import etree

from tipclassify import Classifier
from tipclassify.corpus.curate import LEAK_SIMILARITY, near_duplicate_pairs
from tipclassify.formatting import csv_cell, unformat_csv_cell
from tipclassify.model.encoder.names import mask_names, normalize_spelling
from tipclassify.model.scoring import OCCLUSION, Explanation, SpanWeight
from tipclassify.readers.formats import detect_format
from tipclassify.readers.html.lines import read_lines
from tipclassify.records import Passage
from tipclassify.reports.compare import align
from tipclassify.text.prose import is_non_prose
from tipclassify.text.sections import (
    HeadingOutline,
    run_in_section,
    section_named_by,
)
from tipclassify.text.split import split_passages, text_document
from tipclassify.text.templates import featurize, heading_hashes
from tipclassify.write.reasons import summarize

KNOWN = frozenset("the police acted in of and labor".split())


def read_heading(text: str) -> None:
    """Read a line as a heading, in every way that it is read."""
    outline = HeadingOutline()
    for heading in ("b. Forced Labor", text, "Description"):
        outline.section(heading)
    section_named_by(text)
    run_in_section(text)
    heading_hashes(text)
    normalize_spelling(text)


FAST = Classifier.load("fast")


def give_reasons(text: str) -> None:
    """Explain a paragraph without the end of a sentence, as the pages and the desk do."""
    (passage,) = FAST.tag([Passage(text, 0, len(text))])
    for explanation in FAST.explain(passage).values():
        summarize(text, explanation)


def give_reasons_by_words(text: str) -> None:
    """Give the reasons of an encoder, which has a span for each word and each clause."""
    spans = [SpanWeight(at, at + 2, text, 1.0) for at in range(0, len(text), 4)]
    spans += [SpanWeight(at, at + 40, text, 2.0) for at in range(0, len(text), 40)]
    summarize(text, Explanation("failure", 0.5, 0.0, 0.0, tuple(spans), OCCLUSION, 0.0))


def detect(text: str) -> None:
    """Detect the format of a file that says it is plain text."""
    detect_format(text.encode(), "a.txt", ".txt")


def read_web_page(text: str) -> None:
    """Read a web page without its layout."""
    read_lines(etree.HTML(f"<body>{text}</body>"))


CASES: dict[Callable[[str], object], tuple[str, ...]] = {
    lambda text: split_passages(text_document(text), "clause"): (
        "“A", "'", '"a ', "((a)", ". (1)", "Act. (1) ", "• ", "“? ", ". . ", "(1) ", "; and ",
        "U.S. ", "\u200b ",
    ),
    read_heading: (
        "#", "(", "!", "section 1", "Tier 1:", "overview and ", "protection of ", "SECTION ", " ",
    ),
    lambda text: is_non_prose(text, text): ("1. ", "A-", "a_a ", ".", "a@a."),
    lambda text: featurize([text], KNOWN): ("(", "a@", "www.", "(a.", "Å"),
    lambda text: mask_names([text], KNOWN, "X"): (
        "(", "Labour Kenya ", "El Salvador, ", "A and ", "A-",
    ),
    read_web_page: ("a<br>", "a<br><br>", "<b>a</b><br>", "<p>a<br>"),
    detect: ("<!-- a -->", "<!--", "<?xml ?>", "X-A: a\n", "\n"),
    give_reasons: (
        "police arrested nine traffickers and ",
        "the government did not convict officials, ",
        "not ",
    ),
    give_reasons_by_words: ("not ", "failed; "),
    lambda text: unformat_csv_cell(str(csv_cell("a" + text))): (
        "\t", "\n", "; \"", "'", ";'", "\ufeff",
    ),
}  # fmt: skip


def seconds(step: Callable[[str], object], text: str) -> float:
    """Return the processor time that a step takes on a text.

    Without collections of garbage, as timeit has it: they go through what all tests before left.
    """
    gc.disable()
    try:
        begin = time.process_time()
        step(text)
        return time.process_time() - begin
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("step", "repeated"), [(step, unit) for step, units in CASES.items() for unit in units]
)
def test_twice_the_text_takes_twice_the_time(step: Callable[[str], object], repeated: str) -> None:
    short, long = (repeated * (size // len(repeated)) + " @" for size in (20_000, 40_000))
    # the best of some, since other processes disturb
    assert any(grows_in_step(step, short, long) for _ in range(4))


def grows_in_step(step: Callable[[str], object], short: str, long: str) -> bool:
    """Compare the times of two texts; under 40 ms for the short one they say nothing."""
    longer = seconds(step, long)
    return longer < 2.5 * 0.04 or longer < 2.5 * seconds(step, short)


def test_a_text_that_begins_with_comments_is_read_at_once() -> None:
    """The ways to take one comment for two doubled with each comment."""
    for comments in (b"<!---->" * 24, b"<!-- a --> " * 24):
        begin = time.process_time()
        assert detect_format(comments + b"\nPolice arrested nine.\n", "a.txt", ".txt") == "text"
        assert time.process_time() - begin < 2


# ----------------------------------------------------------------------- what is compared with what


def test_near_identical_rows_are_compared_with_some_and_each_is_found() -> None:
    """All pairs of 3,000 such rows would be 4.5 million."""
    start = "Police in Karvonia arrested nine recruiters, but the courts convicted none of"
    texts = [f"{start} case{number}." for number in range(3_000)]
    pairs = [(first, second) for first, second, _ in near_duplicate_pairs(texts, LEAK_SIMILARITY)]
    assert len(pairs) < 450 * len(texts)
    assert {row for pair in pairs for row in pair} == set(range(len(texts)))


def test_words_that_too_many_passages_have_find_no_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Passages whose common words would make each a candidate of all others."""
    names = [f"{first}{second}ovia" for first in "BDFGKLMNPR" for second in "aeiou"]
    shared = (
        "Police arrested recruiters, charged smugglers, jailed brokers, freed workers, "
        "closed farms, seized boats and fined owners of"
    )
    texts = [f"{shared} {name}." for name in names]
    passages = [Passage(text, 0, len(text)) for text in texts]
    vocabulary = frozenset(re.findall("[a-z]+", shared.lower()))
    old, new = align.sides(passages, passages, vocabulary)
    assert len(align.find_candidates(old, new)) == len(names) ** 2
    monkeypatch.setattr(align, "_TOO_COMMON", len(names))
    candidates = align.find_candidates(old, new)
    assert sorted(pair.old for pair in candidates) == list(range(len(names)))
    assert all(pair.old == pair.new for pair in candidates)


def calls_of(step: Callable[..., object], *arguments: object) -> int:
    """Count the calls of functions that a step makes, which no other process disturbs."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        step(*arguments)
    finally:
        sys.setprofile(None)
    return calls
