"""Convert labelled passages between the formats of annotation tools.

In: a file of one of `FORMATS`. Out: rows, and files of another format. Beside ``id`` and ``text`` a
row has ``labels`` (None for a passage that nobody has labelled), ``predicted`` and ``scores`` where
a model gave them, and further fields that are not null. Writers return a note for each thing that
their format cannot hold.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.files import (
    NumberedRow,
    RowError,
    csv_rows,
    json_rows,
    parquet_rows,
    read_file,
)
from tipclassify.corpus.rows import Row, check_text, first_id, parse_labels, split_labels
from tipclassify.errors import CorpusError
from tipclassify.formatting import (
    csv_cell,
    is_formula,
    json_line,
    load_json,
    unformat_csv_cell,
)
from tipclassify.labels import LABELS

_NONE: Final = "none"  # "no label applies", in formats where an empty list also means unlabelled
_UNLABELLED: Final = "?"  # in CSV, where an empty cell means that no label applies
_OWN: Final = ("id", "text", "labels", "predicted", "scores")  # the other fields are further ones


@dataclass(frozen=True, slots=True)
class Format:
    """Functions that read and write a file format."""

    entries: Callable[[Path], Iterable[NumberedRow]]
    parse: Callable[[object, str], Row]  # of an entry, and the id of a row without one
    write: Callable[[Sequence[Row], IO[bytes]], list[str]]  # returns notes on lost data


def read_annotated(path: Path, format: str | None = None) -> list[Row]:
    """Read the rows of a file in the given format, or in the detected one.

    Raises `CorpusError` with a line for every invalid row, or when the format cannot be detected.
    """
    file_format = FORMATS[format or guess_format(path)]
    rows: list[Row] = []
    number_of_id: dict[str, int] = {}
    problems = []
    for number, (where, entry) in enumerate(file_format.entries(path), 1):
        try:
            if isinstance(entry, RowError):
                raise entry
            row = file_format.parse(entry, f"{path.stem}-{number}")
            first = number_of_id.setdefault(row["id"], number)
            if first != number:
                raise RowError(
                    f"passages {first} and {number} have the same id {row['id']!r}; "
                    "give one another"
                )
            rows.append(row)
        except RowError as error:
            problems.append(f"{where}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not an entry of this format ({error}); export it anew")
    if problems or not rows:
        raise CorpusError(problems or [f"{path}: no passages; check the file"])
    return rows


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
        _, first = next(_json_entries(path), ("", None))
        entry = first if isinstance(first, dict) else {}
        if isinstance(entry.get("data"), dict):
            return "label-studio"
        if {"options", "accept", "answer"} & entry.keys():
            return "prodigy"
        if "label" in entry and "labels" not in entry:
            raise CorpusError(
                [
                    f"{path}: looks like a file of doccano, which is no longer converted; rename "
                    '"label" to "labels", null where nobody has labelled and [] for none'
                ]
            )
        if "text" in entry:
            return "jsonl"
    raise CorpusError(
        [f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"]
    )


# ------------------------------------------------------------------------------ fields of a row


def _row(
    id: str,
    text: str,
    labels: tuple[str, ...] | None,
    predicted: tuple[str, ...] | None,
    scores: dict[str, float] | None,
    others: Mapping[str, object],
) -> Row:
    given = _present({"predicted": predicted, "scores": scores})
    return {"id": id, "text": text, "labels": labels, **given, **_present(others, *_OWN)}


def _present(fields: Mapping[str, object], *but: str) -> dict[str, object]:
    """Return the fields that are not null, without some."""
    return {
        str(name): value for name, value in fields.items() if name not in but and value is not None
    }


def _further(row: Row) -> dict[str, object]:
    return _present(row, *_OWN)


def _parse_labels(value: object) -> tuple[str, ...] | None:
    """Parse label names, with ``none`` for no label; null gives None.

    >>> _parse_labels("failure; positive_effort")
    ('positive_effort', 'failure')
    >>> _parse_labels(["none"]), _parse_labels(None)
    ((), None)
    """
    if value is None:
        return None
    names = set(split_labels(value))
    if _NONE in names and len(names) > 1:
        raise RowError(f"label {_NONE!r} beside {', '.join(sorted(names - {_NONE}))}; settle one")
    return parse_labels(sorted(names - {_NONE}))


def _parse_scores(value: object) -> dict[str, float] | None:
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


def _as_object(value: object, problem: str) -> Mapping[str, Any]:
    """Return a JSON object; raise `RowError` with the `problem` for another value."""
    if not isinstance(value, Mapping):
        raise RowError(problem)
    return value


# -------------------------------------------------------------------------- JSON lines and lists


def _json_entries(path: Path) -> Iterator[NumberedRow]:
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


def _write_json(
    rows: Sequence[Row],
    out: IO[bytes],
    *,
    task: Callable[[Row], dict[str, object]] = dict,
    as_list: bool = False,
) -> list[str]:
    """Write the task of each row, as a line of JSON or in one list; nothing is lost."""
    lines = [json_line(task(row)).rstrip("\n") for row in rows]
    text = "[" + ",\n".join(lines) + "]" if as_list else "\n".join(lines)
    out.write(f"{text}\n".encode())
    return []


def _parse_row(entry: object, given_id: str) -> Row:
    """Parse a row of a corpus, or of ``tipclassify score -f jsonl`` or ``corpus queue``.

    The labels of a row from ``score`` are predictions: it has scores and ``low_confidence``, but no
    ``predicted``.

    >>> _parse_row({"text": "Police acted.", "labels": [], "doc": "A", "pair": None}, "x-1")
    {'id': 'x-1', 'text': 'Police acted.', 'labels': (), 'doc': 'A'}
    """
    row = _as_object(entry, 'not a JSON object; write {"text": …, "labels": […]}')
    labels = _parse_labels(row["labels"] if row.get("labels") is not None else row.get("label"))
    predicted = _parse_labels(row.get("predicted"))
    scores = _parse_scores(row.get("scores"))
    if scores and "low_confidence" in row and predicted is None:
        predicted = labels
        labels = None
    return _row(
        text=check_text(row.get("text")),
        id=first_id(row.get("id"), given_id),
        labels=labels,
        predicted=predicted,
        scores=scores,
        others=_present(row, "label"),
    )


# ------------------------------------------------------------------------------- CSV and Parquet


def _parse_table_row(entry: object, given_id: str) -> Row:
    """Parse a row of CSV or Parquet, which has a column for each probability.

    Labels of a row from ``score`` are predictions.
    """
    if not isinstance(entry, dict):
        return _parse_row(entry, given_id)
    if entry.get("labels") == _UNLABELLED:
        entry = {**entry, "labels": None}
    if all(entry.get(label) is not None for label in LABELS):
        scores = {label: entry[label] for label in LABELS}
        entry = {**_present(entry, *LABELS), "scores": scores}
    return _parse_row(entry, given_id)


def _table_row(row: Row) -> dict[str, object]:
    """Return a row with a column for each probability."""
    scores = row.get("scores", {})
    columns = {name: row[name] for name in ("id", "text", "labels", "predicted") if name in row}
    return {**columns, **scores, **_present(_further(row), *scores)}


def _scalar(value: object) -> str | int | float:
    """Convert a value to text or a number, for tables; other types become JSON text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _csv_text(text: str) -> str:
    return _encodable(text).replace("\0", "\ufffd")  # readers stop at NUL


