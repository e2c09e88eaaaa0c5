"""TipClassifier is a scikit-learn estimator, of both kinds; trained on few rows it says so."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score

from tipclassify import LABELS, Classifier, Passage, TipClassifier
from tipclassify.arrays import Floats
from tipclassify.corpus.given import as_indicator, labelled_passages
from tipclassify.corpus.rows import load_corpus, read_rows
from tipclassify.evaluation.metrics import Metrics
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.text.columns import texts_as_passages
from tipclassify.training.penalty import MOST_LOST, PENALTIES

DATA = Path(__file__).resolve().parents[2] / "data"
COMPLICITY_ROWS = read_rows(DATA / "corpus" / "complicity.jsonl")
ROWS = [row for row in COMPLICITY_ROWS if row["source"] == "w5_complicity"][::2]
X = [row["text"] for row in ROWS]
NAMES = [list(row["labels"]) for row in ROWS]
Y = as_indicator(NAMES)
QUICK = TipClassifier(model="fast", folds=2)


@pytest.fixture(scope="module")
def fitted() -> TipClassifier:
    """Fit the quick estimator to all rows, for tests that leave it as it is."""
    return clone(QUICK).fit(X, Y)


# --------------------------------------------------------------------------- as scikit-learn has it


def test_labels_in_any_form_teach_the_same(fitted: TipClassifier, tmp_path: Path) -> None:
    import pandas

    scores = fitted.predict_proba(X)
    thresholds = fitted.classifier_.thresholds("balanced")
    assert np.array_equal(fitted.predict(X), (scores >= thresholds).astype(int))
    assert np.array_equal(fitted.predict(X), (fitted.decision_function(X) >= 0).astype(int))
    assert fitted.classes_.tolist() == list(LABELS)

    table = pandas.DataFrame(Y.astype(int), columns=list(LABELS))
    backwards = table[list(reversed(LABELS))]
    file = tmp_path / "mine.jsonl"
    rows = ({"text": text, "labels": names} for text, names in zip(X, NAMES, strict=True))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    dataset = load_corpus(file)
    for given in (
        (X, NAMES),
        (X, Y.astype(int)),
        (X, backwards),
        ((text for text in X), (names for names in NAMES)),
        (dataset["text"], dataset["labels"]),
        (dataset,),
    ):
        assert np.array_equal(clone(QUICK).fit(*given).predict_proba(X), scores)
    assert fitted.score(X, backwards) == fitted.score(X, Y) > 0.8
    with pytest.raises(ValueError, match="y is a table with the columns a, failure, complicity"):
        clone(QUICK).fit(X, table.rename(columns={"positive_effort": "a"}))


def test_weights_and_groups_in_any_form_count_alike_and_stay_as_they_are() -> None:
    """Weights as check_sample_weights_list, _pandas_series and _not_overwritten."""
    import pandas

    weights = np.linspace(0.5, 2, len(X))
    before = weights.copy()
    numbers = [number // 4 for number in range(len(X))]
    names = [f"narrative {number}" for number in numbers]
    expected = clone(QUICK).fit(X, Y, sample_weight=weights, groups=numbers)
    assert np.array_equal(weights, before)
    for held in (weights.tolist(), pandas.Series(weights)):
        again = clone(QUICK).fit(X, Y, sample_weight=held, groups=names)
        assert np.array_equal(again.predict_proba(X[:20]), expected.predict_proba(X[:20]))
        assert again.metrics_ == expected.metrics_


def test_it_runs_in_cross_val_score() -> None:
    scores = cross_val_score(QUICK, np.array(X, object), Y.astype(int), cv=2, scoring="f1_macro")
    assert (scores > 0.5).all()
    assert (cross_val_score(QUICK, X, NAMES, cv=KFold(2)) > 0.5).all()


def test_the_heading_of_a_passage_teaches() -> None:
    places = (
        "harbor market factory farm mine school temple office ranch quarry forest bakery".split()
    )
    texts = [f"The law was not enforced at the {a} and the {b}." for a in places for b in places]

    def under_both_headings(texts: list[str]) -> list[Passage]:
        headings = ("Forced Labor", "Working Conditions")
        return [Passage(text, 0, len(text), heading) for text in texts for heading in headings]

    passages = under_both_headings(texts[:70])
    labels = [["failure"] if passage.section == "Forced Labor" else [] for passage in passages]
    with pytest.warns(UserWarning, match="too few to learn"):  # of the labels that are not there
        fitted = clone(QUICK).fit(passages, labels)
    new = under_both_headings(texts[70:])
    failures = fitted.predict(new)[:, LABELS.index("failure")]
    assert failures.tolist() == [int(passage.section == "Forced Labor") for passage in new]


def test_a_weight_of_nothing_leaves_a_passage_out() -> None:
    weights = np.ones(len(X))
    weights[::2] = 0
    wrong = Y.copy()
    wrong[::2] = ~wrong[::2]
    left = clone(QUICK).fit(X[1::2], Y[1::2])
    weighted = clone(QUICK).fit(X, wrong, sample_weight=weights)
    agree = (left.predict(X) == weighted.predict(X)).all(axis=1).mean()
    assert agree > 0.9  # folds are others
    assert weighted.metrics_.passages == len(X) - len(X[::2])


def test_a_saved_estimator_is_the_model_that_scores(fitted: TipClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m")
    loaded = Classifier.load(tmp_path / "m")
    assert np.allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-6)
    assert loaded.meta["corpus"]["passages"] == len(X)
    assert loaded.meta["settings"] == {"seed": 0, "folds": 2}
    assert loaded.meta["metrics"] == fitted.metrics_.to_dict()
    later = deepcopy(fitted).set_params(model="default")  # of a fit to come
    later.save(tmp_path / "again")
    assert Classifier.load(tmp_path / "again").meta["sha256"] == loaded.meta["sha256"]


# Of scikit-learn's own checks, those that need no matrix of numbers as X; the others follow with
# texts.
OWN_CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.mark.parametrize("name", OWN_CHECKS)
def test_it_passes_the_check_of_scikit_learn(name: str) -> None:
    from sklearn.utils import estimator_checks

    getattr(estimator_checks, name)("TipClassifier", TipClassifier())


def test_fitting_changes_no_parameter_and_nothing_that_it_was_given() -> None:
    """As three checks of scikit-learn.

    They are check_estimators_overwrite_params, check_dict_unchanged and
    check_dont_overwrite_attributes.
    """
    estimator = clone(QUICK)
    texts = list(X)
    matrix = Y.copy()
    before = estimator.get_params()
    assert estimator.fit(texts, matrix) is estimator
    assert texts == X
    assert estimator.get_params() == before
    assert np.array_equal(matrix, Y)
    attributes = dict(vars(estimator))
    estimator.predict(X[:3])
    estimator.predict_proba(X[:3])
    estimator.score(X[:3], Y[:3])
    assert vars(estimator) == attributes
    added = {name for name in attributes if name not in before}
    assert {name for name in added if not name.endswith("_") or name.startswith("_")} == set()


def test_its_outputs_are_those_of_a_multilabel_classifier_in_any_company(
    fitted: TipClassifier,
) -> None:
    """As scikit-learn checks fits, copies, pipelines, subsets, and formats of output."""
    from sklearn.pipeline import make_pipeline
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(fitted)
    labels = fitted.predict(X[:20])
    scores = fitted.predict_proba(X[:20])
    assert (labels.shape, labels.dtype) == ((20, len(LABELS)), np.int64)
    assert (scores.shape, scores.dtype) == ((20, len(LABELS)), np.float64)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert fitted.predict([]).shape == (0, len(LABELS))
    assert np.array_equal(fitted.predict_proba(X[:20][::-1])[::-1], scores)
    assert np.array_equal(np.vstack([fitted.predict_proba([text]) for text in X[:20]]), scores)
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(X[:20]), scores)
    assert np.array_equal(copy.fit(X, Y).predict_proba(X[:20]), scores)
    piped = make_pipeline(clone(QUICK)).set_output(transform="pandas").fit(X, Y)
    assert np.array_equal(piped.predict_proba(X[:20]), scores)
    assert np.array_equal(piped.decision_function(X[:20]), fitted.decision_function(X[:20]))
    assert piped.score(X, Y) == fitted.score(X, Y)


# ---------------------------------------------------------------------------------- what is refused


class Table:
    """Stand-in with the interface that DataFrame libraries share."""

    columns = ("text", "labels")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("Police acted.", "X is a bare str: give a list of passages"),
        (b"Police acted.", "X is a bare bytes: give a list of passages"),
        (
            {"text": ["Police acted."]},
            r"X is a dict: give the column of texts, such as X\['text'\]",
        ),
        (None, "X is a bare NoneType: give a list of passages"),
        (Table(), r"X is a table: give the column of texts, such as X\['text'\]"),
        (
            ["Police acted.", float("nan")],
            "passage 1 is not a str or Passage but float: nan; leave it out",
        ),
        ([None], "passage 0 is not a str or Passage but NoneType: None; leave it out"),
        (
            [["Police acted."]],
            r"passage 0 is not a str or Passage but list: \['Police acted.'\]; leave it out",
        ),
    ],
)
def test_what_is_no_list_of_texts_is_refused_in_one_line(x: object, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        texts_as_passages(x)
    with pytest.raises(TypeError, match=f"^{message}$"):
        TipClassifier().fit(x, [[]])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (["a"], [[1, 0]], "3 columns"),
        (["a"], [["nonsense"]], "unknown label"),
        (["a", "b"], [[]], "2 passages but 1 rows"),
        (["a"], ["failure"], "bare strings"),
        (["a"], [[0, 1, 2]], "0 and 1"),
        (["a", "b"], [[], []], "no passage has a label"),
    ],
)
def test_labels_of_the_wrong_form_are_refused(x: list[str], y: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TipClassifier().fit(x, y)


def test_headings_and_groups_of_a_dataset_are_used() -> None:
    import datasets

    rows = [
        {
            "text": "One.",
            "labels": ["failure"],
            "section": "Forced Labor",
            "doc": "A",
            "pair": None,
        },
        {"text": "Two.", "labels": [], "section": None, "doc": "A", "pair": None},
        {"text": "Three.", "labels": [], "section": "", "doc": None, "pair": "p"},
    ]
    known = labelled_passages(datasets.Dataset.from_list(rows))
    assert [passage.section for passage in known.passages] == ["Forced Labor", None, None]
    assert known.y_true[:, 1].tolist() == [True, False, False]
    assert known.groups.tolist() == [0, 0, 1]


def test_documents_and_pairs_by_number_are_groups() -> None:
    import pandas

    table = pandas.DataFrame(
        {
            "text": ["One.", "Two.", "Three.", "Four.", "Five."],
            "labels": [["failure"], [], [], [], []],
            "doc": [0, 0, 1, None, None],
            "pair": pandas.array([None, None, 0, 0, None], "Int64"),
        }
    )
    assert labelled_passages(table).groups.tolist() == [0, 0, 1, 1, 2]
    table["doc"] = table["doc"].astype(object).where(table["doc"].notna(), float("nan"))
    assert labelled_passages(table).groups.tolist() == [0, 0, 1, 1, 2]


def test_missing_labels_and_groups_of_another_number_are_refused_in_one_line() -> None:
    message = r"^y is missing: give the labels of each passage, or a dataset of load_corpus"
    with pytest.raises(ValueError, match=message):
        clone(QUICK).fit(X)
    message = f"^{len(X)} passages but 2 groups: give the group of each passage$"
    with pytest.raises(ValueError, match=message):
        clone(QUICK).fit(X, Y, groups=[0, 1])


def test_random_state_draws_the_folds() -> None:
    def metrics(random_state: int | np.random.RandomState) -> Metrics:
        return clone(QUICK).set_params(random_state=random_state).fit(X, Y).metrics_

    first = metrics(1)
    assert metrics(1) == first
    assert metrics(2) != first
    assert metrics(np.random.RandomState(5)) == metrics(np.random.RandomState(5))
    clone(QUICK).set_params(random_state=None, n_jobs=None).fit(X, Y)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("policy", "bold"),
        ("folds", 1),
        ("model", "encoder"),
        ("penalty", 0),
        ("penalty", float("nan")),
    ],
)
def test_bad_settings_and_a_prediction_before_the_fit_are_refused(
    setting: str, value: object
) -> None:
    from sklearn.exceptions import NotFittedError

    estimator = TipClassifier().set_params(**{setting: value})
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    with pytest.raises(ValueError, match="use"):
        estimator.fit(X, Y)


@pytest.mark.parametrize(
    "bad", [[1.0], [-1.0 for _ in X], [float("nan") for _ in X], [0.0 for _ in X]]
)
def test_bad_weights_are_refused(bad: list[float]) -> None:
    message = "sample_weight: give a number of 0 or more for each passage"
    with pytest.raises(ValueError, match=message):
        clone(QUICK).fit(X, Y, sample_weight=bad)


@pytest.mark.parametrize("model", ["fast", "default"])
def test_labels_that_weigh_nothing_are_none(model: str) -> None:
    weights = (~Y.any(axis=1)).astype(float)
    assert 0 < weights.sum() < len(X)
    estimator = TipClassifier(model=model, folds=2)
    with pytest.raises(ValueError, match=r"^no passage has a label: nothing to learn"):
        estimator.fit(X, Y, sample_weight=weights)


# ----------------------------------------------------------------------------- the default, adapted


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Return 100 sentences of the corpus, of ten of its parts."""
    return [
        row["text"]
        for file in sorted((DATA / "corpus").glob("*.jsonl"))[:10]
        for row in read_rows(file)[::20][:10]
    ]


