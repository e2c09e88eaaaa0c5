"""Counts of sentences by label: in groups by file, country, publication, year or section, in total.

`summarize` counts reports, one at a time. Publications are not added up unless somebody asks for
it: a country's page in one and its narrative in another count different things, and a year that has
both would look like a leap.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from tipclassify.formatting import count_with_noun, one_line
from tipclassify.labels import LABELS, label_name
from tipclassify.records import Passage, Report, Run, source_name
from tipclassify.reports.adjust import (
    NOTES,
    Adjusted,
    Rates,
    adjust,
    rates_by_kind,
    rates_of,
)
from tipclassify.reports.cite import run_of
from tipclassify.reports.compare.outline import Outline, outline_of, series_breaks
from tipclassify.reports.findings import Nature, Wording, is_unknown, natures_of
from tipclassify.reports.grouping import Key, Name, Rank, key_of, rank_of, shown_name
from tipclassify.text.kinds import kind_of_publication

NONE: Final = "(none)"
"""Pseudo-label of passages without a label."""

DIMENSIONS: Final = ("file", "country", "publication", "year", "section")
"""Fields that passages can be grouped by; sections are folded to `FOLDED`."""

COUNTED: Final = (
    "Counts are of sentences, each once; shares are of the sentences about trafficking."
)
"""What every count is of, to print under it."""

OVERLAP: Final = "A sentence may have several labels: shares need not add up to 100%."
"""Note below every table of shares."""

_BREAK: Final = "‖"  # beside a year that does not write a section of another year
_LONG: Final = 40  # passages; the subject of a shorter text is plain at a glance
_MINOR_SHARE: Final = 1 / 3
_UNREAD_SHARE: Final = 1 / 3


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together.

    A count is of sentences, each once however often its report says it again; its share is of those
    about trafficking. Rows of tables are counted beside them.
    """

    key: Key = ()  # empty for the total
    # sentences about trafficking by their labels, each once; ``()`` for no label
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    rows: Mapping[str, int] = field(default_factory=dict, hash=False)  # of tables, by label
    tagged_rows: int = 0
    said_again: int = 0  # places of tagged sentences beside the first
    sentences: int = 0  # each once, whatever they are about; adjusted counts are of these
    passages: int = 0  # of every kind, at every place
    on_subject: int = 0  # those among them about trafficking (`findings.on_subject`)
    low_confidence: int = 0  # passages of few words, or of many that the model does not know
    unknown: int = 0  # those among them that are sentences (`findings.is_unknown`)
    # that all of the passages are of; None where they are of several, or of an unknown one
    publication: Name = None
    is_measured: bool = True  # False where the model was not measured on text of some of them

    @classmethod
    def of(
        cls,
        key: Key,
        passages: Sequence[Passage],
        natures: Sequence[Nature],
        publication: Name = None,
        is_measured: bool = True,
    ) -> Group:
        """Count passages by their natures."""
        sets: Counter[tuple[str, ...]] = Counter()
        rows: Counter[str] = Counter()
        tagged_rows = said_again = sentences = 0
        for passage, nature in zip(passages, natures, strict=True):
            if nature.kind == "table row":
                rows.update(passage.labels)
                tagged_rows += bool(passage.labels)
            elif nature.first is not None:
                said_again += bool(passage.labels)
            else:
                sentences += 1
                if nature.on_subject:
                    sets[passage.labels] += 1
        return cls(
            key=key,
            sets=sets,
            rows=rows,
            tagged_rows=tagged_rows,
            said_again=said_again,
            sentences=sentences,
            passages=len(passages),
            on_subject=sum(nature.on_subject for nature in natures),
            low_confidence=sum(passage.low_confidence for passage in passages),
            unknown=sum(map(is_unknown, passages)),
            publication=publication,
            is_measured=is_measured,
        )

    def __add__(self, other: Group) -> Group:
        publication = self.publication if self.publication == other.publication else None
        if not self.passages or not other.passages:  # a group without passages has no say
            publication = self.publication if self.passages else other.publication
        return Group(
            key=self.key,
            sets=Counter(self.sets) + Counter(other.sets),
            rows=Counter(self.rows) + Counter(other.rows),
            tagged_rows=self.tagged_rows + other.tagged_rows,
            said_again=self.said_again + other.said_again,
            sentences=self.sentences + other.sentences,
            passages=self.passages + other.passages,
            on_subject=self.on_subject + other.on_subject,
            low_confidence=self.low_confidence + other.low_confidence,
            unknown=self.unknown + other.unknown,
            publication=publication,
            is_measured=self.is_measured and other.is_measured,
        )

    @property
    def base(self) -> int:
        """Number of sentences about trafficking, each once: what shares are of."""
        return sum(self.sets.values())

    @property
    def tagged(self) -> int:
        """Number of sentences with a label."""
        return self.base - self.sets.get((), 0)

    @property
    def judged(self) -> int:
        """Number of passages without those of low confidence that have few words."""
        return self.passages - self.low_confidence + self.unknown

    @property
    def is_unread(self) -> bool:
        """Whether tags are meaningless: over a third of the sentences have unknown words."""
        return self.unknown > self.judged * _UNREAD_SHARE

    @property
    def is_off_subject(self) -> bool:
        """Whether a report is long, can be read, and less than a third of it is about trafficking."""
        is_long = self.passages >= _LONG and not self.is_unread
        return is_long and self.on_subject < self.passages * _MINOR_SHARE

    def count(self, label: str) -> int:
        """Count the sentences with `label`; ``NONE`` for those about trafficking without any."""
        if label == NONE:
            return self.sets.get((), 0)
        return sum(number for labels, number in self.sets.items() if label in labels)

    def share(self, label: str) -> float:
        """Return the count as a share of the sentences about trafficking, 0 to 1; NaN for none."""
        return self.count(label) / self.base if self.base else math.nan

    def count_and_share(self, label: str) -> str:
        """Format the sentences with a label and their share: "4 (44%)", or "0"."""
        count = self.count(label)
        return f"{count:,} ({self.share(label):.0%})" if count else "0"

    def words(self) -> str:
        """Say how many findings there are of each kind: "62 sentences and 23 table rows"."""
        parts = [count_with_noun(self.tagged, "sentence")]
        if self.tagged_rows:
            parts.append(count_with_noun(self.tagged_rows, "table row"))
        return " and ".join(parts)

    def counted(self, labels: Sequence[str] = LABELS) -> list[str]:
        """Say in sentences what the counts are of, and what they leave out.

        >>> Group(rows={"failure": 2}, tagged_rows=2).counted()[1:]
        ['Counted beside them: 2 table rows with a label (failure 2).']
        """
        lines = [COUNTED]
        if self.tagged_rows:
            present = [label for label in labels if self.rows.get(label)]
            by_label = [f"{label_name(label)} {self.rows[label]:,}" for label in present]
            rows = count_with_noun(self.tagged_rows, "table row")
            lines.append(f"Counted beside them: {rows} with a label ({', '.join(by_label)}).")
        if self.said_again:
            lines.append(f"Said again, in {count_with_noun(self.said_again, 'further place')}.")
        return lines


