"""From the name of a model to what scores with it: the one place that knows all kinds.

- ``default``, or nothing: the shipped model.
- ``cascade``: the shipped model with the encoder named ``encoder``; ``cascade:NAME`` with another one.
- Anything else: a folder, or a name (`tipclassify.store.places`), of whatever kind its ``model.json`` says.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from tipclassify.errors import ModelError
from tipclassify.model_file import default_model_path, read_model
from tipclassify.model_folder import HEAD, LINEAR, kind_of, load_head
from tipclassify.scorer import Linear, Scorer
from tipclassify.store.places import CASCADE, DEFAULT, ENCODER_NAME, find_folder

__all__ = ["Source", "load_scorer", "source_of"]

_ENCODER: Final = "encoder"  # a kind, as `encoder.folder.ENCODER`, which imports numpy


class Source(NamedTuple):
    """Where a model is: its folder, and whether the shipped model stands before it."""

    folder: Path
    cascade: bool = False

    @property
    def name(self) -> str:
        """What `load_scorer` finds it by."""
        return f"{CASCADE}:{self.folder}" if self.cascade else str(self.folder)


def source_of(name: str | os.PathLike[str] | None) -> Source:
    """The folder that a name stands for.

    Raises
    ------
    ModelError
        When there is none.
    """
    if name is None:
        return Source(default_model_path())
    if isinstance(name, os.PathLike):
        return Source(Path(name))
    if (Path(name) / HEAD).is_file():
        return Source(Path(name))
    if name == DEFAULT:
        return Source(default_model_path())
    first, colon, second = name.partition(":")
    if first == CASCADE:
        return Source(find_folder(second if colon else ENCODER_NAME), cascade=True)
    return Source(find_folder(name))


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """The model of that name, at work; the shipped one for None.

    Raises
    ------
    ModelError
        When it is missing, damaged, of a newer format or for other labels.
    MissingExtraError
        When its libraries are not installed.
    """
    if name is None or name == DEFAULT:
        return _shipped()
    source = source_of(name)
    kind = kind_of(load_head(source.folder))
    if source.cascade and kind != _ENCODER:
        raise ModelError(f"{source.folder}: a cascade needs an encoder after the default, and this is of kind {kind!r}")
    if kind == LINEAR:
        return Linear(read_model(source.folder))
    if kind != _ENCODER:
        raise ModelError(f"{source.folder / HEAD}: a model of kind {kind!r}; run 'pip install -U tipclassify'")
    stamp = (source.folder / HEAD).stat().st_mtime_ns
    return _with_encoder(source.folder.resolve(), source.cascade, stamp)


@cache
def _shipped() -> Linear:
    return Linear(read_model(default_model_path()))


@lru_cache(maxsize=2)  # half a second, and some hundred megabytes each
def _with_encoder(folder: Path, cascade: bool, stamp: int) -> Scorer:  # noqa: ARG001
    from tipclassify.encoder.cascade import CascadeScorer
    from tipclassify.encoder.folder import read_encoder
    from tipclassify.encoder.scoring import EncoderScorer, require_extra

    require_extra()
    default = _shipped()
    encoder = EncoderScorer(read_encoder(folder), default.vocabulary)
    return CascadeScorer(default, encoder) if cascade else encoder
