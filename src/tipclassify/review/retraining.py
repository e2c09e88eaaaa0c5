"""Retraining beside the page: one process at a time (`learning`), its progress, and how to stop it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.model.folder import LINEAR, kind_of, load_head
from tipclassify.model.loading import model_folder
from tipclassify.model.registry import DEFAULT
from tipclassify.review.learning import Job
from tipclassify.review.session import RefusedError

__all__ = ["Retraining", "checkout_data", "model_to_adapt"]

_NOTHING: Final = {"step": "", "done": 0, "total": 0, "result": None, "error": None}


class Retraining:
    """The training that runs, or ran last.

    Parameters
    ----------
    corpus : callable
        Gives the corpus as it is at this moment, as bytes.
    beside : Path
        The corpus file; new models go beside it, each to a folder of its own.
    data : sequence of path
        Labelled passages to train on with the corrections.
    start : str
        The encoder whose heads are adapted, as `model_to_adapt` gives it.
    """

    def __init__(
        self, corpus: Callable[[], bytes], beside: Path, data: Sequence[Path] = (), start: str = DEFAULT
    ) -> None:
        self._corpus = corpus
        self._beside = beside
        self._data = tuple(str(path) for path in data)
        self._start = start
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._state: dict[str, Any] = {"state": "idle", **_NOTHING, "data": list(self._data), "start": start}

    def state(self) -> dict[str, Any]:
        """``GET /api/retrain``."""
        with self._guard:
            running = self._state["state"] == "running"
            return {**self._state, "seconds": round(time.monotonic() - self._began) if running else None}

    def start(self) -> dict[str, Any]:
        """``POST /api/retrain``.

        Raises
        ------
        RefusedError
            When one is running, or there is nothing to learn from.
        """
        with self._guard:
            if self._state["state"] == "running":
                raise RefusedError(409, "a training is running; stop it first")
            data = self._corpus()
            if not data:
                raise RefusedError(409, "no passage is decided yet: there is nothing to learn from")
            folder = Path(tempfile.mkdtemp(prefix="tipclassify-retrain-"))
            (folder / "review.jsonl").write_bytes(data)
            job = Job(str(folder / "review.jsonl"), self._data, str(self._free()), self._start)
            (folder / "job.json").write_text(json.dumps(asdict(job)), "utf-8")
            errors = (folder / "errors.txt").open("wb")
            # Its own group: Ctrl-C is ours to hand on, and stopping it stops the processes that it started too.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tipclassify.review.learning", str(folder / "job.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            errors.close()
            self._began = time.monotonic()
            self._state |= {**_NOTHING, "state": "running", "step": "reading the corpus"}
            threading.Thread(target=self._follow, args=(self._process, folder), daemon=True).start()
        return {"started": True}

    def stop(self) -> dict[str, Any]:
        """``POST /api/retrain/stop``: end it if it runs; no model is written."""
        with self._guard:
            process = self._process
            if process is None or self._state["state"] != "running":
                return {"stopped": False}
            self._state |= {**_NOTHING, "state": "idle", "step": "stopped"}
            self._process = None
        _end(process)
        return {"stopped": True}

    def _follow(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """Take in what the process tells until it ends."""
        said: IO[bytes] = process.stdout  # type: ignore[assignment]  # a pipe
        ended: dict[str, Any] = {}
        for line in said:
            told = json.loads(line)
            with self._guard:
                if self._process is not process:
                    continue  # stopped: read on, so that it is not left waiting
                if "result" in told:
                    ended = {"state": "done", "step": "done", "result": told["result"]}
                elif "error" in told:
                    ended = {"state": "failed", "error": told["error"]}
                else:
                    self._state |= told
        code = process.wait()
        process.stdin.close()  # type: ignore[union-attr]  # a pipe
        said.close()
        if not ended:
            lines = (folder / "errors.txt").read_text("utf-8", "replace").strip().splitlines()
            ended = {"state": "failed", "error": lines[-1] if lines else f"the training ended with code {code}"}
        shutil.rmtree(folder, ignore_errors=True)
        with self._guard:
            if self._process is process:
                self._state.update(ended)
                self._process = None

    def _free(self) -> Path:
        """A folder name that is not taken: no model is ever overwritten."""
        number = 1
        while (folder := self._beside.absolute().with_name(f"{self._beside.stem}-model-{number}")).exists():
            number += 1
        return folder


def model_to_adapt(model: str | None) -> str:
    """The model under review where it is an encoder; the default where it is a linear one, which has no heads to adapt.

    Raises
    ------
    ModelError
        When there is no such model.
    """
    return DEFAULT if not model or kind_of(load_head(model_folder(model))) == LINEAR else model


def checkout_data() -> list[Path]:
    """The corpus of the checkout that this runs from, or runs in; nothing where there is none."""
    for folder in (Path(__file__).resolve().parents[3] / "data", Path("data")):
        if (folder / "CODEBOOK.md").is_file() and any(folder.glob("*.jsonl")):
            return [folder.absolute()]
    return []


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    process.wait()
