"""Loaded by Dask into the worker processes of this machine.

A terminal sends Ctrl-C to all processes of a command: the workers leave it to the one that started them, which ends them in
good order, and print no tracebacks over its line.
"""

from __future__ import annotations

import signal

__all__ = ["dask_setup"]


def dask_setup(worker: object) -> None:  # noqa: ARG001
    """Called by Dask when a worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
