"""Read the training rows of the shipped models: the corpus, and passages of real reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tipclassify.corpus.holdout import source_family
from tipclassify.corpus.rows import Row, read_rows, text_key


def training_rows(data: Sequence[Path], real: Sequence[Path]) -> list[Row]:
    """Read the corpus, and further files of real passages.

    The corpus has its ``real/passages.jsonl``, if that is rebuilt. A duplicate passage under the
    same heading only adds its missing fields. A document named in ``source``
    (``hrr/2020/china.html``) moves to ``doc``, as in the corpus.

    Raises
    ------
    CorpusError
        With one line for every invalid row.
    """
    rows = read_rows(*data)
    known = {_row_key(row): row for row in rows}
    for row in read_rows(*real) if real else []:
        if first := known.get(_row_key(row)):
            first.update({name: value for name, value in row.items() if name not in first})
            continue
        if not row.get("doc") and (family := source_family(str(row.get("source")))):
            row |= {"doc": row["source"], "source": family}
        known[_row_key(row)] = row
        rows.append(row)
    return rows


def _row_key(row: Row) -> tuple[str, str]:
    return text_key(row["text"]), text_key(str(row.get("section") or ""))
