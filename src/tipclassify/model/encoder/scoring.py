"""Score passages with an encoder: name masking, tokens, windows, pooled vectors, heads, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.encoder.folder import EncoderModel
from tipclassify.model.encoder.name_masking import MaskedText, mask_names, normalize_spelling
from tipclassify.model.encoder.onnx_session import OnnxSession
from tipclassify.model.encoder.tokenizer import TextTokenizer, heading_room, window_spans
from tipclassify.model.explanation import OCCLUSION, Explanation
from tipclassify.model.linear.scoring import Scored, count_words

__all__ = ["EncoderScorer"]

Headings = Sequence[str | None]

_BATCH_TEXTS: Final = 20_000  # texts, for constant memory


class EncoderScorer:
    """Scorer of an encoder model, with the same members as `LinearScorer`; a long passage is scored in windows.

    Each window has the heading, and the largest log-odds count (max-pooling): any clause may support a label.
    """

    measured: Final = "on groups held out"
    methods: Final = (OCCLUSION,)
    # Tolerance of a probability between processors; on one processor results are identical. Rounding to 8 bits amplifies
    # differences in the seventh digit: disturbing all floats of an export by a millionth moved the probabilities of 600
    # passages by 0.003 on average, one by 0.14, and changed three of 1,800 labels.
    rounding: Final = 0.15

    def __init__(self, model: EncoderModel) -> None:
        self.model = model
        self.meta, self.thresholds, self.vocabulary = model.meta, model.thresholds, model.vocabulary
        try:
            self.tokenizer = TextTokenizer(model.tokenizer)
            self.graph = OnnxSession(model)
        except ImportError as error:
            needs = f"needs onnxruntime and tokenizers, and {error.name or 'one of them'} cannot be imported here"
            raise ModelError(f"the default model {needs}; '--model fast' works without them") from None

    def __reduce__(self) -> tuple[type[EncoderScorer], tuple[EncoderModel]]:
        return EncoderScorer, (self.model,)  # sessions cannot be pickled

    def about(self) -> dict[str, str]:
        base = self.model.meta.get("base", {})
        return {
            "kind": f"encoder, {len(self.model.graph) / 1e6:.1f} MB",
            "base": ", ".join(str(base[part]) for part in ("name", "licence") if part in base) or "not recorded",
            **({"names": f"all read as {self.model.stand_in}"} if self.model.stand_in else {}),
            "window": f"{self.model.window} tokens, of which two neighbours share {self.model.overlap}",
        }

    def score_texts(self, texts: Sequence[str], headings: Headings | None = None) -> Scored:
        return Scored(self.logits(texts, headings), *count_words(texts, self.vocabulary))

    def explain_texts(self, texts: Sequence[str], headings: Headings | None = None) -> list[dict[str, Explanation]]:
        from tipclassify.model.encoder.occlusion import explain_by_occlusion

        return explain_by_occlusion(self, texts, headings)

    def logits(self, texts: Sequence[str], headings: Headings | None = None) -> Floats:
        """Compute calibrated log-odds, float64 (n, 3)."""
        parts = [self.logits_of_ids(ids, heads) for ids, heads in self._token_batches(texts, headings)]
        return np.concatenate([np.zeros((0, len(LABELS))), *parts])

    def pooled(self, texts: Sequence[str], headings: Headings | None = None) -> npt.NDArray[np.float32]:
        """Compute the pooled vector of each text's first window, float32 (n, width): the input of the heads."""
        rows: list[list[int]] = []
        for ids, heads in self._token_batches(texts, headings):
            rows += (self._windows(one, head)[0] for one, head in zip(ids, heads, strict=True))
        return self.graph.pooled(rows)

    def input_texts(self, texts: Sequence[str]) -> list[MaskedText]:
        """Return each text as the encoder reads it, names masked if the model does so."""
        if not self.model.stand_in:
            return [MaskedText(text) for text in texts]
        return mask_names(texts, self.vocabulary, self.model.stand_in)

    def heading_ids(self, headings: Headings) -> list[list[int]]:
        """Return the token ids of each heading, truncated; an empty list without heading."""
        distinct = sorted({heading for heading in headings if heading})
        read = [normalize_spelling(heading) for heading in distinct] if self.model.stand_in else distinct
        room = heading_room(self.model.window)
        ids = {name: one.ids[:room] for name, one in zip(distinct, self.tokenizer.encode(read), strict=True)}
        return [ids[heading] if heading else [] for heading in headings]

    def logits_of_ids(self, ids: Sequence[Sequence[int]], headings: Sequence[Sequence[int]]) -> Floats:
        """Compute calibrated log-odds, float64 (n, 3), of tokenized texts and headings."""
        windows = [self._windows(one, heading) for one, heading in zip(ids, headings, strict=True)]
        logits = self.model.heads.logits(self.graph.pooled([window for of_one in windows for window in of_one]))
        first = np.cumsum([0, *(len(of_one) for of_one in windows[:-1])])
        return np.asarray(np.maximum.reduceat(logits, first) * self.model.scale + self.model.shift)

    def _token_batches(
        self, texts: Sequence[str], headings: Headings | None
    ) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
        """Yield the token ids of texts and of their headings, in batches."""
        for first in range(0, len(texts), _BATCH_TEXTS):
            part = texts[first : first + _BATCH_TEXTS]
            heads = [None] * len(part) if headings is None else headings[first : first + _BATCH_TEXTS]
            encoded = self.tokenizer.encode([one.text for one in self.input_texts(part)])
            yield [one.ids for one in encoded], self.heading_ids(heads)

    def _windows(self, ids: Sequence[int], heading: Sequence[int]) -> list[list[int]]:
        """Return the windows of a text, each with special tokens and heading."""
        opening = [self.tokenizer.first, *heading, *([self.tokenizer.last] if heading else [])]
        spans = window_spans(len(ids), self.model.window - len(opening) - 1, self.model.overlap)
        return [[*opening, *ids[start:end], self.tokenizer.last] for start, end in spans]
