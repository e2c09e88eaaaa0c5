"""Limits of a download, and the error for a link that cannot be followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tipclassify.errors import InputError

__all__ = ["SAVE_IT", "USUAL_LIMITS", "Limits", "LinkError"]

SAVE_IT: Final = "save the page with a browser and give the file"
"""The remedy that always works."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one download, in seconds, bytes and redirects."""

    connect: float = 10.0  # to wait for a connection
    read: float = 20.0  # to wait for the next bytes
    total: float = 180.0  # for all of it, redirects and further attempts included: 100 MB at 4.5 Mbit/s
    largest: int = 100_000_000  # bytes of a body, on the wire and decompressed
    redirects: int = 5
    pause: float = 1.0  # before another attempt, unless the site names a time
    longest_pause: float = 5.0  # a site that asks for more gets no other attempt


USUAL_LIMITS: Final = Limits()


class LinkError(InputError):
    """A link that cannot be followed.

    Attributes
    ----------
    status : int or None
        HTTP status, if the site answered.
    passing : bool
        Whether the trouble, of the network or the site, may be gone later.
    retry_after : float or None
        Seconds after which another attempt is worth while; None for never.
    """

    def __init__(
        self, reason: str, *, status: int | None = None, passing: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.passing = passing
        self.retry_after = retry_after
