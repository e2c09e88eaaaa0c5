"""The steps of ``train.py`` behind one call: a checked corpus in, a saved model folder out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.agreement import agreement, read_annotations
from tipclassify.behaviours import default_cases_path, run_cases
from tipclassify.classifier import Classifier
from tipclassify.corpus import corpus_digest, group_rows, row_weights
from tipclassify.errors import InputError
from tipclassify.estimator import TipClassifier
from tipclassify.evaluation import Metrics, measure, reliability, twins_right
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model_card import Evidence, model_card, operating_evidence
from tipclassify.progress import progress_bar
from tipclassify.resampling import intervals
from tipclassify.slices import slices, worst_errors

if TYPE_CHECKING:
    import datasets

    from tipclassify.behaviours import RuleResult
    from tipclassify.training import Fitted, Progress

__all__ = ["behaviours_of", "error_table", "golden_rows", "in_narratives", "train_model"]

_GOLDEN: Final = 60  # passages whose scores a copy of the model must reproduce
_SHOWN: Final = 12  # errors quoted in the card
_WHOLE: Final = 30  # passages of a whole narrative or chapter: ours have about forty, extracts a dozen
_ENOUGH: Final = 1_000  # passages of whole narratives from which an error table can be made

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def train_model(
    corpus: datasets.Dataset,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    jobs: int = 1,
    folds: int = 5,
    detectors: bool = True,
    annotations: str | os.PathLike[str] | None = None,
    weights: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Cross-validate, fit, and write the model folder `out` with its card and golden passages.

    Parameters
    ----------
    detectors : bool
        As in `training.fit_model`.
    annotations : path, optional
        Folder with ``author.jsonl`` and ``reader.jsonl``, two annotators' labels by id, for the card.
    weights : mapping of path to float, optional
        How much the rows of a labelled file (one of those in `corpus`) count, where that is not 1; see
        `training.fit_model`. The model keeps them by the names of the files.
    progress : callable, optional
        As in `training.fit_model`; by default a bar on the terminal.

    Raises
    ------
    ValueError
        When the corpus is too small to hold some of it out.
    CorpusError
        When a file of `weights` has rows that the corpus lacks.
    """
    rows = [{**row, "labels": tuple(LABELS[i] for i in row["labels"])} for row in corpus]
    texts = [row["text"] for row in rows]
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    groups = group_rows(rows)
    estimator = TipClassifier(folds=folds, seed=seed, jobs=jobs, detectors=detectors)
    with progress_bar("cross-validating") if progress is None else nullcontext(progress) as told:
        estimator.fit(texts, truth, groups, told, row_weights(rows, dict(weights or {})))
    fitted = estimator.fitted_
    classifier = Classifier(fitted.model)

    described: dict[str, Any] = {
        "passages": len(rows),
        "sha256": corpus_digest(rows),
        "labels": {label: int(n) for label, n in zip(LABELS, truth.sum(axis=0), strict=True)},
        "sources": sorted({row["source"] or "(none)" for row in rows}),
    }
    thresholds = np.array(fitted.model.thresholds["balanced"])
    kinds = [{**row, "section": row["section"] or "(none)"} for row in rows]
    found = {policy: intervals(truth, fitted.given[policy], groups, seed=seed) for policy in POLICIES}
    evidence = Evidence(
        corpus=described,
        fitted=fitted,
        intervals=found,
        kinds=_by_kind(texts, truth, fitted, groups, seed),
        slices=slices(kinds, fitted.model.vocabulary, truth, fitted.scores, fitted.given["balanced"], thresholds),
        reliability={label: reliability(truth[:, j], fitted.scores[:, j]) for j, label in enumerate(LABELS)},
        errors=worst_errors(rows, truth, fitted.scores, thresholds, _SHOWN),
        behaviours=behaviours_of(classifier),
        agreement=_agreement(annotations),
        points=operating_evidence(truth, fitted.given, fitted.model.thresholds, found),
        twins=twins_right([row["pair"] for row in rows], truth, fitted.given["balanced"]),
        narratives=_narratives(rows, truth, fitted),
    )
    meta = {
        "corpus": described,
        "operating_points": evidence.points,
        "near_twins": dict(zip(("right", "pairs"), evidence.twins, strict=True)),
        "error_table": error_table(truth, fitted.scores, fitted.given, in_narratives(rows)),
        "behaviours": {result.rule: round(result.rate, 4) for result in evidence.behaviours},
    }
    if weights:
        meta["row_weights"] = {Path(path).name: weight for path, weight in weights.items()}
    files = {"README.md": model_card(evidence, Path(out).name), "golden.jsonl": golden_rows(classifier, texts)}
    estimator.save(out, meta, files)
    return fitted


