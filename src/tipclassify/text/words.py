"""Lists of words by name, from text files of ``name: words``, one list a paragraph."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["WORDS", "read_lists"]


def read_lists(file: Path) -> dict[str, list[str]]:
    """Read the lists of a file, in its order; lines that begin with ``#`` are comments."""
    lines = file.read_text("utf-8").splitlines()
    text = " ".join(line for line in lines if not line.startswith("#"))
    return {name: words.split() for name, words in re.findall(r"(\w+): ([^:]+)(?= \w+:|$)", text)}


WORDS: Final = read_lists(Path(__file__).with_name("words.txt"))
