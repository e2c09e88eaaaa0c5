"""What the folders of all kinds of model share: a head of JSON that a hash guards, and writing that nobody sees half done.

``model.json`` is the head: ``format``, ``kind`` (none for the linear model), ``labels``, ``thresholds``, whatever else a person may
want to read, and the SHA-256 over all of it. The head holds the hashes of the other files, so one hash names a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS, POLICIES

__all__ = ["HEAD", "LINEAR", "as_bytes", "check_head", "digest", "hashed_files", "kind_of", "load_head", "parsed_head"]
__all__ += ["put_in_place", "sealed", "weights_digest", "write_folder"]

HEAD: Final = "model.json"
LINEAR: Final = "linear"
"""Kind of a model whose head tells none."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_FILES: Final = 50


def digest(head: Mapping[str, Any]) -> str:
    """SHA-256 of a head without its own ``sha256``, in hexadecimal."""
    plain = {key: value for key, value in head.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def sealed(head: Mapping[str, Any]) -> bytes:
    """The file of a head, with its ``sha256`` put in."""
    whole = {**head, "sha256": digest(head)}
    return as_bytes(json.dumps(whole, indent=1) + "\n")


def as_bytes(text: str) -> bytes:
    """A text file, the same on every system: UTF-8, and line breaks as they are."""
    return text.encode("utf-8")


def write_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a model folder, replacing the one at `path` if there is one.

    It is written beside `path` and renamed: a reader never sees half a model.

    Raises
    ------
    ModelError
        When a folder that is no model is in the way.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not (target / HEAD).is_file() and any(target.iterdir()):
        raise ModelError(f"{target}: a folder that is no model is in the way; choose another --out")
    staged = _beside(target)
    try:
        for name, data in files.items():
            (staged / name).write_bytes(data)
        put_in_place(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def put_in_place(staged: Path, target: Path) -> None:
    """Rename a finished folder to `target`, on the same disk; what stood there goes."""
    staged.chmod(0o755)
    old = None
    if target.exists():
        old = _beside(target, "old-")
        os.replace(target, old / target.name)
    os.replace(staged, target)
    if old:
        shutil.rmtree(old)


def _beside(target: Path, what: str = "") -> Path:
    """A new folder on the same disk as `target`."""
    from tempfile import mkdtemp  # imports much that reading a model can do without

    return Path(mkdtemp(prefix=f".{target.name}-{what}", dir=target.parent))


def load_head(folder: Path) -> dict[str, Any]:
    """The head of a model folder as it is written there, which nothing has checked.

    Raises
    ------
    ModelError
        When there is none, or it is not JSON with a format.
    """
    file = folder / HEAD
    if not file.is_file():
        raise ModelError(f"{folder}: no model there (no {HEAD}); train one with 'python train.py --out {folder}'")
    try:
        return parsed_head(file.read_bytes())
    except (ValueError, OSError):
        raise ModelError(f"{file}: truncated or not a model; copy or train the model anew") from None


def parsed_head(data: bytes) -> dict[str, Any]:
    """The head in the bytes of a ``model.json``; `ValueError` when it is none."""
    head = json.loads(data.decode("utf-8"))
    if not isinstance(head, dict) or "format" not in head:
        raise ValueError("no head of a model")
    return head


def kind_of(head: Mapping[str, Any]) -> str:
    """What kind of model a head is of."""
    return str(head.get("kind", LINEAR))


def hashed_files(head: Mapping[str, Any]) -> dict[str, str]:
    """The files of a model beside its head that scoring or a check of it needs, each with its SHA-256 in hexadecimal.

    Raises
    ------
    ValueError
        When the head names none, or one that is no plain name with a hash.
    """
    told = head.get("files") if kind_of(head) != LINEAR else {"weights.npz": head.get("weights_sha256")}
    if not isinstance(told, dict) or not told or len(told) > _MOST_FILES or HEAD in told:
        raise ValueError("no hashes of its files")
    for name, value in told.items():
        if not (_NAME.fullmatch(name) and isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name!r:.50} is no file with its hash")
    return dict(told)


def weights_digest(head: Mapping[str, Any]) -> str:
    """SHA-256 of the file that holds the weights; `ValueError` where the head does not tell it."""
    files = hashed_files(head)
    for name in ("weights.npz", "model.onnx"):
        if name in files:
            return files[name]
    raise ValueError("no hash of its weights")


def check_head(file: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
    """Labels, hash and thresholds of the head in `file`.

    Raises
    ------
    ModelError
        When it is for other labels, was changed since training, or lacks thresholds.
    """
    if tuple(head.get("labels", ())) != LABELS:
        raise ModelError(f"{file}: made for the labels {head.get('labels')}, not {list(LABELS)}; use another model")
    if head.get("sha256") != digest(head):
        raise ModelError(f"{file}: changed since training (its hash does not match); copy or train the model anew")
    missing = [policy for policy in POLICIES if policy not in head.get("thresholds", {})]
    if missing:
        raise ModelError(f"{file}: has no thresholds for {', '.join(missing)}; retrain it")
