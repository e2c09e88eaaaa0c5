#!/usr/bin/env python3
"""How many labels choosing them saves: passages drawn at random, by uncertainty, by `tipclassify.pipeline.active_learning` and by a peer.

In: a labelled corpus, whose labels are asked for as an annotator would be asked. Out: a Markdown table on standard output
(``--json``: every curve), and with ``--write`` the plot ``docs/active.svg``; progress goes to standard error.

- A fifth of the groups is held out in each run, and never asked for. Every strategy starts from the same 500 passages.
- After each batch a model of the n-grams of `fast` (whole passages, no best clause: seconds, not hours) is fitted anew on
  what is labelled; calibration and thresholds are chosen on two folds of that, as training chooses its own.
- Words are told from names with the vocabulary of the whole corpus, which knows no labels.
- CLUE (Prabhu et al. 2021, ICCV), of scikit-activeml, is the peer: k-means weighted by uncertainty, on 64 dimensions.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer
from _measure import DATA, markdown
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from scipy.special import expit, logit
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tipclassify.corpus.loading import group_rows, read_rows
from tipclassify.errors import CorpusError
from tipclassify.evaluation.metrics import measure, rounded
from tipclassify.labels import LABELS, indicator
from tipclassify.pipeline.active_learning import rank
from tipclassify.text.document import Passage
from tipclassify.text.features.hashing import featurize
from tipclassify.text.features.templates import length_scale
from tipclassify.text.features.tokenizer import known_words
from tipclassify.training.calibration import operating_points

START: Final = 500
FIRST: Final = 70  # seeds below chose the settings of `teaching`, and judge nothing
PLOT: Final = Path(__file__).resolve().parents[1] / "docs" / "active.svg"
PEER: Final = "CLUE (scikit-activeml)"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts (n), counts of their n-grams (n, m), labels (n, 3), groups (n), and their places in 64 dimensions (n, 64)."""

    texts: list[str]
    counts: csr_matrix
    truth: Bools
    groups: Ints
    places: Floats


@dataclass(frozen=True, slots=True)
class Round:
    """What a strategy may look at: everything but the labels of `left`.

    Attributes
    ----------
    left, labelled : int (k,), (l,)
        Passages by number.
    logits : float (k, 3)
        Calibrated log-odds of those left.
    thresholds : float (3,)
        As probabilities.
    """

    corpus: Corpus
    left: Ints
    labelled: Ints
    logits: Floats
    thresholds: Floats
    size: int
    seed: int


Strategy = Callable[[Round], Ints]

# --------------------------------------------------------------------------------------------- strategies


def by_chance(now: Round) -> Ints:
    """Positions among those left, drawn at random."""
    return np.random.default_rng([now.seed, len(now.labelled)]).permutation(len(now.left))[: now.size]


def by_uncertainty(now: Round) -> Ints:
    """Those with a label nearest to its threshold."""
    return np.argsort(np.abs(now.logits - logit(now.thresholds)).min(axis=1), kind="stable")[: now.size]


def by_teaching(now: Round) -> Ints:
    """Those that `tipclassify corpus queue` would ask for."""
    texts = [now.corpus.texts[i] for i in now.left]
    known = [now.corpus.texts[i] for i in now.labelled]
    tagged = [
        Passage(text, 0, len(text), scores=dict(zip(LABELS, scores, strict=True)))
        for text, scores in zip(texts, expit(now.logits).tolist(), strict=True)
    ]
    picks = rank(tagged, now.thresholds, now.size, known=known, seed=now.seed)
    return np.array([pick.index for pick in picks], np.int64)


