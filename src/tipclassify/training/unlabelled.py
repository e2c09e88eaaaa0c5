"""Unlabelled passages of real reports: read, and scored by a teacher (Hinton, Vinyals and Dean
2015)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.corpus.loading import text_key
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.model.classifier import Classifier
from tipclassify.progress import Progress
from tipclassify.text.document import Passage
from tipclassify.training.fit_linear import SoftPassage

__all__ = ["Unlabelled", "read_unlabelled", "score_unlabelled"]

_BATCH: Final = 1_000  # unlabelled passages between two reports of progress

Unlabelled = tuple[str, str | None, str]  # text, heading and source of a passage


def read_unlabelled(
    paths: Sequence[Path], known: Sequence[str], most: int | None, seed: int
) -> list[Unlabelled]:
    """Read up to `most` distinct passages from JSON lines, shuffled by `seed`, without the texts in
    `known`.

    Raises `InputError` when a file is not JSON lines with a ``text``.
    """
    seen = set(map(text_key, known))
    found: list[Unlabelled] = []
    for path in paths:
        try:
            with (gzip.open if path.suffix == ".gz" else open)(
                path, "rt", encoding="utf-8"
            ) as lines:
                for row in map(load_json, lines):
                    if (key := text_key(row["text"])) not in seen:
                        seen.add(key)
                        found.append(
                            (row["text"], row.get("section") or None, f"{row.get('source') or ''}")
                        )
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"{path}: not JSON lines with a text each ({error}); give a .jsonl or .jsonl.gz file"
            raise InputError(what) from None
    order = np.random.default_rng([seed, 2]).permutation(len(found))[:most]
    return [found[i] for i in order.tolist()]


def score_unlabelled(
    teacher: Classifier, pool: Sequence[Unlabelled], progress: Progress | None = None
) -> list[SoftPassage]:
    """Compute soft labels; one passage in three is scored without its heading, to train on bare
    text too."""
    bare = [
        (text, heading if number % 3 else None) for number, (text, heading, _) in enumerate(pool)
    ]
    found: list[SoftPassage] = []
    for first in range(0, len(bare), _BATCH):
        batch = bare[first : first + _BATCH]
        scores = teacher.predict_proba(
            [Passage(text, 0, len(text), heading) for text, heading in batch]
        ).tolist()
        found += ((*one, row) for one, row in zip(batch, scores, strict=True))
        if progress:
            progress(len(found), len(pool))
    return found
