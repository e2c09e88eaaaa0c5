"""Read reports and workbooks in a child process, since libraries that read hostile bytes may crash.

A crash, a hang or all memory taken then costs one input only. The child is started for the first
input that needs one, and reads all that follow; it does not outlive its parent. A request is a line
of JSON and the bytes of a file, an answer is JSON.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Final

import msgspec

from tipclassify.errors import InputError, TipclassifyError, unreadable
from tipclassify.readers import ReadOptions, format_of, read_bytes, read_source_bytes
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.rows import (
    NumberedLine,
    in_batches,
    line_size,
    read_csv_lines,
    read_sheet_lines,
)
from tipclassify.records import Document

if TYPE_CHECKING:
    from tipclassify.download.cache import Download

_PLAIN: Final = ReadOptions()
_SAFE: Final = "text"  # the format whose reader is in Python, and so cannot crash
_LENGTH: Final = struct.Struct("<Q")  # precedes each message
_MEMORY: Final = 4_000_000_000  # bytes of address space; 5,000 pages of a PDF take under two
# Seconds for a file, besides those for each megabyte. A PDF of 5,000 pages takes a minute or two.
_PATIENCE: Final = 600.0
_PATIENCE_FOR_A_MEGABYTE: Final = 10.0

_LAST_WORDS: Final = 2.0  # seconds for a child that has closed its pipe to end
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
)

_child: Child | None = None
_starting = threading.Lock()


class Answer(msgspec.Struct):
    """What was read, with the reader's warnings."""

    notes: list[str]
    problem: str  # "" where there is none
    document: Document | None = None
    rows: list[tuple[int, str]] = []  # of a sheet, up to the problem


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
    answer = None
    if format_of(gunzip(data, name), name, got) != _SAFE:
        answer = _ask(data, name, options, got)
    if answer is None:
        return read_bytes(data, name, options, got)
    for note in answer.notes:
        warnings.warn(note, stacklevel=2)
    if answer.document is None:
        raise InputError(answer.problem)
    digest = hashlib.sha256(data).hexdigest()
    return dataclasses.replace(answer.document, sha256=digest)


def read_table_isolated(path: str, options: ReadOptions = _PLAIN) -> Iterator[list[NumberedLine]]:
    """Read the rows of a table, or of the first sheet of a workbook, in batches.

    Rows without a text are left out, with a warning. A workbook is read in a child process. Raises
    `InputError` when the file is damaged, or has no column for the text.
    """
    data = read_bounded(path)
    read = _read_sheet if path.lower().endswith(".xlsx") else read_csv_lines
    yield from in_batches(read(data, path, options), line_size)


def _read_sheet(data: bytes, name: str, options: ReadOptions) -> Iterator[NumberedLine]:
    answer = _ask(data, name, options, is_sheet=True)
    if answer is None:
        yield from read_sheet_lines(data, name, options)
        return
    for number, line in answer.rows:
        yield number, line.encode()
    for note in answer.notes:
        warnings.warn(note, stacklevel=2)
    if answer.problem:
        raise InputError(answer.problem)


def _ask(
    data: bytes,
    name: str,
    options: ReadOptions,
    got: Download | None = None,
    *,
    is_sheet: bool = False,
) -> Answer | None:
    """Return the child's answer; None if no process can be started here, as in some sandboxes.

    Raises `InputError` if it dies of the file, or is killed for it.
    """
    global _child
    download = None
    if got is not None:
        download = {**dataclasses.asdict(got), "data": ""}
    fields = {
        "name": name,
        "options": dataclasses.asdict(options),
        "is_sheet": is_sheet,
        "download": download,
    }
    request = json.dumps(fields).encode() + b"\n" + data  # ASCII, also for names of any bytes
    seconds = _PATIENCE + _PATIENCE_FOR_A_MEGABYTE * len(data) / 1e6
    try:
        with _starting:
            if _child is None or not _child.close.alive or _child.owner != os.getpid():
                _child = Child(__name__)
            child = _child
        return parse_answer(child.ask(request, seconds))
    except ChildDiedError as error:
        why = f"took over {seconds:,.0f} s" if error.timed_out else str(error)
        remedy = "save it in another format, and report this to us"
        raise InputError(f"{name}: cannot be read ({why}); {remedy}") from None
    except OSError:
        return None


