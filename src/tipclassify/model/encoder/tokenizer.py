"""Texts to numbers of tokens, by the tokenizer that the encoder was trained with; nothing is cut off here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tipclassify.errors import ModelError

__all__ = ["TextTokenizer"]

_MASKS: Final = ("[MASK]", "<mask>", "[UNK]", "<unk>")
_HALVES: Final = re.compile("[\ud800-\udfff]")


class TextTokenizer:
    """A tokenizer of the `tokenizers` library.

    Attributes
    ----------
    first, last : int
        Tokens that open and close every window.
    mask : int
        Token that stands for a word that is masked.

    Raises
    ------
    ModelError
        When `plain`, its JSON, is not one that opens and closes a text with one token each.
    """

    def __init__(self, plain: str) -> None:
        from tokenizers import Tokenizer

        try:
            self._plain: Any = Tokenizer.from_str(plain)
            self._plain.no_truncation()
            self._plain.no_padding()
            self.first, self.last = self._plain.encode("", add_special_tokens=True).ids
        except Exception as error:  # the library raises plain Exception
            told = str(error).splitlines()[0][:100]
            raise ModelError(
                f"the encoder's tokenizer.json is not one we can use ({told}); get the model anew"
            ) from None
        self.mask = self._id(_MASKS, self.first)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text, without those that open and close it."""
        encoded = self._plain.encode_batch_fast([_whole(text) for text in texts], add_special_tokens=False)
        return [one.ids for one in encoded]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """The same, and where in the text each token stands, in characters."""
        encoded = self._plain.encode_batch([_whole(text) for text in texts], add_special_tokens=False)
        return [(one.ids, one.offsets) for one in encoded]

    def _id(self, names: Sequence[str], otherwise: int) -> int:
        found = (self._plain.token_to_id(name) for name in names)
        return next((one for one in found if one is not None), otherwise)


def _whole(text: str) -> str:
    """The text without halves of characters, which no UTF-8 can hold; as long as before."""
    return _HALVES.sub("\ufffd", text)
