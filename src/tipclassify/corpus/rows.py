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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tipclassify.corpus.files import (
    NAME_THEM,
    NO,
    SUFFIXES,
    USUAL,
    YES,
    Columns,
    NumberedRow,
    RowError,
    UnlabelledError,
    read_numbered,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, SECTIONS, plain_label
from tipclassify.readers import RULES
from tipclassify.records import Passage
from tipclassify.resources import shipped_data_folder

if TYPE_CHECKING:
    import datasets

# characters of a passage; a longer one is a paragraph or more, not a sentence
LONGEST: Final = 2_000
NO_LABEL: Final = "none"
"""What says that no label applies, where an empty list may mean unlabelled."""
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
    may have other names in the files (`text_column`, `label_column`). The dataset lies in memory;
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
        values[name] = [None if row.get(name) is None else str(row[name]) for row in rows]
    values["labels"] = [list(row["labels"]) for row in rows]
    features = dict.fromkeys(names, datasets.Value("string"))
    features["labels"] = datasets.Sequence(datasets.Value("string"))
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def read_rows(
    *paths: str | os.PathLike[str], columns: Columns = USUAL, labels: Sequence[str] = LABELS
) -> list[Row]:
    """Read validated rows as plain dicts, with ``labels`` as a tuple in the order of `labels`.

    Raises `CorpusError` with one line for every invalid row of every file.
    """
    problems: list[str] = []
    rows: list[Row] = []
    places_of_ids: dict[str, str] = {}
    first_of_texts: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}  # place, and labels
    # Keyed by resolved path: a file that is named twice is read once.
    files = {file.resolve(): file for path in paths for file in _files(Path(path), problems)}
    for file in files.values():
        before = len(rows)
        for where, row in read_each(
            read_numbered(file, columns, labels), lambda row: _checked(row, labels), problems
        ):
            row["id"] = first_id(row.get("id"), f"{file.stem}-{where.rpartition(':')[2]}")
            taken_at = places_of_ids.setdefault(row["id"], where)
            if taken_at != where:
                problems.append(
                    f"{where}: id {row['id']!r} is taken at {taken_at}; give it another"
                )
            first, first_labels = first_of_texts.setdefault(row_key(row), (where, row["labels"]))
            if first_labels != row["labels"]:
                here = ", ".join(row["labels"]) or "no label"
                there = ", ".join(first_labels) or "no label"
                problems.append(
                    f"{where}: {here}, but the same text at {first} has {there}; settle one"
                )
            rows.append(row)
        if file.name == _REAL.name:
            problems += _of_other_rules(file, rows[before:])
    if not rows and not problems:
        remedy = "write one JSON object a line, or a row of CSV for each"
        problems.append(f"{', '.join(map(str, paths))}: no labelled passages; {remedy}")
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


def passage_of_row(row: Mapping[str, Any]) -> Passage:  # of JSON values, unchecked
    """Convert a row with a ``text`` to a passage under its ``section``."""
    return Passage(row["text"], 0, len(row["text"]), row.get("section") or None)


