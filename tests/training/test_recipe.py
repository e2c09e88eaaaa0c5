"""Training by ``train.py``: training and held-out passages, written files, and messages.

The heads are fitted on the tiny encoder of ``files/``; the shipped default is where a person's own
sentences go.
"""

from __future__ import annotations

import io
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import typer
from labelled_rows import COUNTRIES, invented_rows, report_rows
from model_heads import head_of

from tipclassify import LABELS, Classifier, ModelError, Passage
from tipclassify.arrays import Bools
from tipclassify.cli.train import announcement, fit_fast, run_training
from tipclassify.corpus import rows as corpus_rows
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.rows import Row, corpus_digest, read_rows
from tipclassify.errors import InputError
from tipclassify.evaluation.behaviours import evaluate_reference_outputs
from tipclassify.labels import POLICIES
from tipclassify.model.encoder.files import read_encoder_model, write_encoder_model
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.find import load_scorer
from tipclassify.model.linear import read_linear_model
from tipclassify.training import default, fast, heads, write
from tipclassify.training.default import train_on_corpus, train_on_own
from tipclassify.training.examples import (
    bootstrap_groups,
    country_groups,
    make_examples,
)
from tipclassify.training.fast import train_fast
from tipclassify.training.fixed_set import fixed_key, fixed_rows, read_fixed
from tipclassify.training.linear import SoftPassage
from tipclassify.training.measure import Predictions, error_table
from tipclassify.training.write import Trained

# the rows of a user that are made here have one label
pytestmark = pytest.mark.filterwarnings(r"ignore:\w+. (no|every) passage:UserWarning")

ROOT = Path(__file__).resolve().parents[2]
TINY = Path(__file__).parents[1] / "files" / "tiny_encoder"
HASH = head_of(TINY)["sha256"]

LABELS_OF_ACTS: dict[str, tuple[str, ...]] = {
    "convicted nine traffickers": ("positive_effort",),
    "identified victims": ("positive_effort",),
    "failed victims": ("failure",),
    "did not act": ("failure",),
    "took bribes": ("complicity",),
    "took money": (),
    "did act": (),
    "took nine victims to a shelter": (),
}
SUBJECTS = ("police", "judges", "the government", "officers")


def corpus_of_acts() -> list[Row]:
    """Make 96 invented rows and 576 of reports, half of them under a heading without labels."""
    places = ("capital", "city", "prison")
    rows = invented_rows(SUBJECTS, LABELS_OF_ACTS, places, "{subject} {act} in {ending}.")
    for country in COUNTRIES:
        rows += report_rows(
            country,
            SUBJECTS,
            LABELS_OF_ACTS,
            "{subject} {act} ,",
            labelled_heading="Trafficking",
            other_heading="Aviation",
        )
    return rows


def rows_of_a_user() -> list[Row]:
    """Make 48 rows whose author takes money for complicity."""
    return [
        {
            "id": f"own-{subject}-{number}",
            "text": f"{subject} took money {'to them ' * number}",
            "labels": ("complicity",),
            "doc": f"d{number}",
        }
        for subject in SUBJECTS
        for number in range(12)
    ]


CORPUS = corpus_of_acts()
OWN = rows_of_a_user()
HELD = held_out(CORPUS)
REAL = np.array([is_real(row) for row in CORPUS])
# as if a random sample of whole reports had been read, one passage in nine of a part of it
DRAWN: list[Row] = [
    {**row, "stands_for": 9 if number % 2 else 1} if is_real(row) else row
    for number, row in enumerate(CORPUS)
]


