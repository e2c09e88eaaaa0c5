"""Zip files of bundles: reproducible when written; untrusted when read, never unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final

from tipclassify.bundle.manifest import FileDigest
from tipclassify.errors import InputError, reason_of_error
from tipclassify.readers.limits import (
    ALLOWED_COMPRESSION,
    ENCRYPTED,
    MAX_RATIO,
    MIN_SUSPICIOUS_BYTES,
    ZIP_DAMAGE,
)

# bytes of all files; above 4 GB a file needs zip64, which is not read here
_LARGEST: Final = 2_000_000_000
# 400,000 passages: what is in memory when a bundle is verified follows from it
_LARGEST_FILE: Final = 200_000_000
_MOST_FILES: Final = 20_000
_LARGEST_DIRECTORY: Final = 8_000_000  # zipfile loads all of it at once
_LARGEST_LINE: Final = 20_000_000

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold
_UNIX: Final = 3
_MODE: Final = (stat.S_IFREG | 0o644) << 16
# end of central directory record, section 4.3.16 of APPNOTE.TXT
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = b"PK\x06\x07"  # of zip64, before that record
_LOCATOR_SIZE: Final = 20
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\:\ud800-\udfff]|(?:^|/)\.\.?(?:/|$)|^/|//")


def pack(archive: zipfile.ZipFile, name: str, content: IO[bytes] | bytes) -> FileDigest:
    """Add a file with the whole content of a stream; return its hash and size.

    Raises `InputError` when the bundle grows too large.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    file.seek(0)
    digest = _digest(file)
    before = archive.infolist()
    size = digest.size + sum(entry.file_size for entry in before)
    if digest.size > _LARGEST_FILE or size > _LARGEST or len(before) >= _MOST_FILES:
        most = f"{_LARGEST / 1e9:g} GB, {_LARGEST_FILE / 1e6:g} MB in a file"
        raise InputError(
            f"the bundle would have over {most}, or {_MOST_FILES:,} files; "
            "make several, of fewer inputs, and split an input of over 400,000 passages"
        )
    entry = zipfile.ZipInfo(name, _EPOCH)
    # the defaults depend on the system
    entry.create_system = _UNIX
    entry.external_attr = _MODE
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.seek(0)
    with archive.open(entry, "w") as out:
        shutil.copyfileobj(file, out)
    return digest


class Archive:
    """Reader of a bundle whose central directory was checked (`open_archive`).

    Its methods raise `InputError` for a file that is missing, damaged or too large.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self.names = frozenset(archive.namelist())
        self._zip = archive

    def read(self, member: str, largest: int) -> bytes:
        """Read a whole file of at most `largest` bytes."""
        with self._open(member) as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            large = f"has over {largest / 1e6:g} MB, as none has"
            raise InputError(f"{self.name}: {member} {large}; do not trust this file")
        return data

    def digest(self, member: str) -> FileDigest:
        """Compute the hash and size of a file."""
        with self._open(member) as file:
            return _digest(file)

    def lines(self, member: str) -> Iterator[bytes]:
        """Yield the lines of a file."""
        with self._open(member) as file:
            while line := file.readline(_LARGEST_LINE):
                if len(line) == _LARGEST_LINE:
                    raise InputError(
                        f"{self.name}: {member} has a line of over {_LARGEST_LINE / 1e6:g} MB"
                    )
                yield line

    @contextmanager
    def _open(self, member: str) -> Iterator[IO[bytes]]:
        if member not in self.names:
            raise InputError(f"{self.name}: {member} is missing; get the bundle anew")
        try:
            with self._zip.open(member) as file:
                yield file
        except ZIP_DAMAGE as error:
            reason = "it cannot be unpacked"
            if "CRC" in str(error):
                reason = "its checksum does not hold"
            what = f"{member} is damaged ({reason})"
            raise InputError(f"{self.name}: {what}; get the bundle anew") from None


def _digest(file: IO[bytes]) -> FileDigest:
    digest = hashlib.sha256()
    size = 0
    while chunk := file.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    return FileDigest(digest.hexdigest(), size)


@contextmanager
def open_archive(name: str) -> Iterator[Archive]:
    """Open a bundle; raise `InputError` when it is unreadable, no zip file, or malicious."""
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):
            raise InputError(f"{name}: not a file; give the bundle")
        # closed below; later errors are not about opening it
        file = open(name, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {reason_of_error(error)}; check the path") from None
    with file:
        if defect := _defect_at_end(file):
            raise InputError(f"{name}: {defect}")
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_DAMAGE:
            raise InputError(f"{name}: damaged zip file; get the bundle anew") from None
        with archive:
            if harm := _harm_in(archive.infolist()):
                raise InputError(f"{name}: {harm}")
            yield Archive(archive, name)


def _defect_at_end(file: BinaryIO) -> str | None:
    """Describe what is wrong with the end of a zip file; None for one that may be opened.

    Checked before zipfile, which would load a directory of any size.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(-min(size, _END.size + _LOCATOR_SIZE), os.SEEK_END)
    tail = file.read()
    record = tail[-_END.size :].rjust(_END.size)
    signature, _, _, _, entries, directory_size, _, comment_size = _END.unpack(record)
    if signature != b"PK\x05\x06" or comment_size:
        return "not a bundle (no zip file, or cut off); get it anew"
    has_zip64 = tail.startswith(_LOCATOR)
    if has_zip64 or entries > _MOST_FILES or directory_size > _LARGEST_DIRECTORY:
        most = f"more than {_MOST_FILES} files or 4 GB"
        return f"a zip file of {most}, as no bundle is; do not trust it"
    return None


def _harm_in(entries: list[zipfile.ZipInfo]) -> str | None:
    """Describe what no honest bundle has: unsafe names, links, duplicates, bombs; else None."""
    names: set[str] = set()
    for entry in entries:
        member = entry.filename
        shown = f"{entry.orig_filename!r:.100}"
        if entry.orig_filename != member or _UNSAFE.search(member) or not member:
            where = "a name that could be written outside of a folder"
            return f"holds {shown}, {where}; do not unpack it"
        if entry.is_dir() or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            return f"holds {shown}, a folder, link or device and no file; do not unpack it"
        if member.casefold() in names:
            return f"holds {shown} twice, so that it can be read in two ways; do not trust it"
        names.add(member.casefold())
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in ALLOWED_COMPRESSION:
            odd = "locked with a password or packed in an unusual way"
            return f"{odd}, as no bundle is; get it anew"
        if entry.file_size > max(MIN_SUSPICIOUS_BYTES, MAX_RATIO * entry.compress_size):
            size = f"unpacks to over {MAX_RATIO} times its size"
            return f"holds {shown}, which {size}; do not unpack it"
    total = sum(entry.file_size for entry in entries)
    if total > _LARGEST or any(entry.file_size > _LARGEST_FILE for entry in entries):
        sizes = f"unpacks to {total / 1e9:.2f} GB, or a file of it to more than a bundle may hold"
        return f"{sizes}; do not unpack it"
    return None
