"""A model into the user's cache, from a folder or from the web: whole and with the right hashes, or not at all.

Its files are gathered in a folder beside the place where the model will be, named by the model's hash. What is there with the
right hash is not fetched again, so the same command goes on where it was broken off. The head comes last, and then the
folder is renamed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from tipclassify.errors import InputError, ModelError
from tipclassify.links.asking import shown
from tipclassify.links.files import FILE_LIMITS, fetch_file
from tipclassify.links.rules import Limits
from tipclassify.model_folder import HEAD, LINEAR, check_head, hashed_files, kind_of, parsed_head, put_in_place
from tipclassify.store.places import DEFAULT, Installed, is_name, models_folder

__all__ = ["add_model"]

Progress = Callable[[int, int], None]
Get = Callable[[str, Path], None]

_LARGEST_HEAD: Final = 5_000_000


def add_model(
    source: str,
    name: str | None = None,
    *,
    sha256: str | None = None,
    allow_private: bool = False,
    progress: Progress | None = None,
) -> Installed:
    """Put a model where `find_folder` finds it, replacing another of that name.

    Parameters
    ----------
    source : str
        Folder of the model, or the address of one, or of the ``model.json`` in it.
    name : str, optional
        Name to keep it under; by default its kind, such as ``encoder``, or for a model of the default kind the name
        of its folder.
    sha256 : str, optional
        Hash of the model, as its publisher tells it: another model is refused.
    progress : callable, optional
        Called with (bytes there, in all) of each file.

    Raises
    ------
    InputError
        When the address cannot be read; what came is kept for the next run.
    ModelError
        When it is no model for this version, or a file has not the hash that its head tells; nothing is added.
    """
    root = models_folder()
    if root is None:
        raise ModelError("no home folder to keep models in: set TIPCLASSIFY_MODELS to a folder")
    get = _getter(source, allow_private, progress)
    try:
        root.mkdir(parents=True, exist_ok=True)
        data = _head(source, get, root)
        head = _checked(source, data, sha256)
        name = _name(source, name, head)
        staged = root / f".{name}-{head['sha256'][:16]}"
        staged.mkdir(exist_ok=True)
        for file, wanted in hashed_files(head).items():
            _gather(source, get, staged, file, wanted)
        (staged / HEAD).write_bytes(data)
        for left in staged.iterdir():  # of another run that was killed
            if left.name not in {HEAD, *hashed_files(head)}:
                left.unlink()
        put_in_place(staged, root / name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{root}: cannot be written ({reason}); set TIPCLASSIFY_MODELS to a folder that can") from None
    return Installed(name, root / name, head)


def _getter(source: str, allow_private: bool, progress: Progress | None) -> Get:
    """What brings a file of the model to a path: the rest of it, where its beginning is there."""
    if source.lower().startswith(("http://", "https://")):
        at = urlsplit(source.strip())
        folder = at.path.removesuffix(HEAD).rstrip("/")

        def fetch(file: str, to: Path) -> None:
            url = urlunsplit(at._replace(path=f"{folder}/{quote(file)}", fragment=""))
            limits = Limits(total=FILE_LIMITS.total, largest=_LARGEST_HEAD) if file == HEAD else FILE_LIMITS
            fetch_file(url, to, allow_private=allow_private, limits=limits, progress=progress)

        return fetch

    def copy(file: str, to: Path) -> None:
        path = Path(source)
        path = (path.parent if path.name == HEAD else path) / file
        if not path.is_file():
            raise ModelError(f"{path}: missing; give the folder of a model, or its address")
        try:
            shutil.copyfile(path, to)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from None

    return copy


def _head(source: str, get: Get, root: Path) -> bytes:
    """The bytes of the model's head, always anew: it tells which files belong to it."""
    at = root / f".head-{hashlib.sha256(source.encode('utf-8', 'replace')).hexdigest()[:16]}"
    at.unlink(missing_ok=True)
    try:
        get(HEAD, at)
        return at.read_bytes()
    finally:
        at.unlink(missing_ok=True)


def _checked(source: str, data: bytes, sha256: str | None) -> dict[str, Any]:
    where = f"{shown(source)}: {HEAD}"
    try:
        head = parsed_head(data)
        hashed_files(head)
    except ValueError as error:
        raise ModelError(
            f"{where}: not the head of a model ({error}); give the folder of one, or its address"
        ) from None
    check_head(where, head)
    if sha256 is not None and head["sha256"] != sha256.strip().lower():
        raise ModelError(f"{where}: is the model {head['sha256']}, not {sha256.strip()}; nothing was added")
    return head


def _name(source: str, name: str | None, head: dict[str, Any]) -> str:
    if name is None:
        folder = urlsplit(source).path.removesuffix(HEAD).rstrip("/\\").replace("\\", "/").rpartition("/")[2]
        name = kind_of(head) if kind_of(head) != LINEAR else folder.lower()
        if name == DEFAULT or not is_name(name):
            raise ModelError(f"{shown(source)}: say under which --name to keep it")
    if not is_name(name):
        raise ModelError(f"{name!r}: no name for a model: small letters, digits, '.', '_' and '-', and not a taken one")
    return name


def _gather(source: str, get: Get, staged: Path, file: str, wanted: str) -> None:
    """One file into the staged folder, unless it is there; its rest, where a part of it is."""
    whole, part = staged / file, staged / f"{file}.part"
    if whole.is_file() and _sha256(whole) == wanted:
        return
    for _ in range(2 if part.is_file() else 1):  # the part there may have been of another file
        get(file, part)
        if _sha256(part) == wanted:
            part.replace(whole)
            return
        part.unlink()
    raise ModelError(
        f"{shown(source)}: {file} is not the file that {HEAD} tells of (its SHA-256 differs); nothing was added"
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
