"""The model of a bundle: which one it is, its folder put in, and taken out again as if a stranger had made it."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from tipclassify._version import __version__
from tipclassify.bundle.archive import Archive, Packer
from tipclassify.bundle.checks import Check
from tipclassify.bundle.manifest import ModelId
from tipclassify.classifier import Classifier
from tipclassify.errors import InputError, ModelError
from tipclassify.loading import model_folder
from tipclassify.model_folder import HEAD, LINEAR, hashed_files, kind_of, load_head, parsed_head, weights_digest
from tipclassify.readers.limits import LARGEST, open_zip
from tipclassify.store.places import SHIPPED, installed

__all__ = ["BREAKS", "find_model", "model_id", "pack_model"]

BREAKS: Final = (
    ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError, RuntimeError, OSError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What loading and using the arrays of a model that a stranger made may end in, beside the errors that say so."""

_NEEDED: Final = (HEAD, "weights.npz")  # of the linear kind
_ALSO: Final = ("README.md", "golden.jsonl")


def model_id(folder: Path, classifier: Classifier) -> ModelId:
    """The hashes of the model in `folder`, from which `classifier` was loaded.

    Raises
    ------
    ModelError
        When it cannot be read, or is no longer that model.
    """
    try:
        head = load_head(folder)
        corpus = head.get("corpus", {}).get("sha256")
        found = ModelId(str(classifier.meta["sha256"]), weights_digest(head), corpus)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / HEAD}: cannot be read; copy or train the model anew") from None
    if found.sha256 != head.get("sha256"):
        raise ModelError(f"{folder}: changed while it was read; run this again")
    return found


def pack_model(packer: Packer, folder: Path, model: ModelId) -> None:
    """Add the files of a model folder.

    Raises
    ------
    ModelError
        When one cannot be read, or is no longer that of `model`.
    """
    data = _read(folder / HEAD)
    try:
        head = parsed_head(data)
        hashes = hashed_files(head)
        same = weights_digest(head) == model.weights_sha256
    except ValueError:
        same = False
    if not same:
        raise ModelError(f"{folder}: changed while it was read; run this again")
    for name in sorted({HEAD, *hashes, *(name for name in _ALSO if (folder / name).is_file())}):
        found = data if name == HEAD else _read(folder / name)
        if name in hashes and hashlib.sha256(found).hexdigest() != hashes[name]:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        packer.add(f"model/{name}", found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {(error.strerror or str(error)).lower()}; copy the model anew") from None


def find_model(
    archive: Archive, wanted: ModelId, model: str | os.PathLike[str] | None = None
) -> tuple[Classifier | None, Check]:
    """The model to score the passages of a bundle with, if it is here, and whether it is the one that did.

    It is `model`; without, a shipped one, one that was added, or the one in the bundle, if that is it. An encoder in a
    bundle is not run: a graph that a stranger made may take any time and memory.

    Raises
    ------
    ModelError
        When `model` cannot be used.
    """
    if model is not None:
        given = Classifier.load(model)
        return given, _compared(model_id(model_folder(model), given), wanted, "given with --model")
    hashes: list[str] = []
    for name in SHIPPED:
        try:
            folder = model_folder(name)
            if load_head(folder).get("sha256") != wanted.sha256:
                hashes.append(f"{str(load_head(folder).get('sha256'))[:12]}…")
                continue
            shipped = Classifier.load(name)  # it needs no trust in what is in the bundle
            return shipped, _compared(model_id(folder, shipped), wanted, f"which comes with tipclassify {__version__}")
        except ModelError as error:
            return None, Check("model", "not checked", str(error))
    if added := _added(wanted):
        return added
    known = f"tipclassify {__version__} has {' and '.join(hashes)}"
    if any(name.startswith("model/") for name in archive.names):
        try:
            unpacked = _unpacked(archive)
        except (InputError, ModelError, *BREAKS) as error:
            return None, Check("model", "differs", f"the one in the bundle cannot be used: {error}")
        if unpacked is None:
            reason = f"{wanted.sha256[:12]}… is an encoder; unpack model/ and give it with --model, if you trust it"
            return None, Check("model", "not checked", reason)
        return unpacked[0], _compared(unpacked[1], wanted, f"in the bundle; {known}")
    reason = f"{wanted.sha256[:12]}… is not here ({known}); give its folder with --model"
    return None, Check("model", "not checked", reason)


def _added(wanted: ModelId) -> tuple[Classifier, Check] | None:
    """The model with those hashes among those that have a name here."""
    for one in installed():
        try:
            if one.head.get("sha256") == wanted.sha256 and weights_digest(one.head) == wanted.weights_sha256:
                classifier = Classifier.load(one.folder)
                return classifier, _compared(model_id(one.folder, classifier), wanted, f"here as {one.name}")
        except (ValueError, ModelError):
            continue
    return None


def _compared(found: ModelId, wanted: ModelId, where: str) -> Check:
    if found == wanted:
        return Check("model", "ok", f"{found.sha256[:12]}…, {where}")
    if found.sha256 == wanted.sha256:
        return Check("model", "differs", "it has other hashes of weights or corpus than the manifest gives")
    told = f"{found.sha256[:12]}…, {where}; the scores in the bundle are of {wanted.sha256[:12]}…"
    return Check("model", "differs", told)


def _unpacked(archive: Archive) -> tuple[Classifier, ModelId] | None:
    """The model in a bundle, loaded from a temporary folder that is then removed; None for one of another kind.

    Raises `InputError` or `ModelError` when it is missing, damaged, or unpacks to more than a model has.
    """
    with suppress(ValueError):  # what is wrong with it is told below
        if kind_of(parsed_head(archive.read(f"model/{HEAD}", LARGEST))) != LINEAR:
            return None
    with tempfile.TemporaryDirectory(prefix="tipclassify-model-") as made:
        folder = Path(made)
        for name in _NEEDED:  # these names and no others are written, whatever the bundle holds
            data = archive.read(f"model/{name}", LARGEST)
            if name == "weights.npz":
                open_zip(data, f"{archive.name}: model/{name}")  # numpy would unpack it to any size
            (folder / name).write_bytes(data)
        classifier = Classifier.load(folder)
        return classifier, model_id(folder, classifier)
