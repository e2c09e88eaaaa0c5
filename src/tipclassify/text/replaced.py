"""Replace spans of a text, and map what is found in the result to the original."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReplacedText:
    """Text in which spans were replaced, aligned with the original text."""

    text: str
    source_spans: list[Span] = field(default_factory=list)  # in the original, ascending
    new_spans: list[Span] = field(default_factory=list)  # of what stands there, in `text`

    def source_span(self, span: Span) -> Span:
        """Map a span of `text` to the original text; inside a replacement, to all it replaced.

        >>> read = replace_spans("The VPA fled.", [(4, 7, "patriotic army")])
        >>> read.text, read.source_span((4, 13)), read.source_span((19, 23))
        ('The patriotic army fled.', (4, 7), (8, 12))
        """
        return self._offset(span[0], first=True), self._offset(span[1], first=False)

    def _offset(self, at: int, first: bool) -> int:
        # the last replacement that starts at or before `at` (before it, for the end of a span)
        latest = at if first else at - 1
        number = bisect_right(self.new_spans, latest, key=lambda span: span[0]) - 1
        if number < 0:
            return at
        start, end = self.source_spans[number]
        _, new_end = self.new_spans[number]
        if at < new_end or (at == new_end and not first):
            return start if first else end
        return end + at - new_end


def replace_spans(text: str, changes: list[tuple[int, int, str]]) -> ReplacedText:
    """Replace spans of a text, (start, end, replacement); of two that overlap, the earlier."""
    parts = []
    length = 0
    spans: list[Span] = []
    new_spans: list[Span] = []
    last = 0  # end of what is replaced, in `text`
    for start, end, new in sorted(changes, key=lambda change: (change[0], -change[1])):
        if start < last:
            continue
        parts += [text[last:start], new]
        length += start - last
        spans.append((start, end))
        new_spans.append((length, length + len(new)))
        length += len(new)
        last = end
    return ReplacedText("".join([*parts, text[last:]]), spans, new_spans)
