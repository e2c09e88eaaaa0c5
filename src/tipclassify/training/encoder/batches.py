"""Build training batches: passages of similar length, with their heading, a similar one, or none.

All sampling depends on seed and step only, so a resumed run continues identically.
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

__all__ = ["Examples", "encode", "pad_batch", "shuffled_batches"]

_BUCKET: Final = 40  # batches sorted by length together: more is faster, but shuffles less
_LENGTH_MULTIPLE: Final = 8  # lengths are rounded up to it: few tensor shapes, so kernels are reused


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Tokenize texts into token ids, without special tokens."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


@dataclass(frozen=True)
class Examples:
    """Token ids of passages and of their headings (empty without one), and probabilities of the labels, (n, 3).

    `targets` are those with the heading, `targets_alone` without it. `similar` has the headings of equivalent meaning
    by those of a heading; `special_tokens` are the ids of the first token, the separator and the mask.
    """

    texts: Sequence[list[int]]
    headings: Sequence[list[int]]
    targets: Floats
    targets_alone: Floats
    similar: Mapping[tuple[int, ...], Sequence[list[int]]]
    special_tokens: tuple[int, int, int]

    def row(self, i: int, heading: Sequence[int], longest: int) -> list[int]:
        """Build the token ids of a passage with a heading, at most `longest`, in the layout of scoring."""
        first, last, _ = self.special_tokens
        opening = [first, *heading[: heading_room(longest)], last] if heading else [first]
        return [*opening, *self.texts[i][: longest - len(opening) - 1], last]

    def rows(self, positions: Sequence[int] | Ints, longest: int, headings: bool = True) -> list[list[int]]:
        """Build the token ids of passages, with or without their headings."""
        return [self.row(i, self.headings[i] if headings else [], longest) for i in np.asarray(positions).tolist()]

    def sample(self, positions: Ints, settings: Settings, step: int) -> tuple[list[list[int]], Floats]:
        """Build token ids and targets of a training step, with headings and masks sampled by seed and step."""
        rng = np.random.default_rng([settings.seed, step])
        rows, targets = [], []
        for i in positions.tolist():
            heading = self.headings[i]
            drop, swap, which = rng.random(3)
            bare = not heading or drop < settings.no_heading
            if bare:
                heading = []
            elif swap < settings.other_heading and (similar := self.similar.get(tuple(heading))):
                heading = similar[int(which * len(similar))]
            row = self.row(i, heading, settings.tokens)
            begin = len(heading[: heading_room(settings.tokens)]) + 2 if heading else 1
            hidden = rng.random(len(row)) < settings.masking
            hidden[:begin] = hidden[-1] = False
            rows.append(np.where(hidden, self.special_tokens[2], row).tolist())
            targets.append(self.targets_alone[i] if bare else self.targets[i])
        return rows, np.array(targets)


def shuffled_batches(positions: Ints, lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[Ints]:
    """Shuffle an epoch into batches of positions, bucketed by length, by `seed` and `epoch`.

    >>> batches = shuffled_batches(np.arange(5), [5, 3, 9, 4, 5], 2, seed=0, epoch=0)
    >>> sorted(int(i) for batch in batches for i in batch)
    [0, 1, 2, 3, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(positions)
    length = np.asarray(lengths)
    batches: list[Ints] = []
    for start in range(0, len(order), size * _BUCKET):
        bucket = order[start : start + size * _BUCKET]
        bucket = bucket[np.argsort(length[bucket], kind="stable")]
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def pad_batch(ids: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Pad token ids to (n, t) with `pad`; return them with the attention mask, 1 for tokens and 0 for padding."""
    longest = -(-max(map(len, ids)) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
    padded = torch.full((len(ids), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, passage in enumerate(ids):
        padded[row, : len(passage)] = torch.tensor(passage)
        mask[row, : len(passage)] = 1
    return padded, mask
