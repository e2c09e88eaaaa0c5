"""Read the rows of a file (``*.jsonl``, ``*.csv``, ``*.parquet``) with their locations.

Rows are as they stand in the file: `corpus.rows` validates them, `corpus.convert` converts them.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tipclassify.errors import CorpusError, InputError, reason_of_error
from tipclassify.formatting import format_numbers, load_json, one_line, unformat_csv_cell
from tipclassify.labels import LABELS, plain_label
from tipclassify.readers.encodings import decode_file
from tipclassify.readers.rows import guess_delimiter
from tipclassify.text.columns import ExcessiveParquetError, read_parquet_batches

SUFFIXES: Final = (".jsonl", ".csv", ".parquet")
NAME_THEM: Final = (
    "name those of text and labels with --text-column and --label-column, or rename them"
)

_USUAL_NAMES: Final = ("id", "text", "labels", "label", "section", "pair", "doc", "source")
# what a column a label says, as `str` gives it
YES: Final = frozenset({"1", "1.0", "x", "yes", "y", "true"})
NO: Final = frozenset({"0", "0.0", "no", "n", "false"})

NumberedRow = tuple[str, object]  # "file:line", and the row or a RowError


class RowError(ValueError):
    """Error in one row, with advice, to which its location is added."""


class UnlabelledError(RowError):
    """Row that no person has labelled."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns, or fields of JSON lines, that hold text and labels of a passage.

    Rows that do not say for which labels they were read are `annotated` for these; () for all.
    """

    text: str = "text"
    labels: str = "labels"
    annotated: tuple[str, ...] = ()

    def missing(self, names: Sequence[str], labels: Sequence[str]) -> str | None:
        """Return the problem of a table with these columns, or None."""
        label_columns = {self.labels, "predicted"}
        if self.labels == "labels":
            label_columns |= {"label", "accept", *labels}
        if self.text in names and label_columns & set(names):
            return None
        absent = self.labels if self.text in names else self.text
        there = one_line(", ".join(names)) or "none"
        return f"no column {absent!r}; the columns are {there}: {NAME_THEM}"

    def renamed(self, row: object) -> object:
        """Rename the columns of a row to ``text`` and ``labels``."""
        if self == USUAL or not isinstance(row, dict):
            return row
        if self.annotated and row.get("annotated_for") is None:
            row = {**row, "annotated_for": list(self.annotated)}
        own = {self.text, self.labels, "label"}
        renamed = {name: value for name, value in row.items() if name not in own}
        renamed["text"] = row.get(self.text)
        if self.labels in row:
            renamed["labels"] = row[self.labels]
        elif self.labels == "labels" and "label" in row:  # as `missing` takes it
            renamed["label"] = row["label"]
        return renamed


USUAL: Final = Columns()


def read_numbered(
    file: Path, columns: Columns = USUAL, labels: Sequence[str] = LABELS
) -> Iterator[NumberedRow]:
    """Yield the rows of a corpus file, their columns renamed; a table without these is one error."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        rows = csv_rows(file, columns, labels)
    elif suffix == ".parquet":
        rows = parquet_rows(file, columns, labels)
    else:
        rows = json_rows(file)
    for where, row in rows:
        yield where, columns.renamed(row)


def read_file(file: Path) -> bytes:
    """Return the bytes of a file; raise `CorpusError` if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise CorpusError([f"{file}: {reason_of_error(error)}; check the path"]) from None


def json_rows(file: Path) -> Iterator[NumberedRow]:
    """Yield the values of JSON lines with their locations; a `RowError` for an invalid line."""
    for number, line in enumerate(read_file(file).split(b"\n"), 1):
        where = f"{file}:{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
            if text.strip():
                yield where, load_json(text, strict=False)
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
            yield where, RowError(problem)
        except ValueError as error:
            yield where, RowError(f"broken JSON ({error}); write one object a line")


def csv_rows(
    file: Path, columns: Columns | None = None, labels: Sequence[str] = LABELS
) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV with a header, as Excel writes it in any country, with locations.

    Empty cells are omitted, except text and labels. Rows with neither text nor labels are left out
    with a warning. With `columns`, a header without them is one `RowError`.
    """
    names = columns or USUAL
    kept = (names.text, names.labels, "label")
    empty_lines = []
    data = read_file(file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = decode_file(data, str(file))
        except InputError:
            yield f"{file}:1", RowError("no text; save the file as CSV UTF-8")
            return
    try:
        reader = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=guess_delimiter(text), strict=True
        )
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = _usual_names(header, (*_USUAL_NAMES, *labels), kept)
        if columns is not None and (problem := columns.missing(reader.fieldnames, labels)):
            yield f"{file}:1", RowError(problem)
            return
        lines = [(reader.line_num, row) for row in reader]
        has_names = bool({"labels", "label"} & set(reader.fieldnames))  # then they are scores
        for label in () if has_names else set(labels) & set(reader.fieldnames):
            values = {(row[label] or "").strip().casefold() for _, row in lines}
            if "x" in values and not values & NO:  # only marked where it applies
                for _, row in lines:
                    row[label] = row[label] or "0"
        for number, row in lines:
            cells = {}
            for name, value in row.items():
                # an empty cell says something of these: no label, no acronyms
                if name and (value or name in (*kept, "acronyms")):
                    cells[name] = unformat_csv_cell(value or "")
            if any(str(cells.get(name, "")).strip() for name in kept):
                yield f"{file}:{number}", cells
            else:
                empty_lines.append(number)
        if empty_lines:
            warnings.warn(
                f"{file}: {format_numbers('line', empty_lines)} without a text, left out",
                stacklevel=2,
            )
    except csv.Error as error:
        advice = "quote fields with commas or line ends"
        yield f"{file}:{reader.reader.line_num}", RowError(f"broken CSV ({error}); {advice}")


def _usual_names(header: list[str], usual: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Return the names of columns, the usual ones as we spell them, but for those in `kept`.

    >>> _usual_names(["Text", "Positive Effort", "Note"], ["text", "positive_effort"], [])
    ['text', 'positive_effort', 'Note']
    """
    spelled = {plain_label(name): name for name in usual if name not in header}
    return [name if name in kept else spelled.get(plain_label(name), name) for name in header]


def parquet_rows(
    file: Path, columns: Columns | None = None, labels: Sequence[str] = LABELS
) -> Iterator[NumberedRow]:
    """Yield the rows of a Parquet file with their locations; `columns` as in `csv_rows`.

    A file that unpacks to much more than its size ends with a `RowError`.
    """
    import pyarrow
    import pyarrow.parquet

    data = read_file(file)
    number = 0
    try:
        table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        if columns is not None and (problem := columns.missing(table.schema_arrow.names, labels)):
            yield f"{file}:1", RowError(problem)
            return
        for rows in read_parquet_batches(table, len(data)):
            for row in rows:
                number += 1
                yield f"{file}:{number}", row
    except ExcessiveParquetError as error:
        yield f"{file}:{number + 1}", RowError(f"{error}; check where it comes from")
    except UnicodeDecodeError:
        yield f"{file}:{number + 1}", RowError("not UTF-8 from here on; write the file anew")
    # ValueError, OverflowError: times and numbers that Python has not
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield f"{file}:{number + 1}", RowError(f"not a Parquet file ({reason}); write it anew")
