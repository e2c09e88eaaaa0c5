"""From texts to calibrated log-odds, with an encoder.

A passage longer than the window is scored in windows that overlap, and has each label's largest logit: a passage has every label that any
of its clauses supports, and most of those that a window does not see speak against nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.encoder.folder import EncoderModel
from tipclassify.encoder.graph import Graph
from tipclassify.encoder.names import Nameless, without_names
from tipclassify.encoder.spans import window_spans
from tipclassify.encoder.tokenizer import TextTokenizer
from tipclassify.errors import MissingExtraError
from tipclassify.explanation import OCCLUSION, Explanation
from tipclassify.labels import LABELS
from tipclassify.scoring import Scored, count_words, score_texts

__all__ = ["ROUNDING", "EncoderScorer", "require_extra"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ROUNDING: Final = 0.15
"""Difference of a probability that another processor may make; on one processor there is none. Whole numbers of 8 bits pass on, or swallow,
what differs in the seventh digit: disturbing all floats of the first export by a millionth moved the probabilities of 600 passages
by 0.003 on average, one by 0.14, and three of 1,800 labels."""

_AT_A_TIME: Final = 20_000  # texts; so many are sorted by length together


def require_extra() -> None:
    """Raise `MissingExtraError` where the libraries of the encoder are not installed."""
    try:
        import onnxruntime  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError:
        raise MissingExtraError("an encoder model", "encoder") from None


class EncoderScorer:
    """An encoder at work; see `tipclassify.scorer.Scorer`.

    Parameters
    ----------
    vocabulary : frozenset of str
        Words that the default model knows: what has too few of them is as doubtful to the encoder, which has read the
        same corpus.

    Raises
    ------
    MissingExtraError
        When ONNX Runtime or tokenizers are not installed.
    ModelError
        When they cannot use the model.
    """

    measured: Final = "on groups held out"
    methods: Final = (OCCLUSION,)
    rounding: Final = ROUNDING

    def __init__(self, model: EncoderModel, vocabulary: frozenset[str]) -> None:
        require_extra()
        self.model = model
        self._vocabulary = vocabulary
        _ = self.tokenizer, self.graph  # what is wrong with a model shows when it is loaded

    def __reduce__(self) -> tuple[type[EncoderScorer], tuple[EncoderModel, frozenset[str]]]:
        return EncoderScorer, (self.model, self._vocabulary)  # sessions stay in their process

    @property
    def meta(self) -> Mapping[str, Any]:
        return self.model.meta

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        return self.model.thresholds

    @property
    def vocabulary(self) -> frozenset[str]:
        return self._vocabulary

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """Texts to tokens."""
        return TextTokenizer(self.model.tokenizer)

    @cached_property
    def graph(self) -> Graph:
        """Tokens to logits."""
        return Graph(self.model)

    def score_texts(self, texts: Sequence[str]) -> Scored:
        return Scored(self.logits(texts), *count_words(texts, self._vocabulary))

    def logits(self, texts: Sequence[str]) -> Floats:
        """Calibrated log-odds, float64 (n, 3)."""
        found = np.zeros((len(texts), len(LABELS)))
        for first in range(0, len(texts), _AT_A_TIME):
            part = texts[first : first + _AT_A_TIME]
            ids = self.tokenizer.ids([one.text for one in self.read(part)])
            found[first : first + len(part)] = self.logits_of_ids(ids) + self.default_part(part)
        return found

    def read(self, texts: Sequence[str]) -> list[Nameless]:
        """What the graph is given to read of each text."""
        if not self.model.stand_in:
            return [Nameless(text) for text in texts]
        words = self.model.default.vocabulary if self.model.default else self._vocabulary
        return without_names(texts, words, self.model.stand_in)

    def default_part(self, texts: Sequence[str]) -> Floats:
        """What the model of the default kind in the encoder's folder adds to the log-odds, float64 (n, 3)."""
        if self.model.default is None or self.model.default_weight is None:
            return np.zeros((len(texts), len(LABELS)))
        return np.asarray(score_texts(self.model.default, texts).logits * self.model.default_weight)

    def logits_of_ids(self, ids: Sequence[Sequence[int]]) -> Floats:
        """What the graph adds to them, of texts that are tokens already, without those that open and close them."""
        if not ids:
            return np.zeros((0, len(LABELS)))
        windows = [self._windows(one) for one in ids]
        logits = self.graph.logits([window for of_one in windows for window in of_one])
        first = np.cumsum([0, *(len(of_one) for of_one in windows[:-1])])
        return np.asarray(np.maximum.reduceat(logits, first) * self.model.scale + self.model.shift)

    def _windows(self, ids: Sequence[int]) -> list[list[int]]:
        spans = window_spans(len(ids), self.model.window - 2, self.model.overlap)
        return [[self.tokenizer.first, *ids[start:end], self.tokenizer.last] for start, end in spans]

    def explain_texts(self, texts: Sequence[str]) -> list[dict[str, Explanation]]:
        from tipclassify.encoder.occlusion import explain_by_occlusion

        return explain_by_occlusion(self, texts)

    def sent_on(self, texts: Sequence[str]) -> None:  # noqa: ARG002
        return None

    def about(self) -> dict[str, str]:
        base = self.model.meta.get("base", {})
        return {
            "kind": f"encoder, {len(self.model.graph) / 1e6:.1f} MB"
            + (", and a default" if self.model.default_weight is not None else ""),
            "base": ", ".join(str(base[part]) for part in ("name", "licence") if part in base) or "not recorded",
            **({"names": f"all read as {self.model.stand_in}"} if self.model.stand_in else {}),
            "window": f"{self.model.window} tokens, of which two neighbours share {self.model.overlap}",
        }
