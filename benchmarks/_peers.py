"""Baseline text classifiers for ``quality.py`` and ``speed.py``.

None has a separate input for the section heading, so it is prepended (`under_heading`). Settings
of the linear ones and of fastText are the best of 5 to 15 each by out-of-fold macro-F1 on the
invented corpus; those of SetFit are its paper's. Real passages were not used for tuning.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from tipclassify.arrays import Bools, Floats
from tipclassify.labels import LABELS

if TYPE_CHECKING:
    from torch import Tensor

FASTTEXT: Final = "fastText"
_FROZEN: Final = "frozen MiniLM + LR"
_SETFIT: Final = "SetFit on MiniLM"
IN_PYTORCH: Final = (_FROZEN, _SETFIT)
_TOKENS: Final = 128  # window of MiniLM, as of our default
_PAIRS: Final = 512  # that SetFit compares, half of them alike: some minutes of a core
_CERTAIN: Final = 10.0  # log-odds of a constant label

Score = Callable[[Sequence[str]], Floats]  # texts (m) to scores (m, 3) in [0, 1]
Fit = Callable[[Sequence[str], Bools, Floats], Score]  # texts (n), labels (n, 3), weights (n)
Features = Floats | csr_matrix  # (n, features)
Vectorize = Callable[[Sequence[str]], Features]
# features (n, m), one label (n), weights (n) to feature weights (m) and bias
FitLabel = Callable[[Features, Bools, Floats], tuple[Floats, float]]


def peers(base: Path | None = None) -> dict[str, Fit]:
    """Return the baselines that can be fitted here, by name.

    Parameters
    ----------
    base : Path, optional
        Folder of all-MiniLM-L6-v2.
    """
    fits: dict[str, Fit] = {
        "TF-IDF + LR": fit_tfidf,
        "TF-IDF, characters too, + LR": fit_characters,
        "NB-SVM": fit_nbsvm,
    }
    if find_spec("fasttext"):
        fits[FASTTEXT] = FastText.fit
    if base and find_spec("torch") and find_spec("transformers"):
        fits |= {_FROZEN: partial(fit_frozen, base), _SETFIT: partial(fit_setfit, base)}
    return fits


def absent_peers(base: Path | None = None) -> dict[str, str]:
    """Return the baselines that cannot be fitted here, with their requirements."""
    minilm = '`pip install ".[train]"`, and --base with the folder of all-MiniLM-L6-v2'
    needs = {FASTTEXT: "`pip install fasttext-community`", _FROZEN: minilm, _SETFIT: minilm}
    return {name: need for name, need in needs.items() if name not in peers(base)}


def under_heading(text: str, heading: str | None) -> str:
    """Prepend the heading to the text.

    >>> under_heading("The law was not enforced.", "Forced Labor")
    'Forced Labor: The law was not enforced.'
    """
    return f"{heading}: {text}" if heading else text


# -------------------------------------------------------------------------------------- linear ones


@dataclass(frozen=True)
class Linear:
    """Linear classifier: feature weights (features, 3) and a bias for each label."""

    vectorize: Vectorize
    weights: Floats
    bias: Floats

    def __call__(self, texts: Sequence[str]) -> Floats:
        return np.asarray(expit(self.vectorize(texts) @ self.weights + self.bias))


def fit_tfidf(texts: Sequence[str], y_true: Bools, weights: Floats) -> Score:
    """Fit a logistic regression on TF-IDF of words and word pairs."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    return _fit_one_vs_rest(
        words.transform, texts, y_true, weights, _logistic(C=16, solver="liblinear")
    )