def subject_line(reports: Iterable[Group]) -> str | None:
    """Make the line that says that reports are mostly on other subjects; None if none is.

    >>> reports = [Group(passages=483, on_subject=31), Group(passages=100, on_subject=9)]
    >>> subject_line([*reports, Group(passages=62, on_subject=60)])
    '2 of 3 reports are mostly on other subjects: 40 of their 583 passages are about trafficking.'
    """
    groups = list(reports)
    other = [group for group in groups if group.is_off_subject]
    if not other:
        return None
    total = sum(other, Group())
    if len(groups) == 1:
        return (
            f"{total.on_subject} of {total.passages:,} passages are about trafficking; "
            "the rest of this report is on other subjects."
        )
    return (
        f"{len(other)} of {len(groups)} reports are mostly on other subjects: "
        f"{total.on_subject} of their {total.passages:,} passages are about trafficking."
    )


# ------------------------------------------------------------------------------------------ summary


class CountBreak(NamedTuple):
    """A section that a year does not write, and a report of another year does."""

    country: str
    publication: str
    year: int
    line: str  # what it is, in words


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group, and in total.

    Files are in order of appearance, countries by name, years ascending, sections as in `FOLDED`,
    those without a name last.
    """

    by: tuple[str, ...]  # dimensions of the groups, of `DIMENSIONS`
    groups: tuple[Group, ...]
    # one or, where publications are not added up, that of each, by whose name they go
    totals: tuple[Group, ...]
    labels: tuple[str, ...] = LABELS  # of the model
    # error rates of the model by label, if it records them
    rates: Mapping[str, Rates] | None = field(default=None, hash=False)
    # the same of each kind of report by itself, for groups of one publication that is of a kind
    rates_by_kind: Mapping[str, Mapping[str, Rates]] = field(default_factory=dict, hash=False)
    # policy, moved thresholds and model
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    files: tuple[Group, ...] = ()  # each in full
    breaks: tuple[CountBreak, ...] = ()  # in the series of counts by year

    @property
    def total(self) -> Group:
        """Counts of all passages."""
        return sum(self.totals, Group())

    @property
    def file_names(self) -> dict[Name, Name]:
        """Names of the files without their folders; files of one name are numbered."""
        if "file" not in self.by:
            return {}
        place = self.by.index("file")
        numbers: Counter[Name] = Counter()  # of files, by their names
        numbered = {}
        for file in dict.fromkeys(group.key[place] for group in self.groups):
            name = None if file is None else source_name(str(file))
            numbers[name] += 1
            numbered[file] = name, numbers[name]
        return {
            file: f"{name} ({number})" if numbers[name] > 1 else name
            for file, (name, number) in numbered.items()
        }

    @property
    def group_names(self) -> list[str]:
        """Names of the groups: their values of all dimensions, as tables and charts show them."""
        file_names = self.file_names
        group_names = []
        for group in self.groups:
            names = []
            for dimension, value in zip(self.by, group.key, strict=True):
                name = file_names[value] if dimension == "file" else value
                names.append(shown_name(name, dimension))
            sign = f" {_BREAK}" if self._breaks_of(group) else ""
            group_names.append(" · ".join(names) + sign)
        return group_names

    def break_lines(self) -> list[str]:
        """Say in a line of each break what it is: a count that falls there is no change."""
        return [f"{_BREAK} {one_line(f'{each.country}: {each.line}')}" for each in self.breaks]

    def _breaks_of(self, group: Group) -> list[CountBreak]:
        """List the breaks of the year of a group."""
        names = dict(zip(self.by, group.key, strict=True))
        if "year" not in names:
            return []
        return [
            each
            for each in self.breaks
            if each.year == names["year"]
            and each.country == names.get("country", each.country)
            and each.publication == (names.get("publication", each.publication) or "")
        ]

    @property
    def total_names(self) -> list[str]:
        """Name of the total, or of that of each publication."""
        return [
            f"total, {shown_name(total.key[0], 'publication')}" if total.key else "total"
            for total in self.totals
        ]

    def estimate(self, group: Group, label: str) -> Adjusted | None:
        """Adjust the count of a label in a group.

        None without error rates of such text, or for ``NONE``.
        """
        if self.rates is None or label not in self.rates or not group.is_measured:
            return None
        kind = kind_of_publication(group.publication)
        rates = self.rates_by_kind.get(kind, self.rates) if kind else self.rates
        estimate = adjust(group.count(label), group.sentences, rates[label])
        if group.is_unread:
            return replace(estimate, notes=(*estimate.notes, "unclear"))
        return estimate

    def rates_note(self) -> str | None:
        """Say of which kinds of report the error rates are; None where of all kinds together."""
        groups = (*self.groups, *self.totals)
        kinds = {kind_of_publication(group.publication) for group in groups}
        measured = sorted(kind for kind in self.rates_by_kind if kind in kinds)
        if not measured:
            return None
        return f"Error rates of {' and '.join(measured)} are those on such reports alone."

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        notes: set[str] = set()
        for group in (*self.groups, *self.totals):
            if self.rates and not group.is_measured:
                notes.add("unmeasured")
            for label in self.labels:
                if estimate := self.estimate(group, label):
                    notes.update(estimate.notes)
        return [note for note in NOTES if note in notes]

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield plain values of each group, then of the totals, for JSON."""
        file_names = self.file_names
        for group in self.groups:
            names = dict(zip(self.by, group.key, strict=True))
            if "file" in names:
                names["file"] = file_names[names["file"]]
            row = {**names, "total": False, **self._row(group)}
            if self.breaks:
                row["breaks"] = "; ".join(each.line for each in self._breaks_of(group))
            yield row
        for total in self.totals:
            names = dict.fromkeys(self.by)
            if total.key and "publication" in names:
                names["publication"] = total.key[0]
            row = {**names, "total": True, **self._row(total)}
            if self.breaks:
                row["breaks"] = ""
            yield row

    def _row(self, group: Group) -> dict[str, object]:
        kinds = {
            "sentences": group.base,
            "table_rows": {label: group.rows.get(label, 0) for label in self.labels},
            "said_again": group.said_again,
        }
        return {**self.figures(group), **kinds, **self.about}

    def figures(self, group: Group) -> dict[str, Any]:
        """Return the plain values of a group: `passages`, `low_confidence`, `labels` and `none`.

        Each label, and passages without one, have their ``count`` and ``share`` (None of no
        passages) and, where counts are adjusted for errors, ``adjusted``, ``low``, ``high``,
        ``adjusted_share`` and ``notes``.
        """
        return {
            "passages": group.passages,
            "low_confidence": group.low_confidence,
            "labels": {label: self._label_figures(group, label) for label in self.labels},
            "none": self._label_figures(group, NONE),
        }

    def _label_figures(self, group: Group, label: str) -> dict[str, Any]:
        count = group.count(label)
        figures: dict[str, Any] = {"count": count, "share": _share(count, group)}
        if estimate := self.estimate(group, label):
            figures |= {
                "adjusted": round(estimate.count, 2),
                "low": round(estimate.low, 2),
                "high": round(estimate.high, 2),
                "adjusted_share": _share(estimate.count, group),
                "notes": list(estimate.notes),
            }
        elif self.rates and label in self.rates:
            figures |= dict.fromkeys(("adjusted", "low", "high", "adjusted_share"))
            figures["notes"] = ["unmeasured"]
        return figures


