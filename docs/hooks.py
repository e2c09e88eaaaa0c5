"""What MkDocs runs while it builds the site: the reference is made from the code, so that it is never out of date."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, markdown in runpy.run_path(str(HERE / "reference.py"))["pages"]().items():
        files.append(File.generated(config, path, content=markdown))
    return files
