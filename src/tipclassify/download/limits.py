"""Define the limits of a download and the error of a failed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tipclassify.errors import InputError

__all__ = ["DEFAULT_LIMITS", "SAVE_IT", "Limits", "LinkError"]

SAVE_IT: Final = "save the page with a browser and give the file"
"""Remedy of last resort, for error messages."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one download, in seconds, bytes and redirects."""

    connect: float = 10.0  # timeout of a connection
    read: float = 20.0  # timeout of one read
    total: float = 180.0  # with redirects and retries: 100 MB at 4.5 Mbit/s
    largest: int = 100_000_000  # bytes of a body, compressed and decompressed
    redirects: int = 5
    pause: float = 1.0  # before a retry


DEFAULT_LIMITS: Final = Limits()


class LinkError(InputError):
    """Report a link that could not be downloaded."""

    def __init__(self, reason: str, *, status: int | None = None, transient: bool = False, retry: bool = False) -> None:
        super().__init__(reason)
        self.status = status  # of HTTP, if there was a response
        self.transient = transient  # whether the failure, of the network or the site, may be temporary
        self.retry = retry  # whether to try once more after a pause
