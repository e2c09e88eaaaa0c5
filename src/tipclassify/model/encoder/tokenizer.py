"""Convert texts to token ids with the encoder's tokenizer, and split those longer than its window into windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tipclassify.errors import ModelError

__all__ = ["SPECIAL_TOKENS", "TextTokenizer", "heading_room", "window_spans"]

_MASKS: Final = ("[MASK]", "<mask>", "[UNK]", "<unk>")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_HEADING: Final = 40  # tokens; real headings are shorter
SPECIAL_TOKENS: Final = 3  # special tokens of a window: the first, the last, and the separator after the heading


class TextTokenizer:
    """Tokenizer of the `tokenizers` library, without truncation.

    `first` and `last` are the ids of the special tokens that open and close every window, `mask` is that of a mask.

    Raises `ModelError` when `json_text` is no tokenizer that opens and closes a text with one special token each.
    """

    def __init__(self, json_text: str) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_str(json_text)
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            self.first, self.last = self._tokenizer.encode("", add_special_tokens=True).ids
        except Exception as error:  # the library raises plain Exception
            reason = str(error).splitlines()[0][:100]
            raise ModelError(
                f"the encoder's tokenizer.json is not one we can use ({reason}); get the model anew"
            ) from None
        masks = map(self._tokenizer.token_to_id, _MASKS)
        self.mask: int = next((mask for mask in masks if mask is not None), self.first)

    def encode(self, texts: Sequence[str]) -> list[Any]:
        """Return the encoding of each text without special tokens: lists ``ids`` and character ``offsets``."""
        plain = [_SURROGATE.sub("\ufffd", text) for text in texts]  # UTF-8 cannot encode unpaired surrogates
        return list(self._tokenizer.encode_batch(plain, add_special_tokens=False))


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
