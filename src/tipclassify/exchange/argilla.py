"""Argilla's records (version 2), as ``dataset.records.to_json`` writes and ``from_json`` reads them: a JSON list.

The dataset has a field ``text`` and a multi-label question ``labels`` with the three labels and ``none``, which says that no
label applies; set it up with ``allow_extra_metadata=True``. Argilla ties an answer to one of its users, so labels
come in as suggestions of the agent ``labels``, for somebody to confirm; a model's as those of ``tipclassify``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.exchange.records import NONE, Reading, Record, RowError, as_labels, as_text, named, plain, read_objects
from tipclassify.labels import LABELS
from tipclassify.writers.lines import json_line

__all__ = ["read_argilla", "write_argilla"]

_QUESTION: Final = "labels"
_BY_HAND: Final = "labels"  # agent of suggestions that are an annotator's labels
_TAKEN: Final = ("predicted", *(f"score_{label}" for label in LABELS))


def read_argilla(path: Path) -> Reading:
    """Exported records. Submitted answers are labels; drafts and discarded ones are not."""
    records = read_objects(path, _record)
    return Reading(records)


def _record(entry: Any, given_id: str) -> Record:
    fields = entry.get("fields") if isinstance(entry, Mapping) else None
    if not isinstance(fields, Mapping):
        raise RowError('not a record with "fields"; export with dataset.records.to_json')
    metadata = entry.get("metadata") or {}
    answers = (entry.get("responses") or {}).get(_QUESTION) or []
    said = {as_labels(one["value"]) for one in answers if one.get("status") in (None, "submitted") and one.get("value")}
    if len(said) > 1:
        both = " / ".join(sorted(", ".join(labels or ()) or NONE for labels in said))
        raise RowError(f"annotators differ ({both}); settle it in Argilla")
    suggestion = (entry.get("suggestions") or {}).get(_QUESTION) or {}
    suggested = as_labels(suggestion.get("value")) if suggestion.get("value") else None
    by_hand = suggestion.get("agent") == _BY_HAND
    kept = metadata.get("predicted")
    scores = {label: metadata[f"score_{label}"] for label in LABELS if f"score_{label}" in metadata}
    return Record(
        as_text(fields.get("text")),
        str(entry.get("id") or given_id),
        said.pop() if said else suggested if by_hand else None,
        as_labels(kept) if kept else None if by_hand else suggested,
        {label: float(p) for label, p in scores.items()} if len(scores) == len(LABELS) else None,
        {name: value for name, value in metadata.items() if name not in _TAKEN and value is not None},
    )


def write_argilla(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """A list of records for ``dataset.records.from_json``."""
    notes = []
    if any(record.labels is not None for record in records):
        notes.append("Argilla ties answers to its users: labels are written as suggestions of the agent 'labels'")
    odd = sorted({name for record in records for name, value in record.meta.items() if plain(value) is not value})
    if odd:
        notes.append(f"Argilla's metadata holds text and numbers only: {', '.join(odd)} are written as JSON text")
    if clash := sorted({name for record in records for name in record.meta if name in _TAKEN}):
        notes.append(f"fields named {', '.join(clash)} are left out: the model's predictions go by these names")
    out.write(b"[")
    for number, record in enumerate(records):
        metadata = {name: plain(value) for name, value in record.meta.items() if name not in _TAKEN}
        if record.predicted is not None:
            metadata["predicted"] = ";".join(named(record.predicted))
        metadata |= {f"score_{label}": p for label, p in (record.scores or {}).items()}
        entry = {
            "id": record.id,
            "fields": {"text": record.text},
            "metadata": metadata,
            "suggestions": _suggestions(record),
            "responses": {},
            "vectors": {},
        }
        out.write(b",\n"[number == 0 :] + json_line(entry).rstrip("\n").encode())
    out.write(b"]\n")
    return notes


def _suggestions(record: Record) -> dict[str, Any]:
    if record.labels is not None:
        return {_QUESTION: {"value": named(record.labels), "score": None, "agent": _BY_HAND}}
    if record.predicted is None:
        return {}
    value = named(record.predicted)
    scores = None
    if record.scores is not None:
        none = 1 - max(record.scores.values())  # the label most likely to be missed
        scores = [round(record.scores.get(name, none), 4) for name in value]
    return {_QUESTION: {"value": value, "score": scores, "agent": "tipclassify"}}
