"""The steps of ``train.py --model encoder`` behind one call: a checked corpus in, an encoder's folder out.

A tenth of the groups is held out: it decides when to stop, the calibration and the thresholds, and whether 8 bits do; the figures
of the card are of it, calibration and thresholds cross-fitted. Everything that is measured is measured on the graph that ships,
by the code that scores.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.behaviours import RuleResult
from tipclassify.classifier import Classifier
from tipclassify.corpus import Row, corpus_digest, group_rows
from tipclassify.encoder.folder import EncoderModel, write_encoder
from tipclassify.encoder.scoring import EncoderScorer, require_extra
from tipclassify.encoder_training.bases import (
    Base,
    base_folder,
    describe_base,
    earlier_trainings,
    layers_of,
    weights_sha256,
)
from tipclassify.encoder_training.card import EncoderEvidence, encoder_card, notice
from tipclassify.encoder_training.settings import Settings
from tipclassify.errors import MissingExtraError
from tipclassify.evaluation import Metrics, measure, reliability, twins_right
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.loading import load_scorer
from tipclassify.model_card import operating_evidence
from tipclassify.model_file import Model
from tipclassify.progress import progress_bar
from tipclassify.recipe import behaviours_of, error_table, golden_rows, in_narratives
from tipclassify.resampling import intervals
from tipclassify.tokens import known_words
from tipclassify.training import Calibrated, Fitted, calibrate, fit_model, group_folds

if TYPE_CHECKING:
    from tipclassify.encoder_training.network import Network

__all__ = ["TrainedEncoder", "held_out", "network_folder", "train_encoder", "training_folder"]

_HELD_FOLDS: Final = 10  # one of which is held out
_CROSS_FOLDS: Final = 5  # of what is held out, for cross-fitting
_LOSS: Final = 0.005  # macro-F1 that whole numbers may cost
_OVERLAP: Final = 32
_BEST: Final = "best"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Paths = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class TrainedEncoder:
    """What a training gave.

    Attributes
    ----------
    network : Path
        Folder of the network in floats: a teacher, or a base to go on from.
    history : list of dict
        Loss and macro-F1 on what was held out, after each epoch.
    metrics : Metrics or None
        Figures of the shipped graph on what was held out; None where none was written.
    float_macro_f1 : float or None
        The same of the graph in floats.
    """

    network: Path
    history: list[dict[str, float]]
    metrics: Metrics | None = None
    float_macro_f1: float | None = None


def train_encoder(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    base: str,
    settings: Settings,
    *,
    teachers: Paths = (),
    unlabelled: Paths = (),
    resume: bool = False,
    export: bool = True,
    threads: int = 0,
    told: Callable[[str], None] | None = None,
) -> TrainedEncoder:
    """Fine-tune `base` on the passages of `rows`, and write the encoder's folder `out`.

    Parameters
    ----------
    base : str
        Folder of a base model or of a network trained before, or an id on the Hugging Face hub.
    teachers : sequence of path
        Folders of trained networks, or ``"default"`` for a model of the default kind, which is cross-validated on the corpus
        first (minutes). The mean of their soft scores is learned beside the labels.
    unlabelled : sequence of path
        Text files of further sentences, which the teachers label.
    resume : bool
        Go on with the run that was broken off, if it was of the same corpus, base and settings.
    export : bool
        Write the folder; without, the network alone is kept (in ``OUT-training``).
    threads : int
        Threads of PyTorch; 0 for one a core. The same number gives the same weights.
    told : callable, optional
        Called with a line after each epoch.

    Raises
    ------
    MissingExtraError
        When PyTorch or what else training needs is not installed.
    ModelError
        When the base is missing or not one we can use, or a checkpoint is of another run.
    ValueError
        When the corpus is too small to hold some of it out, or has no label.
    """
    _require_extra()
    corpus = _corpus(rows)
    if not corpus.truth.any():
        raise ValueError("no passage has a label: nothing to learn; label some")
    if unlabelled and not teachers:
        raise ValueError("--unlabelled needs a --teacher, which labels it")
    folder = base_folder(base)
    if settings.lowest > (layers := layers_of(folder)):
        raise ValueError(f"{settings.lowest} layers cannot stay as they are: {base} has {layers}")
    described = describe_base(base, folder)
    kept = training_folder(out)
    beside = None
    if export or "default" in map(str, teachers):
        every = [str(row["text"]) for row in corpus.rows]
        with progress_bar("training the default beside it") as progress:
            beside = fit_model(every, corpus.truth, corpus.groups, jobs=-1, progress=progress)
    with progress_bar("fine-tuning") as progress:
        history, further = _fine_tuned(
            corpus, folder, described, settings, kept, teachers, unlabelled, beside, resume, threads, progress, told
        )
    trained = TrainedEncoder(kept / _BEST, history)
    if not export or beside is None:
        return trained
    kinds = [_told_of_teacher(one) for one in teachers]
    return _exported(corpus, trained, described, settings, Path(out), beside, kinds, further)


def held_out(groups: npt.NDArray[np.int64]) -> Bools:
    """Which passages an encoder is not trained on: every tenth group, the same for every seed, teacher and student."""
    return np.asarray(group_folds(groups, _HELD_FOLDS, seed=0) == 0)


def training_folder(out: str | os.PathLike[str]) -> Path:
    """Where a training keeps its checkpoint and its best network: beside `out`."""
    return Path(out).with_name(f"{Path(out).name}-training")


def network_folder(path: str | os.PathLike[str]) -> Path:
    """The folder of the network itself, of that or of the training that it came from."""
    return Path(path) / _BEST if (Path(path) / _BEST).is_dir() else Path(path)


# --------------------------------------------------------------------------------------------- fine-tuning


@dataclass(frozen=True)
class _Corpus:
    """Checked rows, their labels (n, 3), their groups, which are held out, and the words they hold in lower case."""

    rows: Sequence[Row]
    truth: Bools
    groups: npt.NDArray[np.int64]
    held: Bools
    vocabulary: frozenset[str]

    def part(self, held: bool) -> tuple[list[str], Bools]:
        """Texts and labels of what is held out, or of the rest."""
        chosen = np.flatnonzero(self.held == held).tolist()
        return [str(self.rows[i]["text"]) for i in chosen], self.truth[chosen]


def _corpus(rows: Sequence[Row]) -> _Corpus:
    truth = np.array([indicator(row["labels"]) for row in rows], bool).reshape(-1, len(LABELS))
    groups = np.asarray(group_rows(rows))
    # the words of the default that is fitted on the same rows: what it takes for a name is a name
    return _Corpus(rows, truth, groups, held_out(groups), known_words(str(row["text"]) for row in rows))


def _fine_tuned(
    corpus: _Corpus,
    folder: Path,
    base: Base,
    settings: Settings,
    kept: Path,
    teachers: Paths,
    unlabelled: Paths,
    beside: Fitted | None,
    resume: bool,
    threads: int,
    progress: Callable[[int, int], None] | None,
    told: Callable[[str], None] | None,
) -> tuple[list[dict[str, float]], int]:
    """What was measured after each epoch, and how many sentences the teachers labelled."""
    import torch

    from tipclassify.encoder_training.batches import encode
    from tipclassify.encoder_training.fitting import Sentences, deterministic, fit, precision
    from tipclassify.encoder_training.network import new_network, pad_of, read_tokenizer, save_network
    from tipclassify.encoder_training.targets import read_by, read_unlabelled, taught_by

    tokenizer = read_tokenizer(folder, settings.tokens)
    texts, truth = corpus.part(held=False)
    held_texts, held_truth = corpus.part(held=True)
    further = read_unlabelled(unlabelled, [*texts, *held_texts])
    targets = truth.astype(np.float64)
    words = corpus.vocabulary
    with deterministic(threads or torch.get_num_threads()):
        if teachers:
            targets = taught_by(_teachers_logits(corpus, teachers, texts, further, beside), targets)
        network = new_network(folder, settings)
        told_of = {"base": base.to_dict(), "earlier": earlier_trainings(folder)}
        history = fit(
            network,
            Sentences(encode(tokenizer, read_by(settings, [*texts, *further], words)), targets),
            Sentences(encode(tokenizer, read_by(settings, held_texts, words)), held_truth.astype(np.float64)),
            settings,
            pad=pad_of(tokenizer),
            folder=kept,
            identity={
                "settings": settings.to_dict(),
                "precision": precision(),
                "base": weights_sha256(folder),
                "corpus": corpus_digest(corpus.rows),
                "sentences": hashlib.sha256("\n".join(further).encode("utf-8", "surrogatepass")).hexdigest(),
                "targets": hashlib.sha256(targets.round(3).tobytes()).hexdigest(),
            },
            keep=lambda epoch: save_network(network, settings, folder, kept / _BEST, {**told_of, "kept_after": epoch}),
            resume=resume,
            progress=progress,
            told=told,
        )
    return history, len(further)


def _told_of_teacher(teacher: str | os.PathLike[str]) -> str:
    """``"default"``, or the name of the base of a network."""
    if str(teacher) == "default":
        return "default"
    folder = network_folder(teacher)
    return describe_base(str(teacher), folder).name


def _teachers_logits(
    corpus: _Corpus, teachers: Paths, texts: list[str], further: list[str], beside: Fitted | None
) -> list[Floats]:
    """Log-odds of the taught passages and the further sentences, by each teacher."""
    from tipclassify.encoder_training.targets import default_logits, network_logits

    return [
        default_logits(beside, ~corpus.held, further)
        if beside and str(teacher) == "default"
        else network_logits(network_folder(teacher), [*texts, *further], corpus.vocabulary)
        for teacher in teachers
    ]


# --------------------------------------------------------------------------------------------- export


def _exported(
    corpus: _Corpus,
    trained: TrainedEncoder,
    base: Base,
    settings: Settings,
    out: Path,
    beside: Fitted,
    teachers: Sequence[str],
    further: int,
) -> TrainedEncoder:
    """Write the folder of the best network, with all that was measured of it."""
    from tipclassify.encoder_training.fitting import precision
    from tipclassify.encoder_training.network import load_network
    from tipclassify.encoder_training.targets import held_out_logits

    network, _ = load_network(trained.network)
    earlier = earlier_trainings(trained.network)[:-1]
    tokenizer = (trained.network / "tokenizer.json").read_text(encoding="utf-8")
    held_rows = [row for row, held in zip(corpus.rows, corpus.held, strict=True) if held]
    texts, true = corpus.part(held=True)
    group = corpus.groups[corpus.held]
    fold = group_folds(group, _CROSS_FOLDS, seed=0)
    graph, bits, exact, calibrated = _smallest(
        network, tokenizer, settings, beside.model, texts, held_out_logits(beside)[corpus.held], true, fold
    )
    metrics = _measured(true, calibrated)
    weight = _default_weight(calibrated)
    found = {policy: intervals(true, calibrated.given[policy], group) for policy in POLICIES}
    points = operating_evidence(true, calibrated.given, calibrated.thresholds, found)
    scorer = _scorer(graph, tokenizer, settings, beside.model, calibrated)
    classifier = Classifier(scorer)
    described = {
        "passages": len(corpus.rows),
        "sha256": corpus_digest(corpus.rows),
        "labels": {label: int(n) for label, n in zip(LABELS, corpus.truth.sum(axis=0), strict=True)},
        "held_out": len(texts),
    }
    behaviours: list[RuleResult] = behaviours_of(classifier)
    evidence = EncoderEvidence(
        name=out.name,
        base=base,
        corpus=described,
        settings=settings,
        earlier=earlier,
        teachers=teachers,
        further=further,
        megabytes=len(graph) / 1e6,
        bits=bits,
        metrics=metrics,
        exact=exact,
        beside=weight,
        intervals=found["balanced"],
        points=points,
        reliability={label: reliability(true[:, j], calibrated.scores[:, j]) for j, label in enumerate(LABELS)},
        twins=twins_right([row.get("pair") for row in held_rows], true, calibrated.given["balanced"]),
        behaviours=behaviours,
    )
    head = {
        **_head(settings, calibrated),
        "base": base.to_dict(),
        "corpus": described,
        "training": {
            **settings.to_dict(),
            "history": [{key: round(value, 4) for key, value in entry.items()} for entry in trained.history],
            "earlier": earlier,
            "teachers": list(teachers),
            "further_sentences": further,
            "precision": precision(),
            "weight_bits": bits,
        },
        "versions": _versions(),
        "metrics": metrics.to_dict(),
        "float_macro_f1": round(exact.macro_f1, 4),
        "operating_points": points,
        "near_twins": dict(zip(("right", "pairs"), evidence.twins, strict=True)),
        "error_table": error_table(true, calibrated.scores, calibrated.given, in_narratives(held_rows)),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
    }
    files = {"README.md": encoder_card(evidence), "golden.jsonl": golden_rows(classifier, texts), **notice(base)}
    default = beside.model if weight or settings.stand_in else None
    write_encoder(out, onnx=graph, tokenizer=tokenizer, head=head, files=files, default=default)
    return TrainedEncoder(trained.network, trained.history, metrics, exact.macro_f1)


def _smallest(
    network: Network,
    tokenizer: str,
    settings: Settings,
    beside: Model,
    texts: list[str],
    default: Floats,
    truth: Bools,
    fold: npt.NDArray[np.int64],
) -> tuple[bytes, int, Metrics, Calibrated]:
    """The graph in whole numbers, of how many bits, figures of the one in floats, and what calibrates the first.

    Seven bits first, which all processors add up alike; eight where seven cost too much.
    """
    from tipclassify.encoder_training.exporting import to_onnx, to_whole_numbers

    exact_graph = to_onnx(network)
    exact = _measured(truth, _calibrated(exact_graph, tokenizer, settings, beside, texts, default, truth, fold))
    best: tuple[float, bytes, int, Calibrated] | None = None
    for bits in (7, 8):
        graph = to_whole_numbers(exact_graph, reduced=bits == 7)
        calibrated = _calibrated(graph, tokenizer, settings, beside, texts, default, truth, fold)
        macro = _measured(truth, calibrated).macro_f1
        if best is None or macro > best[0]:
            best = (macro, graph, bits, calibrated)
        if macro >= exact.macro_f1 - _LOSS:
            return graph, bits, exact, calibrated
    assert best is not None
    return *best[1:3], exact, best[3]


def _calibrated(
    graph: bytes,
    tokenizer: str,
    settings: Settings,
    beside: Model,
    texts: list[str],
    default: Floats,
    truth: Bools,
    fold: npt.NDArray[np.int64],
) -> Calibrated:
    """Calibration of the sum of both parts, or of the graph alone where the sum would do without it (of a few passages)."""
    raw = _scorer(graph, tokenizer, settings, beside).logits(texts)
    both = calibrate(np.stack([raw, default], axis=2), truth, fold)
    return both if (both.slope[:, 0] > 0).all() else calibrate(raw[:, :, None], truth, fold)


def _measured(truth: Bools, calibrated: Calibrated) -> Metrics:
    return measure(truth, calibrated.scores, calibrated.given["balanced"], np.array(calibrated.thresholds["balanced"]))


def _scorer(
    graph: bytes, tokenizer: str, settings: Settings, beside: Model, calibrated: Calibrated | None = None
) -> EncoderScorer:
    """The scorer of a graph that is not on disk yet; without a calibration its log-odds are the graph's logits."""
    count = len(LABELS)
    weight = _default_weight(calibrated) if calibrated else None
    model = EncoderModel(
        graph=graph,
        tokenizer=tokenizer,
        thresholds=calibrated.thresholds if calibrated else dict.fromkeys(POLICIES, (0.5,) * count),
        scale=calibrated.slope[:, 0] if calibrated else np.ones(count),
        shift=calibrated.shift if calibrated else np.zeros(count),
        window=settings.tokens,
        overlap=min(_OVERLAP, settings.tokens // 4),
        inputs=("input_ids", "attention_mask"),
        meta={},
        default=beside if weight or settings.stand_in else None,
        default_weight=np.array(weight) if weight else None,
        stand_in=settings.stand_in,
    )
    return EncoderScorer(model, load_scorer().vocabulary)


def _default_weight(calibrated: Calibrated) -> list[float] | None:
    """How much the default beside the graph counts; None where it does not."""
    return [float(share) for share in calibrated.slope[:, 1]] if calibrated.slope.shape[1] > 1 else None


def _head(settings: Settings, calibrated: Calibrated) -> dict[str, Any]:
    """The part of ``model.json`` that scoring reads."""
    weight = _default_weight(calibrated)
    return {
        "thresholds": {policy: list(row) for policy, row in calibrated.thresholds.items()},
        "calibration": {
            "scale": calibrated.slope[:, 0].tolist(),
            "shift": calibrated.shift.tolist(),
            **({} if weight is None else {"default": weight}),
        },
        "window": {"tokens": settings.tokens, "overlap": min(_OVERLAP, settings.tokens // 4)},
        "stand_in": settings.stand_in,
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from tipclassify._version import __version__

    names = ("torch", "transformers", "onnx", "onnxruntime", "tokenizers", "numpy")
    return {"tipclassify": __version__, **{name: version(name) for name in names}}


def _require_extra() -> None:
    require_extra()
    try:
        import onnx  # noqa: F401
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtraError("training an encoder", "train-encoder") from None
