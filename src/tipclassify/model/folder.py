"""A model's folder: its metadata, ``model.json``, and its files; read with distrust, written whole.

``model.json`` has the hashes of the other files and of itself. No file is unpickled or run, and
none is read that is larger than a model's. A folder is written beside its place and renamed, so
that an older model there is never gone meanwhile; what a killed process left is put right first.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from tipclassify.errors import ModelError, reason_of_error
from tipclassify.formatting import load_json, one_line
from tipclassify.labels import MOST_LABELS, POLICIES
from tipclassify.records import columns
from tipclassify.whole_files import exchange, remove_left_for, staging_name

if TYPE_CHECKING:
    import numpy.typing as npt

METADATA: Final = "model.json"
LINEAR: Final = "linear"  # kind of a model without ``kind`` in its metadata
_LARGEST_METADATA: Final = 5_000_000  # bytes
_LARGEST_FILE: Final = 1_000_000_000  # bytes of another file of a model

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_FILES: Final = 50
# files of a linear model that its metadata do not list
_UNHASHED: Final = frozenset({METADATA, "README.md", "golden.jsonl", "taught.bin"})


# hash of the model that was in a place when it was last asked whether that may be replaced
_found: Final[dict[Path, str]] = {}


# ----------------------------------------------------------------------------------------- metadata

# letters and digits of any script, and "_", "-" and spaces inside: no separator of any output
Label = Annotated[str, msgspec.Meta(pattern=r"^\w([\w -]{0,58}\w)?\Z")]


Threshold = Annotated[float, msgspec.Meta(gt=0, lt=1)]
MAX_LOG_ODDS: Final = 1e6
"""Largest parameter of a model: no sum of products of these overflows."""

LogOdds = Annotated[float, msgspec.Meta(ge=-MAX_LOG_ODDS, le=MAX_LOG_ODDS)]

_NUMBERS: Final = re.compile(r"\[\s+([^\[\]{}\"]+?)\s+\]")  # list, a line each


class _ErrorRates(msgspec.Struct):
    policies: dict[str, dict[str, dict[str, float]]]
    histogram: dict[str, dict[str, list[float]]] = {}


class _ErrorTable(_ErrorRates):
    kinds: dict[str, _ErrorRates] = {}


class _OperatingPoint(msgspec.Struct):
    threshold: float
    precision: list[float | None] = []  # with its interval, which few groups leave undefined
    recall: list[float | None] = []
    support: int | None = None  # passages with the label


class _Metrics(msgspec.Struct):
    macro_f1: float | None = None


class Metadata(msgspec.Struct):
    """Fields of ``model.json`` that are read anywhere; all but the first two are optional."""

    format: int
    labels: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=MOST_LABELS)]
    kind: str = LINEAR
    features: int = 0
    thresholds: dict[str, list[Threshold]] = {}
    bias: list[LogOdds] = []
    meanings: dict[str, str] = {}  # of labels of a user's, in a line
    base: dict[str, str] = {}
    corpus: dict[str, object] = {}
    versions: dict[str, str] = {}
    metrics: _Metrics = msgspec.field(default_factory=_Metrics)
    behaviours: dict[str, float] = {}
    operating_points: dict[str, dict[str, _OperatingPoint]] = {}
    operating_points_by_kind: dict[str, dict[str, dict[str, _OperatingPoint]]] = {}  # by policy
    kinds: dict[str, int] = {}  # of text that measured the model, and their passages
    error_table: _ErrorTable | None = None


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read the metadata of a model's folder, unchecked; raise `ModelError` without valid ones."""
    file = folder / METADATA
    if not file.is_file():
        raise ModelError(
            f"{folder}: no model there (no {METADATA}); "
            f"train one with 'tipclassify train --data FILE --output {folder}'"
        )
    try:
        metadata = load_json(read_file(file, _LARGEST_METADATA))
        if not isinstance(metadata, dict) or "format" not in metadata:
            raise ValueError("no head of a model")
    except ValueError:
        raise ModelError(
            f"{file}: truncated or not a model; copy or train the model anew"
        ) from None
    return metadata


