"""Export a trained network to the ONNX graph for scoring, with fused operators and weights in 8 bits or 7.

Weights have a scale for each column; activations are quantized dynamically (Jacob et al. 2018, CVPR).
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from tipclassify.training.encoder.network import Network

__all__ = ["quantize", "to_onnx"]

_OPSET: Final = 17
_INPUTS: Final = ("input_ids", "attention_mask")
_FLOAT: Final = 1  # onnx.TensorProto.FLOAT, for tensors after a fused operator, where type inference fails


class _Pooled(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Network without its head."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.network.pooled(input_ids, attention_mask)


def to_onnx(network: Network) -> bytes:
    """Export to an ONNX graph in float32: ``input_ids`` and ``attention_mask`` (n, t) to ``pooled`` (n, width)."""
    network.eval()
    encoder: Any = network.encoder
    if hasattr(encoder, "set_attn_implementation"):
        encoder.set_attn_implementation("eager")  # the only form that the fusion below recognises
    ids = torch.randint(5, 99, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracer warnings on branches that do not depend on the input
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        names: dict[str, Any] = {"input_names": list(_INPUTS), "output_names": ["pooled"]}
        names["dynamic_axes"] = {**{name: {0: "n", 1: "t"} for name in _INPUTS}, "pooled": {0: "n"}}
        torch.onnx.export(_Pooled(network), (ids, mask), plain, opset_version=_OPSET, dynamo=False, **names)
        _fuse(plain, fused, int(encoder.config.num_attention_heads), int(encoder.config.hidden_size))
        return fused.read_bytes()


def quantize(graph: bytes, *, reduced: bool = False) -> bytes:
    """Quantize the weights and token embeddings of a graph to 8 bits, or to 7 if `reduced`.

    With 7 a sum of two products cannot overflow the 16 bits of processors without VNNI: scores differ less.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options: dict[str, Any] = {"weight_type": QuantType.QInt8, "extra_options": {"DefaultTensorType": _FLOAT}}
    with tempfile.TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(graph)
        quantize_dynamic(before, after, per_channel=True, reduce_range=reduced, **options)
        return after.read_bytes()


def _fuse(plain: Path, fused: Path, heads: int, width: int) -> None:
    """Fuse the operators of each attention, normalisation and activation of `plain` into one, and write `fused`."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False  # keep the embedding look-up separate, so that it can be quantized
    options.enable_skip_layer_norm = False  # a fused sum and normalisation is slower than both in turn
    options.enable_bias_skip_layer_norm = False
    with _quiet():
        found = optimizer.optimize_model(
            str(plain), model_type="bert", num_heads=heads, hidden_size=width, optimization_options=options, opt_level=0
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
