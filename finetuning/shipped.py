"""Train a shipped encoder further: build its network again, and choose what it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor
from transformers import BertConfig, BertModel

from finetuning import Settings
from finetuning.network import Network
from tipclassify.arrays import Bools, Ints
from tipclassify.corpus.holdout import TAUGHT, were_taught
from tipclassify.corpus.rows import Row
from tipclassify.model.encoder.files import EncoderModel


def further_rows(
    rows: Sequence[Row], learned: Bools, model: EncoderModel, settings: Settings
) -> Ints:
    """Choose the rows of a further training, int (m,): all new ones, and a share of the known."""
    texts = [row["text"] for row in rows]
    known = were_taught(texts, model.training_files.get(TAUGHT, b""))
    new = np.flatnonzero(learned & ~known)
    old = np.random.default_rng([settings.seed, 1]).permutation(np.flatnonzero(learned & known))
    kept = old[: int(len(old) * settings.known)]
    return np.sort(np.concatenate([np.tile(new, settings.new), kept]))


def network_of(model: EncoderModel, settings: Settings) -> Network:
    """Build the network of a shipped encoder, its weights back in floats, with its own heads.

    A weight is as near to what was trained as its 7 bits are: the first steps make up for the rest.
    """
    graph = onnx.load_model_from_string(model.graph)
    weights = _weights(graph)
    layers = sum(node.op_type == "QAttention" for node in graph.graph.node)
    words, width = weights["embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=_heads(graph),
        intermediate_size=len(weights["encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(weights["embeddings.position_embeddings.weight"]),
        hidden_dropout_prob=0.0,  # as in `network.new_network`
        attention_probs_dropout_prob=0.0,
    )
    encoder = BertModel(config, add_pooling_layer=False)
    encoder.load_state_dict(weights)
    network = Network(encoder.float(), settings)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(model.heads.weights))
        network.head.bias.copy_(torch.from_numpy(model.heads.bias))
    return network


def _heads(graph: ModelProto) -> int:
    node = next(node for node in graph.graph.node if node.op_type == "QAttention")
    return next(int(attribute.i) for attribute in node.attribute if attribute.name == "num_heads")


def _weights(graph: ModelProto) -> dict[str, Tensor]:
    """Return the weights of a graph by their names in `BertModel`."""
    stored = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in graph.graph.initializer
    }
    weights = {}
    products = []  # of each layer in turn: the output of attention, and both of the rest
    for name, tensor in stored.items():
        own = name.removeprefix("network.encoder.")
        if name.endswith("_quantized"):
            start = name.removesuffix("_quantized")
            scale, zero = stored[f"{start}_scale"], stored[f"{start}_zero_point"]
            floats = (tensor.float() - zero.float()) * scale
            if own != name:
                weights[own.removesuffix("_quantized")] = floats
            elif start.endswith("_qkv_weight"):
                prefix = f"encoder.layer.{start.split('_')[1]}.attention.self."
                bias = stored[start.replace("weight", "bias")]
                for part, matrix, vector in zip(
                    ("query", "key", "value"), floats.chunk(3, 1), bias.chunk(3), strict=True
                ):
                    weights[f"{prefix}{part}.weight"] = matrix.T.contiguous()
                    weights[f"{prefix}{part}.bias"] = vector
            else:
                products.append(floats.T.contiguous())
        elif own != name and not name.endswith(("_scale", "_zero_point")):
            weights[own] = tensor
    places = ("attention.output.dense", "intermediate.dense", "output.dense")
    for number, matrix in enumerate(products):
        layer, place = divmod(number, len(places))
        weights[f"encoder.layer.{layer}.{places[place]}.weight"] = matrix
    return weights