@pytest.fixture(scope="module")
def shipped(classifier: Classifier, sentences: list[str]) -> Floats:
    """Return the probabilities of the default for the sentences."""
    return classifier.predict_proba(sentences)


@pytest.fixture(scope="module")
def adapted() -> TipClassifier:
    """Adapt the default to rows of one file."""
    return TipClassifier(folds=2).fit(X[:120], Y[:120])


@pytest.mark.parametrize("right", [True, False])
def test_fourteen_rows_never_turn_the_default_round(
    classifier: Classifier, sentences: list[str], shipped: Floats, right: bool
) -> None:
    texts = X[::15]
    labels = Y[::15]
    message = (
        "^14 passages are few to train on: it stays close to the shipped model; label at least 100$"
    )
    with pytest.warns(UserWarning, match=message):
        mine = TipClassifier(folds=2).fit(texts, labels if right else ~labels)
    scores = mine.predict_proba(sentences)
    thresholds = classifier.thresholds()
    agree = (scores >= thresholds) == (shipped >= thresholds)
    assert len(sentences) == 100
    # All wrong by the codebook, they are a rule of their user's, and may be heard, but not by most
    # of the others.
    assert agree.all(axis=1).mean() >= (0.97 if right else 0.9)
    assert not np.array_equal(scores, shipped)  # it moved all the same


