#!/usr/bin/env python3
"""How long a new user takes from nothing to a first saved correction: ``python benchmarks/first_correction.py``.

Clones the project, makes an empty environment, installs the extra "review" there, opens a sample report on the review page in
Chromium, presses one key, waits until the page says "Saved" and until the decision stands in the file. Prints a Markdown table of
the seconds of each step: those of the machine, not of the person, who has about ten words to read on the way. Needs git,
Playwright and a Chromium on the path. Downloads come from pip's cache where it has them; ``--no-cache`` fetches them anew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = "data/samples/karvonia-2024.html"


def main() -> None:
    """Take the steps and print what each took."""
    from playwright.sync_api import sync_playwright

    found: list[tuple[str, float]] = []
    begun = time.perf_counter()

    def step(name: str) -> None:
        nonlocal begun
        now = time.perf_counter()
        found.append((name, now - begun))
        begun = now

    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clone, python = Path(folder) / "tipclassify", Path(folder) / ".venv" / "bin" / "python"
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        begun = time.perf_counter()  # the user has a browser open
        subprocess.run(["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), clone], check=True)
        step("git clone (from the disk)")
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        step("python -m venv")
        cache = ["--no-cache-dir"] if "--no-cache" in sys.argv else []
        subprocess.run([python, "-m", "pip", "install", "--quiet", *cache, ".[review]"], cwd=clone, check=True)
        step("pip install '.[review]'")
        command = [python.with_name("tipclassify"), "review", REPORT, "--corpus", "my.jsonl", "--no-browser"]
        server = subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout
            link = server.stdout.readline().strip()
            step("tipclassify review: the link is printed")
            tab = browser.new_page()
            tab.goto(link)
            tab.locator("#here .facts").wait_for()
            step("the page shows the first passage")
            tab.keyboard.press("f")
            while not tab.locator("#saved").inner_text().startswith("Saved "):
                tab.wait_for_timeout(5)
            step('one key: the page says "Saved"')
            rows = [json.loads(line) for line in (clone / "my.jsonl").read_text("utf-8").splitlines()]
            assert len(rows) == 1, rows
            assert set(rows[0]["labels"]) ^ set(rows[0]["model_labels"]) == {"failure"}, rows
            step("the correction stands in my.jsonl")
        finally:
            server.terminate()
            server.wait()
            browser.close()
    print("| step | seconds |\n| --- | ---: |")
    for name, seconds in [*found, ("**all**", sum(seconds for _, seconds in found))]:
        print(f"| {name} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
