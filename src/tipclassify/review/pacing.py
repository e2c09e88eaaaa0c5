"""How far a long work is, told every second: by the steps that ended, and between two of them by the clock.

Parts of the work come in with their share of the time; a share of the whole goes out. The clock never runs past the steps that
are under way: a bar that stands still says that something takes longer than expected, not that it is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["Pace"]

_OFTEN: Final = 1.0  # seconds between two tellings
_NEARLY: Final = 0.95  # of the steps under way that the clock may count as done

Tell = Callable[[str, float], None]


class Pace:
    """Tells the way of a work in parts, each of some steps.

    Parameters
    ----------
    tell : callable
        Called with (what is being done, share of the whole), the share never less than before.
    shares : mapping of str to float
        Parts in their order, and what each takes of the whole time; together 1.
    at_once : int
        Steps that run at the same time.
    expected : float
        Seconds that the whole may take: what there is to go by until a first step has ended.

    Examples
    --------
    >>> told = []
    >>> with Pace(lambda *what: told.append(what), {"fits": 0.9, "card": 0.1}) as pace:
    ...     pace.step("fits", 1, 2)
    ...     pace.step("card", 1, 1)
    >>> [(name, round(done)) for name, done in told[-2:]]
    [('fits (1 of 2)', 0), ('card', 1)]
    """

    def __init__(self, tell: Tell, shares: Mapping[str, float], at_once: int = 1, expected: float = 60.0) -> None:
        self._tell = tell
        self._shares = dict(shares)
        self._at_once = at_once
        self._expected = expected
        self._guard = threading.Lock()
        self._began = time.monotonic()
        self._part, self._done, self._total = next(iter(self._shares)), 0, 1
        self._part_began = self._step_ended = self._began
        self._told = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Pace:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, part: str, steps: int = 1) -> None:
        """Say that a part has begun, of so many steps."""
        self.step(part, 0, steps)

    def step(self, part: str, done: int, total: int) -> None:
        """Say that so many steps of a part have ended."""
        with self._guard:
            self._step_ended = time.monotonic()
            if part != self._part:
                self._part_began = self._step_ended
            self._part, self._done, self._total = part, done, total
            self._say()

    def _tick(self) -> None:
        while not self._over.wait(_OFTEN):
            with self._guard:
                self._say()

    def _say(self) -> None:
        names = list(self._shares)
        before = sum(self._shares[name] for name in names[: names.index(self._part)])
        self._told = max(self._told, min(1.0, before + self._shares[self._part] * self._of_part(before)))
        steps = f" ({self._done} of {self._total})" if self._total > 1 else ""
        self._tell(f"{self._part}{steps}", self._told)

    def _of_part(self, before: float) -> float:
        """Share of the part under way that is done."""
        ended = self._done / self._total
        passed = time.monotonic() - self._part_began
        if ended:
            expected = (self._step_ended - self._part_began) / ended
        else:
            whole = (self._part_began - self._began) / before if before else self._expected
            expected = whole * self._shares[self._part]
        under_way = min(self._total, self._done + self._at_once * _NEARLY) / self._total
        return max(ended, min(passed / max(expected, 1e-9), under_way * (_NEARLY if ended < 1 else 1)))
