#!/usr/bin/env python3
"""Fit and measure the table of kinds of text.

    python benchmarks/kinds.py --learn FILE… --measure FILE… [--write]

In: ``.jsonl`` or ``.jsonl.gz`` files of real passages (``text``; ``source``; ``genre`` where the
source does not say the kind). Out: for each kind, how many documents of the files to measure on are
named rightly, wrongly, or not at all; with ``--write`` the table of the package,
``text/kinds.json``: words and numbers, no sentence.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypedDict

import numpy as np
import typer
from _measure import ROOT, markdown

from tipclassify.text import kinds as kinds_of_text
from tipclassify.text.kinds import WORD, KindTable, words_of

FILE = ROOT / "src" / "tipclassify" / "text" / "kinds.json"
KINDS = {
    "hrr": "human-rights reports",
    "country reports": "human-rights reports",
    "dol": "Department of Labor reports",
    "factbook": "World Factbook entries",
    "world factbook": "World Factbook entries",
    "un_": "United Nations documents",
    "parliament": "parliaments' debates",
    "us_whitehouse": "governments' press releases",
    "us_treasury": "governments' press releases",
    "us_code": "statutes",
    "company": "companies' statements",
}  # by the start of a row's genre, else of its source
WORDS = 1_500  # of the table: the most telling of those in 100 passages or more
LEAST = 100
SMOOTHING = 0.5  # added to every count (Lidstone)
CHUNK = 300  # words of the table in the pieces by which a text unlike its kind is recognised
UNLIKE = 0.2  # percent of the pieces of a kind that are less like it


class FittedKinds(TypedDict):
    """The table of the package, as it is written to JSON."""

    names: list[str]
    words: dict[str, list[int]]  # log-probabilities by kind, in hundredths
    lowest_mean: list[float]
    lowest_share: list[float]


def kind_of(row: dict[str, str]) -> str | None:
    """Name the kind of text of a row."""
    name = str(row.get("genre") or row.get("source") or "").lower()
    return next((kind for start, kind in KINDS.items() if name.startswith(start)), None)


def read(files: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Read the rows of files."""
    for file in files:
        open_text = gzip.open if file.suffix == ".gz" else open
        with open_text(file, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def fit(rows: Sequence[dict[str, str]]) -> FittedKinds:
    """Fit the table on rows."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    passages: Counter[str] = Counter()
    for row in rows:
        words = WORD.findall(row["text"])
        counts[str(kind_of(row))].update(words)
        passages.update(set(words))
    names = sorted(counts)
    frequent = [word for word, count in passages.items() if count >= LEAST]
    uses = [[counts[name][word] for name in names] for word in frequent]
    table = np.array(uses, np.float64) + SMOOTHING
    totals = np.array([counts[name].total() for name in names], np.float64)
    shares = table / totals
    # Kullback and Leibler 1951
    divergence = (shares * np.log(shares / shares.mean(axis=1, keepdims=True))).sum(axis=1)
    most_divergent = np.argsort(-divergence, kind="stable")[:WORDS].tolist()
    chosen = sorted(most_divergent, key=lambda at: frequent[at])
    among_chosen = table[chosen] / table[chosen].sum(axis=0)
    hundredths = np.round(100 * np.log(among_chosen)).astype(int).tolist()
    words = dict(zip((frequent[at] for at in chosen), hundredths, strict=True))
    fitted: FittedKinds = {
        "names": names,
        "words": words,
        "lowest_mean": [0.0 for _ in names],
        "lowest_share": [0.0 for _ in names],
    }
    lowest_mean, lowest_share = lowest_values(rows, KindTable.from_json(fitted))
    return {**fitted, "lowest_mean": lowest_mean, "lowest_share": lowest_share}


def lowest_values(
    rows: Sequence[dict[str, str]], table: KindTable
) -> tuple[list[float], list[float]]:
    """Find, for each kind, the values below which almost no piece of it falls.

    They are the mean log-probability, and the share of known words.
    """
    means: dict[str, list[float]] = defaultdict(list)
    shares: dict[str, list[float]] = defaultdict(list)
    for kind, piece in pieces(rows, table):
        sums, known = table.evidence(piece)
        means[kind].append(float(sums[table.names.index(kind)]) / known)
        shares[kind].append(known / piece.total())
    return (
        [round(float(np.percentile(means[name], UNLIKE)), 3) for name in table.names],
        [round(float(np.percentile(shares[name], UNLIKE)), 3) for name in table.names],
    )


def pieces(rows: Iterable[dict[str, str]], table: KindTable) -> Iterator[tuple[str, Counter[str]]]:
    """Join passages of one kind to pieces of text; yield the kind and the words of each."""
    waiting: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        kind = str(kind_of(row))
        waiting[kind].update(words_of([row["text"]]))
        if table.evidence(waiting[kind])[1] >= CHUNK:
            yield kind, waiting.pop(kind)


def measured(rows: Iterable[dict[str, str]], table: KindTable) -> str:
    """Format a table by kind: texts named rightly, unlike all kinds, not named, named wrongly."""
    answers: dict[str, Counter[str | None]] = defaultdict(Counter)
    for kind, piece in pieces(rows, table):
        answers[kind][kinds_of_text.kind_of(piece, table)] += 1
    lines = []
    for kind, named in sorted(answers.items()):
        wrong = named.total() - named[kind] - named[""] - named[None]
        counts = (named.total(), named[kind], named[""], named[None], wrong)
        lines.append([kind, *map(str, counts)])
    return markdown(
        ["kind", "texts", "named rightly", "unlike all", "not named", "named wrongly"], lines
    )


def kinds(
    learn: Annotated[list[Path], typer.Option(help="Files of passages to learn from.")],
    measure: Annotated[list[Path], typer.Option(help="Files of passages to measure on.")],
    write: Annotated[bool, typer.Option("--write", help="Write the table of the package.")] = False,
) -> None:
    """Fit, measure, and write the table."""
    fitted = fit([row for row in read(learn) if kind_of(row)])
    table = KindTable.from_json(fitted)
    print(f"texts of {CHUNK} words of the table, joined from passages of one kind\n")
    print(measured((row for row in read(measure) if kind_of(row)), table))
    if write:
        FILE.write_text(json.dumps(fitted, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(kinds)
