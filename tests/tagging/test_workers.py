"""Several processes give what one gives, in order, and hold back when nobody takes the results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from tipclassify.errors import TipclassifyError
from tipclassify.tagging.workers import AHEAD, map_in_order


def _halved(number: int) -> int:
    """Return half of an even number."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def _ends_others(process: int) -> int:
    """Return in the process given, and end any other."""
    if os.getpid() != process:
        os._exit(3)
    time.sleep(0.05)
    return process


def _where(_: int) -> int:
    """Return the number of the process that works on this task."""
    time.sleep(0.02)
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_their_tasks(jobs: int) -> None:
    assert list(map_in_order(_halved, range(0, 80, 2), jobs)) == list(range(40))


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_comes_out_in_its_turn(jobs: int) -> None:
    results = map_in_order(_halved, [0, 2, 4, 6, 9, 10], jobs)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="9 is odd"):
        next(results)


def _long(length: int) -> str:
    """Return a text of this length."""
    return "é" * length


def test_results_of_megabytes_come_whole() -> None:
    four = (3_000_000, 10, 70_000, 1_500_000)
    lengths = [*four, *four, *four]
    assert list(map(len, map_in_order(_long, lengths, 2))) == lengths


def test_a_slow_taker_holds_the_tasks_back() -> None:
    drawn = 0

    def tasks() -> Iterator[int]:
        nonlocal drawn
        for number in range(0, 2_000, 2):
            drawn += 1
            yield number

    results = map_in_order(_halved, tasks(), 2)
    for taken in range(1, 40):
        assert next(results) == taken - 1
        if taken in (1, 20):
            time.sleep(0.5)  # a process that went on by itself would have done them all
        assert drawn <= taken + 2 * AHEAD
    results.close()  # type: ignore[attr-defined]


def test_all_processes_work_and_a_single_task_starts_one() -> None:
    results = map_in_order(_where, [1], 4)
    process = next(results)
    assert [child.pid for child in multiprocessing.active_children()] == [process]
    assert list(results) == []
    worked = set(map_in_order(_where, range(200), 2))
    assert len(worked) == 2
    assert os.getpid() not in worked
    assert not multiprocessing.active_children()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_processes_that_start_do_not_hear_the_keyboard() -> None:
    # ignored where these tests run in the background of a shell
    before = signal.getsignal(signal.SIGINT)
    results = map_in_order(_where, range(200), 3)
    next(results)
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGINT)  # type: ignore[arg-type]
    assert len(set(results)) > 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_process_that_dies_is_reported_in_one_line() -> None:
    parents = [os.getpid() for _ in range(500)]
    with pytest.raises(TipclassifyError, match="a worker process died"):
        list(map_in_order(_ends_others, parents, 2))
