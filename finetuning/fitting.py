"""Fine-tune a network: sampled batches, AdamW with a rate for each layer, and checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from finetuning import Settings
from finetuning.network import Network
from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.errors import ModelError
from tipclassify.model.encoder.scoring import max_heading_tokens
from tipclassify.progress import Progress

_CHECKPOINT: Final = "checkpoint.pt"
_CHECKPOINT_STEPS: Final = 250  # steps between checkpoints
_MAX_NORM: Final = 1.0  # of gradients, by clipping
_BUCKET: Final = 40  # batches sorted by length together: more is faster, but shuffles less
# lengths are rounded up to it: few tensor shapes, so kernels are reused
_LENGTH_MULTIPLE: Final = 8

History = list[dict[str, float]]
"""Loss and macro-F1 on held-out passages after each epoch, with headings and without."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that are no text."""

    first: int
    separator: int  # also the last
    mask: int
    padding: int


@dataclass(frozen=True)
class TokenizedExamples:
    """Token ids of passages and their headings, and probabilities of the labels."""

    texts: Sequence[list[int]]
    edited: Sequence[list[int]]  # the same, each with a harmless edit
    headings: Sequence[list[int]]  # empty without one
    targets: Floats  # (n, 3), with the heading
    targets_alone: Floats  # (n, 3), without it
    # whether a network gave the targets: such a heading may be replaced, but is never left out
    taught: Bools  # (n,)
    # headings of equivalent meaning, by those of a heading
    similar: Mapping[tuple[int, ...], Sequence[list[int]]]
    special: SpecialTokens

    def row(self, i: int, heading: Sequence[int], longest: int, edited: bool = False) -> list[int]:
        """Build the token ids of a passage with a heading, at most `longest`, as scoring does."""
        opening = [self.special.first]
        if heading:
            opening += heading[: max_heading_tokens(longest)]
            opening.append(self.special.separator)
        text = (self.edited if edited else self.texts)[i][: longest - len(opening) - 1]
        return [*opening, *text, self.special.separator]

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
        """Build the token ids and targets of a step; headings and masks are drawn by seed and step.

        A heading may be left out, or replaced by one of equivalent meaning; text is edited and masked.
        """
        rng = np.random.default_rng([settings.seed, step])
        rows = []
        targets = []
        for i in positions.tolist():
            leave_out, replace, which, edited = rng.random(4)
            left_out = leave_out < settings.no_heading and not self.taught[i]
            heading = [] if left_out else self.headings[i]
            similar = self.similar.get(tuple(heading))
            if similar and replace < settings.other_heading:
                heading = similar[int(which * len(similar))]
            row = self.row(i, heading, settings.tokens, edited < settings.edited)
            text_start = len(heading[: max_heading_tokens(settings.tokens)]) + 2 if heading else 1
            masked = rng.random(len(row)) < settings.masking
            masked[:text_start] = False
            masked[-1] = False
            rows.append(np.where(masked, self.special.mask, row).tolist())
            targets.append(self.targets[i] if heading else self.targets_alone[i])
        return rows, np.array(targets)


@dataclass(frozen=True)
class Run:
    """A fine-tuning as it proceeds: its checkpoints, and whom its progress is reported to."""

    folder: Path  # of checkpoints
    identity: Mapping[str, object] = field(default_factory=dict)  # plain values
    resume: bool = False  # from the checkpoint in the folder, if any; one of another run is refused
    progress: Progress | None = None
    report: Callable[[str], None] | None = None


def fit(
    network: Network,
    examples: TokenizedExamples,
    epochs: Sequence[Ints],
    held: Ints,
    settings: Settings,
    run: Run,
) -> History:
    """Fine-tune `network` in place, and measure it on the passages `held` after each epoch.

    `epochs` has the positions of the passages of each epoch.
    """
    optimizer = _optimizer(network, settings)
    lengths = [len(text) for text in examples.texts]
    batches = [
        shuffled_batches(positions, lengths, settings, epoch)
        for epoch, positions in enumerate(epochs)
    ]
    steps = sum(map(len, batches))
    torch.manual_seed(settings.seed)
    done, history = _read_checkpoint(run, network, optimizer) if run.resume else (0, [])
    step = 0
    for epoch, order in enumerate(batches):
        network.train()
        for batch in order:
            step += 1
            if step <= done:  # before the interruption
                continue
            set_rate(optimizer, step - 1, steps, settings.warmup)
            rows, targets = examples.sample(batch, settings, step - 1)
            optimizer.zero_grad(set_to_none=True)
            loss = _loss(network, rows, targets, examples.special.padding)
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimizer.step()
            if run.progress:
                run.progress(step, steps)
            if step % _CHECKPOINT_STEPS == 0:
                _write_checkpoint(run, network, optimizer, step, history)
        if len(history) > epoch:  # resumed after this epoch
            continue
        history.append(_evaluate(network, examples, held, settings))
        if run.report:
            metrics = ", ".join(f"{name} {value:.4f}" for name, value in history[-1].items())
            run.report(f"epoch {epoch + 1}, held out: {metrics}")
        _write_checkpoint(run, network, optimizer, step, history)
    return history


