"""Prodigy's choice tasks (``textcat.manual`` without ``--exclusive``, ``textcat.correct``): ``options``, ``accept`` and ``answer``.

An accepted task with nothing ticked says that no label applies. Rejected and ignored tasks are not labelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.exchange.records import Reading, Record, RowError, as_labels, as_scores, as_text, read_objects
from tipclassify.labels import LABELS
from tipclassify.writers.lines import json_line

__all__ = ["read_prodigy", "write_prodigy"]

_ANSWERS: Final = ("accept", "reject", "ignore")


def read_prodigy(path: Path) -> Reading:
    """What ``prodigy db-out`` writes."""
    passed: list[str] = []
    records = read_objects(path, lambda entry, given_id: _record(entry, given_id, passed))
    note = f"{path}: {len(passed):,} tasks were rejected or ignored and count as not labelled"
    return Reading(records, [note] if passed else [])


def _record(entry: Any, given_id: str, passed: list[str]) -> Record:
    if not isinstance(entry, Mapping):
        raise RowError("not a JSON object; export with prodigy db-out")
    if "label" in entry and "accept" not in entry:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    answer = entry.get("answer")
    if answer is not None and answer not in _ANSWERS:
        raise RowError(f"unknown answer {answer!r}; use {', '.join(_ANSWERS)}")
    name = str(entry.get("id") or given_id)
    if answer in ("reject", "ignore"):
        passed.append(name)
    ticked = as_labels(entry.get("accept"))
    predicted = as_labels(entry.get("predicted"))
    meta = entry.get("meta")
    return Record(
        as_text(entry.get("text")),
        name,
        (ticked or ()) if answer == "accept" else None,
        ticked if answer is None and predicted is None else predicted,
        as_scores(entry.get("scores")),
        {str(key): value for key, value in meta.items() if value is not None} if isinstance(meta, Mapping) else {},
    )


def write_prodigy(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Tasks with the model's labels ticked; those with labels are answered already (``prodigy db-in``)."""
    for record in records:
        options: list[dict[str, str]] = [{"id": label, "text": label} for label in LABELS]
        if record.scores is not None:
            options = [{**option, "meta": f"{record.scores[option['id']]:.2f}"} for option in options]
        task: dict[str, Any] = {"text": record.text, "id": record.id, "options": options}
        ticked = record.predicted if record.labels is None else record.labels
        if ticked is not None:
            task["accept"] = list(ticked)
        if record.labels is not None:
            task["answer"] = "accept"
        if record.predicted is not None:
            task["predicted"] = list(record.predicted)
        if record.scores is not None:
            task["scores"] = dict(record.scores)
        if record.meta:
            task["meta"] = dict(record.meta)
        out.write(json_line(task).encode())
    return []
