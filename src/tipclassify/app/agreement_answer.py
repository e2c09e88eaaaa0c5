"""Agreement of the annotators of a log, as the review page shows it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from tipclassify.app.opened import OpenPassage
from tipclassify.app.view import Progress, count_review_progress
from tipclassify.evaluation.agreement import Agreement, agreement
from tipclassify.labels import LABELS
from tipclassify.store.events import Event, History

__all__ = ["AgreementAnswer", "agreement_figures_in_review", "summarize_agreement_in_review"]

_DRAWS: Final = 1_000  # of the bootstrap
_MIN_PASSAGES: Final = 10  # below it, a bootstrap interval would be misleading

LabelsByAnnotator = Mapping[str, Sequence[str]]


class LabelAgreement(TypedDict):
    """Agreement on one label, with 95% intervals; None with too few passages."""

    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    n: int  # passages


class AgreementFigures(TypedDict):
    """Agreement over the passages that two or more annotators decided."""

    annotators: list[str]
    passages: int
    labels: dict[str, LabelAgreement]


class ComparedDecisions(TypedDict):
    """Decisions on passages that several decided."""

    of: int  # all of them
    blind: int  # without seeing a colleague's
    unknown: int  # older logs do not say
    model: int  # without seeing the model's suggestions


class AnnotatorProgress(Progress):
    """Progress of one annotator."""

    annotator: str


class AgreementAnswer(AgreementFigures):
    """Agreement of those who decided alone, and of all."""

    all: AgreementFigures
    decisions: ComparedDecisions
    progress: list[AnnotatorProgress]
    disputed: int  # passages


def summarize_agreement_in_review(
    history: History, opened: Sequence[OpenPassage]
) -> AgreementAnswer:
    """Compute agreement on all passages of the log that two or more annotators decided.

    The figures count what each decided without seeing a colleague's decision; ``all`` has those of
    all decisions. `opened` are the passages on which progress is counted.
    """
    every: dict[str, LabelsByAnnotator] = {}
    alone: dict[str, LabelsByAnnotator] = {}
    compared: list[Event] = []  # decisions on passages that several decided
    for key in history.by_passage:
        decisions = [event for event in history.decisions(key).values() if not event.unsure]
        every[key] = {event.annotator: event.labels for event in decisions}
        alone[key] = {
            name: event.labels
            for name, event in history.independent(key).items()
            if not event.unsure
        }
        if len(decisions) > 1:
            compared += decisions
    # None: older logs do not say what a decision was made without seeing
    without_colleagues = Counter(
        None if event.blind is None else "colleagues" in event.blind for event in compared
    )
    figures = agreement_figures_in_review(alone)
    names = sorted({name for _, name in history.answered})
    return {
        **figures,
        "all": agreement_figures_in_review(every),
        "decisions": {
            "of": len(compared),
            "blind": without_colleagues[True],
            "unknown": without_colleagues[None],
            "model": sum("model" in (event.blind or ()) for event in compared),
        },
        "progress": [
            {"annotator": name, **count_review_progress(opened, name, history)} for name in names
        ],
        "disputed": sum(history.disputed(key) for key in history.by_passage),
    }


def agreement_figures_in_review(decided: Mapping[str, LabelsByAnnotator]) -> AgreementFigures:
    """Compute kappa and alpha of each label over passages decided by two or more annotators.

    `decided` has the labels by passage key, then annotator.
    """
    shared = {key: labels for key, labels in decided.items() if len(labels) > 1}
    names = sorted({name for labels in shared.values() for name in labels})
    by_label = {label: _no_agreement_in_review() for label in LABELS}
    if shared:
        by_annotator = [
            {key: labels[name] for key, labels in shared.items() if name in labels}
            for name in names
        ]
        draws = _DRAWS if len(shared) >= _MIN_PASSAGES else 0
        for row in agreement(*by_annotator, draws=draws):
            by_label[row.label] = _label_agreement_in_review(row)
    return AgreementFigures(annotators=names, passages=len(shared), labels=by_label)


def _no_agreement_in_review() -> LabelAgreement:
    return LabelAgreement(
        kappa=None,
        kappa_low=None,
        kappa_high=None,
        alpha=None,
        alpha_low=None,
        alpha_high=None,
        n=0,
    )


def _label_agreement_in_review(row: Agreement) -> LabelAgreement:
    kappa_low, kappa_high = row.kappa_interval
    alpha_low, alpha_high = row.alpha_interval
    return LabelAgreement(
        kappa=_rounded_review_figure(row.kappa),
        kappa_low=_rounded_review_figure(kappa_low),
        kappa_high=_rounded_review_figure(kappa_high),
        alpha=_rounded_review_figure(row.alpha),
        alpha_low=_rounded_review_figure(alpha_low),
        alpha_high=_rounded_review_figure(alpha_high),
        n=row.passages,
    )


def _rounded_review_figure(figure: float) -> float | None:
    """Round a figure to four decimals; None for NaN, which JSON does not have."""
    return None if math.isnan(figure) else round(figure, 4)
