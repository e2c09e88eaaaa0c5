"""Read and write one row a passage: CSV, Parquet, and fastText's training lines (``__label__failure The text.``).

CSV joins labels with ``;``: an empty cell means that none applies, ``?`` that the passage is unlabelled.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Final

from tipclassify.corpus.formats import records as of
from tipclassify.corpus.formats.records import Record
from tipclassify.corpus.loading import check_text
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS

_UNLABELLED: Final = "?"
_LABEL_LISTS: Final = ("labels", "predicted")
_PREFIX: Final = re.compile(r"(?<!\S)__label__")
_LABEL: Final = re.compile(r"(?<!\S)__label__(\S*)[ \t]?")
_BREAKS: Final = re.compile("\r\n|[\n\r\0]")


def table_record(row: dict[str, Any], given_id: str) -> Record:
    """Read a row of CSV or Parquet, with a column for each probability; labels from ``score`` are predictions."""
    if row.get("labels") == _UNLABELLED:
        row = {**row, "labels": None}
    if all(row.get(label) is not None for label in LABELS):
        row = of.other_fields(row, *LABELS) | {"scores": {label: row[label] for label in LABELS}}
    return of.record_of(row, given_id)


def _table_row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"id": record.id, "text": record.text, "labels": record.labels}
    row |= of.other_fields({"predicted": record.predicted, **(record.scores or {})})
    return row | of.other_fields(record.meta, *row, *_LABEL_LISTS)


def write_csv(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a CSV (RFC 4180) with a header, without empty columns; return notes on lost data."""
    rows = [{name: _cell(name, value) for name, value in _table_row(record).items()} for record in records]
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    text.detach()
    values = [value for record in records for value in (record.text, record.id, *record.meta.values())]
    texts = [value for value in values if isinstance(value, str)]
    notes = []
    if odd := of.fields_where(records, lambda _, value: not isinstance(value, str)):
        notes.append(f"CSV holds text only: {odd} come back as text")
    if cut := sum(_csv_text(value) != value for value in texts):
        notes.append(f"{cut:,} cells hold characters that CSV in UTF-8 cannot; they become U+FFFD")
    if live := sum(map(looks_like_a_formula, texts)):
        how = "import the CSV as text, do not double-click it"
        notes.append(f"{live:,} cells begin like a formula (=, +, -, @): {how}")
    return notes


def _csv_text(text: str) -> str:
    return of.replace_surrogates(text).replace("\0", "\ufffd")  # readers stop at NUL


def _cell(name: str, value: Any) -> str:
    if name == "labels":
        return _UNLABELLED if value is None else ";".join(value)
    return ";".join(of.label_names(value)) if name == "predicted" else _csv_text(str(of.to_scalar(value)))


def write_parquet(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write a Parquet file; further fields of a single type keep it, others become text; return notes on these."""
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
        texts = [None if value is None else of.replace_surrogates(str(of.to_scalar(value))) for value in values]
        columns[name] = pyarrow.array(texts, pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    note = f"Parquet columns have one type: {', '.join(sorted(as_json))} are written as text or JSON text"
    return [note] if as_json else []


def fasttext_record(line: str, given_id: str) -> Record:
    """Read a training line; labels begin with ``__label__`` anywhere in the line, as in fastText."""
    return Record(check_text(_LABEL.sub("", line).strip()), given_id, of.as_labels(_LABEL.findall(line) or None))


def write_fasttext(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write one line for each passage, and return notes on lost data."""
    lines = []
    for record in records:
        text = _PREFIX.sub("__ label__", _BREAKS.sub(" ", of.replace_surrogates(record.text))).strip()
        lines.append(" ".join([*(f"__label__{name}" for name in of.label_names(record.labels)), text]).strip())
    out.write("".join(f"{line}\n" for line in lines).encode())
    lost = ["ids"]
    lost += ["fields"] if any(record.meta for record in records) else []
    lost += ["predictions"] if any(record.predicted is not None or record.scores for record in records) else []
    broken, marked = (sum(bool(what.search(record.text)) for record in records) for what in (_BREAKS, _PREFIX))
    notes = {
        f"fastText's lines hold labels and text only: {', '.join(lost)} are left out": True,
        f"fastText takes a line for a passage: the line ends inside {broken:,} texts become spaces": broken,
        f"{marked:,} texts hold words that begin with __label__, which become '__ label__'": marked,
        f"{lines.count(''):,} passages have neither words nor labels: their lines are empty": lines.count(""),
    }
    return [note for note, holds in notes.items() if holds]
