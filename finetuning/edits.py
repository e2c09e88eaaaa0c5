"""Edit passages harmlessly: what a typist, a scanner or an editor does to a sentence.

Such an edit changes no label, and a network that learned clean text alone changes its tags by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from numpy.random import Generator

_WORD: Final = re.compile(r"[a-z]{5,}")
_NUMBER: Final = re.compile(r"\b\d{1,3}\b")
_LOOKALIKES: Final = {
    "l": "1", "i": "l", "o": "0", "e": "c", "c": "e", "m": "rn", "n": "u", "u": "n", "h": "b",
    "s": "5", "t": "f", "d": "cl", "S": "5", "B": "8", "O": "0", "I": "l",
}  # fmt: skip
_SCANNED: Final = 0.02  # share of characters
_OPENINGS: Final = (
    "Reportedly, ", "Allegedly, ", "During the year, ", "During the reporting period, ",
    "However, ", "At the same time, ", "As in earlier years, ", "According to observers, ",
    "Observers stated that ", "Meanwhile, ", "For example, ", "Nevertheless, ",
    "According to the same source, ", "As noted above, ", "In practice, ",
)  # fmt: skip


def edit(text: str, rng: Generator) -> str:
    """Return a text with one kind of edit, drawn by `rng`; a text without room for it stays."""
    return _KINDS[int(rng.integers(len(_KINDS)))](text, rng)


def _mistype(text: str, rng: Generator) -> str:
    """Swap, drop, double or replace a letter of one or two words."""
    for _ in range(int(rng.integers(1, 3))):
        words = list(_WORD.finditer(text))
        if not words:
            break
        word = words[int(rng.integers(len(words)))]
        at = int(rng.integers(word.start() + 1, word.end() - 1))
        before, letter, after = text[:at], text[at], text[at + 1 :]
        other = "abcdefghijklmnopqrstuvwxyz"[int(rng.integers(26))]
        forms = (after[:1] + letter + after[1:], after, letter + letter + after, other + after)
        text = before + forms[int(rng.integers(len(forms)))]
    return text


def _scan(text: str, rng: Generator) -> str:
    """Read some letters as others that look alike, as a scanner does."""
    drawn = rng.random(len(text)) < _SCANNED
    return "".join(
        _LOOKALIKES.get(character, character) if wrong else character
        for character, wrong in zip(text, drawn, strict=True)
    )


def _part(text: str, rng: Generator) -> str:
    """Part a word by a hyphen and a blank, as at the end of a printed line."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = words[int(rng.integers(len(words)))]
    at = int(rng.integers(word.start() + 2, word.end() - 2))
    return f"{text[:at]}- {text[at:]}"


def _open(text: str, rng: Generator) -> str:
    """Begin with words that say nothing about what was done."""
    if not text[:1].isupper() or text[1:2].isupper():
        return text
    return _OPENINGS[int(rng.integers(len(_OPENINGS)))] + text[0].lower() + text[1:]


def _renumber(text: str, rng: Generator) -> str:
    """Replace the first digit of the only number, since of two the label may say which is larger."""
    numbers = list(_NUMBER.finditer(text))
    if len(numbers) != 1 or numbers[0][0] == "1":
        return text
    at = numbers[0].start()
    return f"{text[:at]}{rng.integers(2, 10)}{text[at + 1 :]}"


_KINDS: Final[tuple[Callable[[str, Generator], str], ...]] = (
    _mistype,
    _mistype,
    _scan,
    _part,
    _open,
    _open,
    _renumber,
    lambda text, _: text.lower(),
    lambda text, _: text.rstrip(".;:"),
)
