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
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
from msgspec.structs import replace

from tipclassify.app.refusal import RefusedError
from tipclassify.corpus.rows import Row, group_rows, read_rows, row_key
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation.bootstrap import FEW_GROUPS, Difference, ModelComparison
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.model.find import DEFAULT, model_folder
from tipclassify.model.folder import LINEAR, kind_of_model, read_metadata
from tipclassify.resources import resource_folder_in_user_cache
from tipclassify.store import Store
from tipclassify.store.export import export

ENOUGH: Final = 100  # decided passages; fewer move the heads of a model little
# number of reports from which each is a group; an interval over fewer groups says nothing
_MIN_REPORTS: Final = 5

ReportStep = Callable[[str, int, int], None]
"""Called with the name of a step, the amount done, and the total; 0 where that is unknown."""


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line that the training process writes: a step that it is at or, last, how it ended."""

    step: str = ""
    done: int = 0
    total: int = 0
    result: dict[str, object] | None = None  # of `Retrained`
    error: str | None = None


class TrainingState(msgspec.Struct, frozen=True):
    """State of the training, as the page shows it."""

    data: list[str]  # paths of the data besides the corrections
    start: str  # the encoder that is adapted
    state: Literal["idle", "running", "done", "failed"] = "idle"
    step: str = ""
    done: int = 0
    total: int = 0
    result: dict[str, object] | None = None  # of `Retrained`
    error: str | None = None
    seconds: int | None = None  # since a running training began


@dataclass(frozen=True, slots=True)
class Measured:
    """What a training changed on some passages, and whether that can be shown."""

    where: str  # the passages
    groups: int  # that were resampled
    gained: int  # tags that only the new model has right
    lost: int  # tags that only the old one has right
    rows: tuple[Difference, ...]  # macro-F1, then each label
    worse: bool
    verdict: str  # in words


@dataclass(frozen=True, slots=True)
class Retrained:
    """Result of a training, for the page."""

    out: str  # folder of the new model
    start: str
    adapted_from: str  # SHA-256 of that model
    added: int  # corrections
    trained_on: int  # passages
    held_out: int  # passages on which both models were measured
    penalty: dict[str, object] | None  # of `PenaltyChoice`
    calibration: str  # what became of it, in words
    on_own: Measured | None
    on_held: Measured | None
    seconds: int


class Retraining:
    """The current or last training run, on the corrections in `corpus` and on `data`.

    It adapts the encoder `start`. Each new model gets a folder of its own beside the corpus.
    """

    def __init__(self, corpus: Path, data: Sequence[Path] = (), start: str = DEFAULT) -> None:
        self._corpus = corpus.absolute()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._state = TrainingState(data=list(map(str, data)), start=start)

    def state(self) -> TrainingState:
        """Answer ``GET /api/retrain``: the state of the training."""
        with self._guard:
            seconds = None
            if self._state.state == "running":
                seconds = round(time.monotonic() - self._began)
            return replace(self._state, seconds=seconds)

    def start(self, store: Store) -> dict[str, bool]:
        """Answer ``POST /api/retrain``: start a training on what the store has now.

        Refused while one is running, and where no passage is decided.
        """
        with self._guard:
            if self._state.state == "running":
                raise RefusedError(409, "a training is running; stop it first")
            export(store, self._corpus)
            if not self._corpus.is_file() or not self._corpus.stat().st_size:
                what = "no passage is decided, or annotators differ on each"
                remedy = "there is nothing to learn from; decide or settle some"
                raise RefusedError(409, f"{what}: {remedy}")
            stem = self._corpus.stem
            numbered = (self._corpus.with_name(f"{stem}-model-{number}") for number in count(1))
            # no model is ever overwritten
            out = next(folder for folder in numbered if not folder.exists())
            module = "tipclassify.app.retrain"
            job = (str(self._corpus), str(out), self._state.start, *self._state.data)
            # A process group of its own: Ctrl-C does not reach it, and `stop` kills its children
            # too.
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            self._began = time.monotonic()
            self._set("running", "reading the corpus")
            threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()
        return {"started": True}

    def stop(self) -> dict[str, bool]:
        """Answer ``POST /api/retrain/stop``: kill the training; no model is written."""
        with self._guard:
            process = self._process
            if process is None:
                return {"stopped": False}
            self._set("idle", "stopped")
            self._process = None
        if sys.platform == "win32":
            process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return {"stopped": True}

    def _set(self, state: Literal["idle", "running"], step: str) -> None:
        """Begin a new state, without what the last training left."""
        earlier = self._state
        self._state = TrainingState(earlier.data, earlier.start, state, step)

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Read the messages of the process until it ends; its errors go to the terminal."""
        last = _Message()
        with process:
            for line in process.stdout or ():
                last = msgspec.json.decode(line, type=_Message)
                self._update(process, last)
            code = process.wait()  # before its standard input is closed, or it would kill itself
        with self._guard:
            if self._process is not process:  # stopped
                return
            self._process = None
            if last.result is not None:
                self._state = replace(self._state, state="done", step="done", result=last.result)
            else:
                error = last.error or f"the training ended with code {code}"
                self._state = replace(self._state, state="failed", error=error)

    def _update(self, process: subprocess.Popen[bytes], message: _Message) -> None:
        with self._guard:
            if self._process is process and message.step:  # not stopped
                self._state = replace(
                    self._state, step=message.step, done=message.done, total=message.total
                )


