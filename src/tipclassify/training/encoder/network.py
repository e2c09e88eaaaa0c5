"""Define the network, a pretrained encoder with a linear head; load and save it, and export it
to ONNX in 7 bits."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.training.encoder import Settings

__all__ = [
    "Network",
    "base_folder",
    "describe_base",
    "load_network",
    "new_network",
    "padding_id",
    "quantize",
    "read_description",
    "read_tokenizer",
    "save_network",
    "to_onnx",
    "weights_sha256",
]

_NEEDED: Final = ("config.json", "tokenizer.json")
_NETWORK: Final = "network.json"  # describes a fine-tuned network: its base, settings and history
_WEIGHTS: Final = "network.safetensors"
_KNOWN: Final = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": "sentence-transformers/all-MiniLM-L6-v2",
    "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658": "sentence-transformers/all-mpnet-base-v2",
}  # by the SHA-256 of the published weights; both Apache-2.0
# Dropout inside the layers takes a third of a step on a CPU; token masking and the head's dropout
# regularise instead.
_NO_DROPOUT: Final = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_SAFE: Final[dict[str, Any]] = {"local_files_only": True, "trust_remote_code": False}
_OPSET: Final = 17
_INPUTS: Final = ("input_ids", "attention_mask")
# onnx.TensorProto.FLOAT, for tensors after a fused operator, where type inference fails
_FLOAT: Final = 1


class Network(nn.Module):  # type: ignore[misc, unused-ignore]
    """Encoder with mean pooling and a linear head: token ids and attention mask in, logits out."""

    def __init__(self, encoder: nn.Module, width: int, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = int(encoder.config.num_hidden_layers)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(width, len(LABELS))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute the mean token vector of each passage, (n, width)."""
        return self.pooled_and_tokens(input_ids, attention_mask)[0]

    def pooled_and_tokens(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean token vector of each passage, (n, width), and the token vectors, (n,
        t, width)."""
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        real = attention_mask.unsqueeze(-1).to(vectors.dtype)
        return (vectors * real).sum(1) / real.sum(1).clamp(min=1), vectors

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute logits (n, 3) from token ids `input_ids` and `attention_mask` (n, t)."""
        logits: Tensor = self.head(self.dropout(self.pooled(input_ids, attention_mask)))
        return logits

    def depth_of(self, name: str) -> int:
        """Return the depth of a parameter by its name: 0 for embeddings, layers from 1 up, the
        head last."""
        if name.startswith("head."):
            return self.layers + 1
        parts = name.split(".")
        return int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0


def base_folder(base: str) -> Path:
    """Find the folder of a base, or download it by its Hugging Face id; raise `ModelError` if files
    are missing.

    A network that was fine-tuned here is refused: a recipe of several runs could not be made again
    from its card.
    """
    folder = Path(base)
    if not folder.is_dir():
        if folder.is_absolute() or base.startswith("."):
            raise ModelError(
                f"{base}: no such folder; give that of a base model, or its id on the Hugging Face hub"
            )
        try:
            folder = Path(snapshot_download(base, allow_patterns=[*_NEEDED, "*.safetensors"]))
        except Exception as error:  # the hub's client raises a dozen exception types
            what = f"no such folder, and not to be had from the Hugging Face hub ({type(error).__name__})"
            raise ModelError(f"{base}: {what}") from None
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise ModelError(
            f"{folder}: lacks {' and '.join(missing)}; give a base model with its fast tokenizer"
        )
    if (folder / _NETWORK).is_file():
        raise ModelError(
            f"{folder}: fine-tuned already; give the pretrained base that it started from"
        )
    if not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder}: no .safetensors file; a base in another form runs code when it is read"
        )
    return folder


def weights_sha256(folder: Path) -> str:
    """Compute the SHA-256 of the weights in a folder."""
    return hashlib.sha256(
        b"".join(file.read_bytes() for file in sorted(folder.glob("*.safetensors")))
    ).hexdigest()


def read_description(folder: Path) -> dict[str, Any]:
    """Read ``network.json`` of a fine-tuned network."""
    return dict(json.loads((folder / _NETWORK).read_text(encoding="utf-8")))


def describe_base(base: str, folder: Path) -> dict[str, str]:
    """Return ``name``, ``licence`` and ``sha256`` of a base."""
    found = weights_sha256(folder)
    if found in _KNOWN:
        return {"name": _KNOWN[found], "licence": "Apache-2.0", "sha256": found}
    return {
        "name": Path(base).name if Path(base).is_dir() else base,
        "licence": "not known here",
        "sha256": found,
    }


def new_network(folder: Path, settings: Settings) -> Network:
    """Build a network from a base, with a random head by the seed."""
    torch.manual_seed(settings.seed)
    options = {**_plain_options(folder), **_NO_DROPOUT, **_SAFE}
    # that a base's own head is left out is as it should be
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    encoder = AutoModel.from_pretrained(folder, use_safetensors=True, **options)
    return Network(encoder.float(), int(encoder.config.hidden_size), settings)


