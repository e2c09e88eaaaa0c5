"""Give a model the words of a passage alone: no marks around them, and acronyms spelled out.

A number before a sentence, a bullet, quotation marks around all of it, a note's mark, a word parted
at the end of a line or "In addition," say nothing about what a government did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tipclassify.text.acronyms import spelled_out
from tipclassify.text.replaced import ReplacedText, replace_spans

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_QUOTES: Final = '"“”„«»'
_OPENING: Final = re.compile(
    r"\s*(?:(?:[•●▪◦‣*·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)])\s+)?"
    r"(?:(?:In addition|Additionally|Moreover|Furthermore|Also),\s+)?"
)
_NOTE: Final = re.compile(r"\s?\[\d{1,3}\]")
_PARTED: Final = re.compile(r"(?<=[a-z])-[ \t]*\r?\n\s*(?=[a-z])")
_KEEPS_HYPHEN: Final = re.compile(
    r"\b(?:anti|counter|cross|inter|multi|non|post|pre|self|sub)-", re.I
)


def as_read(text: str, acronyms: Mapping[str, str] = _NONE) -> ReplacedText:
    """Return a passage as models read it; offsets of the original are found again.

    >>> as_read("12. Moreover, police of the MoM did noth-\\ning.[3]", {"MoM": "mine board"}).text
    'police of the mine board did nothing.'
    >>> as_read("“Police acted.”").text, as_read("“Police” acted.").text
    ('Police acted.', '“Police” acted.')
    """
    # the signs first, since most passages of millions have none
    changes = [(*note.span(), "") for note in (_NOTE.finditer(text) if "[" in text else ())]
    for parted in _PARTED.finditer(text) if "\n" in text else ():
        word = text[: parted.start() + 1].rpartition(" ")[2]
        changes.append((*parted.span(), "-" if _KEEPS_HYPHEN.fullmatch(word) else ""))
    changes += spelled_out(text, acronyms)
    opening = _OPENING.match(text)
    start = opening.end() if opening else 0
    end = len(text.rstrip())
    if _is_quoted(text[start:end]):
        start += 1
        end -= 1
    if 0 < start < end:
        changes.append((0, start, ""))
    if start < end < len(text):
        changes.append((end, len(text), ""))
    return replace_spans(text, changes) if changes else ReplacedText(text)


def _is_quoted(text: str) -> bool:
    """Test whether one pair of quotation marks encloses all of a text."""
    if not text.startswith(tuple(_QUOTES)):
        return False
    marks = [at for at, character in enumerate(text) if character in _QUOTES]
    return marks == [0, len(text) - 1]
