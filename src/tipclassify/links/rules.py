"""What a link may cost, and how its failure is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tipclassify.errors import InputError

__all__ = ["SAVE_IT", "USUAL_LIMITS", "Limits", "LinkError"]

SAVE_IT: Final = "save the page with a browser and give the file"
"""The way out that always works."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a link may cost.

    Attributes
    ----------
    connect, read : float
        Seconds to wait for a connection, and for the next bytes.
    total : float
        Seconds for all of it, redirects and second attempt included.
    largest : int
        Bytes of a body, on the wire and decompressed.
    redirects : int
        Redirects to follow.
    retry_after : float
        Seconds that a site may ask us to wait before the second attempt; where it asks for more there is none.
    pause : float
        Seconds before the second attempt where the site names no time.
    """

    connect: float = 10.0
    read: float = 20.0
    total: float = 180.0  # 100 MB at 4.5 Mbit/s
    largest: int = 100_000_000
    redirects: int = 5
    retry_after: float = 5.0
    pause: float = 1.0


USUAL_LIMITS: Final = Limits()


class LinkError(InputError):
    """A link that cannot be followed.

    Attributes
    ----------
    status : int or None
        Status of HTTP, where the site answered.
    passing : bool
        Trouble of the network or of the site that may be gone later.
    again : float or None
        Seconds after which a second attempt is worth while.
    """

    def __init__(
        self, reason: str, *, status: int | None = None, passing: bool = False, again: float | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.passing = passing
        self.again = again
