"""Normalise an encoder's input.

Names are masked (entity masking), spelling is American, apostrophes are straight.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from tipclassify.text.lexicon import WORDS
from tipclassify.text.tokens import (
    folded_words,
    text_batches,
    tokenize,
)
from tipclassify.text.words import NAME, american

Span = tuple[int, int]

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


@dataclass(frozen=True)
class MaskedText:
    """Text with names masked and spelling normalised, aligned with the original text."""

    text: str  # input of the encoder
    # of each replaced name or word in the original, ascending
    source_spans: list[Span] = field(default_factory=list)
    placeholder_spans: list[Span] = field(default_factory=list)  # of its replacement in `text`

    def source_span(self, span: Span) -> Span:
        """Map a span of `text` to the original text; inside a placeholder, to the whole name.

        >>> masked = mask_names(["In Valdoria police acted."], frozenset({"in", "police"}), "X")[0]
        >>> masked.text, masked.source_span((3, 4)), masked.source_span((5, 11))
        ('In X police acted.', (3, 11), (12, 18))
        """
        return self._source_offset(span[0], first=True), self._source_offset(span[1], first=False)

    def _source_offset(self, at: int, first: bool) -> int:
        # the last placeholder that starts at or before `at` (before it, for the end of a span)
        latest = at if first else at - 1
        number = bisect_right(self.placeholder_spans, latest, key=lambda span: span[0]) - 1
        if number < 0:
            return at
        start, end = self.source_spans[number]
        _, placeholder_end = self.placeholder_spans[number]
        if at < placeholder_end or (at == placeholder_end and not first):
            return start if first else end
        return end + at - placeholder_end


def mask_names(
    texts: Sequence[str], vocabulary: frozenset[str], placeholder: str
) -> list[MaskedText]:
    """Replace every name by `placeholder`; `vocabulary` is that of `tipclassify.text.tokens.tokenize`.

    Names are narrower than those of the fast model: words of place names ("New", "Port") and rare
    words at the start of a sentence are kept.

    >>> texts = ["Do not jail them. Kenya's courts met Ada Obi."]
    >>> [masked.text for masked in mask_names(texts, frozenset({"do", "not"}), "X")]
    ["Do not jail them. X's courts met X."]
    """
    masked: list[MaskedText] = []
    for _, batch in text_batches(texts):
        tokens = tokenize(batch, vocabulary)
        names: list[list[Span]] = []
        countries: list[dict[int, int]] = []  # end of the country name at each offset in one
        for text in batch:
            spans = [name.span() for name in _COUNTRY_NAMES.finditer(text)]
            ends: dict[int, int] = {}
            for start, end in spans:
                ends.update(dict.fromkeys(range(start, end), end))
            names.append(spans)
            countries.append(ends)
        is_name = tokens.word == NAME
        rows = tokens.row[is_name].tolist()
        starts = tokens.start[is_name].tolist()
        ends_of_names = tokens.end[is_name].tolist()
        for row, start, end in zip(rows, starts, ends_of_names, strict=True):
            within = (start, end)
            names[row].extend(_names_within(batch[row], within, vocabulary, countries[row]))
        masked += (
            _replaced(text, _merged(spans), placeholder)
            for text, spans in zip(batch, names, strict=True)
        )
    return masked


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _names_within(
    text: str, within: Span, vocabulary: frozenset[str], countries: Mapping[int, int]
) -> Iterator[Span]:
    """Split the name of the fast model that lies `within` two offsets into names.

    `countries` has the end of the country name at each offset in one.
    """
    run: list[Span] = []
    start, end = within
    for word in _CAPITALISED.finditer(text, start, end):
        if run and not _goes_on(text, run[-1], word.start()):
            yield from _trimmed(text, run, vocabulary, countries)
            run = []
        run.append(word.span())
    if run:
        yield from _trimmed(text, run, vocabulary, countries)


def _goes_on(text: str, word: Span, following: int) -> bool:
    between = text[word[1] : following]
    if between.startswith(".") and (word[1] - word[0] == 1 or text[word[0] : word[1]] in _TITLES):
        between = between[1:]
    return _WITHIN_NAME.fullmatch(between) is not None


def _trimmed(
    text: str, run: list[Span], vocabulary: frozenset[str], countries: Mapping[int, int]
) -> Iterator[Span]:
    """Trim a run of capitalised words to its name; yield nothing if it holds none."""
    words = [folded_words(text[a:b]) for a, b in run]
    unknown = [
        not vocabulary.issuperset(folded) or b <= countries.get(a, 0)
        for (a, b), folded in zip(run, words, strict=True)
    ]
    first = run[0][0]
    last = run[-1][1]
    article = _ARTICLE.search(text, max(0, first - _LOOKBEHIND), first)
    if article:
        first = article.start()
    elif _OPENING.search(text[max(0, first - _LOOKBEHIND) : first]):
        country = bool(COUNTRY_WORDS.intersection(words[0]))
        if not any(unknown[1:]):
            if country or (unknown[0] and _POSSESSIVE.match(text, run[0][1])):
                yield (first, last if len(run) == 1 else run[0][1])
            return
        if not unknown[0] and not _GEOGRAPHIC.intersection(words[0]):
            first = run[1][0]  # an ordinary word: "Do", "Minor", "Some"
    if any(unknown) and not _is_acronym(text[first:last]):
        yield (first, last)


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


def _replaced(text: str, names: list[Span], placeholder: str) -> MaskedText:
    """Replace names, and British spelling outside them."""
    words = [
        (*word.span(), plain)
        for word in _LETTERS.finditer(text)
        if (plain := _respelled(word.group()))
    ]
    parts: list[str] = []
    spans: list[Span] = []
    placeholder_spans: list[Span] = []
    last = 0  # end of what is replaced, in `text`
    length = 0  # of the parts
    changes = [(start, end, placeholder) for start, end in names] + words
    for start, end, new in sorted(changes, key=lambda change: (change[0], -change[1])):
        if start < last:
            continue  # a word of a name
        length += start - last
        spans.append((start, end))
        placeholder_spans.append((length, length + len(new)))
        parts += [text[last:start], new]
        last = end
        length += len(new)
    return MaskedText("".join([*parts, text[last:]]).translate(_STRAIGHT), spans, placeholder_spans)


@lru_cache(1 << 15)
def _respelled(word: str) -> str:
    """Return a word with British endings replaced, also "otherwize"; "" where nothing changes."""
    folded = word.lower()
    plain = american(folded)
    return "" if plain == folded else plain
