"""Split passages longer than the encoder's window into overlapping windows, which keep the context at boundaries."""

from __future__ import annotations

from typing import Final

__all__ = ["heading_room", "window_spans"]

_MAX_HEADING: Final = 40  # tokens; real headings are shorter
_SPECIAL_TOKENS: Final = 3  # special tokens of a window: the first, the last, and the separator after the heading


def heading_room(window: int) -> int:
    """Return the maximum tokens of a heading: less than half of the window, so that the text has room.

    >>> heading_room(128), heading_room(16)
    (40, 5)
    """
    return max(0, min(_MAX_HEADING, window // 2 - _SPECIAL_TOKENS))


def window_spans(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Split a text of `length` tokens into windows of at most `room`, which overlap by `overlap` tokens.

    The last window is full-sized, with a larger overlap if necessary, since a short remainder would lack context. An
    empty text has one empty window.

    >>> window_spans(5, 8, 2), window_spans(20, 8, 2), window_spans(0, 8, 2)
    ([(0, 5)], [(0, 8), (6, 14), (12, 20)], [(0, 0)])
    """
    if length <= room:
        return [(0, length)]
    starts = [*range(0, length - room, room - overlap), length - room]
    return [(start, start + room) for start in starts]