def save_network(
    network: Network, settings: Settings, base: Path, out: Path, described: Mapping[str, Any]
) -> None:
    """Write the network's folder, with tokenizer and configuration of `base`, and plain values
    for ``network.json``."""
    out.mkdir(parents=True, exist_ok=True)
    for name in _NEEDED:
        if (base / name).resolve() != (out / name).resolve():
            shutil.copyfile(base / name, out / name)
    save_file(
        {name: one.detach().contiguous() for name, one in network.state_dict().items()},
        out / f"{_WEIGHTS}.part",
    )
    os.replace(out / f"{_WEIGHTS}.part", out / _WEIGHTS)
    text = json.dumps({"labels": list(LABELS), "settings": asdict(settings), **described}, indent=1)
    (out / _NETWORK).write_text(text + "\n", encoding="utf-8")


def load_network(folder: str | os.PathLike[str]) -> tuple[Network, Settings]:
    """Load a fine-tuned network from its folder; raise `ModelError` if there is none, or one
    with other labels."""
    path = Path(folder)
    try:
        described = read_description(path)
        settings = Settings(**described["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{path}: no trained network there ({_NETWORK}); give the folder that training kept"
        ) from None
    if tuple(described.get("labels", ())) != LABELS:
        raise ModelError(
            f"{path}: trained for the labels {described.get('labels')}, not {list(LABELS)}"
        )
    config = AutoConfig.from_pretrained(path, **_SAFE)
    encoder = AutoModel.from_config(config, **_plain_options(path))
    network = Network(encoder.float(), int(config.hidden_size), settings)
    network.load_state_dict(load_file(path / _WEIGHTS))
    return network.eval(), settings


def read_tokenizer(folder: str | os.PathLike[str]) -> Tokenizer:
    """Load the tokenizer of a folder, without truncation or padding."""
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def padding_id(tokenizer: Tokenizer) -> int:
    """Return the id of the padding token, 0 if there is none."""
    return int(tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>") or 0)


def _plain_options(folder: Path) -> dict[str, Any]:
    """Return options that omit the unused pooling layer, for encoder types that have one."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    return (
        {"add_pooling_layer": False} if kind in ("bert", "mpnet", "roberta", "xlm-roberta") else {}
    )


class _Headless(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Network without its head: pooled vectors, and those of the tokens that they are the means
    of."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.pooled_and_tokens(input_ids, attention_mask)


def to_onnx(network: Network) -> bytes:
    """Export to an ONNX graph in float32.

    ``input_ids`` and ``attention_mask`` (n, t) in, ``pooled`` (n, width) and ``tokens`` (n, t,
    width) out.
    """
    network.eval()
    encoder: Any = network.encoder
    if hasattr(encoder, "set_attn_implementation"):
        encoder.set_attn_implementation("eager")  # the only form that the fusion below recognises
    ids = torch.randint(5, 99, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # tracer warnings on branches that do not depend on the input
        warnings.simplefilter("ignore")
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        names: dict[str, Any] = {"input_names": list(_INPUTS), "output_names": ["pooled", "tokens"]}
        names["dynamic_axes"] = {
            **{name: {0: "n", 1: "t"} for name in (*_INPUTS, "tokens")},
            "pooled": {0: "n"},
        }
        torch.onnx.export(
            _Headless(network), (ids, mask), plain, opset_version=_OPSET, dynamo=False, **names
        )
        _fuse(
            plain, fused, int(encoder.config.num_attention_heads), int(encoder.config.hidden_size)
        )
        return fused.read_bytes()


def quantize(graph: bytes) -> bytes:
    """Quantize the weights of a graph to 7 bits: with 8, the 16-bit sums of some processors
    overflow."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options: dict[str, Any] = {
        "weight_type": QuantType.QInt8,
        "extra_options": {"DefaultTensorType": _FLOAT},
    }
    with tempfile.TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(graph)
        quantize_dynamic(before, after, per_channel=True, reduce_range=True, **options)
        return after.read_bytes()


def _fuse(plain: Path, fused: Path, heads: int, width: int) -> None:
    """Fuse the operators of each attention, normalisation and activation into one."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    # keep the embedding look-up separate, so that it can be quantized
    options.enable_embed_layer_norm = False
    # a fused sum and normalisation is slower than both in turn
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    with _quiet():
        found = optimizer.optimize_model(
            str(plain),
            model_type="bert",
            num_heads=heads,
            hidden_size=width,
            optimization_options=options,
            opt_level=0,
        )
        found.save_model_to_file(str(fused))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the messages of ONNX Runtime's tools on the root logger."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
