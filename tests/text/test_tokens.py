"""Test the tokenizer: irrelevant differences are folded, and offsets stay valid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify.text.templates import featurize, heading_hashes
from tipclassify.text.tokens import collect_vocabulary, tokenize
from tipclassify.text.words import NAME, NUMBER

KNOWN = frozenset(
    "the government of in shelters prosecuted suspects people law labor and with".split()
)


def words(text: str) -> list[int]:
    """Return the numbers of the words of a text."""
    return tokenize([text], KNOWN).word.tolist()


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        ("The Government of Chad", "The government of Kessara"),
        ("in Trinidad and Tobago the law", "in Valdoria the law"),
        ("the Democratic Republic of the Congo", "Norvia"),
        ("the law’s shelters", "the law's shelters"),
        ("the\u00a0law", "the law"),
        ("labour organisations", "labor organizations"),
        ("prose\u00adcuted \u200bshel\u200bters\ufeff", "prosecuted shelters"),
        ("the \u200b\u2060 law", "the law"),
        ("prosecuted 1,250 suspects", "prosecuted nine suspects"),
        ("see https://example.org/failed/to/prosecute now", "see www.example.org now"),
        ("Côte d’Ivoire prosecuted", "Valdoria prosecuted"),
    ],
)
def test_two_spellings_are_one(spelling: str, other: str) -> None:
    assert words(spelling) == words(other)


def test_a_name_and_a_figure_are_stand_ins() -> None:
    assert words("Kessara prosecuted 14") == [NAME, words("prosecuted")[0], NUMBER]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("the law in Karvo-au-Prince", ["Karvo-au-Prince"]),
        ("the law in Karvo-Prince and suspects", ["Karvo-Prince"]),
        ("Valdoria-led shelters", ["Valdoria"]),
        ("Valdoria - Prince of law", ["Valdoria"]),
        ("the au-Prince law", []),
    ],
)
def test_what_hyphens_join_to_a_name_is_part_of_it(text: str, names: list[str]) -> None:
    tokens = tokenize([text], KNOWN | {"au", "prince", "led"})
    spans = zip(tokens.start[tokens.name], tokens.end[tokens.name], strict=True)
    assert [text[start:end] for start, end in spans] == names


def test_a_known_word_in_capitals_is_no_name() -> None:
    assert words("GOVERNMENT") == words("government")


@given(st.lists(st.text(max_size=60), max_size=5))
def test_spans_lie_within_their_passage(passages: list[str]) -> None:
    features = featurize(passages, KNOWN)
    assert all(
        0 <= a < b <= len(passages[r])
        for r, a, b in zip(
            features.row.tolist(), features.start.tolist(), features.end.tolist(), strict=True
        )
    )


@given(st.lists(st.text(max_size=60), min_size=2, max_size=5))
def test_features_of_a_passage_do_not_depend_on_its_neighbours(passages: list[str]) -> None:
    together = featurize(passages, KNOWN)
    for row, passage in enumerate(passages):
        alone = featurize([passage], KNOWN)
        here = together.row == row
        assert sorted(together.hash[here].tolist()) == sorted(alone.hash.tolist())


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_line_break_within_a_passage_is_a_space(line_end: str) -> None:
    space = " " * len(line_end)
    wrapped = f"The government of{line_end}Kessara prosecuted{line_end}nine suspects, people"
    neighbours = ["the law", "shelters with people"]
    for before, after in (([], []), (neighbours, neighbours)):
        broken = featurize([*before, wrapped, *after], KNOWN)
        joined = featurize([*before, wrapped.replace(line_end, space), *after], KNOWN)
        for name in ("row", "hash", "start", "end"):
            assert getattr(broken, name).tolist() == getattr(joined, name).tolist()


def test_offsets_hold_after_half_characters_were_met() -> None:
    tokenize(["\ud83d", "\ude00"], KNOWN)  # the two halves of 😀, each alone
    t = tokenize(["😀 government 😀 law"], KNOWN)
    assert list(zip(t.start.tolist(), t.end.tolist(), strict=True)) == [(2, 12), (15, 18)]


@pytest.mark.parametrize(
    "text",
    ["see https://example.org/a now", "see www.example.org/a now", "write a.b@example.org now"],
)
def test_an_address_is_one_word_in_a_text_of_any_length(text: str) -> None:
    before = ["the law with people" for _ in range(300)]
    long = tokenize([*before, text], KNOWN)
    assert long.word[long.row == 300].tolist() == words(text)
    assert len(words(text)) == 3


def test_known_words_are_those_seen_in_lower_case_often_enough() -> None:
    assert collect_vocabulary(["The police acted", "Police in Kessara, the police"]) == frozenset(
        {"police"}
    )


@pytest.mark.parametrize(
    "heading",
    [
        "b. Prohibition of Forced Labor",
        "Section 7. Prohibition of Forced Labour",
        "SECTION 7 – PROHIBITION OF FORCED LABOR",
        "3.2 Prohibition of forced labor",
        "iv) Prohibition of Forced Labor:",
        "(a) Prohibition of Forced Labor",
        "Table 4. Prohibition of Forced Labor",
        "Part II: Prohibition of Forced Labor",
        "Section 7. b. Prohibition of Forced Labor",
    ],
)
def test_a_heading_is_read_without_its_enumerator(heading: str) -> None:
    assert (
        heading_hashes(heading).tolist() == heading_hashes("Prohibition of Forced Labor").tolist()
    )


@pytest.mark.parametrize(
    "heading",
    [
        "I saw",
        "A Shelter",
        "Parts of Labor",
        "2019 Findings",
        "Section of Labor",
        "Mixed Marriages",
    ],
)
def test_a_heading_that_begins_with_a_word_keeps_it(heading: str) -> None:
    rest = heading.split(maxsplit=1)[1]
    assert len(heading_hashes(heading)) == len(heading_hashes(rest)) + 2


def test_a_heading_has_words_pairs_and_itself() -> None:
    hashes = heading_hashes("Child Labor")
    other = heading_hashes("Labor of the Child")
    assert len(hashes) == 2 + 1 + 1
    assert len({*hashes.tolist(), *other.tolist()}) == 4 + 8 - 2  # they share two words
    assert not {*hashes.tolist()} & {*featurize(["child labor"], KNOWN).hash.tolist()}
    assert not len(heading_hashes(None))
