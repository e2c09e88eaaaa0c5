"""Check an ONNX graph before it is loaded: bytes in, what is wrong with them out.

The graph is read by protobuf itself, with an allow-list of fields, and must encode back to the same
bytes: then ONNX Runtime, which reads it by the same library, cannot find anything else in it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["OPERATORS", "graph_problem", "onnx_model_class"]


class _GraphField(NamedTuple):
    """A field of a message: its name and type.

    The type is a message of this module, or one of protobuf's own types.
    """

    name: str
    type: str
    repeated: bool = False
    packed: bool = False
    choice: bool = False  # one of a group of which a message has one at most


# The fields of onnx.proto (proto2) that an encoder needs, by their numbers. Text is read as bytes.
_MESSAGES: Final[dict[str, dict[int, _GraphField]]] = {
    "Model": {
        1: _GraphField("ir_version", "int64"),
        2: _GraphField("producer_name", "bytes"),
        3: _GraphField("producer_version", "bytes"),
        4: _GraphField("domain", "bytes"),
        5: _GraphField("model_version", "int64"),
        6: _GraphField("doc_string", "bytes"),
        7: _GraphField("graph", "Graph"),
        8: _GraphField("opset_import", "OperatorSet", repeated=True),
        14: _GraphField("metadata_props", "Entry", repeated=True),
    },
    "OperatorSet": {1: _GraphField("domain", "bytes"), 2: _GraphField("version", "int64")},
    "Entry": {1: _GraphField("key", "bytes"), 2: _GraphField("value", "bytes")},
    "Graph": {
        1: _GraphField("node", "Node", repeated=True),
        2: _GraphField("name", "bytes"),
        5: _GraphField("initializer", "Tensor", repeated=True),
        10: _GraphField("doc_string", "bytes"),
        11: _GraphField("input", "ValueInfo", repeated=True),
        12: _GraphField("output", "ValueInfo", repeated=True),
        13: _GraphField("value_info", "ValueInfo", repeated=True),
    },
    "Node": {
        1: _GraphField("input", "bytes", repeated=True),
        2: _GraphField("output", "bytes", repeated=True),
        3: _GraphField("name", "bytes"),
        4: _GraphField("op_type", "bytes"),
        5: _GraphField("attribute", "Attribute", repeated=True),
        6: _GraphField("doc_string", "bytes"),
        7: _GraphField("domain", "bytes"),
    },
    "Attribute": {
        1: _GraphField("name", "bytes"),
        2: _GraphField("f", "float"),
        3: _GraphField("i", "int64"),
        4: _GraphField("s", "bytes"),
        5: _GraphField("t", "Tensor"),
        7: _GraphField("floats", "float", repeated=True),
        8: _GraphField("ints", "int64", repeated=True),
        9: _GraphField("strings", "bytes", repeated=True),
        13: _GraphField("doc_string", "bytes"),
        20: _GraphField("type", "int32"),
    },
    "Tensor": {
        1: _GraphField("dims", "int64", repeated=True),
        2: _GraphField("data_type", "int32"),
        4: _GraphField("float_data", "float", repeated=True, packed=True),
        5: _GraphField("int32_data", "int32", repeated=True, packed=True),
        7: _GraphField("int64_data", "int64", repeated=True, packed=True),
        8: _GraphField("name", "bytes"),
        9: _GraphField("raw_data", "bytes"),
        10: _GraphField("double_data", "double", repeated=True, packed=True),
        11: _GraphField("uint64_data", "uint64", repeated=True, packed=True),
        12: _GraphField("doc_string", "bytes"),
        14: _GraphField("data_location", "int32"),
    },
    "ValueInfo": {
        1: _GraphField("name", "bytes"),
        2: _GraphField("type", "Type"),
        3: _GraphField("doc_string", "bytes"),
    },
    "Type": {1: _GraphField("tensor_type", "TensorType"), 6: _GraphField("denotation", "bytes")},
    "TensorType": {1: _GraphField("elem_type", "int32"), 2: _GraphField("shape", "Shape")},
    "Shape": {1: _GraphField("dim", "Dimension", repeated=True)},
    "Dimension": {
        1: _GraphField("dim_value", "int64", choice=True),
        2: _GraphField("dim_param", "bytes", choice=True),
        3: _GraphField("denotation", "bytes"),
    },
}

# What other fields would bring; any other number has no name here, and is refused all the same.
_REFUSED: Final = {
    ("Model", 20): "training steps",
    ("Model", 25): "functions",
    ("Graph", 15): "sparse tensors",
    ("Attribute", 6): "loops or branches",
    ("Attribute", 11): "loops or branches",
    ("Attribute", 10): "lists of tensors",
    ("Attribute", 22): "sparse tensors",
    ("Attribute", 23): "sparse tensors",
    ("Tensor", 13): "data outside the file",
}
_OUTSIDE: Final = "data outside the file"

# Operators of encoders, as exporters of BERT, RoBERTa, MPNet and their like write them, fused or
# quantized.
_STANDARD: Final = frozenset(
    "Abs Add And Cast Ceil Clip Concat Constant ConstantOfShape Cos CumSum DequantizeLinear Div "
    "DynamicQuantizeLinear Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu "
    "Gemm Greater GreaterOrEqual Identity IsNaN LayerNormalization Less LessOrEqual Log MatMul "
    "MatMulInteger Max Min Mod Mul Neg Not Or Pow QLinearMatMul QuantizeLinear Range Reciprocal "
    "ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Round Shape Sigmoid Sign Sin Slice "
    "Softmax Split Sqrt Squeeze Sub Tanh Tile Transpose Trilu Unsqueeze Where".split()
)
_MICROSOFT: Final = frozenset(
    "Attention BiasGelu DynamicQuantizeMatMul EmbedLayerNormalization FastGelu FusedMatMul Gelu "
    "MatMulIntegerToFloat MultiHeadAttention QAttention QuickGelu SkipLayerNormalization".split()
)
_DOMAINS: Final = {b"": _STANDARD, b"ai.onnx": _STANDARD, b"com.microsoft": _MICROSOFT}
OPERATORS: Final = _STANDARD | _MICROSOFT
"""Names of the operators that a graph may have."""
_SESSION_OPTIONS: Final = b"ort_config"  # metadata by which a graph may set options of ONNX Runtime


def graph_problem(graph: bytes) -> str | None:
    """Describe the disallowed content of a graph, or why it cannot be read; None for a valid one.

    Tensors must lie in the graph, with bytes for all their elements. Every field and operator must
    be on the list of those that encoders need, and the graph must encode back to the same bytes.
    """
    from google.protobuf.message import DecodeError

    try:
        model = onnx_model_class().FromString(graph)
        again: bytes = model.SerializeToString(deterministic=True)
    except (DecodeError, ValueError, RecursionError) as error:
        return f"is not one ({' '.join(str(error).split())[:100] or 'truncated'})"
    if problem := _unlisted_graph_field(model, "Model"):
        return problem
    if again != graph:
        return "is written in an unusual way (it does not encode back to the same bytes)"
    if not model.HasField("graph"):
        return "is not one (it has no nodes)"
    if any(entry.key == _SESSION_OPTIONS for entry in model.metadata_props):
        return "sets options of ONNX Runtime"
    if problem := _graph_node_problem(model.graph):
        return problem
    for tensor in model.graph.initializer:
        if problem := _graph_tensor_problem(tensor):
            return problem
    return None


def _unlisted_graph_field(message: Message, kind: str) -> str | None:
    """Describe the first field that is not on the list, in a message or in those within it."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    for field in UnknownFieldSet(message):
        what = _REFUSED.get((kind, field.field_number))
        return f"has {what or f'a field that no encoder needs ({kind} {field.field_number})'}"
    for field in _MESSAGES[kind].values():
        if field.type not in _MESSAGES:
            continue
        if field.repeated:
            inner_messages = list(getattr(message, field.name))
        elif message.HasField(field.name):
            inner_messages = [getattr(message, field.name)]
        else:
            inner_messages = []
        for inner_message in inner_messages:
            if problem := _unlisted_graph_field(inner_message, field.type):
                return problem
    return None


