"""Get a model from the Hugging Face hub, by the name of its repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tipclassify.errors import ModelError
from tipclassify.model.folder import LARGEST_HEAD, read_model_file
from tipclassify.model.metadata import (
    HEAD,
    check_model_head,
    hashed_model_files,
    parse_model_head,
)

__all__ = ["download_hub_model", "is_hub_name"]

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_FOLDER: Final = "models"  # where our documentation puts a user's models
_CARD: Final = "README.md"  # may be edited on the hub, and is not needed for scoring


def is_hub_name(name: str) -> bool:
    """Test whether a name may be a repository of the hub, and no path of this machine.

    A name whose first part is a folder here, or "models", is a path, so that a mistyped path asks
    nobody.

    >>> is_hub_name("owner/name"), is_hub_name("owner/name@v1"), is_hub_name("./name")
    (True, True, False)
    >>> is_hub_name("models/mine")
    False
    """
    first = name.partition("/")[0]
    return bool(_NAME.fullmatch(name)) and first != _FOLDER and not Path(first).exists()


def download_hub_model(name: str) -> Path:
    """Download the files that a model's ``model.json`` lists; return their folder in the cache.

    `name` is ``"owner/name"``, or ``"owner/name@revision"``. A file that is there already is not
    downloaded again, and nothing is unpickled or run. Raises `ModelError` without huggingface_hub,
    or when there is no such model.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise ModelError(
            f"{name}: no such folder here, and a model of the Hugging Face hub needs "
            "huggingface_hub: pip install huggingface_hub"
        ) from None

    repository, _, revision = name.partition("@")
    try:
        file = Path(huggingface_hub.hf_hub_download(repository, HEAD, revision=revision or None))
        head = parse_model_head(read_model_file(file, LARGEST_HEAD))
        check_model_head(f"{name}: {HEAD}", head)
        commit = file.parent.name  # all files of one state, whatever is pushed meanwhile
        for listed in hashed_model_files(head):
            if listed != _CARD:
                huggingface_hub.hf_hub_download(repository, listed, revision=commit)
    except ModelError:
        raise
    except Exception as error:  # of the hub and of two HTTP libraries: a dozen classes
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise ModelError(
            f"{name}: no model from the Hugging Face hub ({reason}); "
            "check the name, or give the folder of a model"
        ) from None
    return file.parent
