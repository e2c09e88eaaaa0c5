"""Read OpenDocument, rich text and old Word files.

LibreOffice or pandoc, where one is installed, converts them to .docx. They are programs of others
that read files of others, so they run with bounds: on time, memory and size, in a folder of their
own that is removed afterwards, without macros, and without the network.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST, read_bounded
from tipclassify.readers.office import read_docx
from tipclassify.text.document import Document

__all__ = ["read_doc", "read_odt", "read_rtf"]

_SECONDS: Final = 120
_MEMORY: Final = 4_000_000_000  # bytes of address space; LibreOffice takes one
_OFFICE: Final = ("soffice", "libreoffice")
_OFFICE_OPTIONS: Final = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo")
# Folders in that of one conversion.
_OUTPUT: Final = "made"
_PROFILE: Final = "profile"
_PANDOC_READS: Final = ("odt", "rtf")
_KEPT_VARIABLES: Final = ("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "LD_LIBRARY_PATH")
_PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
_FOLDER_VARIABLES: Final = (
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
)
_NO_PROXY: Final = "http://127.0.0.1:9"  # the discard port of this machine, where nothing listens
# Starts a program within limits of address space and file size, which its own processes inherit.
_LIMITED: Final = """
import os, resource, sys
memory, size = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execvp(sys.argv[3], sys.argv[3:])
"""
_SECURITY: Final = "/org.openoffice.Office.Common/Security/Scripting"
_UPDATES: Final = "/org.openoffice.Office.Writer/Content/Update"


def _libreoffice_setting(path: str, name: str, value: str) -> str:
    """Write one setting of LibreOffice as it stands in a user's profile."""
    prop = f'<prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop>'
    return f'<item oor:path="{path}">{prop}</item>'


# No macros, no updates of links to other files, no content from other addresses.
_SETTINGS: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
{_libreoffice_setting(_SECURITY, "MacroSecurityLevel", "3")}
{_libreoffice_setting(_SECURITY, "DisableMacrosExecution", "true")}
{_libreoffice_setting(_SECURITY, "BlockUntrustedRefererLinks", "true")}
{_libreoffice_setting(_SECURITY, "DisableActiveContent", "true")}
{_libreoffice_setting(_UPDATES, "Link", "0")}
</oor:items>
"""


@dataclass(frozen=True, slots=True)
class _DocxConverter:
    """A program that converts other files to .docx."""

    name: str
    path: str

    def command(self, file: Path, kind: str) -> list[str]:
        """Return the command that writes a .docx file to the output folder beside `file`."""
        folder = file.parent / _OUTPUT
        if self.name == "pandoc":
            target = folder / file.with_suffix(".docx").name
            options = ["--sandbox", f"--from={kind}", "--to=docx", f"--output={target}"]
            return [self.path, *options, str(file)]
        profile = (file.parent / _PROFILE).as_uri()
        return [
            self.path,
            f"-env:UserInstallation={profile}",
            *_OFFICE_OPTIONS,
            "--convert-to",
            "docx",
            "--outdir",
            str(folder),
            str(file),
        ]


def read_odt(data: bytes, source: str) -> Document:
    """Read an OpenDocument text.

    Raises `InputError` if no converter is installed, or it cannot read the file.
    """
    return _convert_and_read(data, source, "odt", "an OpenDocument text (.odt)")


def read_rtf(data: bytes, source: str) -> Document:
    """Read a rich-text file; raise `InputError` as `read_odt` does."""
    return _convert_and_read(data, source, "rtf", "a rich-text file (.rtf)")


def read_doc(data: bytes, source: str) -> Document:
    """Read an old Word file; raise `InputError` as `read_odt` does; pandoc reads none."""
    return _convert_and_read(data, source, "doc", "an old Word file (.doc)")


def _convert_and_read(data: bytes, source: str, kind: str, what: str) -> Document:
    """Convert a file of a `kind`, called `what` in messages, and read the result."""
    converter = _find_docx_converter(kind)
    if converter is None:
        needed = "LibreOffice or pandoc" if kind in _PANDOC_READS else "LibreOffice"
        remedy = "install it, or save as .docx or PDF"
        raise InputError(f"{source}: {what}, which needs {needed} on the path; {remedy}")
    return read_docx(_convert_to_docx(data, source, kind, converter), source)


def _find_docx_converter(kind: str) -> _DocxConverter | None:
    """Return the first program on the path that reads files of a kind."""
    for name in _OFFICE:
        if path := shutil.which(name):
            return _DocxConverter(name, path)
    if kind in _PANDOC_READS and (path := shutil.which("pandoc")):
        return _DocxConverter("pandoc", os.path.realpath(path))
    return None


def _convert_to_docx(data: bytes, source: str, kind: str, converter: _DocxConverter) -> bytes:
    """Convert a file in a new folder.

    Raises `InputError` if that fails, or takes too long or too much.
    """
    save = "save it as .docx or PDF"
    with tempfile.TemporaryDirectory(prefix="tipclassify-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        file = folder / f"report.{kind}"
        file.write_bytes(data)
        output = folder / _OUTPUT
        output.mkdir()
        settings = folder / _PROFILE / "user" / "registrymodifications.xcu"
        settings.parent.mkdir(parents=True)
        settings.write_text(_SETTINGS, "utf-8")
        exit_code = _run_converter(
            _bounded_converter_command(converter.command(file, kind)), folder
        )
        if exit_code is None:
            raise InputError(
                f"{source}: {converter.name} took over {_SECONDS} seconds to read it; {save}"
            )
        results = sorted(output.glob("*.docx"))
        if exit_code != 0 or not results or results[0].is_symlink():
            raise InputError(
                f"{source}: {converter.name} cannot read it (damaged, or too large?); {save}"
            )
        return read_bounded(str(results[0]))


def _bounded_converter_command(command: list[str]) -> list[str]:
    """Return the command with limits on memory and file size, without a network.

    Where the system has no such limits, there are none.
    """
    if sys.platform == "win32":
        return command
    limits = [sys.executable, "-I", "-c", _LIMITED, str(_MEMORY), str(LARGEST)]
    return [*_converter_command_without_network(), *limits, *command]


@cache
def _converter_command_without_network() -> tuple[str, ...]:
    """Return the command prefix of a Linux namespace without network interfaces.

    It is empty if this user may make none.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    prefix = (unshare, "--map-current-user", "--net", "--")
    try:
        trial = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return prefix if trial.returncode == 0 else ()


def _run_converter(command: list[str], folder: Path) -> int | None:
    """Run a command that sees nothing of this process but the path.

    Returns its exit code, or None after the limit.
    """
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= dict.fromkeys(_PROXY_VARIABLES, _NO_PROXY)
    environment |= dict.fromkeys(_FOLDER_VARIABLES, str(folder))
    environment["LC_ALL"] = "C.UTF-8"
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return 1
    try:
        return process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end_converter(process)


def _end_converter(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started: LibreOffice leaves some behind."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
