"""Read and write fastText's training lines: ``__label__failure __label__complicity The text.``

Training lines come in or go out, with labels and text only. fastText skips lines without a label, so a passage to which
no label applies has the label ``none``; a line without a label is unlabelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from tipclassify.corpus.formats.records import (
    ParsedFile,
    Record,
    as_labels,
    label_names,
    read_entries,
    replace_surrogates,
)
from tipclassify.corpus.loading import check_text, text_lines

_PREFIX: Final = re.compile(r"(?<!\S)__label__")
_LABEL: Final = re.compile(r"(?<!\S)__label__(\S*)[ \t]?")
_BREAKS: Final = re.compile("\r\n|[\n\r\0]")


def read_fasttext(path: Path) -> ParsedFile:
    """Read training lines; labels begin with ``__label__`` anywhere in the line, as in fastText."""
    return ParsedFile(read_entries(path, text_lines(path), _record))


def _record(line: str, given_id: str) -> Record:
    return Record(check_text(_LABEL.sub("", line).strip()), given_id, as_labels(_LABEL.findall(line) or None))


def write_fasttext(records: Sequence[Record], out: IO[bytes]) -> list[str]:
    """Write one line for each passage, and return notes on lost data."""
    lines = []
    for record in records:
        text = _PREFIX.sub("__ label__", _BREAKS.sub(" ", replace_surrogates(record.text))).strip()
        lines.append(" ".join([*(f"__label__{name}" for name in label_names(record.labels)), text]).strip())
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
