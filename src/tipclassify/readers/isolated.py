"""Read reports in a child process, since the libraries that read hostile bytes may crash: that
costs one input only.

The child is started for the first input that needs one, and reads all that follow.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import threading
import warnings
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.isolation import Child, ChildDiedError, serve
from tipclassify.readers import ReadOptions, get_bytes, read_bytes
from tipclassify.readers.formats import detect_format, suffix_of
from tipclassify.readers.limits import gunzip
from tipclassify.text.document import Block, Document

if TYPE_CHECKING:
    from tipclassify.download import Download

__all__ = ["main", "read_bytes_isolated", "read_isolated", "unpack_answer"]

_PLAIN: Final = ReadOptions()
_SAFE: Final = ("text", "markdown")  # formats whose readers are in Python
_LENGTH: Final = struct.Struct("<Q")  # of what is said of a file, before its bytes

_child: Child | None = None
_starting = threading.Lock()


def read_isolated(name: str, options: ReadOptions = _PLAIN) -> Document:
    """Read a file, link or standard input as `read_report` does, in a child process.

    Raises `InputError` also if the input ends that process.
    """
    data, got = get_bytes(name, options)
    return read_bytes_isolated(data, name, options, got)


def read_bytes_isolated(
    data: bytes, name: str, options: ReadOptions = _PLAIN, got: Download | None = None
) -> Document:
    """Read a report from memory as `read_bytes` does, its warnings too, in a child process
    unless it is plain text."""
    if _is_safe(data, name, got):
        return read_bytes(data, name, options, got)
    try:
        child = _running_child()
    except OSError:  # no process can be started here, as in some sandboxes
        return read_bytes(data, name, options, got)
    try:
        answer = child.ask(_pack_request(data, name, options, got))
    except ChildDiedError as error:
        remedy = "save it in another format, and report this to us"
        raise InputError(f"{name}: cannot be read ({error}); {remedy}") from None
    document, notes, problem = unpack_answer(answer)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if document is None:
        raise InputError(problem)
    return document


def _is_safe(data: bytes, name: str, got: Download | None) -> bool:
    suffix = (suffix_of(got.url) if got else "") or suffix_of(name)
    return (
        detect_format(gunzip(data, name), name, suffix, got.content_type if got else None) in _SAFE
    )


def _running_child() -> Child:
    """Return the child of this process, a new one if it has none or the last one died."""
    global _child
    with _starting:
        if _child is None or not _child.close.alive or _child.owner != os.getpid():
            _child = Child(__name__)
        return _child


def _pack_request(data: bytes, name: str, options: ReadOptions, got: Download | None) -> bytes:
    """Join what is said of a file, as JSON, and its bytes."""
    # its bytes are those of the file
    download = None if got is None else {**dataclasses.asdict(got), "data": ""}
    # ASCII, also for names of any bytes
    about = json.dumps([name, dataclasses.asdict(options), download]).encode()
    return _LENGTH.pack(len(about)) + about + data


def _answer(request: bytes) -> bytes:
    from tipclassify.download import Download

    (length,) = _LENGTH.unpack_from(request)
    start = _LENGTH.size + length
    data = request[start:]
    name, options, download = json.loads(request[_LENGTH.size : start])
    got = None if download is None else Download(**{**download, "data": data})
    document = None
    problem = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            document = read_bytes(data, name, ReadOptions(**options), got)
        except TipclassifyError as error:
            problem = str(error)
        except Exception as error:
            problem = str(broken_input(name, error))
    notes = [str(one.message) for one in caught if one.category is UserWarning]
    return json.dumps(
        [None if document is None else dataclasses.asdict(document), notes, problem]
    ).encode()


def unpack_answer(answer: bytes) -> tuple[Document | None, list[str], str]:
    """Make a document of plain values: nothing else comes out of the child, even if it was taken
    over."""
    fields, notes, problem = json.loads(answer)
    if fields is None:
        return None, list(map(str, notes)), str(problem)
    blocks = tuple(Block(**block) for block in fields.pop("blocks"))
    return Document(blocks=blocks, **fields), list(map(str, notes)), ""


def main() -> None:
    """Read what the parent sends, until it is gone."""
    serve(_answer)