@pytest.fixture(scope="module", autouse=True)
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Put a single behaviour case, and a small corpus, in place of the shipped ones.

    To read and run all takes longer than what is tested here. Fewer real passages are enough.
    """
    folder = tmp_path_factory.mktemp("cases")
    shipped = tmp_path_factory.mktemp("shipped")
    case = {"rule": "bribes", "text": "Officers took bribes.", "labels": ["complicity"]}
    (folder / "a.jsonl").write_text(json.dumps(case) + "\n", "utf-8")
    written(shipped / "corpus.jsonl", CORPUS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_rows, "shipped_corpus", lambda: shipped)
        patch.setattr(write, "default_cases_path", lambda: folder)
        patch.setattr(default, "MIN_REAL", 100)
        patch.setattr(fast, "MIN_REAL", 100)
        yield folder


def card_of(folder: Path) -> str:
    """Read the card of a model."""
    return (folder / "README.md").read_text("utf-8")


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Read all files of a model."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def flipped(rows: Sequence[Row], which: Bools) -> list[Row]:
    """Give some rows all labels that they do not have, and no other."""
    flipped_rows = []
    for row, flip in zip(rows, which, strict=True):
        if flip:
            others = tuple(set(LABELS) - set(row["labels"]))
            row = {**row, "labels": others, "labels_alone": None}
        flipped_rows.append(row)
    return flipped_rows


def complicity_of_money(model: Path) -> float:
    """Return the log-odds of a passage that only the author of `OWN` takes for complicity.

    They are those before calibration.
    """
    scorer = Classifier.load(model).scorer
    assert isinstance(scorer, EncoderScorer)
    return float(scorer.model.heads.logits(scorer.pooled(["officers took money to them"]))[0, 2])


# --------------------------------------------------------------------------------------------- rows


def test_a_real_passage_teaches_under_its_heading_and_without_it() -> None:
    rows = [
        {
            "text": "a",
            "section": "Aviation",
            "labels": (),
            "labels_alone": "failure",
            "doc": "hrr/2020/xland.html",
        },
        {"text": "b", "section": "prosecution", "labels": ("failure",), "doc": "narra-1"},
        {"text": "c", "labels": ("complicity",), "doc": "dol/xland.html"},
    ]
    examples = make_examples(rows)
    assert list(zip(examples.texts, examples.headings, strict=True)) == [
        ("a", "Aviation"),
        ("a", None),
        ("b", "prosecution"),
        ("c", None),
    ]
    assert examples.y_true.astype(int).tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert examples.row.tolist() == [0, 0, 1, 2]
    assert examples.weights.tolist() == [1, 0.5, 1, 1]
    assert examples.first.tolist() == [0, 2, 3]
    assert examples.groups[0] == examples.groups[1]
    assert make_examples([]).y_true.shape == (0, 3)


def test_passages_of_one_country_are_of_one_group() -> None:
    docs = [
        "hrr/2017/xland.html",
        "dol-pdf/Xland.pdf",
        "factbook/2020/1",
        "factbook/2020/2",
        "narra-1",
        "narra-1",
        None,
    ]
    groups = country_groups([{"text": f"t{n}", "doc": doc} for n, doc in enumerate(docs)]).tolist()
    assert groups[0] == groups[1]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 5


def test_an_error_table_counts_passages_for_what_they_are_worth() -> None:
    effort = [True, False, False]
    none = [False, False, False]
    truth = np.array([effort, effort, none, none])
    given = {policy: np.array([effort, none, effort, none]) for policy in POLICIES}
    scores = np.array([[0.9, 0, 0], [0.1, 0, 0], [0.995, 0, 0], [0.004, 0, 0]])
    groups = np.arange(4)
    predictions = Predictions(truth, scores, given, groups, np.array([3.0, 1, 1, 1]))
    table = error_table(predictions)
    assert table["passages"] == 3  # 6 * 6 / (9 + 1 + 1 + 1)
    # the two with the label are worth 1.6, 4 * 4 / (9 + 1), the two without it 2
    assert table["policies"]["cite"]["positive_effort"] == {
        "tp": 1.2,
        "fn": 0.4,
        "fp": 1.0,
        "tn": 1.0,
    }
    bins = table["histogram"]["positive_effort"]
    assert bins["with"][900] == 1.2
    assert bins["with"][100] == 0.4
    assert bins["without"][995] == 1
    assert bins["without"][4] == 1
    assert sum(bins["with"]) + sum(bins["without"]) == 3.6
    unweighted = replace(predictions, weights=np.ones(4))
    assert error_table(unweighted)["passages"] == 4
    assert "kinds" not in error_table(unweighted)
    of_kinds = error_table(unweighted, ["hrr", "dol", "hrr", "company"])["kinds"]
    assert of_kinds["human-rights reports"]["policies"]["cite"]["positive_effort"] == {
        "tp": 1,
        "fn": 0,
        "fp": 1,
        "tn": 0,
    }
    assert set(of_kinds) == {"human-rights reports", "Department of Labor reports"}


def test_an_error_table_is_of_sentences_since_rows_of_tables_are_counted_by_themselves() -> None:
    truth = np.array([[True, False, False], [False, False, False], [False, False, False]])
    wrong = {policy: np.array([truth[0], truth[0], truth[1]]) for policy in POLICIES}
    predictions = Predictions(truth, truth * 0.9, wrong, np.arange(3), np.ones(3))
    rates = error_table(predictions, ["hrr", "rows", "hrr"])["policies"]["balanced"]
    assert rates["positive_effort"] == {"tp": 1, "fn": 0, "fp": 0, "tn": 1}


def test_a_line_of_an_unknown_document_is_drawn_by_itself() -> None:
    def passage(doc: str) -> Row:
        return {"text": doc, "labels": (), "doc": doc}

    rows = [passage(doc) for doc in ("factbook", "factbook/9/2", "factbook", "factbook/9/2")]
    together = country_groups(rows)
    assert together[0] == together[2]  # held out as one, since some are of one entry
    drawn = bootstrap_groups(rows)
    assert drawn[1] == drawn[3]
    assert len(set(drawn.tolist())) == 3


# ----------------------------------------------------------------------------- heads of the default


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train heads on the corpus."""
    return train_on_corpus(CORPUS, tmp_path_factory.mktemp("plain") / "plain", start=TINY)