def _share(count: float, group: Group) -> float | None:
    # sentences about other subjects may hold some that the model missed
    return min(round(count / group.base, 4), 1.0) if group.base else None


def summarize(
    reports: Report | Iterable[Report],
    by: Sequence[str] = ("file",),
    *,
    publication: str | None = None,
    add_up: bool = False,
    run: Run | None = None,
) -> Summary:
    """Count the passages of `reports` by label.

    With `publication`, only those of publications that have these words in their name. Where there
    are several publications, each has groups and a total of its own, also if `by` does not name
    them; with `add_up` there are only the groups that `by` names.

    Input rows are counted under their own file, country, year and section. There is a group for
    every combination of `by`, some of ``DIMENSIONS``, that occurs. `run` is what tagged the
    reports, if they do not say so themselves.

    Raises `ValueError` when there is no report, `by` has an unknown name, or reports were tagged
    differently.

    >>> from tipclassify import Document, tag_report
    >>> text = "Police arrested nine traffickers. Courts convicted none of them."
    >>> summary = summarize(tag_report(Document.from_text(text, "a.txt")))
    >>> [(group.key, group.passages, group.count("failure")) for group in summary.groups]
    [(('a.txt',), 2, 1)]
    """
    for name in by:
        if name not in DIMENSIONS:
            raise ValueError(f"unknown field {name!r}: use {', '.join(DIMENSIONS)}")
    if isinstance(reports, Report):
        reports = [reports]
    if run is None:
        reports = list(reports)
        run = run_of(*reports)
    # publications are counted apart even where nobody asks for them: they must not be added up
    dimensions = list(by)
    if "publication" not in by:
        # behind the country, whose rows it parts, or the file; else first, so that the rows of a
        # publication stand together
        before = next((name for name in ("country", "file") if name in by), None)
        dimensions.insert(by.index(before) + 1 if before else 0, "publication")
    groups: dict[Key, Group] = {}
    files: defaultdict[str, Group] = defaultdict(Group)
    # by file, since a long one comes in parts: where it says something first
    places: defaultdict[str, dict[Wording, str]] = defaultdict(dict)
    outlines: defaultdict[tuple[str, str], dict[int, Outline]] = defaultdict(dict)
    for report in reports:
        of_passages = natures_of(report, places[report.file])
        counted = _count(report, of_passages, dimensions, publication)
        for key, group in counted.items():
            groups[key] = groups[key] + group if key in groups else group
        if counted:
            files[report.file] += Group.of((), report.passages, of_passages)
            if report.country and report.year:
                of_series = outlines[report.country, report.publication or ""]
                outline_of(report.passages, of_series.setdefault(report.year, {}))
    breaks = [
        CountBreak(country, of_publication, year, line)
        for (country, of_publication), of_series in sorted(outlines.items())
        for year, line in series_breaks(of_series)
    ]
    place = dimensions.index("publication")
    publications = sorted({key[place] for key in groups}, key=rank_of)
    if len(publications) > 1 and not add_up:
        totals = [
            sum((group for key, group in groups.items() if key[place] == name), Group((name,)))
            for name in publications
        ]
    else:
        totals = [sum(groups.values(), Group())]
        if "publication" not in by:
            del dimensions[place]
            added_up: dict[Key, Group] = {}
            for key, group in groups.items():
                names = (*key[:place], *key[place + 1 :])
                added_up[names] = added_up.get(names, Group(names)) + group
            groups = added_up
    moved = [f"{label}={threshold:g}" for label, threshold in run.moved.items()]
    return Summary(
        by=tuple(dimensions),
        groups=_sorted(groups, dimensions),
        totals=tuple(totals),
        labels=run.labels,
        rates=rates_of(run.meta, run.policy, run.moved),
        rates_by_kind=rates_by_kind(run.meta, run.policy, run.moved),
        about={"policy": ", ".join([run.policy, *moved]), "model": run.model[:12]},
        files=tuple(files.values()),
        breaks=tuple(breaks),
    )