def by_clue(now: Round) -> Ints:
    """The peer's choice: each set of labels is a class of its own, since it knows one label a passage only."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Clue
    from sklearn.cluster import MiniBatchKMeans

    class Known(SkactivemlClassifier):  # type: ignore[misc]
        """Hands out what the round has computed already."""

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Known:  # noqa: ARG002
            return self

        def predict_proba(self, X: Floats) -> tuple[Floats, Floats]:
            p = expit(X[:, 64:])
            sets = np.stack([np.prod(np.where(indicator_of(s), p, 1 - p), axis=1) for s in range(8)], axis=1)
            return sets, X[:, :64]

    places = np.concatenate([now.corpus.places[now.left], now.logits], axis=1)
    y = np.full(len(places), np.nan)
    clusters = {"random_state": now.seed, "n_init": 1, "max_iter": 10, "batch_size": 2_048}
    clue = Clue(cluster_algo=MiniBatchKMeans, cluster_algo_dict=clusters, random_state=now.seed)
    model = Known(classes=list(range(8)))
    chosen = clue.query(places, y, model, fit_estimator=False, batch_size=now.size)
    return np.asarray(chosen, np.int64)


def indicator_of(number: int) -> list[bool]:
    """Labels of set `number`: its bits.

    >>> indicator_of(5)
    [True, False, True]
    """
    return [bool(number >> j & 1) for j in range(len(LABELS))]


STRATEGIES: Final[dict[str, Strategy]] = {
    "random": by_chance,
    "uncertainty": by_uncertainty,
    "tipclassify": by_teaching,
    PEER: by_clue,
}

# --------------------------------------------------------------------------------------------- one run


def read_corpus(paths: Sequence[Path], places: bool) -> Corpus:
    """The matrix is built once, for all runs."""
    from sklearn.decomposition import TruncatedSVD

    rows = read_rows(*paths)
    texts = [row["text"] for row in rows]
    features = featurize(texts, known_words(texts))
    _, column = np.unique(features.hash, return_inverse=True)
    scale = length_scale(np.bincount(features.row, minlength=len(texts)))[features.row]
    counts = csr_matrix((scale, (features.row, column)), shape=(len(texts), int(column.max()) + 1))
    counts.sum_duplicates()
    counts = counts[:, np.flatnonzero(np.bincount(counts.indices) >= 3)].tocsr()
    counts.sort_indices()
    svd = TruncatedSVD(64, random_state=0).fit_transform(counts) if places else np.zeros((len(texts), 0))
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    return Corpus(texts, counts, truth, np.array(group_rows(rows), np.int64), svd)


def fit(corpus: Corpus, labelled: Ints, others: Ints) -> tuple[Floats, Floats]:
    """Calibrated log-odds of `others`, (k, 3), and thresholds, by a model of `labelled`."""
    fold = corpus.groups[labelled] % 2
    logits, thresholds = np.zeros((len(others), len(LABELS))), np.full(len(LABELS), 0.5)
    for j in range(len(LABELS)):
        truth = corpus.truth[labelled, j]
        held = np.zeros(len(labelled))
        for k in range(2):
            held[fold == k] = _scores(corpus.counts, labelled[fold != k], truth[fold != k], labelled[fold == k])
        raw = _scores(corpus.counts, labelled, truth, others)
        if truth.sum() < 2 or truth.all():
            logits[:, j] = raw
            continue
        platt = LogisticRegression(C=1e3).fit(held[:, None], truth)
        logits[:, j] = platt.decision_function(raw[:, None])
        thresholds[j] = operating_points(truth, platt.predict_proba(held[:, None])[:, 1])["balanced"]
    return logits, np.clip(thresholds, 0.02, 0.98)


def _scores(counts: csr_matrix, seen: Ints, truth: Bools, others: Ints) -> Floats:
    if truth.all() or not truth.any():
        return np.full(len(others), 5.0 if truth.any() else -5.0)
    model = LogisticRegression(C=2.0, solver="liblinear", tol=1e-2).fit(counts[seen], truth)
    return np.asarray(model.decision_function(counts[others]))


def run(corpus: Corpus, choose: Strategy, seed: int, batch: int, most: int) -> list[tuple[float, float]]:
    """Macro-F1 and mean average precision on the groups held out, after 500 labels and after each batch."""
    rng = np.random.default_rng(seed)
    names = np.unique(corpus.groups)
    held = np.isin(corpus.groups, rng.permutation(names)[: len(names) // 5])
    test, pool = np.flatnonzero(held), np.flatnonzero(~held)
    labelled = np.sort(rng.permutation(pool)[:START])
    curve = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # k-means warns of what it is asked to do
        while True:
            left = np.setdiff1d(pool, labelled)
            logits, thresholds = fit(corpus, labelled, np.concatenate([test, left]))
            scores = expit(logits[: len(test)])
            found = measure(corpus.truth[test], scores, scores >= thresholds, thresholds)
            curve.append((found.macro_f1, float(np.mean([row.average_precision for row in found.labels]))))
            size = min(batch, most - len(labelled), len(left))
            if size <= 0:
                return curve
            chosen = choose(Round(corpus, left, labelled, logits[len(test) :], thresholds, size, seed))
            labelled = np.union1d(labelled, left[chosen])


# --------------------------------------------------------------------------------------------- figures


def labels_needed(curve: Floats, sizes: Ints, target: float) -> float:
    """Labels at which a curve first reaches `target`, between its points; NaN where it never does.

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


def interval(values: Floats) -> tuple[float, float, float]:
    """Mean and 95% interval over runs (Student's t); NaN ends for a single run."""
    if len(values) < 2:
        return (float(values[0]) if len(values) else float("nan")), float("nan"), float("nan")
    mean = float(np.mean(values))
    half = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def figures(curves: dict[str, Floats], precision: dict[str, Floats], sizes: Ints) -> list[dict[str, Any]]:
    """For each strategy: labels for the macro-F1 that chance reaches in the end, macro-F1 there, and against chance."""
    targets = curves["random"][:, -1]
    rows = []
    for name, found in curves.items():
        needed = np.array([labels_needed(c, sizes, t) for c, t in zip(found, targets, strict=True)])
        reached = needed[~np.isnan(needed)]
        rows.append(
            {
                "strategy": name,
                "labels_for_the_same": interval(reached),
                "reached": len(reached),
                "runs": len(needed),
                "macro_f1": {int(n): interval(found[:, i]) for i, n in enumerate(sizes)},
                "mean_f1_over_random": interval((found - curves["random"]).mean(axis=1)),
                "mean_f1_over_uncertainty": interval((found - curves["uncertainty"]).mean(axis=1)),
                "mean_precision_over_random": interval((precision[name] - precision["random"]).mean(axis=1)),
                "mean_precision_over_uncertainty": interval((precision[name] - precision["uncertainty"]).mean(axis=1)),
            }
        )
    return rows


