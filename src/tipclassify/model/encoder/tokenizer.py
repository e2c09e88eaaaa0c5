"""Convert texts to token ids with the encoder's tokenizer, without truncation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tipclassify.errors import ModelError

__all__ = ["TextTokenizer"]

_MASKS: Final = ("[MASK]", "<mask>", "[UNK]", "<unk>")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class TextTokenizer:
    """Tokenizer of the `tokenizers` library.

    Attributes
    ----------
    first, last : int
        Ids of the special tokens that open and close every window.
    mask : int
        Id of the mask token.

    Raises
    ------
    ModelError
        When `json_text` is no tokenizer that opens and closes a text with one special token each.
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
        self.mask = self._id(_MASKS, self.first)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, without special tokens."""
        encoded = self._tokenizer.encode_batch_fast(
            [_replace_surrogates(text) for text in texts], add_special_tokens=False
        )
        return [one.ids for one in encoded]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return the token ids of each text, and the character offsets of each token."""
        encoded = self._tokenizer.encode_batch([_replace_surrogates(text) for text in texts], add_special_tokens=False)
        return [(one.ids, one.offsets) for one in encoded]

    def _id(self, names: Sequence[str], default: int) -> int:
        found = (self._tokenizer.token_to_id(name) for name in names)
        return next((one for one in found if one is not None), default)


def _replace_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which UTF-8 cannot encode; the length is unchanged."""
    return _SURROGATE.sub("\ufffd", text)