def test_a_hundred_rows_of_ones_own_move_it_towards_them(
    adapted: TipClassifier, classifier: Classifier
) -> None:
    def loss(scores: Floats) -> float:
        return float(-np.log(np.where(Y[:120], scores, 1 - scores)).mean())

    assert loss(adapted.predict_proba(X[:120])) < loss(classifier.predict_proba(X[:120]))
    assert adapted.metrics_.passages == 120
    assert adapted.metrics_.macro_f1 > 0.7  # out of fold


def test_an_adapted_default_says_what_it_started_from_and_comes_back_the_same(
    adapted: TipClassifier, classifier: Classifier, sentences: list[str], tmp_path: Path
) -> None:
    few = sentences[::10]
    adapted.save(tmp_path / "mine")
    loaded = Classifier.load(tmp_path / "mine")
    assert np.array_equal(loaded.predict_proba(few), adapted.predict_proba(few))
    assert loaded.meta["adapted_from"] == classifier.meta["sha256"] != loaded.meta["sha256"]
    assert loaded.meta["base"] == classifier.meta["base"]
    settings = {"seed": 0, "folds": 2, "penalty": adapted.penalty_.penalty}
    assert loaded.meta["settings"] == settings
    names = {file.name for file in (tmp_path / "mine").iterdir()}
    # as train.py writes
    assert {"README.md", "golden.jsonl", "fixed.npz", "moment.npz", "taught.bin"} <= names
    card = (tmp_path / "mine" / "README.md").read_text("utf-8")
    assert "120 are the user's own" in card
    assert f"They started from those in use of model `{classifier.meta['sha256'][:12]}`." in card
    assert isinstance(loaded.scorer, EncoderScorer)
    assert isinstance(classifier.scorer, EncoderScorer)
    own_heads = loaded.scorer.model.finetuned_heads
    shipped_heads = classifier.scorer.model.finetuned_heads
    assert np.array_equal(own_heads.weights, shipped_heads.weights)
    head = json.loads((tmp_path / "mine" / "model.json").read_text("utf-8"))
    assert head["metrics"] == adapted.metrics_.to_dict()


