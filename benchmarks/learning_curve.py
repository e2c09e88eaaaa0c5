#!/usr/bin/env python3
"""What more labelled passages bring: tipclassify trained on 500, 1000, 2000, 4000, 8000 of them, and on all.

In: a labelled corpus and, if you have one, a file of real passages, as for ``quality.py``. Out: a Markdown table on
standard output; progress goes to standard error.

Passages are drawn by whole groups, so that a draw has narratives and near twins as the corpus has them. Out-of-fold
figures are of the passages drawn, each judged by a model of the other folds (of four fifths of the draw, with 5 folds);
real passages are judged by a model of the whole draw.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import typer
from quality import DATA, KINDS, Passages, markdown, read_passages, real_macro_f1
from threadpoolctl import threadpool_limits

from tipclassify import Classifier
from tipclassify.errors import CorpusError
from tipclassify.training import fit_model

SIZES: Final = (500, 1000, 2000, 4000, 8000)
DRAWS: Final = 3  # of each size: one small draw differs from the next by more than a step of the curve


def draw_groups(groups: npt.NDArray[np.int64], size: int, seed: int) -> npt.NDArray[np.intp]:
    """Indices of `size` passages, by whole groups in random order; a group that no longer fits is passed over.

    >>> draw_groups(np.array([0, 0, 0, 1]), 2, seed=0).tolist()
    [3]
    """
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.unique(groups, return_counts=True)[1])[:-1])
    drawn: list[int] = []
    for number in np.random.default_rng(seed).permutation(len(members)):
        if len(drawn) + len(members[number]) <= size:
            drawn.extend(members[number])
    return np.sort(np.array(drawn, np.intp))


def score_draw(corpus: Passages, drawn: npt.NDArray[np.intp], real: Passages, folds: int, jobs: int) -> list[float]:
    """Macro-F1 out of fold, and of each kind of real passage."""
    texts = [corpus.texts[i] for i in drawn]
    with threadpool_limits(1):  # BLAS threads slow small vectors down
        fitted = fit_model(texts, corpus.truth[drawn], corpus.groups[drawn], folds=folds, jobs=jobs)
    return [fitted.metrics.macro_f1, *real_macro_f1(real, Classifier(fitted.model).predict(real.texts))]


def learning_curve(
    data: Annotated[list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")] = None,
    real: Annotated[Path | None, typer.Option(help="Real passages with text, labels and kind.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = 1,
) -> None:
    """Train on more and more passages, and print how well each model tags."""
    try:
        corpus, outside = read_passages(data or [DATA]), read_passages([real] if real else [], real=True)
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    every = len(corpus.texts)
    rows = []
    for size in (*(size for size in SIZES if size < every), every):
        draws = DRAWS if size < every else 1
        print(f"{size} passages, {draws} times …", file=sys.stderr)
        drawn = [draw_groups(corpus.groups, size, seed) for seed in range(draws)]
        means = np.mean([score_draw(corpus, one, outside, folds, jobs) for one in drawn], axis=0)
        found = f"{np.mean([len(one) for one in drawn]):.0f}{' (all)' if size == every else ''}"
        rows.append([found, str(draws), *(f"{x:.3f}" for x in means)])
    kinds = [f"{kind} macro-F1" for kind in KINDS] if real else []
    print(markdown(["passages", "draws", "out-of-fold macro-F1", *kinds], rows))


if __name__ == "__main__":
    typer.run(learning_curve)
