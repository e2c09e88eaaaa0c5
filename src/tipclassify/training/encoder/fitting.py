"""Run the fine-tuning loop: sampled batches, AdamW with layer-wise learning rates, and
checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim import AdamW

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.errors import ModelError
from tipclassify.model.encoder.scoring import heading_room
from tipclassify.progress import Progress
from tipclassify.training.encoder import Settings
from tipclassify.training.encoder.network import Network

__all__ = [
    "Examples",
    "deterministic",
    "encode",
    "fit",
    "logits_of",
    "macro_f1",
    "pad_batch",
    "precision",
    "set_rate",
]

_CHECKPOINT: Final = "checkpoint.safetensors"
_CHECKPOINT_STEPS: Final = 250  # steps between checkpoints
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")  # of AdamW
_MAX_NORM: Final = 1.0  # of gradients, by clipping
_BUCKET: Final = 40  # batches sorted by length together: more is faster, but shuffles less
# lengths are rounded up to it: few tensor shapes, so kernels are reused
_LENGTH_MULTIPLE: Final = 8


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Tokenize texts into token ids, without special tokens."""
    return [
        encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]


@dataclass(frozen=True)
class Examples:
    """Token ids of passages and their headings, and probabilities of the labels."""

    texts: Sequence[list[int]]
    headings: Sequence[list[int]]  # empty without one
    targets: Floats  # (n, 3), with the heading
    targets_alone: Floats  # (n, 3), without it
    # headings of equivalent meaning, by those of a heading
    similar: Mapping[tuple[int, ...], Sequence[list[int]]]
    special_tokens: tuple[int, int, int]  # the first, the separator, the mask

    def row(self, i: int, heading: Sequence[int], longest: int) -> list[int]:
        """Build the token ids of a passage with a heading, at most `longest`, in the layout of
        scoring."""
        first, last, _ = self.special_tokens
        opening = [first, *heading[: heading_room(longest)], last] if heading else [first]
        return [*opening, *self.texts[i][: longest - len(opening) - 1], last]

    def rows(
        self, positions: Sequence[int] | Ints, longest: int, headings: bool = True
    ) -> list[list[int]]:
        """Build the token ids of passages, with or without their headings."""
        return [
            self.row(i, self.headings[i] if headings else [], longest)
            for i in np.asarray(positions).tolist()
        ]

    def sample(
        self, positions: Ints, settings: Settings, step: int
    ) -> tuple[list[list[int]], Floats]:
        """Build token ids and targets of a training step, with headings and masks sampled by
        seed and step alone."""
        rng = np.random.default_rng([settings.seed, step])
        rows, targets = [], []
        for i in positions.tolist():
            drop, swap, which = rng.random(3)
            heading = [] if drop < settings.no_heading else self.headings[i]
            if swap < settings.other_heading and (similar := self.similar.get(tuple(heading))):
                heading = similar[int(which * len(similar))]
            row = self.row(i, heading, settings.tokens)
            begin = len(heading[: heading_room(settings.tokens)]) + 2 if heading else 1
            hidden = rng.random(len(row)) < settings.masking
            hidden[:begin] = hidden[-1] = False
            rows.append(np.where(hidden, self.special_tokens[2], row).tolist())
            targets.append(self.targets[i] if heading else self.targets_alone[i])
        return rows, np.array(targets)


