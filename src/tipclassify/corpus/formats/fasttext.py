"""fastText's training lines: ``__label__failure __label__complicity The text.``

fastText skips lines without a label, so a passage to which none applies has the label ``none``; a line without a label is
one that nobody has labelled. Lines hold nothing but labels and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.formats.records import Reading, Record, as_labels, encodable, named, read_entries
from tipclassify.corpus.loading import Numbered, RowError, check_text, read_file

_PREFIX: Final = re.compile(r"(?<!\S)__label__")
_LABEL: Final = re.compile(r"(?<!\S)__label__(\S*)[ \t]?")
_BREAKS: Final = re.compile("\r\n|[\n\r\0]")


def read_fasttext(path: Path) -> Reading:
    """Labels are words that begin with ``__label__``, wherever in the line, as for fastText itself."""
    return Reading(read_entries(path, _lines(path), _record))


def _lines(path: Path) -> Iterator[Numbered]:
    for number, line in enumerate(read_file(path).split(b"\n"), 1):
        found: Any
        try:
            found = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
        except UnicodeDecodeError:
            found = RowError("not UTF-8; save the file as UTF-8")
        if isinstance(found, RowError) or found.strip():
            yield f"{path}:{number}", found


def _record(line: str, given_id: str) -> Record:
    return Record(check_text(_LABEL.sub("", line).strip()), given_id, as_labels(_LABEL.findall(line) or None))


def write_fasttext(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """A line a passage."""
    lines = []
    for record in records:
        text = _PREFIX.sub("__ label__", _BREAKS.sub(" ", encodable(record.text))).strip()
        lines.append(" ".join([*(f"__label__{name}" for name in named(record.labels)), text]).strip())
    out.write("".join(f"{line}\n" for line in lines).encode())
    lost = ["ids"]
    lost += ["fields"] if any(record.meta for record in records) else []
    lost += ["predictions"] if any(record.predicted is not None or record.scores for record in records) else []
    notes = [f"fastText's lines hold labels and text only: {', '.join(lost)} are left out"]
    if broken := sum(bool(_BREAKS.search(record.text)) for record in records):
        notes.append(f"fastText takes a line for a passage: the line ends inside {broken:,} texts become spaces")
    if marked := sum(bool(_PREFIX.search(record.text)) for record in records):
        notes.append(f"{marked:,} texts hold words that begin with __label__, which become '__ label__'")
    if empty := lines.count(""):
        notes.append(f"{empty:,} passages have neither words nor labels: their lines are empty, which no reader sees")
    return notes
