"""Read reports in a child process, since the libraries that read hostile bytes may crash: that costs one input only.

The child is started for the first input that needs one, and reads all that follow.
"""

from __future__ import annotations

import io
import os
import pickle
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError, TipclassifyError, broken_input
from tipclassify.isolation import Child, ChildDiedError, serve
from tipclassify.readers import ReadOptions, get_bytes, read_bytes
from tipclassify.readers.formats import detect_format, suffix_of
from tipclassify.readers.limits import gunzip
from tipclassify.text.document import Block, Document

if TYPE_CHECKING:
    from tipclassify.download import Download

__all__ = ["main", "read_bytes_isolated", "read_isolated"]

_PLAIN: Final = ReadOptions()
_SAFE: Final = ("text", "markdown")  # formats whose readers are in Python
_CLASSES: Final = {(kind.__module__, kind.__name__): kind for kind in (Block, Document)}

_child: Child | None = None
_starting = threading.Lock()


def read_isolated(name: str, options: ReadOptions = _PLAIN) -> Document:
    """Read a file, link or standard input as `read_report` does, in a child process.

    Raises `InputError` also if the input ends that process.
    """
    data, got = get_bytes(name, options)
    return read_bytes_isolated(data, name, options, got)


def read_bytes_isolated(data: bytes, name: str, options: ReadOptions = _PLAIN, got: Download | None = None) -> Document:
    """Read a report from memory as `read_bytes` does, its warnings too, in a child process unless it is plain text."""
    if _is_safe(data, name, got):
        return read_bytes(data, name, options, got)
    try:
        child = _running_child()
    except OSError:  # no process can be started here, as in some sandboxes
        return read_bytes(data, name, options, got)
    try:
        answer = child.ask(pickle.dumps((data, name, options, got)))
    except ChildDiedError as error:
        remedy = "save it in another format, and report this to us"
        raise InputError(f"{name}: cannot be read ({error}); {remedy}") from None
    document, notes, problem = _Answer(io.BytesIO(answer)).load()
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if problem is not None:
        raise InputError(problem)
    assert isinstance(document, Document)
    return document


def _is_safe(data: bytes, name: str, got: Download | None) -> bool:
    suffix = (suffix_of(got.url) if got else "") or suffix_of(name)
    return detect_format(gunzip(data, name), name, suffix, got.content_type if got else None) in _SAFE


def _running_child() -> Child:
    """Return the child of this process, a new one if it has none or the last one died."""
    global _child
    with _starting:
        if _child is None or not _child.close.alive or _child.owner != os.getpid():
            _child = Child(__name__)
        return _child


class _Answer(pickle.Unpickler):
    """Unpickler of documents and plain values: the child's answer makes nothing else, even if it was taken over."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _CLASSES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a document") from None


def _answer(request: bytes) -> bytes:
    data, name, options, got = pickle.loads(request)  # of our parent
    document = problem = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            document = read_bytes(data, name, options, got)
        except TipclassifyError as error:
            problem = str(error)
        except Exception as error:
            problem = str(broken_input(name, error))
    notes = [str(one.message) for one in caught if one.category is UserWarning]
    return pickle.dumps((document, notes, problem))


def main() -> None:
    """Read what the parent sends, until it is gone."""
    serve(_answer)
