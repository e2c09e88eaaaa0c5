#!/usr/bin/env python3
"""Measure how well a trainer learns a user's rule, and what it forgets of real reports.

In: rows of five users, made from templates (`_rules.py`): most follow the codebook, one in five a
rule of the user's own. Out: a Markdown table on standard output (``--json``: every run): for 300,
100 and 30 rows the share of rule rows labelled as the user would, in wordings of the training rows
and in others, and the macro-F1 lost on passages of real reports left out of training.

- `tipclassify`: the default, adapted as ``tipclassify train`` does, penalty chosen by itself.
- `head on frozen vectors`: a logistic regression on the same encoder's vectors (SetFit's second
  step, Tunstall et al. 2022, arXiv:2209.11055), without the heads that are there.
- `TF-IDF + LR`: from the rows alone.

Real passages are those held out of training in data/real/passages.jsonl, less the fixed set, which
chose the penalty; without that file, the fixed set itself.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from _measure import DATA, markdown
from _peers import fit_tfidf
from _rules import RULES, Drawn, draw_rows
from sklearn.linear_model import LogisticRegression

from tipclassify.arrays import Bools
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.rows import Row, read_rows
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.resources import resource_folder_in_user_cache
from tipclassify.training.adapt_heads import adapt_to_own
from tipclassify.training.examples import (
    Vectors,
    headings_for_training,
    label_matrix_for_training,
    training_examples_of_rows,
)
from tipclassify.training.fit_heads import (
    HeadSettings,
    load_encoder_to_fit_heads,
    pooled_vectors_to_fit_heads,
)
from tipclassify.training.fit_penalty import labels_given_by_fitted_heads, macro_f1_of_heads
from tipclassify.training.fixed_set import fixed_set_key_of_row, read_fixed

SIZES: Final = (300, 100, 30)
OURS: Final = "tipclassify"

Predict = Callable[[Sequence[str], Vectors], Bools]  # texts and their vectors to labels (n, 3)


@dataclass(frozen=True)
class Real:
    """Real passages left out of training; texts only where their words are here."""

    pooled: Vectors
    y_true: Bools
    texts: list[str]


@dataclass(frozen=True)
class Run:
    """What one method learned of one user's rows."""

    method: str
    seed: int
    rows: int
    rule: float  # share of rule rows labelled as the user would, in wordings of the training rows
    reworded: float  # the same, in other wordings
    others: float  # share of the other rows labelled right
    lost: float  # macro-F1 on real passages, less than the shipped default has; NaN: not measured
    penalty: float = float("nan")


def learning(
    seeds: Annotated[int, typer.Option(help="Users; each has a rule.")] = len(RULES),
    size: Annotated[list[int] | None, typer.Option(help="Rows. Repeatable.")] = None,
    data: Annotated[Path, typer.Option(help="Folder with real/passages.jsonl.")] = DATA,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every run.")] = None,
) -> None:
    """Print what each method learns and loses."""
    scorer = load_encoder_to_fit_heads()
    real = real_passages(scorer, data)
    runs: list[Run] = []
    for seed in range(seeds):
        for rows in size or SIZES:
            drawn = draw_rows(seed, rows)
            runs += run_all(scorer, drawn, real, seed)
            print(f"user {seed}, {rows} rows: {drawn.rule.name}", file=sys.stderr)
    print(f"{len(real.y_true):,} real passages left out of training; {seeds} users\n")
    columns, *lines = table(runs)
    print(markdown(columns, lines))
    if json_file:
        json_file.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")


def real_passages(scorer: EncoderScorer, data: Path) -> Real:
    """Read held-out real passages, on which the loss is measured.

    Those of the fixed set are left out: they choose the penalty.
    """
    packed = scorer.model.training_files["fixed.npz"]
    fixed = read_fixed(packed, scorer.model.heads.weights.shape[1])
    file = data / "real" / "passages.jsonl"
    if not file.is_file():
        print("data/real/passages.jsonl is not here: measured on the fixed set", file=sys.stderr)
        chosen = fixed.take(fixed.real)
        return Real(chosen.pooled, chosen.y_true, [])
    rows = read_rows(file)
    known = set(fixed.keys.tolist())
    held = held_out(rows)
    kept = [
        row
        for row, out in zip(rows, held, strict=True)
        if out and is_real(row) and fixed_set_key_of_row(row).encode() not in known
    ]
    return Real(
        _vectors(scorer, kept), label_matrix_for_training(kept), [row["text"] for row in kept]
    )


