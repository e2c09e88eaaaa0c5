"""One passage on its way between formats: what an annotator said of it, what a model said, and the fields around it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import CorpusError
from tipclassify.labels import LABELS

__all__ = ["NONE", "Reading", "Record", "RowError", "as_labels", "as_scores", "encodable", "json_objects", "named"]
__all__ += ["plain", "read_objects", "record_of", "row_of"]

NONE: Final = "none"
"""The label that says "no label applies", in formats where no label may as well mean that nobody looked."""

_OWN: Final = ("id", "text", "labels", "label", "predicted", "scores")


class RowError(ValueError):
    """What is wrong with one row and what to do; whoever reads the file adds where."""


@dataclass(frozen=True, slots=True)
class Record:
    """A passage with what is known of it.

    Attributes
    ----------
    labels : tuple of str or None
        Labels an annotator gave; empty for none, None for a passage nobody has labelled yet.
    predicted : tuple of str or None
        Labels a model gave.
    scores : mapping of str to float, or None
        The model's probability of every label.
    meta : mapping
        Further fields (section, doc, file, …); a field that is null is left out.
    """

    text: str
    id: str
    labels: tuple[str, ...] | None = None
    predicted: tuple[str, ...] | None = None
    scores: Mapping[str, float] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """Records of one file, and one line for each thing to know of them (rejected tasks, say)."""

    records: list[Record]
    notes: list[str] = field(default_factory=list)


def record_of(row: Any, given_id: str) -> Record:
    """A row of a corpus, of ``tipclassify score -f jsonl`` or of ``tipclassify corpus queue``.

    The labels of a row that ``score`` wrote are the model's: such a row has scores and ``low_confidence``, but no
    ``predicted``.

    >>> record_of({"text": "Police acted.", "labels": [], "doc": "A", "pair": None}, "x-1")
    Record(text='Police acted.', id='x-1', labels=(), predicted=None, scores=None, meta={'doc': 'A'})
    """
    if not isinstance(row, Mapping):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    labels = as_labels(row["labels"] if row.get("labels") is not None else row.get("label"))
    predicted, scores = as_labels(row.get("predicted")), as_scores(row.get("scores"))
    if scores and "low_confidence" in row and predicted is None:
        labels, predicted = None, labels
    meta = {str(name): value for name, value in row.items() if name not in _OWN and value is not None}
    return Record(as_text(row.get("text")), str(row.get("id") or given_id), labels, predicted, scores, meta)


def row_of(record: Record) -> dict[str, Any]:
    """The row of a corpus; ``labels`` is null where nobody has labelled the passage, so that training refuses it."""
    row: dict[str, Any] = {"id": record.id, "text": record.text}
    row["labels"] = None if record.labels is None else list(record.labels)
    if record.predicted is not None:
        row["predicted"] = list(record.predicted)
    if record.scores is not None:
        row["scores"] = dict(record.scores)
    return row | {name: value for name, value in record.meta.items() if name not in row}


def as_text(value: Any) -> str:
    """The text, as it is; `RowError` where it is missing or empty."""
    if not isinstance(value, str):
        raise RowError('no text; add a "text" field')
    if not value.strip():
        raise RowError("empty text; remove the row")
    return value


def as_labels(value: Any) -> tuple[str, ...] | None:
    """Names from a list, or from text with ``;``, in the order of ``LABELS``; ``none`` stands for no label.

    >>> as_labels("failure; positive_effort"), as_labels(["none"]), as_labels(None)
    (('positive_effort', 'failure'), (), None)
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = value.replace("|", ";").replace(",", ";").split(";")
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise RowError('labels are not a list of names; write "labels": ["failure"], [] for none')
    names = {name.strip() for name in value} - {""}
    if unknown := sorted(names - {*LABELS, NONE}):
        raise RowError(f"unknown label {unknown[0]!r}; use {', '.join(LABELS)}")
    if NONE in names and len(names) > 1:
        raise RowError(f"label {NONE!r} beside {', '.join(sorted(names - {NONE}))}; settle one")
    return tuple(label for label in LABELS if label in names)


def as_scores(value: Any) -> dict[str, float] | None:
    """Probabilities by label; None where there are none."""
    if value is None:
        return None
    try:
        return {label: float(value[label]) for label in LABELS}
    except (KeyError, TypeError, ValueError):
        raise RowError(f'scores are not a probability for each of {", ".join(LABELS)}; write "scores": {{…}}') from None


def named(labels: Iterable[str] | None) -> list[str]:
    """Labels with ``none`` for none, and nothing for a passage without labels."""
    return [] if labels is None else list(labels) or [NONE]


def plain(value: Any) -> str | int | float:
    """Text and numbers as they are, anything else as JSON text: what tables and metadata can hold."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not text.isascii() else text


# --------------------------------------------------------------------------------------------- JSON and JSON lines


def json_objects(path: Path) -> Iterator[tuple[str, Any]]:
    """Entries of a JSON list, or objects one a line, each with where it stands.

    Raises
    ------
    CorpusError
        When the file cannot be read; a line that is no JSON is told beside the others.
    """
    data = contents(path)
    if data.lstrip()[:1] == b"[":
        try:
            entries = json.loads(data.decode("utf-8-sig"))
        except ValueError as error:
            raise CorpusError([f"{path}: broken JSON ({error}); export it anew"]) from None
        yield from ((f"{path}: entry {number}", entry) for number, entry in enumerate(entries, 1))
        return
    problems = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"{path}:{number}", json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError:
            problems.append(f"{path}:{number}: not UTF-8; save the file as UTF-8")
        except ValueError as error:
            problems.append(f"{path}:{number}: broken JSON ({error}); write one object a line")
    if problems:
        raise CorpusError(problems)


def contents(path: Path) -> bytes:
    """The bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError([f"{path}: {(error.strerror or str(error)).lower()}; check the path"]) from None


def read_objects(path: Path, read: Any) -> list[Record]:
    """Records of a file of objects, by ``read(entry, id) -> Record``; all bad entries are told at once."""
    problems: list[str] = []
    records: list[Record] = []
    entries = json_objects(path)
    number = 0
    while True:
        try:
            where, entry = next(entries)
        except StopIteration:
            break
        except CorpusError as error:
            problems += error.problems
            break
        number += 1
        try:
            records.append(read(entry, f"{path.stem}-{number}"))
        except RowError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise CorpusError(problems)
    return records
