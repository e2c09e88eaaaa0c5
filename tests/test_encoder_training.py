"""Training an encoder: deterministic, taken up where it was broken off, taught by a teacher, exported as it scores.

The base is a two-layer BERT of random weights, made here: what is tested is the machinery, not the figures of the shipped encoder.
These tests need the extra ``train-encoder`` (PyTorch is too large for the extra ``test``) and are skipped where it is missing.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from tipclassify import LABELS, Classifier
from tipclassify.behaviours import replay_golden
from tipclassify.encoder_training.settings import Settings
from tipclassify.errors import InputError, MissingExtraError, ModelError

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("torch", "transformers", "onnx", "safetensors", "tokenizers", "onnxruntime")
MISSING = [name for name in NEEDED if find_spec(name) is None]
trains = pytest.mark.skipif(
    bool(MISSING), reason=f"training an encoder needs {', '.join(MISSING)}: pip install 'tipclassify[train-encoder]'"
)
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch.*", "ignore::FutureWarning")

SETTINGS = Settings(epochs=3, batch=8, rate=3e-3, decay=1.0, tokens=24)
WHO = ("police", "prosecutors", "inspectors", "judges", "ministers", "officers", "courts", "consuls")
DID = {
    "arrested": ["positive_effort"],
    "ignored": ["failure"],
    "sold": ["complicity"],
    "met": [],
}
PLACES = ("Valdoria", "Norrland")  # names that the tiny base can tell apart
WHOM = ("traffickers", "recruiters", "victims", "workers", "children", "brokers")


def some_rows() -> list[dict[str, Any]]:
    """192 passages whose verb tells the label."""
    return [
        {
            "id": f"{who}-{did}-{whom}",
            "text": f"{who} {did} {whom} .",
            "labels": tuple(labels),
            "pair": None,
            "doc": None,
        }
        for who in WHO
        for did, labels in DID.items()
        for whom in WHOM
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers of 32, random, with a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base") / "tiny"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WHO, *DID, *WHOM, *PLACES]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
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
    """An encoder's folder, trained for three epochs."""
    from tipclassify.encoder_training.recipe import train_encoder

    out = tmp_path_factory.mktemp("models") / "mine"
    train_encoder(some_rows(), out, str(base), SETTINGS, threads=1)
    return out


def weights(folder: Path) -> bytes:
    return (folder / "network.safetensors").read_bytes()


def kept(base: Path, out: Path, **options: Any) -> Path:
    """The folder of the best network of a short training that exports nothing."""
    from tipclassify.encoder_training.recipe import train_encoder

    settings = replace(SETTINGS, epochs=2, **options.pop("settings", {}))
    return train_encoder(some_rows(), out, str(base), settings, export=False, threads=1, **options).network


# --------------------------------------------------------------------------------------------- the whole way


@trains
@quiet
def test_an_encoder_learns_and_is_loaded_like_any_model(trained: Path) -> None:
    classifier = Classifier.load(trained)
    given = classifier.predict([row["text"] for row in some_rows()])
    wanted = [[label in row["labels"] for label in ("positive_effort", "failure", "complicity")] for row in some_rows()]
    assert (given == np.array(wanted)).all(axis=1).mean() > 0.95
    assert (trained / "model.onnx").stat().st_size < 200_000


@trains
@quiet
def test_no_name_decides_unless_names_are_kept(trained: Path, base: Path, tmp_path: Path) -> None:
    from tipclassify.encoder_training.targets import network_logits

    here, there = (f"police ignored {place} ." for place in PLACES)
    logits = Classifier.load(trained).logits([here, there])
    assert logits[0].tolist() == logits[1].tolist()
    words = Classifier.load(trained).vocabulary
    deaf = network_logits(trained.with_name("mine-training") / "best", [here, there], words)
    assert deaf[0].tolist() == deaf[1].tolist()
    hearing = network_logits(kept(base, tmp_path / "run", settings={"stand_in": ""}), [here, there], words)
    assert hearing[0].tolist() != hearing[1].tolist()