def run_all(scorer: EncoderScorer, drawn: Drawn, real: Real, seed: int) -> list[Run]:
    """Train every method on the rows of one user, and measure it."""
    pooled = _vectors(scorer, drawn.train)
    before = macro_f1_of_heads(
        real.y_true,
        labels_given_by_fitted_heads(scorer.model.heads.logits(real.pooled), scorer.model),
    )
    adapted, penalty = fit_ours(scorer, drawn.train)
    runs = []
    for method, predict in (
        (OURS, adapted),
        ("head on frozen vectors", fit_frozen(pooled, label_matrix_for_training(drawn.train))),
        ("TF-IDF + LR", fit_words(drawn.train)),
    ):

        def right(rows: Sequence[Row], predict: Predict = predict) -> float:
            y_pred = predict([row["text"] for row in rows], _vectors(scorer, rows))
            return float((y_pred == label_matrix_for_training(rows)).all(axis=1).mean())

        lost = float("nan")
        if real.texts or method != "TF-IDF + LR":
            lost = before - macro_f1_of_heads(real.y_true, predict(real.texts, real.pooled))
        runs.append(
            Run(
                method,
                seed,
                len(drawn.train),
                rule=right(drawn.test_rule),
                reworded=right(drawn.test_reworded),
                others=right(drawn.test),
                lost=lost,
                penalty=penalty if method == OURS else float("nan"),
            )
        )
    return runs


def fit_ours(scorer: EncoderScorer, rows: Sequence[Row]) -> tuple[Predict, float]:
    """Adapt the default to rows as ``tipclassify train`` does."""
    adapted = adapt_to_own(scorer, training_examples_of_rows(rows), HeadSettings())
    model = adapted.model

    def predict(texts: Sequence[str], pooled: Vectors) -> Bools:  # noqa: ARG001
        return labels_given_by_fitted_heads(model.heads.logits(pooled), model)

    return predict, adapted.penalty.penalty


def fit_frozen(pooled: Vectors, y_true: Bools) -> Predict:
    """Fit a logistic regression for each label on frozen vectors."""
    heads: list[bool | LogisticRegression] = []  # a bool where a label is constant
    for has in y_true.T:
        if has.all() or not has.any():
            heads.append(bool(has[0]))
        else:
            heads.append(LogisticRegression(max_iter=2_000).fit(pooled, has))

    def predict(texts: Sequence[str], vectors: Vectors) -> Bools:  # noqa: ARG001
        columns = [
            np.full(len(vectors), head) if isinstance(head, bool) else head.predict(vectors)
            for head in heads
        ]
        return np.stack(columns, axis=1).astype(bool)

    return predict


def fit_words(rows: Sequence[Row]) -> Predict:
    """Fit a logistic regression on TF-IDF of words and word pairs."""
    score = fit_tfidf(
        [row["text"] for row in rows], label_matrix_for_training(rows), np.ones(len(rows))
    )
    return lambda texts, vectors: score(texts) >= 0.5  # noqa: ARG005


def table(runs: Sequence[Run]) -> list[list[str]]:
    """Return the lines of the table: a mean over the users, the worst of them in brackets."""
    lines = [
        ["rows", "method", "rule learned", "in other words", "other rows right", "macro-F1 lost"]
    ]
    for rows in dict.fromkeys(run.rows for run in runs):
        for method in dict.fromkeys(run.method for run in runs):
            of_method = [run for run in runs if (run.rows, run.method) == (rows, method)]
            rule = np.array([run.rule for run in of_method])
            reworded = np.array([run.reworded for run in of_method])
            others = np.array([run.others for run in of_method])
            lost = np.array([run.lost for run in of_method])
            lines.append(
                [
                    str(rows),
                    method,
                    f"{rule.mean():.2f} ({rule.min():.2f})",
                    f"{reworded.mean():.2f} ({reworded.min():.2f})",
                    f"{others.mean():.2f} ({others.min():.2f})",
                    "–" if np.isnan(lost).any() else f"{lost.mean():.3f} ({lost.max():.3f})",
                ]
            )
    return lines


def _vectors(scorer: EncoderScorer, rows: Sequence[Row]) -> Vectors:
    texts = [row["text"] for row in rows]
    return pooled_vectors_to_fit_heads(
        scorer, texts, headings_for_training(rows), cache=resource_folder_in_user_cache("pooled")
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    typer.run(learning)
