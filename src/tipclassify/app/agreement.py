"""How far the annotators of a store agree, and how far each is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from tipclassify.evaluation.agreement import agreement
from tipclassify.store.state import Decision, Place, State

_DRAWS: Final = 1_000  # of the bootstrap
_MIN_PASSAGES: Final = 10  # below it, a bootstrap interval would be misleading
RELIABLE: Final = 0.8  # Krippendorff 2004, Content Analysis, chapter 11: rely on it from 0.800,
TENTATIVE: Final = 0.667  # draw tentative conclusions from 0.667

_FIGURES: Final = ("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")

LabelsByAnnotator = Mapping[str, Sequence[str]]


def progress(
    places: Iterable[Place], annotator: str, states: Mapping[Place, State]
) -> dict[str, int]:
    """Count the passages that an annotator decided, is unsure of, and noted something on."""
    decided = unsure = noted = 0
    for place in places:
        if state := states.get(place):
            if decision := state.decisions.get(annotator):
                decided += 1
                unsure += decision.unsure
            noted += annotator in state.notes
    return {"decided": decided, "unsure": unsure, "noted": noted}


def agreement_by_annotator(
    states: Mapping[Place, State], opened: Collection[Place], labels: Sequence[str]
) -> dict[str, Any]:
    """Compute agreement on all passages of a store that two or more annotators decided.

    The figures count what each decided without seeing a colleague's decision, ``decisions`` all on
    passages that several decided. `opened` are the passages on which progress is counted.
    """
    alone: dict[Place, LabelsByAnnotator] = {}
    shared = 0
    compared: list[Decision] = []
    for place, state in states.items():
        alone[place] = {
            name: event.labels for name, event in state.independent.items() if not event.unsure
        }
        sure = [event for event in state.decisions.values() if not event.unsure]
        if len(sure) > 1:
            shared += 1
            compared += sure
    hidden = Counter(each for event in compared for each in event.blind or ())
    names = sorted({name for state in states.values() for name in state.answered})
    return {
        **figures(alone, labels),
        "decisions": {
            "passages": shared,
            "of": len(compared),
            "blind": hidden["colleagues"],
            "model": hidden["model"],
        },
        "progress": [{"annotator": name, **progress(opened, name, states)} for name in names],
        "disputed": sum(state.is_disputed for state in states.values()),
    }


def figures(decided: Mapping[Any, LabelsByAnnotator], labels: Sequence[str]) -> dict[str, Any]:
    """Compute kappa and alpha of each label over passages decided by two or more annotators.

    `decided` has the labels by place, then annotator. None stands for what cannot be said.
    """
    shared = {place: given for place, given in decided.items() if len(given) > 1}
    names = sorted({name for given in shared.values() for name in given})
    by_annotator = [
        {str(place): given[name] for place, given in shared.items() if name in given}
        for name in names
    ]
    draws = _DRAWS if len(shared) >= _MIN_PASSAGES else 0
    rows = agreement(*by_annotator, draws=draws, labels=labels) if shared else []
    by_label: dict[str, dict[str, Any]] = {
        label: {"n": 0, **dict.fromkeys(_FIGURES)} for label in labels
    }
    for row in rows:
        numbers = (row.kappa, *row.kappa_interval, row.alpha, *row.alpha_interval)
        by_label[row.label]["n"] = row.passages
        for name, number in zip(_FIGURES, numbers, strict=True):
            by_label[row.label][name] = None if math.isnan(number) else round(number, 4)
    for found in by_label.values():
        found["verdict"] = verdict(found["alpha"], found["alpha_low"], found["alpha_high"])
    return {"annotators": names, "passages": len(shared), "labels": by_label}


def verdict(alpha: float | None, low: float | None, high: float | None) -> str:
    """Say in words what an alpha and its interval allow."""
    if alpha is None:
        return "Cannot be said: nobody, or everybody, gave this label"
    if low is None or high is None:
        return "Too few passages for an interval"
    if low >= RELIABLE:
        return "Reliable"
    if low >= TENTATIVE:
        return "Good enough for tentative conclusions"
    if high < TENTATIVE:
        return "Too low: talk over the rule, then label more"
    return "Not clear yet: label more in common"
