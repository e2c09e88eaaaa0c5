"""The encoder's graph at work: rows of tokens in, logits out, by ONNX Runtime on the processor.

Rows are sorted by length, so that a batch holds little padding. Arithmetic in whole numbers of 8 bits takes its scale from the batch it
is in: a passage's logit moves a little with its neighbours, and `scoring.ROUNDING` says how little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.encoder.folder import EncoderModel
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS

__all__ = ["Graph", "threads"]

Floats = npt.NDArray[np.float64]

_BATCH_TOKENS: Final = 1_024  # with padding: what the processor's cache holds; larger batches are slower


def threads() -> int:
    """Threads of one process: ``OMP_NUM_THREADS``, as joblib and Dask set it where processes share the processor, else all."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


class Graph:
    """An ONNX session.

    Raises
    ------
    ModelError
        When ONNX Runtime cannot run the graph, or the graph is not one of three logits.
    """

    def __init__(self, model: EncoderModel, pad: int) -> None:
        import onnxruntime

        self._pad = pad
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # what fails is raised; what only worries ONNX Runtime is not for the user
        try:
            self._session: Any = onnxruntime.InferenceSession(model.graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # it has a dozen kinds, which have no base of their own
            raise ModelError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load the encoder ({_first(error)})"
            ) from None
        wanted = {one.name for one in self._session.get_inputs()}
        given = [one.name for one in self._session.get_outputs()]
        if wanted != set(model.inputs) or "logits" not in given:
            told = f"takes {', '.join(sorted(wanted))} and gives {', '.join(given)}"
            raise ModelError(f"the encoder's graph {told}, not what its model.json says; get the model anew")
        self._inputs = model.inputs

    def logits(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Logits of each row of tokens, specials included, float64 (n, 3)."""
        found = np.zeros((len(rows), len(LABELS)))
        for batch in batches_by_length([len(row) for row in rows], _BATCH_TOKENS):
            found[batch] = self._run([rows[i] for i in batch])
        return found

    def _run(self, rows: Sequence[Sequence[int]]) -> Floats:
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._pad, np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            (logits,) = self._session.run(["logits"], {name: given[name] for name in self._inputs})
        except Exception as error:
            raise ModelError(f"the encoder's graph fails ({_first(error)}); get the model anew") from None
        if logits.shape != (len(rows), len(LABELS)) or not np.isfinite(logits).all():
            raise ModelError("the encoder's graph does not give a number for each label; get the model anew")
        return np.asarray(logits, np.float64)


def batches_by_length(lengths: Sequence[int], most: int) -> Iterator[npt.NDArray[np.int64]]:
    """Indices of rows in batches of about one length, longest first, of at most `most` tokens with padding (or one row).

    >>> [batch.tolist() for batch in batches_by_length([3, 9, 2, 3], 9)]
    [[1], [0, 3, 2]]
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    at = 0
    while at < len(order):
        fit = max(1, most // max(1, lengths[order[at]]))
        yield order[at : at + fit]
        at += fit


def _first(error: Exception) -> str:
    """The first line of an error of ONNX Runtime, which may have many."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
