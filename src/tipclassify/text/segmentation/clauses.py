"""The span of a sentence in, the spans of its clauses out: the entries of a list written inside one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tipclassify.text.segmentation.sentences import enclosed_spans, is_enclosed

__all__ = ["clause_spans"]

_LONG: Final = 40
"""Words over which one semicolon is enough: a sentence of that length holds two statements that read well alone."""
_FEWEST_WORDS: Final = 3
"""A clause of fewer says nothing alone, and the classifier would flag it as doubtful."""

_SEMICOLON: Final = re.compile(r";[\"”’')\]]*\s+(?=\S)")
# "(1)", "1)", "(a)", "a)", "(ii)", "ii)", with the "and" before it, which begins the clause.
_MARK: Final = re.compile(r"(?<=\s)(?:(?:and|or|but|as well as)\s+)?\(?(?P<mark>\d{1,2}|[a-z]|[ivx]{2,5})\)\s+(?=\S)")
_ROMAN: Final = tuple("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split())


def clause_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Trimmed spans of the clauses of the sentence text[start:end]; the sentence itself where it is no list.

    Split are

    - lists with semicolons: three entries or more ("fund …; train …; and amend …"); of two where the sentence has over
      40 words;
    - enumerations: marks in order from the first, "(1) … (2) …", "a) … b) …", "(i) … (ii) …", whatever stands between.

    The words that lead to the list ("The government:") are part of its first clause. Nothing is split inside brackets or
    quotation marks. A clause of under three words stays with the one after it, the last with the one before. Commas,
    "but" and "although" part nothing: what follows them seldom stands alone.

    >>> text = "Increase funds for shelters; train judges on the law; and amend the penal code."
    >>> [text[a:b] for a, b in clause_spans(text, 0, len(text))]
    ['Increase funds for shelters;', 'train judges on the law;', 'and amend the penal code.']
    """
    sentence = text[start:end]
    cuts = _cuts(sentence) if ";" in sentence or ")" in sentence else []
    at = 0
    for cut in [*cuts, len(sentence)]:
        yield start + at, start + len(sentence[:cut].rstrip())
        at = cut


def _cuts(sentence: str) -> list[int]:
    """Where clauses after the first begin."""
    enclosed = enclosed_spans(sentence)
    marks = _enumeration(sentence, enclosed)
    semicolons = [m.end() for m in _SEMICOLON.finditer(sentence) if not is_enclosed(enclosed, m.start())]
    if len(semicolons) + (len(sentence.split()) > _LONG) < 2 and not marks:
        return []
    return _with_words(sentence, sorted({*marks[1:], *semicolons}))


def _enumeration(sentence: str, enclosed: list[tuple[int, int]]) -> list[int]:
    """Where the entries of an enumeration begin: at least two, counted from the first, each with some words."""
    best: list[int] = []
    found = [m for m in _MARK.finditer(sentence) if not is_enclosed(enclosed, m.start())]
    for count in (_figures, _letters, _numerals):
        entries: list[re.Match[str]] = []
        for m in found:
            if m["mark"] == count(len(entries)):
                entries.append(m)
        ends = [*(m.start() for m in entries[1:]), len(sentence)]
        wordy = all(len(sentence[m.end() : b].split()) >= _FEWEST_WORDS for m, b in zip(entries, ends, strict=False))
        if len(entries) > max(1, len(best)) and wordy:
            best = [m.start() for m in entries]
    return best


def _figures(number: int) -> str:
    return str(number + 1)


def _letters(number: int) -> str:
    return chr(ord("a") + number)


def _numerals(number: int) -> str:
    return _ROMAN[number] if number < len(_ROMAN) else ""


def _with_words(sentence: str, cuts: list[int]) -> list[int]:
    """The cuts that leave no clause with under three words."""
    kept: list[int] = []
    for cut in cuts:
        if len(sentence[kept[-1] if kept else 0 : cut].split()) >= _FEWEST_WORDS:
            kept.append(cut)
    if kept and len(sentence[kept[-1] :].split()) < _FEWEST_WORDS:
        kept.pop()
    return kept
