"""The encoder: its folder, windows over long passages, reasons by occlusion, the cascade, and the command line with each.

Most of it runs on ``files/tiny_encoder`` (see ``make_encoder.py``), which knows a few words; what is said of the real one is tested
where the checkout has it.
"""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipclassify import LABELS, Classifier, ModelError, classify
from tipclassify.encoder.cascade import CascadeScorer, error_rates_by_probability, passage_errors
from tipclassify.encoder.folder import EncoderModel, read_encoder, write_encoder
from tipclassify.encoder.graph import Graph, threads
from tipclassify.encoder.names import without_names
from tipclassify.encoder.scoring import ROUNDING, EncoderScorer
from tipclassify.encoder.spans import window_spans
from tipclassify.errors import MissingExtraError
from tipclassify.model_file import default_model_path, read_model
from tipclassify.model_folder import digest
from tipclassify.writers.reasons import reason_of

ROOT = Path(__file__).resolve().parents[1]
TINY = Path(__file__).parent / "files" / "tiny_encoder"
SHIPPED = ROOT / "models" / "encoder"
EFFORT, FAILURE, COMPLICITY = range(3)
BESIDE = [0.5, 0.25, 0.0]

Run = Callable[..., subprocess.CompletedProcess[bytes]]


for _name in ("onnxruntime", "tokenizers"):
    pytest.importorskip(_name)


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return Classifier.load(TINY)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "copy"))


def edited(folder: Path, **changes: Any) -> Path:
    """The folder with a changed head, whose hash is right."""
    head = {**json.loads((folder / "model.json").read_text("utf-8")), **changes}
    (folder / "model.json").write_text(json.dumps({**head, "sha256": digest(head)}), "utf-8")
    return folder


# --------------------------------------------------------------------------------------------- folder


