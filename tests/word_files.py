"""Word files for tests: the tracked sample, with a body of one's own."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

FILES = Path(__file__).parent / "files"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def with_body(body: str, part: str = "word/document.xml", title: str | None = None) -> bytes:
    """The tracked sample with another body, and with a title in its properties."""
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "word-tracked.docx") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode("utf-8", "surrogateescape")
            if name == part:
                content = f"<w:document {W}><w:body>{body}</w:body></w:document>"
            elif name == "docProps/core.xml" and title is not None:
                content = re.sub(
                    "<dc:title>.*?</dc:title>|<dc:title/>", f"<dc:title>{title}</dc:title>", content
                )
            new.writestr(name, content.encode("utf-8", "surrogateescape"))
    return out.getvalue()
