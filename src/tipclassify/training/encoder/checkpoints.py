"""Where a run that was broken off goes on: weights, moments of the optimiser and state of the draw, without pickle.

A checkpoint is one safetensors file, written beside and renamed, so a run killed at any moment finds the last whole one. It
names what it is of (settings, data, base): another run does not go on from it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim import Optimizer

from tipclassify.errors import ModelError
from tipclassify.training.encoder.network import Network

__all__ = ["read_checkpoint", "write_checkpoint"]

_FILE: Final = "checkpoint.safetensors"


def write_checkpoint(
    folder: Path, network: Network, optimizer: Optimizer, state: dict[str, Any], identity: dict[str, Any]
) -> None:
    """Keep the run as it stands; `state` holds plain values."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {"random": torch.get_rng_state()}
    names = {id(p): name for name, p in network.named_parameters()}
    for parameter, moments in optimizer.state.items():
        for key, value in moments.items():
            tensors[f"{key}/{names[id(parameter)]}"] = torch.as_tensor(value).contiguous()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:  # the others are as the base has them
            tensors[f"weight/{name}"] = parameter.detach().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{_FILE}.part"
    save_file(tensors, part, metadata={"state": json.dumps(state), "identity": json.dumps(identity, sort_keys=True)})
    os.replace(part, folder / _FILE)


def read_checkpoint(
    folder: Path, network: Network, optimizer: Optimizer, identity: dict[str, Any]
) -> dict[str, Any] | None:
    """Take the run up again: fills the network and the optimiser and gives the state, None where there is none.

    Raises
    ------
    ModelError
        When the checkpoint is of a run with other settings, sentences or base.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / _FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as kept:
            told = kept.metadata()
            tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
        state: dict[str, Any] = json.loads(told["state"])
        was: dict[str, Any] = json.loads(told["identity"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise ModelError(f"{file}: not a checkpoint; remove it and start anew without --resume") from None
    if other := sorted(
        name for name in {*was, *identity} if was.get(name) != json.loads(json.dumps(identity.get(name)))
    ):
        raise ModelError(
            f"{file}: of a run with other {', '.join(other)}; give the same, or start anew without --resume"
        )
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        parameter.data.copy_(tensors[f"weight/{name}"])
        keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}/{name}" in tensors]
        if keys:
            optimizer.state[parameter] = {key: tensors[f"{key}/{name}"] for key in keys}
    torch.set_rng_state(tensors["random"])
    return state