def test_a_folder_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = read_encoder(TINY)
    head = {name: made.meta[name] for name in ("calibration", "window", "base")} | {"thresholds": made.thresholds}
    write_encoder(tmp_path / "a", onnx=made.graph, tokenizer=made.tokenizer, head=head, files={"README.md": "Card\n"})
    again = read_encoder(tmp_path / "a")
    assert (again.graph, again.tokenizer, again.window, again.overlap) == (made.graph, made.tokenizer, 16, 4)
    assert again.thresholds == made.thresholds
    assert again.scale.tolist() == [1.0, 0.9, 0.8]
    assert set(again.meta["files"]) == {"model.onnx", "tokenizer.json", "README.md"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder with a copy of the shipped default beside its graph."""
    made = read_encoder(TINY)
    head = {name: made.meta[name] for name in ("window", "base")} | {"thresholds": made.thresholds}
    head["calibration"] = {**made.meta["calibration"], "default": BESIDE}
    out = tmp_path_factory.mktemp("both") / "both"
    write_encoder(out, onnx=made.graph, tokenizer=made.tokenizer, head=head, default=read_model(default_model_path()))
    return out


def test_a_default_beside_the_graph_counts_as_its_weight_says(both: Path, tiny: Classifier) -> None:
    texts = ["Courts convicted nine traffickers.", "The government did not convict any officers.", ""]
    wanted = tiny.logits(texts) + Classifier.load().logits(texts) * BESIDE
    assert np.allclose(Classifier.load(both).logits(texts), wanted, atol=1e-9)


def test_a_word_that_the_default_alone_knows_is_a_reason(both: Path, tiny: Classifier) -> None:
    text = "Prosecutors indicted nine traffickers"  # "indicted" says nothing to the tiny graph
    alone, beside = (classifier.explain(text)["positive_effort"] for classifier in (tiny, Classifier.load(both)))
    fall = {reason.text: reason.weight for reason in beside.spans}
    assert {reason.text: reason.weight for reason in alone.spans}["indicted"] == 0
    without = "Prosecutors          nine traffickers"
    default = Classifier.load().logits([text, without])[:, EFFORT] * BESIDE[EFFORT]
    assert fall["indicted"] == pytest.approx(default[0] - default[1])
    assert beside.logit == pytest.approx(Classifier.load(both).logits([text])[0, EFFORT])


@pytest.mark.parametrize("name", ["default.json", "default.npz"])
def test_the_default_beside_is_checked_like_all_files(both: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(both, tmp_path / "copy"))
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ModelError, match=rf"{name}: truncated or changed since training"):
        read_encoder(folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: missing"):
        read_encoder(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match=rf"{name}: truncated or changed since training"):
        read_encoder(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: missing"):
        read_encoder(copy)


def test_a_changed_head_is_refused(copy: Path) -> None:
    text = (copy / "model.json").read_text("utf-8")
    (copy / "model.json").write_text(text.replace("0.9", "0.1"), "utf-8")
    with pytest.raises(ModelError, match="its hash does not match"):
        read_encoder(copy)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 99}, "newer tipclassify"),
        ({"labels": ["spam", "ham", "eggs"]}, "made for the labels"),
        ({"thresholds": {"balanced": [0.5, 0.5, 0.5]}}, "no thresholds for screen, cite"),
        ({"calibration": {"scale": [1, 1], "shift": [0, 0, 0]}}, "calibration's scale are not 3 numbers"),
        ({"calibration": {"scale": [1, -1, 1], "shift": [0, 0, 0]}}, "turns a label's meaning round"),
        ({"window": {"tokens": 16, "overlap": 14}}, "covers no text"),
        ({"inputs": ["input_ids", "secrets"]}, "inputs of the graph"),
        ({"files": {"../../x": "0" * 64}}, "no file with its hash"),
        ({"files": {"tokenizer.json": "0" * 64}}, "no hashes of model.onnx"),
        ({"kind": "oracle"}, "kind 'oracle'"),
    ],
)
def test_a_head_that_scoring_cannot_use_is_refused(copy: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        read_encoder(edited(copy, **changes))


def test_a_head_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    made = read_encoder(TINY)
    head = {
        "calibration": made.meta["calibration"],
        "window": {"tokens": 1, "overlap": 0},
        "thresholds": made.thresholds,
    }
    with pytest.raises(ModelError, match="covers no text"):
        write_encoder(tmp_path / "a", onnx=made.graph, tokenizer=made.tokenizer, head=head)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_graph_is_told_in_a_line(tmp_path: Path) -> None:
    made = read_encoder(TINY)
    head = {name: made.meta[name] for name in ("calibration", "window")} | {"thresholds": made.thresholds}
    write_encoder(tmp_path / "graph", onnx=b"import os", tokenizer=made.tokenizer, head=head)
    with pytest.raises(ModelError, match=r"cannot load the encoder [^\n]+$"):
        Classifier.load(tmp_path / "graph")
    write_encoder(tmp_path / "words", onnx=made.graph, tokenizer="{}", head=head)
    with pytest.raises(ModelError, match=r"tokenizer.json is not one we can use [^\n]+$"):
        Classifier.load(tmp_path / "words")
    write_encoder(tmp_path / "types", onnx=made.graph, tokenizer=made.tokenizer, head={**head, "inputs": [
        "input_ids", "attention_mask", "token_type_ids"]})  # fmt: skip
    with pytest.raises(ModelError, match=r"not what its model\.json says"):
        Classifier.load(tmp_path / "types")


def test_a_table_of_weights_is_not_read_from_an_encoder(tiny: Classifier) -> None:
    from tipclassify.model_file import read_model

    with pytest.raises(ModelError, match="kind 'encoder'"):
        read_model(TINY)
    with pytest.raises(ModelError, match="has no table of weights"):
        _ = tiny.model


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        MissingExtraError, match=r"^an encoder model needs an extra: pip install 'tipclassify\[encoder\]'$"
    ):
        EncoderScorer(read_encoder(TINY), frozenset())


def test_the_default_path_imports_nothing_of_the_encoder() -> None:
    code = (
        "import sys; from tipclassify import Classifier\n"
        "c = Classifier.load(); c.explain('Police arrested nine traffickers.'); c.tag_passages([])\n"
        "print([m for m in sys.modules if m.startswith(('onnxruntime', 'tokenizers', 'tipclassify.encoder'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------------------------- scoring


def test_an_encoder_tags_as_the_default_does(tiny: Classifier) -> None:
    text = "Courts convicted nine traffickers. Officers took bribes; judges did not act."
    found = classify(text, model=TINY)
    assert [passage.labels for passage in found] == [("positive_effort",), ("failure", "complicity")]
    assert all(text[passage.start : passage.end] == passage.text for passage in found)
    assert found == classify(text, model=tiny)
    logit = 1 + 4 - 2  # courts, convicted, bias
    assert found[0].scores["positive_effort"] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_calibration_scales_and_shifts_each_label(tiny: Classifier) -> None:
    logits = tiny.logits(["Officers took bribes and judges did not act."])[0]
    assert logits == pytest.approx([(-5 - 2) * 1.0, (5 - 2) * 0.9 + 0.1, (2 + 1 + 5 - 3) * 0.8 - 0.1])


def test_policies_and_thresholds_of_ones_own_hold(tiny: Classifier) -> None:
    text = ["Courts convicted nine traffickers."]
    assert tiny.predict(text, "cite")[0, EFFORT]
    assert not tiny.with_thresholds({"positive_effort": 0.99}).predict(text, "cite")[0, EFFORT]
    assert tiny.thresholds("cite").tolist() == [0.9] * 3


def test_passages_without_words_are_scored_and_doubtful(tiny: Classifier) -> None:
    texts = ["", "  \n", "\ud800", "Courts convicted nine traffickers in the capital."]
    assert np.isfinite(tiny.logits(texts)).all()
    assert tiny.doubtful(texts).tolist() == [True, True, True, False]
    assert tiny.logits([]).shape == (0, 3)
    assert tiny.tag_passages([]) == []


def test_what_is_doubtful_to_the_default_is_doubtful_to_the_encoder(tiny: Classifier, classifier: Classifier) -> None:
    texts = ["La policía detuvo a nueve personas.", "Police acted.", "The government did not convict any traffickers."]
    assert tiny.doubtful(texts).tolist() == classifier.doubtful(texts).tolist() == [True, True, False]


@given(st.integers(0, 400), st.integers(1, 60), st.data())
def test_every_token_of_a_long_passage_is_in_some_window(length: int, room: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, room - 1))
    spans = window_spans(length, room, overlap)
    assert {token for start, end in spans for token in range(start, end)} == set(range(length))
    assert all(end - start <= room for start, end in spans)
    assert all(end - start == room for start, end in spans) or len(spans) == 1
    assert all(a_end - b_start >= overlap for (_, a_end), (b_start, _) in pairwise(spans))


@pytest.mark.parametrize("before", [0, 5, 11, 12, 13, 30, 200])
def test_nothing_of_a_long_passage_is_cut_off(tiny: Classifier, before: int) -> None:
    text = "the " * before + "officers took bribes" + " the" * (200 - before)
    short = tiny.logits(["officers took bribes"])[0, COMPLICITY]
    assert tiny.logits([text])[0, COMPLICITY] == pytest.approx(short)


def test_a_long_passage_has_what_any_part_of_it_supports(tiny: Classifier) -> None:
    far = "Courts convicted nine traffickers " + "in the shelter of the judges " * 10 + "but judges failed them."
    assert tiny.predict([far])[0].tolist() == [True, True, False]


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(["courts convicted", "officers took bribes", "", "judges failed " * 20, "x"]), max_size=30)
)
def test_a_passage_scores_the_same_in_any_company(texts: list[str]) -> None:
    tiny = Classifier.load(TINY)
    together = tiny.logits(texts)
    alone = np.array([tiny.logits([text])[0] for text in texts]).reshape(-1, 3)
    assert np.array_equal(together, alone)


def test_half_characters_move_no_offset(tiny: Classifier) -> None:
    text = "\ud83d courts convicted them"
    found = tiny.explain(text)["positive_effort"].spans[0]
    assert text[found.start : found.end] == found.text == "convicted"


def test_scores_are_the_same_with_any_number_of_threads(tiny: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["courts convicted", "officers took bribes", "judges failed " * 20] * 5
    found = []
    for number in ("1", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", number)
        found.append(EncoderScorer(read_encoder(TINY), tiny.vocabulary).logits(texts))
    assert np.array_equal(*found)


def test_threads_follow_what_joblib_and_dask_tell_their_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert threads() >= 1


def test_a_graph_that_gives_no_numbers_is_told(tiny: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def run(self, *_: object) -> list[np.ndarray[Any, Any]]:
            return [np.full((1, 3), np.nan, np.float32)]

    graph = Graph(tiny.scorer.model)  # type: ignore[attr-defined]
    monkeypatch.setattr(graph, "_session", Silent())
    with pytest.raises(ModelError, match="a number for each label"):
        graph.logits([[2, 3]])


def test_a_loaded_encoder_is_kept_until_its_folder_changes(copy: Path) -> None:
    first = Classifier.load(copy)
    assert Classifier.load(copy).scorer is first.scorer
    edited(copy, base={"name": "other"})
    assert Classifier.load(copy).meta["base"] == {"name": "other"}


def test_an_encoder_goes_to_another_process(tiny: Classifier) -> None:
    text = ["Courts convicted nine traffickers."]
    assert np.array_equal(pickle.loads(pickle.dumps(tiny)).logits(text), tiny.logits(text))


# --------------------------------------------------------------------------------------------- names


@pytest.fixture(scope="module")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """The tiny encoder that reads each name as "bribes", a word that it knows."""
    made = read_encoder(TINY)
    head = {name: made.meta[name] for name in ("calibration", "window", "base")} | {"thresholds": made.thresholds}
    out = tmp_path_factory.mktemp("nameless") / "nameless"
    default = read_model(default_model_path())
    write_encoder(out, onnx=made.graph, tokenizer=made.tokenizer, head={**head, "stand_in": "bribes"}, default=default)
    return Classifier.load(out)


def test_names_are_read_as_their_stand_in(nameless: Classifier, tiny: Classifier) -> None:
    texts = ["Officers went to Valdoria.", "Officers went to New Zealand.", "Courts convicted nine traffickers."]
    read = ["Officers went to bribes.", "Officers went to bribes.", "Courts convicted nine traffickers."]
    assert nameless.logits(texts).tolist() == tiny.logits(read).tolist()


def test_a_reason_stands_on_the_whole_name_that_was_replaced(nameless: Classifier) -> None:
    text = "In Upper Valdoria officers met."
    falls = {span.text: span.weight for span in nameless.explain(text)["complicity"].spans}
    assert falls["Upper Valdoria"] == pytest.approx(5 * 0.8)
    assert falls["met"] == 0
    assert not {"Upper", "Valdoria"} & set(falls)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Do not return children to Valdoria.", "Do not return children to X."),
        ("DO NOT PUNISH VICTIMS", "DO NOT PUNISH VICTIMS"),
        ("New rules require a card.", "New rules require a card."),
        ("Dissolve the unit.", "Dissolve the unit."),
        ("Police left Valdoria. Thailand convicted nine.", "Police left X. X convicted nine."),
        ("Police and Kessara met; courts (Utopia) did not.", "Police and X met; courts (Utopia) did not."),
        ("The Gambian police and Mr. John Stell met.", "X police and X met."),
        ("The Government of Bosnia and Herzegovina did not act.", "The Government of X did not act."),
        ("Valdoria’s courts, Norr and Kessaran officers", "X’s courts, X officers"),
        ("Minor Kessaran victims were jailed.", "X victims were jailed."),
        ("Some Kessaran victims were jailed.", "Some X victims were jailed."),
        ("", ""),
    ],
)
def test_names_are_taken_out_and_other_words_stay(text: str, read: str, classifier: Classifier) -> None:
    assert without_names([text], classifier.vocabulary, "X")[0].text == read


def test_a_country_decides_nothing_wherever_it_stands(classifier: Classifier) -> None:
    places = ["Thailand", "New Zealand", "the Gambia", "Bosnia and Herzegovina", "Papua New Guinea"]
    for frame in ("Officials in {} took bribes.", "{} did not act.", "Courts did not act, and {}’s police did."):
        texts = [frame.format(place) for place in places]
        texts = [text[0].upper() + text[1:] for text in texts]
        assert len({one.text for one in without_names(texts, classifier.vocabulary, "X")}) == 1


def test_an_encoder_that_takes_names_out_brings_the_words_to_tell_them_by(tmp_path: Path) -> None:
    made = read_encoder(TINY)
    head = {name: made.meta[name] for name in ("calibration", "window")} | {"thresholds": made.thresholds}
    with pytest.raises(ModelError, match=r"no hashes of .* and default\.json"):
        write_encoder(tmp_path / "a", onnx=made.graph, tokenizer=made.tokenizer, head={**head, "stand_in": "X"})
    with pytest.raises(ModelError, match="names are to be replaced by ' ', which is no word"):
        write_encoder(tmp_path / "a", onnx=made.graph, tokenizer=made.tokenizer, head={**head, "stand_in": " "})


@given(st.lists(st.sampled_from(["Valdoria", "police", "of Norr", "in", "Äx", ",", "12", "  ", "’s"]), max_size=9))
def test_places_in_a_nameless_text_lead_back_to_the_text(parts: list[str]) -> None:
    text = " ".join(parts)
    one = without_names([text], frozenset({"police", "in", "of"}), "Stand In")[0]
    back, at = "", 0
    for (start, end), (first, last) in zip(one.names, one.stands, strict=True):
        assert one.text[first:last] == "Stand In"
        assert {one.before((a, b)) for a in range(first, last) for b in range(a + 1, last + 1)} == {(start, end)}
        back += one.text[at:first] + text[start:end]
        at = last
    assert back + one.text[at:] == text
    outside = set(range(len(one.text))) - {i for first, last in one.stands for i in range(first, last)}
    for i in outside:
        start, end = one.before((i, i + 1))
        assert text[start:end] == one.text[i]


# --------------------------------------------------------------------------------------------- reasons


def test_reasons_are_falls_of_the_logit_with_a_word_or_clause_masked(tiny: Classifier) -> None:
    text = "Police officers took bribes, but courts did not act."
    reason = tiny.explain(text)["complicity"]
    assert reason.method == "occlusion"
    falls = {span.text: span.weight for span in reason.spans}
    assert falls["bribes"] == pytest.approx(5 * 0.8)
    assert falls["Police officers took bribes"] == pytest.approx((2 + 1 + 5) * 0.8)
    assert falls["courts"] == pytest.approx(0)
    assert reason.logit == pytest.approx(tiny.logits([text])[0, COMPLICITY])
    assert reason.bias == pytest.approx(-3 * 0.8 - 0.1)  # all masked
    assert [abs(span.weight) for span in reason.spans] == sorted((abs(s.weight) for s in reason.spans), reverse=True)
    assert all(text[span.start : span.end] == span.text for span in reason.spans)
    assert {"not", "act"} <= set(falls)


def test_many_passages_are_explained_as_each_alone(tiny: Classifier) -> None:
    texts = ["Courts convicted nine traffickers.", "", "judges failed " * 30, "Officers took bribes."]
    assert [e["failure"].spans for e in tiny.explain_all(texts)] == [tiny.explain(t)["failure"].spans for t in texts]


def test_the_default_model_still_adds_up(classifier: Classifier) -> None:
    reason = classifier.explain("Police officers took bribes.")["complicity"]
    assert reason.method == "additive"
    assert reason.bias + sum(span.weight for span in reason.spans) == pytest.approx(reason.logit)


def test_a_card_shows_falls_as_they_are(tiny: Classifier) -> None:
    text = "Police officers took bribes, but courts did not act."
    reason = reason_of(text, tiny.explain(text)["complicity"])
    assert not reason.additive
    assert [phrase.text for phrase in reason.phrases] == ["Police officers took bribes", "bribes", "officers"]


def test_the_review_page_is_told_that_reasons_are_no_sum(tiny: Classifier, tmp_path: Path) -> None:
    from tipclassify.batch import Tagging
    from tipclassify.review.opened import open_reports
    from tipclassify.review.session import ReviewSession

    (tmp_path / "a.txt").write_text("Officers took bribes from traffickers.", "utf-8")
    reports, failures = open_reports([str(tmp_path / "a.txt")], Tagging(str(TINY)))
    assert failures == []
    session = ReviewSession(tiny, reports, tmp_path / "my.jsonl", "ana")
    told = session.reasons(reports[0].passages[0].key)["labels"]
    assert {reason["method"] for reason in told.values()} == {"occlusion"}


# --------------------------------------------------------------------------------------------- cascade


@pytest.fixture(scope="module")
def cascade() -> Classifier:
    return Classifier.load(f"cascade:{TINY}")


SURE = "Courts convicted nine traffickers and sentenced them to prison terms of five to ten years."
ODD = "Zug vor nach die Regierung hat keine Opfer."


def test_the_default_keeps_what_it_seldom_errs_on(
    cascade: Classifier, tiny: Classifier, classifier: Classifier
) -> None:
    texts = [SURE, ODD, "", "Officials said more could be done, though some measures were taken."]
    sent = cascade.sent_on(texts)
    assert sent is not None
    assert sent[:3].tolist() == [False, True, True]
    logits = cascade.logits(texts)
    assert np.array_equal(logits[~sent], classifier.logits(texts)[~sent])
    assert np.array_equal(logits[sent], tiny.logits(texts)[sent])
    assert classifier.sent_on(texts) is None
    assert tiny.sent_on(texts) is None


def test_the_bound_of_the_encoders_head_decides_how_much_is_sent_on(copy: Path, cascade: Classifier) -> None:
    strict = Classifier.load(f"cascade:{edited(copy, cascade={'bound': 0.0, 'metrics': {'macro_f1': 0.9}})}")
    sent = strict.sent_on([SURE, SURE])
    assert sent is not None
    assert sent.all()
    assert strict.meta["sha256"] != cascade.meta["sha256"]
    assert strict.meta["metrics"] == {"macro_f1": 0.9}  # what was measured of the cascade
    assert "metrics" not in cascade.meta  # the encoder's are not the cascade's


def test_error_rates_come_from_the_defaults_error_table(classifier: Classifier) -> None:
    rates = error_rates_by_probability(classifier.meta)
    assert rates.shape == (3, 100)
    assert (rates[:, 0] < 0.02).all()
    assert (rates[:, 99] < 0.05).all()
    assert (rates.max(axis=1) > 0.3).all()
    assert (rates <= 0.5).all()
    counts = {"with": [0] * 50 + [10] * 50, "without": [10] * 50 + [0] * 50}
    clear = error_rates_by_probability({"error_table": {"histogram": dict.fromkeys(LABELS, counts)}})
    assert (clear < 0.1).all()


def test_error_rates_never_fall_towards_the_middle_of_the_table() -> None:
    rng = np.random.default_rng(0)
    having = rng.binomial(20, (np.arange(100) + 0.5) / 100)
    counts = {"with": having.tolist(), "without": (20 - having).tolist()}
    for row in error_rates_by_probability({"error_table": {"histogram": dict.fromkeys(LABELS, counts)}}):
        top = int(row.argmax())
        assert (np.diff(row[: top + 1]) >= 0).all()
        assert (np.diff(row[top:]) <= 1e-12).all()


def test_without_an_error_table_probabilities_are_taken_at_their_word() -> None:
    rates = error_rates_by_probability({})
    assert rates[0, [0, 49, 50, 99]] == pytest.approx([0.005, 0.495, 0.495, 0.005])
    errors = passage_errors(np.array([[0.001, 0.999, 0.001], [0.505, 0.001, 0.001]]), rates)
    assert errors == pytest.approx([1 - 0.995**3, 1 - 0.505 * 0.995**2])


def test_a_cascade_explains_as_the_model_does_that_decided(cascade: Classifier) -> None:
    methods = [found["failure"].method for found in cascade.explain_all([ODD, SURE, ""])]
    assert methods == ["occlusion", "additive", "occlusion"]


def test_a_cascade_travels_to_the_workers_of_a_cluster(cascade: Classifier) -> None:
    pytest.importorskip("distributed")
    from tipclassify.distributed.models import ModelFiles

    files = ModelFiles.of(f"cascade:{TINY}")
    there = pickle.loads(pickle.dumps(files)).load()
    assert there.meta["sha256"] == files.sha256 == cascade.meta["sha256"]
    assert np.array_equal(there.logits([SURE, ODD]), cascade.logits([SURE, ODD]))


def test_a_cascade_needs_an_encoder() -> None:
    from tipclassify.model_file import default_model_path

    with pytest.raises(ModelError, match="a cascade needs an encoder"):
        Classifier.load(f"cascade:{default_model_path()}")


# --------------------------------------------------------------------------------------------- command line


@pytest.fixture
def report(tmp_path: Path) -> Path:
    text = f"{SURE} Officers took bribes, and judges did not act. Zug vor nach die Regierung."
    (tmp_path / "report.txt").write_text(text, "utf-8")
    return tmp_path / "report.txt"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``tipclassify`` in this process: starting one takes longer than what is tested here."""
    from typer.testing import CliRunner

    from tipclassify.commands.app import app

    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> Any:
        return CliRunner().invoke(app, [*map(str, args)], catch_exceptions=False)

    return run


def test_score_takes_a_cascade_and_tells_the_share(cli: Run, report: Path) -> None:
    done = cli("score", report, report, "--model", f"cascade:{TINY}", "--format", "jsonl", "--jobs", 2)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    sent = Classifier.load(f"cascade:{TINY}").sent_on([row["text"] for row in rows])
    assert sent is not None
    assert 0 < sent.sum() < len(rows)
    share = f"tipclassify: {sent.sum()} of {len(rows)} passages ({sent.mean():.0%}) went on to the encoder\n"
    assert done.stderr.decode() == share


def test_a_cluster_tells_the_share_too(cli: Run, report: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    shutil.copy(report, tmp_path / "second.txt")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": SURE}) + "\n", "utf-8")
    score = ("score", report, tmp_path / "second.txt", tmp_path / "rows.jsonl", "--model", f"cascade:{TINY}")
    one = cli(*score, "-o", tmp_path / "one.parquet")
    many = cli(*score, "--engine", "dask", "--workers", 1, "--output-dir", tmp_path / "out")
    assert many.returncode == one.returncode == 0, many.stderr
    assert b" passages (" in many.stderr
    assert many.stderr == one.stderr


def test_score_takes_an_encoder_by_its_name(here: Run, report: Path, tmp_path: Path, monkeypatch: Any) -> None:
    shutil.copytree(TINY, tmp_path / "models" / "small")
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "models"))
    done = here("score", report, "--model", "small", "--format", "jsonl")
    assert [json.loads(line)["labels"] for line in done.stdout.splitlines()] == [
        ["positive_effort"], ["failure", "complicity"], [],
    ]  # fmt: skip
    assert done.stderr == ""


