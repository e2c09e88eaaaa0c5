"""Passages of a bundle, replayed: what follows from what, and what inputs and model give again.

The bundle's passages are gone through once, with one input in memory at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.bundle.archive import LARGEST_INPUT, Archive
from tipclassify.bundle.manifest import (
    PASSAGES,
    ROWS,
    Input,
    Link,
    Manifest,
    PassageLine,
    StoredCheck,
    figures_of,
    read_check,
    read_original,
    read_passage,
)
from tipclassify.bundle.write import CHECKS, count_checks, lines_of_findings
from tipclassify.download.cache import Download
from tipclassify.errors import InputError, MissingExtraError
from tipclassify.formatting import count_with_noun
from tipclassify.model.classifier import Classifier, labels_above
from tipclassify.model.scoring import apply_thresholds
from tipclassify.records import Passage
from tipclassify.reports.counts import Group

_SHOWN: Final = 5  # names or line numbers in a message


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    check: str  # name of the step, such as "labels"
    result: Literal["ok", "differs", "not checked"]
    detail: str  # the finding, or the reason for "not checked"
    subject: str | None = None  # file or input; None for all


@dataclass
class Step:
    """The outcomes of one check on many files or inputs."""

    name: str
    good: int = 0  # files or inputs that are as they should be
    others: list[Check] = field(default_factory=list)

    def add(self, details: Iterable[str], subject: str | None = None) -> None:
        """Add what differs in a file or input; one without any difference counts as good."""
        checks = [Check(self.name, "differs", detail, subject) for detail in details]
        if checks:
            self.others += checks
        else:
            self.good += 1

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """Return the good outcomes as one, then the others."""
        if not self.good:
            return self.others or [Check(self.name, "not checked", needed)]
        return [Check(self.name, "ok", when_ok), *self.others]


def differences(here: object, stored: object, where: str = "") -> Iterator[str]:
    """Describe each value, of nested dictionaries, that is another than in the bundle.

    >>> list(differences({"failure": {"count": 3}}, {"failure": {"count": 4}}))
    ['failure.count is 3, not 4 as the bundle says']
    """
    if isinstance(here, dict) and isinstance(stored, dict):
        for name in here | stored:
            inner = f"{where}.{name}".lstrip(".")
            yield from differences(here.get(name), stored.get(name), inner)
    elif here != stored:
        yield f"{where} is {here!r:.80}, not {stored!r:.80} as the bundle says"


def other_hash(here: str, stored: str) -> str:
    """Describe a SHA-256 that is another than the stored one."""
    return f"SHA-256 {here[:12]}…, not {stored[:12]}…"


def listed(names: Sequence[object]) -> str:
    """Join the first names, and count the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more


# fields of an input that its text determines
_OF_TEXT: Final = (
    "size",
    "kind",
    "title",
    "country",
    "year",
    "publication",
    "text_sha256",
    "characters",
)
_STEPS: Final = ("labels", "counts", "scores", "split")  # that need all passages


