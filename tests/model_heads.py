"""Read the heads of models' folders, and change them."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import JsonObject

from tipclassify.model.folder import metadata_digest


def head_of(folder: Path) -> JsonObject:
    """Read the head of a model."""
    return dict(json.loads((folder / "model.json").read_text("utf-8")))


def change_head(folder: Path, **changes: object) -> None:
    """Change the head of a model, and give it the hash of the new one."""
    head = {**head_of(folder), **changes}
    head["sha256"] = metadata_digest(head)
    (folder / "model.json").write_text(json.dumps(head), "utf-8")
