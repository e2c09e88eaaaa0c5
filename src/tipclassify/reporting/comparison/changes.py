"""Label changes between two matched passages: passages in, `Change`s out, each of one of the `KINDS`.

A change is borderline if wording alone may explain it: the passages are the same, or every probability lies within
`MARGIN` log-odds of the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tipclassify.labels import LABELS
from tipclassify.text.document import Passage

__all__ = ["KINDS", "MARGIN", "ORDER", "Change", "Kind", "changes_of"]

MARGIN: Final = 1.0
"""Distance from the threshold, in log-odds, within which a label change is borderline.

Appending an empty clause ("during the reporting period") to the sentences of data/behaviours changes two or three
labels of a hundred. Of those, with `fast` nine in ten lie within 1.0 before and after, with the default, which is surer
of itself, four in ten (nine in ten within 2.5).
"""


class Kind(NamedTuple):
    """Title and meaning of a kind of pair; `{old}` and `{new}` are placeholders for the reports' names."""

    title: str
    meaning: str


KINDS: Final = {
    "new_failure": Kind("Failures newly reported", "tagged as failure in {new}, not in {old}"),
    "effort_gone": Kind("Efforts no longer reported", "tagged as positive effort in {old}, not found so in {new}"),
    "new_complicity": Kind("Complicity newly reported", "tagged as complicity in {new}, not in {old}"),
    "complicity_gone": Kind("Complicity no longer reported", "tagged as complicity in {old}, not found so in {new}"),
    "failure_gone": Kind("Failures no longer reported", "tagged as failure in {old}, not found so in {new}"),
    "new_effort": Kind("Efforts newly reported", "tagged as positive effort in {new}, not in {old}"),
    "reworded": Kind("Reworded, same labels", "figures or words changed, labels did not"),
    "new": Kind(
        "Other passages not found in {old}", "passages of {new} without a label, to which none of {old} was matched"
    ),
    "dropped": Kind(
        "Other passages not found in {new}", "passages of {old} without a label, to which none of {new} was matched"
    ),
    "same": Kind("Same", "equal but for white space, quotation marks and case"),
}
"""Kinds of pairs, most important to an analyst first."""

ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}
"""Rank of each kind, from 0."""

_CAME: Final = {"failure": "new_failure", "complicity": "new_complicity", "positive_effort": "new_effort"}
_WENT: Final = {"failure": "failure_gone", "complicity": "complicity_gone", "positive_effort": "effort_gone"}


@dataclass(frozen=True, slots=True)
class Change:
    """A label that only one passage of a pair has.

    Attributes
    ----------
    came : bool
        True if NEW has it, False if OLD has it.
    old, new : float or None
        Probability of the label on each side; None without a passage.
    borderline : bool
        Whether wording alone may explain it (`MARGIN`).
    """

    label: str
    came: bool
    old: float | None
    new: float | None
    borderline: bool

    @property
    def kind(self) -> str:
        """Its key in `KINDS`."""
        return (_CAME if self.came else _WENT)[self.label]

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON."""
        old, new = (None if score is None else round(score, 4) for score in (self.old, self.new))
        return {
            "label": self.label,
            "change": "came" if self.came else "went",
            "old": old,
            "new": new,
            "borderline": self.borderline,
        }


def changes_of(
    old: Passage | None, new: Passage | None, thresholds: dict[str, float], same: bool = False
) -> tuple[Change, ...]:
    """List the label changes of a pair, or of a passage without counterpart; clear ones first, then by `ORDER`.

    Parameters
    ----------
    old, new : Passage or None
        The passages; None for no counterpart.
    thresholds : dict
        Probability threshold of each label.
    same : bool
        Whether the texts are the same, which makes every change borderline.

    Examples
    --------
    >>> scores = {"positive_effort": 0.1, "failure": 0.9, "complicity": 0.1}
    >>> passage = Passage("No shelter opened.", 0, 18, labels=("failure",), scores=scores)
    >>> [(change.kind, change.borderline) for change in changes_of(None, passage, dict.fromkeys(scores, 0.5))]
    [('new_failure', False)]
    """
    changes = []
    for label in LABELS:
        had, has = (passage is not None and label in passage.labels for passage in (old, new))
        if had == has:
            continue
        scores = [None if passage is None else passage.scores[label] for passage in (old, new)]
        threshold = _log_odds(thresholds[label])
        near = all(abs(_log_odds(score) - threshold) <= MARGIN for score in scores if score is not None)
        changes.append(Change(label, has, scores[0], scores[1], near or same))
    return tuple(sorted(changes, key=lambda change: (change.borderline, ORDER[change.kind])))


def _log_odds(probability: float) -> float:
    return math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))