def model_to_retrain(model: str | None) -> str:
    """Choose the encoder to adapt: the model under review or, if it has no heads, the default."""
    if not model or kind_of_model(read_metadata(model_folder(model))) == LINEAR:
        return DEFAULT
    return model


def retrain(
    corpus: str, out: str, start: str, data: Sequence[str], report_step: ReportStep
) -> Retrained:
    """Adapt the encoder `start` to the corrections in `corpus` and to `data`.

    The new heads are compared with those in use on these rows, out of fold, and on the fixed set of
    the model. They are saved to the folder `out`.
    """
    began = time.monotonic()
    corrected, groups = group_corrected(read_rows(corpus))
    base = without_corrected(read_rows(*data), corrected) if data else []
    if len(set(group_rows(corrected))) < 2:
        what = "all decided passages are of one paragraph, and none can be held out"
        raise CorpusError([f"{what}; decide some of another"])
    # Takes seconds to import, so bad data is reported before.
    from tipclassify.training.default import train_default

    def report_encoding(done: int, total: int) -> None:
        report_step("passages read by the encoder", done, total)
        if done == total:
            report_step("fitting", 0, 0)

    cache = resource_folder_in_user_cache("pooled")
    rows = [*corrected, *base]
    trained = train_default([], rows, out, start=start, cache=cache, progress=report_encoding)
    where = "decided passages" if not base else "decided passages and those of your data"
    on_own = None
    if trained.on_own:
        on_own = measure_change(trained.on_own, f"{where}, each held out in turn", groups)
    on_held = None
    measured = 0
    if fixed := trained.fixed:
        # Real passages where the model brings them, as the default does.
        comparison = fixed.real or fixed.invented
        measured = fixed.real_passages if fixed.real else fixed.invented_passages
        kind = "passages of real reports" if fixed.real else "passages"
        if comparison:
            where = f"{kind} left out of the training of both models"
            on_held = measure_change(comparison, where, "groups")
    return Retrained(
        out=out,
        start=start,
        adapted_from=read_metadata(Path(out))["adapted_from"],
        added=len(corrected),
        trained_on=len(rows),
        held_out=measured,
        penalty=trained.penalty.to_dict() if trained.penalty else None,
        calibration=trained.calibration,
        on_own=on_own,
        on_held=on_held,
        seconds=round(time.monotonic() - began),
    )


