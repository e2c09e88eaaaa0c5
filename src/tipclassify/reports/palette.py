"""One palette for pages, charts, workbooks and terminals, by label."""

from __future__ import annotations

from typing import Final

from tipclassify.labels import LABELS

__all__ = ["DARK_INKS", "DARK_TINTS", "INKS", "TERMINAL", "TINTS"]

# Blue, ochre and red stay apart with any colour vision and in grey; as text they have a contrast of
# 4.5 and more.
INKS: Final = dict(zip(LABELS, ("#00297a", "#7a5200", "#8b183f"), strict=True))
TINTS: Final = dict(zip(LABELS, ("#e1eafa", "#faecd6", "#f9e4ec"), strict=True))
DARK_INKS: Final = dict(zip(LABELS, ("#7cc8ff", "#ffd37a", "#ff99bb"), strict=True))
DARK_TINTS: Final = dict(zip(LABELS, ("#122a3c", "#35280f", "#3c1a29"), strict=True))
TERMINAL: Final = dict(zip(LABELS, ("cyan", "yellow", "magenta"), strict=True))