@dataclass
class _Replay:
    """What the passages showed so far."""

    manifest: Manifest
    classifier: Classifier | None
    text: Step = field(default_factory=lambda: Step("text"))
    split: Step = field(default_factory=lambda: Step("split"))
    groups: list[Group] = field(default_factory=list)  # passages of each input
    # for each passage, whether its labels do not follow from its probabilities
    labels_differ: list[bool] = field(default_factory=list)
    # probabilities of each input
    stored_scores: list[Floats] = field(default_factory=list)
    new_scores: list[Floats] = field(default_factory=list)
    confidence_differs: list[bool] = field(default_factory=list)  # for each passage scored again
    labels: list[tuple[str, ...]] = field(default_factory=list)  # of each passage
    findings: list[int] = field(default_factory=list)  # of each passage, its line

    def add(
        self, recorded: Input, rows: Sequence[PassageLine], again: Sequence[Passage] | None
    ) -> None:
        """Add the passages of an input, and those that it was split into `again`, if it was."""
        passages = [row.passage() for row in rows]
        labels = tuple(self.manifest.thresholds)
        scores = _probabilities([row.scores for row in rows], labels)
        self.groups.append(Group.of((), passages, recorded.publication))
        self.stored_scores.append(scores)
        self.findings += lines_of_findings(passages, len(self.labels), recorded.kind == ROWS)
        self.labels += [row.labels for row in rows]
        above = apply_thresholds(scores, np.array(list(self.manifest.thresholds.values()))).tolist()
        for passage, reached in zip(passages, above, strict=True):
            self.labels_differ.append(passage.labels != labels_above(labels, passage, reached))
        if again is not None:
            self.split.add(_split_differences(again, passages), recorded.name)
        if self.classifier:
            tagged = self.classifier.tag(passages, self.manifest.policy)
            self.new_scores.append(_probabilities([passage.scores for passage in tagged], labels))
            for row, passage in zip(rows, tagged, strict=True):
                self.confidence_differs.append(row.low_confidence != passage.low_confidence)


def replay(
    archive: Archive,
    manifest: Manifest,
    classifier: Classifier | None,
    readers: Mapping[str, Callable[[], bytes]],
    exact: bool,
) -> list[Check]:
    """Check texts, passages, labels, counts, scores and people's checks.

    Parameters
    ----------
    classifier : Classifier, optional
        Model that scores the passages again.
    readers : mapping
        Functions that read the inputs that are here, by the SHA-256 of their bytes.
    exact : bool
        Whether rounding differences in probabilities count as differences.
    """
    replayed = _Replay(manifest, classifier)
    rows_by_input = _passages(archive, manifest.inputs, manifest.thresholds.keys())
    unreadable = ""
    for recorded in manifest.inputs:
        again = None
        if recorded.sha256 in readers:
            again = _read_again(recorded, manifest, readers[recorded.sha256], replayed.text)
        try:
            rows = next(rows_by_input, None)
        except InputError as error:
            unreadable = str(error)
            rows = None
        if rows is not None:
            replayed.add(recorded, rows, again)
    needed = "needs the inputs, as they were, and their passages"
    inputs = count_with_noun(replayed.text.good, "input")
    same_text = f"the same text, title, country and year from {inputs}"
    of_text = replayed.text.checks(same_text, needed)
    if unreadable:
        detail = f"{PASSAGES} cannot be read to its end"
        steps = _STEPS if manifest.checks is None else (*_STEPS, "checks")
        not_checked = [Check(step, "not checked", detail) for step in steps]
        return [*of_text, Check("passages", "differs", unreadable), *not_checked]
    of_split = count_with_noun(replayed.split.good, "input")
    same_split = f"the same passages, at the same characters, from {of_split}"
    return [
        *of_text,
        Check(
            "passages",
            "ok",
            f"{count_with_noun(len(replayed.groups), 'input')} with their passages",
        ),
        *replayed.split.checks(same_split, needed),
        _check_labels(replayed.labels_differ),
        *_check_counts(manifest, replayed.groups),
        _check_scores(replayed, exact),
        *_check_decisions(archive, manifest, replayed),
    ]


def _passages(
    archive: Archive, inputs: Sequence[Input], labels: Set[str]
) -> Iterator[list[PassageLine]]:
    """Yield the passages of each input.

    Raises `InputError` at the first line that is no passage or out of order.
    """
    rows: list[PassageLine] = []
    number = 0  # of the input
    size = 0  # bytes of its passages
    for line_number, line in enumerate(archive.lines(PASSAGES), 1):
        where = f"line {line_number}"
        row = read_passage(line, where)
        if row.scores.keys() != labels:
            raise InputError(f"{where}: has probabilities of other labels than the manifest")
        if not number <= row.input < len(inputs):
            raise InputError(f"{where}: is of input {row.input}, out of order")
        while number < row.input:
            yield rows
            number += 1
            rows = []
            size = 0
        size += len(line)
        if size > LARGEST_INPUT:
            most = f"over {LARGEST_INPUT / 1e6:g} MB"
            raise InputError(f"{where}: the passages of input {number} have {most}")
        before = rows[-1].end if rows and inputs[number].kind != ROWS else 0
        if row.end - row.start != len(row.text) or row.start < before:
            what = "start and end do not fit its text, or the passage before"
            raise InputError(f"{where}: {what}")
        rows.append(row)
    yield rows
    for _ in inputs[number + 1 :]:
        yield []


