"""Inputs that end the worker process which reads them.

A module of its own, since a restarted worker would have to import the tests otherwise.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from types import SimpleNamespace
from typing import IO

from distributed.scheduler import KilledWorker
from fsspec.implementations.local import LocalFileSystem

__all__ = ["TRIED", "Deadly", "blamed"]

TRIED: Counter[str] = Counter()
"""How often `blamed` was asked for each text."""


class Deadly(LocalFileSystem):
    """File system on which opening some files ends the process, as a broken PDF may."""

    protocol = "deadly"

    def open(self, path: str, mode: str = "rb", **kwargs: object) -> IO[bytes]:
        if "poison" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)  # others wait beside it when it kills
        return super().open(path, mode, **kwargs)


def blamed(text: str) -> str:
    """Return the text, except as if the worker were lost.

    It is always lost for "poison", and for "unlucky" the first three times.
    """
    TRIED[text] += 1
    if text == "poison" or (text == "unlucky" and TRIED[text] <= 3):
        raise KilledWorker(text, SimpleNamespace(address="tcp://127.0.0.1:1"), 0)
    return text
