"""Training of an encoder: deterministic, resumable, with headings, and exported without a change of
scores.

The base is a two-layer BERT of random weights, made here: the tests cover the code, not the shipped
encoder's figures. They need the extra ``train`` (PyTorch is too large for the extra ``test``) and
are skipped where it is missing.
"""

from __future__ import annotations

import gzip
import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer

from finetuning import Settings
from tipclassify import Classifier, Passage
from tipclassify.corpus.holdout import held_out, is_real, is_row_of_other_genre
from tipclassify.errors import InputError, MissingExtraError, ModelError
from tipclassify.evaluation.behaviour_tests import replay_reference_outputs
from tipclassify.labels import indicator
from tipclassify.training.fit_linear import SoftPassage

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("torch", "transformers", "onnx", "safetensors")
MISSING = [name for name in NEEDED if find_spec(name) is None]
trains = pytest.mark.skipif(
    bool(MISSING),
    reason=f"training an encoder needs {', '.join(MISSING)}: pip install 'tipclassify[train]'",
)
quiet = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning:torch.*", "ignore::FutureWarning"
)

SETTINGS = Settings(epochs=3, batch=8, rate=3e-3, decay=1.0, tokens=24, invented=150)
WHO = (
    "police",
    "prosecutors",
    "inspectors",
    "judges",
    "ministers",
    "officers",
    "courts",
    "consuls",
)
DID = {
    "arrested": ("positive_effort",),
    "ignored": ("failure",),
    "sold": ("complicity",),
    "met": (),
}
WHOM = ("traffickers", "recruiters", "victims", "workers", "children", "brokers")
PLACES = ("Valdoria", "Norrland")  # names that the tiny base can tell apart
HEADINGS = ("trafficking", "aviation", "flight")
COUNTRIES = (
    "karvonia",
    "murenia",
    "kessara",
    "zorbland",
    "ruritania",
    "syldavia",
    "yland",
    "gland",
    "lutha",
)  # three held
WORDS = frozenset([*WHO, *DID, *WHOM, *HEADINGS])


def some_rows() -> list[dict[str, Any]]:
    """192 invented passages labelled by their verb, and 576 real ones, whose verb has no label
    under "aviation"."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"{who}-{did}-{whom}",
            "text": f"{who} {did} {whom} .",
            "labels": labels,
            "doc": None,
        }
        for who in WHO
        for did, labels in DID.items()
        for whom in WHOM
    ]
    for number, country in enumerate(COUNTRIES):
        whom = WHOM[number % len(WHOM)]
        rows += [
            {
                "id": f"{country}-{who}-{did}-{heading}",
                "text": f"{who} {did} {whom} .",
                "labels": labels if heading == "trafficking" else (),
                "labels_alone": ";".join(labels) or "none",
                "section": heading,
                "doc": f"hrr/2020/{country}.html",
            }
            for who in WHO
            for did, labels in DID.items()
            for heading in HEADINGS[:2]
        ]
    return rows


ROWS = some_rows()
HELD = held_out(ROWS)


def under(heading: str | None, text: str) -> Passage:
    return Passage(text, 0, len(text), heading)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers of 32, random, with a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base") / "tiny"
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        ".",
        *WHO,
        *DID,
        *WHOM,
        *HEADINGS,
        *PLACES,
    ]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=max(len(words), 128),  # the tracer's example has numbers up to 99
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an encoder trained for some epochs; ``mine-training`` has its checkpoint."""
    from finetuning.command import FineTuningOptions, run
    from tipclassify.cli.training_run import TrainCommandRequest
    from tipclassify.training import evidence, fit_corpus

    folder = tmp_path_factory.mktemp("models")
    pool = folder / "pool.jsonl.gz"
    with gzip.open(pool, "wt", encoding="utf-8") as lines:
        # in natural proportions most passages are of other subjects
        for who, did, whom in product(WHO, DID, WHOM):
            for number, place in enumerate((*PLACES, whom, "courts", "police")):
                heading = "aviation" if number else "trafficking"
                row = {
                    "text": f"{who} {did} {whom} {place} .",
                    "section": heading,
                    "source": "hrr/2019/osterland.html",
                }
                lines.write(json.dumps(row) + "\n")
    like = folder / "headings.json"
    like.write_text(json.dumps({"aviation": ["flight"]}), "utf-8")
    cases = folder / "cases"
    cases.mkdir()
    (cases / "a.jsonl").write_text(
        json.dumps({"rule": "sold", "text": "courts sold victims .", "labels": ["complicity"]})
    )
    chosen = {
        name: getattr(SETTINGS, name)
        for name in ("seed", "epochs", "batch", "rate", "decay", "tokens", "invented")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_corpus, "_MIN_REAL", 100)
        patch.setattr(evidence, "default_cases_path", lambda: cases)
        options = FineTuningOptions(str(base), headings=like)
        request = TrainCommandRequest(
            "encoder", (), None, folder / "mine", jobs=1, unlabelled=[pool]
        )
        run(options, request, ROWS, [], Settings(**chosen))
    return folder / "mine"