@trains
@quiet
def test_the_folder_says_what_it_is_of_and_how_good(trained: Path, base: Path) -> None:
    from tipclassify.encoder_training.bases import weights_sha256

    head = json.loads((trained / "model.json").read_text("utf-8"))
    assert head["base"] == {"name": "tiny", "licence": "not known here", "sha256": weights_sha256(base)}
    assert head["training"]["epochs"] == 3
    assert len(head["training"]["history"]) == 3
    assert head["corpus"]["passages"] == 192
    assert 0 < head["corpus"]["held_out"] < 40
    assert head["metrics"]["macro_f1"] >= head["float_macro_f1"] - 0.005
    beside = {"default.json", "default.npz"}
    assert set(head["files"]) - beside == {"model.onnx", "tokenizer.json", "README.md", "golden.jsonl", "NOTICE"}
    card = (trained / "README.md").read_text("utf-8")
    assert head["base"]["sha256"] in card
    assert f"Macro-F1 {head['metrics']['macro_f1']:.3f}" in card
    assert "tiny" in (trained / "NOTICE").read_text("utf-8")


@trains
@quiet
def test_golden_passages_are_held_out_ones_and_replay(trained: Path) -> None:
    from tipclassify.corpus import group_rows
    from tipclassify.encoder_training.recipe import held_out

    lines = (trained / "golden.jsonl").read_text("utf-8").splitlines()
    held = held_out(np.asarray(group_rows(some_rows())))
    assert {json.loads(line)["text"] for line in lines} <= {
        r["text"] for r, h in zip(some_rows(), held, strict=True) if h
    }
    assert replay_golden(Classifier.load(trained), lines) == []


@trains
@quiet
def test_the_graph_gives_what_the_network_gives(trained: Path) -> None:
    import onnxruntime
    import torch

    from tipclassify.encoder_training.batches import encode, padded
    from tipclassify.encoder_training.exporting import to_onnx, to_whole_numbers
    from tipclassify.encoder_training.network import load_network, read_tokenizer

    folder = trained.with_name("mine-training") / "best"
    network, settings = load_network(folder)
    ids, mask = padded(
        encode(read_tokenizer(folder, settings.tokens), ["police met victims .", "sold", "courts " * 15]), 0
    )
    with torch.inference_mode():
        wanted = network(ids, mask).numpy()
    graph = to_onnx(network)
    for data, close in ((graph, 1e-4), (to_whole_numbers(graph), 0.5)):
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        (found,) = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        assert np.abs(found - wanted).max() < close


@trains
@quiet
@pytest.mark.parametrize("pooling", ["mean", "max", "both"])
def test_padding_changes_no_score(base: Path, pooling: str) -> None:
    import torch

    from tipclassify.encoder_training.network import new_network

    network = new_network(base, replace(SETTINGS, pooling=pooling)).eval()
    ids = torch.tensor([[2, 7, 15, 20, 5, 3]])
    filled = torch.cat([ids, torch.zeros((1, 9), dtype=torch.long)], 1)
    with torch.inference_mode():
        alone = network(ids, torch.ones_like(ids))
        beside = network(filled, (filled > 0).long())
    assert torch.allclose(alone, beside, atol=1e-5)


# --------------------------------------------------------------------------------------------- the loop


@trains
@quiet
def test_a_seed_gives_the_same_weights_and_another_seed_others(base: Path, tmp_path: Path) -> None:
    first, again = (weights(kept(base, tmp_path / name)) for name in ("first", "again"))
    other = weights(kept(base, tmp_path / "other", settings={"seed": 1}))
    assert first == again
    assert first != other


