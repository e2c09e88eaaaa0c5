"""Read and write what a model's folder keeps for the next training, and scoring never reads.

Three files: the fixed set on which every training is measured, the second moment of the corpus's
vectors, by which the distance of new heads is measured, and the keys of the passages learned.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import TAUGHT, pack_taught
from tipclassify.errors import ModelError
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.folder import read_arrays
from tipclassify.training.examples import Examples
from tipclassify.training.fixed_set import FixedSet, pack_fixed_training_set, read_fixed

__all__ = [
    "pack_training_files",
    "read_second_moment",
    "read_unlearned_fixed_set",
    "training_files_with_learned_texts",
]

_FIXED: Final = "fixed.npz"
_MOMENT: Final = "moment.npz"


def pack_training_files(
    fixed: FixedSet, moment: Floats, texts: Sequence[str], before: EncoderModel | None = None
) -> dict[str, bytes]:
    """Pack the three files; `texts` were learned, beside those that the model `before` learned."""
    packed = io.BytesIO()
    np.savez(packed, moment=moment.astype(np.float32))
    earlier = before.training_files if before else {}
    return {
        _FIXED: pack_fixed_training_set(fixed),
        _MOMENT: packed.getvalue(),
        TAUGHT: pack_taught(texts, earlier.get(TAUGHT, b"")),
    }


def training_files_with_learned_texts(
    model: EncoderModel, texts: Sequence[str]
) -> dict[str, bytes]:
    """Return a model's files, with the keys of further texts that its heads now learn."""
    files = dict(model.training_files)
    files[TAUGHT] = pack_taught(texts, files.get(TAUGHT, b""))
    return files


def read_second_moment(model: EncoderModel) -> Floats | None:
    """Read the second moment of the corpus's vectors; None for a model without."""
    if _MOMENT not in model.training_files:
        return None
    data = model.training_files[_MOMENT]
    moment = read_arrays(Path(_MOMENT), data, ["moment"], "a moment")["moment"]
    size = model.heads.weights.shape[1] + 1
    if moment.shape != (size, size) or not np.isfinite(moment).all():
        raise ModelError(f"{_MOMENT}: not a matrix of {size} rows; train or get the model anew")
    return np.asarray(moment, np.float64)


def read_unlearned_fixed_set(model: EncoderModel, own: Examples) -> FixedSet | None:
    """Read a model's fixed set, less the examples to be learned; None for a model without."""
    if _FIXED not in model.training_files:
        return None
    fixed = read_fixed(model.training_files[_FIXED], model.heads.weights.shape[1])
    pairs = zip(own.texts, own.headings, strict=True)
    return fixed.without([{"text": text, "section": heading} for text, heading in pairs])
