"""Load what scores, from the name of a model: the one place that knows all kinds.

- ``default``, or nothing: the shipped encoder.
- ``fast``: the shipped linear model.
- Anything else: a folder, or a name (`tipclassify.model.registry`), of whatever kind its ``model.json`` says.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import HEAD, LINEAR, kind_of, load_head
from tipclassify.model.registry import DEFAULT, SHIPPED, find_folder
from tipclassify.model.scorer import Linear, Scorer

__all__ = ["load_scorer", "model_folder"]

_ENCODER: Final = "encoder"  # a kind, as `encoder.folder.ENCODER`, which imports much


def model_folder(name: str | os.PathLike[str] | None) -> Path:
    """The folder that a name stands for.

    Raises
    ------
    ModelError
        When there is none.
    """
    if isinstance(name, os.PathLike):
        return Path(name)
    name = name or DEFAULT
    if name in SHIPPED and not (Path(name) / HEAD).is_file():
        return _shipped(name)
    return find_folder(name)


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """The model of that name, ready to score; the shipped default for None.

    Raises
    ------
    ModelError
        When it is missing, damaged, of another format, for other labels, or its libraries cannot be imported.
    """
    folder = model_folder(name).resolve()
    file = folder / HEAD
    return _loaded(folder, file.stat().st_mtime_ns if file.is_file() else None)


_shipped = lru_cache(find_folder)


@lru_cache(maxsize=3)  # some tenths of a second, and up to a hundred megabytes each
def _loaded(folder: Path, stamp: int | None) -> Scorer:  # noqa: ARG001
    kind = kind_of(load_head(folder))
    if kind == LINEAR:
        from tipclassify.model.linear.model import read_model

        return Linear(read_model(folder))
    if kind != _ENCODER:
        raise ModelError(f"{folder / HEAD}: a model of kind {kind!r}; run 'pip install -U tipclassify'")
    from tipclassify.model.encoder.folder import read_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer, require_onnx

    require_onnx()
    return EncoderScorer(read_encoder(folder))
