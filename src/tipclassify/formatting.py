"""Format values as text that is safe to print and to write.

Aligned columns, single lines, JSON lines, CSV cells.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_DEEPEST: Final = 100
_MOST_DIGITS: Final = 18  # a whole number fits in 64 bits
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# readers stop at NUL; spreadsheets drop others
_NOT_IN_CSV: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# controls but tab and line break
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_FORMULA: Final = re.compile(r"[\t\r\n]|[\s\ufeff\ufffd]*[=+\-@＝＋－＠]")
# Where Excel reads a file by semicolons or tabs, our quotation marks hold nothing together, not
# even lines.
_CELL: Final = r"([;\t\r\n](?:[^\S\t\r\n]|[\ufeff\ufffd\"])*)"
_INNER_FORMULA: Final = re.compile(rf"{_CELL}(?='*[=+\-@＝＋－＠])")
_GUARD: Final = re.compile(rf"\A'(?='*(?:{_FORMULA.pattern}))|{_CELL}'(?='*[=+\-@＝＋－＠])")
# Line breaks to some readers, or not encodable in UTF-8.
_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# json.dumps would build one for every row
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def format_columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Align columns, one line a row: the first `left` flush left, the others flush right.

    >>> format_columns([("label", "F1"), ("failure", "0.9")])
    ['label     F1', 'failure  0.9']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def format_value(value: object) -> str:
    """Format a value for a table: floats to three decimals, counts with commas, lists joined.

    >>> values = (0.25, float("nan"), 12_000, ("failure",), (), "two\\n lines")
    >>> [format_value(value) for value in values]
    ['0.250', '–', '12,000', 'failure', '(none)', 'two lines']
    """
    if isinstance(value, float):
        return format_figure(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(value) or "(none)"
    return " ".join(str(value).split())


def format_figure(value: float, form: str = ".3f") -> str:
    """Format a figure: NaN, which is undefined, as a dash, and what rounds to 0 without a minus.

    >>> format_figure(float("nan")), format_figure(0.1234, ".1%"), format_figure(-0.0001, "+.3f")
    ('–', '12.3%', '+0.000')
    """
    if math.isnan(value):
        return "–"
    text = f"{value:{form}}"
    is_zero = not text.strip("+-0.%")
    return text.replace("-", "+" if "+" in form else "") if is_zero else text


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Format rows as a Markdown table; the first row is the header.

    >>> print(markdown_table([("label", "F1"), ("failure", "0.9")]))
    | label | F1 |
    | --- | --- |
    | failure | 0.9 |
    """
    heading, *others = rows
    rule = ["---" for _ in heading]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, rule, *others))


def is_formula(text: str) -> bool:
    """Test whether a spreadsheet might evaluate the text as a formula (CWE-1236).

    >>> is_formula(" ＝HYPERLINK(A1)"), is_formula("A = B")
    (True, False)
    """
    return _FORMULA.match(text) is not None


def csv_cell(value: object) -> object:
    """Format a value as a CSV cell: lists joined by ``;``, with ``'`` before formulas.

    A formula may also begin after ``;``, a tab or a line break (`_CELL`).

    >>> csv_cell(["failure", "complicity"]), csv_cell(True), csv_cell("=1+1"), csv_cell("a;=1+1")
    ('failure;complicity', 'true', "'=1+1", "a;'=1+1")
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ";".join(value)
    if not isinstance(value, str):
        return value
    text = _NOT_IN_CSV.sub("\ufffd", value)
    text = _INNER_FORMULA.sub(r"\1'", text)
    return "'" + text if is_formula(text.lstrip("'")) else text


def unformat_csv_cell(cell: str) -> str:
    """Return the text of a cell that `csv_cell` made, without the ``'`` before formulas.

    >>> unformat_csv_cell("'=1+1"), unformat_csv_cell("a;'=1+1"), unformat_csv_cell("'Police'")
    ('=1+1', 'a;=1+1', "'Police'")
    """
    return _GUARD.sub(r"\1", cell)


def one_line(text: str) -> str:
    """Format text for one line: white space collapsed, control characters as ``\\ufffd``.

    >>> one_line("two\\n  lines \\x1b[31m")
    'two lines �[31m'
    """
    return _CONTROL.sub("\ufffd", " ".join(text.split()))


def for_terminal(text: str) -> str:
    """Format text for a terminal: control characters, which could steer it, as ``\\ufffd``.

    Tabs and line breaks stay.

    >>> for_terminal("two\\n lines \\x1b[31m")
    'two\\n lines �[31m'
    """
    return _UNSEEN.sub("\ufffd", text)


def json_line(row: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    r"""Serialise a row as a line of JSON with its line break; NaN and infinities become null.

    >>> json_line({"text": "café", "score": float("nan")})
    '{"text": "café", "score": null}\n'
    """
    try:
        line = _ENCODER.encode(row)
    except ValueError:  # an input row may hold NaN, which Python reads and JSON forbids
        line = _ENCODER.encode(json.loads(json.dumps(row), parse_constant=lambda _: None))
    if not line.isprintable():
        line = escape_line_breaks(line)
    return line + "\n"


def escape_line_breaks(written: str) -> str:
    """Escape what JSON may hold raw, but some readers take for a line break or cannot encode."""
    return _NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", written)


def load_json(data: bytes | str, *, strict: bool = True) -> Any:  # as `json.loads`
    """Parse one JSON value; `strict` refuses numbers that are not finite or do not fit in 64 bits.

    >>> load_json('{"passages": 24}')
    {'passages': 24}

    Raises
    ------
    ValueError
        When it is not UTF-8, not JSON, nested over 100 deep, or has such a number.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    number = _parse_bounded_json_number if strict else None
    try:
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > _DEEPEST and _is_json_nested_deeper(value, _DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _is_json_nested_deeper(value: object, depth: int) -> bool:
    """Test whether a JSON value is nested over `depth` deep."""
    level = [value]
    for _ in range(depth + 1):
        inner: list[object] = []
        for member in level:
            if isinstance(member, dict):
                inner += member.values()
            elif isinstance(member, list):
                inner += member
        level = inner
    return bool(level)


def _parse_bounded_json_number(written: str) -> int | float:
    digits = written.lstrip("-")
    if digits.isdigit():
        if len(digits) > _MOST_DIGITS:
            raise ValueError(f"a number of {len(digits)} digits")
        return int(written)
    value = float(written)
    if not math.isfinite(value):
        raise ValueError(f"{written:.20} is no finite number")
    return value


def format_numbers(noun: str, numbers: Sequence[int]) -> str:
    """List the numbers of things in words, ten at most.

    >>> format_numbers("row", [3]), format_numbers("page", range(2, 14))
    ('row 3', 'pages 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more')
    """
    nouns = f"{noun}s" if len(numbers) > 1 else noun
    more = f" and {len(numbers) - 10:,} more" if len(numbers) > 10 else ""
    return f"{nouns} {', '.join(map(str, numbers[:10]))}{more}"


def count_with_noun(number: int, name: str) -> str:
    """Format a number of things.

    >>> count_with_noun(1, "sentence"), count_with_noun(2_000, "table row")
    ('1 sentence', '2,000 table rows')
    """
    return f"{number:,} {name}{'' if number == 1 else 's'}"
