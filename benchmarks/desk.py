#!/usr/bin/env python3
"""Measure the desk of many reports in Chromium: ``python benchmarks/desk.py 20 200``.

In: invented passages of ``data/corpus``, 120 a report, for countries and years. Out: seconds to
write the desk and to open it, milliseconds of searches up to what they found is in the page, and
sizes of its files. Needs playwright.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _measure import DATA, about, about_line

from tipclassify.corpus.loading import load_corpus

COUNTRIES = "Albania Bolivia Chad Denmark Ecuador Fiji Ghana Haiti Iraq Jordan Kenya Laos Mali Nepal Oman Peru Qatar Rwanda"
QUERIES = ("shelter", "traffick", "police officials", '"forced labor"', "the", "nothingatall")
# Milliseconds from the input until what was found is painted, and how many that are.
SEARCH = """async (query) => {
  const box = document.querySelector("[name=words]"), start = performance.now();
  box.value = query;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((seen) => requestAnimationFrame(() => setTimeout(seen)));
  return [performance.now() - start, document.querySelector("#findings-tab small").textContent];
}"""


def write_reports(folder: Path, reports: int) -> None:
    """Write reports of 120 sentences under the headings of the genre."""
    texts = [row["text"] for row in load_corpus(DATA / "corpus") if len(row["text"].split()) > 9]
    names = COUNTRIES.split()
    for number in range(reports):
        rng, country, year = random.Random(number), names[number % 18], 2024 - number // 18
        parts = ""
        for name in ("Prosecution", "Protection", "Prevention"):
            parts += f"<h2>{name}</h2>" + "".join(
                f"<p>{text}</p>" for text in rng.sample(texts, 40)
            )
        title = f"{year} Trafficking in Persons Report: {country}"
        page = (
            f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{parts}</body></html>"
        )
        (folder / f"{country.lower()}-{year}.html").write_text(page, "utf-8")


def measure(browser: Any, reports: int) -> None:
    """Write a desk, open it five times, and search in it."""
    with tempfile.TemporaryDirectory() as name:
        folder, desk = Path(name) / "in", Path(name) / "desk"
        folder.mkdir()
        write_reports(folder, reports)
        asked = ["score", "--model", "fast", str(folder), "-f", "html", "--output-dir", str(desk)]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tipclassify", *asked], check=True, capture_output=True
        )
        print(f"{reports} reports: written in {time.perf_counter() - start:.1f} s")
        opened = []
        for _ in range(5):
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto((desk / "index.html").as_uri())
            tab.wait_for_selector("html[data-ready]")
            opened.append(time.perf_counter() - start)
        print(
            f"  opens in {statistics.median(opened):.2f} s ({min(opened):.2f} to {max(opened):.2f})"
        )
        tab.locator("#findings-tab").click()
        for query in QUERIES:
            found = [tab.evaluate(SEARCH, query) for _ in range(5)]
            times = sorted(each[0] for each in found)
            print(
                f"  {query}: {found[0][1]} in {statistics.median(times):.0f} ms ({times[0]:.0f} to {times[-1]:.0f})"
            )
        sizes = sorted(path.stat().st_size for path in (desk / "data").iterdir())
        print(
            f"  index.html {(desk / 'index.html').stat().st_size:,} bytes; data {sum(sizes):,}, largest {sizes[-1]:,}"
        )


if __name__ == "__main__":
    from playwright.sync_api import sync_playwright

    print(about_line(about()))
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for number in sys.argv[1:]:
            measure(chromium, int(number))