def table(rows: Sequence[dict[str, Any]], sizes: Ints) -> str:
    """The figures as Markdown."""
    shown = [int(n) for n in sizes[:-1] if n in (1_000, 2_000, 4_000)] + [int(sizes[-1])]
    columns = ["strategy", "labels for random's last F1", *(f"macro-F1 at {n:,}" for n in shown)]
    columns += ["mean F1 less random's", "less uncertainty's", "mean precision less random's"]

    def cell(values: Sequence[float], form: str) -> str:
        mean, low, high = (format(v, form) for v in values)
        return mean if values[1] != values[1] else f"{mean} [{low}, {high}]"

    def needed(row: dict[str, Any]) -> str:
        part = "" if row["reached"] == row["runs"] else f" in {row['reached']} of {row['runs']} runs"
        return cell(row["labels_for_the_same"], ",.0f") + part if row["reached"] else "not reached"

    body = [
        [
            row["strategy"],
            needed(row),
            *(cell(row["macro_f1"][n], ".3f") for n in shown),
            *(
                "" if row["strategy"] == other else cell(row[figure], "+.3f")
                for other, figure in (
                    ("random", "mean_f1_over_random"),
                    ("uncertainty", "mean_f1_over_uncertainty"),
                    ("random", "mean_precision_over_random"),
                )
            ),
        ]
        for row in rows
    ]
    return markdown(columns, body)


def plot(curves: dict[str, Floats], sizes: Ints) -> None:
    """Mean curves with the range of the runs, always the same bytes for the same figures."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    style = {"svg.hashsalt": "active", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
    looks = dict(zip(curves, (("#595959", ":"), ("#b35806", "--"), ("#1b6ca8", "-"), ("#2d7d46", "-.")), strict=False))
    with mpl.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
        for name, found in curves.items():
            color, line = looks[name]
            axes.plot(sizes, found.mean(axis=0), line, color=color, label=name)
            axes.fill_between(sizes, found.min(axis=0), found.max(axis=0), color=color, alpha=0.12, linewidth=0)
        axes.set_xlabel("passages labelled")
        axes.set_ylabel("macro-F1 on held-out groups")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower right")
        staged = PLOT.with_suffix(".part")
        figure.savefig(staged, format="svg", metadata={"Date": None})
        pyplot.close(figure)
        staged.replace(PLOT)


def active(
    data: Annotated[list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Seeds, each with groups of its own held out.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Labels asked for at a time.")] = 250,
    most: Annotated[int, typer.Option(min=START, help="Labels asked for in all.")] = 6_000,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Every figure as one JSON object.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Write the plot to docs/{PLOT.name}.")] = False,
) -> None:
    """Simulate annotators who label what a strategy asks for, and print how soon the model tags as well."""
    has_peer = find_spec("skactiveml") is not None
    try:
        corpus = read_corpus(data or [DATA], has_peer)
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    strategies = {name: choose for name, choose in STRATEGIES.items() if has_peer or name != PEER}
    tasks = [(name, FIRST + number) for number in range(runs) for name in strategies]
    work = (delayed(run)(corpus, strategies[name], seed, batch, most) for name, seed in tasks)
    found: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in strategies}
    for (name, seed), curve in zip(tasks, Parallel(jobs, return_as="generator")(work), strict=True):
        found[name].append(curve)
        print(f"run {seed - FIRST + 1} of {runs}, {name}: {curve[0][0]:.3f} to {curve[-1][0]:.3f}", file=sys.stderr)
    curves, precision = ({name: np.array(runs_of)[:, :, part] for name, runs_of in found.items()} for part in range(2))
    steps = curves["random"].shape[1]
    sizes = np.minimum(START + batch * np.arange(steps), most)
    rows = figures(curves, precision, sizes)
    if as_json:
        every = [
            {name: np.round(c, 4).tolist() for name, c in of_strategies.items()}
            for of_strategies in (curves, precision)
        ]
        print(
            json.dumps(rounded({"sizes": sizes.tolist(), "macro_f1": every[0], "precision": every[1], "figures": rows}))
        )
    else:
        print(table(rows, sizes))
        if not has_peer:
            print(f"\n{PEER} is not installed. For its row: `pip install scikit-activeml`")
    if write:
        plot(curves, sizes)
        print(f"wrote docs/{PLOT.name}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(active)
