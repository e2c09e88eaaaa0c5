"""Once through the passages of a bundle and through its inputs: each compared with what follows from the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, cast

from tipclassify.bundle.archive import Archive
from tipclassify.bundle.checks import Check, Step, many, on_lines
from tipclassify.bundle.figures import count_passages, figures
from tipclassify.bundle.inputs import ROWS, Reading, read_original, sha256_of_text
from tipclassify.bundle.manifest import PASSAGES, Figures, Input, Manifest, Row, read_row
from tipclassify.bundle.originals import Originals
from tipclassify.bundle.replay import Replay, labels_of
from tipclassify.errors import InputError, MissingExtraError
from tipclassify.furniture import is_furniture
from tipclassify.summary import Group

if TYPE_CHECKING:
    from tipclassify.segment import Unit

__all__ = ["Walk"]

_UNREAD: Final = f"{PASSAGES} cannot be read to its end"


class Walk:
    """Once through the inputs and their passages: memory stays that of one input.

    Attributes
    ----------
    unread : str or None
        Why ``passages.jsonl`` cannot be read to its end.
    """

    def __init__(self, manifest: Manifest, originals: Originals, replay: Replay | None) -> None:
        self.manifest = manifest
        self.originals = originals
        self.replay = replay
        self.unread: str | None = None
        self._passages = 0
        self._mislabelled: list[int] = []
        self._groups: list[Group] = []
        self._text, self._offsets, self._split = Step("text"), Step("offsets"), Step("split")

    def through(self, archive: Archive) -> None:
        """Look at everything, once."""
        groups = _groups(archive, self.manifest.inputs)
        for one in self.manifest.inputs:
            if self.unread is None:
                try:
                    line, rows = next(groups)
                except InputError as error:
                    self.unread = str(error)
                else:
                    self._tagged(rows, line)
            self._read(one, [] if self.unread else rows, 0 if self.unread else line)
        if self.unread is None:
            try:
                next(groups, None)  # what comes after the last input
            except InputError as error:
                self.unread = str(error)

    def _tagged(self, rows: Sequence[Row], line: int) -> None:
        """Labels, counts and scores of the passages of an input."""
        self._passages += len(rows)
        self._mislabelled += [
            number for number, row in enumerate(rows, line) if row.labels != _labels_of(row, self.manifest.thresholds)
        ]
        tagged = (replace(row.passage(), labels=row.labels, low_confidence=row.low_confidence) for row in rows)
        self._groups.append(count_passages(tagged))
        if self.replay:
            self.replay.add(rows, line)

    def _read(self, one: Input, rows: Sequence[Row], line: int) -> None:
        """Text, offsets and split of an input, if it is here."""
        steps = (self._text, self._offsets, self._split)
        original = self.originals.get(one)
        if original is None:
            return self._left(steps, "needs the input, as it was", one)
        try:
            reading = read_original(original, self.manifest.encoding, cast("Unit", self.manifest.unit))
        except MissingExtraError as error:
            self._text.not_checked(str(error).removeprefix(f"{one.name}: "), one.name)
            return self._left(steps[1:], "needs the text", one)
        except InputError as error:
            self._text.differs(f"cannot be read here: {error}", one.name)
            return self._left(steps[1:], "needs the text", one)
        _compare_text(self._text, one, reading)
        if self.unread is not None:
            return self._left(steps[1:], _UNREAD, one)
        _compare_offsets(self._offsets, one, reading, rows, line)
        _compare_split(self._split, one, reading, rows, line)
        return None

    def _left(self, steps: Sequence[Step], reason: str, one: Input) -> None:
        for step in steps:
            step.not_checked(reason, one.name)

    def of_passages(self) -> list[Check]:
        """What holds without anything but the bundle."""
        if self.unread is not None:
            left = [Check(step, "not checked", _UNREAD) for step in ("labels", "counts", "adjusted counts")]
            return [Check("passages", "differs", self.unread), *left]
        read = Check(
            "passages", "ok", f"{many(self._passages, 'passage')} of {many(len(self.manifest.inputs), 'input')}"
        )
        labels = Check("labels", "ok", "each passage has those whose probability reaches the threshold, and no others")
        if self._mislabelled:
            detail = f"do not follow from probabilities and thresholds on {on_lines(self._mislabelled)}"
            labels = Check("labels", "differs", detail, PASSAGES)
        return [read, labels, *_compare_figures(self.manifest, self._groups)]

    def of_scores(self) -> Check:
        """What came of scoring the passages again."""
        if self.replay is None:
            return Check("scores", "not checked", "not replayed: needs the model")
        if self.unread is not None:
            return Check("scores", "not checked", _UNREAD)
        return self.replay.check()

    def of_inputs(self) -> list[Check]:
        """What came of reading the inputs again."""
        same = self.originals.step.good
        return [
            *self.originals.step.checks(f"{same:,} of {many(len(self.manifest.inputs), 'input')} here, byte for byte"),
            *self._text.checks(f"the same text, title, country and year from {many(self._text.good, 'input')}"),
            *self._offsets.checks(f"each passage is where the bundle says in {many(self._offsets.good, 'input')}"),
            *self._split.checks(f"the same passages from {many(self._split.good, 'input')}"),
        ]


def _labels_of(row: Row, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The labels that follow from a passage's probabilities; none where it is no prose of the report."""
    return () if is_furniture(row.text, row.section) else labels_of(row.scores, thresholds)


