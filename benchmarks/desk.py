#!/usr/bin/env python3
"""Measure the desk of many reports in Chromium: ``python benchmarks/desk.py 20 200``.

In: invented passages of ``data/corpus``, 120 a report, for countries and years. Out: seconds to
write the desk and to open it, milliseconds of searches up to what they found is in the page,
milliseconds from a key that checks a finding to its answer on the screen, where 10,000 findings are
checked (``--decisions``), and sizes of its files. Needs playwright.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _measure import DATA, describe_environment, environment_line

from tipclassify import Classifier
from tipclassify.cli.output import open_output
from tipclassify.corpus.rows import load_corpus
from tipclassify.labels import LABELS
from tipclassify.records import Document, Passage, Report
from tipclassify.store.events import Event, event_line
from tipclassify.write.desk import DeskWriter
from tipclassify.write.desk_records import DeskPassage, read_desk_record_file
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COUNTRIES = (
    "Albania Bolivia Chad Denmark Ecuador Fiji Ghana Haiti Iraq Jordan Kenya Laos Mali Nepal Oman "
    "Peru Qatar Rwanda"
).split()
QUERIES = ("shelter", "traffick", "police officials", '"forced labor"', "the", "nothingatall")
# Milliseconds from the input until what was found is painted, and how many that are.
SEARCH = """async (query) => {
  const box = document.querySelector("[name=words]"), start = performance.now();
  box.value = query;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((seen) => requestAnimationFrame(() => setTimeout(seen)));
  return [performance.now() - start, document.querySelector("#findings-tab small").textContent];
}"""
# Milliseconds from the last key until the screen shows what it did.
WATCH_KEYS = """() => addEventListener("keydown", (event) => {
  globalThis.took = null;
  requestAnimationFrame(() => setTimeout(() => {
    globalThis.took = performance.now() - event.timeStamp;
  }));
}, true)"""
TOOK = "() => globalThis.took !== null && globalThis.took !== undefined"
TIME = "2026-11-30T09:00:00.000Z"
KEYS = 15  # keys that are timed


def write_reports(folder: Path, reports: int) -> None:
    """Write reports of 120 sentences under the headings of the genre."""
    texts = [row["text"] for row in load_corpus(DATA / "corpus") if len(row["text"].split()) > 9]
    for number in range(reports):
        rng = random.Random(number)
        country = COUNTRIES[number % len(COUNTRIES)]
        year = 2024 - number // len(COUNTRIES)
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


def write_findings(folder: Path, findings: int) -> list[DeskPassage]:
    """Write a desk of as many findings, 500 a report, tagged by turns and not by a model."""
    texts = [row["text"] for row in load_corpus(DATA / "corpus")]
    context = Output(Classifier.load("fast").run(folder=folder))
    desk = DeskWriter(context, partial(open_output, inputs=frozenset()), resume=False)
    for first in range(0, findings, 500):
        passages = []
        for number in range(first, min(first + 500, findings)):
            text = f"{texts[number % len(texts)]} ({number})"
            label = LABELS[number % len(LABELS)]
            scores = dict.fromkeys(LABELS, 0.1) | {label: 0.5 + number % 49 / 100}
            passages.append(Passage(text, 0, len(text), "Trials", (label,), scores))
        name = f"{first}.txt"
        document = Document("", (), name, f"Report {first}", None, None)
        page = folder / f"{name}.html"
        page.write_text("", "utf-8")
        for _ in desk.gather(page, [Report(name, document, passages)]):
            pass
    desk.write_index()
    files = map(read_desk_record_file, sorted((folder / "data").glob("*.json")))
    return [passage for data in files if data for passage in data.passages]


def spread(times: list[float]) -> str:
    """Median and extremes of some milliseconds."""
    return f"{statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f})"


def press_keys(tab: Page) -> list[float]:
    """Press Enter on Confirm or Reject of findings, and time each key."""
    tab.evaluate(WATCH_KEYS)
    times = []
    for number in range(KEYS):
        button = "confirmed" if number % 2 else "rejected"
        tab.locator(f"#findings .{button}").nth(number).focus()
        tab.keyboard.press("Enter")
        tab.wait_for_function(TOOK)
        times.append(float(tab.evaluate("globalThis.took")))
    return times


def measure_checks_in_browser(browser: Browser, desk: Path, findings: list[DeskPassage]) -> None:
    """Time keys where the browser keeps the checks."""
    tab = browser.new_page()
    address = (desk / "index.html").as_uri() + "#view=findings"
    tab.goto(address)
    check = json.dumps({"AB": {"verdict": "confirmed", "note": "", "time": TIME}})
    keep = """([keys, check]) => {
      const id = document.body.dataset.desk;
      for (const key of keys) localStorage.setItem(`tipclassify desk checks ${id} ${key}`, check);
      localStorage.setItem(`tipclassify desk initials ${id}`, '"AB"');
    }"""
    tab.evaluate(keep, [[row.key for row in findings], check])
    start = time.perf_counter()
    tab.reload()
    tab.wait_for_selector("html[data-ready]")
    opened = time.perf_counter() - start
    note = tab.locator("#findings-note").inner_text()
    print(f"  in the browser, {len(findings):,} checked: opens in {opened:.2f} s; {note}")
    print(f"  a key is answered in {spread(press_keys(tab))}")
    tab.close()


def measure_checks_of_server(browser: Browser, desk: Path, findings: list[DeskPassage]) -> None:
    """Time keys where ``tipclassify desk`` keeps the checks, and its answers."""
    with (desk / "desk.events").open("wb") as log:
        for number, row in enumerate(findings, 1):
            finding = {"text": row.text, "tagged": list(row.labels)}
            decision = Event(
                number, "decision", row.key, "AB", TIME, labels=row.labels, about=finding
            )
            log.write(event_line(decision))
    command = [sys.executable, "-m", "tipclassify", "desk", str(desk), "--annotator", "AB"]
    with subprocess.Popen(
        [*command, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        link = (server.stdout.readline() if server.stdout else "").strip()
        tab = browser.new_page()
        tab.goto(f"{link}#view=findings")
        tab.wait_for_selector("html[data-ready]")
        print(f"  with the server, a key is answered in {spread(press_keys(tab))}")
        saved = """async () => {
          const start = performance.now();
          const tagged = passages.find(({ letters }) => letters.length);
          await ask("checks", { key: tagged.key, confirmed: true });
          return performance.now() - start;
        }"""
        print(f"  on disk in {spread([tab.evaluate(saved) for _ in range(KEYS)])}")
        tab.close()
        server.terminate()


def measure_keys(browser: Browser, decisions: int) -> None:
    """Time keys on a desk of as many checked findings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        findings = write_findings(folder, decisions)
        measure_checks_in_browser(browser, folder, findings)
        measure_checks_of_server(browser, folder, findings)


