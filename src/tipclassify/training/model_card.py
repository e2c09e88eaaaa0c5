"""The model card (Mitchell et al. 2019, arXiv:1810.03993) that training writes beside the weights: real reports first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tipclassify.evaluation.behaviour_tests import RuleResult
from tipclassify.evaluation.bootstrap import Intervals
from tipclassify.evaluation.metrics import Metrics, ReliabilityBin
from tipclassify.labels import LABELS, MEANINGS

__all__ = ["Evidence", "Part", "model_card"]

_FEWEST: Final = 20  # passages with the label; F1 of fewer says little, and their number stands in its place


@dataclass(frozen=True)
class Part:
    """Metrics on some of the passages held out.

    Attributes
    ----------
    without_cause : float
        Share of the passages without a label that are tagged all the same; NaN where there are none.
    """

    name: str
    metrics: Metrics
    intervals: Intervals
    without_cause: float


@dataclass(frozen=True)
class Evidence:
    """What is known of a freshly trained model.

    Attributes
    ----------
    judged : str
        What the metrics were measured on, in a few words.
    parts : sequence of Part
        All that was held out first, then real passages by source and by kind of section, then invented ones.
    points : mapping
        Policy → label → ``threshold``, cross-fitted ``precision`` and ``recall``, each with the ends of its 95%
        interval.
    reliability : sequence of sequence of ReliabilityBin
        For each bin, that of each label.
    contrast_pairs : (int, int)
        What `metrics.contrast_pair_accuracy` gives.
    """

    judged: str
    parts: Sequence[Part]
    points: Mapping[str, Mapping[str, Mapping[str, Any]]]
    reliability: Sequence[Sequence[ReliabilityBin]]
    contrast_pairs: tuple[int, int]
    behaviours: Sequence[RuleResult]


def model_card(name: str, what: str, trained: str, evidence: Evidence, limits: str = "") -> str:
    """Render the Markdown of the model folder's README.

    Parameters
    ----------
    what, trained, limits : str
        A paragraph each on what kind of model it is, what it learned from, and what a reader must know besides.
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
    constants = {"LABELS": LABELS, "MEANINGS": MEANINGS, "FEWEST": _FEWEST}
    return template.render(name=name, what=what, trained=trained, limits=limits, **vars(evidence), **constants)


def _interval(value: Sequence[float | None]) -> str:
    return "{:.3f} [{:.3f}, {:.3f}]".format(*(float("nan") if one is None else one for one in value))
