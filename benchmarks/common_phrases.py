"""Make the table of phrases that recur in many countries' reports.

    python benchmarks/common_phrases.py PASSAGES.jsonl[.gz]

Rows have ``text`` and ``source``, whose last part is the country: ``hrr/2019/karvonia.html``. The
table holds hashes and counts, no text. It goes to the package, where reports fold such sentences.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tipclassify.reports import common_phrases

TABLE = Path(common_phrases.__file__).with_name("common_phrases.npz")


def read_passages(file: Path) -> Iterator[tuple[str, str]]:
    """Yield country and text of each row that is no row of a table."""
    open_text = gzip.open if file.suffix == ".gz" else open
    with open_text(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if " | " not in row["text"]:
                yield Path(row["source"]).stem.lower(), row["text"]


if __name__ == "__main__":
    count = common_phrases.write_common_phrases(read_passages(Path(sys.argv[1])), TABLE)
    print(f"{count:,} phrases in {TABLE}")
