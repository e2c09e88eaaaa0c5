"""Define the network, a pretrained encoder with a linear head, and export it to ONNX in 7 bits."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from huggingface_hub import snapshot_download
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig
from transformers.utils import logging as transformers_logging

from finetuning import Settings
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.encoder.session import disable_onnx_telemetry

_NEEDED: Final = ("config.json", "tokenizer.json", "*.safetensors")
_MINILM: Final = {
    "name": "sentence-transformers/all-MiniLM-L6-v2",
    "licence": "Apache-2.0",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
# that have a pooling layer, which is not used here
_WITH_POOLING: Final = ("bert", "mpnet", "roberta", "xlm-roberta")
_OPSET: Final = 17
# onnx.TensorProto.FLOAT, for tensors after a fused operator, where type inference fails
_FLOAT: Final = 1


class Network(nn.Module):  # type: ignore[misc, unused-ignore]
    """Encoder with mean pooling and a linear head: token ids and attention mask in, logits out."""

    def __init__(self, encoder: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = int(encoder.config.num_hidden_layers)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(int(encoder.config.hidden_size), len(LABELS))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled_and_tokens(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean token vector of each passage, (n, width), and all, (n, t, width)."""
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        real = attention_mask.unsqueeze(-1).to(vectors.dtype)
        return (vectors * real).sum(1) / real.sum(1).clamp(min=1), vectors

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute logits (n, 3) from token ids and attention mask, (n, t)."""
        pooled, _ = self.pooled_and_tokens(input_ids, attention_mask)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits

    def depth_of(self, name: str) -> int:
        """Return the depth of a parameter: 0 for embeddings, layers from 1 up, the head last."""
        if name.startswith("head."):
            return self.layers + 1
        parts = name.split(".")
        return int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0


def base_folder(base: str) -> Path:
    """Find the folder of a base, or download it by its Hugging Face id.

    Raises `ModelError` if there is none, or it lacks a file.
    """
    folder = Path(base)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(base, allow_patterns=list(_NEEDED)))
        except Exception as error:  # the hub's client raises a dozen exception types
            problem = "no such folder, and not to be had from the Hugging Face hub"
            raise ModelError(f"{base}: {problem} ({type(error).__name__})") from None
    if missing := [name for name in _NEEDED if not list(folder.glob(name))]:
        advice = "give a pretrained base with its fast tokenizer and weights as .safetensors"
        raise ModelError(f"{folder}: lacks {' and '.join(missing)}; {advice}")
    return folder


def describe_base(base: str, folder: Path) -> dict[str, str]:
    """Return name, licence and SHA-256 of a base."""
    weights = b"".join(file.read_bytes() for file in sorted(folder.glob("*.safetensors")))
    sha256 = hashlib.sha256(weights).hexdigest()
    if sha256 == _MINILM["sha256"]:
        return _MINILM
    name = Path(base).name if Path(base).is_dir() else base
    return {"name": name, "licence": "not known here", "sha256": sha256}


def new_network(folder: Path, settings: Settings) -> Network:
    """Build a network from a base, with a random head by the seed."""
    torch.manual_seed(settings.seed)
    # that a base's own head is left out is as it should be
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    encoder = AutoModel.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        # Dropout inside the layers takes a third of a step on a CPU; token masking and the head's
        # dropout regularise instead.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **({"add_pooling_layer": False} if kind in _WITH_POOLING else {}),
    )
    return Network(encoder.float(), settings)


class _Headless(nn.Module):  # type: ignore[misc, unused-ignore]
    """What is exported of a network: the heads have a file of their own."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.pooled_and_tokens(input_ids, attention_mask)


@dataclass(frozen=True)
class Graphs:
    """ONNX graphs of a network without its head.

    ``input_ids`` and ``attention_mask`` (n, t) in, ``pooled`` (n, width) and ``tokens`` (n, t,
    width) out.
    """

    floats: bytes
    whole_numbers: bytes  # weights in 7 bits: with 8, the 16-bit sums of some processors overflow


def export_graphs(network: Network) -> Graphs:
    """Export a network to ONNX, in floats and in 7 bits."""
    disable_onnx_telemetry()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), _quiet():
        # tracer warnings on branches that do not depend on the input
        warnings.simplefilter("ignore")
        plain = Path(folder) / "plain.onnx"
        fused = Path(folder) / "fused.onnx"
        quantized = Path(folder) / "quantized.onnx"
        _trace(network, plain)
        _fuse(plain, fused, network.encoder.config)
        quantize_dynamic(
            fused,
            quantized,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": _FLOAT},
        )
        return Graphs(fused.read_bytes(), quantized.read_bytes())


def _trace(network: Network, out: Path) -> None:
    """Write the graph of a network, as PyTorch runs it on an example."""
    network.eval()
    if hasattr(network.encoder, "set_attn_implementation"):
        # the only form that `_fuse` recognises
        network.encoder.set_attn_implementation("eager")
    ids = torch.randint(5, 99, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    by_token = {0: "n", 1: "t"}
    torch.onnx.export(
        _Headless(network),
        (ids, mask),
        out,
        input_names=["input_ids", "attention_mask"],
        output_names=["pooled", "tokens"],
        dynamic_axes={
            "input_ids": by_token,
            "attention_mask": by_token,
            "tokens": by_token,
            "pooled": {0: "n"},
        },
        opset_version=_OPSET,
        dynamo=False,
    )


def _fuse(plain: Path, fused: Path, config: PretrainedConfig) -> None:
    """Fuse the operators of each attention, normalisation and activation into one."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    # keep the embedding look-up separate, so that it can be quantized
    options.enable_embed_layer_norm = False
    # a fused sum and normalisation is slower than both in turn
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    graph = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    graph.save_model_to_file(str(fused))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the messages of ONNX Runtime's tools on the root logger."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