def _graph_node_problem(graph: Message) -> str | None:
    """Describe the first operator that is not allowed, or the first bad tensor of a node."""
    for node in graph.node:
        allowed = _DOMAINS.get(node.domain)
        if allowed is None:
            return "has operators that are not built into ONNX Runtime"
        name = node.op_type.decode("utf-8", "replace")
        if name not in allowed:
            return f"has an operator that no encoder needs ({name[:40]!r})"
        for attribute in node.attribute:
            if attribute.HasField("t") and (problem := _graph_tensor_problem(attribute.t)):
                return problem
    return None


def _graph_tensor_problem(tensor: Message) -> str | None:
    """Describe why a tensor does not lie in the graph as it should."""
    if tensor.data_location:
        return f"has {_OUTSIDE}"
    if any(size < 0 for size in tensor.dims) or math.prod(tensor.dims) > 2 * tensor.ByteSize():
        return "has a tensor of more elements than bytes"  # the smallest have four bits
    return None


@cache
def onnx_model_class() -> type[Message]:
    """Make the class of a model from the tables above, in a pool of its own.

    The package ``onnx`` has the same names.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="tipclassify/encoder.proto", package="tipclassify", syntax="proto2"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(field.choice for field in fields.values()):
            message.oneof_decl.add(name="value")
        for number, field in fields.items():
            declared = message.field.add(name=field.name, number=number)
            declared.label = kinds.LABEL_REPEATED if field.repeated else kinds.LABEL_OPTIONAL
            if field.type in _MESSAGES:
                declared.type = kinds.TYPE_MESSAGE
                declared.type_name = f".tipclassify.{field.type}"
            else:
                declared.type = getattr(kinds, f"TYPE_{field.type.upper()}")
            if field.packed:
                declared.options.packed = True
            if field.choice:
                declared.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName("tipclassify.Model")
    class_of_model: type[Message] = message_factory.GetMessageClass(descriptor)
    return class_of_model