def measure(browser: Browser, reports: int) -> None:
    """Write a desk, open it five times, and search in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        desk = Path(name) / "desk"
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
        extremes = f"{min(opened):.2f} to {max(opened):.2f}"
        print(f"  opens in {statistics.median(opened):.2f} s ({extremes})")
        tab.locator("#findings-tab").click()
        for query in QUERIES:
            searches = [tab.evaluate(SEARCH, query) for _ in range(5)]
            _, findings = searches[0]
            print(
                f"  {query}: {findings} in {spread([milliseconds for milliseconds, _ in searches])}"
            )
        sizes = sorted(path.stat().st_size for path in (desk / "data").iterdir())
        index_size = (desk / "index.html").stat().st_size
        data = f"data {sum(sizes):,}, largest {sizes[-1]:,}"
        print(f"  index.html {index_size:,} bytes; {data}")


def main() -> None:
    """Measure desks of as many reports as the arguments say."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=int, nargs="*", help="numbers of reports")
    parser.add_argument("--decisions", type=int, default=10_000, help="findings that are checked")
    arguments = parser.parse_args()
    print(environment_line(describe_environment()))
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for number in arguments.reports:
            measure(chromium, number)
        measure_keys(chromium, arguments.decisions)


if __name__ == "__main__":
    main()
