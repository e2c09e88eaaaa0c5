"""Label Studio's JSON tasks: text and fields in ``data``, labels as ``annotations``, a model's as ``predictions``.

Set the project up with this labelling interface (an annotation without a choice says that none applies)::

    <View>
      <Text name="text" value="$text"/>
      <Choices name="labels" toName="text" choice="multiple">
        <Choice value="positive_effort"/><Choice value="failure"/><Choice value="complicity"/>
      </Choices>
    </View>

A prediction has one score, by which Label Studio sorts tasks: how sure the model is of the label it is least sure of. The
probability of each label stays in ``data.scores``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.exchange.records import Reading, Record, RowError, as_labels, as_scores, as_text, read_objects
from tipclassify.writers.lines import json_line

__all__ = ["read_label_studio", "write_label_studio"]

_TAKEN: Final = ("text", "passage_id", "scores", "meta")


def read_label_studio(path: Path) -> Reading:
    """A JSON export (not JSON-MIN, which leaves out who said what)."""
    skipped: list[str] = []
    records = read_objects(path, lambda entry, given_id: _record(entry, given_id, skipped))
    note = f"{path}: {len(skipped):,} tasks were skipped by their annotators and count as not labelled"
    return Reading(records, [note] if skipped else [])


def _record(entry: Any, given_id: str, skipped: list[str]) -> Record:
    data = entry.get("data") if isinstance(entry, Mapping) else None
    if not isinstance(data, Mapping):
        raise RowError('not a task with "data"; export the project as JSON, not JSON-MIN')
    name = str(data.get("passage_id") or entry.get("id") or given_id)
    annotations = _entries(entry, "annotations")
    done = [one for one in annotations if not one.get("was_cancelled")]
    if annotations and not done:
        skipped.append(name)
    done = [one for one in done if one.get("ground_truth")] or done
    said = {as_labels(_choices(one)) for one in done}
    if len(said) > 1:
        both = " / ".join(sorted(", ".join(labels or ()) or "none" for labels in said))
        raise RowError(f"annotators differ ({both}); settle it in Label Studio, by marking one as ground truth")
    predictions = _entries(entry, "predictions")
    inner = data.get("meta")
    meta = dict(inner) if isinstance(inner, Mapping) else {} if inner is None else {"meta": inner}
    meta |= {key: value for key, value in data.items() if key not in _TAKEN and value is not None}
    return Record(
        as_text(data.get("text")),
        name,
        said.pop() if said else None,
        as_labels(_choices(predictions[0])) if predictions else None,
        as_scores(data.get("scores")),
        meta,
    )


def _entries(task: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [one for one in task.get(name) or () if isinstance(one, Mapping)]


def _choices(annotation: Mapping[str, Any]) -> list[str]:
    results = [
        one for one in annotation.get("result") or () if isinstance(one, Mapping) and one.get("type") == "choices"
    ]
    return [name for one in results for name in (one.get("value") or {}).get("choices") or ()]


def write_label_studio(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """A list of tasks to import."""
    out.write(b"[")
    for number, record in enumerate(records, 1):
        task: dict[str, Any] = {"data": {"text": record.text, "passage_id": record.id}}
        if record.scores is not None:
            task["data"]["scores"] = dict(record.scores)
        if record.meta:
            task["data"]["meta"] = dict(record.meta)
        if record.labels is not None:
            task["annotations"] = [{"result": _result(record.labels, f"{number}-labels"), "was_cancelled": False}]
        if record.predicted is not None:
            prediction: dict[str, Any] = {"model_version": "tipclassify"}
            if record.scores is not None:
                prediction["score"] = round(min(max(p, 1 - p) for p in record.scores.values()), 4)
            task["predictions"] = [prediction | {"result": _result(record.predicted, f"{number}-predicted")}]
        out.write(b",\n"[number == 1 :] + json_line(task).rstrip("\n").encode())
    out.write(b"]\n")
    return []


def _result(labels: Sequence[str], name: str) -> list[dict[str, Any]]:
    if not labels:
        return []
    tag = {"id": name, "type": "choices", "from_name": "labels", "to_name": "text"}
    return [{**tag, "value": {"choices": list(labels)}}]