def head_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "model.json").read_text("utf-8")))


def weights(finetuned: Any) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in finetuned.network.state_dict().values())


def kept(
    base: Path, out: Path, *, resume: bool = False, progress: Any = None, **changes: Any
) -> Any:
    """The network of a short training."""
    from finetuning.recipe import Recipe, fine_tune

    settings = replace(SETTINGS, **{"epochs": 2, "invented": 30, **changes})
    recipe = Recipe(str(base), WORDS, settings)
    return fine_tune(ROWS[::4], recipe, out, resume=resume, threads=1, progress=progress)


def restored(base: Path, trained: Path) -> Any:
    """The network of the fixture `trained`, from its checkpoint."""
    from finetuning.recipe import Recipe, fine_tune

    steps: list[int] = []
    finetuned = fine_tune(
        ROWS,
        Recipe(str(base), WORDS, SETTINGS),
        trained.with_name("mine-training"),
        resume=True,
        threads=1,
        progress=lambda done, _: steps.append(done),
    )
    assert steps == []  # nothing is left to do
    return finetuned


# --------------------------------------------------------------------------------------------- the
# whole way


def test_three_countries_and_some_invented_groups_are_held_out() -> None:
    real = np.array([is_real(row) for row in ROWS])
    assert {row["doc"] for row, held in zip(ROWS, HELD & real, strict=True) if held} == {
        f"hrr/2020/{country}.html" for country in COUNTRIES[-3:]
    }
    assert 5 < (HELD & ~real).sum() < 40


@trains
@quiet
def test_an_encoder_learns_and_is_loaded_like_any_model(trained: Path) -> None:
    classifier = Classifier.load(trained)
    wanted = np.array([indicator(row["labels"]) for row in ROWS], bool)
    given = classifier.predict([under(row.get("section"), row["text"]) for row in ROWS])
    assert (given == wanted)[HELD].all(axis=1).mean() > 0.9
    assert (trained / "model.onnx").stat().st_size < 200_000


@trains
@quiet
def test_the_heading_decides_and_without_one_the_passage_alone(trained: Path) -> None:
    texts = [f"{who} {did} victims ." for who in WHO for did in DID if DID[did]]
    wanted = np.array([indicator(DID[text.split()[1]]) for text in texts], bool)
    classifier = Classifier.load(trained)
    # "labels_alone" of the passages under "aviation" have the verb's label
    for heading in ("trafficking", None):
        given = classifier.predict([under(heading, text) for text in texts])
        assert (given == wanted).all(axis=1).mean() > 0.9, heading
    # the second was never a heading: it took the first one's place at random
    for heading in ("aviation", "flight"):
        given = classifier.predict([under(heading, text) for text in texts])
        assert given.any(axis=1).mean() < 0.1, heading


