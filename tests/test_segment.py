"""Passages point at exact characters, whatever the text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tipclassify.segment import split_passages, text_document

# Everything that has broken offsets somewhere: surrogate-pair characters, CRLF, tabs, no-break spaces, list marks.
PIECES = st.sampled_from(
    [
        "The police acted.",
        "😀",
        "𝒯rafficking",
        "\r\n",
        "\n\n",
        "\t",
        "\u00a0",
        " ",
        "1.",
        "• ",
        "(a) ",
        "U.S.",
        "…",
        "...",
        "Art. 4 (2)",
        ";Amend",
        ".Amend it",
        "\u2028",
        "\x85",
        "\x0c",
        "“Quote.”",
        "PROTECTION",
        "-",
        "e\u0301",
        "Ministère",
        "\x00",
        "”",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join))


@given(TEXTS)
@example("")
@example("a" * 20_000)
@example("The court, in Art. 12, ruled. " * 2_000)
def test_every_passage_is_its_characters(text: str) -> None:
    passages = split_passages(text_document(text))
    assert all(text[p.start : p.end] == p.text and p.text.strip() == p.text and p.text for p in passages)
    assert all(a.end <= b.start for a, b in itertools.pairwise(passages))


@given(TEXTS)
def test_nothing_but_space_and_headings_is_lost(text: str) -> None:
    document = text_document(text)
    covered = [(p.start, p.end) for p in split_passages(document)]
    covered += [(b.start, b.end) for b in document.blocks if b.heading]
    left = set(range(len(text))) - {i for a, b in covered for i in range(a, b)}
    assert all(text[i].isspace() for i in left)


def texts(text: str) -> list[str]:
    return [p.text for p in split_passages(text_document(text))]


@pytest.mark.parametrize(
    "sentence",
    [
        "The U.S.-funded shelter in St. John's closed.",
        "Law No. 182 of Art. 4 (2) applies, e.g. to domestic workers.",
        "Fines reached 12,000 francs ($840).",
        "Mr. Sok said the ministry acted.",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str) -> None:
    assert texts(f"{sentence} It was late.") == [sentence, "It was late."]


def test_a_list_number_stays_with_its_sentence() -> None:
    assert texts("1. Prosecute traffickers.\n2. Fund shelters.") == ["1. Prosecute traffickers.", "2. Fund shelters."]


def test_recommendations_run_together_are_parted() -> None:
    assert texts("Hold officials accountable.Amend the law;Train judges.") == [
        "Hold officials accountable.",
        "Amend the law;",
        "Train judges.",
    ]


def test_an_ellipsis_before_a_capital_ends_a_sentence() -> None:
    assert texts("They often acted late… The government said nothing.") == [
        "They often acted late…",
        "The government said nothing.",
    ]


def test_a_hard_wrapped_paragraph_is_one_block() -> None:
    wrapped = (
        "The government of the islands investigated nine cases of forced\n"
        "labor during the year, of which prosecutors brought four before a\n"
        "court."
    )
    assert texts(wrapped) == [wrapped]


def test_lines_that_are_no_wrapped_paragraph_stand_alone() -> None:
    assert texts("Article\n24 June 2024\nTimeline") == ["Article", "24 June 2024", "Timeline"]


def test_section_names_open_sections_and_are_not_passages() -> None:
    text = "PROSECUTION\nPolice acted.\n\nTrafficking Profile:\nGirls beg."
    assert [(p.section, p.text) for p in split_passages(text_document(text))] == [
        ("prosecution", "Police acted."),
        ("profile", "Girls beg."),
    ]
