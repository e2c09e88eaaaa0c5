"""Retraining on the corrections, by one background process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.corpus.loading import Row, group_rows, read_rows, text_key
from tipclassify.download.cache import cache_path
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation.metrics import rounded
from tipclassify.model.common.folder import LINEAR, kind_of, load_head
from tipclassify.model.loading import DEFAULT, model_folder
from tipclassify.review.session import RefusedError

if TYPE_CHECKING:
    from tipclassify.evaluation.bootstrap import ModelComparison

_NOTHING: Final = {"step": "", "done": 0, "total": 0, "result": None, "error": None}
# number of reports from which each is a group; an interval over fewer groups says nothing
_MIN_REPORTS: Final = 5
_FEW_GROUPS: Final = 20  # fewer make a bootstrap interval too narrow


class Retraining:
    """The current or last training run: of the encoder `start`, on the corrections in `corpus` and
    on `data`.

    Each new model gets a folder of its own beside the corpus.
    """

    def __init__(self, corpus: Path, data: Sequence[Path] = (), start: str = DEFAULT) -> None:
        self._corpus = corpus.absolute()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._state: dict[str, Any] = {
            "state": "idle",
            **_NOTHING,
            "data": [*map(str, data)],
            "start": start,
        }

    def state(self) -> dict[str, Any]:
        """Answer ``GET /api/retrain``: the state of the training."""
        with self._guard:
            running = self._state["state"] == "running"
            return {
                **self._state,
                "seconds": round(time.monotonic() - self._began) if running else None,
            }

    def start(self) -> dict[str, Any]:
        """Answer ``POST /api/retrain``: start a training, unless one is running or no passage is
        decided."""
        with self._guard:
            if self._state["state"] == "running":
                raise RefusedError(409, "a training is running; stop it first")
            if not self._corpus.is_file() or not self._corpus.stat().st_size:
                what = "no passage is decided, or annotators differ on each"
                raise RefusedError(
                    409, f"{what}: there is nothing to learn from; decide or settle some"
                )
            numbered = (
                self._corpus.with_name(f"{self._corpus.stem}-model-{number}") for number in count(1)
            )
            # no model is ever overwritten
            out = next(folder for folder in numbered if not folder.exists())
            job = (str(self._corpus), str(out), self._state["start"], *self._state["data"])
            command = [sys.executable, "-m", "tipclassify.review.retraining", *job]
            # A process group of its own: Ctrl-C does not reach it, and `stop` kills its children
            # too.
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, start_new_session=True
            )
            self._began = time.monotonic()
            self._state |= {**_NOTHING, "state": "running", "step": "reading the corpus"}
            threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()
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
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return {"stopped": True}

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Read the messages of the process until it ends, and update the state; its errors go to
        the terminal."""
        last: dict[str, Any] = {}
        with process:
            for line in process.stdout or ():
                last = json.loads(line)
                self._update(process, last)
            code = process.wait()  # before its standard input is closed, or it would kill itself
        done = {"state": "done", "step": "done"}
        failed = {
            "state": "failed",
            "error": last.get("error", f"the training ended with code {code}"),
        }
        self._update(process, done if "result" in last else failed)

    def _update(self, process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
        with self._guard:
            if self._process is process:  # not stopped
                self._state |= message
                self._process = None if "state" in message else process


def model_to_adapt(model: str | None) -> str:
    """Choose the encoder to adapt: the model under review, or the default if that is linear, as
    it has no heads."""
    return DEFAULT if not model or kind_of(load_head(model_folder(model))) == LINEAR else model


def retrain(
    corpus: str,
    out: str,
    start: str,
    data: Sequence[str],
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Adapt the encoder `start` to the corrections in `corpus` and to `data`, as ``tipclassify
    train`` does.

    The new heads are compared with those in use on these rows, out of fold, and on the fixed set of
    the model. They are saved to the folder `out`. Returns the result for the page, as plain values.
    `progress` is called with the name of a step, the amount done, and the total.
    """
    began = time.monotonic()
    corrected, groups = assign_groups(read_rows(corpus))
    base = drop_corrected(read_rows(*data), corrected) if data else []
    if len(set(group_rows(corrected))) < 2:
        what = "all decided passages are of one paragraph, and none can be held out"
        raise CorpusError([f"{what}; decide some of another"])
    # Takes seconds to import, so bad data is reported before.
    from tipclassify.training.train_heads import HeadSettings, train_default

    def report_encoding(done: int, total: int) -> None:
        progress("passages read by the encoder", done, total)
        if done == total:
            progress("fitting", 0, 0)

    settings = HeadSettings(cache=cache_path("pooled"))
    rows = [*corrected, *base]
    trained = train_default([], rows, out, start=start, settings=settings, progress=report_encoding)
    head = load_head(Path(out))
    where = "decided passages" if not base else "decided passages and those of your data"
    on_own = trained.on_own and describe_change(
        trained.on_own, f"{where}, each held out in turn", groups
    )
    on_held = None
    measured = 0
    if fixed := trained.fixed:
        # Real passages where the model brings them, as the default does.
        part = fixed.real or fixed.invented
        measured = fixed.real_passages if fixed.real else fixed.invented_passages
        kind = "passages of real reports" if fixed.real else "passages"
        on_held = part and describe_change(part, f"{kind} that taught neither model", "groups")
    return {
        "out": out,
        "start": start,
        "adapted_from": head["adapted_from"],
        "added": len(corrected),
        "trained_on": len(rows),
        "held_out": measured,
        "penalty": trained.penalty.to_dict() if trained.penalty else None,
        "calibration": trained.calibration,
        "on_own": on_own,
        "on_held": on_held,
        "seconds": round(time.monotonic() - began),
    }


def drop_corrected(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """Remove the base rows whose text or id a correction has: the correction replaces them."""
    texts = {text_key(row["text"]) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if text_key(row["text"]) not in texts and row["id"] not in ids]


def assign_groups(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """Set ``doc`` of each row to the group that is held out together; return the rows and the
    groups' name.

    Groups are reports or, with fewer than five of them, paragraphs.
    """
    few = len({row.get("report_id") for row in corrected}) < _MIN_REPORTS
    named = [
        {**row, "doc": f"{row.get('report_id')}-{row.get('block') if few else ''}"}
        for row in corrected
    ]
    return named, "paragraphs" if few else "reports"


def describe_change(found: ModelComparison, where: str, groups: str) -> dict[str, Any]:
    """Compare the new model with the one in use: F1, 95% intervals, changed tags, and what they
    support in words.

    `where` describes the passages, `groups` names the bootstrap's groups.
    """
    macro = found.differences[0]
    low, high = macro.interval.low, macro.interval.high
    verdict, change, advice = "No difference can be shown", f"{macro.difference:+.3f}", ""
    if high < 0:
        verdict, change = (
            "The corrections make the model worse",
            f"falls by {-macro.difference:.3f}",
        )
        advice = " Keep the model that you have."
    elif low > 0:
        verdict, change = (
            "The corrections make the model better",
            f"rises by {macro.difference:.3f}",
        )
    few = (
        f" {found.groups} {groups} are few: the interval is too narrow."
        if found.groups < _FEW_GROUPS
        else ""
    )
    words = f"{verdict} on {where}: macro-F1 {change} (95% interval {low:+.3f} to {high:+.3f}).{advice}{few}"
    if np.isnan(low):
        words = f"Nothing can be said of {where}: there are too few."
    elif low == high == 0:
        words = (
            f"Nothing changes on {where}: macro-F1 is the same with the corrections and without."
        )
    fallen = [row for row in found.differences[1:] if row.interval.high < 0]
    if fallen and not high < 0:
        labels = ", ".join(
            f"{row.figure.replace('_', ' ')} by {-row.difference:.3f}" for row in fallen
        )
        words += f" But the F1 of single labels falls: {labels}. Look at these before you use the new model."
    rows = [asdict(row) for row in found.differences]
    about = {
        "where": where,
        "groups": found.groups,
        "gained": found.gained,
        "lost": found.lost,
        "rows": rows,
    }
    return dict(rounded({**about, "worse": high < 0 or bool(fallen), "verdict": words}))


def main(corpus: str, out: str, start: str, *data: str) -> None:
    """Retrain as the background process does, with JSON lines on standard output.

    ``{"step": …, "done": n, "total": m}`` (0: unknown), last ``{"result": …}`` or ``{"error": …}``.
    """

    def send(**message: Any) -> None:
        print(json.dumps(message), flush=True)

    # corrections start with few examples of a label, which would warn
    warnings.simplefilter("ignore")
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # keep the review page responsive
    try:
        result = retrain(
            corpus,
            out,
            start,
            data,
            lambda step, done, total: send(step=step, done=done, total=total),
        )
        send(result=result)
    except (TipclassifyError, ValueError, OSError) as error:
        problem, *others = error.problems if isinstance(error, CorpusError) else [str(error)]
        send(error=" ".join(problem.split()) + (f" (and {len(others)} more)" if others else ""))


def _die_with_parent() -> None:
    """End this process and its children when the parent is gone, which closes the pipe to
    standard input."""
    while os.read(0, 1):  # not by `sys.stdin`, whose lock would be held while the interpreter ends
        pass
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