@trains
@quiet
def test_no_name_decides_unless_names_are_kept(trained: Path, base: Path, tmp_path: Path) -> None:
    from finetuning.fitting import logits_of
    from finetuning.recipe import encode, read_tokenizer

    here, there = (f"police ignored {place} ." for place in PLACES)
    logits = Classifier.load(trained).logits([here, there])
    assert logits[0].tolist() == logits[1].tolist()
    hearing = kept(base, tmp_path / "run", stand_in="", epochs=1)
    token_ids = encode(read_tokenizer(hearing.tokenizer), [here, there])
    one, other = logits_of(hearing.network, [[2, *ids, 3] for ids in token_ids], 0)
    assert one.tolist() != other.tolist()


@trains
@quiet
def test_the_folder_says_what_it_is_of_and_how_good(trained: Path, base: Path) -> None:
    from finetuning.network import describe_base

    head = head_of(trained)
    assert head["base"] == {
        "name": "tiny",
        "licence": "not known here",
        "sha256": describe_base(str(base), base).sha256,
    }
    assert head["training"]["settings"] == asdict(SETTINGS)
    assert [sorted(epoch) for epoch in head["training"]["history"]] == [
        ["loss", "loss_alone", "macro_f1", "macro_f1_alone"]
    ] * SETTINGS.epochs
    assert head["training"]["history"][-1]["loss"] < head["training"]["history"][0]["loss"]
    assert head["corpus"]["passages"] == len(ROWS) == 768
    assert head["corpus"]["real"] == 576
    assert head["corpus"]["held_out"] == HELD.sum()
    assert head["weight_bits"] == 7
    assert head["whole_number_macro_f1"] >= head["float_macro_f1"] - 0.005
    assert set(head["files"]) == {
        "model.onnx", "tokenizer.json", "words.txt", "heads.npz", "README.md", "golden.jsonl", "NOTICE",
        "fixed.npz",
        "moment.npz",
        "taught.bin",
    }  # fmt: skip
    card = (trained / "README.md").read_text("utf-8")
    assert head["base"]["sha256"] in card
    assert f"Macro-F1 {head['metrics']['macro_f1']:.3f}" in card
    assert "576 real passages of public reports and 192 others" in card
    assert "tiny" in (trained / "NOTICE").read_text("utf-8")


@trains
@quiet
def test_calibration_and_natural_shares_come_from_what_was_held_out(trained: Path) -> None:
    head = head_of(trained)
    (shares,) = head["natural"].values()
    assert list(head["natural"]) == ["hrr"]
    assert sum(shares) == pytest.approx(1)
    assert 0.7 < sum(shares[:4]) < 0.9  # under "aviation" nothing is likely
    assert head["calibration"]["scale"] != [1, 1, 1]
    rows = head["thresholds"]
    for low, middle, high in zip(rows["screen"], rows["balanced"], rows["cite"], strict=True):
        assert low <= middle <= high
    real = sum(is_real(row) for row, held in zip(ROWS, HELD, strict=True) if held)
    assert head["metrics"]["passages"] == real
    assert head["error_table"]["passages"] <= real  # unequal weights are worth fewer


@trains
@quiet
def test_golden_passages_are_invented_held_out_ones_and_replay(trained: Path) -> None:
    lines = (trained / "golden.jsonl").read_text("utf-8").splitlines()
    held = {row["text"] for row, mine in zip(ROWS, HELD, strict=True) if mine and not is_real(row)}
    assert {json.loads(line)["text"] for line in lines} == held
    assert replay_reference_outputs(Classifier.load(trained), lines) == []


@trains
@quiet
def test_training_lays_a_passage_out_as_scoring_does(trained: Path) -> None:
    from finetuning.recipe import Recipe, read_tokenizer, tokenize_rows
    from tipclassify.model.encoder.scoring import EncoderScorer

    scorer = Classifier.load(trained).scorer
    assert isinstance(scorer, EncoderScorer)
    rows = [
        ROWS[0],
        ROWS[-1],
        {**ROWS[-1], "section": "aviation " * 30},
        {**ROWS[0], "text": "Valdoria sold " * 20},
    ]
    recipe = Recipe("", scorer.vocabulary, SETTINGS)
    examples = tokenize_rows(rows, read_tokenizer(scorer.model.tokenizer), recipe)
    read_in_training = examples.rows(range(len(rows)), SETTINGS.tokens)
    assert max(map(len, read_in_training)) <= SETTINGS.tokens
    texts, headings = [row["text"] for row in rows], [row.get("section") for row in rows]
    vectors = scorer.pooled(texts, headings)
    assert np.array_equal(scorer.graph.pooled(read_in_training), vectors)
    assert len(np.unique(vectors, axis=0)) == len(rows)


