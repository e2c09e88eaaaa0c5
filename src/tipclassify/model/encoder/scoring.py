"""Score passages with an encoder: name masking, tokens, windows, pooled vectors, heads, calibration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.common.explanation import OCCLUSION, Explanation, explanations
from tipclassify.model.encoder.folder import SPECIAL_TOKENS, EncoderModel
from tipclassify.model.encoder.name_masking import MaskedText, mask_names, normalize_spelling
from tipclassify.model.encoder.onnx_session import OnnxSession
from tipclassify.model.encoder.tokenizer_check import tokenizer_problem
from tipclassify.model.linear.scoring import Scored, count_words
from tipclassify.text.features.templates import structure_of
from tipclassify.text.features.tokenizer import tokenize

__all__ = ["EncoderScorer", "heading_room", "window_spans"]

Headings = Sequence[str | None]
Span = tuple[int, int]

_BATCH_TEXTS: Final = 20_000  # texts, for constant memory
_BATCH_EXPLAINED: Final = 100  # texts: some thousand masked variants
_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_MASKS: Final = ("[MASK]", "<mask>", "[UNK]", "<unk>")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_HEADING: Final = 40  # tokens; real headings are shorter


class _Tokenizer:
    """Tokenizer of the `tokenizers` library, which opens and closes a text with one special token each; no truncation.

    `first` and `last` are the ids of these tokens, `mask` is that of a mask.
    """

    def __init__(self, json_text: str) -> None:
        from tokenizers import Tokenizer

        with _one_line():
            parsed = json.loads(json_text)
            if problem := tokenizer_problem(parsed):
                raise ValueError(problem)
            # Written anew, so that the library cannot read a key that is there twice otherwise than the check did.
            self._tokenizer: Any = Tokenizer.from_str(json.dumps(parsed))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            _check_template(parsed["post_processor"])
            self.first, self.last = self._tokenizer.encode("", add_special_tokens=True).ids
        self.encode(["\ufffd"])  # a tokenizer without a token for unknown words fails here, not on the first report
        masks = map(self._tokenizer.token_to_id, _MASKS)
        self.mask: int = next((mask for mask in masks if mask is not None), self.first)

    def encode(self, texts: Sequence[str]) -> list[Any]:
        """Return the encoding of each text without special tokens: lists ``ids`` and character ``offsets``."""
        plain = [_SURROGATE.sub("\ufffd", text) for text in texts]  # UTF-8 cannot encode unpaired surrogates
        with _one_line():
            return list(self._tokenizer.encode_batch(plain, add_special_tokens=False))


@contextmanager
def _one_line() -> Iterator[None]:
    """Raise `ModelError` for whatever the tokenizer raises: plain exceptions, and panics, which are none."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        problem = f"tokenizer.json is not one we can use ({' '.join(str(error).split())[:100]})"
        raise ModelError(f"the encoder's {problem}; get the model anew") from None


def _check_template(processor: Any) -> None:
    """Raise `KeyError` if a template has a special token without id, at which the library would panic."""
    if processor["type"] == "TemplateProcessing":
        for piece in (*processor["single"], *processor["pair"]):
            if "SpecialToken" in piece:
                processor["special_tokens"][piece["SpecialToken"]["id"]]


class EncoderScorer:
    """Scorer of an encoder model, with the same members as `LinearScorer`; a long passage is scored in windows.

    Each window has the heading, and the largest log-odds count (max-pooling): any clause may support a label.
    """

    measured: Final = "on groups held out"
    methods: Final = (OCCLUSION,)
    # Tolerance of a probability between processors; on one processor results are identical. Rounding to 8 bits
    # amplifies differences in the seventh digit: disturbing all floats of an export by a millionth moved the
    # probabilities of 600 passages by 0.003 on average, one by 0.14, and changed three of 1,800 labels.
    rounding: Final = 0.15

    def __init__(self, model: EncoderModel) -> None:
        self.model = model
        self.meta, self.thresholds, self.vocabulary = model.meta, model.thresholds, model.vocabulary
        try:
            self.tokenizer = _Tokenizer(model.tokenizer)
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
        headings = [None] * len(texts) if headings is None else headings
        parts = [slice(first, first + _BATCH_EXPLAINED) for first in range(0, len(texts), _BATCH_EXPLAINED)]
        return [found for part in parts for found in _explain(self, texts[part], headings[part])]

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
        for first in range(0, len(texts), _BATCH_TEXTS):
            part = texts[first : first + _BATCH_TEXTS]
            heads = [None] * len(part) if headings is None else headings[first : first + _BATCH_TEXTS]
            encoded = self.tokenizer.encode([one.text for one in self.input_texts(part)])
            yield [one.ids for one in encoded], self.heading_ids(heads)

    def _windows(self, ids: Sequence[int], heading: Sequence[int]) -> list[list[int]]:
        opening = [self.tokenizer.first, *heading, *([self.tokenizer.last] if heading else [])]
        spans = window_spans(len(ids), self.model.window - len(opening) - 1, self.model.overlap)
        return [[*opening, *ids[start:end], self.tokenizer.last] for start, end in spans]


