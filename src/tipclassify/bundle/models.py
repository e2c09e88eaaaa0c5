"""The model of a bundle: which one it is, its folder put in, and taken out again as if a stranger had made it."""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Final

from tipclassify._version import __version__
from tipclassify.bundle.archive import Archive, Packer
from tipclassify.bundle.checks import Check
from tipclassify.bundle.manifest import ModelId
from tipclassify.classifier import Classifier
from tipclassify.errors import InputError, ModelError
from tipclassify.model_file import default_model_path
from tipclassify.readers.limits import LARGEST, open_zip

__all__ = ["BREAKS", "find_model", "model_id", "pack_model"]

BREAKS: Final = (
    ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError, RuntimeError, OSError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What loading and using the arrays of a model that a stranger made may end in, beside the errors that say so."""

_NEEDED: Final = ("model.json", "weights.npz")
_FILES: Final = ("README.md", "golden.jsonl", *_NEEDED)  # what training writes


def model_id(folder: Path, classifier: Classifier) -> ModelId:
    """The hashes of the model in `folder`, from which `classifier` was loaded.

    Raises
    ------
    ModelError
        When it cannot be read, or is no longer that model.
    """
    try:
        head = json.loads((folder / "model.json").read_text("utf-8"))
        found = ModelId(head["sha256"], head["weights_sha256"], head.get("corpus", {}).get("sha256"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / 'model.json'}: cannot be read; copy or train the model anew") from None
    if found.sha256 != classifier.meta.get("sha256"):
        raise ModelError(f"{folder}: changed while it was read; run this again")
    return found


def pack_model(packer: Packer, folder: Path, model: ModelId) -> None:
    """Add the files of a model folder.

    Raises
    ------
    ModelError
        When one cannot be read, or the weights are no longer those of `model`.
    """
    for name in _FILES:
        path = folder / name
        if name not in _NEEDED and not path.is_file():
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: {(error.strerror or str(error)).lower()}; copy the model anew") from None
        if name == "weights.npz" and hashlib.sha256(data).hexdigest() != model.weights_sha256:
            raise ModelError(f"{folder}: changed while it was read; run this again")
        packer.add(f"model/{name}", data)


def find_model(archive: Archive, wanted: ModelId, folder: Path | None = None) -> tuple[Classifier | None, Check]:
    """The model to score the passages of a bundle with, if it is here, and whether it is the one that did.

    It is the one in `folder`; without, the shipped one or the one in the bundle, if that is it.

    Raises
    ------
    ModelError
        When the model in `folder` cannot be used.
    """
    if folder is not None:
        given = Classifier.load(folder)
        return given, _compared(model_id(folder, given), wanted, "given with --model")
    known = "tipclassify has none that can be used"
    try:
        shipped = Classifier.load()
        found = model_id(default_model_path(), shipped)
    except ModelError:
        pass
    else:
        if found.sha256 == wanted.sha256:  # it needs no trust in what is in the bundle
            return shipped, _compared(found, wanted, f"which comes with tipclassify {__version__}")
        known = f"tipclassify {__version__} has {found.sha256[:12]}…"
    if any(name.startswith("model/") for name in archive.names):
        try:
            bundled, found = _unpacked(archive)
        except (InputError, ModelError, *BREAKS) as error:
            return None, Check("model", "differs", f"the one in the bundle cannot be used: {error}")
        return bundled, _compared(found, wanted, f"in the bundle; {known}")
    reason = f"{wanted.sha256[:12]}… is not here ({known}); give its folder with --model"
    return None, Check("model", "not checked", reason)


def _compared(found: ModelId, wanted: ModelId, where: str) -> Check:
    if found == wanted:
        return Check("model", "ok", f"{found.sha256[:12]}…, {where}")
    if found.sha256 == wanted.sha256:
        return Check("model", "differs", "it has other hashes of weights or corpus than the manifest gives")
    told = f"{found.sha256[:12]}…, {where}; the scores in the bundle are of {wanted.sha256[:12]}…"
    return Check("model", "differs", told)


def _unpacked(archive: Archive) -> tuple[Classifier, ModelId]:
    """The model in a bundle, loaded from a temporary folder that is then removed.

    Raises `InputError` or `ModelError` when it is missing, damaged, or unpacks to more than a model has.
    """
    with tempfile.TemporaryDirectory(prefix="tipclassify-model-") as made:
        folder = Path(made)
        for name in _NEEDED:  # these names and no others are written, whatever the bundle holds
            data = archive.read(f"model/{name}", LARGEST)
            if name == "weights.npz":
                open_zip(data, f"{archive.name}: model/{name}")  # numpy would unpack it to any size
            (folder / name).write_bytes(data)
        classifier = Classifier.load(folder)
        return classifier, model_id(folder, classifier)
