"""fastText's training lines: ``__label__failure __label__complicity The text.``

fastText skips lines without a label, so a passage to which none applies has the label ``none``; a line without a label is
one that nobody has labelled. Lines hold nothing but labels and text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from tipclassify.errors import CorpusError
from tipclassify.exchange.records import Reading, Record, RowError, as_labels, as_text, contents, encodable, named

__all__ = ["read_fasttext", "write_fasttext"]

_PREFIX: Final = "__label__"
_LABEL: Final = re.compile(rf"(?<!\S){_PREFIX}(\S*)[ \t]?")
_BREAKS: Final = re.compile("\r\n|[\n\r\0]")


def read_fasttext(path: Path) -> Reading:
    """Labels are words that begin with ``__label__``, wherever in the line, as for fastText itself."""
    problems, records = [], []
    for number, line in enumerate(contents(path).split(b"\n"), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
            if not text.strip():
                continue
            names = _LABEL.findall(text)
            labels = as_labels(names) if names else None
            records.append(Record(as_text(_LABEL.sub("", text).strip()), f"{path.stem}-{number}", labels))
        except UnicodeDecodeError:
            problems.append(f"{path}:{number}: not UTF-8; save the file as UTF-8")
        except RowError as error:
            problems.append(f"{path}:{number}: {error}")
    if problems:
        raise CorpusError(problems)
    return Reading(records)


def write_fasttext(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """A line a passage."""
    lost = [
        what
        for what, there in (
            ("ids", bool(records)),
            ("fields", any(record.meta for record in records)),
            ("predictions", any(record.predicted is not None or record.scores for record in records)),
        )
        if there
    ]
    notes = [f"fastText's lines hold labels and text only: {', '.join(lost)} are left out"] if lost else []
    if broken := sum(bool(_BREAKS.search(record.text)) for record in records):
        notes.append(f"fastText takes a line for a passage: the line ends inside {broken:,} texts become spaces")
    if marked := sum(bool(_LABEL.search(record.text)) for record in records):
        notes.append(f"{marked:,} texts hold words that begin with {_PREFIX}, which become '__ label__'")
    empty = 0
    for record in records:
        text = _BREAKS.sub(" ", encodable(record.text))
        text = re.sub(rf"(?<!\S){_PREFIX}", "__ label__", text).strip()
        words = [*(f"{_PREFIX}{name}" for name in named(record.labels)), text]
        empty += not any(words)
        out.write(f"{' '.join(words)}\n".encode())
    if empty:
        notes.append(f"{empty:,} passages have neither words nor labels: their lines are empty, which no reader sees")
    return notes
