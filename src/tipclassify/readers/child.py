"""Read reports and workbooks in a child process, since libraries that read hostile bytes may crash.

A crash, a hang or all memory taken then costs one input only. The child is started for the first
input that needs one, and reads all that follow.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict

from tipclassify.errors import InputError, TipclassifyError, convert_exception_to_input_error
from tipclassify.isolation import Child, ChildDiedError, limit_memory, serve
from tipclassify.readers import ReadOptions, read_bytes, read_source_bytes
from tipclassify.readers.formats import detect_format, suffix_of
from tipclassify.readers.limits import gunzip
from tipclassify.readers.rows import NumberedLine
from tipclassify.records import Block, Document, PageStart

if TYPE_CHECKING:
    from tipclassify.download.cache import Download

__all__ = [
    "main",
    "read_bytes_isolated",
    "read_report_isolated",
    "read_sheet_isolated",
    "unpack_read_answer",
]

_PLAIN: Final = ReadOptions()
_SAFE: Final = ("text", "markdown")  # formats whose readers are in Python
_LENGTH: Final = struct.Struct("<Q")  # of the JSON before the bytes of a file or of rows
_MEMORY: Final = 4_000_000_000  # bytes of address space; 5,000 pages of a PDF take under two
# Seconds for a file, besides those for each megabyte. A PDF of 5,000 pages takes a minute or two.
_PATIENCE: Final = 600.0
_PATIENCE_FOR_A_MEGABYTE: Final = 10.0

_child: Child | None = None
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class _ReadRequest:
    """A file to be read."""

    name: str
    data: bytes
    options: ReadOptions
    download: Download | None = None
    is_sheet: bool = False


@dataclass(frozen=True, slots=True)
class _ReadAnswer:
    """What was read, with the reader's warnings; `problem` is "" where there is none."""

    notes: list[str]
    problem: str
    document: Document | None = None
    rows: tuple[NumberedLine, ...] = ()  # of a sheet, up to the problem


def read_report_isolated(name: str, options: ReadOptions = _PLAIN) -> Document:
    """Read a file, link or standard input as `read_report` does, in a child process.

    Raises `InputError` also if the input ends that process.
    """
    data, got = read_source_bytes(name, options)
    return read_bytes_isolated(data, name, options, got)


def read_bytes_isolated(
    data: bytes, name: str, options: ReadOptions = _PLAIN, got: Download | None = None
) -> Document:
    """Read a report from memory as `read_bytes` does, in a child process unless it is plain text.

    The reader's warnings are given here.
    """
    if _has_safe_reader(data, name, got):
        return read_bytes(data, name, options, got)
    request = _ReadRequest(name, data, options, got)
    try:
        child = _running_reading_child()
    except OSError:  # no process can be started here, as in some sandboxes
        return read_bytes(data, name, options, got)
    answer = unpack_read_answer(_ask_reading_child(child, request))
    for note in answer.notes:
        warnings.warn(note, stacklevel=2)
    if answer.document is None:
        raise InputError(answer.problem)
    return answer.document


def read_sheet_isolated(data: bytes, name: str, options: ReadOptions) -> Iterator[NumberedLine]:
    """Read the rows of a workbook as `tables.read_sheet_lines` does, in a child process."""
    request = _ReadRequest(name, data, options, is_sheet=True)
    try:
        child = _running_reading_child()
    except OSError:
        from tipclassify.readers.rows import read_sheet_lines

        yield from read_sheet_lines(data, name, options)
        return
    answer = unpack_read_answer(_ask_reading_child(child, request))
    yield from answer.rows
    for note in answer.notes:
        warnings.warn(note, stacklevel=2)
    if answer.problem:
        raise InputError(answer.problem)


def _ask_reading_child(child: Child, request: _ReadRequest) -> bytes:
    """Return the child's answer; raise `InputError` if it dies of the file, or is killed for it."""
    megabytes = len(request.data) / 1e6
    seconds = _PATIENCE + _PATIENCE_FOR_A_MEGABYTE * megabytes
    try:
        return child.ask(_pack_read_request(request), seconds)
    except ChildDiedError as error:
        why = f"took over {seconds:,.0f} s" if error.timed_out else str(error)
        remedy = "save it in another format, and report this to us"
        raise InputError(f"{request.name}: cannot be read ({why}); {remedy}") from None


def _has_safe_reader(data: bytes, name: str, got: Download | None) -> bool:
    """Return whether the reader of a file is in Python, and so cannot crash."""
    suffix = suffix_of(name)
    declared: str | None = None
    if got is not None:
        suffix = suffix_of(got.url) or suffix
        declared = got.content_type
    return detect_format(gunzip(data, name), name, suffix, declared) in _SAFE


def _running_reading_child() -> Child:
    """Return the child of this process, a new one if it has none or the last one died."""
    global _child
    with _starting:
        if _child is None or not _child.close.alive or _child.owner != os.getpid():
            _child = Child(__name__)
        return _child


