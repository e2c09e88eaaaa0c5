"""Nature of a finding: a sentence or a table row, said before or not, a template or particular."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS, label_name
from tipclassify.model.encoder.names import COUNTRY_WORDS
from tipclassify.records import Passage
from tipclassify.reports.common_phrases import is_of_common_phrases, wording_identity
from tipclassify.reports.subject import report_passages_about_trafficking

__all__ = [
    "RECURRING_COUNTRIES",
    "FindingKindCounts",
    "FindingNature",
    "FindingNatures",
    "FirstPlaces",
]

Kind = Literal["sentence", "table row"]

RECURRING_COUNTRIES: Final = 3
"""Countries, or reports without one, in which a sentence is common to the reports at hand."""

_MIN_WORDS: Final = 4  # shorter texts recur by chance
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
        """Whether it counts as a sentence: table rows, and what was said before, count apart."""
        return self.kind == "sentence" and self.first is None

    def rank(self, probability: float) -> float:
        """Rank a finding for the first screen by how particular it is; 0 for templates, rows."""
        if not self.counts or self.template:
            return 0.0
        return round(probability**2 * (1 + self.particulars), 4)


Name = TypeVar("Name")


class FirstPlaces(Generic[Name]):
    """Where a report says first what it says with the same labels; its parts come in order.

    Input rows are passages of their own, however alike: with `rows`, none is said before.
    """

    def __init__(self, rows: bool = False) -> None:
        self._rows = rows
        self._first: dict[tuple[int, tuple[str, ...]], Name] = {}

    def of(self, passage: Passage, name: Name) -> Name:
        """Return the name of the first place of a passage's words, which may be its own `name`."""
        if self._rows or len(passage.text.split()) < _MIN_WORDS:
            return name
        tagged_words = (wording_identity(passage.text), passage.labels)
        return self._first.setdefault(tagged_words, name)


class FindingNatures:
    """The natures of a report's passages; parts of it come one after the other.

    With `rows`, none is said before.
    """

    def __init__(self, rows: bool = False) -> None:
        self._first_places = FirstPlaces[str](rows)

    def of(self, passages: Sequence[Passage], names: Sequence[str]) -> Iterator[FindingNature]:
        """Yield the nature of each passage; `names` are those of their places."""
        for name, passage in zip(names, passages, strict=True):
            first = self._first_places.of(passage, name)
            yield FindingNature(
                kind=passage.kind,
                first=None if first == name else first,
                template=bool(passage.labels) and is_of_common_phrases(passage.text),
                particulars=count_particulars(passage.text) if passage.labels else 0,
            )


@dataclass(slots=True)
class FindingKindCounts:
    """Findings of each label by kind, and the sentences about trafficking: the base of shares.

    A sentence counts once, wherever else it is said again.
    """

    sentences: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    tagged_sentences: int = 0
    tagged_rows: int = 0
    on_subject: int = 0  # sentences about trafficking, each once
    said_again: int = 0  # places of tagged sentences beside the first

    def add(self, passages: Sequence[Passage], natures: Sequence[FindingNature]) -> None:
        """Count the passages of a report or of a part of it."""
        on_subject = report_passages_about_trafficking(passages)
        for passage, nature, is_about in zip(passages, natures, on_subject, strict=True):
            self.add_passage(passage, nature, is_about)

    def add_passage(self, passage: Passage, nature: FindingNature, on_subject: bool) -> None:
        """Count a passage; `on_subject` says whether it is about trafficking."""
        if nature.kind == "table row":
            self.rows.update(passage.labels)
            self.tagged_rows += bool(passage.labels)
        elif nature.first is None:
            self.sentences.update(passage.labels)
            self.tagged_sentences += bool(passage.labels)
            self.on_subject += on_subject
        else:
            self.said_again += bool(passage.labels)

    def __add__(self, other: FindingKindCounts) -> FindingKindCounts:
        return FindingKindCounts(
            sentences=self.sentences + other.sentences,
            rows=self.rows + other.rows,
            tagged_sentences=self.tagged_sentences + other.tagged_sentences,
            tagged_rows=self.tagged_rows + other.tagged_rows,
            on_subject=self.on_subject + other.on_subject,
            said_again=self.said_again + other.said_again,
        )

    def share(self, label: str) -> float:
        """Return the sentences with a label as a share of those on the subject, 0 to 1."""
        return self.sentences[label] / self.on_subject if self.on_subject else 0.0

    def count_and_share(self, label: str) -> str:
        """Format the sentences with a label and their share: "4 (44%)", or "0"."""
        count = self.sentences[label]
        return f"{count:,} ({self.share(label):.0%})" if count else "0"

    def words(self) -> str:
        """Say how many findings there are of each kind: "62 sentences and 23 table rows"."""
        parts = [count_with_noun(self.tagged_sentences, "sentence")]
        if self.tagged_rows:
            parts.append(count_with_noun(self.tagged_rows, "table row"))
        return " and ".join(parts)

    def base(self) -> str:
        """Say what the shares are shares of: "31 sentences about trafficking"."""
        return f"{count_with_noun(self.on_subject, 'sentence')} about trafficking"

    def beside(self) -> list[str]:
        """Say what counts of sentences leave out, a line each: table rows, what is said again.

        >>> FindingKindCounts(rows=Counter(failure=2), tagged_rows=2).beside()
        ['Counted apart: 2 table rows with a label (failure 2).']
        """
        lines = []
        if self.tagged_rows:
            present = [label for label in LABELS if self.rows[label]]
            by_label = [f"{label_name(label)} {self.rows[label]:,}" for label in present]
            rows = count_with_noun(self.tagged_rows, "table row")
            lines.append(f"Counted apart: {rows} with a label ({', '.join(by_label)}).")
        if self.said_again:
            places = count_with_noun(self.said_again, "further place")
            lines.append(f"Counted once: sentences that are said again, in {places}.")
        return lines
