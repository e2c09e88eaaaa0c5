"""Convert JSON tasks of annotation tools: doccano 1.8, Label Studio, Prodigy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict, cast

from tipclassify.corpus.formats.records import (
    Record,
    annotation_label_names,
    list_corpus_fields,
    lost_annotation_notes,
    other_corpus_fields,
    parse_annotation_labels,
    parse_annotation_scores,
    predicted_corpus_fields,
)
from tipclassify.corpus.loading import check_corpus_text, first_id_as_text
from tipclassify.corpus.row_files import RowError
from tipclassify.labels import LABELS


def _annotation_object(value: object, problem: str) -> Mapping[str, object]:
    """Return a JSON object; raise `RowError` with the `problem` for another value."""
    if not isinstance(value, Mapping):
        raise RowError(problem)
    return value


# ------------------------------------------------------------------------------------------ doccano

_DOCCANO: Final = ("id", "text", "data", "label", "Comments", "passage_id", "predicted", "scores")


def parse_doccano(entry: object, given_id: str) -> Record:
    """Parse a line of doccano's JSONL.

    An empty list of labels is an unlabelled passage; the label ``none`` means that none applies.
    """
    task = _annotation_object(entry, "no JSON object; export the project as JSONL")
    return Record(
        labels=parse_annotation_labels(task.get("label") or None),
        predicted=parse_annotation_labels(task.get("predicted")),
        scores=parse_annotation_scores(task.get("scores")),
        text=check_corpus_text(task.get("text", task.get("data"))),
        id=first_id_as_text(task.get("passage_id"), task.get("id"), given_id),
        meta=other_corpus_fields(task, *_DOCCANO),
    )


def doccano_task(record: Record) -> dict[str, object]:
    """Make a task for doccano's JSONL import (text classification)."""
    label = annotation_label_names(record.predicted if record.labels is None else record.labels)
    task = {
        "text": record.text,
        "label": label,
        "passage_id": record.id,
        **predicted_corpus_fields(record),
    }
    return {**task, **other_corpus_fields(record.meta, *_DOCCANO)}


def doccano_losses(records: Sequence[Record]) -> list[str]:
    """Note predictions written as labels, and fields omitted because of reserved names."""
    guessed = sum(record.labels is None and record.predicted is not None for record in records)
    reserved = list_corpus_fields(records, lambda name, _: name in _DOCCANO)
    return lost_annotation_notes(
        (
            "doccano keeps no predictions apart: "
            f"those of {guessed:,} passages are written as labels to check",
            guessed,
        ),
        (
            f"doccano has fields named {reserved} of its own: those of the passages are left out",
            reserved,
        ),
    )


# ---------------------------------------------------------------------------------------------
# Label Studio


class _LabelStudioChoices(TypedDict):
    choices: list[str]


class _LabelStudioResult(TypedDict):
    id: str
    type: str
    from_name: str
    to_name: str
    value: _LabelStudioChoices


class _LabelStudioAnnotation(TypedDict, total=False):
    result: list[_LabelStudioResult]
    was_cancelled: bool
    ground_truth: bool


def parse_label_studio(entry: object, given_id: str) -> Record:
    """Parse a task of Label Studio's JSON export.

    An annotation without a choice means that no label applies. The interface of the project is
    ``<Text name="text" value="$text"/>``, ``<Choices name="labels" toName="text"
    choice="multiple">``.
    """
    task = entry if isinstance(entry, Mapping) else {}
    data = _annotation_object(
        task.get("data"), "no JSON object 'data'; export the project as JSON, not JSON-MIN"
    )
    # Unchecked: where an entry has another form, what it raises is reported with its place.
    annotations = cast("list[_LabelStudioAnnotation]", task.get("annotations") or [])
    guesses = cast("list[_LabelStudioAnnotation]", task.get("predictions") or [])
    meta = data.get("meta")
    fields = {
        **(meta if isinstance(meta, Mapping) else {"meta": meta}),
        **other_corpus_fields(data, "text", "passage_id", "scores", "meta"),
    }
    return Record(
        labels=_labels_agreed_in_label_studio(annotations),
        predicted=parse_annotation_labels(_label_studio_choices(guesses[0])) if guesses else None,
        scores=parse_annotation_scores(data.get("scores")),
        text=check_corpus_text(data.get("text")),
        id=first_id_as_text(data.get("passage_id"), task.get("id"), given_id),
        meta=other_corpus_fields(fields),
    )