def test_explain_says_that_falls_do_not_add_up(here: Run) -> None:
    told = here("explain", "Officers took bribes.", "--model", TINY).stdout
    assert "how far they fall with that masked (no sum)" in told
    assert "bias" not in told
    for model, method in ((TINY, "occlusion"), ("default", "additive")):
        lines = here("explain", "Officers took bribes.", "--format", "jsonl", "--model", model).stdout.splitlines()
        assert {json.loads(line)["method"] for line in lines} == {method}


def test_the_html_report_says_how_it_explains(here: Run, report: Path) -> None:
    page = here("score", report, "--model", TINY, "--format", "html").stdout
    assert "how far its points fall when a word, or a clause, is masked, which is no sum." in page
    assert "these do not add up" in page
    assert "all other words" not in page
    page = here("score", report, "--format", "html").stdout
    assert "what its words add, in points." in page
    assert "is masked" not in page


def test_evaluate_info_and_summary_take_an_encoder(here: Run, report: Path, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text('{"text": "Courts convicted nine traffickers.", "labels": ["positive_effort"]}\n' * 3, "utf-8")
    done = here("evaluate", labelled, "--model", TINY, "--compare", f"cascade:{TINY}", "--slices", "--draws", 10)
    assert done.exit_code == 0
    told = here("info", "--model", f"cascade:{TINY}").stdout
    assert "cascade: the default decides where its error is at most 0.15" in told
    assert "16 tokens" in told
    done = here("summary", report, "--model", TINY)
    assert done.exit_code == 0
    assert "does not record its error rates" in done.stderr


def test_check_replays_the_golden_passages_of_an_encoder(
    here: Run, copy: Path, tmp_path: Path, tiny: Classifier
) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    case = {"rule": "r", "text": "Courts convicted them.", "labels": ["positive_effort"]}
    (cases / "a.jsonl").write_text(json.dumps(case) + "\n", "utf-8")
    scores = dict(zip(LABELS, tiny.predict_proba(["Officers took bribes."])[0].tolist(), strict=True))
    for away, code in ((ROUNDING / 20, 0), (ROUNDING / 2, 1), (2 * ROUNDING, 1)):
        stored = {label: abs(score - away) for label, score in scores.items()}
        (copy / "golden.jsonl").write_text(
            json.dumps({"text": "Officers took bribes.", "scores": stored}) + "\n", "utf-8"
        )
        done = here("check", "--model", copy, "--cases", cases)
        assert done.exit_code == code
        assert f"2 of 2 cases passed; golden passages: {code} changed" in done.stdout
    assert here("check", copy, "--model", copy).exit_code == 2


def test_a_bundle_of_an_encoder_is_replayed_where_the_encoder_is(
    here: Run, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "none"))
    out = tmp_path / "figures.zip"
    assert here("bundle", report, "-o", out, "--model", f"cascade:{TINY}", "--with-model").exit_code == 0
    done = here("verify", out, report)
    assert done.exit_code == 0
    assert "is an encoder; unpack model/ and give it with --model, if you trust it" in done.stdout
    assert here("verify", out, report, "--model", f"cascade:{TINY}", "--strict").exit_code == 0
    shutil.copytree(TINY, tmp_path / "models" / "small")
    monkeypatch.setenv("TIPCLASSIFY_MODELS", str(tmp_path / "models"))
    done = here("verify", out, report, "--strict")
    assert done.exit_code == 0
    assert "here as small" in done.stdout


