"""Load a labelled corpus (``*.jsonl``, ``*.csv``, ``*.parquet``) and validate every row; all
errors come at once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tipclassify.errors import CorpusError, reason_of
from tipclassify.formatting import csv_text, load_json, numbered
from tipclassify.labels import LABELS, SECTIONS
from tipclassify.text.parquet import ExcessiveTableError, read_row_batches

if TYPE_CHECKING:
    import datasets

__all__ = [
    "Columns",
    "corpus_digest",
    "corpus_rows",
    "group_rows",
    "labels_alone",
    "load_corpus",
    "read_rows",
    "row_key",
    "shipped_corpus",
    "text_key",
]

# characters of a passage; a longer one is a paragraph or more, not a sentence
LONGEST: Final = 2_000
# passages of real reports, below the folder of a corpus
_REAL: Final = Path("real") / "passages.jsonl"
_NAME_THEM: Final = (
    "name those of text and labels with --text-column and --label-column, or rename them"
)
_COLUMNS: Final = ("id", "text", "labels", "section", "pair", "doc", "source")

Row = dict[str, Any]
NumberedRow = tuple[str, Any]  # "file:line", and the row or a RowError
T = TypeVar("T")


class RowError(ValueError):
    """Error in one row, with advice, to which its location is added."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of CSV and Parquet, or fields of JSON lines, that hold the text and the labels of
    a passage."""

    text: str = "text"
    labels: str = "labels"

    def missing(self, names: Sequence[str]) -> str | None:
        """Return the problem of a table with these columns, or None."""
        labelled = {self.labels, "predicted", *(["label"] if self.labels == "labels" else [])}
        if self.text in names and labelled & set(names):
            return None
        absent = self.labels if self.text in names else self.text
        there = ", ".join(names) or "none"
        return f"no column {absent!r}; the columns are {there}: {_NAME_THEM}"

    def renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row whose text and labels are called so."""
        if self == Columns():
            return row
        own = {"text": row.get(self.text), "labels": row.get(self.labels)}
        others = {self.text, self.labels, "label"}
        return {**{name: value for name, value in row.items() if name not in others}, **own}


def load_corpus(
    *paths: str | os.PathLike[str], text_column: str = "text", label_column: str = "labels"
) -> datasets.Dataset:
    """Load labelled passages as a `datasets.Dataset`; `paths` are JSON lines, CSV or Parquet files,
    or folders of them.

    The columns are ``id``, ``text``, ``labels`` (a list of the names in ``LABELS``), ``section``,
    ``pair``, ``doc``, ``source``, and any further ones of the rows, as text; only text and labels
    are required, and may have other names in the files (`text_column`, `label_column`). The dataset
    lies in memory; no copy is kept on disk.

    `TipClassifier.fit` takes it whole, or its columns; what its ``to_json`` and ``to_parquet``
    write is read again.
    Raises `CorpusError` as `read_rows` does, with each bad row by file and line. (The readers of
    `datasets` would stop at the first, name none, and guess types where a text looks like a date.)

    >>> import json, tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as file:
    ...     _ = file.write(json.dumps({"text": "Courts convicted none.", "labels": ["failure"]}))
    >>> load_corpus(file.name)["labels"][:]
    [['failure']]
    """
    import datasets

    rows = read_rows(*paths, columns=Columns(text_column, label_column))
    names = dict.fromkeys((*_COLUMNS, *(name for row in rows for name in row)))
    values: dict[str, Any] = {}
    for name in names:
        values[name] = [None if row.get(name) is None else str(row[name]) for row in rows]
    values["labels"] = [list(row["labels"]) for row in rows]
    features = dict.fromkeys(names, datasets.Value("string"))
    features["labels"] = datasets.Sequence(datasets.Value("string"))
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def corpus_rows(dataset: datasets.Dataset) -> list[Row]:
    """Convert a dataset of `load_corpus` to rows as `read_rows` returns them: without nulls,
    labels as a tuple."""
    rows = []
    for found in dataset:
        row = {name: value for name, value in found.items() if value is not None}
        row["labels"] = tuple(found["labels"])
        rows.append(row)
    return rows


def read_rows(*paths: str | os.PathLike[str], columns: Columns = Columns()) -> list[Row]:
    """Read validated rows as plain dicts, with ``labels`` as a tuple of names in the order of
    ``LABELS``.

    Raises `CorpusError` with one line for every invalid row of every file.
    """
    problems: list[str] = []
    rows: list[Row] = []
    ids: dict[str, str] = {}
    texts: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}

    def check(row: Any) -> Row:
        return _check(columns.renamed(row) if isinstance(row, dict) else row)

    # each once
    files = {file.resolve(): file for path in paths for file in _files(Path(path), problems)}
    for file in files.values():
        for where, row in read_each(_numbered_rows(file, columns), check, problems):
            row["id"] = str(row.get("id") or f"{file.stem}-{where.rpartition(':')[2]}")
            if (first := ids.setdefault(row["id"], where)) != where:
                problems.append(f"{where}: id {row['id']!r} is taken at {first}; give it another")
            first, labels = texts.setdefault(row_key(row), (where, row["labels"]))
            if labels != row["labels"]:
                here, there = (", ".join(names) or "no label" for names in (row["labels"], labels))
                problems.append(
                    f"{where}: {here}, but the same text at {first} has {there}; settle one"
                )
            rows.append(row)
    if not rows and not problems:
        remedy = "write one JSON object a line, or a row of CSV for each"
        problems.append(f"{', '.join(map(str, paths))}: no labelled passages; {remedy}")
    if problems:
        raise CorpusError(problems)
    return rows


