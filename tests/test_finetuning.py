"""Training of an encoder is deterministic and resumable, and its export keeps the scores.

The base is a two-layer BERT of random weights, made here: the tests cover the code, not the shipped
encoder's figures. They need the extra ``train`` (PyTorch is too large for the extra ``test``) and
are skipped where it is missing.
"""

from __future__ import annotations

import gzip
import json
import runpy
import sys
from dataclasses import asdict, replace
from difflib import SequenceMatcher
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from labelled_rows import COUNTRIES, invented_rows, report_rows, under
from model_heads import head_of
from typer.testing import CliRunner, Result

from finetuning import Settings
from tipclassify import Classifier, Passage
from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import held_out, is_other_genre, is_real
from tipclassify.corpus.rows import Row
from tipclassify.errors import InputError, MissingExtraError, ModelError
from tipclassify.labels import label_indicator
from tipclassify.progress import Progress
from tipclassify.training.linear import SoftPassage

if TYPE_CHECKING:
    from finetuning.fitting import TokenizedExamples
    from finetuning.recipe import FineTuned

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

SIMILAR_HEADINGS = {"aviation": ["flight"]}
SETTINGS = Settings(epochs=3, batch=8, rate=3e-3, decay=1.0, tokens=24, invented=150)
SUBJECTS = (
    "police",
    "prosecutors",
    "inspectors",
    "judges",
    "ministers",
    "officers",
    "courts",
    "consuls",
)
LABELS_OF_VERBS = {
    "arrested": ("positive_effort",),
    "ignored": ("failure",),
    "sold": ("complicity",),
    "met": (),
}
OBJECTS = ("traffickers", "recruiters", "victims", "workers", "children", "brokers")
PLACES = ("Valdoria", "Norrland")  # names that the tiny base can tell apart
HEADINGS = ("trafficking", "aviation", "flight")
WORDS_OF_TEXTS = (*SUBJECTS, *LABELS_OF_VERBS, *OBJECTS)
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = frozenset([*WORDS_OF_TEXTS, *HEADINGS])


def rows_labelled_by_verb() -> list[Row]:
    """Make 192 invented rows, and 576 of reports, whose verb has no label under "aviation"."""
    rows = invented_rows(SUBJECTS, LABELS_OF_VERBS, OBJECTS, "{subject} {act} {ending} .")
    for number, country in enumerate(COUNTRIES):
        object_of_country = OBJECTS[number % len(OBJECTS)]
        rows += report_rows(
            country,
            SUBJECTS,
            LABELS_OF_VERBS,
            "{subject} {act} " + object_of_country + " .",
            labelled_heading="trafficking",
            other_heading="aviation",
        )
    return rows


ROWS = rows_labelled_by_verb()
HELD = held_out(ROWS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a BERT of two layers of 32, random, with a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base") / "tiny"
    words = [*SPECIAL_TOKENS, ".", *WORDS_OF_TEXTS, *HEADINGS, *PLACES]
    token_ids = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(token_ids, unk_token="[UNK]"))
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
    """Train an encoder on labels and on a first one's scores; ``mine-training`` has the first."""
    from finetuning.command import run
    from tipclassify.training import default, write

    folder = tmp_path_factory.mktemp("models")
    pool = folder / "pool.jsonl.gz"
    write_pool(pool)
    similar_headings = folder / "headings.json"
    similar_headings.write_text(json.dumps(SIMILAR_HEADINGS), "utf-8")
    cases = folder / "cases"
    cases.mkdir()
    case = {"rule": "sold", "text": "courts sold victims .", "labels": ["complicity"]}
    (cases / "a.jsonl").write_text(json.dumps(case))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "MIN_REAL", 100)
        patch.setattr(write, "default_cases_path", lambda: cases)
        run(
            ROWS,
            folder / "mine",
            base=str(base),
            unlabelled=[pool],
            jobs=1,
            headings=similar_headings,
            settings=SETTINGS,
        )
    return folder / "mine"


def write_pool(file: Path) -> None:
    """Write unlabelled passages, most of them of other subjects."""
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        for subject, verb, victim in product(SUBJECTS, LABELS_OF_VERBS, OBJECTS):
            for number, ending in enumerate((*PLACES, victim, "courts", "police")):
                row = {
                    "text": f"{subject} {verb} {victim} {ending} .",
                    "section": "aviation" if number else "trafficking",
                    "source": "hrr/2019/osterland.html",
                }
                lines.write(json.dumps(row) + "\n")