def _groups(archive: Archive, inputs: Sequence[Input]) -> Iterator[tuple[int, list[Row]]]:
    """The passages of each input in turn, after the number of the line that the first one is on.

    Raises
    ------
    InputError
        At the first line that is no passage, or one in the wrong place.
    """
    rows: list[Row] = []
    number, first = 0, 1
    for at, line in enumerate(archive.lines(PASSAGES), 1):
        row = read_row(line, f"line {at}")
        if not number <= row.input < len(inputs):
            raise InputError(f"line {at}: is of input {row.input}, out of order")
        while number < row.input:
            yield first, rows
            number, first, rows = number + 1, at, []
        ready_split = inputs[number].kind == ROWS
        if row.end - row.start != len(row.text) or row.start < (rows[-1].end if rows and not ready_split else 0):
            raise InputError(f"line {at}: start and end do not fit its text, or the passage before")
        rows.append(row)
    for _ in range(number, len(inputs)):
        yield first, rows
        rows = []


def _compare_figures(manifest: Manifest, groups: Sequence[Group]) -> list[Check]:
    counts, adjusted = Step("counts"), Step("adjusted counts")
    told = [*((one.name, one.figures) for one in manifest.inputs), ("all inputs", manifest.figures)]
    try:
        found, possible = figures(groups, manifest.error_rates), True
    except (ArithmeticError, ValueError):
        adjusted.differs("the error rates in the manifest are impossible")
        found, possible = figures(groups, None), False
    for (name, stored), counted in zip(told, found, strict=True):
        other = _first_difference(_unadjusted(counted), _unadjusted(stored))
        if other is None:
            counts.ok()
        else:
            counts.differs(f"{other[0]} is {other[1]} by {PASSAGES}, {other[2]} by the manifest", name)
        other = _first_difference(_adjusted(counted), _adjusted(stored))
        if other is None:
            adjusted.ok()
        elif possible:
            adjusted.differs(f"{other[0]} is {other[1]} by counts and error rates, {other[2]} by the manifest", name)
    known = "follow from counts and error rates" if manifest.error_rates else "none: the model tells no error rates"
    agree = f"{counts.good} of {len(told)} agree" if counts.wrong else _in_words(manifest.figures)
    return [*counts.checks(agree), *adjusted.checks(known)]


def _unadjusted(one: Figures) -> dict[str, Any]:
    labels = {label: replace(count, adjusted=None) for label, count in one.labels.items()}
    return asdict(replace(one, labels=labels, none=replace(one.none, adjusted=None)))


def _adjusted(one: Figures) -> dict[str, Any]:
    return {label: count.adjusted and asdict(count.adjusted) for label, count in one.labels.items()}


def _first_difference(found: Any, told: Any, where: str = "") -> tuple[str, str, str] | None:
    """The first value that is not the same in two nests of dicts: its name, and both."""
    if isinstance(found, dict) and isinstance(told, dict) and found.keys() == told.keys():
        under = (_first_difference(found[name], told[name], f"{where}.{name}".lstrip(".")) for name in found)
        return next((one for one in under if one), None)
    return None if found == told else (where, f"{found!r:.60}", f"{told!r:.60}")


def _in_words(one: Figures) -> str:
    labels = ", ".join(f"{label} {count.count:,}" for label, count in one.labels.items())
    return f"{labels}, none {one.none.count:,} of {one.passages:,}"


def _compare_text(step: Step, one: Input, reading: Reading) -> None:
    document = reading.document
    found = {
        "kind": reading.kind,
        "title": document.title if document else None,
        "country": document.country if document else None,
        "year": document.year if document else None,
        "characters": len(document.text) if document else None,
    }
    other = [
        f"{name} is {here!r:.80}, not {getattr(one, name)!r:.80}"
        for name, here in found.items()
        if here != getattr(one, name)
    ]
    if (sha256_of_text(document.text) if document else None) != one.text_sha256:
        other.insert(0, "other text")
    if other:
        step.differs("; ".join(other), one.name)
    else:
        step.ok()


def _compare_offsets(step: Step, one: Input, reading: Reading, rows: Sequence[Row], line: int) -> None:
    document = reading.document
    text = document.text if document else None  # rows are their own texts
    wrong = [
        number for number, row in enumerate(rows, line) if text is not None and text[row.start : row.end] != row.text
    ]
    if wrong:
        step.differs(f"characters from start to end are not the passage on {on_lines(wrong)}", one.name)
    else:
        step.ok()


def _compare_split(step: Step, one: Input, reading: Reading, rows: Sequence[Row], line: int) -> None:
    stored = [row.passage() for row in rows]
    if stored == reading.passages:
        return step.ok()
    shared = zip(stored, reading.passages, strict=False)
    first = next(
        (i for i, (there, here) in enumerate(shared) if there != here), min(len(stored), len(reading.passages))
    )
    step.differs(
        f"splits into {many(len(reading.passages), 'passage')}, not {len(stored):,}; other from line {line + first} on",
        one.name,
    )
    return None
