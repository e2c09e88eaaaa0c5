"""What the encoder is taught: the corpus's labels, and a teacher's soft scores where there is one.

Hinton, Vinyals and Dean 2015 (arXiv:1503.02531). Sentences without labels have the teacher's probabilities alone; those of the
corpus a mean of label and probability, since their labels were checked by two annotators and the teacher has seen them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.encoder_training.batches import encode
from tipclassify.encoder_training.fitting import logits_of
from tipclassify.encoder_training.network import load_network, pad_of, read_tokenizer
from tipclassify.errors import InputError

__all__ = ["mixed", "read_unlabelled", "soft_scores", "taught_by"]

_LABEL_SHARE: Final = 0.5
"""How much a label of the corpus counts beside a teacher's probability."""

Floats = npt.NDArray[np.float64]


def read_unlabelled(paths: Iterable[str | os.PathLike[str]], known: Iterable[str] = ()) -> list[str]:
    """Sentences of plain text files (folders of ``*.txt``), one a line; lines that begin with ``#`` are headings.

    What occurs twice, or in `known`, is left out.

    Raises
    ------
    InputError
        When a file is missing or not UTF-8.
    """
    seen = {_key(text) for text in known}
    found: list[str] = []
    for path in map(Path, paths):
        for file in sorted(path.glob("*.txt")) if path.is_dir() else [path]:
            try:
                lines = file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                told = error.strerror if isinstance(error, OSError) else "not UTF-8"
                raise InputError(f"{file}: cannot be read ({told}); give text files of one sentence a line") from None
            for line in map(str.strip, lines):
                if line and not line.startswith("#") and (key := _key(line)) not in seen:
                    seen.add(key)
                    found.append(line)
    return found


def soft_scores(teachers: Sequence[str | os.PathLike[str]], texts: Sequence[str]) -> Floats:
    """Probability (n, 3) of each label by the teachers, the mean of their log-odds."""
    logits = np.zeros((len(texts), 3))
    for folder in teachers:
        network, settings = load_network(folder)
        tokenizer = read_tokenizer(folder, settings.tokens)
        logits += logits_of(network, encode(tokenizer, texts), pad_of(tokenizer)) / len(teachers)
    return np.asarray(1 / (1 + np.exp(-logits)))


def taught_by(
    teachers: Sequence[str | os.PathLike[str]], labels: Floats, texts: Sequence[str], further: Sequence[str]
) -> Floats:
    """Targets of the labelled `texts` and of the `further` sentences after them."""
    soft = soft_scores(teachers, [*texts, *further])
    return np.concatenate([mixed(labels, soft[: len(texts)]), soft[len(texts) :]])


def mixed(labels: Floats, soft: Floats, share: float = _LABEL_SHARE) -> Floats:
    """Targets of sentences that have both.

    >>> mixed(np.array([[1.0, 0.0, 0.0]]), np.array([[0.5, 0.25, 0.0]])).tolist()
    [[0.75, 0.125, 0.0]]
    """
    return share * labels + (1 - share) * soft


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
