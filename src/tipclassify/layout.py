"""How the tokens of a batch hang together: their classes, clauses and passages, for scoring."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.families import CONTRAST, with_phrases
from tipclassify.tokens import Reading
from tipclassify.words import I64, LEADS, Bools

__all__ = ["Layout", "ends_of", "layout_of"]


class Layout(NamedTuple):
    """How the tokens of a batch hang together.

    Attributes
    ----------
    kind : uint8 (n,)
        Class of each token, of two-word entries of the lexicon too.
    opens : bool (n,)
        Where clauses begin.
    clause : int64 (n,)
        Clause of each token.
    begin, end : int64 (clauses,)
        First token of each clause, and the one after its last.
    passage : int64 (clauses,)
        Passage of each clause, of those that have tokens.
    first, passage_end : int64 (passages,)
        First clause of each passage that has tokens, and the token after its last.
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
        """Where what lies across the clauses of some passages is summed: after all clauses."""
        return passage + len(self.begin)

    def across_at(self, token: I64) -> I64:
        """The same by a token of each passage."""
        return self.across(self.passage.take(self.clause.take(token)))


def layout_of(read: Reading) -> Layout:
    """Classes and clauses of tokens."""
    columns = read.met.columns
    leads = read.bits & LEADS > 0
    leads &= ~read.name
    kind = with_phrases(columns.kind.take(read.number), leads, read.new, columns.word, read.number)
    opens = kind == CONTRAST
    opens |= read.edge
    opens |= read.new
    begin = opens.nonzero()[0]
    end = ends_of(begin, len(kind))
    new = read.new.take(begin)
    clause = opens.cumsum()
    clause -= 1
    passage = new.cumsum()
    passage -= 1
    return Layout(kind, opens, clause, begin, end, passage, new.nonzero()[0], ends_of(read.begin, len(kind)))


def ends_of(begin: I64, n: int) -> I64:
    """Where each of the stretches ends that fill `n` tokens."""
    end = np.empty_like(begin)
    end[:-1] = begin[1:]
    end[-1:] = n
    return end