def check_metadata(file: Path, metadata: Mapping[str, object], kind: str, version: int) -> Metadata:
    """Check kind, types, labels, format, hash, thresholds and files.

    Raises `ModelError`, which names `file`.
    """
    if kind_of_model(metadata) != kind:
        raise ModelError(
            f"{file}: a model of kind {kind_of_model(metadata)!r}, not {kind!r}; use another model"
        )
    try:
        typed = msgspec.convert(metadata, Metadata)
        labels = typed.labels
        if len({label.casefold() for label in labels}) < len(labels):
            raise ValueError("a label twice")
        if taken := set(columns(())).intersection(labels):
            raise ValueError(f"{min(taken)!r} is a column of results, and no label")
    except ValueError as error:  # also where a string holds half of a surrogate pair
        raise ModelError(
            f"{file}: not a head that can be used ({error}); train or get the model anew"
        ) from None
    if typed.format != version:
        age = "a newer" if typed.format > version else "an older"
        remedy = "install a newer tipclassify" if typed.format > version else "retrain it"
        raise ModelError(f"{file}: written by {age} tipclassify (format {typed.format}); {remedy}")
    if metadata.get("sha256") != metadata_digest(metadata):
        raise ModelError(
            f"{file}: changed since training (its hash does not match); "
            "copy or train the model anew"
        )
    missing = [
        policy for policy in POLICIES if len(typed.thresholds.get(policy, ())) != len(labels)
    ]
    if missing:
        raise ModelError(f"{file}: has no thresholds for {', '.join(missing)}; retrain it")
    try:
        hashed_files(metadata)
    except ValueError as error:
        raise ModelError(f"{file}: {error}; train or get the model anew") from None
    return typed


