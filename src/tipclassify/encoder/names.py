"""Names are taken out of a text before an encoder reads it: each becomes the same stand-in, so that no country, city or person decides.

What is a name is what the default model takes for one (`tokens`). An encoder has read about real countries before it was fine-tuned; told
their names, it gave other tags in some cases where only the country differed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tipclassify.tokens import NAME, tokenize

__all__ = ["Nameless", "without_names"]

Span = tuple[int, int]


@dataclass(frozen=True)
class Nameless:
    """A text with a stand-in for each name.

    Attributes
    ----------
    text : str
        What the encoder reads.
    names, stands : list of (int, int)
        Characters of each name in the text as it was, and of what stands for it in `text`, both ascending.
    """

    text: str
    names: list[Span] = field(default_factory=list)
    stands: list[Span] = field(default_factory=list)

    def before(self, span: Span) -> Span:
        """Characters of the text as it was that a stretch of `text` came from; of a name, the whole of it.

        >>> nameless = without_names(["In Valdoria police acted."], frozenset({"in", "police"}), "X")[0]
        >>> nameless.text, nameless.before((3, 4)), nameless.before((5, 11))
        ('In X police acted.', (3, 11), (12, 18))
        """
        return self._before(span[0], first=True), self._before(span[1], first=False)

    def _before(self, at: int, first: bool) -> int:
        # the last name whose stand-in begins at or before the place (an end lies behind what it ends)
        number = bisect_right(self.stands, at if first else at - 1, key=lambda stand: stand[0]) - 1
        if number < 0:
            return at
        (start, end), (_, stand_end) = self.names[number], self.stands[number]
        if at < stand_end or (at == stand_end and not first):
            return start if first else end
        return end + at - stand_end


def without_names(texts: Sequence[str], vocabulary: frozenset[str], stand_in: str) -> list[Nameless]:
    """Each text with `stand_in` for every name; see `tokens.tokenize` for `vocabulary`."""
    tokens = tokenize(texts, vocabulary)
    at = np.flatnonzero(tokens.word == NAME)
    of_row: dict[int, list[Span]] = {}
    for row, start, end in zip(
        tokens.row[at].tolist(), tokens.start[at].tolist(), tokens.end[at].tolist(), strict=True
    ):
        of_row.setdefault(row, []).append((start, end))
    return [_replaced(text, of_row.get(row, []), stand_in) for row, text in enumerate(texts)]


def _replaced(text: str, names: list[Span], stand_in: str) -> Nameless:
    parts, stands, last, length = [], [], 0, 0
    for start, end in names:
        length += start - last
        stands.append((length, length + len(stand_in)))
        parts += [text[last:start], stand_in]
        last, length = end, length + len(stand_in)
    return Nameless("".join([*parts, text[last:]]), names, stands)
