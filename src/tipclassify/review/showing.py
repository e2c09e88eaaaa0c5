"""What the page is shown, as plain values: passages, decisions, reasons, the codebook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from tipclassify.evaluation.agreement import agreement
from tipclassify.evaluation.metrics import rounded
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.review.events import Event, History
from tipclassify.review.opened import OpenPassage

__all__ = ["Said", "agreement_figures", "codebook", "held", "passage_row", "reason_rows", "said_by", "settlement"]

_DRAWS: Final = 1_000
_FEWEST: Final = 10  # passages below which an interval would only look like one

Said = dict[str, Any]
"""What a model says of a passage: ``labels`` and ``scores``."""


def passage_row(passage: OpenPassage, history: History, annotator: str, second: Said | None) -> dict[str, Any]:
    """A passage as ``GET /api/reports/ID`` has it: what the models say, what `annotator` decided, and others."""
    tagged = passage.passage
    decisions = history.decisions(passage.key)
    mine = decisions.pop(annotator, None)
    settled = history.settled(passage.key)
    return {
        "key": passage.key,
        "number": passage.number,
        "text": tagged.text,
        "start": tagged.start,
        "end": tagged.end,
        "section": list(passage.headings),
        "page": tagged.page,
        "block": tagged.block,
        "kind": None,
        "scores": dict(tagged.scores),
        "labels": list(tagged.labels),
        "low_confidence": tagged.low_confidence,
        "second": second,
        "decision": held(mine),
        "others": [{"annotator": e.annotator, "labels": list(e.labels), "time": e.time} for e in decisions.values()],
        "settled": settlement(settled),
    }


def said_by(model: Classifier, passages: Sequence[OpenPassage], policy: str) -> dict[str, Said]:
    """What a model says of passages, by their keys."""
    tagged = model.tag_passages([passage.passage for passage in passages], policy)
    return {
        passage.key: {"labels": list(said.labels), "scores": dict(said.scores)}
        for passage, said in zip(passages, tagged, strict=True)
    }


def held(event: Event | None) -> dict[str, Any] | None:
    """A decision that holds."""
    if event is None:
        return None
    return {
        "labels": list(event.labels),
        "time": event.time,
        "event": event.number,
        "annotator": event.annotator,
    }


def settlement(event: Event | None) -> dict[str, Any] | None:
    """An adjudication that holds."""
    if event is None:
        return None
    return {"labels": list(event.labels), "by": event.annotator, "time": event.time, "event": event.number}


def reason_rows(classifier: Classifier, passage: OpenPassage) -> dict[str, Any]:
    """Why the model says what it says of a passage, tagged or not; ``heading`` is what its section's heading adds."""
    explained = classifier.explain(passage.passage)
    return {
        "labels": {
            label: {
                "probability": found.probability,
                "spans": [{"start": s.start, "end": s.end, "weight": s.weight} for s in found.spans],
                "bias": found.bias,
                "heading": found.heading,
                "total": found.logit,
                "method": found.method,
            }
            for label, found in explained.items()
        }
    }


def codebook() -> dict[str, Any]:
    """The rule of each label, with examples."""
    found: dict[str, Any] = json.loads(files("tipclassify.review").joinpath("codebook.json").read_text("utf-8"))
    return found


def agreement_figures(decided: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Any]:
    """Kappa and alpha of each label, with 95% intervals, over the passages that two or more annotators decided.

    Parameters
    ----------
    decided : mapping
        Passage → annotator → labels.

    Returns
    -------
    dict
        ``annotators``, ``passages`` and ``labels``: plain values, None where there is too little to say.
    """
    shared = {key: said for key, said in decided.items() if len(said) > 1}
    names = sorted({name for said in shared.values() for name in said})
    labels: dict[str, dict[str, Any]] = {}
    if shared:
        by_name = [{key: said[name] for key, said in shared.items() if name in said} for name in names]
        for row in agreement(*by_name, draws=_DRAWS if len(shared) >= _FEWEST else 0):
            (kappa_low, kappa_high), (alpha_low, alpha_high) = row.kappa_interval, row.alpha_interval
            kappa = {"kappa": row.kappa, "kappa_low": kappa_low, "kappa_high": kappa_high}
            alpha = {"alpha": row.alpha, "alpha_low": alpha_low, "alpha_high": alpha_high}
            labels[row.label] = rounded({**kappa, **alpha, "n": row.passages})
    nothing = dict.fromkeys(("kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high")) | {"n": 0}
    return {"annotators": names, "passages": len(shared), "labels": labels or dict.fromkeys(LABELS, nothing)}
