"""Fine-tune a pretrained encoder on a corpus, and export it to a model folder (``train.py --model encoder``).

Rows and a base come in, a float network and a quantized model go out. One country in ten of real reports and one group
in ten of invented passages are held out (`holdout`) for evaluation, calibration and thresholds. The float network is
kept beside the model, so that it can be exported again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.arrays import Bools, Ints
from tipclassify.corpus.holdout import held_out, is_real, natural_shares
from tipclassify.corpus.loading import Row, corpus_digest, labels_alone
from tipclassify.errors import MissingExtraError
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model.encoder.folder import EncoderModel, Heads
from tipclassify.model.encoder.name_masking import mask_names, normalize_spelling
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear.scoring import logistic
from tipclassify.progress import Progress
from tipclassify.text.segmentation.sections import without_enumerator
from tipclassify.training.encoder.bases import (
    NETWORK,
    Base,
    base_folder,
    describe_base,
    earlier_trainings,
    weights_sha256,
)
from tipclassify.training.encoder.settings import Settings
from tipclassify.training.train import Trained, describe_corpus, describe_training_data, write_trained_encoder

if TYPE_CHECKING:
    from tipclassify.training.encoder.batches import Examples

__all__ = ["export", "fine_tune", "like_headings", "require_extra"]

_OVERLAP: Final = 32  # tokens shared by neighbouring windows, but at most a quarter of a window
_MAX_LOSS: Final = 0.005  # of macro-F1 by quantization


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
) -> list[dict[str, float]]:
    """Fine-tune `base` on `rows`, and write the network to `folder`.

    If `base` is itself a fine-tuned network, the average of both is written (Wortsman et al. 2022, CVPR), which forgets
    less.

    Parameters
    ----------
    folder : path
        Folder for checkpoints and, at the end, the float network.
    base : str
        Folder of a base model or of a fine-tuned network, or an id on the Hugging Face hub.
    vocabulary : frozenset of str
        Words known in lower case, which are not names.
    headings : path, optional
        JSON: a heading in lower case without its number → headings of equivalent meaning, which replace it at random.
    resume : bool
        Resume an interrupted run of the same corpus, base and settings.
    threads : int
        PyTorch threads; 0 for one a core. The same number gives the same weights.
    reported : callable, optional
        Called with a line after each epoch.

    Returns
    -------
    list of dict
        Metrics on the held-out rows after each epoch.

    Raises
    ------
    MissingExtraError
        When PyTorch or another package for training is not installed.
    ModelError
        When the base is missing or unusable, or a checkpoint is of another run.
    ValueError
        When the corpus is too small for a held-out part, or has no label.
    """
    require_extra()
    import torch

    from tipclassify.training.encoder.fitting import deterministic, fit, precision
    from tipclassify.training.encoder.network import average_with, new_network, padding_id, read_tokenizer, save_network

    start, out = base_folder(base), Path(folder)
    held = held_out(rows)
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    if not held.any() or held.all():
        raise ValueError(f"none of {len(rows):,} passages can be held out; add rows of other documents")
    tokenizer = read_tokenizer(start)
    described = {"corpus": corpus_digest(rows), "precision": precision()}
    with deterministic(threads or torch.get_num_threads()):
        network = new_network(start, settings)
        history = fit(
            network,
            _examples(rows, tokenizer, vocabulary, settings, like_headings(headings)),
            [_epoch(rows, ~held, settings, number) for number in range(settings.epochs)],
            np.flatnonzero(held),
            settings,
            pad=padding_id(tokenizer),
            folder=out,
            identity={"settings": settings.to_dict(), "base": weights_sha256(start), **described},
            resume=resume,
            progress=progress,
            reported=reported,
        )
        if earlier := earlier_trainings(start):
            average_with(network, start)
        about = {"base": describe_base(base, start).to_dict(), "earlier": earlier, **described, "history": history}
        save_network(network, settings, start, out, about)
    return history


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
    """Quantize the network in `folder`, calibrate and evaluate it on held-out rows, and write the model folder `out`.

    The model keeps the fine-tuned heads.

    Parameters
    ----------
    pool : sequence of (text, heading, source family)
        Random sample of unlabelled real passages, which gives the proportions of whole reports.
    reported : callable, optional
        Called with a line for each quantization.
    """
    require_extra()
    from tipclassify.training.encoder.exporting import quantize, to_onnx
    from tipclassify.training.encoder.fitting import macro_f1
    from tipclassify.training.encoder.network import load_network

    network, settings = load_network(folder)
    described: dict[str, Any] = json.loads((Path(folder) / NETWORK).read_text(encoding="utf-8"))
    base = Base(**described["base"])
    heads = Heads(network.head.weight.detach().double().numpy(), network.head.bias.detach().double().numpy())
    held = held_out(rows)
    evaluated = [row for row, mine in zip(rows, held, strict=True) if mine]
    texts, headings = [str(row["text"]) for row in evaluated], [row.get("section") or None for row in evaluated]
    y_true = np.array([indicator(row["labels"]) for row in evaluated], bool)
    exact = to_onnx(network)

    def evaluate(graph: bytes) -> tuple[float, EncoderModel, Any]:
        """Return the macro-F1 at the best thresholds, the model and its logits."""
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
        logits = heads.logits(EncoderScorer(model).pooled(texts, headings))
        return macro_f1(logits, y_true), model, logits

    float_f1 = evaluate(exact)[0]
    best_f1, bits = -1.0, 0
    for tried_bits in (7, 8):  # seven bits give the same sums on all processors; eight only where seven lose too much
        result = evaluate(quantize(exact, reduced=tried_bits == 7))
        if reported:
            reported(
                f"macro-F1 at the best thresholds, held out: {float_f1:.4f} in floats, "
                f"{result[0]:.4f} in {tried_bits} bits"
            )
        if result[0] > best_f1 or not bits:
            (best_f1, model, logits), bits = result, tried_bits
        if result[0] >= float_f1 - _MAX_LOSS:
            break
    meta: dict[str, Any] = {
        "base": base.to_dict(),
        "training": {
            "settings": settings.to_dict(),
            **{key: described[key] for key in ("earlier", "history", "precision")},
        },
        "weight_bits": bits,
        "float_macro_f1": round(float_f1, 4),
        "whole_number_macro_f1": round(best_f1, 4),
    }
    if pool:
        scores = logistic(EncoderScorer(model).logits([one[0] for one in pool], [one[1] for one in pool]))
        meta["natural"] = natural_shares([one[2] for one in pool], scores)
    meta["corpus"] = describe_corpus(rows, held)
    trained = describe_training_data(rows, held)
    trained += _describe_training(base, [*described["earlier"], settings.to_dict()], bits)
    parts = write_trained_encoder(out, model, evaluated, logits, y_true, meta, trained, seed=seed, files=_notice(base))
    return Trained(Path(out), parts)


def _describe_training(base: Base, runs: Sequence[Mapping[str, Any]], bits: int) -> str:
    """Describe the base and each fine-tuning in order, for the model card."""
    last = runs[-1]
    often = [f"{run['twins']} times" if run.get("twins", 1) > 1 else "always" for run in runs]
    epochs = "\n".join(
        f"{run['epochs']} epoch{'s' * (run['epochs'] != 1)} of all real passages and {run['invented']:,} invented ones "
        f"(near twins {twins}), batches of {run['batch']}, seed {run['seed']}, "
        f"{'focal loss, ' if run.get('focal') else ''}AdamW,\nrate {run['rate']:g} at the head and times "
        f"{run['decay']:g} for each layer below{'.' if run is last else '; then'}"
        for run, twins in zip(runs, often, strict=True)
    )
    return (
        f"\n\nBase: [{base.name}](https://huggingface.co/{base.name}) ({base.licence}, weights SHA-256 "
        f"`{base.sha256}`), all layers fine-tuned:\n{epochs}\nHeadings are left out of {last['no_heading']:.0%} and "
        f"replaced by one of like meaning in {last['other_heading']:.0%}; names are read as\n"
        f'"{last["stand_in"]}", so that no country decides. Exported to ONNX, weights in {bits} bits; no file of the '
        "folder is code or pickle, and\n`model.json` has the SHA-256 of each."
    )


def _notice(base: Base) -> dict[str, str]:
    """Return ``NOTICE``, and ``LICENSE`` if the base has the Apache License, like result project."""
    text = (
        f"This model is {base.name}, fine-tuned, its weights changed to whole numbers of 8 bits or fewer and its "
        "graph\nexported to ONNX by tipclassify. Changed files: model.onnx. The tokenizer is as the base has it.\n\n"
        f"Base: {base.name}\nLicence of the base: {base.licence}\nSHA-256 of its weights: {base.sha256}\n"
    )
    licence = Path(__file__).resolve().parents[4] / "LICENSE"
    if base.licence == "Apache-2.0" and licence.is_file():
        return {"NOTICE": text, "LICENSE": licence.read_text(encoding="utf-8")}
    return {"NOTICE": text}


def like_headings(path: str | os.PathLike[str] | None) -> dict[str, list[str]]:
    """Read headings of equivalent meaning, by the heading in lower case without its number; empty without a file."""
    if path is None or not Path(path).is_file():
        return {}
    found: dict[str, list[str]] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def require_extra() -> None:
    """Raise `MissingExtraError` if a package for training an encoder is not installed."""
    try:
        import onnx  # noqa: F401
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtraError("training an encoder", "train") from None


def _epoch(rows: Sequence[Row], taught: Bools, settings: Settings, number: int) -> Ints:
    """Choose the rows of an epoch: all real passages and near twins, and a new sample of other invented passages."""
    real = np.array([is_real(row) for row in rows])
    if not real.any():
        return np.flatnonzero(taught)
    twins = np.array([bool(row.get("pair")) for row in rows]) & ~real
    others = np.flatnonzero(taught & ~real & ~twins)
    pairs = np.tile(np.flatnonzero(taught & twins), settings.twins)
    left = max(0, settings.invented - len(pairs))
    chosen = np.random.default_rng([settings.seed, number, 1]).permutation(others)[:left]
    return np.sort(np.concatenate([np.flatnonzero(taught & real), pairs, chosen]))


def _examples(
    rows: Sequence[Row], tokenizer: Any, vocabulary: frozenset[str], settings: Settings, like: dict[str, list[str]]
) -> Examples:
    from tipclassify.training.encoder.batches import Examples, encode

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
