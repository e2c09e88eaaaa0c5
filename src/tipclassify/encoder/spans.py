"""How a passage that is longer than the encoder's window is cut: windows that overlap, so that nothing is lost at a cut."""

from __future__ import annotations

__all__ = ["window_spans"]


def window_spans(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Windows of at most `room` tokens over a text of `length`; neighbours share `overlap` tokens, the last two maybe more.

    The last window is as long as the others: a short rest would be read without what it belongs to. An empty text has one
    empty window.

    >>> window_spans(5, 8, 2), window_spans(20, 8, 2), window_spans(0, 8, 2)
    ([(0, 5)], [(0, 8), (6, 14), (12, 20)], [(0, 0)])
    """
    if length <= room:
        return [(0, length)]
    starts = [*range(0, length - room, room - overlap), length - room]
    return [(start, start + room) for start in starts]
