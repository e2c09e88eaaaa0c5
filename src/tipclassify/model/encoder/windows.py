"""How a passage that is longer than the encoder's window is cut: windows that overlap, so that nothing is lost at a cut."""

from __future__ import annotations

from typing import Final

__all__ = ["heading_room", "window_spans"]

_LONGEST_HEADING: Final = 40  # tokens; headings of real reports are shorter
_MARKS: Final = 3  # tokens of a window that are no text: its first, its last, the one after the heading


def heading_room(window: int) -> int:
    """Tokens of a heading that are read: less than half of the window, so that there is room for the text.

    >>> heading_room(128), heading_room(16)
    (40, 5)
    """
    return max(0, min(_LONGEST_HEADING, window // 2 - _MARKS))


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
