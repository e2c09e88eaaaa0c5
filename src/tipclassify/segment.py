"""A `Document` in, `Passage`s out: the sentences of its blocks, or the clauses of those.

Where sentences end is for `tipclassify.sentences` to say, where clauses part for `tipclassify.clauses`, and what the
blocks of a plain text are for `tipclassify.paragraphs`. Offsets always point into the text as given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tipclassify.clauses import clause_spans
from tipclassify.document import Document, Passage, passage_of
from tipclassify.paragraphs import text_document
from tipclassify.sentences import sentence_spans

__all__ = ["Unit", "split_passages", "text_document"]

Unit = Literal["sentence", "clause"]
"""How far a document is split."""


def split_passages(document: Document, unit: Unit = "sentence") -> list[Passage]:
    """Sentences of every block that is not a heading, in reading order.

    With ``unit="clause"`` the entries of a list inside a sentence are passages of their own: see
    `tipclassify.clauses.clause_spans` for what is split. A sentence is never cut for its length.

    >>> text = "PROTECTION\\nThe U.S.-funded shelter closed. No. 12/2015 lapsed."
    >>> [(p.section, p.text) for p in split_passages(text_document(text))]
    [('protection', 'The U.S.-funded shelter closed.'), ('protection', 'No. 12/2015 lapsed.')]
    >>> text = "The ministry should: (1) fund two shelters; (2) train judges on the law."
    >>> [p.text for p in split_passages(text_document(text), unit="clause")]
    ['The ministry should: (1) fund two shelters;', '(2) train judges on the law.']
    """
    text = document.text
    return [
        passage_of(text[start:end], start, end, block.section, (), {}, False, block.page, number)
        for number, block in enumerate(document.blocks)
        if not block.heading
        for start, end in _spans(text, block.start, block.end, unit)
    ]


def _spans(text: str, start: int, end: int, unit: Unit) -> Iterable[tuple[int, int]]:
    sentences = sentence_spans(text, start, end)
    if unit == "sentence":
        return sentences
    return (span for a, b in sentences for span in clause_spans(text, a, b))
