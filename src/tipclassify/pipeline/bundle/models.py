"""The model of a bundle: its hashes, its folder put in, and taken out again without trusting it."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tempfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from tipclassify.errors import InputError, ModelError
from tipclassify.model.classifier import Classifier
from tipclassify.model.folder import HEAD, LINEAR, hashed_files, kind_of, load_head, parse_head, weights_digest
from tipclassify.model.loading import model_folder
from tipclassify.model.registry import SHIPPED, installed
from tipclassify.pipeline.bundle.archive import Archive, Packer
from tipclassify.pipeline.bundle.manifest import ModelId
from tipclassify.pipeline.bundle.steps import Check
from tipclassify.readers.limits import LARGEST, open_zip

__all__ = ["BREAKS", "find_model", "model_id", "pack_model"]

BREAKS: Final = (
    ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError, RuntimeError, OSError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What loading and using the arrays of a stranger's model may raise, beside `InputError` and `ModelError`."""

_WEIGHTS: Final = "weights.npz"
_ALSO: Final = ("README.md", "golden.jsonl")


def model_id(folder: Path) -> ModelId:
    """The hashes of the model in `folder`; `ModelError` when it cannot be read."""
    head = load_head(folder)
    try:
        return ModelId(str(head["sha256"]), weights_digest(head), head.get("corpus", {}).get("sha256"))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / HEAD}: cannot be read; copy or train the model anew") from None


def pack_model(packer: Packer, folder: Path) -> None:
    """Add the files of a model folder; `ModelError` when one cannot be read, or does not have its hash."""
    hashes = hashed_files(load_head(folder))
    for name in sorted({HEAD, *hashes, *(name for name in _ALSO if (folder / name).is_file())}):
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / name}: {str(error.strerror).lower()}; copy the model anew") from None
        if name in hashes and hashlib.sha256(data).hexdigest() != hashes[name]:
            raise ModelError(f"{folder / name}: changed since training; copy or train the model anew")
        packer.add(f"model/{name}", io.BytesIO(data))


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
        return Classifier.load(model), _compared(model_id(model_folder(model)), wanted, "given with --model")
    for name in (*SHIPPED, *(one.name for one in installed())):
        with suppress(ModelError):  # one that cannot be read is none of ours
            found = model_id(model_folder(name))
            if found.sha256 == wanted.sha256:
                try:
                    return Classifier.load(name), _compared(found, wanted, f"here as {name}")
                except ModelError as error:
                    return None, Check("model", "not checked", str(error))
    missing = f"{wanted.sha256[:12]}… is not here; give its folder with --model"
    if f"model/{HEAD}" not in archive.names:
        return None, Check("model", "not checked", missing)
    try:
        return _unpacked(archive, wanted)
    except (InputError, ModelError, *BREAKS) as error:
        return None, Check("model", "differs", f"the one in the bundle cannot be used: {error}")


def _compared(found: ModelId, wanted: ModelId, where: str) -> Check:
    if found == wanted:
        return Check("model", "ok", f"{found.sha256[:12]}…, {where}")
    if found.sha256 == wanted.sha256:
        return Check("model", "differs", "it has other hashes of weights or corpus than the manifest gives")
    detail = f"{found.sha256[:12]}…, {where}; the scores in the bundle are of {wanted.sha256[:12]}…"
    return Check("model", "differs", detail)


def _unpacked(archive: Archive, wanted: ModelId) -> tuple[Classifier | None, Check]:
    """The linear model in a bundle, loaded from a temporary folder that is then removed."""
    head = archive.read(f"model/{HEAD}", LARGEST)
    if kind_of(parse_head(head)) != LINEAR:
        reason = f"{wanted.sha256[:12]}… is an encoder; unpack model/ and give it with --model, if you trust it"
        return None, Check("model", "not checked", reason)
    weights = archive.read(f"model/{_WEIGHTS}", LARGEST)
    open_zip(weights, f"{archive.name}: model/{_WEIGHTS}")  # numpy would unpack it to any size
    with tempfile.TemporaryDirectory(prefix="tipclassify-model-") as made:
        folder = Path(made)
        (folder / HEAD).write_bytes(head)  # these names and no others are written, whatever the bundle holds
        (folder / _WEIGHTS).write_bytes(weights)
        return Classifier.load(folder), _compared(model_id(folder), wanted, "in the bundle")
