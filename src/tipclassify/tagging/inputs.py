"""Expand names of inputs, as a user gives them, to the files and links that are read.

Names may be of folders, patterns, lists and zip archives.
"""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.readers import has_report_suffix
from tipclassify.readers.formats import OUR_PAGE
from tipclassify.readers.limits import (
    list_zip_members,
    open_zip,
    read_bounded,
    read_zip_member,
)
from tipclassify.tagging.resume import JOURNAL, listed_outputs

ROWS: Final = (".jsonl", ".ndjson")
"""Suffixes of files whose rows are passages already, one JSON object a line."""

TABLES: Final = (".csv", ".tsv", ".xlsx")
"""Suffixes of tables, whose rows are passages too; a folder gives none of them."""

# begins the names of hidden files, and of those by which Word locks a document
_HIDDEN: Final = (".", "~$")
_LONGEST_ROW: Final = 100_000  # bytes; a longer first row is not one of ours
_ENDS: Final = 4_000  # bytes at each end of a file that are looked at
_TITLE: Final = b"# Tagged passages\n"  # of Markdown
_FOOT: Final = re.compile(rb"\n---\n\nHow they were tagged:\n\n- tool: tipclassify \S+\n- model: ")


def expand_inputs(names: Sequence[str], output: Path | None = None) -> list[str]:
    """Expand folders, patterns and lists to files and links, each once, in a fixed order.

    A folder, or a zip archive, expands to its files of a known suffix, at any depth, without hidden
    ones; a pattern with ``*``, ``?`` or ``[`` to the files it matches; ``@list.txt`` to the names
    in that file, one a line. ``-`` is standard input. Any other name, and any address, is returned
    as it is, so that reading it reports what is wrong.

    What tipclassify wrote is no input of a folder or pattern: what the journal of `score
    --output-dir` lists, pages, Markdown and Word files that say so, and folders inside with a
    journal. Rows are an input where the reports that they are of are none. `output` is the folder
    that is written to now: none of its results is an input either.

    Raises `InputError` when a list cannot be read, or a folder or pattern holds no report.
    """
    try:
        inputs = [file for name in names for file in _expanded(name, output)]
    except RecursionError:
        raise InputError(
            "a list of inputs names itself, or one that names it; take that line out"
        ) from None
    return list(dict.fromkeys(inputs))


def is_input(name: str) -> bool:
    """Return whether a file of a folder is read, by its suffix: a report, or a file of rows.

    A README is about the folder.
    """
    stem, suffix = os.path.splitext(os.path.basename(name).lower())
    if stem == "readme":
        return False
    return suffix in ROWS or (suffix != "" and has_report_suffix(name))


