"""Cutting a file of lines into stretches of bytes that several processes read apart, no line twice and none left out.

A line belongs to the stretch in which its first byte lies. Whoever reads a stretch skips to the first line that begins in it
and goes on past its end to the end of the last one. So the cuts need nothing but the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

__all__ = ["byte_ranges", "lines_of_range"]


def byte_ranges(size: int, most: int) -> list[tuple[int, int]]:
    """Stretches [start, end) of at most `most` bytes that cover `size` bytes; one empty stretch for an empty file.

    >>> byte_ranges(10, 4), byte_ranges(0, 4)
    ([(0, 4), (4, 8), (8, 10)], [(0, 0)])
    """
    return [(start, min(start + most, size)) for start in range(0, max(size, 1), most)]


def lines_of_range(file: IO[bytes], start: int, end: int, longest: int) -> Iterator[tuple[int, bytes]]:
    r"""Offset and bytes of each line that begins in [start, end), its line break included.

    A line of more than `longest` bytes is given cut off to ``longest + 1``: no file can fill the memory.

    >>> import io
    >>> list(lines_of_range(io.BytesIO(b"one\ntwo\nthree\n"), 2, 9, 100))
    [(4, b'two\n'), (8, b'three\n')]
    """
    at = start
    if start:
        file.seek(start - 1)  # a line break there begins a line here
        at = start - 1 + _to_line_end(file, longest)
    while at < end and (line := file.readline(longest + 1)):
        yield at, line
        at += len(line)
        if not line.endswith(b"\n"):
            at += _to_line_end(file, longest)


def _to_line_end(file: IO[bytes], piece: int) -> int:
    """Read on to the end of the line; how many bytes that were."""
    passed = 0
    while got := file.readline(piece):
        passed += len(got)
        if got.endswith(b"\n"):
            break
    return passed
