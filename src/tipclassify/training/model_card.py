"""Render the model card that training writes beside the weights (Mitchell et al. 2019, arXiv:1810.03993).

Metrics come in as `Evidence`, Markdown goes out, real reports first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.evaluation.behaviour_tests import RuleResult
from tipclassify.evaluation.bootstrap import Intervals
from tipclassify.evaluation.metrics import Metrics, ReliabilityBin
from tipclassify.labels import LABELS, MEANINGS

__all__ = ["Evidence", "Part", "model_card"]

_MIN_SUPPORT: Final = 20  # support below which the card shows the count instead of F1


@dataclass(frozen=True)
class Part:
    """Metrics on a subset of the held-out passages.

    Attributes
    ----------
    false_tag_rate : float
        Share of the passages without any label that get a tag, 0 to 1; NaN where there are none.
    """

    name: str
    metrics: Metrics
    intervals: Intervals
    false_tag_rate: float


@dataclass(frozen=True)
class Evidence:
    """Evaluation of a trained model.

    Attributes
    ----------
    judged : str
        Description of the evaluation passages.
    parts : sequence of Part
        All held-out passages first, then real ones by source and by kind of section, then invented ones.
    points : mapping
        Policy → label → ``threshold``, cross-fitted ``precision`` and ``recall``, each with the ends of its 95%
        interval.
    reliability : sequence of sequence of ReliabilityBin
        For each bin, the one of each label.
    contrast_pairs : (int, int)
        Result of `metrics.contrast_pair_accuracy`.
    """

    judged: str
    parts: Sequence[Part]
    points: Mapping[str, Mapping[str, Mapping[str, Any]]]
    reliability: Sequence[Sequence[ReliabilityBin]]
    contrast_pairs: tuple[int, int]
    behaviours: Sequence[RuleResult]


def model_card(name: str, what: str, trained: str, evidence: Evidence, limits: str = "") -> str:
    """Render the model card as Markdown, for the README of a model folder.

    Parameters
    ----------
    what, trained, limits : str
        One paragraph each on the kind of model, its training data, and its limits.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tipclassify.training"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(figure="{:.3f}".format, share="{:.1%}".format, count="{:,}".format, interval=_interval)
    template = environment.get_template("model_card.md")
    constants = {"LABELS": LABELS, "MEANINGS": MEANINGS, "FEWEST": _MIN_SUPPORT}
    return template.render(name=name, what=what, trained=trained, limits=limits, **vars(evidence), **constants)


def _interval(value: Sequence[float | None]) -> str:
    return "{:.3f} [{:.3f}, {:.3f}]".format(*(float("nan") if one is None else one for one in value))
