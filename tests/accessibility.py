"""Faults of accessibility that axe finds in a page of the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Page


class Element(TypedDict):
    """An element of a page, as axe describes it; other fields are left out."""

    html: str


class BrokenRule(TypedDict):
    """A rule that a page breaks, as axe describes it; other fields are left out."""

    id: str
    nodes: list[Element]


Violation = tuple[str, list[str]]
"""Id of a broken rule, and the HTML of up to three elements that break it."""


def violations_of(axe: Axe, page: Page) -> list[Violation]:
    """List the rules that a page breaks."""
    results = axe.run(page, options={"resultTypes": ["violations"]})
    return summarize_violations(results.response["violations"])


def summarize_violations(rules: Sequence[BrokenRule]) -> list[Violation]:
    """Name each broken rule, with up to three elements that break it."""
    return [(rule["id"], [node["html"] for node in rule["nodes"][:3]]) for rule in rules]
