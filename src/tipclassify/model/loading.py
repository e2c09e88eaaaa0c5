"""Load a scorer by model name or folder; the only module that knows all kinds of models.

``default`` (or None) is the shipped encoder, ``fast`` the shipped linear model. Any other name is a folder or a model
of the registry (`tipclassify.model.registry`), of the kind given in its ``model.json``.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import HEAD, LINEAR, kind_of, load_head
from tipclassify.model.registry import DEFAULT, SHIPPED, find_folder
from tipclassify.model.scorer import LinearScorer, Scorer

__all__ = ["load_scorer", "model_folder"]

_ENCODER: Final = "encoder"  # equal to `encoder.folder.ENCODER`, which is slow to import


def model_folder(name: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a model by name or path; the default model for None.

    Raises
    ------
    ModelError
        When there is no such model.
    """
    if isinstance(name, os.PathLike):
        return Path(name)
    name = name or DEFAULT
    if name in SHIPPED and not (Path(name) / HEAD).is_file():
        return _shipped(name)
    return find_folder(name)


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """Load a model, ready for scoring; the shipped default for None.

    Raises
    ------
    ModelError
        When the model is missing, damaged, of another format or for other labels, or a library cannot be imported.
    """
    folder = model_folder(name).resolve()
    file = folder / HEAD
    return _loaded(folder, file.stat().st_mtime_ns if file.is_file() else None)


_shipped = lru_cache(find_folder)


@lru_cache(maxsize=3)  # loading takes some tenths of a second, and up to 100 MB each
def _loaded(folder: Path, stamp: int | None) -> Scorer:  # noqa: ARG001
    kind = kind_of(load_head(folder))
    if kind == LINEAR:
        from tipclassify.model.linear.model import read_model

        return LinearScorer(read_model(folder))
    if kind != _ENCODER:
        raise ModelError(f"{folder / HEAD}: a model of kind {kind!r}; run 'pip install -U tipclassify'")
    from tipclassify.model.encoder.folder import read_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer, require_onnx

    require_onnx()
    return EncoderScorer(read_encoder(folder))
