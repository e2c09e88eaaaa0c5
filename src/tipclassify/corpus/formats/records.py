"""Represent a passage between formats, and read and write rows: JSON lines, CSV, Parquet,
fastText's lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.loading import (
    NumberedRow,
    RowError,
    check_text,
    json_rows,
    label_list,
    parse_labels,
    read_file,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import csv_cell, csv_text, load_json, looks_like_a_formula
from tipclassify.labels import LABELS

# label for "no label applies", in formats where an empty list also means unlabelled
NONE: Final = "none"
_UNLABELLED: Final = "?"  # in CSV, where an empty cell means that no label applies
_LABEL_LISTS: Final = ("labels", "predicted")
_PREFIX: Final = re.compile(r"(?<!\S)__label__")
_LABEL: Final = re.compile(r"(?<!\S)__label__(\S*)[ \t]?")
_BREAKS: Final = re.compile("\r\n|[\n\r\0]")


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
    meta: Mapping[str, Any] = field(default_factory=dict)


def as_labels(value: Any) -> tuple[str, ...] | None:
    """Parse label names like `corpus.parse_labels`, with ``none`` for no label; null gives None.

    >>> as_labels("failure; positive_effort"), as_labels(["none"]), as_labels(None)
    (('positive_effort', 'failure'), (), None)
    """
    if value is None:
        return None
    names = set(label_list(value))
    if NONE in names and len(names) > 1:
        raise RowError(f"label {NONE!r} beside {', '.join(sorted(names - {NONE}))}; settle one")
    return parse_labels(sorted(names - {NONE}))


def as_scores(value: Any) -> dict[str, float] | None:
    """Parse probabilities by label; null gives None."""
    try:
        return None if value is None else {label: float(value[label]) for label in LABELS}
    except (KeyError, TypeError, ValueError):
        names = ", ".join(LABELS)
        raise RowError(
            f'scores are not a probability for each of {names}; write "scores": {{…}}'
        ) from None


def label_names(labels: Iterable[str] | None) -> list[str]:
    """Return label names, ``["none"]`` if no label applies, and an empty list for an unlabelled
    passage."""
    return [] if labels is None else list(labels) or [NONE]


def predictions(record: Record) -> dict[str, Any]:
    """Return the predicted labels and probabilities as corpus fields."""
    predicted = None if record.predicted is None else list(record.predicted)
    return other_fields({"predicted": predicted, "scores": record.scores})


def other_fields(row: Mapping[str, Any], *taken: str) -> dict[str, Any]:
    """Return the non-null fields, without those `taken`."""
    return {
        str(name): value for name, value in row.items() if name not in taken and value is not None
    }


def fields_where(records: Iterable[Record], test: Callable[[str, Any], bool]) -> str:
    """List the further fields for which any record passes ``test(name, value)``, as text for a
    note."""
    return ", ".join(
        sorted(
            {name for record in records for name, value in record.meta.items() if test(name, value)}
        )
    )


def notes(*conditional: tuple[str, object]) -> list[str]:
    """Return the notes whose condition holds."""
    return [note for note, holds in conditional if holds]


def to_scalar(value: Any) -> str | int | float:
    """Convert a value to text or a number, for tables and metadata: other types become JSON
    text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def json_entries(path: Path) -> Iterator[NumberedRow]:
    """Yield the entries of a JSON list, or of JSON lines, with their locations; a `RowError` for
    invalid JSON."""
    data = read_file(path).removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] != b"[":
        yield from json_rows(path)
        return
    try:
        entries = load_json(data, strict=False)
    except ValueError as error:
        raise CorpusError([f"{path}: broken JSON ({error}); export it anew"]) from None
    yield from ((f"{path}: entry {number}", entry) for number, entry in enumerate(entries, 1))


def record_of(row: Any, given_id: str) -> Record:
    """Read a row of a corpus, of ``tipclassify score -f jsonl`` or of ``tipclassify corpus queue``.

    The labels of a row from ``score`` are predictions: it has scores and ``low_confidence``, but no
    ``predicted``.

    >>> record = record_of({"text": "Police acted.", "labels": [], "doc": "A", "pair": None}, "x-1")
    >>> record.id, record.labels, record.meta
    ('x-1', (), {'doc': 'A'})
    """
    if not isinstance(row, Mapping):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    labels = as_labels(row["labels"] if row.get("labels") is not None else row.get("label"))
    predicted, scores = as_labels(row.get("predicted")), as_scores(row.get("scores"))
    if scores and "low_confidence" in row and predicted is None:
        labels, predicted = None, labels
    meta = other_fields(row, "id", "text", "labels", "label", "predicted", "scores")
    return Record(
        check_text(row.get("text")), str(row.get("id") or given_id), labels, predicted, scores, meta
    )