def parse_answer(message: bytes) -> Answer:
    """Make a document or rows of plain values.

    Nothing else comes out of the child, even if it was taken over.
    """
    return msgspec.convert(json.loads(message), Answer)


# --------------------------------------------------------------------------------- the child


def main() -> None:
    """Read what the parent sends, until it is gone."""
    _limit_memory(_MEMORY)
    serve(_answer)


def _answer(message: bytes) -> bytes:
    """Read the file of a request; return what was read, with the warnings."""
    from tipclassify.download.cache import Download

    head, _, data = message.partition(b"\n")
    fields = json.loads(head)
    name = fields["name"]
    options = ReadOptions(**fields["options"])
    download = None
    if fields["download"]:
        download = Download(**{**fields["download"], "data": data})
    document: Document | None = None
    rows: list[tuple[int, str]] = []
    problem = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            if fields["is_sheet"]:
                for number, line in read_sheet_lines(data, name, options):
                    rows.append((number, line.decode()))
            else:
                document = read_bytes(data, name, options, download)
        except TipclassifyError as error:
            problem = str(error)
        except Exception as error:
            problem = str(unreadable(name, error))
    answer = {
        "notes": [str(warning.message) for warning in caught if warning.category is UserWarning],
        "problem": problem,
        "document": document and dataclasses.asdict(document),
        "rows": rows,
    }
    return json.dumps(answer).encode()


# -------------------------------------------------------------------------------- its process


class ChildDiedError(Exception):
    """The child ended without an answer; `timed_out` if it was killed because it took too long."""

    def __init__(self, code: int | None, timed_out: bool) -> None:
        self.timed_out = timed_out
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        super().__init__("took too long" if timed_out else f"its process ended with {how}")


class Child:
    """A Python process that runs ``main()`` of a module, which calls `serve`.

    It has no terminal: what it prints is lost, and Ctrl-C does not reach its Python code. Raises
    `OSError` when no process can be started.
    """

    def __init__(self, module: str) -> None:
        if not sys.executable:
            raise OSError("no Python interpreter is known")
        self.owner = os.getpid()  # a fork must not talk to its parent's child
        self._lock = threading.Lock()  # answers come in the order of the requests
        command = [sys.executable, "-c", _START.format(module=module), json.dumps(sys.path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.close = weakref.finalize(self, kill_child, self._process, self.owner)

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Send a request and return the answer.

        Raises `ChildDiedError` if there is none in `seconds`.
        """
        with self._lock:
            expired = threading.Event()

            def expire() -> None:
                expired.set()
                self._process.kill()

            timer = threading.Timer(seconds, expire)
            timer.daemon = True
            try:
                timer.start()
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                _send(self._process.stdin, request)
                return _receive(self._process.stdout)
            except (OSError, EOFError, ValueError):  # ValueError: of a pipe that was closed before
                # it is ending: by itself, and its code says how
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_LAST_WORDS)
                self.close()
                raise ChildDiedError(self._process.returncode, expired.is_set()) from None
            # a signal: the answer that is on its way would be taken for the next one
            except BaseException:
                self.close()
                raise
            finally:
                timer.cancel()


def kill_child(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill a child, unless this is a fork of the process that started it."""
    if os.getpid() != owner:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()


def _limit_memory(most: int) -> None:
    """Limit this process to `most` bytes of address space, where the system keeps such a limit.

    Linux does. Elsewhere there is none, or it is not kept. No memory is written to disk when the
    process crashes.
    """
    # a thread of these takes address space for itself
    os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)  # it may be lowered only
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(answer: Callable[[bytes], bytes]) -> None:
    """Answer requests until the parent is gone, as the ``main()`` of a child.

    A thread reads them, so that the process ends with its parent even while it works.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stdin = sys.stdin.buffer
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def receive() -> None:
        try:
            while True:
                requests.put(_receive(stdin))
        except (OSError, EOFError):
            os._exit(0)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        _send(stdout, answer(requests.get()))


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    (size,) = _LENGTH.unpack(_read_exactly(pipe, _LENGTH.size))
    return _read_exactly(pipe, size)


def _read_exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data
