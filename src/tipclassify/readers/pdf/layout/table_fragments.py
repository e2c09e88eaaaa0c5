"""Put a table in place of the fragments that are its cells, or a drawing's labels."""

from __future__ import annotations

from collections.abc import Sequence

from tipclassify.readers.pdf.layout.pages import PdfFragment, PdfWord, Table

__all__ = ["replace_by_table_fragment"]


def replace_by_table_fragment(
    fragments: Sequence[PdfFragment], inside: Sequence[PdfFragment], table: Table
) -> list[PdfFragment]:
    """Put one fragment with a table in place of those inside, on the baseline of its first row."""
    first = min(inside, key=lambda f: f.y)
    x0 = min(f.x0 for f in inside)
    x1 = max(f.x1 for f in inside)
    table_fragment = PdfFragment(
        order=min(f.order for f in inside),
        words=(PdfWord("|", x0, x1, first.y, first.size),),
        x0=x0,
        x1=x1,
        y=first.y,
        size=first.size,
        table=table,
        bottom=max(f.y for f in inside),
    )
    inside_ids = {id(f) for f in inside}
    others = [f for f in fragments if id(f) not in inside_ids]
    return sorted([*others, table_fragment], key=lambda f: f.order)
