"""Subject of a report: how much is about trafficking, and whether the model knows its language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from tipclassify.records import Passage

__all__ = [
    "ReportSubject",
    "UnknownSentenceCount",
    "are_report_tags_meaningless",
    "count_unknown_report_sentences",
    "is_unknown_sentence",
    "report_passages_about_trafficking",
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
class ReportSubject:
    """Number of a report's passages about trafficking, and of all its passages."""

    on_subject: int = 0
    passages: int = 0

    @classmethod
    def of(cls, passages: Iterable[Passage]) -> ReportSubject:
        """Count the passages of a report; zeros if the model does not know its language."""
        passages = list(passages)
        count = count_unknown_report_sentences(passages)
        if are_report_tags_meaningless(count.unknown, count.sentences):
            return cls()
        return cls(sum(report_passages_about_trafficking(passages)), len(passages))

    def __add__(self, other: ReportSubject) -> ReportSubject:
        return ReportSubject(self.on_subject + other.on_subject, self.passages + other.passages)

    @property
    def is_other(self) -> bool:
        """Whether the report is long and less than a third of it is about trafficking."""
        return self.passages >= _LONG and self.on_subject < self.passages * _MINOR_SHARE


def report_passages_about_trafficking(passages: Sequence[Passage]) -> list[bool]:
    """Decide for each passage: a label, a likely one, or a section of which a quarter is tagged."""
    decisions: list[bool] = []
    for _, in_section in groupby(passages, key=lambda passage: passage.section):
        section = list(in_section)
        tagged = sum(bool(passage.labels) for passage in section)
        is_whole_section = tagged >= len(section) * _SECTION_SHARE
        decisions += [is_whole_section or _is_likely_finding(passage) for passage in section]
    return decisions


def _is_likely_finding(passage: Passage) -> bool:
    return bool(passage.labels) or max(passage.scores.values(), default=0) >= _LIKELY


def subject_line(reports: Iterable[ReportSubject]) -> str | None:
    """Make the line that says that reports are mostly on other subjects; None if none is.

    >>> subject_line([ReportSubject(31, 483), ReportSubject(60, 62), ReportSubject(9, 100)])
    '2 of 3 reports are mostly on other subjects: 40 of their 583 passages are about trafficking.'
    """
    subjects = list(reports)
    other = [subject for subject in subjects if subject.is_other]
    if not other:
        return None
    total = sum(other, ReportSubject())
    if len(subjects) == 1:
        return (
            f"{total.on_subject} of {total.passages:,} passages are about trafficking; "
            "the rest of this report is on other subjects."
        )
    return (
        f"{len(other)} of {len(subjects)} reports are mostly on other subjects: "
        f"{total.on_subject} of their {total.passages:,} passages are about trafficking."
    )


def is_unknown_sentence(passage: Passage) -> bool:
    """Test whether a passage is a sentence with too many words outside the vocabulary."""
    if not passage.low_confidence:
        return False
    lower_case = sum(not word[0].isupper() for word in _WORD.findall(passage.text))
    return lower_case >= _MIN_WORDS


class UnknownSentenceCount(NamedTuple):
    """Number of sentences of unknown words, and of all sentences, without short fragments."""

    unknown: int
    sentences: int


def count_unknown_report_sentences(passages: Sequence[Passage]) -> UnknownSentenceCount:
    """Count the sentences of unknown words, and all sentences."""
    unknown = sum(map(is_unknown_sentence, passages))
    known = sum(not passage.low_confidence for passage in passages)
    return UnknownSentenceCount(unknown, unknown + known)


def are_report_tags_meaningless(unknown: int, sentences: int) -> bool:
    """Test whether tags are meaningless: over a third of the sentences have unknown words."""
    return unknown > sentences * _UNREAD_SHARE
