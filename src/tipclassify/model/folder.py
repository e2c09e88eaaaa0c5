"""Read and write model folders of any kind: a JSON head with hashes, and atomic replacement of the folder.

The head, ``model.json``, has ``format``, ``kind`` (the linear model if absent), ``labels``, ``thresholds`` and
metadata, the hashes of all other files, and the SHA-256 of itself: one hash identifies a model.
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

__all__ = ["HEAD", "LINEAR", "as_bytes", "check_head", "digest", "hashed_files", "kind_of", "load_head", "parse_head"]
__all__ += ["replace_folder", "sealed", "weights_digest", "write_folder"]

HEAD: Final = "model.json"
LINEAR: Final = "linear"
"""Kind of a model without ``kind`` in its head."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_FILES: Final = 50


def digest(head: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of a head without its ``sha256``, in hexadecimal."""
    plain = {key: value for key, value in head.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def sealed(head: Mapping[str, Any]) -> bytes:
    """Serialise a head as ``model.json``, with its ``sha256`` added."""
    whole = {**head, "sha256": digest(head)}
    return as_bytes(json.dumps(whole, indent=1) + "\n")


def as_bytes(text: str) -> bytes:
    """Encode a text file as UTF-8, line breaks unchanged, so that it is the same on every system."""
    return text.encode("utf-8")


def write_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a model folder, replacing the one at `path` if there is one.

    Written beside `path` and renamed, so that a reader never sees an incomplete model.

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
        replace_folder(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def replace_folder(staged: Path, target: Path) -> None:
    """Rename a finished folder to `target` on the same disk, replacing an older one."""
    staged.chmod(0o755)
    old = None
    if target.exists():
        old = _beside(target, "old-")
        os.replace(target, old / target.name)
    os.replace(staged, target)
    if old:
        shutil.rmtree(old)


def _beside(target: Path, prefix: str = "") -> Path:
    """Create a temporary folder beside `target`, on the same disk."""
    from tempfile import mkdtemp  # slow to import, and not needed for reading

    return Path(mkdtemp(prefix=f".{target.name}-{prefix}", dir=target.parent))


def load_head(folder: Path) -> dict[str, Any]:
    """Load the head of a model folder, unchecked.

    Raises
    ------
    ModelError
        When it is missing, or is no JSON object with a ``format``.
    """
    file = folder / HEAD
    if not file.is_file():
        raise ModelError(f"{folder}: no model there (no {HEAD}); train one with 'python train.py --out {folder}'")
    try:
        return parse_head(file.read_bytes())
    except (ValueError, OSError):
        raise ModelError(f"{file}: truncated or not a model; copy or train the model anew") from None


def parse_head(data: bytes) -> dict[str, Any]:
    """Parse the bytes of a ``model.json``; raise `ValueError` if they are no head."""
    head = json.loads(data.decode("utf-8"))
    if not isinstance(head, dict) or "format" not in head:
        raise ValueError("no head of a model")
    return head


def kind_of(head: Mapping[str, Any]) -> str:
    """Return the kind of model of a head."""
    return str(head.get("kind", LINEAR))


def hashed_files(head: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that a head lists, with their SHA-256 in hexadecimal.

    Raises
    ------
    ValueError
        When the list is missing, or an entry is no plain file name with a hash.
    """
    listed = head.get("files") if kind_of(head) != LINEAR else {"weights.npz": head.get("weights_sha256")}
    if not isinstance(listed, dict) or not listed or len(listed) > _MOST_FILES or HEAD in listed:
        raise ValueError("no hashes of its files")
    for name, value in listed.items():
        if not (_NAME.fullmatch(name) and isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name!r:.50} is no file with its hash")
    return dict(listed)


def weights_digest(head: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the weights file; raise `ValueError` if the head lacks it."""
    files = hashed_files(head)
    for name in ("weights.npz", "model.onnx"):
        if name in files:
            return files[name]
    raise ValueError("no hash of its weights")


def check_head(file: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
    """Check labels, hash and thresholds of a head; errors name `file`.

    Raises
    ------
    ModelError
        When the labels differ, the head was changed since training, or thresholds are missing.
    """
    if tuple(head.get("labels", ())) != LABELS:
        raise ModelError(f"{file}: made for the labels {head.get('labels')}, not {list(LABELS)}; use another model")
    if head.get("sha256") != digest(head):
        raise ModelError(f"{file}: changed since training (its hash does not match); copy or train the model anew")
    missing = [policy for policy in POLICIES if policy not in head.get("thresholds", {})]
    if missing:
        raise ModelError(f"{file}: has no thresholds for {', '.join(missing)}; retrain it")
