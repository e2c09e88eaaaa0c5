"""What the corrections teach: the process that `retraining` starts, ``python -m tipclassify.review.learning CORPUS OUT START DATA…``.

Progress goes to stdout, a JSON object a line: ``{"step": …, "done": n, "total": m}``, where a `total` of 0 counts nothing; at last
``{"result": …}`` or ``{"error": …}``. The training is that of ``train.py --data``: the encoder stays as it is, its heads are fitted
anew with the corrections and without them, and both are judged on passages that neither learned from.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.corpus.loading import Row, group_rows, read_rows, text_key
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.evaluation.metrics import rounded
from tipclassify.model.folder import load_head
from tipclassify.model.registry import cached

if TYPE_CHECKING:
    from tipclassify.evaluation.bootstrap import Comparison

__all__ = ["changed", "grouped", "relearn", "without_corrected"]

_ENOUGH_REPORTS: Final = 5  # reports from which they are the groups; an interval over fewer says nothing
_WEIGHT: Final = 3.0  # of a correction: it is what people said, and there are few
_FEW: Final = 20  # groups; fewer make a bootstrap interval too narrow


def relearn(
    corpus: str, out: str, start: str, data: Sequence[str], tell: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Adapt the heads, compare, save; the result as plain values.

    Parameters
    ----------
    corpus : str
        File of the corrections.
    out : str
        Folder of the new model.
    start : str
        Name or folder of the encoder whose heads are adapted.
    data : sequence of str
        Labelled passages to train on beside the corrections; may be none.
    tell : callable
        Called with a step, how much of it is done, and how much there is to do.

    Raises
    ------
    CorpusError, ModelError, ValueError
        When there is too little or bad data, the model cannot be adapted, or the folder cannot be written.
    """
    began = time.monotonic()
    corrected, groups = grouped(read_rows(corpus))
    base = without_corrected(read_rows(*data) if data else [], corrected)
    if len(set(group_rows(corrected))) < 2:
        raise CorpusError(
            ["all decided passages are of one paragraph, and none can be held out; decide some of another"]
        )
    from tipclassify.training.train import train_default  # seconds: what is wrong with the data is reported before

    def read(done: int, total: int) -> None:
        tell("passages read by the encoder", done, total)
        if done == total:
            tell("fitting", 0, 0)

    trained = train_default(
        base,
        corrected,
        out,
        weight=_WEIGHT,
        start=start,
        cache=cached("pooled"),
        progress=read,
    )
    head = load_head(Path(out))
    held_out = head["corpus"]["held_out"]
    return {
        "out": out,
        "start": start,
        "adapted_from": head["adapted_from"],
        "added": len(corrected),
        "trained_on": head["corpus"]["passages"] - held_out,
        "held_out": held_out,
        "on_own": trained.on_own and changed(trained.on_own, "decided passages, each held out in turn", groups),
        "on_held": trained.on_held and changed(trained.on_held, "labelled passages held out of training", "groups"),
        "seconds": round(time.monotonic() - began),
    }


def without_corrected(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """The base rows but for those that a correction has a text or an id of: there the correction speaks, and alone."""
    said = {text_key(row["text"]) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if text_key(row["text"]) not in said and row["id"] not in ids]


def grouped(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows with ``doc`` set to what is held out together: the report, or the paragraph while there are few reports."""
    few = len({row.get("report_id") for row in corrected}) < _ENOUGH_REPORTS
    named = [{**row, "doc": f"{row.get('report_id')}-{row.get('block') if few else ''}"} for row in corrected]
    return named, "paragraphs" if few else "reports"


# --------------------------------------------------------------------------------------------- what changed


def changed(found: Comparison, where: str, groups: str) -> dict[str, Any]:
    """F1 with the corrections and without, the 95% interval of each difference, and a verdict in words.

    Parameters
    ----------
    where : str
        The passages that both were judged on.
    groups : str
        What was drawn whole.
    """
    rows = [
        {
            "figure": row.figure,
            "without": row.other,
            "with": row.this,
            "difference": row.difference,
            "low": row.interval.low,
            "high": row.interval.high,
        }
        for row in found.differences
    ]
    about = {"where": where, "groups": found.groups, "worse": found.differences[0].interval.high < 0}
    plain: dict[str, Any] = rounded({**about, "verdict": _verdict(found, where, groups), "rows": rows})
    return plain


def _verdict(found: Comparison, where: str, groups: str) -> str:
    """What the interval of the difference in macro-F1 allows to say, and no more."""
    macro = found.differences[0]
    low, high = macro.interval.low, macro.interval.high
    if np.isnan(low):
        return f"Nothing can be said of {where}: there are too few."
    if low == high == 0:
        return f"Nothing changes on {where}: macro-F1 is the same with the corrections and without."
    span = f"(95% interval {low:+.3f} to {high:+.3f})"
    few = f" {found.groups} {groups} are few: the interval is too narrow." if found.groups < _FEW else ""
    if high < 0:
        fall = f"macro-F1 falls by {-macro.difference:.3f} {span}"
        return f"The corrections make the model worse on {where}: {fall}. Keep the model that you have.{few}"
    if low > 0:
        rise = f"macro-F1 rises by {macro.difference:.3f} {span}"
        return f"The corrections make the model better on {where}: {rise}.{few}"
    return f"No difference can be shown on {where}: macro-F1 {macro.difference:+.3f} {span}.{few}"


# --------------------------------------------------------------------------------------------- the process


def main(corpus: str, out: str, start: str, *data: str) -> None:
    """Do the job, and report on stdout."""

    def say(**row: Any) -> None:
        print(json.dumps(row), flush=True)

    warnings.simplefilter("ignore")  # few examples of a label is what corrections begin with
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # whoever goes on deciding comes first
    try:
        say(result=relearn(corpus, out, start, data, lambda step, done, total: say(step=step, done=done, total=total)))
    except CorpusError as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        say(error=f"{error.problems[0]}{more}")
    except (TipclassifyError, ValueError, OSError) as error:
        say(error=" ".join(str(error).split()))


def _die_with_parent() -> None:
    """End this process, and those it started, when the one that started it is gone: the pipe that it holds closes."""
    sys.stdin.buffer.read()
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
