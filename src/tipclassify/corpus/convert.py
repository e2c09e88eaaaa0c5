"""Represent a passage between formats, and read and write rows: JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, TypedDict, cast

from tipclassify.corpus.rows import (
    NumberedRow,
    RowError,
    check_text,
    csv_rows,
    first_id,
    json_rows,
    parquet_rows,
    parse_labels,
    read_file,
    split_labels,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import (
    csv_cell,
    json_line,
    load_json,
    looks_like_a_formula,
    unformat_csv_cell,
)
from tipclassify.labels import LABELS

# label for "no label applies", in formats where an empty list also means unlabelled
NONE: Final = "none"
_UNLABELLED: Final = "?"  # in CSV, where an empty cell means that no label applies
_LABEL_LISTS: Final = ("labels", "predicted")


@dataclass(frozen=True, slots=True)
class Record:
    """A passage with its labels, predictions and further fields."""

    text: str
    id: str
    # annotated; empty if none applies, None for an unlabelled passage
    labels: tuple[str, ...] | None = None
    predicted: tuple[str, ...] | None = None
    scores: Mapping[str, float] | None = None  # the model's probability of every label
    # further fields (section, doc, file, …) that are not null
    meta: Mapping[str, object] = field(default_factory=dict)


def parse_annotation_labels(value: object) -> tuple[str, ...] | None:
    """Parse label names like `parse_labels`, with ``none`` for no label; null gives None.

    >>> parse_annotation_labels("failure; positive_effort")
    ('positive_effort', 'failure')
    >>> parse_annotation_labels(["none"]), parse_annotation_labels(None)
    ((), None)
    """
    if value is None:
        return None
    names = set(split_labels(value))
    if NONE in names and len(names) > 1:
        raise RowError(f"label {NONE!r} beside {', '.join(sorted(names - {NONE}))}; settle one")
    return parse_labels(sorted(names - {NONE}))


def parse_annotation_scores(value: object) -> dict[str, float] | None:
    """Parse probabilities by label; null gives None."""
    if value is None:
        return None
    names = ", ".join(LABELS)
    problem = f'scores are not a probability for each of {names}; write "scores": {{…}}'
    if not isinstance(value, Mapping):
        raise RowError(problem)
    try:
        return {label: float(value[label]) for label in LABELS}
    except (KeyError, TypeError, ValueError):
        raise RowError(problem) from None


def annotation_label_names(labels: Iterable[str] | None) -> list[str]:
    """Return label names: ``["none"]`` if no label applies, ``[]`` for an unlabelled passage."""
    if labels is None:
        return []
    return list(labels) or [NONE]


def predicted_corpus_fields(record: Record) -> dict[str, object]:
    """Return the predicted labels and probabilities as corpus fields."""
    predicted = None if record.predicted is None else list(record.predicted)
    return other_corpus_fields({"predicted": predicted, "scores": record.scores})


def other_corpus_fields(row: Mapping[str, object], *taken: str) -> dict[str, object]:
    """Return the non-null fields, without those `taken`."""
    return {
        str(name): value for name, value in row.items() if name not in taken and value is not None
    }


def list_corpus_fields(records: Iterable[Record], test: Callable[[str, object], bool]) -> str:
    """List, for a note, the further fields for which any record passes ``test(name, value)``."""
    names = {name for record in records for name, value in record.meta.items() if test(name, value)}
    return ", ".join(sorted(names))


def lost_annotation_notes(*conditional: tuple[str, object]) -> list[str]:
    """Return the notes whose condition holds."""
    return [note for note, holds in conditional if holds]


def corpus_field_as_scalar(value: object) -> str | int | float:
    """Convert a value to text or a number, for tables; other types become JSON text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def encodable_corpus_text(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def corpus_json_entries(path: Path) -> Iterator[NumberedRow]:
    """Yield the entries of a JSON list, or of JSON lines, with their locations.

    A line of invalid JSON gives a `RowError`; an invalid list raises `CorpusError`.
    """
    data = read_file(path).removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] != b"[":
        yield from json_rows(path)
        return
    try:
        entries = load_json(data, strict=False)
    except ValueError as error:
        raise CorpusError([f"{path}: broken JSON ({error}); export it anew"]) from None
    for number, entry in enumerate(entries, 1):
        yield f"{path}: entry {number}", entry


