"""Write a model's folder whole, in place of an older one, which is never gone meanwhile.

It is written beside its place and renamed. What a killed process left there is put right first.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tipclassify.errors import ModelError
from tipclassify.formatting import one_line
from tipclassify.model.folder import load_model_head
from tipclassify.model.metadata import HEAD, hashed_model_files, model_head_digest
from tipclassify.whole_files import (
    exchange_files_atomically,
    is_file_locked,
    lock_folder,
    staging_start,
)

__all__ = [
    "check_replaceable_model",
    "recover_model_folder",
    "replace_model_folder",
    "write_model_folder",
]

_OLD: Final = "old-"  # begins the random part of the folder to which a model is moved
_SCRAP: Final = re.compile(r"(old-)?[a-z0-9_]{8}")  # the random part of `mkdtemp`
_RANDOM: Final = len(_OLD) + 8  # bytes of it, at most
_RECENT: Final = 3_600  # seconds
# files of a linear model that its head does not list
_UNHASHED: Final = frozenset({HEAD, "README.md", "golden.jsonl", "taught.bin"})


def write_model_folder(
    path: str | os.PathLike[str], head: Mapping[str, object], files: Mapping[str, bytes]
) -> None:
    """Write a model folder, replacing the one at `path`; the hash of the head is added to it.

    Written beside `path` and renamed, so that a reader never sees an incomplete model. Raises
    `ModelError` when something else is in the way (`check_replaceable_model`).
    """
    whole = {key: value for key, value in head.items() if key != "sha256"}
    whole["sha256"] = model_head_digest(head)
    write_folder(Path(path), {**files, HEAD: (json.dumps(whole, indent=1) + "\n").encode()})


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of these files as `write_model_folder` does; one is the head."""
    check_replaceable_model(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = _make_folder_beside_model(target)
    try:
        with lock_folder(staged):  # by which others tell it from what a killed process left
            for name, data in files.items():
                (staged / name).write_bytes(data)
            replace_model_folder(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def replace_model_folder(staged: Path, target: Path) -> None:
    """Rename a finished folder to `target` on the same disk, replacing an older model.

    Raises `ModelError` when something else is there (`check_replaceable_model`). Both are exchanged
    in one step where the system can. Elsewhere the older one is moved away first: if the process
    is killed then, `recover_model_folder` puts it back.
    """
    recover_model_folder(target, keep=staged)
    check_replaceable_model(target)
    staged.chmod(0o755)
    if not target.exists():
        os.replace(staged, target)
        return
    if exchange_files_atomically(staged, target):
        shutil.rmtree(staged, ignore_errors=True)
        return
    old = _make_folder_beside_model(target, _OLD)
    os.replace(target, old / target.name)
    try:
        os.replace(staged, target)
    except OSError:
        os.replace(old / target.name, target)
        old.rmdir()
        raise
    shutil.rmtree(old)


def recover_model_folder(target: Path, keep: Path | None = None) -> None:
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
        if scrap.is_symlink() or not scrap.is_dir() or is_file_locked(scrap):
            continue
        with contextlib.suppress(OSError):
            if (moved_model / HEAD).is_file() and not os.path.lexists(target):
                os.replace(moved_model, target)
                scrap.rmdir()
                continue
            if time.time() - scrap.stat().st_mtime > _RECENT:
                shutil.rmtree(scrap, ignore_errors=True)


def check_replaceable_model(target: Path) -> None:
    """Raise `ModelError` unless `target` is missing, empty, or a model's folder without others."""
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise ModelError(f"{target}: a link or file is in the way; move it, or choose another name")
    names = {file.name for file in target.iterdir()}
    if not names:
        return
    try:
        foreign = names - _UNHASHED - hashed_model_files(load_model_head(target)).keys()
    except (ModelError, ValueError):
        raise ModelError(
            f"{target}: a folder that is no model is in the way; move it, or choose another"
        ) from None
    if foreign:
        raise ModelError(
            f"{target}: has files of no model in it ({one_line(min(foreign))}); "
            "move them, or choose another name"
        )


def _make_folder_beside_model(target: Path, prefix: str = "") -> Path:
    """Create a temporary folder beside `target`, on the same disk."""
    from tempfile import mkdtemp  # slow to import, and not needed for reading

    return Path(mkdtemp(prefix=staging_start(target, _RANDOM) + prefix, dir=target.parent))
