"""Fine-tune a pretrained encoder on a corpus, and export it to a model folder (``train.py
--model encoder``)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.arrays import Bools, Ints, logistic
from tipclassify.corpus.holdout import held_out, is_other_genre, is_real, natural_shares
from tipclassify.corpus.loading import Row, corpus_digest, labels_alone
from tipclassify.errors import needs_extra
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model.encoder.folder import EncoderModel, Heads
from tipclassify.model.encoder.name_masking import mask_names, normalize_spelling
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.resources import checkout
from tipclassify.text.segmentation.sections import without_enumerator
from tipclassify.training.encoder import Settings
from tipclassify.training.train_heads import Trained, write_exported_encoder

if TYPE_CHECKING:
    from tipclassify.training.encoder.fitting import Examples

__all__ = ["choose_epoch", "export", "fine_tune", "make_examples"]

_OVERLAP: Final = 32  # tokens shared by neighbouring windows, but at most a quarter of a window
_BITS: Final = 7  # of a weight


def fine_tune(
    rows: Sequence[Row],
    folder: str | os.PathLike[str],
    base: str,
    settings: Settings,
    vocabulary: frozenset[str],
    *,
    headings: str | os.PathLike[str] | None = None,
    resume: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
    reported: Callable[[str], None] | None = None,
) -> None:
    """Fine-tune `base`, a folder or an id on the Hugging Face hub, on `rows`, and write the network
    to `folder`.

    The words of `vocabulary` are no names; the JSON file `headings` has headings of equivalent
    meaning, by the heading in lower case without its number. With `resume` a run of the same
    corpus, base and settings goes on from its checkpoint; the same number of `threads` (0: one a
    core) gives the same weights.
    """
    with needs_extra("training an encoder", "train"):
        for name in ("onnx", "safetensors", "torch", "transformers"):
            import_module(name)
    from tipclassify.training.encoder import network as networks
    from tipclassify.training.encoder.fitting import deterministic, fit, precision

    start, out = networks.base_folder(base), Path(folder)
    held = held_out(rows)
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    if not held.any() or held.all():
        raise ValueError(
            f"none of {len(rows):,} passages can be held out; add rows of other documents"
        )
    tokenizer = networks.read_tokenizer(start)
    described = {"corpus": corpus_digest(rows), "precision": precision()}
    like = json.loads(Path(headings).read_text(encoding="utf-8")) if headings else {}
    with deterministic(threads):
        network = networks.new_network(start, settings)
        history = fit(
            network,
            make_examples(rows, tokenizer, vocabulary, settings, like),
            [choose_epoch(rows, ~held, settings, number) for number in range(settings.epochs)],
            np.flatnonzero(held),
            settings,
            pad=networks.padding_id(tokenizer),
            folder=out,
            identity={
                "settings": asdict(settings),
                "base": networks.weights_sha256(start),
                **described,
            },
            resume=resume,
            progress=progress,
            reported=reported,
        )
        about = {"base": networks.describe_base(base, start), **described, "history": history}
        networks.save_network(network, settings, start, out, about)


def export(
    rows: Sequence[Row],
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    vocabulary: frozenset[str],
    pool: Sequence[tuple[str, str | None, str]] = (),
    *,
    seed: int = 0,
    reported: Callable[[str], None] | None = None,
) -> Trained:
    """Quantize the network in `folder`, calibrate and evaluate it on held-out rows, and write the
    model folder `out`.

    `pool`, a random sample of unlabelled real passages (text, heading, source family), gives the
    proportions of whole reports.
    """
    from tipclassify.training.encoder.fitting import macro_f1
    from tipclassify.training.encoder.network import (
        load_network,
        quantize,
        read_description,
        to_onnx,
    )

    network, settings = load_network(folder)
    described = read_description(Path(folder))
    base = described["base"]
    heads = Heads(
        network.head.weight.detach().double().numpy(), network.head.bias.detach().double().numpy()
    )
    held = held_out(rows)
    evaluated = [row for row, mine in zip(rows, held, strict=True) if mine]
    texts, headings = (
        [str(row["text"]) for row in evaluated],
        [row.get("section") or None for row in evaluated],
    )
    y_true = np.array([indicator(row["labels"]) for row in evaluated], bool)

    def evaluate(graph: bytes) -> tuple[float, EncoderModel, Any]:
        """Return the macro-F1 at the best thresholds, the model and its pooled vectors."""
        model = EncoderModel(
            graph=graph,
            tokenizer=(Path(folder) / "tokenizer.json").read_text(encoding="utf-8"),
            vocabulary=vocabulary,
            heads=heads,
            finetuned_heads=heads,
            thresholds=dict.fromkeys(POLICIES, (0.5,) * len(LABELS)),
            scale=np.ones(len(LABELS)),
            shift=np.zeros(len(LABELS)),
            window=settings.tokens,
            overlap=min(_OVERLAP, settings.tokens // 4),
            meta={},
            stand_in=settings.stand_in,
        )
        pooled = EncoderScorer(model).pooled(texts, headings)
        return macro_f1(heads.logits(pooled), y_true), model, pooled

    exact = to_onnx(network)
    float_f1 = evaluate(exact)[0]
    f1, model, pooled = evaluate(quantize(exact))
    if reported:
        reported(
            f"macro-F1 at the best thresholds, held out: {float_f1:.4f} in floats, {f1:.4f} in {_BITS} bits"
        )
    training = {
        "settings": asdict(settings),
        **{key: described[key] for key in ("history", "precision")},
    }
    meta: dict[str, Any] = {"base": base, "training": training, "weight_bits": _BITS}
    meta |= {"float_macro_f1": round(float_f1, 4), "whole_number_macro_f1": round(f1, 4)}
    if pool:
        scores = logistic(
            EncoderScorer(model).logits([one[0] for one in pool], [one[1] for one in pool])
        )
        meta["natural"] = natural_shares([one[2] for one in pool], scores)
    model = replace(model, notices=_notice(base))
    return write_exported_encoder(out, model, rows, pooled, meta, seed=seed)


def _notice(base: Mapping[str, str]) -> dict[str, str]:
    """Return ``NOTICE``, and ``LICENSE`` if the base has the Apache License, like this project."""
    text = (
        f"This model is {base['name']}, fine-tuned, its weights changed to whole numbers of 8 bits or fewer and its "
        "graph\nexported to ONNX by tipclassify. Changed files: model.onnx. The tokenizer is as the base has it.\n\n"
        f"Base: {base['name']}\nLicence of the base: {base['licence']}\nSHA-256 of its weights: {base['sha256']}\n"
    )
    notices = {"NOTICE": text}
    root = checkout()
    if base["licence"] == "Apache-2.0" and root is not None:
        notices["LICENSE"] = (root / "LICENSE").read_text("utf-8")
    return notices


def choose_epoch(rows: Sequence[Row], taught: Bools, settings: Settings, number: int) -> Ints:
    """Choose the passages of an epoch, int (m,): all real ones, and a sample of invented ones drawn
    anew.

    Passages of other genres and near-identical pairs are few for what they teach, so all come, and
    more than once. Where no passage is real, all are chosen.
    """
    real = np.array([is_real(row) for row in rows])
    if not real.any():
        return np.flatnonzero(taught)
    other_genre = np.array([is_other_genre(row) for row in rows])
    paired = np.array([bool(row.get("pair")) for row in rows]) & ~real & ~other_genre
    pairs = np.tile(np.flatnonzero(taught & paired), settings.twins)
    others = np.flatnonzero(taught & ~real & ~paired & ~other_genre)
    sample_size = max(0, settings.invented - len(pairs))
    sample = np.random.default_rng([settings.seed, number, 1]).permutation(others)[:sample_size]
    reports = np.flatnonzero(taught & real & ~other_genre)
    genres = np.tile(np.flatnonzero(taught & other_genre), settings.other_genres)
    return np.sort(np.concatenate([reports, genres, pairs, sample]))


def make_examples(
    rows: Sequence[Row],
    tokenizer: Any,
    vocabulary: frozenset[str],
    settings: Settings,
    like: dict[str, list[str]],
) -> Examples:
    """Tokenize rows as scoring does; `like` has headings that mean the same, by heading."""
    from tipclassify.training.encoder.fitting import Examples, encode

    texts = [str(row["text"]) for row in rows]
    headings = [str(row.get("section") or "") for row in rows]
    distinct = sorted(set(headings) - {""})
    spelled = distinct
    if settings.stand_in:
        texts = [one.text for one in mask_names(texts, vocabulary, settings.stand_in)]
        spelled = [normalize_spelling(heading) for heading in distinct]
    ids = dict(zip(distinct, encode(tokenizer, spelled), strict=True))
    similar = {
        tuple(ids[heading]): encode(tokenizer, like[key])
        for heading in distinct
        if (key := without_enumerator(heading).lower()) in like
    }
    first, last = tokenizer.encode("").ids
    mask = tokenizer.token_to_id("[MASK]") or tokenizer.token_to_id("<mask>") or first
    return Examples(
        texts=encode(tokenizer, texts),
        headings=[ids.get(heading, []) for heading in headings],
        targets=np.array([indicator(row["labels"]) for row in rows], np.float64),
        targets_alone=np.array([indicator(labels_alone(row)) for row in rows], np.float64),
        similar=similar,
        special_tokens=(first, last, mask),
    )
