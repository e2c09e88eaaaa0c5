"""Define the hyperparameters of a fine-tuning, stored with the network and compared when a run is resumed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of a fine-tuning; the defaults are those of the shipped encoder.

    Attributes
    ----------
    seed : int
        Seed of the order of passages, of masking and dropout, and of the initial head.
    epochs : int
        Passes over the real passages, 1 or more.
    batch : int
        Passages in each step, 1 or more.
    rate : float
        Peak learning rate of the head, above 0 and below 1, with linear warm-up and linear decay.
    decay : float
        Factor of the learning rate from each layer to the one below (Howard and Ruder 2018, ACL).
    warmup : float
        Share of the steps for warm-up, 0 to 1.
    weight_decay : float
        Decoupled weight decay (Loshchilov and Hutter 2019, ICLR).
    focal : float
        Exponent of the focal loss, 0 to 5 (Lin et al. 2017, ICCV); 0 is cross-entropy.
    dropout : float
        Share of the pooled vector dropped before the head.
    masking : float
        Share of the tokens replaced by the mask token in training, because explanation by occlusion masks tokens later.
    invented : int
        Invented passages in each epoch, beside real ones: all near twins first, then others, sampled anew each epoch.
    twins : int
        Times that near twins are in each epoch, beside real ones, 1 or more.
    no_heading : float
        Share of passages without their heading, with the labels of ``labels_alone``.
    other_heading : float
        Share of headings replaced by one of equivalent meaning.
    tokens : int
        Maximum tokens of a passage, with heading and special tokens, 8 or more; the window of scoring.
    stand_in : str
        Replacement for every name, in training and in scoring; "" keeps names. It should be a single token for the
        tokenizers of English bases.
    """

    seed: int = 0
    epochs: int = 4
    batch: int = 32
    rate: float = 2e-4
    decay: float = 0.9
    warmup: float = 0.06
    weight_decay: float = 0.01
    focal: float = 0.0
    dropout: float = 0.1
    masking: float = 0.05
    invented: int = 12_000
    twins: int = 1
    no_heading: float = 0.3
    other_heading: float = 0.25
    tokens: int = 128
    stand_in: str = "Arcadia"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.twins) < 1 or self.tokens < 8:
            raise ValueError("epochs, batch and twins: 1 or more; tokens: 8 or more")
        if not 0 <= self.focal <= 5:
            raise ValueError(f"focal {self.focal:g}: a power from 0 to 5")
        if not 0 < self.rate < 1:
            raise ValueError(f"rate {self.rate:g}: a rate above 0 and below 1")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)