def heading_room(window: int) -> int:
    """Return the maximum tokens of a heading: less than half of the window, so that the text has room.

    >>> heading_room(128), heading_room(16)
    (40, 5)
    """
    return max(0, min(_MAX_HEADING, window // 2 - SPECIAL_TOKENS))


def window_spans(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Split a text of `length` tokens into windows of at most `room`, which overlap by `overlap` tokens.

    The last window is full-sized, since a short remainder would lack context. An empty text has one empty window.

    >>> window_spans(5, 8, 2), window_spans(20, 8, 2), window_spans(0, 8, 2)
    ([(0, 5)], [(0, 8), (6, 14), (12, 20)], [(0, 0)])
    """
    if length <= room:
        return [(0, length)]
    starts = [*range(0, length - room, room - overlap), length - room]
    return [(start, start + room) for start in starts]


def _explain(scorer: EncoderScorer, texts: Sequence[str], headings: Headings) -> list[dict[str, Explanation]]:
    """Explain the score of each text by occlusion; the masked variants of all texts are scored together.

    A span's tokens are replaced by the mask token of pretraining, which keeps positions; the heading is omitted.
    Zeiler and Fergus 2014 (arXiv:1311.2901); for text, erasure, Li, Monroe and Jurafsky 2016 (arXiv:1612.08220).
    """
    read = scorer.input_texts(texts)
    spans = [_spans_to_mask(text, scorer.vocabulary, one.source_spans) for text, one in zip(texts, read, strict=True)]
    encoded = scorer.tokenizer.encode([one.text for one in read])
    rows, heads = list[list[int]](), list[list[int]]()
    of_heads = scorer.heading_ids(headings)
    for text, one, of_text, tokens, heading in zip(texts, read, spans, encoded, of_heads, strict=True):
        offsets = [one.source_span(place) for place in tokens.offsets]
        masked = [_masked(tokens.ids, offsets, span, scorer.tokenizer.mask) for span in ((0, len(text)), *of_text)]
        rows += (tokens.ids, tokens.ids, *masked)
        heads += (heading, [], *([heading] * len(masked)))
    ends = np.cumsum([3 + len(of_text) for of_text in spans])
    logits = np.split(scorer.logits_of_ids(rows, heads), ends[:-1])
    found = []
    for text, of_text, (logit, no_heading, all_masked, *variants) in zip(texts, spans, logits, strict=True):
        drops = logit[:, None] - np.reshape(variants, (-1, len(LABELS))).T
        found.append(explanations(text, logit, all_masked, logit - no_heading, of_text, drops, OCCLUSION))
    return found


def _spans_to_mask(text: str, vocabulary: frozenset[str], names: Sequence[Span] = ()) -> list[Span]:
    """Return the spans to mask: each word, with the words of a name as one, and each clause if there are several."""
    words = [word.span() for word in _WORD.finditer(text)]
    if names:
        words = sorted({next((name for name in names if name[0] < b and a < name[1]), (a, b)) for a, b in words})
    tokens = tokenize([text], vocabulary)
    starts = tokens.start[structure_of(tokens).begin].tolist() if len(tokens.row) else []
    if len(starts) > 1:
        clauses = [[word for word in words if a <= word[0] < b] for a, b in pairwise([*starts, len(text)])]
        words += [(inside[0][0], inside[-1][1]) for inside in clauses if len(inside) > 1]
    return words


def _masked(ids: Sequence[int], offsets: Sequence[Span], span: Span, mask: int) -> list[int]:
    """Replace the tokens that overlap a span by the mask token."""
    return [mask if a < span[1] and span[0] < b else one for one, (a, b) in zip(ids, offsets, strict=True)]
