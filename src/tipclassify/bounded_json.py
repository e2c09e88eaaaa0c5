"""Parse JSON of unknown origin: bounded in depth and in numbers, so that no later step fails on the values."""

from __future__ import annotations

import json
import math
from typing import Any, Final

__all__ = ["load_json"]

_DEEPEST: Final = 100
_MOST_DIGITS: Final = 18  # a whole number fits in 64 bits


def load_json(data: bytes | str, *, strict: bool = True) -> Any:
    """Parse one JSON value; `strict` refuses numbers that are not finite or do not fit in 64 bits.

    >>> load_json('{"passages": 24}')
    {'passages': 24}

    Raises
    ------
    ValueError
        When it is not UTF-8, not JSON, nested over 100 deep, or has such a number.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    numbers: dict[str, Any] = {"parse_int": _whole, "parse_float": _finite, "parse_constant": _finite} if strict else {}
    try:
        value = json.loads(text, **numbers)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > _DEEPEST:
        level = [value]
        for _ in range(_DEEPEST + 1):
            level = [below for one in level if isinstance(one, dict | list) for below in _below(one)]
        if level:
            raise ValueError("nested too deeply")
    return value


def _below(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value


def _whole(written: str) -> int:
    if len(written.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(written)} digits")
    return int(written)


def _finite(written: str) -> float:
    if not math.isfinite(value := float(written)):
        raise ValueError(f"{written:.20} is no finite number")
    return value