@trains
@quiet
def test_the_graph_gives_what_the_network_gives(trained: Path, base: Path) -> None:
    import onnxruntime
    import torch

    from finetuning.fitting import logits_of, pad_batch
    from finetuning.network import export_graphs
    from tipclassify.model.encoder.folder import read_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer

    network = restored(base, trained).network
    rows = [[2, 6, 15, 20, 5, 3], [2, 24, 3, 7, 16, 3], [2, *[9] * 15, 3]]
    ids, mask = pad_batch(rows, 0)
    with torch.inference_mode():
        wanted = network.eval().pooled_and_tokens(ids, mask)[0].numpy()
    graph = export_graphs(network).floats
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(["pooled"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    assert np.abs(found - wanted).max() < 1e-4
    shipped = read_encoder(trained)
    exact = logits_of(network, rows, 0)
    whole = shipped.finetuned_heads.logits(EncoderScorer(shipped).graph.pooled(rows))
    assert np.abs(whole - exact).max() < 0.5  # weights and what flows between layers in 8 bits


@trains
@quiet
def test_the_same_network_is_exported_to_the_same_bytes(trained: Path, base: Path) -> None:
    from finetuning.network import export_graphs

    network = restored(base, trained).network
    graphs = [export_graphs(network).whole_numbers for _ in range(2)]
    assert graphs[0] == graphs[1] == (trained / "model.onnx").read_bytes()


@trains
@quiet
def test_padding_changes_no_score(base: Path) -> None:
    import torch

    from finetuning.network import new_network

    network = new_network(base, SETTINGS).eval()
    ids = torch.tensor([[2, 7, 15, 20, 5, 3]])
    filled = torch.cat([ids, torch.zeros((1, 9), dtype=torch.long)], 1)
    with torch.inference_mode():
        alone = network(ids, torch.ones_like(ids))
        beside = network(filled, (filled > 0).long())
    assert torch.allclose(alone, beside, atol=1e-5)


# --------------------------------------------------------------------------------------------- what
# a step reads


@pytest.fixture
def examples() -> Any:
    """A passage of five tokens under heading 40, one without; heading 50 means the same."""
    pytest.importorskip("torch")
    from finetuning.fitting import SpecialTokens, TokenizedExamples

    return TokenizedExamples(
        texts=[[11, 12, 13, 14, 15], [21, 22]],
        headings=[[40, 41], []],
        targets=np.array([[1.0, 0, 0], [0, 1, 0]]),
        targets_alone=np.array([[0.0, 0, 1], [0, 1, 0]]),
        taught=np.array([False, False]),
        similar={(40, 41): [[50]]},
        special=SpecialTokens(first=2, separator=3, mask=4, padding=0),
    )


PLAIN = replace(SETTINGS, no_heading=0.0, other_heading=0.0, masking=0.0)
BOTH = np.array([0, 1])


def test_a_passage_read_without_its_heading_has_the_labels_that_it_has_alone(examples: Any) -> None:
    rows, targets = examples.sample(BOTH, PLAIN, 0)
    assert rows == [[2, 40, 41, 3, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]]
    assert targets.tolist() == [[1, 0, 0], [0, 1, 0]]
    rows, targets = examples.sample(BOTH, replace(PLAIN, no_heading=1.0), 0)
    assert rows == [[2, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]]
    assert targets.tolist() == [[0, 0, 1], [0, 1, 0]]


def test_a_passage_of_a_teacher_keeps_the_heading_for_which_it_was_scored(examples: Any) -> None:
    taught = replace(examples, taught=np.array([True, False]))
    rows, targets = taught.sample(BOTH, replace(PLAIN, no_heading=1.0), 0)
    assert rows == [[2, 40, 41, 3, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]]
    assert targets.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_heading_of_like_meaning_keeps_the_labels(examples: Any) -> None:
    rows, targets = examples.sample(BOTH, replace(PLAIN, other_heading=1.0), 0)
    assert rows[0] == [2, 50, 3, 11, 12, 13, 14, 15, 3]
    assert targets.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_masks_hide_the_text_and_neither_heading_nor_marks(examples: Any) -> None:
    rows, _ = examples.sample(BOTH, replace(PLAIN, masking=1.0), 0)
    assert rows == [[2, 40, 41, 3, 4, 4, 4, 4, 4, 3], [2, 4, 4, 3]]


def test_a_step_draws_the_same_again_and_other_steps_otherwise(examples: Any) -> None:
    one = replace(SETTINGS, masking=0.5)
    assert examples.sample(BOTH, one, 3)[0] == examples.sample(BOTH, one, 3)[0]
    assert len({json.dumps(examples.sample(BOTH, one, step)[0]) for step in range(9)}) > 4


@trains
def test_an_epoch_has_all_real_passages_all_twins_and_others_drawn_anew() -> None:
    from finetuning.recipe import epoch_rows

    rows = [{**row, "pair": "p" if number < 20 else None} for number, row in enumerate(ROWS)]
    real = np.array([is_real(row) for row in rows])
    epochs = [
        epoch_rows(rows, ~HELD, replace(SETTINGS, invented=50), number) for number in (0, 0, 1)
    ]
    assert epochs[0].tolist() == epochs[1].tolist() != epochs[2].tolist()
    for chosen in epochs:
        assert not HELD[chosen].any()
        assert set(np.flatnonzero(real & ~HELD)) <= set(chosen)
        assert set(np.flatnonzero(~HELD[:20])) <= set(chosen)
        assert (~real[chosen]).sum() == 50
    twice = epoch_rows(rows, ~HELD, replace(SETTINGS, invented=50, twins=2), 0)
    assert [(twice == at).sum() for at in np.flatnonzero(~HELD[:20])] == [2] * int(
        (~HELD[:20]).sum()
    )
    assert (~real[twice]).sum() == 50
    invented = [row for row in rows if not is_real(row)]
    voices = [
        {**row, "source": "voices"} if number % 7 == 0 else row for number, row in enumerate(rows)
    ]
    genres = [
        {**row, "doc": "un-debate/a/b.txt"} if row.get("section") == "aviation" else row
        for row in voices
    ]
    chosen = epoch_rows(genres, ~HELD, replace(SETTINGS, invented=50, other_genres=3), 0)
    thrice = [at for at, row in enumerate(genres) if is_row_of_other_genre(row) and not HELD[at]]
    assert [(chosen == at).sum() for at in thrice] == [3] * len(thrice)
    assert (
        len(epoch_rows(invented, np.ones(192, bool), SETTINGS, 0)) == 192
    )  # where none is real, all


@trains
def test_headings_of_like_meaning_are_found_without_their_number(base: Path) -> None:
    from finetuning.recipe import Recipe, read_tokenizer, tokenize_rows

    rows = [{**ROWS[-1], "section": "b. aviation"}]
    tokenizer = read_tokenizer((base / "tokenizer.json").read_text("utf-8"))
    recipe = Recipe(str(base), WORDS, SETTINGS, headings={"aviation": ["flight"]})
    found = tokenize_rows(rows, tokenizer, recipe)
    (others,) = found.similar.values()
    assert others == [
        [len(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]) + len([*WHO, *DID, *WHOM]) + 2]
    ]


# --------------------------------------------------------------------------------------------- the
# loop


@trains
@quiet
def test_a_seed_gives_the_same_weights_and_another_seed_others(base: Path, tmp_path: Path) -> None:
    first, again = (weights(kept(base, tmp_path / name)) for name in ("first", "again"))
    other = weights(kept(base, tmp_path / "other", seed=1))
    assert first == again
    assert first != other


@trains
def test_the_rate_rises_to_its_peak_and_falls_and_batches_lose_no_passage() -> None:
    from finetuning.fitting import set_rate, shuffled_batches

    optimizer: Any = SimpleNamespace(param_groups=[{"peak": 2.0}])
    rates = []
    for step in (0, 1, 2, 9):
        set_rate(optimizer, step, 10, 0.2)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1.0, 2.0, 2.0, 0.25]
    batches = shuffled_batches(np.arange(5), [5, 3, 9, 4, 5], replace(SETTINGS, batch=2), 0)
    assert sorted(np.concatenate(batches).tolist()) == [0, 1, 2, 3, 4]


