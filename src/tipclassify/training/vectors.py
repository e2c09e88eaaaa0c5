"""Keep the vectors of a user's passages: a second training has the encoder read only new ones.

A file for each encoder lies in the user's cache. It names a passage by a hash of the tokens that
the encoder reads, so that it holds no words, and a change of how text is read misses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.arrays import Vectors
from tipclassify.errors import ModelError
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.folder import read_arrays
from tipclassify.progress import Progress
from tipclassify.resources import cache_folder
from tipclassify.text.as_read import as_read
from tipclassify.whole_files import open_whole_file

_MOST: Final = 20_000  # passages kept, the latest: 30 MB
_DIGEST: Final = 32  # bytes of the SHA-256 that the file begins with
_BATCH: Final = 500  # passages between two reports of progress


def pooled_vectors(
    scorer: EncoderScorer,
    texts: Sequence[str],
    headings: Sequence[str | None],
    progress: Progress | None = None,
    keep: bool = False,
) -> Vectors:
    """Compute pooled vectors, float32 (n, width), reporting progress.

    With `keep` those of passages seen before are read from the user's cache, and new ones kept.
    """
    read = [as_read(text).text for text in texts]  # as `Classifier` has them read
    windows = scorer.first_windows(read, headings)
    names = [hashlib.sha256(np.array(ids, np.int64).tobytes()).hexdigest()[:32] for ids in windows]
    width = scorer.model.heads.weights.shape[1]
    file = _file(scorer) if keep else None
    known = _read(file, width) if file else {}
    new = dict(zip(names, windows, strict=True))
    for name in known.keys() & new.keys():
        del new[name]
    fresh = list(new)
    for first in range(0, len(fresh), _BATCH):
        batch = fresh[first : first + _BATCH]
        vectors = scorer.graph.pooled([new[name] for name in batch])
        known.update(zip(batch, vectors, strict=True))
        if progress:
            progress(min(first + _BATCH, len(fresh)), len(fresh))
    if file and fresh:
        _write(file, known)
    return np.stack([known[name] for name in names]) if names else np.zeros((0, width), np.float32)


def _file(scorer: EncoderScorer) -> Path | None:
    """Return the file of an encoder; None without a cache, or where a pipe or folder lies there."""
    from onnxruntime import __version__ as runtime

    encoder = hashlib.sha256(scorer.model.graph + runtime.encode()).hexdigest()[:16]
    folder = cache_folder("vectors")
    if folder is None:
        return None
    file = folder / f"{encoder}.vectors"
    return file if file.is_file() or not file.exists() else None


def _read(file: Path, width: int) -> dict[str, Vectors]:
    """Read the vectors kept, by name; none where the file is missing, damaged or altered."""
    with contextlib.suppress(OSError, ModelError, ValueError):
        data = file.read_bytes()
        digest, data = data[:_DIGEST], data[_DIGEST:]
        if digest == hashlib.sha256(data).digest():
            kept = read_arrays(file, data, ["names", "vectors"], "vectors")
            if kept["vectors"].shape[1:] == (width,):
                return dict(zip(kept["names"].astype(str).tolist(), kept["vectors"], strict=True))
    return {}


def _write(file: Path, vectors: dict[str, Vectors]) -> None:
    """Write the latest vectors; a folder that cannot be written keeps none."""
    latest = list(vectors)[-_MOST:]
    packed = io.BytesIO()
    stacked = np.stack([vectors[name] for name in latest])
    np.savez(packed, names=np.array(latest, "S32"), vectors=stacked)
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_whole_file(file, binary=True, private=True) as out:
            out.write(hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())
