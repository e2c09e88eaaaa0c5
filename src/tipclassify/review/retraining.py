"""Background retraining for the review page: one process (`learning`) at a time, with progress and cancellation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.model.folder import LINEAR, kind_of, load_head
from tipclassify.model.loading import DEFAULT, model_folder
from tipclassify.review.session import RefusedError

__all__ = ["Retraining", "checkout_data", "model_to_adapt"]

_NOTHING: Final = {"step": "", "done": 0, "total": 0, "result": None, "error": None}


class Retraining:
    """The current or last training run.

    Parameters
    ----------
    corpus : Path
        File of the corrections; each new model gets a folder of its own beside it.
    data : sequence of path
        Labelled passages to train on with the corrections.
    start : str
        Name or folder of the encoder whose heads are refitted (`model_to_adapt`).
    """

    def __init__(self, corpus: Path, data: Sequence[Path] = (), start: str = DEFAULT) -> None:
        self._corpus = corpus.absolute()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._state: dict[str, Any] = {"state": "idle", **_NOTHING, "data": [*map(str, data)], "start": start}

    def state(self) -> dict[str, Any]:
        """Answer ``GET /api/retrain``: the state of the training."""
        with self._guard:
            running = self._state["state"] == "running"
            return {**self._state, "seconds": round(time.monotonic() - self._began) if running else None}

    def start(self) -> dict[str, Any]:
        """Answer ``POST /api/retrain``: start a training.

        Raises
        ------
        RefusedError
            When one is running, or no passage is decided.
        """
        with self._guard:
            if self._state["state"] == "running":
                raise RefusedError(409, "a training is running; stop it first")
            if not self._corpus.is_file() or not self._corpus.stat().st_size:
                raise RefusedError(409, "no passage is decided yet: there is nothing to learn from")
            job = (str(self._corpus), str(self._free_folder()), self._state["start"], *self._state["data"])
            errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process has ended
            # A process group of its own: Ctrl-C does not reach it, and `stop` kills its children too.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tipclassify.review.learning", *job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            self._began = time.monotonic()
            self._state |= {**_NOTHING, "state": "running", "step": "reading the corpus"}
            threading.Thread(target=self._follow, args=(self._process, errors), daemon=True).start()
        return {"started": True}

    def stop(self) -> dict[str, Any]:
        """Answer ``POST /api/retrain/stop``: kill the training if it runs; no model is written."""
        with self._guard:
            process = self._process
            if process is None:
                return {"stopped": False}
            self._state |= {**_NOTHING, "state": "idle", "step": "stopped"}
            self._process = None
        if sys.platform == "win32":
            process.kill()
        else:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return {"stopped": True}
        process.wait()
        return {"stopped": True}

    def _follow(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Read the messages of the process until it ends, and update the state."""
        stdout: IO[bytes] = process.stdout  # type: ignore[assignment]  # a pipe
        ended: dict[str, Any] = {}
        for line in stdout:
            message = json.loads(line)
            if "result" in message:
                ended = {"state": "done", "step": "done", **message}
            elif "error" in message:
                ended = {"state": "failed", **message}
            else:
                self._update(process, message)
        code = process.wait()
        process.stdin.close()  # type: ignore[union-attr]  # a pipe
        stdout.close()
        with errors:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        error = lines[-1] if lines else f"the training ended with code {code}"
        self._update(process, ended or {"state": "failed", "error": error}, ended=True)

    def _update(self, process: subprocess.Popen[bytes], message: dict[str, Any], ended: bool = False) -> None:
        with self._guard:
            if self._process is process:  # not stopped
                self._state |= message
                self._process = None if ended else process

    def _free_folder(self) -> Path:
        """Return a folder that does not exist yet: no model is ever overwritten."""
        number = 1
        while (folder := self._corpus.with_name(f"{self._corpus.stem}-model-{number}")).exists():
            number += 1
        return folder


def model_to_adapt(model: str | None) -> str:
    """Choose the encoder to adapt: the model under review, or the default if that is linear, as it has no heads.

    Raises
    ------
    ModelError
        When there is no such model.
    """
    return DEFAULT if not model or kind_of(load_head(model_folder(model))) == LINEAR else model


def checkout_data() -> list[Path]:
    """Find the data folder of the checkout that contains this file, or of the working folder; empty if none."""
    for folder in (Path(__file__).resolve().parents[3] / "data", Path("data")):
        if (folder / "CODEBOOK.md").is_file() and (folder / "corpus").is_dir():
            return [folder.absolute()]
    return []
