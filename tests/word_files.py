"""Word files for tests: the tracked sample, with a body, a title or other parts of one's own."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

FILES = Path(__file__).parent / "files"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def with_parts(change: Callable[[str, str], str]) -> bytes:
    """The tracked sample, each part changed by a function of its name and content."""
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "word-tracked.docx") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode("utf-8", "surrogateescape")
            new.writestr(name, change(name, content).encode("utf-8", "surrogateescape"))
    return out.getvalue()


def with_body(body: str, title: str | None = None, styles: str | None = None) -> bytes:
    """The tracked sample with another body, and with a title in its properties, or styles."""

    def change(name: str, content: str) -> str:
        if name == "word/document.xml":
            return f"<w:document {W}><w:body>{body}</w:body></w:document>"
        if name == "docProps/core.xml" and title is not None:
            titled = f"<dc:title>{title}</dc:title>"
            return re.sub("<dc:title>.*?</dc:title>|<dc:title/>", titled, content)
        if name == "word/styles.xml" and styles is not None:
            return f"<w:styles {W}>{styles}</w:styles>"
        return content

    return with_parts(change)


def run(text: str, properties: str = "") -> str:
    """Return a run of a paragraph."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str) -> str:
    """Return a paragraph of runs, or of plain texts."""
    return f"<w:p>{''.join(one if one.startswith('<') else run(one) for one in runs)}</w:p>"


def table(*rows: list[str]) -> str:
    """Return a table of rows of cells, each a text, which may begin with its properties."""
    written = []
    for row in rows:
        cells = []
        for cell in row:
            properties, bar, text = cell.rpartition("|")
            content = f"<w:tcPr>{properties}</w:tcPr>" if bar else ""
            cells.append(f"<w:tc>{content}{paragraph(text)}</w:tc>")
        written.append(f"<w:tr>{''.join(cells)}</w:tr>")
    return f"<w:tbl>{''.join(written)}</w:tbl>"
