#!/usr/bin/env python3
"""Simulate active learning: labels saved by random, uncertainty, `tipclassify` and CLUE sampling.

In: a labelled corpus, whose labels simulate the annotator. Out: a Markdown table on standard output
(``--json``: every curve), and with ``--write`` the plot ``docs/contributing/active.svg``; progress
goes to standard error.

- A fifth of the groups is held out in each run. Every strategy starts from the same 500 passages.
- After each batch a model on the n-grams of `fast` (whole passages, no best clause: seconds, not
  hours) is refitted on the labelled passages, with calibration and thresholds by two-fold
  cross-validation.
- The vocabulary that separates words from names is that of the whole corpus; it uses no labels.
- CLUE (Prabhu et al. 2021, ICCV), from scikit-activeml, is the baseline: k-means weighted by
  uncertainty, in 64 dimensions.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from _measure import DATA, markdown
from _plots import plot
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from scipy.special import expit, logit
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.next import rank_to_label
from tipclassify.corpus.rows import group_rows, read_rows
from tipclassify.errors import CorpusError
from tipclassify.evaluation.metrics import measure, rounded_metric
from tipclassify.labels import LABELS, label_indicator
from tipclassify.records import Passage
from tipclassify.text.hashing import featurize
from tipclassify.text.templates import text_length_feature_scale
from tipclassify.text.tokens import collect_vocabulary
from tipclassify.training.calibration import choose_calibration_thresholds

START: Final = 500
FIRST: Final = 70  # lower seeds tuned `active_learning`, and are not evaluated
PLOT: Final = Path(__file__).resolve().parents[1] / "docs" / "contributing" / "active.svg"
CLUE: Final = "CLUE (scikit-activeml)"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages and their features."""

    texts: list[str]  # (n)
    counts: csr_matrix  # (n, m), of n-grams
    y_true: Bools  # (n, 3)
    groups: Ints  # (n,)
    embeddings: Floats  # (n, 64), of a truncated SVD


@dataclass(frozen=True, slots=True)
class Round:
    """Input of a sampling strategy: everything but the labels of `left`.

    Attributes
    ----------
    left, labelled : int (k,), (l,)
        Passage numbers, unlabelled and labelled.
    logits : float (k, 3)
        Calibrated log-odds of the unlabelled passages.
    thresholds : float (3,)
        Probabilities.
    """

    corpus: Corpus
    left: Ints
    labelled: Ints
    logits: Floats
    thresholds: Floats
    size: int
    seed: int


Strategy = Callable[[Round], Ints]

# --------------------------------------------------------------------------------------- strategies


def sample_random(now: Round) -> Ints:
    """Sample positions of `left` at random."""
    rng = np.random.default_rng([now.seed, len(now.labelled)])
    return rng.permutation(len(now.left))[: now.size]


def sample_uncertain(now: Round) -> Ints:
    """Choose the positions with a label nearest to its threshold."""
    distance = np.abs(now.logits - logit(now.thresholds)).min(axis=1)
    return np.argsort(distance, kind="stable")[: now.size]


def sample_active(now: Round) -> Ints:
    """Choose the positions that ``tipclassify corpus queue`` would choose."""
    texts = [now.corpus.texts[i] for i in now.left]
    known = [now.corpus.texts[i] for i in now.labelled]
    tagged = [
        Passage(text, 0, len(text), scores=dict(zip(LABELS, scores, strict=True)))
        for text, scores in zip(texts, expit(now.logits).tolist(), strict=True)
    ]
    picks = rank_to_label(tagged, now.thresholds, now.size, known=known, seed=now.seed)
    return np.array([pick.index for pick in picks], np.int64)


