"""What a finding is: sentence or table row, new or said before, on subject; and how particular.

`natures` says the first of the passages of a report in one pass, and `counts.Group` counts by it;
`rank` is for the findings that a page or desk shows first.

A template is a sentence that stands in the reports of many countries, by a table of phrases. The
table has the hash of each phrase of five words that stands in the reports of ten countries or more,
and in how many; it has no text. Names and figures are stand-ins, so that "Kenya fined 12 employers"
and "Peru fined 9 employers" are one phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

import numpy as np

from tipclassify.model.encoder.names import COUNTRY_WORDS
from tipclassify.records import Kind, Passage, Report
from tipclassify.resources import resource_path

Name = TypeVar("Name")

Wording = tuple[int, tuple[str, ...]]
"""What a passage says (`wording`), and its labels."""

RECURRING_COUNTRIES: Final = 3
"""Countries, or reports without one, in which a sentence is common to the reports at hand."""

MIN_WORDS: Final = 4
"""Words of a sentence that is known again by its `wording`; shorter texts recur by chance."""

_PHRASE: Final = 5  # words; shorter phrases recur by chance
_TEMPLATE_SHARE: Final = 0.75  # of a sentence's words: the rest is a body's name or an object
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NAME_STAND_IN: Final = "~"
_FIGURE_STAND_IN: Final = "#"

_NOTES: Final = re.compile(r"[(\[]\d[\d,;\s–-]*[)\]]")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_MONTHS: Final = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_DATE: Final = re.compile(rf"{_YEAR.pattern}|\b(?:{_MONTHS})\b")
_FIGURE_WORDS: Final = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens|hundreds|thousands"
)
_FIGURE: Final = re.compile(rf"\d|\b(?:{_FIGURE_WORDS})\b")
# a capital letter where no sentence begins
_NAME: Final = re.compile(r"(?<=[a-z,;)] )(?:the )?([A-Z][\w'’-]+)")
_NO_NAME: Final = COUNTRY_WORDS | set(_MONTHS.lower().split("|")) | {"government", "ngo", "ngos"}

_LIKELY: Final = 0.2  # probability of a label that few untagged passages on other subjects reach
# tagged share of a section; the passages between the tagged ones say who exploits whom
_SECTION_SHARE: Final = 1 / 4
_MIN_LOWER_CASE: Final = 3  # words of a sentence that is no list of names
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")


# -------------------------------------------------------------------------------- of many countries


def phrase_hashes(text: str) -> tuple[int, list[int]]:
    """Count the words of a sentence, and hash each of its phrases to 32 bits, in order."""
    words = _plain_words(text)
    phrases = [" ".join(words[at : at + _PHRASE]) for at in range(len(words) - _PHRASE + 1)]
    return len(words), [_hash(phrase, 4) for phrase in phrases]


def _plain_words(text: str) -> list[str]:
    """Split a text to words in lower case, each run of names or of figures as one stand-in.

    >>> _plain_words("In 2023 the Ministry of Labor fined 12 employers. (4)")
    ['in', '#', 'the', '~', 'of', '~', 'fined', '#', 'employers']
    """
    plain: list[str] = []
    for number, word in enumerate(_WORD.findall(text)):
        plain_word = word.casefold()
        if any(character.isdigit() for character in word):
            plain_word = _FIGURE_STAND_IN
        elif word[0].isupper() and (number or plain_word in COUNTRY_WORDS):
            plain_word = _NAME_STAND_IN
        is_stand_in = plain_word in (_FIGURE_STAND_IN, _NAME_STAND_IN)
        if not is_stand_in or plain[-1:] != [plain_word]:
            plain.append(plain_word)
    while plain and plain[-1] == _FIGURE_STAND_IN:  # numbers of notes
        plain.pop()
    return plain


def _hash(text: str, size: int) -> int:
    """Hash a text to a number of so many bytes."""
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()
    return int.from_bytes(digest, "little")


def wording(text: str) -> int:
    """Hash what a sentence says to 64 bits: case, punctuation and numbers of notes do not count.

    >>> wording("Police acted. (4)") == wording("“Police acted”")
    True
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return _hash(" ".join(words), 8)


def is_template(text: str) -> bool:
    """Test whether a sentence stands, up to names and figures, in many countries' reports."""
    words, phrases = phrase_hashes(text)
    common_phrases = _common_phrases()
    places: set[int] = set()  # of words in such phrases
    for first, phrase in enumerate(phrases):
        if phrase in common_phrases:
            places.update(range(first, first + _PHRASE))
    return bool(places) and len(places) >= words * _TEMPLATE_SHARE


