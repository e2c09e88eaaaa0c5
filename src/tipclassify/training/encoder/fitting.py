"""Fine-tune an encoder: AdamW with a rate that falls with depth, and binary cross-entropy on the labels.

One seed on one machine with one number of threads gives the same weights.
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
from tipclassify.training.encoder.batches import Examples, drawn_batches, padded, sorted_batches
from tipclassify.training.encoder.checkpoints import read_checkpoint, write_checkpoint
from tipclassify.training.encoder.network import Network
from tipclassify.training.encoder.settings import Settings

__all__ = ["deterministic", "fit", "logits_of", "macro_f1", "precision"]

_OFTEN: Final = 250  # steps between checkpoints
_LOUDEST: Final = 1.0  # norm that gradients are cut to


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
        Positions of those held out, which only measure.
    folder : Path
        Where checkpoints go.
    identity : dict
        What the run is of, plain values: a checkpoint of another run is refused.
    resume : bool
        Go on from the checkpoint of `folder`, if there is one.

    Returns
    -------
    list of dict
        ``loss`` and ``macro_f1`` on `held` after each epoch, with and without (``..._alone``) headings.
    """
    optimizer = _optimizer(network, settings)
    lengths = [len(text) for text in examples.texts]
    batches = [drawn_batches(at, lengths, settings.batch, settings.seed, e) for e, at in enumerate(epochs)]
    steps = sum(map(len, batches))
    torch.manual_seed(settings.seed)
    state = (read_checkpoint(folder, network, optimizer, identity) if resume else None) or {"step": 0, "epochs": []}
    history: list[dict[str, float]] = state["epochs"]
    number = 0
    for epoch, order in enumerate(batches):
        network.train()
        for batch in order:
            number += 1
            if number <= state["step"]:  # done before the run was broken off
                continue
            _set_rate(optimizer, _share(number - 1, steps, settings.warmup))
            found = _loss(network, *examples.drawn(batch, settings, number - 1), pad, settings.focal)
            optimizer.zero_grad(set_to_none=True)
            found.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(network.parameters(), _LOUDEST)
            optimizer.step()
            if progress:
                progress(number, steps)
            if number % _OFTEN == 0:
                write_checkpoint(folder, network, optimizer, {"step": number, "epochs": history}, identity)
        if len(history) > epoch:  # taken up after the end of this epoch
            continue
        history.append(_judged(network, examples, held, settings, pad))
        if reported:
            told = ", ".join(f"{name} {value:.4f}" for name, value in history[-1].items())
            reported(f"epoch {epoch + 1}, held out: {told}")
        write_checkpoint(folder, network, optimizer, {"step": number, "epochs": history}, identity)
    return history


def _loss(network: Network, rows: Sequence[Sequence[int]], targets: Floats, pad: int, focal: float) -> Tensor:
    """Focal loss (Lin et al. 2017, ICCV), the mean over passages and labels: cross-entropy times a power of the error."""
    numbers, mask = padded(rows, pad)
    with _autocast():
        logits: Tensor = network(numbers, mask)
    wanted = torch.tensor(targets, dtype=torch.float32)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none")
    return (entropy * (1 - torch.exp(-entropy)) ** focal).mean()


def logits_of(network: Network, rows: Sequence[Sequence[int]], pad: int, *, batch: int = 64) -> Floats:
    """Logits (n, 3) of rows of tokens, in the order given."""
    network.eval()
    found = np.zeros((len(rows), network.head.out_features))
    with torch.inference_mode(), _autocast():
        for at in sorted_batches([len(row) for row in rows], batch):
            numbers, mask = padded([rows[i] for i in at], pad)
            found[at] = network(numbers, mask).float().numpy()
    return found


def macro_f1(logits: Floats, truth: Bools) -> float:
    """Mean over labels of the best F1 that any threshold gives: what a threshold chosen later can have."""
    best = []
    for column, true in zip(logits.T, truth.T, strict=True):
        if not true.any():
            continue
        order = np.argsort(-column, kind="stable")
        hits = np.cumsum(true[order])
        best.append(float(np.max(2 * hits / (np.arange(1, len(order) + 1) + true.sum()))))
    return float(np.mean(best)) if best else float("nan")


@cache
def precision() -> str:
    """``"bfloat16"`` where the processor multiplies that, else ``"float32"``.

    oneDNN calls bfloat16 supported from AVX-512 on and emulates it there: a step took three times as long as in float32 on a
    processor with AVX-512 alone, ten times with AVX2.
    """
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """The same sums in the same order each time, or an error where PyTorch cannot promise it."""
    was, used = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # it would fill every new tensor first: half the time of a step
    )
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*lr_scheduler.*")
            yield
    finally:
        torch.use_deterministic_algorithms(was)
        torch.set_num_threads(used)


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=precision() == "bfloat16")


def _judged(network: Network, examples: Examples, held: Ints, settings: Settings, pad: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for suffix, targets in (("", examples.targets), ("_alone", examples.alone)):
        truth = targets[held] >= 0.5
        logits = logits_of(network, examples.rows(held, settings.tokens, headings=not suffix), pad)
        found[f"loss{suffix}"] = float(np.mean(np.logaddexp(0, np.where(truth, -logits, logits))))
        found[f"macro_f1{suffix}"] = macro_f1(logits, truth)
    return found


def _optimizer(network: Network, settings: Settings) -> torch.optim.AdamW:
    """A group of parameters for each depth, with and without weight decay."""
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


def _share(step: int, steps: int, warmup: float) -> float:
    """Of the peak rate: up in a line, then down in a line.

    >>> [round(_share(step, 10, 0.2), 2) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.12]
    """
    rise = max(1, round(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def _set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