def sample_clue(now: Round) -> Ints:
    """Choose positions by CLUE; each set of labels is a class, because CLUE is single-label."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Clue
    from sklearn.cluster import MiniBatchKMeans

    class Known(SkactivemlClassifier):  # type: ignore[misc]
        """Return the predictions that the round has already computed."""

        def fit(
            self,
            X: Floats,  # noqa: ARG002
            y: Floats,  # noqa: ARG002
            sample_weight: Floats | None = None,  # noqa: ARG002
        ) -> Known:
            return self

        def predict_proba(self, X: Floats) -> tuple[Floats, Floats]:
            p = expit(X[:, 64:])
            sets = np.stack(
                [np.prod(np.where(indicator_of(s), p, 1 - p), axis=1) for s in range(8)], axis=1
            )
            return sets, X[:, :64]

    vectors = np.concatenate([now.corpus.embeddings[now.left], now.logits], axis=1)
    y = np.full(len(vectors), np.nan)
    clusters = {"random_state": now.seed, "n_init": 1, "max_iter": 10, "batch_size": 2_048}
    clue = Clue(cluster_algo=MiniBatchKMeans, cluster_algo_dict=clusters, random_state=now.seed)
    model = Known(classes=list(range(8)))
    chosen = clue.query(vectors, y, model, fit_estimator=False, batch_size=now.size)
    return np.asarray(chosen, np.int64)


def indicator_of(number: int) -> list[bool]:
    """Return the labels of set `number`, its bits.

    >>> indicator_of(5)
    [True, False, True]
    """
    return [bool(number >> j & 1) for j in range(len(LABELS))]


STRATEGIES: Final[dict[str, Strategy]] = {
    "random": sample_random,
    "uncertainty": sample_uncertain,
    "tipclassify": sample_active,
    CLUE: sample_clue,
}

# ------------------------------------------------------------------------------------------ one run


def read_corpus(paths: Sequence[Path], with_embeddings: bool) -> Corpus:
    """Read rows and build their feature matrices, once for all runs."""
    from sklearn.decomposition import TruncatedSVD

    rows = read_rows(*paths)
    texts = [row["text"] for row in rows]
    features = featurize(texts, collect_vocabulary(texts))
    _, column = np.unique(features.hash, return_inverse=True)
    scale = text_length_feature_scale(np.bincount(features.row, minlength=len(texts)))[features.row]
    counts = csr_matrix((scale, (features.row, column)), shape=(len(texts), int(column.max()) + 1))
    counts.sum_duplicates()
    counts = counts[:, np.flatnonzero(np.bincount(counts.indices) >= 3)].tocsr()
    counts.sort_indices()
    svd = (
        TruncatedSVD(64, random_state=0).fit_transform(counts)
        if with_embeddings
        else np.zeros((len(texts), 0))
    )
    y_true = np.array([label_indicator(row["labels"]) for row in rows], bool)
    return Corpus(texts, counts, y_true, np.array(group_rows(rows), np.int64), svd)


def fit(corpus: Corpus, labelled: Ints, others: Ints) -> tuple[Floats, Floats]:
    """Fit a model on `labelled`; return calibrated log-odds of `others` (k, 3), thresholds (3,)."""
    fold = corpus.groups[labelled] % 2
    logits = np.zeros((len(others), len(LABELS)))
    thresholds = np.full(len(LABELS), 0.5)
    for j in range(len(LABELS)):
        y_true = corpus.y_true[labelled, j]
        held = np.zeros(len(labelled))
        for k in range(2):
            held[fold == k] = _scores(
                corpus.counts, labelled[fold != k], y_true[fold != k], labelled[fold == k]
            )
        raw = _scores(corpus.counts, labelled, y_true, others)
        if y_true.sum() < 2 or y_true.all():
            logits[:, j] = raw
            continue
        platt = LogisticRegression(C=1e3).fit(held[:, None], y_true)
        logits[:, j] = platt.decision_function(raw[:, None])
        scores = platt.predict_proba(held[:, None])[:, 1]
        thresholds[j] = choose_calibration_thresholds(y_true, scores)["balanced"]
    return logits, np.clip(thresholds, 0.02, 0.98)


def _scores(counts: csr_matrix, seen: Ints, y_true: Bools, others: Ints) -> Floats:
    if y_true.all() or not y_true.any():
        return np.full(len(others), 5.0 if y_true.any() else -5.0)
    model = LogisticRegression(C=2.0, solver="liblinear", tol=1e-2).fit(counts[seen], y_true)
    return np.asarray(model.decision_function(counts[others]))


def run(
    corpus: Corpus, choose: Strategy, seed: int, batch: int, most: int
) -> list[tuple[float, float]]:
    """Compute macro-F1 and mean average precision on held-out groups, after each batch."""
    rng = np.random.default_rng(seed)
    names = np.unique(corpus.groups)
    held = np.isin(corpus.groups, rng.permutation(names)[: len(names) // 5])
    test = np.flatnonzero(held)
    pool = np.flatnonzero(~held)
    labelled = np.sort(rng.permutation(pool)[:START])
    curve = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # expected warnings of k-means
        while True:
            left = np.setdiff1d(pool, labelled)
            logits, thresholds = fit(corpus, labelled, np.concatenate([test, left]))
            scores = expit(logits[: len(test)])
            metrics = measure(corpus.y_true[test], scores, scores >= thresholds, thresholds)
            precision = float(np.mean([row.average_precision for row in metrics.labels]))
            curve.append((metrics.macro_f1, precision))
            size = min(batch, most - len(labelled), len(left))
            if size <= 0:
                return curve
            now = Round(corpus, left, labelled, logits[len(test) :], thresholds, size, seed)
            chosen = choose(now)
            labelled = np.union1d(labelled, left[chosen])


# ------------------------------------------------------------------------------------------ figures


def labels_needed(curve: Floats, sizes: Ints, target: float) -> float:
    """Interpolate the number of labels at which a curve first reaches `target`; NaN if never.

    >>> labels_needed(np.array([0.5, 0.7]), np.array([500, 750]), 0.6)
    625.0
    """
    reached = np.flatnonzero(curve >= target)
    if not len(reached):
        return float("nan")
    i = int(reached[0])
    if i == 0:
        return float(sizes[0])
    return float(np.interp(target, curve[i - 1 : i + 1], sizes[i - 1 : i + 1]))


Interval = tuple[float, float, float]  # mean, lower and upper end


def interval(values: Floats) -> Interval:
    """Compute the mean and its 95% interval over runs (Student's t); NaN ends for a single run."""
    nan = float("nan")
    if len(values) < 2:
        return (float(values[0]) if len(values) else nan), nan, nan
    mean = float(np.mean(values))
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    half = float(student.ppf(0.975, len(values) - 1) * error)
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class StrategyFigures:
    """Figures of a strategy over all runs."""

    strategy: str
    labels_for_the_same: Interval  # labels for random sampling's last macro-F1
    reached: int  # runs that reach it
    runs: int
    macro_f1: dict[int, Interval]  # by number of labels
    mean_f1_over_random: Interval
    mean_f1_over_uncertainty: Interval
    mean_precision_over_random: Interval
    mean_precision_over_uncertainty: Interval


def figures(
    curves: dict[str, Floats], precision: dict[str, Floats], sizes: Ints
) -> list[StrategyFigures]:
    """Compute the figures of each strategy."""
    targets = curves["random"][:, -1]
    rows = []
    for name, f1 in curves.items():
        needed = np.array([labels_needed(c, sizes, t) for c, t in zip(f1, targets, strict=True)])
        reached = needed[~np.isnan(needed)]
        own = precision[name]
        rows.append(
            StrategyFigures(
                strategy=name,
                labels_for_the_same=interval(reached),
                reached=len(reached),
                runs=len(needed),
                macro_f1={int(size): interval(f1[:, i]) for i, size in enumerate(sizes)},
                mean_f1_over_random=interval((f1 - curves["random"]).mean(axis=1)),
                mean_f1_over_uncertainty=interval((f1 - curves["uncertainty"]).mean(axis=1)),
                mean_precision_over_random=interval((own - precision["random"]).mean(axis=1)),
                mean_precision_over_uncertainty=interval(
                    (own - precision["uncertainty"]).mean(axis=1)
                ),
            )
        )
    return rows


def table(rows: Sequence[StrategyFigures], sizes: Ints) -> str:
    """Format the figures as Markdown."""
    shown = [int(n) for n in sizes[:-1] if n in (1_000, 2_000, 4_000)] + [int(sizes[-1])]
    columns = ["strategy", "labels for random's last F1", *(f"macro-F1 at {n:,}" for n in shown)]
    columns += ["mean F1 less random's", "less uncertainty's", "mean precision less random's"]
    body = []
    for row in rows:
        cells = [row.strategy, _labels_cell(row)]
        cells += [_cell(row.macro_f1[n], ".3f") for n in shown]
        is_random = row.strategy == "random"
        is_uncertainty = row.strategy == "uncertainty"
        cells += [
            "" if is_random else _cell(row.mean_f1_over_random, "+.3f"),
            "" if is_uncertainty else _cell(row.mean_f1_over_uncertainty, "+.3f"),
            "" if is_random else _cell(row.mean_precision_over_random, "+.3f"),
        ]
        body.append(cells)
    return markdown(columns, body)


def _cell(values: Interval, form: str) -> str:
    mean, low, high = values
    if np.isnan(low):
        return format(mean, form)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def _labels_cell(row: StrategyFigures) -> str:
    if not row.reached:
        return "not reached"
    cell = _cell(row.labels_for_the_same, ",.0f")
    return cell if row.reached == row.runs else f"{cell} in {row.reached} of {row.runs} runs"


def plot_curves(curves: dict[str, Floats], sizes: Ints) -> None:
    """Plot mean curves with the range of the runs."""
    looks = (("#595959", ":"), ("#b35806", "--"), ("#1b6ca8", "-"), ("#2d7d46", "-."))
    with plot(PLOT) as axes:
        for (name, f1), (color, line) in zip(curves.items(), looks, strict=False):
            axes.plot(sizes, f1.mean(axis=0), line, color=color, label=name)
            axes.fill_between(
                sizes, f1.min(axis=0), f1.max(axis=0), color=color, alpha=0.12, linewidth=0
            )
        axes.set(xlabel="passages labelled", ylabel="macro-F1 on held-out groups")
        axes.legend(frameon=False, loc="lower right")


def active(
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Seeds, each with groups of its own held out.")
    ] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Labels asked for at a time.")] = 250,
    most: Annotated[int, typer.Option(min=START, help="Labels asked for in all.")] = 6_000,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every figure as one JSON object.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write the plot to docs/contributing/{PLOT.name}.")
    ] = False,
) -> None:
    """Simulate annotators who label what a strategy asks for, and print what that saves."""
    has_clue = find_spec("skactiveml") is not None
    try:
        corpus = read_corpus(data or [DATA], has_clue)
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    strategies = {name: choose for name, choose in STRATEGIES.items() if has_clue or name != CLUE}
    tasks = [(name, FIRST + number) for number in range(runs) for name in strategies]
    work = (delayed(run)(corpus, strategies[name], seed, batch, most) for name, seed in tasks)
    curves_of: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in strategies}
    for (name, seed), curve in zip(tasks, Parallel(jobs, return_as="generator")(work), strict=True):
        curves_of[name].append(curve)
        print(
            f"run {seed - FIRST + 1} of {runs}, {name}: {curve[0][0]:.3f} to {curve[-1][0]:.3f}",
            file=sys.stderr,
        )
    every_run = {name: np.array(run_curves) for name, run_curves in curves_of.items()}
    curves = {name: points[:, :, 0] for name, points in every_run.items()}
    precision = {name: points[:, :, 1] for name, points in every_run.items()}
    steps = curves["random"].shape[1]
    sizes = np.minimum(START + batch * np.arange(steps), most)
    rows = figures(curves, precision, sizes)
    if as_json:
        results = {
            "sizes": sizes.tolist(),
            "macro_f1": {name: np.round(c, 4).tolist() for name, c in curves.items()},
            "precision": {name: np.round(c, 4).tolist() for name, c in precision.items()},
            "figures": [asdict(row) for row in rows],
        }
        print(json.dumps(rounded_metric(results)))
    else:
        print(table(rows, sizes))
        if not has_clue:
            print(f"\n{CLUE} is not installed. For its row: `pip install scikit-activeml`")
    if write:
        plot_curves(curves, sizes)
        print(f"wrote docs/contributing/{PLOT.name}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(active)
