"""What an audit of labelled passages finds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Audit", "LabelError", "Labelled", "NearTwins", "SamePair", "SectionBalance"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A passage of the corpus as a finding shows it."""

    id: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelError:
    """A passage whose labels are likely wrong.

    Attributes
    ----------
    quality : float
        Label quality, 0 to 1: how well the labels given agree with the out-of-fold probabilities.
    suggested : tuple of str
        The labels given with every doubted one turned.
    """

    quality: float
    id: str
    text: str
    labels: tuple[str, ...]
    suggested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearTwins:
    """Two passages that say nearly the same in nearly the same words."""

    similarity: float
    first: Labelled
    second: Labelled


@dataclass(frozen=True, slots=True)
class SamePair:
    """A pair whose passages all have the same labels, or that is one passage only."""

    pair: str
    labels: tuple[str, ...]
    passages: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True)
class SectionBalance:
    """Passages of a section with each label and with none, as counts and as shares of `passages`."""

    section: str | None
    passages: int
    counts: dict[str, int]
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings of one corpus, each part worst (or largest) first."""

    label_errors: tuple[LabelError, ...]
    conflicts: tuple[NearTwins, ...]
    same_pairs: tuple[SamePair, ...]
    leaks: tuple[NearTwins, ...]
    balance: tuple[SectionBalance, ...]
