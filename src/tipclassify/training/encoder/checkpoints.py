"""Write and read checkpoints of a fine-tuning: weights, optimiser moments and random state, without pickle.

A checkpoint is one safetensors file, replaced atomically, so an interrupted run always has a complete one. It stores
the identity of the run (settings, data, base), and another run is refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import torch
from torch.optim import Optimizer

from tipclassify.errors import ModelError
from tipclassify.training.encoder.network import Network

__all__ = ["read_checkpoint", "write_checkpoint"]

_FILE: Final = "checkpoint.safetensors"
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")  # of AdamW


def write_checkpoint(
    folder: Path, network: Network, optimizer: Optimizer, state: dict[str, Any], identity: dict[str, Any]
) -> None:
    """Write a checkpoint; `state` and `identity` are plain values."""
    from safetensors.torch import save_file

    tensors = {"random": torch.get_rng_state()}
    for name, parameter in network.named_parameters():
        tensors[f"weight/{name}"] = parameter.detach().contiguous()
        tensors |= {f"{key}/{name}": value.contiguous() for key, value in optimizer.state[parameter].items()}
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{_FILE}.part"
    save_file(tensors, part, metadata={"state": json.dumps(state), "identity": json.dumps(identity, sort_keys=True)})
    os.replace(part, folder / _FILE)


def read_checkpoint(
    folder: Path, network: Network, optimizer: Optimizer, identity: dict[str, Any]
) -> dict[str, Any] | None:
    """Restore the network and the optimiser from the checkpoint, and return its state; None without a checkpoint.

    Raises
    ------
    ModelError
        When the checkpoint is invalid, or of a run with other settings, sentences or base.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / _FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata()
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        state: dict[str, Any] = json.loads(metadata["state"])
        stored: dict[str, Any] = json.loads(metadata["identity"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise ModelError(f"{file}: not a checkpoint; remove it and start anew without --resume") from None
    wanted = json.loads(json.dumps(identity))
    if other := ", ".join(sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))):
        raise ModelError(f"{file}: of a run with other {other}; give the same, or start anew without --resume")
    for name, parameter in network.named_parameters():
        parameter.data.copy_(tensors[f"weight/{name}"])
        if f"step/{name}" in tensors:
            optimizer.state[parameter] = {key: tensors[f"{key}/{name}"] for key in _MOMENTS}
    torch.set_rng_state(tensors["random"])
    return state
