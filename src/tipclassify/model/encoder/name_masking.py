"""What an encoder reads of a text: names masked (entity masking), British words in American spelling, straight apostrophes.

Each name becomes the same placeholder, so that no name decides, and how a word is spelt or quoted decides nothing either.
An encoder has read about real countries before it was fine-tuned; told their names, it gave other tags in some cases where only the
country differed. What is a name here is narrower than for the fast model (`tokens`), which folds words of places ("New", "Port")
away too: an encoder reads these, and a rare word that only begins a sentence ("Dissolve the unit") stays.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from tipclassify.model.encoder.country_words import COUNTRY_NAMES, COUNTRY_WORDS
from tipclassify.text.features.lexicon import GEOGRAPHIC
from tipclassify.text.features.tokenizer import NAME, batches, tokenize, words_of
from tipclassify.text.features.vocabulary import american

__all__ = ["Nameless", "respelled", "without_names"]

Span = tuple[int, int]

_CAPITALISED: Final = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:[-'’](?!s\b)[^\W\d_]+)*")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_JOINED: Final = re.compile(r"-|\s(?:(?:and|of|the|de|da|do|du|la|al|el)\s){0,2}(?:d['’])?|")
_SHORTENED: Final = frozenset("Mr Mrs Ms Dr St Gen Col Lt Capt Sgt".split())  # a stop after these ends no sentence
_ARTICLE: Final = re.compile(r"\b[Tt]he\s$")
_OPENING: Final = re.compile(r"(?:^|[.!?:;…(\"“”•—\n])[\s\"'“‘(]*$")
_OWNING: Final = re.compile(r"['’]s?\b")
_STRAIGHT: Final = str.maketrans("‘’“”", "''\"\"")
_BEFORE: Final = 8  # characters before a name that tell whether a sentence begins there


@dataclass(frozen=True)
class Nameless:
    """A text with a placeholder for each name, and words respelled.

    Attributes
    ----------
    text : str
        What the encoder reads.
    names, stands : list of (int, int)
        Characters of each name or respelled word in the text as it was, and of what stands for it in `text`, both ascending.
    """

    text: str
    names: list[Span] = field(default_factory=list)
    stands: list[Span] = field(default_factory=list)

    def before(self, span: Span) -> Span:
        """Characters of the text as it was that a stretch of `text` came from; of a name, the whole of it.

        >>> nameless = without_names(["In Valdoria police acted."], frozenset({"in", "police"}), "X")[0]
        >>> nameless.text, nameless.before((3, 4)), nameless.before((5, 11))
        ('In X police acted.', (3, 11), (12, 18))
        """
        return self._before(span[0], first=True), self._before(span[1], first=False)

    def _before(self, at: int, first: bool) -> int:
        # the last name whose placeholder begins at or before the place (an end lies behind what it ends)
        number = bisect_right(self.stands, at if first else at - 1, key=lambda stand: stand[0]) - 1
        if number < 0:
            return at
        (start, end), (_, stand_end) = self.names[number], self.stands[number]
        if at < stand_end or (at == stand_end and not first):
            return start if first else end
        return end + at - stand_end


def without_names(texts: Sequence[str], vocabulary: frozenset[str], stand_in: str) -> list[Nameless]:
    """Each text with `stand_in` for every name; see `tokens.tokenize` for `vocabulary`.

    >>> [one.text for one in without_names(["Do not jail them. Kenya's courts met Ada Obi."], frozenset("do not".split()), "X")]
    ["Do not jail them. X's courts met X."]
    """
    found = []
    for _, batch in batches(texts):
        tokens = tokenize(batch, vocabulary)
        at = np.flatnonzero(tokens.word == NAME)
        countries = [[name.span() for name in COUNTRY_NAMES.finditer(text)] for text in batch]
        names = [list(spans) for spans in countries]
        spans = zip(tokens.row[at].tolist(), tokens.start[at].tolist(), tokens.end[at].tolist(), strict=True)
        for row, start, end in spans:
            names[row].extend(_names(batch[row], (start, end), vocabulary, countries[row]))
        for text, of_text in zip(batch, names, strict=True):
            found.append(_replaced(text, [(*span, stand_in) for span in _apart(of_text)]))
    return found


def _apart(spans: list[Span]) -> list[Span]:
    """Spans in ascending order, those that overlap as one."""
    apart: list[Span] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _names(text: str, within: Span, vocabulary: frozenset[str], countries: list[Span]) -> Iterator[Span]:
    """Names in what the fast model takes for one, which may reach over commas, stops and brackets."""
    run: list[Span] = []
    for word in _CAPITALISED.finditer(text, *within):
        if run and not _joined(text, run[-1], word.start()):
            yield from _name(text, run, vocabulary, countries)
            run = []
        run.append(word.span())
    if run:
        yield from _name(text, run, vocabulary, countries)


def _joined(text: str, word: Span, following: int) -> bool:
    """Whether a capitalised word goes on to the next one as one name."""
    between = text[word[1] : following]
    if between.startswith(".") and (word[1] - word[0] == 1 or text[word[0] : word[1]] in _SHORTENED):
        between = between[1:]
    return _JOINED.fullmatch(between) is not None


def _name(text: str, run: list[Span], vocabulary: frozenset[str], countries: list[Span]) -> Iterator[Span]:
    """The part of a run of capitalised words that is a name, if one is."""
    words = [words_of(text[a:b]) for a, b in run]
    strange = [
        any(one not in vocabulary for one in folded) or any(start <= a and b <= end for start, end in countries)
        for (a, b), folded in zip(run, words, strict=True)
    ]
    first, last = run[0][0], run[-1][1]
    article = _ARTICLE.search(text, max(0, first - _BEFORE), first)
    if article:
        first = article.start()
    elif _OPENING.search(text[max(0, first - _BEFORE) : first] if first > _BEFORE else text[:first]):
        country = bool(COUNTRY_WORDS.intersection(words[0]))
        if not any(strange[1:]):
            if country or (strange[0] and _OWNING.match(text, run[0][1])):
                yield (first, last if len(run) == 1 else run[0][1])
            return
        if not strange[0] and not GEOGRAPHIC.intersection(words[0]):
            first = run[1][0]  # "Do", "Minor", "Some": an ordinary word
    if any(strange) and not _acronyms(text[first:last]):
        yield (first, last)


def _acronyms(name: str) -> bool:
    """Whether a name is nothing but acronyms, of no country: UNICEF is no government, and that decides a label.

    >>> _acronyms("UNICEF"), _acronyms("the DRC"), _acronyms("Karvonia")
    (True, False, False)
    """
    words = _LETTERS.findall(name.removeprefix("the ").removeprefix("The "))
    return bool(words) and all(len(word) > 1 and word.isupper() and word.lower() not in COUNTRY_WORDS for word in words)


def respelled(text: str) -> str:
    """A text as an encoder reads it, names as they are: for headings.

    >>> respelled("Workers’ Rights and Forced Labour")
    "Workers' Rights and Forced labor"
    """
    return _replaced(text, []).text


def _replaced(text: str, names: list[tuple[int, int, str]]) -> Nameless:
    parts, spans, stands, last, length = [], [], [], 0, 0
    for start, end, instead in _with_spellings(text, names):
        length += start - last
        spans.append((start, end))
        stands.append((length, length + len(instead)))
        parts += [text[last:start], instead]
        last, length = end, length + len(instead)
    return Nameless("".join([*parts, text[last:]]).translate(_STRAIGHT), spans, stands)


def _with_spellings(text: str, names: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Names, and British words outside of them with the American spelling."""
    words = []
    for word in _LETTERS.finditer(text):
        plain = _american(word.group())
        if plain and not any(start < word.end() and word.start() < end for start, end, _ in names):
            words.append((*word.span(), plain))
    return sorted(names + words) if words else names


@lru_cache(1 << 15)
def _american(word: str) -> str:
    """The American spelling of a British word, "" of any other."""
    folded = word.lower()
    plain = american(folded)
    return "" if plain == folded else plain
