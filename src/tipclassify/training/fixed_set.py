"""The fixed set: held-out passages on which every training is measured, without their words.

Some 2,000 passages of real reports, evenly over the families of reports, and 400 invented ones. All
were held out of the shipped models (`corpus.holdout`). A model's folder has their pooled vectors,
labels and keys, so that a training anywhere can set the new model beside the one it started from.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import held_out, source_family
from tipclassify.corpus.rows import Row, row_key
from tipclassify.errors import ModelError
from tipclassify.evaluation.bootstrap import Difference, ModelComparison, compare
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.formatting import format_columns
from tipclassify.labels import LABELS
from tipclassify.model.folder import read_arrays
from tipclassify.training.examples import (
    Vectors,
    bootstrap_groups_of_rows,
    label_matrix_for_training,
)
from tipclassify.training.sample_weights import passages_stood_for

__all__ = [
    "FixedComparison",
    "FixedSet",
    "choose_fixed",
    "compare_on_fixed",
    "false_tag_rate",
    "fixed_rows",
    "fixed_set_key_of_row",
    "pack_fixed_training_set",
    "read_fixed",
]

_REAL: Final = 2_000  # passages of real reports; with the invented ones under 2 MB of vectors
_INVENTED: Final = 400
_INVENTED_FAMILY: Final = "invented"
_ARRAYS: Final = ("pooled", "labels", "keys", "families", "groups", "stood_for")


@dataclass(frozen=True)
class FixedSet:
    """Held-out passages by their pooled vectors, as arrays of one length n."""

    pooled: Vectors  # (n, width), of 16 bits in the file
    y_true: Bools  # (n, 3)
    keys: npt.NDArray[np.bytes_]  # (n,), of `fixed_set_key_of_row`
    families: npt.NDArray[np.bytes_]  # (n,), of reports; b"invented"
    groups: Ints  # (n,), countries and documents
    stood_for: Floats  # (n,), passages of whole reports; 0 for none

    @property
    def real(self) -> Bools:
        """Mask of the passages of real reports, bool (n,)."""
        return np.asarray(self.families != _INVENTED_FAMILY.encode())

    def without(self, rows: Sequence[Row]) -> FixedSet:
        """Return the set less the passages among `rows`, which are to be learned."""
        known = {fixed_set_key_of_row(row).encode() for row in rows}
        return self.take(np.array([key not in known for key in self.keys.tolist()], bool))

    def take(self, chosen: Bools) -> FixedSet:
        """Return the passages of a mask, bool (n,)."""
        return FixedSet(
            pooled=self.pooled[chosen],
            y_true=self.y_true[chosen],
            keys=self.keys[chosen],
            families=self.families[chosen],
            groups=self.groups[chosen],
            stood_for=self.stood_for[chosen],
        )


@dataclass(frozen=True)
class FixedComparison:
    """A new model beside the one it started from, on the fixed set; None where a part is empty."""

    real: ModelComparison | None
    invented: ModelComparison | None
    real_passages: int
    invented_passages: int
    # share of real passages without a label that the new model tags; NaN for none
    false_tags: float
    false_tags_before: float
    # whether its passages also chose the penalty by which the heads were moved
    chose_penalty: bool = False

    @property
    def cost(self) -> float:
        """Macro-F1 lost on real passages, on the invented ones where no real ones are at hand."""
        part = self.real or self.invented
        return -part.differences[0].difference if part else float("nan")

    def table(self) -> str:
        """Format as aligned plain text: before, after, difference with its interval."""
        lines = [("on the fixed set", "before", "after", "difference", "95% interval")]
        for name, part in self._parts():
            lines += (
                _cells_of_fixed_comparison(name, difference) for difference in part.differences
            )
            if part is self.real:
                lines.append(self._false_tag_cells())
        table = [line.rstrip() for line in format_columns(lines)]
        if self.real is None:
            missing = "real passages: not measured, their words are not here"
            remedy = "in a clone, 'tipclassify corpus rebuild data/real' fetches them"
            table.append(f"{missing} ({remedy})")
        counts = f"{self.real_passages:,} real passages, {self.invented_passages:,} invented ones"
        table.append(f"{counts}, learned by neither model")
        if self.chose_penalty:
            table.append(
                "they also chose the penalty: the differences flatter the new model a little"
            )
        return "\n".join(table)

    def to_dict(self) -> dict[str, object]:
        """Return plain values for ``model.json``."""
        figures: dict[str, object] = {}
        for name, part in self._parts():
            macro_f1 = part.differences[0]
            figures[name] = {
                "groups": part.groups,
                "before": {row.figure: row.other for row in part.differences},
                "after": {row.figure: row.this for row in part.differences},
                "macro_f1_interval": [macro_f1.interval.low, macro_f1.interval.high],
            }
        figures["false_tags"] = {"before": self.false_tags_before, "after": self.false_tags}
        figures["passages"] = {"real": self.real_passages, "invented": self.invented_passages}
        return dict(rounded_metric(figures))

    def _false_tag_cells(self) -> tuple[str, str, str, str, str]:
        return (
            "  false alarms",
            _fixed_share_cell(self.false_tags_before),
            _fixed_share_cell(self.false_tags),
            _fixed_change_cell(self.false_tags - self.false_tags_before),
            "",
        )

    def _parts(self) -> list[tuple[str, ModelComparison]]:
        named = (("real passages", self.real), ("invented passages", self.invented))
        return [(name, part) for name, part in named if part]


def _cells_of_fixed_comparison(part: str, difference: Difference) -> tuple[str, str, str, str, str]:
    """Format one figure of a part: the part is named in its first line, that of macro-F1."""
    figure = difference.figure
    return (
        f"{part}: {figure}" if figure == "macro-F1" else f"  {figure}",
        _fixed_figure_cell(difference.other),
        _fixed_figure_cell(difference.this),
        _fixed_change_cell(difference.difference),
        str(difference.interval),
    )


def _fixed_figure_cell(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _fixed_change_cell(value: float) -> str:
    return "–" if np.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"  # never -0.000


def _fixed_share_cell(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1%}"


def fixed_set_key_of_row(row: Row) -> str:
    """Return the key of a passage under its heading: 16 hex digits of a SHA-256.

    >>> key = fixed_set_key_of_row({"text": "Courts  slept."})
    >>> key == fixed_set_key_of_row({"text": "courts slept."})
    True
    """
    text = "\n".join(row_key(row))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fixed_rows(rows: Sequence[Row]) -> list[int]:
    """Choose the fixed set of a corpus: numbers of held-out rows, evenly over the families.

    The choice goes by the passages' own keys: a growing corpus keeps most of its fixed set.
    """
    members: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for number in np.flatnonzero(held_out(rows)).tolist():
        row = rows[number]
        family = source_family(row.get("doc")) or _INVENTED_FAMILY
        members[family].append((fixed_set_key_of_row(row), number))
    invented = sorted(members.pop(_INVENTED_FAMILY, []))[:_INVENTED]
    chosen = [number for _, number in invented]
    left = _REAL
    # The smallest families first: what they lack goes to the larger ones.
    by_size = sorted(members.values(), key=len)
    for position, family_members in enumerate(by_size):
        share = min(len(family_members), left // (len(by_size) - position))
        chosen += [number for _, number in sorted(family_members)[:share]]
        left -= share
    return sorted(chosen)


def choose_fixed(rows: Sequence[Row], pooled: Vectors) -> FixedSet:
    """Make the fixed set of `rows`, those of `fixed_rows`, with their pooled vectors."""
    families = [source_family(row.get("doc")) or _INVENTED_FAMILY for row in rows]
    return FixedSet(
        pooled=pooled.astype(np.float16).astype(np.float32),  # as they come back from the file
        y_true=label_matrix_for_training(rows),
        keys=np.array([fixed_set_key_of_row(row) for row in rows], "S16"),
        families=np.array(families, "S16"),
        groups=bootstrap_groups_of_rows(rows),
        stood_for=passages_stood_for(rows),
    )


def pack_fixed_training_set(fixed: FixedSet) -> bytes:
    """Write the arrays of a fixed set as the bytes of an ``.npz`` file."""
    packed = io.BytesIO()
    np.savez(
        packed,
        pooled=fixed.pooled.astype(np.float16),
        labels=fixed.y_true.astype(np.uint8),
        keys=fixed.keys,
        families=fixed.families,
        groups=fixed.groups.astype(np.int32),
        stood_for=fixed.stood_for.astype(np.float32),
    )
    return packed.getvalue()


def read_fixed(data: bytes, width: int, file: str = "fixed.npz") -> FixedSet:
    """Read a fixed set for heads of `width`; raise `ModelError` when it is none."""
    what = f"a fixed set of vectors of {width} numbers"
    arrays = read_arrays(Path(file), data, _ARRAYS, what)
    count = len(arrays["labels"])
    shapes = {
        "pooled": (count, width),
        "labels": (count, len(LABELS)),
        "keys": (count,),
        "families": (count,),
        "groups": (count,),
        "stood_for": (count,),
    }
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ModelError(f"{file}: not {what}; train or get the model anew")
    return FixedSet(
        pooled=arrays["pooled"].astype(np.float32),
        y_true=arrays["labels"].astype(bool),
        keys=arrays["keys"],
        families=arrays["families"],
        groups=arrays["groups"].astype(np.int64),
        stood_for=arrays["stood_for"].astype(np.float64),
    )


def compare_on_fixed(
    fixed: FixedSet, after: Bools, before: Bools, seed: int = 0
) -> FixedComparison:
    """Set the labels that a new model gives the fixed set, bool (n, 3), beside those before."""

    def compare_fixed_part(chosen: Bools) -> ModelComparison | None:
        if not chosen.any():
            return None
        groups = fixed.groups[chosen]
        return compare(fixed.y_true[chosen], after[chosen], before[chosen], groups, seed=seed)

    real = fixed.real
    return FixedComparison(
        real=compare_fixed_part(real),
        invented=compare_fixed_part(~real),
        real_passages=int(real.sum()),
        invented_passages=int((~real).sum()),
        false_tags=false_tag_rate(fixed.y_true[real], after[real]),
        false_tags_before=false_tag_rate(fixed.y_true[real], before[real]),
    )


def false_tag_rate(y_true: Bools, y_pred: Bools) -> float:
    """Compute the share of passages without a label that get one; NaN if each has a label."""
    empty = ~y_true.any(axis=1)
    return float(y_pred[empty].any(axis=1).mean()) if empty.any() else float("nan")
