"""What a finding is: a sentence or a row of a table, said before or not, a template or
particular to its report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tipclassify.model.encoder.name_masking import COUNTRY_WORDS
from tipclassify.reporting.common_phrases import is_template, text_identity
from tipclassify.reporting.subject import about_trafficking
from tipclassify.text.document import Passage

__all__ = ["FindingNature", "KindCounts", "Natures"]

Kind = Literal["sentence", "table row"]

_MIN_WORDS: Final = 4  # shorter texts recur by chance
_NOTES: Final = re.compile(r"[(\[]\d[\d,;\s–-]*[)\]]")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_MONTHS: Final = (
    "January February March April May June July August September October November December".split()
)
_DATE: Final = re.compile(rf"{_YEAR.pattern}|\b(?:{'|'.join(_MONTHS)})\b")
_FIGURE_WORDS: Final = (
    "two three four five six seven eight nine ten eleven twelve dozens hundreds thousands"
)
_FIGURE: Final = re.compile(rf"\d|\b(?:{'|'.join(_FIGURE_WORDS.split())})\b")
_NAME: Final = re.compile(r"(?<=[a-z,;)] )(?:the )?([A-Z][\w'’-]+)")
_NO_NAME: Final = frozenset(
    (*COUNTRY_WORDS, *(month.lower() for month in _MONTHS), "government", "ngo", "ngos")
)


def particulars(text: str) -> int:
    """Count what makes a sentence particular, 0 to 3: a figure, a date, a body or place other than
    a country.

    >>> particulars("In May the Harbor Court in Salwen jailed nine recruiters."), particulars("The law is strict.")
    (3, 0)
    """
    plain = _NOTES.sub("", text)
    names = (found[1].lower() for found in _NAME.finditer(plain))
    named = any(name not in _NO_NAME for name in names)
    return bool(_FIGURE.search(_YEAR.sub("", plain))) + bool(_DATE.search(plain)) + named


@dataclass(frozen=True, slots=True)
class FindingNature:
    """What kind of finding a passage is, and how particular to its report."""

    kind: Kind
    # name of the place that says the same before, in the report; None for new words
    first: str | None
    template: bool  # stands, up to names and figures, in many countries' reports
    particulars: int  # 0 to 3

    @property
    def counts(self) -> bool:
        """Whether it counts as a sentence: rows of tables, and what was said before, count
        apart."""
        return self.kind == "sentence" and self.first is None

    def rank(self, probability: float) -> float:
        """Rank a finding for the first screen, the more particular the higher; templates and
        rows are 0."""
        if not self.counts or self.template:
            return 0.0
        return round(probability**2 * (1 + self.particulars), 4)


class Natures:
    """The natures of a report's passages; parts of it come one after the other.

    Input rows are passages of their own, however alike: with `rows`, none is said before.
    """

    def __init__(self, rows: bool = False) -> None:
        self._rows = rows
        self._first: dict[tuple[int, tuple[str, ...]], str] = {}

    def of(self, passages: Sequence[Passage], names: Sequence[str]) -> Iterator[FindingNature]:
        """Yield the nature of each passage; `names` are those of their places."""
        for name, passage in zip(names, passages, strict=True):
            first = name
            if not self._rows and len(passage.text.split()) >= _MIN_WORDS:
                first = self._first.setdefault((text_identity(passage.text), passage.labels), name)
            yield FindingNature(
                passage.kind,
                None if first == name else first,
                bool(passage.labels) and is_template(passage.text),
                particulars(passage.text) if passage.labels else 0,
            )


@dataclass(slots=True)
class KindCounts:
    """Findings of each label by kind, and the sentences about the subject, of which they are a
    share."""

    sentences: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    tagged_sentences: int = 0
    tagged_rows: int = 0
    on_subject: int = 0  # sentences about trafficking, each once

    def add(self, passages: Sequence[Passage], natures: Sequence[FindingNature]) -> None:
        """Count the passages of a report or of a part of it."""
        for passage, nature, about in zip(
            passages, natures, about_trafficking(passages), strict=True
        ):
            if nature.counts:
                self.sentences.update(passage.labels)
                self.tagged_sentences += bool(passage.labels)
                self.on_subject += about
            elif nature.kind == "table row":
                self.rows.update(passage.labels)
                self.tagged_rows += bool(passage.labels)

    def __add__(self, other: KindCounts) -> KindCounts:
        return KindCounts(
            self.sentences + other.sentences,
            self.rows + other.rows,
            self.tagged_sentences + other.tagged_sentences,
            self.tagged_rows + other.tagged_rows,
            self.on_subject + other.on_subject,
        )

    def share(self, label: str) -> float:
        """Return the sentences with a label as a share of those on the subject, 0 to 1."""
        return self.sentences[label] / self.on_subject if self.on_subject else 0.0

    def words(self) -> str:
        """Say how many findings there are of each kind: "62 sentences and 23 table rows"."""
        parts = [_several(self.tagged_sentences, "sentence")]
        if self.tagged_rows:
            parts.append(_several(self.tagged_rows, "table row"))
        return " and ".join(parts)

    def of_label(self, label: str) -> list[int]:
        """List the numbers of sentences and of table rows with a label."""
        return [self.sentences[label], self.rows[label]]


def _several(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