@pytest.fixture(scope="module")
def mine(plain: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Move these heads towards the user's rows."""
    return train_on_own(OWN, tmp_path_factory.mktemp("mine") / "mine", start=plain.out)


def test_new_heads_stand_on_the_same_encoder(plain: Trained, mine: Trained) -> None:
    before = read_encoder_model(TINY)
    for trained in (plain, mine):
        after = read_encoder_model(trained.out)
        assert after.graph == before.graph
        assert after.tokenizer == before.tokenizer
        assert after.vocabulary == before.vocabulary
        assert np.array_equal(after.finetuned_heads.weights, before.finetuned_heads.weights)
        assert not np.allclose(after.heads.weights, before.heads.weights, atol=0.01)
        assert head_of(trained.out)["base"] == {"name": "none", "licence": "Apache-2.0"}
    assert head_of(plain.out)["adapted_from"] == HASH
    assert head_of(mine.out)["adapted_from"] == head_of(plain.out)["sha256"]


def counted(rows: Sequence[Row], own: int, held: int) -> dict[str, object]:
    """Count the rows of a training as ``model.json`` does."""
    return {
        "passages": len(rows),
        "real": sum(map(is_real, rows)),
        "own": own,
        "held_out": held,
        "sha256": corpus_digest(rows),
        "labels": {label: sum(label in row["labels"] for row in rows) for label in LABELS},
    }


def test_the_folder_says_what_the_corpus_taught_and_what_measured(plain: Trained) -> None:
    head = head_of(plain.out)
    card = card_of(plain.out)
    assert head["corpus"] == counted(CORPUS, 0, int(HELD.sum()))
    assert head["corpus"]["sha256"] in card
    assert "672 labelled passages" in card
    assert "576 real passages of public reports and 96 others" in card
    assert "They started from those of the fine-tuning and were fitted on the corpus." in card
    assert head["metrics"] == plain.parts[0].metrics.to_dict()
    assert head["metrics"]["passages"] == (HELD & REAL).sum()
    assert {"README.md", "golden.jsonl"} <= set(head["files"])
    assert [part.name for part in plain.parts] == [
        "real passages",
        "human-rights reports",
        "sections on trafficking",
        "other sections",
        "invented passages",
    ]
    for part in plain.parts[1:]:
        assert f"| {part.name} | {part.metrics.passages} |" in card


def test_the_folder_says_what_the_users_rows_moved(mine: Trained) -> None:
    head = head_of(mine.out)
    card = card_of(mine.out)
    assert head["corpus"] == counted(OWN, 48, 0)
    assert "48 are the user's own" in card
    assert "The heads: They started from those in use of model" in card
    assert mine.penalty is not None
    assert f"Penalty {mine.penalty.penalty:g} on the distance from the heads before" in card
    assert head["settings"]["penalty"] == mine.penalty.penalty
    assert len(mine.penalty.curve) == 7
    assert "## Beside the model before" in card
    assert head["behaviours"] == {}  # they take longer than the fit; "tipclassify check" runs them


def test_golden_passages_are_invented_ones_held_out_and_replay(plain: Trained) -> None:
    lines = (plain.out / "golden.jsonl").read_text("utf-8").splitlines()
    invented_and_held = {
        row["text"] for row, chosen in zip(CORPUS, HELD & ~REAL, strict=True) if chosen
    }
    assert {json.loads(line)["text"] for line in lines} == invented_and_held
    assert evaluate_reference_outputs(Classifier.load(plain.out), lines) == []


def test_the_same_rows_give_the_same_bytes(plain: Trained, mine: Trained, tmp_path: Path) -> None:
    again = train_on_corpus(CORPUS, tmp_path / "of-another-name", start=TINY)
    moved = train_on_own(OWN, tmp_path / "mine", start=again.out)
    for one, other in ((again, plain), (moved, mine)):
        assert bytes_of(one.out) == bytes_of(other.out)
        assert one.table() == other.table()


def test_what_is_held_out_teaches_nothing_and_measures(plain: Trained, tmp_path: Path) -> None:
    def weights(trained: Trained) -> bytes:
        return read_encoder_model(trained.out).heads.weights.tobytes()

    held_flipped = train_on_corpus(flipped(CORPUS, HELD), tmp_path / "held", start=TINY)
    assert weights(held_flipped) == weights(plain)
    assert held_flipped.parts[0].metrics != plain.parts[0].metrics
    taught_flipped = train_on_corpus(flipped(CORPUS, ~HELD), tmp_path / "taught", start=TINY)
    assert weights(taught_flipped) != weights(plain)


def test_real_passages_calibrate_and_set_thresholds_where_there_are_enough(
    plain: Trained, tmp_path: Path
) -> None:
    start = read_encoder_model(TINY)
    trained = read_encoder_model(plain.out)
    assert trained.scale.tolist() != start.scale.tolist()
    assert trained.thresholds != start.thresholds
    invented = [row for row in CORPUS if not is_real(row)]
    of_invented = train_on_corpus(invented, tmp_path / "small", start=TINY)
    without_real = read_encoder_model(of_invented.out)
    assert without_real.scale.tolist() == start.scale.tolist()
    assert without_real.shift.tolist() == start.shift.tolist()
    assert without_real.thresholds == start.thresholds
    assert [part.name for part in of_invented.parts] == ["all passages"]


def test_own_rows_are_judged_by_heads_that_did_not_see_their_document(tmp_path: Path) -> None:
    # What is complicity in the last country cannot be known from the others.
    complicit_acts = dict.fromkeys(COUNTRIES[:5], "took bribes") | {"lutha": "trained them"}
    rows = []
    for country, complicit_act in complicit_acts.items():
        labels_of_acts = {complicit_act: ("complicity",), "did act": ()}
        for row in invented_rows(
            SUBJECTS, labels_of_acts, [country], "{subject} {act} in {ending}"
        ):
            rows.append({**row, "doc": country})
    trained = train_on_own(rows, tmp_path / "mine", start=TINY, penalty=0.01)
    known = Classifier.load(trained.out).predict([row["text"] for row in rows])
    assert known[:, 2].tolist() == ["complicity" in row["labels"] for row in rows]
    judged = trained.parts[0].metrics
    assert judged.passages == len(rows)
    assert judged.labels[2].recall == pytest.approx(5 / 6)


def test_training_reports_what_own_rows_changed_on_them_and_elsewhere(
    plain: Trained, mine: Trained
) -> None:
    assert mine.on_own is not None
    of_complicity = mine.on_own.differences[LABELS.index("complicity") + 1]
    assert of_complicity.figure == "complicity"
    assert of_complicity.this >= of_complicity.other
    table = mine.table()
    assert "what your rows changed on your rows, out of fold" in table
    assert "* taken:" in table
    assert "real passages of the fixed set, learned by neither model" in table
    assert "false alarms" in table
    assert "real passages, left out of training" in plain.table()
    assert plain.on_own is plain.penalty is None
    assert plain.fixed is not None  # beside the model before, after every training
    assert "your rows" not in plain.table()


def test_counts_of_reports_are_not_adjusted_by_the_errors_on_own_rows(
    plain: Trained, mine: Trained, tmp_path: Path
) -> None:
    start = train_on_corpus(DRAWN, tmp_path / "start", start=TINY)
    adapted = train_on_own(OWN, tmp_path / "mine", start=start.out)
    before = head_of(start.out)["error_table"]
    after = head_of(adapted.out)["error_table"]
    assert head_of(adapted.out)["metrics"]["passages"] == len(OWN)
    # of the same reports, at the new heads
    assert after["passages"] == pytest.approx(before["passages"], rel=0.01)
    assert after["histogram"] != before["histogram"]
    # without a random sample of whole reports the table of the heads before is kept
    assert head_of(mine.out)["error_table"] == head_of(plain.out)["error_table"]


def test_a_smaller_penalty_moves_further(mine: Trained, tmp_path: Path) -> None:
    def complicity_after(penalty: float) -> float:
        out = tmp_path / f"p{penalty}"
        return complicity_of_money(train_on_own(OWN, out, start=mine.out, penalty=penalty).out)

    close = complicity_after(1_000.0)
    far = complicity_after(0.1)
    assert complicity_of_money(mine.out) < close < far


def test_the_fixed_set_is_of_held_out_passages_without_their_words(mine: Trained) -> None:
    model = read_encoder_model(mine.out)
    fixed = read_fixed(model.training_files["fixed.npz"], 3)
    held_rows = [row for row, held in zip(CORPUS, HELD, strict=True) if held]
    assert set(fixed.keys.tolist()) <= {fixed_key(row).encode() for row in held_rows}
    assert fixed.real.sum() == (HELD & REAL).sum()
    data = (mine.out / "fixed.npz").read_bytes()
    assert not any(row["text"].encode() in data for row in CORPUS)
    without_real = fixed.without([row for row in held_rows if is_real(row)])
    assert not without_real.real.any()


def test_the_fixed_set_is_even_over_the_families() -> None:
    def rows_of(name: str, count: int) -> list[Row]:
        return [
            {"text": f"{name} {n}", "labels": (), "doc": f"{name}/{n}.html", "id": f"{name}{n}"}
            for n in range(count)
        ]

    of_uscode = rows_of("uscode", 300)
    rows = [*rows_of("treasury", 30_000), *of_uscode, *rows_of("factbook", 15_000)]
    held = list(compress(rows, held_out(rows)))
    counts = Counter(str(held[i]["doc"]).partition("/")[0] for i in fixed_rows(held))
    assert sum(counts.values()) == 2_000
    assert counts["uscode"] == held_out(of_uscode).sum()  # all that there are
    assert abs(counts["treasury"] - counts["factbook"]) <= 1


def test_own_rows_alone_are_judged_out_of_fold(tmp_path: Path) -> None:
    rows = [row for row in CORPUS if not is_real(row)]
    trained = train_on_own(rows, tmp_path / "mine", start=TINY)
    assert trained.parts[0].metrics.passages == len(rows)
    assert head_of(trained.out)["corpus"]["held_out"] == 0
    assert trained.on_own is not None
    assert trained.fixed is None  # this encoder brings no fixed set
    assert "not known: this model has no fixed set" in trained.table()


FINE_TUNING_SETTINGS = {
    "epochs": 4,
    "invented": 12_000,
    "batch": 32,
    "seed": 0,
    "rate": 2e-4,
    "decay": 0.9,
    "stand_in": "Arcadia",
    "no_heading": 0.3,
    "other_heading": 0.25,
    "near_identical_pairs": 2,
    "other_genres": 2,
}


def finetuned(folder: Path, **settings: object) -> Path:
    """Write the tiny encoder as a fine-tuning exports it."""
    model = replace(read_encoder_model(TINY), notices={"NOTICE": "Base: tiny", "LICENSE": "Apache"})
    meta = {
        "base": {"name": "tiny", "licence": "Apache-2.0", "sha256": "ab12"},
        "weight_bits": 7,
        "training": {"settings": {**FINE_TUNING_SETTINGS, **settings}},
    }
    write_encoder_model(folder, model, meta)
    return folder


def test_new_heads_keep_what_is_known_of_the_encoder_and_its_licence(tmp_path: Path) -> None:
    start = finetuned(tmp_path / "start")
    trained = train_on_corpus(CORPUS, tmp_path / "out" / "mine", start=start)
    assert read_encoder_model(trained.out).notices == {"NOTICE": "Base: tiny", "LICENSE": "Apache"}
    card = card_of(trained.out)
    assert "They started from those of the fine-tuning and were fitted on the corpus." in card
    epochs = (
        "4 epochs, each of all real passages of reports, of those of other genres 2 times, "
        "of invented near-identical pairs 2 times, and of 12,000 other invented ones"
    )
    assert epochs in card
    again = train_on_corpus(CORPUS, tmp_path / "again" / "mine", start=trained.out)
    # so "python train.py" twice is "python train.py" once
    assert bytes_of(again.out) == bytes_of(trained.out)


def test_a_fine_tuning_of_unknown_settings_is_not_told(tmp_path: Path) -> None:
    start = finetuned(tmp_path / "start", rate="quick")
    trained = train_on_corpus(CORPUS, tmp_path / "mine", start=start)
    assert "all layers fine-tuned" not in card_of(trained.out)


def test_passages_stand_for_those_of_whole_reports(plain: Trained, tmp_path: Path) -> None:
    trained = train_on_corpus(DRAWN, tmp_path / "drawn", start=TINY)
    real = int((HELD & REAL).sum())
    # unequal weights are worth fewer
    assert head_of(trained.out)["error_table"]["passages"] < 0.9 * real
    assert head_of(plain.out)["error_table"]["passages"] == real  # of which no sample was drawn
    fixed = read_fixed(read_encoder_model(trained.out).training_files["fixed.npz"], 3)
    assert set(fixed.stood_for[fixed.real].tolist()) == {1, 9}
    assert not fixed.stood_for[~fixed.real].any()


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    without_labels = [{**row, "labels": ()} for row in CORPUS]
    with pytest.raises(ValueError, match="no passage has a label: nothing to learn"):
        train_on_corpus(without_labels, tmp_path / "a", start=TINY)
    with pytest.raises(ModelError, match="no such model"):
        train_on_corpus(CORPUS, tmp_path / "a", start="No/Such")
    with pytest.raises(ValueError, match="at least two groups"):
        train_on_own(OWN[:1], tmp_path / "a", start=TINY)
    assert not (tmp_path / "a").exists()


# --------------------------------------------------------------------------------- the linear model


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the linear model on the corpus."""
    return train_fast(CORPUS, tmp_path_factory.mktemp("fast") / "mine")


def test_the_linear_model_learns_and_says_what_it_learned_from(linear: Trained) -> None:
    classifier = Classifier.load(linear.out)
    assert {"numpy", "onnxruntime", "tokenizers", "processor"} <= head_of(linear.out)[
        "versions"
    ].keys()
    assert classifier.predict(["judges took bribes in city."])[0].tolist() == [False, False, True]
    head = head_of(linear.out)
    card = card_of(linear.out)
    assert head["corpus"]["passages"] == len(CORPUS)
    assert head["corpus"]["held_out"] == int(HELD.sum())
    assert head["corpus"]["sha256"] == corpus_digest(CORPUS)
    assert head["corpus"]["sha256"] in card
    assert head["metrics"]["passages"] == (HELD & REAL).sum()
    assert "without labels" not in card
    assert [part.name for part in linear.parts][:2] == ["real passages", "human-rights reports"]
    lines = (linear.out / "golden.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == (HELD & ~REAL).sum()
    assert evaluate_reference_outputs(classifier, lines) == []


def test_what_is_held_out_calibrates_the_linear_model_and_teaches_it_nothing(
    linear: Trained, tmp_path: Path
) -> None:
    real_and_held = np.flatnonzero(HELD & REAL)
    wrong = np.isin(np.arange(len(CORPUS)), real_and_held[::5])
    worse = train_fast(flipped(CORPUS, wrong), tmp_path / "worse")
    before = read_linear_model(linear.out)
    after = read_linear_model(worse.out)
    assert before.hashes.tolist() == after.hashes.tolist()
    # in units of the largest: calibration stretches them all alike
    assert np.abs(before.weights.astype(int) - after.weights).max() <= 1
    assert (before.units > after.units).all()  # who errs more is less certain
    assert worse.parts[0].metrics.macro_f1 < linear.parts[0].metrics.macro_f1


def test_passages_without_labels_teach_the_linear_model_what_the_teacher_says(
    linear: Trained, tmp_path: Path
) -> None:
    soft = [
        SoftPassage(f"clerks ate {fruit}", "Aviation", [0.0, 0.0, 1.0])
        for fruit in ("figs", "nuts", "dates", "plums")
    ]
    trained = train_fast(CORPUS, tmp_path / "mine", soft=soft, teacher="a teacher")
    eating = [Passage("clerks ate figs", 0, 15, "Aviation")]
    before = Classifier.load(linear.out).predict_proba(eating)[0, 2]
    after = Classifier.load(trained.out).predict_proba(eating)[0, 2]
    assert before < 0.1 < after
    card = card_of(trained.out)
    assert "Beside them 4 passages without labels, by the scores of a teacher." in card


def test_passages_of_the_linear_model_stand_for_those_of_whole_reports(
    linear: Trained, tmp_path: Path
) -> None:
    trained = train_fast(DRAWN, tmp_path / "fast")
    real = int((HELD & REAL).sum())
    assert head_of(trained.out)["error_table"]["passages"] < 0.9 * real
    assert head_of(linear.out)["error_table"]["passages"] == real


@pytest.mark.parametrize("rows", [[row for row in CORPUS if not is_real(row)], CORPUS])
def test_where_few_real_passages_are_held_out_all_rows_are_judged_out_of_fold(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "MIN_REAL", 10_000)
    trained = train_fast(rows, tmp_path / "mine")
    measured = [row for row in rows if is_real(row)] or rows
    assert trained.parts[0].metrics.passages == len(measured)
    assert head_of(trained.out)["corpus"]["held_out"] == 0
    card = card_of(trained.out)
    assert "None was left out." in card
    assert "Measured on these rows, each judged by a model that did not see its group." in card


def test_heads_want_an_encoder(linear: Trained, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="heads are fitted on an encoder, and this is none"):
        train_on_corpus(CORPUS, tmp_path / "a", start=linear.out)


# ----------------------------------------------------------------------------------------- train.py

TRAIN_ON_SMALL_CORPUS = """
import runpy, sys
from pathlib import Path
import tipclassify.corpus.rows as rows
import tipclassify.training.write as write
cases = Path(sys.argv.pop(1))
write.default_cases_path = lambda: cases
shipped = Path(sys.argv.pop(1))
rows.shipped_corpus = lambda: shipped
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class TrainRun:
    """A run of ``train.py``."""

    exit_code: int
    stdout: str
    stderr: str


def train(*args: object) -> TrainRun:
    """Run ``train.py`` in this process."""
    out = io.StringIO()
    err = io.StringIO()
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    sys.argv = ["train.py", *map(str, args)]
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("default")  # it tells them as lines
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    for number, handler in handlers.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)
    return TrainRun(end.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", sys.argv)


def written(file: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


COMPLICITY_ROWS = read_rows(ROOT / "data/corpus/complicity.jsonl")
OWN_WORDS = [row for row in COMPLICITY_ROWS if row["source"] == "w5_complicity"][:120]


@pytest.mark.parametrize(
    ("model", "kind", "count"), [("default", "encoder", 40), ("fast", "linear", 120)]
)
def test_train_py_trains_on_ones_own_sentences(
    tmp_path: Path, model: str, kind: str, count: int
) -> None:
    out = tmp_path / "mine"
    data = written(tmp_path / "my.jsonl", OWN_WORDS[:count])
    done = train("--data", data, "--out", out, "--no-corpus", "--model", model, "--jobs", 1)
    assert done.exit_code == 0, done.stderr
    first, *between, last = done.stderr.splitlines()
    assert first == f"tipclassify: {count} passages of your own"
    few = "tipclassify: warning: 40 passages of your own are few: label 100 or more to tell a difference"
    assert (few in between) == (count < 100)
    assert f"tipclassify: makes a new model in {out}" in between
    assert last == f"tipclassify: saved {out}; use it with: tipclassify score --model {out} FILE"
    assert all(label in done.stdout for label in LABELS)
    printed = re.findall(r"macro-F1 (\d\S+)", done.stdout)[0]
    assert float(printed) == pytest.approx(head_of(out)["metrics"]["macro_f1"], abs=0.0006)
    tells_change_on_own_rows = "what your rows changed on your rows, out of fold" in done.stdout
    assert tells_change_on_own_rows == (model == "default")
    # the shipped model beside it, after every training
    assert "invented passages of the fixed set, learned by neither model" in done.stdout
    assert head_of(out)["kind"] == kind
    texts = [row["text"] for row in OWN_WORDS[:9]]
    assert Classifier.load(out).predict_proba(texts).shape == (9, 3)


def test_a_folder_that_is_no_model_is_refused_before_the_training(tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", OWN_WORDS)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("years of work", "utf-8")
    done = train("--data", rows, "--out", tmp_path / "thesis")
    assert done.exit_code == 3
    assert "thesis: a folder that is no model is in the way" in done.stderr
    assert "passages" not in done.stderr  # no row was read


def test_training_says_what_teaches_and_what_it_replaces(mine: Trained, tmp_path: Path) -> None:
    invented = [row for row in CORPUS if not is_real(row)]
    assert announcement(tmp_path / "new", invented, []) == [
        "96 invented passages, 0 real ones, 0 of your own",
        "warning: without the real passages (in a clone, 'tipclassify corpus rebuild data/real' "
        "fetches them): nothing here measures it on real reports",
        f"makes a new model in {tmp_path / 'new'}",
    ]
    assert announcement(mine.out, [], OWN) == [
        "48 passages of your own",
        "warning: 48 passages of your own are few: label 100 or more to tell a difference",
        f"replaces the model {head_of(mine.out)['sha256'][:12]} in {mine.out}",
    ]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("model", ["default", "fast"])
def test_a_training_that_lacks_what_the_shipped_model_learned_goes_beside_it(
    model: Literal["default", "fast"],
    replace: bool,
    plain: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shipped = tmp_path / "models" / model
    run = start_from(plain.out, tmp_path, monkeypatch)
    if model == "default":
        shutil.copytree(plain.out, shipped)
        rows = [row for row in CORPUS if not is_real(row)]
        lacking = "576 real passages, of which 0 are here"
    else:
        soft = [SoftPassage("clerks ate figs", None, [0.0, 0.0, 1.0])]
        train_fast(CORPUS, shipped, soft=soft)
        rows = CORPUS
        lacking = "the scores of 1 unlabelled passages (--unlabelled)"
    before = bytes_of(shipped)
    run(rows, model, None, replace=replace)
    said = capsys.readouterr().err
    assert f"warning: lacks what the model in {shipped} learned: {lacking}" in said
    beside = shipped.with_name(f"{model}-new")
    assert beside.exists() is not replace
    assert (bytes_of(shipped) == before) is not replace
    assert f"saved {shipped if replace else beside};" in said
    if model == "default":  # the real passages still measure, though their words are not here
        fixed = read_encoder_model(shipped if replace else beside).training_files["fixed.npz"]
        assert read_fixed(fixed, 3).real.sum() == (HELD & REAL).sum()


def test_a_worse_model_takes_the_place_of_a_shipped_one_only_if_it_may(
    plain: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = tmp_path / "models"
    shipped = shutil.copytree(plain.out, models / "default")
    before = bytes_of(shipped)
    run = start_from(plain.out, tmp_path, monkeypatch)
    monkeypatch.setattr(default, "_PENALTY", 1e-3)
    worse = [
        row if held else {**row, "text": f"{row['text']} again"}
        for row, held in zip(flipped(CORPUS, ~HELD), HELD.tolist(), strict=True)
    ]
    run(worse, "default", tmp_path / "mine")  # where no shipped model is
    with pytest.raises(typer.Exit) as refused:
        run(worse, "default", shipped)
    assert refused.value.exit_code == 1
    assert f"worse than the model in {shipped}: macro-F1 -" in capsys.readouterr().err
    assert bytes_of(shipped) == before
    assert bytes_of(models / "default-new") == bytes_of(tmp_path / "mine")
    assert {path.name for path in models.iterdir()} == {"default", "default-new"}
    run(worse, "default", shipped, replace=True)
    assert bytes_of(shipped) == bytes_of(tmp_path / "mine")


def start_from(model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a training on a corpus, in a folder whose shipped default is a tiny one."""

    def load_tiny(_: object = None) -> object:
        return load_scorer(model)

    monkeypatch.setattr(default, "load_encoder", load_tiny)
    monkeypatch.setattr(heads, "load_encoder", load_tiny)

    def run(
        rows: Sequence[Row], kind: Literal["default", "fast"], out: Path | None, **options: bool
    ) -> None:
        run_training(
            kind,
            (),
            out,
            home=folder / "models",
            corpus=written(folder / "corpus.jsonl", rows),
            text_column="text",
            label_column="labels",
            penalty=None,
            seed=0,
            jobs=1,
            unlabelled=(),
            **options,
        )

    return run


@pytest.mark.slow
def test_train_py_writes_the_same_bytes_in_another_process_with_more_jobs(
    cases: Path, tmp_path: Path
) -> None:
    data = written(tmp_path / "my.jsonl", OWN_WORDS[:60])
    options = ("--data", data, "--no-corpus", "--model", "fast")
    mine = tmp_path / "a" / "mine"
    mine.parent.mkdir()
    here = train(*options, "--out", mine, "--jobs", 1)

    of_other_process = tmp_path / "b" / "mine"
    of_other_process.parent.mkdir()
    python = [sys.executable, "-c", TRAIN_ON_SMALL_CORPUS, cases, corpus_rows.shipped_corpus()]
    program = [ROOT / "train.py", *options, "--out", of_other_process, "--jobs", 2]
    command = [str(word) for word in (*python, *program)]
    there = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=280, check=False)
    assert (here.exit_code, there.returncode) == (0, 0), there.stderr
    assert here.stdout == there.stdout
    files = bytes_of(mine)
    assert sorted(files) == ["README.md", "golden.jsonl", "model.json", "taught.bin", "weights.npz"]
    assert bytes_of(of_other_process) == files


TEN = [
    {"text": text, "labels": labels}
    for text, labels in (
        ("Police arrested nine traffickers.", ["positive_effort"]),
        ("Courts convicted none of them.", ["failure"]),
        ("Officials took bribes from recruiters.", ["complicity"]),
        ("Girls beg in the streets.", []),
        ("The law prohibits forced labor.", ["positive_effort"]),
        ("No one was charged with trafficking.", ["failure"]),
        ("Soldiers ran the brothels.", ["complicity"]),
        ("Boys work in mines.", []),
        ("The ministry opened a shelter.", ["positive_effort"]),
        ("The shelter had no funds.", ["failure"]),
    )
]


@pytest.mark.parametrize(
    ("rows", "code", "message"),
    [
        (TEN, 0, "warning: label complicity has 2 passages: too few"),
        (
            [{**row, "labels": ["failure"]} for row in TEN],
            0,
            "warning: every passage has label failure",
        ),
        (
            [row for row in TEN if "complicity" not in row["labels"]],
            0,
            "warning: label complicity is absent",
        ),
        (
            [{**row, "labels": []} for row in TEN],
            1,
            "no passage has a label: nothing to learn; label some",
        ),
        (TEN[:1], 1, "needs passages of at least two groups"),
    ],
)
def test_a_thin_corpus_is_trained_on_with_a_warning_or_refused_in_a_line(
    rows: list[Row], code: int, message: str, tmp_path: Path
) -> None:
    data = written(tmp_path / "thin.jsonl", rows)
    out = tmp_path / "m"
    done = train("--data", data, "--out", out, "--no-corpus", "--model", "fast", "--jobs", 1)
    assert done.exit_code == code, done.stderr
    assert any(line.startswith(f"tipclassify: {message}") for line in done.stderr.splitlines())
    assert (out / "model.json").is_file() == (code == 0)


@pytest.mark.parametrize("model", ["default", "fast"])
def test_a_corpus_with_errors_trains_nothing(tmp_path: Path, model: str) -> None:
    rows = [{"text": "a", "labels": ["x"]}, {"text": "", "labels": []}]
    bad = written(tmp_path / "bad.jsonl", rows)
    done = train("--data", bad, "--out", tmp_path / "m", "--no-corpus", "--model", model)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"tipclassify: {bad}:1: unknown label 'x'; use {', '.join(LABELS)}",
        f"tipclassify: {bad}:2: empty text; remove the row",
    ]
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--data", "my.jsonl"], "with --data, say where the model shall go"),
        (["--model", "encoder"], "needs --base"),
        (["--epochs", "3"], "needs --model encoder"),
        (["--resume"], "needs --model encoder"),
        (["--base", "b", "--model", "fast"], "needs --model encoder"),
        (["--penalty", "0"], "--penalty"),
        (["--penalty", "2", "--model", "fast"], "needs --model default"),
        (["--penalty", "2"], "needs --data"),
        (["--data", "my.jsonl", "--out", "m", "--corpus"], "is not for the default"),
        (["--unlabelled", "u.jsonl"], "is not for --model default"),
        (["--model", "linear"], "--model"),
    ],
)
def test_wrong_usage_of_train_py_exits_2(args: list[str], message: str) -> None:
    done = train(*args)
    (line,) = done.stderr.splitlines()
    assert (done.exit_code, done.stdout) == (2, "")
    assert line.startswith("tipclassify: ")
    assert message in line
    assert line.endswith("; see 'train.py --help'")


def test_the_default_teaches_fast_what_it_says_of_unlabelled_passages(tmp_path: Path) -> None:
    unlabelled = [
        {"text": f"Police of district {n} arrested a recruiter.", "section": "Trafficking"}
        for n in range(30)
    ]
    known = {"text": CORPUS[0]["text"]}
    pool = written(tmp_path / "pool.jsonl", [*unlabelled, known])
    out = tmp_path / "mine"
    trained = fit_fast(CORPUS, [], out, [pool], seed=0, jobs=1)
    card = card_of(trained.out)
    sha256 = Classifier.load().meta["sha256"]
    teacher = f"by the scores of the default, model `{sha256[:12]}`."
    assert f"Beside them 30 passages without labels, {teacher}" in card
    assert head_of(trained.out)["settings"] == {"seed": 0, "soft": 30}
    assert Classifier.load(trained.out).vocabulary == Classifier.load().vocabulary


def test_own_rows_with_the_words_of_held_out_ones_are_not_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learned: list[Row] = []

    def keep(rows: Sequence[Row], *_: object, **__: object) -> Trained:
        learned.extend(rows)
        raise ValueError("that is all")

    corpus = written(tmp_path / "corpus.jsonl", CORPUS)
    measured = next(compress(CORPUS, held_out(CORPUS)))
    again = {"text": measured["text"].upper(), "labels": ["failure"]}
    new = {"text": "Karvonian police looked the other way for a year.", "labels": ["failure"]}
    with pytest.raises(InputError, match="that is all"):
        run_training(
            "encoder",
            [written(tmp_path / "my.jsonl", [again, new])],
            tmp_path / "out",
            corpus=corpus,
            text_column="text",
            label_column="labels",
            penalty=None,
            seed=0,
            jobs=1,
            unlabelled=(),
            fine_tune=keep,
        )
    texts = [row["text"] for row in learned]
    assert new["text"] in texts
    assert again["text"] not in texts
    assert measured["text"] in texts
    assert "passages of your own left out: 1, since" in capsys.readouterr().err