@trains
@quiet
def test_a_run_broken_off_anywhere_goes_on_to_the_same_weights(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tipclassify.encoder_training import fitting

    monkeypatch.setattr(fitting, "_OFTEN", 4)
    whole = weights(kept(base, tmp_path / "whole"))
    set_rate, steps = fitting._set_rate, 0

    def breaks(at: int) -> Callable[..., None]:
        def counted(*arguments: Any) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                raise KeyboardInterrupt
            set_rate(*arguments)

        return counted

    for at in (7, 22, 6):  # in the first epoch, after its end, and soon after that
        steps = 0
        monkeypatch.setattr(fitting, "_set_rate", breaks(at))
        with pytest.raises(KeyboardInterrupt):
            kept(base, tmp_path / "parts", resume=True)
    monkeypatch.setattr(fitting, "_set_rate", set_rate)
    assert weights(kept(base, tmp_path / "parts", resume=True)) == whole


@trains
@quiet
def test_a_checkpoint_of_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    kept(base, tmp_path / "run")
    with pytest.raises(ModelError, match="of a run with other settings"):
        kept(base, tmp_path / "run", resume=True, settings={"seed": 3})
    (tmp_path / "run-training" / "checkpoint.safetensors").write_bytes(b"half a file")
    with pytest.raises(ModelError, match="not a checkpoint"):
        kept(base, tmp_path / "run", resume=True)


@trains
@quiet
def test_frozen_layers_stay_as_the_base_has_them(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    before = load_file(base / "model.safetensors")
    after = load_file(kept(base, tmp_path / "run", settings={"lowest": 1}) / "network.safetensors")
    same = {name: bool((after[f"encoder.{name}"] == tensor).all()) for name, tensor in before.items()}
    assert all(same[name] for name in same if "layer.0." in name or name.startswith("embeddings"))
    assert not any(same[name] for name in same if "layer.1." in name and "key.bias" not in name)


# --------------------------------------------------------------------------------------------- teachers


@trains
@quiet
def test_a_student_learns_from_soft_scores_and_further_sentences(base: Path, trained: Path, tmp_path: Path) -> None:
    from tipclassify.encoder_training.targets import network_logits

    teacher = trained.with_name("mine-training")
    further = tmp_path / "further.txt"
    further.write_text("# a heading\n\ninspectors ignored courts .\njudges sold courts .\n", "utf-8")
    plain = kept(base, tmp_path / "plain")
    student = kept(base, tmp_path / "student", teachers=[teacher], unlabelled=[further])
    assert weights(student) != weights(plain)
    soft = network_logits(student, ["inspectors ignored courts .", "judges sold courts ."], frozenset())
    assert soft[0].argmax() == 1
    assert soft[1].argmax() == 2


@trains
@quiet
def test_the_default_teaches_out_of_fold_what_it_was_trained_on() -> None:
    from tipclassify.encoder_training.recipe import _corpus
    from tipclassify.encoder_training.targets import default_logits, taught_by
    from tipclassify.training import fit_model

    corpus = _corpus(some_rows())
    _, truth = corpus.part(held=False)
    fitted = fit_model([row["text"] for row in some_rows()], corpus.truth, corpus.groups)
    found = default_logits(fitted, ~corpus.held, ["judges sold courts ."])
    assert np.allclose(1 / (1 + np.exp(-found[:-1])), np.clip(fitted.scores[~corpus.held], 1e-4, 1 - 1e-4))
    assert found[-1].argmax() == 2
    targets = taught_by([found], truth.astype(float))
    assert ((targets[:-1] > 0.5) == truth).all()  # a label counts more than all teachers
    assert np.allclose(targets[-1], 1 / (1 + np.exp(-np.clip(found[-1], -9.2, 9.2))), atol=1e-4)


@trains
def test_further_sentences_are_read_once_and_without_those_that_are_known(tmp_path: Path) -> None:
    from tipclassify.encoder_training.targets import read_unlabelled

    (tmp_path / "a.txt").write_text("# Report\nOne thing.\n\n  Two  things. \none thing.\n", "utf-8")
    (tmp_path / "b.txt").write_text("Three things.\nTwo things.\n", "utf-8")
    assert read_unlabelled([tmp_path], ["three things."]) == ["One thing.", "Two  things."]
    with pytest.raises(InputError, match="cannot be read"):
        read_unlabelled([tmp_path / "none.txt"])


@trains
@quiet
def test_a_network_trained_before_goes_on_and_keeps_the_name_of_its_base(trained: Path, tmp_path: Path) -> None:
    from tipclassify.encoder_training.bases import describe_base

    first = trained.with_name("mine-training") / "best"
    further = kept(first, tmp_path / "further", settings={"rate": 1e-6})
    assert describe_base(str(further), further).name == "tiny"
    told = json.loads((further / "network.json").read_text("utf-8"))
    (before,) = told["earlier"]
    assert before["rate"] == SETTINGS.rate
    assert 1 <= before["kept_after"] <= SETTINGS.epochs
    assert told["settings"]["rate"] == 1e-6


# --------------------------------------------------------------------------------------------- the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_options_of_an_encoder_are_refused_for_the_default_and_its_base_is_asked_for() -> None:
    assert "needs --model encoder" in run("--teacher", "somewhere").stderr
    assert "needs --base" in run("--model", "encoder").stderr


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra 'encoder' is missing itself")
    from tipclassify.encoder_training.recipe import train_encoder

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="train-encoder"):
        train_encoder(some_rows(), tmp_path / "out", str(tmp_path), SETTINGS)


@trains
def test_what_is_wrong_with_a_base_is_told_in_a_line(tmp_path: Path) -> None:
    from tipclassify.encoder_training.bases import base_folder

    with pytest.raises(ModelError, match="no such folder"):
        base_folder(str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"lacks config\.json and tokenizer\.json"):
        base_folder(str(tmp_path))
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}", "utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"no \.safetensors file"):
        base_folder(str(tmp_path))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="pooling 'least'"):
        Settings(pooling="least")
    with pytest.raises(ValueError, match="1 or more"):
        Settings(epochs=0)
    for wrong in ({"rate": 0}, {"rate": 1}, {"lowest": -1}):
        with pytest.raises(ValueError, match="a rate above 0 and below 1, and 0 layers or more"):
            Settings(**wrong)


