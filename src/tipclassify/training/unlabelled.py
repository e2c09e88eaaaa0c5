"""Read unlabelled passages of real reports, and score them by a teacher (Hinton et al. 2015)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.corpus.rows import text_key
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.model.classifier import Classifier
from tipclassify.progress import Progress
from tipclassify.records import Passage
from tipclassify.training.fit_linear import SoftPassage

__all__ = ["UnlabelledPassage", "read_unlabelled", "score_unlabelled_by_teacher"]

_BATCH: Final = 1_000  # unlabelled passages between two reports of progress
_BARE_ONE_IN: Final = 3  # scored without its heading, to train on bare text too


@dataclass(frozen=True)
class UnlabelledPassage:
    """A passage of a real report that has no labels."""

    text: str
    heading: str | None
    source: str  # document, as in ``doc`` of a row; empty if not known


def read_unlabelled(
    paths: Sequence[Path], known: Sequence[str], most: int | None, seed: int
) -> list[UnlabelledPassage]:
    """Read up to `most` distinct passages from JSON lines, shuffled, but none of the texts `known`.

    Raises `InputError` when a file is not JSON lines with a ``text``.
    """
    seen = set(map(text_key, known))
    passages: list[UnlabelledPassage] = []
    for path in paths:
        open_text = gzip.open if path.suffix == ".gz" else open
        try:
            with open_text(path, "rt", encoding="utf-8") as lines:
                for row in map(load_json, lines):
                    key = text_key(row["text"])
                    if key in seen:
                        continue
                    seen.add(key)
                    heading = row.get("section") or None
                    source = str(row.get("source") or "")
                    passages.append(UnlabelledPassage(row["text"], heading, source))
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{path}: not JSON lines with a text each ({error})"
            raise InputError(f"{problem}; give a .jsonl or .jsonl.gz file") from None
    order = np.random.default_rng([seed, 2]).permutation(len(passages))[:most]
    return [passages[i] for i in order.tolist()]


def score_unlabelled_by_teacher(
    teacher: Classifier, pool: Sequence[UnlabelledPassage], progress: Progress | None = None
) -> list[SoftPassage]:
    """Compute a teacher's probabilities; one passage in three is scored without its heading."""
    passages = [
        Passage(
            unlabelled.text,
            0,
            len(unlabelled.text),
            unlabelled.heading if number % _BARE_ONE_IN else None,
        )
        for number, unlabelled in enumerate(pool)
    ]
    soft: list[SoftPassage] = []
    for first in range(0, len(passages), _BATCH):
        batch = passages[first : first + _BATCH]
        scores = teacher.predict_proba(batch).tolist()
        soft += (
            SoftPassage(passage.text, passage.section, row)
            for passage, row in zip(batch, scores, strict=True)
        )
        if progress:
            progress(len(soft), len(pool))
    return soft
