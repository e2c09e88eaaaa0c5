"""Locate pretrained base encoders, and describe their name, licence and weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import ModelError

__all__ = ["NEEDED", "NETWORK", "Base", "base_folder", "describe_base", "earlier_trainings", "weights_sha256"]

NEEDED: Final = ("config.json", "tokenizer.json")
NETWORK: Final = "network.json"
"""File that describes a fine-tuned network: its base, settings and history."""

_KNOWN: Final = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": "sentence-transformers/all-MiniLM-L6-v2",
    "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658": "sentence-transformers/all-mpnet-base-v2",
}  # by the SHA-256 of the published weights; both Apache-2.0


@dataclass(frozen=True)
class Base:
    """Name and licence of a base, and the SHA-256 of its weights, for the model card."""

    name: str
    licence: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return asdict(self)


def base_folder(base: str) -> Path:
    """Find the folder of a base: a local one, or a Hugging Face id downloaded to the hub's cache.

    Raises
    ------
    ModelError
        When it is neither, or lacks a file that training needs.
    """
    folder = Path(base)
    if not folder.is_dir():
        if folder.is_absolute() or base.startswith("."):
            raise ModelError(f"{base}: no such folder; give that of a base model, or its id on the Hugging Face hub")
        folder = _fetched(base)
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise ModelError(f"{folder}: lacks {' and '.join(missing)}; give a base model with its fast tokenizer")
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"{folder}: no .safetensors file; a base in another form runs code when it is read")
    return folder


def weights_sha256(folder: Path) -> str:
    """Compute the SHA-256 of the weights in a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def describe_base(base: str, folder: Path) -> Base:
    """Describe the base in `folder`, by its hash if known; for a fine-tuned network, its original base."""
    if first := _network_of(folder).get("base"):
        return Base(**first)
    found = weights_sha256(folder)
    if found in _KNOWN:
        return Base(_KNOWN[found], "Apache-2.0", found)
    return Base(Path(base).name if Path(base).is_dir() else base, "not known here", found)


def earlier_trainings(folder: Path) -> list[dict[str, Any]]:
    """List the settings of all trainings of the network in `folder`, in order; empty for a base."""
    network = _network_of(folder)
    return [*network.get("earlier", []), network["settings"]] if network else []


def _network_of(folder: Path) -> dict[str, Any]:
    file = folder / NETWORK
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _fetched(base: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(base, allow_patterns=[*NEEDED, "*.safetensors"]))
    except Exception as error:  # the hub's client raises a dozen exception types
        what = f"no such folder, and not to be had from the Hugging Face hub ({type(error).__name__})"
        raise ModelError(f"{base}: {what}") from None
