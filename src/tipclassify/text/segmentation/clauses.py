"""Split a sentence into clauses: the items of a list inside the sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tipclassify.text.segmentation.sentences import enclosed_spans, is_enclosed

__all__ = ["clause_spans"]

_LONG_SENTENCE: Final = 40  # words above which one semicolon suffices: two self-contained statements
_MIN_WORDS: Final = 3  # a shorter clause means little alone, and would be of low confidence

_SEMICOLON: Final = re.compile(r";[\"”’')\]]*\s+(?=\S)")
# "(1)", "1)", "(a)", "a)", "(ii)", "ii)", with a preceding "and", which belongs to the new clause.
_ENUMERATOR: Final = re.compile(
    r"(?<=\s)(?:(?:and|or|but|as well as)\s+)?\(?(?P<number>\d{1,2}|[a-z]|[ivx]{2,5})\)\s+(?=\S)"
)
_SERIES: Final = (
    [str(number) for number in range(1, 100)],
    list("abcdefghijklmnopqrstuvwxyz"),
    "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(),
)


def clause_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the trimmed spans of the clauses of the sentence text[start:end]; one span if it holds no list.

    Two kinds of lists are split:

    - lists with semicolons: three items or more ("fund …; train …; and amend …"), or two if the sentence has over
      40 words;
    - enumerations with consecutive enumerators, "(1) … (2) …", "a) … b) …", "(i) … (ii) …".

    The introduction of a list ("The government:") is part of its first clause. Brackets and quotations are not split. A
    clause of under three words is joined to the next one, the last clause to the previous one. Commas, "but" and
    "although" are no boundaries: the text after them is seldom self-contained.

    >>> text = "Increase funds for shelters; train judges on the law; and amend the penal code."
    >>> [text[a:b] for a, b in clause_spans(text, 0, len(text))]
    ['Increase funds for shelters;', 'train judges on the law;', 'and amend the penal code.']
    """
    sentence = text[start:end]
    cuts = _clause_cuts(sentence) if ";" in sentence or ")" in sentence else []
    at = 0
    for cut in [*cuts, len(sentence)]:
        yield start + at, start + len(sentence[:cut].rstrip())
        at = cut


def _clause_cuts(sentence: str) -> list[int]:
    """Return the start of each clause but the first."""
    enclosed = enclosed_spans(sentence)
    items = _enumeration(sentence, enclosed)
    semicolons = [m.end() for m in _SEMICOLON.finditer(sentence) if not is_enclosed(enclosed, m.start())]
    if len(semicolons) + (len(sentence.split()) > _LONG_SENTENCE) < 2 and not items:
        return []
    return _without_short(sentence, sorted({*items[1:], *semicolons}))


def _enumeration(sentence: str, enclosed: list[tuple[int, int]]) -> list[int]:
    """Return the start of each item of an enumeration: at least two items, of `_MIN_WORDS` words or more each."""
    best: list[int] = []
    found = [m for m in _ENUMERATOR.finditer(sentence) if not is_enclosed(enclosed, m.start())]
    for series in _SERIES:
        entries: list[re.Match[str]] = []
        for m in found:
            if series[len(entries) : len(entries) + 1] == [m["number"]]:
                entries.append(m)
        ends = [*(m.start() for m in entries[1:]), len(sentence)]
        wordy = all(len(sentence[m.end() : b].split()) >= _MIN_WORDS for m, b in zip(entries, ends, strict=False))
        if len(entries) > max(1, len(best)) and wordy:
            best = [m.start() for m in entries]
    return best


def _without_short(sentence: str, cuts: list[int]) -> list[int]:
    """Drop the boundaries of clauses of under `_MIN_WORDS` words."""
    kept: list[int] = []
    for cut in cuts:
        if len(sentence[kept[-1] if kept else 0 : cut].split()) >= _MIN_WORDS:
            kept.append(cut)
    if kept and len(sentence[kept[-1] :].split()) < _MIN_WORDS:
        kept.pop()
    return kept
