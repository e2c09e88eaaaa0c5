"""Bytes in, however large or hostile what they come from: nothing is read or unpacked beyond a bound."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import sys
import zipfile
import zlib
from typing import BinaryIO, Final

from tipclassify.errors import InputError

__all__ = ["LARGEST", "LARGEST_MARKUP", "ZIP_DAMAGE", "gunzip", "open_zip", "read_bounded", "read_member"]

LARGEST: Final = 100_000_000
"""Bytes of a file, and of what is packed in it; the longest real report has two million."""

LARGEST_MARKUP: Final = 10_000_000
"""Bytes of a file that is parsed mark by mark in Python, which takes seconds a megabyte at worst."""

_RATIO: Final = 200  # markup shrinks to a twentieth; a two-hundredth is made to harm
_RATIO_FROM: Final = 10_000_000  # but a short blank picture may shrink as far
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1  # bit of the flags of a zip entry

ZIP_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile raises over bytes that are no zip file, or one that was cut off or altered."""


def read_bounded(name: str) -> bytes:
    """All bytes of a file or pipe, or of standard input for ``-``.

    Raises
    ------
    InputError
        When it cannot be read, is a folder or device, or is larger than `LARGEST`.
    """
    try:
        if name == "-":
            return _read(sys.stdin.buffer, name)
        about = os.stat(name)
        if stat.S_ISDIR(about.st_mode):
            raise InputError(f"{name}: a folder; give the files in it")
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISFIFO(about.st_mode):
            raise InputError(f"{name}: a device or socket; give a file")
        if about.st_size > LARGEST:
            raise InputError(f"{name}: {about.st_size / 1e6:.0f} MB, {_over_limit()}")
        with open(name, "rb") as file:
            return _read(file, name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        what = (error.strerror or str(error)) if isinstance(error, OSError) else "no such path, a nul is in it"
        raise InputError(f"{name!s}: {what.lower()}; check the path".replace("\0", "\\0")) from None


def _read(file: BinaryIO, name: str) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{name}: {_over_limit()}")
    return data


def _over_limit() -> str:
    return f"over the limit of {LARGEST / 1e6:.0f} MB; split it"


def gunzip(data: bytes, name: str) -> bytes:
    """What a gzip file holds, unpacked no further than `LARGEST`.

    Raises
    ------
    InputError
        When it is damaged, cut off or holds more.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(LARGEST + 1)
    except EOFError:
        raise InputError(f"{name}: the gzip file ends early; download it again") from None
    except (OSError, zlib.error, struct.error):
        raise InputError(f"{name}: damaged gzip file; download it again") from None
    if len(unpacked) > LARGEST:
        raise InputError(f"{name}: unpacks to over {LARGEST / 1e6:.0f} MB; unpack and split it")
    return unpacked


def open_zip(data: bytes, name: str) -> zipfile.ZipFile:
    """The zip file in `data`, once its directory says that it is safe to unpack.

    Sizes in the directory can be trusted: zipfile unpacks no entry beyond what it states.

    Raises
    ------
    InputError
        When it is damaged, locked, or would unpack to more than `LARGEST` or to a suspicious multiple of its size.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except ZIP_DAMAGE:
        raise InputError(f"{name}: damaged or incomplete file; download it or save it again") from None
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST:
        raise InputError(f"{name}: unpacks to {size / 1e6:.0f} MB, {_over_limit()}")
    if any(entry.file_size > max(_RATIO_FROM, _RATIO * entry.compress_size) for entry in entries):
        raise InputError(
            f"{name}: unpacks to over {_RATIO} times its size, as no report does; check where it comes from"
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise InputError(f"{name}: locked with a password; save it without one")
    if any(entry.compress_type not in _METHODS for entry in entries):
        raise InputError(f"{name}: packed in an unusual way; open it and save it again")
    return archive


def read_member(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """One file of a zip file.

    Raises
    ------
    InputError
        When it is missing or damaged.
    """
    try:
        return archive.read(member)
    except KeyError:
        raise InputError(f"{name}: incomplete, {member[:100]!r} is missing; download it or save it again") from None
    except ZIP_DAMAGE:
        raise InputError(f"{name}: damaged or incomplete file; download it or save it again") from None
