#!/usr/bin/env python3
"""How quick it is, as ratios against peers in one run: ``python benchmarks/speed.py [PAGE.html ...]``.

Whole processes, in turn, so that a machine whose speed drifts changes both alike: ``import tipclassify`` and a first ``classify`` against
``import sklearn``; then, in this process, scoring against scikit-learn's TF-IDF + logistic regression on the same passages, and pages read a
second where pages are given.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7


def main() -> None:
    """Print the table."""
    commands = {
        "python -c pass": "pass",
        "import tipclassify": "import tipclassify",
        "first classify": "from tipclassify import classify; classify('The government did not convict any traffickers.')",
        "tipclassify --help": "import sys; sys.argv = ['tipclassify', '--help']; from tipclassify.__main__ import main; main()",
    }
    print("| whole process | seconds | ratio to import sklearn |\n| --- | --- | --- |")
    for name, code in commands.items():
        own, peer = zip(*((process(code), process("import sklearn")) for _ in range(RUNS)), strict=True)
        ratio = statistics.median(a / b for a, b in zip(own, peer, strict=True))
        print(f"| {name} | {statistics.median(own):.2f} | {ratio:.2f} |")
    print(f"\n| in one process | a second | ratio |\n| --- | --- | --- |\n{scoring()}")
    if pages := [Path(name).read_bytes() for name in sys.argv[1:]]:
        print(f"\nHTML pages read a second, one core: {reading(pages):.0f}")


def process(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def scoring() -> str:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    from tipclassify import Classifier
    from tipclassify.corpus import read_rows
    from tipclassify.estimator import as_indicator

    rows = read_rows(ROOT / "data")
    texts = [row["text"] for row in rows]
    peer = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), OneVsRestClassifier(LogisticRegression(C=10)))
    peer.fit(texts, as_indicator([row["labels"] for row in rows]).astype(int))
    own = Classifier.load()
    own.predict_proba(texts[:100])
    ours, theirs = (per_second(score, texts) for score in (own.predict_proba, peer.predict_proba))
    return f"| passages scored | {ours:,.0f} | {ours / theirs:.2f} of TF-IDF (1-2) + logistic regression |"


def per_second(score: Callable[[list[str]], object], texts: list[str]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        score(texts)
        times.append(time.perf_counter() - start)
    return len(texts) / statistics.median(times)


def reading(pages: list[bytes]) -> float:
    from tipclassify.readers.html import read_html

    def read(_: list[str]) -> None:
        for page in pages:
            read_html(page, "page")

    return per_second(read, [""] * len(pages))


if __name__ == "__main__":
    main()
