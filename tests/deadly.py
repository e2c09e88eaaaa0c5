"""What ends the worker process that comes upon it. Apart from the tests, which a worker that starts anew would have to import."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from fsspec.implementations.local import LocalFileSystem

__all__ = ["Deadly"]


class Deadly(LocalFileSystem):
    """Files of which some end the process that opens them, as a broken PDF may."""

    protocol = "deadly"

    def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        if "poison" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)  # others wait beside it when it kills
        return super().open(path, mode, **kwargs)
