"""Inputs that end the worker process which reads them.

A module of its own, since a restarted worker would have to import the tests otherwise.
"""

from __future__ import annotations

import os
import signal
import time

from fsspec.implementations.local import LocalFileSystem

__all__ = ["Deadly"]


class Deadly(LocalFileSystem):
    """File system on which copying some files ends the process, as one without memory may."""

    protocol = "deadly"

    def get_file(self, path: str, copy: str, **kwargs: object) -> None:
        if "poison" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)  # others wait beside it when it kills
        super().get_file(path, copy, **kwargs)