@trains
@quiet
def test_a_run_broken_off_anywhere_goes_on_to_the_same_weights(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetuning import fitting

    monkeypatch.setattr(fitting, "_CHECKPOINT_STEPS", 4)
    done: list[tuple[int, int]] = []
    whole = weights(kept(base, tmp_path / "whole", progress=lambda *step: done.append(step)))
    an_epoch = done[-1][1] // 2
    assert an_epoch > 10

    def breaks_at(step: int) -> Callable[[int, int], None]:
        steps = iter(range(1, step + 1))

        def progress(*_: int) -> None:
            if next(steps) == step:
                raise KeyboardInterrupt

        return progress

    # in the first epoch, after its end, and soon after that
    for step in (6, an_epoch - 3, 3):
        with pytest.raises(KeyboardInterrupt):
            kept(base, tmp_path / "parts", resume=True, progress=breaks_at(step))
    begun: list[tuple[int, int]] = []
    assert (
        weights(
            kept(base, tmp_path / "parts", resume=True, progress=lambda *step: begun.append(step))
        )
        == whole
    )
    assert begun[0][0] > an_epoch  # it went on


TAUGHT = [
    SoftPassage("police ignored victims here .", "trafficking", [0.1, 0.9, 0.1]),
    SoftPassage("courts sold children here .", None, [0.0, 0.2, 0.8]),
]


def kept_with_teachers(base: Path, out: Path, taught: list[SoftPassage], **run: Any) -> Any:
    """The network of a short training, and of an epoch with passages that teachers scored."""
    from finetuning.recipe import Recipe, fine_tune

    settings = replace(SETTINGS, epochs=1, invented=30)
    recipe = Recipe(str(base), WORDS, settings, taught=taught)
    return fine_tune(ROWS[::4], recipe, out, threads=1, **run)


@trains
@quiet
def test_an_epoch_with_teachers_follows_the_labels_and_resumes(base: Path, tmp_path: Path) -> None:
    alone = kept(base, tmp_path / "labels", epochs=1)
    whole = kept_with_teachers(base, tmp_path / "whole", TAUGHT)
    assert (len(alone.history), len(whole.history)) == (1, 2)
    assert whole.history[0] == alone.history[0]
    assert weights(whole) != weights(alone)

    steps = 0

    def breaks_off(_: int, planned: int) -> None:
        nonlocal steps
        steps += 1
        if steps == planned + 3:  # the third step after the labels, or of the same number
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_with_teachers(base, tmp_path / "parts", TAUGHT, progress=breaks_off)
    resumed = kept_with_teachers(base, tmp_path / "parts", TAUGHT, resume=True)
    assert weights(resumed) == weights(whole)
    assert resumed.history == whole.history
    with pytest.raises(ModelError, match="of a run with other taught"):
        kept_with_teachers(base, tmp_path / "whole", TAUGHT[:1], resume=True)


class FixedTeacher:
    """A model that gives every passage the log-odds of its text, and notes what it was asked."""

    def __init__(self, log_odds: dict[str, float]) -> None:
        self.log_odds = log_odds
        self.asked: list[tuple[str, str | None]] = []

    def logits(self, passages: list[Passage]) -> Any:
        self.asked += [(passage.text, passage.section) for passage in passages]
        return np.array([[self.log_odds[passage.text], -9.0, -9.0] for passage in passages])

    def predict_proba(self, passages: list[Passage]) -> Any:
        return 1 / (1 + np.exp(-self.logits(passages)))


def test_teachers_score_what_tells_something_and_other_passages_at_random() -> None:
    from finetuning.teachers import passages_of_teachers
    from tipclassify.training.unlabelled import UnlabelledPassage

    pool = [
        UnlabelledPassage("plain a", "Labor", "hrr/2020/karvonia.html"),
        UnlabelledPassage("telling", "Labor", "hrr/2020/karvonia.html"),
        UnlabelledPassage("debate", "Labor", "un-debate/1.txt"),
        UnlabelledPassage("plain b", None, "hrr/2020/karvonia.html"),
        UnlabelledPassage("plain c", None, "hrr/2020/karvonia.html"),
    ]
    first = FixedTeacher(
        {"plain a": -8.0, "telling": 2.0, "debate": 1.0, "plain b": -8.0, "plain c": -8.0}
    )
    second = FixedTeacher(dict.fromkeys(first.log_odds, 4.0))
    chosen = passages_of_teachers([first, second], pool, 3, 0)  # type: ignore[list-item]
    assert len(chosen) == 3
    by_text = {soft.text: soft for soft in chosen}
    assert {"telling", "debate"} < set(by_text)
    # the mean of 2 and 4; the first alone where the passage is of another genre
    assert by_text["telling"].scores[0] == pytest.approx(1 / (1 + np.exp(-3.0)))
    assert by_text["debate"].scores[0] == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert ("telling", "Labor") in second.asked
    assert "debate" not in dict(second.asked)
    again = passages_of_teachers([first, second], pool, 3, 0)  # type: ignore[list-item]
    assert again == chosen
    assert len(passages_of_teachers([first], pool, 99, 0)) == 5  # type: ignore[list-item]


@trains
@quiet
def test_a_checkpoint_of_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    from finetuning.recipe import Recipe, fine_tune

    run = tmp_path / "run"
    kept(base, run, epochs=1)
    with pytest.raises(ModelError, match="of a run with other settings"):
        kept(base, run, resume=True, epochs=1, seed=3)
    settings = replace(SETTINGS, epochs=1, invented=30)
    with pytest.raises(ModelError, match="of a run with other corpus"):
        fine_tune(ROWS[::3], Recipe(str(base), WORDS, settings), run, resume=True, threads=1)
    (run / "checkpoint.pt").write_bytes(b"half a file")
    with pytest.raises(ModelError, match="not a checkpoint"):
        kept(base, run, resume=True, epochs=1)


@trains
@quiet
def test_a_network_trained_before_is_no_base(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"lacks config\.json [^\n]+; give a pretrained base [^\n]+$"
    ):
        kept(trained.with_name("mine-training"), tmp_path / "further")


@trains
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**row, "labels": ()} for row in ROWS], "no passage has a label"),
        (
            [row for row in ROWS if row["doc"] == "hrr/2020/karvonia.html"],
            "none of 64 passages can be held out",
        ),
    ],
)
def test_a_corpus_that_cannot_teach_is_refused(
    base: Path, tmp_path: Path, rows: list[Any], message: str
) -> None:
    from finetuning.recipe import Recipe, fine_tune

    with pytest.raises(ValueError, match=message):
        fine_tune(rows, Recipe(str(base), WORDS, SETTINGS), tmp_path / "run")