def fit_characters(texts: Sequence[str], y_true: Bools, weights: Floats) -> Score:
    """Fit a logistic regression on TF-IDF of words, word pairs, and character 3- to 5-grams."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    both = make_union(words, characters).fit(texts)
    return _fit_one_vs_rest(
        both.transform, texts, y_true, weights, _logistic(C=32, solver="liblinear")
    )


def fit_nbsvm(texts: Sequence[str], y_true: Bools, weights: Floats) -> Score:
    """Fit a linear SVM on log-count ratios of words and word pairs (Wang and Manning 2012, ACL)."""
    words = CountVectorizer(ngram_range=(1, 2), binary=True, dtype=np.float64).fit(texts)
    return _fit_one_vs_rest(words.transform, texts, y_true, weights, _naive_bayes_svm)


def _fit_one_vs_rest(
    vectorize: Vectorize, texts: Sequence[str], y_true: Bools, weights: Floats, fit: FitLabel
) -> Linear:
    features = vectorize(texts)
    table = np.zeros((features.shape[1], len(LABELS)))
    bias = np.zeros(len(LABELS))
    for j, has in enumerate(y_true.T):
        if has.all() or not has.any():
            bias[j] = _CERTAIN if has.all() else -_CERTAIN
        else:
            table[:, j], bias[j] = fit(features, has, weights)
    return Linear(vectorize, table, bias)


def _logistic(C: float, solver: str = "lbfgs", max_iter: int = 100) -> FitLabel:
    def fit(features: Features, has: Bools, weights: Floats) -> tuple[Floats, float]:
        model = LogisticRegression(C=C, solver=solver, max_iter=max_iter)
        model.fit(features, has, weights)
        return model.coef_[0], float(model.intercept_[0])

    return fit


def _naive_bayes_svm(features: csr_matrix, has: Bools, weights: Floats) -> tuple[Floats, float]:
    with_label = 1 + np.asarray(features[has].T @ weights[has])
    without = 1 + np.asarray(features[~has].T @ weights[~has])
    ratio = np.log(with_label / with_label.sum()) - np.log(without / without.sum())
    svm = LinearSVC(C=0.1, random_state=0).fit(features.multiply(ratio).tocsr(), has, weights)
    # Interpolate equally with naive Bayes, which weights all ratios alike.
    return ratio * (svm.coef_[0] + np.abs(svm.coef_[0]).mean()) / 2, float(svm.intercept_[0])


# ------------------------------------------------------------------------------------------- MiniLM


class MiniLM:
    """The encoder in PyTorch; the vector of a text is the mean of its tokens, of length 1."""

    def __init__(self, base: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        self.encoder = AutoModel.from_pretrained(base, local_files_only=True, use_safetensors=True)
        self.encoder.eval()  # no dropout, in fine-tuning neither

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Compute vectors (n, width) in one batch."""
        from torch.nn.functional import normalize

        batch = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt"
        )
        mask = batch["attention_mask"].unsqueeze(-1)
        return normalize((self.encoder(**batch).last_hidden_state * mask).sum(1), dim=1)

    def __call__(self, texts: Sequence[str]) -> Floats:
        import torch

        order = np.argsort([len(text) for text in texts])
        with torch.inference_mode():
            batches = [
                self.vectors([texts[i] for i in order[start : start + 64]]).numpy()
                for start in range(0, len(order), 64)
            ]
        return np.asarray(np.concatenate(batches)[np.argsort(order)], np.float64)

    def fine_tune(self, texts: Sequence[str], y_true: Bools) -> None:
        """Draw pairs with the same labels together, others apart, by the squared error of cosines.

        Sets of labels are drawn equally often, so that rare ones are learned too.
        """
        import torch

        torch.manual_seed(0)
        rng = np.random.default_rng(0)
        sets = np.unique(y_true, axis=0, return_inverse=True)[1].ravel()
        optimizer = torch.optim.AdamW(self.encoder.parameters(), lr=2e-5)
        for _ in range(_PAIRS // 16):
            lefts, rights = (rng.integers(sets.max() + 1, size=16) for _ in range(2))
            rights[:8] = lefts[:8]
            drawn = [rng.choice(np.flatnonzero(sets == name)) for name in (*lefts, *rights)]
            left, right = self.vectors([texts[i] for i in drawn]).split(16)
            alike = torch.from_numpy((lefts == rights).astype(np.float32))
            loss = ((left * right).sum(1) - alike).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def fit_frozen(base: Path, texts: Sequence[str], y_true: Bools, weights: Floats) -> Score:
    """Fit a logistic regression on the vectors of the encoder as it comes."""
    return _fit_one_vs_rest(MiniLM(base), texts, y_true, weights, _logistic(C=10, max_iter=1000))


def fit_setfit(base: Path, texts: Sequence[str], y_true: Bools, weights: Floats) -> Score:
    """Fine-tune the encoder on pairs, then fit as `fit_frozen` (Tunstall et al. 2022, SetFit)."""
    encoder = MiniLM(base)
    encoder.fine_tune(texts, y_true)
    return _fit_one_vs_rest(encoder, texts, y_true, weights, _logistic(C=10, max_iter=1000))


# ----------------------------------------------------------------------------------------- fastText

Prediction = tuple[tuple[str, ...], Floats]  # labels, each with its prefix, and their scores


class FastTextModel(Protocol):
    """What is used of a model of the fastText library."""

    def predict(self, line: str, k: int) -> Prediction: ...


class FastText:
    """One-vs-all fastText on words, pairs and triples (Joulin et al. 2017, EACL)."""

    def __init__(self, model: FastTextModel) -> None:
        self.model = model

    @classmethod
    def fit(cls, texts: Sequence[str], y_true: Bools, weights: Floats) -> FastText:  # noqa: ARG003
        """Train without sample weights, which fastText does not support."""
        import fasttext

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "train.txt")
            with path.open("w", encoding="utf-8", newline="\n") as file:
                for text, row in zip(texts, y_true, strict=True):
                    # fastText skips lines without a label, so "none" is one.
                    names = [name for name, has in zip(LABELS, row, strict=True) if has] or ["none"]
                    labels = " ".join(f"__label__{name}" for name in names)
                    file.write(f"{labels} {cls.line(text)}\n")
            model = fasttext.train_supervised(
                str(path), loss="ova", wordNgrams=3, lr=0.5, epoch=25, thread=1, seed=0, verbose=0
            )
            return cls(model)

    @staticmethod
    def line(text: str) -> str:
        """Tokenize a passage for fastText, which splits at white space only."""
        return " ".join(re.findall(r"\w+|[^\w\s]", text.casefold()))

    def predict(self, lines: Sequence[str]) -> list[Prediction]:
        """Return fastText's prediction for each line, one by one, which is faster than a list."""
        return [self.model.predict(line, k=-1) for line in lines]

    def __call__(self, texts: Sequence[str]) -> Floats:
        rows = []
        for labels, scores in self.predict(list(map(self.line, texts))):
            score_of = dict(zip(labels, scores, strict=True))
            rows.append([score_of.get(f"__label__{name}", 0.0) for name in LABELS])
        return np.array(rows, float)
