"""Train an encoder: fine-tuning in PyTorch, and export to ONNX.

This is ``python train.py --model encoder``. It lies beside the package, not in it: it takes hours
and PyTorch, and those who install tipclassify train heads or the linear model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of a fine-tuning; the defaults are those of the shipped encoder."""

    seed: int = 0  # of the order of passages, of masking and dropout, and of the initial head
    epochs: int = 3  # passes over the real passages, with their labels
    batch: int = 32  # passages in each step
    rate: float = 2e-4  # peak learning rate of the head, with linear warm-up and linear decay
    # factor of the rate from each layer to the one below (Howard and Ruder 2018, ACL)
    decay: float = 0.9
    # unlabelled passages that the first network scored, at most; each is in one epoch
    taught: int = 64_000
    warmup: float = 0.06  # share of the steps
    weight_decay: float = 0.01  # decoupled (Loshchilov and Hutter 2019, ICLR)
    dropout: float = 0.1  # share of the pooled vector dropped before the head
    # share of the tokens masked, because explanation by occlusion masks tokens later
    masking: float = 0.05
    # invented passages drawn for each epoch, beside near-identical pairs and real passages
    invented: int = 12_000
    near_identical_pairs: int = 2  # times that these pairs are in each epoch
    other_genres: int = 2  # times that passages of other genres are in each epoch
    # share of passages without their heading, with the labels of ``labels_alone``
    no_heading: float = 0.3
    other_heading: float = 0.25  # share of headings replaced by one of equivalent meaning
    edited: float = 0.15  # share of passages with a harmless edit, such as a typing error
    # maximum of a passage, with heading and special tokens; the window of scoring
    tokens: int = 128
    # replaces every name, a single token in English bases; "" keeps names
    stand_in: str = "Arcadia"
    # of a shipped encoder that is trained further: share of the passages that it learned before,
    # and times that those come which it did not
    known: float = 0.45
    new: int = 2


FURTHER: Final = Settings(epochs=1, rate=1e-4, taught=12_000, warmup=0.05)
"""Hyperparameters of training a shipped encoder further; `known` and `new` choose its rows."""
