"""The result of a training: where the model is, and what it was measured to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tipclassify.evaluation.bootstrap import ModelComparison, comparison_table
from tipclassify.evaluation.metrics import metrics_table
from tipclassify.training.fit_penalty import PenaltyChoice
from tipclassify.training.fixed_set import FixedComparison
from tipclassify.training.parts import Part

__all__ = ["FolderAdditions", "Trained"]


@dataclass(frozen=True)
class Trained:
    """Result of a training: the model's folder, and what it was measured to do.

    `parts` are metrics on passages left out of training, all first. `on_own` compares the model
    with the one it started from on the user's rows, out of fold, `fixed` on the fixed set.
    """

    out: Path
    parts: Sequence[Part]
    fixed: FixedComparison | None = None
    on_own: ModelComparison | None = None
    penalty: PenaltyChoice | None = None
    calibration: str = ""

    def table(self) -> str:
        """Format all of it as aligned plain text."""
        part = self.parts[0]
        tables = [metrics_table(part.metrics, f"{part.name}, left out of training")]
        if self.on_own:
            title = "what your rows changed on your rows, out of fold"
            tables.append(f"{title}\n{comparison_table(self.on_own, 'the model before')}")
        if self.penalty:
            tables.append(self.penalty.table())
        if self.calibration:
            tables.append(f"calibration: {self.calibration}")
        if self.fixed:
            tables.append(self.fixed.table())
        return "\n\n".join(tables)


@dataclass(frozen=True)
class FolderAdditions:
    """What a caller adds to a model's folder."""

    values: Mapping[str, object] = field(default_factory=dict)  # plain ones, for ``model.json``
    files: Mapping[str, str] = field(default_factory=dict)  # texts by name
