"""Score passages with an encoder: names masked, tokens, windows, pooled vectors, heads, calibration.

The heading of its section is the first segment of what the graph reads of a passage, where there is one. A passage longer than
the window is scored in windows that overlap, each under the heading, and has each label's largest log-odds: a passage has every
label that any of its clauses supports, and most windows that do not see that clause speak against nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.encoder.folder import EncoderModel
from tipclassify.model.encoder.name_masking import Nameless, respelled, without_names
from tipclassify.model.encoder.onnx_session import Graph
from tipclassify.model.encoder.tokenizer import TextTokenizer
from tipclassify.model.encoder.windows import heading_room, window_spans
from tipclassify.model.explanation import OCCLUSION, Explanation
from tipclassify.model.linear.scoring import Scored, count_words

__all__ = ["ROUNDING", "EncoderScorer", "require_onnx"]

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Headings = Sequence[str | None]

ROUNDING: Final = 0.15
"""Difference of a probability that another processor may make; on one processor there is none. Whole numbers of 8 bits pass on, or swallow,
what differs in the seventh digit: disturbing all floats of an export by a millionth moved the probabilities of 600 passages
by 0.003 on average, one by 0.14, and three of 1,800 labels."""

_AT_A_TIME: Final = 20_000  # texts; memory stays flat


def require_onnx() -> None:
    """Refuse in one line where the libraries that run the encoder cannot be imported.

    Raises
    ------
    ModelError
    """
    try:
        import onnxruntime  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"the default model needs onnxruntime and tokenizers, and {error.name or 'one of them'} cannot be imported here; "
            "'--model fast' works without them"
        ) from None


class EncoderScorer:
    """Score with an encoder; see `tipclassify.model.scorer.Scorer`.

    Raises
    ------
    ModelError
        When ONNX Runtime or tokenizers are missing, or cannot use the model.
    """

    measured: Final = "on groups held out"
    methods: Final = (OCCLUSION,)
    rounding: Final = ROUNDING

    def __init__(self, model: EncoderModel) -> None:
        require_onnx()
        self.model = model
        _ = self.tokenizer, self.graph  # what is wrong with a model shows when it is loaded

    def __reduce__(self) -> tuple[type[EncoderScorer], tuple[EncoderModel]]:
        return EncoderScorer, (self.model,)  # sessions stay in their process

    @property
    def meta(self) -> Mapping[str, Any]:
        return self.model.meta

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        return self.model.thresholds

    @property
    def vocabulary(self) -> frozenset[str]:
        return self.model.vocabulary

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """The tokenizer of the folder."""
        return TextTokenizer(self.model.tokenizer)

    @cached_property
    def graph(self) -> Graph:
        """The session that runs the graph."""
        return Graph(self.model)

    def score_texts(self, texts: Sequence[str], headings: Headings | None = None) -> Scored:
        return Scored(self.logits(texts, headings), *count_words(texts, self.model.vocabulary))

    def logits(self, texts: Sequence[str], headings: Headings | None = None) -> Floats:
        """Calibrated log-odds, float64 (n, 3)."""
        found = np.zeros((len(texts), len(LABELS)))
        for first, ids, heads in self._tokens(texts, headings):
            found[first : first + len(ids)] = self.logits_of_ids(ids, heads)
        return found

    def pooled(self, texts: Sequence[str], headings: Headings | None = None) -> Vectors:
        """Pooled vectors, float32 (n, width), of the first window of each text: what heads are fitted on."""
        rows: list[list[int]] = []
        for _, ids, heads in self._tokens(texts, headings):
            rows += (self._windows(one, head)[0] for one, head in zip(ids, heads, strict=True))
        return self.graph.pooled(rows)

    def read(self, texts: Sequence[str]) -> list[Nameless]:
        """What the graph is given to read of each text."""
        if not self.model.stand_in:
            return [Nameless(text) for text in texts]
        return without_names(texts, self.model.vocabulary, self.model.stand_in)

    def heading_ids(self, headings: Headings) -> list[list[int]]:
        """Tokens of each heading, none for none."""
        distinct = sorted({heading for heading in headings if heading})
        read = [respelled(heading) for heading in distinct] if self.model.stand_in else distinct
        ids = dict(zip(distinct, self.tokenizer.ids(read), strict=True))
        room = heading_room(self.model.window)
        return [ids[heading][:room] if heading else [] for heading in headings]

    def logits_of_ids(self, ids: Sequence[Sequence[int]], headings: Sequence[Sequence[int]]) -> Floats:
        """Calibrated log-odds, float64 (n, 3), of texts and headings that are tokens already."""
        if not ids:
            return np.zeros((0, len(LABELS)))
        windows = [self._windows(one, heading) for one, heading in zip(ids, headings, strict=True)]
        logits = self.model.heads.logits(self.graph.pooled([window for of_one in windows for window in of_one]))
        first = np.cumsum([0, *(len(of_one) for of_one in windows[:-1])])
        return np.asarray(np.maximum.reduceat(logits, first) * self.model.scale + self.model.shift)

    def _tokens(self, texts: Sequence[str], headings: Headings | None) -> Any:
        """Position of the first, and tokens of texts and headings, so many at a time."""
        for first in range(0, len(texts), _AT_A_TIME):
            part = texts[first : first + _AT_A_TIME]
            heads = [None] * len(part) if headings is None else headings[first : first + _AT_A_TIME]
            yield first, self.tokenizer.ids([one.text for one in self.read(part)]), self.heading_ids(heads)

    def _windows(self, ids: Sequence[int], heading: Sequence[int]) -> list[list[int]]:
        opening = [self.tokenizer.first, *heading, *([self.tokenizer.last] if heading else [])]
        room = self.model.window - len(opening) - 1
        return [
            [*opening, *ids[start:end], self.tokenizer.last]
            for start, end in window_spans(len(ids), room, self.model.overlap)
        ]

    def explain_texts(self, texts: Sequence[str], headings: Headings | None = None) -> list[dict[str, Explanation]]:
        from tipclassify.model.encoder.occlusion import explain_by_occlusion

        return explain_by_occlusion(self, texts, headings)

    def about(self) -> dict[str, str]:
        base = self.model.meta.get("base", {})
        return {
            "kind": f"encoder, {len(self.model.graph) / 1e6:.1f} MB",
            "base": ", ".join(str(base[part]) for part in ("name", "licence") if part in base) or "not recorded",
            **({"names": f"all read as {self.model.stand_in}"} if self.model.stand_in else {}),
            "window": f"{self.model.window} tokens, of which two neighbours share {self.model.overlap}",
        }