def _read_again(
    recorded: Input, manifest: Manifest, read: Callable[[], bytes], step: Step
) -> list[Passage] | None:
    """Read and split an input again, and compare it with the manifest; None if unreadable."""
    link = recorded.link or Link(recorded.name, "", None, None)
    try:
        original = Download(read(), link.content_type, link.encoding, link.url, link.fetched)
        again = read_original(recorded.name, original, manifest.encoding, manifest.unit)
    except MissingExtraError as error:
        detail = str(error).removeprefix(f"{recorded.name}: ")
        step.others.append(Check("text", "not checked", detail, recorded.name))
        return None
    except InputError as error:
        step.add([f"cannot be read here: {error}"], recorded.name)
        return None
    details = [
        detail
        for name in _OF_TEXT
        for detail in differences(getattr(again.recorded, name), getattr(recorded, name), name)
    ]
    step.add(details, recorded.name)
    return again.passages


def _split_differences(again: Sequence[Passage], passages: Sequence[Passage]) -> list[str]:
    """Describe where an input is split otherwise; an empty list where it is not."""
    stored = (replace(passage, labels=(), low_confidence=False) for passage in passages)
    here = (replace(passage, country=None) for passage in again)
    for number, (old, new) in enumerate(zip_longest(stored, here), 1):
        if old != new:
            counts = f"{count_with_noun(len(again), 'passage')}, not {len(passages):,}"
            return [f"splits into {counts}; other from passage {number} on"]
    return []


def _check_labels(differ: Sequence[bool]) -> Check:
    if any(differ):
        lines = _lines_that(differ)
        what = f"do not follow from probabilities and thresholds on {lines}"
        return Check("labels", "differs", what, PASSAGES)
    rule = "each passage has those whose probability reaches the threshold, and no others"
    return Check("labels", "ok", rule)


def _check_counts(manifest: Manifest, groups: Sequence[Group]) -> list[Check]:
    """Compare the figures in the manifest with the counts of the passages."""
    step = Step("counts")
    try:
        counted = [
            figures_of(
                group, manifest.thresholds, manifest.error_rates, manifest.error_rates_by_kind
            )
            for group in groups
        ]
        counted_total = figures_of(
            sum(groups, Group(())),
            manifest.thresholds,
            manifest.error_rates,
            manifest.error_rates_by_kind,
        )
    except (ArithmeticError, ValueError):
        return [Check("counts", "differs", "the error rates in the manifest are impossible")]
    for recorded, here in zip(manifest.inputs, counted, strict=True):
        step.add(differences(here, recorded.figures), recorded.name)
    step.add(differences(counted_total, manifest.figures), "all inputs")
    if step.others:
        return step.checks(f"{step.good} of {len(groups) + 1} agree")
    labels = ", ".join(
        f"{label} {counts['count']:,}" for label, counts in counted_total["labels"].items()
    )
    adjusted = "the model tells no error rates"
    if manifest.error_rates:
        adjusted = "adjusted by the model's error rates"
    none = f"none {counted_total['none']['count']:,} of {counted_total['passages']:,}"
    return step.checks(f"{labels}, {none}; {adjusted}")


