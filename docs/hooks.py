"""What MkDocs runs while it builds the site: the reference is made from the code, so that it is never out of date."""

from __future__ import annotations

import logging
import re
import runpy
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
LOG = logging.getLogger("mkdocs.plugins.tipclassify")

FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
)
"""What a browser would fetch from another site."""


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, markdown in runpy.run_path(str(HERE / "reference.py"))["pages"]().items():
        files.append(File.generated(config, path, content=markdown))
    return files


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001
    """Warn, which ends a strict build, of whatever a page would fetch from another site: it must open offline. Name the search for who cannot see it."""
    for tag in FOREIGN.findall(output):
        LOG.warning("%s fetches from another site: %s", page.file.src_uri, tag[:120])
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )
