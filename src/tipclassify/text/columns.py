"""Take passages as users hold them: in a list, a generator, or a column of pandas, polars, Arrow or datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tipclassify.text.document import Passage

__all__ = ["as_passages", "column_names", "column_values", "read_passages", "refuse_table"]


def column_names(values: Any) -> list[str] | None:
    """Return the names of a table's columns (pandas, polars, Arrow or datasets); None for anything else."""
    for attribute in ("column_names", "columns"):
        names = getattr(values, attribute, None)
        if names is not None and not isinstance(values, str | bytes | type):
            return [str(name) for name in names]
    return None


def refuse_table(values: Any, name: str) -> None:
    """Raise `TypeError` for a table or a dict of columns, over which a loop would give the names of its columns.

    `name` is that of the argument, for the message.
    """
    names = list(map(str, values)) if isinstance(values, Mapping) else column_names(values)
    if names is None:
        return
    column = "text" if "text" in names or not names else names[0]
    kind = type(values).__name__ if isinstance(values, Mapping) else "table"
    raise TypeError(f"{name} is a {kind}: give the column of texts, such as {name}[{column!r}]")


def column_values(values: Any, name: str) -> list[Any]:
    """Return the elements of a list, a generator or a column of a table as plain Python values.

    Raises `TypeError`, with the argument's `name`, for a bare string, a table, or anything that has no elements.

    >>> column_values((word for word in ("a", "b")), "X")
    ['a', 'b']
    """
    if isinstance(values, list):
        return values
    refuse_table(values, name)
    if isinstance(values, str | bytes | bytearray) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is a bare {type(values).__name__}: give a list of passages")
    for method in ("to_pylist", "to_list", "tolist"):  # Arrow; polars and pandas; numpy
        if hasattr(values, method):
            found = getattr(values, method)()
            if not isinstance(found, list):  # an array without dimensions
                raise TypeError(f"{name} is a bare {type(found).__name__}: give a list of passages")
            return found
    return list(values)


def read_passages(values: Any, name: str) -> Sequence[str | Passage]:
    """Check that all elements are `str` or `Passage`, and return them; raise `TypeError` that names the first other."""
    elements = column_values(values, name)
    for number, element in enumerate(elements):
        if not isinstance(element, str | Passage):
            shown = f"{type(element).__name__}: {element!r:.40}"
            raise TypeError(f"passage {number} is not a str or Passage but {shown}; leave it out")
    return elements


def as_passages(values: Any, name: str = "X") -> list[Passage]:
    """Convert texts to passages without a section; a `Passage` stays as it is. Errors as of `read_passages`.

    >>> [passage.end for passage in as_passages(["Police acted."])]
    [13]
    """
    elements = read_passages(values, name)
    return [Passage(one, 0, len(one)) if isinstance(one, str) else one for one in elements]