@lru_cache(1)
def _common_phrases() -> frozenset[int]:
    with np.load(resource_path("reports/common_phrases.npz")) as table:
        return frozenset(table["phrases"].tolist())


def count_particulars(text: str) -> int:
    """Count what makes a sentence particular, 0 to 3: a figure, a date, a named body or place.

    Countries are no such names: every report has theirs.

    >>> count_particulars("In May the Harbor Court in Salwen jailed nine recruiters.")
    3
    >>> count_particulars("The law is strict.")
    0
    """
    without_notes = _NOTES.sub("", text)
    names = (match[1].lower() for match in _NAME.finditer(without_notes))
    has_name = any(name not in _NO_NAME for name in names)
    has_figure = bool(_FIGURE.search(_YEAR.sub("", without_notes)))
    has_date = bool(_DATE.search(without_notes))
    return has_figure + has_date + has_name


# ------------------------------------------------------------------------------------------ subject


def is_unknown(passage: Passage) -> bool:
    """Test whether a passage is a sentence with too many words outside the vocabulary."""
    if not passage.low_confidence:
        return False
    lower_case = sum(not word[0].isupper() for word in _LETTERS.findall(passage.text))
    return lower_case >= _MIN_LOWER_CASE


def on_subject(passages: Sequence[Passage]) -> list[bool]:
    """Decide for each passage: a label, a likely one, or a section of which a quarter is tagged."""
    decisions: list[bool] = []
    for _, in_section in groupby(passages, key=attrgetter("section")):
        section = list(in_section)
        tagged = sum(bool(passage.labels) for passage in section)
        is_whole_section = tagged >= len(section) * _SECTION_SHARE
        for passage in section:
            is_likely = any(score >= _LIKELY for score in passage.scores.values())
            decisions.append(is_whole_section or bool(passage.labels) or is_likely)
    return decisions


# ------------------------------------------------------------------------------------------- nature


class Nature(NamedTuple):
    """What kind of finding a passage is in its report."""

    kind: Kind
    # name of the place that says the same before, in the report; None for new words
    first: str | None
    on_subject: bool  # whether it is about trafficking

    @property
    def counts(self) -> bool:
        """Whether it counts as a sentence: table rows, and what was said before, count apart."""
        return self.kind == "sentence" and self.first is None

    @property
    def remarks(self) -> list[str]:
        """Remarks to print beside it: a table row, a sentence said before."""
        remarks = []
        if self.kind == "table row":
            remarks.append("table row")
        if self.first is not None:
            remarks.append("stands before in this report, counted there")
        return remarks


def rank(passage: Passage, nature: Nature) -> float:
    """Rank a finding for the first screen by how particular it is; 0 for templates, rows."""
    if not nature.counts or is_template(passage.text):
        return 0.0
    probability = max(passage.scores[label] for label in passage.labels)
    return round(probability**2 * (1 + count_particulars(passage.text)), 4)


def first_place(passage: Passage, name: Name, places: dict[Wording, Name]) -> Name:
    """Return the name of the place that says first, with the same labels, what a passage says.

    `places` are those of the parts of its report so far; the passage's own `name` is added to them
    if its words are new.
    """
    if len(passage.text.split()) < MIN_WORDS:
        return name
    return places.setdefault((wording(passage.text), passage.labels), name)


def natures(
    passages: Sequence[Passage], names: Sequence[str], places: dict[Wording, str] | None
) -> Iterator[Nature]:
    """Yield the nature of each passage of a report, or of a part of it.

    `names` are those of their places, `places` those of the parts before (`first_place`); None for
    input rows, which are passages of their own, however alike.
    """
    is_about = on_subject(passages)
    for name, passage, is_on_subject in zip(names, passages, is_about, strict=True):
        first = name if places is None else first_place(passage, name, places)
        yield Nature(
            kind=passage.kind,
            first=None if first == name else first,
            on_subject=is_on_subject,
        )


def natures_of(report: Report, places: dict[Wording, str]) -> list[Nature]:
    """List the natures of a report's passages; `places` are those of the parts of it before."""
    names = [f"{report.part}.{number}" for number in range(len(report.passages))]
    return list(natures(report.passages, names, None if report.document is None else places))
