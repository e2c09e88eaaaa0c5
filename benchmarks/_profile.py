"""Own time of every function of tipclassify: a clock around each, so that a call costs a microsecond and no more.

The clock is that of the processor's work for us, which does not run while others have the core.

``cProfile`` looks at each call of Python and numpy and makes small ones look large.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from time import thread_time
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tipclassify.model_file import Model


@contextmanager
def own_seconds(package: str = "tipclassify") -> Iterator[dict[str, tuple[float, int]]]:
    """Function → (seconds without those of other functions of `package` that it called, calls), filled meanwhile."""
    found: dict[str, tuple[float, int]] = {}
    inner: list[float] = [0.0]  # for each call under way, seconds of what it called

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        name = f"{function.__module__.removeprefix(package + '.')}.{function.__qualname__}"

        def leave(start: float, calls: int) -> None:
            took = thread_time() - start
            own, before = found.get(name, (0.0, 0))
            found[name] = own + took - inner.pop(), before + calls
            inner[-1] += took

        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            inner.append(0.0)
            start = thread_time()
            try:
                return function(*args, **options)
            finally:
                leave(start, 1)

        @wraps(function)
        def steps(*args: Any, **options: Any) -> Iterator[Any]:
            running = function(*args, **options)
            for number in range(sys.maxsize):
                inner.append(0.0)
                start = thread_time()
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


def least_seconds(model: Model, texts: Sequence[str], runs: int = 5) -> dict[str, float]:
    """What numpy takes for the passes alone that these features and detectors cannot do without, all else being free.

    Bytes of the texts → words → their numbers; three pairs of each word and one table of single words looked up and added;
    three and five rows of answers gathered for each word, added, and the best of each passage kept.
    """
    import numpy as np

    from tipclassify.characters import SPACE
    from tipclassify.layout import layout_of
    from tipclassify.tokens import read_words

    read = read_words(texts, model.vocabulary)
    layout = layout_of(read)
    words = model.lookup.by_word(read.met)
    table, n = model.lookup.table, len(read.number)
    pair = words.stem_head.take(read.number[:-1]) + words.stem_tail.take(read.number[1:])
    places = (pair >> np.uint64(44)).view(np.int64)
    power = np.ones(1 << 14, np.uint64)

    def characters() -> None:
        code = np.frombuffer("\n".join(texts).encode().translate(bytes(range(256))), np.uint8)
        inside = code > SPACE
        edges = (inside[1:] != inside[:-1]).nonzero()[0]
        for at in range(0, len(code), len(power)):
            part = code[at : at + len(power)]
            np.add.accumulate(part * power[: len(part)])
        power.take(edges & 0x3FFF)

    def single() -> None:
        words.single.take(read.number)
        read.met.columns.bits.take(read.number)
        words.acted.reshape(-1).take(read.number)

    def pairs() -> None:
        for _ in range(3):
            (words.stem_head.take(read.number)[1:] + words.stem_tail.take(read.number)[:-1]) >> np.uint64(44)
            table.take(places)

    clocks: dict[str, Callable[[], None]] = {"characters": characters, "single words": single, "pairs": pairs}
    if model.windows is not None:
        sort = model.windows.vectors.sort_of_row(words.vector.take(read.number), layout.kind, layout.opens)
        which, tables = model.windows._answers.of(sort)
        rows = which.astype(np.int64)
        lengths = np.diff(np.append(read.begin, n))
        many, longest = max(1, 2_048 // int(lengths.mean())), int(lengths.mean())  # as if all were of one length

        def detectors() -> None:
            for at in range(0, n - many * longest, many * longest):
                here = rows[at : at + many * longest]
                for of_width in tables:
                    total = of_width[0].take(here, axis=0)
                    for one in of_width[1:]:
                        total += one.take(here, axis=0)
                    total.reshape(longest, -1).max(axis=0)

        clocks["detectors"] = detectors
    return {name: min(worked(clock) for _ in range(runs)) for name, clock in clocks.items()}


def worked(call: Callable[[], object]) -> float:
    """Seconds that the processor works on a call."""
    start = thread_time()
    call()
    return thread_time() - start
