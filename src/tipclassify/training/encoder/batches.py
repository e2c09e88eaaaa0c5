"""Training batches: passages of like length together, under their heading, another one, or none.

A passage read without its heading has the labels that it has without it (``labels_alone``). Everything that is drawn is drawn by
seed and step, so a run that is taken up again goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from tipclassify.arrays import Floats, Ints
from tipclassify.model.encoder.windows import heading_room
from tipclassify.training.encoder.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Examples", "drawn_batches", "encode", "padded", "sorted_batches"]

_POOL: Final = 40  # batches of passages that are sorted by length together: more is quicker, but mixes less
_EIGHT: Final = 8  # lengths are rounded up to multiples of this: few shapes, which the kernels are then ready for


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token numbers of each text, without those that open and close it."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


@dataclass(frozen=True)
class Examples:
    """Labelled passages as tokens.

    Attributes
    ----------
    texts, headings : sequence of list of int
        Tokens of each passage, and of its heading (none for none).
    targets, alone : float (n, 3)
        Probability of each label under the heading, and without it.
    others : mapping of tuple of int to list of list of int
        Tokens of headings of like meaning, by the tokens of a heading.
    marks : (int, int, int)
        Tokens that open, close and mask.
    """

    texts: Sequence[list[int]]
    headings: Sequence[list[int]]
    targets: Floats
    alone: Floats
    others: Mapping[tuple[int, ...], Sequence[list[int]]]
    marks: tuple[int, int, int]

    def row(self, i: int, heading: Sequence[int], longest: int) -> list[int]:
        """Tokens of a passage under a heading, as scoring lays them out."""
        first, last, _ = self.marks
        opening = [first, *heading[: heading_room(longest)], last] if heading else [first]
        return [*opening, *self.texts[i][: longest - len(opening) - 1], last]

    def rows(self, positions: Sequence[int] | Ints, longest: int, headings: bool = True) -> list[list[int]]:
        """Tokens of passages as they are, with or without headings."""
        return [self.row(i, self.headings[i] if headings else [], longest) for i in np.asarray(positions).tolist()]

    def drawn(self, positions: Ints, settings: Settings, step: int) -> tuple[list[list[int]], Floats]:
        """Tokens and targets of the passages of a step, headings and masks drawn by the seed and the step."""
        draw = np.random.default_rng([settings.seed, step])
        rows, targets = [], []
        for i in positions.tolist():
            heading = self.headings[i]
            drop, swap, which = draw.random(3)
            bare = not heading or drop < settings.no_heading
            if bare:
                heading = []
            elif swap < settings.other_heading and (others := self.others.get(tuple(heading))):
                heading = others[int(which * len(others))]
            row = self.row(i, heading, settings.tokens)
            begin = len(heading[: heading_room(settings.tokens)]) + 2 if heading else 1
            hidden = draw.random(len(row)) < settings.masking
            hidden[:begin] = hidden[-1] = False
            rows.append(np.where(hidden, self.marks[2], row).tolist())
            targets.append(self.alone[i] if bare else self.targets[i])
        return rows, np.array(targets)


def drawn_batches(positions: Ints, lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[Ints]:
    """Positions of the passages of each step of an epoch, drawn by `seed` and `epoch`.

    >>> batches = drawn_batches(np.arange(5), [5, 3, 9, 4, 5], 2, seed=0, epoch=0)
    >>> sorted(int(i) for batch in batches for i in batch)
    [0, 1, 2, 3, 4]
    """
    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(positions)
    length = np.asarray(lengths)
    batches: list[Ints] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(length[pool], kind="stable")]
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    return [batches[i] for i in draw.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int], size: int) -> list[Ints]:
    """Positions of the passages of each batch, the longest first: for scoring, where the order is of no matter."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    return [order[at : at + size] for at in range(0, len(order), size)]


def padded(ids: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token numbers (n, t) filled up with `pad`, and the mask that is 1 where there is a token."""
    longest = -(-max(map(len, ids)) // _EIGHT) * _EIGHT
    numbers = torch.full((len(ids), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, passage in enumerate(ids):
        numbers[row, : len(passage)] = torch.tensor(passage)
        mask[row, : len(passage)] = 1
    return numbers, mask
