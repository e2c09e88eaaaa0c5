"""A bar that says how far a training is: by what ended, and never ahead of it."""

from __future__ import annotations

import pytest

from tipclassify.review.learning import _COMPARING, _DETECTORS, _INTERVALS, _fits_of, _shares
from tipclassify.review.pacing import Pace


class Clock:
    """The seconds that `time.monotonic` gives."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("tipclassify.review.pacing.time.monotonic", lambda: found.now)
    return found


def test_steps_move_it_and_between_them_the_clock_does(clock: Clock) -> None:
    told: list[tuple[str, float]] = []
    pace = Pace(lambda *what: told.append(what), {"fits": 0.8, "card": 0.2}, expected=100)
    clock.now = 20.0
    pace._say()
    assert told[-1] == ("fits", pytest.approx(0.2))  # a quarter of the 80 seconds that were guessed
    pace.step("fits", 2, 4)
    assert told[-1] == ("fits (2 of 4)", pytest.approx(0.4))
    clock.now = 25.0  # half of what a step has taken so far
    pace._say()
    assert told[-1][1] == pytest.approx(0.8 * 2.5 / 4)
    pace.step("fits", 4, 4)
    pace.begin("card")
    assert told[-1] == ("card", pytest.approx(0.8))


def test_a_step_that_takes_long_holds_it_up(clock: Clock) -> None:
    told: list[float] = []
    for at_once in (1, 2):
        pace = Pace(lambda _, done: told.append(done), {"fits": 1.0}, at_once, expected=10)
        pace.begin("fits", 4)
        clock.now += 1_000
        pace._say()
        assert told[-1] < at_once / 4
        pace.step("fits", 1, 4)
        clock.now += 100_000
        pace._say()
        assert 1 / 4 < told[-1] < (1 + at_once) / 4


def test_it_never_goes_back(clock: Clock) -> None:
    told: list[float] = []
    pace = Pace(lambda _, done: told.append(done), {"a": 0.5, "b": 0.5}, 2, expected=5)
    for part in ("a", "b"):
        pace.begin(part)
        for done in range(7):
            clock.now += 3.0 * (done % 3)
            pace.step(part, done, 6)
            clock.now += 0.7
            pace._say()
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("detectors", [True, False])
def test_parts_follow_each_other_and_take_the_whole_time(clock: Clock, compared: bool, detectors: bool) -> None:
    shares = _shares(compared, detectors)
    assert sum(shares.values()) == pytest.approx(1)
    assert (_COMPARING in shares, _DETECTORS in shares) == (compared, detectors)
    told: list[str] = []
    pace = Pace(lambda what, _: told.append(what.partition(" (")[0]), shares)
    for parts, fits in ((list(shares)[:2] if compared else [], 18), (list(shares)[2 * compared :], 15)):
        progress = _fits_of(pace, parts)
        for _ in parts[:-1]:  # the last, intervals or files, counts no fits
            for done in range(1, fits + 1):
                clock.now += 1
                progress(done, fits)
    assert list(dict.fromkeys(told)) == list(shares)
    assert (_INTERVALS in told) == compared
