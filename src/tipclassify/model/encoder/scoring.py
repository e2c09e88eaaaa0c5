"""Score passages with an encoder.

The steps: name masking, tokens, windows, pooled vectors, heads, calibration.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from tipclassify.arrays import Floats, Vectors
from tipclassify.errors import ModelError
from tipclassify.model.encoder.files import SPECIAL_TOKENS, EncoderModel
from tipclassify.model.encoder.names import (
    mask_names,
    normalize_spelling,
)
from tipclassify.model.encoder.occlusion import explain_by_occlusion
from tipclassify.model.encoder.session import OnnxSession
from tipclassify.model.scoring import OCCLUSION, Explanation, Scored, count_words
from tipclassify.text.replaced import ReplacedText

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Headings = Sequence[str | None]
Span = tuple[int, int]
Contributions = tuple[Floats, Floats]
"""What tokens add to the log-odds, or are foretold to cost, (tokens, labels); the log-odds, (labels,)."""

# of a passage: two seconds on two cores; sentences of real reports have hundreds
_MOST_CHARACTERS: Final = 100_000
_BATCH_TEXTS: Final = 20_000  # texts, for constant memory
MASKS: Final = ("[MASK]", "<mask>", "[UNK]", "<unk>")
"""Tokens that may hide a word, the first that a tokenizer knows."""
SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_HEADING: Final = 40  # tokens; real headings are shorter


def first_known_token(tokenizer: Tokenizer, names: Sequence[str], default: int) -> int:
    """Return the id of the first of some names that is a token, else `default`."""
    for name in names:
        token_id: int | None = tokenizer.token_to_id(name)
        if token_id is not None:
            return token_id
    return default


class _Tokenizer:
    """Tokenizer of the `tokenizers` library, without truncation.

    It opens and closes a text with one special token each. `first` and `last` are the ids of these
    tokens, `mask` is that of a mask.
    """

    def __init__(self, json_text: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Tokenizer = Tokenizer.from_str(json_text)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.first, self.last = self._tokenizer.encode("", add_special_tokens=True).ids
        self.mask = first_known_token(self._tokenizer, MASKS, self.first)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encoding of each text without special tokens.

        It has the lists ``ids`` and character ``offsets``.
        """
        # UTF-8 cannot encode unpaired surrogates
        plain = [SURROGATE.sub("\ufffd", text) for text in texts]
        return list(self._tokenizer.encode_batch(plain, add_special_tokens=False))


