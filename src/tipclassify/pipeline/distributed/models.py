"""The model on the workers: its bytes travel once to each worker process, also to one that joins late; tasks name it by SHA-256."""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from distributed import WorkerPlugin

from tipclassify._version import __version__
from tipclassify.errors import ModelError
from tipclassify.model.classifier import Classifier
from tipclassify.model.loading import model_folder

__all__ = ["ModelFiles", "ModelPlugin", "model_of_worker"]


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model folder, and the hash of the model."""

    sha256: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, path: str | None) -> ModelFiles:
        """Read the folder of a model, by name or path; None is the shipped model.

        Raises
        ------
        ModelError
            When it is no sound model.
        """
        folder = model_folder(path)
        sha256 = str(Classifier.load(folder).meta["sha256"])
        files = sorted(file for file in folder.iterdir() if file.is_file())
        return cls(sha256, {file.name: file.read_bytes() for file in files})

    def load(self) -> Classifier:
        """The classifier, from the bytes alone."""
        with tempfile.TemporaryDirectory(prefix="tipclassify-") as folder:
            for name, data in self.files.items():
                (Path(folder) / name).write_bytes(data)
            return Classifier.load(Path(folder))


_LOADED: Final[dict[str, Classifier]] = {}
_USERS: Final[dict[str, set[str]]] = {}
_LOADING: Final = threading.Lock()  # workers that are threads of one process share what is loaded


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """Loads a model when a worker starts, and forgets it when the last run that needs it has ended."""

    def __init__(self, model: ModelFiles) -> None:
        self.model = model
        self.version = __version__
        self.name = f"tipclassify-{model.sha256[:12]}-{uuid.uuid4().hex[:12]}"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Load the model, unless this process has it.

        Raises
        ------
        ModelError
            When the worker runs another version than the one that sends the work.
        """
        if self.version != __version__:
            raise ModelError(f"a worker has tipclassify {__version__}, not {self.version}; install the same everywhere")
        with _LOADING:
            if self.model.sha256 not in _LOADED:
                _LOADED[self.model.sha256] = self.model.load()
            _USERS.setdefault(self.model.sha256, set()).add(self.name)

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        """Let go of the model."""
        with _LOADING:
            users = _USERS.get(self.model.sha256, set())
            users.discard(self.name)
            if not users:
                _LOADED.pop(self.model.sha256, None)


def model_of_worker(sha256: str) -> Classifier:
    """The model with that hash in this process.

    Raises
    ------
    ModelError
        When no plugin has brought it.
    """
    try:
        return _LOADED[sha256]
    except KeyError:
        raise ModelError(f"model {sha256[:12]} is not on this worker; run the command again") from None