def row_key(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key of duplicate rows: normalised text and heading; standard sections are ignored.

    >>> row_key({"text": "Courts slept.", "section": "Labor Law"})
    ('courts slept.', 'labor law')
    """
    section = row.get("section")
    return text_key(row["text"]), "" if section in (None, *SECTIONS) else text_key(str(section))


def read_each(
    rows: Iterable[NumberedRow], read: Callable[[Any], T], problems: list[str]
) -> Iterator[tuple[str, T]]:
    """Apply `read` to each row and yield the result with its location; append a line to
    `problems` for invalid rows."""
    for where, row in rows:
        try:
            if isinstance(row, RowError):
                raise row
            yield where, read(row)
        except RowError as error:
            problems.append(f"{where}: {error}")


def text_key(text: str) -> str:
    """Return the key of duplicate texts: case-folded, with spaces normalised.

    >>> text_key("Courts  slept.") == text_key("courts slept.")
    True
    """
    return " ".join(text.split()).casefold()


def labels_alone(row: Row) -> tuple[str, ...]:
    """Return the labels of a row's text without its heading: ``labels_alone`` ("none" for none),
    else ``labels``.

    >>> labels_alone({"labels": ("failure",), "labels_alone": "none"})
    ()
    """
    if not row.get("labels_alone"):
        return tuple(row["labels"])
    names = str(row["labels_alone"]).split(";")
    return tuple(label for label in LABELS if label in names)


def group_rows(rows: Sequence[Row], near: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Number the group of each row, which a split keeps whole, by its first row.

    Rows with the same document, pair or text, and those paired in `near`, share a group.

    >>> group_rows([{"text": "A", "doc": "x"}, {"text": "B", "doc": "x"}, {"text": "a "}])
    [0, 0, 0]
    """
    if not rows:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    seen: dict[tuple[str, str], int] = {}
    pairs = list(near)
    for i, row in enumerate(rows):
        keys = [("text", text_key(row["text"]))]
        keys += [(name, str(row[name])) for name in ("doc", "pair") if row.get(name)]
        pairs += [(seen.setdefault(key, i), i) for key in keys]
    graph = coo_array(
        ([True] * len(pairs), tuple(zip(*pairs, strict=True))), shape=(len(rows), len(rows))
    )
    first: dict[int, int] = {}
    components = connected_components(graph, directed=False)[1].tolist()
    return [first.setdefault(component, i) for i, component in enumerate(components)]


def shipped_corpus() -> Path | None:
    """Find the corpus that is installed with the package, or in the checkout that contains this
    file."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "corpus_data", package.parents[1] / "data"):
        if (folder / "corpus").is_dir():
            return folder
    return None


def corpus_digest(rows: Iterable[Row]) -> str:
    """Compute the SHA-256 of ids, texts and labels in order, which identifies a training corpus."""
    lines = (
        json.dumps([row["id"], row["text"], list(row["labels"])], ensure_ascii=False) + "\n"
        for row in rows
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _check(row: Any) -> Row:
    """Validate a row, and return it with its labels in the order of ``LABELS``."""
    if not isinstance(row, dict):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    if row.get("text") is None:
        raise RowError(
            f"no text; the fields are {', '.join(map(str, row)) or 'none'}: {_NAME_THEM}"
        )
    labels = row.get("labels", row.get("label"))
    if "low_confidence" in row and row.get("predicted") is None:
        raise RowError(
            "of 'score': its labels are the model's; make rows to label with 'tipclassify corpus convert'"
        )
    if labels is None and row.get("predicted") is not None:
        raise RowError(
            'not labelled yet; set "labels" to a list, [] for none (what "predicted" says is the model\'s)'
        )
    if len(text := check_text(row.get("text"))) > LONGEST:
        raise RowError(
            f"text of {len(text):,} characters, over {LONGEST:,}; split it into sentences"
        )
    checked: Row = {
        **{name: value for name, value in row.items() if name != "label"},
        "labels": parse_labels(labels),
    }
    if isinstance(alone := row.get("labels_alone"), list | tuple):
        checked["labels_alone"] = ";".join(map(str, alone)) or "none"
    return checked


def check_text(value: Any) -> str:
    """Return the text of a row; raise `RowError` for none."""
    if not isinstance(value, str):
        raise RowError('no text; add a "text" field')
    if not value.strip():
        raise RowError("empty text; remove the row")
    return value


def label_list(value: Any) -> list[str]:
    """Return label names from a list, or from text with ``;``, ``,`` or ``|``; raise `RowError`
    for any other value."""
    if isinstance(value, str):
        value = [
            name for name in value.replace("|", ";").replace(",", ";").split(";") if name.strip()
        ]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise RowError('no labels; add "labels": a list of names, [] for none')
    return [name.strip() for name in value]


def parse_labels(value: Any) -> tuple[str, ...]:
    """Parse label names into the order of ``LABELS``; raise `RowError` for an unknown one.

    >>> parse_labels("failure; positive_effort")
    ('positive_effort', 'failure')
    """
    names = label_list(value)
    if unknown := [name for name in names if name not in LABELS]:
        raise RowError(f"unknown label {unknown[0]!r}; use {', '.join(LABELS)}")
    return tuple(label for label in LABELS if label in names)


def _files(path: Path, problems: list[str]) -> list[Path]:
    if path.is_dir():
        folder = path / "corpus" if (path / "corpus").is_dir() else path
        found = sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)
        found += [path / _REAL] if (path / _REAL).is_file() else []
        if not found:
            problems.append(
                f"{path}: no .jsonl, .csv or .parquet file there; name the folder of the corpus"
            )
        return found
    if path.is_file() and path.suffix.lower() in _SUFFIXES:
        return [path]
    what = (
        f"not a corpus file; use {', '.join(_SUFFIXES)}"
        if path.is_file()
        else "no such file; check the path"
    )
    problems.append(f"{path}: {what}")
    return []


def read_file(file: Path) -> bytes:
    """Return the bytes of a file; raise `CorpusError` if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise CorpusError([f"{file}: {reason_of(error)}; check the path"]) from None


def text_lines(file: Path) -> Iterator[NumberedRow]:
    """Yield the non-blank lines with their locations, or a `RowError` for a line that is not
    UTF-8."""
    for number, line in enumerate(read_file(file).split(b"\n"), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
            if text.strip():
                yield f"{file}:{number}", text
        except UnicodeDecodeError as error:
            what = f"not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
            yield f"{file}:{number}", RowError(what)


def json_rows(file: Path) -> Iterator[NumberedRow]:
    """Yield the values of JSON lines with their locations, or a `RowError` for invalid JSON."""
    for where, line in text_lines(file):
        try:
            yield where, load_json(line, strict=False) if isinstance(line, str) else line
        except ValueError as error:
            yield where, RowError(f"broken JSON ({error}); write one object a line")


def _numbered_rows(file: Path, columns: Columns) -> Iterator[NumberedRow]:
    """Yield the rows of a corpus file; a table without the columns is one error."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        return csv_rows(file, columns)
    return parquet_rows(file, columns) if suffix == ".parquet" else json_rows(file)


def csv_rows(file: Path, columns: Columns | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV with a header, with their locations; empty cells are omitted, except
    text and labels.

    Rows with neither text nor labels, which doccano exports, are left out with a warning. With
    `columns`, a header without them is one `RowError`.
    """
    named = columns or Columns()
    kept, empty = (named.text, named.labels, "label"), []
    try:
        reader = csv.DictReader(
            io.StringIO(read_file(file).decode("utf-8-sig"), newline=""), strict=True
        )
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]  # "text, label"
        if columns is not None and (problem := columns.missing(reader.fieldnames)):
            yield f"{file}:1", RowError(problem)
            return
        for row in reader:
            cells = {
                name: csv_text(value or "")
                for name, value in row.items()
                if name and (value or name in kept)
            }
            if any(str(cells.get(name, "")).strip() for name in kept):
                yield f"{file}:{reader.line_num}", cells
            else:
                empty.append(reader.line_num)
        if empty:
            warnings.warn(
                f"{file}: {numbered('line', empty)} without a text, left out", stacklevel=2
            )
    except UnicodeDecodeError:
        yield f"{file}:1", RowError("not UTF-8; save the file as UTF-8")
    except csv.Error as error:
        yield (
            f"{file}:{reader.reader.line_num}",
            RowError(f"broken CSV ({error}); quote fields with commas or line ends"),
        )


def parquet_rows(file: Path, columns: Columns | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a Parquet file with their locations; `columns` as in `csv_rows`.

    A file that unpacks to much more than its size ends with a `RowError`.
    """
    import pyarrow
    import pyarrow.parquet

    data = read_file(file)
    number = 0
    try:
        table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        if columns is not None and (problem := columns.missing(table.schema_arrow.names)):
            yield f"{file}:1", RowError(problem)
            return
        for rows in read_row_batches(table, len(data)):
            for number, row in enumerate(rows, number + 1):  # noqa: B020  # goes on counting
                yield f"{file}:{number}", row
    except ExcessiveTableError as error:
        yield f"{file}:{number + 1}", RowError(f"{error}; check where it comes from")
    except UnicodeDecodeError:
        yield f"{file}:{number + 1}", RowError("not UTF-8 from here on; write the file anew")
    # ValueError, OverflowError: times and numbers that Python has not
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield f"{file}:{number + 1}", RowError(f"not a Parquet file ({reason}); write it anew")


_SUFFIXES: Final = (".jsonl", ".csv", ".parquet")