class EncoderScorer:
    """Scorer of an encoder model.

    A long passage is scored in windows. Each window has the heading, and the largest log-odds count
    (max-pooling): any clause may support a label.
    """

    measured: Final = "on groups held out"
    methods: Final = (OCCLUSION,)
    # Tolerance of a probability between processors; on one processor results are identical.
    # Rounding to 8 bits amplifies differences in the seventh digit: of 15,604 passages, with
    # SSE4.2 for AVX-512, one moved by 0.19, 25 by over 0.05, all by 0.0003 on average.
    rounding: Final = 0.25

    def __init__(self, model: EncoderModel) -> None:
        self.model = model
        self.labels = model.labels
        self.meta = model.meta
        self.thresholds = model.thresholds
        self.vocabulary = model.vocabulary
        try:
            self.graph = OnnxSession(model)  # refuses a tokenizer that is not known
            self.tokenizer = _Tokenizer(model.tokenizer)
        except ImportError as error:
            missing = error.name or "one of them"
            raise ModelError(
                f"the default model needs onnxruntime and tokenizers, and {missing} cannot be "
                "imported here; '--model fast' works without them"
            ) from None

    def __reduce__(self) -> tuple[type[EncoderScorer], tuple[EncoderModel]]:
        return EncoderScorer, (self.model,)  # sessions cannot be pickled

    def description(self) -> dict[str, str]:
        """Describe the model for ``tipclassify info``."""
        base = self.model.meta.get("base", {})
        base_parts = [str(base[part]) for part in ("name", "licence") if part in base]
        window = self.model.window
        lines = {
            "kind": f"encoder, {len(self.model.graph) / 1e6:.1f} MB",
            "base": ", ".join(base_parts) or "not recorded",
        }
        if self.model.stand_in:
            lines["names"] = f"all read as {self.model.stand_in}"
        lines["window"] = f"{window} tokens, of which two neighbours share {self.model.overlap}"
        return lines

    def score_texts(self, texts: Sequence[str], headings: Headings | None = None) -> Scored:
        """Score each text; a heading is None for a text without section.

        One warning says that of some texts only the first part is read.
        """
        longest = max(map(len, texts), default=0)
        if longest > _MOST_CHARACTERS:
            warnings.warn(
                f"a passage of {longest:,} characters: only the first {_MOST_CHARACTERS:,} are "
                "read; split it into sentences",
                stacklevel=2,
            )
        words, unknown = count_words(texts, self.vocabulary)
        return Scored(self.logits(texts, headings), words, unknown)

    def explain_texts(
        self,
        texts: Sequence[str],
        headings: Headings | None = None,
        labels: Sequence[Sequence[str]] | None = None,
        max_phrases: int | None = None,
    ) -> list[dict[str, Explanation]]:
        """Explain the score of each text, by label; see `Classifier.explain_all`."""
        if headings is None:
            headings = [None for _ in texts]
        if labels is None:
            labels = [() for _ in texts]
        return explain_by_occlusion(self, texts, headings, labels, max_phrases)

    def logits(self, texts: Sequence[str], headings: Headings | None = None) -> Floats:
        """Compute calibrated log-odds, float64 (n, labels)."""
        batches = self._token_batches(texts, headings)
        parts = [self.logits_of_ids(ids, batch_headings) for ids, batch_headings in batches]
        return np.concatenate([np.zeros((0, len(self.labels))), *parts])

    def pooled(self, texts: Sequence[str], headings: Headings | None = None) -> Vectors:
        """Compute the pooled vector of each text's first window, float32 (n, width).

        It is the input of the heads.
        """
        return self.graph.pooled(self.first_windows(texts, headings))

    def first_windows(
        self, texts: Sequence[str], headings: Headings | None = None
    ) -> list[list[int]]:
        """Return the token ids of each text's first window, which `pooled` reads."""
        return [
            self._windows(text_ids, heading)[0][1]
            for ids, heads in self._token_batches(texts, headings)
            for text_ids, heading in zip(ids, heads, strict=True)
        ]

    def first_window_vectors(
        self, inputs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[Vectors]:
        """Compute the vectors of the tokens of each text's first window, float32 (tokens, width).

        Each input is the token ids of a text and of its heading. The vectors are divided by the
        tokens of the window, so that with those of heading and ends they add up to the pooled one.
        """
        windows = [self._windows(ids, heading)[0] for ids, heading in inputs]
        outputs = self.graph.token_vectors([row for _, row in windows])
        return [
            _text_vectors(vectors, span) / np.float32(len(vectors))
            for (span, _), (_, vectors) in zip(windows, outputs, strict=True)
        ]

    def input_texts(self, texts: Sequence[str]) -> list[ReplacedText]:
        """Return each text as the encoder reads it, names masked if the model does so.

        Of a text over the limit, the first part is read.
        """
        texts = [text[:_MOST_CHARACTERS] for text in texts]
        if not self.model.stand_in:
            return [ReplacedText(text) for text in texts]
        return mask_names(texts, self.vocabulary, self.model.stand_in)

    def heading_ids(self, headings: Headings) -> list[list[int]]:
        """Return the token ids of each heading, truncated; an empty list without heading."""
        distinct = sorted({heading for heading in headings if heading})
        normalized = distinct
        if self.model.stand_in:
            normalized = [normalize_spelling(heading) for heading in distinct]
        room = max_heading_tokens(self.model.window)
        encoded = self.tokenizer.encode(normalized)
        ids = {
            heading: tokens.ids[:room] for heading, tokens in zip(distinct, encoded, strict=True)
        }
        return [ids[heading] if heading else [] for heading in headings]

    def logits_of_ids(
        self, ids: Sequence[Sequence[int]], headings: Sequence[Sequence[int]]
    ) -> Floats:
        """Compute calibrated log-odds, float64 (n, labels), of tokenized texts and headings."""
        if not ids:
            return np.zeros((0, len(self.labels)))
        windows: list[list[int]] = []
        first: list[int] = []  # number of each text's first window
        for text_ids, heading in zip(ids, headings, strict=True):
            first.append(len(windows))
            windows += [row for _, row in self._windows(text_ids, heading)]
        logits = self.model.heads.logits(self.graph.pooled(windows))
        largest = np.maximum.reduceat(logits, np.array(first, np.int64))
        return np.asarray(largest * self.model.scale + self.model.shift)

    def contributions_of(
        self, inputs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> Iterator[Contributions]:
        """Yield what each token of some texts adds to the log-odds, and the log-odds.

        Each input is the token ids of a text and of its heading. Of a text of several windows, each
        label's contributions are of the window that decides it; tokens outside have 0. In a model
        with weights of drops, the drops foretold instead (`EncoderModel.token_weights`).
        """
        windows = [self._windows(ids, heading) for ids, heading in inputs]
        rows = [row for text_windows in windows for _, row in text_windows]
        outputs = iter(self.graph.token_vectors(rows))
        for (ids, _), text_windows in zip(inputs, windows, strict=True):
            contributions = np.zeros((len(ids), len(self.labels)))
            logits = np.full(len(self.labels), -np.inf)
            for (start, end), _ in text_windows:
                pooled, vectors = next(outputs)
                raw = self.model.heads.logits(pooled[None])[0]
                window_logits = raw * self.model.scale + self.model.shift
                text_vectors = _text_vectors(vectors, (start, end)).astype(np.float64)
                added = text_vectors @ self.model.token_weights.T / len(vectors)
                larger = window_logits > logits
                contributions[:, larger] = 0
                contributions[start:end, larger] = added[:, larger]
                logits = np.maximum(logits, window_logits)
            yield contributions, logits

    def _token_batches(
        self, texts: Sequence[str], headings: Headings | None
    ) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
        """Yield the token ids of the texts and of their headings, for some texts at a time."""
        for first in range(0, len(texts), _BATCH_TEXTS):
            part = slice(first, first + _BATCH_TEXTS)
            batch = texts[part]
            batch_headings = [None for _ in batch] if headings is None else headings[part]
            encoded = self.tokenizer.encode([masked.text for masked in self.input_texts(batch)])
            yield [tokens.ids for tokens in encoded], self.heading_ids(batch_headings)

    def _windows(self, ids: Sequence[int], heading: Sequence[int]) -> list[tuple[Span, list[int]]]:
        """Return the windows of a text: the range of its tokens, and the token ids to be read.

        Before a text stand the opening token, and the heading as a first segment.
        """
        opening = [self.tokenizer.first]
        if heading:
            opening += [*heading, self.tokenizer.last]
        room = self.model.window - len(opening) - 1
        return [
            ((start, end), [*opening, *ids[start:end], self.tokenizer.last])
            for start, end in window_spans(len(ids), room, self.model.overlap)
        ]


def _text_vectors(vectors: Vectors, span: Span) -> Vectors:
    """Return the vectors of a window's text, the last of which is that of the closing token."""
    start, end = span
    return vectors[len(vectors) - 1 - (end - start) : -1]


def max_heading_tokens(window: int) -> int:
    """Return the maximum tokens of a heading.

    It is less than half of the window, so that the text has room.

    >>> max_heading_tokens(128), max_heading_tokens(16)
    (40, 5)
    """
    return max(0, min(_MAX_HEADING, window // 2 - SPECIAL_TOKENS))


def window_spans(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Split a text of `length` tokens into overlapping windows of at most `room`.

    Neighbours share `overlap` tokens. The last window is full-sized, since a short remainder would
    lack context. An empty text has one empty window.

    >>> window_spans(5, 8, 2), window_spans(20, 8, 2), window_spans(0, 8, 2)
    ([(0, 5)], [(0, 8), (6, 14), (12, 20)], [(0, 0)])
    """
    if length <= room:
        return [(0, length)]
    starts = [*range(0, length - room, room - overlap), length - room]
    return [(start, start + room) for start in starts]
