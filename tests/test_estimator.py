"""TipClassifier is a scikit-learn estimator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from tipclassify import LABELS, Classifier, TipClassifier
from tipclassify.corpus import read_rows
from tipclassify.estimator import as_indicator

ROWS = read_rows(Path(__file__).resolve().parents[1] / "data" / "w5_complicity.jsonl")
X = [row["text"] for row in ROWS]
NAMES = [list(row["labels"]) for row in ROWS]
Y = as_indicator(NAMES)
QUICK = TipClassifier(folds=2)


def test_names_and_indicator_matrix_teach_the_same() -> None:
    a, b = clone(QUICK).fit(X, NAMES), clone(QUICK).fit(X, Y.astype(int))
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))
    assert np.array_equal(a.predict(X), (a.predict_proba(X) >= a.fitted_.model.thresholds["balanced"]).astype(int))


def test_clone_and_params() -> None:
    copy = clone(TipClassifier(folds=3, policy="cite"))
    settings = {"strengths": (2.0,), "folds": 3, "policy": "cite", "seed": 0, "jobs": 1, "detectors": True}
    assert copy.get_params() == settings
    assert not hasattr(copy, "fitted_")


def test_it_runs_in_cross_val_score() -> None:
    scores = cross_val_score(QUICK, np.array(X, object), Y.astype(int), cv=3, scoring="f1_macro")
    assert (scores > 0.5).all()
    assert (cross_val_score(QUICK, X, NAMES, cv=KFold(3)) > 0.5).all()


def test_it_runs_in_grid_search() -> None:
    search = GridSearchCV(QUICK, {"strengths": [(0.1,), (0.8,)]}, cv=2).fit(X, Y.astype(int))
    assert search.best_estimator_.predict(X[:3]).shape == (3, len(LABELS))


def test_a_saved_estimator_is_the_model_that_scores(tmp_path: Path) -> None:
    fitted = clone(QUICK).fit(X, Y)
    fitted.save(tmp_path / "m")
    loaded = Classifier.load(tmp_path / "m")
    assert np.allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=2e-3)  # stored as half floats


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (["a"], [[1, 0]], "3 columns"),
        (["a"], [["nonsense"]], "unknown label"),
        (["a", "b"], [[]], "2 passages but 1 rows"),
        (["a"], ["failure"], "bare strings"),
        (["a"], [[0, 1, 2]], "0 and 1"),
    ],
)
def test_labels_of_the_wrong_form_are_refused(x: list[str], y: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TipClassifier().fit(x, y)


@pytest.mark.parametrize("bad", [{"policy": "bold"}, {"folds": 1}])
def test_bad_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="use"):
        TipClassifier(**bad).fit(X, Y)


def test_predicting_before_fitting_is_refused() -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        TipClassifier().predict(X)
