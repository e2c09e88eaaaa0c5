"""What the corrections teach: the process that `retraining` starts, ``python -m tipclassify.review.learning JOB``.

The job is a JSON file; what happens is told on stdout, a JSON object a line: ``{"step": …, "done": 0..1}``, at last ``{"result":
…}`` or ``{"error": …}``. First the comparison of `tipclassify.gain`, on passages that neither model was trained on and with
the linear part alone, which takes a fraction of the time; then the model, trained as ``train.py`` trains it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tipclassify.corpus import Row, load_corpus, read_rows
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation import rounded
from tipclassify.review.derived import words_of
from tipclassify.review.events import plain_line

if TYPE_CHECKING:
    from tipclassify.gain import Gain
    from tipclassify.resampling import Comparison

__all__ = ["Job", "grouped", "merged", "relearn"]

_FOLDS: Final = 3  # of the comparison
_ENOUGH_REPORTS: Final = 5  # reports from which they are the groups; an interval over fewer says nothing
_WEIGHT: Final = 3.0  # of a correction: it is what people said, and there are few
_ENOUGH_FOR_PROCESSES: Final = 2_000  # rows; with fewer it takes longer to start processes than to train
_NOTHING: Final = dict.fromkeys(("before", "after", "difference", "low", "high", "elsewhere"))
_SHARE: Final = 0.2  # of the whole time, the comparison's
_FINAL_TIMES: Final = 4.0  # how much longer training takes than comparing, with detectors

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Job:
    """What to train.

    Attributes
    ----------
    corpus : str
        The corrections.
    data : tuple of str
        Labelled passages to train on beside them; may be none.
    out : str
        Folder of the new model.
    detectors : bool
        As in `training.fit_model`.
    """

    corpus: str
    data: tuple[str, ...]
    out: str
    seed: int = 0
    jobs: int = -1
    detectors: bool = True


def relearn(job: Job, tell: Tell) -> dict[str, Any]:
    """Compare, train, save; the result as plain values.

    Raises
    ------
    CorpusError, ModelError, ValueError
        When there is too little or bad data, or the folder cannot be written.
    """
    corrected = read_rows(job.corpus)
    base = read_rows(*job.data) if job.data else []
    from tipclassify.recipe import train_model  # seconds: bad data is told before

    rows = merged(base, corrected)
    jobs = job.jobs if len(rows) >= _ENOUGH_FOR_PROCESSES else 1
    result: dict[str, Any] = {"out": job.out, "added": len(corrected), "trained_on": len(rows), "weight": _WEIGHT}
    began = time.monotonic()
    result |= _compared(
        rows[: -len(corrected)], corrected, job.seed, jobs, lambda part: tell("comparing", part * _SHARE)
    )
    expected = max(10.0, (time.monotonic() - began) * _FINAL_TIMES)
    together = Path(job.corpus).with_name("together.jsonl")
    together.write_bytes(b"".join(plain_line(row) for row in rows))
    with _Ticking(tell, "training the model", _SHARE, expected):
        train_model(
            load_corpus(together),
            job.out,
            seed=job.seed,
            jobs=jobs,
            detectors=job.detectors,
            weights={job.corpus: _WEIGHT},
        )
    return result


def merged(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """Both, the corrections last; where both have a text, the correction speaks."""
    said = {words_of(row["text"]) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if words_of(row["text"]) not in said and row["id"] not in ids] + list(corrected)


def grouped(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows with ``doc`` set to what the comparison holds out: the report, or the paragraph while there are few reports."""
    few = len({row.get("report_id") for row in corrected}) < _ENOUGH_REPORTS
    named = [{**row, "doc": f"{row.get('report_id')}-{row.get('block') if few else ''}"} for row in corrected]
    return named, "paragraphs" if few else "reports"


def _compared(
    base: Sequence[Row], corrected: Sequence[Row], seed: int, jobs: int, told: Callable[[float], None]
) -> dict[str, Any]:
    """Before and after, or why nothing can be said of them."""
    from tipclassify.gain import gain

    if not base:
        note = "Trained on the corrections alone, without a comparison: no other labelled passages were given (--train-data)."
        return {**_NOTHING, "groups": 0, "grouping": "paragraphs", "note": note}
    rows, grouping = grouped(corrected)
    try:
        found = gain(
            base,
            rows,
            _WEIGHT,
            seed,
            _FOLDS,
            jobs=jobs,
            progress=lambda done, total: told(done / total),
        )
    except CorpusError as error:  # the model can be trained all the same
        return {**_NOTHING, "groups": 0, "grouping": grouping, "note": f"No comparison: {error.problems[0]}."}
    return _figures(found, grouping)


def _figures(found: Gain, grouping: str) -> dict[str, Any]:
    """The comparison as the page shows it."""
    mine, others = found.on_added, found.on_base
    note = (
        f"Linear part of the model alone, {found.folds} folds; {mine.groups:,} {grouping} of decided passages were held out in turn. "
        "Passages that were chosen for decision are harder than most of a report."
    )
    figures = {"before": _side(mine, "other"), "after": _side(mine, "this"), **_difference(mine)}
    plain: dict[str, Any] = rounded({**figures, "elsewhere": _difference(others)})
    return {**plain, "groups": mine.groups, "grouping": grouping, "note": note}


def _side(found: Comparison, side: str) -> dict[str, Any]:
    """F1 of one of the two models."""
    macro, *labels = (getattr(row, side) for row in found.differences)
    return {
        "macro_f1": macro,
        "labels": {row.figure: f1 for row, f1 in zip(found.differences[1:], labels, strict=True)},
    }


def _difference(found: Comparison) -> dict[str, float]:
    """Of macro-F1, with its 95% interval."""
    macro = found.differences[0]
    return {"difference": macro.difference, "low": macro.interval.low, "high": macro.interval.high}


class _Ticking:
    """Tell progress by the clock while something works that tells none."""

    def __init__(self, tell: Tell, step: str, start: float, expected: float) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, args=(tell, step, start, expected), daemon=True)

    def _tick(self, tell: Tell, step: str, start: float, expected: float) -> None:
        began = time.monotonic()
        while True:
            share = min(0.98, (time.monotonic() - began) / expected)
            tell(step, start + (1 - start) * share)
            if self._over.wait(1.0):
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


# --------------------------------------------------------------------------------------------- the process


def main(path: str) -> int:
    """Do the job in the file `path`, and tell on stdout."""
    lock = threading.Lock()

    def say(**row: Any) -> None:
        with lock:
            print(json.dumps(row), flush=True)

    warnings.simplefilter("ignore")  # few examples of a label is what corrections begin with
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # whoever goes on deciding comes first
    given = json.loads(Path(path).read_text("utf-8"))
    try:
        say(
            result=relearn(Job(**{**given, "data": tuple(given["data"])}), lambda step, done: say(step=step, done=done))
        )
    except CorpusError as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        say(error=f"{error.problems[0]}{more}")
    except (TipclassifyError, ValueError, OSError) as error:
        say(error=" ".join(str(error).split()))
    return 0


def _die_with_parent() -> None:
    """End this process, and those it started, when the one that started it is gone: the pipe that it holds closes."""
    sys.stdin.buffer.read()
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
