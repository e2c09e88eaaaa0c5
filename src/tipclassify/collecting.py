"""Growing a labelled corpus: add rows, say what is in it, and part it without near twins on both sides.

Rows that `corpus.read_rows` has checked come in. Nothing here writes: the command line does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tipclassify.corpus import Row, group_rows, joined, text_key
from tipclassify.errors import CorpusError
from tipclassify.evaluation import aligned
from tipclassify.labels import LABELS
from tipclassify.nearness import LEAKED, near_pairs

__all__ = ["Addition", "NearDuplicate", "add_rows", "corpus_stats", "split_rows", "stats_table"]

_NONE: Final = "(none)"
_MOST: Final = 12  # lines of a part of the table; the rest is counted


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A new row that says nearly what another row says."""

    id: str
    other: str
    similarity: float
    labels: tuple[str, ...]
    other_labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """What of new rows is to be added.

    Attributes
    ----------
    rows : list of row
        The new ones, with ids that are free.
    repeated : list of (id, id)
        New rows whose text and labels are there already, and which row that is: left out.
    renamed : list of (id, id)
        Ids that were taken by another text, and those given instead.
    near : list of NearDuplicate
        Rows that are added although they say nearly what another says: reasons to look.
    """

    rows: list[Row]
    repeated: list[tuple[str, str]]
    renamed: list[tuple[str, str]]
    near: list[NearDuplicate]


def add_rows(there: Sequence[Row], new: Sequence[Row]) -> Addition:
    """Tell new rows from those that are there, or from each other.

    Raises
    ------
    CorpusError
        When a text is there with other labels: which ones hold is for a person to say.
    """
    first = {text_key(row["text"]): row for row in reversed(there)}
    taken = {str(row["id"]) for row in there}
    rows: list[Row] = []
    repeated: list[tuple[str, str]] = []
    renamed: list[tuple[str, str]] = []
    problems = []
    for row in new:
        if (known := first.get(text_key(row["text"]))) is not None:
            if set(known["labels"]) != set(row["labels"]):
                here, earlier = (", ".join(one["labels"]) or "no label" for one in (row, known))
                problems.append(f"{row['id']}: {here}, but {known['id']}, the same text, has {earlier}; settle one")
            else:
                repeated.append((row["id"], known["id"]))
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
    return Addition(rows, repeated, renamed, _near(there, rows))


def _near(there: Sequence[Row], rows: Sequence[Row]) -> list[NearDuplicate]:
    every = [*there, *rows]
    found = []
    for i, j, similarity in near_pairs([row["text"] for row in every], LEAKED):
        if j >= len(there):  # i < j: the later one is new
            one, other = every[j], every[i]
            found.append(
                NearDuplicate(
                    one["id"], other["id"], round(similarity, 4), tuple(one["labels"]), tuple(other["labels"])
                )
            )
    return sorted(found, key=lambda pair: (-pair.similarity, pair.id, pair.other))


# --------------------------------------------------------------------------------------------- splitting


def split_rows(rows: Sequence[Row], share: float = 0.2, seed: int = 0) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and about a `share` of them to test on, both in their old order.

    Groups (narratives, pairs, equal texts) are never parted, nor are near twins of different groups.

    Raises
    ------
    CorpusError
        When no split leaves rows on both sides.
    """
    if not 0 < share < 1:
        raise CorpusError([f"share is {share:g}: give a number between 0 and 1, such as 0.2"])
    near = ((i, j) for i, j, _ in near_pairs([row["text"] for row in rows], LEAKED))
    groups = joined(group_rows(rows), near)
    size = Counter(groups)
    names = sorted(size)
    wanted = share * len(rows)
    test: set[int] = set()
    held = 0
    for number in np.random.default_rng(seed).permutation(len(names)).tolist():
        if abs(held + size[names[number]] - wanted) < abs(held - wanted):  # nearer to the share with it than without
            test.add(names[number])
            held += size[names[number]]
    if not held or held == len(rows):
        raise CorpusError(
            [
                f"{len(rows):,} passages cannot be parted at {share:g}: near twins, and passages of one document, stay "
                f"together, and there {'is 1 group' if len(names) == 1 else f'are {len(names):,} groups'} only; add others"
            ]
        )
    parted = (
        [row for row, group in zip(rows, groups, strict=True) if (group in test) is side] for side in (False, True)
    )
    train, tested = parted
    return train, tested


# --------------------------------------------------------------------------------------------- counting


def corpus_stats(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Plain values: one row for all passages, then one a label, set of labels, section and source, then lengths."""
    groups, docs = group_rows(rows), {str(row["doc"]) for row in rows if row.get("doc")}
    pairs = {str(row["pair"]) for row in rows if row.get("pair")}
    whole = {"passages": len(rows), "groups": len(set(groups)), "docs": len(docs), "pairs": len(pairs)}
    yield {"part": "corpus", **whole, "largest_group": max(Counter(groups).values())}
    named = {label: sum(label in row["labels"] for row in rows) for label in LABELS}
    named[_NONE] = sum(not row["labels"] for row in rows)
    for label, count in named.items():
        yield {"part": "label", "name": label, "passages": count, "share": round(count / len(rows), 4)}
    sets = Counter(" + ".join(row["labels"]) or _NONE for row in rows)
    for part, counts in (("labels", sets), *((name, _counted(rows, name)) for name in ("section", "source"))):
        for name, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
            yield {"part": part, "name": name, "passages": count, "share": round(count / len(rows), 4)}
    for unit, lengths in (
        ("words", [len(row["text"].split()) for row in rows]),
        ("characters", [len(row["text"]) for row in rows]),
    ):
        marks = np.quantile(lengths, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1))
        names = ("least", "p5", "p25", "median", "p75", "p95", "most")
        yield {"part": "length", "name": unit, **{n: round(float(v), 1) for n, v in zip(names, marks, strict=True)}}


def _counted(rows: Sequence[Row], field: str) -> Counter[str]:
    return Counter(str(row.get(field) or _NONE) for row in rows)


def stats_table(found: Sequence[dict[str, Any]]) -> str:
    """The same as aligned plain text."""
    whole, *others = found
    parts = [
        f"{whole['passages']:,} passages in {whole['groups']:,} groups (largest {whole['largest_group']:,}): "
        f"{whole['docs']:,} documents, {whole['pairs']:,} sets of near twins"
    ]
    for part, title in (("label", "label"), ("labels", "set of labels"), ("section", "section"), ("source", "source")):
        lines = [row for row in others if row["part"] == part]
        cells = [(_line(row["name"]), f"{row['passages']:,}", f"{row['share']:.1%}") for row in lines[:_MOST]]
        rest = [(f"{len(lines) - _MOST:,} more", f"{sum(row['passages'] for row in lines[_MOST:]):,}", "")]
        parts.append("\n".join(aligned([(title, "passages", "share"), *cells, *(rest if len(lines) > _MOST else [])])))
    lengths = [row for row in others if row["part"] == "length"]
    columns = [name for name in lengths[0] if name not in ("part", "name")]
    cells = [(row["name"], *(f"{row[name]:g}" for name in columns)) for row in lengths]
    parts.append("\n".join(aligned([("length in", *columns), *cells])))
    return "\n\n".join(parts)


def _line(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= 60 else shown[:59] + "…"