def shuffled_batches(
    positions: Ints, lengths: Sequence[int], size: int, seed: int, epoch: int
) -> list[Ints]:
    """Shuffle an epoch into batches of positions, bucketed by length, by `seed` and `epoch`."""
    rng = np.random.default_rng([seed, epoch])
    order, length = rng.permutation(positions), np.asarray(lengths)
    batches: list[Ints] = []
    for start in range(0, len(order), size * _BUCKET):
        bucket = order[start : start + size * _BUCKET]
        bucket = bucket[np.argsort(length[bucket], kind="stable")]
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def pad_batch(ids: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Pad token ids to (n, t) with `pad`; return them with the attention mask, 1 for tokens and
    0 for padding."""
    longest = -(-max(map(len, ids)) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
    padded = torch.full((len(ids), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, passage in enumerate(ids):
        padded[row, : len(passage)] = torch.tensor(passage)
        mask[row, : len(passage)] = 1
    return padded, mask


def fit(
    network: Network,
    examples: Examples,
    epochs: Sequence[Ints],
    held: Ints,
    settings: Settings,
    *,
    pad: int,
    folder: Path,
    identity: dict[str, Any],
    resume: bool = False,
    progress: Progress | None = None,
    reported: Callable[[str], None] | None = None,
) -> list[dict[str, float]]:
    """Fine-tune `network` in place; return ``loss`` and ``macro_f1`` on the passages `held` after
    each epoch.

    `epochs` has the positions of the passages of each epoch. Checkpoints of the run `identity`,
    plain values, go to `folder`; with `resume` the run continues from the one there, if any, and
    another run is refused.
    """
    optimizer = _optimizer(network, settings)
    lengths = [len(text) for text in examples.texts]
    batches = [
        shuffled_batches(at, lengths, settings.batch, settings.seed, e)
        for e, at in enumerate(epochs)
    ]
    steps = sum(map(len, batches))
    torch.manual_seed(settings.seed)
    state = (_read_checkpoint(folder, network, optimizer, identity) if resume else None) or {
        "step": 0,
        "epochs": [],
    }
    history: list[dict[str, float]] = state["epochs"]
    number = 0
    for epoch, order in enumerate(batches):
        network.train()
        for batch in order:
            number += 1
            if number <= state["step"]:  # done before the interruption
                continue
            set_rate(optimizer, number - 1, steps, settings.warmup)
            loss = _loss(network, *examples.sample(batch, settings, number - 1), pad)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimizer.step()
            if progress:
                progress(number, steps)
            if number % _CHECKPOINT_STEPS == 0:
                _write_checkpoint(
                    folder, network, optimizer, {"step": number, "epochs": history}, identity
                )
        if len(history) > epoch:  # resumed after this epoch
            continue
        history.append(_evaluate(network, examples, held, settings, pad))
        if reported:
            metrics = ", ".join(f"{name} {value:.4f}" for name, value in history[-1].items())
            reported(f"epoch {epoch + 1}, held out: {metrics}")
        _write_checkpoint(folder, network, optimizer, {"step": number, "epochs": history}, identity)
    return history


def _loss(network: Network, rows: Sequence[Sequence[int]], targets: Floats, pad: int) -> Tensor:
    """Compute the mean cross-entropy of a batch."""
    ids, mask = pad_batch(rows, pad)
    with _autocast():
        logits: Tensor = network(ids, mask)
    y_true = torch.tensor(targets, dtype=torch.float32)
    return nn.functional.binary_cross_entropy_with_logits(logits.float(), y_true)


def logits_of(
    network: Network, rows: Sequence[Sequence[int]], pad: int, *, batch: int = 64
) -> Floats:
    """Compute the logits (n, 3) of token ids, in the order of `rows`, in batches of similar
    length."""
    network.eval()
    logits = np.zeros((len(rows), network.head.out_features))
    order = np.argsort([-len(row) for row in rows], kind="stable")
    with torch.inference_mode(), _autocast():
        for at in np.split(order, range(batch, len(order), batch)):
            ids, mask = pad_batch([rows[i] for i in at], pad)
            logits[at] = network(ids, mask).float().numpy()
    return logits


def macro_f1(logits: Floats, y_true: Bools) -> float:
    """Compute the macro-F1 (n, 3) with the best threshold for each label, an upper bound for any
    chosen later."""
    best = []
    for column, true in zip(logits.T, y_true.T, strict=True):
        if true.any():
            hits = np.cumsum(true[np.argsort(-column, kind="stable")])
            best.append(float(np.max(2 * hits / (np.arange(1, len(true) + 1) + true.sum()))))
    return float(np.mean(best)) if best else float("nan")


@cache
def precision() -> str:
    """Return ``"bfloat16"`` if the processor multiplies it natively, else ``"float32"``."""
    # oneDNN reports bfloat16 as supported from AVX-512 on, and emulates it there, which takes three
    # times as long.
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Make PyTorch deterministic, with `threads` threads; 0 keeps their number."""
    enabled, previous_threads = (
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
    )
    # Filling every new tensor would take half the time of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads or previous_threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled)
        torch.set_num_threads(previous_threads)


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=precision() == "bfloat16")


