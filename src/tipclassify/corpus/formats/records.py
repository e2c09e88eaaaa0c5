"""Represent a passage between formats, and read and write rows: JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from tipclassify.corpus.loading import (
    check_corpus_text,
    first_id_as_text,
    parse_corpus_labels,
    split_corpus_labels,
)
from tipclassify.corpus.row_files import NumberedRow, RowError, corpus_json_rows, read_corpus_file
from tipclassify.errors import CorpusError
from tipclassify.formatting import csv_cell, load_json, looks_like_a_formula, unformat_csv_cell
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
    """Parse label names like `parse_corpus_labels`, with ``none`` for no label; null gives None.

    >>> parse_annotation_labels("failure; positive_effort")
    ('positive_effort', 'failure')
    >>> parse_annotation_labels(["none"]), parse_annotation_labels(None)
    ((), None)
    """
    if value is None:
        return None
    names = set(split_corpus_labels(value))
    if NONE in names and len(names) > 1:
        raise RowError(f"label {NONE!r} beside {', '.join(sorted(names - {NONE}))}; settle one")
    return parse_corpus_labels(sorted(names - {NONE}))


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
    data = read_corpus_file(path).removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] != b"[":
        yield from corpus_json_rows(path)
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
        text=check_corpus_text(row.get("text")),
        id=first_id_as_text(row.get("id"), given_id),
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
