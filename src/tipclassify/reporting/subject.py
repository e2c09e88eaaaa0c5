"""Subject of a report: how many of its passages are about trafficking, and whether the model
knows its language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from tipclassify.text.document import Passage

__all__ = [
    "Subject",
    "about_trafficking",
    "count_unknown",
    "is_unknown",
    "is_unread",
    "subject_line",
]

_LIKELY: Final = 0.2  # probability of a label that few untagged passages on other subjects reach
# tagged share of a section; the passages between the tagged ones say who exploits whom
_SECTION_SHARE: Final = 1 / 4
_LONG: Final = 40  # passages; the subject of a shorter text is plain at a glance
_MINOR_SHARE: Final = 1 / 3
_UNREAD_SHARE: Final = 1 / 3
_MIN_WORDS: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Number of a report's passages about trafficking, and of all its passages."""

    about: int = 0
    passages: int = 0

    @classmethod
    def of(cls, passages: Iterable[Passage]) -> Subject:
        """Count the passages of a report, or of a batch of it; zeros if the model does not know
        its language."""
        passages = list(passages)
        return (
            cls()
            if is_unread(*count_unknown(passages))
            else cls(sum(about_trafficking(passages)), len(passages))
        )

    def __add__(self, other: Subject) -> Subject:
        return Subject(self.about + other.about, self.passages + other.passages)

    @property
    def is_other(self) -> bool:
        """Whether the report is long and less than a third of it is about trafficking."""
        return self.passages >= _LONG and self.about < self.passages * _MINOR_SHARE


def about_trafficking(passages: Sequence[Passage]) -> list[bool]:
    """Decide for each passage: it has a label, or a likely one, or a quarter of the section
    around it is tagged."""
    found: list[bool] = []
    for _, group in groupby(passages, key=lambda passage: passage.section):
        section = list(group)
        whole = sum(bool(passage.labels) for passage in section) >= len(section) * _SECTION_SHARE
        found += [
            whole or bool(p.labels) or max(p.scores.values(), default=0) >= _LIKELY for p in section
        ]
    return found


def subject_line(reports: Iterable[Subject]) -> str | None:
    """Make the line that says that reports are mostly on other subjects; None if none is.

    >>> subject_line([Subject(31, 483), Subject(60, 62), Subject(9, 100)])
    '2 of 3 reports are mostly on other subjects: 40 of their 583 passages are about trafficking.'
    """
    known = list(reports)
    other = [subject for subject in known if subject.is_other]
    found = sum(other, Subject())
    if not other:
        return None
    if len(known) == 1:
        about = f"{found.about} of {found.passages:,} passages are about trafficking"
        return f"{about}; the rest of this report is on other subjects."
    about = f"{found.about} of their {found.passages:,} passages are about trafficking"
    return f"{len(other)} of {len(known)} reports are mostly on other subjects: {about}."


def is_unknown(passage: Passage) -> bool:
    """Test whether a passage is a sentence, no short fragment, with too many words outside the
    vocabulary."""
    return (
        passage.low_confidence
        and sum(not word[0].isupper() for word in _WORD.findall(passage.text)) >= _MIN_WORDS
    )


def count_unknown(passages: Sequence[Passage]) -> tuple[int, int]:
    """Count the sentences of unknown words, and all sentences; fragments of under three words
    are left out."""
    unknown = sum(map(is_unknown, passages))
    return unknown, unknown + sum(not passage.low_confidence for passage in passages)


def is_unread(unknown: int, sentences: int) -> bool:
    """Test whether tags are meaningless: over a third of the sentences have unknown words
    (another language)."""
    return unknown > sentences * _UNREAD_SHARE