def _evaluate(
    network: Network, examples: Examples, held: Ints, settings: Settings, pad: int
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for suffix, targets in (("", examples.targets), ("_alone", examples.targets_alone)):
        y_true = targets[held] >= 0.5
        logits = logits_of(network, examples.rows(held, settings.tokens, headings=not suffix), pad)
        metrics[f"loss{suffix}"] = float(
            np.mean(np.logaddexp(0, np.where(y_true, -logits, logits)))
        )
        metrics[f"macro_f1{suffix}"] = macro_f1(logits, y_true)
    return metrics


def _optimizer(network: Network, settings: Settings) -> AdamW:
    """Build AdamW with a parameter group for each layer, with and without weight decay."""
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        depth, matrix = network.depth_of(name), parameter.ndim > 1
        rate = settings.rate * settings.decay ** (network.layers + 1 - depth)
        options = {
            "params": [],
            "lr": rate,
            "peak": rate,
            "weight_decay": settings.weight_decay if matrix else 0.0,
        }
        groups.setdefault((depth, matrix), options)["params"].append(parameter)
    return AdamW(list(groups.values()), betas=(0.9, 0.98), fused=True)


def set_rate(optimizer: AdamW, step: int, steps: int, warmup: float) -> None:
    """Set the learning rate: linear warm-up to its peak, then linear decay."""
    rise = max(1, round(warmup * steps))
    factor = (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def _write_checkpoint(
    folder: Path,
    network: Network,
    optimizer: AdamW,
    state: dict[str, Any],
    identity: dict[str, Any],
) -> None:
    tensors = {"random": torch.get_rng_state()}
    for name, parameter in network.named_parameters():
        tensors[f"weight/{name}"] = parameter.detach().contiguous()
        tensors |= {
            f"{key}/{name}": value.contiguous() for key, value in optimizer.state[parameter].items()
        }
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{_CHECKPOINT}.part"
    save_file(
        tensors,
        part,
        metadata={"state": json.dumps(state), "identity": json.dumps(identity, sort_keys=True)},
    )
    os.replace(part, folder / _CHECKPOINT)


def _read_checkpoint(
    folder: Path, network: Network, optimizer: AdamW, identity: dict[str, Any]
) -> dict[str, Any] | None:
    """Restore network and optimiser, and return the state of the run; None without a checkpoint."""
    file = folder / _CHECKPOINT
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata()
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        state: dict[str, Any] = json.loads(metadata["state"])
        stored: dict[str, Any] = json.loads(metadata["identity"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise ModelError(
            f"{file}: not a checkpoint; remove it and start anew without --resume"
        ) from None
    wanted = json.loads(json.dumps(identity))
    if other := ", ".join(
        sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))
    ):
        raise ModelError(
            f"{file}: of a run with other {other}; give the same, or start anew without --resume"
        )
    for name, parameter in network.named_parameters():
        parameter.data.copy_(tensors[f"weight/{name}"])
        if f"step/{name}" in tensors:
            optimizer.state[parameter] = {key: tensors[f"{key}/{name}"] for key in _MOMENTS}
    torch.set_rng_state(tensors["random"])
    return state
