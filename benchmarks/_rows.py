"""The rows that taught the shipped models: the corpus, and passages of real reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tipclassify.corpus.holdout import source_family
from tipclassify.corpus.loading import Row, read_rows, text_key

__all__ = ["training_rows"]


def training_rows(data: Sequence[Path], real: Sequence[Path]) -> list[Row]:
    """Read the corpus (with its ``real/passages.jsonl``, where that was rebuilt) and further files of real passages.

    A passage that is there already, under the same heading, only adds the fields that it alone has. A row that names
    its document as ``source`` (``hrr/2020/china.html``) gets it as ``doc``, as rows of the corpus have it.

    Raises
    ------
    CorpusError
        With one line for every bad row.
    """
    rows = read_rows(*data)
    there = {_place(row): row for row in rows}
    for row in read_rows(*real) if real else []:
        if first := there.get(_place(row)):
            first.update({name: value for name, value in row.items() if name not in first})
            continue
        if not row.get("doc") and (family := source_family(str(row.get("source")))):
            row |= {"doc": row["source"], "source": family}
        there[_place(row)] = row
        rows.append(row)
    return rows


def _place(row: Row) -> tuple[str, str]:
    return text_key(row["text"]), text_key(str(row.get("section") or ""))