def _csv_cell(name: str, value: object) -> str:
    if name == "labels":
        return _UNLABELLED if value is None else str(csv_cell(value))
    if name == "predicted":
        return str(csv_cell(value or [_NONE]))
    text = _csv_text(str(_scalar(value)))
    # A text that looks guarded gets a guard of its own, so that reading gives it back.
    return text if unformat_csv_cell(text) == text else str(csv_cell(text))


def _write_csv(rows: Sequence[Row], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
    cells = [
        {name: _csv_cell(name, value) for name, value in _table_row(row).items()} for row in rows
    ]
    columns = list(dict.fromkeys(name for row in cells for name in row))
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(cells)
    text.detach()

    texts = []
    no_text = set()
    for row in rows:
        for name, value in {"id": row["id"], "text": row["text"], **_further(row)}.items():
            if isinstance(value, str):
                texts.append(value)
            else:
                no_text.add(name)
    replaced = sum(_csv_text(value) != value for value in texts)
    formulas = sum(map(is_formula, texts))
    notes = []
    if no_text:
        notes.append(f"CSV holds text only: {', '.join(sorted(no_text))} come back as text")
    if replaced:
        notes.append(
            f"{replaced:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD"
        )
    if formulas:
        notes.append(
            f"{formulas:,} cells begin like a formula (=, +, -, @): "
            "import the CSV as text, do not double-click it"
        )
    return notes


def _write_parquet(rows: Sequence[Row], out: IO[bytes]) -> list[str]:
    """Write a Parquet file; return notes on lost types.

    Further fields of a single type keep it, others become text.
    """
    import pyarrow
    import pyarrow.parquet

    table_rows = [_table_row(row) for row in rows]
    columns = {}
    written_as_text = []
    for name in dict.fromkeys(name for row in table_rows for name in row):
        values = [row.get(name) for row in table_rows]
        if name in ("labels", "predicted"):
            columns[name] = pyarrow.array(values, pyarrow.list_(pyarrow.string()))
            continue
        types = {type(value) for value in values if value is not None}
        with suppress(OverflowError):  # an integer of more than 64 bits
            if len(types) == 1 and types <= {int, float, bool}:
                columns[name] = pyarrow.array(values)
                continue
        if types != {str}:
            written_as_text.append(name)
        texts = [None if value is None else _encodable(str(_scalar(value))) for value in values]
        columns[name] = pyarrow.array(texts, pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    if not written_as_text:
        return []
    mixed = ", ".join(sorted(written_as_text))
    return [f"Parquet columns have one type: {mixed} are written as text or JSON text"]


# ---------------------------------------------------------------------------------- Label Studio


def _parse_label_studio(entry: object, given_id: str) -> Row:
    """Parse a task of Label Studio's JSON export.

    An annotation without a choice means that no label applies. The interface of the project is
    ``<Text name="text" value="$text"/>``, ``<Choices name="labels" toName="text"
    choice="multiple">``.
    """
    # Unchecked: where an entry has another form, what it raises is reported with its place.
    task: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    data = _as_object(
        task.get("data"), "no JSON object 'data'; export the project as JSON, not JSON-MIN"
    )
    meta = data.get("meta")
    predictions = task.get("predictions") or []
    return _row(
        labels=_agreed_labels(task.get("annotations") or []),
        predicted=_parse_labels(_choices(predictions[0])) if predictions else None,
        scores=_parse_scores(data.get("scores")),
        text=check_text(data.get("text")),
        id=first_id(data.get("passage_id"), task.get("id"), given_id),
        others={
            **(meta if isinstance(meta, Mapping) else {"meta": meta}),
            **_present(data, "text", "passage_id", "scores", "meta"),
        },
    )


def _agreed_labels(annotations: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """Return the labels on which all annotators agree; None without annotations."""
    done = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    done = [annotation for annotation in done if annotation.get("ground_truth")] or done
    votes = {_parse_labels(_choices(annotation)) for annotation in done}
    if len(votes) > 1:
        answers = " / ".join(sorted(", ".join(labels or [_NONE]) for labels in votes))
        raise RowError(
            f"annotators differ ({answers}); "
            "settle it in Label Studio, by marking one as ground truth"
        )
    return votes.pop() if votes else None


def _choices(annotation: Mapping[str, Any]) -> list[str]:
    results = annotation.get("result") or ()
    if other_types := {str(result.get("type")) for result in results} - {"choices"}:
        raise RowError(
            f"annotated with {', '.join(sorted(other_types))}, not with choices; "
            "export a project of the labels"
        )
    return [name for result in results for name in (result.get("value") or {}).get("choices") or ()]


def _label_studio_task(row: Row) -> dict[str, object]:
    """Make a "Basic JSON" task.

    Its score, by which Label Studio sorts tasks, is the confidence in the least certain label.
    """
    scores = row.get("scores")
    extra = _present({"scores": scores, "meta": _further(row) or None})
    task: dict[str, object] = {"data": {"text": row["text"], "passage_id": row["id"], **extra}}
    if row["labels"] is not None:
        result = _label_studio_result(row["labels"], f"{row['id']}-labels")
        task["annotations"] = [{"result": result, "was_cancelled": False}]
    if "predicted" in row:
        result = _label_studio_result(row["predicted"], f"{row['id']}-predicted")
        prediction: dict[str, object] = {"model_version": "tipclassify", "result": result}
        if scores is not None:
            confidence = min(max(p, 1 - p) for p in scores.values())
            prediction["score"] = round(confidence, 4)
        task["predictions"] = [prediction]
    return task


def _label_studio_result(labels: Sequence[str], id: str) -> list[dict[str, object]]:
    if not labels:
        return []
    choices = {"choices": list(labels)}
    return [
        {"id": id, "type": "choices", "from_name": "labels", "to_name": "text", "value": choices}
    ]


# --------------------------------------------------------------------------------------- Prodigy

_ANSWERS: Final = ("accept", "reject", "ignore")


def _parse_prodigy(entry: object, given_id: str) -> Row:
    """Parse a choice task of ``prodigy db-out``.

    An accepted task has the chosen labels; any other is unlabelled.
    """
    task = _as_object(entry, "no JSON object; export with prodigy db-out")
    if "label" in task and "accept" not in task:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    answer = task.get("answer")
    if answer not in (None, *_ANSWERS):
        raise RowError(f"unknown answer {answer!r}; use {', '.join(_ANSWERS)}")
    chosen = _parse_labels(task.get("accept"))
    predicted = _parse_labels(task.get("predicted"))
    if answer is None and predicted is None:
        predicted = chosen
    meta = task.get("meta")
    return _row(
        text=check_text(task.get("text")),
        id=first_id(task.get("id"), given_id),
        labels=(chosen or ()) if answer == "accept" else None,
        predicted=predicted,
        scores=_parse_scores(task.get("scores")),
        others=meta if isinstance(meta, Mapping) else {},
    )


def _prodigy_task(row: Row) -> dict[str, object]:
    """Make a choice task with the predicted labels selected.

    The task of a labelled passage is an accepted one, for ``prodigy db-in``.
    """
    scores = row.get("scores")
    options: list[dict[str, str]] = [{"id": label, "text": label} for label in LABELS]
    if scores is not None:
        for option in options:
            option["meta"] = f"{scores[option['id']]:.2f}"
    is_labelled = row["labels"] is not None
    task = {
        "text": row["text"],
        "id": row["id"],
        "options": options,
        "accept": row["labels"] if is_labelled else row.get("predicted"),
        "answer": "accept" if is_labelled else None,
        "predicted": row.get("predicted"),
        "scores": scores,
        "meta": _further(row) or None,
    }
    return _present(task)


FORMATS: Final = {
    "jsonl": Format(_json_entries, _parse_row, _write_json),
    "csv": Format(csv_rows, _parse_table_row, _write_csv),
    "parquet": Format(parquet_rows, _parse_table_row, _write_parquet),
    "label-studio": Format(
        _json_entries,
        _parse_label_studio,
        partial(_write_json, task=_label_studio_task, as_list=True),
    ),
    "prodigy": Format(_json_entries, _parse_prodigy, partial(_write_json, task=_prodigy_task)),
}
"""File formats by the name that ``--to`` and ``--from`` take."""
