"""Marked passages of a page: each passage of a report with its reasons, kind and other places.

What a page says of a passage is gathered here once, before its text is laid out in blocks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Final, NamedTuple

from tipclassify.model.scoring import Explanation
from tipclassify.records import Passage, Report
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.common_phrases import wording_identity
from tipclassify.reports.labelled_examples import LabelledExample, load_examples_for_report_cards
from tipclassify.reports.particulars import FindingNature, FindingNatures
from tipclassify.reports.report import Finding, findings_of
from tipclassify.reports.subject import is_unknown_sentence
from tipclassify.text.split import PART
from tipclassify.write.output import Output
from tipclassify.write.reasons import (
    Reason,
    doubtful_labels_on_report_card,
    explain_passages_on_report_page,
    labels_with_reasons,
    summarize_explanation_for_report,
)

__all__ = ["MarkedPassage", "PageMarker", "PlaceOnPage", "element_id_prefix"]

_MIN_WORDS: Final = 4  # of a sentence that is linked to its other places; a phrase recurs by chance
_MOST_PLACES: Final = 3  # named on a card
# of a card, which must fit beside its passage: phrases for a label, and against it
_MOST_FOR: Final = 3
_MOST_AGAINST_ONLY_LABEL: Final = 2
_MOST_AGAINST: Final = 1  # where a card has several labels


class PlaceOnPage(NamedTuple):
    """A place of a report where a sentence stands."""

    name: str  # of its element on the page
    number: int  # of the passage, from 1
    section: str | None
    page: int | None
    labels: tuple[str, ...]
    is_linked: bool  # whether the page has an element of this name


@dataclass(frozen=True, slots=True)
class OtherPlaces:
    """Further places of a report in which the same words stand."""

    shown: tuple[PlaceOnPage, ...] = ()
    more: int = 0  # places that a card does not name


class MarkedPassage(NamedTuple):
    """A passage of a page, with all that its card says."""

    passage: Passage
    number: int  # in its input, from 1
    name: str  # prefix of its element ids
    shown: tuple[str, ...]  # labels whose reasons its card shows
    # those of them that lie near their threshold, or below it, whose rule the card shows
    in_doubt: tuple[str, ...]
    reasons: dict[str, Reason] | None  # by label; None if there is no card
    examples: list[LabelledExample]  # the nearest of the invented corpus, if a label is in doubt
    cited: Citation | None  # if it has a label
    unreadable: bool  # whether it is a prose sentence of unknown words
    nature: FindingNature
    elsewhere: OtherPlaces = OtherPlaces()

    @property
    def rank(self) -> float:
        """How particular and probable it is; 0 for templates, rows and what was said before."""
        return self.nature.rank(
            max((self.passage.scores[label] for label in self.passage.labels), default=0.0)
        )

    @property
    def place(self) -> PlaceOnPage:
        """Where it stands."""
        passage = self.passage
        return PlaceOnPage(
            name=self.name,
            number=self.number,
            section=passage.section,
            page=passage.page,
            labels=passage.labels,
            is_linked=bool(passage.labels) or self.reasons is not None,
        )


def element_id_prefix(number: int) -> str:
    """Return the prefix of the element ids of a page's report, by its number from 1."""
    return "" if number == 1 else f"r{number}"


class PageMarker:
    """Marks the passages of a page's reports; parts or batches of an input follow each other."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._file = ""
        self._natures = FindingNatures()
        # by what a sentence says, in the input that is read
        self._places: defaultdict[int, list[PlaceOnPage]] = defaultdict(list)
        # labels in doubt of each place, by its name, in the input that is read
        self._in_doubt: dict[str, tuple[str, ...]] = {}
        self._rows: Counter[str] = Counter()  # read before, of each input of rows

    def marked(self, report: Report, number: int) -> list[MarkedPassage]:
        """Mark the passages of a report, the page's `number`, and explain those near a label."""
        is_rows = report.document is None
        if report.file != self._file:
            self._file = report.file
            self._natures = FindingNatures(rows=is_rows)
            self._places.clear()
            self._in_doubt.clear()
        first = 1 + self._rows[report.file]
        if is_rows:
            self._rows[report.file] += len(report.passages)
        marks = list(self._without_places(report, element_id_prefix(number), first))
        return marks if is_rows else self._with_places(marks)

    def _without_places(self, report: Report, prefix: str, first: int) -> Iterator[MarkedPassage]:
        passages = report.passages
        is_long = report.document is not None and (report.part or len(passages) >= PART)
        thresholds = self._output.run.thresholds
        if is_long:
            shown = [passage.labels for passage in passages]
        else:
            shown = [labels_with_reasons(passage, thresholds) for passage in passages]
        explanations = explain_passages_on_report_page(
            list(compress(passages, shown)), self._output.run
        )
        numbers = range(first, first + len(passages))
        names = [f"{prefix}p{number}" for number in numbers]
        natures = self._natures.of(passages, names)
        for number, name, finding, labels, nature in zip(
            numbers, names, findings_of(report), shown, natures, strict=True
        ):
            passage = finding.passage
            near_threshold = doubtful_labels_on_report_card(passage, labels, thresholds)
            in_doubt = self._newly_in_doubt(name, nature, near_threshold)
            yield MarkedPassage(
                passage=passage,
                number=number,
                name=name,
                shown=labels,
                in_doubt=in_doubt,
                reasons=_reasons_on_card(passage, next(explanations), labels) if labels else None,
                examples=load_examples_for_report_cards().nearest(passage.text) if in_doubt else [],
                cited=self._cited(finding),
                unreadable=is_unknown_sentence(passage),
                nature=nature,
            )

    def _newly_in_doubt(
        self, name: str, nature: FindingNature, in_doubt: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Leave out labels that are in doubt at the first place of the same words.

        The card links that place, where the rule and the near cases stand.
        """
        self._in_doubt[name] = in_doubt
        if nature.first is None:
            return in_doubt
        explained = self._in_doubt.get(nature.first, ())
        return tuple(label for label in in_doubt if label not in explained)

    def _cited(self, finding: Finding) -> Citation | None:
        return (
            cite(finding.report, finding.passage, self._output.run)
            if finding.passage.labels
            else None
        )

    def _with_places(self, marks: list[MarkedPassage]) -> list[MarkedPassage]:
        """Add to each mark the other places where its words stand."""
        identities = [_identity_of_linked_sentence(mark.passage.text) for mark in marks]
        for mark, identity in zip(marks, identities, strict=True):
            if identity is not None:
                self._places[identity].append(mark.place)
        placed = []
        for mark, identity in zip(marks, identities, strict=True):
            if identity is not None and mark.reasons is not None:
                others = [place for place in self._places[identity] if place.name != mark.name]
                shown = tuple(others[:_MOST_PLACES])
                mark = mark._replace(elsewhere=OtherPlaces(shown, len(others) - len(shown)))
            placed.append(mark)
        return placed


def _identity_of_linked_sentence(text: str) -> int | None:
    """Return the identity of a sentence that is linked to its other places; None for a phrase."""
    return wording_identity(text) if len(text.split()) >= _MIN_WORDS else None


def _reasons_on_card(
    passage: Passage, explanations: Mapping[str, Explanation], labels: tuple[str, ...]
) -> dict[str, Reason]:
    most_against = _MOST_AGAINST_ONLY_LABEL if len(labels) == 1 else _MOST_AGAINST
    return {
        label: summarize_explanation_for_report(
            passage, explanations[label], _MOST_FOR, most_against
        )
        for label in labels
    }
