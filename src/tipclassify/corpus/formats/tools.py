"""Convert JSON tasks of annotation tools (doccano 1.8, Label Studio, Argilla 2, Prodigy): read
entries, make tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tipclassify.corpus.formats import records as of
from tipclassify.corpus.formats.records import Record
from tipclassify.corpus.loading import RowError, check_text
from tipclassify.labels import LABELS


def _object(entry: Any, part: str, advice: str) -> Mapping[str, Any]:
    """Return the entry, or the object `part` within it; raise `RowError` if it is no object."""
    found = entry.get(part) if part and isinstance(entry, Mapping) else entry
    if not isinstance(found, Mapping):
        raise RowError(f"no JSON object{f' {part!r}' if part else ''}; {advice}")
    return found


def _agreed(votes: set[tuple[str, ...] | None], where: str) -> tuple[str, ...] | None:
    """Return the labels on which all annotators agree; None without votes."""
    if len(votes) > 1:
        both = " / ".join(sorted(", ".join(of.label_names(labels)) for labels in votes))
        raise RowError(f"annotators differ ({both}); settle it in {where}")
    return votes.pop() if votes else None


_DOCCANO: Final = ("id", "text", "data", "label", "Comments", "passage_id", "predicted", "scores")


def doccano_entry(entry: Any, given_id: str) -> Record:
    """Read a line of doccano's JSONL, in which an empty list is an unlabelled passage, the label
    ``none`` no label."""
    entry = _object(entry, "", "export the project as JSONL")
    labels = of.as_labels(entry.get("label") or None)
    text, name = (
        entry.get("text", entry.get("data")),
        str(entry.get("passage_id") or entry.get("id") or given_id),
    )
    predicted, scores = of.as_labels(entry.get("predicted")), of.as_scores(entry.get("scores"))
    return Record(
        check_text(text), name, labels, predicted, scores, of.other_fields(entry, *_DOCCANO)
    )


def doccano_task(record: Record) -> dict[str, Any]:
    """Make a task for doccano's JSONL import (text classification)."""
    label = of.label_names(record.predicted if record.labels is None else record.labels)
    task = {"text": record.text, "label": label, "passage_id": record.id, **of.predictions(record)}
    return {**task, **of.other_fields(record.meta, *_DOCCANO)}


def doccano_losses(records: Sequence[Record]) -> list[str]:
    """Note predictions written as labels, and fields omitted because of reserved names."""
    guessed = sum(record.labels is None and record.predicted is not None for record in records)
    clash = of.fields_where(records, lambda name, _: name in _DOCCANO)
    what = f"those of {guessed:,} passages are written as labels to check"
    return of.notes(
        (f"doccano keeps no predictions apart: {what}", guessed),
        (f"doccano has fields named {clash} of its own: those of the passages are left out", clash),
    )


def label_studio_entry(entry: Any, given_id: str) -> Record:
    """Read a task of Label Studio's JSON export; an annotation without a choice means that no label
    applies.

    Its interface: ``<Text name="text" value="$text"/>``, ``<Choices name="labels" toName="text"
    choice="multiple">``.
    """
    data = _object(entry, "data", "export the project as JSON, not JSON-MIN")
    done = [one for one in entry.get("annotations") or [] if not one.get("was_cancelled")]
    done = [one for one in done if one.get("ground_truth")] or done
    labels = _agreed(
        {of.as_labels(_choices(one)) for one in done},
        "Label Studio, by marking one as ground truth",
    )
    predicted = (
        of.as_labels(_choices(entry["predictions"][0])) if entry.get("predictions") else None
    )
    inner = data["meta"] if isinstance(data.get("meta"), Mapping) else {"meta": data.get("meta")}
    fields = of.other_fields(
        {**inner, **of.other_fields(data, "text", "passage_id", "scores", "meta")}
    )
    name, scores = (
        str(data.get("passage_id") or entry.get("id") or given_id),
        of.as_scores(data.get("scores")),
    )
    return Record(check_text(data.get("text")), name, labels, predicted, scores, fields)


def _choices(annotation: Mapping[str, Any]) -> list[str]:
    results = annotation.get("result") or ()
    if other := {str(one.get("type")) for one in results} - {"choices"}:
        raise RowError(
            f"annotated with {', '.join(sorted(other))}, not with choices; export a project of the labels"
        )
    return [name for one in results for name in (one.get("value") or {}).get("choices") or ()]


def label_studio_task(record: Record) -> dict[str, Any]:
    """Make a "Basic JSON" task; its score, by which tasks are sorted, is the confidence in the
    least certain label."""
    more = of.other_fields({"scores": record.scores, "meta": record.meta or None})
    task: dict[str, Any] = {"data": {"text": record.text, "passage_id": record.id, **more}}
    if record.labels is not None:
        task["annotations"] = [
            {"result": _result(record.labels, f"{record.id}-labels"), "was_cancelled": False}
        ]
    if record.predicted is not None:
        result = _result(record.predicted, f"{record.id}-predicted")
        task["predictions"] = [{"model_version": "tipclassify", "result": result}]
        if record.scores is not None:
            task["predictions"][0]["score"] = round(
                min(max(p, 1 - p) for p in record.scores.values()), 4
            )
    return task


def _result(labels: Sequence[str], name: str) -> list[dict[str, Any]]:
    tag = {"id": name, "type": "choices", "from_name": "labels", "to_name": "text"}
    return [{**tag, "value": {"choices": list(labels)}}] if labels else []


