"""Normalise an encoder's input.

Names are masked (entity masking), spelling is American, apostrophes are straight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from tipclassify.text.lexicon import WORDS
from tipclassify.text.replaced import ReplacedText, Span, replace_spans
from tipclassify.text.tokens import (
    folded_words,
    text_batches,
    tokenize,
)
from tipclassify.text.words import NAME, american

_CAPITALISED: Final = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:[-'’](?!s\b)[^\W\d_]+)*")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_WITHIN_NAME: Final = re.compile(r"-|\s(?:(?:and|of|the|de|da|do|du|la|al|el)\s){0,2}(?:d['’])?|")
# a full stop after these does not end a name
_TITLES: Final = frozenset("Mr Mrs Ms Dr St Gen Col Lt Capt Sgt".split())
_ARTICLE: Final = re.compile(r"\b[Tt]he\s$")
_OPENING: Final = re.compile(r"(?:^|[.!?:;…(\"“”•—\n])[\s\"'“‘(]*$")
_POSSESSIVE: Final = re.compile(r"['’]s?\b")
_STRAIGHT: Final = str.maketrans("‘’“”", "''\"\"")
_GEOGRAPHIC: Final = frozenset(WORDS["geographic"])
_LOOKBEHIND: Final = 8  # characters before a name, enough to detect the start of a sentence
_NAMES: Final = "|".join(re.escape(name.replace("_", " ")) for name in WORDS["country_names"])
_COUNTRY_NAMES: Final = re.compile(rf"\b(?:[Tt]he )?(?:{_NAMES})(?!\w)")
# with demonyms: names even at the start of a sentence
COUNTRY_WORDS: Final = frozenset(WORDS["countries"])


def mask_names(
    texts: Sequence[str], vocabulary: frozenset[str], placeholder: str
) -> list[ReplacedText]:
    """Replace every name by `placeholder`; `vocabulary` is that of `tipclassify.text.tokens.tokenize`.

    Names are narrower than those of the fast model: words of place names ("New", "Port") and rare
    words at the start of a sentence are kept.

    >>> texts = ["Do not jail them. Kenya's courts met Ada Obi."]
    >>> [masked.text for masked in mask_names(texts, frozenset({"do", "not"}), "X")]
    ["Do not jail them. X's courts met X."]
    """
    masked: list[ReplacedText] = []
    for _, batch in text_batches(texts):
        tokens = tokenize(batch, vocabulary)
        is_name = tokens.word == NAME
        rows = tokens.row[is_name].tolist()
        starts = tokens.start[is_name].tolist()
        ends = tokens.end[is_name].tolist()
        names: list[list[Span]] = [[] for _ in batch]  # of the fast model
        for row, start, end in zip(rows, starts, ends, strict=True):
            names[row].append((start, end))
        for text, spans in zip(batch, names, strict=True):
            masked.append(_replaced(text, _narrowed(text, spans, vocabulary), placeholder))
    return masked


def _narrowed(text: str, names: list[Span], vocabulary: frozenset[str]) -> list[Span]:
    """Return the country names of a text, and what remains of the names of the fast model."""
    spans = [country.span() for country in _COUNTRY_NAMES.finditer(text)]
    words_of_countries = {
        word.span() for start, end in spans for word in _CAPITALISED.finditer(text, start, end)
    }
    for start, end in names:
        run: list[Span] = []
        for word in _CAPITALISED.finditer(text, start, end):
            if run and not _goes_on(text, run[-1], word.start()):
                spans += _trimmed(text, run, vocabulary, words_of_countries)
                run = []
            run.append(word.span())
        if run:
            spans += _trimmed(text, run, vocabulary, words_of_countries)
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _goes_on(text: str, word: Span, following: int) -> bool:
    between = text[word[1] : following]
    if between.startswith(".") and (word[1] - word[0] == 1 or text[word[0] : word[1]] in _TITLES):
        between = between[1:]
    return _WITHIN_NAME.fullmatch(between) is not None


def _trimmed(
    text: str, run: list[Span], vocabulary: frozenset[str], words_of_countries: set[Span]
) -> list[Span]:
    """Trim a run of capitalised words to its name, if it holds one."""
    words = [folded_words(text[start:end]) for start, end in run]
    unknown = [
        span in words_of_countries or not vocabulary.issuperset(folded)
        for span, folded in zip(run, words, strict=True)
    ]
    first = run[0][0]
    last = run[-1][1]
    before = max(0, first - _LOOKBEHIND)
    article = _ARTICLE.search(text, before, first)
    if article:
        first = article.start()
    elif _OPENING.search(text[before:first]):
        if not any(unknown[1:]):
            country = bool(COUNTRY_WORDS.intersection(words[0]))
            if country or (unknown[0] and _POSSESSIVE.match(text, run[0][1])):
                return [(first, run[0][1])]
            return []
        if not unknown[0] and not _GEOGRAPHIC.intersection(words[0]):
            first = run[1][0]  # an ordinary word: "Do", "Minor", "Some"
    if any(unknown) and not _is_acronym(text[first:last]):
        return [(first, last)]
    return []


def _is_acronym(name: str) -> bool:
    """Test whether a name consists of acronyms of organisations only.

    Labels depend on UNICEF being no government.
    """
    words = _LETTERS.findall(name.removeprefix("the ").removeprefix("The "))
    return bool(words) and all(
        len(word) > 1 and word.isupper() and word.lower() not in COUNTRY_WORDS for word in words
    )


def normalize_spelling(text: str) -> str:
    """Normalise spelling and apostrophes, names unchanged: for headings.

    >>> normalize_spelling("Workers’ Rights and Forced Labour")
    "Workers' Rights and Forced labor"
    """
    return _replaced(text, [], "").text


def _replaced(text: str, names: list[Span], placeholder: str) -> ReplacedText:
    """Replace names, and British spelling outside them."""
    changes = [(start, end, placeholder) for start, end in names]
    for word in _LETTERS.finditer(text):
        if plain := _respelled(word.group()):
            changes.append((*word.span(), plain))
    masked = replace_spans(text, changes)
    return replace(masked, text=masked.text.translate(_STRAIGHT))


@lru_cache(1 << 15)
def _respelled(word: str) -> str:
    """Return a word with British endings replaced, also "otherwize"; "" where nothing changes."""
    folded = word.lower()
    plain = american(folded)
    return "" if plain == folded else plain
