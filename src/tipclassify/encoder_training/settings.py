"""What one fine-tuning is told: plain values, kept with the network and compared when a run is taken up again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

__all__ = ["POOLINGS", "Settings"]

POOLINGS: Final = ("mean", "max", "both")


@dataclass(frozen=True)
class Settings:
    """Settings of a fine-tuning; the defaults are those of the shipped encoder.

    Attributes
    ----------
    seed : int
        Draws the order of sentences, the dropout and the first weights of the head.
    epochs : int
        Passes over the sentences.
    batch : int
        Sentences of a step.
    rate : float
        Learning rate of the head, the largest of the run: it rises to this and falls to nothing in a line.
    decay : float
        What the rate of each layer is multiplied with for the one below it (Howard and Ruder 2018, ACL).
    warmup : float
        Share of the steps in which the rate rises.
    weight_decay : float
        Decoupled weight decay (Loshchilov and Hutter 2019, ICLR).
    dropout : float
        Share of the pooled vector dropped before the head.
    tokens : int
        Longest sentence in tokens, the two marks at its ends included; the window that scoring uses.
    pooling : str
        How the vectors of the tokens become one: their mean, the largest of each component, or both side by side.
    frozen : bool
        Leave the token vectors as the base has them: quicker for a large base.
    lowest : int
        So many of the lowest layers, and the token vectors, stay as the base has them.
    stand_in : str
        What every name is replaced by, in training as in scoring; "" leaves names as they are. A word that the tokenizers of English
        bases have whole.
    """

    seed: int = 0
    epochs: int = 5
    batch: int = 32
    rate: float = 1e-4
    decay: float = 0.9
    warmup: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.1
    tokens: int = 128
    pooling: str = "mean"
    frozen: bool = False
    lowest: int = 0
    stand_in: str = "Arcadia"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling {self.pooling!r}: use {', '.join(POOLINGS)}")
        if self.epochs < 1 or self.batch < 1 or self.tokens < 8:
            raise ValueError("epochs and batch: 1 or more; tokens: 8 or more")
        if not 0 < self.rate < 1 or self.lowest < 0:
            raise ValueError(
                f"rate {self.rate:g}, lowest {self.lowest}: a rate above 0 and below 1, and 0 layers or more"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
