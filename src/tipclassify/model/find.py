"""Find the folder of a model, and load it."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import (
    LINEAR,
    METADATA,
    kind_of_model,
    read_metadata,
)
from tipclassify.resources import checkout_folder_of_package, resource_path

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer
    from tipclassify.model.linear import LinearScorer

    Scorer = LinearScorer | EncoderScorer

DEFAULT: Final = "default"
SHIPPED: Final = (DEFAULT, "fast")
_LOADING: Final = threading.Lock()


def load_scorer(name: str | os.PathLike[str] | None = None) -> Scorer:
    """Load a model, ready for scoring; the shipped default for None.

    Raises `ModelError` when the model is missing, damaged or of another format, or a
    library cannot be imported.
    """
    folder = model_folder(name).resolve()
    file = folder / METADATA
    stamp = file.stat().st_mtime_ns if file.is_file() else None
    with _LOADING:  # threads that ask at the same time get one
        return cached_scorer(folder, stamp)


@lru_cache(maxsize=3)  # loading takes some tenths of a second, and up to 100 MB each
def cached_scorer(folder: Path, stamp: int | None) -> Scorer:  # noqa: ARG001
    """Load a model; the time `stamp` of its head keeps a replaced one out of the cache."""
    kind = kind_of_model(read_metadata(folder))
    if kind == LINEAR:
        from tipclassify.model.linear import LinearScorer, read_linear_model

        return LinearScorer(read_linear_model(folder))
    if kind != "encoder":
        raise ModelError(
            f"{folder / METADATA}: a model of kind {kind!r}; install a newer tipclassify"
        )
    from tipclassify.model.encoder.files import read_encoder_model
    from tipclassify.model.encoder.scoring import EncoderScorer

    return EncoderScorer(read_encoder_model(folder))


def model_folder(name: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a shipped model, or a model's folder; the default model for None.

    Raises `ModelError` when there is no such model; the message gives the remedy.
    """
    if isinstance(name, os.PathLike):
        return Path(name)
    name = name or DEFAULT
    places = [Path()]
    if name in SHIPPED:  # inside the installed package, or in the checkout
        places.append(resource_path("models"))
        if root := checkout_folder_of_package():
            places.append(root / "models")
    for place in places:
        if (place / name / METADATA).is_file():
            return place / name
    if name in SHIPPED:
        problem = f"the shipped model {name!r} is missing: reinstall tipclassify"
    elif Path(name).is_dir():
        problem = (
            f"{name}: no model there (no {METADATA}); "
            f"train one with 'tipclassify train --data FILE --output {name}'"
        )
    else:
        problem = f"{name}: no such model: give 'default', 'fast', or the folder of another"
    raise ModelError(problem)
