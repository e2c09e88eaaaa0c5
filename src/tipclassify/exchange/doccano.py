"""doccano's text classification as JSON lines: ``{"text": …, "label": ["failure"], …}``, further fields as its metadata.

doccano exports a passage nobody has looked at with the same empty list as one to which no label applies, so here the
label ``none`` says the latter: give it to the project beside the other three. It keeps no predictions apart from labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tipclassify.exchange.records import NONE, Reading, Record, RowError, as_labels, as_scores, named, read_objects
from tipclassify.exchange.records import as_text as _text
from tipclassify.writers.lines import json_line

__all__ = ["read_doccano", "write_doccano"]

_TAKEN = ("id", "text", "data", "label", "Comments", "passage_id", "predicted", "scores")


def read_doccano(path: Path) -> Reading:
    """An export of doccano; passages without a label are taken as not labelled yet."""
    records = read_objects(path, _record)
    bare = sum(record.labels is None for record in records)
    note = f"{path}: {bare:,} passages have no label in doccano and count as not labelled; label {NONE!r} says that none applies"
    return Reading(records, [note] if bare else [])


def _record(entry: Any, given_id: str) -> Record:
    if not isinstance(entry, Mapping):
        raise RowError("not a JSON object; export the project as JSONL")
    label = entry.get("label")
    labels = as_labels([label] if isinstance(label, str) else label)
    named_so = isinstance(label, str) or NONE in (label or ())
    return Record(
        _text(entry.get("text", entry.get("data"))),
        str(entry.get("passage_id") or entry.get("id") or given_id),
        labels if labels or named_so else None,
        as_labels(entry.get("predicted")),
        as_scores(entry.get("scores")),
        {name: value for name, value in entry.items() if name not in _TAKEN and value is not None},
    )


def write_doccano(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """What doccano imports as JSONL for text classification."""
    notes = []
    if guessed := sum(record.labels is None and record.predicted is not None for record in records):
        notes.append(
            f"doccano keeps no predictions apart: those of {guessed:,} passages are written as labels to check"
        )
    if clash := sorted({name for record in records for name in record.meta if name in _TAKEN}):
        notes.append(f"doccano has fields named {', '.join(clash)} of its own: those of the passages are left out")
    for record in records:
        row: dict[str, Any] = {"text": record.text}
        row["label"] = named(record.predicted if record.labels is None else record.labels)
        row["passage_id"] = record.id
        if record.predicted is not None:
            row["predicted"] = named(record.predicted)
        if record.scores is not None:
            row["scores"] = dict(record.scores)
        row |= {name: value for name, value in record.meta.items() if name not in _TAKEN}
        out.write(json_line(row).encode())
    return notes
