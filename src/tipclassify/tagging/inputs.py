"""Expand names of inputs, as a user gives them, to the files and links that are read.

Names may be of folders, patterns, lists and zip archives.
"""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers import has_report_suffix
from tipclassify.readers.limits import list_zip_members, read_bounded
from tipclassify.tagging.own_files import is_output_folder, own_files
from tipclassify.tagging.resume import JOURNAL

ROWS: Final = (".jsonl", ".ndjson")
"""Suffixes of files whose rows are passages already, one JSON object a line."""

TABLES: Final = (".csv", ".tsv", ".xlsx")
"""Suffixes of tables, whose rows are passages too; a folder gives none of them."""

# begins the names of hidden files, and of those by which Word locks a document
_HIDDEN: Final = (".", "~$")


def expand_inputs(
    names: Sequence[str], tables: Sequence[str] = (), output: Path | None = None
) -> list[str]:
    """Expand folders, patterns and lists to files and links, each once, in a fixed order.

    A folder, or a zip archive, expands to its files of a known suffix, at any depth, without hidden
    ones; a pattern with ``*``, ``?`` or ``[`` to the files it matches; ``@list.txt`` to the names
    in that file, one a line. ``-`` is standard input. Any other name, and any address, is returned
    as it is, so that reading it reports what is wrong.

    What tipclassify wrote is no input of a folder or pattern: pages, Markdown and Word files that
    say so, rows of reports that are read too, and folders inside with a journal of `score
    --output-dir`. `output` is the folder that is written to now: none of its results is an input
    either.

    `tables` are further suffixes to accept in folders. Raises `InputError` when a list cannot be
    read, or a folder or pattern holds no report.
    """
    try:
        inputs = [file for name in names for file in _expanded(name, tables, output)]
    except RecursionError:
        raise InputError(
            "a list of inputs names itself, or one that names it; take that line out"
        ) from None
    return list(dict.fromkeys(inputs))


def is_input(name: str, tables: Sequence[str]) -> bool:
    """Return whether a file of a folder is read: a report, or a file of rows.

    Its suffix decides; `tables` are further suffixes of files of rows.
    """
    suffix = os.path.splitext(name)[1].lower()
    return suffix in (*ROWS, *tables) or (suffix != "" and has_report_suffix(name))


def _expanded(name: str, tables: Sequence[str], output: Path | None) -> list[str]:
    if name == "-" or "://" in name:
        return [name]
    if name.startswith("@") and not os.path.exists(name):
        try:
            listed = names_in_list(read_bounded(name[1:]).decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise InputError(
                f"{name}: not UTF-8; give a text file with one path or link a line"
            ) from None
        return [file for inner in listed for file in _expanded(inner, tables, output)]
    if os.path.isdir(name):
        return _files_of_folder(name, tables, output)
    if _is_zip(name) and os.path.isfile(name):
        return _zip_members(name, tables)
    if any(mark in name for mark in "*?[") and not os.path.exists(name):
        return _files_of_pattern(name, tables)
    return [name]


def _files_of_pattern(name: str, tables: Sequence[str]) -> list[str]:
    """List the inputs that a pattern matches, without what tipclassify wrote."""
    matches = sorted(glob.glob(name, recursive=True))
    paths = [Path(match) for match in matches if os.path.isfile(match)]
    own = own_files(Path(name).parent, paths, reading_rows=True)
    _warn_of_own_files(name, own)
    inputs: list[str] = []
    for path in paths:
        if path not in own:
            inputs += _file_or_members(path, tables)
    if not inputs:
        raise InputError(f"{name}: matches no file; check the pattern")
    return inputs


def _file_or_members(path: Path, tables: Sequence[str]) -> list[str]:
    """Return the name of a file, or the reports in it where it is a zip archive."""
    return _zip_members(str(path), tables) if _is_zip(path.name) else [str(path)]


def _files_of_folder(name: str, tables: Sequence[str], output: Path | None) -> list[str]:
    """List the inputs in a folder.

    Folders in it that cannot be opened are listed too, so that reading them reports what is wrong.
    """
    candidates: list[Path] = []
    locked: list[str] = []
    own: set[Path] = set()

    def keep_locked(error: OSError) -> None:
        locked.append(error.filename)

    for folder, subfolders, names in os.walk(name, onerror=keep_locked):
        visible = [subfolder for subfolder in subfolders if not subfolder.startswith(_HIDDEN)]
        results = {
            subfolder
            for subfolder in visible
            if _is_result_folder(os.path.join(folder, subfolder), output)
        }
        own |= {Path(folder, subfolder) for subfolder in results}
        # what `os.walk` is to go into
        subfolders[:] = [subfolder for subfolder in visible if subfolder not in results]
        candidates += (Path(folder, file) for file in names if not file.startswith(_HIDDEN))
    paths = sorted(filter(Path.is_file, candidates))
    files = [path for path in paths if _is_zip(path.name) or is_input(path.name, tables)]
    others = sorted(set(paths) - set(files))
    written_to = output is not None and _is_same_folder(name, output)
    written = own_files(Path(name), files, reading_rows=not written_to)
    _warn_of_own_files(name, own | written)
    inputs: list[str] = []
    for path in files:
        if path not in written:
            inputs += _file_or_members(path, tables)
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


def _is_result_folder(folder: str, output: Path | None) -> bool:
    return is_output_folder(folder) or (output is not None and _is_same_folder(folder, output))


def _is_same_folder(folder: str, other: Path) -> bool:
    try:
        return os.path.samefile(folder, other)
    except OSError:  # it is not there yet
        return False


def _warn_of_own_files(name: str, own: Collection[Path]) -> None:
    """Warn of results that are left out; a journal alone is nothing to tell."""
    if named := sorted(path.name for path in own if path.name != JOURNAL):
        warnings.warn(f"{name}: left out what tipclassify wrote: {_named(named)}", stacklevel=2)


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _zip_members(archive: str, tables: Sequence[str]) -> list[str]:
    """Return the reports in a zip archive.

    One without any is returned itself, so that reading it reports what is wrong.
    """
    try:
        members = list_zip_members(archive)
    except InputError:
        return [archive]
    files = [member for member in members if is_input(member, tables)]
    others = [member for member in members if not is_input(member, tables)]
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
