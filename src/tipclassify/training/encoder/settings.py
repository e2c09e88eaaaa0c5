"""Settings of a fine-tuning: plain values, kept with the network and compared when a run is taken up again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Settings of a fine-tuning; the defaults are those of the shipped encoder.

    Attributes
    ----------
    seed : int
        Draws the order of passages, what is masked or dropped, and the first weights of the head.
    epochs : int
        Passes over the real passages.
    batch : int
        Passages of a step.
    rate : float
        Learning rate of the head, the largest of the run: it rises to this and falls to nothing in a line.
    decay : float
        Factor of the learning rate from each layer to the one below it (Howard and Ruder 2018, ACL).
    warmup : float
        Share of the steps in which the rate rises.
    weight_decay : float
        Decoupled weight decay (Loshchilov and Hutter 2019, ICLR).
    focal : float
        Power of the error by which easy passages count less in the loss; 0 is cross-entropy.
    dropout : float
        Share of the pooled vector dropped before the head.
    masking : float
        Share of the tokens of a passage replaced by the mask token in training: what occlusion asks of the encoder later.
    invented : int
        Passages without a real source in an epoch, where there are real ones: all of sets of near twins first, others drawn anew
        each epoch.
    no_heading : float
        Share of passages read without their heading, and then with the labels that they have without it.
    other_heading : float
        Share of headings replaced by one of like meaning.
    tokens : int
        Longest passage in tokens, its heading and marks included; the window that scoring uses.
    stand_in : str
        What every name is replaced by, in training as in scoring; "" leaves names as they are. A word that the tokenizers of English
        bases have whole.
    """

    seed: int = 0
    epochs: int = 4
    batch: int = 32
    rate: float = 2e-4
    decay: float = 0.9
    warmup: float = 0.06
    weight_decay: float = 0.01
    focal: float = 1.5
    dropout: float = 0.1
    masking: float = 0.05
    invented: int = 12_000
    no_heading: float = 0.3
    other_heading: float = 0.25
    tokens: int = 128
    stand_in: str = "Arcadia"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.tokens < 8:
            raise ValueError("epochs and batch: 1 or more; tokens: 8 or more")
        if not 0 <= self.focal <= 5:
            raise ValueError(f"focal {self.focal:g}: a power from 0 to 5")
        if not 0 < self.rate < 1:
            raise ValueError(f"rate {self.rate:g}: a rate above 0 and below 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
