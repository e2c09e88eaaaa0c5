"""Output of the commands: results to stdout or atomically to a file; notes and warnings as lines on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import typer

from tipclassify.errors import InputError
from tipclassify.formatting import json_line


def print_note(line: str) -> None:
    """Print a line on standard error, prefixed with the program's name."""
    print(f"tipclassify: {line}", file=sys.stderr, flush=True)


def print_notes(lines: Sequence[str], most: int = 20) -> None:
    """Print the first `most` lines of one kind on standard error, and the number of the others."""
    for line in lines[:most]:
        print_note(line)
    if len(lines) > most:
        print_note(f"and {len(lines) - most:,} more of this kind")


def print_warnings(notes: Iterable[str]) -> None:
    """Print a report's notes as warnings on standard error."""
    for note in notes:
        print_note(f"warning: {note}")


def show_warnings(program: str = "tipclassify") -> None:
    """Show Python warnings as single lines prefixed with the program's name."""
    warnings.showwarning = lambda message, *_: print(f"{program}: warning: {message}", file=sys.stderr)


def write_results(path: Path | None, format: str, rows: Iterable[dict[str, Any]], table: str) -> None:
    """Write the rows as JSON lines, or the table, depending on `format`."""
    if format == "jsonl":
        write_rows(path, rows)
    else:
        write_text(path, table)


def write_rows(path: Path | None, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines."""
    with open_output(path) as out:
        out.writelines(map(json_line, rows))


def write_text(path: Path | None, text: str) -> None:
    """Write a text and a line break."""
    with open_output(path) as out:
        out.write(text + "\n")


@contextlib.contextmanager
def open_output(path: Path | None, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a text (or binary) stream to `path`, or to stdout for None; a file is renamed into place when complete."""
    if path is None:
        try:
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (head, less) has closed the pipe. Without this, Python would fail again in its flush at exit.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None
        return
    text: dict[str, Any] = {} if binary else {"encoding": "utf-8", "newline": ""}
    if path.exists() and not path.is_file():  # a device or pipe, such as /dev/null, is written to and never replaced
        try:
            special = open(path, "wb" if binary else "w", **text)  # noqa: SIM115
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --output") from None
        with special as out:
            yield out
        return
    staged = path.with_name(f".{path.name}-{os.urandom(4).hex()}")  # named before it exists, so it is always removed
    try:
        try:
            made = open(staged, "xb" if binary else "x", opener=_private, **text)  # noqa: SIM115
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --output") from None
        with made as out:
            yield out
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(staged, 0o666 & ~umask)
        os.replace(staged, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(staged)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
