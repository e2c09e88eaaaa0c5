"""Own time of every function of tipclassify: a clock around each, so that a call costs a microsecond and no more.

``cProfile`` looks at each call of Python and numpy and makes small ones look large.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from time import perf_counter
from types import FunctionType
from typing import Any


@contextmanager
def own_seconds(package: str = "tipclassify") -> Iterator[dict[str, tuple[float, int]]]:
    """Function → (seconds without those of other functions of `package` that it called, calls), filled meanwhile."""
    found: dict[str, tuple[float, int]] = {}
    inner: list[float] = [0.0]  # for each call under way, seconds of what it called

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        name = f"{function.__module__.removeprefix(package + '.')}.{function.__qualname__}"

        def leave(start: float, calls: int) -> None:
            took = perf_counter() - start
            own, before = found.get(name, (0.0, 0))
            found[name] = own + took - inner.pop(), before + calls
            inner[-1] += took

        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            inner.append(0.0)
            start = perf_counter()
            try:
                return function(*args, **options)
            finally:
                leave(start, 1)

        @wraps(function)
        def steps(*args: Any, **options: Any) -> Iterator[Any]:
            running = function(*args, **options)
            for number in range(sys.maxsize):
                inner.append(0.0)
                start = perf_counter()
                try:
                    value = next(running)
                except StopIteration:
                    return
                finally:
                    leave(start, int(number == 0))
                yield value

        return steps if isgeneratorfunction(function) else call

    changed: list[tuple[Any, str, Any]] = []
    new: dict[FunctionType, Callable[..., Any]] = {}
    homes = [module for name, module in list(sys.modules.items()) if f"{name}.".startswith(f"{package}.")]
    classes = [
        one
        for home in homes
        for one in vars(home).values()
        if isinstance(one, type) and one.__module__.startswith(package)
    ]
    for home in dict.fromkeys([*homes, *classes]):
        for name, value in list(vars(home).items()):
            if isinstance(value, FunctionType) and value.__module__.startswith(package) and not name.startswith("__"):
                new.setdefault(value, clocked(value))
                changed.append((home, name, value))
                setattr(home, name, new[value])
    try:
        yield found
    finally:
        for home, name, value in changed:
            setattr(home, name, value)
