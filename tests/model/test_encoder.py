"""The encoder: folder, headings as first segment, windows, reasons by occlusion, and commands.

Most tests run on ``files/tiny_encoder`` (see ``make_encoder.py``), which knows a few words; those
of the shipped encoder are at the end.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, JsonObject
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_rows import under
from model_heads import change_head, head_of
from typer.testing import CliRunner, Result

from tipclassify import LABELS, Classifier, ModelError, classify
from tipclassify.arrays import Floats
from tipclassify.errors import InputError
from tipclassify.model.encoder.files import (
    EncoderHeads,
    EncoderModel,
    read_encoder_model,
    write_encoder_model,
)
from tipclassify.model.encoder.names import mask_names
from tipclassify.model.encoder.scoring import (
    EncoderScorer,
)
from tipclassify.model.encoder.session import OnnxSession

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "default"
EFFORT, FAILURE, COMPLICITY = range(3)
BIAS = (-2.0, -2.0, -3.0)

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return Classifier.load(TINY)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "copy"))


# ------------------------------------------------------------------------------------------- folder


def test_a_folder_comes_back_as_it_was_written(tmp_path: Path) -> None:
    tiny = read_encoder_model(TINY)
    heads = EncoderHeads(np.full((3, 3), 0.25), np.array([1.0, 2.0, 3.0]))
    fitted = replace(tiny, heads=heads, stand_in="Arcadia")
    write_encoder_model(tmp_path / "a", fitted, {"base": {"name": "none"}}, {"README.md": "Card\n"})
    again = read_encoder_model(tmp_path / "a")
    assert again.graph == tiny.graph
    assert again.tokenizer == tiny.tokenizer
    assert (again.window, again.overlap) == (16, 4)
    assert again.vocabulary == tiny.vocabulary
    assert again.thresholds == tiny.thresholds
    assert again.stand_in == "Arcadia"
    assert again.scale.tolist() == [1.0, 0.9, 0.8]
    assert (again.heads.weights == 0.25).all()
    assert again.heads.bias.tolist() == [1, 2, 3]
    assert np.array_equal(again.finetuned_heads.weights, np.eye(3))  # where later fits start from
    assert set(again.meta["files"]) == {
        "model.onnx",
        "tokenizer.json",
        "words.txt",
        "heads.npz",
        "README.md",
    }
    assert again.meta["base"] == {"name": "none"}


def test_the_same_model_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_encoder_model(tmp_path / name, read_encoder_model(TINY), {})
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "words.txt", "heads.npz"])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match=rf"{name}: truncated or changed since training"):
        read_encoder_model(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: missing"):
        read_encoder_model(copy)


def test_what_scoring_does_without_may_be_missing_but_not_changed(tmp_path: Path) -> None:
    write_encoder_model(tmp_path / "a", read_encoder_model(TINY), {}, {"README.md": "Card\n"})
    (tmp_path / "a" / "README.md").write_text("Another card\n", "utf-8")
    with pytest.raises(ModelError, match=r"README\.md: truncated or changed since training"):
        read_encoder_model(tmp_path / "a")
    (tmp_path / "a" / "README.md").unlink()
    assert read_encoder_model(tmp_path / "a").window == 16


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Pack arrays as `numpy.savez` does."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


SOUND_HEADS = {
    "weights": np.eye(3),
    "bias": np.zeros(3),
    "own_weights": np.eye(3),
    "own_bias": np.zeros(3),
}


def heads_with(name: str, array: np.ndarray) -> bytes:
    """Pack sound heads, one array of which is another one."""
    return npz({**SOUND_HEADS, name: array})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "not the heads of an encoder"),
        (npz({"weights": np.eye(3), "bias": np.zeros(3)}), "not the heads of an encoder"),
        # pickled
        (heads_with("bias", np.array([{}, {}, {}])), "not the heads of an encoder"),
        (heads_with("weights", np.zeros((2, 3))), "not 3 x 3 finite numbers"),
        (heads_with("own_weights", np.zeros((3, 4))), "not 3 x 3 finite numbers"),
        (heads_with("bias", np.full(3, np.nan)), "not 3 finite numbers"),
        (heads_with("weights", np.eye(3, dtype=np.float32)), "not 3 x 3 finite numbers"),
    ],
)
def test_heads_that_are_none_are_refused(copy: Path, data: bytes, message: str) -> None:
    (copy / "heads.npz").write_bytes(data)
    files = head_of(copy)["files"]
    files["heads.npz"] = hashlib.sha256(data).hexdigest()
    change_head(copy, files=files)
    with pytest.raises(ModelError, match=message):
        read_encoder_model(copy)


def test_weights_of_drops_come_back_and_may_be_missing(tmp_path: Path) -> None:
    assert read_encoder_model(TINY).drop_weights is None
    weights = np.arange(9.0).reshape(3, 3)
    write_encoder_model(tmp_path / "a", replace(read_encoder_model(TINY), drop_weights=weights), {})
    assert np.array_equal(read_encoder_model(tmp_path / "a").token_weights, weights)
    (tmp_path / "a" / "reasons.npz").unlink()
    without = read_encoder_model(tmp_path / "a")
    assert without.drop_weights is None
    assert np.array_equal(without.token_weights, np.diag([1.0, 0.9, 0.8]))  # heads, calibrated


@pytest.mark.parametrize(
    "weights",
    [np.zeros((3, 4)), np.zeros((2, 3)), np.full((3, 3), np.inf), np.zeros((3, 3), np.float32)],
)
def test_weights_of_drops_that_do_not_fit_are_refused(tmp_path: Path, weights: np.ndarray) -> None:
    write_encoder_model(tmp_path / "a", replace(read_encoder_model(TINY), drop_weights=weights), {})
    with pytest.raises(
        ModelError, match=r"reasons\.npz: not 3 x 3 finite numbers up to 1e\+06; train or"
    ):
        read_encoder_model(tmp_path / "a")


def test_heads_of_another_encoder_are_reported_in_a_line(tmp_path: Path) -> None:
    wide = EncoderHeads(np.zeros((3, 5)), np.zeros(3))
    write_encoder_model(
        tmp_path / "a", replace(read_encoder_model(TINY), heads=wide, finetuned_heads=wide), {}
    )
    with pytest.raises(ModelError, match=r"does not give vectors of finite numbers[^\n]+$"):
        Classifier.load(tmp_path / "a").logits(["Police acted."])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "newer tipclassify"),
        ({"format": 2}, "older tipclassify"),
        ({"labels": ["spam", "ham"]}, "no thresholds for screen, balanced, cite"),
        ({"thresholds": {"balanced": [0.5, 0.5, 0.5]}}, "no thresholds for screen, cite"),
        (
            {"calibration": {"scale": [1, 1], "shift": [0, 0, 0]}},
            "a scale of another number of labels",
        ),
        (
            {"calibration": {"scale": [1, -1, 1], "shift": [0, 0, 0]}},
            r"> 0.0 - at `\$\.calibration\.scale\[1\]`",
        ),
        ({"window": {"tokens": 16, "overlap": 14}}, "covers no text"),
        ({"window": {"tokens": 9_999, "overlap": 4}}, r"<= 4096 - at `\$\.window\.tokens`"),
        ({"stand_in": " "}, r"at `\$\.stand_in`"),
        ({"files": {"../../x": "0" * 64}}, "no file with its hash"),
        (
            {"files": {"tokenizer.json": "0" * 64}},
            "no hashes of model.onnx and tokenizer.json and words.txt and heads.npz",
        ),
        ({"kind": "oracle"}, "kind 'oracle'"),
    ],
)
def test_a_head_that_scoring_cannot_use_is_refused(
    copy: Path, changes: JsonObject, message: str
) -> None:
    change_head(copy, **changes)
    with pytest.raises(ModelError, match=message):
        read_encoder_model(copy)


def test_a_head_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="covers no text"):
        write_encoder_model(
            tmp_path / "a", replace(read_encoder_model(TINY), window=1, overlap=0), {}
        )
    assert not list(tmp_path.iterdir())


def test_a_table_of_weights_is_not_read_from_an_encoder(tiny: Classifier) -> None:
    from tipclassify.model.linear import read_linear_model

    with pytest.raises(ModelError, match="kind 'encoder'"):
        read_linear_model(TINY)
    with pytest.raises(ModelError, match="only a linear model has a table of weights"):
        _ = tiny.model


# ------------------------------------------------------------------------------------------ scoring


def test_an_encoder_tags_as_the_default_does(tiny: Classifier) -> None:
    text = "Courts convicted nine traffickers. Officers took bribes; judges did not act."
    passages = classify(text, model=TINY)
    labels = [passage.labels for passage in passages]
    assert labels == [("positive_effort",), ("failure", "complicity")]
    assert all(text[passage.start : passage.end] == passage.text for passage in passages)
    assert passages == classify(text, model=tiny)
    logit = 1 + 4 - 2  # courts, convicted, bias
    assert passages[0].scores["positive_effort"] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_calibration_scales_and_shifts_each_label(tiny: Classifier) -> None:
    logits = tiny.logits(["Officers took bribes and judges did not act."])[0]
    assert logits == pytest.approx(
        [(-5 - 2) * 1.0, (5 - 2) * 0.9 + 0.1, (2 + 1 + 5 - 3) * 0.8 - 0.1]
    )


def test_passages_without_words_are_scored_and_doubtful(tiny: Classifier) -> None:
    texts = ["", "  \n", "\ud800", "Courts convicted nine traffickers in the capital."]
    assert np.isfinite(tiny.logits(texts)).all()
    assert tiny.low_confidence(texts).tolist() == [True, True, True, False]
    assert tiny.logits([]).shape == (0, 3)
    assert tiny.tag([]) == []


# ----------------------------------------------------------------------------------------- headings


def test_what_a_heading_says_counts_with_the_passage(tiny: Classifier) -> None:
    text = "Officers met."
    passages = [under(None, text), under("Bribes", text), under("", text)]
    bare, headed, blank = tiny.logits(passages)
    assert headed[COMPLICITY] - bare[COMPLICITY] == pytest.approx(5 * 0.8)
    assert headed[:COMPLICITY].tolist() == bare[:COMPLICITY].tolist()
    assert blank.tolist() == bare.tolist() == tiny.logits([text])[0].tolist()


def test_every_window_of_a_long_passage_is_read_under_the_heading(tiny: Classifier) -> None:
    text = "the " * 60 + "officers"
    logit = tiny.logits([under("Bribes", text)])[0, COMPLICITY]
    assert logit == pytest.approx((2 + 5 - 3) * 0.8 - 0.1)


def test_a_heading_leaves_room_for_the_text(tiny: Classifier) -> None:
    text = "the " * 60 + "officers took bribes"
    heading = "the " * 50 + "bribes"  # what a long heading ends with is not read
    logit = tiny.logits([under(heading, text)])[0, COMPLICITY]
    assert logit == pytest.approx((2 + 1 + 5 - 3) * 0.8 - 0.1)


# ------------------------------------------------------------------------------------ long passages


@pytest.mark.parametrize("before", [0, 5, 11, 12, 13, 30, 200])
def test_nothing_of_a_long_passage_is_cut_off(tiny: Classifier, before: int) -> None:
    text = "the " * before + "officers took bribes" + " the" * (200 - before)
    short = tiny.logits(["officers took bribes"])[0, COMPLICITY]
    assert tiny.logits([text])[0, COMPLICITY] == pytest.approx(short)


def test_of_a_passage_of_a_megabyte_the_first_part_is_read_with_one_warning(
    tiny: Classifier,
) -> None:
    text = ("officers took bribes " + "the " * 25_000)[:100_000]
    with pytest.warns(UserWarning, match=r"1,000,00\d characters: only the first 100,000") as given:
        logits = tiny.logits([text + "courts failed " * 64_286, text])
    assert len(given) == 1
    assert logits[0].tolist() == logits[1].tolist()
    with pytest.raises(InputError, match=r"too long to explain every word \(over 5,000\)"):
        tiny.explain(text)


def test_a_long_passage_has_what_any_part_of_it_supports(tiny: Classifier) -> None:
    far = (
        "Courts convicted nine traffickers "
        + "in the shelter of the judges " * 10
        + "but judges failed them."
    )
    assert tiny.predict([far])[0].tolist() == [True, True, False]


@settings(max_examples=20)
@given(
    st.lists(
        st.sampled_from(
            ["courts convicted", "officers took bribes", "", "judges failed " * 20, "x"]
        ),
        max_size=30,
    )
)
def test_a_passage_scores_the_same_in_any_company(texts: list[str]) -> None:
    tiny = Classifier.load(TINY)
    together = tiny.logits(texts)
    alone = np.array([tiny.logits([text])[0] for text in texts]).reshape(-1, 3)
    assert np.array_equal(together, alone)


def test_half_characters_move_no_offset(tiny: Classifier) -> None:
    text = "\ud83d courts convicted them"
    span = tiny.explain(text)["positive_effort"].spans[0]
    assert text[span.start : span.end] == span.text == "convicted"


def test_scores_are_the_same_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    three = ["courts convicted", "officers took bribes", "judges failed " * 20]
    texts = [text for _ in range(5) for text in three]

    def logits_of_threads(number: str) -> Floats:
        monkeypatch.setenv("OMP_NUM_THREADS", number)
        return EncoderScorer(read_encoder_model(TINY)).logits(texts)

    assert np.array_equal(logits_of_threads("1"), logits_of_threads("4"))


def test_a_graph_that_gives_no_numbers_is_reported() -> None:
    tiny = read_encoder_model(TINY)
    vector_of_convicted = np.float32([4, 0, 0]).tobytes()
    no_numbers = np.full(3, np.nan, np.float32).tobytes()
    changed = tiny.graph.replace(vector_of_convicted, no_numbers)
    graph = OnnxSession(replace(tiny, graph=changed))
    assert graph.pooled([[2, 3]]).tolist() == [[0, 0, 0]]
    with pytest.raises(ModelError, match="vectors of finite numbers"):
        graph.pooled([[2, 5, 3]])  # the third token is "convicted"


def test_a_loaded_encoder_is_kept_until_its_folder_changes(copy: Path) -> None:
    first = Classifier.load(copy)
    assert Classifier.load(copy).scorer is first.scorer
    change_head(copy, base={"name": "other"})
    assert Classifier.load(copy).meta["base"] == {"name": "other"}


def test_an_encoder_goes_to_another_process(tiny: Classifier) -> None:
    texts = ["Courts convicted nine traffickers."]
    unpickled = pickle.loads(pickle.dumps(tiny))
    assert np.array_equal(unpickled.logits(texts), tiny.logits(texts))


# -------------------------------------------------------------------------------------------- names


@pytest.fixture(scope="module")
def nameless() -> Classifier:
    """Let the tiny encoder read each name as "bribes", a word that it knows."""
    return Classifier(EncoderScorer(replace(read_encoder_model(TINY), stand_in="bribes")))


def test_names_are_read_as_their_stand_in(nameless: Classifier, tiny: Classifier) -> None:
    texts = [
        "Officers were in Valdoria.",
        "Officers were in New Zealand.",
        "Courts convicted nine traffickers.",
    ]
    read = [
        "Officers were in bribes.",
        "Officers were in bribes.",
        "Courts convicted nine traffickers.",
    ]
    assert nameless.logits(texts).tolist() == tiny.logits(read).tolist()


def test_a_reason_stands_on_the_whole_name_that_was_replaced(nameless: Classifier) -> None:
    text = "In Upper Valdoria officers acted."
    falls = {span.text: span.weight for span in nameless.explain(text)["complicity"].spans}
    assert falls["Upper Valdoria"] == pytest.approx(5 * 0.8)
    assert falls["acted"] == 0
    assert not {"Upper", "Valdoria"} & set(falls)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Do not return children to Valdoria.", "Do not return children to X."),
        ("DO NOT PUNISH VICTIMS", "DO NOT PUNISH VICTIMS"),
        ("New rules require a card.", "New rules require a card."),
        ("Dissolve the unit.", "Dissolve the unit."),
        ("Police left Valdoria. Thailand convicted nine.", "Police left X. X convicted nine."),
        (
            "Police and Kessara met; courts (Utopia) did not.",
            "Police and X met; courts (Utopia) did not.",
        ),
        ("The Gambian police and Mr. John Stell met.", "X police and X met."),
        (
            "The Government of Bosnia and Herzegovina did not act.",
            "The Government of X did not act.",
        ),
        ("Valdoria’s courts, Norr and Kessaran officers", "X's courts, X officers"),
        ("Minor Kessaran victims were jailed.", "X victims were jailed."),
        ("Some Kessaran victims were jailed.", "Some X victims were jailed."),
        ("", ""),
    ],
)
def test_names_are_taken_out_and_other_words_stay(
    text: str, read: str, classifier: Classifier
) -> None:
    assert mask_names([text], classifier.vocabulary, "X")[0].text == read


@given(
    st.lists(
        st.sampled_from(["Valdoria", "police", "of Norr", "in", "Äx", ",", "12", "  ", "’s"]),
        max_size=9,
    )
)
def test_places_in_a_nameless_text_lead_back_to_the_text(parts: list[str]) -> None:
    text = " ".join(parts)
    (masked,) = mask_names([text], frozenset({"police", "in", "of"}), "Stand In")
    inside: set[int] = set()  # places within a stand-in
    source_end = 0  # of what was compared so far, in the text and in the masked one
    masked_end = 0
    for source, placeholder in zip(masked.source_spans, masked.new_spans, strict=True):
        first, last = placeholder
        assert masked.text[first:last] == "Stand In"
        inside |= set(range(first, last))
        # every part of the stand-in leads to the whole name
        for start, end in combinations(range(first, last + 1), 2):
            assert masked.source_span((start, end)) == source
        assert source[0] - source_end == first - masked_end  # what lies between is as long
        source_end = source[1]
        masked_end = last
    assert len(text) - source_end == len(masked.text) - masked_end
    for i in set(range(len(masked.text))) - inside:
        start, end = masked.source_span((i, i + 1))
        assert text[start:end].replace("’", "'") == masked.text[i]


# ------------------------------------------------------------------------------------------ reasons


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
    sizes = [abs(span.weight) for span in reason.spans]
    assert sizes == sorted(sizes, reverse=True)
    assert all(text[span.start : span.end] == span.text for span in reason.spans)
    assert {"not", "act"} <= set(falls)


def test_the_heading_is_a_reason_of_its_own(tiny: Classifier) -> None:
    reason = tiny.explain(under("Bribes", "Police officers acted."))["complicity"]
    assert reason.heading == pytest.approx(5 * 0.8)
    assert reason.bias == pytest.approx((5 - 3) * 0.8 - 0.1)  # the text masked, the heading read
    assert {span.text: span.weight for span in reason.spans}["officers"] == pytest.approx(2 * 0.8)
    assert tiny.explain("Police officers acted.")["complicity"].heading == 0


def test_many_passages_are_explained_as_each_alone(tiny: Classifier) -> None:
    texts = [
        "Courts convicted nine traffickers.",
        "",
        "judges failed " * 30,
        "Officers took bribes.",
    ]
    together = [reasons["failure"].spans for reasons in tiny.explain_all(texts)]
    assert together == [tiny.explain(text)["failure"].spans for text in texts]


def test_the_phrases_that_contribute_most_are_the_ones_measured(tiny: Classifier) -> None:
    text = "Nine victims of the police officers took bribes, but the courts did not act."
    passage = replace(under("Bribes", text), labels=("complicity", "failure"))
    (chosen,) = tiny.explain_all([passage], max_phrases=1)
    every = tiny.explain(passage)
    drops = {span.text: span.weight for span in chosen["complicity"].spans}
    assert drops == pytest.approx({"officers took bribes": (2 + 1 + 5) * 0.8, "courts did not": 0})
    assert {span.text for span in chosen["failure"].spans} == set(drops)
    for label in LABELS:
        assert chosen[label].probability == every[label].probability
        assert chosen[label].heading == pytest.approx(every[label].heading)
        assert np.isnan(chosen[label].bias)
    (unlabelled,) = tiny.explain_all([text], max_phrases=1)
    # its most probable label
    assert {span.text for span in unlabelled["failure"].spans} == {"officers took bribes"}


def test_the_phrases_of_the_largest_foretold_drops_are_measured(tmp_path: Path) -> None:
    # as if what counts for failure counted for complicity, and the other way round
    swapped = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    write_encoder_model(tmp_path / "a", replace(read_encoder_model(TINY), drop_weights=swapped), {})
    text = "Nine victims of the police officers took bribes, but the courts did not act."
    passage = replace(under(None, text), labels=("complicity",))
    (chosen,) = Classifier.load(tmp_path / "a").explain_all([passage], max_phrases=1)
    (span,) = chosen["complicity"].spans
    assert (span.text, span.weight) == ("courts did not", pytest.approx(0))  # measured as it is


def test_token_contributions_are_of_the_window_that_decides(tiny: Classifier) -> None:
    text = "The police did " * 6 + "not arrested " + "the police did " * 6 + "bribes"
    scorer = tiny.scorer
    (encoding,) = scorer.tokenizer.encode([text])
    ((contributions, logits),) = scorer.contributions_of([(encoding.ids, [])])
    assert logits == pytest.approx(tiny.logits([text])[0])
    assert len(contributions) == len(encoding.ids)
    assert contributions[-1, COMPLICITY] > 0  # of "bribes"
    assert np.count_nonzero(contributions[:, COMPLICITY]) == 1


# ------------------------------------------------------------------------------------- command line


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Write a report of a sentence with each kind of labels and one in no language of ours."""
    text = (
        "Courts convicted nine traffickers and sentenced them to prison terms. "
        "Officers took bribes, and judges did not act. "
        "Zug vor nach die Regierung."
    )
    (tmp_path / "report.txt").write_text(text, "utf-8")
    return tmp_path / "report.txt"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``tipclassify`` in this process: starting another takes longer than the tests here."""
    from tipclassify.cli.app import app

    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [*map(str, args)], catch_exceptions=False)

    return run


def test_score_takes_an_encoder_by_its_folder(here: Run, report: Path) -> None:
    done = here("score", report, "--model", TINY, "--format", "jsonl")
    labels = [json.loads(line)["labels"] for line in done.stdout.splitlines()]
    assert labels == [["positive_effort"], ["failure", "complicity"], []]
    assert done.stderr == ""


def test_explain_says_that_falls_do_not_add_up(here: Run) -> None:
    output = here("explain", "Officers took bribes.", "--model", TINY).stdout
    assert "the drop without this word (they do not add up)" in output
    assert "bias" not in output
    assert "heading" not in output
    done = here("explain", "Officers took bribes.", "--format", "jsonl", "--model", TINY)
    methods = {json.loads(line)["method"] for line in done.stdout.splitlines()}
    assert methods == {"occlusion"}


def test_evaluate_info_and_summary_take_an_encoder(here: Run, report: Path, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    row = '{"text": "Courts convicted nine traffickers.", "labels": ["positive_effort"]}\n'
    labelled.write_text(row * 3, "utf-8")
    done = here("evaluate", labelled, "--model", TINY, "--compare", TINY, "--draws", 10)
    assert done.exit_code == 0
    output = here("info", "--model", TINY).stdout
    assert "encoder" in output
    assert "16 tokens" in output
    done = here("summary", report, "--model", TINY)
    assert done.exit_code == 0
    assert "this model records no error rates" in done.stderr


def test_check_replays_the_golden_passages_of_an_encoder(
    here: Run, copy: Path, tmp_path: Path, tiny: Classifier
) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    case = {"rule": "r", "text": "Courts convicted them.", "labels": ["positive_effort"]}
    (cases / "a.jsonl").write_text(json.dumps(case) + "\n", "utf-8")
    text = "Officers took bribes."
    scores = dict(zip(LABELS, tiny.predict_proba([text])[0].tolist(), strict=True))
    for away, code in (
        (EncoderScorer.rounding / 20, 0),
        (EncoderScorer.rounding / 2, 1),
        (2 * EncoderScorer.rounding, 1),
    ):
        stored = {label: abs(score - away) for label, score in scores.items()}
        golden = json.dumps({"text": text, "scores": stored})
        (copy / "golden.jsonl").write_text(golden + "\n", "utf-8")
        done = here("check", "--model", copy, "--cases", cases)
        assert done.exit_code == code
        assert f"2 of 2 cases passed; reference outputs: {code} changed" in done.stdout


def test_a_bundle_of_an_encoder_is_replayed_where_the_encoder_is(
    here: Run, report: Path, tmp_path: Path
) -> None:
    out = tmp_path / "figures.zip"
    assert here("bundle", report, "-o", out, "--model", TINY, "--with-model").exit_code == 0
    done = here("verify", out, report)
    assert done.exit_code == 0
    assert "where it is in the bundle and you trust it, unpack model/" in done.stdout
    assert here("verify", out, report, "--model", TINY, "--strict").exit_code == 0


# ------------------------------------------------------------------------------- the one that ships


@pytest.fixture(scope="module")
def golden() -> list[JsonObject]:
    """Read passages of the shipped model's folder, with the scores that its training gave them."""
    lines = (SHIPPED / "golden.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_shipped_encoder_replays_its_golden_passages(
    classifier: Classifier, golden: list[JsonObject]
) -> None:
    from tipclassify.evaluation.behaviours import evaluate_reference_outputs

    assert len(golden) >= 50
    assert evaluate_reference_outputs(classifier, map(json.dumps, golden)) == []


