"""Texts and headings as two years of a report write them, made comparable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tipclassify.records import Passage

__all__ = [
    "ReportSides",
    "heading_for_comparison",
    "normalize_prefixes_for_comparison",
    "normalize_wording",
    "sections_in_both_reports",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportSides(Generic[T]):
    """What the earlier and the later report have of something."""

    old: T
    new: T


_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))


def normalize_wording(text: str) -> str:
    """Fold white space, quotation marks and case, so that equal texts differ in nothing else.

    >>> normalize_wording("Courts  “slept”.")
    'courts "slept".'
    """
    return " ".join(text.translate(_QUOTES).casefold().split())


# Written with a hyphen one year and without it the next: "anti-Semitic", "non-governmental".
_PREFIX: Final = re.compile(
    r"\b(anti|co|multi|non|over|post|pre|re|semi|sub|under)-(\w)", re.IGNORECASE
)


def normalize_prefixes_for_comparison(text: str) -> str:
    """Join prefixes to their words.

    >>> normalize_prefixes_for_comparison("Anti-Semitism among non-citizens")
    'Antisemitism among noncitizens'
    """
    return _PREFIX.sub(lambda match: match[1] + match[2].lower(), text) if "-" in text else text


_NUMBERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def heading_for_comparison(passage: Passage) -> str:
    """Return the normalized heading of a passage, without its number or letter."""
    return _NUMBERING.sub(
        "", normalize_wording(normalize_prefixes_for_comparison(passage.section or ""))
    )


_RENAMED: Final = "\0"  # in place of a heading that only one report has


def sections_in_both_reports(
    old: Sequence[Passage], new: Sequence[Passage]
) -> ReportSides[list[str]]:
    """Return the section of each passage; headings that only one report has become one.

    They may be renamed.
    """
    headings = ReportSides(
        [heading_for_comparison(passage) for passage in old],
        [heading_for_comparison(p) for p in new],
    )
    shared = set(headings.old) & set(headings.new)

    def with_unshared_renamed(names: list[str]) -> list[str]:
        return [name if name in shared else _RENAMED for name in names]

    return ReportSides(with_unshared_renamed(headings.old), with_unshared_renamed(headings.new))
