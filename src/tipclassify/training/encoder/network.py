"""Define the network, a pretrained encoder with a linear head for the labels, and load and save its folder.

The folder has ``config.json`` and ``tokenizer.json`` of the base, ``network.safetensors`` with all weights, and
``network.json`` with the settings: no pickle, and loading runs no code from it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.training.encoder.bases import NEEDED, NETWORK
from tipclassify.training.encoder.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Network", "average_with", "load_network", "new_network", "padding_id", "read_tokenizer", "save_network"]

_WEIGHTS: Final = "network.safetensors"
# Dropout inside the layers takes a third of a step on a CPU; token masking and the head's dropout regularise instead.
_NO_DROPOUT: Final = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


class Network(nn.Module):  # type: ignore[misc, unused-ignore]
    """Encoder with mean pooling and a linear head: token ids and attention mask in, logits out."""

    def __init__(self, encoder: nn.Module, width: int, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(width, len(LABELS))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute the mean token vector of each passage, (n, width)."""
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        real = attention_mask.unsqueeze(-1).to(vectors.dtype)
        return (vectors * real).sum(1) / real.sum(1).clamp(min=1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute logits (n, 3) from token ids `input_ids` and `attention_mask` (n, t)."""
        logits: Tensor = self.head(self.dropout(self.pooled(input_ids, attention_mask)))
        return logits

    def depth_of(self, name: str) -> int:
        """Return the depth of a parameter by its name: 0 for embeddings, layers from 1 up, the head last."""
        if name.startswith("head."):
            return self.layers + 1
        parts = name.split(".")
        return int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0

    @property
    def layers(self) -> int:
        """Return the number of layers of the encoder."""
        return int(self.encoder.config.num_hidden_layers)


def new_network(folder: Path, settings: Settings) -> Network:
    """Build a network from a base, with a random head by the seed; a fine-tuned network keeps its head."""
    from transformers import AutoModel

    torch.manual_seed(settings.seed)
    if (folder / NETWORK).is_file():
        network, _ = load_network(folder)
        network.dropout.p = settings.dropout
        return network
    encoder = AutoModel.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        **_plain_options(folder),
        **_NO_DROPOUT,
    )
    return Network(encoder.float(), int(encoder.config.hidden_size), settings)


def average_with(network: Network, folder: Path) -> None:
    """Average the weights of `network` with those of the earlier network in `folder`, in place."""
    other = load_network(folder)[0].state_dict()
    network.load_state_dict({name: (one + other[name]) / 2 for name, one in network.state_dict().items()})


def save_network(network: Network, settings: Settings, base: Path, out: Path, described: Mapping[str, Any]) -> None:
    """Write the network's folder.

    Parameters
    ----------
    base : Path
        Folder of its tokenizer and configuration.
    described : mapping
        Plain values for ``network.json``, such as ``base`` and ``earlier``, the settings of earlier trainings.
    """
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        if (base / name).resolve() != (out / name).resolve():
            shutil.copyfile(base / name, out / name)
    save_file({name: one.detach().contiguous() for name, one in network.state_dict().items()}, out / f"{_WEIGHTS}.part")
    os.replace(out / f"{_WEIGHTS}.part", out / _WEIGHTS)
    text = json.dumps({"labels": list(LABELS), "settings": settings.to_dict(), **described}, indent=1)
    (out / NETWORK).write_text(text + "\n", encoding="utf-8")


def load_network(folder: str | os.PathLike[str]) -> tuple[Network, Settings]:
    """Load a fine-tuned network from its folder, in evaluation mode.

    Raises
    ------
    ModelError
        When the folder has no network, or one with other labels.
    """
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    path = Path(folder)
    try:
        described: dict[str, Any] = json.loads((path / NETWORK).read_text(encoding="utf-8"))
        settings = Settings(**described["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"{path}: no trained network there ({NETWORK}); give the folder that training kept") from None
    if tuple(described.get("labels", ())) != LABELS:
        raise ModelError(f"{path}: trained for the labels {described.get('labels')}, not {list(LABELS)}")
    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    encoder = AutoModel.from_config(config, **_plain_options(path))
    network = Network(encoder.float(), int(config.hidden_size), settings)
    network.load_state_dict(load_file(path / _WEIGHTS))
    return network.eval(), settings


def read_tokenizer(folder: str | os.PathLike[str]) -> Tokenizer:
    """Load the tokenizer of a folder, without truncation or padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def padding_id(tokenizer: Tokenizer) -> int:
    """Return the id of the padding token, 0 if there is none."""
    found = (tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>"))
    return next((int(number) for number in found if number is not None), 0)


def _plain_options(folder: Path) -> dict[str, Any]:
    """Return options that omit the unused pooling layer, for encoder types that have one."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    return {"add_pooling_layer": False} if kind in ("bert", "mpnet", "roberta", "xlm-roberta") else {}
