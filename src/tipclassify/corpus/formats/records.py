"""Represent a passage between formats: annotated labels, predictions, and further fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tipclassify.corpus.loading import NumberedRow, RowError, check_text, json_rows, label_list, parse_labels, read_file
from tipclassify.errors import CorpusError
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS

NONE: Final = "none"
"""Label for "no label applies", in formats where an empty list also means unlabelled."""


@dataclass(frozen=True, slots=True)
class Record:
    """A passage with its labels, predictions and further fields."""

    text: str
    id: str
    labels: tuple[str, ...] | None = None  # annotated; empty if none applies, None for an unlabelled passage
    predicted: tuple[str, ...] | None = None
    scores: Mapping[str, float] | None = None  # the model's probability of every label
    meta: Mapping[str, Any] = field(default_factory=dict)  # further fields (section, doc, file, …) that are not null


def record_of(row: Any, given_id: str) -> Record:
    """Read a row of a corpus, of ``tipclassify score -f jsonl`` or of ``tipclassify corpus queue``.

    The labels of a row from ``score`` are predictions: it has scores and ``low_confidence``, but no ``predicted``.

    >>> record_of({"text": "Police acted.", "labels": [], "doc": "A", "pair": None}, "x-1")
    Record(text='Police acted.', id='x-1', labels=(), predicted=None, scores=None, meta={'doc': 'A'})
    """
    if not isinstance(row, Mapping):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    labels = as_labels(row["labels"] if row.get("labels") is not None else row.get("label"))
    predicted, scores = as_labels(row.get("predicted")), as_scores(row.get("scores"))
    if scores and "low_confidence" in row and predicted is None:
        labels, predicted = None, labels
    meta = other_fields(row, "id", "text", "labels", "label", "predicted", "scores")
    return Record(check_text(row.get("text")), str(row.get("id") or given_id), labels, predicted, scores, meta)


def row_of(record: Record) -> dict[str, Any]:
    """Convert a record to a corpus row; ``labels`` is null for an unlabelled passage, so that training rejects it."""
    labels = None if record.labels is None else list(record.labels)
    row = {"id": record.id, "text": record.text, "labels": labels, **predictions(record)}
    return row | other_fields(record.meta, *row)


def predictions(record: Record) -> dict[str, Any]:
    """Return the predicted labels and probabilities as corpus fields."""
    predicted = {} if record.predicted is None else {"predicted": list(record.predicted)}
    return predicted if record.scores is None else {**predicted, "scores": dict(record.scores)}


def other_fields(row: Mapping[str, Any], *taken: str) -> dict[str, Any]:
    """Return the non-null fields, without those `taken`."""
    return {str(name): value for name, value in row.items() if name not in taken and value is not None}


def fields_where(records: Iterable[Record], test: Callable[[str, Any], bool]) -> str:
    """List the further fields for which any record passes ``test(name, value)``, as text for a note."""
    return ", ".join(sorted({name for record in records for name, value in record.meta.items() if test(name, value)}))


def as_labels(value: Any) -> tuple[str, ...] | None:
    """Parse label names like `corpus.parse_labels`, with ``none`` for no label; null gives None.

    >>> as_labels("failure; positive_effort"), as_labels(["none"]), as_labels(None)
    (('positive_effort', 'failure'), (), None)
    """
    if value is None:
        return None
    names = set(label_list(value))
    if NONE in names and len(names) > 1:
        raise RowError(f"label {NONE!r} beside {', '.join(sorted(names - {NONE}))}; settle one")
    return parse_labels(sorted(names - {NONE}))


def as_scores(value: Any) -> dict[str, float] | None:
    """Parse probabilities by label; null gives None."""
    if value is None:
        return None
    try:
        return {label: float(value[label]) for label in LABELS}
    except (KeyError, TypeError, ValueError):
        names = ", ".join(LABELS)
        raise RowError(f'scores are not a probability for each of {names}; write "scores": {{…}}') from None


def label_names(labels: Iterable[str] | None) -> list[str]:
    """Return label names, ``["none"]`` if no label applies, and an empty list for an unlabelled passage."""
    return [] if labels is None else list(labels) or [NONE]


def to_scalar(value: Any) -> str | int | float:
    """Convert a value to text or a number, for tables and metadata: other types become JSON text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def json_entries(path: Path) -> Iterator[NumberedRow]:
    """Yield the entries of a JSON list, or of JSON lines, with their locations; a `RowError` for invalid JSON."""
    data = read_file(path)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"[":
        yield from json_rows(path)
        return
    try:
        entries = load_json(data.removeprefix(b"\xef\xbb\xbf"), strict=False)
    except ValueError as error:
        raise CorpusError([f"{path}: broken JSON ({error}); export it anew"]) from None
    yield from ((f"{path}: entry {number}", entry) for number, entry in enumerate(entries, 1))
