"""The card, the licence and the notice of an encoder's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tipclassify.behaviours import RuleResult
from tipclassify.encoder_training.bases import Base
from tipclassify.encoder_training.settings import Settings
from tipclassify.evaluation import Metrics, ReliabilityBin
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.model_card import USE, behaviour_part, calibration_part, labels_part, operating_part
from tipclassify.resampling import Intervals

__all__ = ["EncoderEvidence", "encoder_card", "notice"]


@dataclass(frozen=True)
class EncoderEvidence:
    """All that is known of a freshly trained encoder.

    Attributes
    ----------
    corpus : mapping
        Number of passages, of those held out, hash, and passages per label.
    earlier : sequence of mapping
        Settings of trainings before this one, on the same passages, whose network it went on from.
    teachers : sequence of str
        ``"default"``, or the name of the base of a network, for each model whose soft scores it learned.
    further : int
        Sentences that only they labelled.
    bits : int
        Of a weight.
    metrics, exact : Metrics
        Figures on what was held out, of the graph that ships and of the one in floats.
    beside : sequence of float or None
        How much the log-odds of the default in the folder count for each label, if there is one.
    twins : tuple of int
        What `evaluation.twins_right` gives.
    """

    name: str
    base: Base
    corpus: Mapping[str, Any]
    settings: Settings
    earlier: Sequence[Mapping[str, Any]]
    teachers: Sequence[str]
    further: int
    megabytes: float
    bits: int
    metrics: Metrics
    exact: Metrics
    beside: Sequence[float] | None
    intervals: Intervals
    points: Mapping[str, Mapping[str, Mapping[str, Any]]]
    reliability: Mapping[str, Sequence[ReliabilityBin]]
    twins: tuple[int, int]
    behaviours: Sequence[RuleResult]


def encoder_card(evidence: EncoderEvidence) -> str:
    """Markdown for the folder's README (Mitchell et al. 2019, arXiv:1810.03993)."""
    judged = "held-out"
    parts = [
        _top(evidence),
        _trained(evidence),
        _figures(evidence),
        operating_part(evidence.points, judged),
        calibration_part(evidence.metrics, evidence.reliability, judged),
        behaviour_part(evidence.behaviours),
        _LIMITS,
        USE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def notice(base: Base) -> dict[str, str]:
    """``NOTICE``, and ``LICENSE`` where the base's is the Apache License, of which this project has a copy."""
    text = (
        f"This model is {base.name}, fine-tuned, its weights changed to whole numbers of 8 bits or fewer and its graph\n"
        f"exported to ONNX by tipclassify. Changed files: model.onnx. The tokenizer is as the base has it.\n\n"
        f"Base: {base.name}\nLicence of the base: {base.licence}\nSHA-256 of its weights: {base.sha256}\n"
    )
    files = {"NOTICE": text}
    licence = Path(__file__).resolve().parents[3] / "LICENSE"
    if base.licence == "Apache-2.0" and licence.is_file():
        files["LICENSE"] = licence.read_text(encoding="utf-8")
    return files


def _top(evidence: EncoderEvidence) -> str:
    meanings = "\n".join(f"- `{label}`: {MEANINGS[label]}" for label in LABELS)
    shares = ", ".join(f"{share:.2f}" for share in evidence.beside or ())
    beside = (
        f""" A model of the default kind
(`default.json`, `default.npz`) counts beside the graph: of the log-odds of each label, its own times {shares}."""
        if shares
        else ""
    )
    names = (
        f""" Names (runs of
capitalised words of which the corpus does not know one in lower case; at the start of a sentence, those of countries and their people) are
read as "{evidence.settings.stand_in}", so that no country decides."""
        if evidence.settings.stand_in
        else ""
    )
    stays = evidence.settings.lowest or evidence.settings.frozen
    tuned = "the upper layers" if stays else "all layers"
    return f"""# Model card: {evidence.name}

It tags sentences of English reports on what governments do about human trafficking: [{evidence.base.name}](https://huggingface.co/{evidence.base.name})
({evidence.base.licence}, weights SHA-256 `{evidence.base.sha256}`), {tuned} fine-tuned, with a linear head for each label. The graph
is ONNX, {evidence.megabytes:.1f} MB, weights in {evidence.bits} bits; no file of the folder is code or pickle, and `model.json` has the SHA-256 of each.{beside}{names}
A sentence takes every label that applies, or none:

{meanings}"""


def _trained(evidence: EncoderEvidence) -> str:
    corpus, settings = evidence.corpus, evidence.settings
    counts = ", ".join(f"`{label}` {n:,}" for label, n in corpus["labels"].items())
    stays = f"; token vectors and the lowest {settings.lowest} layers left as they were" if settings.lowest else ""
    text = f"""## Trained on
{corpus["passages"] - corpus["held_out"]:,} of {corpus["passages"]:,} labelled passages ({counts}), corpus SHA-256 `{corpus["sha256"]}`; a tenth of the groups
(whole narratives, sets of near twins), {corpus["held_out"]:,} passages, was held out. Epochs {settings.epochs}, batches of {settings.batch}, seed {settings.seed}, the best epoch by
held-out macro-F1 kept; AdamW, rate {settings.rate:g} at the head and times {settings.decay:g} for each layer below{stays}."""
    for number, before in enumerate(evidence.earlier, 1):
        text += f"""
Training {number} before this one, on the same passages: epoch {before["kept_after"]} of {before["epochs"]}, rate {before["rate"]:g}, seed {before["seed"]}."""
    if evidence.teachers:
        names = " and ".join(_TEACHERS.get(kind, f"{kind}, fine-tuned on the corpus") for kind in evidence.teachers)
        text += f"""
Targets are a mean of the label and of the soft score of {names}; of {evidence.further:,} further sentences without labels, the soft score
alone."""
    return text


def _figures(evidence: EncoderEvidence) -> str:
    metrics, exact = evidence.metrics, evidence.exact
    right, pairs = evidence.twins
    lines = [
        "## How good it is",
        "On the passages held out, which decided on the epoch, the calibration and the thresholds but taught no weight; calibration and",
        "thresholds are cross-fitted in five folds by group. **These are figures on the corpus, which holds hard near twins on purpose,",
        "and not on real reports**: measure on sentences that you labelled, with `tipclassify evaluate`. Brackets are 95% bootstrap",
        "intervals by group.",
        "",
        labels_part(metrics, evidence.intervals),
        "",
        f"The same network in 32-bit floats: macro-F1 {exact.macro_f1:.3f}, all labels right {exact.exact_match:.3f}.",
    ]
    if pairs:
        lines += [
            "",
            f"Hardest: of {pairs:,} pairs of near twins that differ in their labels (a negation moved, victims for traffickers), both",
            f"sides are wholly right in {right / pairs:.1%}.",
        ]
    return "\n".join(lines)


_TEACHERS = {
    "default": "the default kind of model (cross-validated over the whole corpus, so its folds saw labels of what is held out here)",
}
_LIMITS = """## Limits
What flows between layers is brought to whole numbers as it comes, which processors round differently: a probability may differ there by some
thousandths as a rule, and by over a tenth at worst. `golden.jsonl` holds scores of sixty held-out passages from the machine that trained; `tipclassify check`
allows for that. A passage longer than the window is scored in overlapping parts and takes each label's
highest score. Reasons are falls of the log-odds when words are masked, not weights that add up."""
