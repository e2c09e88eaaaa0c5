"""The models as they ship, side by side, for ``quality.py --shipped``: nothing is trained, all score the same passages.

How often each passes the codebook's behaviour cases, and, where real passages are given, macro-F1 on these by kind with its 95%
interval (groups drawn together), the F1 of each label, and the share that the cascade leaves to the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from _measure import markdown

from tipclassify import Classifier
from tipclassify.behaviours import run_cases
from tipclassify.evaluation import measure
from tipclassify.labels import LABELS
from tipclassify.resampling import intervals

__all__ = ["shipped_figures", "shipped_table"]

_DRAWS: Final = 1_000

Bools = npt.NDArray[np.bool_]


def shipped_figures(
    models: Sequence[str], texts: list[str], truth: Bools, groups: Any, kinds: Any
) -> dict[str, dict[str, Any]]:
    """Figures of each model; those of real passages where there are any."""
    found: dict[str, dict[str, Any]] = {}
    for name in models:
        classifier = Classifier.load(name)
        results = run_cases(classifier)
        rules = [one for one in results if not one.rule.startswith("invariance-")]
        row: dict[str, Any] = {
            "rules passed": sum(one.passed for one in rules) / sum(one.cases for one in rules),
            "all cases passed": sum(one.passed for one in results) / sum(one.cases for one in results),
        }
        if texts:
            given = classifier.predict(texts)
            for kind in dict.fromkeys(kinds.tolist()):
                here = kinds == kind
                drawn = intervals(truth[here], given[here], groups[here], _DRAWS, 0).macro_f1
                row[f"{kind} macro-F1"] = _macro(truth[here], given[here])
                row[f"{kind} interval"] = [drawn.low, drawn.high]
            row |= {f"{label} F1": f1 for label, f1 in zip(LABELS, _f1(truth, given), strict=True)}
            sent = classifier.sent_on(texts)
            row["sent on"] = None if sent is None else float(sent.mean())
        found[name] = row
    return found


def shipped_table(figures: dict[str, dict[str, Any]]) -> str:
    """The same as a Markdown table; an interval stands behind its figure."""
    columns = [name for name in next(iter(figures.values())) if not name.endswith(" interval")]
    rows = []
    for name, row in figures.items():
        cells = []
        for column in columns:
            value, interval = row[column], row.get(column.replace("macro-F1", "interval"))
            told = "–" if value is None else f"{value:.3f}"
            cells.append(told + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if isinstance(interval, list) else ""))
        rows.append([name, *cells])
    return markdown(["model", *columns], rows)


def _f1(truth: Bools, given: Bools) -> list[float]:
    return [label.f1 for label in measure(truth, given.astype(float), given, np.full(len(LABELS), 0.5)).labels]


def _macro(truth: Bools, given: Bools) -> float:
    return measure(truth, given.astype(float), given, np.full(len(LABELS), 0.5)).macro_f1
