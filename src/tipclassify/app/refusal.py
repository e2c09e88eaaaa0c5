"""Refusal of a request of a page, with the HTTP status of the answer."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