_QUESTION: Final = "labels"
_ANNOTATOR: Final = "labels"  # agent of suggestions that are annotated labels
_ARGILLA: Final = ("predicted", *(f"score_{label}" for label in LABELS))


def argilla_entry(entry: Any, given_id: str) -> Record:
    """Read a record (version 2) of ``dataset.records.to_json``. Submitted answers are labels,
    drafts are not.

    The dataset needs a field ``text``, a multi-label question ``labels``, also of ``none``, and
    ``allow_extra_metadata=True``.
    """
    text = _object(entry, "fields", "export with dataset.records.to_json").get("text")
    metadata = entry.get("metadata") or {}
    answers = (entry.get("responses") or {}).get(_QUESTION) or []
    submitted = [
        one for one in answers if one.get("status") in (None, "submitted") and one.get("value")
    ]
    votes = {of.as_labels(one["value"]) for one in submitted}
    suggestion = (entry.get("suggestions") or {}).get(_QUESTION) or {}
    suggested = of.as_labels(suggestion.get("value") or None)
    annotated = suggestion.get("agent") == _ANNOTATOR
    labels = _agreed(votes, "Argilla") if votes else suggested if annotated else None
    predicted = (
        of.as_labels(metadata.get("predicted") or None)
        if metadata.get("predicted") or annotated
        else suggested
    )
    scores = {label: metadata.get(f"score_{label}") for label in LABELS}
    probabilities = None if None in scores.values() else of.as_scores(scores)
    name, fields = str(entry.get("id") or given_id), of.other_fields(metadata, *_ARGILLA)
    return Record(check_text(text), name, labels, predicted, probabilities, fields)


def argilla_task(record: Record) -> dict[str, Any]:
    """Make a record for ``dataset.records.from_json``.

    Answers belong to users: labels are suggestions of the agent ``labels``, predictions of
    ``tipclassify``.
    """
    metadata = {
        name: of.to_scalar(value) for name, value in record.meta.items() if name not in _ARGILLA
    }
    metadata |= (
        {}
        if record.predicted is None
        else {"predicted": ";".join(of.label_names(record.predicted))}
    )
    metadata |= {f"score_{label}": p for label, p in (record.scores or {}).items()}
    suggestion: dict[str, Any] = {
        "value": of.label_names(record.labels),
        "score": None,
        "agent": _ANNOTATOR,
    }
    if record.labels is None and record.predicted is not None:
        suggestion |= {"value": of.label_names(record.predicted), "agent": "tipclassify"}
        if record.scores is not None:
            # the label most likely to be missed
            scores = {**record.scores, of.NONE: 1 - max(record.scores.values())}
            suggestion["score"] = [round(scores[name], 4) for name in suggestion["value"]]
    suggestions = {_QUESTION: suggestion} if suggestion["value"] else {}
    task = {
        "id": record.id,
        "fields": {"text": record.text},
        "metadata": metadata,
        "suggestions": suggestions,
    }
    return {**task, "responses": {}, "vectors": {}}


def argilla_losses(records: Sequence[Record]) -> list[str]:
    """Note labels written as suggestions, metadata converted to JSON text, and omitted fields."""
    labelled = any(record.labels is not None for record in records)
    odd = of.fields_where(records, lambda _, value: of.to_scalar(value) is not value)
    clash = of.fields_where(records, lambda name, _: name in _ARGILLA)
    return of.notes(
        (
            "Argilla ties answers to its users: labels are written as suggestions of the agent 'labels'",
            labelled,
        ),
        (f"Argilla's metadata holds text and numbers only: {odd} are written as JSON text", odd),
        (f"fields named {clash} are left out: the model's predictions go by these names", clash),
    )


_ANSWERS: Final = ("accept", "reject", "ignore")


def prodigy_entry(entry: Any, given_id: str) -> Record:
    """Read a choice task of ``prodigy db-out``: an accepted one has the chosen labels, another
    is unlabelled."""
    entry = _object(entry, "", "export with prodigy db-out")
    if "label" in entry and "accept" not in entry:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    answer = entry.get("answer")
    if answer not in (None, *_ANSWERS):
        raise RowError(f"unknown answer {answer!r}; use {', '.join(_ANSWERS)}")
    ticked, predicted = of.as_labels(entry.get("accept")), of.as_labels(entry.get("predicted"))
    labels = (ticked or ()) if answer == "accept" else None
    if answer is None and predicted is None:
        predicted = ticked
    text, name, meta = entry.get("text"), str(entry.get("id") or given_id), entry.get("meta")
    fields = of.other_fields(meta) if isinstance(meta, Mapping) else {}
    return Record(
        check_text(text), name, labels, predicted, of.as_scores(entry.get("scores")), fields
    )


def prodigy_task(record: Record) -> dict[str, Any]:
    """Make a choice task with the predicted labels selected; a labelled passage is accepted
    (``prodigy db-in``)."""
    options: list[dict[str, str]] = [{"id": label, "text": label} for label in LABELS]
    if record.scores is not None:
        options = [{**option, "meta": f"{record.scores[option['id']]:.2f}"} for option in options]
    task: dict[str, Any] = {"text": record.text, "id": record.id, "options": options}
    ticked = record.predicted if record.labels is None else record.labels
    task["accept"] = None if ticked is None else list(ticked)
    task["answer"] = None if record.labels is None else "accept"
    return of.other_fields({**task, **of.predictions(record), "meta": record.meta or None})