def _expanded(name: str, output: Path | None) -> list[str]:
    if name == "-" or "://" in name:
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        try:
            listed = names_in_list(read_bounded(name[1:]).decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise InputError(
                f"{name}: not UTF-8; give a text file with one path or link a line"
            ) from None
        return [file for inner in listed for file in _expanded(inner, output)]
    if os.path.isdir(name):
        return _files_of_folder(name, output)
    if _is_zip(name) and os.path.isfile(name):
        return _zip_members(name)
    if any(mark in name for mark in "*?[") and not os.path.exists(name):
        return _files_of_pattern(name)
    return [name]


def _files_of_pattern(name: str) -> list[str]:
    """List the inputs that a pattern matches, without what tipclassify wrote."""
    matches = sorted(glob.glob(name, recursive=True))
    paths = [Path(match) for match in matches if os.path.isfile(match)]
    inputs = _members(_without_results(name, paths, written_to=False))
    if not inputs:
        raise InputError(f"{name}: matches no file; check the pattern")
    return inputs


def _files_of_folder(name: str, output: Path | None) -> list[str]:
    """List the inputs in a folder.

    Folders in it that cannot be opened are listed too, so that reading them reports what is wrong.
    """
    candidates: list[Path] = []
    locked: list[str] = []

    def keep_locked(error: OSError) -> None:
        locked.append(error.filename)

    for folder, subfolders, names in os.walk(name, onerror=keep_locked):
        # what `os.walk` is to go into
        subfolders[:] = [
            subfolder
            for subfolder in subfolders
            if not subfolder.startswith(_HIDDEN)
            and not _is_result_folder(Path(folder, subfolder), output)
        ]
        candidates += (Path(folder, file) for file in names if not file.startswith(_HIDDEN))
    paths = sorted(filter(Path.is_file, candidates))
    files = [path for path in paths if _is_zip(path.name) or is_input(path.name)]
    others = sorted(path for path in set(paths) - set(files) if path.name != JOURNAL)
    written_to = output is not None and _is_same_folder(name, output)
    inputs = _members(_without_results(name, files, written_to))
    if not inputs and not locked:
        raise InputError(
            f"{name}: no report in this folder; it needs .html, .pdf, .docx, .txt or the like"
        )
    if others:
        named = _named([other.name for other in others])
        warnings.warn(
            f"{name}: left out {len(others):,} files that are no reports: {named}", stacklevel=2
        )
    return [*inputs, *locked]


def _members(paths: Sequence[Path]) -> list[str]:
    """Return the names of files, and the reports in those that are zip archives."""
    names: list[str] = []
    for path in paths:
        names += _zip_members(str(path)) if _is_zip(path.name) else [str(path)]
    return names


def _is_result_folder(folder: Path, output: Path | None) -> bool:
    """Return whether `score --output-dir` wrote into a folder, here or by Dask, or does now."""
    by_dask = (folder / "settings.json").is_file() and (folder / "passages").is_dir()
    is_output = output is not None and _is_same_folder(folder, output)
    return by_dask or is_output or (folder / JOURNAL).is_file()


def _is_same_folder(folder: str | Path, other: Path) -> bool:
    try:
        return os.path.samefile(folder, other)
    except OSError:  # it is not there yet
        return False


def _without_results(name: str, paths: Sequence[Path], written_to: bool) -> list[Path]:
    """Leave out what a journal beside it lists, or says itself that it is a result; warn of it."""
    journals = {folder: listed_outputs(folder) for folder in {path.parent for path in paths}}
    names = {path.name for path in paths}
    kept: list[Path] = []
    results: list[str] = []
    for path in paths:
        is_rows = path.suffix.lower() in ROWS
        report = journals[path.parent].get(path.name) or (
            _report_of_rows(path) if is_rows else None
        )
        # rows alone, without their reports, are an input like another
        is_alone = is_rows and not written_to and report not in names
        if (report is not None and not is_alone) or _says_it_is_ours(path):
            results.append(path.name)
        elif path.name != JOURNAL:
            kept.append(path)
    if results:
        warnings.warn(f"{name}: left out what tipclassify wrote: {_named(results)}", stacklevel=2)
    return kept


def _report_of_rows(path: Path) -> str | None:
    """Return the name of the report of a file of results, by its first row; None for other rows."""
    with suppress(OSError, ValueError):
        with path.open("rb") as file:
            row = load_json(file.readline(_LONGEST_ROW))
        if isinstance(row, dict) and {"file", "scores", "low_confidence", "labels"} <= row.keys():
            return os.path.basename(str(row["file"]))
    return None


def _says_it_is_ours(path: Path) -> bool:
    """Return whether a page, Markdown or Word file says that tipclassify wrote it."""
    with suppress(InputError, OSError):
        if path.suffix.lower() == ".docx":
            with open_zip(str(path), path.name) as archive:
                facts = read_zip_member(archive, "docProps/core.xml", path.name)
            return b"<dc:creator>tipclassify " in facts and b">Tagged passages<" in facts
        if path.suffix.lower() in (".html", ".htm", ".md", ".markdown"):
            with path.open("rb") as file:
                start = file.read(_ENDS)
                file.seek(max(0, path.stat().st_size - _ENDS))
                end = file.read()
            is_ours = start.startswith(_TITLE) and _FOOT.search(end) is not None
            return is_ours or OUR_PAGE.match(start.decode("latin-1")) is not None
    return False


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _zip_members(archive: str) -> list[str]:
    """Return the reports in a zip archive.

    One without any is returned itself, so that reading it reports what is wrong.
    """
    try:
        members = list_zip_members(archive)
    except InputError:
        return [archive]
    files = [member for member in members if is_input(member)]
    others = [member for member in members if not is_input(member)]
    if files and others:
        named = _named(others)
        warnings.warn(
            f"{archive}: left out {len(others):,} files that are no reports: {named}", stacklevel=2
        )
    return files or [archive]


def _named(files: Sequence[str]) -> str:
    names = [os.path.basename(file) for file in files[:3]]
    if len(files) > 3:
        names.append("…")
    return ", ".join(names)


def names_in_list(text: str) -> list[str]:
    """Parse a list of inputs, one a line, without blank lines and comments (``#``)."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