def test_the_shipped_encoder_is_small_and_says_where_it_is_from(classifier: Classifier) -> None:
    model: EncoderModel = classifier.scorer.model  # type: ignore[attr-defined]
    assert len(model.graph) <= 30_000_000
    assert {"README.md", "golden.jsonl", "LICENSE", "NOTICE"} <= set(model.meta["files"])
    assert model.meta["base"]["name"] in (SHIPPED / "NOTICE").read_text("utf-8")


def test_the_shipped_encoder_gives_a_passage_the_same_bits_in_any_company(
    classifier: Classifier, golden: list[JsonObject]
) -> None:
    rows = [under(row.get("section"), row["text"]) for row in golden[:40]]
    together = classifier.predict_proba(rows)
    alone = np.concatenate([classifier.predict_proba([row]) for row in rows])
    assert np.array_equal(together, alone)
    assert np.array_equal(classifier.predict_proba(rows[::-1])[::-1], together)


def test_the_country_never_changes_a_tag_of_the_shipped_encoder(classifier: Classifier) -> None:
    from tipclassify.evaluation.behaviours import default_cases_path

    folder = default_cases_path()
    lines = (folder / "slots.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line]
    countries = (folder / "countries.txt").read_text("utf-8").splitlines()
    texts = [case["text"] for case in cases if case["slot"] == "country"]
    assert len(texts) >= 20
    assert len(countries) >= 200
    filled = [text.replace("{}", country) for text in texts for country in countries]
    y_pred = classifier.predict(filled)
    for text, of_text in zip(texts, np.split(y_pred, len(texts)), strict=True):
        assert (of_text == of_text[0]).all(), text
