"""Sentences of like length together: little of a batch is padding, and the order is drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Ints", "drawn_batches", "encode", "padded", "sorted_batches"]

_POOL: Final = 40  # batches of sentences that are sorted by length together: more is quicker, but mixes less

Ints = npt.NDArray[np.int64]


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token numbers of each text."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def drawn_batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[Ints]:
    """Positions of the sentences of each step of an epoch, drawn by `seed` and `epoch`.

    >>> batches = drawn_batches([5, 3, 9, 4, 5], 2, seed=0, epoch=0)
    >>> sorted(int(i) for batch in batches for i in batch)
    [0, 1, 2, 3, 4]
    """
    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(len(lengths))
    length = np.asarray(lengths)
    batches: list[Ints] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(length[pool], kind="stable")]
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    return [batches[i] for i in draw.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int], size: int) -> list[Ints]:
    """Positions of the sentences of each batch, the longest first: for scoring, where the order is of no matter."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    return [order[at : at + size] for at in range(0, len(order), size)]


def padded(ids: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token numbers (n, t) filled up with `pad`, and the mask that is 1 where there is a token."""
    longest = max(map(len, ids))
    numbers = torch.full((len(ids), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, sentence in enumerate(ids):
        numbers[row, : len(sentence)] = torch.tensor(sentence)
        mask[row, : len(sentence)] = 1
    return numbers, mask
