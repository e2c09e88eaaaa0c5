#!/usr/bin/env python3
"""Compare the shipped models with baselines on held-out real passages.

    python benchmarks/quality.py dev_reports.jsonl dev.jsonl [--real-train FILE.jsonl]

In: files of real passages for evaluation (``text`` and ``labels``; optional ``section``,
``labels_alone``, ``source``, ``kind``), and the training rows of our models: ``--data``, and
``--real-train`` for real passages elsewhere. Out: a Markdown table for each file, overall and by
kind or source.

- Our models are evaluated as shipped. A baseline is trained on the same texts, each with its
  heading and real ones without it too (`examples.make_examples`). Ours were also
  trained on other models' scores of unlabelled passages, the baselines were not.
- The rows of `holdout.held_out` are not used for training; they set the thresholds, with the same
  weights as for ours.
- Intervals: the middle 95% of 1,000 draws of whole documents (`bootstrap`). An F1 has its counts in
  brackets: true positives / predicted / true. "False alarms" counts the tagged passages among
  those without any label.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, TypedDict

import numpy as np
import numpy.typing as npt
import typer
from _measure import DATA, environment_line, markdown
from _peers import absent_peers, peers, under_heading
from _rows import training_rows

from tipclassify import Classifier, Passage
from tipclassify.arrays import Bools, Floats, logistic
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.rows import Row, labels_alone, passage_of_row, read_rows
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import measure
from tipclassify.labels import LABELS, label_indicator
from tipclassify.model.find import SHIPPED
from tipclassify.training.calibration import choose_thresholds, platt
from tipclassify.training.examples import calibration_weights, make_examples

WHOLE: Final = "all passages"
BARE: Final = "all passages, read without their headings"
# held-out real passages from which thresholds are set on real ones alone, as for our models
_ENOUGH: Final = 500

Tag = Callable[[Sequence[Passage]], Bools]


class LabelFigures(TypedDict):
    """Figures of a label: F1, and its counts."""

    f1: float
    right: int  # true positives
    given: int  # predicted
    true: int


class Figures(TypedDict):
    """Figures of one method on one part of a set."""

    passages: int
    documents: int
    macro_f1: float
    interval: list[float]  # 95%, of macro-F1
    labels: dict[str, LabelFigures]
    without_label: int  # passages
    tagged: int  # of those without a label


@dataclass(frozen=True)
class RealSet:
    """Real passages and their labels."""

    name: str
    passages: list[Passage]  # (n)
    y_true: Bools  # (n, 3)
    y_true_bare: Bools  # (n, 3), without headings
    documents: npt.NDArray[np.str_]  # (n,)
    kinds: npt.NDArray[np.str_]  # (n,), or source families


def read_set(file: Path) -> RealSet:
    """Read passages for evaluation."""
    rows = read_rows(file)
    sources = [str(row.get("source") or row["id"]) for row in rows]
    kinds = [
        str(row.get("kind") or source.partition("/")[0])
        for row, source in zip(rows, sources, strict=True)
    ]
    alone = np.array([label_indicator(labels_alone(row)) for row in rows], bool)
    return RealSet(
        name=file.stem,
        passages=_passages(rows),
        y_true=_labels(rows),
        y_true_bare=alone,
        documents=np.array(sources),
        kinds=np.array(kinds),
    )


def _passages(rows: Sequence[Row]) -> list[Passage]:
    return [passage_of_row(row) for row in rows]


def _labels(rows: Sequence[Row]) -> Bools:
    return np.array([label_indicator(row["labels"]) for row in rows], bool)


# ------------------------------------------------------------------------------------------ methods


def fitted_peers(
    rows: Sequence[Row], judged_weights: Floats | None, base: Path | None
) -> Iterator[tuple[str, Tag]]:
    """Fit each baseline on the training rows, and choose its thresholds on the held-out rows.

    Parameters
    ----------
    judged_weights : float (k,), optional
        Sample weights of the `threshold_rows`.
    """
    examples = make_examples(rows)
    y_true = examples.y_true
    weights = examples.weights
    lines = list(map(under_heading, examples.texts, examples.headings))
    taught = np.flatnonzero(~held_out(rows)[examples.row])
    judged = examples.first[threshold_rows(rows)]  # each under its heading
    for name, fit in peers(base).items():
        print(f"training {name} …", file=sys.stderr)
        score = fit([lines[i] for i in taught], y_true[taught], weights[taught])
        raw = _logits(score([lines[i] for i in judged]))
        fits = [platt(raw[:, j], y_true[judged, j], judged_weights) for j in range(len(LABELS))]
        scores = [logistic(raw[:, j] * scale + shift) for j, (scale, shift) in enumerate(fits)]
        least = [
            choose_thresholds(y_true[judged, j], scores[j], judged_weights)["balanced"]
            for j in range(len(LABELS))
        ]
        yield name, _tagger(score, np.array(fits), np.array(least))


def _logits(scores: Floats) -> Floats:
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _tagger(score: Callable[[Sequence[str]], Floats], fits: Floats, thresholds: Floats) -> Tag:
    def tag(passages: Sequence[Passage]) -> Bools:
        lines = [under_heading(passage.text, passage.section) for passage in passages]
        raw = _logits(score(lines))
        return np.asarray(logistic(raw * fits[:, 0] + fits[:, 1]) >= thresholds)

    return tag


def threshold_rows(rows: Sequence[Row]) -> Bools:
    """Return the mask of rows for thresholds, bool (n,).

    They are the held-out real ones, or all held-out ones if these are few.

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
                "none of these passages is held out, so no threshold can be chosen; "
                "give more documents"
            ]
        )
    return real if real.sum() >= _ENOUGH else held


