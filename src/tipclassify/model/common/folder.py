"""Read and write model folders of any kind.

A folder has files, and a JSON head with the hashes of all of them and of itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast

import msgspec

from tipclassify.errors import ModelError, reason_of
from tipclassify.formatting import load_json, one_line
from tipclassify.labels import LABELS, POLICIES
from tipclassify.scrap import exchange, is_held, lock_folder, staging_start

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "HEAD",
    "LARGEST_FILE",
    "LARGEST_HEAD",
    "LINEAR",
    "Head",
    "check_head",
    "check_replaceable",
    "digest",
    "hashed_files",
    "kind_of",
    "load_head",
    "parse_head",
    "read_arrays",
    "read_files",
    "read_model_file",
    "recover_folder",
    "replace_folder",
    "weights_digest",
    "write_folder",
]

HEAD: Final = "model.json"
LINEAR: Final = "linear"  # kind of a model without ``kind`` in its head
LARGEST_HEAD: Final = 5_000_000  # bytes of ``model.json``
LARGEST_FILE: Final = 1_000_000_000  # bytes of another file of a model
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_OLD: Final = "old-"  # begins the random part of the folder to which a model is moved
_SCRAP: Final = re.compile(r"(old-)?[a-z0-9_]{8}")  # the random part of `mkdtemp`
_RANDOM: Final = len(_OLD) + 8  # bytes of it, at most
_RECENT: Final = 3_600  # seconds
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_FILES: Final = 50
# files of a linear model that its head does not list
_UNHASHED: Final = frozenset({HEAD, "README.md", "golden.jsonl", "taught.bin"})


class CorpusHead(TypedDict, total=False):
    """What a head says of the training corpus."""

    passages: int
    sha256: str


class Head(TypedDict, total=False):
    """Fields of ``model.json`` that are read by name; `check_head` verifies their types."""

    format: int
    kind: str
    features: int
    labels: list[str]
    thresholds: dict[str, list[float]]
    bias: list[float]
    corpus: CorpusHead
    files: dict[str, str]
    weights_sha256: str
    adapted_from: str
    sha256: str


class _ErrorTable(msgspec.Struct):
    policies: dict[str, dict[str, dict[str, float]]]
    histogram: dict[str, dict[str, list[float]]] = {}
    dispersion: float = 1.0


class _Point(msgspec.Struct):
    threshold: float
    precision: list[float | None] = []  # with its interval, which few groups leave undefined
    recall: list[float | None] = []


class _Metrics(msgspec.Struct):
    macro_f1: float | None = None


class _Head(msgspec.Struct):
    """Types of the fields of a head that are read anywhere; all but the first are optional."""

    format: int
    kind: str = LINEAR
    features: int = 0
    labels: list[str] = []
    thresholds: dict[str, list[float]] = {}
    bias: list[float] = []
    base: dict[str, str] = {}
    corpus: dict[str, object] = {}
    versions: dict[str, str] = {}
    metrics: _Metrics = msgspec.field(default_factory=_Metrics)
    behaviours: dict[str, float] = {}
    operating_points: dict[str, dict[str, _Point]] = {}
    error_table: _ErrorTable | None = None


def digest(head: Mapping[str, object]) -> str:
    """Compute the SHA-256 of a head without its ``sha256``, in hexadecimal."""
    plain = {key: value for key, value in head.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def write_folder(
    path: str | os.PathLike[str], head: Mapping[str, object], files: Mapping[str, bytes]
) -> None:
    """Write a model folder, replacing the one at `path`; the hash of the head is added to it.

    Written beside `path` and renamed, so that a reader never sees an incomplete model. Raises
    `ModelError` when something else is in the way (`check_replaceable`).
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = {key: value for key, value in head.items() if key != "sha256"}
    whole["sha256"] = digest(head)
    staged = _beside(target)
    try:
        with lock_folder(staged):  # by which others tell it from what a killed process left
            for name, data in files.items():
                (staged / name).write_bytes(data)
            (staged / HEAD).write_bytes((json.dumps(whole, indent=1) + "\n").encode())
            replace_folder(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def replace_folder(staged: Path, target: Path) -> None:
    """Rename a finished folder to `target` on the same disk, replacing an older model.

    Raises `ModelError` when something else is there (`check_replaceable`). Both are exchanged in
    one step where the system can. Elsewhere the older one is moved away first: if the process is
    killed then, `recover_folder` puts it back.
    """
    recover_folder(target, keep=staged)
    check_replaceable(target)
    staged.chmod(0o755)
    if not target.exists():
        os.replace(staged, target)
        return
    if exchange(staged, target):
        shutil.rmtree(staged, ignore_errors=True)
        return
    old = _beside(target, _OLD)
    os.replace(target, old / target.name)
    try:
        os.replace(staged, target)
    except OSError:
        os.replace(old / target.name, target)
        old.rmdir()
        raise
    shutil.rmtree(old)


def recover_folder(target: Path, keep: Path | None = None) -> None:
    """Restore a model that a killed process had moved away, and remove leftovers beside it.

    What was changed within the last hour is left, and what another process holds, and `keep`.
    """
    prefix = staging_start(target, _RANDOM)
    try:
        names = [name for name in os.listdir(target.parent or ".") if name.startswith(prefix)]
    except OSError:
        return
    for name in sorted(names):
        scrap = target.with_name(name)
        moved_model = scrap / target.name
        if scrap == keep or not _SCRAP.fullmatch(name[len(prefix) :]):
            continue
        if scrap.is_symlink() or not scrap.is_dir() or is_held(scrap):
            continue
        with contextlib.suppress(OSError):
            if (moved_model / HEAD).is_file() and not os.path.lexists(target):
                os.replace(moved_model, target)
                scrap.rmdir()
                continue
            if time.time() - scrap.stat().st_mtime > _RECENT:
                shutil.rmtree(scrap, ignore_errors=True)


def check_replaceable(target: Path) -> None:
    """Raise `ModelError` unless `target` is missing, empty, or a model's folder without others."""
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise ModelError(f"{target}: a link or file is in the way; move it, or choose another name")
    names = {file.name for file in target.iterdir()}
    if not names:
        return
    try:
        foreign = names - _UNHASHED - hashed_files(load_head(target)).keys()
    except (ModelError, ValueError):
        raise ModelError(
            f"{target}: a folder that is no model is in the way; move it, or choose another"
        ) from None
    if foreign:
        raise ModelError(
            f"{target}: has files of no model in it ({one_line(min(foreign))}); "
            "move them, or choose another name"
        )


def _beside(target: Path, prefix: str = "") -> Path:
    """Create a temporary folder beside `target`, on the same disk."""
    from tempfile import mkdtemp  # slow to import, and not needed for reading

    return Path(mkdtemp(prefix=staging_start(target, _RANDOM) + prefix, dir=target.parent))


def load_head(folder: Path) -> Head:
    """Load the head of a model folder, unchecked; raise `ModelError` without a valid one."""
    file = folder / HEAD
    if not file.is_file():
        raise ModelError(
            f"{folder}: no model there (no {HEAD}); "
            f"train one with 'tipclassify train --data FILE --output {folder}'"
        )
    try:
        return parse_head(read_model_file(file, LARGEST_HEAD))
    except ValueError:
        raise ModelError(
            f"{file}: truncated or not a model; copy or train the model anew"
        ) from None


def parse_head(data: bytes) -> Head:
    """Parse the bytes of a ``model.json``; raise `ValueError` if invalid."""
    head = load_json(data)
    if not isinstance(head, dict) or "format" not in head:
        raise ValueError("no head of a model")
    return cast("Head", head)


def kind_of(head: Mapping[str, object]) -> str:
    """Return the kind of model of a head."""
    return str(head.get("kind", LINEAR))


def hashed_files(head: Mapping[str, object]) -> dict[str, str]:
    """Return the files that a head lists, with their SHA-256 in hexadecimal.

    Raises `ValueError` when the list is missing, or an entry is no plain file name with a hash.
    """
    if kind_of(head) == LINEAR:
        listed: object = {"weights.npz": head.get("weights_sha256")}
    else:
        listed = head.get("files")
    if not isinstance(listed, dict) or not listed or len(listed) > _MOST_FILES or HEAD in listed:
        raise ValueError("no hashes of its files")
    for name, value in listed.items():
        if not (_NAME.fullmatch(name) and isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name!r:.50} is no file with its hash")
    return dict(listed)


def weights_digest(head: Mapping[str, object]) -> str:
    """Return the SHA-256 of the weights; raise `ValueError` or `KeyError` if the head has none."""
    files = hashed_files(head)
    return files.get("weights.npz") or files["model.onnx"]


def check_head(
    file: Path | str,
    head: Mapping[str, object],
    kind: str | None = None,
    version: int | None = None,
) -> None:
    """Check a head's labels, hash, thresholds and files, and kind and format if given.

    Raises `ModelError`, which names `file`.
    """
    if kind is not None and kind_of(head) != kind:
        raise ModelError(
            f"{file}: a model of kind {kind_of(head)!r}, not {kind!r}; use another model"
        )
    try:
        typed = msgspec.convert(head, _Head)
    except ValueError as error:  # also where a string holds half of a surrogate pair
        raise ModelError(
            f"{file}: not a head that can be used ({error}); train or get the model anew"
        ) from None
    if version is not None and typed.format > version:
        raise ModelError(
            f"{file}: written by a newer tipclassify (format {head['format']}); "
            "install a newer tipclassify"
        )
    if version is not None and typed.format < version:
        raise ModelError(
            f"{file}: written by an older tipclassify (format {head['format']}); retrain it"
        )
    if tuple(typed.labels) != LABELS:
        raise ModelError(
            f"{file}: made for the labels {head.get('labels')}, not {list(LABELS)}; "
            "use another model"
        )
    if head.get("sha256") != digest(head):
        raise ModelError(
            f"{file}: changed since training (its hash does not match); "
            "copy or train the model anew"
        )
    missing = [
        policy for policy in POLICIES if len(typed.thresholds.get(policy, ())) != len(LABELS)
    ]
    if missing:
        raise ModelError(f"{file}: has no thresholds for {', '.join(missing)}; retrain it")
    try:
        hashed_files(head)
    except ValueError as error:
        raise ModelError(f"{file}: {error}; train or get the model anew") from None


def read_files(
    folder: Path, head: Mapping[str, object], required: Iterable[str]
) -> dict[str, bytes]:
    """Read the files that a head lists, and verify their hashes.

    Files that are not `required` may be missing.
    """
    files = {}
    for name, sha256 in hashed_files(head).items():
        file = folder / name
        if name not in required and not file.exists():
            continue
        files[name] = read_model_file(file, LARGEST_FILE)
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise ModelError(
                f"{file}: truncated or changed since training; copy or train the model anew"
            )
    return files


def read_model_file(file: Path, largest: int) -> bytes:
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
        problem = "missing" if absent else f"cannot be read ({reason_of(error)})"
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
    import numpy as np  # slow to import, and not needed for a head

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
