"""Rows as lines of JSON that every reader of JSON lines takes for one line each."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

__all__ = ["json_line"]

_NOT_RAW: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # line ends to some readers, or not encodable
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # json.dumps would make one for every row


def json_line(row: dict[str, Any]) -> str:
    r"""Return the row as JSON with its line break; what JSON has no word for, as NaN, is null.

    >>> json_line({"text": "café", "score": float("nan")})
    '{"text": "café", "score": null}\n'
    """
    try:
        line = _ENCODER.encode(row)
    except ValueError:  # an input row may hold NaN, which Python reads and JSON does not know
        line = _ENCODER.encode(_finite(row))
    if not line.isprintable():
        line = _NOT_RAW.sub(lambda char: f"\\u{ord(char[0]):04x}", line)
    return line + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
