"""Read and write tables with one row for each passage: CSV and Parquet.

Both load as a corpus. CSV joins labels with ``;``: an empty cell means that none applies, ``?`` that the passage is
unlabelled, which training rejects. Probabilities have one column for each label, as in ``tipclassify score -f csv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.formats.records import (
    ParsedFile,
    Record,
    fields_where,
    label_names,
    other_fields,
    read_entries,
    record_of,
    replace_surrogates,
    to_scalar,
)
from tipclassify.corpus.loading import csv_rows, parquet_rows
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS

_UNLABELLED: Final = "?"


def read_csv(path: Path) -> ParsedFile:
    """Read a CSV with a header; labels of a ``tipclassify score`` table are predictions."""
    return ParsedFile(read_entries(path, csv_rows(path), _record))


def read_parquet(path: Path) -> ParsedFile:
    """Read a Parquet file with ``labels`` as lists of names."""
    return ParsedFile(read_entries(path, parquet_rows(path), _record))


def _record(row: dict[str, Any], given_id: str) -> Record:
    if row.get("labels") == _UNLABELLED:
        row = {**row, "labels": None}
    if all(row.get(label) is not None for label in LABELS):
        row = other_fields(row, *LABELS) | {"scores": {label: row[label] for label in LABELS}}
    return record_of(row, given_id)


def write_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
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
    if cut := sum(_csv_text(value) != value for value in texts):
        notes.append(f"{cut:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD")
    if live := sum(map(looks_like_a_formula, texts)):
        notes.append(
            f"{live:,} cells begin like a formula (=, +, -, @): import the CSV as text, do not double-click it"
        )
    return notes


def _csv_text(text: str) -> str:
    return replace_surrogates(text).replace("\0", "\ufffd")  # readers stop at NUL


def _cells(record: Record) -> dict[str, str]:
    row = {"id": _csv_text(record.id), "text": _csv_text(record.text)}
    row["labels"] = _UNLABELLED if record.labels is None else ";".join(record.labels)
    if record.predicted is not None:
        row["predicted"] = ";".join(label_names(record.predicted))
    row |= {label: repr(float(p)) for label, p in (record.scores or {}).items()}
    return row | {name: _csv_text(str(to_scalar(value))) for name, value in record.meta.items() if name not in row}


def write_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a Parquet file; further fields of a single type keep it, others become text; return notes on these."""
    import pyarrow
    import pyarrow.parquet

    string, names = pyarrow.string(), pyarrow.list_(pyarrow.string())
    columns = {
        "id": pyarrow.array([replace_surrogates(record.id) for record in records], string),
        "text": pyarrow.array([replace_surrogates(record.text) for record in records], string),
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
        columns[name] = pyarrow.array(
            [None if v is None else replace_surrogates(str(to_scalar(v))) for v in values], string
        )
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    note = f"Parquet columns have one type: {', '.join(sorted(as_json))} are written as text or JSON text"
    return [note] if as_json else []
