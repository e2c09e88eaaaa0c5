"""Find the text of a page of a site whose layout is known: state.gov of all years, the Department of Labor, UN bodies.

A redesigned site must not lose its reports: parts that hold less than half of the page's prose are not used.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from tipclassify.readers.html.elements import prose_of

__all__ = ["known_parts"]

_MIN_SHARE: Final = 0.5  # of the page's prose

# For each layout, the elements that hold its title and text, as CSS selectors of a class or id each.
_LAYOUTS: Final = (
    ("state.gov, reports since 2019", ".featured-content__headline .report__content"),
    ("state.gov, press releases since 2019", ".featured-content__headline .entry-content"),
    ("state.gov, 2009 to 2017", "#tier3-landing-content-wide #tier3-landing #centerblock"),
    ("state.gov, 2001 to 2009", "#centerblock-wide #contentarea"),
    ("dol.gov", ".field--name-field-dol-body #block-dol-content"),
    ("ohchr.org", ".page-header .field--name-body"),
    ("ilo.org", ".ilo--article-content .ilo--rich-text"),
    ("ilo.org, NORMLEX", ".contentBlock"),
    ("unodc.org", ".story-text #story-content"),
    ("business-humanrights.org", ".article__title .article__content"),
)


def _xpath(selectors: str) -> etree.XPath:
    """Compile a list of selectors into one expression: ``.text #main``."""
    conditions = (
        f"@id = '{name[1:]}'" if name[0] == "#" else f"contains(concat(' ', @class, ' '), ' {name[1:]} ')"
        for name in selectors.split()
    )
    return etree.XPath(f".//*[{' or '.join(conditions)}]")


_PARTS: Final = [_xpath(selectors) for _, selectors in _LAYOUTS]


def known_parts(page: etree._Element) -> list[etree._Element]:
    """Return the elements that hold title and text in a known layout, in order, or none.

    >>> page = etree.HTML("<p>Menu</p><h1 class='page-header'>Norvia</h1><div class='field--name-body'>It met.</div>")
    >>> [part.text for part in known_parts(page)]
    ['Norvia', 'It met.']
    """
    for find in _PARTS:
        parts: list[etree._Element] = []
        for part in find(page):
            if not any(outer in parts for outer in part.iterancestors()):
                parts.append(part)
        if len(parts) > 1 and sum(map(prose_of, parts)) >= _MIN_SHARE * prose_of(page):
            return parts
    return []
