"""Recognise what tipclassify wrote among the files of a folder.

Results must not be read as reports.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tipclassify.formatting import load_json
from tipclassify.tagging.resume import JOURNAL, listed_outputs

_ENDS: Final = 4_000  # bytes at each end of a file that are looked at
_LONGEST_ROW: Final = 100_000  # bytes; a longer first row is not one of ours, or not worth reading
_PAGE: Final = re.compile(rb'<meta name="generator" content="tipclassify [^"<>]*">')
_MARKDOWN: Final = re.compile(rb"^- tool: tipclassify \S+$", re.MULTILINE)
_AUTHOR: Final = re.compile(rb"<dc:creator>tipclassify [^<>]*</dc:creator>")
_LARGEST_PART: Final = 100_000  # bytes of the properties of a Word file


def is_output_folder(folder: str | os.PathLike[str]) -> bool:
    """Return whether `score --output-dir` wrote into a folder, here or by Dask."""
    by_dask = Path(folder, "settings.json").is_file() and Path(folder, "passages").is_dir()
    return by_dask or Path(folder, JOURNAL).is_file()


def own_files(folder: Path, files: Iterable[Path], reading_rows: bool) -> set[Path]:
    """Select the files below `folder` that tipclassify wrote.

    With `reading_rows`, results in rows (``.jsonl``) count only if the reports that they are of are
    among the files too: a folder of results alone is an input like another.
    """
    every = list(files)
    names = {file.name for file in every}
    listed = listed_outputs(folder)
    own = set()
    for file in every:
        listed_here = listed if file.parent == folder else ()
        if _is_own_file(file, names, listed_here, reading_rows):
            own.add(file)
    return own


def _is_own_file(
    file: Path, names: Collection[str], listed: Collection[str], reading_rows: bool
) -> bool:
    if file.name == JOURNAL:
        return True
    if file.suffix.lower() not in (".jsonl", ".ndjson"):
        return file.name in listed or says_it_is_ours(file)
    if not reading_rows and file.name in listed:
        return True
    return _report_of_rows(file) in names


def says_it_is_ours(file: Path) -> bool:
    """Return whether a page, Markdown or Word file says that tipclassify wrote it."""
    suffix = file.suffix.lower()
    with suppress(
        OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError
    ):
        if suffix in (".html", ".htm", ".md", ".markdown"):
            with file.open("rb") as data:
                start = data.read(_ENDS)
                data.seek(max(0, file.stat().st_size - _ENDS))
                end = data.read(_ENDS)
            if suffix.startswith(".h"):
                return _PAGE.search(start) is not None
            return _MARKDOWN.search(end) is not None
        if suffix == ".docx":
            with zipfile.ZipFile(file) as archive, archive.open("docProps/core.xml") as part:
                return _AUTHOR.search(part.read(_LARGEST_PART)) is not None
    return False


def _report_of_rows(file: Path) -> str | None:
    """Return the name of the report of a file of results, by its first row; None for other rows."""
    with suppress(OSError, ValueError):
        with file.open("rb") as data:
            row = load_json(data.readline(_LONGEST_ROW))
        if isinstance(row, dict) and {"file", "scores", "low_confidence", "labels"} <= row.keys():
            return os.path.basename(str(row["file"]))
    return None
