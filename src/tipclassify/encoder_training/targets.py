"""What the encoder is taught: the corpus's labels, and a teacher's soft scores where there is one.

Hinton, Vinyals and Dean 2015 (arXiv:1503.02531). Sentences without labels have the teacher's probabilities alone; those of the
corpus a mean of label and probability, where the label counts most: it was checked by two annotators.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.classifier import Classifier
from tipclassify.encoder.names import without_names
from tipclassify.encoder_training.batches import encode
from tipclassify.encoder_training.fitting import logits_of
from tipclassify.encoder_training.network import load_network, pad_of, read_tokenizer
from tipclassify.encoder_training.settings import Settings
from tipclassify.errors import InputError
from tipclassify.training import Fitted

__all__ = [
    "DEFAULT",
    "default_logits",
    "held_out_logits",
    "mixed",
    "network_logits",
    "read_by",
    "read_unlabelled",
    "soft_scores",
    "taught_by",
]

DEFAULT: Final = "default"
"""Name of a teacher that is the default kind of model."""

_LABEL_SHARE: Final = 0.7
"""How much a label of the corpus counts beside a teacher's probability."""

_SURE: Final = (1e-4, 1 - 1e-4)
"""Surer than this no teacher is taken to be."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


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


def read_by(settings: Settings, texts: Sequence[str], vocabulary: frozenset[str]) -> list[str]:
    """What a network of these settings is given to read of each text; see `tokens.tokenize` for `vocabulary`."""
    if not settings.stand_in:
        return list(texts)
    return [one.text for one in without_names(texts, vocabulary, settings.stand_in)]


def network_logits(folder: str | os.PathLike[str], texts: Sequence[str], vocabulary: frozenset[str]) -> Floats:
    """Log-odds (n, 3) of each label by a trained network."""
    network, settings = load_network(folder)
    tokenizer = read_tokenizer(folder, settings.tokens)
    return logits_of(network, encode(tokenizer, read_by(settings, texts, vocabulary)), pad_of(tokenizer))


def held_out_logits(fitted: Fitted) -> Floats:
    """Log-odds of each label of the corpus's passages by models of the default kind that did not see them."""
    scores = np.clip(fitted.scores, *_SURE)
    return np.asarray(np.log(scores / (1 - scores)))


def default_logits(fitted: Fitted, taught: Bools, further: Sequence[str]) -> Floats:
    """Log-odds by the default kind: out of fold for the passages `taught` of the corpus, then of the `further` sentences."""
    return np.concatenate([held_out_logits(fitted)[taught], Classifier(fitted.model).logits(further)])


def soft_scores(logits: Sequence[Floats]) -> Floats:
    """Probabilities (n, 3) of several teachers as one: of the mean of their log-odds.

    >>> soft_scores([np.array([[2.0, -1.0, 0.0]]), np.array([[-2.0, 1.0, 0.0]])]).tolist()
    [[0.5, 0.5, 0.5]]
    """
    most = float(np.log(_SURE[1] / _SURE[0]))
    mean = np.mean([np.clip(one, -most, most) for one in logits], axis=0)
    return np.asarray(1 / (1 + np.exp(-mean)))


def taught_by(logits: Sequence[Floats], labels: Floats) -> Floats:
    """Targets of the passages with `labels`, and of the further sentences after them, by the log-odds of teachers for all."""
    soft = soft_scores(logits)
    return np.concatenate([mixed(labels, soft[: len(labels)]), soft[len(labels) :]])


def mixed(labels: Floats, soft: Floats, share: float = _LABEL_SHARE) -> Floats:
    """Targets of sentences that have both.

    >>> mixed(np.array([[1.0, 0.0, 0.0]]), np.array([[0.5, 0.25, 0.0]])).round(3).tolist()
    [[0.85, 0.075, 0.0]]
    """
    return share * labels + (1 - share) * soft


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
