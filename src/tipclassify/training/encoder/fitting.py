"""Run the fine-tuning loop: AdamW with layer-wise learning rates, and focal loss on the labels.

A network and examples come in, the trained network and its metrics go out. The same seed, machine and number of threads
give the same weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.progress import Progress
from tipclassify.training.encoder.batches import Examples, pad_batch, shuffled_batches, sorted_batches
from tipclassify.training.encoder.checkpoints import read_checkpoint, write_checkpoint
from tipclassify.training.encoder.network import Network
from tipclassify.training.encoder.settings import Settings

__all__ = ["deterministic", "fit", "logits_of", "macro_f1", "precision"]

_CHECKPOINT_STEPS: Final = 250  # steps between checkpoints
_MAX_NORM: Final = 1.0  # of gradients, by clipping


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
    """Fine-tune `network` in place.

    Parameters
    ----------
    epochs : sequence of int (n,)
        Positions of the passages of each epoch.
    held : int (m,)
        Positions of the held-out passages, for evaluation only.
    folder : Path
        Folder for checkpoints.
    identity : dict
        Identity of the run, plain values: a checkpoint of another run is refused.
    resume : bool
        Continue from the checkpoint in `folder`, if there is one.

    Returns
    -------
    list of dict
        ``loss`` and ``macro_f1`` on `held` after each epoch, with and without (``..._alone``) headings.
    """
    optimizer = _optimizer(network, settings)
    lengths = [len(text) for text in examples.texts]
    batches = [shuffled_batches(at, lengths, settings.batch, settings.seed, e) for e, at in enumerate(epochs)]
    steps = sum(map(len, batches))
    torch.manual_seed(settings.seed)
    state = (read_checkpoint(folder, network, optimizer, identity) if resume else None) or {"step": 0, "epochs": []}
    history: list[dict[str, float]] = state["epochs"]
    number = 0
    for epoch, order in enumerate(batches):
        network.train()
        for batch in order:
            number += 1
            if number <= state["step"]:  # done before the interruption
                continue
            _set_rate(optimizer, _rate_factor(number - 1, steps, settings.warmup))
            loss = _loss(network, *examples.sample(batch, settings, number - 1), pad, settings.focal)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimizer.step()
            if progress:
                progress(number, steps)
            if number % _CHECKPOINT_STEPS == 0:
                write_checkpoint(folder, network, optimizer, {"step": number, "epochs": history}, identity)
        if len(history) > epoch:  # resumed after this epoch
            continue
        history.append(_evaluate(network, examples, held, settings, pad))
        if reported:
            metrics = ", ".join(f"{name} {value:.4f}" for name, value in history[-1].items())
            reported(f"epoch {epoch + 1}, held out: {metrics}")
        write_checkpoint(folder, network, optimizer, {"step": number, "epochs": history}, identity)
    return history


def _loss(network: Network, rows: Sequence[Sequence[int]], targets: Floats, pad: int, focal: float) -> Tensor:
    """Compute the focal loss, averaged over passages and labels (Lin et al. 2017, ICCV).

    It is the binary cross-entropy times a power of the error.
    """
    ids, mask = pad_batch(rows, pad)
    with _autocast():
        logits: Tensor = network(ids, mask)
    y_true = torch.tensor(targets, dtype=torch.float32)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits.float(), y_true, reduction="none")
    return (entropy * (1 - torch.exp(-entropy)) ** focal).mean()


def logits_of(network: Network, rows: Sequence[Sequence[int]], pad: int, *, batch: int = 64) -> Floats:
    """Compute the logits (n, 3) of token ids, in the order of `rows`."""
    network.eval()
    logits = np.zeros((len(rows), network.head.out_features))
    with torch.inference_mode(), _autocast():
        for at in sorted_batches([len(row) for row in rows], batch):
            ids, mask = pad_batch([rows[i] for i in at], pad)
            logits[at] = network(ids, mask).float().numpy()
    return logits


def macro_f1(logits: Floats, y_true: Bools) -> float:
    """Compute the macro-F1 (n, 3) with the best threshold for each label, an upper bound for any chosen later."""
    best = []
    for column, true in zip(logits.T, y_true.T, strict=True):
        if not true.any():
            continue
        order = np.argsort(-column, kind="stable")
        hits = np.cumsum(true[order])
        best.append(float(np.max(2 * hits / (np.arange(1, len(order) + 1) + true.sum()))))
    return float(np.mean(best)) if best else float("nan")


@cache
def precision() -> str:
    """Return ``"bfloat16"`` if the processor multiplies it natively, else ``"float32"``.

    oneDNN reports bfloat16 as supported from AVX-512 on, and emulates it there: a step took three times as long as in
    float32 on a processor with AVX-512 alone, ten times with AVX2.
    """
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Make PyTorch deterministic with `threads` threads; operations without a deterministic form raise an error."""
    enabled, previous_threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    # Filling every new tensor would take half the time of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*lr_scheduler.*")
            yield
    finally:
        torch.use_deterministic_algorithms(enabled)
        torch.set_num_threads(previous_threads)


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=precision() == "bfloat16")


def _evaluate(network: Network, examples: Examples, held: Ints, settings: Settings, pad: int) -> dict[str, float]:
    """Compute loss and macro-F1 on the held-out passages, with and without (``_alone``) headings."""
    metrics: dict[str, float] = {}
    for suffix, targets in (("", examples.targets), ("_alone", examples.targets_alone)):
        y_true = targets[held] >= 0.5
        logits = logits_of(network, examples.rows(held, settings.tokens, headings=not suffix), pad)
        metrics[f"loss{suffix}"] = float(np.mean(np.logaddexp(0, np.where(y_true, -logits, logits))))
        metrics[f"macro_f1{suffix}"] = macro_f1(logits, y_true)
    return metrics


def _optimizer(network: Network, settings: Settings) -> torch.optim.AdamW:
    """Build AdamW with a parameter group for each layer, with and without weight decay."""
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((network.depth_of(name), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": (rate := settings.rate * settings.decay ** (network.layers + 1 - depth)),
                "peak": rate,
                "weight_decay": settings.weight_decay if matrix else 0.0,
            }
            for (depth, matrix), parameters in groups.items()
        ],
        betas=(0.9, 0.98),
        fused=True,
    )


def _rate_factor(step: int, steps: int, warmup: float) -> float:
    """Return the learning rate as a share of its peak: linear warm-up, then linear decay.

    >>> [round(_rate_factor(step, 10, 0.2), 2) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.12]
    """
    rise = max(1, round(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def _set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
