"""Find the text of a page whose layout is known.

Known are the layouts of state.gov of all years, the Department of Labor, and UN bodies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from lxml import etree

__all__ = ["parts_of_known_layout"]

_MIN_SHARE: Final = 0.3  # of the page's text: a redesigned site must not lose its reports
_MAX_PARTS: Final = 100
_TAGS: Final = "h1 div section article main td".split()

# For each layout, the elements that hold its title and text, in their order, as CSS selectors of a
# class or id.
_LAYOUTS: Final = {
    "state.gov, reports since 2019": ".featured-content__headline .report__content",
    "state.gov, press releases since 2019": ".featured-content__headline .entry-content",
    "state.gov, 2009 to 2017": "#tier3-landing-content-wide #tier3-landing #centerblock",
    "state.gov, 2001 to 2009": "#centerblock-wide #contentarea",
    "dol.gov": ".field--name-field-dol-body #block-dol-content",
    "ohchr.org": ".page-header .field--name-body",
    "ilo.org": ".ilo--article-content .ilo--rich-text",
    "ilo.org, NORMLEX": ".contentBlock",
    "unodc.org": ".story-text #story-content",
    "business-humanrights.org": ".article__title .article__content",
}
_CLASSES: Final = frozenset(re.findall(r"\.(\S+)", " ".join(_LAYOUTS.values())))


def parts_of_known_layout(page: etree._Element) -> list[etree._Element]:
    """Return the elements that hold title and text in a known layout, in order, or none.

    >>> title = "<h1 class='page-header'>Norvia</h1>"
    >>> page = etree.HTML(f"<p>Menu</p>{title}<div class='field--name-body'>It met.</div>")
    >>> [part.text for part in parts_of_known_layout(page)]
    ['Norvia', 'It met.']
    """
    elements_of = _elements_by_selector(page)
    for selectors in _LAYOUTS.values():
        parts = [element for selector in selectors.split() for element in elements_of[selector]]
        if len(parts) > _MAX_PARTS:
            continue
        # an element inside another of them would be read twice
        outermost = [
            part for part in parts if not any(outer in parts for outer in part.iterancestors())
        ]
        if not outermost:
            continue
        length = sum(map(_text_length_of_element, outermost))
        if length >= _MIN_SHARE * _text_length_of_element(page):
            return outermost
    return []


def _elements_by_selector(page: etree._Element) -> defaultdict[str, list[etree._Element]]:
    """Return the elements of a page by their id, and by each class that a layout names."""
    elements_of: defaultdict[str, list[etree._Element]] = defaultdict(list)
    for element in page.iter(*_TAGS):
        for name in _CLASSES.intersection((element.get("class") or "").split()):
            elements_of[f".{name}"].append(element)
        if identifier := element.get("id"):
            elements_of[f"#{identifier}"].append(element)
    return elements_of


def _text_length_of_element(element: etree._Element) -> int:
    """Return the number of characters of an element's text, white space collapsed."""
    return int(element.xpath("string-length(normalize-space())"))
