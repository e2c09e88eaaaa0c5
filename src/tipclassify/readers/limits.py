"""Read and decompress files, which may be hostile: limits of size, compression ratio and method."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from typing import IO, Final

from tipclassify.errors import InputError

# bytes of a file, compressed and decompressed; the longest real report has two million
LARGEST: Final = 100_000_000
# bytes of markup parsed in Python, which takes seconds a megabyte at worst
LARGEST_MARKUP: Final = 10_000_000
MAX_RATIO: Final = 200  # text compresses 20 to 1; 200 to 1 is a decompression bomb
MIN_SUSPICIOUS_BYTES: Final = 10_000_000  # below it, a blank picture may compress as far
ALLOWED_COMPRESSION: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED: Final = 0x1  # flag bit of a zip entry

_TOO_LARGE: Final = f"over the limit of {LARGEST / 1e6:.0f} MB; split it"
_DAMAGED: Final = "damaged or incomplete file; download it or save it again"
_MOST_MEMBERS: Final = 10_000  # files of a zip archive
_ENTRY: Final = b"PK\x01\x02"  # begins an entry of the directory of a zip file
_END: Final = b"PK\x05\x06"  # begins its last record, of this size and a comment
_END_SIZE: Final = 22
_LONGEST_END: Final = _END_SIZE + (1 << 16)
_LOCATOR: Final = b"PK\x06\x07"  # of zip64, before that record
_LOCATOR_SIZE: Final = 20
_MEMBER: Final = re.compile(r"(.+?\.zip)[/\\](.+)", re.IGNORECASE | re.DOTALL)
# begins the names of hidden files, of lock files, of a folder that macOS adds
_HIDDEN: Final = (".", "~$", "__MACOSX")

ZIP_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    RuntimeError,
)
"""Exceptions of zipfile for bytes that are no zip file, or a truncated or altered one."""


def read_bounded(name: str) -> bytes:
    """Read a file or pipe, a file in a zip archive, or standard input for ``-``.

    One in an archive is named ``all.zip/togo.pdf``. Raises `InputError` if it is unreadable or
    larger than `LARGEST`.
    """
    try:
        if name == "-":
            return read_stream(sys.stdin.buffer, name)
        archived = split_zip_path(name)
        if archived is not None:
            archive_path, member = archived
            with open_zip(archive_path, archive_path) as archive:
                return read_zip_member(archive, member, name)
        mode = os.stat(name).st_mode
        if stat.S_ISDIR(mode):
            os.scandir(name).close()  # why it cannot be opened comes first
            raise InputError(f"{name}: a folder; give the files in it")
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise InputError(f"{name}: a device or socket; give a file")
        with open(name, "rb") as file:
            return read_stream(file, name)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
    except ValueError:
        problem = "no such path, a nul is in it"
    raise InputError(f"{name}: {problem}; check the path".replace("\0", "\\0"))


def list_zip_members(path: str) -> list[str]:
    """Return the paths of all files in a zip archive but hidden ones, in order.

    Raises `InputError` if it is damaged.
    """
    with open_zip(path, path) as archive:
        names = {entry.filename for entry in archive.infolist() if not entry.is_dir()}
    shown = [name for name in names if not any(p.startswith(_HIDDEN) for p in name.split("/"))]
    return [f"{path}/{name}" for name in sorted(shown)]


def split_zip_path(path: str) -> tuple[str, str] | None:
    """Split ``all.zip/togo.pdf`` into the path of the archive and the name in it.

    None for other paths.
    """
    match = _MEMBER.fullmatch(path)
    if match is None or os.path.exists(path) or not os.path.isfile(match[1]):
        return None
    return match[1], match[2].replace("\\", "/")


def read_stream(file: IO[bytes], name: str) -> bytes:
    """Read a stream to its end; raise `InputError` when it is larger than `LARGEST`."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{name}: {_TOO_LARGE}")
    return data


def gunzip(data: bytes, name: str) -> bytes:
    """Decompress a gzip file, return other data as they are.

    Raises `InputError` if damaged, or over `LARGEST` bytes.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(LARGEST + 1)
    except (EOFError, OSError, zlib.error, struct.error):
        raise InputError(f"{name}: damaged or incomplete gzip file; download it again") from None
    if len(unpacked) > LARGEST:
        raise InputError(f"{name}: unpacks to over {LARGEST / 1e6:.0f} MB; unpack and split it")
    return unpacked


def open_zip(file: bytes | str, name: str) -> zipfile.ZipFile:
    """Open a zip file, its bytes or its path.

    Raises `InputError` if damaged, encrypted, too large decompressed, or suspiciously compressed.
    """
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else open(file, "rb") as stream:
            number = _count_entries(stream)
        if number > _MOST_MEMBERS:
            raise InputError(f"{name}: {number:,} files in it, over {_MOST_MEMBERS:,}; split it")
        archive = zipfile.ZipFile(io.BytesIO(file) if isinstance(file, bytes) else file)
        entries = archive.infolist()
    except ZIP_DAMAGE:
        raise InputError(f"{name}: {_DAMAGED}") from None
    # these sizes can be trusted: zipfile decompresses no entry beyond its own
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST:
        raise InputError(f"{name}: unpacks to {size / 1e6:.0f} MB, {_TOO_LARGE}")
    # large, and compressed as no text is
    if any(e.file_size > max(MIN_SUSPICIOUS_BYTES, MAX_RATIO * e.compress_size) for e in entries):
        ratio = f"over {MAX_RATIO} times its size, as no report does"
        raise InputError(f"{name}: unpacks to {ratio}; check where it comes from")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise InputError(f"{name}: locked with a password; save it without one")
    if any(entry.compress_type not in ALLOWED_COMPRESSION for entry in entries):
        raise InputError(f"{name}: packed in an unusual way; open it and save it again")
    return archive


def _count_entries(file: IO[bytes]) -> int:
    """Count the entries of a zip file's directory, each of which takes zipfile half a kilobyte.

    The count that the file states (APPNOTE.TXT, section 4.3.16) may be false.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_END))
    tail = file.read()
    end = tail.rfind(_END) if tail[-_END_SIZE:][:4] != _END else len(tail) - _END_SIZE
    is_zip64 = tail[: max(end, 0)][-_LOCATOR_SIZE:].startswith(_LOCATOR)
    before = size - len(tail) + end
    directory = int.from_bytes(tail[end + 12 : end + 16], "little")
    file.seek(0 if is_zip64 or directory > before else before - directory)
    return file.read(LARGEST).count(_ENTRY)


def read_zip_member(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """Read one member of a zip file; raise `InputError` when it is missing or damaged."""
    try:
        return archive.read(member)
    except KeyError:
        raise InputError(
            f"{name}: incomplete, {member[:100]!r} is missing; download it or save it again"
        ) from None
    except ZIP_DAMAGE:
        raise InputError(f"{name}: {_DAMAGED}") from None