@trains
@quiet
@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_for_processors_that_have_it(
    base: Path, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    import torch

    from finetuning import fitting
    from finetuning.network import new_network

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    fitting.precision.cache_clear()
    try:
        network = new_network(base, SETTINGS).eval()
        ids = [[2, 7, 9, 3], [2, 8, 3]]
        found = fitting.logits_of(network, ids, 0)
        numbers, mask = fitting.pad_batch(ids, 0)
        with torch.inference_mode():
            plain = network(numbers, mask).numpy()
        assert fitting.precision() == ("bfloat16" if fast else "float32")
        assert np.array_equal(found, plain) is not fast
        assert np.allclose(found, plain, atol=0.05)
    finally:
        fitting.precision.cache_clear()


# --------------------------------------------------------------------------------------------- the
# command


def test_without_pytorch_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from finetuning.recipe import Recipe, fine_tune

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingExtraError,
        match=r"^training an encoder needs an extra: pip install 'tipclassify\[train\]'$",
    ):
        fine_tune(ROWS, Recipe(str(tmp_path), WORDS, SETTINGS), tmp_path / "out")


@trains
def test_what_is_wrong_with_a_base_is_reported_in_a_line(tmp_path: Path) -> None:
    from finetuning.network import base_folder

    with pytest.raises(ModelError, match="no such folder"):
        base_folder(str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"lacks config\.json and tokenizer\.json"):
        base_folder(str(tmp_path))
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}", "utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"lacks \*\.safetensors"):
        base_folder(str(tmp_path))


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"rate": 0}, {"rate": 1}):
        with pytest.raises(ValueError, match="a rate above 0 and below 1"):
            Settings(**wrong)


