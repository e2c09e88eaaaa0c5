"""What a run of `score` wrote: totals, and doubts on reports, a line each.

A report is doubtful if its text cannot be read, is on other subjects, is mostly of low confidence,
or of a kind that the model was not measured on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from tipclassify.formatting import count_with_noun
from tipclassify.records import Report, Run
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import Wording, natures_of
from tipclassify.text.kinds import is_measured, kind_of, kind_warning, words_of

# passages of low confidence, and their share, from which they are no exception
_DOUBTFUL: Final = 3
_DOUBTFUL_SHARE: Final = 1 / 3


@dataclass(slots=True)
class Outcome:
    """Totals of the reports written so far, and a warning for each doubtful one."""

    run: Run
    reports: int = 0
    total: Group = field(default_factory=Group)
    warnings: list[str] = field(default_factory=list)

    def counted(self, reports: Iterable[Report]) -> Iterator[Report]:
        """Yield the reports, and count them; parts of a file follow each other."""
        for file, parts in groupby(reports, attrgetter("file")):
            group = Group()
            unmeasured: str | None = None
            words: Counter[str] = Counter()  # of rows, of which no one is long enough for a kind
            places: dict[Wording, str] = {}
            for part in parts:
                group += Group.of((), part.passages, natures_of(part, places))
                if part.document is None:
                    words.update(words_of(passage.text for passage in part.passages))
                elif not part.is_measured:
                    unmeasured = part.reads_like
                yield part
            self.reports += 1
            self.total += group
            doubt = _doubt(group)
            of_rows = kind_of(words)
            if not is_measured(of_rows, self.run.meta):
                unmeasured = of_rows
            if doubt is None and unmeasured is not None:
                doubt = kind_warning(unmeasured)
            if doubt:
                self.warnings.append(f"{file}: {doubt}")

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {self.total.count(label):,}" for label in self.run.labels)
        reports = count_with_noun(self.reports, "report")
        tagged = count_with_noun(self.total.tagged, "tagged sentence")
        rows = ""
        if self.total.tagged_rows:
            rows = f", and beside them {count_with_noun(self.total.tagged_rows, 'table row')}"
        return f"{reports}, {tagged} ({labels}){rows}"


def _doubt(group: Group) -> str | None:
    """Say in one line why the tags of a report may mean little; None if nothing is against them."""
    if not group.passages:
        return "no sentence in it: only headings, contents, links or references"
    if group.is_unread:
        return (
            f"{group.unknown:,} of {group.judged:,} sentences are in words that the model does "
            "not know; if they are not in English, their tags mean nothing"
        )
    if group.is_off_subject:
        return (
            f"mostly on other subjects: {group.on_subject:,} of {group.passages:,} passages "
            "are about trafficking"
        )
    if group.low_confidence >= max(_DOUBTFUL, group.passages * _DOUBTFUL_SHARE):
        return (
            f"doubtful in {group.low_confidence:,} of {group.passages:,} passages: few "
            "words, or unknown ones"
        )
    return None
