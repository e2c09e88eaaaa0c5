"""Tables, a row a passage: CSV for spreadsheets and pandas, Parquet for everything with columns.

Both load as a corpus as they are. Labels are joined by ``;`` in CSV: an empty cell says that none applies, ``?`` that nobody
has labelled the passage, which training refuses. Probabilities have a column a label, as in ``tipclassify score -f csv``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.errors import CorpusError
from tipclassify.exchange.records import (
    NONE,
    Reading,
    Record,
    RowError,
    contents,
    encodable,
    named,
    plain,
    record_of,
)
from tipclassify.labels import LABELS
from tipclassify.writers.cells import looks_like_a_formula

__all__ = ["read_csv", "read_parquet", "write_csv", "write_parquet"]

_OPEN: Final = "?"


def read_csv(path: Path) -> Reading:
    """A CSV with a header; a table of ``tipclassify score`` holds predictions."""
    try:
        rows = csv.DictReader(io.StringIO(contents(path).decode("utf-8-sig"), newline=""), strict=True)
        entries = [(f"{path}:{rows.line_num}", _from_cells(row)) for row in rows]
    except UnicodeDecodeError:
        raise CorpusError([f"{path}: not UTF-8; save the file as UTF-8"]) from None
    except csv.Error as error:
        raise CorpusError([f"{path}: broken CSV ({error}); quote fields with commas or line ends"]) from None
    return _read(path, entries)


def _from_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {name: value for name, value in cells.items() if name and value not in ("", None)}
    for name in ("labels", "label"):
        if cells.get(name) == "":
            row[name] = NONE
    return row


def _read(path: Path, entries: Sequence[tuple[str, dict[str, Any]]]) -> Reading:
    problems, records = [], []
    for number, (where, row) in enumerate(entries, 1):
        try:
            if row.get("labels") == _OPEN:
                row = {**row, "labels": None}
            if all(row.get(label) is not None for label in LABELS):
                scores = {label: row[label] for label in LABELS}
                row = {**{name: value for name, value in row.items() if name not in LABELS}, "scores": scores}
            records.append(record_of(row, f"{path.stem}-{number}"))
        except RowError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise CorpusError(problems)
    return Reading(records)


def write_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """RFC 4180 with a header; columns that no passage fills are left out."""
    rows = [_cells(record) for record in records]
    columns = list(dict.fromkeys(["id", "text", "labels", *(name for row in rows for name in row)]))
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    text.detach()
    notes = []
    if odd := sorted({n for record in records for n, value in record.meta.items() if not isinstance(value, str)}):
        notes.append(f"CSV holds text only: {', '.join(odd)} come back as text")
    if cut := sum(_written(value) != value for record in records for value in _texts(record)):
        notes.append(f"{cut:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD")
    if live := sum(looks_like_a_formula(value) for record in records for value in _texts(record)):
        notes.append(
            f"{live:,} cells begin like a formula (=, +, -, @): import the CSV as text, do not double-click it"
        )
    return notes


def _texts(record: Record) -> list[str]:
    return [record.text, record.id, *(value for value in record.meta.values() if isinstance(value, str))]


def _written(text: str) -> str:
    return encodable(text).replace("\0", "\ufffd")  # readers stop at NUL


def _cells(record: Record) -> dict[str, str]:
    row = {"id": _written(record.id), "text": _written(record.text)}
    row["labels"] = _OPEN if record.labels is None else ";".join(record.labels)
    if record.predicted is not None:
        row["predicted"] = ";".join(named(record.predicted))
    row |= {label: repr(float(p)) for label, p in (record.scores or {}).items()}
    return row | {name: _written(str(plain(value))) for name, value in record.meta.items() if name not in row}


def read_parquet(path: Path) -> Reading:
    """A Parquet file whose ``labels`` are lists of names."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(contents(path)))
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError([f"{path}: not a Parquet file ({str(error).splitlines()[0]}); write it anew"]) from None
    rows = ({name: value for name, value in row.items() if value is not None} for row in table.to_pylist())
    return _read(path, [(f"{path}: row {number}", row) for number, row in enumerate(rows, 1)])


def write_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Text, lists of names and probabilities; a further field keeps its type where all passages have the same."""
    import pyarrow
    import pyarrow.parquet

    strings, names, number = pyarrow.string(), pyarrow.list_(pyarrow.string()), pyarrow.float64()
    columns: dict[str, tuple[Any, list[Any]]] = {
        "id": (strings, [encodable(record.id) for record in records]),
        "text": (strings, [encodable(record.text) for record in records]),
        "labels": (names, [None if record.labels is None else list(record.labels) for record in records]),
    }
    if any(record.predicted is not None for record in records):
        guesses = [None if record.predicted is None else list(record.predicted) for record in records]
        columns["predicted"] = (names, guesses)
    if any(record.scores is not None for record in records):
        columns |= {label: (number, [(record.scores or {}).get(label) for record in records]) for label in LABELS}
    notes, as_json = [], []
    for name in dict.fromkeys(name for record in records for name in record.meta if name not in columns):
        values = [record.meta.get(name) for record in records]
        kinds = {type(value) for value in values if value is not None}
        kept = {str: strings, int: pyarrow.int64(), float: number, bool: pyarrow.bool_()}.get(
            kinds.pop() if len(kinds) == 1 else object
        )
        if kept is None or (kept == pyarrow.int64() and any(abs(v) >= 2**63 for v in values if v is not None)):
            as_json.append(name)
            columns[name] = (
                strings,
                [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values],
            )
        else:
            columns[name] = (kept, [encodable(v) if isinstance(v, str) else v for v in values])
    if as_json:
        notes.append(f"Parquet columns have one type: {', '.join(sorted(as_json))} are written as text or JSON text")
    table = pyarrow.table({name: pyarrow.array(values, kind) for name, (kind, values) in columns.items()})
    pyarrow.parquet.write_table(table, out)
    return notes