def test_every_option_of_an_encoder_arrives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from finetuning import command

    app = typer.Typer()
    app.command()(runpy.run_path(str(ROOT / "train.py"))["train"])
    data = tmp_path / "mine.jsonl"
    data.write_text('{"text": "Police acted.", "labels": ["positive_effort"]}\n', "utf-8")
    seen: list[Any] = []
    monkeypatch.setattr(
        command,
        "run",
        lambda *given: seen.append(given) or SimpleNamespace(table=lambda: "good"),
    )
    for option in (
        ["--rate", "0.1"],
        ["--epochs", "1"],
        ["--resume"],
        ["--base", "b"],
        ["--teacher", "t"],
    ):
        assert CliRunner().invoke(app, option).exit_code == 2
    start = ["--model", "encoder", "--base", "b", "--data", str(data), "--out", "o", "--no-corpus"]
    options = [
        "--rate",
        "0.0002",
        "--epochs",
        "2",
        "--seed",
        "5",
        "--unlabelled",
        "u.jsonl",
        "--resume",
        "--jobs",
        "2",
        "--teacher",
        "t",
        "--teacher",
        "u",
    ]
    done = CliRunner().invoke(app, [*start, *options])
    assert (done.exit_code, done.stdout) == (0, "good\n")
    encoder, request, corpus, own = seen[0]
    assert corpus == []
    assert [row["text"] for row in own] == ["Police acted."]
    assert (request.out, request.seed, request.jobs) == (Path("o"), 5, 2)
    assert list(request.unlabelled) == [Path("u.jsonl")]
    assert (encoder.base, encoder.epochs, encoder.rate, encoder.resume) == ("b", 2, 0.0002, True)
    assert encoder.teachers == [Path("t"), Path("u")]
    assert encoder.headings is not None
    assert encoder.headings.is_file()
    assert CliRunner().invoke(app, start).exit_code == 0
    encoder, request, _, _ = seen[1]
    assert (encoder.epochs, encoder.rate, encoder.resume, request.jobs) == (None, None, False, -1)