def threshold_weights(rows: Sequence[Row]) -> Floats | None:
    """Compute the sample weights of the `threshold_rows`; None for equal weights."""
    judged = [row for row, here in zip(rows, threshold_rows(rows), strict=True) if here]
    return calibration_weights(judged) if all(map(is_real, judged)) else None


# ------------------------------------------------------------------------------------------ figures


def judge(tag: Tag, real: RealSet) -> dict[str, Figures]:
    """Evaluate on all passages, on each kind, and on all without their headings, if any."""
    y_pred = tag(real.passages)
    parts = {WHOLE: np.ones(len(y_pred), bool)}
    kinds = sorted(set(real.kinds.tolist()))
    if len(kinds) > 1:
        parts |= {kind: real.kinds == kind for kind in kinds}
    by_part = {
        name: figures(real.y_true[here], y_pred[here], real.documents[here])
        for name, here in parts.items()
    }
    if any(passage.section for passage in real.passages):
        bare = tag([replace(passage, section=None) for passage in real.passages])
        by_part[BARE] = figures(real.y_true_bare, bare, real.documents)
    return by_part


def figures(y_true: Bools, y_pred: Bools, documents: npt.NDArray[np.str_]) -> Figures:
    """Compute macro-F1 with its interval, each label's F1 and counts, and the false alarms.

    >>> perfect = figures(np.eye(3, dtype=bool), np.eye(3, dtype=bool), np.array(["a", "b", "c"]))
    >>> perfect["macro_f1"], perfect["labels"]["failure"], perfect["tagged"]
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
            label.label: {
                "f1": label.f1,
                "right": right[j],
                "given": int(y_pred[:, j].sum()),
                "true": label.support,
            }
            for j, label in enumerate(metrics.labels)
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
        "false alarms",
    ]
    for part, first in next(iter(methods.values())).items():
        title = f"### {name}: {part}, {first['passages']:,} from {first['documents']:,} documents"
        rows = [[method, *_cells(by_part[part])] for method, by_part in methods.items()]
        tables.append(f"{title}\n\n{markdown(columns, rows)}")
    return "\n\n".join(tables)


def _cells(part: Figures) -> list[str]:
    low, high = part["interval"]
    false_alarms = "–"
    if part["without_label"]:
        false_alarms = f"{part['tagged'] / part['without_label']:.1%}"
    return [
        f"{part['macro_f1']:.3f}",
        "–" if np.isnan(low) else f"{low:.3f} to {high:.3f}",
        *(
            f"{label['f1']:.3f} ({label['right']}/{label['given']}/{label['true']})"
            for label in part["labels"].values()
        ),
        f"{false_alarms} ({part['tagged']}/{part['without_label']})",
    ]


# ------------------------------------------------------------------------------------- command line


def quality(
    real_dev: Annotated[list[Path], typer.Argument(help="Real passages to measure on.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")
    ] = None,
    real_train: Annotated[
        list[Path] | None, typer.Option(help="Further real passages that taught ours.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of all-MiniLM-L6-v2, for static embeddings.")
    ] = None,
) -> None:
    """Evaluate the shipped models and the baselines on real passages."""
    print(environment_line(), flush=True)
    try:
        rows = training_rows(data or [DATA], real_train or [])
        compare(list(map(read_set, real_dev)), rows, base)
    except TipclassifyError as error:
        print(f"quality.py: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def compare(sets: list[RealSet], rows: list[Row], base: Path | None) -> None:
    """Print the tables of each set."""
    by_set: dict[str, dict[str, dict[str, Figures]]] = {real_set.name: {} for real_set in sets}
    ours: list[tuple[str, Tag]] = [(name, Classifier.load(name).predict) for name in SHIPPED]
    for name, tag in chain(ours, fitted_peers(rows, threshold_weights(rows), base)):
        for real_set in sets:
            by_set[real_set.name][name] = judge(tag, real_set)
    print(
        f"\nPeers learned from {len(rows):,} passages ({sum(map(is_real, rows)):,} real) "
        f"less {held_out(rows).sum():,} held out."
    )
    for set_name, methods in by_set.items():
        print(f"\n{set_tables(set_name, methods)}")
    for name, need in absent_peers(base).items():
        print(f"\n{name} is not here. For its row: {need}")


if __name__ == "__main__":
    typer.run(quality)
