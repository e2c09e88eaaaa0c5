"""Tagged passages out: a table for reading, rows for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tipclassify.document import Passage

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A tagged passage and the file it is from.

    Attributes
    ----------
    extra : dict
        Further fields of the input row, where the input was JSONL.
    """

    file: str
    passage: Passage
    extra: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The row of JSONL output; fields of the input row come after ours and never replace them."""
        row = {"file": self.file, **self.passage.to_dict()}
        return {**row, **{name: value for name, value in self.extra.items() if name not in row}}