def parse_corpus_json_row(row: object, given_id: str) -> Record:
    """Parse a row of a corpus, or of ``tipclassify score -f jsonl`` or ``corpus queue``.

    The labels of a row from ``score`` are predictions: it has scores and ``low_confidence``, but no
    ``predicted``.

    >>> row = {"text": "Police acted.", "labels": [], "doc": "A", "pair": None}
    >>> record = parse_corpus_json_row(row, "x-1")
    >>> record.id, record.labels, record.meta
    ('x-1', (), {'doc': 'A'})
    """
    if not isinstance(row, Mapping):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    labels = parse_annotation_labels(
        row["labels"] if row.get("labels") is not None else row.get("label")
    )
    predicted = parse_annotation_labels(row.get("predicted"))
    scores = parse_annotation_scores(row.get("scores"))
    if scores and "low_confidence" in row and predicted is None:
        predicted = labels
        labels = None
    return Record(
        text=check_text(row.get("text")),
        id=first_id(row.get("id"), given_id),
        labels=labels,
        predicted=predicted,
        scores=scores,
        meta=other_corpus_fields(row, "id", "text", "labels", "label", "predicted", "scores"),
    )


def corpus_row(record: Record) -> dict[str, object]:
    """Convert a record to a corpus row.

    ``labels`` is null for an unlabelled passage, so that training rejects it.
    """
    labels = None if record.labels is None else list(record.labels)
    row = {
        "id": record.id,
        "text": record.text,
        "labels": labels,
        **predicted_corpus_fields(record),
    }
    return row | other_corpus_fields(record.meta, *row)


def parse_corpus_table_row(row: object, given_id: str) -> Record:
    """Parse a row of CSV or Parquet, which has a column for each probability.

    Labels of a row from ``score`` are predictions.
    """
    if not isinstance(row, dict):
        return parse_corpus_json_row(row, given_id)
    if row.get("labels") == _UNLABELLED:
        row = {**row, "labels": None}
    if all(row.get(label) is not None for label in LABELS):
        row = other_corpus_fields(row, *LABELS) | {
            "scores": {label: row[label] for label in LABELS}
        }
    return parse_corpus_json_row(row, given_id)


def _corpus_table_row(record: Record) -> dict[str, object]:
    row: dict[str, object] = {"id": record.id, "text": record.text, "labels": record.labels}
    row |= other_corpus_fields({"predicted": record.predicted, **(record.scores or {})})
    return row | other_corpus_fields(record.meta, *row, *_LABEL_LISTS)


def write_corpus_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
    rows = [_corpus_csv_row(record) for record in records]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    text.detach()
    values = [
        value for record in records for value in (record.text, record.id, *record.meta.values())
    ]
    texts = [value for value in values if isinstance(value, str)]
    no_text = list_corpus_fields(records, lambda _, value: not isinstance(value, str))
    replaced = sum(_corpus_csv_text(value) != value for value in texts)
    formulas = sum(map(looks_like_a_formula, texts))
    return lost_annotation_notes(
        (f"CSV holds text only: {no_text} come back as text", no_text),
        (
            f"{replaced:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD",
            replaced,
        ),
        (
            f"{formulas:,} cells begin like a formula (=, +, -, @): "
            "import the CSV as text, do not double-click it",
            formulas,
        ),
    )


def _corpus_csv_row(record: Record) -> dict[str, str]:
    label_cells = {
        "labels": _UNLABELLED if record.labels is None else ";".join(record.labels),
        "predicted": ";".join(annotation_label_names(record.predicted)),
    }
    cells = {}
    for name, value in _corpus_table_row(record).items():
        cells[name] = label_cells[name] if name in label_cells else _corpus_csv_cell(value)
    return cells


def _corpus_csv_text(text: str) -> str:
    return encodable_corpus_text(text).replace("\0", "\ufffd")  # readers stop at NUL


def _corpus_csv_cell(value: object) -> str:
    text = _corpus_csv_text(str(corpus_field_as_scalar(value)))
    # A text that looks guarded gets a guard of its own, so that reading gives it back.
    return text if unformat_csv_cell(text) == text else str(csv_cell(text))


