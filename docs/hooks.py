"""Hooks of the MkDocs build.

They add the reference, generated from the code, and warn of requests to other sites.
"""

from __future__ import annotations

import logging
import re
import runpy
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

HERE = Path(__file__).resolve().parent
LOG = logging.getLogger("mkdocs.plugins.tipclassify")

FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
)
"""Tags by which a browser would fetch a file from another site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, markdown in runpy.run_path(str(HERE / "reference.py"))["pages"]().items():
        files.append(File.generated(config, path, content=markdown))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Warn of tags that fetch from another site, and name the search dialog for screen readers.

    Pages must open offline: the warning ends a strict build.
    """
    for tag in FOREIGN.findall(output):
        LOG.warning("%s fetches from another site: %s", page.file.src_uri, tag[:120])
    return output.replace(
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    )
