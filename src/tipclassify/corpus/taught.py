"""Record which passages trained a model: four bytes of a hash each, without their words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools
from tipclassify.corpus.loading import text_key

__all__ = ["TAUGHT", "pack_taught", "were_taught"]

TAUGHT: Final = "taught.bin"
"""File of a model's folder: sorted keys, little-endian, of 32 bits."""

_KEY: Final = np.dtype("<u4")  # one text in some 60,000 is taken for one of 70,000 by chance


def pack_taught(texts: Iterable[str], before: bytes = b"") -> bytes:
    """Pack the keys of training texts, with those of the model that training started from.

    >>> packed = pack_taught(["Courts slept."])
    >>> were_taught(["courts  slept.", "Police acted."], packed).tolist()
    [True, False]
    """
    keys = np.array([_taught_key(text) for text in texts], _KEY)
    return np.union1d(keys, _read_taught_keys(before)).astype(_KEY).tobytes()


def were_taught(texts: Sequence[str], packed: bytes) -> Bools:
    """Return which texts are among the training texts of `packed`, bool (n,)."""
    return np.isin(np.array([_taught_key(text) for text in texts], _KEY), _read_taught_keys(packed))


def _taught_key(text: str) -> int:
    digest = hashlib.sha256(text_key(text).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "little")


def _read_taught_keys(packed: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(packed[: len(packed) // _KEY.itemsize * _KEY.itemsize], _KEY)