def write_corpus_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a Parquet file; return notes on lost types.

    Further fields of a single type keep it, others become text.
    """
    import pyarrow
    import pyarrow.parquet

    rows = [_corpus_table_row(record) for record in records]
    columns = {}
    written_as_text = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if name in _LABEL_LISTS:
            columns[name] = pyarrow.array(values, pyarrow.list_(pyarrow.string()))
            continue
        types = {type(value) for value in values if value is not None}
        with suppress(OverflowError):  # an integer of more than 64 bits
            if len(types) == 1 and types <= {int, float, bool}:
                columns[name] = pyarrow.array(values)
                continue
        if types != {str}:
            written_as_text.append(name)
        texts = [
            None if value is None else encodable_corpus_text(str(corpus_field_as_scalar(value)))
            for value in values
        ]
        columns[name] = pyarrow.array(texts, pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    mixed = ", ".join(sorted(written_as_text))
    return lost_annotation_notes(
        (f"Parquet columns have one type: {mixed} are written as text or JSON text", mixed)
    )


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
        text=check_text(task.get("text", task.get("data"))),
        id=first_id(task.get("passage_id"), task.get("id"), given_id),
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
        text=check_text(data.get("text")),
        id=first_id(data.get("passage_id"), task.get("id"), given_id),
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
        text=check_text(task.get("text")),
        id=first_id(task.get("id"), given_id),
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


@dataclass(frozen=True, slots=True)
class FileFormat:
    """Functions that read and write a file format."""

    entries: Callable[[Path], Iterable[NumberedRow]]
    parse: Callable[[object, str], Record]  # of an entry, and the id of a record without one
    write: Callable[[Sequence[Record], IO[bytes]], list[str]]  # returns notes on lost data


def _no_lost_annotations(_: Sequence[Record]) -> list[str]:
    return []


def _json_annotation_format(
    parse: Callable[[object, str], Record],
    task: Callable[[Record], dict[str, object]],
    losses: Callable[[Sequence[Record]], list[str]] = _no_lost_annotations,
    as_list: bool = False,
) -> FileFormat:
    """Make a format of JSON lines, or of one JSON list, from functions on a single entry."""

    def write_annotations(written: Sequence[Record], out: IO[bytes]) -> list[str]:
        lines = [json_line(task(record)).rstrip("\n") for record in written]
        text = "\n".join(lines)
        if as_list:
            text = "[" + ",\n".join(lines) + "]"
        out.write(f"{text}\n".encode())
        return losses(written)

    return FileFormat(corpus_json_entries, parse, write_annotations)


FORMATS: Final = {
    "jsonl": _json_annotation_format(parse_corpus_json_row, corpus_row),
    "csv": FileFormat(csv_rows, parse_corpus_table_row, write_corpus_csv),
    "parquet": FileFormat(parquet_rows, parse_corpus_table_row, write_corpus_parquet),
    "doccano": _json_annotation_format(parse_doccano, doccano_task, doccano_losses),
    "label-studio": _json_annotation_format(parse_label_studio, label_studio_task, as_list=True),
    "prodigy": _json_annotation_format(parse_prodigy, prodigy_task),
}
"""File formats by the name that ``--to`` and ``--from`` take."""


def read_records(path: Path, format: str | None = None) -> list[Record]:
    """Read the records of a file in the given format, or in the detected one.

    Raises `CorpusError` with a line for every invalid row, or when the format cannot be detected.
    """
    name = format or guess_format(path)
    if name == "doccano" and path.suffix.lower() == ".csv":  # doccano exports those too
        name = "csv"
    file_format = FORMATS[name]
    read: list[Record] = []
    number_of_id: dict[str, int] = {}
    problems = []
    for number, (where, entry) in enumerate(file_format.entries(path), 1):
        try:
            if isinstance(entry, RowError):
                raise entry
            record = file_format.parse(entry, f"{path.stem}-{number}")
            first = number_of_id.setdefault(record.id, number)
            if first != number:
                raise RowError(
                    f"passages {first} and {number} have the same id {record.id!r}; "
                    "give one another"
                )
            read.append(record)
        except RowError as error:
            problems.append(f"{where}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not an entry of this format ({error}); export it anew")
    if problems or not read:
        raise CorpusError(problems or [f"{path}: no passages; check the file"])
    return read


def guess_format(path: Path) -> str:
    """Detect the format of a file by its content, CSV by its suffix.

    Raises `CorpusError` for a file of none of `FORMATS`.
    """
    data = read_file(path)
    if data[:4] == b"PAR1":
        return "parquet"
    if path.suffix.lower() == ".csv":
        return "csv"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        _, first = next(corpus_json_entries(path), ("", None))
        entry = first if isinstance(first, dict) else {}
        if isinstance(entry.get("data"), dict):
            return "label-studio"
        if {"options", "accept", "answer"} & entry.keys():
            return "prodigy"
        if "label" in entry and "labels" not in entry:
            return "doccano"
        if "text" in entry:
            return "jsonl"
    raise CorpusError(
        [f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"]
    )