def _check_scores(replayed: _Replay, exact: bool) -> Check:
    """Compare the probabilities of all passages, and their labels, with those replayed now."""
    if replayed.classifier is None:
        return Check("scores", "not checked", "not replayed: needs the model")
    labels_of_bundle = tuple(replayed.manifest.thresholds)
    stored = np.concatenate([_probabilities([], labels_of_bundle), *replayed.stored_scores])
    new = np.concatenate([_probabilities([], labels_of_bundle), *replayed.new_scores])
    gaps = np.where(np.isnan(new), np.inf, np.abs(new - stored)).max(axis=1)
    largest = float(gaps.max(initial=0))
    unequal = int((gaps > 0).sum())
    thresholds = np.array(list(replayed.manifest.thresholds.values()))
    had = apply_thresholds(stored, thresholds)
    has = apply_thresholds(new, thresholds)
    changed = (had != has).any(axis=1)
    good = not unequal
    scores = "equal to the last bit"
    if unequal and largest <= replayed.classifier.scorer.rounding and not changed.any():
        good = not exact
        scores = f"{unequal:,} differ by rounding, at most {largest:.1g}"
    elif unequal:
        lines = _lines_that(gaps > 0)
        scores = f"{unequal:,} differ, by up to {largest:.2g}, on {lines}"
    labels = "no label changes"
    if changed.any():
        gained = (has & ~had).sum(axis=0)
        lost = (had & ~has).sum(axis=0)
        counts = zip(labels_of_bundle, gained, lost, strict=True)
        changes = [f"{label} +{more} -{fewer}" for label, more, fewer in counts if more or fewer]
        lines = _lines_that(changed)
        labels = f"labels change on {lines}: {', '.join(changes)}"
    confidence = ""
    if any(replayed.confidence_differs):
        good = False
        lines = _lines_that(replayed.confidence_differs)
        confidence = f"; low_confidence differs on {lines}"
    detail = f"{count_with_noun(len(gaps), 'passage')} scored again: {scores}; {labels}{confidence}"
    return Check("scores", "ok" if good else "differs", detail)


def _check_decisions(archive: Archive, manifest: Manifest, replayed: _Replay) -> list[Check]:
    """Check that what people decided is on passages with these labels, and its counts."""
    if manifest.checks is None:
        return []
    step = Step("checks")
    checks: list[StoredCheck] = []
    try:
        for number, line in enumerate(archive.lines(CHECKS), 1):
            checks.append(read_check(line, f"line {number}"))
    except InputError as error:
        return [Check("checks", "differs", str(error), CHECKS)]
    details: defaultdict[str, list[str]] = defaultdict(list)  # lines by what is wrong with them
    for number, check in enumerate(checks, 1):
        if check.line > len(replayed.labels):
            details["are on passages that are not in the bundle"].append(str(number))
        elif check.verdict and check.labels != replayed.labels[check.line - 1]:
            details["are on passages with other labels than were checked"].append(str(number))
    wrong = [f"lines {listed(lines)} {what}" for what, lines in details.items()]
    step.add(wrong, CHECKS)
    counted = count_checks(checks, replayed.findings)
    if counted != manifest.checks:
        step.add(["the manifest counts others than there are"], CHECKS)
    verdicts = f"{counted.confirmed:,} confirmed, {counted.rejected:,} rejected"
    others = f"{counted.disputed:,} disputed, {counted.unchecked:,} unchecked"
    people = f"by {counted.people:,} {'person' if counted.people == 1 else 'people'}"
    summary = f"{verdicts}, {others} findings, {counted.noted:,} noted, {people}"
    return step.others or [Check("checks", "ok", summary)]


def _probabilities(scores: Sequence[Mapping[str, float]], labels: Sequence[str]) -> Floats:
    """Return probabilities as an array, float64 (n, labels)."""
    table = [[by_label[label] for label in labels] for by_label in scores]
    return np.array(table, np.float64).reshape(-1, len(labels))


def _lines_that(which: npt.ArrayLike) -> str:
    """List the lines of `passages.jsonl` for which a value, one for each line, is true."""
    return f"lines {listed((np.flatnonzero(which) + 1).tolist())}"