# ---------------------------------------------------------------------------------- messages


class _ReadRequestFields(TypedDict):
    """Plain values of a `_ReadRequest`, without the bytes of the file."""

    name: str
    options: dict[str, object]  # of `ReadOptions`
    is_sheet: bool
    download: dict[str, object] | None  # of `Download`


class _ReadAnswerFields(TypedDict):
    """Plain values of an `_ReadAnswer`, without the text of rows."""

    notes: list[str]
    problem: str
    document: dict[str, object] | None  # of `Document`
    numbers: list[int]  # of rows


def _pack_read_message(fields: _ReadRequestFields | _ReadAnswerFields, data: bytes) -> bytes:
    """Join plain values, as JSON, and bytes."""
    head = json.dumps(fields).encode()  # ASCII, also for names of any bytes
    return _LENGTH.pack(len(head)) + head + data


def _split_isolated_reader_message(message: bytes) -> tuple[bytes, bytes]:
    """Return the JSON of a message, and the bytes after it."""
    (length,) = _LENGTH.unpack_from(message)
    end = _LENGTH.size + length
    return message[_LENGTH.size : end], message[end:]


def _pack_read_request(request: _ReadRequest) -> bytes:
    download = None
    if request.download is not None:
        download = dataclasses.asdict(request.download)
        del download["data"]  # the bytes of the file
    fields = _ReadRequestFields(
        name=request.name,
        options=dataclasses.asdict(request.options),
        is_sheet=request.is_sheet,
        download=download,
    )
    return _pack_read_message(fields, request.data)


def _unpack_read_request(message: bytes) -> _ReadRequest:
    from tipclassify.download.cache import Download

    head, data = _split_isolated_reader_message(message)
    fields = json.loads(head)
    download = None
    if fields["download"] is not None:
        download = Download(data=data, **fields["download"])
    options = ReadOptions(**fields["options"])
    return _ReadRequest(fields["name"], data, options, download, fields["is_sheet"])


def _pack_read_answer(answer: _ReadAnswer) -> bytes:
    document = answer.document
    fields = _ReadAnswerFields(
        notes=answer.notes,
        problem=answer.problem,
        document=None if document is None else dataclasses.asdict(document),
        numbers=[number for number, _ in answer.rows],
    )
    return _pack_read_message(fields, b"\n".join(line for _, line in answer.rows))


def unpack_read_answer(message: bytes) -> _ReadAnswer:
    """Make a document or rows of plain values.

    Nothing else comes out of the child, even if it was taken over.
    """
    head, lines = _split_isolated_reader_message(message)
    fields = json.loads(head)
    notes = [str(note) for note in fields["notes"]]
    problem = str(fields["problem"])
    if fields["numbers"]:
        numbers = map(int, fields["numbers"])
        rows = tuple(zip(numbers, lines.split(b"\n"), strict=True))
        return _ReadAnswer(notes, problem, rows=rows)
    document = fields["document"]
    if document is None:
        return _ReadAnswer(notes, problem)
    blocks = tuple(map(_unpack_read_block, document.pop("blocks")))
    return _ReadAnswer(notes, problem, Document(blocks=blocks, **document))


def _unpack_read_block(fields: dict[str, Any]) -> Block:
    """Make a block of plain values, in which its pages are lists."""
    later_pages = tuple(PageStart(*page_start) for page_start in fields.pop("later_pages", ()))
    return Block(**fields, later_pages=later_pages)


# --------------------------------------------------------------------------------- the child


def _answer_read_request(message: bytes) -> bytes:
    """Read the file of a request, and return what was read with the warnings."""
    request = _unpack_read_request(message)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        answer = (
            _read_requested_sheet(request) if request.is_sheet else _read_report_in_child(request)
        )
    notes = [str(warning.message) for warning in caught if warning.category is UserWarning]
    return _pack_read_answer(dataclasses.replace(answer, notes=notes))


def _read_report_in_child(request: _ReadRequest) -> _ReadAnswer:
    try:
        document = read_bytes(request.data, request.name, request.options, request.download)
    except Exception as error:
        return _ReadAnswer([], _isolated_reader_error_message(request, error))
    return _ReadAnswer([], "", document)


def _read_requested_sheet(request: _ReadRequest) -> _ReadAnswer:
    from tipclassify.readers.rows import read_sheet_lines

    rows: list[NumberedLine] = []
    problem = ""
    try:
        rows.extend(read_sheet_lines(request.data, request.name, request.options))
    except Exception as error:
        problem = _isolated_reader_error_message(request, error)
    return _ReadAnswer([], problem, rows=tuple(rows))


def _isolated_reader_error_message(request: _ReadRequest, error: Exception) -> str:
    """Return the message of an error, in the form of this package's own."""
    if isinstance(error, TipclassifyError):
        return str(error)
    return str(convert_exception_to_input_error(request.name, error))


def main() -> None:
    """Read what the parent sends, until it is gone."""
    limit_memory(_MEMORY)
    serve(_answer_read_request)
