"""A row as one line of JSON that every reader of JSON lines takes for one line."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

__all__ = ["json_line"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable


def json_line(row: dict[str, Any]) -> str:
    r"""The row with its line break.

    >>> json_line({"text": "café", "score": float("nan")})
    '{"text": "café", "score": null}\n'
    """
    return _NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", _json(row)) + "\n"


def _json(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:  # an input row may hold NaN, which Python reads and JSON does not know
        return json.dumps(_finite(row), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
