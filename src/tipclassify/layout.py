"""Classes, clauses and passages of the tokens of a batch, for scoring."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.families import CONTRAST, with_phrases
from tipclassify.tokens import TokenBatch
from tipclassify.words import I64, LEADS, Bools

__all__ = ["Layout", "ends_of", "layout_of"]


class Layout(NamedTuple):
    """Classes, clauses and passages of the tokens of a batch.

    Attributes
    ----------
    kind : uint8 (n,)
        Lexicon class of each token, two-word entries included.
    opens : bool (n,)
        Where clauses begin.
    clause : int64 (n,)
        Clause of each token.
    begin, end : int64 (clauses,)
        First token of each clause, and the one after its last.
    passage : int64 (clauses,)
        Passage of each clause, passages without tokens not counted.
    first, passage_end : int64 (passages,)
        First clause of each passage, and the token after its last.
    """

    kind: npt.NDArray[np.uint8]
    opens: Bools
    clause: I64
    begin: I64
    end: I64
    passage: I64
    first: I64
    passage_end: I64

    def across(self, passage: I64) -> I64:
        """Index of each passage's cross-clause accumulator, stored after the per-clause ones."""
        return passage + len(self.begin)

    def across_at(self, token: I64) -> I64:
        """`across` by a token of each passage."""
        return self.across(self.passage.take(self.clause.take(token)))


def layout_of(tokens: TokenBatch) -> Layout:
    """Assign tokens their classes and clauses."""
    columns = tokens.table.columns
    leads = tokens.bits & LEADS > 0
    leads &= ~tokens.name
    kind = with_phrases(columns.kind.take(tokens.number), leads, tokens.new, columns.word, tokens.number)
    opens = kind == CONTRAST
    opens |= tokens.edge
    opens |= tokens.new
    begin = opens.nonzero()[0]
    end = ends_of(begin, len(kind))
    new = tokens.new.take(begin)
    clause = opens.cumsum()
    clause -= 1
    passage = new.cumsum()
    passage -= 1
    return Layout(kind, opens, clause, begin, end, passage, new.nonzero()[0], ends_of(tokens.begin, len(kind)))


def ends_of(begin: I64, n: int) -> I64:
    """End of each segment, given where the segments that fill `n` tokens begin."""
    end = np.empty_like(begin)
    end[:-1] = begin[1:]
    end[-1:] = n
    return end
