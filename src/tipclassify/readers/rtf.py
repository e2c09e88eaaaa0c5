"""Read rich text (.rtf) into a `Document`: paragraphs and table rows, then notes.

striprtf converts the markup, after pictures, links and the font table, on which its time is quadratic, are reduced.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Final

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.readers.limits import LARGEST_MARKUP
from tipclassify.readers.source_blocks import SourceBlock, build_document, table_row
from tipclassify.text.document import Document

__all__ = ["read_rtf"]

_PICTURE: Final = re.compile(r"[0-9a-fA-F\r\n]{512,}")
_SOFT_BREAK: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\line(?![a-zA-Z])")
_HEADING: Final = re.compile(r"\\outlinelevel([0-8])(?!\d)")
_LEVEL_SIGN: Final = re.compile("[\ue001-\ue009]")  # private use area: absent from text; one for each level
_FONT: Final = re.compile(r"\\f(\d{1,5})(?:(?!\\f\d).){0,300}?\\fcharset(\d{1,3})", re.DOTALL)
_BRACE: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_FONTS: Final = re.compile(r"\{\\fonttbl\b")
_NOTE: Final = re.compile(r"\{(?:\\\*\s*)?\\footnote\b")
_TITLE: Final = re.compile(r"\{\\title\s+([^{}]{1,500})\}")
_CODE_PAGE: Final = re.compile(r"\\ansicpg\d{1,5}")
_LAYOUT_HYPHENS: Final = str.maketrans({"\xad": None, "\u2011": "-"})  # soft and non-breaking hyphens
_NOTES: Final = "Notes"


def read_rtf(data: bytes, source: str) -> Document:
    """Read paragraphs, table rows and notes; headings come from outline levels.

    Raises `InputError` when it is damaged or too large, `MissingExtraError` when striprtf is not installed.
    """
    try:
        import striprtf  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError(f"{source}: reading RTF files", "rtf") from None
    markup = _PICTURE.sub("", data.decode("cp1252", "replace"))
    if len(markup) > LARGEST_MARKUP:
        raise InputError(f"{source}: over {LARGEST_MARKUP / 1e6:.0f} MB without its pictures; split it")
    markup, fonts = _extract_groups(_normalize_markup(markup), _FONTS)
    markup, notes = _extract_groups(markup, _NOTE)
    head = "{\\rtf1" + (_CODE_PAGE.search(markup) or [""])[0] + _font_table(fonts)
    pieces = list(_source_blocks(_plain_text(head + markup + "}", source)))
    pieces += [SourceBlock(_plain_text(head + _NOTE.sub("{", note, 1) + "}", source), section=_NOTES) for note in notes]
    title = _TITLE.search(markup)
    return build_document(pieces, source, _plain_text(f"{head} {title[1]}}}", source) if title else None)


def _normalize_markup(markup: str) -> str:
    """Rewrite markup that striprtf would convert wrongly."""
    markup = _SOFT_BREAK.sub(r"\1 ", markup)
    markup = _HEADING.sub(lambda found: found[0] + chr(0xE001 + int(found[1])), markup)
    markup = markup.replace("{\\listtext", "{\\*\\listtext")  # the bullets and numbers of lists
    return markup.replace("{\\field{", "{\\field {")  # keep the text of a link, not its target


def _plain_text(markup: str, source: str) -> str:
    from striprtf.striprtf import rtf_to_text

    convert: Callable[..., str] = rtf_to_text  # untyped
    try:
        try:
            text = convert(markup)
        except UnicodeDecodeError:
            text = convert(markup, errors="replace")
            lost = text.count("\ufffd")
            warnings.warn(f"{source}: {lost} characters are not in its code page and are lost (\ufffd)", stacklevel=2)
    except Exception:  # striprtf does not validate: altered input may raise anything
        raise InputError(f"{source}: damaged RTF file; open it and save it as .docx") from None
    # Characters beyond U+FFFF come as surrogate pairs.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.translate(_LAYOUT_HYPHENS)


def _source_blocks(text: str) -> Iterator[SourceBlock]:
    for line in text.split("\n"):
        visible, level_sign = _LEVEL_SIGN.sub("", line), _LEVEL_SIGN.search(line)
        if visible.rstrip().endswith("|"):
            yield SourceBlock(table_row(visible.split("|")))
        else:
            level = ord(level_sign[0]) - 0xE000 if level_sign else None
            yield SourceBlock(visible, heading=level is not None, level=level)


def _extract_groups(markup: str, opening: re.Pattern[str]) -> tuple[str, list[str]]:
    """Remove the groups that begin with `opening`; return the remaining markup and the groups."""
    kept: list[str] = []
    cut: list[str] = []
    at = 0
    while found := opening.search(markup, at):
        kept.append(markup[at : found.start()])
        at = _end_of_group(markup, found.start())
        cut.append(markup[found.start() : at])
    return "".join([*kept, markup[at:]]), cut


def _end_of_group(markup: str, start: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(markup, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return brace.end()
    return len(markup)


def _font_table(groups: list[str]) -> str:
    """Return a font table reduced to the character set of each font."""
    fonts = _FONT.findall("".join(groups))
    return "{\\fonttbl\n" + "".join(f"{{\\f{font}\\fcharset{charset} X;}}\n" for font, charset in fonts) + "}"