def shuffled_batches(
    positions: Ints, lengths: Sequence[int], settings: Settings, epoch: int
) -> list[Ints]:
    """Shuffle an epoch into batches of positions, of similar length each."""
    rng = np.random.default_rng([settings.seed, epoch])
    order = rng.permutation(positions)
    length = np.asarray(lengths)
    size = settings.batch
    batches: list[Ints] = []
    for start in range(0, len(order), size * _BUCKET):
        bucket = order[start : start + size * _BUCKET]
        bucket = bucket[np.argsort(length[bucket], kind="stable")]
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def pad_batch(ids: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Pad token ids to one length; return them, (n, t), and the attention mask, 0 for padding."""
    longest = -(-max(map(len, ids)) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
    padded = torch.full((len(ids), longest), padding, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, passage in enumerate(ids):
        padded[row, : len(passage)] = torch.tensor(passage)
        mask[row, : len(passage)] = 1
    return padded, mask


def _loss(network: Network, rows: Sequence[Sequence[int]], targets: Floats, padding: int) -> Tensor:
    """Compute the mean cross-entropy of a batch."""
    ids, mask = pad_batch(rows, padding)
    with _autocast():
        logits: Tensor = network(ids, mask)
    y_true = torch.tensor(targets, dtype=torch.float32)
    return nn.functional.binary_cross_entropy_with_logits(logits.float(), y_true)


def logits_of(
    network: Network, rows: Sequence[Sequence[int]], padding: int, *, batch: int = 64
) -> Floats:
    """Compute the logits (n, 3) of token ids, in batches of similar length."""
    network.eval()
    logits = np.zeros((len(rows), network.head.out_features))
    order = np.argsort([-len(row) for row in rows], kind="stable")
    with torch.inference_mode(), _autocast():
        for at in np.split(order, range(batch, len(order), batch)):
            ids, mask = pad_batch([rows[i] for i in at], padding)
            logits[at] = network(ids, mask).float().numpy()
    return logits


def best_macro_f1(logits: Floats, y_true: Bools) -> float:
    """Compute the macro-F1 with the best threshold of each label, a bound for any chosen later."""
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
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    previous_threads = torch.get_num_threads()
    # Filling every new tensor would take half the time of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads or previous_threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_deterministic)
        torch.set_num_threads(previous_threads)


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=precision() == "bfloat16")


def _evaluate(
    network: Network, examples: TokenizedExamples, held: Ints, settings: Settings
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for suffix, targets in (("", examples.targets), ("_alone", examples.targets_alone)):
        y_true = targets[held] >= 0.5
        rows = examples.rows(held, settings.tokens, headings=not suffix)
        logits = logits_of(network, rows, examples.special.padding)
        losses = np.logaddexp(0, np.where(y_true, -logits, logits))
        metrics[f"loss{suffix}"] = float(np.mean(losses))
        metrics[f"macro_f1{suffix}"] = best_macro_f1(logits, y_true)
    return metrics


def _optimizer(network: Network, settings: Settings) -> AdamW:
    """Build AdamW with a parameter group for each layer, with and without weight decay."""
    members: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        key = (network.depth_of(name), parameter.ndim > 1)
        members.setdefault(key, []).append(parameter)
    groups = []
    for (depth, is_matrix), parameters in members.items():
        rate = settings.rate * settings.decay ** (network.layers + 1 - depth)
        decay = settings.weight_decay if is_matrix else 0.0
        groups.append({"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay})
    return AdamW(groups, betas=(0.9, 0.98), fused=True)


def set_rate(optimizer: AdamW, step: int, steps: int, warmup: float) -> None:
    """Set the learning rate: linear warm-up to its peak, then linear decay."""
    rise = max(1, round(warmup * steps))
    factor = (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def _write_checkpoint(
    run: Run, network: Network, optimizer: AdamW, step: int, history: History
) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    part = run.folder / f"{_CHECKPOINT}.part"
    state = {
        "identity": dict(run.identity),
        "step": step,
        "history": history,
        "random": torch.get_rng_state(),
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, part)
    os.replace(part, run.folder / _CHECKPOINT)


def _read_checkpoint(run: Run, network: Network, optimizer: AdamW) -> tuple[int, History]:
    """Restore network and optimiser; return the steps done and the history, of none at first."""
    file = run.folder / _CHECKPOINT
    if not file.is_file():
        return 0, []
    try:
        state = torch.load(file, weights_only=True)  # which runs no code of the file
        stored = dict(state["identity"])
    except Exception:  # PyTorch raises a dozen classes
        advice = "remove it and start anew without --resume"
        raise ModelError(f"{file}: not a checkpoint; {advice}") from None
    names = {*stored, *run.identity}
    if other := sorted(name for name in names if stored.get(name) != run.identity.get(name)):
        advice = "give the same, or start anew without --resume"
        raise ModelError(f"{file}: of a run with other {', '.join(other)}; {advice}")
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return state["step"], state["history"]
