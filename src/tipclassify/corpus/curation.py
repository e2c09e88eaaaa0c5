"""Curate a corpus: add rows, count them, and split them without near duplicates on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tipclassify.corpus.loading import Row, group_rows, text_key
from tipclassify.corpus.near_duplicates import LEAK_SIMILARITY, near_duplicate_pairs
from tipclassify.errors import CorpusError, UsageError
from tipclassify.formatting import aligned, shown
from tipclassify.labels import LABELS

__all__ = ["Addition", "add_rows", "corpus_stats", "split_rows", "stats_table"]

_NONE: Final = "(none)"
_MAX_LINES: Final = 12  # of each part of the table; the rest is only counted
_QUANTILES: Final = {
    "least": 0,
    "p5": 0.05,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "most": 1,
}


@dataclass(frozen=True, slots=True)
class Addition:
    """Rows to add, with unique ids, and what to report of them."""

    rows: list[Row]
    # ids of rows not added, and of the rows with the same text and labels
    repeated: list[tuple[str, str]]
    renamed: list[tuple[str, str]]  # ids taken by another text, and their replacements
    # added rows, what they nearly duplicate, the similarity: the most similar first
    near: list[tuple[Row, Row, float]]


def add_rows(existing: Sequence[Row], new: Sequence[Row]) -> Addition:
    """Find the rows of `new` that are not among the `existing` ones.

    Raises `CorpusError` when a text exists with other labels, which a person has to settle.
    """
    first = {text_key(row["text"]): row for row in reversed(existing)}
    taken = {str(row["id"]) for row in existing}
    rows: list[Row] = []
    repeated, renamed, problems = [], [], []
    for row in new:
        if known := first.get(text_key(row["text"])):
            if set(known["labels"]) == set(row["labels"]):
                repeated.append((row["id"], known["id"]))
            else:
                here, earlier = (", ".join(one["labels"]) or "no label" for one in (row, known))
                problems.append(
                    f"{row['id']}: {here}, but {known['id']}, the same text, has {earlier}; settle one"
                )
            continue
        name, number = row["id"], 2
        while name in taken:
            name, number = f"{row['id']}-{number}", number + 1
        if name != row["id"]:
            renamed.append((row["id"], name))
            row = {**row, "id": name}
        taken.add(name)
        first[text_key(row["text"])] = row
        rows.append(row)
    if problems:
        raise CorpusError(problems)
    every = [*existing, *rows]
    pairs = near_duplicate_pairs([row["text"] for row in every], LEAK_SIMILARITY)
    # i < j: j is new
    near = [(every[j], every[i], similarity) for i, j, similarity in pairs if j >= len(existing)]
    near.sort(key=lambda pair: (-round(pair[2], 4), pair[0]["id"], pair[1]["id"]))
    return Addition(rows, repeated, renamed, near)


def split_rows(
    rows: Sequence[Row], share: float = 0.2, seed: int = 0
) -> tuple[list[Row], list[Row]]:
    """Split rows into a training set and a test set of about `share`, 0 to 1, each in the original
    order.

    Groups (narratives, pairs, equal texts) and near duplicates are never split. Raises
    `CorpusError` when no split leaves rows on both sides, and `UsageError` for another share.
    """
    if not 0 < share < 1:
        raise UsageError(f"share is {share:g}: give a number between 0 and 1, such as 0.2")
    near = (
        (i, j) for i, j, _ in near_duplicate_pairs([row["text"] for row in rows], LEAK_SIMILARITY)
    )
    groups = group_rows(rows, near)
    size = Counter(groups)
    names = sorted(size)
    wanted, held = share * len(rows), 0
    test: set[int] = set()
    for name in np.random.default_rng(seed).permutation(names).tolist():
        # closer to the share with it than without
        if abs(held + size[name] - wanted) < abs(held - wanted):
            test.add(name)
            held += size[name]
    if not held or held == len(rows):
        what = f"{len(rows):,} passages cannot be parted at {share:g}"
        why = "near twins, and passages of one document, stay together"
        raise CorpusError(
            [f"{what}: {why}, and the number of such groups is {len(names):,}; add others"]
        )
    pairs = list(zip(rows, groups, strict=True))
    return [row for row, group in pairs if group not in test], [
        row for row, group in pairs if group in test
    ]


def corpus_stats(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield corpus statistics: totals, then counts by label, set of labels, section and source,
    then lengths."""
    groups, docs = group_rows(rows), {str(row["doc"]) for row in rows if row.get("doc")}
    pairs = {str(row["pair"]) for row in rows if row.get("pair")}
    whole = {
        "passages": len(rows),
        "groups": len(set(groups)),
        "docs": len(docs),
        "pairs": len(pairs),
    }
    yield {"part": "corpus", **whole, "largest_group": max(Counter(groups).values())}
    named = Counter(label for row in rows for label in row["labels"] or (_NONE,))
    parts = {"label": [(label, named[label]) for label in (*LABELS, _NONE)]}
    names = {"labels": [" + ".join(row["labels"]) or _NONE for row in rows]}
    names |= {
        field: [str(row.get(field) or _NONE) for row in rows] for field in ("section", "source")
    }
    for part, of_rows in names.items():
        parts[part] = sorted(Counter(of_rows).items(), key=lambda entry: (-entry[1], entry[0]))
    for part, counts in parts.items():
        for name, count in counts:
            yield {
                "part": part,
                "name": name,
                "passages": count,
                "share": round(count / len(rows), 4),
            }
    texts = [row["text"] for row in rows]
    for unit, lengths in (
        ("words", [len(text.split()) for text in texts]),
        ("characters", list(map(len, texts))),
    ):
        quantiles = np.quantile(lengths, list(_QUANTILES.values())).tolist()
        yield {
            "part": "length",
            "name": unit,
            **{n: round(v, 1) for n, v in zip(_QUANTILES, quantiles, strict=True)},
        }


def stats_table(found: Sequence[dict[str, Any]]) -> str:
    """Format the statistics as aligned plain text."""
    whole, *others = found
    groups = f"{whole['groups']:,} groups (largest {whole['largest_group']:,})"
    kinds = f"{whole['docs']:,} documents, {whole['pairs']:,} sets of near twins"
    parts = [f"{whole['passages']:,} passages in {groups}: {kinds}"]
    for part, title in (
        ("label", "label"),
        ("labels", "set of labels"),
        ("section", "section"),
        ("source", "source"),
    ):
        lines = [row for row in others if row["part"] == part]
        cells = [(title, "passages", "share")]
        for row in lines[:_MAX_LINES]:
            name = shown(row["name"])
            name = name if len(name) <= 60 else name[:59] + "…"
            cells.append((name, f"{row['passages']:,}", f"{row['share']:.1%}"))
        if rest := lines[_MAX_LINES:]:
            cells.append((f"{len(rest):,} more", f"{sum(row['passages'] for row in rest):,}", ""))
        parts.append("\n".join(aligned(cells)))
    lengths = [
        (row["name"], *(f"{row[name]:g}" for name in _QUANTILES))
        for row in others
        if row["part"] == "length"
    ]
    parts.append("\n".join(aligned([("length in", *_QUANTILES), *lengths])))
    return "\n\n".join(parts)
