"""Model of a bundle: identify it by its hashes, pack its folder, and load it again as untrusted data."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from tipclassify.errors import ModelError
from tipclassify.model.classifier import Classifier
from tipclassify.model.folder import HEAD, LINEAR, hashed_files, kind_of, load_head, parse_head, weights_digest
from tipclassify.model.loading import SHIPPED, installed, model_folder
from tipclassify.pipeline.bundle.archive import Archive, Packer
from tipclassify.pipeline.bundle.manifest import ModelId
from tipclassify.readers.limits import LARGEST

__all__ = ["Result", "find_model", "model_id", "pack_model"]

Result = Literal["ok", "differs", "not checked"]

_WEIGHTS: Final = "weights.npz"
_OPTIONAL: Final = ("README.md", "golden.jsonl")


def model_id(folder: Path) -> ModelId:
    """Read the identity of the model in `folder`; raise `ModelError` when that fails."""
    head = load_head(folder)
    try:
        return ModelId(str(head["sha256"]), weights_digest(head), head.get("corpus", {}).get("sha256"))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(f"{folder / HEAD}: cannot be read; copy or train the model anew") from None


def pack_model(packer: Packer, folder: Path) -> None:
    """Add the files of a model folder; raise `ModelError` when one cannot be read or has another hash."""
    hashes = hashed_files(load_head(folder))
    for name in sorted({HEAD, *hashes, *(name for name in _OPTIONAL if (folder / name).is_file())}):
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / name}: {str(error.strerror).lower()}; copy the model anew") from None
        if name in hashes and hashlib.sha256(data).hexdigest() != hashes[name]:
            raise ModelError(f"{folder / name}: changed since training; copy or train the model anew")
        packer.add(f"model/{name}", io.BytesIO(data))


def find_model(
    archive: Archive, wanted: ModelId, model: str | os.PathLike[str] | None = None
) -> tuple[Classifier | None, Result, str]:
    """Find the model to score a bundle's passages with, None if there is none; compare its hashes with the manifest's.

    The candidates: `model` if given, or else `ModelError`; an installed model of the same hash; a linear model in the
    bundle. An encoder in a bundle is not run: an untrusted graph may take unbounded time and memory.
    """
    if model is not None:
        return Classifier.load(model), *_compared(model_id(model_folder(model)), wanted, "given with --model")
    for name in (*SHIPPED, *(one.name for one in installed())):
        with suppress(ModelError):  # an unreadable model is not the one
            found = model_id(model_folder(name))
            if found.sha256 == wanted.sha256:
                try:
                    return Classifier.load(name), *_compared(found, wanted, f"here as {name}")
                except ModelError as error:
                    return None, "not checked", str(error)
    if f"model/{HEAD}" not in archive.names:
        return None, "not checked", f"{wanted.sha256[:12]}… is not here; give its folder with --model"
    try:
        head = archive.read(f"model/{HEAD}", LARGEST)
        if kind_of(parse_head(head)) != LINEAR:
            reason = f"{wanted.sha256[:12]}… is an encoder; unpack model/ and give it with --model, if you trust it"
            return None, "not checked", reason
        weights = archive.read(f"model/{_WEIGHTS}", LARGEST)
        with tempfile.TemporaryDirectory(prefix="tipclassify-model-") as made:
            folder = Path(made)
            (folder / HEAD).write_bytes(head)  # only these two names are written, whatever the bundle holds
            (folder / _WEIGHTS).write_bytes(weights)
            return Classifier.load(folder), *_compared(model_id(folder), wanted, "in the bundle")
    except Exception as error:  # of an untrusted model, whatever it may be
        return None, "differs", f"the one in the bundle cannot be used: {error}"


def _compared(found: ModelId, wanted: ModelId, where: str) -> tuple[Result, str]:
    if found == wanted:
        return "ok", f"{found.sha256[:12]}…, {where}"
    if found.sha256 == wanted.sha256:
        return "differs", "it has other hashes of weights or corpus than the manifest gives"
    return "differs", f"{found.sha256[:12]}…, {where}; the scores in the bundle are of {wanted.sha256[:12]}…"
