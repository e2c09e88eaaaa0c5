"""Make the folder ``tiny_encoder`` beside this file: an encoder of a few kB, for tests.

It knows some words; its pooled vector is the sum of their contributions to each label, and its
heads are the identity. The folder is in the repository. After a change here, run ``python
tests/files/make_encoder.py`` by hand, where the package ``onnx`` is installed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel, write_encoder_model

WORDS = {
    "convicted": (4, 0, 0),
    "arrested": (4, 0, 0),
    "trained": (3, 0, 0),
    "identified": (3, 0, 0),
    "courts": (1, 0, 0),
    "not": (-5, 5, 0),
    "failed": (-1, 5, 0),
    "none": (-4, 4, 0),
    "lacked": (-1, 4, 0),
    "bribes": (0, 0, 5),
    "complicit": (0, 0, 5),
    "officers": (0, 0, 2),
    "took": (0, 0, 1),
}
"""What each word adds to the logit of positive effort, failure and complicity."""
PLAIN = (
    "police nine traffickers the government did victims of them . , and but in a to money judges "
    "shelter"
).split()
KNOWN = (
    "act acted any are arrested capital city did evidence found in it law no of on prison said "
    "sentenced some terms them to was were with"
)
"""Further words that are not names when capitalized."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
BIAS = (-2.0, -2.0, -3.0)


def tokenizer_json() -> str:
    """Return a tokenizer of words and marks in lower case; what it does not know is [UNK]."""
    ids = {word: number for number, word in enumerate((*SPECIAL, *WORDS, *PLAIN))}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    ends = [(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return str(tokenizer.to_str())


def graph() -> bytes:
    """Return a graph that sums the contributions of the tokens."""
    nothing = (0, 0, 0)
    rows = [nothing for _ in SPECIAL]
    rows += WORDS.values()
    rows += [nothing for _ in PLAIN]
    onnx_graph = helper.make_graph(
        [
            helper.make_node("Gather", ["says", "input_ids"], ["each"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", ["each", "column"], ["tokens"]),
            helper.make_node("ReduceSum", ["tokens", "axis"], ["pooled"], keepdims=0),
        ],
        "tiny encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["n", "t", 3]),
        ],
        [
            numpy_helper.from_array(np.array(rows, np.float32), "says"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
        ],
    )
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def main() -> None:
    """Write the folder."""
    thresholds = {"screen": 0.2, "balanced": 0.5, "cite": 0.9}
    heads = EncoderHeads(np.eye(3), np.array(BIAS))
    model = EncoderModel(
        graph=graph(),
        tokenizer=tokenizer_json(),
        vocabulary=frozenset([*WORDS, *filter(str.isalpha, PLAIN), *KNOWN.split()]),
        heads=heads,
        finetuned_heads=heads,
        thresholds={policy: tuple(thresholds[policy] for _ in LABELS) for policy in POLICIES},
        scale=np.array([1.0, 0.9, 0.8]),
        shift=np.array([0.0, 0.1, -0.1]),
        window=16,
        overlap=4,
        meta={},
    )
    meta = {"base": {"name": "none", "licence": "Apache-2.0"}, "metrics": {"macro_f1": 0.5}}
    write_encoder_model(Path(__file__).parent / "tiny_encoder", model, meta)


if __name__ == "__main__":
    main()