def weights(finetuned: FineTuned) -> bytes:
    """Return the bytes of all weights of a network."""
    tensors = finetuned.network.state_dict().values()
    return b"".join(tensor.numpy().tobytes() for tensor in tensors)


def train_briefly(
    base: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    **changes: float | str,
) -> FineTuned:
    """Train on every fourth row for two epochs, with `changes` of the settings."""
    from finetuning.recipe import Recipe, fine_tune

    settings = replace(SETTINGS, **{"epochs": 2, "invented": 30, **changes})
    recipe = Recipe(str(base), WORDS, settings)
    return fine_tune(ROWS[::4], recipe, out, resume=resume, threads=1, progress=progress)


def restored(base: Path, trained: Path) -> FineTuned:
    """Return the first network of the fixture `trained`, from its checkpoint."""
    from finetuning.recipe import Recipe, fine_tune
    from tipclassify.model.encoder.files import read_encoder_model

    steps: list[int] = []
    vocabulary = read_encoder_model(trained).vocabulary
    finetuned = fine_tune(
        ROWS,
        Recipe(str(base), vocabulary, SETTINGS, SIMILAR_HEADINGS),
        trained.with_name("mine-training") / "first",
        resume=True,
        threads=1,
        progress=lambda done, _: steps.append(done),
    )
    assert steps == []  # nothing is left to do
    return finetuned


# ------------------------------------------------------------------------------------ the whole way


@trains
@quiet
def test_an_encoder_learns_and_is_loaded_like_any_model(trained: Path) -> None:
    classifier = Classifier.load(trained)
    wanted = np.array([label_indicator(row["labels"]) for row in ROWS], bool)
    given = classifier.predict([under(row.get("section"), row["text"]) for row in ROWS])
    assert (given == wanted)[HELD].all(axis=1).mean() > 0.9
    assert (trained / "model.onnx").stat().st_size < 200_000


@trains
@quiet
def test_the_heading_decides_and_without_one_the_passage_alone(trained: Path) -> None:
    texts = []
    labels_of_texts = []
    for subject, (verb, labels) in product(SUBJECTS, LABELS_OF_VERBS.items()):
        if labels:
            texts.append(f"{subject} {verb} victims .")
            labels_of_texts.append(label_indicator(labels))
    wanted = np.array(labels_of_texts, bool)
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

    texts = [f"police ignored {place} ." for place in PLACES]
    here, there = Classifier.load(trained).logits(texts)
    assert here.tolist() == there.tolist()
    keeping_names = train_briefly(base, tmp_path / "run", stand_in="", epochs=1)
    token_ids = encode(read_tokenizer(keeping_names.tokenizer), texts)
    here, there = logits_of(keeping_names.network, [[2, *ids, 3] for ids in token_ids], 0)
    assert here.tolist() != there.tolist()


