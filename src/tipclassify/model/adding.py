"""Install a model into the user's cache, from a folder or a URL, all or nothing."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from tipclassify.download import (
    DownloadLimits,
    check_http_status,
    open_download,
    parse_url,
    redact_url,
    retry_request,
)
from tipclassify.errors import InputError, LinkError, ModelError, reason_of_error
from tipclassify.model.find import InstalledModel, is_model_name, models_folder
from tipclassify.model.folder import LARGEST_FILE, LARGEST_HEAD, read_model_file
from tipclassify.model.metadata import (
    HEAD,
    LINEAR,
    Head,
    check_model_head,
    hashed_model_files,
    model_kind,
    parse_model_head,
)
from tipclassify.model.replacement import check_replaceable_model, replace_model_folder
from tipclassify.progress import Progress

__all__ = ["add_model"]

GetModelFile = Callable[[str, Path], None]

_MOST_SECONDS: Final = 3_600.0  # per file; long, because the user asked for this download


def add_model(
    source: str,
    name: str | None = None,
    *,
    sha256: str | None = None,
    allow_private: bool = False,
    progress: Progress | None = None,
) -> InstalledModel:
    """Install a model where `model_folder` finds it, replacing one of the same name.

    `source` is the folder of the model, or the URL of the folder or its ``model.json``; `name` by
    default its kind, or for a linear model the name of its folder; a model with another hash than
    `sha256`, if given, is refused. Raises `InputError` when the URL cannot be read (the partial
    download is kept for the next run), `ModelError` when the model does not fit this version or a
    file's hash differs from the model's head; then nothing is installed.
    """
    root = models_folder()
    if root is None:
        raise ModelError("no home folder to keep models in: set TIPCLASSIFY_MODELS to a folder")
    is_link = source.lower().startswith(("http://", "https://"))
    get: GetModelFile = partial(_copy_model_file, source)
    if is_link:
        get = partial(_download_model_file, source, allow_private, progress)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            get(HEAD, Path(folder, HEAD))
            data = Path(folder, HEAD).read_bytes()
        head = _checked_model_head(source, data, sha256)
        name = _checked_model_name(source, name, head)
        check_replaceable_model(root / name)  # before a long download
        staged = root / f".{name}-{head['sha256'][:16]}"
        if staged.is_symlink():
            raise ModelError(f"{staged}: a link is in the way; remove it")
        staged.mkdir(exist_ok=True)
        for file, wanted in hashed_model_files(head).items():
            _gather_added_model_file(source, get, staged, file, wanted)
        (staged / HEAD).write_bytes(data)
        for left in staged.glob("*.part"):  # remains of an interrupted run
            left.unlink()
        replace_model_folder(staged, root / name)
    except OSError as error:
        remedy = "set TIPCLASSIFY_MODELS to a folder that can"
        raise InputError(
            f"{root}: cannot be written ({reason_of_error(error)}); {remedy}"
        ) from None
    return InstalledModel(name, root / name, head)


def _copy_model_file(source: str, file: str, to: Path) -> None:
    """Copy a file from the folder of a model, or from that of the ``model.json`` at `source`."""
    folder = Path(source)
    if folder.name == HEAD:
        folder = folder.parent
    largest = LARGEST_HEAD if file == HEAD else LARGEST_FILE
    to.write_bytes(read_model_file(folder / file, largest))


def _download_model_file(
    source: str, allow_private: bool, progress: Progress | None, file: str, part: Path
) -> None:
    """Download a file, resuming after the bytes in `part`; the hash later verifies the whole."""
    at = urlsplit(source.strip())
    path = at.path.removesuffix(HEAD).rstrip("/")
    url = urlunsplit(at._replace(path=f"{path}/{quote(file)}", fragment=""))
    address = parse_url(url)
    limits = DownloadLimits(
        total=_MOST_SECONDS, largest=LARGEST_HEAD if file == HEAD else LARGEST_FILE
    )
    part.touch()

    def resume_model_download(deadline: float) -> None:
        have = part.stat().st_size
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with open_download(address, deadline, limits, allow_private, headers) as response:
            if have and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # already complete
            if have and response.status_code == HTTPStatus.PARTIAL_CONTENT:
                start = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
                if start is None or int(start[1]) != have:
                    raise LinkError(
                        f"the site sends another part of the file than was asked for; remove {part}"
                    )
            else:
                check_http_status(response)
                have = 0  # no support for ranges: the site sends the whole file
            if response.headers.get("content-encoding", "").lower() not in ("", "identity"):
                raise LinkError("is compressed unasked; download the files and give their folder")
            length = response.headers.get("content-length", "")
            total = have + int(length) if length.isdigit() else None
            with part.open("ab" if have else "wb") as out:
                for data in response.iter_raw():
                    have += len(data)
                    if have > limits.largest:
                        raise LinkError(
                            f"over {limits.largest / 1e6:g} MB: not a file that we can use"
                        )
                    out.write(data)
                    if progress and total:
                        progress(have, total)

    retry_request(url, resume_model_download, limits, lambda: part.stat().st_size)


def _checked_model_head(source: str, data: bytes, sha256: str | None) -> Head:
    where = f"{redact_url(source)}: {HEAD}"
    try:
        head = parse_model_head(data)
    except ValueError as error:
        remedy = "give the folder of one, or its address"
        raise ModelError(f"{where}: not the head of a model ({error}); {remedy}") from None
    check_model_head(where, head)
    if sha256 is not None and head["sha256"] != sha256.strip().lower():
        raise ModelError(
            f"{where}: is the model {head['sha256']}, not {sha256.strip()}; nothing was added"
        )
    return head


def _checked_model_name(source: str, name: str | None, head: Head) -> str:
    folder = re.split(r"[/\\]", urlsplit(source).path.removesuffix(HEAD).rstrip("/\\"))[-1]
    default = folder.lower() if model_kind(head) == LINEAR else model_kind(head)
    if name is None and not is_model_name(default):
        raise ModelError(f"{redact_url(source)}: say under which --name to keep it")
    name = default if name is None else name
    if not is_model_name(name):
        raise ModelError(
            f"{name!r}: no name for a model: small letters, digits, '.', '_' and '-', "
            "and not a taken one"
        )
    return name


def _gather_added_model_file(
    source: str, get: GetModelFile, staged: Path, file: str, wanted: str
) -> None:
    """Get one verified file into the staging folder, unless it is there."""
    whole = staged / file
    part = staged / f"{file}.part"
    if whole.is_file() and _model_file_has_hash(whole, wanted):
        return
    for _ in range(2 if part.is_file() else 1):  # the partial file may be of another version
        get(file, part)
        if _model_file_has_hash(part, wanted):
            part.replace(whole)
            return
        part.unlink()
    reason = f"{file} is not the file that {HEAD} tells of (its SHA-256 differs)"
    raise ModelError(f"{redact_url(source)}: {reason}; nothing was added")


def _model_file_has_hash(file: Path, wanted: str) -> bool:
    return hashlib.sha256(file.read_bytes()).hexdigest() == wanted
