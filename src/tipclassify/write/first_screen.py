"""First screen of a page: the most particular findings of each label, and what is folded below."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS
from tipclassify.reports.common_phrases import wording_identity
from tipclassify.reports.particulars import RECURRING_COUNTRIES
from tipclassify.write.marking import MarkedPassage

__all__ = ["FirstScreen", "FirstScreenBox", "first_screen_constants"]

_STRONGEST: Final = 3  # findings of each label, on the first screen
_FOLDED: Final = 40  # links below a folded line
# kept of each label, since what recurs among the reports is known at the end
_CANDIDATES: Final = 60


def first_screen_constants() -> dict[str, object]:
    """Return the constants of the script that fills the first screen when a filter is set."""
    return {"MOST_STRONGEST": _STRONGEST, "MOST_FOLDED": _FOLDED}


class FirstScreenBox(NamedTuple):
    """Findings of a label on the first screen: the most particular ones, and the folded ones."""

    strongest: list[MarkedPassage]
    templates: list[MarkedPassage]  # sentences that stand in many reports
    rows: list[MarkedPassage]  # the first ones of tables
    row_count: int  # all rows of tables

    def folded(self) -> str:
        """Say what is folded: "and 7 sentences that stand in many reports, 23 table rows"."""
        parts = []
        if self.templates:
            verb = "stand" if len(self.templates) > 1 else "stands"
            parts.append(
                f"{count_with_noun(len(self.templates), 'sentence')} that {verb} in many reports"
            )
        if self.row_count:
            parts.append(count_with_noun(self.row_count, "table row"))
        return f"and {', '.join(parts)}" if parts else ""

    def links(self) -> list[MarkedPassage]:
        """List the first folded findings."""
        return [*self.templates, *self.rows][:_FOLDED]


class FirstScreen:
    """Gathers the findings of all reports, of which the first screen shows the most particular."""

    def __init__(self) -> None:
        self._candidates: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        self._templates: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        self._rows: dict[str, list[MarkedPassage]] = {label: [] for label in LABELS}
        self._row_counts: Counter[str] = Counter()
        # countries of each tagged sentence
        self._countries: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, country: str, marks: Iterable[MarkedPassage]) -> None:
        """Add the passages of a report of a country."""
        for mark in marks:
            if not mark.passage.labels or mark.nature.first is not None:
                continue
            self._countries[wording_identity(mark.passage.text)].add(country)
            for label in mark.passage.labels:
                if mark.nature.kind == "table row":
                    self._row_counts[label] += 1
                    if len(self._rows[label]) < _FOLDED:
                        self._rows[label].append(mark)
                elif mark.nature.template:
                    self._templates[label].append(mark)
                else:
                    self._candidates[label].append(mark)
        for label in LABELS:
            self._keep_best(label)

    def _keep_best(self, label: str) -> None:
        def rank_of_mark(mark: MarkedPassage) -> tuple[bool, float, float]:
            return mark.passage.low_confidence, -mark.rank, -mark.passage.scores[label]

        candidates = self._candidates[label]
        candidates.sort(key=rank_of_mark)
        del candidates[_CANDIDATES:]

    def box(self, label: str) -> FirstScreenBox:
        """Choose the most particular findings; sentences that recur among reports are templates."""
        particular: dict[int, MarkedPassage] = {}
        recurring = list(self._templates[label])
        for mark in self._candidates[label]:
            identity = wording_identity(mark.passage.text)
            if len(self._countries[identity]) >= RECURRING_COUNTRIES:
                recurring.append(mark)
            else:
                particular.setdefault(identity, mark)
        by_text: dict[int, MarkedPassage] = {}
        for mark in sorted(recurring, key=lambda mark: -mark.passage.scores[label]):
            by_text.setdefault(wording_identity(mark.passage.text), mark)
        templates = list(by_text.values())
        best = list(particular.values())[:_STRONGEST]
        missing = _STRONGEST - len(best)  # which the most probable templates fill
        return FirstScreenBox(
            strongest=best + templates[:missing],
            templates=templates[missing:],
            rows=self._rows[label],
            row_count=self._row_counts[label],
        )
