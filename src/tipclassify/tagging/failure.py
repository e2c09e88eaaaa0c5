"""What could not be read: an input or a row of one, whether one process tags it or a cluster."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Failure"]


class Failure(NamedTuple):  # records of a cluster run hold it as a JSON array
    """An input, or a row of one, that could not be read."""

    input: str  # its name, as the user gave it
    error: str  # one line: where, what is wrong, what to do
    # the network, a missing package or a killed process was the cause
    retryable: bool = False