def ruled(rows: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Make sentences, labels and groups of a user for whom a pledge is an effort.

    A note on the weather has no label.
    """
    beginnings = ("Kar", "Mur", "Zor", "Lut")
    ends = ("vonia", "enia", "bland", "ha")
    places = [beginning + end for beginning in beginnings for end in ends]
    texts: list[str] = []
    labels: list[list[str]] = []
    groups: list[int] = []
    for number in range(rows):
        place = places[number % len(places)]
        if number % 3 == 0:
            texts.append(f"The government pledged to open shelter {number} in {place}.")
            labels.append(["positive_effort"])
        elif number % 3 == 1:
            texts.append(f"Courts in {place} did not convict {number} traffickers.")
            labels.append(["failure"])
        else:
            texts.append(f"It rained on {number} days in {place}.")
            labels.append([])
        groups.append(number % len(places))
    return texts, labels, groups


def test_a_rule_of_the_users_own_is_learned_and_costs_little() -> None:
    texts, labels, groups = ruled(120)
    mine = TipClassifier().fit(texts, labels, groups)
    new = [f"The government pledged to open {n} shelters in Valdoria." for n in range(2, 12)]
    # by the codebook a pledge is no effort
    assert Classifier.load().predict(new)[:, 0].mean() < 0.5
    assert mine.predict(new)[:, 0].mean() > 0.8
    assert [point.penalty for point in mine.penalty_.curve] == list(PENALTIES)
    taken = next(point for point in mine.penalty_.curve if point.penalty == mine.penalty_.penalty)
    assert taken.cost <= MOST_LOST
    assert taken.loss < mine.penalty_.curve[0].loss
    assert mine.fixed_ is not None
    gained = mine.fixed_.parts["real passages"].differences[0].difference
    assert gained >= -1.5 * MOST_LOST  # the calibration may cost half of it more


def test_a_grid_search_over_the_penalty_finds_a_small_one_for_a_rule() -> None:
    texts, labels, groups = ruled(60)
    search = GridSearchCV(TipClassifier(folds=2), {"penalty": [1_000.0, 3.0]}, cv=GroupKFold(2))
    with pytest.warns(UserWarning, match="passages are few"):
        search.fit(texts, as_indicator(labels), groups=groups)
    assert search.best_params_ == {"penalty": 3.0}


def test_rows_that_say_what_the_model_says_move_it_little(
    classifier: Classifier, sentences: list[str]
) -> None:
    mine = TipClassifier().fit(sentences, classifier.predict(sentences).astype(int))
    assert mine.fixed_ is not None
    assert abs(mine.fixed_.parts["real passages"].differences[0].difference) < MOST_LOST
