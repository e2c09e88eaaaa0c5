#!/usr/bin/env python3
"""Compare the shipped models with baselines on held-out real passages.

    python benchmarks/quality.py --real-dev dev_reports.jsonl --real-dev dev.jsonl [--real-train
    FILE.jsonl] [--write]

In: files of real passages for evaluation (``text`` and ``labels``; optional ``section``,
``labels_alone``, ``source``, ``kind``), and the training rows of our models: ``--data``, and
``--real-train`` for real passages elsewhere. Out: a Markdown table for each file, overall and by
kind or source; with ``--behaviours`` the behavioural tests of our models.

- Our models are evaluated as shipped. A baseline is trained on the same texts, each with its
  heading and real ones without it too (`examples.expand_rows`); only `fast` was also trained on
  soft labels of unlabelled passages.
- The rows of `holdout.held_out` are not used for training; they set the thresholds, with the same
  weights as for ours.
- Intervals: the middle 95% of 1,000 draws of whole documents (`bootstrap`). An F1 has its counts in
  brackets: true positives / predicted / true. "Without cause" counts the tagged passages among
  those without any label.
- ``--write`` saves the figures to benchmarks/quality.json.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer
from _measure import DATA, ROOT, about, about_line, markdown, save
from _peers import absent_peers, peers, under_heading
from _rows import training_rows

from tipclassify import Classifier, Passage
from tipclassify.arrays import logistic
from tipclassify.corpus.holdout import held_out, is_real, natural_weights, source_family
from tipclassify.corpus.loading import Row, labels_alone, read_rows
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation.behaviour_tests import run_cases
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import measure, rounded
from tipclassify.labels import LABELS, indicator
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.loading import DEFAULT, SHIPPED
from tipclassify.training.calibration import operating_points, platt
from tipclassify.training.examples import expand_rows
from tipclassify.training.fit_heads import load_encoder

WHOLE: Final = "all passages"
BARE: Final = "all passages, read without their headings"
# held-out real passages from which thresholds are set on real ones alone, as for our models
_ENOUGH: Final = 500

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Tag = Callable[[Sequence[Passage]], Bools]
Figures = dict[str, Any]  # of one method on one part of a set


@dataclass(frozen=True)
class RealSet:
    """Real passages (n), labels with and without headings (n, 3), documents (n), kinds or source
    families (n)."""

    name: str
    passages: list[Passage]
    y_true: Bools
    y_true_bare: Bools
    documents: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]


def read_set(file: Path) -> RealSet:
    """Read passages for evaluation."""
    rows = read_rows(file)
    sources = [str(row.get("source") or row["id"]) for row in rows]
    kinds = [
        str(row.get("kind") or source.partition("/")[0])
        for row, source in zip(rows, sources, strict=True)
    ]
    alone = np.array([indicator(labels_alone(row)) for row in rows], bool)
    return RealSet(
        file.stem, _passages(rows), _labels(rows), alone, np.array(sources), np.array(kinds)
    )


def _passages(rows: Sequence[Row]) -> list[Passage]:
    return [Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows]


def _labels(rows: Sequence[Row]) -> Bools:
    return np.array([indicator(row["labels"]) for row in rows], bool)


# ---------------------------------------------------------------------------------------------
# methods


def fitted_peers(
    rows: Sequence[Row], natural: Floats | None, base: Path | None
) -> Iterator[tuple[str, Tag]]:
    """Fit each baseline on the training rows, and choose its thresholds on the held-out rows.

    Parameters
    ----------
    natural : float (k,), optional
        Sample weights of the `threshold_rows`.
    """
    examples = expand_rows(rows)
    y_true, weights = examples.y_true, examples.weights
    lines = list(map(under_heading, examples.texts, examples.headings))
    taught = np.flatnonzero(~held_out(rows)[examples.row])
    judged = examples.first[threshold_rows(rows)]  # each under its heading
    for name, fit in peers(base).items():
        print(f"training {name} …", file=sys.stderr)
        score = fit([lines[i] for i in taught], y_true[taught], weights[taught])
        raw = _logits(score([lines[i] for i in judged]))
        fits = [platt(raw[:, j], y_true[judged, j], natural) for j in range(len(LABELS))]
        scores = [logistic(raw[:, j] * scale + shift) for j, (scale, shift) in enumerate(fits)]
        least = [
            operating_points(y_true[judged, j], scores[j], natural)["balanced"]
            for j in range(len(LABELS))
        ]
        yield name, _tagger(score, np.array(fits), np.array(least))


def _logits(scores: Floats) -> Floats:
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _tagger(score: Callable[[Sequence[str]], Floats], fits: Floats, thresholds: Floats) -> Tag:
    def tag(passages: Sequence[Passage]) -> Bools:
        raw = _logits(score([under_heading(one.text, one.section) for one in passages]))
        return np.asarray(logistic(raw * fits[:, 0] + fits[:, 1]) >= thresholds)

    return tag


def threshold_rows(rows: Sequence[Row]) -> Bools:
    """Return the mask of rows for thresholds, bool (n,): held-out real ones, or all held-out ones
    if these are few.

    Raises
    ------
    CorpusError
        When no row is held out.
    """
    held = held_out(rows)
    real = held & np.array(list(map(is_real, rows)), bool)
    if not held.any():
        raise CorpusError(
            [
                "none of these passages is held out, so no threshold can be chosen; give more documents"
            ]
        )
    return real if real.sum() >= _ENOUGH else held


def threshold_weights(rows: Sequence[Row], default: EncoderScorer) -> Floats | None:
    """Compute the sample weights of the `threshold_rows`, as for our models; None for equal
    weights."""
    judged = [row for row, here in zip(rows, threshold_rows(rows), strict=True) if here]
    natural = default.meta.get("natural")
    if not natural or not all(map(is_real, judged)):
        return None
    families = [str(source_family(row["doc"])) for row in judged]
    plain = Classifier(EncoderScorer(default.model.as_finetuned()))
    return natural_weights(families, plain.predict_proba(_passages(judged)), natural)


# ---------------------------------------------------------------------------------------------
# figures


def judge(tag: Tag, real: RealSet) -> dict[str, Figures]:
    """Evaluate on all passages, on each kind, and on all without their headings, if there are
    any."""
    y_pred = tag(real.passages)
    parts = {WHOLE: np.ones(len(y_pred), bool)}
    kinds = sorted(set(real.kinds.tolist()))
    parts |= {kind: real.kinds == kind for kind in kinds if len(kinds) > 1}
    found = {
        name: figures(real.y_true[here], y_pred[here], real.documents[here])
        for name, here in parts.items()
    }
    if any(one.section for one in real.passages):
        bare = tag([replace(one, section=None) for one in real.passages])
        found[BARE] = figures(real.y_true_bare, bare, real.documents)
    return found


def figures(y_true: Bools, y_pred: Bools, documents: npt.NDArray[np.str_]) -> Figures:
    """Compute macro-F1 with its interval, F1 and counts of each label, and the passages tagged
    without cause.

    >>> found = figures(np.eye(3, dtype=bool), np.eye(3, dtype=bool), np.array(["a", "b", "c"]))
    >>> found["macro_f1"], found["labels"]["failure"], found["tagged"]
    (1.0, {'f1': 1.0, 'right': 1, 'given': 1, 'true': 1}, 0)
    """
    metrics = measure(y_true, y_pred.astype(float), y_pred, np.full(len(LABELS), 0.5))
    drawn = intervals(y_true, y_pred, documents).macro_f1  # type: ignore[arg-type]
    without = ~y_true.any(axis=1)
    right = (y_true & y_pred).sum(axis=0).tolist()
    return {
        "passages": len(y_true),
        "documents": len(np.unique(documents)),
        "macro_f1": metrics.macro_f1,
        "interval": [drawn.low, drawn.high],
        "labels": {
            one.label: {
                "f1": one.f1,
                "right": right[j],
                "given": int(y_pred[:, j].sum()),
                "true": one.support,
            }
            for j, one in enumerate(metrics.labels)
        },
        "without_label": int(without.sum()),
        "tagged": int(y_pred[without].any(axis=1).sum()),
    }


def set_tables(name: str, methods: dict[str, dict[str, Figures]]) -> str:
    """Format a Markdown table for each part of a set, with a row for each method."""
    tables = []
    columns = [
        "method",
        "macro-F1",
        "95% interval",
        *(f"{label} F1" for label in LABELS),
        "without cause",
    ]
    for part, first in next(iter(methods.values())).items():
        title = f"### {name}: {part}, {first['passages']:,} from {first['documents']:,} documents"
        rows = [[method, *_cells(found[part])] for method, found in methods.items()]
        tables.append(f"{title}\n\n{markdown(columns, rows)}")
    return "\n\n".join(tables)


def _cells(found: Figures) -> list[str]:
    low, high = found["interval"]
    of_labels = found["labels"].values()
    share = f"{found['tagged'] / found['without_label']:.1%}" if found["without_label"] else "–"
    return [
        f"{found['macro_f1']:.3f}",
        "–" if low != low else f"{low:.3f} to {high:.3f}",
        *(f"{one['f1']:.3f} ({one['right']}/{one['given']}/{one['true']})" for one in of_labels),
        f"{share} ({found['tagged']}/{found['without_label']})",
    ]


def behaviour_rates(models: dict[str, Classifier]) -> dict[str, dict[str, list[int]]]:
    """Run the behavioural tests: model → rule → cases passed, and all cases."""
    return {
        name: {result.rule: [result.passed, result.cases] for result in run_cases(classifier)}
        for name, classifier in models.items()
    }


def behaviour_table(rates: dict[str, dict[str, list[int]]]) -> str:
    """Format a row for each rule; below, the mean and the lowest rate of rules and of
    invariances."""
    rules = list(next(iter(rates.values())))
    rows = [[rule, *(f"{of[rule][0]}/{of[rule][1]}" for of in rates.values())] for rule in rules]
    for title, chosen in (
        ("rules of the codebook", [rule for rule in rules if not rule.startswith("invariance-")]),
        ("invariances", [rule for rule in rules if rule.startswith("invariance-")]),
    ):
        shares = [[of[rule][0] / of[rule][1] for rule in chosen] for of in rates.values()]
        if chosen:
            rows.append([f"{len(chosen)} {title}, mean", *(f"{np.mean(of):.1%}" for of in shares)])
            rows.append([f"{len(chosen)} {title}, lowest", *(f"{min(of):.1%}" for of in shares)])
    return f"### Behaviour cases passed\n\n{markdown(['rule', *rates], rows)}"


# ---------------------------------------------------------------------------------------------
# command line


def quality(
    real_dev: Annotated[
        list[Path] | None, typer.Option(help="Real passages to measure on; repeatable.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")
    ] = None,
    real_train: Annotated[
        list[Path] | None, typer.Option(help="Further real passages that taught ours.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of all-MiniLM-L6-v2, for static embeddings.")
    ] = None,
    behaviours: Annotated[
        bool, typer.Option("--behaviours", help="Run the behaviour cases on ours.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the figures in --json.")] = False,
    json: Annotated[Path, typer.Option(help="File that --write writes.")] = ROOT
    / "benchmarks"
    / "quality.json",
) -> None:
    """Evaluate the shipped models and the baselines on real passages."""
    if not (real_dev or behaviours):
        print(
            "quality.py: nothing to measure; give --real-dev FILE.jsonl, or --behaviours",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    try:
        models = {name: Classifier.load(name) for name in SHIPPED}
        kept: dict[str, Any] = about()
        print(about_line(kept), flush=True)
        if behaviours:
            kept["behaviours"] = behaviour_rates(models)
            print(f"\n{behaviour_table(kept['behaviours'])}", flush=True)
        if real_dev:
            rows = training_rows(data or [DATA], real_train or [])
            kept |= compared(models, list(map(read_set, real_dev)), rows, base)
    except TipclassifyError as error:
        print(f"quality.py: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if write:
        save(json, rounded(kept))


def compared(
    models: dict[str, Classifier], sets: list[RealSet], rows: list[Row], base: Path | None
) -> dict[str, Any]:
    """Print the tables of each set, and return their figures."""
    found: dict[str, dict[str, dict[str, Figures]]] = {one.name: {} for one in sets}
    for name, classifier in models.items():
        for one in sets:
            found[one.name][name] = judge(classifier.predict, one)
    for name, tag in fitted_peers(rows, threshold_weights(rows, load_encoder(DEFAULT)), base):
        for one in sets:
            found[one.name][name] = judge(tag, one)
    held, real = held_out(rows), sum(map(is_real, rows))
    print(
        f"\nPeers learned from {len(rows):,} passages ({real:,} real) less {int(held.sum()):,} held out."
    )
    for set_name, methods in found.items():
        print(f"\n{set_tables(set_name, methods)}")
    for name, need in absent_peers(base).items():
        print(f"\n{name} is not here. For its row: {need}")
    return {
        "rows": {"passages": len(rows), "real": real, "held_out": int(held.sum())},
        "sets": found,
    }


if __name__ == "__main__":
    typer.run(quality)
