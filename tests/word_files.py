"""Word files for tests: the tracked sample, with a body of one's own."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

FILES = Path(__file__).parent / "files"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def with_body(body: str, part: str = "word/document.xml") -> bytes:
    """The tracked sample with another body."""
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / "word-tracked.docx") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, f"<w:document {W}><w:body>{body}</w:body></w:document>" if name == part else old.read(name)
            )
    return out.getvalue()