# --------------------------------------------------------------------------------------------- the one that ships


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    if not (SHIPPED / "model.json").is_file():
        pytest.skip("the checkout holds no models/encoder")
    return Classifier.load(SHIPPED)


def test_the_shipped_encoder_replays_its_golden_passages(shipped: Classifier) -> None:
    from tipclassify.behaviours import replay_golden

    lines = (SHIPPED / "golden.jsonl").read_text("utf-8").splitlines()
    assert len(lines) >= 50
    assert replay_golden(shipped, lines) == []


def test_the_shipped_encoder_is_small_and_says_where_it_is_from(shipped: Classifier) -> None:
    model: EncoderModel = shipped.scorer.model  # type: ignore[attr-defined]
    assert len(model.graph) <= 30_000_000
    assert {"README.md", "golden.jsonl", "LICENSE", "NOTICE"} <= set(model.meta["files"])
    assert model.meta["base"]["name"] in (SHIPPED / "NOTICE").read_text("utf-8")


def test_the_shipped_encoder_gives_a_passage_the_same_bits_in_any_company(shipped: Classifier) -> None:
    rows = [json.loads(line)["text"] for line in (SHIPPED / "golden.jsonl").read_text("utf-8").splitlines()[:40]]
    together = shipped.predict_proba(rows)
    alone = np.concatenate([shipped.predict_proba([row]) for row in rows])
    assert np.array_equal(together, alone)
    assert np.array_equal(shipped.predict_proba(rows[::-1])[::-1], together)


def test_the_shipped_cascade_keeps_most_and_gives_what_its_parts_give(
    shipped: Classifier, classifier: Classifier
) -> None:
    assert isinstance(shipped.scorer, EncoderScorer)
    cascade = Classifier.load(f"cascade:{SHIPPED}")
    assert isinstance(cascade.scorer, CascadeScorer)
    text = (ROOT / "data" / "samples" / "karvonia-2024.txt").read_text("utf-8")
    passages = [passage.text for passage in classify(text)]
    sent = cascade.sent_on(passages)
    assert sent is not None
    assert 0 < sent.mean() < 0.5
    assert np.array_equal(cascade.logits(passages)[~sent], classifier.logits(passages)[~sent])
