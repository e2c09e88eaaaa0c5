"""Convert labelled passages between the formats of annotation tools.

In: a file of one of `FORMATS`. Out: rows, and files of another format. Beside ``id`` and ``text`` a
row has ``labels`` (None for a passage that nobody has labelled), ``predicted`` and ``scores`` where
a model gave them, and further fields that are not null.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.answers import NO_LABEL, given_labels, parse_labels, partly_annotated
from tipclassify.corpus.files import (
    NumberedRow,
    RowError,
    UnlabelledError,
    csv_rows,
    json_rows,
    read_file,
)
from tipclassify.corpus.rows import (
    Row,
    check_text,
    first_id,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import csv_cell, json_line, load_json, unformat_csv_cell
from tipclassify.labels import LABELS
from tipclassify.records import encodable

_UNLABELLED: Final = "?"  # in CSV, where an empty cell means that no label applies


def read_annotated(path: Path, format: str | None = None) -> list[Row]:
    """Read the rows of a file in the given format, or in the detected one.

    Raises `CorpusError` with a line for every invalid row, or when the format cannot be detected.
    """
    name = format or guess_format(path)
    parse = _PARSERS[name]
    rows: list[Row] = []
    number_of_id: dict[str, int] = {}
    problems = []
    entries = csv_rows(path) if name == "csv" else _json_entries(path)
    for number, (where, entry) in enumerate(entries, 1):
        try:
            if isinstance(entry, RowError):
                raise entry
            if not isinstance(entry, dict):
                raise RowError('not a JSON object; write {"text": …, "labels": […]}')
            row = parse(entry, f"{path.stem}-{number}")
            first = number_of_id.setdefault(row["id"], number)
            if first != number:
                raise RowError(
                    f"passages {first} and {number} have the same id {row['id']!r}; "
                    "give one another"
                )
            rows.append(row)
        except RowError as error:
            problems.append(f"{where}: {error}")
        # parsers take an entry to be of their format
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not an entry of this format ({error}); export it anew")
    if problems or not rows:
        raise CorpusError(problems or [f"{path}: no passages; check the file"])
    return rows


def guess_format(path: Path) -> str:
    """Detect the format of a file by its content, CSV by its suffix.

    Raises `CorpusError` for a file of none of `FORMATS`.
    """
    if path.suffix.lower() == ".csv":
        return "csv"
    if read_file(path).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        _, first = next(_json_entries(path), ("", None))
        entry = first if isinstance(first, dict) else {}
        if isinstance(entry.get("data"), dict):
            return "label-studio"
        if {"options", "accept", "answer"} & entry.keys():
            return "prodigy"
        if "label" in entry and "labels" not in entry:
            # doccano has [] for none as for unlabelled
            problem = 'has "label" and no "labels", as a file of doccano, which is not converted'
            remedy = "rename it, with null where nobody has labelled and [] for none"
            raise CorpusError([f"{path}: {problem}; {remedy}"])
        if "text" in entry:
            return "jsonl"
    raise CorpusError(
        [f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"]
    )


def write_annotated(rows: Sequence[Row], format: str, out: IO[bytes]) -> list[str]:
    """Write rows in a format; return a note for each thing that it cannot hold."""
    if format == "csv":
        return _write_csv(rows, out)
    if format == "label-studio":
        tasks = ",\n".join(json_line(_label_studio_task(row)).rstrip("\n") for row in rows)
        out.write(f"[{tasks}]\n".encode())
        return []
    for row in rows:
        out.write(json_line(_prodigy_task(row) if format == "prodigy" else row).encode())
    return []


def _row(id: str, text: object, labels: object, others: Mapping[str, Any]) -> Row:
    """Make a row of checked fields; `others` may have its predictions, and fields of any name."""
    row: Row = {"id": id, "text": check_text(text), "labels": _parse_labels(labels)}
    further = _present(others, "id", "text", "labels")
    if "predicted" in further:
        further["predicted"] = _parse_labels(further["predicted"])
    if "scores" in further:
        scores = further["scores"]
        if not isinstance(scores, Mapping) or not set(LABELS) <= scores.keys():
            wanted = ", ".join(LABELS)
            raise RowError(f'scores are not a probability for each of {wanted}; leave "scores" out')
        further["scores"] = {label: float(scores[label]) for label in LABELS}
    return row | further


def _present(fields: Mapping[str, Any], *but: str) -> dict[str, Any]:
    """Return the fields that are not null, without some."""
    return {
        str(name): value for name, value in fields.items() if name not in but and value is not None
    }


def _further(meta: object) -> dict[str, Any]:
    """Return the fields that `_label_studio_task` and `_prodigy_task` put into ``meta``."""
    return dict(meta) if isinstance(meta, Mapping) else _present({"meta": meta})


def _parse_labels(value: object) -> tuple[str, ...] | None:
    """Parse label names as `parse_labels` does; null gives None.

    >>> _parse_labels("failure; positive_effort")
    ('positive_effort', 'failure')
    >>> _parse_labels(["none"]), _parse_labels(None)
    ((), None)
    """
    return None if value is None else parse_labels(value)


# ---------------------------------------------------------------------------------- JSON and CSV


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


def _parse_row(entry: Mapping[str, Any], given_id: str) -> Row:
    """Parse a row of a corpus, or of ``tipclassify score -f jsonl`` or ``corpus queue``.

    The labels of a row from ``score`` are predictions: it has scores and ``low_confidence``, but no
    ``predicted``.

    >>> _parse_row({"text": "Police acted.", "labels": [], "doc": "A", "pair": None}, "x-1")
    {'id': 'x-1', 'text': 'Police acted.', 'labels': (), 'doc': 'A'}
    """
    others = _present(entry, "label", "accept", *([] if "labels" in entry else LABELS))
    if "scores" in others and "low_confidence" in others and "predicted" not in others:
        others["predicted"] = others["labels"]
    try:
        labels = given_labels(entry)
        if labels is not None:
            others |= partly_annotated(entry)
    except UnlabelledError:
        labels = None
    return _row(first_id(entry.get("id"), given_id), entry.get("text"), labels, others)


def _parse_csv_row(entry: Mapping[str, Any], given_id: str) -> Row:
    """Parse a row of CSV, which has a column for each probability."""
    row = dict(entry)
    if row.get("labels") == _UNLABELLED:
        row["labels"] = None
    if "labels" in row and all(row.get(label) is not None for label in LABELS):
        row["scores"] = {label: row.pop(label) for label in LABELS}
    return _parse_row(row, given_id)


def _write_csv(rows: Sequence[Row], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
    lines = []
    no_text = set()
    replaced = 0
    for row in rows:
        cells: dict[str, object] = {}
        for name, value in (_present(row, "labels", "scores") | row.get("scores", {})).items():
            if name == "predicted":
                cells[name] = csv_cell(value or [NO_LABEL])
            elif isinstance(value, str):
                cell = str(csv_cell(encodable(value)))
                replaced += unformat_csv_cell(cell) != value
                cells[name] = cell
            else:
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                cells[name] = (
                    value
                    if is_number
                    else csv_cell(encodable(json.dumps(value, ensure_ascii=False)))
                )
                no_text |= {name} - {"acronyms", *LABELS}
        labels = row["labels"]
        cells["labels"] = _UNLABELLED if labels is None else csv_cell(labels)
        lines.append(cells)
    columns = list(
        dict.fromkeys(["id", "text", "labels", *(name for row in lines for name in row)])
    )
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    text.detach()

    notes = []
    if no_text:
        notes.append(f"CSV holds text only: {', '.join(sorted(no_text))} come back as text")
    if replaced:
        notes.append(f"{replaced:,} cells hold characters that CSV cannot; they are replaced")
    return notes


# ---------------------------------------------------------------------------------- Label Studio


def _parse_label_studio(task: Mapping[str, Any], given_id: str) -> Row:
    """Parse a task of Label Studio's JSON export.

    An annotation without a choice is no answer. The interface of the project is ``<Text name="text"
    value="$text"/>``, ``<Choices name="labels" toName="text" choice="multiple">`` with the labels
    and ``none``.
    """
    data = task.get("data")
    if not isinstance(data, Mapping):
        raise RowError("no JSON object 'data'; export the project as JSON, not JSON-MIN")
    return _row(
        id=first_id(data.get("passage_id"), task.get("id"), given_id),
        text=data.get("text"),
        labels=_agreed_labels(task.get("annotations") or []),
        others=_present(data, "passage_id", "meta") | _further(data.get("meta")),
    )


def _agreed_labels(annotations: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """Return the labels on which all annotators who chose some agree; None without these."""
    done = [
        annotation
        for annotation in annotations
        if annotation.get("result") and not annotation.get("was_cancelled")
    ]
    done = [annotation for annotation in done if annotation.get("ground_truth")] or done
    votes = set()
    for annotation in done:
        chosen: list[str] = []
        for result in annotation["result"]:
            if result["type"] != "choices":
                raise RowError(
                    f"annotated with {result['type']}, not with choices; "
                    "export a project of the labels"
                )
            chosen += result["value"]["choices"]
        votes.add(_parse_labels(chosen))
    if len(votes) > 1:
        answers = " / ".join(sorted(", ".join(labels or [NO_LABEL]) for labels in votes))
        raise RowError(
            f"annotators differ ({answers}); "
            "settle it in Label Studio, by marking one as ground truth"
        )
    return votes.pop() if votes else None


def _label_studio_task(row: Row) -> dict[str, object]:
    """Make a "Basic JSON" task.

    Its score, by which Label Studio sorts tasks, is the confidence in the least certain label.
    """
    meta = _present(row, "id", "text", "labels")
    data = {"text": row["text"], "passage_id": row["id"], "meta": meta}
    task: dict[str, object] = {"data": data}
    if row["labels"] is not None:
        result = _label_studio_result(row["labels"], f"{row['id']}-labels")
        task["annotations"] = [{"result": result, "was_cancelled": False}]
    if "predicted" in row:
        result = _label_studio_result(row["predicted"], f"{row['id']}-predicted")
        prediction: dict[str, object] = {"model_version": "tipclassify", "result": result}
        if "scores" in row:
            prediction["score"] = round(min(max(p, 1 - p) for p in row["scores"].values()), 4)
        task["predictions"] = [prediction]
    return task


def _label_studio_result(labels: Sequence[str], id: str) -> list[dict[str, object]]:
    choices = {"choices": list(labels) or [NO_LABEL]}
    return [
        {"id": id, "type": "choices", "from_name": "labels", "to_name": "text", "value": choices}
    ]


# --------------------------------------------------------------------------------------- Prodigy


def _parse_prodigy(task: Mapping[str, Any], given_id: str) -> Row:
    """Parse a choice task of ``prodigy db-out``.

    An accepted task has the chosen labels; any other is unlabelled.
    """
    if "label" in task and "accept" not in task:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    answer = task.get("answer")
    if answer not in (None, "accept", "reject", "ignore"):
        raise RowError(f"unknown answer {answer!r}; use accept, reject, ignore")
    return _row(
        id=first_id(task.get("id"), given_id),
        text=task.get("text"),
        labels=(task.get("accept") or ()) if answer == "accept" else None,
        others=_further(task.get("meta")),
    )


def _prodigy_task(row: Row) -> dict[str, object]:
    """Make a choice task with the predicted labels selected.

    The task of a labelled passage is an accepted one, for ``prodigy db-in``.
    """
    options: list[dict[str, str]] = [{"id": label, "text": label} for label in LABELS]
    if "scores" in row:
        for option in options:
            option["meta"] = f"{row['scores'][option['id']]:.2f}"
    task = {
        "text": row["text"],
        "id": row["id"],
        "options": options,
        "meta": _present(row, "id", "text", "labels"),
    }
    if row["labels"] is not None:
        return {**task, "accept": row["labels"], "answer": "accept"}
    return {**task, "accept": row.get("predicted", ())}


_PARSERS: Final = {
    "jsonl": _parse_row,
    "csv": _parse_csv_row,
    "label-studio": _parse_label_studio,
    "prodigy": _parse_prodigy,
}

FORMATS: Final = tuple(_PARSERS)
"""Names of the file formats that ``--to`` and ``--from`` take."""
