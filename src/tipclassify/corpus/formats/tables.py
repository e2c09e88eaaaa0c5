"""Tables, a row a passage: CSV for spreadsheets and pandas, Parquet for everything with columns.

Both load as a corpus as they are. Labels are joined by ``;`` in CSV: an empty cell says that none applies, ``?`` that nobody
has labelled the passage, which training refuses. Probabilities have a column a label, as in ``tipclassify score -f csv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.formats.records import (
    Reading,
    Record,
    encodable,
    fields_where,
    named,
    other_fields,
    plain,
    read_entries,
    record_of,
)
from tipclassify.corpus.loading import csv_rows, parquet_rows
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS

_OPEN: Final = "?"


def read_csv(path: Path) -> Reading:
    """Read a CSV with a header; a table of ``tipclassify score`` holds predictions."""
    return Reading(read_entries(path, csv_rows(path), _record))


def read_parquet(path: Path) -> Reading:
    """Read a Parquet file whose ``labels`` are lists of names."""
    return Reading(read_entries(path, parquet_rows(path), _record))


def _record(row: dict[str, Any], given_id: str) -> Record:
    if row.get("labels") == _OPEN:
        row = {**row, "labels": None}
    if all(row.get(label) is not None for label in LABELS):
        row = other_fields(row, *LABELS) | {"scores": {label: row[label] for label in LABELS}}
    return record_of(row, given_id)


def write_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write RFC 4180 with a header; columns that no passage fills are left out."""
    rows = [_cells(record) for record in records]
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    columns = list(dict.fromkeys(["id", "text", "labels", *(name for row in rows for name in row)]))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    text.detach()
    values = [value for record in records for value in (record.text, record.id, *record.meta.values())]
    texts = [value for value in values if isinstance(value, str)]
    notes = []
    if odd := fields_where(records, lambda _, value: not isinstance(value, str)):
        notes.append(f"CSV holds text only: {odd} come back as text")
    if cut := sum(_written(value) != value for value in texts):
        notes.append(f"{cut:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD")
    if live := sum(map(looks_like_a_formula, texts)):
        notes.append(
            f"{live:,} cells begin like a formula (=, +, -, @): import the CSV as text, do not double-click it"
        )
    return notes


def _written(text: str) -> str:
    return encodable(text).replace("\0", "\ufffd")  # readers stop at NUL


def _cells(record: Record) -> dict[str, str]:
    row = {"id": _written(record.id), "text": _written(record.text)}
    row["labels"] = _OPEN if record.labels is None else ";".join(record.labels)
    if record.predicted is not None:
        row["predicted"] = ";".join(named(record.predicted))
    row |= {label: repr(float(p)) for label, p in (record.scores or {}).items()}
    return row | {name: _written(str(plain(value))) for name, value in record.meta.items() if name not in row}


def write_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write text, lists of names and probabilities; a further field keeps its type where all passages have the same."""
    import pyarrow
    import pyarrow.parquet

    string, names = pyarrow.string(), pyarrow.list_(pyarrow.string())
    columns = {
        "id": pyarrow.array([encodable(record.id) for record in records], string),
        "text": pyarrow.array([encodable(record.text) for record in records], string),
        "labels": pyarrow.array([record.labels for record in records], names),
    }
    if any(record.predicted is not None for record in records):
        columns["predicted"] = pyarrow.array([record.predicted for record in records], names)
    if any(record.scores is not None for record in records):
        for label in LABELS:
            columns[label] = pyarrow.array([(record.scores or {}).get(label) for record in records], pyarrow.float64())
    as_json = []
    for name in dict.fromkeys(name for record in records for name in record.meta if name not in columns):
        values = [record.meta.get(name) for record in records]
        kinds = {type(value) for value in values if value is not None}
        with suppress(OverflowError):  # an integer of more than 64 bits
            if len(kinds) == 1 and kinds <= {int, float, bool}:
                columns[name] = pyarrow.array(values)
                continue
        if kinds != {str}:
            as_json.append(name)
        columns[name] = pyarrow.array([None if v is None else encodable(str(plain(v))) for v in values], string)
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    note = f"Parquet columns have one type: {', '.join(sorted(as_json))} are written as text or JSON text"
    return [note] if as_json else []
