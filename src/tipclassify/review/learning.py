"""Process that refits a model on corrections: ``python -m tipclassify.review.learning CORPUS OUT START DATA…``.

It writes JSON lines to stdout: ``{"step": …, "done": n, "total": m}`` (`total` 0: unknown), and
last ``{"result": …}`` or ``{"error": …}``. It trains as ``train.py --data`` does: the encoder is frozen, its heads are
fitted with and without the corrections, and both are evaluated on held-out passages.
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
from tipclassify.model.loading import cache_path

if TYPE_CHECKING:
    from tipclassify.evaluation.bootstrap import Comparison

__all__ = ["assign_groups", "describe_change", "drop_corrected", "retrain"]

_MIN_REPORTS: Final = 5  # number of reports from which each is a group; an interval over fewer groups says nothing
_WEIGHT: Final = 3.0  # sample weight of a correction: a human decision, and there are few
_FEW_GROUPS: Final = 20  # fewer make a bootstrap interval too narrow


def retrain(
    corpus: str, out: str, start: str, data: Sequence[str], progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Refit the heads with the corrections, compare with a fit without them, and save the model.

    Parameters
    ----------
    corpus : str
        File of the corrections.
    out : str
        Folder of the new model.
    start : str
        Name or folder of the encoder whose heads are refitted.
    data : sequence of str
        Paths of labelled passages to train on besides the corrections; may be empty.
    progress : callable
        Called with the name of a step, the amount done, and the total.

    Returns
    -------
    dict
        The result for the page, as plain values.

    Raises
    ------
    CorpusError, ModelError, ValueError
        When there is too little or bad data, the model cannot be adapted, or the folder cannot be written.
    """
    began = time.monotonic()
    corrected, groups = assign_groups(read_rows(corpus))
    base = drop_corrected(read_rows(*data) if data else [], corrected)
    if len(set(group_rows(corrected))) < 2:
        raise CorpusError(
            ["all decided passages are of one paragraph, and none can be held out; decide some of another"]
        )
    from tipclassify.training.train import train_default  # takes seconds, so bad data is reported before

    def report_encoding(done: int, total: int) -> None:
        progress("passages read by the encoder", done, total)
        if done == total:
            progress("fitting", 0, 0)

    trained = train_default(
        base,
        corrected,
        out,
        weight=_WEIGHT,
        start=start,
        cache=cache_path("pooled"),
        progress=report_encoding,
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
        "on_own": trained.on_own and describe_change(trained.on_own, "decided passages, each held out in turn", groups),
        "on_held": trained.on_held
        and describe_change(trained.on_held, "labelled passages held out of training", "groups"),
        "seconds": round(time.monotonic() - began),
    }


def drop_corrected(base: Sequence[Row], corrected: Sequence[Row]) -> list[Row]:
    """Remove the base rows whose text or id a correction has: the correction replaces them."""
    texts = {text_key(row["text"]) for row in corrected}
    ids = {row["id"] for row in corrected}
    return [row for row in base if text_key(row["text"]) not in texts and row["id"] not in ids]


def assign_groups(corrected: Sequence[Row]) -> tuple[list[Row], str]:
    """Set ``doc`` of each row to the group that is held out together; return the rows and the groups' name.

    Groups are reports or, with fewer than five of them, paragraphs.
    """
    few = len({row.get("report_id") for row in corrected}) < _MIN_REPORTS
    named = [{**row, "doc": f"{row.get('report_id')}-{row.get('block') if few else ''}"} for row in corrected]
    return named, "paragraphs" if few else "reports"


# --------------------------------------------------------------------------------------------- what changed


def describe_change(found: Comparison, where: str, groups: str) -> dict[str, Any]:
    """Summarize a comparison: F1 with and without the corrections, 95% intervals of the differences, and a verdict.

    Parameters
    ----------
    found : Comparison
        The fit with the corrections compared with the fit without them.
    where : str
        Description of the evaluation passages.
    groups : str
        Name of the bootstrap's groups.
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
    """State in words what the interval of the difference in macro-F1 supports, and no more."""
    macro = found.differences[0]
    low, high = macro.interval.low, macro.interval.high
    if np.isnan(low):
        return f"Nothing can be said of {where}: there are too few."
    if low == high == 0:
        return f"Nothing changes on {where}: macro-F1 is the same with the corrections and without."
    span = f"(95% interval {low:+.3f} to {high:+.3f})"
    few = f" {found.groups} {groups} are few: the interval is too narrow." if found.groups < _FEW_GROUPS else ""
    if high < 0:
        fall = f"macro-F1 falls by {-macro.difference:.3f} {span}"
        return f"The corrections make the model worse on {where}: {fall}. Keep the model that you have.{few}"
    if low > 0:
        rise = f"macro-F1 rises by {macro.difference:.3f} {span}"
        return f"The corrections make the model better on {where}: {rise}.{few}"
    return f"No difference can be shown on {where}: macro-F1 {macro.difference:+.3f} {span}.{few}"


# --------------------------------------------------------------------------------------------- the process


def main(corpus: str, out: str, start: str, *data: str) -> None:
    """Retrain, and write progress and the result to stdout."""

    def send(**message: Any) -> None:
        print(json.dumps(message), flush=True)

    def progress(step: str, done: int, total: int) -> None:
        send(step=step, done=done, total=total)

    warnings.simplefilter("ignore")  # corrections start with few examples of a label, which would warn
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # keep the review page responsive
    try:
        send(result=retrain(corpus, out, start, data, progress))
    except CorpusError as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        send(error=f"{error.problems[0]}{more}")
    except (TipclassifyError, ValueError, OSError) as error:
        send(error=" ".join(str(error).split()))


def _die_with_parent() -> None:
    """End this process and its children when the parent is gone, which closes the pipe to standard input."""
    sys.stdin.buffer.read()
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