def error_table(truth: Bools, scores: Floats, labels: Mapping[str, Bools], natural: Bools) -> dict[str, Any]:
    """How often `labels` (policy → bool (n, 3)) are given rightly and wrongly, out of fold: what adjusts counts (`summary`).

    Counted on passages of whole narratives (`natural`, bool (n,)) where there are enough of them, since near twins and
    single hard sentences are harder than what a report holds. ``policies`` has the counts of each policy and label at
    cross-fitted thresholds; ``histogram`` counts passages with and without each label by probability in steps of 0.01.
    """
    part = natural if natural.sum() >= _ENOUGH else np.ones(len(natural), bool)
    true = truth[part]
    policies: dict[str, Any] = {}
    for policy in POLICIES:
        given = labels[policy][part]
        counts = {"tp": true & given, "fn": true & ~given, "fp": ~true & given, "tn": ~true & ~given}
        policies[policy] = {
            label: {name: int(cells[:, j].sum()) for name, cells in counts.items()} for j, label in enumerate(LABELS)
        }
    step = np.minimum((scores[part] * 100).astype(int), 99)
    histogram = {
        label: {
            "with": np.bincount(step[true[:, j], j], minlength=100).tolist(),
            "without": np.bincount(step[~true[:, j], j], minlength=100).tolist(),
        }
        for j, label in enumerate(LABELS)
    }
    return {"passages": int(part.sum()), "policies": policies, "histogram": histogram}


def golden_rows(classifier: Classifier, texts: list[str]) -> str:
    """Evenly drawn passages with their scores: what any copy of the model must give."""
    drawn = texts[:: max(1, len(texts) // _GOLDEN)][:_GOLDEN]
    scores = classifier.predict_proba(drawn).round(5).tolist()
    lines = (
        {"text": text, "scores": dict(zip(LABELS, row, strict=True))} for text, row in zip(drawn, scores, strict=True)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _by_kind(texts: list[str], truth: Any, fitted: Fitted, groups: list[int], seed: int) -> dict[str, Any]:
    """Intervals apart for full sentences and for clauses, which begin in lower case or lack a full stop."""
    sentence = np.array([text[:1].isupper() and text.rstrip("”\"')]")[-1:] in (".", "!", "?") for text in texts])
    numbers = np.asarray(groups)
    return {
        name: (int(part.sum()), intervals(truth[part], fitted.given["balanced"][part], numbers[part], seed=seed))
        for name, part in (("sentence", sentence), ("clause", ~sentence))
        if part.any()
    }


def in_narratives(rows: list[dict[str, Any]]) -> Bools:
    """Passages of whole narratives and chapters, as reports hold them; the shorter texts of the corpus are extracts."""
    length = Counter(row["doc"] for row in rows)
    return np.array([bool(row["doc"]) and not row["pair"] and length[row["doc"]] >= _WHOLE for row in rows])


def _narratives(rows: list[dict[str, Any]], truth: Bools, fitted: Fitted) -> Metrics | None:
    """Figures on them, out of fold; None where there are too few."""
    part = in_narratives(rows)
    if part.sum() < _ENOUGH:
        return None
    thresholds = np.array(fitted.model.thresholds["balanced"])
    return measure(truth[part], fitted.scores[part], fitted.given["balanced"][part], thresholds)


def behaviours_of(classifier: Classifier) -> list[RuleResult]:
    """Rates of the behaviour cases."""
    try:
        return run_cases(classifier, default_cases_path())
    except InputError:  # installed without the cases: a model without their rates is sound all the same
        return []


def _agreement(folder: str | os.PathLike[str] | None) -> list[Any]:
    if folder is None or not (Path(folder) / "reader.jsonl").is_file():
        return []
    return agreement(*(read_annotations(Path(folder) / f"{name}.jsonl") for name in ("author", "reader")))