def metadata_digest(metadata: Mapping[str, object]) -> str:
    """Compute the SHA-256 of metadata without their ``sha256``, in hexadecimal."""
    plain = {key: value for key, value in metadata.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def kind_of_model(metadata: Mapping[str, object]) -> str:
    """Return the kind of model that has these metadata."""
    return str(metadata.get("kind", LINEAR))


def hashed_files(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return the files that metadata list, with their SHA-256 in hexadecimal.

    Raises `ValueError` when the list is missing, or an entry is no plain file name with a hash.
    """
    if kind_of_model(metadata) == LINEAR:
        listed: object = {"weights.npz": metadata.get("weights_sha256")}
    else:
        listed = metadata.get("files")
    if (
        not isinstance(listed, dict)
        or not listed
        or len(listed) > _MOST_FILES
        or METADATA in listed
    ):
        raise ValueError("no hashes of its files")
    for name, value in listed.items():
        if not (_FILE_NAME.fullmatch(name) and isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name!r:.50} is no file with its hash")
    return dict(listed)


def weights_digest(metadata: Mapping[str, object]) -> str:
    """Return the SHA-256 of the weights; raise `ValueError` or `KeyError` where there is none."""
    files = hashed_files(metadata)
    return files.get("weights.npz") or files["model.onnx"]


# -------------------------------------------------------------------------------------------- files


def read_files(
    folder: Path, metadata: Mapping[str, object], required: Iterable[str]
) -> dict[str, bytes]:
    """Read the files that metadata list, and verify their hashes.

    Files that are not `required` may be missing.
    """
    files = {}
    for name, sha256 in hashed_files(metadata).items():
        file = folder / name
        if name not in required and not file.exists():
            continue
        files[name] = read_file(file, _LARGEST_FILE)
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise ModelError(
                f"{file}: truncated or changed since training; copy or train the model anew"
            )
    return files


def read_file(file: Path, largest: int) -> bytes:
    """Read a regular file of at most `largest` bytes; raise `ModelError` for any other."""
    try:
        if file.exists() and not file.is_file():
            problem = "not a file"
        elif (size := file.stat().st_size) > largest:
            problem = f"{size / 1e6:,.0f} MB, more than a model needs"
        else:
            return file.read_bytes()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        problem = "missing" if absent else f"cannot be read ({reason_of_error(error)})"
    raise ModelError(f"{file}: {problem}; copy or get the model anew")


def read_arrays(
    file: Path, data: bytes, names: Iterable[str], what: str
) -> dict[str, npt.NDArray[Any]]:  # of any number type, which the caller checks
    """Read arrays by name from the bytes of an ``.npz`` file, without unpickling anything.

    Arrays must be stored uncompressed and be as large as their header says, so that none is larger
    than the file. Raises `ModelError`, which says that `file` is not `what`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _read_array(archive, f"{name}.npy") for name in names}
    except Exception:  # untrusted bytes: zipfile and numpy raise a dozen classes
        raise ModelError(f"{file}: not {what}; train or get the model anew") from None


def _read_array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    import numpy as np  # slow to import, and not needed for metadata

    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("compressed")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, by_column, dtype = read_header[version](file)
        content = file.read()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError("of another size than its header says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C").copy()


# ------------------------------------------------------------------------------------------ writing


def write_model(
    path: str | os.PathLike[str], metadata: Mapping[str, object], files: Mapping[str, bytes]
) -> None:
    """Write a model's folder, replacing the one at `path`; their hash is added to the metadata.

    An older model there and the new one are exchanged in one step where the system can. Elsewhere
    the older one is moved away first. Errors are those of `move_model`.
    """
    target = Path(path)
    whole = {key: value for key, value in metadata.items() if key != "sha256"}
    whole["sha256"] = metadata_digest(metadata)
    # a list of numbers on one line: a histogram has a thousand
    text = _NUMBERS.sub(
        lambda numbers: f"[{' '.join(numbers[1].split())}]", json.dumps(whole, indent=1)
    )
    head = f"{text}\n".encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_left_for(target)
    staged = staging_name(target)
    staged.mkdir()
    try:
        for name, data in {**files, METADATA: head}.items():
            (staged / name).write_bytes(data)
        move_model(staged, target)
    except OSError as error:
        error.filename = error.filename or str(target)  # a full disk names none
        raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def move_model(staged: Path, target: Path) -> None:
    """Give a model's folder its name; an older model of that name is `staged` then, or gone.

    Raises `ModelError` when something else has it (`check_replaceable`), also another model than
    when that was asked first: of two trainings at once, none replaces what the other made.
    """
    _check_place(target)
    if _found.pop(target.absolute(), (there := hash_in(target))) != there:
        beside = target.with_name(f"{target.name}-{os.urandom(2).hex()}")
        os.replace(staged, beside)
        raise ModelError(f"{target}: another training wrote there meanwhile; this one is {beside}")
    if not target.exists():
        os.replace(staged, target)
    elif not exchange(staged, target):
        old = staging_name(target)
        os.replace(target, old)
        try:
            os.replace(staged, target)
        except OSError:
            os.replace(old, target)
            raise
        shutil.rmtree(old)


def check_replaceable(target: Path) -> None:
    """Raise `ModelError` unless `target` is missing, empty, or a model's folder without others.

    What is there is remembered until a model is moved there (`move_model`).
    """
    _check_place(target)
    _found[target.absolute()] = hash_in(target)


def hash_in(folder: Path) -> str:
    """Return the hash of the model in a folder; empty for none."""
    if not (folder / METADATA).is_file():
        return ""
    return str(read_metadata(folder).get("sha256"))


def _check_place(target: Path) -> None:
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise ModelError(f"{target}: a link or file is in the way; move it, or choose another name")
    names = {file.name for file in target.iterdir()}
    if not names:
        return
    try:
        foreign = names - _UNHASHED - hashed_files(read_metadata(target)).keys()
    except (ModelError, ValueError):
        raise ModelError(
            f"{target}: a folder that is no model is in the way; move it, or choose another"
        ) from None
    if foreign:
        raise ModelError(
            f"{target}: has files of no model in it ({one_line(min(foreign))}); "
            "move them, or choose another name"
        )
