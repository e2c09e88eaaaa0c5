"""The labels of the shipped models, how any model's labels look, operating points, sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

LABELS: Final = ("positive_effort", "failure", "complicity")
"""Labels of the shipped models, in the order of their scores; a model has its own."""

MEANINGS: Final = {
    "positive_effort": (
        "a government did something concrete against trafficking, kept it up, or meets a standard"
    ),
    "failure": (
        "a government did not act, acted too little or too late, or its action harmed victims"
    ),
    "complicity": (
        "officials or a state take part in trafficking, or are (not) held to account for it"
    ),
}
"""One-line definition of each label."""

Policy = Literal["screen", "balanced", "cite"]
"""Name of an operating point."""

MOST_LABELS: Final = 35
"""Labels of a model, at most: each has a letter or digit of its own, and "N" is "no label"."""

POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
"""Operating points: high recall, best F1, high precision."""

SECTIONS: Final = (
    "assessment",
    "recommendations",
    "prosecution",
    "protection",
    "prevention",
    "profile",
)
"""Standard sections of a narrative; under another heading, its text is a passage's section."""


class Style(NamedTuple):
    """How a label is shown; colours are CSS, `terminal` is one of rich's."""

    name: str  # "Positive effort"
    letter: str  # so that colour is not needed
    meaning: str  # in one line; empty where a model does not say
    ink: str  # text
    tint: str  # ground
    dark_ink: str
    dark_tint: str
    terminal: str


# Blue, ochre and red stay apart with any colour vision and in grey; as text they have a contrast of
# 4.5 and more. The others follow for models with labels of their own, and begin again after eight.
_COLOURS: Final = (
    ("#00297a", "#e1eafa", "#7cc8ff", "#122a3c", "cyan"),
    ("#7a5200", "#faecd6", "#ffd37a", "#35280f", "yellow"),
    ("#8b183f", "#f9e4ec", "#ff99bb", "#3c1a29", "magenta"),
    ("#155c38", "#dcf1e5", "#7fe0ae", "#12301f", "green"),
    ("#5b2a86", "#eee3f8", "#cfa8f5", "#2b1a3d", "bright_magenta"),
    ("#006064", "#d9f1f2", "#74dbe0", "#0d3031", "bright_cyan"),
    ("#4e4a00", "#f1efcf", "#ddd76a", "#2c2a08", "bright_yellow"),
    ("#4a4a4a", "#ececec", "#c8c8c8", "#2b2b2b", "white"),
)

_KEYS: Final = frozenset("AGHJKLMQRSUV123456789")  # of the review page, for other things


def styles(labels: Sequence[str], meanings: Mapping[str, str] | None = None) -> dict[str, Style]:
    """Return how each label of a model is shown; `meanings` are the model's own.

    >>> [style.letter for style in styles(["failure", "finance", "x"]).values()]
    ['F', 'I', 'X']
    """
    # the shipped labels keep their colours in any model, and others do not get these beside them
    own = dict(zip(LABELS, _COLOURS, strict=False))
    free = [colours for label, colours in own.items() if label not in labels]
    rest = [*_COLOURS[len(LABELS) :], *free]
    shown: dict[str, Style] = {}
    letters = {"N"}  # "no label", on pages and as a key
    others = 0
    for label in labels:
        if label in own:
            colours = own[label]
        else:
            colours = rest[others % len(rest)]
            others += 1
        candidates = [*filter(str.isalnum, label.upper()), *"ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890"]
        candidates.sort(key=_KEYS.__contains__)  # stable: the other letters stay in order
        letter = next(each for each in candidates if each not in letters)
        letters.add(letter)
        meaning = (meanings or {}).get(label) or MEANINGS.get(label, "")
        shown[label] = Style(label_name(label).capitalize(), letter, meaning, *colours)
    return shown


def label_name(label: str) -> str:
    """Return a label in plain words.

    >>> label_name("positive_effort")
    'positive effort'
    """
    return label.replace("_", " ")


def plain_label(name: str) -> str:
    """Return the key of a label's name, however people spell it.

    >>> plain_label(" Positive Effort")
    'positive_effort'
    """
    return "_".join(name.replace("-", " ").replace("_", " ").casefold().split())


def label_indicator(names: Iterable[str], labels: Sequence[str] = LABELS) -> tuple[bool, ...]:
    """Encode label names as a row of the indicator matrix.

    Raises `ValueError` when a name is no label.

    >>> label_indicator(["failure"])
    (False, True, False)
    """
    present = set(names)
    if unknown := present - set(labels):
        raise ValueError(f"unknown label {min(unknown)!r}: use {', '.join(labels)}")
    return tuple(label in present for label in labels)