# ----------------------------------------------------------------------------------------- grouping


def _count(
    report: Report, natures: Sequence[Nature], by: Sequence[str], wanted: str | None
) -> dict[Key, Group]:
    """Count the passages of a report in groups, if its publication has the `wanted` words."""
    members: defaultdict[Key, list[tuple[Passage, Nature]]] = defaultdict(list)
    for passage, nature in zip(report.passages, natures, strict=True):
        members[key_of(report, passage, by)].append((passage, nature))
    # a report without passages is shown, but none of its sections
    if not report.passages and set(by) != {"publication", "section"}:
        members[key_of(report, Passage("", 0, 0), by)] = []
    place = by.index("publication")
    return {
        key: Group.of(
            key,
            [passage for passage, _ in of_group],
            [nature for _, nature in of_group],
            key[place],
            report.is_measured,
        )
        for key, of_group in members.items()
        if wanted is None or wanted.casefold() in str(key[place] or "").casefold()
    }


def _sorted(groups: Mapping[Key, Group], by: Sequence[str]) -> tuple[Group, ...]:
    """Sort groups by their dimensions: files in order of appearance, others by `rank_of`."""
    appearance: dict[Name, Rank] = {}
    if "file" in by:
        place = by.index("file")
        files = dict.fromkeys(key[place] for key in groups)
        appearance = {file: (number, 0, "") for number, file in enumerate(files)}

    def ranks(group: Group) -> list[Rank]:
        return [
            appearance[name] if dimension == "file" else rank_of(name)
            for dimension, name in zip(by, group.key, strict=True)
        ]

    return tuple(sorted(groups.values(), key=ranks))
