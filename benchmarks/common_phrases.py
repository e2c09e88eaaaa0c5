"""Make the table of phrases that recur in many countries' reports.

    python benchmarks/common_phrases.py PASSAGES.jsonl[.gz]

Rows have ``text`` and ``source``, whose last part is the country: ``hrr/2019/karvonia.html``. The
table holds hashes and counts, no text. It goes to the package, where reports fold such sentences.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tipclassify.reports import findings

TABLE = Path(findings.__file__).with_name("common_phrases.npz")
COUNTRIES = 10  # in whose reports a phrase of the table stands


def read_passages(file: Path) -> Iterator[tuple[str, str]]:
    """Yield country and text of each row that is no row of a table."""
    open_text = gzip.open if file.suffix == ".gz" else open
    with open_text(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if " | " not in row["text"]:
                yield Path(row["source"]).stem.lower(), row["text"]


def write_table(passages: Iterable[tuple[str, str]], table: Path) -> int:
    """Write the table of phrases that recur among pairs of country and text; return its length."""
    countries: defaultdict[int, set[str]] = defaultdict(set)
    for country, text in passages:
        _, phrases = findings.phrase_hashes(text)
        for phrase in phrases:
            countries[phrase].add(country)
    common = sorted(phrase for phrase, where in countries.items() if len(where) >= COUNTRIES)
    counts = [min(len(countries[phrase]), 255) for phrase in common]
    with table.open("wb") as out:
        np.savez_compressed(
            out, phrases=np.array(common, np.uint32), countries=np.array(counts, np.uint8)
        )
    return len(common)


if __name__ == "__main__":
    count = write_table(read_passages(Path(sys.argv[1])), TABLE)
    print(f"{count:,} phrases in {TABLE}")