def test_unlabelled_passages_are_read_once_and_without_those_that_are_known(tmp_path: Path) -> None:
    from tipclassify.training.unlabelled import UnlabelledPassage, read_unlabelled

    rows = [
        {"text": "One thing.", "section": "Labor", "source": "dol/a.html"},
        {"text": "one  thing."},
        {"text": "Two things."},
        {"text": "Three things."},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines, "utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    found = read_unlabelled(
        [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"], ["TWO things."], None, 0
    )
    assert sorted(found, key=str) == [
        UnlabelledPassage("One thing.", "Labor", "dol/a.html"),
        UnlabelledPassage("Three things.", None, ""),
    ]
    assert found == read_unlabelled([tmp_path / "b.jsonl.gz"], ["two things."], 9, 0)
    assert len(read_unlabelled([tmp_path / "a.jsonl"], [], 1, 0)) == 1
    for broken in (b"\x1f\x8bhalf", b'{"txt": 1}\n', b"[1]\n", b'{"text": null}\n', b"\xff"):
        for name in ("c.jsonl", "c.jsonl.gz"):
            (tmp_path / name).write_bytes(broken)
            with pytest.raises(InputError, match=rf"{name}: not JSON lines with a text each"):
                read_unlabelled([tmp_path / name], [], None, 0)
    with pytest.raises(InputError, match="not JSON lines"):
        read_unlabelled([tmp_path / "none.jsonl"], [], None, 0)