def _labels_agreed_in_label_studio(
    annotations: Sequence[_LabelStudioAnnotation],
) -> tuple[str, ...] | None:
    """Return the labels on which all annotators agree; None without annotations."""
    done = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    done = [annotation for annotation in done if annotation.get("ground_truth")] or done
    votes = {parse_annotation_labels(_label_studio_choices(annotation)) for annotation in done}
    if len(votes) > 1:
        answers = " / ".join(sorted(", ".join(annotation_label_names(labels)) for labels in votes))
        raise RowError(
            f"annotators differ ({answers}); "
            "settle it in Label Studio, by marking one as ground truth"
        )
    return votes.pop() if votes else None


def _label_studio_choices(annotation: _LabelStudioAnnotation) -> list[str]:
    results = annotation.get("result") or ()
    if other_types := {str(result.get("type")) for result in results} - {"choices"}:
        raise RowError(
            f"annotated with {', '.join(sorted(other_types))}, not with choices; "
            "export a project of the labels"
        )
    return [name for result in results for name in (result.get("value") or {}).get("choices") or ()]


def label_studio_task(record: Record) -> dict[str, object]:
    """Make a "Basic JSON" task.

    Its score, by which Label Studio sorts tasks, is the confidence in the least certain label.
    """
    extra = other_corpus_fields({"scores": record.scores, "meta": record.meta or None})
    task: dict[str, object] = {"data": {"text": record.text, "passage_id": record.id, **extra}}
    if record.labels is not None:
        results = _label_studio_results(record.labels, f"{record.id}-labels")
        task["annotations"] = [{"result": results, "was_cancelled": False}]
    if record.predicted is not None:
        prediction: dict[str, object] = {
            "model_version": "tipclassify",
            "result": _label_studio_results(record.predicted, f"{record.id}-predicted"),
        }
        if record.scores is not None:
            confidence = min(max(p, 1 - p) for p in record.scores.values())
            prediction["score"] = round(confidence, 4)
        task["predictions"] = [prediction]
    return task


def _label_studio_results(labels: Sequence[str], name: str) -> list[_LabelStudioResult]:
    if not labels:
        return []
    return [
        {
            "id": name,
            "type": "choices",
            "from_name": "labels",
            "to_name": "text",
            "value": {"choices": list(labels)},
        }
    ]


# ---------------------------------------------------------------------------------------------
# Prodigy

_ANSWERS: Final = ("accept", "reject", "ignore")


def parse_prodigy(entry: object, given_id: str) -> Record:
    """Parse a choice task of ``prodigy db-out``.

    An accepted task has the chosen labels; any other is unlabelled.
    """
    task = _annotation_object(entry, "no JSON object; export with prodigy db-out")
    if "label" in task and "accept" not in task:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    answer = task.get("answer")
    if answer not in (None, *_ANSWERS):
        raise RowError(f"unknown answer {answer!r}; use {', '.join(_ANSWERS)}")
    chosen = parse_annotation_labels(task.get("accept"))
    predicted = parse_annotation_labels(task.get("predicted"))
    if answer is None and predicted is None:
        predicted = chosen
    meta = task.get("meta")
    return Record(
        text=check_corpus_text(task.get("text")),
        id=first_id_as_text(task.get("id"), given_id),
        labels=(chosen or ()) if answer == "accept" else None,
        predicted=predicted,
        scores=parse_annotation_scores(task.get("scores")),
        meta=other_corpus_fields(meta) if isinstance(meta, Mapping) else {},
    )


def prodigy_task(record: Record) -> dict[str, object]:
    """Make a choice task with the predicted labels selected.

    The task of a labelled passage is an accepted one, for ``prodigy db-in``.
    """
    options: list[dict[str, str]] = [{"id": label, "text": label} for label in LABELS]
    if record.scores is not None:
        for option in options:
            option["meta"] = f"{record.scores[option['id']]:.2f}"
    chosen = record.predicted if record.labels is None else record.labels
    task = {
        "text": record.text,
        "id": record.id,
        "options": options,
        "accept": None if chosen is None else list(chosen),
        "answer": None if record.labels is None else "accept",
        **predicted_corpus_fields(record),
        "meta": record.meta or None,
    }
    return other_corpus_fields(task)
