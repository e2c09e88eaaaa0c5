"""Refusal of a request of a page, with the HTTP status of the answer."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that was refused, with the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def refuse_reused_request(request: str | None) -> RefusedError:
    """Make the refusal of a request whose name another request had before."""
    what = f"request {request} was another one before; give each its own name"
    return RefusedError(409, what)