def group_rows(rows: Sequence[Row], near: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Number the group of each row, which a split keeps whole, by its first row.

    Rows with the same document, pair or text, and those paired in `near`, share a group.

    >>> group_rows([{"text": "A", "doc": "x"}, {"text": "B", "doc": "x"}, {"text": "a "}])
    [0, 0, 0]
    """
    if not rows:
        return []
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first_with_key: dict[tuple[str, str], int] = {}
    edges = list(near)
    for i, row in enumerate(rows):
        keys = [("text", text_key(row["text"]))]
        keys += [(name, str(row[name])) for name in ("doc", "pair") if row.get(name)]
        edges += [(first_with_key.setdefault(key, i), i) for key in keys]
    ends = tuple(zip(*edges, strict=True))
    graph = coo_array((np.ones(len(edges), bool), ends), shape=(len(rows), len(rows)))
    _, components = connected_components(graph, directed=False)
    first_of_component: dict[int, int] = {}
    return [
        first_of_component.setdefault(component, i)
        for i, component in enumerate(components.tolist())
    ]


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
    parse_stands_for(row.get("stands_for"))
    for name in ("doc", "pair"):
        if name in row:
            checked[name] = group_name(row[name])
    if row.get("section") is not None:
        checked["section"] = str(row["section"])  # a number is a heading too
    alone = row.get("labels_alone")
    if isinstance(alone, list | tuple):
        checked["labels_alone"] = ";".join(map(str, alone)) or "none"
    return checked


def given_labels(row: Mapping[str, Any], labels: Sequence[str] = LABELS) -> object:
    """Return the labels that a person gave a row, in whichever of the forms below; None for none.

    | labels | of |
    | --- | --- |
    | ``labels`` or ``label`` | a row of ours |
    | ``accept``, with ``answer`` | a choice task of Prodigy |
    | ``labels``, with ``annotation_id`` | Label Studio's CSV or JSON-MIN; an empty one is no answer |
    | a column a label | a table, of 1 and 0, or x |

    Raises `UnlabelledError` for what a person skipped or rejected, or only a model has labelled.

    >>> given_labels({"positive_effort": "x", "failure": 0, "complicity": "no"})
    ['positive_effort']
    """
    value = row["labels"] if row.get("labels") is not None else row.get("label")
    answer = str(row.get("answer") or "").casefold()
    if "low_confidence" in row and row.get("predicted") is None:
        raise UnlabelledError(
            "of 'score': its labels are the model's; "
            "make rows to label with 'tipclassify corpus convert'"
        )
    if answer in ("reject", "ignore"):
        raise UnlabelledError(
            f"answered {answer!r} in Prodigy, so its labels are nobody's; "
            "convert the export with 'tipclassify corpus convert', or leave the row out"
        )
    if answer == "accept" and "accept" in row:
        return row["accept"] or []
    if answer == "accept" and row.get("labels") is None and "label" in row:
        raise RowError("a yes-or-no task on one label; use tasks with options (textcat.manual)")
    if "annotation_id" in row:
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if isinstance(value, Mapping):
            value = value.get("choices")
        if not value:
            raise UnlabelledError(
                f"unanswered in Label Studio; choose {NO_LABEL!r} there where no label applies"
            )
    if value is None and row.get("predicted") is not None:
        raise UnlabelledError(
            'not labelled yet; set "labels" to a list, [] for none '
            '(what "predicted" says is the model\'s)'
        )
    if not {"labels", "label"} & row.keys() and any(label in row for label in labels):
        return [label for label in labels if _is_yes(row, label)]
    return value


def _is_yes(row: Mapping[str, Any], label: str) -> bool:
    """Whether the column of a label says yes; raise `RowError` for neither yes nor no."""
    value = str(row.get(label, "")).strip().casefold()
    if value in YES:
        return True
    if value in NO:
        return False
    raise RowError(f"{label} is {row.get(label)!r}; write 1 or x for yes, 0 for no")


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


def parse_labels(value: object, labels: Sequence[str] = LABELS) -> tuple[str, ...]:
    """Parse a list of label names, or text with ``;``, ``,`` or ``|`` between them.

    They come out in the order of `labels`; ``none`` alone is no label. Raises `RowError` for an
    unknown one, and any other value.

    >>> parse_labels("failure; Positive Effort"), parse_labels(["none"])
    (('positive_effort', 'failure'), ())
    """
    spelled = {plain_label(label): label for label in labels}
    if isinstance(value, str):
        value = [name for name in re.split("[;,|]", value) if name.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise RowError('no labels; add "labels": a list of names, [] for none')
    names = [spelled.get(plain_label(name), name.strip()) for name in value]
    if NO_LABEL in names and NO_LABEL not in labels:
        names = [name for name in names if name != NO_LABEL]
        if names:
            raise RowError(f"label {NO_LABEL!r} beside {', '.join(sorted(names))}; settle one")
    if unknown := [name for name in names if name not in labels]:
        raise RowError(f"unknown label {unknown[0]!r}; use {', '.join(labels)}")
    return tuple(label for label in labels if label in names)


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