@trains
def test_more_layers_than_the_base_has_cannot_stay_as_they_are(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"3 layers cannot stay as they are: .* has 2"):
        kept(base, tmp_path / "run", settings={"lowest": 3})


def test_every_option_of_an_encoder_arrives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from tipclassify.encoder_training import running

    app = typer.Typer()
    app.command()(runpy.run_path(str(ROOT / "train.py"))["train"])
    seen: list[Any] = []
    monkeypatch.setattr(running, "run_encoder", lambda *given: seen.append(given))
    options = ["--rate", "0.0002", "--freeze", "3", "--epochs", "2", "--seed", "5"]
    for option in (["--rate", "0.1"], ["--freeze", "1"], ["--keep-names"], ["--epochs", "1"]):
        assert CliRunner().invoke(app, option).exit_code == 2
    start = ["--model", "encoder", "--base", "b", "--data", str(tmp_path), "--out", "o"]
    assert CliRunner().invoke(app, [*start, *options]).exit_code == 0
    assert CliRunner().invoke(app, [*start, "--keep-names"]).exit_code == 0
    chosen = {"seed": 5, "epochs": 2, "rate": 0.0002, "lowest": 3}
    assert seen[0][3] == chosen
    assert Settings(**chosen).stand_in == "Arcadia"
    assert seen[1][3] == {"seed": 0, "epochs": None, "rate": None, "lowest": None, "stand_in": ""}


@trains
def test_what_has_a_label_counts_by_its_weight() -> None:
    import torch

    from tipclassify.encoder_training.fitting import Sentences, cross_entropy

    class Zeros(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def forward(self, numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
            return torch.zeros(len(numbers), 3)

    taught = Sentences([[1], [2]], np.array([[1.0, 0, 0], [0, 0, 0]]))
    losses = [cross_entropy(taught, 0, weight)(Zeros(), np.array([0, 1])) for weight in (None, np.array([4.0, 1, 1]))]
    assert [float(loss) for loss in losses] == pytest.approx([np.log(2), np.log(2) * 9 / 6])


@trains
@quiet
def test_a_loss_of_ones_own_is_the_one_learned_by(base: Path, tmp_path: Path) -> None:
    from tipclassify.encoder_training.batches import encode
    from tipclassify.encoder_training.fitting import Sentences, cross_entropy, fit, logits_of
    from tipclassify.encoder_training.network import new_network, pad_of, read_tokenizer

    tokenizer = read_tokenizer(base, 24)
    ids = encode(tokenizer, [row["text"] for row in some_rows()])
    truth = np.array([[label in row["labels"] for label in LABELS] for row in some_rows()], float)
    network, pad = new_network(base, SETTINGS), pad_of(tokenizer)
    wrong_way = cross_entropy(Sentences(ids, 1 - truth), pad)
    sentences = Sentences(ids, truth)
    fit(
        network,
        sentences,
        sentences,
        SETTINGS,
        pad=pad,
        folder=tmp_path,
        identity={},
        keep=lambda _: None,
        loss=wrong_way,
    )
    assert ((logits_of(network, ids, pad) > 0) == (truth == 0)).mean() > 0.9


@trains
@quiet
@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_for_processors_that_have_it(base: Path, monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    import torch

    from tipclassify.encoder_training import fitting
    from tipclassify.encoder_training.network import new_network

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: fast, raising=False)
    fitting.precision.cache_clear()
    try:
        network = new_network(base, SETTINGS).eval()
        ids = [[2, 7, 9, 3], [2, 8, 3]]
        found = fitting.logits_of(network, ids, 0)
        numbers, mask = fitting.padded(ids, 0)
        with torch.inference_mode():
            plain = network(numbers, mask).numpy()
        assert fitting.precision() == ("bfloat16" if fast else "float32")
        assert np.array_equal(found, plain) is not fast
        assert np.allclose(found, plain, atol=0.05)
    finally:
        fitting.precision.cache_clear()
