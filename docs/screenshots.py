#!/usr/bin/env python3
"""Label the tutorial's report on the review page, and take the screenshots of the site.

It is labelled as the tutorial's reader would. ``python docs/screenshots.py`` writes
docs/images/*.png and docs/tutorials/ana.jsonl, the decisions below as the page saved them. Needs
Playwright, a Chromium on the path, and the extras "review" and "pdf".
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
REPORT = "tests/files/two-columns.pdf"
SAMPLES = ("data/samples/karvonia-2023.html", "data/samples/karvonia-2024.html")
KEYS = {"positive_effort": "p", "failure": "f", "complicity": "c"}

CORRECTIONS: dict[str, tuple[str, ...]] = {
    "A U.S.-funded survey of the northern ports": ("failure",),
    "Law enforcement efforts against trafficking weakened": ("failure",),
    "Cases opened | 27": (),  # a table's cell is no sentence
    "Charges | 16": (),
    "Convictions | 7": (),
    "Cooperation with police in neighboring states all but ceased": ("failure",),
    "In May the Port Åske court convicted the two port police officers": (
        "positive_effort",
        "complicity",
    ),
    "The head of the service, Jørn Palvić": ("failure", "complicity"),
    "His deputy, a well-known lawyer": (),
    "The ministry of social affairs cut its spending": ("positive_effort", "failure"),
    "Two aid groups lodged 31 fishermen": (),  # an NGO alone
    "Police in Čelvin jailed seven women": ("failure",),
    "Under the 2022–2025 action plan": (),
    "1. inspection of the fishing fleet": (),
    "Harbor rules did not allow": ("failure",),
    "The foreign ministry did not repeat its briefings": ("failure",),
}
"""Openings of passages that a model may tag wrongly, with their labels by the codebook."""


def main() -> None:
    """Take all screenshots, and write the corpus."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        photograph_report(browser, Path(scratch))
        photograph_years(browser, Path(scratch))
        label_and_photograph(browser, Path(scratch))
        browser.close()
    for image in sorted(IMAGES.glob("*.png")):
        print(f"{image.relative_to(ROOT)}: {image.stat().st_size / 1000:.0f} kB")


def photograph_report(browser: Browser, scratch: Path) -> None:
    """Take a screenshot of the HTML report with the reasons of one passage open."""
    page = scratch / "findings.html"
    _tipclassify("score", REPORT, "-o", str(page))
    tab = browser.new_page(viewport={"width": 1200, "height": 760})
    tab.goto(page.as_uri())
    # A picture shows what is right: the sentences above this heading are partly missed.
    tab.get_by_role("heading", name="Protection").evaluate(
        "heading => scrollBy(0, heading.getBoundingClientRect().top - 70)"
    )
    passage = tab.locator("main").get_by_text("No state shelter admitted men").first
    tab.wait_for_timeout(200)
    passage.click()
    tab.wait_for_timeout(500)
    tab.screenshot(path=IMAGES / "report.png")
    tab.close()


def photograph_years(browser: Browser, scratch: Path) -> None:
    """Take screenshots of what changed between two reports, and of a desk of both."""
    _tipclassify("compare", *SAMPLES, "-o", str(scratch / "changes.html"))
    _tipclassify("score", *SAMPLES, "--format", "html", "--output-dir", str(scratch / "desk"))
    for name, page in (
        ("compare", scratch / "changes.html"),
        ("desk", scratch / "desk" / "index.html"),
    ):
        tab = browser.new_page(viewport={"width": 1200, "height": 760})
        fragment = "#words=shelter" if name == "desk" else ""
        tab.goto(page.as_uri() + fragment)
        tab.wait_for_timeout(1_000)
        tab.screenshot(path=IMAGES / f"{name}.png")
        tab.close()


def label_and_photograph(browser: Browser, scratch: Path) -> None:
    """Decide every passage by keyboard, with a screenshot at one correction."""
    corpus = scratch / "ana.jsonl"
    command = [
        sys.executable,
        "-m",
        "tipclassify",
        "review",
        REPORT,
        "--no-browser",
        "--annotator",
        "ana",
    ]
    server = subprocess.Popen(
        [*command, "--corpus", str(corpus)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout
        link = server.stdout.readline().strip()
        tab = browser.new_page(viewport={"width": 1200, "height": 760})
        tab.goto(link)
        tab.locator("#here .facts").wait_for()
        wrong = dict(CORRECTIONS)
        for number in range(200):
            text = tab.locator("#now").inner_text()
            begins = next((words for words in wrong if text.startswith(words)), None)
            done = tab.locator("#here .facts").inner_text()
            changed = begins is not None and _correct(tab, wrong.pop(begins))
            if begins and begins.startswith("In May"):
                _settle(tab)
                tab.screenshot(path=IMAGES / "review.png")
            tab.keyboard.press("j" if changed else "Enter")
            tab.wait_for_timeout(40)
            if tab.locator("#here .facts").inner_text() == done:
                print(f"{number + 1} passages decided")
                break
        assert not wrong, f"not in the report: {list(wrong)}"
        _settle(tab)
        tab.close()
    finally:
        server.terminate()
        server.wait()
    shutil.copy(corpus, ROOT / "docs" / "tutorials" / "ana.jsonl")


def _correct(tab: Page, labels: tuple[str, ...]) -> bool:
    """Press the keys that turn the shown tags into `labels`; return False if none is needed."""
    shown = tab.locator(".label[aria-pressed=true]").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-keyshortcuts').toLowerCase())"
    )
    wanted = {KEYS[label] for label in labels}
    wrong = [key for key in KEYS.values() if (key in shown) != (key in wanted)]
    keys = wrong
    if wrong and not labels:
        keys = ["n"]  # no label
    for key in keys:
        tab.keyboard.press(key)
    return bool(wrong)


def _settle(tab: Page) -> None:
    """Wait until the page has saved everything."""
    for _ in range(400):
        if not tab.evaluate("document.body.classList.contains('unsaved')"):
            return
        tab.wait_for_timeout(20)
    raise TimeoutError("not saved")


def _tipclassify(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tipclassify", *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