@trains
@quiet
def test_the_folder_says_what_it_is_of_and_how_good(trained: Path, base: Path) -> None:
    from finetuning.network import describe_base

    head = head_of(trained)
    assert head["base"] == {
        "name": "tiny",
        "licence": "not known here",
        "sha256": describe_base(str(base), base)["sha256"],
    }
    assert head["training"]["settings"] == asdict(SETTINGS)
    history = head["training"]["history"]
    assert len(history) == SETTINGS.epochs
    for epoch in history:
        assert sorted(epoch) == ["loss", "loss_alone", "macro_f1", "macro_f1_alone"]
    assert history[-1]["loss"] < history[0]["loss"]
    first = trained.with_name("mine-training") / "first" / "model"
    by_first = {"passages": 960, "teachers": [head_of(first)["sha256"][:12]]}
    assert head["training"]["taught"] == by_first
    assert "taught" not in head_of(first)["training"]
    assert head["corpus"]["passages"] == len(ROWS) == 768
    assert head["corpus"]["real"] == 576
    assert head["corpus"]["held_out"] == HELD.sum()
    assert head["weight_bits"] == 7
    assert head["whole_number_macro_f1"] >= head["float_macro_f1"] - 0.005
    assert set(head["files"]) == {
        "model.onnx",
        "tokenizer.json",
        "words.txt",
        "heads.npz",
        "README.md",
        "golden.jsonl",
        "NOTICE",
        "fixed.npz",
        "moment.npz",
        "taught.bin",
    }
    card = (trained / "README.md").read_text("utf-8")
    assert head["base"]["sha256"] in card
    words = " ".join(card.split())
    assert "960 unlabelled passages, each in one of the epochs, by the scores that a first" in words
    assert f"the labels alone, `{head_of(first)['sha256'][:12]}` gave them." in words
    assert f"Macro-F1 {head['metrics']['macro_f1']:.3f}" in card
    assert "576 real passages of public reports and 192 others" in card
    assert "tiny" in (trained / "NOTICE").read_text("utf-8")


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
    texts = [row["text"] for row in rows]
    headings = [row.get("section") for row in rows]
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
    from tipclassify.model.encoder.files import read_encoder_model
    from tipclassify.model.encoder.scoring import EncoderScorer

    network = restored(base, trained).network
    longest = [2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3]
    rows = [[2, 6, 15, 20, 5, 3], [2, 24, 3, 7, 16, 3], longest]
    ids, mask = pad_batch(rows, 0)
    with torch.inference_mode():
        wanted = network.eval().pooled_and_tokens(ids, mask)[0].numpy()
    graph = export_graphs(network).floats
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (pooled,) = session.run(["pooled"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    assert np.abs(pooled - wanted).max() < 1e-4
    exported = read_encoder_model(trained.with_name("mine-training") / "first" / "model")
    exact = logits_of(network, rows, 0)
    rounded = exported.finetuned_heads.logits(EncoderScorer(exported).graph.pooled(rows))
    assert np.abs(rounded - exact).max() < 0.5  # weights and what flows between layers in 8 bits


@trains
@quiet
def test_a_shipped_encoder_is_built_again_and_trained_further(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetuning import command
    from finetuning.fitting import logits_of
    from finetuning.shipped import further_rows, network_of
    from tipclassify.model.encoder.files import read_encoder_model
    from tipclassify.model.encoder.scoring import EncoderScorer

    start = read_encoder_model(trained)
    rows = [[2, 6, 15, 20, 5, 3], [2, 24, 3, 7, 16, 3]]
    scores = start.heads.logits(EncoderScorer(start).graph.pooled(rows))
    # what flows between layers is in floats again
    assert np.abs(logits_of(network_of(start, SETTINGS), rows, 0) - scores).max() < 0.5

    new: list[Row] = [{**row, "text": f"norrland {row['text']}"} for row in ROWS[:40]]
    both = [*ROWS, *new]
    chosen = further_rows(both, ~held_out(both), start, replace(SETTINGS, known=0.25, new=2))
    counts = np.bincount(chosen, minlength=len(both))
    assert set(counts[len(ROWS) :]) == {0, 2}  # 0: held out
    assert counts[: len(ROWS)].sum() == int((~held_out(both))[: len(ROWS)].sum() * 0.25)

    pool = tmp_path / "pool.jsonl.gz"
    write_pool(pool)
    monkeypatch.setattr("tipclassify.training.write.default_cases_path", lambda: None)
    command.run(both, tmp_path / "more", base=str(trained), unlabelled=[pool], jobs=1, epochs=1)
    training = head_of(tmp_path / "more")["training"]
    assert training["further"] == head_of(trained)["sha256"][:12]
    assert training["taught"]["teachers"] == [training["further"]]
    assert head_of(tmp_path / "more")["base"] == head_of(trained)["base"]
    assert "trained further" in (tmp_path / "more" / "README.md").read_text("utf-8")


def test_an_edit_leaves_most_of_a_passage_and_is_the_same_for_a_seed() -> None:
    from finetuning.edits import edit

    text = "Police in Valdoria arrested 25 recruiters and identified 140 victims."
    made = [edit(text, np.random.default_rng(seed)) for seed in range(200)]
    assert made == [edit(text, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(made)) > 50
    ratios = [SequenceMatcher(None, text.lower(), other.lower()).ratio() for other in made]
    assert min(ratios) > 0.75
    assert edit("", np.random.default_rng(0)) == ""


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


# -------------------------------------------------------------------------------- what a step reads


@pytest.fixture
def examples() -> TokenizedExamples:
    """Make a passage under heading 40, 41 and one without; heading 50 means the same."""
    pytest.importorskip("torch")
    from finetuning.fitting import SpecialTokens, TokenizedExamples

    return TokenizedExamples(
        texts=[[11, 12, 13, 14, 15], [21, 22]],
        edited=[[11, 12, 16, 14, 15], [21, 23]],
        headings=[[40, 41], []],
        targets=np.array([[1.0, 0, 0], [0, 1, 0]]),
        targets_alone=np.array([[0.0, 0, 1], [0, 1, 0]]),
        taught=np.array([False, False]),
        similar={(40, 41): [[50]]},
        special=SpecialTokens(first=2, separator=3, mask=4, padding=0),
    )


BOTH = np.array([0, 1])
WITH_HEADING = [[2, 40, 41, 3, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]]
OF_HEADING = [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("settings", "taught", "wanted", "wanted_targets"),
    [
        ({}, False, WITH_HEADING, OF_HEADING),
        # read without its heading, a passage has the labels that it has alone
        (
            {"no_heading": 1.0},
            False,
            [[2, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]],
            [[0, 0, 1], [0, 1, 0]],
        ),
        # one that a network scored keeps its heading
        ({"no_heading": 1.0}, True, WITH_HEADING, OF_HEADING),
        # a heading of like meaning keeps the labels
        (
            {"other_heading": 1.0},
            False,
            [[2, 50, 3, 11, 12, 13, 14, 15, 3], [2, 21, 22, 3]],
            OF_HEADING,
        ),
        # a harmless edit keeps them too
        (
            {"edited": 1.0},
            False,
            [[2, 40, 41, 3, 11, 12, 16, 14, 15, 3], [2, 21, 23, 3]],
            OF_HEADING,
        ),
        # masks hide the text, and neither heading nor special tokens
        ({"masking": 1.0}, False, [[2, 40, 41, 3, 4, 4, 4, 4, 4, 3], [2, 4, 4, 3]], OF_HEADING),
    ],
)
def test_a_step_reads_passages_as_the_settings_have_it(
    examples: TokenizedExamples,
    settings: dict[str, float],
    taught: bool,
    wanted: list[list[int]],
    wanted_targets: list[list[int]],
) -> None:
    plain = replace(SETTINGS, no_heading=0.0, other_heading=0.0, masking=0.0, edited=0.0)
    examples = replace(examples, taught=np.array([taught, False]))
    rows, targets = examples.sample(BOTH, replace(plain, **settings), 0)
    assert rows == wanted
    assert targets.tolist() == wanted_targets


@trains
def test_an_epoch_has_all_real_passages_all_pairs_and_others_drawn_anew() -> None:
    from finetuning.recipe import epoch_rows

    rows = [{**row, "pair": "p" if number < 20 else None} for number, row in enumerate(ROWS)]
    real = np.array([is_real(row) for row in rows])
    fifty = replace(SETTINGS, invented=50, near_identical_pairs=1)
    learned_pairs = np.flatnonzero(~HELD[:20])

    first = epoch_rows(rows, ~HELD, fifty, 0)
    second = epoch_rows(rows, ~HELD, fifty, 1)
    assert first.tolist() == epoch_rows(rows, ~HELD, fifty, 0).tolist()
    assert first.tolist() != second.tolist()
    for chosen in (first, second):
        assert not HELD[chosen].any()
        assert set(np.flatnonzero(real & ~HELD)) <= set(chosen)
        assert set(learned_pairs) <= set(chosen)
        assert (~real[chosen]).sum() == len(learned_pairs) + 50

    with_pairs_twice = epoch_rows(rows, ~HELD, replace(fifty, near_identical_pairs=2), 0)
    assert {(with_pairs_twice == at).sum() for at in learned_pairs} == {2}
    assert (~real[with_pairs_twice]).sum() == 2 * len(learned_pairs) + 50

    invented = [row for row, is_of_report in zip(rows, real, strict=True) if not is_of_report]
    assert len(epoch_rows(invented, np.ones(192, bool), SETTINGS, 0)) == 192  # all of them

    voices = [
        {**row, "source": "voices" if number % 7 == 0 else None} for number, row in enumerate(rows)
    ]
    chosen = epoch_rows(voices, ~HELD, replace(fifty, other_genres=3), 0)
    of_other_genre = np.array([is_other_genre(row) for row in voices])
    assert {(chosen == at).sum() for at in np.flatnonzero(of_other_genre & ~HELD)} == {3}


@trains
def test_headings_of_like_meaning_are_found_without_their_number(base: Path) -> None:
    from finetuning.recipe import Recipe, read_tokenizer, tokenize_rows

    rows = [{**ROWS[-1], "section": "b. aviation"}]
    tokenizer = read_tokenizer((base / "tokenizer.json").read_text("utf-8"))
    recipe = Recipe(str(base), WORDS, SETTINGS, headings={"aviation": ["flight"]})
    examples = tokenize_rows(rows, tokenizer, recipe)
    (others,) = examples.similar.values()
    words_before_headings = [*SPECIAL_TOKENS, ".", *WORDS_OF_TEXTS]
    assert others == [[len(words_before_headings) + HEADINGS.index("flight")]]


# ----------------------------------------------------------------------------------------- the loop


@trains
@quiet
def test_a_seed_gives_the_same_weights_and_another_seed_others(base: Path, tmp_path: Path) -> None:
    first = weights(train_briefly(base, tmp_path / "first"))
    again = weights(train_briefly(base, tmp_path / "again"))
    other = weights(train_briefly(base, tmp_path / "other", seed=1))
    assert first == again
    assert first != other


@trains
@quiet
def test_a_run_broken_off_anywhere_goes_on_to_the_same_weights(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetuning import fitting

    monkeypatch.setattr(fitting, "_CHECKPOINT_STEPS", 4)
    steps_done: list[int] = []
    steps_planned: list[int] = []

    def note_steps(done: int, planned: int) -> None:
        steps_done.append(done)
        steps_planned.append(planned)

    whole = weights(train_briefly(base, tmp_path / "whole", progress=note_steps))
    an_epoch = steps_planned[-1] // 2
    assert an_epoch > 10

    def breaks_at(step: int) -> Progress:
        steps = iter(range(1, step + 1))

        def progress(*_: int) -> None:
            if next(steps) == step:
                raise KeyboardInterrupt

        return progress

    # in the first epoch, after its end, and soon after that
    for step in (6, an_epoch - 3, 3):
        with pytest.raises(KeyboardInterrupt):
            train_briefly(base, tmp_path / "parts", resume=True, progress=breaks_at(step))
    steps_done.clear()
    resumed = train_briefly(base, tmp_path / "parts", resume=True, progress=note_steps)
    assert weights(resumed) == whole
    assert steps_done[0] > an_epoch  # it went on


TAUGHT = [
    SoftPassage("police ignored victims here .", "trafficking", [0.1, 0.9, 0.1]),
    SoftPassage("courts sold children here .", None, [0.0, 0.2, 0.8]),
]


def train_briefly_on_scores(
    base: Path,
    out: Path,
    taught: list[SoftPassage],
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> FineTuned:
    """Train for two epochs, with passages that a network scored beside the labelled ones."""
    from finetuning.recipe import Recipe, fine_tune

    settings = replace(SETTINGS, epochs=2, invented=30)
    recipe = Recipe(str(base), WORDS, settings, taught=taught)
    return fine_tune(ROWS[::4], recipe, out, resume=resume, threads=1, progress=progress)


@trains
@quiet
def test_each_scored_passage_is_in_one_epoch_beside_the_labels(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetuning import fitting

    learned: list[list[int]] = []

    def note_epochs(*arguments: object) -> list[dict[str, float]]:
        epochs = arguments[2]
        assert isinstance(epochs, list)
        learned.extend(epoch.tolist() for epoch in epochs)
        return []

    monkeypatch.setattr(fitting, "fit", note_epochs)
    train_briefly_on_scores(base, tmp_path, TAUGHT * 3)
    labelled = len(ROWS[::4])
    taught = [[i for i in epoch if i >= labelled] for epoch in learned]
    assert sorted(taught[0] + taught[1]) == list(range(labelled, labelled + 6))
    assert [len(share) for share in taught] == [3, 3]
    assert all(any(i < labelled for i in epoch) for epoch in learned)


@trains
@quiet
def test_scored_passages_change_the_weights_and_belong_to_the_run(
    base: Path, tmp_path: Path
) -> None:
    alone = train_briefly_on_scores(base, tmp_path / "alone", [])
    with_scores = train_briefly_on_scores(base, tmp_path / "taught", TAUGHT)
    assert weights(alone) != weights(with_scores)
    with pytest.raises(ModelError, match="of a run with other texts"):
        train_briefly_on_scores(base, tmp_path / "taught", TAUGHT[:1], resume=True)


class FixedScores:
    """A model that gives every text the same probability."""

    def __init__(self, of_texts: dict[str, float]) -> None:
        self.of_texts = of_texts

    def predict_proba(self, passages: list[Passage]) -> Floats:
        return np.array([[self.of_texts[passage.text], 0.001, 0.001] for passage in passages])


def test_passages_that_say_something_are_chosen_and_others_at_random() -> None:
    from finetuning.own_scores import choose_scored

    plain = {f"plain {number}": 0.01 for number in range(20)}
    scores = {**plain, "telling": 0.9, "debate": 0.03}
    pool = [{"text": text, "section": None, "source": ""} for text in scores]
    first = FixedScores(scores)

    def chosen(most: int, seed: int = 0) -> list[SoftPassage]:
        return choose_scored(first, pool, most, seed)  # type: ignore[arg-type]

    of_three = {soft.text: soft.scores for soft in chosen(3)}
    assert len(of_three) == 3
    assert of_three["telling"] == [0.9, 0.001, 0.001]
    assert of_three["debate"] == [0.03, 0.001, 0.001]
    assert chosen(9) == chosen(9)
    assert chosen(9) != chosen(9, seed=1)
    assert [soft.text for soft in chosen(99)] == list(scores)


@trains
@quiet
def test_resumed_training_walks_both_networks_and_gives_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetuning import command, own_scores
    from tipclassify.training import default

    monkeypatch.setattr(default, "MIN_REAL", 100)
    write_pool(tmp_path / "pool.jsonl.gz")
    settings = replace(SETTINGS, epochs=1, invented=30, taught=40)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def train(out: str, resume: bool = False) -> bytes:
        command.run(
            ROWS,
            tmp_path / out,
            base=str(base),
            unlabelled=[tmp_path / "pool.jsonl.gz"],
            jobs=1,
            settings=settings,
            resume=resume,
        )
        return (tmp_path / out / "model.onnx").read_bytes()

    whole = train("whole")
    with monkeypatch.context() as patch:
        patch.setattr(own_scores, "choose_scored", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("parts")
    assert not (tmp_path / "parts").exists()
    assert not (tmp_path / "parts-training" / "second").exists()
    assert train("parts", resume=True) == whole
    for name in ("first", "second"):
        assert (tmp_path / "parts-training" / name / "checkpoint.pt").is_file()


def test_unlabelled_passages_that_are_all_known_are_refused(tmp_path: Path) -> None:
    from finetuning.command import run

    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"text": ROWS[0]["text"]}) + "\n", "utf-8")
    with pytest.raises(InputError, match="every passage is in the corpus; give other files"):
        run(ROWS, tmp_path / "out", base="b", unlabelled=[pool])
    assert not (tmp_path / "out-training").exists()


@trains
@quiet
def test_a_checkpoint_of_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    from finetuning.recipe import Recipe, fine_tune

    run = tmp_path / "run"
    train_briefly(base, run, epochs=1)
    with pytest.raises(ModelError, match="of a run with other settings"):
        train_briefly(base, run, resume=True, epochs=1, seed=3)
    settings = replace(SETTINGS, epochs=1, invented=30)
    with pytest.raises(ModelError, match="of a run with other corpus"):
        fine_tune(ROWS[::3], Recipe(str(base), WORDS, settings), run, resume=True, threads=1)
    under_another_heading = [{**row, "section": "victims"} for row in ROWS[::4]]
    recipe = Recipe(str(base), WORDS, settings)
    with pytest.raises(ModelError, match="of a run with other texts"):
        fine_tune(under_another_heading, recipe, run, resume=True, threads=1)
    (run / "checkpoint.pt").write_bytes(b"half a file")
    with pytest.raises(ModelError, match="not a checkpoint"):
        train_briefly(base, run, resume=True, epochs=1)


@trains
@quiet
def test_a_network_trained_before_is_no_base(trained: Path, tmp_path: Path) -> None:
    message = r"lacks config\.json [^\n]+; give a pretrained base [^\n]+$"
    with pytest.raises(ModelError, match=message):
        train_briefly(trained.with_name("mine-training") / "first", tmp_path / "further")


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
    base: Path, tmp_path: Path, rows: list[Row], message: str
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
        logits = fitting.logits_of(network, ids, 0)
        numbers, mask = fitting.pad_batch(ids, 0)
        with torch.inference_mode():
            plain = network(numbers, mask).numpy()
        assert fitting.precision() == ("bfloat16" if fast else "float32")
        assert np.array_equal(logits, plain) is not fast
        assert np.allclose(logits, plain, atol=0.05)
    finally:
        fitting.precision.cache_clear()


# -------------------------------------------------------------------------------------- the command


def test_without_pytorch_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from finetuning.recipe import Recipe, fine_tune

    monkeypatch.setitem(sys.modules, "torch", None)
    message = r"^training an encoder needs an extra: pip install 'tipclassify\[train\]'$"
    with pytest.raises(MissingExtraError, match=message):
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


@pytest.fixture
def fine_tuning_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Note the arguments of the fine-tunings, none of which trains."""
    from finetuning import command

    calls: list[dict[str, object]] = []

    def note_call(rows: list[Row], out: Path, **options: object) -> SimpleNamespace:
        calls.append({"rows": rows, "out": out, **options})
        return SimpleNamespace(table=lambda: "good")

    monkeypatch.setattr(command, "run", note_call)
    return calls


def run_train(*arguments: str) -> Result:
    """Run ``train.py`` in this process."""
    app = typer.Typer()
    app.command()(runpy.run_path(str(ROOT / "train.py"))["train"])
    return CliRunner().invoke(app, arguments)


def test_every_option_of_an_encoder_arrives(
    fine_tuning_calls: list[dict[str, object]], tmp_path: Path
) -> None:
    data = tmp_path / "mine.jsonl"
    data.write_text('{"text": "Police acted.", "labels": ["positive_effort"]}\n', "utf-8")
    required = ["--model", "encoder", "--base", "b", "--data", str(data), "--out", "o"]
    further = ("--epochs 2 --seed 5 --unlabelled u.jsonl --resume --jobs 2").split()

    done = run_train(*required, "--no-corpus", *further)
    assert (done.exit_code, done.stdout) == (0, "good\n")
    assert run_train(*required, "--no-corpus").exit_code == 0
    given, plain = fine_tuning_calls
    (row,) = given.pop("rows")  # type: ignore[misc]
    assert row["text"] == "Police acted."
    assert given == {
        "out": Path("o"),
        "checkpoints": Path("o-training"),
        "base": "b",
        "epochs": 2,
        "resume": True,
        "unlabelled": [Path("u.jsonl")],
        "seed": 5,
        "jobs": 2,
    }
    assert plain["epochs"] is None
    assert plain["resume"] is False
    assert plain["jobs"] == -1


def test_unlabelled_passages_are_read_once_and_without_those_that_are_known(tmp_path: Path) -> None:
    from tipclassify.training.fast import read_unlabelled

    rows = [
        {"text": "One thing.", "section": "Labor", "source": "dol/a.html"},
        {"text": "one  thing."},
        {"text": "Two things."},
        {"text": "Three things."},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines, "utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"]
    passages = read_unlabelled(files, ["TWO things."], 0)
    assert sorted(passages, key=str) == [
        {"text": "One thing.", "section": "Labor", "source": "dol/a.html"},
        {"text": "Three things.", "section": None, "source": ""},
    ]
    assert passages == read_unlabelled(files[1:], ["two things."], 0)


def test_a_pool_that_is_none_is_named(tmp_path: Path) -> None:
    from tipclassify.training.fast import read_unlabelled

    for broken in (b"\x1f\x8bhalf", b'{"txt": 1}\n', b"[1]\n", b'{"text": null}\n', b"\xff"):
        for name in ("c.jsonl", "c.jsonl.gz"):
            (tmp_path / name).write_bytes(broken)
            with pytest.raises(InputError, match=rf"{name}: not JSON lines with a text each"):
                read_unlabelled([tmp_path / name], [], 0)
    with pytest.raises(InputError, match="not JSON lines"):
        read_unlabelled([tmp_path / "none.jsonl"], [], 0)
