"""What the corrections teach: the process that `retraining` starts, ``python -m tipclassify.review.learning JOB``.

The job is a JSON file; what happens is told on stdout, a JSON object a line: ``{"step": …, "done": 0..1}``, at last ``{"result":
…}`` or ``{"error": …}``. First the comparison of `tipclassify.gain`, on passages that neither model was trained on and with
the linear part alone, which takes a fraction of the time; then the model, trained as ``train.py`` trains it, or as
``train.py --linear`` does.
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

from tipclassify.corpus import Row, load_corpus, read_rows, text_key
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation import rounded
from tipclassify.review.events import plain_line
from tipclassify.review.pacing import Pace

if TYPE_CHECKING:
    from tipclassify.gain import Gain
    from tipclassify.resampling import Comparison

__all__ = ["Job", "grouped", "merged", "relearn"]

_FOLDS: Final = 3  # of the comparison
_ENOUGH_REPORTS: Final = 5  # reports from which they are the groups; an interval over fewer says nothing
_WEIGHT: Final = 3.0  # of a correction: it is what people said, and there are few
_ENOUGH_FOR_PROCESSES: Final = 2_000  # rows; with fewer it takes longer to start processes than to train
_NOTHING: Final = dict.fromkeys(("before", "after", "difference", "low", "high", "elsewhere"))
_COMPARING: Final = "comparing before and after"
_INTERVALS: Final = "drawing the intervals"
_LINEAR: Final = "training the linear part"
_DETECTORS: Final = "training the detectors"
_WRITING: Final = "writing the model"
_TIMES: Final = {_COMPARING: 210, _INTERVALS: 60, _LINEAR: 215, _DETECTORS: 590, _WRITING: 65}
"""Seconds of each part with the shipped corpus, on two busy cores: what each takes of the whole."""
_FITS: Final = {_COMPARING: 2 * 3 * _FOLDS, _LINEAR: 3 * 5, _DETECTORS: 5 + 1}
"""Fits of the parts that count them: one a label and fold, or one a fold and one of all; small corpora have fewer."""
_SECONDS_A_PASSAGE: Final = 0.01  # of a guess at the whole, until the first fit is done

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
    from joblib import effective_n_jobs

    from tipclassify.recipe import train_model  # seconds: bad data is told before
    from tipclassify.training import ENOUGH_FOR_WINDOWS

    rows = merged(base, corrected)
    jobs = job.jobs if len(rows) >= _ENOUGH_FOR_PROCESSES else 1
    began = time.monotonic()
    result: dict[str, Any] = {"out": job.out, "added": len(corrected), "trained_on": len(rows), "weight": _WEIGHT}
    result["detectors"] = job.detectors and len(rows) >= ENOUGH_FOR_WINDOWS
    shares = _shares(bool(base), result["detectors"])
    with Pace(tell, shares, effective_n_jobs(jobs), len(rows) * _SECONDS_A_PASSAGE) as pace:
        told = _fits_of(pace, [part for part in shares if part in (_COMPARING, _INTERVALS)])
        result |= _compared(rows[: -len(corrected)], corrected, job.seed, jobs, told)
        together = Path(job.corpus).with_name("together.jsonl")
        together.write_bytes(b"".join(plain_line(row) for row in rows))
        train_model(
            load_corpus(together),
            job.out,
            seed=job.seed,
            jobs=jobs,
            detectors=job.detectors,
            weights={job.corpus: _WEIGHT},
            progress=_fits_of(pace, [part for part in shares if part not in (_COMPARING, _INTERVALS)]),
        )
    return {**result, "seconds": round(time.monotonic() - began)}


def _shares(compared: bool, detectors: bool) -> dict[str, float]:
    """What each part takes of the whole time."""
    units = dict(_TIMES)
    if not compared:
        del units[_COMPARING], units[_INTERVALS]
    if not detectors:
        del units[_DETECTORS]
    return {part: unit / sum(units.values()) for part, unit in units.items()}


def _fits_of(pace: Pace, parts: Sequence[str]) -> Callable[[int, int], None]:
    """Progress of a training that counts the fits of each part anew; the last of `parts` has none."""
    left = list(parts)
    if left:
        pace.begin(left[0], _FITS.get(left[0], 1))

    def told(done: int, total: int) -> None:
        pace.step(left[0], done, total)
        if done == total:
            del left[0]
            pace.begin(left[0], _FITS.get(left[0], 1))

    return told


def merged(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """Both, the corrections last; where both have a text, the correction speaks."""
    said = {text_key(row["text"]) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if text_key(row["text"]) not in said and row["id"] not in ids] + list(corrected)


def grouped(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows with ``doc`` set to what the comparison holds out: the report, or the paragraph while there are few reports."""
    few = len({row.get("report_id") for row in corrected}) < _ENOUGH_REPORTS
    named = [{**row, "doc": f"{row.get('report_id')}-{row.get('block') if few else ''}"} for row in corrected]
    return named, "paragraphs" if few else "reports"


def _compared(
    base: Sequence[Row], corrected: Sequence[Row], seed: int, jobs: int, told: Callable[[int, int], None]
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
            progress=told,
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
