"""Fine-tune a pretrained encoder on a corpus, and export it to a model folder.

This is ``train.py --model encoder``: `fine_tune` trains a network, `export` brings it to whole
numbers, calibrates and evaluates it, and writes the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from finetuning import Settings
from finetuning.edits import edit
from tipclassify.arrays import Bools, Ints, Vectors
from tipclassify.corpus.holdout import held_out, is_other_genre, is_real
from tipclassify.corpus.rows import Row, corpus_digest, labels_alone
from tipclassify.errors import ModelError, needs_extra
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.labels import LABELS, POLICIES, label_indicator
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.model.encoder.names import mask_names, normalize_spelling
from tipclassify.model.encoder.scoring import MASKS, SURROGATE, EncoderScorer, first_known_token
from tipclassify.model.encoder.session import add_known_graph
from tipclassify.progress import Progress
from tipclassify.resources import checkout_folder_of_package
from tipclassify.text.as_read import as_read
from tipclassify.text.sections import without_enumerator
from tipclassify.training.default import calibrate_heads, save_of_corpus
from tipclassify.training.examples import label_matrix, row_headings
from tipclassify.training.fixed_set import (
    FixedComparison,
    FixedSet,
    fixed_rows,
    pack_training_files,
)
from tipclassify.training.heads import (
    balanced_labels,
    load_encoder,
    second_moment,
)
from tipclassify.training.linear import SoftPassage
from tipclassify.training.write import Trained

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from finetuning.fitting import History, TokenizedExamples
    from finetuning.network import Network

_OVERLAP: Final = 32  # tokens shared by neighbouring windows, but at most a quarter of a window
_BITS: Final = 7  # of a weight
_MOMENT_ROWS: Final = 5_000  # passages whose vectors give the second moment of a new encoder


@dataclass(frozen=True)
class Recipe:
    """What an encoder is made of, beside the corpus."""

    base: str  # folder, or id on the Hugging Face hub
    vocabulary: frozenset[str]  # words that are no names
    settings: Settings
    # headings of equivalent meaning, by a heading in lower case without its number
    headings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # unlabelled passages, learned by the scores of a first network, a share in each epoch
    taught: Sequence[SoftPassage] = ()


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned network, in floats, and how it was made."""

    network: Network
    tokenizer: str  # its JSON
    recipe: Recipe
    base: Mapping[str, str]  # name, licence, and SHA-256 of its weights
    precision: str
    history: History


def is_shipped(base: str) -> bool:
    """Return whether a base is a model folder of this project, not a pretrained encoder."""
    return Path(base, "model.json").is_file()