def without_corrected(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """Remove the base rows whose text and heading, or id, a correction has: it replaces them."""
    keys = {row_key(row) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if row_key(row) not in keys and row["id"] not in ids]


def group_corrected(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """Set ``doc`` of each row to the group that is held out together; return the groups' name too.

    Groups are reports or, with fewer than five of them, paragraphs.
    """
    few = len({row.get("report_id") for row in corrected}) < _MIN_REPORTS
    grouped = []
    for row in corrected:
        block = row.get("block") if few else ""
        grouped.append({**row, "doc": f"{row.get('report_id')}-{block}"})
    return grouped, "paragraphs" if few else "reports"


def measure_change(comparison: ModelComparison, where: str, groups: str) -> Measured:
    """Compare the new model with the one in use, and say what the intervals support.

    `where` describes the passages, `groups` names the bootstrap's groups.
    """
    macro, *labels = comparison.differences
    fallen = [row for row in labels if row.interval.high < 0]
    is_worse = macro.interval.high < 0
    words = _verdict(macro, where)
    has_interval = not np.isnan(macro.interval.low) and not _changes_nothing(macro)
    if has_interval and comparison.groups < FEW_GROUPS:
        words += f" {comparison.groups} {groups} are few: the interval is too narrow."
    if fallen and not is_worse:
        falls = ", ".join(
            f"{row.figure.replace('_', ' ')} by {-row.difference:.3f}" for row in fallen
        )
        words += f" But the F1 of single labels falls: {falls}."
        words += " Look at these before you use the new model."
    return Measured(
        where=where,
        groups=comparison.groups,
        gained=comparison.gained,
        lost=comparison.lost,
        rows=comparison.differences,
        worse=is_worse or bool(fallen),
        verdict=words,
    )


def _changes_nothing(macro: Difference) -> bool:
    return macro.interval.low == macro.interval.high == 0


def _verdict(macro: Difference, where: str) -> str:
    """Say what can be shown of a difference in macro-F1."""
    low = macro.interval.low
    high = macro.interval.high
    if np.isnan(low):
        return f"Nothing can be said of {where}: there are too few."
    if _changes_nothing(macro):
        unchanged = "macro-F1 is the same with the corrections and without"
        return f"Nothing changes on {where}: {unchanged}."
    interval = f"(95% interval {low:+.3f} to {high:+.3f})"
    if high < 0:
        falls = f"macro-F1 falls by {-macro.difference:.3f} {interval}"
        keep = "Keep the model that you have."
        return f"The corrections make the model worse on {where}: {falls}. {keep}"
    if low > 0:
        rises = f"macro-F1 rises by {macro.difference:.3f} {interval}"
        return f"The corrections make the model better on {where}: {rises}."
    changes = f"macro-F1 {macro.difference:+.3f} {interval}"
    return f"No difference can be shown on {where}: {changes}."


def main(corpus: str, out: str, start: str, *data: str) -> None:
    """Retrain as the background process does, a `_Message` a line on stdout."""

    def send(message: _Message) -> None:
        print(json.dumps(msgspec.to_builtins(message)), flush=True)

    def report_step(step: str, done: int, total: int) -> None:
        send(_Message(step, done, total))

    # corrections start with few examples of a label, which would warn
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_server, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # keep the review page responsive
    try:
        retrained = retrain(corpus, out, start, data, report_step)
        result = asdict(retrained)
        for name in ("on_own", "on_held"):
            result[name] = rounded_metric(result[name])  # JSON has no NaN
        send(_Message(result=result))
    except (TipclassifyError, ValueError, OSError) as error:
        problem, *others = error.problems if isinstance(error, CorpusError) else [str(error)]
        more = f" (and {len(others)} more)" if others else ""
        send(_Message(error=" ".join(problem.split()) + more))


def _end_with_server() -> None:
    """End this process and its children when the parent, at the other end of stdin, is gone."""
    while os.read(0, 1):  # not by `sys.stdin`, whose lock would be held while the interpreter ends
        pass
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
