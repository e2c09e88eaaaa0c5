"""Load labelled passages and validate every row.

A `Row` is a dict with a text, its labels in order, and further fields. One `CorpusError` has a line
for each bad row of all files, so that all can be corrected at once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tipclassify.corpus.answers import (
    annotated_labels,
    given_labels,
    parse_labels,
    partly_annotated,
)
from tipclassify.corpus.files import (
    NAME_THEM,
    SUFFIXES,
    USUAL,
    Columns,
    NumberedRow,
    RowError,
    read_numbered,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, SECTIONS
from tipclassify.readers import RULES
from tipclassify.records import WITHOUT_ACRONYMS, acronyms_of, lacks_acronyms
from tipclassify.resources import shipped_data_folder

if TYPE_CHECKING:
    import datasets

# characters of a passage; a longer one is a paragraph or more, not a sentence
LONGEST: Final = 2_000
# passages of real reports, below the folder of a corpus
_REAL: Final = Path("real") / "passages.jsonl"
# of a passage that `real.rebuild` found
_REAL_ID: Final = re.compile("real-[0-9a-f]{16}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_COLUMNS: Final = ("id", "text", "labels", "section", "pair", "doc", "source")

# Of any type, since rows keep every further field of a user's file; `_checked` checks the fields
# that the package reads.
Row = dict[str, Any]
T = TypeVar("T")


def load_corpus(
    *paths: str | os.PathLike[str], text_column: str = "text", label_column: str = "labels"
) -> datasets.Dataset:
    """Load labelled passages as a `datasets.Dataset`.

    `paths` are JSON lines, CSV or Parquet files, or folders of them. The columns are ``id``,
    ``text``, ``labels`` (a list of the names in ``LABELS``), ``section``, ``pair``, ``doc``,
    ``source``, and any further ones of the rows, as text; only text and labels are required, and
    may have other names in the files (`text_column`, `label_column`). ``annotated_for`` has the
    labels for which a row was read, if not for all. The dataset lies in memory;
    no copy is kept on disk.

    `TipClassifier.fit` takes it whole, or its columns; what its ``to_json`` and ``to_parquet``
    write is read again.
    Raises `CorpusError` as `read_rows` does, with each bad row by file and line. (The readers of
    `datasets` would stop at the first, name none, and guess types where a text looks like a date.)

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "my.jsonl")
    ...     _ = file.write_text('{"text": "Courts convicted none.", "labels": ["failure"]}')
    ...     load_corpus(file)["labels"][:]
    [['failure']]
    """
    import datasets

    rows = read_rows(*paths, columns=Columns(text_column, label_column))
    names = dict.fromkeys(_COLUMNS)
    for row in rows:
        names |= dict.fromkeys(row)
    values: dict[str, list[str | None] | list[list[str]]] = {}
    for name in names:
        values[name] = [_as_text(row.get(name)) for row in rows]
    values["labels"] = [list(row["labels"]) for row in rows]
    features = dict.fromkeys(names, datasets.Value("string"))
    features["labels"] = datasets.Sequence(datasets.Value("string"))
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def _as_text(value: object) -> str | None:
    if isinstance(value, dict):  # acronyms
        return json.dumps(value, ensure_ascii=False) if value else None
    return None if value is None else str(value)


def read_rows(
    *paths: str | os.PathLike[str],
    columns: Columns = USUAL,
    labels: Sequence[str] = LABELS,
    decided: Mapping[Path, Iterable[object]] | None = None,
) -> list[Row]:
    """Read validated rows as plain dicts, with ``labels`` as a tuple in the order of `labels`.

    `decided` has the rows of each store of decisions (`tipclassify.store.export`).

    Raises `CorpusError` with one line for every invalid row of every file.
    """
    try:
        parse_labels(list(columns.annotated), labels)
    except RowError as error:
        raise CorpusError([f"annotated: {error}"]) from None
    problems: list[str] = []
    rows: list[Row] = []
    places_of_ids: dict[str, str] = {}
    first_of_texts: dict[tuple[str, str], tuple[str, Row]] = {}  # its place too
    # Keyed by resolved path: a file that is named twice is read once.
    files = {file.resolve(): file for path in paths for file in _files(Path(path), problems)}
    numbered = {file: read_numbered(file, columns, labels) for file in files.values()}
    of_store = Columns(annotated=columns.annotated)
    for store, store_rows in (decided or {}).items():
        named = [of_store.renamed(row) for row in store_rows]
        numbered[store] = ((f"{store}:{number}", row) for number, row in enumerate(named, 1))
    for file, of_file in numbered.items():
        before = len(rows)
        for where, row in read_each(of_file, lambda row: _checked(row, labels), problems):
            row["id"] = first_id(row.get("id"), f"{file.stem}-{where.rpartition(':')[2]}")
            taken_at = places_of_ids.setdefault(row["id"], where)
            if taken_at != where:
                problems.append(
                    f"{where}: id {row['id']!r} is taken at {taken_at}; give it another"
                )
            first, twin = first_of_texts.setdefault(row_key(row), (where, row))
            both = set(annotated_labels(row, labels)) & set(annotated_labels(twin, labels))
            if both & {*row["labels"]} != both & {*twin["labels"]}:
                here = ", ".join(row["labels"]) or "no label"
                there = ", ".join(twin["labels"]) or "no label"
                problems.append(
                    f"{where}: {here}, but the same text at {first} has {there}; settle one"
                )
            rows.append(row)
        if any(map(lacks_acronyms, rows[before:])):
            warnings.warn(f"{file}: {WITHOUT_ACRONYMS}", stacklevel=2)
        if file.name == _REAL.name:
            problems += _of_other_rules(file, rows[before:])
    if not rows and not problems:
        remedy = "write one JSON object a line, or a row of CSV for each"
        problems.append(f"{', '.join(map(str, numbered))}: no labelled passages; {remedy}")
    if problems:
        raise CorpusError(problems)
    return rows


def read_each(
    rows: Iterable[NumberedRow], read: Callable[[object], T], problems: list[str]
) -> Iterator[tuple[str, T]]:
    """Apply `read` to each row, and yield the result with its location.

    An invalid row appends a line to `problems` instead.
    """
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


def row_key(row: Mapping[str, object]) -> tuple[str, str]:
    """Return the key of duplicate rows: normalised text and heading; standard sections are ignored.

    >>> row_key({"text": "Courts slept.", "section": "Labor Law"})
    ('courts slept.', 'labor law')
    """
    section = row.get("section")
    heading = "" if section in (None, *SECTIONS) else text_key(str(section))
    return text_key(str(row["text"])), heading


def labels_alone(row: Row, labels: Sequence[str] = LABELS) -> tuple[str, ...]:
    """Return the labels of a row's text without its heading.

    They are in ``labels_alone``, where "none" stands for none, or else those in ``labels``.

    >>> labels_alone({"labels": ("failure",), "labels_alone": "none"})
    ()
    """
    if not row.get("labels_alone"):
        return tuple(row["labels"])
    names = str(row["labels_alone"]).split(";")
    return tuple(label for label in labels if label in names)


def group_rows(rows: Sequence[Row]) -> list[int]:
    """Number the group of each row, which no measurement parts, by its first row.

    Rows with the same document, pair or text share a group.

    >>> group_rows([{"text": "A", "doc": "x"}, {"text": "B", "doc": "x"}, {"text": "a "}])
    [0, 0, 0]
    """
    first_with_key: dict[tuple[str, str], int] = {}
    edges: list[tuple[int, int]] = []
    for i, row in enumerate(rows):
        keys = [("text", text_key(row["text"]))]
        keys += [(name, str(row[name])) for name in ("doc", "pair") if row.get(name)]
        edges += [(first_with_key.setdefault(key, i), i) for key in keys]
    earlier = list(range(len(rows)))  # a row of the same group, the first row's being itself

    def first(i: int) -> int:
        while earlier[i] != i:
            earlier[i] = earlier[earlier[i]]
            i = earlier[i]
        return i

    for one, other in edges:
        low, high = sorted((first(one), first(other)))
        earlier[high] = low
    return [first(i) for i in range(len(rows))]


def shipped_corpus() -> Path | None:
    """Find the corpus of the installed package, or of the checkout; None without one."""
    return shipped_data_folder("corpus_data", "data", holds="corpus")


def corpus_digest(rows: Iterable[Row]) -> str:
    """Compute the SHA-256 of ids, texts and labels in order, which identifies a training corpus."""
    lines = (
        json.dumps([row["id"], row["text"], list(row["labels"])], ensure_ascii=False) + "\n"
        for row in rows
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _files(path: Path, problems: list[str]) -> list[Path]:
    """List the corpus files of a file or folder; append a line to `problems` without any."""
    if path.is_dir():
        folder = path / "corpus" if (path / "corpus").is_dir() else path
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        if (path / _REAL).is_file():
            files.append(path / _REAL)
        if not files:
            problems.append(
                f"{path}: no .jsonl, .csv or .parquet file there; name the folder of the corpus"
            )
        return files
    if not path.is_file():
        problems.append(f"{path}: no such file; check the path")
        return []
    if path.suffix.lower() not in SUFFIXES:
        problems.append(f"{path}: not a corpus file; use {', '.join(SUFFIXES)}")
        return []
    return [path]


def _of_other_rules(file: Path, rows: Sequence[Row]) -> list[str]:
    """Return a line where labels of real passages were made by other rules of the reader.

    Such a label may be of what is no passage any more; no model must learn it unnoticed.
    """
    families = Counter(
        str(row.get("source"))
        for row in rows
        if _REAL_ID.fullmatch(row["id"]) and row.get("rules", 1) != RULES
    )
    if not families:
        return []
    counts = ", ".join(f"{count:,} of {family}" for family, count in families.most_common())
    return [
        f"{file}: labels made by other rules of the reader ({counts}) may be of no passage any "
        f"more; in a clone, 'tipclassify corpus rebuild {file.parent}' lists them, keeps the others"
    ]


def _checked(row: object, known_labels: Sequence[str]) -> Row:
    """Validate a row, and return it with its labels in the order of `known_labels`."""
    if not isinstance(row, dict):
        raise RowError('not a JSON object; write {"text": …, "labels": […]}')
    if row.get("text") is None:
        fields = one_line(", ".join(map(str, row))) or "none"
        raise RowError(f"no text; the fields are {fields}: {NAME_THEM}")
    labels = parse_labels(given_labels(row, known_labels), known_labels)
    text = check_text(row.get("text"))
    if len(text) > LONGEST:
        raise RowError(
            f"text of {len(text):,} characters, over {LONGEST:,}; split it into sentences"
        )
    for name, value in row.items():
        # UTF-8 cannot encode it, as datasets and files need
        if any(isinstance(part, str) and _SURROGATE.search(part) for part in (name, value)):
            raise RowError(
                f"half of a character (a lone surrogate) in {str(name)!r}; "
                "write the whole character, or take it out"
            )
    dropped = {"label", "accept"} if "labels" in row else {"label", "accept", *known_labels}
    checked: Row = {name: value for name, value in row.items() if name not in dropped}
    checked["labels"] = labels
    checked.pop("annotated_for", None)
    checked |= partly_annotated(row, known_labels)
    if "annotated_for" in checked:
        annotated = annotated_labels(row, known_labels)
        checked["labels"] = tuple(label for label in labels if label in annotated)
    parse_stands_for(row.get("stands_for"))
    for name in ("doc", "pair"):
        if name in row:
            checked[name] = group_name(row[name])
    if row.get("section") is not None:
        checked["section"] = str(row["section"])  # a number is a heading too
    if "acronyms" in row:
        try:
            checked["acronyms"] = acronyms_of(row)
        except ValueError as error:
            raise RowError(str(error)) from None
    alone = row.get("labels_alone")
    if isinstance(alone, list | tuple):
        checked["labels_alone"] = ";".join(map(str, alone)) or "none"
    return checked


def check_text(value: object) -> str:
    """Return the text of a row; raise `RowError` for none."""
    if not isinstance(value, str):
        raise RowError('no text; add a "text" field')
    if not value.strip():
        raise RowError("empty text; remove the row")
    return value


def first_id(*ids: object) -> str:
    """Return the first id that is there, as text: a number is one, 0 too; "" is none.

    >>> first_id(None, "", 0, "mine-1")
    '0'
    """
    return next((str(given) for given in ids if given is not None and given != ""), "")


def group_name(value: object) -> str | None:
    """Return the name of a row's document or pair as text, None where there is none.

    A number is a name as well, 0 too; 1.0 is 1, as pandas writes it where others are missing. NaN
    and all else are none.

    >>> [group_name(value) for value in (0, 1.0, "Togo", None, float("nan"), False)]
    ['0', '1', 'Togo', None, None, None]
    >>> group_name(2**60 + 1)
    '1152921504606846977'
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or value != value:
        return None
    if isinstance(value, Integral):
        return str(int(value))
    number = float(value)
    return str(int(number)) if number.is_integer() else str(value)


def parse_stands_for(value: object) -> float | None:
    """Parse the number of passages of whole reports that a row stands for; None for no value.

    Raises `RowError` for what is no number above 0.

    >>> parse_stands_for("6.358"), parse_stands_for("")
    (6.358, None)
    """
    is_missing_number = isinstance(value, float) and math.isnan(value)  # as in a table of pandas
    if value is None or value == "" or is_missing_number:
        return None
    try:
        count = float(str(value))
    except ValueError:
        count = math.nan
    if not 0 < count < math.inf:  # NaN too
        raise RowError(
            f'"stands_for" is {value!r}, no number of passages; write one, or leave it out'
        )
    return count