def corpus_row(record: Record) -> dict[str, Any]:
    """Convert a record to a corpus row; ``labels`` is null for an unlabelled passage, so that
    training rejects it."""
    labels = None if record.labels is None else list(record.labels)
    row = {"id": record.id, "text": record.text, "labels": labels, **predictions(record)}
    return row | other_fields(record.meta, *row)


def table_record(row: dict[str, Any], given_id: str) -> Record:
    """Read a row of CSV or Parquet, with a column for each probability; labels from ``score``
    are predictions."""
    if row.get("labels") == _UNLABELLED:
        row = {**row, "labels": None}
    if all(row.get(label) is not None for label in LABELS):
        row = other_fields(row, *LABELS) | {"scores": {label: row[label] for label in LABELS}}
    return record_of(row, given_id)


def _table_row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"id": record.id, "text": record.text, "labels": record.labels}
    row |= other_fields({"predicted": record.predicted, **(record.scores or {})})
    return row | other_fields(record.meta, *row, *_LABEL_LISTS)


def write_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
    rows = [
        {name: _cell(name, value) for name, value in _table_row(record).items()}
        for record in records
    ]
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\r\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    text.detach()
    values = [
        value for record in records for value in (record.text, record.id, *record.meta.values())
    ]
    texts = [value for value in values if isinstance(value, str)]
    odd = fields_where(records, lambda _, value: not isinstance(value, str))
    cut, live = (
        sum(_encodable(value) != value for value in texts),
        sum(map(looks_like_a_formula, texts)),
    )
    return notes(
        (f"CSV holds text only: {odd} come back as text", odd),
        (f"{cut:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD", cut),
        (
            f"{live:,} cells begin like a formula (=, +, -, @): import the CSV as text, do not double-click it",
            live,
        ),
    )


def _encodable(text: str) -> str:
    return replace_surrogates(text).replace("\0", "\ufffd")  # readers stop at NUL


def _cell(name: str, value: Any) -> str:
    if name == "labels":
        return _UNLABELLED if value is None else ";".join(value)
    text = (
        ";".join(label_names(value)) if name == "predicted" else _encodable(str(to_scalar(value)))
    )
    # what looks guarded is, so that it comes back
    return text if csv_text(text) == text else str(csv_cell(text))


def write_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a Parquet file; further fields of a single type keep it, others become text; return
    notes on these."""
    import pyarrow
    import pyarrow.parquet

    rows = [_table_row(record) for record in records]
    columns, as_json = {}, []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if name in _LABEL_LISTS:
            columns[name] = pyarrow.array(values, pyarrow.list_(pyarrow.string()))
            continue
        kinds = {type(value) for value in values if value is not None}
        with suppress(OverflowError):  # an integer of more than 64 bits
            if len(kinds) == 1 and kinds <= {int, float, bool}:
                columns[name] = pyarrow.array(values)
                continue
        if kinds != {str}:
            as_json.append(name)
        texts = [
            None if value is None else replace_surrogates(str(to_scalar(value))) for value in values
        ]
        columns[name] = pyarrow.array(texts, pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    mixed = ", ".join(sorted(as_json))
    return notes(
        (f"Parquet columns have one type: {mixed} are written as text or JSON text", mixed)
    )


def fasttext_record(line: str, given_id: str) -> Record:
    """Read a training line; labels begin with ``__label__`` anywhere in the line, as in
    fastText."""
    return Record(
        check_text(_LABEL.sub("", line).strip()), given_id, as_labels(_LABEL.findall(line) or None)
    )


def write_fasttext(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write one line for each passage, and return notes on lost data."""
    lines = []
    for record in records:
        text = _PREFIX.sub("__ label__", _BREAKS.sub(" ", replace_surrogates(record.text))).strip()
        lines.append(
            " ".join([*(f"__label__{name}" for name in label_names(record.labels)), text]).strip()
        )
    out.write("".join(f"{line}\n" for line in lines).encode())
    fields = any(record.meta for record in records)
    predicted = any(record.predicted is not None or record.scores for record in records)
    lost = notes(("ids", True), ("fields", fields), ("predictions", predicted))
    broken, marked = (
        sum(bool(what.search(record.text)) for record in records) for what in (_BREAKS, _PREFIX)
    )
    empty = lines.count("")
    return notes(
        (f"fastText's lines hold labels and text only: {', '.join(lost)} are left out", True),
        (
            f"fastText takes a line for a passage: the line ends inside {broken:,} texts become spaces",
            broken,
        ),
        (
            f"{marked:,} texts hold words that begin with __label__, which become '__ label__'",
            marked,
        ),
        (f"{empty:,} passages have neither words nor labels: their lines are empty", empty),
    )
