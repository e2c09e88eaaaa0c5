"""Serve commands: each is forked from a Python whose imports are done.

It runs as ``python -m tipclassify``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["CommandServer", "limit_files"]

ROOT = Path(__file__).resolve().parents[1]
# Modules that no command below imports, and many others do.
IMPORTED_BY_MOST = (
    "onnxruntime",
    "openpyxl",
    "tokenizers",
    "tipclassify.model.encoder.files",
    "tipclassify.model.encoder.session",
    "tipclassify.model.encoder.scoring",
    "tipclassify.write.rows",
)
# Modules that take long to import, by the command that does.
IMPORTED_BY = {
    "corpus": ("scipy.sparse",),
    "review": ("tipclassify.app.server",),
}


class CommandServer:
    """Server process that forks a child for each command."""

    def __init__(self) -> None:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            command = [sys.executable, __file__, str(there.fileno())]
            streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            self._process = subprocess.Popen(command, pass_fds=[there.fileno()], **streams)
        self._socket = here

    def run(
        self,
        args: list[str],
        stdin: bytes,
        env: dict[str, str],
        timeout: float,
        most_bytes: int | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command; return what `subprocess.run` would.

        It can write no file of more than `most_bytes`.
        """
        with (
            tempfile.TemporaryFile() as into,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
        ):
            into.write(stdin)
            into.seek(0)
            request = {"args": args, "env": env, "cwd": os.getcwd(), "most_bytes": most_bytes}
            asked = json.dumps(request).encode()
            self._socket.settimeout(None)  # the server's own imports are not the command's time
            socket.send_fds(self._socket, [asked], [into.fileno(), out.fileno(), errors.fileno()])
            process = int(self._socket.recv(99))
            self._socket.settimeout(timeout)
            try:
                code = int(self._socket.recv(99))
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                self._socket.recv(99)
                raise subprocess.TimeoutExpired(args, timeout) from None
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(args, code, out.read(), errors.read())

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def limit_files(most_bytes: int) -> None:
    """Let this process write no file of more bytes, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def import_those(modules: tuple[str, ...]) -> None:
    """Import modules, except those whose packages are not installed."""
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def import_for_all() -> None:
    """Import and read what most commands need.

    That is their modules, the readers, names of countries, `fast`, and the modules of the default:
    a session of ONNX Runtime survives no fork.
    """
    import rich.columns
    import rich.markdown
    import rich.panel  # noqa: F401

    from tipclassify.cli.app import app
    from tipclassify.errors import InputError
    from tipclassify.readers import read_report

    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as where the package imports it
    import_those(IMPORTED_BY_MOST)
    files = Path(__file__).parent / "files"
    page = ROOT / "data" / "samples" / "karvonia-2024.html"
    others = [files / name for name in ("sample.epub", "word-report.docx", "one-column.pdf")]
    for path in (page, *others):
        with contextlib.suppress(InputError):  # where an extra is missing
            read_report(path)
    report = str(files / "report.txt")
    fast = ("--model", "fast")
    for args in (
        ["text", os.devnull],
        ["score", report, *fast],
        ["score", report, "-f", "html", *fast],
        ["compare", report, report, *fast],
    ):
        with contextlib.suppress(InputError, SystemExit):
            app(args)


def serve(commands: socket.socket) -> list[str]:
    """Fork for each requested command. Returns in the child, with its arguments."""
    while True:
        asked, streams, *_ = socket.recv_fds(commands, 2**20, 3)
        if not asked:
            os._exit(0)
        given = json.loads(asked)
        if given["args"]:
            import_those(IMPORTED_BY.get(given["args"][0], ()))
        if child := os.fork():
            commands.send(b"%d" % child)
            for stream in streams:
                os.close(stream)
            commands.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            continue
        commands.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(given["env"])
        os.chdir(given["cwd"])
        if given["most_bytes"] is not None:
            limit_files(given["most_bytes"])
        sys.path[0] = given["cwd"]
        return list(given["args"])


if __name__ == "__main__":
    from forked_child import ForkedChild

    from tipclassify.readers import child

    child.Child = ForkedChild  # in place of a new Python
    import_for_all()
    gc.freeze()  # what is not looked through is not copied either
    sys.argv[1:] = serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("tipclassify", run_name="__main__", alter_sys=True)
