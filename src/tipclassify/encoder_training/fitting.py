"""The loop: AdamW with a rate that falls with depth, binary cross-entropy on hard or soft labels, and the best epoch kept.

Soft labels make distillation (Hinton, Vinyals and Dean 2015) the same loop as training: a target is a probability, whether an
annotator or a teacher gave it. One seed on one machine with one number of threads gives the same weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tipclassify.encoder_training.batches import Ints, drawn_batches, padded, sorted_batches
from tipclassify.encoder_training.checkpoints import read_checkpoint, write_checkpoint
from tipclassify.encoder_training.network import Network
from tipclassify.encoder_training.settings import Settings

__all__ = [
    "Loss",
    "Sentences",
    "cross_entropy",
    "deterministic",
    "fit",
    "logits_of",
    "macro_f1",
    "precision",
    "step_logits",
]

_OFTEN: Final = 250  # steps between checkpoints
_LOUDEST: Final = 1.0  # norm that gradients are cut to

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
Loss = Callable[[Network, Ints], Tensor]


@dataclass(frozen=True)
class Sentences:
    """Token numbers of sentences and the probability of each label, float (n, 3)."""

    ids: Sequence[Sequence[int]]
    targets: Floats


def fit(
    network: Network,
    taught: Sentences,
    held: Sentences,
    settings: Settings,
    *,
    pad: int,
    folder: Path,
    identity: dict[str, Any],
    keep: Callable[[int], None],
    resume: bool = False,
    loss: Loss | None = None,
    progress: Progress | None = None,
    told: Callable[[str], None] | None = None,
) -> list[dict[str, float]]:
    """Fine-tune `network` on `taught`, and call `keep` with the number of each epoch that is the best so far on `held`.

    Parameters
    ----------
    folder : Path
        Where checkpoints go.
    identity : dict
        What the run is of, plain values, its loss included: a checkpoint of another run is refused.
    resume : bool
        Go on from the checkpoint of `folder`, if there is one.
    loss : callable, optional
        Loss of the network on the sentences of a step, by their positions; `cross_entropy` of `taught` without.

    Returns
    -------
    list of dict
        ``loss`` and ``macro_f1`` on `held` after each epoch. Early stopping goes by the F1, which is what labels given are
        judged by: the loss rises again long before it, when the network grows too sure, and calibration undoes that.
    """
    optimizer = _optimizer(network, settings)
    batches = [
        drawn_batches([len(s) for s in taught.ids], settings.batch, settings.seed, e) for e in range(settings.epochs)
    ]
    steps = sum(map(len, batches))
    loss = loss or cross_entropy(taught, pad)
    state = read_checkpoint(folder, network, optimizer, identity) if resume else None
    if state is None:
        torch.manual_seed(settings.seed)
        state = {"step": 0, "epochs": []}
    history: list[dict[str, float]] = list(state["epochs"])
    step, before = int(state["step"]), 0
    for epoch, order in enumerate(batches):
        network.train()
        for number, batch in enumerate(order, before):
            if number < step:
                continue
            _set_rate(optimizer, _share(number, steps, settings.warmup))
            found = loss(network, batch)
            optimizer.zero_grad(set_to_none=True)
            found.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_((p for p in network.parameters() if p.requires_grad), _LOUDEST)
            optimizer.step()
            step = number + 1
            if progress:
                progress(step, steps)
            if step % _OFTEN == 0:
                write_checkpoint(folder, network, optimizer, {"step": step, "epochs": history}, identity)
        before += len(order)
        if len(history) > epoch:  # taken up after the end of this epoch
            continue
        logits_held = logits_of(network, held.ids, pad)
        history.append(_judged(logits_held, held.targets))
        if told:
            told(f"epoch {epoch + 1}: held-out loss {history[-1]['loss']:.4f}, macro-F1 {history[-1]['macro_f1']:.4f}")
        if history[-1]["macro_f1"] == max(entry["macro_f1"] for entry in history):
            keep(epoch + 1)
        write_checkpoint(folder, network, optimizer, {"step": step, "epochs": history}, identity)
    return history


def cross_entropy(taught: Sentences, pad: int, pos_weight: Floats | None = None) -> Loss:
    """Binary cross-entropy, the mean over sentences and labels; by `pos_weight` (3,) counts what has the label."""
    targets = torch.tensor(taught.targets, dtype=torch.float32)
    counts = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float32)

    def of_step(network: Network, batch: Ints) -> Tensor:
        logits = step_logits(network, [taught.ids[i] for i in batch], pad)
        return nn.functional.binary_cross_entropy_with_logits(
            logits, targets[torch.as_tensor(batch)], pos_weight=counts
        )

    return of_step


def step_logits(network: Network, ids: Sequence[Sequence[int]], pad: int) -> Tensor:
    """Logits (n, 3) in float32 of a few sentences, for learning from."""
    numbers, mask = padded(ids, pad)
    with _autocast():
        logits: Tensor = network(numbers, mask)
    return logits.float()


def logits_of(network: Network, ids: Sequence[Sequence[int]], pad: int, *, batch: int = 64) -> Floats:
    """Logits (n, 3) of sentences, in the order given."""
    network.eval()
    found = np.zeros((len(ids), network.head.out_features))
    with torch.inference_mode(), _autocast():
        for rows in sorted_batches([len(s) for s in ids], batch):
            numbers, mask = padded([ids[i] for i in rows], pad)
            found[rows] = network(numbers, mask).float().numpy()
    return found


def macro_f1(logits: Floats, truth: npt.NDArray[np.bool_]) -> float:
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

    Without instructions for it PyTorch takes bfloat16 apart on one thread: on a processor with AVX2 alone a step took ten times
    as long as in float32, or more.
    """
    fast = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bfloat16" if fast else "float32"


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """The same sums in the same order each time, or an error where PyTorch cannot promise it."""
    was, used = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
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


def _judged(logits: Floats, targets: Floats) -> dict[str, float]:
    truth = targets >= 0.5
    loss = float(np.mean(np.logaddexp(0, np.where(truth, -logits, logits))))
    return {"loss": loss, "macro_f1": macro_f1(logits, truth)}


def _optimizer(network: Network, settings: Settings) -> torch.optim.AdamW:
    """A group of parameters for each depth, with and without weight decay; what is to stay is left out."""
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        depth = network.depth_of(name)
        stays = (depth == 0 and (settings.frozen or settings.lowest > 0)) or 0 < depth <= settings.lowest
        parameter.requires_grad_(not stays)
        if not stays:
            groups.setdefault((depth, parameter.ndim > 1), []).append(parameter)
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