def fine_tune(
    rows: Sequence[Row],
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> FineTuned:
    """Fine-tune a base on the rows that are not held out; checkpoints go to `folder`.

    Each epoch has its share of the recipe's taught passages beside the rows. With `resume` a run of
    the same corpus and recipe goes on from its checkpoint there. The same number of `threads`
    (0: one a core) gives the same weights.
    """
    with needs_extra("training an encoder", "train"):
        for name in ("onnx", "safetensors", "torch", "transformers"):
            import_module(name)
    from finetuning import fitting, shipped
    from finetuning import network as networks

    settings = recipe.settings
    start = load_encoder(recipe.base).model if is_shipped(recipe.base) else None
    if start:
        described = dict(start.meta["base"])
        tokenizer = start.tokenizer
        identity_of_base = str(start.meta["sha256"])
    else:
        base = networks.base_folder(recipe.base)
        described = networks.describe_base(recipe.base, base)
        tokenizer = (base / "tokenizer.json").read_text(encoding="utf-8")
        identity_of_base = described["sha256"]
    held = held_out(rows)
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    if not held.any():
        raise ValueError(
            f"none of {len(rows):,} passages can be held out; add rows of other documents"
        )
    if held.all():
        raise ValueError("every passage is held out; add rows of other documents")
    precision = fitting.precision()
    identity = {
        "settings": asdict(settings),
        "base": identity_of_base,
        "corpus": corpus_digest(rows),
        "precision": precision,
    }
    examples = tokenize_rows(rows, read_tokenizer(tokenizer), recipe)
    measured = np.flatnonzero(held)
    with fitting.deterministic(threads):
        if start:
            network = shipped.network_of(start, settings)
            chosen = [shipped.further_rows(rows, ~held, start, settings)] * settings.epochs
        else:
            network = networks.new_network(base, settings)
            chosen = [epoch_rows(rows, ~held, settings, n) for n in range(settings.epochs)]
        shares = _shares_of_taught(np.flatnonzero(examples.taught), settings)
        epochs = [np.concatenate(parts) for parts in zip(chosen, shares, strict=True)]
        identity["texts"] = _digest_of_examples(examples, epochs, measured)
        run = fitting.Run(folder, identity, resume, progress, report)
        history = fitting.fit(network, examples, epochs, measured, settings, run)
    return FineTuned(network, tokenizer, recipe, described, precision, history)


def _shares_of_taught(taught: Ints, settings: Settings) -> list[Ints]:
    """Split the positions of taught passages at random: each is in one epoch."""
    order = np.random.default_rng([settings.seed, 3]).permutation(taught)
    return np.array_split(order, settings.epochs)


def _digest_of_examples(examples: TokenizedExamples, epochs: Sequence[Ints], measured: Ints) -> str:
    """Compute the SHA-256 of what is learned in each epoch, and of what is measured."""
    digest = hashlib.sha256()
    digest.update(json.dumps([examples.texts, examples.headings]).encode())
    digest.update(repr(sorted(examples.similar.items())).encode())
    for values in (examples.targets, examples.targets_alone, *epochs, measured):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def export(
    rows: Sequence[Row],
    finetuned: FineTuned,
    out: str | os.PathLike[str],
    *,
    first: str = "",
    further: str = "",
    report: Callable[[str], None] | None = None,
) -> Trained:
    """Quantize a network, calibrate and evaluate it on held-out rows, and write its model folder.

    `first` is the start of the SHA-256 of the model by whose scores it learned, `further` that of
    the one that was trained further, if any.
    """
    from finetuning.network import export_graphs

    held_rows = list(compress(rows, held_out(rows)))
    graphs = export_graphs(finetuned.network)
    for graph in (graphs.floats, graphs.whole_numbers):
        add_known_graph(graph, finetuned.tokenizer)
    exact = _model(finetuned, graphs.floats)
    float_f1 = _best_macro_f1(exact, held_rows, _pooled(exact, held_rows))
    model = _model(finetuned, graphs.whole_numbers)
    held_pooled = _pooled(model, held_rows)
    f1 = _best_macro_f1(model, held_rows, held_pooled)
    if report:
        figures = f"{float_f1:.4f} in floats, {f1:.4f} in {_BITS} bits"
        report(f"macro-F1 at the best thresholds, held out: {figures}")

    settings = finetuned.recipe.settings
    training: dict[str, object] = {
        "settings": asdict(settings),
        "history": rounded_metric(finetuned.history),
        "precision": finetuned.precision,
    }
    if further:
        training["further"] = further
    if finetuned.recipe.taught:
        training["taught"] = {"passages": len(finetuned.recipe.taught), "teachers": [first]}
    meta: dict[str, object] = {
        "base": finetuned.base,
        "training": training,
        "weight_bits": _BITS,
        "float_macro_f1": rounded_metric(float_f1),
        "whole_number_macro_f1": rounded_metric(f1),
    }
    model = replace(model, notices=_notices(finetuned.base))
    return _save(out, model, rows, held_pooled, meta, seed=settings.seed)


def _save(
    out: str | os.PathLike[str],
    model: EncoderModel,
    corpus: Sequence[Row],
    held_pooled: Vectors,
    meta: Mapping[str, object],
    *,
    seed: int,
) -> Trained:
    """Calibrate an encoder fresh from its fine-tuning, measure it, and write its model folder.

    `held_pooled` are the vectors of the held-out rows of `corpus`, in order, `meta` what
    ``model.json`` says of the encoder. The folder gets a fixed set, and the second moment of a
    sample of what the encoder learned.
    """
    held = held_out(corpus)
    held_rows = list(compress(corpus, held))
    learned = list(compress(corpus, ~held))
    model, calibrated = calibrate_heads(model, held_rows, held_pooled, seed)

    chosen = fixed_rows(held_rows)
    fixed_passages = [held_rows[i] for i in chosen]
    fixed = FixedSet.of(fixed_passages, held_pooled[chosen])
    sample = learned[:: max(1, len(learned) // _MOMENT_ROWS)]
    moment = second_moment(_pooled(model, sample))
    files = pack_training_files(fixed, moment, [row["text"] for row in learned])
    model = replace(model, training_files=files)
    comparison = _compare_with_shipped(fixed, fixed_passages, model, seed)
    start = "They are those of the fine-tuning."
    trained = save_of_corpus(
        out, model, corpus, held_rows, held_pooled, calibrated, start=start, meta=meta, seed=seed
    )
    return replace(trained, fixed=comparison)


def _compare_with_shipped(
    fixed: FixedSet, passages: Sequence[Row], model: EncoderModel, seed: int
) -> FixedComparison | None:
    """Set an encoder beside the shipped default, which reads the passages itself."""
    try:
        shipped = load_encoder().model
    except ModelError:  # none is here: the first one is being made
        return None
    before = balanced_labels(shipped, shipped.heads.logits(_pooled(shipped, passages)))
    after = balanced_labels(model, model.heads.logits(fixed.pooled))
    return fixed.compare(after, before, seed)


def _model(finetuned: FineTuned, graph: bytes) -> EncoderModel:
    """Return a model, not calibrated yet, with the heads of the fine-tuning."""
    layer = finetuned.network.head
    heads = EncoderHeads(
        layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    )
    settings = finetuned.recipe.settings
    return EncoderModel(
        graph=graph,
        tokenizer=finetuned.tokenizer,
        vocabulary=finetuned.recipe.vocabulary,
        heads=heads,
        finetuned_heads=heads,
        thresholds=dict.fromkeys(POLICIES, tuple(0.5 for _ in LABELS)),
        scale=np.ones(len(LABELS)),
        shift=np.zeros(len(LABELS)),
        window=settings.tokens,
        overlap=min(_OVERLAP, settings.tokens // 4),
        meta={},
        stand_in=settings.stand_in,
    )


def _pooled(model: EncoderModel, rows: Sequence[Row]) -> Vectors:
    return EncoderScorer(model).pooled([row["text"] for row in rows], row_headings(rows))


def _best_macro_f1(model: EncoderModel, rows: Sequence[Row], pooled: Vectors) -> float:
    from finetuning.fitting import best_macro_f1

    return best_macro_f1(model.heads.logits(pooled), label_matrix(rows))


def _notices(base: Mapping[str, str]) -> dict[str, str]:
    """Return ``NOTICE``, and ``LICENSE`` if the base has the Apache License, like this project."""
    notice = (
        f"This model is {base['name']}, fine-tuned, its weights changed to whole numbers of 8 bits or "
        "fewer and its graph\nexported to ONNX by tipclassify. Changed files: model.onnx. "
        "The tokenizer is as the base has it.\n\n"
        f"Base: {base['name']}\nLicence of the base: {base['licence']}\n"
        f"SHA-256 of its weights: {base['sha256']}\n"
    )
    root = checkout_folder_of_package()
    if base["licence"] != "Apache-2.0" or root is None:
        return {"NOTICE": notice}
    return {"NOTICE": notice, "LICENSE": (root / "LICENSE").read_text(encoding="utf-8")}


def epoch_rows(rows: Sequence[Row], learned: Bools, settings: Settings, number: int) -> Ints:
    """Choose the rows of an epoch, int (m,): all real ones, and invented ones drawn anew.

    Passages of other genres and near-identical pairs are few and useful, so all come, and
    more than once. Where no passage is real, all are chosen.
    """
    real = np.array([is_real(row) for row in rows])
    if not real.any():
        return np.flatnonzero(learned)
    other_genre = np.array([is_other_genre(row) for row in rows])
    paired = np.array([bool(row.get("pair")) for row in rows]) & ~real & ~other_genre
    pairs = np.tile(np.flatnonzero(learned & paired), settings.near_identical_pairs)
    others = np.flatnonzero(learned & ~real & ~paired & ~other_genre)
    rng = np.random.default_rng([settings.seed, number, 1])
    sample = rng.permutation(others)[: settings.invented]
    reports = np.flatnonzero(learned & real & ~other_genre)
    genres = np.tile(np.flatnonzero(learned & other_genre), settings.other_genres)
    return np.sort(np.concatenate([reports, genres, pairs, sample]))


def read_tokenizer(text: str) -> Tokenizer:
    """Read a tokenizer from its JSON, without truncation or padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Tokenize texts into token ids, without special tokens."""
    plain = [SURROGATE.sub("\ufffd", text) for text in texts]  # as scoring does
    encodings = tokenizer.encode_batch(plain, add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def tokenize_rows(
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
) -> TokenizedExamples:
    """Tokenize rows, then the recipe's taught passages, and their headings.

    Names are replaced as the settings have it.
    """
    from finetuning.fitting import SpecialTokens, TokenizedExamples

    texts = [str(row["text"]) for row in rows] + [soft.text for soft in recipe.taught]
    texts = [as_read(text).text for text in texts]
    rng = np.random.default_rng([recipe.settings.seed, 4])
    edited = [edit(text, rng) for text in texts]
    headings = [str(row.get("section") or "") for row in rows]
    headings += [soft.heading or "" for soft in recipe.taught]
    distinct = sorted(set(headings) - {""})
    spelled = distinct
    stand_in = recipe.settings.stand_in
    if stand_in:
        vocabulary = recipe.vocabulary
        texts = [masked.text for masked in mask_names(texts, vocabulary, stand_in)]
        edited = [masked.text for masked in mask_names(edited, vocabulary, stand_in)]
        spelled = [normalize_spelling(heading) for heading in distinct]
    ids = dict(zip(distinct, encode(tokenizer, spelled), strict=True))
    similar = {}
    for heading in distinct:
        key = without_enumerator(heading).lower()
        if key in recipe.headings:
            similar[tuple(ids[heading])] = encode(tokenizer, recipe.headings[key])
    first, separator = tokenizer.encode("").ids
    scores = np.array([soft.scores for soft in recipe.taught]).reshape(-1, len(LABELS))
    alone = np.array([label_indicator(labels_alone(row)) for row in rows], np.float64)
    return TokenizedExamples(
        texts=encode(tokenizer, texts),
        edited=encode(tokenizer, edited),
        headings=[ids.get(heading, []) for heading in headings],
        targets=np.concatenate([label_matrix(rows), scores]),
        targets_alone=np.concatenate([alone, scores]),
        taught=np.arange(len(texts)) >= len(rows),
        similar=similar,
        special=SpecialTokens(
            first=first,
            separator=separator,
            mask=first_known_token(tokenizer, MASKS, first),
            padding=first_known_token(tokenizer, ("[PAD]", "<pad>"), 0),
        ),
    )
